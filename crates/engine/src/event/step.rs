//! What happens to a step, or to an item of one.

use std::fmt;

use motet_pipeline::value::journal;
use motet_pipeline::{Digest, Failure, Money, Span, StepPath, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::input::Decision;
use crate::{Items, RunId};

/// Something that happened to a step, or to an item of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StepEvent {
    /// A fan-out's list is known.
    #[serde(rename = "step_expanded")]
    Expanded {
        /// Its items.
        items: Items,
    },
    /// All that the step (or item) waits for is there, and its condition held.
    #[serde(rename = "step_ready")]
    Ready {
        /// Its resolved inputs; nothing for an inline group.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
        inputs: Option<Value>,
        /// Whether it has inputs and steps inside it, which may start now: a used file. Older journals don't
        /// say so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        opens: bool,
        /// Under which key its result is kept for other runs, if its step has `cache`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<Box<CacheKey>>,
    },
    /// The step (or item) doesn't run: it is absent.
    #[serde(rename = "step_skipped")]
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// The step sleeps without an attempt (`flow/sleep`).
    #[serde(rename = "step_slept")]
    Slept {
        /// Until when.
        until: Timestamp,
    },
    /// A sleep is over: that of `flow/sleep`, or the pause before a retry.
    #[serde(rename = "step_woken")]
    Woken {},
    /// The same target will be tried again.
    #[serde(rename = "retry_scheduled")]
    RetryScheduled {
        /// Not before this.
        at: Timestamp,
        /// Why, and why then, in words.
        reason: String,
        /// Whether the failed attempt counts (a throttled answer in the target's own shape doesn't).
        counted: bool,
    },
    /// The next target is taken.
    #[serde(rename = "fallback_taken")]
    FallbackTaken {
        /// Which target: 1 is the first fallback.
        target: usize,
        /// Why, in words.
        reason: String,
    },
    /// A fallback's inputs are resolved.
    #[serde(rename = "target_ready")]
    TargetReady {
        /// Which target.
        target: usize,
        /// Its resolved inputs.
        #[serde(deserialize_with = "journal::value")]
        inputs: Value,
        /// Inherited parameters that this target doesn't know.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dropped: Vec<String>,
    },
    /// The step (or item) waits for a decision or for money.
    #[serde(rename = "step_parked")]
    Parked {
        /// What it waits for.
        reason: ParkReason,
        /// What happened, in words.
        message: String,
    },
    /// Somebody decided what is to become of a step (or item) that is parked, or of whose attempt the outcome is unknown.
    #[serde(rename = "step_resolved")]
    Resolved {
        /// What is to be done.
        decision: Decision,
        /// Who decided.
        by: String,
        /// Whether it was stuck: it is an undo that could not be done.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stuck: bool,
    },
    /// The step (or item) was parked for money, and asks for it again.
    #[serde(rename = "step_funded")]
    Funded {},
    /// The step (or item) has its output.
    #[serde(rename = "step_completed")]
    Completed {
        /// What it gives, a map; nothing for a fanned-out step, whose items have theirs.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
        output: Option<Value>,
        /// Where it comes from, if it wasn't made in this run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reused: Option<Box<Reused>>,
        /// Under which key it is kept for other runs, if it was made in this one for them as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<Box<CacheKey>>,
    },
    /// The step (or item) failed for good.
    #[serde(rename = "step_failed")]
    Failed {
        /// Why.
        failure: Failure,
        /// Whether the failure is tolerated (`optional`): the step is absent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tolerated: bool,
    },
    /// The step (or item) was cancelled.
    #[serde(rename = "step_cancelled")]
    Cancelled {
        /// Why, in words.
        reason: String,
        /// What somebody asked to cancel: this one, or a step or item that this one can't do without. Nothing if it
        /// was called off because something around it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<StepPath>,
        /// Whether that is tolerated (`optional`): the step is absent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tolerated: bool,
    },
}

/// Under which key a result is kept for other runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheKey {
    /// What tells it from other results.
    pub fingerprint: Digest,
    /// What it is made with: a model, or another operation.
    pub operation: String,
    /// How old it may be when it is taken; if that isn't said, however old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// Where a result comes from that was made in an earlier run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reused {
    /// The run that made it.
    pub run: RunId,
    /// What it cost there: so much is saved.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub cost: Money,
    /// Which target made it: 0 is the first, then the fallbacks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub target: usize,
    /// Where it was made, if that isn't the place where it is reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// The attempt that gave it; 0 if there was none, or older versions didn't say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// What that attempt was made with: a model, or another operation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operation: String,
}

pub(super) fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// What a parked step or run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// A person's yes.
    Approval,
    /// More money.
    Budget,
    /// A decision on an attempt that was paid, and whose result the provider has deleted.
    Expired,
    /// A decision on a compensation that failed.
    Stuck,
    /// A decision on an attempt whose outcome is unknown.
    Unknown,
}

impl ParkReason {
    /// All reasons.
    pub const ALL: [ParkReason; 5] = [
        ParkReason::Approval,
        ParkReason::Budget,
        ParkReason::Expired,
        ParkReason::Stuck,
        ParkReason::Unknown,
    ];

    /// The word in events and reports: `approval`, `budget`, `expired`, `stuck` or `unknown`.
    pub fn word(self) -> &'static str {
        match self {
            ParkReason::Approval => "approval",
            ParkReason::Budget => "budget",
            ParkReason::Expired => "expired",
            ParkReason::Stuck => "stuck",
            ParkReason::Unknown => "unknown",
        }
    }
}

/// Why a step doesn't run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `if` does not hold.
    Condition,
    /// An input that it can't do without is absent.
    Absent {
        /// The parameter, or `each`.
        input: String,
    },
    /// A step that it needs failed or was cancelled, or that one in turn needs such a one.
    Upstream {
        /// That step.
        step: StepPath,
        /// Whether it was cancelled.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cancelled: bool,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::Condition => f.write_str("its condition did not hold"),
            SkipReason::Absent { input } => write!(f, "its input `{input}` is absent"),
            SkipReason::Upstream { step, cancelled: true } => write!(f, "step `{step}` was cancelled"),
            SkipReason::Upstream { step, .. } => write!(f, "step `{step}` failed"),
        }
    }
}

impl StepEvent {
    /// It is cancelled because something around it ended.
    pub(crate) fn called_off(reason: &str) -> StepEvent {
        StepEvent::Cancelled { reason: reason.to_owned(), origin: None, tolerated: false }
    }

    pub(super) fn values(&self) -> [Option<&Value>; 2] {
        match self {
            StepEvent::Expanded { items } => items.values(),
            StepEvent::Ready { inputs: value, .. } | StepEvent::Completed { output: value, .. } => {
                [value.as_ref(), None]
            }
            StepEvent::TargetReady { inputs, .. } => [Some(inputs), None],
            _ => [None, None],
        }
    }

    pub(super) fn values_mut(&mut self) -> [Option<&mut Value>; 2] {
        match self {
            StepEvent::Expanded { items } => items.values_mut(),
            StepEvent::Ready { inputs: value, .. } | StepEvent::Completed { output: value, .. } => {
                [value.as_mut(), None]
            }
            StepEvent::TargetReady { inputs, .. } => [Some(inputs), None],
            _ => [None, None],
        }
    }
}
