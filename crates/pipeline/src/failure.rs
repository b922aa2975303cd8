//! Failures: the world did not cooperate. Data, not `Err`, because a failure outlives its process.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Class, Timestamp};

/// Why an attempt, and in the end a step, failed.
///
/// ```
/// use motet_pipeline::{Class, Failure};
/// let failure = Failure::invalid("`width` is 7, but must be from 64 to 4096");
/// assert_eq!(failure.class, Class::Invalid);
/// assert_eq!(failure.to_string(), "invalid: `width` is 7, but must be from 64 to 4096");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Decides what happens next.
    pub class: Class,
    /// What happened, for people; bounded, without secrets.
    pub message: String,
    /// Not before this may the target be asked again (`Retry-After`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Whether the request reached the target.
    #[serde(default, skip_serializing_if = "Known::is_no")]
    pub sent: Known,
    /// Whether it costs money all the same.
    #[serde(default, skip_serializing_if = "Known::is_no")]
    pub billed: Known,
    /// What it says something about, so that others are spared the same; unknown in older journals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// How far the exchange had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The provider's own code for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// The HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The provider's name for the request, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What a failure says something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This request alone.
    Request,
    /// All requests with this key.
    Key,
    /// All requests to this model.
    Model,
    /// All requests to this provider.
    Provider,
}

/// How far an exchange with a provider had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looking for the host, opening a connection, agreeing on keys.
    Connect,
    /// Sending the request.
    Send,
    /// Waiting for the reply to begin, or reading what it says.
    Wait,
    /// Receiving the reply's body.
    Body,
    /// In the middle of a stream of events.
    Stream,
    /// Asking how a job is, or learning that it failed.
    Poll,
    /// Downloading what a job made.
    Download,
}

/// An answer that may not be knowable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// It is not so.
    #[default]
    No,
    /// It is unknown.
    Maybe,
    /// It is so.
    Yes,
}

impl Known {
    /// Whether it is certainly not so.
    pub fn is_no(&self) -> bool {
        *self == Known::No
    }
}

const MESSAGE_BYTES_MAX: usize = 1000;

impl Failure {
    /// A failure of `class`; a longer message is cut.
    pub fn new(class: Class, message: impl Into<String>) -> Failure {
        Failure {
            class,
            message: cut(message.into()),
            retry_at: None,
            sent: Known::No,
            billed: Known::No,
            scope: None,
            phase: None,
            provider_code: None,
            http_status: None,
            request_id: None,
        }
    }

    /// An input that can't work as it is.
    pub fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Class::Invalid, message)
    }

    /// An input over a limit.
    pub fn too_large(message: impl Into<String>) -> Failure {
        Failure::new(Class::TooLarge, message)
    }

    /// A result that can't be used.
    pub fn bad_output(message: impl Into<String>) -> Failure {
        Failure::new(Class::BadOutput, message)
    }

    /// Something that is missing for now.
    pub fn unavailable(message: impl Into<String>) -> Failure {
        Failure::new(Class::Unavailable, message)
    }

    /// Whether the work was done and paid, and what it gave can't be downloaded from anywhere: doing it again would be
    /// paid again.
    pub fn is_expired(&self) -> bool {
        self.class == Class::Gone && self.billed == Known::Yes && self.phase == Some(Phase::Download)
    }

    /// The same in other words; a longer message is cut.
    pub fn with_message(mut self, message: impl Into<String>) -> Failure {
        self.message = cut(message.into());
        self
    }

    /// The same, not to be tried again before `at`.
    pub fn retry_at(mut self, at: Timestamp) -> Failure {
        self.retry_at = Some(at);
        self
    }
}

fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}
