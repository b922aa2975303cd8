//! The stage before the queue: requests with long values are prepared here, several at a time.
//!
//! To write and flush a long value takes many times as long as a commit. So it is done by threads of this
//! stage, and meanwhile the requests of other runs pass. Those of the same run wait, so that its turns
//! stay in order: a request goes on once it is the first in line for each of its runs.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use motet_engine::RunId;

use crate::beside::{Beside, is_long};
use crate::prepare::Prepared;
use crate::queue::Entrance;
use crate::{Record, StoreError};

/// How many requests are prepared at once: they wait for the disk more than for a processor.
const THREADS: usize = 4;

/// Some turns that are to be appended, and who waits for that.
pub(crate) struct Request {
    records: Records,
    waiter: Waiter,
}

enum Records {
    Raw(Vec<Record>),
    Prepared(Vec<Prepared>),
    /// They can't be prepared.
    Failed(StoreError),
}

/// Whoever waits for a request. Is told exactly once, also if the writer never comes to it.
pub(crate) struct Waiter(Option<Done>);

type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Request {
    pub(crate) fn new(
        records: Vec<Record>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) -> Request {
        Request { records: Records::Raw(records), waiter: Waiter(Some(Box::new(done))) }
    }

    /// How many turns there are.
    pub(crate) fn len(&self) -> usize {
        match &self.records {
            Records::Raw(records) => records.len(),
            Records::Prepared(records) => records.len(),
            Records::Failed(_) => 0,
        }
    }

    /// What is to be written, and who waits for that.
    ///
    /// # Errors
    /// When something that lies beside the database can't be kept.
    pub(crate) fn prepare(self, beside: &Beside) -> Result<(Vec<Prepared>, Waiter), (StoreError, Waiter)> {
        match self.records {
            Records::Prepared(records) => Ok((records, self.waiter)),
            Records::Failed(error) => Err((error, self.waiter)),
            Records::Raw(records) => match Prepared::all(&records, beside) {
                Ok(records) => Ok((records, self.waiter)),
                Err(error) => Err((error, self.waiter)),
            },
        }
    }

    /// Whether it takes long to prepare.
    fn is_long(&self) -> bool {
        match &self.records {
            Records::Raw(records) => records.iter().any(|record| is_long(&record.turn.events)),
            Records::Prepared(_) | Records::Failed(_) => false,
        }
    }

    fn runs(&self) -> BTreeSet<RunId> {
        match &self.records {
            Records::Raw(records) => records.iter().map(|record| record.run.clone()).collect(),
            Records::Prepared(records) => records.iter().map(|record| record.run.clone()).collect(),
            Records::Failed(_) => BTreeSet::new(),
        }
    }
}

impl Waiter {
    pub(crate) fn tell(mut self, outcome: Result<(), StoreError>) {
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

/// Lets requests pass, or prepares them first. With it ends what was handed in: all of it is on its way
/// to the writer then.
pub(crate) struct Stage {
    shared: Arc<Shared>,
    /// There are none before something is to be prepared.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    beside: Beside,
    entrance: Entrance,
    lines: Mutex<Lines>,
    /// Something is to be prepared, or nothing will be any more.
    changed: Condvar,
}

/// Numbers the requests that didn't pass at once.
type Ticket = u64;

/// Who waits for whom.
#[derive(Default)]
struct Lines {
    requests: HashMap<Ticket, Request>,
    /// Of each run the requests that are not on their way to the writer yet, the first first.
    of_run: HashMap<RunId, VecDeque<Ticket>>,
    /// What is to be prepared now.
    due: VecDeque<Ticket>,
    last: Ticket,
    ends: bool,
}

impl Stage {
    /// A stage in front of `entrance`.
    pub(crate) fn open(beside: Beside, entrance: Entrance) -> Stage {
        let (lines, changed) = Default::default();
        Stage { shared: Arc::new(Shared { beside, entrance, lines, changed }), threads: Mutex::default() }
    }

    /// Hands in a request.
    pub(crate) fn hand_in(&self, request: Request) {
        let mut lines = self.shared.lines();
        let (is_long, runs) = (request.is_long(), request.runs());
        if !is_long && !runs.iter().any(|run| lines.of_run.contains_key(run)) {
            return self.shared.entrance.send(request);
        }
        lines.last += 1;
        let ticket = lines.last;
        for run in runs {
            lines.of_run.entry(run).or_default().push_back(ticket);
        }
        lines.requests.insert(ticket, request);
        self.shared.advance(&mut lines, [ticket]);
        if is_long {
            self.start_threads();
        }
    }

    fn start_threads(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        while threads.len() < THREADS {
            let shared = self.shared.clone();
            let thread = thread::Builder::new().name("motet-prepare".to_owned()).spawn(move || work(&shared));
            match thread {
                Ok(thread) => threads.push(thread),
                // Fewer will do; without any, requests end with the stage, which tells their waiters.
                Err(_) => return,
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shared.lines().ends = true;
        self.shared.changed.notify_all();
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..).filter(|thread| thread.thread().id() != thread::current().id()) {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets requests pass that are first in line for each of their runs, or has them prepared. Then those
    /// behind them may be.
    fn advance(&self, lines: &mut Lines, tickets: impl IntoIterator<Item = Ticket>) {
        let mut next: VecDeque<Ticket> = tickets.into_iter().collect();
        while let Some(ticket) = next.pop_front() {
            match lines.standing(ticket) {
                Standing::Waits => {}
                Standing::IsDue => {
                    lines.due.push_back(ticket);
                    self.changed.notify_one();
                }
                Standing::Passes => {
                    let request = lines.requests.remove(&ticket).expect("it stands in line");
                    next.extend(lines.leave(&request.runs()));
                    self.entrance.send(request);
                }
            }
        }
    }

    /// The next request that is to be prepared; nothing once there will be none any more.
    fn next(&self) -> Option<Request> {
        let mut lines = self.lines();
        loop {
            if let Some(ticket) = lines.due.pop_front() {
                return lines.requests.remove(&ticket);
            }
            // Those in line come to it once what is being prepared has left.
            if lines.ends && lines.of_run.is_empty() {
                return None;
            }
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

enum Standing {
    /// Another one comes first, or it isn't in line.
    Waits,
    /// It is to be prepared.
    IsDue,
    Passes,
}

impl Lines {
    fn standing(&self, ticket: Ticket) -> Standing {
        let Some(request) = self.requests.get(&ticket) else { return Standing::Waits };
        let is_first = |run: &RunId| self.of_run.get(run).is_some_and(|line| line.front() == Some(&ticket));
        match (request.runs().iter().all(is_first), request.is_long()) {
            (false, _) => Standing::Waits,
            (true, true) => Standing::IsDue,
            (true, false) => Standing::Passes,
        }
    }

    /// The first in line for each of these runs leaves; gives who is first now.
    fn leave(&mut self, runs: &BTreeSet<RunId>) -> BTreeSet<Ticket> {
        let mut next = BTreeSet::new();
        for run in runs {
            let Some(line) = self.of_run.get_mut(run) else { continue };
            line.pop_front();
            match line.front() {
                Some(first) => _ = next.insert(*first),
                None => _ = self.of_run.remove(run),
            }
        }
        next
    }
}

/// Prepares requests until the stage ends.
fn work(shared: &Shared) {
    while let Some(request) = shared.next() {
        let runs = request.runs();
        let (records, waiter) = match request.prepare(&shared.beside) {
            Ok((records, waiter)) => (Records::Prepared(records), waiter),
            // The writer stops at it, and says so to everybody after.
            Err((error, waiter)) => (Records::Failed(error), waiter),
        };
        let mut lines = shared.lines();
        shared.entrance.send(Request { records, waiter });
        let next = lines.leave(&runs);
        shared.advance(&mut lines, next);
        shared.changed.notify_all();
    }
}
