//! The fold: the only place where the state of a run changes.

use std::sync::Arc;

use motet_pipeline::{Money, StepPath, Timestamp, Value};

use crate::event::{RunStarted, SkipReason};
use crate::graph::Graph;
use crate::node::{Attempts, Each, Node, NodeId, Scope, StepStatus};
use crate::run::{Misuse, Run, RunStatus};
use crate::table::{self, Change};
use crate::timer::{Reason, Timers};
use crate::{AttemptKey, Event};

impl Run {
    /// The state after the first event.
    pub(crate) fn open(graph: Arc<Graph>, started: Arc<RunStarted>, at: Timestamp) -> Run {
        let root = Node::new(StepPath::root(), None, NodeId::ROOT, None);
        // The steps of the file are all that most runs have.
        let mut nodes = Vec::with_capacity(1 + graph.plan().root.steps.len());
        nodes.push(root);
        let mut run = Run {
            started_at: at,
            turns: 0,
            last_at: at,
            status: RunStatus::Running,
            cancel: None,
            degraded: false,
            cost: Money::ZERO,
            nodes,
            index: Default::default(),
            agenda: Default::default(),
            abandoned: Default::default(),
            timers: Timers::default(),
            graph,
            started,
        };
        if let Some(timeout) = run.graph.plan().timeout {
            run.timers.set(NodeId::ROOT, Reason::Run, at.after(timeout));
        }
        run.node_mut(NodeId::ROOT).status = StepStatus::Running;
        let inputs = run.started.inputs.clone();
        run.open_scope(NodeId::ROOT, Some(inputs));
        run
    }

    /// Changes the state by one event.
    ///
    /// # Errors
    /// When the event can't follow what happened before.
    pub(crate) fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), Misuse> {
        let Some(step) = event.step() else {
            self.apply_to_run(event);
            return Ok(());
        };
        let known = self.find(step).or_else(|| self.open_item_at(step));
        let id = known.ok_or_else(|| Misuse::NoStep { turn: self.turns, step: step.clone() })?;
        let opens = self.node(id).step.is_some() && self.graph.scope_inside(self.step_id(id)).is_some();
        if let Some(change) = Change::of(event, opens) {
            let status = self.node(id).status;
            let next = table::next(status, change).ok_or_else(|| Misuse::Illegal {
                turn: self.turns,
                step: step.clone(),
                status: status.word(),
                event: format!("{change:?}"),
            })?;
            self.node_mut(id).status = next;
        }
        self.apply_to_node(id, event, at);
        if self.node(id).status.is_terminal() && !matches!(event, Event::AttemptEnded { .. }) {
            self.close_node(id);
        }
        Ok(())
    }

    fn apply_to_run(&mut self, event: &Event) {
        match event {
            Event::RunResumed { away } => self.timers.shift(*away),
            Event::CancelRequested { by, reason } => {
                self.timers.clear(NodeId::ROOT, Reason::Run);
                self.cancel = Some((by.clone(), reason.clone()));
            }
            Event::RunCompleted { outputs, degraded } => {
                self.degraded = *degraded;
                self.end(RunStatus::Completed { outputs: outputs.clone() });
            }
            Event::RunFailed { step, failure } => {
                self.end(RunStatus::Failed { step: step.clone(), failure: failure.clone() });
            }
            Event::RunCancelled { reason } => self.end(RunStatus::Cancelled { reason: reason.clone() }),
            _ => {}
        }
    }

    fn end(&mut self, status: RunStatus) {
        self.status = status;
        self.timers = Timers::default();
        self.agenda.clear();
    }

    fn apply_to_node(&mut self, id: NodeId, event: &Event, at: Timestamp) {
        match event {
            Event::StepExpanded { items, .. } => {
                self.node_mut(id).each = Some(Box::new(Each::new(items.clone())));
            }
            Event::StepReady { inputs, .. } => self.make_ready(id, inputs, at),
            Event::StepSkipped { reason: SkipReason::Upstream { step }, .. } => {
                self.block(id, step);
            }
            Event::StepSlept { until, .. } => self.timers.set(id, Reason::Wake, *until),
            Event::StepWoken { .. } => self.timers.clear(id, Reason::Wake),
            Event::AttemptPlanned { attempt, deadline, .. } => {
                self.timers.set(id, Reason::Attempt, *deadline);
                let attempts = self.attempts_mut(id);
                attempts.number = *attempt;
                attempts.at_target += 1;
                attempts.in_flight = true;
            }
            Event::AttemptAccepted { job, .. } => self.attempts_mut(id).job = Some(job.clone()),
            Event::AttemptSucceeded { cost, .. } => {
                self.cost += *cost;
                self.land(id);
            }
            Event::AttemptFailed { step, attempt, failure, cost, abandoned } => {
                self.cost += *cost;
                self.land(id);
                self.attempts_mut(id).failure = Some(Box::new(failure.clone()));
                if *abandoned {
                    self.abandoned.insert(AttemptKey { step: step.clone(), number: *attempt });
                }
            }
            Event::AttemptAbandoned { step, attempt, .. } => {
                self.land(id);
                self.abandoned.insert(AttemptKey { step: step.clone(), number: *attempt });
            }
            Event::AttemptEnded { step, attempt, cost, .. } => {
                self.cost += *cost;
                self.abandoned.remove(&AttemptKey { step: step.clone(), number: *attempt });
            }
            Event::RetryScheduled { at, counted, .. } => {
                self.timers.set(id, Reason::Wake, *at);
                if !counted {
                    let attempts = self.attempts_mut(id);
                    attempts.at_target = attempts.at_target.saturating_sub(1);
                }
            }
            Event::FallbackTaken { target, .. } => {
                self.degraded = true;
                let attempts = self.attempts_mut(id);
                attempts.target = *target;
                attempts.at_target = 0;
                attempts.unresolved = true;
            }
            Event::TargetReady { inputs, .. } => {
                let attempts = self.attempts_mut(id);
                attempts.inputs = inputs.clone();
                attempts.unresolved = false;
            }
            Event::StepCompleted { output, .. } => self.complete(id, output),
            Event::StepFailed { failure, tolerated, .. } => {
                let node = self.node_mut(id);
                node.failure = Some(Box::new(failure.clone()));
                node.tolerated = *tolerated;
                self.degraded |= tolerated;
            }
            _ => {}
        }
    }

    /// The step `lost` failed, and `id` needs it: so do the groups and fan-outs that `id` is part of, as
    /// far as `lost` stands outside of them.
    fn block(&mut self, id: NodeId, lost: &StepPath) {
        let Some(lost) = self.find(lost) else { return };
        let outermost = self.scope_node(lost);
        let mut at = id;
        while at != outermost && at != NodeId::ROOT {
            self.node_mut(at).blocked_by.get_or_insert(lost);
            at = self.node(at).parent;
        }
    }

    fn attempts_mut(&mut self, id: NodeId) -> &mut Attempts {
        self.node_mut(id).attempts.get_or_insert_default()
    }

    /// The attempt in flight is over for its step.
    fn land(&mut self, id: NodeId) {
        self.timers.clear(id, Reason::Attempt);
        let attempts = self.attempts_mut(id);
        attempts.in_flight = false;
        attempts.job = None;
    }

    /// The next item of a fan-out gets its node: it is about to begin, which the next event about it
    /// records. Until then it has none.
    pub(crate) fn open_item(&mut self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        let each = node.each.as_deref().filter(|each| each.children.len() < each.items.len())?;
        let index = each.children.len();
        let item = Node::new(node.path.item(&each.items.key(index)), node.step, id, Some(index as u32));
        let item = self.add_node(item);
        self.node_mut(id).each.as_mut().expect("it was there a moment ago").children.push(item);
        Some(item)
    }

    /// The same in replay, where the event comes first: items begin in list order.
    fn open_item_at(&mut self, path: &StepPath) -> Option<NodeId> {
        let (fan_out, _) = path.as_item()?;
        let id = self.find(&fan_out)?;
        let each = self.node(id).each.as_deref()?;
        let next = fan_out.item(&each.items.key(each.children.len()));
        if next == *path { self.open_item(id) } else { None }
    }

    fn make_ready(&mut self, id: NodeId, inputs: &Option<Value>, at: Timestamp) {
        let step = self.graph.step(self.step_id(id));
        if let Some(total) = step.total_timeout {
            self.timers.set(id, Reason::Total, at.after(total));
        }
        if self.graph.scope_inside(self.step_id(id)).is_some() {
            self.open_scope(id, inputs.clone());
        } else {
            self.attempts_mut(id).inputs = inputs.clone().unwrap_or_default();
        }
    }

    fn open_scope(&mut self, id: NodeId, inputs: Option<Value>) {
        let graph = self.graph.clone();
        let (scope, first_step) = match self.node(id).step {
            None => (&graph.plan().root, crate::graph::StepId(0)),
            Some(_) => graph.scope_inside(self.step_id(id)).expect("only nodes with steps inside are opened"),
        };
        let first = NodeId(self.nodes.len() as u32);
        let path = self.node(id).path.clone();
        for (index, step) in scope.steps.iter().enumerate() {
            self.add_node(Node::new(path.step(&step.name), Some(first_step.0 + index as u32), id, None));
        }
        let steps = scope.steps.len() as u32;
        self.node_mut(id).scope = Some(Box::new(Scope { first, steps, open: steps, failed: None, inputs }));
    }

    fn add_node(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.index.add(&node.path, id);
        self.nodes.push(node);
        id
    }

    fn complete(&mut self, id: NodeId, output: &Option<Value>) {
        let joined = match (output, &self.node(id).each) {
            (Some(output), _) => Some(output.clone()),
            (None, Some(each)) => Some(self.join(each)),
            (None, None) => Some(Value::Map(Default::default())),
        };
        if let Some(each) = &self.node(id).each {
            self.degraded |= each.failed > 0;
        }
        self.node_mut(id).output = joined;
    }

    /// The outputs of a fanned-out step: those of its items, in list order.
    pub(crate) fn join(&self, each: &Each) -> Value {
        let (mut outputs, mut keys, mut by_key, mut failed) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, child) in each.children.iter().enumerate() {
            let (node, key) = (self.node(*child), each.items.key(index));
            if let (StepStatus::Completed, Some(output)) = (node.status, &node.output) {
                outputs.push(output.clone());
                keys.push(Value::from(&*key));
                by_key.push((key.into_owned(), output.clone()));
            } else if let Some(failure) = &node.failure {
                failed.push(Value::map([
                    ("index", Value::from(index)),
                    ("key", Value::from(&*key)),
                    ("class", Value::from(failure.class.word())),
                    ("message", Value::from(failure.message.as_str())),
                ]));
            }
        }
        Value::map([
            ("items", Value::list(outputs)),
            ("keys", Value::list(keys)),
            ("by_key", Value::map(by_key)),
            ("failed", Value::list(failed)),
        ])
    }

    /// Books the end of a step or item with what it is part of, and lets go of what only a live one
    /// needs.
    fn close_node(&mut self, id: NodeId) {
        self.timers.clear_node(id);
        let node = self.node_mut(id);
        node.attempts = None;
        // What is called off in waves is over before all that is inside of it is.
        node.scope = node.scope.take().filter(|scope| scope.open > 0);
        let (status, tolerated, parent, is_item) =
            (node.status, node.tolerated, node.parent, node.item.is_some());
        if is_item {
            let each = self.node_mut(parent).each.as_mut().expect("an item is made with its step's fan-out");
            match status {
                StepStatus::Completed => each.succeeded += 1,
                StepStatus::Failed => each.failed += 1,
                StepStatus::Skipped => each.skipped += 1,
                _ => each.cancelled += 1,
            }
        } else {
            self.close_child(parent, (status == StepStatus::Failed && !tolerated).then_some(id));
        }
    }

    /// A step inside the scope of `id` is terminal.
    fn close_child(&mut self, id: NodeId, failed: Option<NodeId>) {
        let node = self.node_mut(id);
        let is_over = node.status.is_terminal();
        let Some(scope) = &mut node.scope else { return };
        scope.open -= 1;
        scope.failed = scope.failed.or(failed);
        if is_over && scope.open == 0 {
            node.scope = None;
        }
    }
}
