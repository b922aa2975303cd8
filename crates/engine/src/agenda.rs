//! The agenda: what is still to be looked at, a turn at a time.
//!
//! A turn is bounded in bytes and in work, so what would make it longer is left for the next one, which is due at
//! once ([`Run::next_deadline`]): a million items begin, or are cancelled, in waves. The agenda is no
//! state: after a crash it is made again from the state ([`Run::unsettled`]).
//!
//! Items begin one by one, and only when nothing else is to be looked at: what has begun goes on before
//! more begins. So of a million groups as few are open as can be.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use motet_pipeline::plan::Body;

use crate::advance::Readiness;
use crate::cancelling::CALLED_OFF_WITH_STEP;
use crate::handle::Handling;
use crate::node::{Node, NodeId, StepStatus};
use crate::run::Run;

/// Something to look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    /// A step may be able to start.
    Examine(NodeId),
    /// A step or item became terminal.
    Settle(NodeId),
    /// All steps inside a node are terminal.
    Close(NodeId),
    /// What is inside a node is cancelled, from its child `from` on.
    CallOff {
        /// The node.
        id: NodeId,
        /// Where to go on among its children.
        from: usize,
        /// Why, in words.
        reason: Arc<str>,
    },
    /// What a run does at its end is cancelled.
    CutShort,
}

/// What is still to be looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Agenda {
    tasks: VecDeque<Task>,
    /// The fan-outs of which items may begin.
    fan_outs: BTreeSet<NodeId>,
}

impl Agenda {
    pub(crate) fn add(&mut self, task: Task) {
        self.tasks.push_back(task);
    }

    /// Items of the fan-out `id` may begin, or it may end.
    pub(crate) fn add_fan_out(&mut self, id: NodeId) {
        self.fan_outs.insert(id);
    }

    /// Takes no memory once all is done.
    pub(crate) fn next(&mut self) -> Option<Task> {
        let next = self.tasks.pop_front();
        if self.tasks.is_empty() {
            self.tasks = VecDeque::new();
        }
        next
    }

    /// The fan-out that continues once nothing else is to be looked at: the latest, which is the innermost
    /// where they lie in each other.
    pub(crate) fn next_fan_out(&mut self) -> Option<NodeId> {
        self.fan_outs.pop_last()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.fan_outs.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Agenda::default();
    }
}

impl Handling<'_> {
    /// Looks at all that is to be looked at, until nothing follows from it or the turn is full.
    pub(crate) fn work_off(&mut self) {
        while !self.is_full() {
            match self.run.agenda.next() {
                Some(Task::Examine(id)) => self.examine(id),
                Some(Task::Settle(id)) => self.settle(id),
                Some(Task::Close(id)) => self.close(id),
                Some(Task::CallOff { id, from, reason }) => {
                    self.call_off_inside(id, from, &reason);
                    // It may have waited for nothing else.
                    self.run.agenda.add(Task::Close(id));
                }
                Some(Task::CutShort) => self.call_off_the_end(),
                None => match self.run.agenda.next_fan_out() {
                    Some(id) => self.begin_item(id),
                    None if self.finish_part() => {}
                    None => break,
                },
            }
        }
    }
}

impl Node {
    /// The step inside of it, or its item that has begun, at `index`.
    pub(crate) fn child(&self, index: usize) -> Option<NodeId> {
        match (&self.scope, &self.each) {
            (Some(scope), _) => (index < scope.steps as usize).then(|| scope.first.offset(index)),
            (None, Some(each)) => each.children.get(index).copied(),
            (None, None) => None,
        }
    }
}

impl Run {
    /// Why a node that isn't terminal is about to be cancelled, if it is: it is inside of what a task
    /// of the agenda has not come to yet.
    pub(crate) fn doom_of(&self, id: NodeId) -> Option<Arc<str>> {
        self.agenda.tasks.iter().find_map(|task| match task {
            Task::CallOff { id: around, reason, .. } if self.is_inside(id, *around) => Some(reason.clone()),
            Task::CutShort => self.part_of_the_end(id).and_then(|_| self.why_cut_short()),
            _ => None,
        })
    }

    fn is_inside(&self, id: NodeId, around: NodeId) -> bool {
        let mut at = id;
        while at != NodeId::ROOT {
            at = self.node(at).parent;
            if at == around {
                return true;
            }
        }
        false
    }

    /// The agenda as the state makes it: what a turn that was full left for the next one. Nothing after
    /// any other turn.
    pub(crate) fn unsettled(&self) -> Agenda {
        let mut agenda = Agenda::default();
        if self.status.is_terminal() {
            return agenda;
        }
        if self.why_cut_short().is_some() && self.open_of_the_end().next().is_some() {
            agenda.add(Task::CutShort);
        }
        for id in (0..self.nodes.len() as u32).map(NodeId) {
            if let Some(task) = self.unsettled_at(id) {
                agenda.add(task);
            } else if self.may_continue(id) {
                agenda.add_fan_out(id);
            }
        }
        agenda
    }

    fn unsettled_at(&self, id: NodeId) -> Option<Task> {
        let node = self.node(id);
        let is_done = node.scope.as_ref().is_some_and(|scope| scope.open == 0);
        if is_done && node.status == StepStatus::Running && id != NodeId::ROOT {
            return Some(Task::Close(id));
        }
        if let Some(reason) = self.end_of_children(id) {
            let open = |child: NodeId| !self.node(child).status.is_terminal() && !self.is_of_the_end(child);
            let mut children = (0..).map_while(|index| Some((index, node.child(index)?)));
            let (from, _) = children.find(|(_, child)| open(*child))?;
            return Some(Task::CallOff { id, from, reason });
        }
        if self.is_ending(id) {
            return None;
        }
        let waits_for = match node.status {
            StepStatus::Pending if self.unwanted.contains_key(&node.path) => return Some(Task::Examine(id)),
            StepStatus::Pending if self.undone_by(id).is_some() => {
                return self.unwinding.allows(self, id).then_some(Task::Examine(id));
            }
            StepStatus::Pending if node.item.is_none() => &self.graph.step(self.step_id(id)).waits_for,
            StepStatus::Waiting => {
                let attempts = node.attempts.as_ref().filter(|attempts| attempts.unresolved)?;
                match &self.graph.step(self.step_id(id)).body {
                    Body::Operation(targets) => &targets[attempts.target].waits_for,
                    Body::Group(_) | Body::Pipeline { .. } => return None,
                }
            }
            _ => return None,
        };
        let is_ready = !matches!(self.readiness(id, waits_for), Readiness::Waits);
        is_ready.then_some(Task::Examine(id))
    }

    /// Why all that is inside a node is to be cancelled, if it is.
    fn end_of_children(&self, id: NodeId) -> Option<Arc<str>> {
        let node = self.node(id);
        if let Some(why) = self.why_cancelled().filter(|_| id == NodeId::ROOT) {
            return Some(why.into());
        }
        let lost = node.scope.as_ref().and_then(|scope| scope.lost()).filter(|_| self.fails_fast());
        match (lost, node.status) {
            (Some(lost), _) => self.node(lost).loss().map(Into::into),
            (None, StepStatus::Completed) => Some("enough items succeeded".into()),
            (None, StepStatus::Failed) => Some("too few items can succeed".into()),
            (None, StepStatus::Cancelled) => Some(CALLED_OFF_WITH_STEP.into()),
            (None, _) => None,
        }
    }
}
