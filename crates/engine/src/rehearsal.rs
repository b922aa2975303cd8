//! The rehearsal of a run that continues from another: it is played without hands, so that what begins is seen and
//! nothing is done. What it may reuse is decided by the run itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motet_pipeline::plan::{Body, Scope, Step};
use motet_pipeline::{Contract, StepPath, Timestamp, Value};

use crate::earlier::{Earlier, LeftOut, first_contract};
use crate::event::{Reused, RunStarted, Turn};
use crate::graph::Graph;
use crate::node::{NodeId, StepStatus};
use crate::run::Run;
use crate::{Event, Input, StepEvent};

/// What would become of one step or item.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// The step or item: an operation, or a group or fan-out that can't be looked into yet.
    pub step: StepPath,
    /// What becomes of it.
    pub prospect: Prospect,
}

/// What would become of a step or item.
#[derive(Clone, Debug, PartialEq)]
pub enum Prospect {
    /// Its result is taken over.
    Reused(Reused),
    /// It is done, with these inputs.
    Runs {
        /// Why its earlier result, if there is one, isn't taken over.
        why: Why,
        /// Its resolved inputs.
        inputs: Value,
    },
    /// What becomes of it is known only once these have ended.
    DependsOn(Vec<StepPath>),
    /// The engine does it at once, which costs nothing.
    Evaluated,
    /// It ends so without being done.
    Ends(StepStatus),
}

/// Why a step is done though there is an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The earlier runs have no such step or item, or never came to it.
    New,
    /// It was asked to be done again, or depends on one that was.
    Asked,
    /// Its operation is another one.
    Operation {
        /// The earlier one.
        from: String,
        /// The present one.
        to: String,
    },
    /// The contract of its operation, or its model, has another version.
    Version,
    /// These of its inputs have changed.
    Inputs(Vec<String>),
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It began, and didn't end.
    Unfinished,
    /// Files of its result are gone.
    BytesGone,
    /// Its result doesn't pass the checks that it has now.
    Check,
}

/// What the steps of earlier runs were made from, and how they ended.
#[derive(Clone, Debug, Default)]
pub struct Past(BTreeMap<StepPath, PastStep>);

#[derive(Clone, Debug)]
struct PastStep {
    contract: Arc<Contract>,
    inputs: Value,
    status: StepStatus,
}

impl Past {
    /// Adds what happened in a turn of a run of the plan of `graph`. Of a lineage the oldest run is added first.
    pub fn add(&mut self, graph: &Graph, turn: &Turn) {
        for event in &turn.events {
            let Some(step) = event.step() else { continue };
            if let Event::Step { event: StepEvent::Ready { inputs: Some(inputs), opens: false, .. }, .. } =
                event
                && let Some(contract) = graph.find(step).and_then(|id| first_contract(graph, id))
            {
                let (contract, inputs, status) = (contract.clone(), inputs.clone(), StepStatus::Waiting);
                self.0.insert(step.clone(), PastStep { contract, inputs, status });
            }
            if let (Some(past), Some(status)) = (self.0.get_mut(step), event.status()) {
                past.status = status;
            }
        }
    }
}

/// What would become of each step of a run that was started so at `now` and may reuse what `earlier` has.
pub fn rehearse(
    graph: &Graph,
    started: RunStarted,
    earlier: &Arc<Earlier>,
    past: &Past,
    now: Timestamp,
) -> Vec<Outlook> {
    let graph = Graph::new(Arc::new(unbounded(graph)));
    let (mut run, reaction) = Run::start_from(graph, started, Some(earlier.clone()), now);
    let mut reused = BTreeSet::new();
    let mut turn = reaction.turn;
    loop {
        for event in turn.iter().flat_map(|turn| &turn.events) {
            if let Event::Step { step, event: StepEvent::Completed { reused: Some(_), .. } } = event {
                reused.insert(step.clone());
            }
        }
        if run.next_deadline().is_none_or(|due| due > now) {
            break;
        }
        turn = run.handle(now, Input::Tick).turn;
    }
    let ids = (1..run.nodes.len() as u32).map(NodeId);
    let outlook = |id| {
        let step = run.node(id).path.clone();
        let from = earlier.origin(&step).filter(|_| reused.contains(&step));
        let prospect = match from {
            Some(from) => Prospect::Reused(from.clone()),
            None => run.prospect_of(id, earlier, past)?,
        };
        Some(Outlook { step, prospect })
    };
    ids.filter_map(outlook).collect()
}

/// The plan with as many items at once as there are: nobody ends those that others wait for.
fn unbounded(graph: &Graph) -> motet_pipeline::Plan {
    fn free(scope: &mut Scope) {
        for Step { each, body, .. } in &mut scope.steps {
            each.iter_mut().for_each(|each| each.max_parallel = None);
            if let Body::Group(scope) | Body::Pipeline { scope, .. } = body {
                free(scope);
            }
        }
    }
    let mut plan = (**graph.plan()).clone();
    free(&mut plan.root);
    plan
}

impl Run {
    /// What becomes of `id` where nothing is done; nothing of what is told by what is inside of it.
    fn prospect_of(&self, id: NodeId, earlier: &Earlier, past: &Past) -> Option<Prospect> {
        let node = self.node(id);
        let step = self.graph.step(self.step_id(id));
        match node.status {
            StepStatus::Pending => {
                let scope = self.scope_node(id);
                let awaited = step.waits_for.iter().map(|dependency| self.resolve(scope, dependency.step));
                let open = awaited.map(|id| self.node(id)).filter(|node| !node.status.is_terminal());
                Some(Prospect::DependsOn(open.map(|node| node.path.clone()).collect()))
            }
            StepStatus::Completed => {
                let is_whole = node.each.is_none() && matches!(step.body, Body::Operation(_));
                is_whole.then_some(Prospect::Evaluated)
            }
            status if status.is_terminal() => Some(Prospect::Ends(status)),
            _ => {
                let inputs = node.attempts.as_ref()?.inputs.clone();
                let contract = &self.target(id, 0).contract;
                Some(Prospect::Runs { why: past.why(&node.path, contract, &inputs, earlier), inputs })
            }
        }
    }
}

impl Past {
    fn why(&self, path: &StepPath, contract: &Contract, inputs: &Value, earlier: &Earlier) -> Why {
        let Some(past) = self.0.get(path) else { return Why::New };
        if earlier.left_out(path) == Some(LeftOut::Asked) {
            return Why::Asked;
        }
        if past.contract.operation != contract.operation {
            return Why::Operation { from: past.contract.operation.clone(), to: contract.operation.clone() };
        }
        let (before, now) = (&past.contract, contract);
        let is_other_model = before.model_version.is_some() && before.model_version != now.model_version;
        if before.version != now.version || is_other_model {
            return Why::Version;
        }
        if past.inputs != *inputs {
            return Why::Inputs(difference(&past.inputs, inputs));
        }
        match past.status {
            StepStatus::Failed => Why::Failed,
            StepStatus::Cancelled => Why::Cancelled,
            StepStatus::Completed if earlier.left_out(path) == Some(LeftOut::BytesGone) => Why::BytesGone,
            StepStatus::Completed => Why::Check,
            _ => Why::Unfinished,
        }
    }
}

/// The names of what two maps have different.
fn difference(one: &Value, other: &Value) -> Vec<String> {
    let (Some(one), Some(other)) = (one.as_map(), other.as_map()) else { return Vec::new() };
    let mut names: Vec<String> = one
        .iter()
        .filter(|(name, value)| other.get(name) != Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(other.keys().filter(|name| !one.contains_key(name)).cloned());
    names.sort();
    names
}
