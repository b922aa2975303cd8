//! The eleven failure classes: every failure of an attempt is one of these, whoever made it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why an attempt failed. Retries and fallbacks are chosen by class, never by a bare status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Refused for its shape or values; it can't succeed as it is.
    Invalid,
    /// Over a limit of context, file size, pixels, duration or memory.
    TooLarge,
    /// Refused by policy or moderation.
    Content,
    /// The key was rejected or lacks a permission.
    Auth,
    /// No money: credits or a spend cap.
    Quota,
    /// A rate or concurrency limit, for now.
    Throttled,
    /// The target did not take the request.
    Unavailable,
    /// Our deadline passed on a known job or on free work.
    Timeout,
    /// It is unknown whether the work was done.
    Unknown,
    /// The model, version, voice or job does not exist.
    Gone,
    /// An answer came that can't be used, or a `check` did not hold.
    BadOutput,
}

impl Class {
    /// All classes, in the order of the documentation.
    pub const ALL: [Class; 11] = [
        Class::Invalid,
        Class::TooLarge,
        Class::Content,
        Class::Auth,
        Class::Quota,
        Class::Throttled,
        Class::Unavailable,
        Class::Timeout,
        Class::Unknown,
        Class::Gone,
        Class::BadOutput,
    ];

    /// The classes for which a fallback is taken when `on` is not written.
    pub const FALLBACK_DEFAULT: [Class; 8] = [
        Class::Auth,
        Class::Quota,
        Class::Throttled,
        Class::Unavailable,
        Class::Timeout,
        Class::Gone,
        Class::TooLarge,
        Class::BadOutput,
    ];

    /// The classes that are tried again at the same target when `on` is not written.
    pub const RETRY_DEFAULT: [Class; 3] = [Class::Throttled, Class::Unavailable, Class::Timeout];

    /// Whether it is about the key that was used: another one may do.
    pub fn is_about_key(self) -> bool {
        matches!(self, Class::Auth | Class::Quota | Class::Throttled)
    }

    /// The word in files, events and reports, such as `too_large`.
    pub fn word(self) -> &'static str {
        match self {
            Class::Invalid => "invalid",
            Class::TooLarge => "too_large",
            Class::Content => "content",
            Class::Auth => "auth",
            Class::Quota => "quota",
            Class::Throttled => "throttled",
            Class::Unavailable => "unavailable",
            Class::Timeout => "timeout",
            Class::Unknown => "unknown",
            Class::Gone => "gone",
            Class::BadOutput => "bad_output",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The text names no failure class.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a failure class")]
pub struct NotAClass(pub String);

impl FromStr for Class {
    type Err = NotAClass;

    fn from_str(word: &str) -> Result<Class, NotAClass> {
        Class::ALL.into_iter().find(|class| class.word() == word).ok_or_else(|| NotAClass(word.to_owned()))
    }
}
