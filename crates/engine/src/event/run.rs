//! What happens to a run as a whole.

use std::collections::BTreeMap;

use motet_pipeline::value::journal;
use motet_pipeline::{Digest, Failure, Money, Span, StepPath, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::ParkReason;
use super::step::is_zero;
use crate::RunId;

/// Something that happened to a run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RunEvent {
    /// The run was accepted. Always the first event.
    #[serde(rename = "run_started")]
    Started(Box<RunStarted>),
    /// A process took the run up again after nobody drove it for `away`.
    #[serde(rename = "run_resumed")]
    Resumed {
        /// How long nobody drove the run, in milliseconds.
        away: Span,
    },
    /// Somebody asked to end the run.
    #[serde(rename = "cancel_requested")]
    CancelRequested {
        /// Who: a user, `timeout`, …
        by: String,
        /// Why, in words.
        reason: String,
    },
    /// Somebody asked to cancel a step or item, which may not have begun yet.
    #[serde(rename = "cancel_step_requested")]
    StepCancelRequested {
        /// Which.
        step: StepPath,
        /// Who.
        by: String,
        /// Why, in words.
        reason: String,
    },
    /// Nothing moves in the run any more before somebody decides something, or there is money.
    #[serde(rename = "run_parked")]
    Parked {
        /// What it waits for; of several reasons, the first that a person can settle.
        reason: ParkReason,
    },
    /// Something moves again in a parked run.
    #[serde(rename = "run_unparked")]
    Unparked {},
    /// Somebody set what the run may spend.
    #[serde(rename = "run_budget_set")]
    BudgetSet {
        /// The most; nothing for no limit of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Money>,
        /// What single steps may spend of it: see [`Allowance::quoted`](crate::Allowance::quoted).
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        quoted: BTreeMap<String, Money>,
        /// Who.
        by: String,
    },
    /// How the run ends is decided: what it still does can't change that.
    #[serde(rename = "run_closing")]
    Closing {
        /// How it ends.
        ending: Ending,
        /// Whether what was done is undone first.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    /// What was done is undone, as far as it could be.
    #[serde(rename = "run_undone")]
    Undone {
        /// How many steps and items are undone.
        undone: u32,
        /// How many could not be.
        #[serde(default, skip_serializing_if = "is_zero")]
        stuck: u32,
    },
    /// The run reached its end.
    #[serde(rename = "run_completed")]
    Completed {
        /// What it gives, a map.
        #[serde(deserialize_with = "journal::value")]
        outputs: Value,
        /// Whether failures were tolerated or fallbacks used.
        degraded: bool,
    },
    /// The run failed.
    #[serde(rename = "run_failed")]
    Failed {
        /// The step that failed first; nothing if it was the run itself (its outputs, its time).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// The run was cancelled.
    #[serde(rename = "run_cancelled")]
    Cancelled {
        /// Why, in words.
        reason: String,
    },
}

impl RunEvent {
    /// How the run ends by this, if it does.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self {
            RunEvent::Completed { degraded, .. } => Some(Ending::Completed { degraded: *degraded }),
            RunEvent::Failed { step, failure } => {
                Some(Ending::Failed { step: step.clone(), failure: failure.clone() })
            }
            RunEvent::Cancelled { reason } => Some(Ending::Cancelled { reason: reason.clone() }),
            _ => None,
        }
    }
}

/// How a run ends, as it is decided before it does what it does at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With its outputs.
    Completed {
        /// Whether failures were tolerated or fallbacks used.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        degraded: bool,
    },
    /// With a failure.
    Failed {
        /// The step that failed first; nothing if it was the run itself (its outputs, its time).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// Called off.
    Cancelled {
        /// Why, in words.
        reason: String,
    },
}

impl Ending {
    /// The word in expressions, events and reports: `completed`, `failed` or `cancelled`.
    pub fn word(&self) -> &'static str {
        match self {
            Ending::Completed { .. } => "completed",
            Ending::Failed { .. } => "failed",
            Ending::Cancelled { .. } => "cancelled",
        }
    }
}

/// What a run was started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The format of this run's events.
    pub schema: u32,
    /// The run.
    pub run: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pinned plan.
    pub plan: Digest,
    /// Accepted inputs with their defaults, a map.
    #[serde(deserialize_with = "journal::value")]
    pub inputs: Value,
    /// What all randomness of the run comes from.
    pub seed: u64,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it may spend, if that was asked for where it was started; else the pipeline's `budget` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// What single steps may spend of it, by a quote: see [`Allowance::quoted`](crate::Allowance::quoted).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quoted: BTreeMap<String, Money>,
    /// When a call of which nobody can tell what became of it is made again.
    #[serde(default, skip_serializing_if = "Resends::are_none")]
    pub resends: Resends,
    /// Labels of the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether its steps with `cache` take nothing from other runs. What they make is kept for others all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
    /// The run that it continues from, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<Base>>,
}

/// How a run continues from an earlier one: it takes over what that one finished, as far as it was made from the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The earlier run.
    pub run: RunId,
    /// The first run of the lineage: what `run.id` means in expressions, so that what is made of it stays the same.
    pub root: RunId,
    /// When that one was started: what `run.started_at` means in expressions.
    pub root_at: Timestamp,
    /// What all earlier runs of the lineage cost.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub spent: Money,
    /// What is done again, with all that depends on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<StepPath>,
    /// What is done again with another seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<StepPath>,
    /// Whether it does nothing but undo what that run did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
}

/// When a call of which nobody can tell what became of it is made again, though it may be paid twice: only where
/// that is written nowhere in the pipeline, and it is cheap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resends {
    /// The most that such a call may cost.
    pub below: Money,
    /// The most that all of them may cost in one run.
    pub total: Money,
}

impl Resends {
    /// Whether no call is made again.
    pub fn are_none(&self) -> bool {
        self.below.is_zero() || self.total.is_zero()
    }
}

impl RunEvent {
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            RunEvent::Started(started) => Some(&started.inputs),
            RunEvent::Completed { outputs, .. } => Some(outputs),
            _ => None,
        }
    }

    pub(super) fn value_mut(&mut self) -> Option<&mut Value> {
        match self {
            RunEvent::Started(started) => Some(&mut started.inputs),
            RunEvent::Completed { outputs, .. } => Some(outputs),
            _ => None,
        }
    }

    /// Whether the run is over with this event.
    pub fn ends_run(&self) -> bool {
        matches!(self, RunEvent::Completed { .. } | RunEvent::Failed { .. } | RunEvent::Cancelled { .. })
    }
}
