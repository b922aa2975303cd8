//! Patience with other programs that hold a lock on the database, such as a shell of SQLite in which
//! somebody is changing something. Nothing was begun, so nothing is lost by waiting.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a store waits while another program holds a lock on its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// When it is opened: at most this long.
    pub opening: Duration,
    /// When it works: without end, but after this long it is said (see [`crate::Store::on_lock`]).
    pub quiet: Duration,
    /// When it works and was asked to end (see [`crate::Store::end_soon`]): at most this long.
    pub ending: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        let (quiet, ending) = (Duration::from_secs(2), Duration::from_secs(5));
        Patience { opening: Duration::from_secs(30), quiet, ending }
    }
}

/// What a store says of a lock that another program holds on its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignLock {
    /// It is held; what is to be written waits.
    Held,
    /// It is gone; what waited was written.
    Gone,
}

type Told = Box<dyn Fn(ForeignLock) + Send + Sync>;

thread_local! {
    /// Who is told of a lock while this thread opens a store, and whether that was told.
    static LISTENER: RefCell<Option<(Told, bool)>> = const { RefCell::new(None) };
    /// How long this thread waits for a lock while it opens a store, and since when it does.
    static OPENING: Cell<(Duration, Option<Instant>)> = const { Cell::new((BRIEF, None)) };
}

/// How long who only reads waits for a lock.
pub(crate) const BRIEF: Duration = Duration::from_secs(5);

/// How long is waited before it is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// Has `told` called when `open`, which opens a store, has waited for a while because another program holds a lock on
/// the database, and when that lock is gone.
pub fn while_opening<T>(told: impl Fn(ForeignLock) + Send + Sync + 'static, open: impl FnOnce() -> T) -> T {
    let before = LISTENER.replace(Some((Box::new(told), false)));
    let opened = open();
    if let Some((told, true)) = LISTENER.replace(before) {
        told(ForeignLock::Gone);
    }
    opened
}

/// Has `open` wait for a lock so long.
pub(crate) fn with_patience<T>(patience: Duration, open: impl FnOnce() -> T) -> T {
    let before = OPENING.replace((patience, None));
    let opened = open();
    OPENING.set(before);
    opened
}

/// Whether a store that is being opened waits on for a lock that was found held, for the first time if `times` is 0. What
/// SQLite asks.
pub(crate) fn waits(times: i32) -> bool {
    let (patience, since) = OPENING.get();
    let since = since.filter(|_| times > 0).unwrap_or_else(Instant::now);
    OPENING.set((patience, Some(since)));
    if since.elapsed() >= Patience::default().quiet {
        LISTENER.with_borrow_mut(|listener| match listener {
            Some((told, is_told)) if !*is_told => {
                *is_told = true;
                told(ForeignLock::Held);
            }
            _ => {}
        });
    }
    let waits = since.elapsed() < patience;
    if waits {
        std::thread::sleep(PAUSE);
    }
    waits
}

/// What all who wait for the same store share.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) patience: Patience,
    ends: AtomicBool,
    told: OnceLock<Told>,
}

/// One wait.
pub(crate) struct Wait<'w> {
    waiting: &'w Waiting,
    since: Instant,
    is_told: bool,
}

impl Waiting {
    pub(crate) fn new(patience: Patience) -> Arc<Waiting> {
        Arc::new(Waiting { patience, ..Waiting::default() })
    }

    /// From now on nobody waits for longer than [`Patience::ending`].
    pub(crate) fn end_soon(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Has `told` called when a lock is waited for, and when it is gone. Only the first counts.
    pub(crate) fn tell(&self, told: Told) {
        drop(self.told.set(told));
    }

    pub(crate) fn begin(&self) -> Wait<'_> {
        Wait { waiting: self, since: Instant::now(), is_told: false }
    }

    fn say(&self, lock: ForeignLock) {
        if let Some(told) = self.told.get() {
            told(lock);
        }
    }
}

impl Wait<'_> {
    /// Whether to try again; to be asked each time that the lock was found held.
    pub(crate) fn goes_on(&mut self) -> bool {
        let waited = self.since.elapsed();
        let Patience { quiet, ending, .. } = self.waiting.patience;
        if waited >= quiet && !self.is_told {
            self.is_told = true;
            self.waiting.say(ForeignLock::Held);
        }
        waited < ending || !self.waiting.ends.load(Ordering::Relaxed)
    }

    /// What was waited for is there.
    pub(crate) fn end(self) {
        if self.is_told {
            self.waiting.say(ForeignLock::Gone);
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("patience", &self.patience).finish_non_exhaustive()
    }
}
