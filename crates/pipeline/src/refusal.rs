//! Refusals: why an operation can't do what was asked of it.

use crate::Class;

/// What was asked for can't be done, or what came back can't be used.
///
/// ```
/// use motet_pipeline::{Class, Refusal};
/// let refusal = Refusal::invalid("`width` is 7, but must be from 64 to 4096");
/// assert_eq!(refusal.class, Class::Invalid);
/// assert_eq!(refusal.to_string(), "`width` is 7, but must be from 64 to 4096");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The failure class, by which retries and fallbacks are chosen.
    pub class: Class,
    /// What is wrong and what to do, in one or two sentences.
    pub message: String,
}

impl Refusal {
    /// A refusal of `class`.
    pub fn new(class: Class, message: impl Into<String>) -> Refusal {
        Refusal { class, message: message.into() }
    }

    /// An input that can't work as it is.
    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(Class::Invalid, message)
    }

    /// An input over a limit.
    pub fn too_large(message: impl Into<String>) -> Refusal {
        Refusal::new(Class::TooLarge, message)
    }

    /// A result that can't be used.
    pub fn bad_output(message: impl Into<String>) -> Refusal {
        Refusal::new(Class::BadOutput, message)
    }

    /// Something that this machine lacks.
    pub fn unavailable(message: impl Into<String>) -> Refusal {
        Refusal::new(Class::Unavailable, message)
    }
}
