//! Cancelling one step or item, because somebody asks for it.
//!
//! What nobody can do without it is cancelled with it: the group that it stands in, the fan-out whose quorum can't be
//! reached any more, the run. `optional` tolerates it, as it tolerates a failure. What was *called off*, because
//! something around it ended, is no loss: whatever ended says what follows.

use std::fmt;

use motet_pipeline::StepPath;
use serde::{Deserialize, Serialize};

use crate::agenda::Task;
use crate::handle::Handling;
use crate::node::{Node, NodeId, StepStatus};
use crate::run::Run;
use crate::{RunEvent, StepEvent};

/// Why all that is inside of a step that was cancelled is called off.
pub(crate) const CALLED_OFF_WITH_STEP: &str = "the step it belongs to was cancelled";

/// That somebody asked to cancel a step or item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancellation {
    /// What was asked to be cancelled.
    pub(crate) origin: StepPath,
    /// Who asked, and why: `cancelled by ada: too slow`.
    pub(crate) reason: String,
}

impl fmt::Display for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` was {}", self.origin, self.reason)
    }
}

/// Why a step or item isn't cancelled that somebody asks to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelRefusal {
    /// It is over.
    Over(StepStatus),
    /// It was asked for already: it never begins.
    Asked,
    /// The run, or something around it, is ending: so does it.
    Ending,
    /// There is no such step or item, or it isn't known yet whether there is.
    Nowhere,
}

impl Run {
    /// Whether [`Input::CancelStep`](crate::Input::CancelStep) for `step` changes anything, or why not.
    ///
    /// # Errors
    /// Why it is ignored.
    pub fn judge_cancel(&self, step: &StepPath) -> Result<(), CancelRefusal> {
        if *step == StepPath::root() || !self.graph.has(step) {
            return Err(CancelRefusal::Nowhere);
        }
        if self.unwanted.contains_key(step) {
            return Err(CancelRefusal::Asked);
        }
        let found = self.find(step);
        if let Some(status) = found.map(|id| self.node(id).status).filter(|status| status.is_terminal()) {
            return Err(CancelRefusal::Over(status));
        }
        let (nearest, is_certain) = found.map_or_else(|| self.nearest(step), |id| (id, true));
        if !is_certain {
            return Err(CancelRefusal::Nowhere);
        }
        match self.node(nearest).status {
            StepStatus::Skipped => Err(CancelRefusal::Over(StepStatus::Skipped)),
            status if status.is_terminal() || self.status.is_terminal() => {
                Err(CancelRefusal::Over(StepStatus::Cancelled))
            }
            _ if self.is_ending(nearest) || self.doom_of(nearest).is_some() => Err(CancelRefusal::Ending),
            _ => Ok(()),
        }
    }

    /// What has begun of what is around a step that has not, and whether it is known that there will be such a step.
    fn nearest(&self, step: &StepPath) -> (NodeId, bool) {
        let (mut nearest, mut at, mut is_certain) = (NodeId::ROOT, StepPath::root(), true);
        for segment in step.segments() {
            at = at.step(segment.name);
            let fan_out = self.find(&at);
            nearest = fan_out.unwrap_or(nearest);
            let Some(key) = segment.key else {
                // What is inside of a fan-out is inside of its items.
                let fans_out = self.graph.find(&at).is_some_and(|id| self.graph.step(id).each.is_some());
                is_certain &= !fans_out || at == *step;
                continue;
            };
            at = at.item(&key);
            match self.find(&at) {
                Some(item) => nearest = item,
                None => {
                    let each = fan_out.and_then(|id| self.node(id).each.as_deref());
                    is_certain &= each.is_some_and(|each| each.items.position(&key).is_some());
                }
            }
        }
        (nearest, is_certain)
    }

    /// How many items of `id` have not begun and never will, because somebody asked for that.
    pub(crate) fn unwanted_items(&self, id: NodeId) -> u32 {
        self.unwanted_items_of(id).count() as u32
    }

    fn unwanted_items_of(&self, id: NodeId) -> impl Iterator<Item = (&StepPath, &(String, String))> {
        let fan_out = &self.node(id).path;
        self.unwanted.iter().filter(move |(path, _)| {
            path.as_item().is_some_and(|(step, _)| step == *fan_out) && self.find(path).is_none()
        })
    }

    /// The cancellation for which too few items of `id` can succeed. A failure is the better reason.
    pub(crate) fn why_too_few(&self, id: NodeId) -> Option<Cancellation> {
        let items = || self.node(id).each.iter().flat_map(|each| &each.children).map(|item| self.node(*item));
        if items().any(|item| item.failure.is_some()) {
            return None;
        }
        let begun = items().find_map(|item| item.cancellation.as_deref().cloned());
        begun.or_else(|| {
            let (path, (by, reason)) = self.unwanted_items_of(id).next()?;
            Some(Cancellation { origin: path.clone(), reason: in_words(by, reason) })
        })
    }
}

impl Node {
    /// Whether it failed, and nothing tolerates that.
    pub(crate) fn is_lost_by_failing(&self) -> bool {
        self.status == StepStatus::Failed && !self.tolerated
    }

    /// Whether somebody cancelled it, or something that it can't do without, and nothing tolerates that.
    pub(crate) fn is_lost_by_cancelling(&self) -> bool {
        self.status == StepStatus::Cancelled && self.cancellation.is_some() && !self.tolerated
    }

    /// That it is lost for what is around it, in words, if it is.
    pub(crate) fn loss(&self) -> Option<String> {
        if self.is_lost_by_failing() {
            return Some(format!("`{}` failed", self.path));
        }
        self.is_lost_by_cancelling().then(|| format!("`{}` was cancelled", self.path))
    }
}

impl Handling<'_> {
    /// Somebody asks to cancel a step or item.
    pub(crate) fn cancel_step(&mut self, step: StepPath, by: String, reason: String) {
        if self.run.judge_cancel(&step).is_err() {
            return;
        }
        let found = self.run.find(&step);
        self.emit_of_run(RunEvent::StepCancelRequested { step: step.clone(), by, reason });
        if let Some(id) = found {
            self.meet_request(id);
        } else if let Some(fan_out) = step.as_item().and_then(|(fan_out, _)| self.run.find(&fan_out)) {
            // Without it, too few may be left.
            self.run.agenda.add_fan_out(fan_out);
        }
    }

    /// Cancels a step or item if somebody asked for that. Tells whether it did.
    pub(crate) fn meet_request(&mut self, id: NodeId) -> bool {
        let path = &self.run.node(id).path;
        let Some((by, reason)) = self.run.unwanted.get(path) else { return false };
        let cancellation = Cancellation { origin: path.clone(), reason: in_words(by, reason) };
        self.lose(id, cancellation);
        true
    }

    /// Something inside of `id` was cancelled that it can't do without.
    pub(crate) fn lose_with(&mut self, id: NodeId, inner: NodeId) {
        let cancellation = self.run.node(inner).cancellation.as_deref().cloned();
        self.lose(id, cancellation.expect("what is lost by cancelling knows why"));
    }

    /// Ends a step or item as cancelled, with all inside of it.
    pub(crate) fn lose(&mut self, id: NodeId, cancellation: Cancellation) {
        let Cancellation { origin, reason } = cancellation;
        self.call_off_inside(id, 0, &CALLED_OFF_WITH_STEP.into());
        self.withdraw_claim(id);
        self.abandon_attempt(id, &reason);
        let optional = self.run.graph.step(self.run.step_id(id)).optional;
        let tolerated = optional && self.run.node(id).item.is_none();
        self.emit_of_step(id, StepEvent::Cancelled { reason, origin: Some(origin), tolerated });
        self.run.agenda.add(Task::Settle(id));
    }
}

fn in_words(by: &str, reason: &str) -> String {
    if reason.is_empty() { format!("cancelled by {by}") } else { format!("cancelled by {by}: {reason}") }
}
