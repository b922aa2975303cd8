//! How the items of a fan-out stand.

use motet::engine::StepStatus;
use motet::language::{StepPath, Timestamp};
use motet::report::{RunRecord, StepRecord};

/// How many items stand where.
#[derive(Default)]
pub struct Tally {
    pub total: usize,
    pub over: usize,
    pub completed: usize,
    pub failed: usize,
    pub running: usize,
    pub waiting: usize,
    pub retrying: usize,
    pub sleeping: usize,
    /// When the first of those that are retried is.
    pub next_retry: Option<Timestamp>,
}

impl Tally {
    pub fn of(record: &RunRecord, path: &StepPath) -> Tally {
        let mut tally = Tally::default();
        for (path, item) in record.items_of(path) {
            tally.total += 1;
            let Some(item) = item else { continue };
            tally.over += usize::from(item.is_over());
            match item.status {
                StepStatus::Completed => tally.completed += 1,
                StepStatus::Failed => tally.failed += 1,
                _ => {}
            }
            match Standing::of(record, &path, item) {
                Some(Standing::Running) => tally.running += 1,
                Some(Standing::Waiting) => tally.waiting += 1,
                Some(Standing::Retrying(at)) => {
                    tally.retrying += 1;
                    tally.next_retry = Some(tally.next_retry.map_or(at, |known| known.min(at)));
                }
                Some(Standing::Sleeping) => tally.sleeping += 1,
                None => {}
            }
        }
        tally
    }

    /// How a fan-out that is over went: `31 of 40, 9 failed`.
    pub fn in_words(&self) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{} of {}{failed}", self.completed, self.total)
    }
}

/// What goes on with a step or item that has begun and isn't over: the liveliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Running,
    /// For a slot.
    Waiting,
    /// At this moment again.
    Retrying(Timestamp),
    Sleeping,
}

impl Standing {
    /// A group stands where the liveliest step inside it does.
    pub fn of(record: &RunRecord, path: &StepPath, step: &StepRecord) -> Option<Standing> {
        match step.status {
            StepStatus::Running if step.attempts.is_empty() => {
                record.below(path).filter_map(|(_, inner)| Standing::of_leaf(inner)).min()
            }
            _ => Standing::of_leaf(step),
        }
    }

    fn of_leaf(step: &StepRecord) -> Option<Standing> {
        match (step.status, step.wakes_at) {
            (StepStatus::Running, _) if !step.attempts.is_empty() => Some(Standing::Running),
            (StepStatus::Waiting, _) => Some(Standing::Waiting),
            (StepStatus::Sleeping, Some(at)) if has_failed(step) => Some(Standing::Retrying(at)),
            (StepStatus::Sleeping, _) => Some(Standing::Sleeping),
            _ => None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Waiting => "waiting for a slot",
            Standing::Retrying(_) => "retrying",
            Standing::Sleeping => "sleeping",
        }
    }
}

/// Whether it sleeps because it failed, not because that is what it does.
fn has_failed(step: &StepRecord) -> bool {
    step.last_attempt().is_some_and(|attempt| attempt.failure.is_some())
}
