//! A job is its timetable: when it starts and ends is known when it is made, so what it is at any moment is a function of that moment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::media::Media;
use crate::scenario::{Fault, Provider};

/// Billionths of a dollar.
pub(crate) type Nanos = u64;

/// How a job came to be, which decides who can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// A job that is asked for its state.
    Job,
    /// A call whose reply is the result.
    Call,
}

/// How a job ends if nobody takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded,
    /// The model broke.
    Failed,
    /// The model refused for its content.
    Refused,
    /// The inputs are wrong, which shows only when the job runs: what the provider says of it.
    Invalid(Value),
}

/// What a job is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Running,
    Succeeded,
    Failed,
    /// Taken back, or given up while it ran.
    Cancelled,
    /// Given up before it started.
    Aborted,
}

impl Phase {
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Phase::Queued | Phase::Running)
    }
}

/// Where news of a job are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) url: String,
    /// Which events; the provider's own names.
    pub(crate) events: Vec<String>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) provider: Provider,
    /// Whose it is: the key, or its public half.
    pub(crate) account: String,
    /// The model by the provider's name.
    pub(crate) model: String,
    /// How it was made: a provider's own word.
    pub(crate) kind: String,
    pub(crate) way: Way,
    pub(crate) input: Value,
    pub(crate) created: Timestamp,
    /// `None` for a job that never starts.
    pub(crate) starts: Option<Timestamp>,
    /// `None` for a job that never ends.
    pub(crate) ends: Option<Timestamp>,
    /// When it is given up if it hasn't ended.
    pub(crate) deadline: Option<Timestamp>,
    /// When it was taken back.
    pub(crate) cancelled: Option<Timestamp>,
    pub(crate) outcome: Outcome,
    /// Its files.
    pub(crate) media: Vec<Media>,
    /// What it says besides.
    pub(crate) data: Value,
    /// What it costs if it succeeds.
    pub(crate) price: Nanos,
    /// What a second of it costs, where time is what is paid.
    pub(crate) price_of_second: Option<Nanos>,
    /// How many times faster than at the provider it runs. What it costs isn't less for that.
    pub(crate) pace: f64,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hook: Option<Hook>,
    /// Whether the provider has deleted what it knew of it.
    pub(crate) deleted: bool,
}

impl Job {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// When it is taken back, by whoever does so first.
    fn taken_back(&self) -> Option<Timestamp> {
        let ended = |at: &Timestamp| self.ends.is_none_or(|ends| *at < ends);
        [self.cancelled, self.deadline].into_iter().flatten().filter(ended).min()
    }

    /// When it ends, by whatever.
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

    /// How long it ran until `now` by the provider's time, in milliseconds.
    pub(crate) fn ran(&self, now: Timestamp) -> u64 {
        let until = self.ended().map_or(now, |ended| ended.min(now));
        let ran = self.starts.map_or(0.0, |starts| until.duration_since(starts).as_secs_f64().max(0.0));
        (ran * self.pace * 1000.0).round() as u64
    }

    /// What was charged for it; `None` while that isn't known.
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
