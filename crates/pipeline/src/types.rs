//! Types: what may flow into a parameter and out of a step.

use std::collections::BTreeMap;
use std::fmt;

use crate::MediaKind;

/// The type of a value, as far as it can be known before a run.
#[derive(Clone, Debug, PartialEq)]
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
    List(Box<Type>),
    /// An object with named fields. `open`: other fields may be there too.
    Object {
        /// The known fields.
        fields: BTreeMap<String, Type>,
        /// Whether fields that aren't named may be there.
        open: bool,
    },
    /// Media of one of these kinds (never empty).
    Media(Vec<MediaKind>),
    /// One of several types.
    OneOf(Vec<Type>),
}

impl Type {
    /// A list of `item`.
    pub fn list(item: Type) -> Type {
        Type::List(Box::new(item))
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

    /// Whether a value of type `self` may be given where `wanted` is asked for. Unknown fits: only
    /// what is certainly wrong is refused before a run.
    pub fn fits(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::OneOf(options), wanted) => options.iter().any(|option| option.fits(wanted)),
            (given, Type::OneOf(options)) => options.iter().any(|option| given.fits(option)),
            (Type::Integer, Type::Number) | (Type::Number, Type::Integer) => true,
            (Type::List(given), Type::List(wanted)) => given.fits(wanted),
            (Type::Media(given), Type::Media(wanted)) => {
                wanted.contains(&MediaKind::File) || given.iter().any(|kind| wanted.contains(kind))
            }
            (Type::Object { fields, open }, Type::Object { fields: wanted, .. }) => {
                wanted.iter().all(|(name, ty)| match fields.get(name) {
                    Some(given) => given.fits(ty),
                    None => *open,
                })
            }
            (given, wanted) => given == wanted,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("anything"),
            Type::Null => f.write_str("null"),
            Type::Text => f.write_str("text"),
            Type::Integer => f.write_str("whole number"),
            Type::Number => f.write_str("number"),
            Type::Boolean => f.write_str("true or false"),
            Type::List(item) => write!(f, "list of {item}"),
            Type::Object { fields, .. } if fields.is_empty() => f.write_str("object"),
            Type::Object { fields, .. } => {
                let names: Vec<_> = fields.keys().map(String::as_str).collect();
                write!(f, "object with {}", names.join(", "))
            }
            Type::Media(kinds) => {
                let words: Vec<_> = kinds.iter().map(|kind| kind.word()).collect();
                f.write_str(&words.join(" or "))
            }
            Type::OneOf(options) => {
                let words: Vec<_> = options.iter().map(Type::to_string).collect();
                f.write_str(&words.join(" or "))
            }
        }
    }
}
