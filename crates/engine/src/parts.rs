//! State in parts: what a host that doesn't fold the journal keeps of a run.
//!
//! A cluster's host loads a run's state for every input and stores it afterwards (DESIGN §13). So the
//! state is split: a turn changes the parts of the nodes that it touched, and the bytes that it
//! changes don't grow with the graph. Each part is canonical JSON: equal states have equal bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::{Digest, Money, StepPath, Timestamp, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::allowance::Allowance;
use crate::closing::Closing;
use crate::event::{RunStarted, SCHEMA};
use crate::graph::Graph;
use crate::index::Index;
use crate::node::{Node, NodeId, StepStatus};
use crate::run::{Misuse, Run, RunStatus};
use crate::timer::{Reason, Timers};
use crate::unwinding::Unwinding;
use crate::{Items, ParkReason};

/// The part that never changes: what the run was started with.
const STARTED: &str = "started";
/// The part that changes with every turn.
const RUN: &str = "run";
/// Before the path of a step or item.
const STEP: &str = "step:";
/// Before the path of a fanned-out step: its items, which never change.
const ITEMS: &str = "items:";

#[derive(Serialize, Deserialize)]
struct StartedPart {
    at: Timestamp,
    started: Arc<RunStarted>,
}

#[derive(Serialize, Deserialize)]
struct RunPart {
    schema: u32,
    plan: Digest,
    turns: u64,
    last_at: Timestamp,
    status: RunStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel: Option<Box<(String, String)>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unwanted: BTreeMap<StepPath, (String, String)>,
    degraded: bool,
    cost: Money,
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    resent: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<Money>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    quoted: BTreeMap<String, Money>,
    /// The steps and items that are parked, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parked: Vec<(NodeId, ParkReason)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closing: Option<Box<Closing>>,
    root: NodePart,
}

#[derive(Serialize, Deserialize)]
struct NodePart {
    number: NodeId,
    node: Node,
    /// How many items of a fanned-out step have begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<u32>,
    /// What is due, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    due: Vec<(Reason, Timestamp)>,
}

impl Run {
    /// The whole state, in named parts: `run` and `started` once, `step:<path>` for each step and for
    /// each item that has begun, `items:<path>` for each step that is fanned out.
    ///
    /// ```
    /// # use motet_engine::{Graph, Run, RunId, RunStarted};
    /// # use motet_pipeline::{Bundle, Timestamp, Value, check::check, contract::Catalogue};
    /// # let text = "motet: 1\nsteps: { nap: { uses: flow/sleep, with: { duration: 1h } } }";
    /// # let plan = check(&Bundle::of_text("nap.yaml", text), &Catalogue::default()).plan.unwrap();
    /// # let started = RunStarted {
    /// #     schema: 1, run: RunId::new("r"), pipeline: "nap".into(), plan: plan.digest,
    /// #     inputs: Value::Map(Default::default()), seed: 1, user: None, budget: None,
    /// #     quoted: Default::default(), resends: Default::default(), labels: Default::default(), base: None,
    /// #     no_cache: false,
    /// # };
    /// # let graph = Graph::new(plan.into());
    /// let (run, _) = Run::start(graph.clone(), started, Timestamp(0));
    /// let parts = run.parts();
    /// assert_eq!(parts.keys().collect::<Vec<_>>(), ["run", "started", "step:nap"]);
    /// let again = Run::from_parts(graph, &parts).unwrap();
    /// assert_eq!(again.parts(), parts);
    /// assert_eq!(again.next_deadline(), Some(Timestamp(3_600_000)));
    /// ```
    pub fn parts(&self) -> BTreeMap<String, Vec<u8>> {
        let started = StartedPart { at: self.started_at, started: self.started.clone() };
        let mut root = self.part_of(NodeId::ROOT);
        if let Some(scope) = &mut root.node.scope {
            // What the run was started with is in the part that never changes.
            scope.inputs = None;
        }
        let run = RunPart {
            schema: SCHEMA,
            plan: self.graph.plan().digest,
            turns: self.turns,
            last_at: self.last_at,
            status: self.status.clone(),
            cancel: self.cancel.clone(),
            unwanted: self.unwanted.clone(),
            degraded: self.degraded,
            cost: self.cost,
            resent: self.resent,
            budget: self.allowance.limit,
            quoted: self.allowance.quoted.clone(),
            parked: self.parked.iter().map(|(id, reason)| (*id, *reason)).collect(),
            closing: self.closing.clone(),
            root,
        };
        let steps = (1..self.nodes.len() as u32).map(NodeId).map(|id| {
            let part = self.part_of(id);
            (format!("{STEP}{}", part.node.path), write(&part))
        });
        let fanned_out = self.nodes.iter().filter_map(|node| Some((&node.path, &node.each.as_ref()?.items)));
        let items = fanned_out.map(|(path, items)| (format!("{ITEMS}{path}"), write(items)));
        let whole = [(STARTED.to_owned(), write(&started)), (RUN.to_owned(), write(&run))];
        whole.into_iter().chain(items).chain(steps).collect()
    }

    fn part_of(&self, id: NodeId) -> NodePart {
        let mut node = self.node(id).clone();
        if node.each.is_some() {
            // Made of the outputs of the items, which have parts of their own.
            node.output = None;
        }
        let begun = node.each.as_ref().map(|each| each.started());
        NodePart { number: id, node, begun, due: self.timers.of(id) }
    }

    /// The run that these parts are the state of.
    ///
    /// # Errors
    /// When they aren't what [`Run::parts`] gave for this plan.
    pub fn from_parts(graph: Arc<Graph>, parts: &BTreeMap<String, Vec<u8>>) -> Result<Run, Misuse> {
        let header: RunPart = read(parts, RUN)?;
        if header.schema > SCHEMA {
            return Err(Misuse::Newer { found: header.schema, supported: SCHEMA });
        }
        if header.plan != graph.plan().digest {
            return Err(Misuse::OtherPlan);
        }
        let started: StartedPart = read(parts, STARTED)?;
        let mut nodes = BTreeMap::from([(NodeId::ROOT, header.root)]);
        for name in parts.keys().filter(|name| name.starts_with(STEP)) {
            let part: NodePart = read(parts, name)?;
            nodes.insert(part.number, part);
        }
        let mut run = Run {
            graph,
            started_at: started.at,
            turns: header.turns,
            last_at: header.last_at,
            status: header.status,
            cancel: header.cancel,
            unwanted: header.unwanted,
            degraded: header.degraded,
            cost: header.cost,
            earlier: Default::default(),
            resent: header.resent,
            allowance: Allowance { limit: header.budget, quoted: header.quoted },
            nodes: Vec::with_capacity(nodes.len()),
            index: Index::default(),
            stopping: 0,
            parked: header.parked.into_iter().collect(),
            moving: 0,
            timers: Timers::default(),
            closing: header.closing,
            unwinding: Unwinding::default(),
            agenda: Default::default(),
            effort: Default::default(),
            started: started.started,
        };
        let mut begun = Vec::new();
        for mut part in nodes.into_values() {
            begun.extend(part.begun.map(|count| (part.number, count)));
            if let Some(each) = &mut part.node.each {
                each.items = read::<Items>(parts, &format!("{ITEMS}{}", part.node.path))?;
            }
            run.add_part(part)?;
        }
        for (id, count) in begun {
            run.judge_begun(id, count)?;
        }
        let inputs = run.started.inputs.clone();
        if let Some(scope) = &mut run.node_mut(NodeId::ROOT).scope {
            scope.inputs = Some(inputs);
        }
        run.join_again();
        run.moving = (0..run.nodes.len() as u32).filter(|id| run.is_moving(NodeId(*id))).count();
        run.unwinding = Unwinding::of(&run).0;
        run.agenda = run.unsettled();
        Ok(run)
    }

    fn add_part(&mut self, part: NodePart) -> Result<(), Misuse> {
        let NodePart { number, node, due, .. } = part;
        let misplaced =
            |reason: &str| Misuse::Part { part: format!("{STEP}{}", node.path), reason: reason.to_owned() };
        if number.0 as usize != self.nodes.len() {
            return Err(misplaced("the part of a step before it is missing"));
        }
        if number != NodeId::ROOT {
            if node.parent >= number || node.step.is_none_or(|step| !self.graph.has_step(step)) {
                return Err(misplaced("it belongs to no step of the plan"));
            }
            self.index.add(&node.path, number);
        }
        if let Some(index) = node.item {
            let Some(each) = &mut self.node_mut(node.parent).each else {
                return Err(misplaced("its step is not fanned out"));
            };
            if index as usize != each.children.len() || index as usize >= each.items.len() {
                return Err(misplaced("the part of an item before it is missing"));
            }
            each.children.push(number);
        }
        for (reason, at) in due {
            self.timers.set(number, reason, at);
        }
        self.stopping += node.attempts.as_ref().map_or(0, |attempts| attempts.stopping());
        self.nodes.push(node);
        Ok(())
    }

    /// Whether the parts of all items are there that have begun.
    fn judge_begun(&self, id: NodeId, count: u32) -> Result<(), Misuse> {
        let node = self.node(id);
        match node.each.as_ref().map(|each| each.started()) {
            Some(found) if found == count => Ok(()),
            _ => Err(Misuse::Part {
                part: format!("{STEP}{}", node.path),
                reason: format!("{count} of its items have begun, and not all have a part"),
            }),
        }
    }

    /// Makes the outputs of fanned-out steps again that anything can still see; inner ones come later, and are
    /// joined first.
    fn join_again(&mut self) {
        for id in (0..self.nodes.len() as u32).rev().map(NodeId) {
            let node = self.node(id);
            let is_seen = node.status == StepStatus::Completed && self.node(node.parent).scope.is_some();
            let Some(each) = node.each.as_ref().filter(|_| is_seen) else { continue };
            let output: Value = self.join(each);
            self.node_mut(id).output = Some(output);
        }
    }
}

fn write(part: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(part).expect("a part is plain data with text as keys")
}

fn read<T: DeserializeOwned>(parts: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<T, Misuse> {
    let fault = |reason: String| Misuse::Part { part: name.to_owned(), reason };
    let bytes = parts.get(name).ok_or_else(|| fault("it is not there".into()))?;
    motet_pipeline::value::read_written(bytes).map_err(|error| fault(error.to_string()))
}
