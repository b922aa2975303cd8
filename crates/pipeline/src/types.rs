//! Types: what may flow into a parameter and out of a step.

mod extent;
mod fit;
mod schema;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Artifact, MediaKind, Value};

pub use extent::{Fields, Inner};

/// The type of a value, as far as it can be known before a run. Its parts are shared, so that it is cheap
/// to clone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Nothing is known; anything fits.
    Any,
    /// JSON null.
    Null,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A list of one type.
    List(Inner),
    /// An object with named fields. `open`: other fields may be there too.
    Object {
        /// The known fields.
        fields: Fields,
        /// Whether fields that aren't named may be there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        open: bool,
    },
    /// An object with any fields, all of one type.
    Map(Inner),
    /// Media of one of these kinds (never empty).
    Media(Vec<MediaKind>),
    /// One of several types.
    OneOf(Vec<Type>),
}

/// How many options a type may have.
const OPTIONS_MAX: usize = 48;

impl Type {
    /// A list of `item`.
    pub fn list(item: Type) -> Type {
        Type::List(item.bounded().into())
    }

    /// An object with any fields, all of type `item`.
    pub fn map(item: Type) -> Type {
        Type::Map(item.bounded().into())
    }

    /// Media of one kind.
    pub fn media(kind: MediaKind) -> Type {
        Type::Media(vec![kind])
    }

    /// An object with exactly these fields.
    pub fn object(fields: impl IntoIterator<Item = (&'static str, Type)>) -> Type {
        Type::Object {
            fields: fields.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect(),
            open: false,
        }
    }

    /// One of `options`: without doubles, of one option the option itself, of none anything. Of more
    /// than a few dozen nobody could choose: then too it is anything.
    pub fn one_of(options: impl IntoIterator<Item = Type>) -> Type {
        let mut distinct: Vec<Type> = Vec::new();
        for option in options {
            let parts = match option {
                Type::OneOf(parts) => parts,
                Type::Any => return Type::Any,
                other => vec![other],
            };
            for part in parts {
                if part == Type::Any {
                    return Type::Any;
                }
                if !distinct.contains(&part) {
                    distinct.push(part);
                }
                if distinct.len() > OPTIONS_MAX {
                    return Type::Any;
                }
            }
        }
        if distinct.contains(&Type::Number) {
            distinct.retain(|option| *option != Type::Integer);
        }
        match distinct.len() {
            0 => Type::Any,
            1 => distinct.remove(0),
            _ => Type::OneOf(distinct).bounded(),
        }
    }

    /// An object that was inferred, with these fields. `open`: others may be there too.
    pub(crate) fn inferred(fields: BTreeMap<String, Type>, open: bool) -> Type {
        Type::Object { fields: Fields::bounded(fields), open }
    }

    /// The type of a value that is there. Of what holds very much not everything is looked at: that may be
    /// anything.
    pub fn of(value: &Value) -> Type {
        const LOOKED_AT_MAX: u32 = 1_000_000;
        Type::of_some(value, &mut { LOOKED_AT_MAX })
    }

    /// The type of `value`, of which `left` parts are looked at.
    fn of_some(value: &Value, left: &mut u32) -> Type {
        *left = left.saturating_sub(1);
        match value {
            _ if *left == 0 => Type::Any,
            Value::Absent => Type::Any,
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Boolean,
            Value::Number(number) if number.is_f64() => Type::Number,
            Value::Number(_) => Type::Integer,
            Value::Text(_) => Type::Text,
            Value::List(items) => {
                Type::list(Type::one_of(items.iter().map(|item| Type::of_some(item, left))))
            }
            Value::Map(entries) => {
                let fields = entries.iter().map(|(name, value)| (name.clone(), Type::of_some(value, left)));
                Type::inferred(fields.collect(), false)
            }
            Value::Media(artifact) => Type::media(artifact.kind),
        }
    }

    /// The type of the field `name`, `None` if a value of this type certainly has no such field.
    pub fn field(&self, name: &str) -> Option<Type> {
        match self {
            Type::Any => Some(Type::Any),
            Type::Object { fields, open } => match fields.get(name) {
                Some(ty) => Some(ty.clone()),
                None => open.then_some(Type::Any),
            },
            Type::Map(item) => Some((**item).clone()),
            Type::Media(kinds) => {
                kinds.iter().any(|kind| Artifact::fields(*kind).contains(&name)).then(|| measure(name))
            }
            Type::OneOf(options) => {
                let mut found = options.iter().filter_map(|option| option.field(name)).peekable();
                found.peek().is_some().then(|| Type::one_of(found))
            }
            _ => None,
        }
    }

    /// The names of the fields that are known, for suggestions.
    pub fn field_names(&self) -> Vec<&str> {
        match self {
            Type::Object { fields, .. } => fields.keys().map(String::as_str).collect(),
            Type::Media(kinds) => match kinds.as_slice() {
                [kind] => Artifact::fields(*kind).to_vec(),
                _ => Artifact::fields(MediaKind::Video).to_vec(),
            },
            Type::OneOf(options) => options.iter().flat_map(Type::field_names).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether `value` is of this type. Objects may have more fields than are named.
    ///
    /// # Errors
    /// Says what is wrong where, such as "must be a number, and is text".
    ///
    /// ```
    /// use motet_pipeline::{Type, Value};
    /// assert!(Type::Number.accepts(&Value::from(2_i64)).is_ok());
    /// let list = Value::list(vec![Value::from("a"), Value::Null]);
    /// assert_eq!(Type::list(Type::Text).accepts(&list).unwrap_err(), "`[1]` must be text, and is null");
    /// ```
    pub fn accepts(&self, value: &Value) -> Result<(), String> {
        match self.mismatch(value) {
            None => Ok(()),
            Some((place, message)) if place.is_empty() => Err(message),
            Some((place, message)) => Err(format!("`{}` {message}", place.trim_start_matches('.'))),
        }
    }

    /// Where in `value` something isn't of this type (`[2].url`), and what is wrong with it.
    pub(crate) fn mismatch(&self, value: &Value) -> Option<(String, String)> {
        let fits = match (self, value) {
            (Type::Any, _) => true,
            (Type::Null, Value::Null) | (Type::Boolean, Value::Bool(_)) => true,
            (Type::Text, Value::Text(_)) | (Type::Number, Value::Number(_)) => true,
            (Type::Integer, Value::Number(number)) => number.is_u64() || value.as_i64().is_some(),
            (Type::Media(kinds), Value::Media(artifact)) => {
                kinds.contains(&MediaKind::File) || kinds.contains(&artifact.kind)
            }
            (Type::List(item), Value::List(items)) => {
                let wrong = |(index, value)| Some((index, item.mismatch(value)?));
                let (index, (place, message)) = items.iter().enumerate().find_map(wrong)?;
                return Some((format!("[{index}]{place}"), message));
            }
            (Type::Object { fields, .. }, Value::Map(entries)) => {
                let wrong = |(name, ty): (&String, &Type)| match entries.get(name) {
                    Some(value) => {
                        ty.mismatch(value).map(|(place, message)| (format!(".{name}{place}"), message))
                    }
                    None if ty.is_optional() => None,
                    None => Some((format!(".{name}"), format!("is missing; it must be {}", ty.phrase()))),
                };
                return fields.iter().find_map(wrong);
            }
            (Type::Map(item), Value::Map(entries)) => {
                let wrong = |(name, value)| Some((name, item.mismatch(value)?));
                let (name, (place, message)) = entries.iter().find_map(wrong)?;
                return Some((format!(".{name}{place}"), message));
            }
            (Type::OneOf(options), value) => {
                let mut mismatches = Vec::new();
                for option in options {
                    mismatches.push(option.mismatch(value)?);
                }
                // If only one option is of the same sort, what is wrong inside it says more.
                mismatches.retain(|(place, _)| !place.is_empty());
                if mismatches.len() == 1 {
                    return mismatches.pop();
                }
                false
            }
            _ => false,
        };
        (!fits).then(|| {
            if let (Type::Integer, Some(number)) = (self, value.as_f64())
                && number.fract() == 0.0
            {
                let limits = format!("{} to {}", i64::MIN, u64::MAX);
                return (String::new(), format!("is too large: whole numbers go from {limits}"));
            }
            let hint = if self.takes_media() && looks_like_media(value) { MEDIA_HINT } else { "" };
            (String::new(), format!("must be {}, and is {}{hint}", self.phrase(), value.phrase()))
        })
    }

    fn takes_media(&self) -> bool {
        match self {
            Type::Media(_) => true,
            Type::OneOf(options) => options.iter().any(Type::takes_media),
            _ => false,
        }
    }
}

/// What is said to whoever gives media as the JSON that a journal has for it.
const MEDIA_HINT: &str = " (JSON never is media: give a file, or a kept artifact as a value)";

fn looks_like_media(value: &Value) -> bool {
    value.get("$artifact").is_some()
}

/// The type of a measure of media; see [`Artifact::fields`].
fn measure(name: &str) -> Type {
    match name {
        "bytes" | "width" | "height" => Type::Integer,
        "duration" | "fps" => Type::Number,
        "has_audio" => Type::Boolean,
        _ => Type::Text,
    }
}

#[cfg(test)]
mod tests;
