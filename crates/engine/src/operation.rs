//! The life of an operation: inputs, attempts, retries, fallbacks, the judgement of its output.

use std::sync::Arc;

use motet_pipeline::builtin;
use motet_pipeline::expression::{Template, is_true};
use motet_pipeline::plan::{Body, Target, Timeouts};
use motet_pipeline::price::Facts;
use motet_pipeline::value::{Map, STEP_UNITS_MAX};
use motet_pipeline::{Class, Cost, Failure, Outcome, Span, StepPath, Timestamp, Value};

use crate::advance::Readiness;
use crate::choice::{self, Choice, Progress, Setback};
use crate::event::SkipReason;
use crate::handle::Handling;
use crate::node::{NodeId, StepStatus};
use crate::run::Run;
use crate::timer::Reason;
use crate::{AttemptEvent, AttemptKey, Intent, StepEvent, retry};

use motet_pipeline::contract::Work;

impl Run {
    /// A target of the operation at `id`.
    pub(crate) fn target(&self, id: NodeId, index: usize) -> &Target {
        &self.graph.step(self.step_id(id)).body.targets()[index]
    }

    /// The seed of a step that has none of its own. What is to be done afresh gets another one than in the runs before.
    fn seed_of(&self, path: &StepPath) -> u64 {
        let started = &self.started;
        let fresh = started.base.iter().flat_map(|base| &base.fresh).any(|fresh| fresh.holds(path));
        let salt = if fresh { format!("seed of {}", started.run) } else { "seed".to_owned() };
        retry::draw(started.seed, path, &salt)
    }

    /// When the step, something around it, or the run will have taken as long as it may.
    fn ends_by(&self, id: NodeId) -> Option<Timestamp> {
        let mut first = self.timers.at(NodeId::ROOT, Reason::Run);
        let mut at = id;
        while at != NodeId::ROOT {
            first = first.into_iter().chain(self.timers.at(at, Reason::Total)).min();
            at = self.scope_node(at);
        }
        first
    }
}

/// Refuses more than a step may be given, or a scope may give.
pub(crate) fn judge_size(values: &Map, what: &str) -> Result<(), Failure> {
    if values.units() <= STEP_UNITS_MAX {
        return Ok(());
    }
    let message = format!(
        "the {what} hold more than {} MiB together; large values must be files",
        STEP_UNITS_MAX >> 20
    );
    Err(Failure::new(Class::TooLarge, message))
}

/// Why a target's inputs are not there.
pub(crate) enum Unfit {
    Absent(String),
    Wrong(Failure),
}

impl Handling<'_> {
    pub(crate) fn begin_operation(&mut self, id: NodeId) {
        let graph = self.run.graph.clone();
        let Body::Operation(targets) = &graph.step(self.run.step_id(id)).body else { return };
        let given = match self.evaluate_given(id, &targets[0].contract.operation, &targets[0].with) {
            Ok(given) => given,
            Err(failure) => return self.fail_unready(id, failure),
        };
        let is_seeded = given.contains_key("seed");
        match self.fit(id, &targets[0], given) {
            Ok(inputs) => {
                let cache = self.run.cache_key(id, &inputs, is_seeded);
                self.emit_of_step(id, StepEvent::Ready { inputs: Some(inputs), opens: false, cache });
                if !self.reuse(id) {
                    self.launch(id);
                }
            }
            Err(Unfit::Absent(input)) => self.skip(id, SkipReason::Absent { input }),
            Err(Unfit::Wrong(failure)) => self.fail_unready(id, failure),
        }
    }

    /// The first target's inputs can't be made. Another target may do without what is wrong.
    fn fail_unready(&mut self, id: NodeId, failure: Failure) {
        if self.choose(id, Setback::GivenUp(&failure)) != Choice::GiveUp {
            self.emit_of_step(
                id,
                StepEvent::Ready { inputs: Some(Value::Map(Default::default())), opens: false, cache: None },
            );
            if !self.reuse(id) {
                self.decide_after(id, failure);
            }
            return;
        }
        self.fail_step(id, failure);
    }

    /// The values of a `with`; what is absent is left out. Together they may hold so much and no more: they
    /// may share their parts here, and are written down one by one.
    pub(crate) fn evaluate_inputs(&self, id: NodeId, with: &[(String, Template)]) -> Result<Map, Failure> {
        let mut given = Map::new();
        for (name, template) in with {
            match self.run.evaluate(template, id) {
                Ok(Value::Absent) => {}
                Ok(value) => {
                    given.insert(name.clone(), value);
                    judge_size(&given, "inputs").map_err(|failure| {
                        let message = format!("`{name}`: {}", failure.message);
                        failure.with_message(message)
                    })?;
                }
                Err(error) => return Err(Failure::new(error.class, format!("`{name}`: {error}"))),
            }
        }
        Ok(given)
    }

    /// The same of an operation, which may have an input that is evaluated for each item of a list.
    fn evaluate_given(
        &self,
        id: NodeId,
        operation: &str,
        with: &[(String, Template)],
    ) -> Result<Map, Failure> {
        let Some((name, by)) = with.iter().find(|(name, _)| builtin::is_per_item(operation, name)) else {
            return self.evaluate_inputs(id, with);
        };
        let others: Vec<_> = with.iter().filter(|(other, _)| other != name).cloned().collect();
        let mut given = self.evaluate_inputs(id, &others)?;
        if let Some(items) = given.get("items").and_then(Value::as_list) {
            let (items, keys) = builtin::rankable(items, self.run.evaluate_each(by, id, items))
                .map_err(|error| Failure::new(error.class, error.message))?;
            given.extend([("items".to_owned(), items), (name.clone(), keys)]);
            judge_size(&given, "inputs")?;
        }
        Ok(given)
    }

    /// Fills in defaults and the seed, and holds the inputs against the contract.
    pub(crate) fn fit(&self, id: NodeId, target: &Target, mut given: Map) -> Result<Value, Unfit> {
        let contract = &target.contract;
        for parameter in &contract.inputs {
            if contract.is_given(parameter, &given) {
                continue;
            }
            if let Some(default) = &parameter.default {
                given.insert(parameter.name.clone(), default.clone());
            } else if parameter.name == "seed" && parameter.doubt.is_none() {
                let seed = self.run.seed_of(&self.run.node(id).path) >> 33;
                given.insert("seed".into(), Value::from(seed));
            } else if parameter.required {
                return Err(Unfit::Absent(parameter.name.clone()));
            }
        }
        let misfits = contract.validate(&given);
        if misfits.is_empty() {
            return Ok(Value::Map(given.into()));
        }
        let words: Vec<_> = misfits.iter().map(|misfit| misfit.message.as_str()).collect();
        Err(Unfit::Wrong(Failure::new(Class::Invalid, words.join("; "))))
    }

    /// The present target is ready: starts it, or asks for what it needs first.
    pub(crate) fn launch(&mut self, id: NodeId) {
        let Some(attempts) = &self.run.node(id).attempts else { return };
        let target = self.run.target(id, attempts.target);
        if target.contract.work == Work::Engine {
            self.do_at_once(id);
        } else if !self.run.needs_the_gate(id) {
            self.plan_attempt(id, None);
        } else {
            self.launched.insert(id);
        }
    }

    pub(crate) fn plan_attempt(&mut self, id: NodeId, intent: Option<Arc<Intent>>) {
        self.emit_next_attempt(id, intent);
        self.launched.insert(id);
    }

    /// Records that the next attempt at the present target is about to be made.
    pub(crate) fn emit_next_attempt(&mut self, id: NodeId, intent: Option<Arc<Intent>>) -> AttemptKey {
        let node = self.run.node(id);
        let attempts = node.attempts.as_ref().expect("a ready operation has attempts");
        let target = self.run.target(id, attempts.target);
        let key = AttemptKey { step: node.path.clone(), number: attempts.number + 1 };
        let planned = AttemptEvent::Planned {
            target: attempts.target,
            operation: target.contract.operation.clone(),
            version: target.contract.version,
            estimate: self.run.estimate(id),
            deadline: self.first_deadline(id, attempts.target),
            intent,
        };
        self.emit_of_attempt(key.clone(), planned);
        key
    }

    pub(crate) fn job_timeout(&self, id: NodeId, target: &Target) -> Span {
        let Timeouts { job, .. } = target.timeouts;
        let Some(attempts) = &self.run.node(id).attempts else { return job };
        let failure = attempts.failure.as_ref().filter(|_| attempts.at_target > 0);
        let rule = failure.and_then(|failure| retry::rule(&target.retry, failure.class));
        let written = retry::job_timeout(rule.and_then(|rule| rule.timeout), job, attempts.at_target);
        // Of what is billed by time no more than was reserved.
        let bound = target.contract.price.as_ref().and_then(|price| {
            price.time_bound(&Facts::resolved(&target.contract, attempts.inputs.as_map()?, job))
        });
        bound.map_or(written, |bound| bound.min(written))
    }

    /// Holds an output against the contract and the step's checks. Outputs that the contract names
    /// and the result doesn't have are absent (an image that was resized gives no video).
    pub(crate) fn judge(&mut self, id: NodeId, key: AttemptKey, outcome: Outcome) {
        let Outcome { output, cost, usage, warnings } = outcome;
        self.warn_of(&key, warnings);
        let output = self.complete_output(id, output);
        match self.find_fault(id, &output) {
            Some(fault) => self.fail_attempt(id, key, fault, cost),
            None => {
                self.emit_of_attempt(key, AttemptEvent::Succeeded { cost, usage });
                self.complete_step(id, Some(output));
            }
        }
    }

    pub(crate) fn complete_output(&self, id: NodeId, output: Value) -> Value {
        let (Value::Map(entries), Some(attempts)) = (&output, &self.run.node(id).attempts) else {
            return output;
        };
        let declared = &self.run.target(id, attempts.target).contract.outputs;
        if declared.keys().all(|name| entries.contains_key(name)) {
            return output;
        }
        let mut entries = (**entries).clone();
        for name in declared.keys() {
            if !entries.contains_key(name) {
                entries.insert(name.clone(), Value::Absent);
            }
        }
        Value::Map(entries.into())
    }

    /// Why the result of an attempt can't be the step's output.
    pub(crate) fn find_fault(&self, id: NodeId, output: &Value) -> Option<Failure> {
        let Some(outputs) = output.as_map() else {
            let found = output.kind_word();
            return Some(Failure::bad_output(format!("the result must be an object, and is {found}")));
        };
        let excess = outputs.iter().find_map(|(name, value)| Some((name, value.excess(STEP_UNITS_MAX)?)));
        if let Some((name, excess)) = excess {
            return Some(Failure::too_large(format!("`{name}` of the result {excess}")));
        }
        judge_size(outputs, "outputs").err().or_else(|| self.misfit(id, output).map(Failure::bad_output))
    }

    /// What of a result isn't as contract and checks want it.
    fn misfit(&self, id: NodeId, output: &Value) -> Option<String> {
        let outputs = output.as_map()?;
        let attempts = self.run.node(id).attempts.as_ref()?;
        let declared = &self.run.target(id, attempts.target).contract.outputs;
        if !declared.is_empty() && declared.keys().all(|name| outputs[name].is_absent()) {
            let names: Vec<_> = declared.keys().map(|name| format!("`{name}`")).collect();
            return Some(format!("the result has no {}", names.join(" and no ")));
        }
        for (name, ty) in declared.iter().filter(|(name, _)| !outputs[*name].is_absent()) {
            if let Err(reason) = ty.accepts(&outputs[name]) {
                return Some(format!("`{name}` of the result: {reason}"));
            }
        }
        self.failed_check(id, output)
    }

    /// What the first check that doesn't hold says.
    pub(crate) fn failed_check(&self, id: NodeId, output: &Value) -> Option<String> {
        let graph = self.run.graph.clone();
        for check in &graph.step(self.run.step_id(id)).checks {
            match self.run.evaluate_with_output(&check.that, id, output) {
                Ok(value) if is_true(&value) => {}
                Ok(_) => {
                    let message = check.message.as_ref();
                    let message =
                        message.and_then(|message| self.run.evaluate_with_output(message, id, output).ok());
                    let message = message.and_then(|message| message.as_str().map(str::to_owned));
                    return Some(message.unwrap_or_else(|| "a check of the step did not hold".into()));
                }
                Err(error) => return Some(format!("`check`: {error}")),
            }
        }
        None
    }

    pub(crate) fn fail_attempt(&mut self, id: NodeId, key: AttemptKey, failure: Failure, cost: Cost) {
        self.emit_of_attempt(key, AttemptEvent::failed(failure.clone(), cost));
        self.decide_after(id, failure);
    }

    /// What follows a failure.
    pub(crate) fn decide_after(&mut self, id: NodeId, failure: Failure) {
        self.decide(id, Setback::Failed(&failure));
    }

    /// What follows a setback: the same target again, another one, or the end of the step.
    pub(crate) fn decide(&mut self, id: NodeId, setback: Setback) {
        let (Setback::Failed(failure) | Setback::GivenUp(failure) | Setback::Denied(failure)) = setback;
        match self.choose(id, setback) {
            Choice::Again { at, reason, counted } => {
                self.emit_of_step(id, StepEvent::RetryScheduled { at, reason, counted });
            }
            Choice::Target(target) => {
                self.emit_of_step(id, StepEvent::FallbackTaken { target, reason: failure.to_string() });
                self.resolve_target(id);
            }
            Choice::GiveUp => self.fail_step(id, failure.clone()),
        }
    }

    fn choose(&self, id: NodeId, setback: Setback) -> Choice {
        let graph = self.run.graph.clone();
        let Body::Operation(targets) = &graph.step(self.run.step_id(id)).body else {
            return Choice::GiveUp;
        };
        let node = self.run.node(id);
        let (target, attempts, number) = node
            .attempts
            .as_ref()
            .map_or((0, 0, 0), |attempts| (attempts.target, attempts.at_target, attempts.number));
        let random = || retry::draw(self.run.started.seed, &node.path, &format!("retry {number}"));
        let progress = Progress { targets, target, attempts, ends_by: self.run.ends_by(id) };
        choice::choose(&progress, setback, self.now, random)
    }

    /// Resolves the inputs of a fallback once all that it refers to is there.
    pub(crate) fn resolve_target(&mut self, id: NodeId) {
        let node = self.run.node(id);
        let Some(attempts) = node.attempts.as_ref().filter(|attempts| attempts.unresolved) else { return };
        if node.status != StepStatus::Waiting {
            return;
        }
        let index = attempts.target;
        let graph = self.run.graph.clone();
        let Body::Operation(targets) = &graph.step(self.run.step_id(id)).body else { return };
        let target = &targets[index];
        match self.run.readiness(id, &target.waits_for) {
            Readiness::Waits => return,
            Readiness::Blocked(lost) => {
                return self.pass_over(id, &format!("it needs `{lost}`, which failed"));
            }
            Readiness::Ready => {}
        }
        let (given, dropped) = match self.inputs_of_fallback(id, &targets[0], target) {
            Ok(found) => found,
            Err(failure) => return self.pass_over(id, &failure.message),
        };
        match self.fit(id, target, given) {
            Ok(inputs) => {
                self.emit_of_step(id, StepEvent::TargetReady { target: index, inputs, dropped });
                self.launch(id);
            }
            Err(Unfit::Wrong(failure)) => self.pass_over(id, &failure.message),
            Err(Unfit::Absent(input)) => self.pass_over(id, &format!("it needs `{input}`, which is absent")),
        }
    }

    /// What is written for a fallback, and for the rest what is written for the first target. Also
    /// the names of those that this target doesn't know.
    fn inputs_of_fallback(
        &self,
        id: NodeId,
        first: &Target,
        target: &Target,
    ) -> Result<(Map, Vec<String>), Failure> {
        let written = |name: &str| target.with.iter().any(|(other, _)| other == name);
        let (from, to) = (&first.contract.operation, &target.contract.operation);
        let known = |name: &str| {
            builtin::is_inherited(from, to, name)
                && (target.contract.open_inputs || target.contract.parameter(name).is_some())
        };
        let inherited = first.with.iter().filter(|(name, _)| !written(name)).cloned();
        let (mut taken, dropped): (Vec<_>, Vec<_>) = inherited.partition(|(name, _)| known(name));
        taken.extend(target.with.iter().cloned());
        let given = self.evaluate_given(id, to, &taken)?;
        Ok((given, dropped.into_iter().map(|(name, _)| name).collect()))
    }

    /// The present target can't be used: the next one that is meant for what went wrong before it, or
    /// the end of the step.
    fn pass_over(&mut self, id: NodeId, reason: &str) {
        let Some(attempts) = &self.run.node(id).attempts else { return };
        let operation = &self.run.target(id, attempts.target).contract.operation;
        let note = format!("the fallback {operation} can't be used: {reason}");
        let failure = match &attempts.failure {
            Some(before) => (**before).clone().with_message(format!("{}; {note}", before.message)),
            None => Failure::new(Class::Invalid, note),
        };
        self.decide_after(id, failure);
    }
}
