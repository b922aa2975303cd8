//! The queue before the writer: group commit.
//!
//! The thread sleeps until something is handed in, takes all that has gathered meanwhile, commits it
//! in one transaction and tells everybody. So the busier the store, the fewer flushes a turn costs.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::writer::SharedWriter;
use crate::{Record, StoreError};

/// No more turns than this in one commit, so that the first doesn't wait for too long.
const BATCH_RECORDS_MAX: usize = 1024;

/// After so long without work, the write-ahead log is tidied up.
const IDLE: Duration = Duration::from_millis(500);

/// The way to the writer's thread, which ends after the last request once this is dropped.
pub(crate) struct Queue {
    sender: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    records: Vec<Record>,
    waiter: Waiter,
}

/// Whoever waits for a request. Is told exactly once, also if the writer never comes to it.
struct Waiter(Option<Done>);

type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Queue {
    pub(crate) fn start(writer: SharedWriter) -> Queue {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("motet-store".to_owned());
        let thread = thread.spawn(move || run(&writer, &receiver));
        // Without a thread the receiver is gone, and every request is answered with `Closed`.
        Queue { sender: Some(sender), thread: thread.ok() }
    }

    pub(crate) fn hand_in(
        &self,
        records: Vec<Record>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let request = Request { records, waiter: Waiter(Some(Box::new(done))) };
        if let Some(sender) = &self.sender {
            // A request that can't be sent is dropped, which tells its waiter.
            drop(sender.send(request));
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            // The last handle may be dropped by what the thread itself calls.
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}

impl Waiter {
    fn tell(mut self, outcome: Result<(), StoreError>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(StoreError::Closed));
        }
    }
}

fn run(writer: &SharedWriter, requests: &Receiver<Request>) {
    let mut tidy = true;
    loop {
        let first =
            if tidy { requests.recv().map_err(RecvTimeoutError::from) } else { requests.recv_timeout(IDLE) };
        match first {
            Ok(first) => {
                serve(writer, gather(first, requests));
                tidy = false;
            }
            Err(RecvTimeoutError::Timeout) => {
                writer.lock().tidy();
                tidy = true;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The first request and all that have gathered behind it, up to a bound.
fn gather(first: Request, requests: &Receiver<Request>) -> Vec<Request> {
    let mut records = first.records.len();
    let mut batch = vec![first];
    while records < BATCH_RECORDS_MAX
        && let Ok(next) = requests.try_recv()
    {
        records += next.records.len();
        batch.push(next);
    }
    batch
}

fn serve(writer: &SharedWriter, batch: Vec<Request>) {
    let records: Vec<&[Record]> = batch.iter().map(|request| request.records.as_slice()).collect();
    let outcomes = writer.lock().commit(&records);
    for (request, outcome) in batch.into_iter().zip(outcomes) {
        request.waiter.tell(outcome);
    }
}
