//! The fold: the only place where the state of a run changes.

use std::sync::Arc;

use motet_pipeline::{Cost, Money, StepPath, Timestamp, Value};

use crate::allowance::Allowance;
use crate::attempt::{Attempt, Next, Phase};
use crate::call::{DRAIN, time_to_ask};
use crate::cancelling::Cancellation;
use crate::event::{LateEnd, RunStarted, SkipReason};
use crate::graph::{Graph, StepId};
use crate::node::{Attempts, Each, Node, NodeId, Scope, StepStatus};
use crate::run::{Misuse, Run, RunStatus};
use crate::table::{self, Change};
use crate::timer::{Reason, Timers};
use crate::{AttemptEvent, AttemptKey, Event, RunEvent, StepEvent};

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
            unwanted: Default::default(),
            degraded: false,
            cost: Money::ZERO,
            earlier: Default::default(),
            resent: Money::ZERO,
            allowance: Allowance {
                limit: started.budget.or(graph.plan().budget),
                quoted: started.quoted.clone(),
            },
            nodes,
            index: Default::default(),
            agenda: Default::default(),
            effort: Default::default(),
            stopping: 0,
            parked: Default::default(),
            moving: 0,
            timers: Timers::default(),
            closing: None,
            unwinding: Default::default(),
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
            if let Event::Run(event) = event {
                self.apply_to_run(event, at);
            }
            return Ok(());
        };
        let known = self.find(step).or_else(|| self.open_item_at(step));
        let id = known.ok_or_else(|| Misuse::NoStep { turn: self.turns, step: step.clone() })?;
        let was_moving = self.is_moving(id);
        let change = self.change_of(id, event);
        if let Some(change) = change {
            let status = self.node(id).status;
            let next = table::next(status, change)
                .ok_or_else(|| self.illegal(step, status.word(), &format!("{change:?}")))?;
            self.node_mut(id).status = next;
            if next != StepStatus::Parked {
                self.parked.remove(&id);
            }
        }
        match event {
            Event::Run(_) => {}
            Event::Step { event, .. } => self.apply_to_step(id, event, at),
            Event::Attempt { key, event } => self.apply_to_attempt(id, key, event, at)?,
        }
        if change.is_some() && self.node(id).status.is_terminal() {
            self.close_node(id);
        }
        self.moving = self.moving + usize::from(self.is_moving(id)) - usize::from(was_moving);
        Ok(())
    }

    fn illegal(&self, step: &StepPath, status: &'static str, event: &str) -> Misuse {
        Misuse::Illegal { turn: self.turns, step: step.clone(), status, event: event.to_owned() }
    }

    /// Whether a step or item will continue without a decision.
    pub(crate) fn is_moving(&self, id: NodeId) -> bool {
        let node = self.node(id);
        match node.status {
            StepStatus::Sleeping => true,
            StepStatus::Waiting => node.attempts.as_ref().is_some_and(|attempts| !attempts.unresolved),
            StepStatus::Running => node.attempts.is_some(),
            _ => false,
        }
    }

    /// What `event` means for `id`. That a used file opens, older journals don't say.
    fn change_of(&self, id: NodeId, event: &Event) -> Option<Change> {
        let change = Change::of(event);
        let opens = || self.graph.scope_inside(self.step_id(id)).is_some();
        if change == Some(Change::Ready) && opens() { Some(Change::Opened) } else { change }
    }

    fn apply_to_run(&mut self, event: &RunEvent, at: Timestamp) {
        match event {
            RunEvent::Started(_) => {}
            RunEvent::Resumed { away } => {
                // The time of a parked run stands still anyway.
                if !self.is_parked() {
                    self.timers.shift(*away);
                }
                self.doubt(at);
            }
            RunEvent::Parked { reason } => self.status = RunStatus::Parked { reason: *reason, since: at },
            RunEvent::Unparked {} => {
                if let RunStatus::Parked { since, .. } = self.status {
                    self.timers.shift(at.since(since));
                }
                self.status = RunStatus::Running;
            }
            RunEvent::BudgetSet { limit, quoted, .. } => {
                self.allowance = Allowance { limit: *limit, quoted: quoted.clone() };
            }
            RunEvent::CancelRequested { by, reason } if self.closing.is_some() => {
                self.cut_short(by, reason);
            }
            RunEvent::CancelRequested { by, reason } => {
                self.timers.clear(NodeId::ROOT, Reason::Run);
                self.cancel = Some(Box::new((by.clone(), reason.clone())));
            }
            RunEvent::StepCancelRequested { step, by, reason } => {
                self.unwanted.insert(step.clone(), (by.clone(), reason.clone()));
            }
            RunEvent::Closing { ending, undo } => {
                self.timers.clear(NodeId::ROOT, Reason::Run);
                self.begin_closing(ending.clone(), *undo);
            }
            RunEvent::Undone { .. } => self.end_undoing(),
            RunEvent::Completed { outputs, degraded } => {
                self.degraded = *degraded;
                self.end(RunStatus::Completed { outputs: outputs.clone() });
            }
            RunEvent::Failed { step, failure } => {
                self.end(RunStatus::Failed { step: step.clone(), failure: failure.clone() });
            }
            RunEvent::Cancelled { reason } => self.end(RunStatus::Cancelled { reason: reason.clone() }),
        }
    }

    /// Nobody drove the run until `at`: of a call that was planned nobody knows whether it left. Whoever asks about it
    /// has the whole time for that.
    pub(crate) fn doubt(&mut self, at: Timestamp) {
        let graph = self.graph.clone();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let (Some(step), Some(attempts)) = (node.step, &mut node.attempts) else { continue };
            let targets = graph.step(StepId(step)).body.targets();
            for attempt in &mut attempts.live {
                let Some(target) = targets.get(attempt.target) else { continue };
                if target.contract.call.is_none() {
                    continue;
                }
                attempt.phase.doubt();
                // Whoever could get it is gone.
                attempt.awaits_reply = false;
                let (id, number) = (NodeId(index as u32), attempt.number);
                match attempt.phase {
                    Phase::Doubtful => {
                        self.timers.set(id, Reason::Attempt(number), at.after(time_to_ask(target)));
                    }
                    Phase::Stopping { doubtful: true, .. } => {
                        self.timers.defer(id, Reason::Drain(number), at.after(DRAIN));
                    }
                    _ => {}
                }
            }
        }
    }

    fn end(&mut self, status: RunStatus) {
        self.status = status;
        self.timers = Timers::default();
        self.agenda.clear();
    }

    fn apply_to_step(&mut self, id: NodeId, event: &StepEvent, at: Timestamp) {
        match event {
            StepEvent::Expanded { items } => {
                self.node_mut(id).each = Some(Box::new(Each::new(items.clone())));
            }
            StepEvent::Ready { inputs, cache, .. } => {
                self.make_ready(id, inputs, at);
                if cache.is_some() {
                    self.attempts_mut(id).cache = cache.clone();
                }
            }
            StepEvent::Skipped { reason: SkipReason::Upstream { step, .. } } => self.block(id, step),
            StepEvent::Slept { until } => self.timers.set(id, Reason::Wake, *until),
            StepEvent::Woken {} => self.timers.clear(id, Reason::Wake),
            StepEvent::RetryScheduled { at, counted, .. } => {
                self.timers.set(id, Reason::Wake, *at);
                if !counted {
                    let attempts = self.attempts_mut(id);
                    attempts.at_target = attempts.at_target.saturating_sub(1);
                }
            }
            StepEvent::FallbackTaken { target, .. } => {
                self.degraded = true;
                let attempts = self.attempts_mut(id);
                attempts.target = *target;
                attempts.at_target = 0;
                attempts.unresolved = true;
            }
            StepEvent::TargetReady { inputs, .. } => {
                let attempts = self.attempts_mut(id);
                attempts.inputs = inputs.clone();
                attempts.unresolved = false;
            }
            StepEvent::Parked { reason, .. } => _ = self.parked.insert(id, *reason),
            StepEvent::Resolved { stuck: true, .. } => self.attempts_mut(id).at_target = 0,
            StepEvent::Resolved { .. } | StepEvent::Funded {} => {}
            StepEvent::Completed { output, reused, .. } => {
                self.degraded |= reused.as_ref().is_some_and(|reused| reused.target > 0);
                self.note_made(id, reused.is_none());
                self.complete(id, output);
            }
            StepEvent::Failed { failure, tolerated } => {
                let node = self.node_mut(id);
                node.failure = Some(Box::new(failure.clone()));
                node.tolerated = *tolerated;
                self.degraded |= tolerated;
            }
            StepEvent::Cancelled { reason, origin: Some(origin), tolerated } => {
                let cancellation = Cancellation { origin: origin.clone(), reason: reason.clone() };
                let node = self.node_mut(id);
                node.cancellation = Some(Box::new(cancellation));
                node.tolerated = *tolerated;
                // A fan-out may do without an item, as its quorum says.
                let is_item = node.item.is_some();
                self.degraded |= *tolerated || is_item;
            }
            StepEvent::Skipped { .. } | StepEvent::Cancelled { .. } => {}
        }
    }

    fn apply_to_attempt(
        &mut self,
        id: NodeId,
        key: &AttemptKey,
        event: &AttemptEvent,
        at: Timestamp,
    ) -> Result<(), Misuse> {
        self.cost += event.cost().amount;
        let number = key.number;
        if let AttemptEvent::Planned { target, estimate, deadline, intent, .. } = event {
            self.timers.set(id, Reason::Attempt(number), *deadline);
            let attempts = self.attempts_mut(id);
            attempts.number = number;
            attempts.at_target += 1;
            let (target, estimate, intent) = (*target, *estimate, intent.clone());
            // Nearly always the only one.
            attempts.live.reserve_exact(1);
            attempts.live.push(Attempt {
                number,
                target,
                estimate,
                intent,
                doubted: false,
                awaits_reply: false,
                cost: Cost::NONE,
                phase: Phase::Planned,
                inputs: None,
            });
            return Ok(());
        }
        self.pass_on(id, key, event)?;
        let live = &mut self.attempts_mut(id).live;
        if let Some(attempt) = live.iter_mut().find(|attempt| attempt.number == number) {
            match event {
                AttemptEvent::Doubted { awaits_reply, .. } => {
                    attempt.doubted = true;
                    attempt.awaits_reply = *awaits_reply;
                }
                // The reply would say no more.
                AttemptEvent::Accepted { .. } => attempt.awaits_reply = false,
                AttemptEvent::Unknown { cost, .. } if !cost.is_none() => attempt.cost = *cost,
                _ => {}
            }
        }
        match event {
            // Its cancellation has the whole time, however late it was found.
            AttemptEvent::AcceptedLate { .. } => {
                self.timers.defer(id, Reason::Drain(number), at.after(DRAIN));
            }
            AttemptEvent::Doubted { deadline, .. }
                if !self.live_attempt(id, number).is_some_and(|attempt| attempt.phase.is_wanted()) =>
            {
                self.timers.defer(id, Reason::Drain(number), *deadline);
            }
            AttemptEvent::Accepted { deadline: Some(deadline), .. }
            | AttemptEvent::Began { deadline }
            | AttemptEvent::Doubted { deadline, .. } => {
                self.timers.set(id, Reason::Attempt(number), *deadline);
            }
            AttemptEvent::Unknown { .. }
            | AttemptEvent::Succeeded { .. }
            | AttemptEvent::Abandoned { .. } => {
                self.timers.clear(id, Reason::Attempt(number));
            }
            AttemptEvent::Failed { failure, cost, resent, .. } => {
                self.resent += if *resent { cost.amount } else { Money::ZERO };
                self.timers.clear(id, Reason::Attempt(number));
                self.attempts_mut(id).failure = Some(Box::new(failure.clone()));
            }
            AttemptEvent::Absent {} => {
                self.timers.clear(id, Reason::Attempt(number));
                let attempts = self.attempts_mut(id);
                attempts.at_target = attempts.at_target.saturating_sub(1);
            }
            AttemptEvent::Ended { output, end, .. } => {
                self.timers.clear(id, Reason::Drain(number));
                if *end == LateEnd::Succeeded {
                    self.note_undone_late(id);
                }
                if let Some(output) = output {
                    self.note_made_late(id, output);
                }
            }
            _ => {}
        }
        if let AttemptEvent::Abandoned { until: Some(until), .. }
        | AttemptEvent::Failed { until: Some(until), .. } = event
        {
            self.timers.set(id, Reason::Drain(number), *until);
        }
        Ok(())
    }

    /// Moves an attempt to its next phase, or takes it out at its end.
    fn pass_on(&mut self, id: NodeId, key: &AttemptKey, event: &AttemptEvent) -> Result<(), Misuse> {
        let attempts = self.node(id).attempts.as_ref();
        let live = attempts.map_or(&[][..], |attempts| &attempts.live);
        let found = live.iter().position(|attempt| attempt.number == key.number);
        let phase = found.map(|place| &live[place].phase);
        let next = phase.and_then(|phase| phase.after(event));
        let (Some(place), Some(phase), Some(next)) = (found, phase, next) else {
            let word = phase.map_or("over", Phase::word);
            return Err(self.illegal(&key.step, word, "the event of an attempt"));
        };
        let was_stopping = usize::from(!phase.is_wanted());
        let is_over = self.node(id).status.is_terminal();
        let is_call = self.is_call(id, live[place].target);
        let attempts = self.attempts_mut(id);
        let is_stopping = match next {
            Next::Phase(phase) => {
                let stops = !phase.is_wanted();
                if stops && is_call {
                    // The step goes on, perhaps to another target, or is over.
                    let inputs = &attempts.inputs;
                    attempts.live[place].inputs.get_or_insert_with(|| inputs.clone());
                }
                attempts.live[place].phase = phase;
                usize::from(stops)
            }
            Next::Over => {
                attempts.live.remove(place);
                0
            }
        };
        if is_over && attempts.live.is_empty() {
            self.node_mut(id).attempts = None;
        }
        self.stopping = self.stopping + is_stopping - was_stopping;
        Ok(())
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
            None => (&graph.plan().root, StepId(0)),
            Some(_) => graph.scope_inside(self.step_id(id)).expect("only nodes with steps inside are opened"),
        };
        let first = NodeId(self.nodes.len() as u32);
        let path = self.node(id).path.clone();
        for (index, step) in scope.steps.iter().enumerate() {
            self.add_node(Node::new(path.step(&step.name), Some(first_step.0 + index as u32), id, None));
        }
        let steps = scope.steps.len() as u32;
        // What always runs isn't waited for.
        let always = scope.steps.iter().filter(|step| step.always && id == NodeId::ROOT).count() as u32;
        let open = steps - always;
        self.node_mut(id).scope =
            Some(Box::new(Scope { first, steps, open, failed: None, cancelled: None, inputs }));
    }

    pub(crate) fn add_node(&mut self, node: Node) -> NodeId {
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

    /// Books the end of a step or item with what it is part of, and releases what only a live one
    /// needs.
    fn close_node(&mut self, id: NodeId) {
        self.timers.clear_node(id);
        let is_of_the_end = self.is_of_the_end(id);
        let node = self.node_mut(id);
        // Only attempts whose end is awaited are still of interest.
        let attempts = node.attempts.take().filter(|attempts| !attempts.live.is_empty());
        node.attempts = attempts.map(|attempts| {
            let cache = attempts.cache.filter(|_| attempts.target == 0);
            Box::new(Attempts { live: attempts.live, cache, ..Attempts::default() })
        });
        self.close_scope(id);
        let node = self.node(id);
        let (status, parent, is_item) = (node.status, node.parent, node.item.is_some());
        if !self.unwanted.is_empty() {
            let path = self.node(id).path.clone();
            self.unwanted.remove(&path);
        }
        if is_item {
            let each = self.node_mut(parent).each.as_mut().expect("an item is made with its step's fan-out");
            match status {
                StepStatus::Completed => each.succeeded += 1,
                StepStatus::Failed => each.failed += 1,
                StepStatus::Skipped => each.skipped += 1,
                _ => each.cancelled += 1,
            }
        } else if is_of_the_end {
            self.close_of_the_end(id);
        } else {
            self.close_child(parent, id);
        }
    }

    /// The step `child` inside the scope of `id` is terminal.
    fn close_child(&mut self, id: NodeId, child: NodeId) {
        let lost = self.node(child);
        let failed = lost.is_lost_by_failing().then_some(child);
        let cancelled = lost.is_lost_by_cancelling().then_some(child);
        let node = self.node_mut(id);
        let is_over = node.status.is_terminal();
        let Some(scope) = &mut node.scope else { return };
        scope.open -= 1;
        scope.failed = scope.failed.or(failed);
        scope.cancelled = scope.cancelled.or(cancelled);
        if is_over {
            self.close_scope(id);
        }
    }

    /// Nothing sees any more what the steps inside of `id`, which is over, gave: it is forgotten. What is called off in
    /// waves is over before all that is inside of it is. What is undone sees what it saw.
    fn close_scope(&mut self, id: NodeId) {
        let is_done = self.node(id).scope.as_ref().is_some_and(|scope| scope.open == 0);
        if !is_done || self.graph.has_undo() {
            return;
        }
        let Some(scope) = self.node_mut(id).scope.take() else { return };
        for inner in (0..scope.steps as usize).map(|index| scope.first.offset(index)) {
            self.node_mut(inner).output = None;
            let mut index = 0;
            while let Some(item) = self.node(inner).child(index) {
                self.node_mut(item).output = None;
                index += 1;
            }
        }
    }
}
