//! The real world.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use motet_pipeline::Timestamp;
use motet_store::{Record, Store};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Durable, World};
use crate::process::{self, Finished, Process, ProcessError};

/// The machine's clock, disk, programs and threads. Must be used inside a tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveWorld;

/// What time it is by this machine's clock. One that stands before 1970 gives a negative time.
pub fn wall_clock() -> Timestamp {
    moment(SystemTime::now())
}

fn moment(at: SystemTime) -> Timestamp {
    let milliseconds = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp(match at.duration_since(UNIX_EPOCH) {
        Ok(since) => milliseconds(since),
        Err(before) => -milliseconds(before.duration()),
    })
}

/// The most records that are committed by whoever hands them in.
const ALONE_MAX: usize = 4;

impl World for LiveWorld {
    fn now(&self) -> Timestamp {
        wall_clock()
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
        // Such a number begins with the time since 1970, which isn't there on a clock before that.
        let id = match wall_clock() < Timestamp(0) {
            true => Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)),
            false => Uuid::now_v7(),
        };
        id.as_u128()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_1970_is_a_negative_time_and_shows_as_what_it_is() {
        let day = Duration::from_secs(86_400);
        let table = [
            (UNIX_EPOCH, "1970-01-01T00:00:00.000Z"),
            (UNIX_EPOCH + day, "1970-01-02T00:00:00.000Z"),
            (UNIX_EPOCH - Duration::from_millis(1), "1969-12-31T23:59:59.999Z"),
            (UNIX_EPOCH - 366 * day, "1968-12-31T00:00:00.000Z"),
        ];
        for (at, shown) in table {
            assert_eq!(moment(at).to_string(), shown);
        }
    }
}
