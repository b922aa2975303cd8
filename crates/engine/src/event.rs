//! Events: what is recorded, in the past tense. A run is the fold of its events.
//!
//! Names and shapes are fixed: stores written by any version hold them. A field may be added if it
//! has a default; none may change its meaning. A field with a [`Value`] is read by
//! [`motet_pipeline::value::journal`]: a value by itself is read plainly, as JSON of others is.

use std::collections::BTreeMap;
use std::fmt;

use motet_pipeline::value::journal;
use motet_pipeline::{Digest, Failure, Money, Span, StepPath, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::{Items, RunId, StepStatus};

/// The number of the event format. A journal of a newer format is refused. Format 1 held the items of a
/// fan-out one by one.
pub const SCHEMA: u32 = 2;

/// What one input led to: the unit that is appended to a journal, whole or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Counts the turns of a run, from 1.
    pub number: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened, in order. Never empty.
    pub events: Vec<Event>,
}

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run was accepted. Always the first event.
    RunStarted(Box<RunStarted>),
    /// A process took the run up again after nobody drove it for `away`.
    RunResumed {
        /// How long nobody drove the run, in milliseconds.
        away: Span,
    },
    /// Somebody asked to end the run.
    CancelRequested {
        /// Who: a user, `timeout`, …
        by: String,
        /// Why, in words.
        reason: String,
    },
    /// A fan-out's list is known.
    StepExpanded {
        /// The step.
        step: StepPath,
        /// Its items.
        items: Items,
    },
    /// All that the step (or item) waits for is there, and its condition held.
    StepReady {
        /// The step or item.
        step: StepPath,
        /// Its resolved inputs; nothing for an inline group.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
        inputs: Option<Value>,
    },
    /// The step (or item) doesn't run: it is absent.
    StepSkipped {
        /// The step or item.
        step: StepPath,
        /// Why.
        reason: SkipReason,
    },
    /// The step sleeps without an attempt (`flow/sleep`).
    StepSlept {
        /// The step or item.
        step: StepPath,
        /// Until when.
        until: Timestamp,
    },
    /// A sleep is over: that of `flow/sleep`, or the pause before a retry.
    StepWoken {
        /// The step or item.
        step: StepPath,
    },
    /// An attempt is about to be made. Recorded before anything leaves (law L1).
    AttemptPlanned {
        /// The step or item.
        step: StepPath,
        /// Counts the attempts of the step over all targets, from 1.
        attempt: u32,
        /// Which target: 0 is the first, then the fallbacks.
        target: usize,
        /// The operation.
        operation: String,
        /// The most it may cost.
        #[serde(default, skip_serializing_if = "Money::is_zero")]
        estimate: Money,
        /// When it counts as timed out.
        deadline: Timestamp,
    },
    /// The provider took the job and named it.
    AttemptAccepted {
        /// The step or item.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// The provider's name for the job.
        job: String,
    },
    /// An attempt gave a good result, which follows in the next event of the turn.
    AttemptSucceeded {
        /// The step or item.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// What it cost.
        #[serde(default, skip_serializing_if = "Money::is_zero")]
        cost: Money,
    },
    /// An attempt failed.
    AttemptFailed {
        /// The step or item.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// What it cost all the same.
        #[serde(default, skip_serializing_if = "Money::is_zero")]
        cost: Money,
        /// Whether the work itself may still be going on and its end will be told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        abandoned: bool,
    },
    /// An attempt is no longer wanted: it was told to stop, and its end will be told.
    AttemptAbandoned {
        /// The step or item.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// Why, in words.
        reason: String,
    },
    /// The end of an attempt that nobody waits for any more. It is booked and changes nothing else.
    AttemptEnded {
        /// The step or item.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
        /// How it ended: `succeeded`, `failed` or `cancelled`.
        end: LateEnd,
        /// What it gave, if it did: kept, never joined.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
        output: Option<Value>,
        /// What it cost.
        #[serde(default, skip_serializing_if = "Money::is_zero")]
        cost: Money,
    },
    /// The same target will be tried again.
    RetryScheduled {
        /// The step or item.
        step: StepPath,
        /// Not before this.
        at: Timestamp,
        /// Why, and why then, in words.
        reason: String,
        /// Whether the failed attempt counts (a throttled answer in the target's own shape doesn't).
        counted: bool,
    },
    /// The next target is taken.
    FallbackTaken {
        /// The step or item.
        step: StepPath,
        /// Which target: 1 is the first fallback.
        target: usize,
        /// Why, in words.
        reason: String,
    },
    /// A fallback's inputs are resolved.
    TargetReady {
        /// The step or item.
        step: StepPath,
        /// Which target.
        target: usize,
        /// Its resolved inputs.
        #[serde(deserialize_with = "journal::value")]
        inputs: Value,
        /// Inherited parameters that this target doesn't know.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dropped: Vec<String>,
    },
    /// The step (or item) has its output.
    StepCompleted {
        /// The step or item.
        step: StepPath,
        /// What it gives, a map; nothing for a fanned-out step, whose items have theirs.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
        output: Option<Value>,
    },
    /// The step (or item) failed for good.
    StepFailed {
        /// The step or item.
        step: StepPath,
        /// Why.
        failure: Failure,
        /// Whether the failure is tolerated (`optional`): the step is absent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tolerated: bool,
    },
    /// The step (or item) was called off.
    StepCancelled {
        /// The step or item.
        step: StepPath,
        /// Why, in words.
        reason: String,
    },
    /// The run reached its end.
    RunCompleted {
        /// What it gives, a map.
        #[serde(deserialize_with = "journal::value")]
        outputs: Value,
        /// Whether failures were tolerated or fallbacks taken.
        degraded: bool,
    },
    /// The run failed.
    RunFailed {
        /// The step that failed first; nothing if it was the run itself (its outputs, its time).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// The run was called off.
    RunCancelled {
        /// Why, in words.
        reason: String,
    },
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
    /// Labels of the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
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
    /// A step that it needs failed, or that one in turn needs one that failed.
    Upstream {
        /// The step that failed.
        step: StepPath,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::Condition => f.write_str("its condition did not hold"),
            SkipReason::Absent { input } => write!(f, "its input `{input}` is absent"),
            SkipReason::Upstream { step } => write!(f, "step `{step}` failed"),
        }
    }
}

/// About how many bytes a value takes in a journal.
fn weight(value: &Value) -> usize {
    /// What is larger stands in a journal as a reference.
    const KEPT_BESIDE_BYTES: u64 = 64 * 1024;
    const REFERENCE_BYTES: usize = 256;
    match value.units() {
        units @ ..=KEPT_BESIDE_BYTES => units as usize,
        _ => REFERENCE_BYTES,
    }
}

/// How an attempt ended that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateEnd {
    /// With a result.
    Succeeded,
    /// With a failure.
    Failed,
    /// Stopped as it was told.
    Cancelled,
}

/// The step of an event, borrowed as the event is: one list for reading it and for changing it.
macro_rules! step_of {
    ($event:expr) => {
        match $event {
            Event::StepExpanded { step, .. }
            | Event::StepReady { step, .. }
            | Event::StepSkipped { step, .. }
            | Event::StepSlept { step, .. }
            | Event::StepWoken { step, .. }
            | Event::AttemptPlanned { step, .. }
            | Event::AttemptAccepted { step, .. }
            | Event::AttemptSucceeded { step, .. }
            | Event::AttemptFailed { step, .. }
            | Event::AttemptAbandoned { step, .. }
            | Event::AttemptEnded { step, .. }
            | Event::RetryScheduled { step, .. }
            | Event::FallbackTaken { step, .. }
            | Event::TargetReady { step, .. }
            | Event::StepCompleted { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepCancelled { step, .. } => Some(step),
            Event::RunStarted(_)
            | Event::RunResumed { .. }
            | Event::CancelRequested { .. }
            | Event::RunCompleted { .. }
            | Event::RunFailed { .. }
            | Event::RunCancelled { .. } => None,
        }
    };
}

/// The values that an event carries, borrowed as the event is.
macro_rules! values_of {
    ($event:expr, $borrow:ident, $values:ident $(, $mutable:tt)?) => {
        match $event {
            Event::RunStarted(started) => [Some(& $($mutable)? started.inputs), None],
            Event::StepExpanded { items, .. } => items.$values(),
            Event::StepReady { inputs: value, .. }
            | Event::AttemptEnded { output: value, .. }
            | Event::StepCompleted { output: value, .. } => [value.$borrow(), None],
            Event::TargetReady { inputs: value, .. } | Event::RunCompleted { outputs: value, .. } => {
                [Some(value), None]
            }
            Event::RunResumed { .. }
            | Event::CancelRequested { .. }
            | Event::StepSkipped { .. }
            | Event::StepSlept { .. }
            | Event::StepWoken { .. }
            | Event::AttemptPlanned { .. }
            | Event::AttemptAccepted { .. }
            | Event::AttemptSucceeded { .. }
            | Event::AttemptFailed { .. }
            | Event::AttemptAbandoned { .. }
            | Event::RetryScheduled { .. }
            | Event::FallbackTaken { .. }
            | Event::StepFailed { .. }
            | Event::StepCancelled { .. }
            | Event::RunFailed { .. }
            | Event::RunCancelled { .. } => [None, None],
        }
    };
}

impl Event {
    /// The step or item that the event is about; nothing for events of the run.
    pub fn step(&self) -> Option<&StepPath> {
        step_of!(self)
    }

    /// The same, to be changed: what shows events may have to hide a part of it.
    pub fn step_mut(&mut self) -> Option<&mut StepPath> {
        step_of!(self)
    }

    /// The values that the event carries: inputs, items, outputs.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        values_of!(self, as_ref, values).into_iter().flatten()
    }

    /// The same, to be changed: a store keeps long ones apart.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        values_of!(self, as_mut, values_mut, mut).into_iter().flatten()
    }

    /// About how many bytes the event takes in a journal, where large values stand as references.
    pub(crate) fn weight(&self) -> usize {
        const USUAL_BYTES: usize = 120;
        let step = self.step().map_or(0, |step| step.as_str().len());
        USUAL_BYTES + step + self.values().map(weight).sum::<usize>()
    }

    /// How a step or item ended with this event, if one did.
    pub fn step_end(&self) -> Option<StepStatus> {
        match self {
            Event::StepCompleted { .. } => Some(StepStatus::Completed),
            Event::StepFailed { .. } => Some(StepStatus::Failed),
            Event::StepSkipped { .. } => Some(StepStatus::Skipped),
            Event::StepCancelled { .. } => Some(StepStatus::Cancelled),
            _ => None,
        }
    }

    /// What was spent, as this event tells.
    pub fn cost(&self) -> Money {
        match self {
            Event::AttemptSucceeded { cost, .. }
            | Event::AttemptFailed { cost, .. }
            | Event::AttemptEnded { cost, .. } => *cost,
            _ => Money::ZERO,
        }
    }

    /// Whether the run is over with this event.
    pub fn ends_run(&self) -> bool {
        matches!(self, Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCancelled { .. })
    }
}
