//! A document as it is written: its keys keep their order.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written {
    Scalar(Json),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
}

impl Written {
    pub(super) fn text(text: impl Into<String>) -> Written {
        Written::Scalar(Json::String(text.into()))
    }

    pub(super) fn of(json: Json) -> Written {
        match json {
            Json::Array(items) => Written::List(items.into_iter().map(Written::of).collect()),
            Json::Object(entries) => {
                Written::Map(entries.into_iter().map(|(key, value)| (key, Written::of(value))).collect())
            }
            scalar => Written::Scalar(scalar),
        }
    }

    pub(super) fn to_yaml(&self) -> String {
        let mut text = String::new();
        write_block(self, 0, &mut text);
        text
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Written::Scalar(scalar) => scalar.serialize(serializer),
            Written::List(items) => serializer.collect_seq(items),
            Written::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Writes lists and maps, a line an entry; what lies in them is two spaces further in.
fn write_block(written: &Written, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match written {
        Written::List(items) if items.is_empty() => *text += &format!("{indent}[]\n"),
        Written::Map(entries) if entries.is_empty() => *text += &format!("{indent}{{}}\n"),
        Written::Map(entries) => {
            for (key, value) in entries {
                *text += &format!("{indent}{}:", scalar(&Json::String(key.clone())));
                write_value(value, depth, text);
            }
        }
        Written::List(items) => {
            for item in items {
                let mut block = String::new();
                write_block(item, depth + 1, &mut block);
                // The dash takes the place of the first line's inner indentation.
                *text += &format!("{indent}- {}", block.trim_start_matches(' '));
            }
        }
        Written::Scalar(value) => *text += &format!("{indent}{}\n", scalar(value)),
    }
}

/// Writes what follows a key.
fn write_value(value: &Written, depth: usize, text: &mut String) {
    match value {
        Written::Scalar(value) => *text += &format!(" {}\n", scalar(value)),
        Written::List(items) if items.is_empty() => *text += " []\n",
        Written::Map(entries) if entries.is_empty() => *text += " {}\n",
        block => {
            text.push('\n');
            write_block(block, depth + 1, text);
        }
    }
}

/// A scalar on one line. A text in quotes is written as JSON writes it, which YAML reads alike.
fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text needs no quotes in any version of YAML.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " _-./".contains(c))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
