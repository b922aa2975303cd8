//! An attempt: one try of a step at one target, from its plan to its end.
//!
//! Work of this machine is planned, and ends. A call that may cost (its contract has a
//! [`motet_pipeline::contract::Call`]) has a longer life: it is sent once, may be a job that the provider names,
//! and how it ended may not be knowable. [`Phase::after`] is the table of that life.

use std::sync::Arc;

use motet_pipeline::value::journal;
use motet_pipeline::{Contract, Cost, Money, Value};
use serde::{Deserialize, Serialize};

use crate::Intent;
use crate::command::Act;
use crate::event::AttemptEvent;

/// An attempt that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// Counts the attempts of the step over all targets, from 1.
    pub(crate) number: u32,
    /// Which target.
    pub(crate) target: usize,
    /// The most it may cost.
    pub(crate) estimate: Money,
    /// Of a call: what its request is made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Arc<Intent>>,
    /// Whether its request got no reply, or none that tells whether it was taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) doubted: bool,
    /// If so: whether the reply may still come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) awaits_reply: bool,
    /// What it cost already, because a job of it was paid, and what that gave is gone.
    #[serde(default, skip_serializing_if = "Cost::is_none")]
    pub(crate) cost: Cost,
    /// How far it is.
    pub(crate) phase: Phase,
    /// What a call was made with, if nobody wants it any more: its job is told by that from others, and so is what it costs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
    pub(crate) inputs: Option<Value>,
}

/// How far an attempt is that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is about to begin, or under way.
    Planned,
    /// Its request may have left or not: nobody drove the run since.
    Doubtful,
    /// The provider took the job and queued it.
    Accepted {
        /// The provider's name for it.
        job: String,
    },
    /// The provider runs the job.
    Running {
        /// The provider's name for it.
        job: String,
    },
    /// The job is done, and its result is fetched.
    Fetching {
        /// The provider's name for it.
        job: String,
    },
    /// How it ended can't be known, so a policy or a person decides.
    Unknown {
        /// The provider's name for it, if it had one.
        job: Option<String>,
    },
    /// Nobody wants it any more, and its end is awaited.
    Stopping {
        /// The provider's name for it, if it is known.
        job: Option<String>,
        /// Whether its request may have left or not.
        doubtful: bool,
        /// Whether its job is done and its result is still fetched: it is paid, and a later run may take it over.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        fetches: bool,
        /// Whether nobody could tell how it ended, and it was given up: its reply may come, and nobody looks for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        given_up: bool,
    },
}

/// Where an event leaves an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// In this phase.
    Phase(Phase),
    /// At its end.
    Over,
}

impl Phase {
    /// The word in reports: `planned`, `doubtful`, `accepted`, `running`, `fetching`, `unknown` or `stopping`.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Planned => "planned",
            Phase::Doubtful => "doubtful",
            Phase::Accepted { .. } => "accepted",
            Phase::Running { .. } => "running",
            Phase::Fetching { .. } => "fetching",
            Phase::Unknown { .. } => "unknown",
            Phase::Stopping { .. } => "stopping",
        }
    }

    /// The provider's name for the job, if it has one.
    pub fn job(&self) -> Option<&str> {
        match self {
            Phase::Planned | Phase::Doubtful => None,
            Phase::Accepted { job } | Phase::Running { job } | Phase::Fetching { job } => Some(job),
            Phase::Unknown { job } | Phase::Stopping { job, .. } => job.as_deref(),
        }
    }

    /// Whether the step still waits for its end.
    pub fn is_wanted(&self) -> bool {
        !matches!(self, Phase::Stopping { .. })
    }

    /// Whether the reply to its request is awaited, and the provider has not been asked about it yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self, Phase::Planned | Phase::Stopping { job: None, doubtful: false, given_up: false, .. })
    }

    /// Nobody drove the run since: whether a request without a reply has left, nobody knows.
    pub(crate) fn doubt(&mut self) {
        match self {
            Phase::Planned => *self = Phase::Doubtful,
            Phase::Stopping { job: None, doubtful, given_up: false, .. } => *doubtful = true,
            _ => {}
        }
    }

    /// What follows from an event; nothing if the event can't happen in this phase.
    pub fn after(&self, event: &AttemptEvent) -> Option<Next> {
        use Phase::*;
        let job = || self.job().map(str::to_owned);
        let next = match (self, event) {
            (Planned | Doubtful | Unknown { .. }, AttemptEvent::Accepted { job, .. }) => {
                Accepted { job: job.clone() }
            }
            (Planned, AttemptEvent::Doubted { .. }) => Doubtful,
            (Stopping { .. }, AttemptEvent::Doubted { .. }) if self.is_unanswered() => {
                Stopping { job: None, doubtful: true, fetches: false, given_up: false }
            }
            (Doubtful, AttemptEvent::Absent {}) => return Some(Next::Over),
            (Accepted { job }, AttemptEvent::Began { .. }) => Running { job: job.clone() },
            (Accepted { job } | Running { job }, AttemptEvent::Finished {}) => Fetching { job: job.clone() },
            (Stopping { job: None, .. }, AttemptEvent::AcceptedLate { job }) => {
                Stopping { job: Some(job.clone()), doubtful: false, fetches: false, given_up: false }
            }
            (Unknown { .. } | Stopping { .. }, AttemptEvent::Unknown { .. }) => return None,
            (_, AttemptEvent::Unknown { .. }) => Unknown { job: job() },
            (Stopping { .. }, AttemptEvent::Ended { .. }) => return Some(Next::Over),
            (Stopping { .. }, _) => return None,
            (_, AttemptEvent::Abandoned { .. } | AttemptEvent::Failed { abandoned: true, .. }) => {
                let (fetches, given_up) = (matches!(self, Fetching { .. }), matches!(self, Unknown { .. }));
                Stopping { job: job(), doubtful: *self == Doubtful, fetches, given_up }
            }
            (_, AttemptEvent::Succeeded { .. } | AttemptEvent::Failed { .. }) => return Some(Next::Over),
            (phase, AttemptEvent::Warned { .. }) => phase.clone(),
            _ => return None,
        };
        Some(Next::Phase(next))
    }
}

impl Attempt {
    /// Whether its request means the same however often it is sent.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.repeatable)
    }

    /// What is to be done for it as it stands, by an operation of this contract; nothing if nobody can do
    /// anything but wait.
    pub(crate) fn act(&self, contract: &Contract) -> Option<Act> {
        if contract.call.is_none() {
            return (!matches!(self.phase, Phase::Unknown { .. })).then_some(Act::Work);
        }
        Some(match &self.phase {
            Phase::Planned => Act::Submit,
            Phase::Doubtful => Act::Reconcile,
            Phase::Accepted { job } => Act::Poll { job: job.clone(), running: false },
            Phase::Running { job } => Act::Poll { job: job.clone(), running: true },
            Phase::Fetching { job } => Act::Fetch { job: job.clone() },
            Phase::Unknown { .. } => return None,
            Phase::Stopping { job: Some(job), fetches: true, .. } => Act::Fetch { job: job.clone() },
            Phase::Stopping { job: Some(job), .. } => Act::Cancel { job: job.clone() },
            Phase::Stopping { job: None, doubtful: true, .. } => Act::Reconcile,
            // The reply to its request is awaited.
            Phase::Stopping { job: None, doubtful: false, .. } => return None,
        })
    }
}
