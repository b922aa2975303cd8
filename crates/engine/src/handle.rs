//! Handling: from an input to a turn and commands.

use std::collections::BTreeSet;
use std::sync::Arc;

use motet_pipeline::{Span, Timestamp};

use crate::allowance::Allowance;
use crate::choice::Setback;
use crate::command::{Act, Command, Perform};
use crate::dispatcher::Cause;
use crate::earlier::{Earlier, Reusable};
use crate::effort::Effort;
use crate::event::{Ending, ParkReason, RunStarted, Turn};
use crate::graph::Graph;
use crate::input::Input;
use crate::node::{NodeId, StepStatus};
use crate::run::Run;
use crate::timer::Reason;
use crate::{AttemptEvent, AttemptKey, Event, Intent, RunEvent, StepEvent};

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
        Run::start_from(graph, started, None, now)
    }

    /// The same for a run that continues from others, whose results it may reuse.
    pub fn start_from(
        graph: Arc<Graph>,
        started: RunStarted,
        earlier: Option<Arc<Earlier>>,
        now: Timestamp,
    ) -> (Run, Reaction) {
        let started = Arc::new(started);
        let mut run = Run::open(graph, started.clone(), now);
        run.earlier = Reusable(earlier);
        let mut handling = Handling::new(&mut run, now);
        handling.events.push(Event::Run(RunEvent::Started(Box::new((*started).clone()))));
        handling.open(NodeId::ROOT);
        handling.work_off();
        handling.park_if_nothing_moves();
        let reaction = handling.seal();
        (run, reaction)
    }

    /// Tells the run what happened. Total and idempotent: what is late, doubled or unknown changes
    /// nothing. Time never runs backwards: an earlier `now` counts as the last one seen.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Reaction {
        let now = now.max(self.last_at);
        let mut handling = Handling::new(self, now);
        match input {
            Input::Granted { key, intent } => handling.on_granted(key, intent),
            _ if handling.run.status.is_terminal() => {}
            Input::Denied { key, cause } => handling.on_denied(key, cause),
            Input::Cached { key, cached } => handling.on_cached(key, *cached),
            Input::Accepted { key, job } => handling.on_accepted(key, job),
            Input::Polled { key, news } => handling.on_polled(key, news),
            Input::Reconciled { key, found } => handling.on_reconciled(key, found),
            Input::Ended { key, end } => handling.on_ended(key, end),
            Input::Resolve { step, decision, by } => handling.on_resolve(step, decision, by),
            Input::Fund { allowance, by } => handling.on_funded(allowance, by),
            Input::Tick => {}
            Input::Cancel { by, reason } => handling.cancel_run(by, reason),
            Input::CancelStep { step, by, reason } => handling.cancel_step(step, by, reason),
            Input::CutShort { by, reason } => handling.cut_short(by, reason),
            Input::Resume { away } => handling.on_resume(away),
        }
        handling.work_off();
        handling.on_time();
        handling.park_if_nothing_moves();
        handling.seal()
    }
}

impl Run {
    /// The first turn of a run that only undoes others.
    pub(crate) fn begin_undo_run(&mut self, started: &RunStarted, now: Timestamp) -> Reaction {
        let mut handling = Handling::new(self, now);
        handling.events.push(Event::Run(RunEvent::Started(Box::new(started.clone()))));
        handling.close_run(Ending::Completed { degraded: false }, true);
        handling.work_off();
        handling.park_if_nothing_moves();
        handling.seal()
    }
}

impl<'a> Handling<'a> {
    fn new(run: &'a mut Run, now: Timestamp) -> Handling<'a> {
        run.effort = Effort::default();
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
    fn emit(&mut self, event: Event) {
        self.run.apply(&event, self.now).expect("a decision fits the state it was made in");
        self.room = self.room.saturating_sub(event.weight());
        self.events.push(event);
    }

    pub(crate) fn emit_of_run(&mut self, event: RunEvent) {
        self.emit(Event::Run(event));
    }

    pub(crate) fn emit_of_step(&mut self, id: NodeId, event: StepEvent) {
        self.unpark();
        let step = self.run.node(id).path.clone();
        self.emit(Event::Step { step, event });
    }

    pub(crate) fn emit_of_attempt(&mut self, key: AttemptKey, event: AttemptEvent) {
        self.unpark();
        self.emit(Event::Attempt { key, event });
    }

    /// Something is about to happen to a step of a run that may be parked.
    fn unpark(&mut self) {
        if self.run.is_parked() {
            self.emit_of_run(RunEvent::Unparked {});
        }
    }

    /// If steps are parked, and nothing else will move, so is the run.
    fn park_if_nothing_moves(&mut self) {
        let run = &self.run;
        let is_still = run.moving == 0 && run.stopping == 0 && run.agenda.is_empty() && !run.is_finished();
        let is_ending = run.cancel.is_some() && run.closing.is_none();
        if !is_still || is_ending || run.status.is_terminal() || run.is_parked() {
            return;
        }
        let reasons = || run.parked.values().copied();
        let settled_by_a_person = reasons().find(|reason| *reason != ParkReason::Budget);
        if let Some(reason) = settled_by_a_person.or_else(|| reasons().next()) {
            self.emit_of_run(RunEvent::Parked { reason });
        }
    }

    /// Whether what is left to do belongs to the next turn.
    pub(crate) fn is_full(&self) -> bool {
        self.room == 0 || self.run.effort.is_spent()
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
    fn on_granted(&mut self, key: AttemptKey, intent: Option<Arc<Intent>>) {
        self.meet_doom(&key);
        match self.run.find(&key.step) {
            Some(id) if self.run.waits_for_slot(id, key.number) => self.plan_attempt(id, intent),
            Some(id) if self.run.is_in_flight(id, key.number) => {}
            _ if self.run.attempt(&key).is_some() => {}
            _ => self.commands.push(Command::Release { key }),
        }
    }

    /// What an attempt waits for will not be there. It never began, so it counts nowhere: what was decided
    /// about it says why.
    fn on_denied(&mut self, key: AttemptKey, cause: Cause) {
        self.meet_doom(&key);
        if let Some(id) = self.run.find(&key.step)
            && self.run.waits_for_slot(id, key.number)
        {
            match cause {
                Cause::Failure(failure) => self.decide(id, Setback::Denied(&failure)),
                Cause::Budget(message) => {
                    self.emit_of_step(id, StepEvent::Parked { reason: ParkReason::Budget, message });
                }
            }
        }
    }

    /// What is parked for money asks for it again.
    fn on_funded(&mut self, allowance: Option<Allowance>, by: String) {
        if let Some(Allowance { limit, quoted }) = allowance.filter(|new| *new != self.run.allowance) {
            self.emit_of_run(RunEvent::BudgetSet { limit, quoted, by });
        }
        let for_money = |(id, reason): (&NodeId, &ParkReason)| (*reason == ParkReason::Budget).then_some(*id);
        let waiting: Vec<NodeId> = self.run.parked.iter().filter_map(for_money).collect();
        for id in waiting {
            self.emit_of_step(id, StepEvent::Funded {});
            self.launch(id);
        }
    }

    /// Somebody drove the run at its last turn, whatever else is said: told twice, it moves no deadline
    /// twice.
    fn on_resume(&mut self, away: Span) {
        let away = away.min(self.now.since(self.run.last_at));
        self.emit_of_run(RunEvent::Resumed { away });
    }

    /// If the step of an attempt is about to be cancelled, that comes before whatever is told of it.
    pub(crate) fn meet_doom(&mut self, key: &AttemptKey) {
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
            && !self.run.is_parked()
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
                Reason::Wake => self.wake(id),
                Reason::Attempt(number) => self.time_out_attempt(id, number),
                Reason::Drain(number) => self.give_up_draining(id, number),
            }
            self.work_off();
        }
    }

    fn wake(&mut self, id: NodeId) {
        self.emit_of_step(id, StepEvent::Woken {});
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

    /// Whether the step of `id` waits for the attempt `number`.
    fn is_in_flight(&self, id: NodeId, number: u32) -> bool {
        let wanted = self.node(id).attempts.as_ref().and_then(|attempts| attempts.wanted());
        wanted.is_some_and(|attempt| attempt.number == number)
    }

    pub(crate) fn waits_for_slot(&self, id: NodeId, number: u32) -> bool {
        self.awaited_slot(id).is_some_and(|key| key.number == number)
    }

    /// The attempt that can begin once it has what it needs.
    pub(crate) fn awaited_slot(&self, id: NodeId) -> Option<AttemptKey> {
        let node = self.node(id);
        let attempts = node.attempts.as_ref().filter(|attempts| !attempts.unresolved)?;
        let waits = node.status == StepStatus::Waiting && self.needs_the_gate(id);
        waits.then(|| AttemptKey { step: node.path.clone(), number: attempts.number + 1 })
    }

    /// What will be sent for an attempt that can begin once it has what it needs.
    pub fn prospect(&self, key: &AttemptKey) -> Option<Perform> {
        let id = self.find(&key.step)?;
        let awaited = self.awaited_slot(id).filter(|awaited| awaited == key)?;
        let attempts = self.node(id).attempts.as_ref()?;
        let target = self.target(id, attempts.target);
        Some(Perform {
            key: awaited,
            act: Act::Submit,
            contract: target.contract.clone(),
            inputs: attempts.inputs.clone(),
            estimate: self.estimate(id),
            timeouts: target.timeouts,
            deadline: Timestamp(i64::MAX),
            intent: None,
            needs: self.needs(id),
        })
    }

    /// What is to be done for `id` as it stands: something for its attempt, or to ask for a slot.
    fn launch_command(&self, id: NodeId) -> Option<Command> {
        match self.node(id).attempts.as_ref()?.wanted() {
            Some(attempt) => self.act_for(id, attempt),
            None => self.awaited_slot(id).map(|key| Command::Acquire { key, needs: self.needs(id) }),
        }
    }

    /// All commands that are in flight: what a host must issue again when it resumes the run, after it told
    /// [`Input::Resume`]. What attempts at work hold is told to the dispatcher before anything is asked of it.
    pub fn outstanding(&self) -> Vec<Command> {
        let ids = || (0..self.nodes.len() as u32).map(NodeId);
        let live = ids().filter_map(|id| self.launch_command(id));
        let stopping = ids().flat_map(|id| {
            let attempts = self.node(id).attempts.iter().flat_map(|attempts| &attempts.live);
            let unwanted = attempts.filter(|attempt| !attempt.phase.is_wanted());
            unwanted.filter_map(move |attempt| self.act_for(id, attempt))
        });
        live.chain(stopping).collect()
    }
}
