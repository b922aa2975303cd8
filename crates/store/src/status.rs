//! Where a run stands, as the projections tell it.

use std::fmt;
use std::str::FromStr;

/// Where a run stands. The engine's status of a run carries what it ended with; this is the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunStatus {
    /// Accepted; it waits for its turn.
    Queued,
    /// On its way, or waiting for the world.
    Running,
    /// It waits for a decision or for money.
    Parked,
    /// It reached its end.
    Completed,
    /// It failed for good.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl RunStatus {
    /// All of them, in the order of the documentation.
    pub const ALL: [RunStatus; 6] = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Parked,
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::Cancelled,
    ];

    /// The word in tables and reports.
    pub fn word(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::Running => "running",
            RunStatus::Parked => "parked",
            RunStatus::Completed => "completed",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        matches!(self, RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for RunStatus {
    type Err = NotAStatus;

    fn from_str(word: &str) -> Result<RunStatus, NotAStatus> {
        let found = RunStatus::ALL.into_iter().find(|status| status.word() == word);
        found.ok_or_else(|| NotAStatus(word.to_owned()))
    }
}

/// The text names no status.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a status")]
pub struct NotAStatus(pub String);
