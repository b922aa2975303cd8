//! The end of a run: once nothing of its main work is open, what was done is undone where that is asked for, then what
//! always runs does, and only then is it over. How it ends is decided before.

use std::sync::Arc;

use motet_pipeline::plan::{Body, OnFailure};
use motet_pipeline::{Class, Failure, StepPath, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::agenda::Task;
use crate::ending::why;
use crate::event::{Ending, LateEnd, ParkReason, RunStarted, Turn};
use crate::graph::{Graph, StepId};
use crate::handle::{Handling, Reaction};
use crate::input::Decision;
use crate::node::{Node, NodeId, StepStatus};
use crate::operation::Unfit;
use crate::run::{Misuse, Run};
use crate::timer::Timers;
use crate::unwinding::Unwinding;
use crate::{AttemptEvent, Event, RunEvent, StepEvent};

/// How a run ends, and how far it is with what it still does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Closing {
    /// How it ends.
    pub(crate) ending: Ending,
    stage: Stage,
    /// How many steps of the present stage are not terminal.
    open: u32,
    /// How many steps and items are undone.
    undone: u32,
    /// How many could not be.
    stuck: u32,
    /// Who asked to end that, too, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_short: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// What was done is undone.
    Undo,
    /// What always runs does.
    Always,
}

impl Closing {
    pub(crate) fn is_undoing(&self) -> bool {
        self.stage == Stage::Undo
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open > 0
    }
}

/// The state.
impl Run {
    /// What `id` undoes, if it undoes something.
    pub(crate) fn undone_by(&self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        node.step.is_some_and(|step| self.graph.is_undo(StepId(step))).then_some(node.parent)
    }

    /// Whether `id` is a step that belongs to the end of the run: an undo, or one that always runs.
    pub(crate) fn is_of_the_end(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let Some(step) = node.step.map(StepId) else { return false };
        let is_always = || node.parent == NodeId::ROOT && node.item.is_none() && self.graph.step(step).always;
        self.graph.is_undo(step) || is_always()
    }

    /// The step of the end of the run that `id` is, or is inside of.
    pub(crate) fn part_of_the_end(&self, id: NodeId) -> Option<NodeId> {
        let mut at = id;
        while at != NodeId::ROOT {
            if self.is_of_the_end(at) {
                return Some(at);
            }
            at = self.node(at).parent;
        }
        None
    }

    /// Whether a step of the end of the run may start, or what is inside of it.
    pub(crate) fn may_run_at_the_end(&self, id: NodeId) -> bool {
        let is_undo = self.undone_by(id).is_some();
        let closing = self.closing.as_deref().filter(|closing| closing.cut_short.is_none());
        let is_its_stage = closing.is_some_and(|closing| closing.is_undoing() == is_undo);
        is_its_stage && !self.node(id).status.is_terminal() && (is_undo || !self.is_undo_run())
    }

    /// The steps of the end of the run that are not terminal.
    pub(crate) fn open_of_the_end(&self) -> impl Iterator<Item = NodeId> {
        let all = (1..self.nodes.len() as u32).map(NodeId);
        all.filter(|id| self.is_of_the_end(*id) && !self.node(*id).status.is_terminal())
    }

    /// Why what it does at its end is cancelled, if it is.
    pub(crate) fn why_cut_short(&self) -> Option<Arc<str>> {
        self.closing.as_ref()?.cut_short.as_ref().map(|request| why(request).into())
    }

    /// Whether a run that ends so still does something, and if so, whether it undoes what was done.
    pub(crate) fn closes(&self, ending: &Ending) -> Option<bool> {
        let is_asked = self.graph.plan().on_failure == OnFailure::Undo;
        let is_good = matches!(ending, Ending::Completed { .. });
        let undo = is_asked && !is_good && self.undoable().next().is_some();
        (undo || self.graph.has_always()).then_some(undo)
    }

    /// The steps and items whose output was made here and can be undone.
    pub fn undoable(&self) -> impl Iterator<Item = &StepPath> {
        self.nodes.iter().filter(|node| node.is_made).map(|node| &node.path)
    }

    /// Whether how it ends is decided, and it still does something.
    pub fn is_closing(&self) -> bool {
        self.closing.is_some() && !self.status.is_terminal()
    }

    /// A step or item has an output: `own` says whether it was made in this run.
    pub(crate) fn note_made(&mut self, id: NodeId, own: bool) {
        let node = self.node(id);
        let can_be_undone = node.step.is_some_and(|step| self.graph.undo_of(StepId(step)).is_some());
        let is_made = own && can_be_undone && node.each.is_none();
        self.node_mut(id).is_made = is_made;
    }

    /// A result came that nobody waited for any more: it was made, and there is something to undo.
    pub(crate) fn note_made_late(&mut self, id: NodeId, output: &Value) {
        let node = self.node(id);
        if node.status != StepStatus::Completed {
            self.note_made(id, true);
            let node = self.node_mut(id);
            node.output = Some(output.clone()).filter(|_| node.is_made);
        }
    }

    /// What was made at `id`, with all that its contract names.
    pub(crate) fn made_at(&self, id: NodeId) -> Value {
        let output = self.node(id).output.clone().unwrap_or_default();
        let Value::Map(entries) = &output else { return output };
        let declared = &self.target(id, 0).contract.outputs;
        let missing: Vec<_> = declared.keys().filter(|name| !entries.contains_key(name.as_str())).collect();
        if missing.is_empty() {
            return output;
        }
        let mut entries = (**entries).clone();
        entries.extend(missing.into_iter().map(|name| (name.clone(), Value::Absent)));
        Value::Map(entries.into())
    }

    /// How the run ends is decided. Whatever is to be undone gets a node for that.
    pub(crate) fn begin_closing(&mut self, ending: Ending, undo: bool) {
        let made = |id: &NodeId| undo && self.node(*id).is_made;
        let made: Vec<NodeId> = (1..self.nodes.len() as u32).map(NodeId).filter(made).collect();
        for id in &made {
            let node = self.node(*id);
            let undo = node.step.and_then(|step| self.graph.undo_of(StepId(step)));
            let name = undo.map(|undo| self.graph.step(undo).name.clone()).unwrap_or_default();
            let node = Node::new(node.path.step(&name), undo.map(|undo| undo.0), *id, None);
            self.add_node(node);
        }
        let (stage, open) = match undo {
            true => (Stage::Undo, made.len() as u32),
            false => (Stage::Always, self.open_always()),
        };
        let closing = Closing { ending, stage, open, undone: 0, stuck: 0, cut_short: None };
        self.closing = Some(Box::new(closing));
    }

    /// What could be undone is.
    pub(crate) fn end_undoing(&mut self) {
        let open = self.open_always();
        if let Some(closing) = &mut self.closing {
            (closing.stage, closing.open) = (Stage::Always, open);
        }
    }

    /// How many steps that always run are not terminal. Those of a run that only undoes another did run there.
    fn open_always(&self) -> u32 {
        if self.is_undo_run() {
            return 0;
        }
        let is_always = |id: &NodeId| self.undone_by(*id).is_none();
        self.open_of_the_end().filter(is_always).count() as u32
    }

    /// Whether it does nothing but undo what another run did.
    pub(crate) fn is_undo_run(&self) -> bool {
        self.started.base.as_ref().is_some_and(|base| base.undo)
    }

    /// Somebody asked to end what the run does at its end.
    pub(crate) fn cut_short(&mut self, by: &str, reason: &str) {
        if let Some(closing) = &mut self.closing {
            closing.cut_short = Some((by.to_owned(), reason.to_owned()));
        }
    }

    /// A step of the end of the run is terminal.
    pub(crate) fn close_of_the_end(&mut self, id: NodeId) {
        let is_undo = self.undone_by(id).is_some();
        let is_undone = self.node(id).status == StepStatus::Completed;
        let Some(closing) = &mut self.closing else { return };
        if is_undo {
            *(if is_undone { &mut closing.undone } else { &mut closing.stuck }) += 1;
        }
        if is_undo == closing.is_undoing() {
            closing.open = closing.open.saturating_sub(1);
        }
    }

    /// An undo was cancelled, and ended well all the same: what it undoes is undone.
    pub(crate) fn note_undone_late(&mut self, id: NodeId) {
        let Some(undone) = self.undone_by(id).filter(|_| self.node(id).status.is_terminal()) else { return };
        let was_made = std::mem::take(&mut self.node_mut(undone).is_made);
        if let Some(closing) = self.closing.as_mut().filter(|closing| was_made && closing.stuck > 0) {
            closing.stuck -= 1;
            closing.undone += 1;
        }
    }

    /// Whether `id` is an undo that could not be done, of which a person decides.
    pub(crate) fn is_stuck(&self, id: NodeId) -> bool {
        self.parked.get(&id) == Some(&ParkReason::Stuck)
    }

    /// What a step that always runs sees as `run.errors`: what failed and wasn't tolerated, in the order of the file.
    pub(crate) fn errors(&self, ending: &Ending) -> Value {
        let error = |step: &str, failure: &Failure| {
            Value::map([
                ("step", Value::from(step)),
                ("class", failure.class.word().into()),
                ("message", failure.message.as_str().into()),
            ])
        };
        let of_run = match ending {
            Ending::Failed { step: None, failure } => Some(error("", failure)),
            _ => None,
        };
        let steps = (0..).map_while(|index| self.node(NodeId::ROOT).child(index));
        let failed = steps.filter(|id| {
            let node = self.node(*id);
            node.is_lost_by_failing() && !self.is_of_the_end(*id)
        });
        let of_steps = failed.map(|id| {
            let (step, failure) = self.root_cause(id);
            error(step.as_str(), &failure)
        });
        Value::list(of_run.into_iter().chain(of_steps).collect())
    }

    /// How a run ends that only undoes another: well, if everything is undone.
    pub(crate) fn end_of_undoing(&self) -> Option<RunEvent> {
        let closing = self.closing.as_ref().filter(|_| self.is_undo_run())?;
        if let Some(reason) = self.why_cut_short() {
            return Some(RunEvent::Cancelled { reason: reason.to_string() });
        }
        let mut undos =
            self.nodes.iter().filter(|node| node.step.is_some_and(|id| self.graph.is_undo(StepId(id))));
        let lost = undos.find_map(|node| Some((node.path.clone(), node.failure.as_deref()?.clone())));
        Some(match lost.filter(|_| closing.stuck > 0) {
            Some((step, failure)) => RunEvent::Failed { step: Some(step), failure },
            None => RunEvent::Completed { outputs: Value::Map(Default::default()), degraded: false },
        })
    }
}

/// The decisions.
impl Handling<'_> {
    /// How the run ends is decided, and it still does something: undoes what was done, or what always runs.
    pub(crate) fn close_run(&mut self, ending: Ending, undo: bool) {
        self.emit_of_run(RunEvent::Closing { ending, undo });
        if undo {
            let (unwinding, ready) = Unwinding::of(self.run);
            self.run.unwinding = unwinding;
            ready.into_iter().for_each(|undo| self.run.agenda.add(Task::Examine(undo)));
        } else {
            self.open_always();
        }
    }

    /// Nothing is to be undone any more.
    pub(crate) fn end_undoing(&mut self) {
        let Some(closing) = &self.run.closing else { return };
        let (undone, stuck) = (closing.undone, closing.stuck);
        self.emit_of_run(RunEvent::Undone { undone, stuck });
        self.open_always();
    }

    fn open_always(&mut self) {
        let steps: Vec<NodeId> = self.run.open_of_the_end().collect();
        steps.into_iter().for_each(|step| self.run.agenda.add(Task::Examine(step)));
    }

    /// Undoes a step or item: all that depended on it is undone.
    pub(crate) fn begin_undo(&mut self, id: NodeId) {
        let inputs = self.inputs_of_undo(id);
        let (inputs, failure) = match inputs {
            Ok(inputs) => (inputs, None),
            Err(failure) => (Value::Map(Default::default()), Some(failure)),
        };
        self.emit_of_step(id, StepEvent::Ready { inputs: Some(inputs), opens: false, cache: None });
        match failure {
            None => self.launch(id),
            Some(failure) => self.get_stuck(id, &failure),
        }
    }

    fn inputs_of_undo(&self, id: NodeId) -> Result<Value, Failure> {
        let graph = self.run.graph.clone();
        let Body::Operation(targets) = &graph.step(self.run.step_id(id)).body else {
            return Err(Failure::new(Class::Invalid, "it is no operation"));
        };
        let given = self.evaluate_inputs(id, &targets[0].with)?;
        self.fit(id, &targets[0], given).map_err(|unfit| match unfit {
            Unfit::Wrong(failure) => failure,
            Unfit::Absent(input) => Failure::new(Class::Invalid, format!("its input `{input}` is absent")),
        })
    }

    /// An undo could not be done: a person decides.
    pub(crate) fn get_stuck(&mut self, id: NodeId, failure: &Failure) {
        let message = failure.to_string();
        self.emit_of_step(id, StepEvent::Parked { reason: ParkReason::Stuck, message });
    }

    /// Somebody decides about an undo that could not be done: it is tried again, or given up.
    pub(crate) fn resolve_stuck(&mut self, id: NodeId, decision: Decision, by: String) {
        let failure = match &decision {
            Decision::Job(_) => return,
            Decision::Send => None,
            Decision::Fail => Some(format!("it is not undone: given up by {by}")),
        };
        self.emit_of_step(id, StepEvent::Resolved { decision, by, stuck: true });
        match failure {
            Some(message) => {
                let failure = Failure::new(Class::Invalid, message);
                self.emit_of_step(id, StepEvent::Failed { failure, tolerated: false });
                self.run.agenda.add(Task::Settle(id));
            }
            None => self.undo_again(id),
        }
    }

    fn undo_again(&mut self, id: NodeId) {
        let inputs = match self.inputs_of_undo(id) {
            Ok(inputs) => inputs,
            Err(failure) => return self.get_stuck(id, &failure),
        };
        let is_new = self.run.node(id).attempts.as_ref().is_none_or(|attempts| attempts.inputs != inputs);
        if is_new {
            self.emit_of_step(id, StepEvent::TargetReady { target: 0, inputs, dropped: Vec::new() });
        }
        self.launch(id);
    }

    /// An undo is over: others may begin.
    pub(crate) fn settle_undo(&mut self, id: NodeId) {
        let mut unwinding = std::mem::take(&mut self.run.unwinding);
        let ready = unwinding.clear(self.run, self.run.node(id).parent);
        self.run.unwinding = unwinding;
        ready.into_iter().for_each(|undo| self.run.agenda.add(Task::Examine(undo)));
    }

    /// Ends what the run does at its end.
    pub(crate) fn cut_short(&mut self, by: String, reason: String) {
        let is_open = self.run.closing.as_ref().is_some_and(|closing| closing.cut_short.is_none());
        if is_open {
            self.emit_of_run(RunEvent::CancelRequested { by, reason });
            self.run.agenda.add(Task::CutShort);
        }
    }

    pub(crate) fn call_off_the_end(&mut self) {
        let Some(reason) = self.run.why_cut_short() else { return };
        let open: Vec<NodeId> = self.run.open_of_the_end().collect();
        for id in open {
            if self.is_full() {
                return self.run.agenda.add(Task::CutShort);
            }
            self.call_off(id, &reason);
        }
    }
}

/// Runs that undo others.
impl Run {
    /// A new run that undoes what others did, whose journals are told, the oldest first.
    ///
    /// # Errors
    /// When the journals aren't of this engine and this plan.
    pub fn start_undo(
        graph: Arc<Graph>,
        started: RunStarted,
        before: &[&[Turn]],
        now: Timestamp,
    ) -> Result<(Run, Reaction), Misuse> {
        let started = Arc::new(started);
        let mut run = Run::open(graph, started.clone(), now);
        run.inherit(before)?;
        let reaction = run.begin_undo_run(&started, now);
        Ok((run, reaction))
    }

    /// What those runs did is what this one may undo, as far as they didn't undo it themselves.
    pub(crate) fn inherit(&mut self, before: &[&[Turn]]) -> Result<(), Misuse> {
        match (self.is_undo_run(), before.is_empty()) {
            (true, true) => return Err(Misuse::NoBase),
            (false, true) => return Ok(()),
            (_, false) => {}
        }
        for turns in before {
            let mut is_closing = false;
            for turn in *turns {
                for event in &turn.events {
                    match event {
                        // What was found out about calls that were open then is told of calls in doubt.
                        Event::Run(RunEvent::Resumed { .. }) if !is_closing => self.doubt(turn.at),
                        Event::Run(event) => is_closing |= matches!(event, RunEvent::Closing { .. }),
                        event if is_closing => self.note_undone(event),
                        event => self.apply(event, turn.at)?,
                    }
                }
            }
        }
        self.forget_work();
        Ok(())
    }

    /// What is undone already isn't undone again.
    fn note_undone(&mut self, event: &Event) {
        let step = match event {
            Event::Step { step, event: StepEvent::Completed { .. } } => step,
            Event::Attempt { key, event: AttemptEvent::Ended { end: LateEnd::Succeeded, .. } } => &key.step,
            _ => return,
        };
        if let Some(id) = self.graph.undone_at(step).and_then(|undone| self.find(&undone)) {
            self.node_mut(id).is_made = false;
        }
    }

    /// What other runs spent, waited for and left open isn't this run's.
    fn forget_work(&mut self) {
        self.timers = Timers::default();
        self.parked.clear();
        (self.moving, self.stopping, self.degraded) = (0, 0, false);
        (self.cost, self.resent) = Default::default();
        self.nodes.iter_mut().for_each(|node| node.attempts = None);
    }
}
