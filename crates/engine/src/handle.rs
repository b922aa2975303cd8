//! Handling: from an input to a turn and commands.

use std::collections::BTreeSet;
use std::sync::Arc;

use motet_pipeline::value::STEP_UNITS_MAX;
use motet_pipeline::{Class, Failure, Money, Span, Timestamp};

use crate::command::{Command, Perform, Resource};
use crate::event::{LateEnd, RunStarted, Turn};
use crate::graph::Graph;
use crate::input::{AttemptEnd, Input};
use crate::node::{NodeId, StepStatus};
use crate::run::Run;
use crate::timer::Reason;
use crate::{AttemptKey, Event};

/// What an input led to.
#[derive(Debug, Default)]
pub struct Reaction {
    /// What must be durable before any command is carried out; nothing if nothing happened.
    pub turn: Option<Turn>,
    /// What is to be done.
    pub commands: Vec<Command>,
}

/// One turn in the making.
pub(crate) struct Handling<'a> {
    pub(crate) run: &'a mut Run,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
    pub(crate) commands: Vec<Command>,
    /// How many more bytes the turn should have, about.
    room: usize,
    /// Operations that are to begin, or to ask for a slot, once the turn is complete.
    pub(crate) launched: BTreeSet<NodeId>,
}

impl Run {
    /// A new run of the plan of `graph`.
    pub fn start(graph: Arc<Graph>, started: RunStarted, now: Timestamp) -> (Run, Reaction) {
        let started = Arc::new(started);
        let mut run = Run::open(graph, started.clone(), now);
        let mut handling = Handling::new(&mut run, now);
        handling.events.push(Event::RunStarted(Box::new((*started).clone())));
        handling.open(NodeId::ROOT);
        handling.work_off();
        let reaction = handling.seal();
        (run, reaction)
    }

    /// Tells the run what happened. Total and idempotent: what is late, doubled or unknown changes
    /// nothing. Time never runs backwards: an earlier `now` counts as the last one seen.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Reaction {
        let now = now.max(self.last_at);
        let mut handling = Handling::new(self, now);
        match input {
            Input::Granted { key } => handling.on_granted(key),
            _ if handling.run.status.is_terminal() => {}
            Input::Accepted { key, job } => handling.on_accepted(key, job),
            Input::Ended { key, end } => handling.on_ended(key, end),
            Input::Tick => {}
            Input::Cancel { by, reason } => handling.cancel_run(by, reason),
            Input::Resume { away } => handling.on_resume(away),
        }
        handling.work_off();
        handling.on_time();
        handling.seal()
    }
}

impl<'a> Handling<'a> {
    fn new(run: &'a mut Run, now: Timestamp) -> Handling<'a> {
        Handling {
            room: run.graph.turn_bytes,
            run,
            now,
            events: Vec::new(),
            commands: Vec::new(),
            launched: BTreeSet::new(),
        }
    }

    /// Records an event: the state changes by it, and by nothing else.
    pub(crate) fn emit(&mut self, event: Event) {
        self.run.apply(&event, self.now).expect("a decision fits the state it was made in");
        self.room = self.room.saturating_sub(event.weight());
        self.events.push(event);
    }

    /// Whether what is left to do belongs to the next turn.
    pub(crate) fn is_full(&self) -> bool {
        self.room == 0
    }

    fn seal(mut self) -> Reaction {
        if self.events.is_empty() {
            return Reaction { turn: None, commands: self.commands };
        }
        // What was launched and called off in the same turn never begins.
        self.commands.extend(self.launched.iter().filter_map(|id| self.run.launch_command(*id)));
        self.run.turns += 1;
        self.run.last_at = self.now;
        let turn = Turn { number: self.run.turns, at: self.now, events: self.events };
        Reaction { turn: Some(turn), commands: self.commands }
    }

    /// A slot is there. One that came too late, or that nobody waits for, goes back; one that was told
    /// twice belongs to the attempt at work.
    fn on_granted(&mut self, key: AttemptKey) {
        self.meet_doom(&key);
        match self.run.find(&key.step) {
            Some(id) if self.run.waits_for_slot(id, key.number) => self.plan_attempt(id),
            Some(id) if self.run.is_in_flight(id, key.number) => {}
            _ if self.run.abandoned.contains(&key) => {}
            _ => self.commands.push(Command::Release { key }),
        }
    }

    fn on_accepted(&mut self, key: AttemptKey, job: String) {
        self.meet_doom(&key);
        let Some(id) = self.run.find(&key.step) else { return };
        let known = self.run.node(id).attempts.as_ref().is_some_and(|attempts| attempts.job.is_some());
        if self.run.is_in_flight(id, key.number) && !known {
            self.emit(Event::AttemptAccepted { step: key.step, attempt: key.number, job });
        }
    }

    fn on_ended(&mut self, key: AttemptKey, end: AttemptEnd) {
        self.meet_doom(&key);
        // It has stopped already.
        self.commands.retain(|command| !matches!(command, Command::Stop { key: told } if *told == key));
        let Some(id) = self.run.find(&key.step) else { return };
        let in_flight = self.run.is_in_flight(id, key.number);
        if !in_flight && !self.run.abandoned.contains(&key) {
            return;
        }
        if self.run.may_hold_slots(id) {
            self.commands.push(Command::Release { key: key.clone() });
        }
        if in_flight {
            match end {
                AttemptEnd::Succeeded { output, cost } => self.judge(id, key, output, cost),
                AttemptEnd::Failed { failure, cost } => self.fail_attempt(id, key, failure, cost),
                AttemptEnd::Cancelled => {
                    let failure = Failure::new(Class::Unavailable, "the work was stopped from outside");
                    self.fail_attempt(id, key, failure, Money::ZERO);
                }
            }
        } else {
            let (end, output, cost) = match end {
                AttemptEnd::Succeeded { output, cost } => (
                    LateEnd::Succeeded,
                    Some(output).filter(|output| output.excess(STEP_UNITS_MAX).is_none()),
                    cost,
                ),
                AttemptEnd::Failed { cost, .. } => (LateEnd::Failed, None, cost),
                AttemptEnd::Cancelled => (LateEnd::Cancelled, None, Money::ZERO),
            };
            self.emit(Event::AttemptEnded { step: key.step, attempt: key.number, end, output, cost });
        }
    }

    /// Somebody drove the run at its last turn, whatever else is said: told twice, it moves no deadline
    /// twice.
    fn on_resume(&mut self, away: Span) {
        let away = away.min(self.now.since(self.run.last_at));
        self.emit(Event::RunResumed { away });
    }

    /// If the step of an attempt is about to be called off, that comes before whatever is told of it.
    fn meet_doom(&mut self, key: &AttemptKey) {
        if let Some(id) = self.run.find(&key.step)
            && let Some(reason) = self.run.doom_of(id)
        {
            self.call_off(id, &reason);
        }
    }

    /// Deals with everything that is due, one after the other: what follows from one may make another
    /// pointless.
    fn on_time(&mut self) {
        while !self.is_full()
            && let Some((id, reason)) = self.run.timers.due(self.now)
        {
            let doom = self.run.doom_of(id);
            if let Some(reason) = doom {
                self.call_off(id, &reason);
                continue;
            }
            match reason {
                Reason::Run => self.time_out_run(),
                Reason::Total => self.time_out_step(id),
                Reason::Attempt => self.time_out_attempt(id),
                Reason::Wake => self.wake(id),
            }
            self.work_off();
        }
    }

    fn wake(&mut self, id: NodeId) {
        let step = self.run.node(id).path.clone();
        self.emit(Event::StepWoken { step });
        if self.run.was_asleep_on_purpose(id) {
            self.end_sleep(id);
        } else {
            self.launch(id);
        }
    }
}

impl Run {
    /// Whether the sleep of `id` was its work (`flow/sleep`), not a pause before a retry.
    fn was_asleep_on_purpose(&self, id: NodeId) -> bool {
        let attempts = self.node(id).attempts.as_ref();
        attempts.is_some_and(|attempts| self.target(id, attempts.target).contract.operation == "flow/sleep")
    }

    pub(crate) fn is_in_flight(&self, id: NodeId, number: u32) -> bool {
        let attempts = self.node(id).attempts.as_ref();
        attempts.is_some_and(|attempts| attempts.in_flight && attempts.number == number)
    }

    fn waits_for_slot(&self, id: NodeId, number: u32) -> bool {
        self.awaited_slot(id).is_some_and(|(key, _)| key.number == number)
    }

    /// The attempt that can begin once it has a slot, and of what.
    pub(crate) fn awaited_slot(&self, id: NodeId) -> Option<(AttemptKey, Resource)> {
        let node = self.node(id);
        let attempts = node.attempts.as_ref().filter(|attempts| !attempts.unresolved)?;
        let resource = self.resource(id).filter(|_| node.status == StepStatus::Waiting)?;
        Some((AttemptKey { step: node.path.clone(), number: attempts.number + 1 }, resource))
    }

    /// What is to be done for `id` as it stands: its attempt's work, or to ask for a slot.
    fn launch_command(&self, id: NodeId) -> Option<Command> {
        let node = self.node(id);
        let attempts = node.attempts.as_ref()?;
        if !attempts.in_flight {
            return self.awaited_slot(id).map(|(key, resource)| Command::Acquire { key, resource });
        }
        let target = self.target(id, attempts.target);
        Some(Command::Perform(Box::new(Perform {
            key: AttemptKey { step: node.path.clone(), number: attempts.number },
            contract: target.contract.clone(),
            inputs: attempts.inputs.clone(),
            timeouts: target.timeouts,
            deadline: self.timers.at(id, Reason::Attempt)?,
            resource: self.resource(id),
        })))
    }

    /// All commands that are in flight: what a host must issue again when it takes the run up.
    pub fn outstanding(&self) -> Vec<Command> {
        let live = (0..self.nodes.len() as u32).map(NodeId).filter_map(|id| self.launch_command(id));
        let stops = self.abandoned.iter().map(|key| Command::Stop { key: key.clone() });
        live.chain(stops).collect()
    }
}
