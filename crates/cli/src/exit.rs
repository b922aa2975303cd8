//! Exit codes: what a script learns without reading a word.

use std::process::ExitCode;

/// How the program ends. Documented in `motet --help`; none may change its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well; a run completed.
    Good = 0,
    /// A run failed.
    Failed = 1,
    /// Bad usage, or a check failed.
    Usage = 2,
    /// A run was cancelled.
    Cancelled = 3,
    /// A run is parked until somebody decides something.
    Parked = 4,
    /// A run is parked until there is more money.
    OutOfMoney = 5,
    /// The store, the disk or a tool failed.
    Machine = 6,
    /// The work was interrupted and can be resumed.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// The code of a problem that has none of its own.
    pub fn problem_code(self) -> &'static str {
        match self {
            Exit::Good => "none",
            Exit::Failed => "run_failed",
            Exit::Usage => "usage",
            Exit::Cancelled => "run_cancelled",
            Exit::Parked => "run_parked",
            Exit::OutOfMoney => "out_of_money",
            Exit::Machine => "machine",
            Exit::Interrupted => "interrupted",
        }
    }

    /// What several runs come to: the worst of them.
    pub fn worst(self, other: Exit) -> Exit {
        const FROM_BEST: [Exit; 8] = [
            Exit::Good,
            Exit::Parked,
            Exit::OutOfMoney,
            Exit::Cancelled,
            Exit::Failed,
            Exit::Usage,
            Exit::Interrupted,
            Exit::Machine,
        ];
        let rank = |exit: Exit| FROM_BEST.iter().position(|known| *known == exit);
        if rank(self) >= rank(other) { self } else { other }
    }
}
