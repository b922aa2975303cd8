//! Work: one attempt, as an operation sees it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use motet_engine::{AttemptEnd, AttemptKey, Perform, RunId, RunStarted};
use motet_pipeline::value::Map;
use motet_pipeline::{Class, Contract, Failure, Money, Span, StepPath, Timestamp, Value};
use tokio_util::sync::CancellationToken;

use crate::driver::{Panic, drop_guarded};
use crate::follow::{Feed, Progress};
use crate::operation::{Hands, Operation};

/// One attempt of a step, handed to the operation that does it.
pub struct Work {
    pub(crate) hands: Arc<Hands>,
    run: RunId,
    user: Option<String>,
    key: AttemptKey,
    contract: Arc<Contract>,
    inputs: Value,
    deadline: Timestamp,
    pub(crate) stop: CancellationToken,
    pub(crate) progress: ProgressSink,
}

/// How long work that was told to stop may take to clean up before it is dropped.
pub(crate) const GRACE: Span = Span::seconds(2);

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
            contract: perform.contract,
            inputs: perform.inputs,
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

    /// The same for every try of the same attempt, also after a crash, and different for any other:
    /// what to hand to a service that refuses doubles.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.run, self.key)
    }

    /// The operation's contract.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The resolved inputs, which fit the contract.
    pub fn inputs(&self) -> &Value {
        &self.inputs
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

    /// Does the work. Never fails to come to an end once it is told to stop.
    pub(crate) async fn perform(self) -> AttemptEnd {
        let name = self.contract.operation.clone();
        let operation = match self.hands.operation_of(&self.contract) {
            Ok(operation) => operation,
            Err(message) => return failed(Failure::new(Class::Unavailable, message)),
        };
        let (hands, contract) = (self.hands.clone(), self.contract.clone());
        let (world, stop) = (hands.world.clone(), self.stop.clone());
        let mut working = AssertUnwindSafe(operation_of(operation, self)).catch_unwind();
        let dropped = async {
            stop.cancelled().await;
            world.sleep_until(world.now().after(GRACE)).await;
        };
        let end = tokio::select! {
            biased;
            result = &mut working => match result {
                Ok(Ok(output)) => {
                    AttemptEnd::Succeeded { output: hands.as_promised(&contract, output), cost: Money::ZERO }
                }
                Ok(Err(_)) if stop.is_cancelled() => AttemptEnd::Cancelled,
                Ok(Err(failure)) => failed(failure),
                Err(payload) => {
                    let panic = Panic::of(payload);
                    failed(Failure::new(Class::Invalid, format!("{name} panicked: {panic}")))
                }
            },
            () = dropped => AttemptEnd::Cancelled,
        };
        // The code of others runs once more here: what it still holds is dropped.
        drop_guarded(working);
        end
    }
}

/// All that the operation does, its beginning included, as one future.
fn operation_of(operation: Arc<dyn Operation>, work: Work) -> BoxFuture<'static, Result<Value, Failure>> {
    Box::pin(async move { operation.perform(work).await })
}

fn failed(failure: Failure) -> AttemptEnd {
    AttemptEnd::Failed { failure, cost: Money::ZERO }
}

/// Where an attempt tells how far it is. Telling is cheap and never waits.
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

    /// Tells how far the attempt is, from 0 to 1, and what it is doing.
    pub fn tell(&self, fraction: Option<f64>, message: Option<&str>) {
        let progress = Progress {
            step: self.step.clone(),
            attempt: self.attempt,
            fraction: fraction.map(|fraction| fraction.clamp(0.0, 1.0)),
            message: message.map(str::to_owned),
        };
        self.feed.tell_progress(progress);
    }
}
