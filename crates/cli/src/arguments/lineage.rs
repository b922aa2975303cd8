//! What was typed to continue from a run that is over.

use std::path::PathBuf;

use clap::Args;
use motet::language::{Money, StepPath};

use super::{CacheFlags, DrivingFlags, InputFlags, dollars};

#[derive(Args, Debug)]
pub struct Retry {
    /// The end of the run's id.
    pub run: String,
    /// Do this step or item again, such as `film` or `shots[k3]/still`, and all that depends on it, whether it was finished
    /// or not.
    #[arg(long, value_name = "PATH", value_parser = path)]
    pub from: Option<StepPath>,
    #[command(flatten)]
    pub spending: SpendingFlags,
    #[command(flatten)]
    pub cache: CacheFlags,
    #[command(flatten)]
    pub driving: DrivingFlags,
}

#[derive(Args, Debug)]
pub struct Undo {
    /// The end of the run's id.
    pub run: String,
    #[command(flatten)]
    pub spending: SpendingFlags,
    #[command(flatten)]
    pub driving: DrivingFlags,
}

#[derive(Args, Debug)]
pub struct Fork {
    /// The end of the run's id.
    pub run: String,
    #[command(flatten)]
    pub given: InputFlags,
    /// Another pipeline file, such as the same one after an edit [default: the pipeline as the run used it].
    #[arg(long, value_name = "FILE")]
    pub pipeline: Option<PathBuf>,
    /// Do this step or item again with another seed, such as `shots[k3]/still`; may be repeated.
    #[arg(long, value_name = "PATH", value_parser = path)]
    pub fresh: Vec<StepPath>,
    #[command(flatten)]
    pub spending: SpendingFlags,
    #[command(flatten)]
    pub cache: CacheFlags,
    #[command(flatten)]
    pub driving: DrivingFlags,
}

/// What a run may spend that continues from another.
#[derive(Args, Clone, Debug, Default)]
pub struct SpendingFlags {
    /// The most that the new run may spend, in US dollars [default: what the runs before it left of their budget].
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    pub budget: Option<Money>,
    /// Don't ask before a run that may be expensive.
    #[arg(long)]
    pub yes: bool,
}

pub(super) fn path(typed: &str) -> Result<StepPath, String> {
    match StepPath::from_text(typed) {
        path if path == StepPath::root() => {
            Err("name a step, such as `film` or `shots[k3]/still`".to_owned())
        }
        path => Ok(path),
    }
}
