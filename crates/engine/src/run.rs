//! A run: the state that is a fold of events, and the doors to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::value::journal;
use motet_pipeline::{Failure, Money, StepPath, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::agenda::Agenda;
use crate::allowance::Allowance;
use crate::attempt::{Attempt, Phase};
use crate::closing::Closing;
use crate::earlier::{Earlier, Reusable};
use crate::effort::Effort;
use crate::event::{RunStarted, Turn};
use crate::graph::{Graph, StepId};
use crate::index::Index;
use crate::node::{Node, NodeId, StepStatus};
use crate::replay::Replay;
use crate::timer::Timers;
use crate::unwinding::Unwinding;
use crate::{AttemptKey, Intent, ParkReason, RunId};

/// One run of a plan: an actor with an inbox of inputs.
///
/// Its methods come in four kinds, to be called in this order:
/// 1. [`Run::start`] or [`Run::replay`] make it;
/// 2. [`Run::handle`] takes what happened, and gives back the turn to append and the commands to
///    carry out once that is durable;
/// 3. [`Run::next_deadline`] says when to send it [`crate::Input::Tick`] if nothing else happens;
/// 4. getters show its state, and [`Run::outstanding`] all commands that are in flight, so that any
///    host can issue them again.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) graph: Arc<Graph>,
    pub(crate) started: Arc<RunStarted>,
    pub(crate) started_at: Timestamp,
    pub(crate) turns: u64,
    pub(crate) last_at: Timestamp,
    pub(crate) status: RunStatus,
    /// Who asked to end the run, and why.
    pub(crate) cancel: Option<Box<(String, String)>>,
    /// The steps and items that somebody asked to cancel and that haven't begun, by path: who, and why.
    pub(crate) unwanted: BTreeMap<StepPath, (String, String)>,
    pub(crate) degraded: bool,
    pub(crate) cost: Money,
    /// What it may reuse. It is given from outside and doesn't belong to the state.
    pub(crate) earlier: Reusable,
    /// What calls may have cost that were made again because that was cheap.
    pub(crate) resent: Money,
    /// What it may spend.
    pub(crate) allowance: Allowance,
    pub(crate) nodes: Vec<Node>,
    pub(crate) index: Index,
    /// How many attempts nobody wants any more whose end is still awaited.
    pub(crate) stopping: usize,
    /// The steps and items that are parked, and why.
    pub(crate) parked: BTreeMap<NodeId, ParkReason>,
    /// How many steps and items will continue without a decision: they wait for a slot, sleep, or have an attempt
    /// under way.
    pub(crate) moving: usize,
    pub(crate) timers: Timers,
    /// How it ends, once that is decided, and how far it is with what it still does.
    pub(crate) closing: Option<Box<Closing>>,
    /// Which undos can begin; made again from the state after a crash.
    pub(crate) unwinding: Unwinding,
    /// What is left to look at because the last turn was full.
    pub(crate) agenda: Agenda,
    /// What the turn that is being made has cost so far. No state.
    pub(crate) effort: Effort,
}

/// The state of a run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It is under way.
    Running,
    /// Nothing moves before somebody decides something, or there is money. Meanwhile its time stands still.
    Parked {
        /// What it waits for.
        reason: ParkReason,
        /// Since when.
        since: Timestamp,
    },
    /// It reached its end.
    Completed {
        /// What it gave, a map.
        #[serde(deserialize_with = "journal::value")]
        outputs: Value,
    },
    /// It failed.
    Failed {
        /// The step that failed first, if it was a step.
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// It was cancelled.
    Cancelled {
        /// Why, in words.
        reason: String,
    },
}

impl RunStatus {
    /// The word in reports: `running`, `parked`, `completed`, `failed` or `cancelled`.
    pub fn word(&self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Parked { .. } => "parked",
            RunStatus::Completed { .. } => "completed",
            RunStatus::Failed { .. } => "failed",
            RunStatus::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether nothing can follow.
    pub fn is_terminal(&self) -> bool {
        !matches!(self, RunStatus::Running | RunStatus::Parked { .. })
    }
}

/// A journal or a state that can't be what this engine wrote.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Misuse {
    /// The journal doesn't begin with the start of a run.
    #[error("the journal does not begin with run_started")]
    NoStart,
    /// The journal was written in a newer format.
    #[error("the journal has format {found}; this version reads up to {supported}")]
    Newer {
        /// The format found.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// The journal is of another plan.
    #[error("the journal belongs to another version of the pipeline")]
    OtherPlan,
    /// The run undoes another one, whose journal wasn't told.
    #[error("the journal of the run that it undoes is missing")]
    NoBase,
    /// A turn is missing, or there twice.
    #[error("turn {expected} is missing: the journal continues with turn {found}")]
    Gap {
        /// The turn that should follow.
        expected: u64,
        /// The turn that does.
        found: u64,
    },
    /// A part of a stored state can't be what this engine wrote.
    #[error("the part `{part}` of the run's state can't be used: {reason}")]
    Part {
        /// Which part.
        part: String,
        /// Why.
        reason: String,
    },
    /// An event names a step that isn't there.
    #[error("turn {turn}: there is no step `{step}`")]
    NoStep {
        /// Which turn.
        turn: u64,
        /// The step.
        step: StepPath,
    },
    /// An event doesn't fit the state of its step.
    #[error("turn {turn}: `{step}` is {status}, where {event} can't happen")]
    Illegal {
        /// Which turn.
        turn: u64,
        /// The step.
        step: StepPath,
        /// Its status.
        status: &'static str,
        /// The event.
        event: String,
    },
}

impl Run {
    /// The run that a journal tells of, as it was after its last turn.
    ///
    /// # Errors
    /// When the journal isn't one of this engine and this plan.
    pub fn replay(graph: Arc<Graph>, turns: &[Turn]) -> Result<Run, Misuse> {
        Run::replay_after(graph, &[], turns)
    }

    /// The same for a run that undoes others, whose journals are told first, the oldest first.
    ///
    /// # Errors
    /// When the journals aren't of this engine and this plan.
    pub fn replay_after(graph: Arc<Graph>, before: &[&[Turn]], turns: &[Turn]) -> Result<Run, Misuse> {
        let (first, rest) = turns.split_first().ok_or(Misuse::NoStart)?;
        let mut replay = Replay::begin(graph, before, first)?;
        rest.iter().try_for_each(|turn| replay.apply(turn))?;
        Ok(replay.end())
    }

    /// The run, as named in its store.
    pub fn id(&self) -> &RunId {
        &self.started.run
    }

    /// What it was started with.
    pub fn started(&self) -> &RunStarted {
        &self.started
    }

    /// When it was started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The plan it follows.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// How it stands.
    pub fn status(&self) -> &RunStatus {
        &self.status
    }

    /// Whether failures were tolerated or fallbacks used.
    pub fn degraded(&self) -> bool {
        self.degraded
    }

    /// What its attempts cost so far.
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// Gives a run that was replayed what it may reuse: the same as when it was started.
    pub fn reuse_from(&mut self, earlier: Arc<Earlier>) {
        self.earlier = Reusable(Some(earlier));
    }

    /// When to send it [`crate::Input::Tick`] if nothing happens before: at once, if there is more to do
    /// than fitted into its last turn.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if !self.agenda.is_empty() || self.is_finished() {
            return Some(self.last_at);
        }
        self.timers.next().filter(|_| !self.is_parked())
    }

    /// Whether nothing moves before somebody decides something, or there is money.
    pub fn is_parked(&self) -> bool {
        matches!(self.status, RunStatus::Parked { .. })
    }

    /// The steps and items that are parked, and why.
    pub fn parked(&self) -> impl Iterator<Item = (&StepPath, ParkReason)> {
        self.parked.iter().map(|(id, reason)| (&self.node(*id).path, *reason))
    }

    /// How far an attempt is that has not ended.
    pub fn phase(&self, key: &AttemptKey) -> Option<&Phase> {
        Some(&self.attempt(key)?.1.phase)
    }

    /// The calls that have not ended: what the request of each is made with, and how far it is.
    pub fn calls(&self) -> impl Iterator<Item = (AttemptKey, &Arc<Intent>, &Phase)> {
        let nodes = self.nodes.iter().filter_map(|node| Some((node, node.attempts.as_ref()?)));
        let attempts = nodes.flat_map(|(node, attempts)| attempts.live.iter().map(move |live| (node, live)));
        attempts.filter_map(|(node, attempt)| {
            let key = AttemptKey { step: node.path.clone(), number: attempt.number };
            Some((key, attempt.intent.as_ref()?, &attempt.phase))
        })
    }

    /// An attempt that has not ended, and the node of its step.
    pub(crate) fn attempt(&self, key: &AttemptKey) -> Option<(NodeId, &Attempt)> {
        let id = self.find(&key.step)?;
        Some((id, self.live_attempt(id, key.number)?))
    }

    /// The attempt `number` of `id`, if it has not ended.
    pub(crate) fn live_attempt(&self, id: NodeId, number: u32) -> Option<&Attempt> {
        self.node(id).attempts.as_ref()?.get(number)
    }

    /// Whether somebody asked to end it: all of it, or what it still does once its end is decided.
    pub fn is_cancelling(&self) -> bool {
        match self.closing {
            Some(_) => self.why_cut_short().is_some(),
            None => self.cancel.is_some(),
        }
    }

    /// How many turns it has taken.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// The status of a step or item. An item that nobody waits for any more counts as cancelled,
    /// though nothing was recorded of it.
    pub fn step_status(&self, path: &StepPath) -> Option<StepStatus> {
        if let Some(id) = self.find(path) {
            return Some(self.node(id).status);
        }
        let (step, key) = path.as_item()?;
        let node = self.node(self.find(&step)?);
        node.each.as_ref()?.items.position(&key)?;
        Some(if node.status.is_terminal() { StepStatus::Cancelled } else { StepStatus::Pending })
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    pub(crate) fn find(&self, path: &StepPath) -> Option<NodeId> {
        self.index.candidates(path).find(|id| self.node(*id).path == *path)
    }

    /// The step of a node that is not the root.
    pub(crate) fn step_id(&self, id: NodeId) -> StepId {
        StepId(self.node(id).step.expect("every node but the root has a step"))
    }

    /// The node in whose scope the step of `id` stands (for an item: the step's; for an undo: that of what it undoes).
    pub(crate) fn scope_node(&self, id: NodeId) -> NodeId {
        let id = self.undone_by(id).unwrap_or(id);
        let node = self.node(id);
        if node.item.is_some() { self.node(node.parent).parent } else { node.parent }
    }
}
