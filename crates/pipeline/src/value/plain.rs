//! Plain reading: foreign JSON is what it looks like. `{"$artifact": …}` is an object like any other.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::Value as Json;

use super::foreign::too_deep;
use super::{List, Map, Value};

/// How deep lists and objects may lie in what is read or written by way of serde. What is deeper than
/// [`super::DEPTH_MAX`] is refused later, by a message that says where it is.
pub(super) const LEVELS_MAX: usize = 128;

impl<'de> Deserialize<'de> for Value {
    /// Plain JSON: nothing in it becomes media or absence. A journal is read by [`super::journal`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Reading { levels_left: LEVELS_MAX, meaning: Value::from }.deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Map {
    /// Plain JSON, as [`Value`] is read.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
        deserializer.deserialize_map(Entries(Reading { levels_left: LEVELS_MAX, meaning: Value::from }))
    }
}

/// One way of reading a value.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// How many levels of lists and objects may still be opened.
    pub levels_left: usize,
    /// What an object stands for.
    pub meaning: fn(Map) -> Value,
}

impl Reading {
    fn inside<E: de::Error>(self) -> Result<Reading, E> {
        let levels_left = self.levels_left.checked_sub(1);
        let levels_left = levels_left.ok_or_else(|| E::custom(too_deep()))?;
        Ok(Reading { levels_left, ..self })
    }
}

/// What is said of infinity, and of what isn't a number at all.
pub(super) const NO_NUMBER: &str = "this number is too large, or isn't one: JSON has no infinity";

impl<'de> DeserializeSeed<'de> for Reading {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading {
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
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom(NO_NUMBER))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::list(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        Entries(self).visit_map(access).map(self.meaning)
    }
}

/// Reads the entries of an object, which mean no more than that.
pub(super) struct Entries(pub Reading);

impl<'de> Visitor<'de> for Entries {
    type Value = Map;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map, A::Error> {
        let inside = self.0.inside()?;
        let mut entries = Vec::new();
        while let Some(name) = access.next_key()? {
            entries.push((name, access.next_value_seed(inside)?));
        }
        Ok(entries.into_iter().collect())
    }
}

impl From<Json> for Value {
    /// Plain JSON: nothing in it becomes media or absence. However deep it lies, it needs no stack.
    fn from(json: Json) -> Value {
        let mut open: Vec<Open> = Vec::new();
        let mut next = json;
        loop {
            let mut made = match next {
                Json::Array(items) => {
                    open.push(Open::List(items.into_iter(), Vec::new()));
                    None
                }
                Json::Object(entries) => {
                    open.push(Open::Map(entries.into_iter(), Vec::new()));
                    None
                }
                Json::Null => Some(Value::Null),
                Json::Bool(value) => Some(Value::Bool(value)),
                Json::Number(number) => Some(Value::Number(number)),
                Json::String(text) => Some(Value::from(text)),
            };
            next = loop {
                let Some(innermost) = open.last_mut() else {
                    return made.expect("what is no list and no object is made at once");
                };
                if let Some(made) = made.take() {
                    innermost.add(made);
                }
                match innermost.next() {
                    Some(next) => break next,
                    None => made = open.pop().map(Open::close),
                }
            };
        }
    }
}

/// A list or object that is being made: what is left of the JSON, and what was made of it.
enum Open {
    List(std::vec::IntoIter<Json>, Vec<Value>),
    Map(serde_json::map::IntoIter, Vec<(String, Value)>),
}

impl Open {
    /// The next part to be made.
    fn next(&mut self) -> Option<Json> {
        match self {
            Open::List(left, _) => left.next(),
            Open::Map(left, made) => {
                let (name, json) = left.next()?;
                made.push((name, Value::Null));
                Some(json)
            }
        }
    }

    /// Puts in what was made of the last part.
    fn add(&mut self, value: Value) {
        match self {
            Open::List(_, made) => made.push(value),
            Open::Map(_, made) => {
                if let Some((_, place)) = made.last_mut() {
                    *place = value;
                }
            }
        }
    }

    fn close(self) -> Value {
        match self {
            Open::List(_, made) => Value::List(Arc::new(List::from(made))),
            Open::Map(_, made) => Value::Map(Arc::new(made.into_iter().collect())),
        }
    }
}
