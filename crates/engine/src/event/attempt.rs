//! What happens to an attempt of a step or item.

use std::sync::Arc;

use motet_pipeline::value::journal;
use motet_pipeline::{Cost, Failure, Money, Timestamp, Usage, Value};
use serde::{Deserialize, Serialize};

use super::CacheKey;
use crate::Intent;

/// Something that happened to an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttemptEvent {
    /// An attempt is about to be made. Recorded before anything leaves (law L1).
    #[serde(rename = "attempt_planned")]
    Planned {
        /// Which target: 0 is the first, then the fallbacks.
        target: usize,
        /// The operation.
        operation: String,
        /// The version of its contract: with the operation and its resolved inputs, what tells results apart.
        #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
        version: u32,
        /// The most it may cost.
        #[serde(default, skip_serializing_if = "Money::is_zero")]
        estimate: Money,
        /// When it counts as timed out.
        deadline: Timestamp,
        /// Of a call: what its request is made with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Arc<Intent>>,
    },
    /// The provider took the job and named it.
    #[serde(rename = "attempt_accepted")]
    Accepted {
        /// The provider's name for the job.
        job: String,
        /// When the job counts as timed out if the provider doesn't run it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// The provider took the job of an attempt that nobody waits for any more. It is recorded, so that the
    /// job can be cancelled there.
    #[serde(rename = "attempt_accepted_late")]
    AcceptedLate {
        /// The provider's name for the job.
        job: String,
    },
    /// Its request may have arrived or not: the provider is asked.
    #[serde(rename = "attempt_doubted")]
    Doubted {
        /// What is known of it, of class `unknown`.
        failure: Failure,
        /// When that is given up.
        deadline: Timestamp,
        /// Whether its own reply may still come.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        awaits_reply: bool,
    },
    /// Nobody drove the run when its request was to leave, and the provider never took it: it is over, and doesn't
    /// count. A new attempt is made.
    #[serde(rename = "attempt_absent")]
    Absent {},
    /// The provider runs the job: its time in the queue is over.
    #[serde(rename = "attempt_began")]
    Began {
        /// When it counts as timed out.
        deadline: Timestamp,
    },
    /// The job is done; its result is about to be fetched.
    #[serde(rename = "attempt_finished")]
    Finished {},
    /// How the attempt ended can't be known: a policy or a person decides what follows.
    #[serde(rename = "attempt_unknown")]
    Unknown {
        /// What is known: of class `unknown`, or `gone` if it ended well and its result is deleted.
        failure: Failure,
        /// What it cost, if its result is deleted and that is known. It is booked once it is decided what follows.
        #[serde(default, skip_serializing_if = "Cost::is_none")]
        cost: Cost,
    },
    /// Something that somebody should know, though the attempt continues, or succeeds.
    #[serde(rename = "attempt_warned")]
    Warned {
        /// What, in words.
        message: String,
    },
    /// An attempt gave a good result, which follows in the next event of the turn.
    #[serde(rename = "attempt_succeeded")]
    Succeeded {
        /// What it cost.
        #[serde(default, skip_serializing_if = "Cost::is_none")]
        cost: Cost,
        /// What was used.
        #[serde(default, skip_serializing_if = "Usage::is_empty")]
        usage: Usage,
    },
    /// An attempt failed.
    #[serde(rename = "attempt_failed")]
    Failed {
        /// Why.
        failure: Failure,
        /// What it cost all the same.
        #[serde(default, skip_serializing_if = "Cost::is_none")]
        cost: Cost,
        /// Whether the work itself may still be going on and its end will be reported.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        abandoned: bool,
        /// If so: when its end is no longer awaited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Whether nobody can tell how it ended, and it is made again because that is cheap.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        resent: bool,
    },
    /// An attempt is no longer wanted: it was asked to stop, and its end will be reported.
    #[serde(rename = "attempt_abandoned")]
    Abandoned {
        /// Why, in words.
        reason: String,
        /// When its end is no longer awaited; nothing if it will come for certain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The end of an attempt that nobody waits for any more. It is booked and changes nothing else.
    #[serde(rename = "attempt_ended")]
    Ended {
        /// How it ended: `succeeded`, `failed`, `cancelled` or `unknown`.
        end: LateEnd,
        /// What it gave, if it did: kept, never joined.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
        output: Option<Value>,
        /// What it cost.
        #[serde(default, skip_serializing_if = "Cost::is_none")]
        cost: Cost,
        /// Why it is unknown how it ended, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Under which key its output is kept for other runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<Box<CacheKey>>,
    },
}

/// How an attempt ended that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateEnd {
    /// With a result.
    Succeeded,
    /// With a failure.
    Failed,
    /// Stopped as it was asked to.
    Cancelled,
    /// Nobody can tell, or nobody waited any longer.
    Unknown,
}

fn first_version() -> u32 {
    1
}

fn is_first_version(version: &u32) -> bool {
    *version == 1
}

impl AttemptEvent {
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            AttemptEvent::Ended { output, .. } => output.as_ref(),
            _ => None,
        }
    }

    pub(super) fn value_mut(&mut self) -> Option<&mut Value> {
        match self {
            AttemptEvent::Ended { output, .. } => output.as_mut(),
            _ => None,
        }
    }

    /// It failed, and nothing more will come of it.
    pub(crate) fn failed(failure: Failure, cost: Cost) -> AttemptEvent {
        AttemptEvent::Failed { failure, cost, abandoned: false, until: None, resent: false }
    }

    /// Nobody waited for it any more, and it gave nothing.
    pub(crate) fn ended(end: LateEnd, cost: Cost) -> AttemptEvent {
        AttemptEvent::Ended { end, output: None, cost, why: None, cache: None }
    }

    /// Nobody will know how it ended, and `why`: it may have cost so much.
    pub(crate) fn out_of_sight(cost: Cost, why: String) -> AttemptEvent {
        AttemptEvent::Ended { end: LateEnd::Unknown, output: None, cost, why: Some(why), cache: None }
    }

    /// What was spent, as this event tells.
    pub fn cost(&self) -> Cost {
        match self {
            AttemptEvent::Succeeded { cost, .. }
            | AttemptEvent::Failed { cost, .. }
            | AttemptEvent::Ended { cost, .. } => *cost,
            _ => Cost::NONE,
        }
    }
}
