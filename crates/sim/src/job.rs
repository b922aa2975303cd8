//! Jobs. A job's start and end are decided when it is created, so its state at any moment is a pure function of that moment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::media::Media;
use crate::scenario::{Fault, Provider};

/// Billionths of a dollar.
pub(crate) type Nanos = u64;

/// How a job was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// Asynchronous: the client polls it.
    Job,
    /// Synchronous: the reply is the result.
    Call,
}

/// How a job ends unless it is cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded,
    /// The model failed.
    Failed,
    /// The content was refused.
    Refused,
    /// The inputs are invalid, which the provider reports as the job's result; with its error body.
    Invalid(Value),
}

/// The state of a job at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Running,
    Succeeded,
    Failed,
    /// Cancelled by the client, or by its deadline while it ran.
    Cancelled,
    /// Its deadline passed before it started.
    Aborted,
}

impl Phase {
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Phase::Queued | Phase::Running)
    }
}

/// Where webhooks of a job go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) url: String,
    /// The requested events, in the provider's names.
    pub(crate) events: Vec<String>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) provider: Provider,
    /// The account: the key.
    pub(crate) account: String,
    /// The provider's name of the model.
    pub(crate) model: String,
    /// How it was started, in a word of the provider's module.
    pub(crate) kind: String,
    pub(crate) way: Way,
    pub(crate) input: Value,
    pub(crate) created: Timestamp,
    /// `None` for a job that never starts.
    pub(crate) starts: Option<Timestamp>,
    /// `None` for a job that never ends.
    pub(crate) ends: Option<Timestamp>,
    /// When it is cancelled automatically.
    pub(crate) deadline: Option<Timestamp>,
    /// When the client cancelled it.
    pub(crate) cancelled: Option<Timestamp>,
    pub(crate) outcome: Outcome,
    /// Its output files.
    pub(crate) media: Vec<Media>,
    /// Its other output.
    pub(crate) data: Value,
    /// Its price if it succeeds.
    pub(crate) price: Nanos,
    /// The price of a second, for models billed by time.
    pub(crate) price_of_second: Option<Nanos>,
    /// How many times faster than at the real provider it runs. The cost is that of the real time.
    pub(crate) pace: f64,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hook: Option<Hook>,
    /// Whether the client deleted it.
    pub(crate) deleted: bool,
}

impl Job {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// When it is cancelled, by the client or its deadline.
    fn taken_back(&self) -> Option<Timestamp> {
        let ended = |at: &Timestamp| self.ends.is_none_or(|ends| *at < ends);
        [self.cancelled, self.deadline].into_iter().flatten().filter(ended).min()
    }

    /// When it ends, for any reason.
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        self.taken_back().or(self.ends)
    }

    pub(crate) fn phase(&self, now: Timestamp) -> Phase {
        let started = |at: Timestamp| self.starts.is_some_and(|starts| starts <= at);
        if let Some(at) = self.taken_back()
            && at <= now
        {
            let given_up = self.cancelled != Some(at);
            return if given_up && !started(at) { Phase::Aborted } else { Phase::Cancelled };
        }
        match self.ends {
            Some(ends) if ends <= now => match self.outcome {
                Outcome::Succeeded => Phase::Succeeded,
                _ => Phase::Failed,
            },
            _ if started(now) => Phase::Running,
            _ => Phase::Queued,
        }
    }

    /// How long it has run at `now`, in milliseconds of the real provider.
    pub(crate) fn ran(&self, now: Timestamp) -> u64 {
        let until = self.ended().map_or(now, |ended| ended.min(now));
        let ran = self.starts.map_or(0.0, |starts| until.duration_since(starts).as_secs_f64().max(0.0));
        (ran * self.pace * 1000.0).round() as u64
    }

    /// The amount charged; `None` until it is final.
    pub(crate) fn charge(&self, now: Timestamp) -> Option<Nanos> {
        let time = || self.price_of_second.map_or(0, |second| second * self.ran(now) / 1000);
        match self.phase(now) {
            Phase::Queued | Phase::Running => None,
            Phase::Succeeded => Some(self.price + time()),
            Phase::Cancelled => Some(time()),
            Phase::Failed if self.provider == Provider::Replicate => Some(time()),
            Phase::Failed | Phase::Aborted => Some(0),
        }
    }

    pub(crate) fn succeeded(&self, now: Timestamp) -> bool {
        self.phase(now) == Phase::Succeeded
    }
}
