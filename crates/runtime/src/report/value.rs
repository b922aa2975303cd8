//! Values as programs see them, written down part by part: nothing is unfolded that is not written.

use std::io::{self, Write};

use motet_pipeline::Value;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::ArtifactPlaces;

/// A value as programs see it: plain JSON, in which absence is null and artifacts are as
/// [`ArtifactPlaces::artifact_json`] writes them. It shares what the value shares, and takes more memory
/// or time only where it is serialised.
#[derive(Clone, Debug)]
pub struct PublicValue {
    pub(super) value: Value,
    pub(super) places: ArtifactPlaces,
}

impl PublicValue {
    /// The value itself.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Absent | Value::Null => true,
            Value::Text(text) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// Its JSON, cut with `…` behind so many characters. However much it holds, little more than what is
    /// shown is looked at.
    ///
    /// ```
    /// use motet::{Value, report::ArtifactPlaces};
    /// let much = (0..1000).fold(Value::from("x"), |value, _| Value::list(vec![value.clone(), value]));
    /// assert_eq!(ArtifactPlaces::nowhere().value(&much).beginning(4), "[[[[…");
    /// ```
    pub fn beginning(&self, characters_max: usize) -> String {
        beginning_of(&self.part(&self.value, characters_max), characters_max)
    }

    fn part<'v>(&'v self, value: &'v Value, characters_max: usize) -> Part<'v> {
        Part { value, places: &self.places, characters_max }
    }
}

impl Serialize for PublicValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.part(&self.value, usize::MAX).serialize(serializer)
    }
}

/// A part of a value that is being written, of whose texts and names only the beginning is needed.
#[derive(Clone, Copy)]
struct Part<'v> {
    value: &'v Value,
    places: &'v ArtifactPlaces,
    characters_max: usize,
}

impl<'v> Part<'v> {
    fn inside(self, value: &'v Value) -> Part<'v> {
        Part { value, ..self }
    }

    /// As much of `text` as is needed to know that it continues.
    fn needed(self, text: &str) -> &str {
        let end = text.char_indices().nth(self.characters_max.saturating_add(1));
        end.map_or(text, |(at, _)| &text[..at])
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Absent | Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => number.serialize(serializer),
            Value::Text(text) if self.characters_max < text.len() => {
                serializer.serialize_str(self.needed(text))
            }
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items.iter().map(|item| self.inside(item))),
            Value::Map(entries) => serializer
                .collect_map(entries.iter().map(|(name, value)| (self.needed(name), self.inside(value)))),
            Value::Media(artifact) => self.places.artifact_json(artifact).serialize(serializer),
        }
    }
}

/// What an event or a record holds under one name.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Detail {
    /// Something small.
    Plain(Json),
    /// What a run or step was given, or gave.
    Value(PublicValue),
}

impl Detail {
    /// What it is, unless it is a value.
    pub fn as_plain(&self) -> Option<&Json> {
        match self {
            Detail::Plain(json) => Some(json),
            Detail::Value(_) => None,
        }
    }

    /// Its JSON, cut as by [`PublicValue::beginning`].
    pub fn beginning(&self, characters_max: usize) -> String {
        match self {
            Detail::Plain(json) => beginning_of(json, characters_max),
            Detail::Value(value) => value.beginning(characters_max),
        }
    }
}

impl<T: Into<Json>> From<T> for Detail {
    fn from(json: T) -> Detail {
        Detail::Plain(json.into())
    }
}

impl From<PublicValue> for Detail {
    fn from(value: PublicValue) -> Detail {
        Detail::Value(value)
    }
}

/// The first characters of the JSON of `source`. It is not serialised any further.
fn beginning_of(source: &impl Serialize, characters_max: usize) -> String {
    let mut beginning = Beginning { bytes: Vec::new(), characters_left: characters_max };
    let is_whole = serde_json::to_writer(&mut beginning, source).is_ok();
    let text = String::from_utf8(beginning.bytes).unwrap_or_default();
    if is_whole { text } else { text + "…" }
}

/// Takes a text up to a character, and fails then.
struct Beginning {
    bytes: Vec<u8>,
    characters_left: usize,
}

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (index, byte) in bytes.iter().enumerate() {
            let begins_character = byte & 0b1100_0000 != 0b1000_0000;
            if begins_character && self.characters_left == 0 {
                self.bytes.extend(&bytes[..index]);
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.characters_left -= usize::from(begins_character);
        }
        self.bytes.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn beginning(value: &Value, characters_max: usize) -> String {
        ArtifactPlaces::nowhere().value(value).beginning(characters_max)
    }

    #[test]
    fn of_a_value_that_holds_another_a_billion_times_the_beginning_is_shown_at_once() {
        let mut value = Value::from("x");
        for _ in 0..30 {
            value = Value::map([("a", value.clone()), ("b", value)]);
        }
        assert_eq!(beginning(&value, 12), r#"{"a":{"a":{"…"#);
        let detail = Detail::from(ArtifactPlaces::nowhere().value(&value));
        assert_eq!(detail.beginning(5), r#"{"a":…"#);
    }

    #[test]
    fn what_fits_is_whole_and_what_does_not_is_cut_between_characters() {
        let value: Value = serde_json::from_value(json!(["ü\n", 1.5, null, {"k": true}])).unwrap();
        let whole = value.to_json().to_string();
        let characters: Vec<char> = whole.chars().collect();
        assert_eq!(beginning(&value, characters.len()), whole);
        for length in 0..characters.len() {
            let expected: String = characters[..length].iter().chain(['…'].iter()).collect();
            assert_eq!(beginning(&value, length), expected);
        }
    }

    #[test]
    fn a_secret_that_the_cut_would_divide_is_masked_before() {
        let mut mask = crate::report::Mask::everything();
        mask.learn(&[("key".to_owned(), "hunter22".into())].into());
        let shown = mask.value(&Value::list(vec!["my hunter22!".into()]));
        assert_eq!(beginning(&shown, 7), r#"["my ••…"#);
        assert_eq!(beginning(&shown, 99), r#"["my •••!"]"#);
    }

    #[test]
    fn a_long_text_or_name_is_read_as_far_as_it_is_shown() {
        for value in [Value::from("ü".repeat(1 << 20)), Value::map([("ü".repeat(1 << 20), Value::Null)])] {
            assert_eq!(beginning(&value, 9).chars().count(), 10);
        }
        let place = ArtifactPlaces::nowhere();
        let text = Value::from("x".repeat(1 << 20));
        let part = Part { value: &text, places: &place, characters_max: 9 };
        assert_eq!(serde_json::to_string(&part).unwrap().len(), 12);
    }
}
