//! Data flow: a step starts as soon as what it refers to is there (law L10).

use std::collections::BTreeSet;

use motet_pipeline::expression::{EvaluationError, Template, is_true};
use motet_pipeline::plan::{Body, Dependency, DependencyKind, Each as EachPolicy, InputSpec, Step};
use motet_pipeline::value::{Compared, INPUT_UNITS_MAX};
use motet_pipeline::{Class, Failure, StepPath, Value};

use crate::agenda::Task;
use crate::event::SkipReason;
use crate::handle::Handling;
use crate::node::{Awaited, NodeId, StepStatus};
use crate::run::Run;
use crate::{Items, StepEvent};

/// Whether what a step waits for is there.
pub(crate) enum Readiness {
    /// Something is not terminal yet.
    Waits,
    /// Everything is there.
    Ready,
    /// A step that it needs failed, or one that this one in turn needed.
    Blocked(StepPath),
}

impl Run {
    pub(crate) fn readiness(&self, id: NodeId, waits_for: &[Dependency]) -> Readiness {
        let scope = self.scope_node(id);
        let is_of_the_end = self.closing.is_some() && self.part_of_the_end(id).is_some();
        let mut blocked = None;
        for dependency in waits_for {
            let awaited = self.resolve(scope, dependency.step);
            let node = self.node(awaited);
            if !node.status.is_terminal() {
                return Readiness::Waits;
            }
            let lost = match node.status {
                StepStatus::Failed => Some(awaited).filter(|_| !node.tolerated),
                StepStatus::Cancelled => Some(awaited).filter(|_| !node.tolerated),
                _ => node.blocked_by,
            };
            // What runs at the end does so whatever became of the steps before: what failed there is absent.
            let lost = lost.filter(|_| dependency.kind != DependencyKind::Status);
            blocked = blocked.or(lost.filter(|_| !is_of_the_end || self.part_of_the_end(awaited).is_some()));
        }
        blocked.map_or(Readiness::Ready, |lost| Readiness::Blocked(self.node(lost).path.clone()))
    }

    /// Whether all that a step waits for is terminal; remembers how far that was found.
    fn has_seen_all(&mut self, id: NodeId, waits_for: &[Dependency]) -> bool {
        let scope = self.scope_node(id);
        let mut seen = self.node(id).awaited.0 as usize;
        let is_over = |other: &Dependency| self.node(self.resolve(scope, other.step)).status.is_terminal();
        while waits_for.get(seen).is_some_and(is_over) {
            seen += 1;
        }
        self.node_mut(id).awaited = Awaited(seen as u32);
        seen == waits_for.len()
    }

    /// Whether the run, or something around the node, is ending or over: nothing starts any more.
    pub(crate) fn is_ending(&self, id: NodeId) -> bool {
        if self.cancel.is_some() && self.closing.is_none() {
            return true;
        }
        let mut at = id;
        loop {
            if self.is_of_the_end(at) {
                return !self.may_run_at_the_end(at);
            }
            let node = self.node(at);
            let has_lost = node.scope.as_ref().is_some_and(|scope| scope.lost().is_some());
            if node.status.is_terminal() || has_lost && self.fails_fast() {
                return true;
            }
            if at == NodeId::ROOT {
                return self.closing.is_some();
            }
            at = node.parent;
        }
    }

    pub(crate) fn fails_fast(&self) -> bool {
        self.graph.plan().on_failure != motet_pipeline::plan::OnFailure::Finish
    }
}

impl Handling<'_> {
    /// The steps inside a node may start.
    pub(crate) fn open(&mut self, id: NodeId) {
        let scope = self.run.node(id).scope.as_ref().expect("a node is opened with its scope");
        let (first, steps, open) = (scope.first, scope.steps, scope.open);
        if open == 0 {
            self.run.agenda.add(Task::Close(id));
        }
        for index in 0..steps as usize {
            self.run.agenda.add(Task::Examine(first.offset(index)));
        }
    }

    /// Starts a step if it can start, or its next target if that can be taken now.
    pub(crate) fn examine(&mut self, id: NodeId) {
        if self.run.is_ending(id) {
            return;
        }
        match self.run.node(id).status {
            StepStatus::Pending if self.run.undone_by(id).is_some() => self.begin_undo(id),
            StepStatus::Pending => self.examine_pending(id),
            StepStatus::Waiting => self.resolve_target(id),
            StepStatus::Running if self.run.node(id).each.is_some() => self.examine_items(id),
            _ => {}
        }
    }

    /// Items may wait for what their next target refers to.
    fn examine_items(&mut self, id: NodeId) {
        let children = (0..).map_while(|index| self.run.node(id).child(index));
        let waiting = children.filter(|item| self.run.node(*item).status == StepStatus::Waiting);
        for item in waiting.collect::<Vec<_>>() {
            self.run.agenda.add(Task::Examine(item));
        }
    }

    fn examine_pending(&mut self, id: NodeId) {
        let graph = self.run.graph.clone();
        let step = graph.step(self.run.step_id(id));
        if self.meet_request(id) {
            return;
        }
        if !self.run.has_seen_all(id, &step.waits_for) {
            return;
        }
        match self.run.readiness(id, &step.waits_for) {
            Readiness::Waits => {}
            Readiness::Blocked(step) => {
                let cancelled = self.run.step_status(&step) == Some(StepStatus::Cancelled);
                self.skip(id, SkipReason::Upstream { step, cancelled });
            }
            Readiness::Ready => match &step.each {
                Some(each) => {
                    if each.condition_per_item || self.condition_holds(id, step) {
                        self.expand(id, each);
                    }
                }
                None => self.begin(id),
            },
        }
    }

    /// Evaluates the condition; if it doesn't hold, the step is skipped, if it can't be determined, failed.
    fn condition_holds(&mut self, id: NodeId, step: &Step) -> bool {
        let Some(condition) = &step.condition else { return true };
        match self.run.evaluate(condition, id) {
            Ok(value) if is_true(&value) => true,
            Ok(_) => {
                self.skip(id, SkipReason::Condition);
                false
            }
            Err(error) => {
                self.fail_step(id, Failure::new(error.class, format!("`if`: {error}")));
                false
            }
        }
    }

    /// Starts a step that doesn't fan out, or one item of a step that does.
    pub(crate) fn begin(&mut self, id: NodeId) {
        if self.meet_request(id) {
            return;
        }
        let graph = self.run.graph.clone();
        let step = graph.step(self.run.step_id(id));
        let per_item = step.each.as_ref().is_some_and(|each| each.condition_per_item);
        if (step.each.is_none() || per_item) && !self.condition_holds(id, step) {
            return;
        }
        match &step.body {
            Body::Operation(_) => self.begin_operation(id),
            Body::Group(_) => {
                self.emit_of_step(id, StepEvent::Ready { inputs: None, opens: false, cache: None });
                self.open(id);
            }
            Body::Pipeline { inputs, with, .. } => self.begin_pipeline(id, inputs, with),
        }
    }

    /// Starts a file that is put in place, if what it is given fits.
    fn begin_pipeline(&mut self, id: NodeId, inputs: &[InputSpec], with: &[(String, Template)]) {
        let given = match self.evaluate_inputs(id, with) {
            Ok(given) => given,
            Err(failure) => return self.fail_step(id, failure),
        };
        let mut needed = inputs.iter().filter(|spec| spec.required && spec.default.is_none());
        if let Some(missing) = needed.find(|spec| !given.contains_key(&spec.name)) {
            return self.skip(id, SkipReason::Absent { input: missing.name.clone() });
        }
        match motet_pipeline::inputs::accept(inputs, given) {
            Ok(accepted) => {
                self.emit_of_step(
                    id,
                    StepEvent::Ready { inputs: Some(Value::map(accepted)), opens: true, cache: None },
                );
                self.open(id);
            }
            Err(misfits) => {
                let words: Vec<_> = misfits.iter().map(|misfit| misfit.message.as_str()).collect();
                self.fail_step(id, Failure::new(Class::Invalid, words.join("; ")));
            }
        }
    }

    fn expand(&mut self, id: NodeId, each: &EachPolicy) {
        let list = match self.run.evaluate(&each.list, id) {
            Ok(Value::List(list)) => list,
            Ok(Value::Absent) => return self.skip(id, SkipReason::Absent { input: "each".into() }),
            Ok(other) => {
                let message = format!("`each` needs a list, and got {}", other.kind_word());
                return self.fail_step(id, Failure::new(Class::Invalid, message));
            }
            Err(error) => {
                return self.fail_step(id, Failure::new(error.class, format!("`each`: {error}")));
            }
        };
        if let Some(excess) = Value::List(list.clone()).excess(INPUT_UNITS_MAX) {
            return self.fail_step(id, Failure::new(Class::TooLarge, format!("`each`: the list {excess}")));
        }
        let keys = match self.name_items(id, each, &list) {
            Ok(keys) => keys,
            Err(failure) => return self.fail_step(id, failure),
        };
        self.emit_of_step(id, StepEvent::Expanded { items: Items::new(Value::List(list), keys) });
        self.continue_items(id);
    }

    /// Gives every item its key, if items have keys of their own; duplicate and unfit keys fail before
    /// any item starts.
    fn name_items(
        &self,
        id: NodeId,
        each: &EachPolicy,
        list: &[Value],
    ) -> Result<Option<Vec<String>>, Failure> {
        let invalid = |message: String| Failure::new(Class::Invalid, message);
        let Some(template) = &each.key else { return Ok(None) };
        let mut seen = BTreeSet::new();
        let mut keys = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let key = self.run.evaluate_key(template, id, each, index, value);
            let key =
                key.map_err(|error| Failure::new(error.class, format!("`key` of item {index}: {error}")))?;
            let key = key_text(&key).ok_or_else(|| {
                let found = if key.as_str() == Some("") { "empty" } else { key.kind_word() };
                invalid(format!("`key` of item {index} must be text or a number, and is {found}"))
            })?;
            if !seen.insert(key.clone()) {
                return Err(invalid(format!("two items have the key `{key}`")));
            }
            keys.push(key);
        }
        Ok(Some(keys))
    }

    pub(crate) fn skip(&mut self, id: NodeId, reason: SkipReason) {
        self.emit_of_step(id, StepEvent::Skipped { reason });
        self.run.agenda.add(Task::Settle(id));
    }

    /// A step or item became terminal: those that wait for it are looked at.
    pub(crate) fn settle(&mut self, id: NodeId) {
        let node = self.run.node(id);
        if node.item.is_some() {
            let parent = node.parent;
            return self.continue_items(parent);
        }
        if self.run.undone_by(id).is_some() {
            return self.settle_undo(id);
        }
        let around = node.parent;
        let is_of_the_end = self.run.is_of_the_end(id);
        if let Some(reason) = node.loss().filter(|_| !is_of_the_end && self.run.fails_fast()) {
            self.call_off_inside(around, 0, &reason.into());
        }
        let scope = self.run.node(around).scope.as_ref();
        if scope.is_some_and(|scope| scope.open == 0) {
            self.run.agenda.add(Task::Close(around));
        }
        if is_of_the_end || !self.run.is_ending(around) {
            self.wake_waiters(id);
        }
    }

    fn wake_waiters(&mut self, id: NodeId) {
        let graph = self.run.graph.clone();
        let step = self.run.step_id(id);
        let around = self.run.node(id).parent;
        for waiter in graph.waiters(step) {
            self.reach(around, graph.route_between(step, *waiter));
        }
    }

    /// Looks at all living instances of the step that `route` leads to from `around`.
    fn reach(&mut self, around: NodeId, route: &[usize]) {
        let Some(scope) = &self.run.node(around).scope else { return };
        let (index, rest) = route.split_first().expect("a waiter stands in this scope or further in");
        let node = scope.first.offset(*index);
        if rest.is_empty() {
            return self.run.agenda.add(Task::Examine(node));
        }
        if self.run.node(node).each.is_none() {
            return self.reach(node, rest);
        }
        let mut index = 0;
        while let Some(item) = self.run.node(node).child(index) {
            self.reach(item, rest);
            index += 1;
        }
    }
}

impl Run {
    fn evaluate_key(
        &self,
        template: &Template,
        id: NodeId,
        each: &EachPolicy,
        index: usize,
        value: &Value,
    ) -> Result<Value, EvaluationError> {
        let mut context = self.context_of(template, id);
        context.values.insert(each.item_name.clone(), value.clone());
        context.values.insert("index".into(), Value::from(index));
        self.work_out(template, &context)
    }
}

/// A number is written by what it is worth: `1` and `1.0` are one key.
fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::Text(text) if !text.is_empty() => Some(text.to_string()),
        Value::Number(_) => serde_json::to_string(&Compared(key)).ok(),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_as_a_key_is_written_by_what_it_is_worth() {
        let key = |json: &str| key_text(&serde_json::from_str(json).unwrap());
        for json in ["1", "1.0", "10e-1"] {
            assert_eq!(key(json).as_deref(), Some("1"), "{json}");
        }
        assert_eq!(key("2.5").as_deref(), Some("2.5"));
        assert_eq!(key("-0.0").as_deref(), Some("0"));
        assert_eq!(key("\"1.0\"").as_deref(), Some("1.0"), "a text is the text that it is");
        assert_eq!(key("\"\""), None);
    }
}
