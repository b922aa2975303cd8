//! Why a task failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use motet_pipeline::{Class, Cost, Failure, Span, Timestamp};
use motet_store::StoreError;

use crate::operation::WorkError;

/// Why an attempt of a task failed. Its class decides what follows: a retry, a fallback, the end.
///
/// Any error becomes one by `?`, of the class `invalid`: that is not tried again, since nothing says
/// that trying again could help. Say so with a class of your own:
///
/// ```
/// use motet::{Class, TaskError};
/// use std::time::Duration;
///
/// fn parse(text: &str) -> Result<u32, TaskError> {
///     Ok(text.trim().parse::<u32>()?)                    // a plain error: not retried
/// }
/// assert_eq!(parse("seven").unwrap_err().class(), Class::Invalid);
///
/// let busy = TaskError::new(Class::Throttled, "the kiln is full").retry_after(Duration::from_secs(90));
/// assert_eq!(busy.to_string(), "throttled: the kiln is full");
/// ```
#[derive(Clone, Debug)]
pub struct TaskError {
    failure: Box<Failure>,
    pause: Option<Span>,
    /// What the store said when it couldn't keep something.
    of_store: Option<Box<StoreError>>,
}

impl TaskError {
    /// An error of `class`; `message` says what happened, for people, without secrets.
    pub fn new(class: Class, message: impl Into<String>) -> TaskError {
        TaskError::of(Failure::new(class, message))
    }

    /// The same, not to be tried again before `at`.
    pub fn retry_at(mut self, at: Timestamp) -> TaskError {
        self.failure.retry_at = Some(at);
        self
    }

    /// The same, not to be tried again before `pause` has passed from when the attempt ends.
    pub fn retry_after(mut self, pause: Duration) -> TaskError {
        self.pause = Some(Span(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)));
        self
    }

    /// What sort of failure it is.
    pub fn class(&self) -> Class {
        self.failure.class
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.failure.message
    }

    fn of(failure: Failure) -> TaskError {
        TaskError { failure: Box::new(failure), pause: None, of_store: None }
    }

    /// Of something that was done for a task.
    pub(crate) fn of_work(error: WorkError) -> TaskError {
        match error {
            WorkError::Failed { failure, .. } => TaskError::of(*failure),
            WorkError::StoreFailed(error) => {
                let failure = Failure::unavailable(error.to_string());
                TaskError { of_store: Some(Box::new(error)), ..TaskError::of(failure) }
            }
        }
    }

    /// What is told of an attempt that ended with it at `now`, and cost this.
    pub(crate) fn into_work_error(self, now: Timestamp, cost: Cost) -> WorkError {
        if let Some(error) = self.of_store {
            return WorkError::StoreFailed(*error);
        }
        let paused = self.pause.map(|pause| now.after(pause));
        let failure = Failure { retry_at: self.failure.retry_at.max(paused), ..*self.failure };
        WorkError::Failed { failure: Box::new(failure), cost }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

/// Whatever an error can be boxed from: errors, boxed errors, those of crates that collect errors of
/// any type, and plain texts. Not an [`Error`] itself, so that all of these can become one.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for TaskError {
    fn from(error: E) -> TaskError {
        let error: Box<dyn Error + Send + Sync> = error.into();
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some errors say their cause themselves.
            if !message.contains(&words) {
                message = format!("{message}: {words}");
            }
            cause = error.source();
        }
        TaskError::new(Class::Invalid, message)
    }
}
