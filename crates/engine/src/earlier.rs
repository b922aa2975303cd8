//! Earlier results: what the runs that a run continues from have finished, and may be taken instead of done again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use motet_pipeline::value::Compared;
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
    left_out: BTreeMap<StepPath, LeftOut>,
}

/// Why a result isn't reused, whatever it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// It was asked to be made again, or depends on one that was.
    Asked,
    /// Its bytes are gone.
    BytesGone,
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

/// What tells two results apart: the operation, the versions of its contract and its model, and its resolved inputs with
/// the seed, in which equal numbers are the same however they are written. What says only how it is made (retries,
/// timeouts, budgets) isn't included.
pub(crate) fn fingerprint(contract: &Contract, inputs: &Value) -> Digest {
    fingerprint_of(contract, contract.model_version.as_deref(), inputs)
}

fn fingerprint_of(contract: &Contract, model_version: Option<&str>, inputs: &Value) -> Digest {
    #[derive(Serialize)]
    struct Made<'a> {
        operation: &'a str,
        version: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        model_version: Option<&'a str>,
        inputs: Compared<'a>,
    }
    let Contract { operation, version, .. } = contract;
    let made = Made { operation, version: *version, model_version, inputs: Compared(inputs) };
    Digest::of(&serde_json::to_vec(&made).expect("a value is plain data with text keys"))
}

/// What a run has finished, while its journal is read: [`Earlier::begin`].
pub struct Finished<'e> {
    earlier: &'e mut Earlier,
    run: &'e RunId,
    graph: &'e Graph,
    /// The steps and items that aren't completed, as far as something is known of them.
    open: BTreeMap<StepPath, Reading>,
    /// Those that it undid itself, or may have.
    undone: BTreeSet<StepPath>,
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
    ///
    /// # Errors
    /// The first that `is_there` gives: what can't be read isn't gone, so it must not be paid again.
    pub fn retain_whole<E>(&mut self, is_there: impl Fn(&Artifact) -> Result<bool, E>) -> Result<(), E> {
        let mut error = None;
        self.leave_out(LeftOut::BytesGone, |_, kept| {
            let mut is_gone = false;
            kept.output.for_each_artifact(&mut |artifact| match is_there(artifact) {
                Ok(is_there) => is_gone |= !is_there,
                Err(fault) => _ = error.get_or_insert(fault),
            });
            is_gone
        });
        error.map_or(Ok(()), Err)
    }

    fn leave_out(&mut self, why: LeftOut, mut is_out: impl FnMut(&StepPath, &Kept) -> bool) {
        let left_out = &mut self.left_out;
        self.kept.retain(|path, kept| {
            let is_out = is_out(path, kept);
            if is_out {
                left_out.insert(path.clone(), why);
            }
            !is_out
        });
    }

    /// Why the result of `path` is left out, if there was one and it is.
    pub(crate) fn left_out(&self, path: &StepPath) -> Option<LeftOut> {
        self.left_out.get(path).copied()
    }

    /// Begins to add what the run `run` of the plan of `graph` has finished. Of a lineage the oldest run is added
    /// first: later results replace earlier ones.
    pub fn begin<'e>(&'e mut self, run: &'e RunId, graph: &'e Graph) -> Finished<'e> {
        Finished { earlier: self, run, graph, open: BTreeMap::new(), undone: BTreeSet::new() }
    }

    /// What the run `run` made is undone, or may be, as a turn tells of a run that undoes it: it is no result any
    /// more.
    pub fn forget_undone(&mut self, run: &RunId, graph: &Graph, turn: &Turn) {
        for undone in turn.events.iter().filter_map(|event| undone_by(graph, event)) {
            self.forget_of(run, &undone);
        }
    }

    fn forget_of(&mut self, run: &RunId, undone: &StepPath) {
        if self.kept.get(undone).is_some_and(|kept| kept.from.run == *run) {
            self.kept.remove(undone);
        }
    }

    /// Forgets what the run that continues by `base` is to do anew, in the plan of `graph`.
    pub fn forget(&mut self, base: &Base, graph: &Graph) {
        let anew = Anew::of(base, graph);
        self.leave_out(LeftOut::Asked, |path, _| anew.holds(path));
    }

    /// Where the result of the step at `path` comes from, whatever it was made from.
    pub(crate) fn origin(&self, path: &StepPath) -> Option<&Reused> {
        Some(&self.kept.get(path)?.from)
    }

    /// The result of the step at `path`, if it was made from the same.
    pub(crate) fn find(&self, path: &StepPath, contract: &Contract, inputs: &Value) -> Option<&Kept> {
        let kept = self.kept.get(path)?;
        // Plans that were kept before contracts named the versions of models don't say which one they asked: it isn't paid
        // again for that.
        let is_same = |version| kept.fingerprint == fingerprint_of(contract, version, inputs);
        let version = contract.model_version.as_deref();
        (is_same(version) || version.is_some() && is_same(None)).then_some(kept)
    }
}

/// The step that is undone, or may be, from this event on.
fn undone_by(graph: &Graph, event: &Event) -> Option<StepPath> {
    match event {
        Event::Step { step, event: StepEvent::Ready { .. } } => graph.undone_at(step),
        _ => None,
    }
}

impl Finished<'_> {
    /// Takes in the next turn of its journal.
    pub fn add(&mut self, turn: &Turn) {
        for event in &turn.events {
            if let Some(undone) = undone_by(self.graph, event) {
                self.earlier.forget_of(self.run, &undone);
                self.undone.insert(undone);
            }
            if let Some(step) = event.step() {
                self.take_in(step, event);
            }
        }
    }

    fn take_in(&mut self, step: &StepPath, event: &Event) {
        if let Event::Step { event: StepEvent::Completed { output, reused, .. }, .. } = event {
            let reading = self.open.remove(step).unwrap_or_default();
            if let Some(output) = output {
                let from = reused.as_deref().cloned().unwrap_or_else(|| reading.made(self.run));
                self.keep(step, reading.fingerprint, output, from);
            }
            return;
        }
        let reading = match self.open.get_mut(step) {
            Some(reading) => reading,
            None => self.open.entry(step.clone()).or_default(),
        };
        match event {
            Event::Step { event: StepEvent::Ready { inputs: Some(inputs), opens: false, .. }, .. } => {
                let contract = self.graph.find(step).and_then(|id| first_contract(self.graph, id));
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
            // It came too late for its own run.
            Event::Attempt {
                key,
                event: AttemptEvent::Ended { end: LateEnd::Succeeded, output: Some(output), cost, .. },
            } if reading.target == 0 => {
                let from = Reused { cost: cost.amount, attempt: key.number, ..reading.made(self.run) };
                let fingerprint = reading.fingerprint;
                self.keep(step, fingerprint, output, from);
            }
            _ => {}
        }
    }

    fn keep(&mut self, step: &StepPath, fingerprint: Option<Digest>, output: &Value, from: Reused) {
        let Some(fingerprint) = fingerprint.filter(|_| !self.undone.contains(step)) else { return };
        self.earlier.kept.insert(step.clone(), Kept { fingerprint, output: output.clone(), from });
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
pub(crate) fn first_contract(graph: &Graph, id: StepId) -> Option<&Arc<Contract>> {
    graph.step(id).body.targets().first().map(|target| &target.contract)
}
