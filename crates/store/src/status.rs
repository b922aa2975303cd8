//! Where runs and steps stand, as the projections tell it.

use std::fmt;
use std::str::FromStr;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word in tables and reports.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = NotAStatus;

            fn from_str(word: &str) -> Result<$name, NotAStatus> {
                let found = $name::ALL.iter().find(|status| status.word() == word);
                found.copied().ok_or_else(|| NotAStatus(word.to_owned()))
            }
        }
    };
}

words! {
    /// Where a run stands.
    RunStatus {
        /// Accepted; it waits for its turn.
        Queued = "queued",
        /// On its way, or waiting for the world.
        Running = "running",
        /// It waits for a decision or for money.
        Parked = "parked",
        /// It reached its end.
        Completed = "completed",
        /// It failed for good.
        Failed = "failed",
        /// It was called off.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where a step or item stands.
    StepStatus {
        /// Nothing is known of it yet.
        Pending = "pending",
        /// Ready, and waiting for a slot.
        Waiting = "waiting",
        /// At work.
        Running = "running",
        /// Waiting for a point in time.
        Sleeping = "sleeping",
        /// It waits for a decision or for money.
        Parked = "parked",
        /// It has its output.
        Completed = "completed",
        /// It failed for good.
        Failed = "failed",
        /// It doesn't run: it is absent.
        Skipped = "skipped",
        /// It was called off.
        Cancelled = "cancelled",
    }
}

impl RunStatus {
    /// Whether nothing changes it any more.
    pub fn is_final(self) -> bool {
        matches!(self, RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled)
    }
}

impl StepStatus {
    /// Whether nothing changes it any more.
    pub fn is_final(self) -> bool {
        use StepStatus::{Cancelled, Completed, Failed, Skipped};
        matches!(self, Completed | Failed | Skipped | Cancelled)
    }
}

/// The text names no status.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a status")]
pub struct NotAStatus(pub String);
