//! What a person decides about an attempt of which nobody knows how it ended, while the provider is still asked about it
//! or once its step is parked.

use motet_pipeline::{Class, Cost, Failure, Span, StepPath};

use crate::attempt::{Attempt, Phase};
use crate::choice::Setback;
use crate::handle::Handling;
use crate::input::Decision;
use crate::node::{NodeId, StepStatus};
use crate::run::Run;
use crate::{AttemptEvent, AttemptKey, StepEvent};

/// How long the reply to a request is awaited that a person has given up, and that is still on its way.
const LATE_REPLY: Span = Span::minutes(1);

impl Handling<'_> {
    /// Somebody decides about a step whose attempt's outcome is unknown, or whose undo could not be done.
    pub(crate) fn on_resolve(&mut self, step: StepPath, decision: Decision, by: String) {
        let Some(id) = self.run.find(&step) else { return };
        if self.run.is_stuck(id) {
            return self.resolve_stuck(id, decision, by);
        }
        let Some(attempt) = self.run.undecided(id) else { return };
        if matches!(decision, Decision::Job(_)) && !self.run.target(id, attempt.target).contract.has_jobs() {
            return;
        }
        let (key, awaits_reply) = (AttemptKey { step, number: attempt.number }, attempt.awaits_reply);
        if attempt.phase == Phase::Doubtful && !matches!(decision, Decision::Job(_)) {
            self.end_search(id, &key, &by);
        }
        let resolved = StepEvent::Resolved { decision: decision.clone(), by: by.clone(), stuck: false };
        self.emit_of_step(id, resolved);
        let failure = |words: &str| Failure::new(Class::Unknown, format!("{words} by {by}"));
        match decision {
            Decision::Job(job) => self.accept(id, key, job),
            Decision::Send => {
                self.give_up(id, key, &failure("sent again"), awaits_reply);
                self.launch(id);
            }
            Decision::Fail => {
                let failure = failure("marked as failed");
                self.give_up(id, key, &failure, awaits_reply);
                self.decide(id, Setback::GivenUp(&failure));
            }
        }
    }

    /// What a person decides ends the search for a request: how it ended isn't known by then.
    fn end_search(&mut self, id: NodeId, key: &AttemptKey, by: &str) {
        self.release(id, key);
        let failure = Failure::new(Class::Unknown, format!("{by} ended the search for it"));
        self.emit_of_attempt(key.clone(), AttemptEvent::Unknown { failure, cost: Cost::NONE });
    }

    /// Counts an attempt as failed. A reply that is still on its way is drained: a job that it names is cancelled, and
    /// what it cost is booked.
    fn give_up(&mut self, id: NodeId, key: AttemptKey, failure: &Failure, awaits_reply: bool) {
        if !awaits_reply {
            return self.write_off(id, key, failure, false);
        }
        self.stop_search(id, &key);
        let (failure, until) = (failure.clone(), Some(self.now.after(LATE_REPLY)));
        let cost = Cost::NONE;
        self.emit_of_attempt(
            key,
            AttemptEvent::Failed { failure, cost, abandoned: true, until, resent: false },
        );
    }
}

impl Run {
    /// The attempt of `id` about which a person may decide: its step is parked because nobody can tell how it ended, or
    /// its provider is being asked.
    fn undecided(&self, id: NodeId) -> Option<&Attempt> {
        let node = self.node(id);
        let attempt = node.attempts.as_ref()?.wanted()?;
        let may_decide = match attempt.phase {
            Phase::Unknown { .. } => node.status == StepStatus::Parked,
            Phase::Doubtful => true,
            _ => false,
        };
        may_decide.then_some(attempt)
    }

    /// Whether a person gave the attempt up, and its reply alone is awaited.
    pub(crate) fn is_given_up(&self, id: NodeId, key: &AttemptKey) -> bool {
        let attempt = self.live_attempt(id, key.number);
        attempt.is_some_and(|attempt| matches!(attempt.phase, Phase::Stopping { given_up: true, .. }))
    }
}
