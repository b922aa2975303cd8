//! Templates as they are stored: the texts that they were compiled from.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::{Body, Fault, Template};
use crate::Value;
use crate::value::journal;

#[derive(serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'t> {
    Value(&'t Value),
    Text(&'t str),
    /// A text that would otherwise be a value of any kind.
    Printed(&'t str),
    List(&'t [Template]),
    Map(&'t [(String, Template)]),
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    Value(#[serde(deserialize_with = "journal::value")] Value),
    Text(String),
    Printed(String),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.body {
            Body::Literal(value) => Written::Value(value),
            Body::Compiled(compiled) if compiled.program.is_one_print() => Written::Printed(&compiled.source),
            Body::Compiled(compiled) => Written::Text(&compiled.source),
            Body::List(items) => Written::List(items),
            Body::Map(entries) => Written::Map(entries),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
        Ok(match Read::deserialize(deserializer)? {
            Read::Value(value) => Template::literal(value),
            Read::Text(source) => Template::text(&source).map_err(|faults| unread(&source, &faults))?,
            Read::Printed(source) => Template::printed(&source).map_err(|faults| unread(&source, &faults))?,
            Read::List(items) => Template::list(items),
            Read::Map(entries) => Template::map(entries),
        })
    }
}

fn unread<E: Error>(source: &str, faults: &[Fault]) -> E {
    let why = faults.first().map_or("", |fault| &fault.message);
    E::custom(format_args!("this version can't read `{}`: {why}", excerpt(source)))
}

fn excerpt(source: &str) -> &str {
    const BYTES_SHOWN: usize = 80;
    &source[..source.floor_char_boundary(BYTES_SHOWN)]
}
