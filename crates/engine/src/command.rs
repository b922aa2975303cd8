//! Commands: what the engine wants done, in the imperative.
//!
//! A command is carried out only after the turn it came with is durable. It has a stable key (the
//! attempt's), so doing it twice can be told from doing two things.

use std::sync::Arc;

use motet_pipeline::plan::Timeouts;
use motet_pipeline::{Contract, Timestamp, Value};

use crate::AttemptKey;
use crate::dispatcher::Needs;

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
    /// Do the work of an attempt, and tell its end.
    Perform(Box<Perform>),
    /// Stop the work of an attempt, and tell its end. If the host doesn't know it, it has ended.
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

/// The work of one attempt.
#[derive(Clone, Debug)]
pub struct Perform {
    /// The attempt.
    pub key: AttemptKey,
    /// The operation.
    pub contract: Arc<Contract>,
    /// Its resolved inputs, a map that fits the contract.
    pub inputs: Value,
    /// How long its phases may take.
    pub timeouts: Timeouts,
    /// When the engine will give it up.
    pub deadline: Timestamp,
    /// What it holds while it is at work.
    pub needs: Needs,
}
