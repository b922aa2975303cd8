//! Values: what flows between steps.

mod map;

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

use crate::{Artifact, Type};

pub use map::Map;

/// A JSON value, a kept piece of media, or nothing at all. Cheap to clone: whatever is large is
/// shared.
///
/// In a journal, media is a JSON object whose key `$artifact` holds the digest, and absence is
/// `{"$absent":true}`. A map that would be read as one of these is a list of pairs,
/// `{"$plain":[["$absent",true]]}`. All else is plain JSON with sorted keys: equal values have equal bytes,
/// and what is read again is what was written.
///
/// ```
/// use motet_pipeline::Value;
/// let value: Value = serde_json::from_str(r#"{"b":[1,2.5,null],"a":"x"}"#).unwrap();
/// assert_eq!(value.get("a").and_then(Value::as_str), Some("x"));
/// assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"a":"x","b":[1,2.5,null]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value: what a skipped or tolerated-failed step gives. See DESIGN "Absence".
    Absent,
    /// JSON null.
    #[default]
    Null,
    /// JSON true or false.
    Bool(bool),
    /// A JSON number: a whole one from `i64::MIN` to `u64::MAX` exactly, all others as a float.
    Number(Number),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// Named values, in the order of their names.
    Map(Arc<Map>),
    /// Kept media.
    Media(Arc<Artifact>),
}

/// How deep lists and maps may lie in a value that a file writes, an expression makes or an operation
/// gives. What such values are put into adds to it, so [`read_written`] knows no limit.
pub const DEPTH_MAX: usize = 64;

/// Reads JSON that was written by this program, however deep its lists and maps lie: what was kept must
/// be readable. For JSON of others the limit of `serde_json` holds.
///
/// # Errors
/// When it isn't JSON, or not that of a `T`.
pub fn read_written<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

impl Value {
    /// A list value.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(items))
    }

    /// A map value.
    pub fn map(entries: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Value {
        Value::Map(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    /// Whether lists and maps lie more than [`DEPTH_MAX`] deep in it.
    pub fn lies_too_deep(&self) -> bool {
        fn lies_deeper(value: &Value, levels: usize) -> bool {
            let deeper = |inner: &Value| levels == 0 || lies_deeper(inner, levels - 1);
            match value {
                Value::List(items) => levels == 0 || items.iter().any(deeper),
                Value::Map(entries) => levels == 0 || entries.values().any(deeper),
                _ => false,
            }
        }
        lies_deeper(self, DEPTH_MAX)
    }

    /// Whether this is [`Value::Absent`].
    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Absent)
    }

    /// The entry `key` of a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The whole number, if it is one (`3.0` counts as 3).
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(number) => number.as_i64().or_else(|| {
                let float = number.as_f64()?;
                (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
            }),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The artifact, if it is media.
    pub fn as_artifact(&self) -> Option<&Arc<Artifact>> {
        match self {
            Value::Media(artifact) => Some(artifact),
            _ => None,
        }
    }

    /// The word for what this is, for messages: `text`, `list`, `image`, …
    pub fn kind_word(&self) -> &'static str {
        match self {
            Value::Absent => "absent",
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::Text(_) => "text",
            Value::List(_) => "list",
            Value::Map(_) => "object",
            Value::Media(artifact) => artifact.kind.word(),
        }
    }

    /// What this is, for messages: `text`, `a list`, `an image`, `true or false`, …
    pub fn phrase(&self) -> String {
        match self {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "an object".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::Absent => "absent".to_owned(),
            other => Type::of(other).phrase(),
        }
    }

    /// The value as plain JSON: absence becomes null, media its `$artifact` object.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Absent | Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::Text(text) => (&**text).into(),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
            ),
            Value::Media(artifact) => serde_json::to_value(&**artifact).expect("an artifact is plain data"),
        }
    }

    /// Calls `visit` for every artifact in the value, in order.
    pub fn for_each_artifact(&self, visit: &mut impl FnMut(&Arc<Artifact>)) {
        match self {
            Value::Media(artifact) => visit(artifact),
            Value::List(items) => items.iter().for_each(|item| item.for_each_artifact(visit)),
            Value::Map(entries) => entries.values().for_each(|value| value.for_each_artifact(visit)),
            _ => {}
        }
    }
}

impl From<serde_json::Value> for Value {
    /// Plain JSON; an object with a well-formed `$artifact` becomes media.
    fn from(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::Text(text.into()),
            serde_json::Value::Array(items) => Value::list(items.into_iter().map(Value::from).collect()),
            serde_json::Value::Object(entries) => {
                from_entries(entries.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
            }
        }
    }
}

const ABSENT: &str = "$absent";
const ARTIFACT: &str = "$artifact";
const PLAIN: &str = "$plain";

/// What an object of the journal stands for.
fn from_entries(entries: Map) -> Value {
    if !entries.keys().any(|name| name.starts_with('$')) {
        return Value::Map(Arc::new(entries));
    }
    if is_only(&entries, ABSENT) && entries[ABSENT] == Value::Bool(true) {
        return Value::Absent;
    }
    if is_only(&entries, PLAIN)
        && let Some(plain) = entries[PLAIN].as_list().and_then(from_pairs)
    {
        return Value::Map(Arc::new(plain));
    }
    if entries.contains_key(ARTIFACT) {
        let plain = Value::Map(Arc::new(entries.clone())).to_json();
        if let Ok(artifact) = serde_json::from_value::<Artifact>(plain) {
            return Value::Media(Arc::new(artifact));
        }
    }
    Value::Map(Arc::new(entries))
}

fn from_pairs(pairs: &[Value]) -> Option<Map> {
    let entry = |pair: &Value| match pair.as_list()? {
        [Value::Text(name), value] => Some((name.to_string(), value.clone())),
        _ => None,
    };
    pairs.iter().map(entry).collect()
}

/// Whether a map might be read as something else if it were written as an object.
fn is_doubtful(entries: &Map) -> bool {
    is_only(entries, ABSENT) || is_only(entries, PLAIN) || entries.contains_key(ARTIFACT)
}

fn is_only(entries: &Map, name: &str) -> bool {
    entries.len() == 1 && entries.contains_key(name)
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

/// Whole numbers, each exactly as it is.
macro_rules! from_whole_numbers {
    ($($number:ty)*) => {$(
        impl From<$number> for Value {
            fn from(value: $number) -> Value {
                Value::Number(value.into())
            }
        }
    )*};
}

from_whole_numbers!(i32 i64 u32 u64 usize);

impl From<f64> for Value {
    /// A float; what JSON can't hold (infinity, not a number) becomes null.
    fn from(value: f64) -> Value {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

impl From<Artifact> for Value {
    fn from(artifact: Artifact) -> Value {
        Value::Media(Arc::new(artifact))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Absent => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(ABSENT, &true)?;
                map.end()
            }
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => number.serialize(serializer),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items.iter()),
            Value::Map(entries) if is_doubtful(entries) => {
                serializer.collect_map([(PLAIN, entries.iter().collect::<Vec<_>>())])
            }
            Value::Map(entries) => serializer.collect_map(entries.iter()),
            Value::Media(artifact) => artifact.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::list(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some((key, value)) = access.next_entry()? {
            entries.insert(key, value);
        }
        Ok(from_entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_that_looks_like_absence_or_media_stays_an_object() {
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
            assert_eq!(serde_json::to_string(&value).unwrap(), expected);
            assert_eq!(serde_json::from_str::<Value>(expected).unwrap(), value);
        }
        let again: Value = serde_json::from_str(&serde_json::to_string(&forged).unwrap()).unwrap();
        assert_eq!(again, forged);
    }

    fn arb_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Absent),
            Just(Value::Null),
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        #[test]
        fn floats_are_read_as_they_were_written(float in any::<f64>()) {
            let text = serde_json::to_string(&Value::from(float)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), Value::from(float));
        }

        #[test]
        fn what_is_written_is_read_again(value in arb_value()) {
            let text = serde_json::to_string(&value).unwrap();
            let again: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
            prop_assert_eq!(again, value);
        }
    }

    #[test]
    fn absence_and_media_survive_the_journal() {
        let artifact = Artifact {
            digest: crate::Digest::of(b"x"),
            kind: crate::MediaKind::Video,
            mime: "video/mp4".into(),
            bytes: 1,
            width: Some(640),
            height: Some(360),
            duration: Some(1.25),
            fps: Some(25.0),
            has_audio: Some(false),
        };
        let value = Value::map([
            ("clip", Value::from(artifact)),
            ("none", Value::Absent),
            ("list", Value::list(vec![Value::Null, Value::from(9_007_199_254_740_993_i64)])),
        ]);
        let text = serde_json::to_string(&value).unwrap();
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again, value);
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}
