//! The one port through which the runtime touches the world.
//!
//! Whatever is not the same twice comes through here: time, randomness, durability, programs, the
//! order in which tasks run. [`live`] is the real world. With the feature `simulation` there is
//! `virtual_time` too: it runs everything on one thread with a clock that jumps to the next deadline,
//! so a day passes in a moment and a seed always gives the same course of events.

pub mod live;
#[cfg(feature = "simulation")]
pub mod virtual_time;
pub mod wire;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet_pipeline::Timestamp;
use motet_store::{Batch, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::process::{Finished, Process, ProcessError};

/// Receives the news that records are durable, or can't be made so.
pub type Durable = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Is to be called when work holds its thread.
pub type OnHeld = Box<dyn Fn() + Send + Sync>;

/// Clock, randomness, journal, network, processes and tasks.
pub trait World: Send + Sync + 'static {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Completes at `at`, or at once if that has passed.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;

    /// Runs `task` on its own.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Runs `work` on its own, which others may have written: a world with threads calls `held`, once, if
    /// it holds its thread for long.
    fn spawn_work(&self, work: BoxFuture<'static, ()>, held: OnHeld) {
        drop(held);
        self.spawn(work);
    }

    /// Runs `work`, which keeps a processor busy or waits for a disk, without holding up the tasks.
    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()>;

    /// A number that is never drawn again (in a simulation: drawn from its seed). Ids, the seeds of runs and
    /// the names of scratch folders are made of it. Ids sort by it, so in the real world it begins with the
    /// time, and at most 74 of its bits are random: it is not for a token that nobody may guess, which takes
    /// 128 random bits. The one there is so far, the mark of a program, is drawn where programs are noted.
    fn draw(&self) -> u128;

    /// Makes `batch` durable in `store`, and reports when it is. `alone`: no others are on their way, so the
    /// caller may be held up for the one flush that this takes.
    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable);

    /// Is called right before the engine is told something about `run`. A simulation may panic here, as
    /// the engine would if one of its invariants didn't hold.
    #[cfg(feature = "simulation")]
    fn before_engine(&self, _run: &motet_engine::RunId) {}

    /// Sends a request whose address and headers are final, once, and gives what comes back: no redirect is
    /// followed, nothing is sent again. A [`wire::Fault`] says whether any of it can have left.
    fn exchange(&self, request: wire::Request) -> BoxFuture<'static, Result<wire::Reply, wire::Fault>>;

    /// Runs a program to its end; `stop` kills it and all that it started.
    fn run_process(
        &self,
        process: Process,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Finished, ProcessError>>;
}

/// A world that can be shared.
pub type SharedWorld = Arc<dyn World>;
