//! Values: what flows between steps.

mod compared;
mod debug;
mod drop;
mod equality;
mod foreign;
pub mod journal;
mod list;
mod map;
mod parts;
mod plain;
mod reader;
mod weight;
mod writer;

use std::sync::Arc;

use serde_json::Number;

use crate::{Artifact, Type};

pub use compared::Compared;
pub use foreign::{BadJson, read_foreign, read_reply};
pub use journal::read_written;
pub use list::List;
pub use map::Map;
use parts::Parts;
pub use reader::Reader;
pub(crate) use weight::{ITEM_UNITS, Weight};

/// A JSON value, a kept piece of media, or nothing at all. Cheap to clone: whatever is large is
/// shared.
///
/// Serialised, it has the form of a [`journal`], in which media and absence are JSON objects that are
/// told from all others; equal values have equal bytes. Deserialised, it is plain: whatever an object
/// looks like, it is an object.
///
/// ```
/// use motet_pipeline::Value;
/// let value: Value = serde_json::from_str(r#"{"b":[1,2.5,null],"a":"x"}"#).unwrap();
/// assert_eq!(value.get("a").and_then(Value::as_str), Some("x"));
/// assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"a":"x","b":[1,2.5,null]}"#);
/// ```
#[derive(Clone, Default)]
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
    List(Arc<List>),
    /// Named values, in the order of their names.
    Map(Arc<Map>),
    /// Kept media.
    Media(Arc<Artifact>),
}

/// How deep lists and objects may lie in a value that a file writes, an expression makes or an operation
/// gives. What such values are put into adds to it, so [`read_written`] knows no limit.
pub const DEPTH_MAX: usize = 64;

/// The most that all that a step is given, or all that it gives, may hold together, in units (see
/// [`Value::units`]).
pub const STEP_UNITS_MAX: u64 = 64 << 20;

/// The most that one input of a run may hold, or a list that a step fans out over, in units.
pub const INPUT_UNITS_MAX: u64 = 256 << 20;

impl Value {
    /// A list value.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(items.into()))
    }

    /// A map value.
    pub fn map(entries: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Value {
        Value::Map(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    /// Whether lists and objects are nested more than [`DEPTH_MAX`] deep in it. Costs nothing.
    pub fn lies_too_deep(&self) -> bool {
        self.weight().depth() > DEPTH_MAX as u64
    }

    /// About how many bytes it takes when it is written down, with every shared part as often as it is
    /// held: the bytes of its texts and names, and sixteen more a part. Costs nothing.
    pub fn units(&self) -> u64 {
        self.weight().units()
    }

    /// Why it can't be kept where it may hold `units_max`, to be put behind its name: it lies too deep, or
    /// holds too much. Nothing if it can.
    pub fn excess(&self, units_max: u64) -> Option<String> {
        if self.lies_too_deep() {
            return Some(foreign::nested_too_deep());
        }
        (self.units() > units_max)
            .then(|| format!("holds more than {} MiB; large values must be files", units_max >> 20))
    }

    /// Whether it is JSON and nothing more: no media and nothing absent is in it.
    pub fn is_plain(&self) -> bool {
        match self {
            Value::Absent | Value::Media(_) => false,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => true,
            Value::List(items) => items.iter().all(Value::is_plain),
            Value::Map(entries) => entries.values().all(Value::is_plain),
        }
    }

    pub(crate) fn weight(&self) -> Weight {
        Weight::of(self)
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

    /// The value and all that is in it, in order, each thing as often as it is held. Takes nothing ahead:
    /// the first parts of a value that shares much come at once.
    ///
    /// ```
    /// use motet_pipeline::Value;
    /// let twice = (0..1000).fold(Value::from("x"), |value, _| Value::list(vec![value.clone(), value]));
    /// assert_eq!(twice.parts().filter_map(Value::as_str).take(3).count(), 3);
    /// ```
    pub fn parts(&self) -> impl Iterator<Item = &Value> {
        Parts::of(self)
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

impl From<Map> for Value {
    fn from(entries: Map) -> Value {
        Value::Map(Arc::new(entries))
    }
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

#[cfg(test)]
mod tests;
