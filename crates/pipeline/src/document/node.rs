//! The tree of a file as it was written: every key and value with its place.

use super::place::Place;
use crate::Value;

/// A value of a file.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a value of a file is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text, number, boolean or null.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Named values, in the order of the file, without duplicates.
    Map(Vec<Entry>),
    /// Something that was reported already: nothing more is to be said about it.
    Unreadable,
}

/// A scalar, as it was written.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// Its text, with quotes and escapes undone.
    pub text: String,
    /// Whether it was written without quotes, so that it may be something other than text.
    pub plain: bool,
}

/// A named value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name.
    pub key: At<String>,
    /// The value.
    pub value: Node,
}

/// Something with its place.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// The thing.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl Node {
    /// The entries, if it is a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value called `key`, if it is a map and has one.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    /// The items, if it is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The plain value that it stands for; what is in doubt counts as text.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.resolve().unwrap_or_else(|_| Value::from(scalar.text.as_str())),
            Kind::List(items) => Value::list(items.iter().map(Node::to_value).collect()),
            Kind::Map(entries) => {
                Value::map(entries.iter().map(|entry| (entry.key.value.clone(), entry.value.to_value())))
            }
            Kind::Unreadable => Value::Null,
        }
    }

    /// The word for what it is, for messages.
    pub fn kind_word(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) => match scalar.resolve() {
                Ok(Value::Null) => "nothing",
                Ok(Value::Bool(_)) => "true or false",
                Ok(Value::Number(_)) => "a number",
                _ => "text",
            },
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Unreadable => "nothing",
        }
    }
}
