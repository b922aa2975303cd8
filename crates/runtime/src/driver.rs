//! The driver: the loop between engine, store and the world.
//!
//! One task owns all live runs. It hands what happened to the engine, the turn to the store, and
//! carries out the commands once the turn is durable: append before you act (law L1).

mod acts;
mod ending;
mod gate;
mod guard;
mod standing;
mod timing;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use motet_engine::dispatcher::GateEntry;
use motet_engine::{
    AttemptEnd, AttemptKey, Cached, CancelRefusal, Command, Dispatcher, Earlier, Graph, Input, Reaction, Run,
    RunId, RunStarted, StepStatus, Turn,
};
use motet_pipeline::{Failure, Span, StepPath, Timestamp};
use motet_store::{Batch, Record, StoreError};
use tokio::sync::{mpsc, oneshot};

use acts::InFlight;
pub(crate) use guard::{Panic, drop_guarded, guarded};
pub(crate) use standing::Standing;

use crate::Error;
use crate::follow::{Feed, Happening, Publisher};
use crate::heart::Heart;
use crate::motet::Latch;
use crate::operation::{Hands, Prepared};
use crate::work::Report;

/// What the driver is told.
pub(crate) enum Message {
    /// Start a run.
    Start { graph: Arc<Graph>, started: Box<RunStarted>, from: Origin, accepted: Accepted },
    /// Go on with a run that was replayed from the journal.
    TakeUp { run: Box<Run>, away: Span },
    /// Something happened to a run.
    Input { run: RunId, input: Input },
    /// Tell a run something that somebody asks for, and answer once what it led to is durable. If it leads to
    /// nothing, that is the refusal.
    Ask { run: RunId, input: Input, accepted: Accepted, refusal: Box<Error> },
    /// Cancel a step or item of a run, and answer once that is durable.
    CancelStep { run: RunId, step: StepPath, by: String, reason: String, accepted: Accepted },
    /// What the request of an attempt will be made with.
    Prepared { run: RunId, key: AttemptKey, prepared: Prepared },
    /// What the cache has of what an attempt would make.
    Looked { run: RunId, key: AttemptKey, found: Result<Option<Cached>, Failure> },
    /// What was done for an attempt, as the `number`-th thing of all, came to this.
    Done { run: RunId, key: AttemptKey, number: u64, report: Report },
    /// The store was told that somebody is there.
    Beaten { result: Result<(), StoreError> },
    /// Turns are durable, or can't be made so.
    Appended { result: Result<(), StoreError>, effects: Vec<Effect> },
    /// Have providers report at this address from now on, or no more.
    AwaitHooks { address: Option<String>, heard: oneshot::Sender<()> },
    /// Say which of some runs are live.
    AreLive { runs: Vec<RunId>, answer: oneshot::Sender<Vec<bool>> },
    /// Tell where to hear of a run, if it is driven here.
    Follow { run: RunId, feed: oneshot::Sender<Option<Arc<Feed>>> },
    /// Stop all work, keep what came of it, and leave: the runs can be resumed.
    /// The lock is released last.
    Leave { left: oneshot::Sender<()> },
}

/// What a run begins from.
#[derive(Default)]
pub(crate) enum Origin {
    /// From nothing.
    #[default]
    Nothing,
    /// From what earlier runs have finished.
    Earlier(Arc<Earlier>),
    /// From the journals of the runs that it undoes, the oldest first.
    Undone(Vec<Vec<Turn>>),
}

/// Who waits until a start is durable.
pub(crate) struct Accepted {
    pub(crate) answer: oneshot::Sender<Result<(), Error>>,
    /// Held until then, whether somebody still waits or not.
    pub(crate) latches: Vec<Latch>,
}

impl Accepted {
    fn answer(self, outcome: Result<(), Error>) {
        drop(self.latches);
        // Whoever asked may have stopped to wait.
        let _ = self.answer.send(outcome);
    }
}

/// What waits for a turn to be durable.
pub(crate) struct Effect {
    run: RunId,
    turn: Option<Arc<motet_engine::Turn>>,
    commands: Vec<Command>,
    accepted: Option<Accepted>,
}

impl Effect {
    fn record(&self) -> Option<Record> {
        Some(Record { run: self.run.clone(), turn: self.turn.clone()? })
    }
}

/// The task that owns all live runs.
pub(crate) struct Driver {
    hands: Arc<Hands>,
    inbox: mpsc::UnboundedReceiver<Message>,
    mail: mpsc::UnboundedSender<Message>,
    runs: HashMap<RunId, Live>,
    deadlines: BTreeSet<(Timestamp, RunId)>,
    /// What is being done for each attempt.
    in_flight: HashMap<(RunId, AttemptKey), InFlight>,
    /// Counts all that was done for attempts.
    acts: u64,
    dispatcher: Dispatcher,
    /// What happened at the gate and is not at the store yet.
    gate: Vec<GateEntry>,
    /// The pools that somebody waits for and that there are not.
    missing_pools: BTreeSet<Arc<str>>,
    batch: Vec<Effect>,
    /// How many batches are at the store.
    appending: usize,
    heart: Heart,
    standing: Arc<Standing>,
    /// Those who wait until the driver has left, once it was told to.
    leaving: Vec<oneshot::Sender<()>>,
    /// Set once the store refuses to keep anything more.
    broken: Option<Arc<StoreError>>,
}

struct Live {
    /// Boxed, so that the table of all runs is small enough to be moved when it grows.
    run: Box<Run>,
    /// Its place in the order of deadlines.
    deadline: Option<Timestamp>,
    /// How many of its turns are on their way to the store.
    at_store: u32,
    publisher: Publisher,
}

impl Live {
    /// Of a run whose turns before this one are durable.
    fn new(run: Box<Run>, publisher: Publisher) -> Live {
        Live { run, deadline: None, at_store: 0, publisher }
    }

    /// Whether it may take a turn by itself, ahead of the disk.
    fn may_go_ahead(&self) -> bool {
        self.at_store < TURNS_AHEAD_MAX
    }
}

/// How many turns of a run are on their way to the store before it waits for one of them to be durable.
const TURNS_AHEAD_MAX: u32 = 2;

/// The most messages that are taken in before what they led to is handed to the store.
const BATCH_MESSAGES_MAX: usize = 1024;

impl Driver {
    /// Starts the driver in the world of `hands` and gives its mailbox. `dispatcher` is the gate as the store
    /// remembers it; `heart` tells the store that somebody is there, and `standing` those outside how it
    /// goes.
    pub(crate) fn spawn(
        hands: Arc<Hands>,
        dispatcher: Dispatcher,
        heart: Heart,
        standing: Arc<Standing>,
    ) -> mpsc::UnboundedSender<Message> {
        let (mail, inbox) = mpsc::unbounded_channel();
        let driver = Driver {
            inbox,
            mail: mail.clone(),
            runs: HashMap::new(),
            deadlines: BTreeSet::new(),
            in_flight: HashMap::new(),
            acts: 0,
            dispatcher,
            gate: Vec::new(),
            missing_pools: BTreeSet::new(),
            batch: Vec::new(),
            appending: 0,
            heart,
            standing,
            leaving: Vec::new(),
            broken: None,
            hands: hands.clone(),
        };
        hands.world.spawn(Box::pin(driver.work()));
        mail
    }

    async fn work(mut self) {
        if let Err(payload) = AssertUnwindSafe(self.drive()).catch_unwind().await {
            self.fall(Panic::of(payload)).await;
        }
    }

    async fn drive(&mut self) {
        let mut messages = Vec::with_capacity(BATCH_MESSAGES_MAX);
        let mut alarm = None;
        loop {
            self.set_alarm(&mut alarm);
            tokio::select! {
                biased;
                received = self.inbox.recv_many(&mut messages, BATCH_MESSAGES_MAX) => {
                    if received == 0 {
                        return;
                    }
                }
                () = timing::ring(&mut alarm), if alarm.is_some() => alarm = None,
            }
            self.notice_absence();
            for message in messages.drain(..) {
                self.take_in(message);
            }
            // What ends in the same moment shares a flush.
            if self.batch.len() == 1 {
                tokio::task::yield_now().await;
            }
            while let Ok(message) = self.inbox.try_recv() {
                self.take_in(message);
                if self.batch.len() >= BATCH_MESSAGES_MAX {
                    break;
                }
            }
            if self.leaving.is_empty() {
                self.tick();
                self.tick_gate();
                self.heart.beat(&self.hands, &self.mail, !self.runs.is_empty());
            }
            self.hand_over();
            if !self.leaving.is_empty() && self.is_idle() {
                self.settle_store().await;
                return self.leave();
            }
        }
    }

    /// Whether nothing is at work and nothing is at the store. Once that is broken, the ends of work
    /// make no difference.
    fn is_idle(&self) -> bool {
        self.appending == 0 && (self.in_flight.is_empty() || self.broken.is_some())
    }

    fn take_in(&mut self, message: Message) {
        match message {
            Message::Start { graph, started, from, accepted } => {
                self.start(graph, *started, from, accepted);
            }
            Message::TakeUp { run, away } => self.take_up(run, away),
            Message::Input { run, input } => self.tell(&run, input),
            Message::Ask { run, input, accepted, refusal } => self.ask(&run, input, accepted, *refusal),
            Message::CancelStep { run, step, by, reason, accepted } => {
                self.cancel_step(&run, step, by, reason, accepted);
            }
            Message::Prepared { run, key, prepared } => self.begin(&run, key, prepared),
            Message::Looked { run, key, found } => self.on_looked(&run, key, found),
            Message::Done { run, key, number, report } => self.on_done(run, key, number, report),
            Message::Beaten { result } => {
                if let Err(error) = self.heart.beaten(result) {
                    self.give_up(error, Vec::new());
                }
            }
            Message::Appended { result, effects } => {
                self.appending -= 1;
                match result {
                    Ok(()) => self.carry_out_all(effects),
                    Err(error) => self.give_up(error, effects),
                }
            }
            Message::AwaitHooks { address, heard } => {
                let hooks = &self.hands.models.hooks;
                hooks.open(address);
                self.runs.values().for_each(|live| hooks.take_up(&live.run));
                // Whoever asked may have stopped to wait.
                let _ = heard.send(());
            }
            Message::AreLive { runs, answer } => {
                // Whoever asked may have stopped to wait.
                let _ = answer.send(runs.iter().map(|run| self.runs.contains_key(run)).collect());
            }
            Message::Follow { run, feed } => {
                // Whoever asked may have stopped to wait.
                let _ = feed.send(self.feed_of(&run));
            }
            Message::Leave { left } => {
                self.leaving.push(left);
                self.hands.store.end_soon();
                self.stop_all();
            }
        }
    }

    /// Where to hear of a run. Of one that isn't driven because the store keeps nothing more, that.
    fn feed_of(&self, run: &RunId) -> Option<Arc<Feed>> {
        let failed = || Some(Publisher::ended(Happening::StoreFailed(self.broken.clone()?)));
        self.runs.get(run).map(|live| live.publisher.feed().clone()).or_else(failed)
    }

    fn start(&mut self, graph: Arc<Graph>, started: RunStarted, from: Origin, accepted: Accepted) {
        if let Some(error) = &self.broken {
            return accepted.answer(Err((**error).clone().into()));
        }
        if !self.leaving.is_empty() {
            return;
        }
        let (id, now) = (started.run.clone(), self.hands.world.now());
        let begin = || match from {
            Origin::Nothing => Ok(Run::start(graph, started, now)),
            Origin::Earlier(earlier) => Ok(Run::start_from(graph, started, Some(earlier), now)),
            Origin::Undone(before) => {
                let before: Vec<&[Turn]> = before.iter().map(Vec::as_slice).collect();
                Run::start_undo(graph, started, &before, now)
            }
        };
        match ask_engine(&self.hands, &id, begin) {
            Ok(Err(misuse)) => accepted.answer(Err(Error::Journal { run: id, misuse })),
            Ok(Ok((run, reaction))) => {
                self.runs.insert(id.clone(), Live::new(Box::new(run), Publisher::new()));
                self.stage(&id, reaction, Some(accepted));
            }
            Err(panic) => accepted.answer(Err(Error::StartPanicked { panic: panic.to_string() })),
        }
    }

    /// Issues again what was in flight, after the engine knows how long nobody drove the run.
    fn take_up(&mut self, mut run: Box<Run>, away: Span) {
        let id = run.id().clone();
        let refuses = self.broken.is_some() || !self.leaving.is_empty();
        if refuses || self.runs.contains_key(&id) || run.status().is_terminal() {
            return;
        }
        let (now, publisher) = (self.hands.world.now(), Publisher::of(&run));
        let resumed = ask_engine(&self.hands, &id, || {
            let Reaction { turn, .. } = run.handle(now, Input::Resume { away });
            // Those of the turn are among them, and deadlines are as they were moved.
            Reaction { turn, commands: run.outstanding() }
        });
        match resumed {
            Ok(reaction) => {
                self.hands.models.hooks.take_up(&run);
                self.runs.insert(id.clone(), Live::new(run, publisher));
                self.stage(&id, reaction, None);
            }
            Err(panic) => {
                drop_guarded(run);
                self.quarantine(&id, panic);
            }
        }
    }

    fn tell(&mut self, id: &RunId, input: Input) {
        let now = self.hands.world.now();
        let Some(live) = self.runs.get_mut(id) else { return };
        match ask_engine(&self.hands, id, || live.run.handle(now, input)) {
            Ok(reaction) => self.stage(id, reaction, None),
            Err(panic) => self.quarantine(id, panic),
        }
    }

    fn ask(&mut self, id: &RunId, input: Input, accepted: Accepted, refusal: Error) {
        let now = self.hands.world.now();
        let Some(live) = self.runs.get_mut(id) else { return accepted.answer(Err(refusal)) };
        match ask_engine(&self.hands, id, || live.run.handle(now, input)) {
            Ok(reaction) if reaction.turn.is_some() => self.stage(id, reaction, Some(accepted)),
            Ok(reaction) => {
                self.stage(id, reaction, None);
                accepted.answer(Err(refusal));
            }
            Err(panic) => self.quarantine(id, panic),
        }
    }

    /// Cancels a step or item. That it was asked for already, or ends anyway, is as good.
    fn cancel_step(&mut self, id: &RunId, step: StepPath, by: String, reason: String, accepted: Accepted) {
        let judged = self.runs.get(id).map(|live| live.run.judge_cancel(&step));
        let refused =
            |status: &str| Error::NotCancelled { run: id.clone(), step: step.clone(), status: status.into() };
        match judged {
            None => accepted.answer(Err(Error::Undriven(id.clone()))),
            Some(Err(CancelRefusal::Asked | CancelRefusal::Ending)) => accepted.answer(Ok(())),
            Some(Err(CancelRefusal::Over(StepStatus::Cancelled))) => accepted.answer(Ok(())),
            Some(Err(CancelRefusal::Over(status))) => accepted.answer(Err(refused(status.word()))),
            Some(Err(CancelRefusal::Nowhere)) => accepted.answer(Err(refused("not there"))),
            Some(Ok(())) => {
                let refusal = refused("not there");
                self.ask(id, Input::CancelStep { step, by, reason }, accepted, refusal);
            }
        }
    }

    /// Puts what an input led to among what is handed to the store next.
    fn stage(&mut self, id: &RunId, reaction: Reaction, accepted: Option<Accepted>) {
        let Some(live) = self.runs.get_mut(id) else { return };
        live.at_store += u32::from(reaction.turn.is_some());
        live.set_deadline(id, &mut self.deadlines);
        if reaction.turn.is_some() || !reaction.commands.is_empty() {
            let turn = reaction.turn.map(Arc::new);
            let settled = turn.clone();
            self.batch.push(Effect { run: id.clone(), turn, commands: reaction.commands, accepted });
            // After it is in the batch: whoever is let through by it comes behind it.
            if let Some(turn) = settled {
                self.settle_calls(id, &turn);
                self.hands.models.hooks.planned(id, &turn);
            }
        }
    }

    fn hand_over(&mut self) {
        // More than once only where a slot came back without a turn, and went to somebody else.
        while !self.batch.is_empty() || !self.gate.is_empty() {
            self.claim();
            let effects = std::mem::take(&mut self.batch);
            // A turn that takes long holds up nothing but what follows in its own run.
            let takes_long =
                |effect: &&Effect| effect.record().is_some_and(|record| self.hands.store.takes_long(&record));
            let long = effects.iter().filter(takes_long);
            let mut alone: BTreeMap<RunId, Vec<Effect>> =
                long.map(|effect| (effect.run.clone(), Vec::new())).collect();
            let mut together = Vec::with_capacity(effects.len());
            for effect in effects {
                alone.get_mut(&effect.run).unwrap_or(&mut together).push(effect);
            }
            // First what happened at the gate: no attempt begins before it is durable what it took.
            let gate = std::mem::take(&mut self.gate);
            self.append(together, gate);
            alone.into_values().for_each(|of_run| self.append(of_run, Vec::new()));
        }
    }

    /// Has turns made durable, all of them or none, and then carries out what waits for that.
    fn append(&mut self, effects: Vec<Effect>, gate: Vec<GateEntry>) {
        let turns: Vec<Record> = effects.iter().filter_map(Effect::record).collect();
        if turns.is_empty() && gate.is_empty() {
            return self.carry_out_all(effects);
        }
        let mail = self.mail.clone();
        let durable = Box::new(move |result| {
            // The driver may have left meanwhile: then the turns are kept and nothing more is done.
            let _ = mail.send(Message::Appended { result, effects });
        });
        // While the store keeps these, the engine goes on with a run that has more to do.
        let alone = self.appending == 0 && !self.is_due();
        self.appending += 1;
        self.hands.world.append(&self.hands.store, Batch { turns, gate }, alone, durable);
    }

    fn carry_out_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Some(accepted) = effect.accepted {
                accepted.answer(Ok(()));
            }
            if let Some(turn) = effect.turn {
                self.hands.models.hooks.recorded(&effect.run, &turn);
                self.settle(&effect.run, &turn);
            }
            for command in effect.commands {
                // Whoever takes the run up finds them among the outstanding ones.
                if self.leaving.is_empty() {
                    self.carry_out(&effect.run, command);
                }
            }
        }
    }

    /// A turn of a run is durable: whoever follows the run hears of it.
    fn settle(&mut self, id: &RunId, turn: &Arc<Turn>) {
        let Some(live) = self.runs.get_mut(id) else { return };
        live.at_store = live.at_store.saturating_sub(1);
        live.publisher.publish(turn);
        if turn.events.last().is_some_and(motet_engine::Event::ends_run) {
            self.forget(id);
        } else if live.may_go_ahead() {
            live.set_deadline(id, &mut self.deadlines);
        }
    }

    fn carry_out(&mut self, id: &RunId, command: Command) {
        match command {
            Command::Acquire { key, needs } => self.want(id, key, needs),
            Command::Release { key } => self.release(id, key),
            Command::Perform(perform) => self.perform(id, *perform),
            // Others wait for what it gives.
            Command::Stop { key } if self.is_awaited(id, &key) => {}
            Command::Stop { key } => match self.in_flight.get(&(id.clone(), key.clone())) {
                Some(at_work) => at_work.stop.cancel(),
                None => self.post(Message::Input {
                    run: id.clone(),
                    input: Input::Ended { key, end: AttemptEnd::Cancelled },
                }),
            },
        }
    }

    fn post(&self, message: Message) {
        self.mail.send(message).expect("the driver holds the receiving end");
    }
}

/// Asks the engine about `run`; a panic there is of that run alone.
fn ask_engine<T>(hands: &Hands, run: &RunId, question: impl FnOnce() -> T) -> Result<T, Panic> {
    guarded(|| {
        hands.before_engine(run);
        question()
    })
}
