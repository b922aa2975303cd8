//! Endings: of steps, scopes and runs.

use std::sync::Arc;

use motet_pipeline::plan::OutputSpec;
use motet_pipeline::value::Map;
use motet_pipeline::{Class, Failure, Value};

use crate::agenda::Task;
use crate::command::Command;
use crate::earlier::Kept;
use crate::event::{Ending, Reused};
use crate::handle::Handling;
use crate::node::{NodeId, StepStatus};
use crate::operation::judge_size;
use crate::run::Run;
use crate::{RunEvent, StepEvent};

impl Handling<'_> {
    /// A step or item has its output; that of a fan-out is made of its items'.
    pub(crate) fn complete_step(&mut self, id: NodeId, output: Option<Value>) {
        self.complete_with(id, output, None);
    }

    pub(crate) fn complete_with(&mut self, id: NodeId, output: Option<Value>, reused: Option<Box<Reused>>) {
        let cache = if reused.is_none() { self.run.kept_under(id) } else { None };
        self.emit_of_step(id, StepEvent::Completed { output, reused, cache });
        self.run.agenda.add(Task::Settle(id));
    }

    /// A step or item is ready and has a result from an earlier run that was made from the same and is still
    /// good: it takes it. Tells whether it did.
    pub(crate) fn reuse(&mut self, id: NodeId) -> bool {
        if self.run.part_of_the_end(id).is_some() {
            return false;
        }
        let Some(earlier) = self.run.earlier.0.clone() else { return false };
        let node = self.run.node(id);
        let Some(attempts) = &node.attempts else { return false };
        let contract = &self.run.target(id, 0).contract;
        let Some(Kept { output, from, .. }) = earlier.find(&node.path, contract, &attempts.inputs) else {
            return false;
        };
        let output = self.complete_output(id, output.clone());
        if self.find_fault(id, &output).is_some() {
            return false;
        }
        self.complete_with(id, Some(output), Some(Box::new(from.clone())));
        true
    }

    /// A step or item failed for good.
    pub(crate) fn fail_step(&mut self, id: NodeId, failure: Failure) {
        if self.run.undone_by(id).is_some() {
            return self.get_stuck(id, &failure);
        }
        let node = self.run.node(id);
        let optional = self.run.graph.step(self.run.step_id(id)).optional;
        let tolerated = optional && node.item.is_none();
        self.emit_of_step(id, StepEvent::Failed { failure, tolerated });
        self.run.agenda.add(Task::Settle(id));
    }

    /// All steps inside a node are terminal: it gives its outputs, or fails with what failed inside.
    pub(crate) fn close(&mut self, id: NodeId) {
        let node = self.run.node(id);
        if id == NodeId::ROOT || node.status != StepStatus::Running {
            return;
        }
        let Some(scope) = node.scope.as_ref().filter(|scope| scope.open == 0) else { return };
        if let Some(failed) = scope.failed {
            let failure =
                self.run.node(failed).failure.as_deref().expect("a failed step has a failure").clone();
            return self.fail_step(id, failure);
        }
        if let Some(cancelled) = scope.cancelled {
            return self.lose_with(id, cancelled);
        }
        let graph = self.run.graph.clone();
        let (plan, _) = graph.scope_inside(self.run.step_id(id)).expect("a scope node has steps inside");
        match self.outputs(id, &plan.outputs) {
            Ok(outputs) => {
                let outputs = Value::Map(outputs.into());
                match self.failed_check(id, &outputs) {
                    None => self.complete_step(id, Some(outputs)),
                    Some(fault) => self.fail_step(id, Failure::new(Class::BadOutput, fault)),
                }
            }
            Err(failure) => self.fail_step(id, failure),
        }
    }

    fn outputs(&self, scope: NodeId, specs: &[OutputSpec]) -> Result<Map, Failure> {
        let mut outputs = Map::new();
        for spec in specs {
            let value = self.run.evaluate_inside(&spec.value, scope);
            let value = value
                .map_err(|error| Failure::new(error.class, format!("output `{}`: {error}", spec.name)))?;
            if !value.is_absent() {
                conforms(spec, &value).map_err(|reason| {
                    Failure::new(Class::BadOutput, format!("output `{}`: {reason}", spec.name))
                })?;
            }
            outputs.insert(spec.name.clone(), value);
            judge_size(&outputs, "outputs").map_err(|failure| {
                let message = format!("output `{}`: {}", spec.name, failure.message);
                failure.with_message(message)
            })?;
        }
        Ok(outputs)
    }

    /// Calls off all that is not terminal inside a node, from its child `from` on. What doesn't fit into
    /// the turn is cancelled in the next ones; meanwhile nothing starts there.
    pub(crate) fn call_off_inside(&mut self, id: NodeId, from: usize, reason: &Arc<str>) {
        let mut index = from;
        while let Some(child) = self.run.node(id).child(index) {
            if self.is_full() {
                return self.run.agenda.add(Task::CallOff { id, from: index, reason: reason.clone() });
            }
            // What always runs does so in a run that is cancelled, too.
            if !self.run.is_of_the_end(child) {
                self.call_off(child, reason);
            }
            index += 1;
        }
    }

    /// Calls off a step or item that is not terminal, and all inside it.
    pub(crate) fn call_off(&mut self, id: NodeId, reason: &Arc<str>) {
        if self.run.node(id).status.is_terminal() {
            return;
        }
        self.call_off_inside(id, 0, reason);
        self.withdraw_claim(id);
        self.abandon_attempt(id, reason);
        self.emit_of_step(id, StepEvent::called_off(reason));
    }

    /// Gives up waiting for a slot.
    pub(crate) fn withdraw_claim(&mut self, id: NodeId) {
        if let Some(key) = self.run.awaited_slot(id)
            && !self.launched.remove(&id)
        {
            self.commands.push(Command::Release { key });
        }
    }

    /// A step has taken as long as it may over all attempts.
    pub(crate) fn time_out_step(&mut self, id: NodeId) {
        let failure = Failure::new(Class::Timeout, "it took longer than its `total` timeout allows");
        self.withdraw_claim(id);
        self.give_up_attempt(id, &failure);
        self.call_off_inside(id, 0, &"the step it belongs to timed out".into());
        self.fail_step(id, failure);
    }

    pub(crate) fn cancel_run(&mut self, by: String, reason: String) {
        if self.run.cancel.is_some() || self.run.closing.is_some() {
            return;
        }
        self.emit_of_run(RunEvent::CancelRequested { by, reason });
        let why = self.run.why_cancelled().expect("it was asked for a moment ago");
        self.call_off_inside(NodeId::ROOT, 0, &why.into());
    }

    pub(crate) fn time_out_run(&mut self) {
        let limit = self.run.graph.plan().timeout.unwrap_or_default();
        self.cancel_run(TIMEOUT.into(), format!("the run took longer than its `timeout` of {limit}"));
    }

    /// Takes the run from one part to the next, or ends it, if nothing of the present part is open. Tells whether it did.
    pub(crate) fn finish_part(&mut self) -> bool {
        if !self.run.is_finished() {
            return false;
        }
        match self.run.closing.as_deref() {
            None => {
                let end = self.end();
                let ending = end.ending().expect("it ends the run");
                match self.run.closes(&ending) {
                    Some(undo) => self.close_run(ending, undo),
                    None => self.emit_of_run(end),
                }
            }
            Some(closing) if closing.is_undoing() => self.end_undoing(),
            Some(closing) => {
                let end = self.end_after(closing.ending.clone());
                self.emit_of_run(end);
            }
        }
        true
    }

    /// How the run ends, all that it is there for being over.
    fn end(&self) -> RunEvent {
        let run = &self.run;
        let scope = run.node(NodeId::ROOT).scope.as_ref();
        let (failed, cancelled) =
            (scope.and_then(|scope| scope.failed), scope.and_then(|scope| scope.cancelled));
        match (run.cancel.as_deref(), failed) {
            (None, None) => match cancelled.and_then(|step| run.node(step).cancellation.as_deref()) {
                Some(cancellation) => RunEvent::Cancelled { reason: cancellation.to_string() },
                None => self.end_with_outputs(run.degraded),
            },
            (_, Some(failed)) => {
                let (step, failure) = run.root_cause(failed);
                RunEvent::Failed { step: Some(step), failure }
            }
            (Some((by, reason)), None) if by == TIMEOUT => {
                RunEvent::Failed { step: None, failure: Failure::new(Class::Timeout, reason.clone()) }
            }
            (Some(_), None) => RunEvent::Cancelled { reason: run.why_cancelled().unwrap_or_default() },
        }
    }

    /// How the run ends, what it does at its end being over, too; `ending` was decided before.
    fn end_after(&self, ending: Ending) -> RunEvent {
        match (self.run.end_of_undoing(), ending) {
            (Some(end), _) => end,
            (None, Ending::Completed { degraded }) => self.end_with_outputs(degraded),
            (None, Ending::Failed { step, failure }) => RunEvent::Failed { step, failure },
            (None, Ending::Cancelled { reason }) => RunEvent::Cancelled { reason },
        }
    }

    fn end_with_outputs(&self, degraded: bool) -> RunEvent {
        match self.outputs_of_run() {
            Ok(outputs) => RunEvent::Completed { outputs, degraded },
            Err(failure) => RunEvent::Failed { step: None, failure },
        }
    }

    fn outputs_of_run(&self) -> Result<Value, Failure> {
        let plan = self.run.graph.plan().clone();
        let outputs = self.outputs(NodeId::ROOT, &plan.root.outputs)?;
        // Nothing can do without what is absent any more: outside of a run it is null.
        let known = |value: Value| if value.is_absent() { Value::Null } else { value };
        Ok(Value::map(outputs.into_iter().map(|(name, value)| (name, known(value)))))
    }
}

impl Run {
    /// The step that a failed step at the top failed for, as far in as it is known.
    pub(crate) fn root_cause(&self, failed: NodeId) -> (motet_pipeline::StepPath, Failure) {
        let mut cause = failed;
        while let Some(inner) = self.cause_inside(cause) {
            cause = inner;
        }
        let node = self.node(cause);
        let failure = node.failure.as_deref().expect("a failed step has a failure").clone();
        (node.path.clone(), failure)
    }

    /// For a fanned-out step the first item that failed; for a group the step whose failure is its own.
    fn cause_inside(&self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        if let Some(each) = &node.each {
            let failed = |item: &NodeId| self.node(*item).status == StepStatus::Failed;
            return each.children.iter().copied().find(failed);
        }
        let inside = (id.0 + 1..self.nodes.len() as u32).map(NodeId);
        inside.into_iter().find(|inner| {
            let inner = self.node(*inner);
            inner.parent == id && inner.status == StepStatus::Failed && inner.failure == node.failure
        })
    }

    /// Whether nothing of the present part of the run is open, and every attempt's end is known.
    pub(crate) fn is_finished(&self) -> bool {
        let is_open = match &self.closing {
            None => self.node(NodeId::ROOT).scope.as_ref().is_none_or(|scope| scope.open > 0),
            Some(closing) => closing.is_open(),
        };
        !self.status.is_terminal() && !is_open && self.stopping == 0
    }

    /// Why somebody asked to end the run, if so.
    pub(crate) fn why_cancelled(&self) -> Option<String> {
        self.cancel.as_deref().map(why)
    }
}

/// Why something ends that somebody asked to end: who did, and the reason.
pub(crate) fn why((by, reason): &(String, String)) -> String {
    if reason.is_empty() { format!("cancelled by {by}") } else { reason.clone() }
}

/// Whether an output is what was declared. A type that is only inferred is no promise: what is absent
/// leaves gaps in objects that it doesn't know of.
fn conforms(spec: &OutputSpec, value: &Value) -> Result<(), String> {
    let Some(schema) = &spec.schema else { return Ok(()) };
    spec.ty.accepts(value)?;
    match schema.faults("it", value).as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("; ")),
    }
}

/// Who asks to end a run that takes too long.
const TIMEOUT: &str = "timeout";
