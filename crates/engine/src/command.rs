//! Commands: what the engine wants done, in the imperative.
//!
//! A command is carried out only after the turn it came with is durable. It has a stable key (the
//! attempt's), so doing it twice can be told from doing two things.

use std::sync::Arc;

use motet_pipeline::plan::Timeouts;
use motet_pipeline::{Contract, Money, Timestamp, Value};

use crate::dispatcher::Needs;
use crate::{AttemptKey, Intent};

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Command {
    /// Ask the dispatcher for what an attempt needs before it may begin.
    Acquire {
        /// The attempt, which is not planned yet.
        key: AttemptKey,
        /// All that it needs at once.
        needs: Needs,
    },
    /// Do something for an attempt, and report what came of it.
    Perform(Box<Perform>),
    /// Stop the work of an attempt, and report its end. If the host doesn't know it, it has ended.
    Stop {
        /// The attempt.
        key: AttemptKey,
    },
    /// Give the dispatcher back what an attempt asked for or was granted: its work has ended, or none
    /// will come of it.
    Release {
        /// The attempt.
        key: AttemptKey,
    },
}

/// What is to be done for an attempt. A host does one thing at a time for each: what it is told last
/// replaces what it was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The work itself, on this machine. Reported as [`crate::Input::Ended`].
    Work,
    /// Send the request, once. Reported as [`crate::Input::Accepted`] or [`crate::Input::Ended`].
    Submit,
    /// Ask the provider whether it took the request. Reported as [`crate::Input::Reconciled`].
    Reconcile,
    /// Ask for the job until there is news. Reported as [`crate::Input::Polled`], or as
    /// [`crate::Input::Ended`] if it failed.
    Poll {
        /// The provider's name for it.
        job: String,
        /// Whether it is known that the provider runs it: then only its end is news.
        running: bool,
    },
    /// Fetch the result of the job. Reported as [`crate::Input::Ended`].
    Fetch {
        /// The provider's name for it.
        job: String,
    },
    /// Cancel the job at the provider, and find out how it ended. Reported as [`crate::Input::Ended`].
    Cancel {
        /// The provider's name for it.
        job: String,
    },
    /// Await the end of the job, and fetch its result: what a host does instead of [`Act::Cancel`] where somebody
    /// else waits for the same ([`crate::Dispatcher::is_awaited`]). Reported as [`crate::Input::Ended`].
    Drain {
        /// The provider's name for it.
        job: String,
    },
}

/// What is to be done for one attempt.
#[derive(Clone, Debug)]
pub struct Perform {
    /// The attempt.
    pub key: AttemptKey,
    /// What is to be done.
    pub act: Act,
    /// The operation.
    pub contract: Arc<Contract>,
    /// Its resolved inputs, a map that fits the contract; null if its job is to be cancelled.
    pub inputs: Value,
    /// The most that it may cost.
    pub estimate: Money,
    /// How long its phases may take.
    pub timeouts: Timeouts,
    /// When the engine will give it up.
    pub deadline: Timestamp,
    /// Of a call: what its request is made with.
    pub intent: Option<Arc<Intent>>,
    /// What it holds while it is at work.
    pub needs: Needs,
}
