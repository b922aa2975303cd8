//! Hooks: which attempts a provider was asked to report, and who waits for what it reports.
//!
//! An attempt is in the register from the moment it is planned until its end is durable. A report waits there for
//! whoever asks for the job; when what it led to is durable, whoever delivered it is told.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::Either;
use motet_engine::{AttemptEvent, AttemptKey, Event, Intent, Phase, RunId, Turn};
use motet_providers::hook::Hook;
use tokio::sync::{mpsc, oneshot};

use super::delivery::Receipt;

/// The most reports that wait for whoever asks for one job: one of its beginning, one of its end, and their doubles.
const EARLY_MAX: usize = 4;

/// The most that wait for anybody, so that nobody takes our memory with them.
const EARLY_OF_ALL_MAX: usize = 256;

/// The register. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Hooks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// How many attempts are in the register, to be looked at without a lock.
    size: AtomicUsize,
    register: Mutex<Register>,
}

#[derive(Default)]
struct Register {
    /// The public address, while somebody listens there.
    address: Option<String>,
    /// By token.
    awaited: HashMap<String, Awaited>,
    tokens: HashMap<RunId, BTreeMap<AttemptKey, String>>,
    /// How many reports wait, those of all attempts.
    early: usize,
    /// Counts those who ever listened.
    ears: u64,
}

/// An attempt whose provider was asked to report.
struct Awaited {
    run: RunId,
    key: AttemptKey,
    provider: String,
    credential: String,
    job: Option<String>,
    /// Whether nothing is done for it any more because nobody can tell how it ended.
    is_unknown: bool,
    /// Who asks for the job just now.
    ear: Option<(u64, mpsc::UnboundedSender<Heard>)>,
    /// What came while nobody asked.
    early: Vec<Heard>,
    /// Who is to be told when the next event of the attempt is durable.
    acks: Vec<Ack>,
}

/// A report of the provider, and whoever delivered it. Small, because each ear has room for some of them.
pub(super) struct Heard {
    hook: Box<Hook>,
    ack: Ack,
}

type Ack = oneshot::Sender<Receipt>;

/// What became of a report that was told.
#[derive(Debug)]
pub(super) enum Told {
    /// No attempt waits for it.
    Nobody,
    /// The attempt has another job.
    OtherJob,
    /// It waits for whoever asks for the job; this tells when what it led to is durable. An attempt that is given is
    /// asked for by nobody: it is to be told that it has the job.
    Waits(oneshot::Receiver<Receipt>, Option<(RunId, AttemptKey)>),
    /// There is no room for it now.
    Full,
}

/// An attempt that is awaited, as a delivery needs to know it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) run: RunId,
    pub(super) key: AttemptKey,
    pub(super) credential: String,
    pub(super) job: Option<String>,
}

impl Hooks {
    /// From now on reports are asked for at `address`; none are if there is no address.
    pub(crate) fn open(&self, address: Option<String>) {
        self.register().address = address;
    }

    /// Where a provider is to report.
    pub(super) fn address_for(&self, provider: &str) -> Option<String> {
        let address = self.register().address.clone()?;
        Some(format!("{address}/hooks/{provider}"))
    }

    /// Notes the calls among those that a run has: it is taken up, or reports are awaited from now on.
    pub(crate) fn take_up(&self, run: &motet_engine::Run) {
        if self.register().address.is_none() {
            return;
        }
        for (key, intent, phase) in run.calls() {
            let is_unknown = matches!(phase, Phase::Unknown { .. });
            if !matches!(phase, Phase::Fetching { .. }) {
                self.expect(run.id(), &key, intent, phase.job(), is_unknown);
            }
        }
    }

    /// Notes the calls that a turn plans, which is about to be durable: none of their requests has left.
    pub(crate) fn planned(&self, run: &RunId, turn: &Turn) {
        for event in &turn.events {
            if let Event::Attempt { key, event: AttemptEvent::Planned { intent: Some(intent), .. } } = event
                && intent.hook.is_some()
            {
                self.expect(run, key, intent, None, false);
            }
        }
    }

    fn expect(&self, run: &RunId, key: &AttemptKey, intent: &Intent, job: Option<&str>, is_unknown: bool) {
        let mut register = self.register();
        // Nobody listens where an owner of before was to be told.
        let is_heard = register.address.as_ref().zip(intent.hook.as_ref());
        if !is_heard.is_some_and(|(address, hook)| hook.starts_with(&format!("{address}/"))) {
            return;
        }
        let awaited = Awaited {
            run: run.clone(),
            key: key.clone(),
            provider: intent.provider.clone(),
            credential: intent.credential.clone(),
            job: job.map(str::to_owned),
            is_unknown,
            ear: None,
            early: Vec::new(),
            acks: Vec::new(),
        };
        register.tokens.entry(run.clone()).or_default().insert(key.clone(), intent.token.clone());
        register.awaited.entry(intent.token.clone()).or_insert(awaited);
        self.0.size.store(register.awaited.len(), Ordering::Release);
    }

    /// What a durable turn says of attempts: whoever delivered what it is about is told, and what has ended is
    /// awaited no more.
    pub(crate) fn recorded(&self, run: &RunId, turn: &Turn) {
        if self.is_empty() {
            return;
        }
        for event in &turn.events {
            if let Event::Attempt { key, event } = event {
                self.register().recorded(run, key, event);
            }
        }
        self.0.size.store(self.register().awaited.len(), Ordering::Release);
    }

    /// Nobody drives the run any more.
    pub(crate) fn forget_run(&self, run: &RunId) {
        if self.is_empty() {
            return;
        }
        let mut register = self.register();
        for token in register.tokens.remove(run).unwrap_or_default().into_values() {
            register.early -= register.awaited.remove(&token).map_or(0, |awaited| awaited.early.len());
        }
        self.0.size.store(register.awaited.len(), Ordering::Release);
    }

    /// Nobody drives any run any more. Whoever waits for an answer gets none.
    pub(crate) fn forget_all(&self) {
        let mut register = self.register();
        *register = Register { ears: register.ears, ..Register::default() };
        self.0.size.store(0, Ordering::Release);
    }

    /// Whether no attempt is awaited.
    fn is_empty(&self) -> bool {
        self.0.size.load(Ordering::Acquire) == 0
    }

    /// Listens for reports about the attempt with this token.
    pub(super) fn listen(&self, token: &str) -> Ear {
        let mut ear = Ear { hooks: self.clone(), token: token.to_owned(), place: None, ack: None };
        ear.attach();
        ear
    }

    /// The attempt of `provider` with this token.
    pub(super) fn known(&self, provider: &str, token: &str) -> Option<Known> {
        let register = self.register();
        let awaited = register.awaited.get(token).filter(|awaited| awaited.provider == provider)?;
        let Awaited { run, key, credential, job, .. } = awaited;
        Some(Known { run: run.clone(), key: key.clone(), credential: credential.clone(), job: job.clone() })
    }

    /// Tells a verified report.
    pub(super) fn tell(&self, provider: &str, token: &str, hook: Hook) -> Told {
        let mut register = self.register();
        let Some(awaited) = register.awaited.get(token).filter(|awaited| awaited.provider == provider) else {
            return Told::Nobody;
        };
        if awaited.job.as_ref().is_some_and(|job| *job != hook.job) {
            return Told::OtherJob;
        }
        let is_unasked = awaited.is_unknown && awaited.ear.is_none();
        let unasked = is_unasked.then(|| (awaited.run.clone(), awaited.key.clone()));
        let (ack, answer) = oneshot::channel();
        match register.take_in(token, Heard { hook: Box::new(hook), ack }) {
            Ok(()) => Told::Waits(answer, unasked),
            Err(_) => Told::Full,
        }
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.0.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Register {
    /// Hands a report to whoever asks for the job, or keeps it until somebody does.
    ///
    /// # Errors
    /// The report, if there is no room for it: it is to be delivered again.
    fn take_in(&mut self, token: &str, heard: Heard) -> Result<(), Heard> {
        let Some(awaited) = self.awaited.get_mut(token) else {
            // It has ended.
            answer([heard.ack], Receipt::Useless);
            return Ok(());
        };
        // Whoever doesn't take it any more has just gone.
        let unheard = match &awaited.ear {
            Some((_, ear)) => ear.send(heard).err().map(|unheard| unheard.0),
            None => Some(heard),
        };
        match unheard {
            None => Ok(()),
            Some(heard) if awaited.early.len() < EARLY_MAX && self.early < EARLY_OF_ALL_MAX => {
                awaited.early.push(heard);
                self.early += 1;
                Ok(())
            }
            Some(heard) => Err(heard),
        }
    }

    fn recorded(&mut self, run: &RunId, key: &AttemptKey, event: &AttemptEvent) {
        let Some(token) = self.tokens.get(run).and_then(|of_run| of_run.get(key)) else { return };
        let Some(awaited) = self.awaited.get_mut(token) else { return };
        let has_ended = match event {
            AttemptEvent::Accepted { job, .. } | AttemptEvent::AcceptedLate { job } => {
                awaited.job = Some(job.clone());
                awaited.is_unknown = false;
                false
            }
            AttemptEvent::Unknown { .. } => {
                awaited.is_unknown = true;
                false
            }
            // What is done is known, and fetching it asks for nothing else.
            AttemptEvent::Finished {} | AttemptEvent::Succeeded { .. } | AttemptEvent::Ended { .. } => true,
            AttemptEvent::Absent {} | AttemptEvent::Failed { abandoned: false, .. } => true,
            AttemptEvent::Failed { .. } | AttemptEvent::Abandoned { .. } | AttemptEvent::Began { .. } => {
                false
            }
            AttemptEvent::Planned { .. } | AttemptEvent::Doubted { .. } | AttemptEvent::Warned { .. } => {
                return;
            }
        };
        if !matches!(event, AttemptEvent::Accepted { .. } | AttemptEvent::AcceptedLate { .. }) {
            answer(awaited.acks.drain(..), Receipt::Recorded);
        }
        if has_ended {
            if let Some(ended) = self.awaited.remove(&token.clone()) {
                self.early -= ended.early.len();
                // Its end is known by something else.
                answer(ended.early.into_iter().map(|heard| heard.ack), Receipt::Useless);
            }
            if let Some(of_run) = self.tokens.get_mut(run) {
                of_run.remove(key);
                if of_run.is_empty() {
                    self.tokens.remove(run);
                }
            }
        }
    }
}

fn answer(acks: impl IntoIterator<Item = Ack>, receipt: Receipt) {
    // Whoever delivered it may have stopped to wait.
    for ack in acks {
        let _ = ack.send(receipt);
    }
}

/// Whoever asks for one job, with an ear for what its provider reports.
pub(super) struct Ear {
    hooks: Hooks,
    token: String,
    /// Nothing if the attempt isn't in the register.
    place: Option<(u64, mpsc::UnboundedReceiver<Heard>)>,
    /// Whoever delivered what was heard last.
    ack: Option<Ack>,
}

impl Ear {
    /// Whether a report can come.
    pub(super) fn is_open(&self) -> bool {
        self.place.is_some()
    }

    /// What is reported before `other` is done, or what comes of that. What was heard before has led to nothing. May
    /// be dropped while it waits.
    pub(super) async fn hear<T>(&mut self, other: impl Future<Output = T>) -> Either<Hook, T> {
        answer(self.ack.take(), Receipt::Useless);
        self.attach();
        let mut other = pin!(other);
        if let Some((_, heard)) = &mut self.place {
            tokio::select! {
                biased;
                heard = heard.recv() => match heard {
                    Some(Heard { hook, ack }) => {
                        self.ack = Some(ack);
                        return Either::Left(*hook);
                    }
                    // The attempt has ended.
                    None => self.place = None,
                },
                done = &mut other => return Either::Right(done),
            }
        }
        Either::Right(other.await)
    }

    /// The job that is reported before `pause` is over, if one is that `is_ours`. The report is kept for whoever asks
    /// for the job.
    pub(super) async fn hear_of_job(
        &mut self,
        pause: impl Future<Output = ()>,
        is_ours: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let Either::Left(hook) = self.hear(pause).await else { return None };
        let (ack, job) = (self.ack.take()?, hook.job.clone());
        if !is_ours(&job) {
            answer([ack], Receipt::OtherJob);
            return None;
        }
        self.keep([Heard { hook: Box::new(hook), ack }]);
        Some(job)
    }

    /// Takes its place, if there is one, and what came before.
    fn attach(&mut self) {
        if self.place.is_some() || self.hooks.is_empty() {
            return;
        }
        let mut register = self.hooks.register();
        register.ears += 1;
        let number = register.ears;
        let Some(awaited) = register.awaited.get_mut(&self.token) else { return };
        let (tell, heard) = mpsc::unbounded_channel();
        let early = std::mem::take(&mut awaited.early);
        let count = early.len();
        early.into_iter().for_each(|early| drop(tell.send(early)));
        // Whoever asked before for the same attempt was told to stop.
        awaited.ear = Some((number, tell));
        register.early -= count;
        self.place = Some((number, heard));
    }

    /// Keeps what was heard for whoever asks next.
    fn keep(&self, heard: impl IntoIterator<Item = Heard>) {
        let mut register = self.hooks.register();
        // Where there is no room, it is to be delivered again.
        heard.into_iter().for_each(|heard| drop(register.take_in(&self.token, heard)));
    }
}

/// Whoever delivered what was heard last is told when it is durable what it led to.
impl Drop for Ear {
    fn drop(&mut self) {
        let Some((number, mut heard)) = self.place.take() else { return };
        let mut register = self.hooks.register();
        let awaited = register.awaited.get_mut(&self.token);
        if let Some(awaited) = awaited {
            if awaited.ear.as_ref().is_some_and(|(current, _)| *current == number) {
                awaited.ear = None;
            }
            awaited.acks.extend(self.ack.take());
        }
        drop(register);
        heard.close();
        let rest: Vec<Heard> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
        self.keep(rest);
    }
}

#[cfg(test)]
mod tests;
