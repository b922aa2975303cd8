//! The stage before the queue: where long turns are prepared, so that they hold nobody else up.
//!
//! Keeping a long value takes a file and some flushes. These are made on a thread of the stage, while what
//! is short goes on to the queue at once. Only what follows a long turn of the same run waits behind it.
//!
//! One thread, not several, and none begins while there is a commit: a flush of a new file keeps the journal
//! of the file system busy, and what is flushed meanwhile waits for it. With four threads up to twice as many
//! long values are kept in a second, and a small run beside them takes twice as long.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use motet_engine::RunId;

use crate::beside::{self, Beside};
use crate::prepare::Prepared;
use crate::queue::{Job, Request, Work};
use crate::writer::SharedWriter;
use crate::{Record, StoreError};

/// Passes requests on to the queue. Once this is dropped, all of them have been.
pub(crate) struct Stage {
    shared: Arc<Shared>,
    beside: Beside,
    /// What is to be prepared.
    work: Option<Sender<Asked>>,
    taken_from: Arc<Mutex<Receiver<Asked>>>,
    /// Begun with the first long turn.
    thread: OnceLock<Option<JoinHandle<()>>>,
}

struct Shared {
    lines: Mutex<Lines>,
    queue: Sender<Job>,
    writer: SharedWriter,
}

/// Counts the requests that are held.
type Ticket = u64;

/// Records to prepare, for whom.
type Asked = (Ticket, Vec<Record>);

/// The requests that are held, in order for each run.
#[derive(Default)]
struct Lines {
    held: HashMap<Ticket, Held>,
    /// Never empty ones.
    of_run: HashMap<RunId, VecDeque<Ticket>>,
    next: Ticket,
}

struct Held {
    request: Request,
    runs: BTreeSet<RunId>,
    /// How many things it waits for: that it is prepared, and that it is the first in each line.
    obstacles: usize,
}

impl Stage {
    pub(crate) fn new(queue: Sender<Job>, beside: Beside, writer: SharedWriter) -> Stage {
        let (work, taken_from) = mpsc::channel();
        let shared = Arc::new(Shared { lines: Mutex::default(), queue, writer });
        let taken_from = Arc::new(Mutex::new(taken_from));
        Stage { shared, beside, work: Some(work), taken_from, thread: OnceLock::new() }
    }

    /// Passes the request on, at once if nothing is in its way.
    pub(crate) fn hand_in(&self, request: Request) {
        let records = request.work.records();
        let is_long = records.iter().any(|record| beside::is_long(&record.turn.events));
        let mut lines = self.shared.lines();
        if !is_long && !lines.hold_any_of(records) {
            return self.shared.pass_on(request);
        }
        let to_prepare = is_long.then(|| records.to_vec());
        let ticket = lines.add(request, is_long);
        drop(lines);
        if let (Some(records), Some(work)) = (to_prepare, &self.work) {
            self.thread.get_or_init(|| self.start());
            // The receiving end is here.
            drop(work.send((ticket, records)));
        }
    }

    /// Whether a record would be held, or hold up others of its request.
    pub(crate) fn holds(&self, record: &Record) -> bool {
        let records = std::slice::from_ref(record);
        beside::is_long(&record.turn.events) || self.shared.lines().hold_any_of(records)
    }

    /// Without a thread the work is done when the stage is dropped.
    fn start(&self) -> Option<JoinHandle<()>> {
        let (shared, beside, taken_from) =
            (self.shared.clone(), self.beside.clone(), self.taken_from.clone());
        let thread = thread::Builder::new().name("motet-prepare".to_owned());
        thread.spawn(move || work(&shared, &beside, &taken_from)).ok()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.work = None;
        work(&self.shared, &self.beside, &self.taken_from);
        if let Some(thread) = self.thread.take().flatten() {
            // A thread that panicked has told so itself.
            drop(thread.join());
        }
    }
}

/// Prepares what is to be prepared until there will be nothing more.
fn work(shared: &Shared, beside: &Beside, taken_from: &Mutex<Receiver<Asked>>) {
    let take = || taken_from.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((ticket, records)) = take() {
        // The commit that is being made has the disk for itself.
        drop(shared.writer.lock());
        let prepared = catch_unwind(AssertUnwindSafe(|| Prepared::all(&records, beside)));
        let prepared = prepared.unwrap_or(Err(StoreError::Closed));
        let mut lines = shared.lines();
        if let Some(held) = lines.held.get_mut(&ticket) {
            held.request.work = Work::Prepared(prepared);
        }
        lines.remove_obstacle(ticket).into_iter().for_each(|request| shared.pass_on(request));
    }
}

impl Shared {
    /// A panic while it was locked would be one of the allocator's.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request that can't be sent is dropped, which tells its waiter.
    fn pass_on(&self, request: Request) {
        drop(self.queue.send(Job::Append(request)));
    }
}

impl Lines {
    fn hold_any_of(&self, records: &[Record]) -> bool {
        !self.of_run.is_empty() && records.iter().any(|record| self.of_run.contains_key(&record.run))
    }

    fn add(&mut self, request: Request, is_long: bool) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        let runs: BTreeSet<RunId> = request.work.records().iter().map(|record| record.run.clone()).collect();
        let mut obstacles = usize::from(is_long);
        for run in &runs {
            let line = self.of_run.entry(run.clone()).or_default();
            obstacles += usize::from(!line.is_empty());
            line.push_back(ticket);
        }
        self.held.insert(ticket, Held { request, runs, obstacles });
        ticket
    }

    /// What a request waited for is there. Gives all requests that now wait for nothing more, in order.
    fn remove_obstacle(&mut self, ticket: Ticket) -> Vec<Request> {
        let (mut freed, mut free) = (VecDeque::from([ticket]), Vec::new());
        while let Some(ticket) = freed.pop_front() {
            let Some(held) = self.held.get_mut(&ticket) else { continue };
            held.obstacles -= 1;
            if held.obstacles > 0 {
                continue;
            }
            let held = self.held.remove(&ticket).expect("it was just looked at");
            freed.extend(held.runs.iter().filter_map(|run| self.leave(run)));
            free.push(held.request);
        }
        free
    }

    /// The first in the line of `run` leaves. Gives who is first now.
    fn leave(&mut self, run: &RunId) -> Option<Ticket> {
        let line = self.of_run.get_mut(run)?;
        line.pop_front();
        let first = line.front().copied();
        if first.is_none() {
            self.of_run.remove(run);
        }
        first
    }
}
