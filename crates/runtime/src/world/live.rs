//! The real world.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use motet_pipeline::Timestamp;
use motet_store::{Record, Store};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

use super::{Durable, World};
use crate::process::{self, Finished, Process, ProcessError};

/// The machine's clock, disk, programs and threads. Must be used inside a tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveWorld;

/// The most records that are committed by whoever hands them in.
const ALONE_MAX: usize = 4;

impl World for LiveWorld {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let left = at.since(self.now());
        Box::pin(tokio::time::sleep(Duration::from_millis(left.0)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let done = tokio::task::spawn_blocking(work);
        Box::pin(async move {
            // A panic of the work shows as work that gave no result; its caller says so.
            let _ = done.await;
        })
    }

    fn draw(&self) -> u128 {
        uuid::Uuid::now_v7().as_u128()
    }

    /// A few records that are alone are committed here and now: two changes of thread cost more than
    /// such a flush. Only where other threads go on meanwhile.
    fn append(&self, store: &Store, records: Vec<Record>, alone: bool, durable: Durable) {
        let others_go_on = || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        if alone && records.len() <= ALONE_MAX && others_go_on() {
            return durable(store.append_now(&records));
        }
        store.append_all(records, durable);
    }

    fn run_process(
        &self,
        process: Process,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Finished, ProcessError>> {
        Box::pin(process::run(process, stop))
    }
}
