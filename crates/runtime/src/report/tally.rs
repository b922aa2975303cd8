//! How the items of a fanned-out step stand.

use motet_engine::StepStatus;
use motet_pipeline::{Money, StepPath, Timestamp};
use serde::Serialize;

use super::{RunRecord, StepRecord};

/// How many items stand where.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// All of them.
    pub total: u64,
    /// Those that have not started.
    pub pending: u64,
    /// Those at work.
    pub running: u64,
    /// Those that wait for a slot.
    pub waiting: u64,
    /// Those that will be tried again.
    pub retrying: u64,
    /// Those that sleep because that is what they do.
    pub sleeping: u64,
    /// Those that wait for a decision or for money.
    #[serde(skip_serializing_if = "is_zero")]
    pub parked: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that failed for good.
    pub failed: u64,
    /// Those that were skipped.
    pub skipped: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
    /// What they and all inside them cost so far.
    pub cost: Money,
    /// When the first of those that are retried is.
    #[serde(skip)]
    pub next_retry: Option<Timestamp>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    /// How many are over.
    pub fn over(&self) -> u64 {
        self.completed + self.failed + self.skipped + self.cancelled
    }

    fn add(&mut self, standing: Standing, count: u64) {
        match standing {
            Standing::Running => self.running += count,
            Standing::Waiting => self.waiting += count,
            Standing::Retrying(at) => {
                self.retrying += count;
                self.next_retry = Some(self.next_retry.map_or(at, |known| known.min(at)));
            }
            Standing::Sleeping => self.sleeping += count,
            Standing::Parked => self.parked += count,
        }
    }
}

impl RunRecord {
    /// How the items of the step at `path` stand; nothing if it is not fanned out, or not yet.
    pub fn tally(&self, path: &StepPath) -> Option<Tally> {
        let step = self.step(path)?;
        let items = step.items.as_ref()?;
        let mut tally = Tally {
            total: items.total as u64,
            completed: items.over.completed,
            failed: items.over.failed,
            skipped: items.over.skipped,
            cancelled: items.over.cancelled,
            cost: items.over.cost,
            ..Tally::default()
        };
        // Nobody waits any more for the items of a step that is over: nothing is recorded of these.
        if step.is_over() {
            tally.cancelled = tally.total.saturating_sub(tally.completed + tally.failed + tally.skipped);
            return Some(tally);
        }
        match &items.open {
            Some(open) => {
                for (status, count) in open {
                    match status {
                        StepStatus::Running => tally.running += count,
                        StepStatus::Waiting => tally.waiting += count,
                        StepStatus::Sleeping => tally.sleeping += count,
                        StepStatus::Parked => tally.parked += count,
                        _ => {}
                    }
                }
            }
            None => {
                let items = self.below(path).filter(|(item, step)| {
                    !step.is_over() && item.fan_out().is_some_and(|fan_out| fan_out == path.as_str())
                });
                for standing in items.filter_map(|(item, step)| self.standing(item, step)) {
                    tally.add(standing, 1);
                }
            }
        }
        let open = tally.running + tally.waiting + tally.retrying + tally.sleeping + tally.parked;
        tally.pending = tally.total.saturating_sub(tally.over() + open);
        Some(tally)
    }

    /// What is going on with the step or item at `path`, if anything is. A group stands where the liveliest
    /// step inside it does.
    pub fn standing(&self, path: &StepPath, step: &StepRecord) -> Option<Standing> {
        match step.status {
            StepStatus::Running if step.attempts.is_empty() => {
                self.below(path).filter_map(|(_, inner)| Standing::of_leaf(inner)).min()
            }
            _ => Standing::of_leaf(step),
        }
    }
}

/// What is going on with a step or item that has begun and isn't over: the liveliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is at work.
    Running,
    /// It waits for a slot.
    Waiting,
    /// It will be tried again at this moment.
    Retrying(Timestamp),
    /// It sleeps because that is what it does.
    Sleeping,
    /// It waits for a decision or for money.
    Parked,
}

impl Standing {
    fn of_leaf(step: &StepRecord) -> Option<Standing> {
        match (step.status, step.wakes_at) {
            (StepStatus::Running, _) if !step.attempts.is_empty() => Some(Standing::Running),
            (StepStatus::Waiting, _) => Some(Standing::Waiting),
            (StepStatus::Sleeping, Some(at)) if has_failed(step) => Some(Standing::Retrying(at)),
            (StepStatus::Sleeping, _) => Some(Standing::Sleeping),
            (StepStatus::Parked, _) => Some(Standing::Parked),
            _ => None,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Waiting => "waiting for a slot",
            Standing::Retrying(_) => "retrying",
            Standing::Sleeping => "sleeping",
            Standing::Parked => "parked",
        }
    }
}

/// Whether it sleeps because it failed, not because that is what it does.
fn has_failed(step: &StepRecord) -> bool {
    step.last_attempt().is_some_and(|attempt| attempt.failure.is_some())
}
