//! Why something can't be done.

use motet_pipeline::Class;

/// What was asked for can't be done, or what came back can't be used.
///
/// ```
/// use motet_pipeline::{Class, Value, value::Map};
/// use motet_providers::local::scene::Scene;
/// let inputs = Map::from([("prompt".to_owned(), Value::from("a lake")), ("width".to_owned(), Value::from(7_i64))]);
/// let refusal = Scene::from_inputs(&inputs).unwrap_err();
/// assert_eq!(refusal.class, Class::Invalid);
/// assert_eq!(refusal.to_string(), "`width` is 7, but must be from 64 to 4096");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The failure class: decides about retry and fallback.
    pub class: Class,
    /// What is wrong and what would be right, in one or two sentences.
    pub message: String,
}

impl Refusal {
    /// An input that can't work as it is.
    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal { class: Class::Invalid, message: message.into() }
    }

    /// An input over a limit.
    pub fn too_large(message: impl Into<String>) -> Refusal {
        Refusal { class: Class::TooLarge, message: message.into() }
    }

    /// A result that can't be used.
    pub fn bad_output(message: impl Into<String>) -> Refusal {
        Refusal { class: Class::BadOutput, message: message.into() }
    }

    /// Something that this machine lacks.
    pub fn unavailable(message: impl Into<String>) -> Refusal {
        Refusal { class: Class::Unavailable, message: message.into() }
    }
}
