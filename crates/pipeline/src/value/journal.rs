//! The journal's own form: JSON in which media and absence have a shape, and the only reader of it.
//!
//! Media is an object whose key `$artifact` holds the digest, and absence is `{"$absent":true}`. An
//! object that would be read as one of these is a list of pairs, `{"$plain":[["$absent",true]]}`. All
//! else is plain JSON with sorted keys: equal values have equal bytes, and what is read again is what
//! was written.
//!
//! This is how a [`Value`] is serialised, and how the functions of this module read it. They are for
//! what this program wrote itself and nobody else can write: turns, stored states. Everything else is
//! foreign and read plainly, by [`Value`]'s own `Deserialize`. A field of a stored type asks for it:
//!
//! ```
//! use motet_pipeline::Value;
//! use motet_pipeline::value::journal;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Kept {
//!     #[serde(deserialize_with = "journal::value")]
//!     output: Value,
//! }
//! let kept: Kept = serde_json::from_str(r#"{"output":{"$absent":true}}"#).unwrap();
//! assert!(kept.output.is_absent());
//! let foreign: Value = serde_json::from_str(r#"{"$absent":true}"#).unwrap();
//! assert!(!foreign.is_absent());
//! ```

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};
use serde::ser::{Error as _, Serialize, SerializeStruct, Serializer};

use super::foreign::UNSTORABLE;
use super::plain::{Entries, Reading};
use super::weight::DEPTH_COUNTED_MAX;
use super::{Map, Value};
use crate::Artifact;

const READING: Reading = Reading { levels_left: usize::MAX, meaning: from_entries };

/// Reads a value.
///
/// # Errors
/// When it isn't JSON.
pub fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    READING.deserialize(deserializer)
}

/// Reads a value that may not be there (with `#[serde(default)]`).
///
/// # Errors
/// As [`value`].
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    value(deserializer).map(Some)
}

/// Reads a list of values.
///
/// # Errors
/// As [`value`], and when it is no list.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    let list = value(deserializer)?;
    list.as_list().map(<[Value]>::to_vec).ok_or_else(|| serde::de::Error::custom("expected a list"))
}

/// Reads named values.
///
/// # Errors
/// As [`value`], and when it is no object.
pub fn map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
    deserializer.deserialize_map(Entries(READING))
}

/// Reads the text of a value.
///
/// # Errors
/// As [`value`].
pub fn read(json: &str) -> serde_json::Result<Value> {
    #[derive(serde::Deserialize)]
    struct Written(#[serde(deserialize_with = "value")] Value);
    read_written::<Written>(json.as_bytes()).map(|Written(value)| value)
}

/// Reads JSON that was written by this program, however deep its lists and objects lie: what was kept
/// must be readable. For JSON of others the limit of `serde_json` holds.
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

/// What shares its parts so often that nobody can write it down.
const WRITTEN_UNITS_MAX: u64 = 4 << 30;

const ABSENT: &str = "$absent";
const ARTIFACT: &str = "$artifact";
const PLAIN: &str = "$plain";

/// By these names a [`super::writer`] knows what is written, whatever the JSON of others looks like:
/// in JSON nobody can write the name of a type.
pub(super) const ABSENCE_TYPE: &str = "$motet::Absent";
pub(super) const PLAIN_TYPE: &str = "$motet::Plain";
pub(super) const ARTIFACT_TYPE: &str = "$motet::Artifact";

/// What an object of the journal stands for.
fn from_entries(entries: Map) -> Value {
    if !entries.keys().any(|name| name.starts_with('$')) {
        return Value::from(entries);
    }
    if is_only(&entries, ABSENT) && entries[ABSENT] == Value::Bool(true) {
        return Value::Absent;
    }
    if is_only(&entries, PLAIN)
        && let Some(plain) = from_pairs(&entries[PLAIN])
    {
        return Value::from(plain);
    }
    match entries.contains_key(ARTIFACT).then(|| artifact_of(&entries)) {
        Some(Ok(artifact)) => Value::from(artifact),
        _ => Value::from(entries),
    }
}

/// The artifact that these entries describe.
pub(super) fn artifact_of(entries: &Map) -> serde_json::Result<Artifact> {
    let json = entries.iter().map(|(name, value)| (name.clone(), value.to_json()));
    serde_json::from_value(serde_json::Value::Object(json.collect()))
}

/// The object that a list of pairs stands for.
pub(super) fn from_pairs(pairs: &Value) -> Option<Map> {
    let entry = |pair: &Value| match pair.as_list()? {
        [Value::Text(name), value] => Some((name.to_string(), value.clone())),
        _ => None,
    };
    pairs.as_list()?.iter().map(entry).collect()
}

/// Whether an object might be read as something else if it were written as one.
fn is_doubtful(entries: &Map) -> bool {
    is_only(entries, ABSENT) || is_only(entries, PLAIN) || entries.contains_key(ARTIFACT)
}

fn is_only(entries: &Map, name: &str) -> bool {
    entries.len() == 1 && entries.contains_key(name)
}

impl Serialize for Value {
    /// In the journal's form; see [`super::journal`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self, |part| part, serializer)
    }
}

/// Writes a value; `part` says how what lies in its lists and objects is written.
pub(super) fn write<'v, P: Serialize, S: Serializer>(
    value: &'v Value,
    part: fn(&'v Value) -> P,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let weight = value.weight();
    if weight.depth() >= DEPTH_COUNTED_MAX || weight.units() > WRITTEN_UNITS_MAX {
        return Err(S::Error::custom(UNSTORABLE));
    }
    match value {
        Value::Absent => {
            let mut absence = serializer.serialize_struct(ABSENCE_TYPE, 1)?;
            absence.serialize_field(ABSENT, &true)?;
            absence.end()
        }
        Value::Null => serializer.serialize_unit(),
        Value::Bool(value) => serializer.serialize_bool(*value),
        Value::Number(number) => number.serialize(serializer),
        Value::Text(text) => serializer.serialize_str(text),
        Value::List(items) => serializer.collect_seq(items.iter().map(part)),
        Value::Map(entries) => {
            let parts = entries.iter().map(|(name, value)| (name, part(value)));
            if !is_doubtful(entries) {
                return serializer.collect_map(parts);
            }
            let mut plain = serializer.serialize_struct(PLAIN_TYPE, 1)?;
            plain.serialize_field(PLAIN, &parts.collect::<Vec<_>>())?;
            plain.end()
        }
        Value::Media(artifact) => artifact.serialize(serializer),
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
