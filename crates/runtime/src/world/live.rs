//! The real world.

mod clock;
mod watch;
mod wire;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use motet_pipeline::{Span, Timestamp};
use motet_store::{Batch, Store};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use clock::now;

use super::{Durable, OnHeld, World};
use crate::process::{self, Finished, Process, ProcessError};
use crate::world::wire::{Fault, Reply, Request};

/// The machine's clock, disk, network, programs and threads. Must be used inside a tokio runtime; one that
/// has sent something, inside the same one. Clones share the connections that are kept.
#[derive(Clone, Debug, Default)]
pub struct LiveWorld {
    wire: wire::Wire,
}

/// After so long, who sleeps looks at the clock again: timers stand still while the machine sleeps.
const SLEEP_MAX: Span = Span::seconds(5);

/// The most records that are committed by whoever hands them in.
const ALONE_MAX: usize = 4;

impl World for LiveWorld {
    fn now(&self) -> Timestamp {
        now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while now() < at {
                let left = at.since(now()).min(SLEEP_MAX);
                tokio::time::sleep(Duration::from_millis(left.0)).await;
            }
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn spawn_work(&self, work: BoxFuture<'static, ()>, held: OnHeld) {
        tokio::spawn(watch::Watched::new(work, held));
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let done = tokio::task::spawn_blocking(work);
        Box::pin(async move {
            // A panic of the work shows as work that gave no result; its caller says so.
            let _ = done.await;
        })
    }

    fn draw(&self) -> u128 {
        // Such a number begins with what the wall clock says, which may have been set before 1970.
        let id = match SystemTime::now() < UNIX_EPOCH {
            true => Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)),
            false => Uuid::now_v7(),
        };
        id.as_u128()
    }

    /// A few records that are alone are committed here and now: two changes of thread cost more than
    /// such a flush. Only where other threads go on meanwhile, and only what takes no longer than that.
    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        let others_go_on = || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        if alone
            && batch.turns.len() <= ALONE_MAX
            && others_go_on()
            && let Some(appended) = store.try_append_now(&batch)
        {
            return durable(appended);
        }
        store.append_all(batch, durable);
    }

    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Reply, Fault>> {
        Box::pin(self.wire.clone().exchange(request))
    }

    fn run_process(
        &self,
        process: Process,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Finished, ProcessError>> {
        Box::pin(process::run(process, stop))
    }
}
