//! Calls whose outcome is unknown, and that are looked for at their provider.

use std::collections::BTreeMap;

use motet_engine::{AttemptEvent, AttemptKey, ParkReason, time_to_ask};
use motet_pipeline::plan::{Scope, Target};
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

/// What a plan says of the calls of each step, by the paths of the steps without keys and by their targets.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Calls(BTreeMap<String, Vec<Option<Called>>>);

/// What it says of the calls of one target.
#[derive(Clone, Copy, Debug)]
struct Called {
    /// How long one is looked for.
    patience: Span,
    /// Whether they are jobs.
    have_jobs: bool,
}

impl Calls {
    pub(in crate::report) fn of(plan: &Plan) -> Calls {
        let mut calls = Calls::default();
        calls.add(&plan.root, &StepPath::root());
        calls
    }

    fn add(&mut self, scope: &Scope, around: &StepPath) {
        for step in &scope.steps {
            let path = around.step(&step.name);
            let called = |target: &Target| {
                let (patience, have_jobs) = (time_to_ask(target), target.contract.has_jobs());
                target.contract.call.map(|_| Called { patience, have_jobs })
            };
            let targets: Vec<Option<Called>> = step.body.targets().iter().map(called).collect();
            self.0.insert(path.to_string(), targets);
            step.body.scope().into_iter().for_each(|inside| self.add(inside, &path));
        }
    }

    fn at(&self, step: &StepPath, target: usize) -> Option<Called> {
        *self.0.get(&step.without_keys())?.get(target)?
    }

    /// Whether an attempt of `step` at `target` can be a job of its provider: so it is taken to be where the plan isn't
    /// known.
    pub(in crate::report) fn can_be_job(&self, step: &StepPath, target: usize) -> bool {
        match self.0.get(&step.without_keys()).and_then(|targets| targets.get(target)) {
            Some(called) => called.is_some_and(|called| called.have_jobs),
            None => self.0.is_empty(),
        }
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

    /// Whether a person may name the job of the call of the step at `path` whose outcome is unknown. A call that is answered
    /// at once is no job, and neither is what is done here.
    pub fn may_name_job(&self, path: &StepPath) -> bool {
        let Some(step) = self.step(path) else { return false };
        let target = step.last_attempt().map_or(step.target, |attempt| attempt.target);
        step.parked_for != Some(ParkReason::Stuck) && self.calls.can_be_job(path, target)
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
        let until = self.calls.at(step, attempt.target).map(|called| at.after(called.patience));
        let why = attempt.search.take().map_or_else(|| NOBODY_WAS_THERE.to_owned(), |search| search.why);
        attempt.search = Some(Box::new(Search { why, until, next_look: None }));
    }
}
