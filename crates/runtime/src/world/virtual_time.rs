//! A world on one thread whose clock jumps.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet_pipeline::Timestamp;
use motet_store::{Batch, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::wire::{self, Cause, Fault, Phase, Reply, Request};
use super::{Durable, World};
use crate::process::{Finished, Process, ProcessError};

/// Virtual time: nothing waits, everything is in order, and the same seed gives the same story.
///
/// Use it inside [`run`], with a store in memory.
pub struct VirtualWorld {
    begin: Instant,
    epoch: Timestamp,
    state: Mutex<u64>,
    network: Network,
}

/// What answers requests.
type Network = Box<dyn Fn(Request) -> BoxFuture<'static, Result<Reply, Fault>> + Send + Sync>;

/// Runs `story` to its end on this thread, under virtual time.
///
/// # Panics
/// When called inside an async runtime.
pub fn run<F: Future>(story: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without threads and sockets can always be made").block_on(story)
}

impl VirtualWorld {
    /// A world that begins at `epoch`, with all randomness drawn from `seed`. Call it inside [`run`].
    pub fn new(epoch: Timestamp, seed: u64) -> VirtualWorld {
        let nobody = |_: Request| -> BoxFuture<'static, Result<Reply, Fault>> {
            let fault = Fault::new(Phase::Connect, Cause::Unresolved).because("this world has no network");
            Box::pin(async { Err(fault) })
        };
        let network = Box::new(nobody);
        VirtualWorld { begin: Instant::now(), epoch, state: Mutex::new(seed), network }
    }

    /// The same world, in which `answer` answers every request. What takes longer than the request may take
    /// is a timeout.
    ///
    /// ```
    /// use motet::world::virtual_time::{self, VirtualWorld};
    /// use motet::world::wire::Reply;
    /// virtual_time::run(async {
    ///     let world = VirtualWorld::new(motet::language::Timestamp(0), 7);
    ///     let world = world.with_network(|request| async move {
    ///         Ok(Reply::of(200, &[], request.url.path().to_owned()))
    ///     });
    /// #   drop(world);
    /// });
    /// ```
    #[must_use]
    pub fn with_network<Answer>(
        mut self,
        answer: impl Fn(Request) -> Answer + Send + Sync + 'static,
    ) -> VirtualWorld
    where
        Answer: Future<Output = Result<Reply, Fault>> + Send + 'static,
    {
        self.network = Box::new(move |request| Box::pin(answer(request)));
        self
    }

    /// The next number of the splitmix64 sequence.
    fn next(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl World for VirtualWorld {
    fn now(&self) -> Timestamp {
        let passed = Instant::now().duration_since(self.begin).as_millis();
        Timestamp(self.epoch.0.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let left = at.since(self.now());
        Box::pin(tokio::time::sleep(Duration::from_millis(left.0)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        Box::pin(async move { work() })
    }

    fn draw(&self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn append(&self, store: &Store, batch: Batch, _alone: bool, durable: Durable) {
        durable(store.append_now(batch));
    }

    /// A connection takes no time here.
    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Reply, Fault>> {
        let deadline = Instant::now() + request.timeouts.request;
        let answer = (self.network)(request);
        Box::pin(async move {
            let answered = tokio::time::timeout_at(deadline, answer).await;
            let reply = answered.unwrap_or_else(|_| Err(Fault::new(Phase::Wait, Cause::TimedOut)))?;
            Ok(Reply { body: wire::until(deadline, reply.body), ..reply })
        })
    }

    /// There are no programs in this world: operations that need one are replaced by the test kit.
    fn run_process(
        &self,
        process: Process,
        _stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Finished, ProcessError>> {
        Box::pin(async move { Err(ProcessError::Missing { program: process.program }) })
    }
}

impl fmt::Debug for VirtualWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualWorld").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
