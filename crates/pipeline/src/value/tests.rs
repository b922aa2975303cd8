//! What values hold, how they are read, and that none of them uses the stack up.

mod giant;
mod serde;

use proptest::prelude::*;

use super::*;

const ABSENT: &str = "$absent";
const ARTIFACT: &str = "$artifact";
const PLAIN: &str = "$plain";

/// What this program reads of what it wrote.
fn read_again(text: &str) -> Value {
    journal::read(text).unwrap()
}

fn write(value: &Value) -> String {
    serde_json::to_string(value).unwrap()
}

fn clip() -> Artifact {
    Artifact {
        digest: crate::Digest::of(b"x"),
        kind: crate::MediaKind::Video,
        mime: "video/mp4".into(),
        bytes: 1,
        width: Some(640),
        height: Some(360),
        duration: Some(1.25),
        fps: Some(25.0),
        has_audio: Some(false),
    }
}

#[test]
fn an_object_that_looks_like_absence_or_media_stays_an_object_in_a_journal() {
    let digest = Value::from(crate::Digest::of(b"x").to_string());
    let fields = [(ARTIFACT, digest), ("kind", "image".into()), ("mime", "image/png".into())];
    let forged = Value::map(fields.into_iter().chain([("bytes", Value::from(1_u64))]));
    let table = [
        (Value::map([(ABSENT, true.into())]), r#"{"$plain":[["$absent",true]]}"#),
        (Value::map([(ABSENT, true.into()), ("x", Value::Null)]), r#"{"$absent":true,"x":null}"#),
        (Value::map([(PLAIN, Value::Absent)]), r#"{"$plain":[["$plain",{"$absent":true}]]}"#),
        (Value::map([("$ref", "#".into())]), r##"{"$ref":"#"}"##),
    ];
    for (value, expected) in table {
        assert_eq!(write(&value), expected);
        assert_eq!(read_again(expected), value);
    }
    assert_eq!(read_again(&write(&forged)), forged);
}

#[test]
fn absence_and_media_survive_the_journal() {
    let value = Value::map([
        ("clip", Value::from(clip())),
        ("none", Value::Absent),
        ("list", Value::list(vec![Value::Null, Value::from(9_007_199_254_740_993_i64)])),
    ]);
    let text = write(&value);
    assert_eq!(read_again(&text), value);
    assert_eq!(write(&read_again(&text)), text);
}

#[test]
fn foreign_json_is_what_it_looks_like() {
    let artifact = serde_json::to_string(&clip()).unwrap();
    for text in [r#"{"$absent":true}"#, r#"{"$plain":[["a",1]]}"#, artifact.as_str()] {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let plain = Value::from(json.clone());
        assert!(plain.as_map().is_some(), "{text} is {}", plain.phrase());
        assert_eq!(plain.to_json(), json);
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), plain);
        let entries = serde_json::from_str::<Map>(&format!(r#"{{"x":[{text}]}}"#)).unwrap();
        assert_eq!(entries["x"], Value::list(vec![plain.clone()]));
        assert_eq!(read_again(&write(&plain)), plain, "a journal keeps it as it is");
    }
}

fn arb_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Absent),
        Just(Value::Null),
        Just(Value::from(clip())),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let name = prop_oneof![Just(ABSENT), Just(ARTIFACT), Just(PLAIN), Just("a"), Just("b")];
    leaf.prop_recursive(4, 16, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
            prop::collection::vec((name.clone(), inner), 0..3).prop_map(Value::map),
        ]
    })
}

/// The units and the depth of a value, by a walk through all of it.
fn walked(value: &Value) -> (u64, usize) {
    let inside = |parts: Vec<(usize, &Value)>| {
        let found = parts.into_iter().map(|(name, part)| (name, walked(part)));
        found.fold((ITEM_UNITS, 1), |(units, depth), (name, (inner, levels))| {
            (units + name as u64 + inner, depth.max(levels + 1))
        })
    };
    match value {
        Value::Text(text) => (ITEM_UNITS + text.len() as u64, 0),
        Value::List(items) => inside(items.iter().map(|item| (0, item)).collect()),
        Value::Map(entries) => inside(entries.iter().map(|(name, value)| (name.len(), value)).collect()),
        _ => (ITEM_UNITS, 0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn floats_are_read_as_they_were_written(float in any::<f64>()) {
        prop_assert_eq!(read_again(&write(&Value::from(float))), Value::from(float));
    }

    #[test]
    fn what_is_written_is_read_again(value in arb_value()) {
        let text = write(&value);
        let again = read_again(&text);
        prop_assert_eq!(write(&again), text);
        prop_assert_eq!(again, value);
    }

    #[test]
    fn what_a_value_weighs_is_what_a_walk_finds(value in arb_value()) {
        let weight = value.weight();
        prop_assert_eq!((weight.units(), weight.depth() as usize), walked(&value));
    }

    #[test]
    fn a_value_gets_through_serde_as_itself(value in arb_value()) {
        prop_assert_eq!(Value::of(&value).unwrap(), value);
    }

    #[test]
    fn equal_is_what_has_equal_bytes(one in arb_value(), other in arb_value()) {
        prop_assert_eq!(one == other, write(&one) == write(&other));
        prop_assert_eq!(&one, &read_again(&write(&one)));
    }
}
