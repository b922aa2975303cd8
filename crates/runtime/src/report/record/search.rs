//! Calls whose outcome is unknown, and that are looked for at their provider.

use std::collections::BTreeMap;

use motet_engine::{AttemptEvent, AttemptKey, time_to_ask};
use motet_pipeline::plan::Scope;
use motet_pipeline::{Plan, Span, StepPath, Timestamp};

use super::RunRecord;

/// Why a call is looked for whose reply nobody could receive.
const NOBODY_WAS_THERE: &str = "no process was there to receive it";

/// That the outcome of a call is unknown, and that it is looked for at its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Why there is no reply to its request, in words.
    pub why: String,
    /// When the search is given up, if that is known.
    pub until: Option<Timestamp>,
    /// When the provider is asked next, as far as whoever drives the run tells.
    pub next_look: Option<Timestamp>,
}

impl Search {
    /// What an event of an attempt makes of the search for it: it begins, ends, or nothing happens to it.
    pub(super) fn after(event: &AttemptEvent) -> Option<Option<Search>> {
        match event {
            AttemptEvent::Doubted { failure, deadline, .. } => {
                let (why, until) = (failure.message.clone(), Some(*deadline));
                Some(Some(Search { why, until, next_look: None }))
            }
            AttemptEvent::Warned { .. } => None,
            _ => Some(None),
        }
    }
}

/// How long the calls of each step are looked for, by the paths of the steps without keys and by their targets.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience(BTreeMap<String, Vec<Option<Span>>>);

impl Patience {
    pub(super) fn of(plan: &Plan) -> Patience {
        let mut patience = Patience::default();
        patience.add(&plan.root, &StepPath::root());
        patience
    }

    fn add(&mut self, scope: &Scope, around: &StepPath) {
        for step in &scope.steps {
            let path = around.step(&step.name);
            let spans = step.body.targets().iter();
            let spans: Vec<Option<Span>> =
                spans.map(|target| target.contract.call.map(|_| time_to_ask(target))).collect();
            if spans.iter().any(Option::is_some) {
                self.0.insert(path.to_string(), spans);
            }
            step.body.scope().into_iter().for_each(|inside| self.add(inside, &path));
        }
    }

    fn with(&self, step: &StepPath, target: usize) -> Option<Span> {
        *self.0.get(&step.without_keys())?.get(target)?
    }
}

impl RunRecord {
    /// The steps and items with a call that is looked for, with the operation that was called.
    pub fn searches(&self) -> impl Iterator<Item = (&StepPath, &str, &Search)> {
        self.steps().filter_map(|(path, step)| {
            let attempt = step.last_attempt()?;
            Some((path, attempt.operation.as_str(), attempt.search.as_deref()?))
        })
    }

    /// A process took the run up at `at`: calls without a reply are looked for from then on.
    pub(super) fn look_for_unanswered(&mut self, at: Timestamp) {
        let calls: Vec<AttemptKey> = self.billing.unanswered().cloned().collect();
        calls.iter().for_each(|key| self.look_for(&key.step, key.number, at));
    }

    /// A call without a reply is looked for from `at` on.
    pub(in crate::report) fn look_for(&mut self, step: &StepPath, number: u32, at: Timestamp) {
        let Some(attempt) = self.steps.get_mut(step).and_then(|step| step.attempt_mut(number)) else {
            return;
        };
        if attempt.ended_at.is_some() || attempt.job.is_some() || attempt.is_given_up {
            return;
        }
        let until = self.patience.with(step, attempt.target).map(|patience| at.after(patience));
        let why = attempt.search.take().map_or_else(|| NOBODY_WAS_THERE.to_owned(), |search| search.why);
        attempt.search = Some(Box::new(Search { why, until, next_look: None }));
    }
}
