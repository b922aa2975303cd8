//! Operations that the engine does itself: nothing leaves it.

use motet_pipeline::builtin::{duration, rank};
use motet_pipeline::{Class, Cost, Failure, Value};

use crate::StepEvent;
use crate::handle::Handling;
use crate::node::NodeId;

impl Handling<'_> {
    /// Does an operation of the engine, whose inputs are resolved.
    pub(crate) fn do_at_once(&mut self, id: NodeId) {
        let node = self.run.node(id);
        let attempts = node.attempts.as_ref().expect("a ready operation has attempts");
        let inputs = attempts.inputs.clone();
        match self.run.target(id, attempts.target).contract.operation.as_str() {
            "data/transform" => self.give(id, Value::map([("value", input(&inputs, "value"))])),
            "data/rank" => match rank(&inputs) {
                Ok(ranked) => self.give(id, ranked),
                Err(error) => self.decide_after(id, Failure::new(error.class, error.message)),
            },
            "flow/sleep" => match duration(&input(&inputs, "duration")) {
                Ok(span) => {
                    let span = span.min(self.run.target(id, attempts.target).timeouts.job);
                    self.emit_of_step(id, StepEvent::Slept { until: self.now.after(span) });
                }
                Err(message) => self.fail_step(id, Failure::new(Class::Invalid, message)),
            },
            "flow/fail" => self.fail_on_purpose(id, &inputs),
            other => {
                let message = format!(
                    "{other} is not known to this version of Motet: resume the run with the version that started it"
                );
                self.decide_after(id, Failure::new(Class::Unavailable, message));
            }
        }
    }

    /// A sleep is over: that of the step, or all of it that its timeout allows.
    pub(crate) fn end_sleep(&mut self, id: NodeId) {
        let attempts = self.run.node(id).attempts.as_ref().expect("a ready operation has attempts");
        let asked = duration(&input(&attempts.inputs, "duration"));
        if asked.is_ok_and(|asked| asked > self.run.target(id, attempts.target).timeouts.job) {
            let message = "it sleeps for longer than its `timeout` allows";
            return self.decide_after(id, Failure::new(Class::Timeout, message));
        }
        self.give(id, Value::Map(Default::default()));
    }

    fn fail_on_purpose(&mut self, id: NodeId, inputs: &Value) {
        let class =
            input(inputs, "class").as_str().and_then(|word| word.parse().ok()).unwrap_or(Class::Invalid);
        let message = input(inputs, "message").as_str().unwrap_or("failed on purpose").to_owned();
        let key = self.emit_next_attempt(id, None);
        self.end_badly(id, key, Failure::new(class, message), Cost::NONE);
    }

    /// The output of an operation that made no attempt.
    pub(crate) fn give(&mut self, id: NodeId, output: Value) {
        match self.failed_check(id, &output) {
            None => self.complete_step(id, Some(output)),
            Some(fault) => self.decide_after(id, Failure::new(Class::BadOutput, fault)),
        }
    }
}

fn input(inputs: &Value, name: &str) -> Value {
    inputs.get(name).cloned().unwrap_or_default()
}
