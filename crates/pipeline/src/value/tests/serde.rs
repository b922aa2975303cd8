//! What programs in Rust give and take.

use std::collections::BTreeMap;

use ::serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Empty,
    Single(u8),
    Pair(i8, char),
    Named { side: f64, name: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(BTreeMap<u8, Vec<Shape>>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Film {
    clip: Artifact,
    #[serde(flatten)]
    more: BTreeMap<String, serde_json::Value>,
    shapes: Wrapped,
    unit: (),
    pair: (u64, i64),
    tagged: Tagged,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is")]
enum Tagged {
    Clip { clip: Artifact },
    Other,
}

fn film() -> Film {
    let shapes =
        vec![Shape::Empty, Shape::Single(7), Shape::Pair(-3, 'ü'), Shape::Named { side: 1.5, name: None }];
    Film {
        clip: clip(),
        more: [("note".to_owned(), json!({"$absent": true, "list": [1, 2.5, null]}))].into(),
        shapes: Wrapped([(3, shapes)].into()),
        unit: (),
        pair: (u64::MAX, i64::MIN),
        tagged: Tagged::Clip { clip: clip() },
    }
}

#[test]
fn what_serde_writes_is_read_again_and_media_stays_media() {
    let value = Value::of(&film()).unwrap();
    assert_eq!(value.get("clip"), Some(&Value::from(clip())));
    assert_eq!(value.get("tagged").unwrap().get("clip"), Some(&Value::from(clip())));
    assert_eq!(value.to_json(), serde_json::to_value(film()).unwrap());
    assert_eq!(value.to::<Film>().unwrap(), film());
}

#[test]
fn json_that_looks_like_media_is_no_media_on_either_side() {
    let forged = serde_json::to_value(clip()).unwrap();
    let value = Value::of(&json!({"clip": forged})).unwrap();
    assert_eq!(value.to_json()["clip"], forged);
    assert!(value.get("clip").unwrap().as_map().is_some());
    #[derive(Debug, Deserialize)]
    struct Taken {
        #[allow(dead_code)]
        clip: Artifact,
    }
    assert_eq!(value.to::<Taken>().unwrap_err().to_string(), "expected media, found an object");
    assert!(Value::map([("clip", Value::from(clip()))]).to::<Taken>().is_ok());
    let anything: serde_json::Value = Value::from(clip()).to().unwrap();
    assert_eq!(anything, forged);
}

#[test]
fn what_is_absent_is_read_as_nothing() {
    let value = Value::map([("side", Value::from(2_i64)), ("name", Value::Absent)]);
    let shape: Shape = Value::map([("named", value)]).to().unwrap();
    assert_eq!(shape, Shape::Named { side: 2.0, name: None });
}

#[test]
fn numbers_that_json_does_not_have_are_refused() {
    const NO_NUMBER: &str = "this number is too large, or isn't one: JSON has no infinity";
    for float in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(Value::of(&vec![float]).unwrap_err().to_string(), NO_NUMBER);
        assert_eq!(Value::of(&(float as f32)).unwrap_err().to_string(), NO_NUMBER);
        let told = ::serde::de::value::F64Deserializer::<serde_json::Error>::new(float);
        assert_eq!(Value::deserialize(told).unwrap_err().to_string(), NO_NUMBER);
    }
    assert!(Value::of(&u128::MAX).is_err() && Value::of(&i128::MIN).is_err());
    assert_eq!(Value::of(&u128::from(u64::MAX)).unwrap(), Value::from(u64::MAX));
    assert!(serde_json::from_str::<Value>("1e400").is_err());
}

/// A list in a list in a list, which is made only while it is written.
struct Endless(usize);

impl Serialize for Endless {
    fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_unit(),
            left => serializer.collect_seq([Endless(left - 1)]),
        }
    }
}

#[test]
fn what_is_written_too_deep_is_refused_before_the_stack_is_used_up() {
    let refused = Value::of(&Endless(5_000_000)).unwrap_err();
    assert_eq!(refused.to_string(), "it has lists and objects nested more than 64 deep");
    assert!(Value::of(&Endless(100)).unwrap().lies_too_deep());
    let written = "[".repeat(5_000) + &"]".repeat(5_000);
    assert!(serde_json::from_str::<Value>(&written).is_err());
}

#[test]
fn what_is_shared_is_counted_as_often_as_it_is_written() {
    let text = Value::from("x".repeat(1 << 20));
    assert!(Value::of(&vec![&text; 10]).is_ok());
    assert_eq!(Value::of(&vec![&text; 300]).unwrap_err().to_string(), "it holds more than 256 MiB");
}

#[test]
fn names_are_texts_or_are_written_as_such() {
    let by_number = BTreeMap::from([(1_u8, "a"), (2, "b")]);
    assert_eq!(Value::of(&by_number).unwrap().to_json(), json!({"1": "a", "2": "b"}));
    let by_list = BTreeMap::from([(vec![1_u8], "a")]);
    assert_eq!(Value::of(&by_list).unwrap_err().to_string(), "a name must be a text, and is a list");
}
