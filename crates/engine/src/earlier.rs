//! Earlier results: what the runs that a run continues from have finished, and may be taken instead of done again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use motet_pipeline::plan::Body;
use motet_pipeline::{Artifact, Contract, Digest, Money, StepPath, Value};
use serde::Serialize;

use crate::event::{Base, LateEnd, Reused, Turn};
use crate::graph::{Graph, StepId};
use crate::{AttemptEvent, Event, RunId, StepEvent};

/// What the earlier runs of a lineage have finished: for each step and item its last result, and the
/// fingerprint of what it was made from.
///
/// A step takes a result only if its own fingerprint is the same, so nothing here can be out of date: what has
/// changed is simply not found.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    kept: BTreeMap<StepPath, Kept>,
}

/// What a run was given to reuse. It doesn't belong to the state: a journal tells that without it.
#[derive(Clone, Default)]
pub(crate) struct Reusable(pub(crate) Option<Arc<Earlier>>);

impl fmt::Debug for Reusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// One result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    fingerprint: Digest,
    /// What it gave.
    pub(crate) output: Value,
    /// Where it comes from.
    pub(crate) from: Reused,
}

/// What tells two results apart: the operation, the version of its contract, and its resolved inputs with the
/// seed. What says only how it is made (retries, timeouts, budgets) isn't included.
pub(crate) fn fingerprint(contract: &Contract, inputs: &Value) -> Digest {
    #[derive(Serialize)]
    struct Made<'a> {
        operation: &'a str,
        version: u32,
        inputs: &'a Value,
    }
    let made = Made { operation: &contract.operation, version: contract.version, inputs };
    Digest::of(&serde_json::to_vec(&made).expect("a value is plain data with text keys"))
}

/// What is known of a step while its journal is read.
#[derive(Default)]
struct Reading {
    fingerprint: Option<Digest>,
    target: usize,
    /// The last attempt at this target, what it was made with, and what it cost.
    attempt: u32,
    operation: String,
    cost: Money,
}

impl Reading {
    /// A result that was made in `run`.
    fn made(&self, run: &RunId) -> Reused {
        Reused {
            run: run.clone(),
            cost: self.cost,
            target: self.target,
            step: None,
            attempt: self.attempt,
            operation: self.operation.clone(),
        }
    }
}

impl Earlier {
    /// Nothing.
    pub fn new() -> Earlier {
        Earlier::default()
    }

    /// Leaves out the results with artifacts that aren't there any more.
    pub fn retain_whole(&mut self, is_there: impl Fn(&Artifact) -> bool) {
        self.kept.retain(|_, kept| {
            let mut is_whole = true;
            kept.output.for_each_artifact(&mut |artifact| is_whole &= is_there(artifact));
            is_whole
        });
    }

    /// Adds what the run `run` of the plan of `graph` has finished, as its journal tells. Of a lineage the oldest run
    /// is added first: later results replace earlier ones.
    pub fn add(&mut self, run: &RunId, graph: &Graph, turns: &[Turn]) {
        let mut readings: BTreeMap<&StepPath, Reading> = BTreeMap::new();
        for event in turns.iter().flat_map(|turn| &turn.events) {
            let Some(step) = event.step() else { continue };
            let reading = readings.entry(step).or_default();
            match event {
                Event::Step {
                    event: StepEvent::Ready { inputs: Some(inputs), opens: false, .. }, ..
                } => {
                    let contract = graph.find(step).and_then(|id| first_contract(graph, id));
                    reading.fingerprint = contract.map(|contract| fingerprint(contract, inputs));
                }
                Event::Step { event: StepEvent::FallbackTaken { target, .. }, .. } => {
                    let fingerprint = reading.fingerprint;
                    *reading = Reading { fingerprint, target: *target, ..Reading::default() };
                }
                Event::Attempt { key, event: AttemptEvent::Planned { operation, .. } } => {
                    (reading.attempt, reading.operation) = (key.number, operation.clone());
                }
                Event::Attempt { event: AttemptEvent::Succeeded { cost, .. }, .. } => {
                    reading.cost = cost.amount;
                }
                Event::Step { event: StepEvent::Completed { output: Some(output), reused, .. }, .. } => {
                    let from = reused.as_deref().cloned().unwrap_or_else(|| reading.made(run));
                    self.keep(step, reading.fingerprint, output, from);
                }
                // It came too late for its own run.
                Event::Attempt {
                    key,
                    event: AttemptEvent::Ended { end: LateEnd::Succeeded, output: Some(output), cost, .. },
                } if reading.target == 0 => {
                    let from = Reused { cost: cost.amount, attempt: key.number, ..reading.made(run) };
                    self.keep(step, reading.fingerprint, output, from);
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, step: &StepPath, fingerprint: Option<Digest>, output: &Value, from: Reused) {
        if let Some(fingerprint) = fingerprint {
            self.kept.insert(step.clone(), Kept { fingerprint, output: output.clone(), from });
        }
    }

    /// Forgets what the run that continues by `base` is to do anew, in the plan of `graph`.
    pub fn forget(&mut self, base: &Base, graph: &Graph) {
        let anew = Anew::of(base, graph);
        self.kept.retain(|path, _| !anew.holds(path));
    }

    /// The result of the step at `path`, if it was made from the same.
    pub(crate) fn find(&self, path: &StepPath, contract: &Contract, inputs: &Value) -> Option<&Kept> {
        let kept = self.kept.get(path)?;
        (kept.fingerprint == fingerprint(contract, inputs)).then_some(kept)
    }
}

/// What a run that continues from another does anew, whatever there is already.
pub(crate) struct Anew<'b> {
    fresh: &'b [StepPath],
    /// With the steps that depend on each.
    again: Vec<(&'b StepPath, BTreeSet<StepId>)>,
    graph: &'b Graph,
}

impl<'b> Anew<'b> {
    pub(crate) fn of(base: &'b Base, graph: &'b Graph) -> Anew<'b> {
        let again = base.again.iter().map(|path| (path, graph.dependents(path))).collect();
        Anew { fresh: &base.fresh, again, graph }
    }

    pub(crate) fn holds(&self, path: &StepPath) -> bool {
        let is_after = |(from, after): &(&StepPath, BTreeSet<StepId>)| {
            from.shares_items(path) && self.graph.find(path).is_some_and(|id| after.contains(&id))
        };
        self.fresh.iter().any(|fresh| fresh.holds(path))
            || self.again.iter().any(|again| again.0.holds(path) || is_after(again))
    }
}

/// The contract of the first target of an operation.
fn first_contract(graph: &Graph, id: StepId) -> Option<&Contract> {
    match &graph.step(id).body {
        Body::Operation(targets) => targets.first().map(|target| &*target.contract),
        Body::Group(_) | Body::Pipeline { .. } => None,
    }
}
