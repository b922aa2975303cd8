//! Values that are far larger, or lie far deeper, than the memory that they take.

use super::*;

/// Objects that each hold the one before twice: `levels` of them stand for two to the power of `levels`.
fn doubled(levels: usize) -> Value {
    (0..levels).fold(Value::from("x"), |inner, _| Value::map([("l", inner.clone()), ("r", inner)]))
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::from("x"), |inner, level| match level % 2 {
        0 => Value::list(vec![inner]),
        _ => Value::map([("x", inner)]),
    })
}

#[test]
fn what_a_shared_value_stands_for_is_known_at_once() {
    assert_eq!(doubled(1).units(), 16 + 2 + 2 * 17);
    assert!(doubled(40).units() > 1 << 40);
    assert!(doubled(500).units() > 1 << 55, "it is counted as the most that can be counted");
    assert!(doubled(64).weight().depth() == 64 && !doubled(64).lies_too_deep());
    assert!(nested(65).lies_too_deep() && nested(100_000).lies_too_deep());
}

#[test]
fn shared_values_are_compared_once_wherever_they_stand() {
    assert_eq!(doubled(60), doubled(60));
    assert_ne!(doubled(60), doubled(61));
    let other =
        |leaf: &str| (0..60).fold(Value::from(leaf), |inner, _| Value::list(vec![inner.clone(), inner]));
    assert_eq!(other("y"), other("y"));
    assert_ne!(other("y"), other("x"));
    let lists = |value: Value| [("a".to_owned(), value)].into();
    let (one, same): (Map, Map) = (lists(doubled(60)), lists(doubled(60)));
    assert_eq!(one, same);
}

#[test]
fn values_that_lie_deep_are_compared_shown_and_dropped_without_a_stack() {
    let deep = nested(200_000);
    assert_eq!(deep, nested(200_000));
    assert_ne!(deep, nested(200_001));
    assert!(format!("{deep:?}").len() < 1_000);
    assert!(serde_json::to_string(&deep).is_err(), "it is refused before it is walked through");
    let mut map = Map::from([("deep".to_owned(), deep)]);
    map.insert("list".to_owned(), Value::list(vec![nested(200_000)]));
    drop(map.clone());
    drop(map);
}

#[test]
fn a_giant_is_shown_in_part() {
    let shown = format!("{:?}", doubled(60));
    assert!(shown.len() < 200_000 && shown.contains('…'), "{} bytes", shown.len());
    let wide = Value::list(vec![Value::Null; 1_000_000]);
    assert!(format!("{wide:?}").len() < 200_000);
    assert_eq!(format!("{:?}", doubled(1)), r#"Map({"l": Text("x"), "r": Text("x")})"#);
}

#[test]
fn json_of_any_depth_becomes_a_value() {
    use serde_json::Value as Json;
    let nested_json = |levels: usize| {
        let wrap = |inner: Json, level: usize| match level % 2 {
            0 => Json::Array(vec![inner, 1.into()]),
            _ => Json::Object([("x".to_owned(), inner)].into_iter().collect()),
        };
        (0..levels).fold(Json::from("x"), wrap)
    };
    assert_eq!(Value::from(nested_json(3)).to_json().to_string(), r#"[{"x":["x",1]},1]"#);
    assert!(Value::from(nested_json(200_000)).lies_too_deep());
}

#[test]
fn what_changes_in_an_object_changes_what_it_weighs() {
    let mut map = Map::from([("a".to_owned(), nested(3)), ("bc".to_owned(), Value::from("text"))]);
    let weight = |map: &Map| Value::from(map.clone()).weight();
    let walked = |map: &Map| walked(&Value::from(map.clone()));
    let told = |map: &Map| (weight(map).units(), weight(map).depth() as usize);
    assert_eq!(told(&map), walked(&map));
    map.insert("bc".to_owned(), doubled(9));
    assert_eq!(told(&map), walked(&map));
    map.insert("d".to_owned(), doubled(70));
    map.remove("d");
    assert_eq!(told(&map), walked(&map));
    map.remove("bc");
    map.remove("a");
    assert_eq!(told(&map), (16, 1));
}
