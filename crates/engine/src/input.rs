//! Inputs: what happened, as reported to the engine.

use std::sync::Arc;

use motet_pipeline::{Cost, Failure, Outcome, Span, StepPath};
use serde::{Deserialize, Serialize};

use crate::cache::Cached;
use crate::dispatcher::Cause;
use crate::{Allowance, AttemptKey, Intent};

/// Something that the world, the host or a user reports to a run.
///
/// Handling is total: an input that comes late, twice, out of order or for something that doesn't
/// exist changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The dispatcher gave an attempt what it waits for.
    Granted {
        /// The attempt.
        key: AttemptKey,
        /// Of a call: what its request will be made with.
        intent: Option<Arc<Intent>>,
    },
    /// The dispatcher will not give an attempt what it waits for.
    Denied {
        /// The attempt.
        key: AttemptKey,
        /// Why.
        cause: Cause,
    },
    /// The cache has what an attempt would make that waits for what it needs. If the step waits on, it isn't good
    /// enough.
    Cached {
        /// The attempt.
        key: AttemptKey,
        /// What it has.
        cached: Box<Cached>,
    },
    /// The provider took the job.
    Accepted {
        /// The attempt.
        key: AttemptKey,
        /// The provider's name for the job.
        job: String,
    },
    /// There is news of a job.
    Polled {
        /// The attempt.
        key: AttemptKey,
        /// What the provider says.
        news: JobNews,
    },
    /// The provider was asked for an attempt because it was unknown whether its request had left.
    Reconciled {
        /// The attempt.
        key: AttemptKey,
        /// What was found.
        found: Found,
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
    /// Cancel one step, group, fan-out or item: see [`Run::judge_cancel`](crate::Run::judge_cancel).
    CancelStep {
        /// The step or item. It may not have begun yet: then it never begins.
        step: StepPath,
        /// Who asks.
        by: String,
        /// Why, in words.
        reason: String,
    },
    /// End what a run still does after its end was decided. While that is open it changes nothing.
    CutShort {
        /// Who asks.
        by: String,
        /// Why, in words.
        reason: String,
    },
    /// Somebody decides what is to become of a step of whose attempt nobody knows how it ended, parked or while its provider
    /// is still asked, or of an undo that can't be done.
    Resolve {
        /// The step or item.
        step: StepPath,
        /// What is to be done.
        decision: Decision,
        /// Who decides.
        by: String,
    },
    /// Somebody gives the run money, or says that there is some again: what is parked for it asks again.
    Fund {
        /// What the run may spend from now on, if that changes.
        allowance: Option<Allowance>,
        /// Who.
        by: String,
    },
    /// A process resumes the run. Told after a replay, before what is outstanding is done.
    Resume {
        /// How long nobody drove it.
        away: Span,
    },
}

/// How an attempt's work ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEnd {
    /// With a result.
    Succeeded(Outcome),
    /// With a failure.
    Failed {
        /// Why.
        failure: Failure,
        /// What it cost all the same.
        cost: Cost,
    },
    /// Stopped as it was asked to.
    Cancelled,
}

/// What a provider says of a job that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobNews {
    /// It runs the job.
    Running,
    /// The job is done, and its result can be fetched.
    Done,
    /// The job was done, and its result is deleted.
    Expired,
    /// It doesn't know the job any more.
    Lost,
}

/// What a provider says of a request that may have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It took the request, and this is its name for the job.
    Job(String),
    /// It certainly never took the request.
    Absent,
    /// It is unknown.
    Unclear,
}

/// What a person decides about a step whose attempt's end is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Make a new attempt, which may cost again.
    Send,
    /// Take it for failed.
    Fail,
    /// The provider did take it, and this is its name for the job.
    Job(String),
}
