//! The queue before the writer: group commit.
//!
//! The thread sleeps until something is handed in, takes all that has gathered meanwhile, commits it
//! in one transaction and tells everybody. So the busier the store, the fewer flushes a turn costs.

use crate::beside::Beside;
use crate::prepare::Prepared;
use crate::stage::{Request, Waiter};
use crate::writer::SharedWriter;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

/// No more turns than this in one commit, so that the first doesn't wait for too long.
const BATCH_RECORDS_MAX: usize = 1024;

/// The way to the writer's thread, which ends after the last request once this is dropped.
#[derive(Clone)]
pub(crate) struct Entrance(Sender<Request>);

/// The writer's thread.
pub(crate) struct Queue {
    entrance: Option<Entrance>,
    thread: Option<JoinHandle<()>>,
}

impl Entrance {
    /// Hands in a request. One that can't be sent is dropped, which tells its waiter.
    pub(crate) fn send(&self, request: Request) {
        drop(self.0.send(request));
    }
}

impl Queue {
    pub(crate) fn start(writer: SharedWriter, beside: Beside) -> Queue {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("motet-store".to_owned());
        let thread = thread.spawn(move || run(&writer, &beside, &receiver));
        // Without a thread the receiver is gone, and every request is answered with `Closed`.
        Queue { entrance: Some(Entrance(sender)), thread: thread.ok() }
    }

    /// The way in.
    pub(crate) fn entrance(&self) -> Entrance {
        self.entrance.clone().expect("it is there until this is dropped")
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.entrance = None;
        if let Some(thread) = self.thread.take()
            // The last handle may be dropped by what the thread itself calls.
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}

fn run(writer: &SharedWriter, beside: &Beside, requests: &Receiver<Request>) {
    while let Ok(first) = requests.recv() {
        serve(writer, beside, gather(first, requests));
        writer.lock().move_log();
    }
}

/// The first request and all that have gathered behind it, up to a bound.
fn gather(first: Request, requests: &Receiver<Request>) -> Vec<Request> {
    let mut records = first.len();
    let mut batch = vec![first];
    while records < BATCH_RECORDS_MAX
        && let Ok(next) = requests.try_recv()
    {
        records += next.len();
        batch.push(next);
    }
    batch
}

/// Commits a batch. All that can be is done before the writer is asked for: a request that can't be
/// prepared stops it, as one that can't be written.
fn serve(writer: &SharedWriter, beside: &Beside, batch: Vec<Request>) {
    let (mut prepared, mut waiters): (Vec<Vec<Prepared>>, Vec<Waiter>) = Default::default();
    for request in batch {
        match request.prepare(beside) {
            Ok((records, waiter)) => {
                prepared.push(records);
                waiters.push(waiter);
            }
            Err((error, waiter)) => waiter.tell(Err(writer.lock().stop(error))),
        }
    }
    let records: Vec<&[Prepared]> = prepared.iter().map(Vec::as_slice).collect();
    let outcomes = writer.lock().commit(&records);
    for (waiter, outcome) in waiters.into_iter().zip(outcomes) {
        waiter.tell(outcome);
    }
}
