//! The queue before the writer: group commit.
//!
//! The thread sleeps until something is handed in, takes all that has gathered meanwhile, commits it
//! in one transaction and tells everybody. So the busier the store, the fewer flushes a turn costs. What
//! is handed in passes the [stage](crate::stage) first.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use motet_engine::dispatcher::GateEntry;

use crate::beside::Beside;
use crate::prepare::{Prepared, PreparedBatch};
use crate::stage::Stage;
use crate::writer::{Outcome, SharedWriter};
use crate::{Batch, Record, StoreError};

/// No more turns than this in one commit, so that the first doesn't wait for too long.
const BATCH_RECORDS_MAX: usize = 1024;

/// The way to the writer's thread, which ends after the last request once this is dropped.
pub(crate) struct Queue {
    stage: Option<Stage>,
    sender: Option<Sender<Job>>,
    /// Or why there is none.
    thread: Result<Option<JoinHandle<()>>, StoreError>,
}

/// What the thread is to do.
pub(crate) enum Job {
    Append(Request),
    /// Move the write-ahead log into the database, if it is time to.
    MoveLog,
}

pub(crate) struct Request {
    pub(crate) work: Work,
    gate: Vec<GateEntry>,
    waiter: Waiter,
}

/// The records of a request.
pub(crate) enum Work {
    AsHandedIn(Vec<Record>),
    Prepared(Result<Vec<Prepared>, StoreError>),
}

/// Whoever waits for a request. Is told exactly once, also if the writer never comes to it.
struct Waiter(Option<Done>);

type Done = Box<dyn FnOnce(Outcome) + Send>;

impl Queue {
    /// The queue of the database `file`.
    pub(crate) fn start(writer: SharedWriter, beside: Beside, file: &Path) -> Queue {
        let (sender, receiver) = mpsc::channel();
        let stage = Stage::new(sender.clone(), beside.clone(), writer.clone());
        let thread = thread::Builder::new().name("motet-store".to_owned());
        let thread = thread.spawn(move || run(&writer, &beside, &receiver));
        let thread = thread.map(Some).map_err(|error| StoreError::from_io("start a thread for", file, error));
        Queue { stage: Some(stage), sender: Some(sender), thread }
    }

    pub(crate) fn hand_in(&self, batch: Batch, done: impl FnOnce(Outcome) + Send + 'static) {
        let waiter = Waiter(Some(Box::new(done)));
        if let Err(error) = &self.thread {
            return waiter.tell(Err(error.clone()));
        }
        if let Some(stage) = &self.stage {
            stage.hand_in(Request { work: Work::AsHandedIn(batch.turns), gate: batch.gate, waiter });
        }
    }

    /// Whether a record takes long to be committed, because it is long itself or follows one of its run.
    pub(crate) fn takes_long(&self, record: &Record) -> bool {
        self.stage.as_ref().is_some_and(|stage| stage.holds(record))
    }

    /// Has the log moved soon.
    pub(crate) fn move_log(&self) {
        if let Some(sender) = &self.sender {
            // Without a thread it is moved when the store is closed.
            drop(sender.send(Job::MoveLog));
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.stage = None;
        self.sender = None;
        if let Ok(Some(thread)) = std::mem::replace(&mut self.thread, Ok(None))
            // The last handle may be dropped by what the thread itself calls.
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}

impl Work {
    /// The records; none once they are prepared.
    pub(crate) fn records(&self) -> &[Record] {
        match self {
            Work::AsHandedIn(records) => records,
            Work::Prepared(_) => &[],
        }
    }

    fn len(&self) -> usize {
        match self {
            Work::AsHandedIn(records) => records.len(),
            Work::Prepared(prepared) => prepared.as_ref().map_or(0, Vec::len),
        }
    }

    fn prepare(self, beside: &Beside) -> Result<Vec<Prepared>, StoreError> {
        match self {
            Work::AsHandedIn(records) => Prepared::all(&records, beside),
            Work::Prepared(prepared) => prepared,
        }
    }
}

impl Waiter {
    fn tell(mut self, outcome: Outcome) {
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

fn run(writer: &SharedWriter, beside: &Beside, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        serve(writer, beside, gather(first, jobs));
        // Everybody was told: now there is time.
        writer.lock().move_log();
    }
}

/// The requests among the first job and all that have gathered behind it, up to a bound.
fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Request> {
    let (mut requests, mut records) = (Vec::new(), 0);
    let mut next = Some(first);
    while let Some(job) = next {
        if let Job::Append(request) = job {
            records += request.work.len();
            requests.push(request);
        }
        next = if records < BATCH_RECORDS_MAX { jobs.try_recv().ok() } else { None };
    }
    requests
}

fn serve(writer: &SharedWriter, beside: &Beside, requests: Vec<Request>) {
    let (mut prepared, mut waiters) = (Vec::new(), Vec::new());
    for Request { work, gate, waiter } in requests {
        match work.prepare(beside) {
            Ok(turns) => {
                prepared.push(PreparedBatch { turns, gate });
                waiters.push(waiter);
            }
            Err(error) => waiter.tell(Err(writer.lock().stop(error))),
        }
    }
    if prepared.is_empty() {
        return;
    }
    let outcomes = writer.lock().commit(&prepared);
    waiters.into_iter().zip(outcomes).for_each(|(waiter, outcome)| waiter.tell(outcome));
}
