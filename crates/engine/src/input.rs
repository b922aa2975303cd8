//! Inputs: what the engine is told.

use motet_pipeline::{Failure, Money, Span, Value};

use crate::AttemptKey;

/// Something the world, the host or a user tells a run.
///
/// Handling is total: an input that comes late, twice, out of order or for something that doesn't
/// exist changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The dispatcher gave an attempt what it waits for.
    Granted {
        /// The attempt.
        key: AttemptKey,
    },
    /// The dispatcher will not give an attempt what it waits for.
    Denied {
        /// The attempt.
        key: AttemptKey,
        /// Why. If it names a time (`retry_at`), the attempt may ask again then.
        failure: Failure,
    },
    /// The provider took the job.
    Accepted {
        /// The attempt.
        key: AttemptKey,
        /// The provider's name for the job.
        job: String,
    },
    /// An attempt's work came to an end.
    Ended {
        /// The attempt.
        key: AttemptKey,
        /// How.
        end: AttemptEnd,
    },
    /// Time has passed: some deadline may be due.
    Tick,
    /// End the run.
    Cancel {
        /// Who asks.
        by: String,
        /// Why, in words.
        reason: String,
    },
    /// A process takes the run up again.
    Resume {
        /// How long nobody drove it.
        away: Span,
    },
}

/// How an attempt's work ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEnd {
    /// With a result.
    Succeeded {
        /// The outputs by name, a map.
        output: Value,
        /// What it cost.
        cost: Money,
    },
    /// With a failure.
    Failed {
        /// Why.
        failure: Failure,
        /// What it cost all the same.
        cost: Money,
    },
    /// Stopped as it was told.
    Cancelled,
}
