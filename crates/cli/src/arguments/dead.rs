//! What was typed about dead letters.

use clap::{Args, Subcommand};
use motet::language::{Class, Span};

use super::{DrivingFlags, StoreFlag, count_of_runs};

#[derive(Args, Debug)]
pub struct Dead {
    #[command(subcommand)]
    pub command: DeadCommand,
}

#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List failed runs that nobody has retried or discarded, newest first.
    List(DeadList),
    /// Show why a run failed, and what became of it since.
    Show(DeadShow),
    /// Retry each of these runs: what is finished is kept, the rest is done.
    Redrive(Box<Redrive>),
    /// Mark these runs as dealt with. Nothing is deleted, and they can still be retried.
    Discard(Discard),
}

impl Dead {
    pub fn is_json(&self) -> bool {
        match &self.command {
            DeadCommand::List(asked) => asked.json,
            DeadCommand::Show(asked) => asked.json,
            DeadCommand::Redrive(asked) => asked.driving.follow.json,
            DeadCommand::Discard(asked) => asked.json,
        }
    }
}

/// Which dead letters.
#[derive(Args, Clone, Debug, Default)]
pub struct Chosen {
    /// Only failures of this class, such as `throttled`.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub class: Option<Class>,
    /// Only runs of this pipeline.
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Only runs of which a step failed at this provider, such as `replicate`.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Only what failed within this time, such as 12h or 7d.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub newer_than: Option<Span>,
    /// Only what failed before this time, such as 12h or 7d.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub older_than: Option<Span>,
}

impl Chosen {
    pub fn is_none(&self) -> bool {
        let Chosen { class, pipeline, provider, newer_than, older_than } = self;
        class.is_none()
            && pipeline.is_none()
            && provider.is_none()
            && newer_than.is_none()
            && older_than.is_none()
    }
}

#[derive(Args, Debug)]
pub struct DeadList {
    #[command(flatten)]
    pub chosen: Chosen,
    /// List those that somebody has discarded instead.
    #[arg(long)]
    pub discarded: bool,
    /// List at most this many.
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = count_of_runs)]
    pub limit: usize,
    /// Print one JSON record per run.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct DeadShow {
    /// The end of the run's id.
    pub run: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Redrive {
    /// The ends of the runs' ids; else all that fit the options.
    pub runs: Vec<String>,
    #[command(flatten)]
    pub chosen: Chosen,
    /// All dead letters.
    #[arg(long, conflicts_with = "runs")]
    pub all: bool,
    /// Drive at most this many at a time.
    #[arg(long, default_value_t = 16, value_name = "COUNT", value_parser = count_of_runs)]
    pub at_once: usize,
    /// Don't ask before many runs begin, or any that cost money.
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub driving: DrivingFlags,
}

#[derive(Args, Debug)]
pub struct Discard {
    /// The ends of the runs' ids; else all that fit the options.
    pub runs: Vec<String>,
    #[command(flatten)]
    pub chosen: Chosen,
    /// All dead letters.
    #[arg(long, conflicts_with = "runs")]
    pub all: bool,
    /// The reason, recorded with the runs.
    #[arg(long, value_name = "REASON", default_value = "discarded on the command line")]
    pub why: String,
    /// Make them dead letters again.
    #[arg(long, conflicts_with = "why")]
    pub undo: bool,
    /// Print one JSON record per run.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

fn class(typed: &str) -> Result<Class, String> {
    typed.parse().map_err(|_| {
        let words: Vec<&str> = Class::ALL.into_iter().map(Class::word).collect();
        format!("the classes are {}", words.join(", "))
    })
}

pub(super) fn span(typed: &str) -> Result<Span, String> {
    typed.parse().map_err(|_| "write a length of time, such as 90s, 12h or 7d".to_owned())
}
