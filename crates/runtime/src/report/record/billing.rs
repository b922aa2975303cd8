//! What may be billed though it gave nothing: calls of which nobody knows how they ended.

use std::collections::BTreeMap;

use motet_engine::event::LateEnd;
use motet_engine::{AttemptEvent, AttemptKey, Event};
use motet_pipeline::money::Basis;
use motet_pipeline::{Money, StepPath};
use serde::Serialize;

/// A call that nobody waits for any more and that may be billed: its provider can't cancel it, or refused to, or
/// nobody knows how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MayBill {
    /// The step or item.
    pub step: StepPath,
    /// Which attempt of it.
    pub attempt: u32,
    /// The operation, which begins with the provider.
    pub operation: String,
    /// The provider's name for the job, if it is known.
    pub job: Option<String>,
    /// The most that it may cost, which is booked; zero where nobody knows the price.
    pub amount: Money,
    /// Why it isn't known whether it is billed.
    pub why: String,
}

/// How many are listed.
const LISTED_MAX: usize = 100;

/// The calls of a run that have not ended, and those that may be billed.
#[derive(Clone, Debug, Default)]
pub(super) struct Billing {
    open: BTreeMap<AttemptKey, (String, Option<String>)>,
    pub(super) listed: Vec<MayBill>,
    pub(super) left_out: usize,
}

impl MayBill {
    /// The provider: what the operation begins with.
    pub fn provider(&self) -> &str {
        self.operation.split('/').next().unwrap_or_default()
    }
}

impl Billing {
    pub(super) fn apply(&mut self, event: &Event) {
        let Event::Attempt { key, event } = event else { return };
        match event {
            AttemptEvent::Planned { operation, estimate, intent, .. }
                if intent.is_some() || !estimate.is_zero() =>
            {
                self.open.insert(key.clone(), (operation.clone(), None));
            }
            AttemptEvent::Accepted { job, .. } | AttemptEvent::AcceptedLate { job } => {
                if let Some((_, known)) = self.open.get_mut(key) {
                    *known = Some(job.clone());
                }
            }
            AttemptEvent::Failed { failure, cost, abandoned: false, .. } => {
                let why = (cost.basis == Basis::Maybe).then(|| failure.message.clone());
                self.end(key, cost.amount, why);
            }
            AttemptEvent::Ended { end: LateEnd::Unknown, cost, why, .. } => {
                let why = why.clone().unwrap_or_else(|| "it is unknown how it ended".to_owned());
                self.end(key, cost.amount, Some(why));
            }
            AttemptEvent::Ended { cost, .. } => {
                let why =
                    (cost.basis == Basis::Maybe).then(|| "the provider doesn't say what it cost".to_owned());
                self.end(key, cost.amount, why);
            }
            AttemptEvent::Succeeded { .. } | AttemptEvent::Absent {} => self.end(key, Money::ZERO, None),
            _ => {}
        }
    }

    /// The calls that have not ended and have no job.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &AttemptKey> {
        self.open.iter().filter(|(_, (_, job))| job.is_none()).map(|(key, _)| key)
    }

    pub(super) fn is_open(&self, path: &StepPath) -> bool {
        self.open.keys().any(|key| path.holds(&key.step))
    }

    /// A call ended; it may be billed if it is said `why`.
    fn end(&mut self, key: &AttemptKey, amount: Money, why: Option<String>) {
        let (Some((operation, job)), Some(why)) = (self.open.remove(key), why) else { return };
        if self.listed.len() == LISTED_MAX {
            self.left_out += 1;
            return;
        }
        let AttemptKey { step, number: attempt } = key.clone();
        self.listed.push(MayBill { step, attempt, operation, job, amount, why });
    }
}
