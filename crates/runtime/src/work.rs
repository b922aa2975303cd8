//! Work: one attempt, as an operation sees it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use motet_engine::{Act, AttemptEnd, AttemptKey, Found, Input, Intent, JobNews, Perform, RunId, RunStarted};
use motet_pipeline::plan::Timeouts;
use motet_pipeline::value::Map;
use motet_pipeline::{Class, Contract, Cost, Failure, Money, Outcome, Span, StepPath, Timestamp, Value};
use motet_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::driver::{Panic, drop_guarded};
use crate::follow::{Feed, Progress};
use crate::operation::{Hands, Performer, RemoteOperation, Submitted, WorkError};

/// One attempt of a step, handed to the operation that does it.
#[derive(Clone)]
pub struct Work {
    pub(crate) hands: Arc<Hands>,
    run: RunId,
    user: Option<String>,
    key: AttemptKey,
    act: Act,
    contract: Arc<Contract>,
    inputs: Value,
    estimate: Money,
    intent: Option<Arc<Intent>>,
    timeouts: Timeouts,
    deadline: Timestamp,
    pub(crate) stop: CancellationToken,
    pub(crate) progress: ProgressSink,
}

/// How long work that was asked to stop may take to clean up before it is dropped.
pub(crate) const GRACE: Span = Span::seconds(2);

/// How long a request that has left is waited for when its process stops: its reply names what is paid.
const REPLY_GRACE: Span = Span::seconds(30);

/// What became of what was done for an attempt.
pub(crate) enum Report {
    /// Something to tell the engine.
    Tell(Input),
    /// It was stopped, so there is nothing to report.
    Stopped,
    /// The store can't keep what came of it.
    NotKept(StoreError),
}

impl Work {
    pub(crate) fn new(
        hands: Arc<Hands>,
        started: &RunStarted,
        perform: Perform,
        stop: CancellationToken,
        progress: ProgressSink,
    ) -> Work {
        Work {
            hands,
            run: started.run.clone(),
            user: started.user.clone(),
            key: perform.key,
            act: perform.act,
            contract: perform.contract,
            inputs: perform.inputs,
            estimate: perform.estimate,
            intent: perform.intent,
            timeouts: perform.timeouts,
            deadline: perform.deadline,
            stop,
            progress,
        }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// On whose behalf the run is.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The step or item.
    pub fn step(&self) -> &StepPath {
        &self.key.step
    }

    /// Which attempt of the step this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.key.number
    }

    /// The same for every try of the same attempt, even after a crash, and different for any other:
    /// what to hand to a service that refuses doubles.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.run, self.key)
    }

    /// The operation's contract.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    pub(crate) fn shared_contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// The resolved inputs, which fit the contract.
    pub fn inputs(&self) -> &Value {
        &self.inputs
    }

    /// The most that the attempt may cost, which is reserved for it.
    pub fn estimate(&self) -> Money {
        self.estimate
    }

    /// Of a call: what its request is made with, as it was recorded before it left.
    pub fn intent(&self) -> Option<&Intent> {
        self.intent.as_deref()
    }

    /// Of a call: when it was planned.
    pub(crate) fn planned_at(&self) -> Option<Timestamp> {
        self.intent()?.at
    }

    /// How long its phases may take.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Of a job that is polled: whether it is known that the provider runs it.
    pub fn is_running(&self) -> bool {
        matches!(self.act, Act::Poll { running: true, .. })
    }

    /// Waits for so long, by the clock of the run's world.
    pub async fn pause(&self, length: Span) {
        let world = &self.hands.world;
        world.sleep_until(world.now().after(length)).await;
    }

    pub(crate) fn input_map(&self) -> Map {
        self.inputs.as_map().cloned().unwrap_or_default()
    }

    /// When the attempt will be given up.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Is cancelled when the attempt is no longer wanted.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Where to tell how far it is.
    pub fn progress(&self) -> &ProgressSink {
        &self.progress
    }

    /// Does the work. Always ends once it is asked to stop. Boxed, because a future has room for each place where
    /// the work lies on its way.
    pub(crate) async fn perform(self: Box<Self>) -> Report {
        let key = self.key.clone();
        // Of what is done no more is needed afterwards: this future is there as long as the work takes.
        let (is_work, is_submit) = (self.act == Act::Work, self.act == Act::Submit);
        let performer = match self.hands.performer_of(&self.contract) {
            Ok(performer) => performer,
            Err(message) => {
                // What may have left can't be told without its operation.
                let class = if is_work || is_submit { Class::Unavailable } else { Class::Unknown };
                return ended(key, failed(Failure::new(class, message)));
            }
        };
        let (hands, contract) = (self.hands.clone(), self.contract.clone());
        let (world, stop) = (hands.world.clone(), self.stop.clone());
        let mut working = AssertUnwindSafe(performing(performer, self)).catch_unwind();
        let dropped = async {
            stop.cancelled().await;
            let grace = if is_submit { REPLY_GRACE } else { GRACE };
            world.sleep_until(world.now().after(grace)).await;
        };
        let report = tokio::select! {
            biased;
            result = &mut working => match result {
                Ok(Ok(answer)) => {
                    Report::Tell(answer.into_input(key, |output| hands.as_promised(&contract, output)))
                }
                Ok(Err(WorkError::StoreFailed(error))) => Report::NotKept(error),
                Ok(Err(_)) if stop.is_cancelled() && is_work => ended(key, AttemptEnd::Cancelled),
                Ok(Err(_)) if stop.is_cancelled() && !is_submit => Report::Stopped,
                Ok(Err(WorkError::Failed { failure, cost })) => {
                    ended(key, AttemptEnd::Failed { failure: *failure, cost })
                }
                Err(payload) => {
                    let panic = Panic::of(payload);
                    // A request may have left before.
                    let class = if is_work { Class::Invalid } else { Class::Unknown };
                    ended(key, failed(Failure { class, ..panicked(&contract.operation, &panic) }))
                }
            },
            () = dropped => match is_work {
                true => ended(key, AttemptEnd::Cancelled),
                false => Report::Stopped,
            },
        };
        // The code of others runs once more here: what it still holds is dropped.
        drop_guarded(working);
        report
    }
}

/// The work for whoever does it.
fn unboxed(work: Box<Work>) -> Work {
    *work
}

/// What was answered to what was done.
enum Answer {
    Outcome(Outcome),
    Submitted(Submitted),
    Found(Found),
    News(JobNews),
    Cancelled(Option<Outcome>),
}

impl Answer {
    /// What is told to the engine; of an outcome, `promised` says which outputs count.
    fn into_input(self, key: AttemptKey, promised: impl FnOnce(Value) -> Value) -> Input {
        let end = |end| Input::Ended { key: key.clone(), end };
        match self {
            Answer::Outcome(outcome)
            | Answer::Submitted(Submitted::Done(outcome))
            | Answer::Cancelled(Some(outcome)) => {
                let output = promised(outcome.output);
                end(AttemptEnd::Succeeded(Outcome { output, ..outcome }))
            }
            Answer::Cancelled(None) => end(AttemptEnd::Cancelled),
            Answer::Submitted(Submitted::Job(job)) => Input::Accepted { key, job },
            Answer::Found(found) => Input::Reconciled { key, found },
            Answer::News(news) => Input::Polled { key, news },
        }
    }
}

/// All that is done, its beginning included, as one future.
fn performing(performer: Performer, work: Box<Work>) -> BoxFuture<'static, Result<Answer, WorkError>> {
    Box::pin(async move {
        let act = work.act.clone();
        let remote = match performer {
            Performer::Here(operation) => return operation.perform(unboxed(work)).await.map(Answer::Outcome),
            Performer::Remote(remote) => remote,
        };
        match act {
            Act::Work | Act::Submit => remote.submit(unboxed(work)).await.map(Answer::Submitted),
            Act::Reconcile => remote.reconcile(unboxed(work)).await.map(Answer::Found),
            Act::Poll { job, .. } => remote.poll(unboxed(work), job).await.map(Answer::News),
            Act::Fetch { job } => Ok(match remote.fetch(unboxed(work), job).await? {
                Some(outcome) => Answer::Outcome(outcome),
                None => Answer::News(JobNews::Expired),
            }),
            // Rare, and the largest by far.
            Act::Drain { job } => Box::pin(drain(&*remote, *work, job)).await,
            Act::Cancel { job } => remote.cancel(unboxed(work), job).await.map(Answer::Cancelled),
        }
    })
}

/// Awaits the end of a job and fetches its result.
async fn drain(remote: &dyn RemoteOperation, work: Work, job: String) -> Result<Answer, WorkError> {
    let act = Act::Poll { job: job.clone(), running: true };
    loop {
        let asking = Work { act: act.clone(), ..work.clone() };
        match remote.poll(asking, job.clone()).await? {
            JobNews::Running => {}
            JobNews::Expired | JobNews::Lost => return Ok(Answer::Cancelled(None)),
            JobNews::Done => break,
        }
    }
    Ok(Answer::Cancelled(remote.fetch(work, job).await?))
}

fn ended(key: AttemptKey, end: AttemptEnd) -> Report {
    Report::Tell(Input::Ended { key, end })
}

/// That an operation panicked.
pub(crate) fn panicked(operation: &str, panic: &Panic) -> Failure {
    Failure::new(Class::Invalid, format!("{operation} panicked: {panic}"))
}

fn failed(failure: Failure) -> AttemptEnd {
    AttemptEnd::Failed { failure, cost: Cost::NONE }
}

/// Where an attempt reports its progress. Reporting is cheap and never waits.
#[derive(Clone, Debug)]
pub struct ProgressSink {
    feed: Arc<Feed>,
    step: StepPath,
    attempt: u32,
}

impl ProgressSink {
    pub(crate) fn new(feed: Arc<Feed>, step: StepPath, attempt: u32) -> ProgressSink {
        ProgressSink { feed, step, attempt }
    }

    pub(crate) fn step(&self) -> &StepPath {
        &self.step
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Tells how far the attempt is, from 0 to 1, and what it is doing.
    pub fn tell(&self, fraction: Option<f64>, message: Option<&str>) {
        let progress = Progress {
            step: self.step.clone(),
            attempt: self.attempt,
            fraction: fraction.map(|fraction| fraction.clamp(0.0, 1.0)),
            message: message.map(str::to_owned),
            next_look: None,
        };
        self.feed.tell_progress(progress);
    }

    /// Tells when the provider is asked next about a call whose outcome is unknown.
    pub(crate) fn tell_next_look(&self, at: Timestamp) {
        let (step, attempt) = (self.step.clone(), self.attempt);
        let next_look = Some(at);
        self.feed.tell_progress(Progress { step, attempt, fraction: None, message: None, next_look });
    }
}
