//! What the writer of a store in a folder does around its commits: it looks whether the store is still
//! in its place, moves the mark on, and from time to time moves the write-ahead log into the database.
//!
//! The log is moved as a whole, while nobody writes. So what is in the log is not in the database until
//! all of it is, and whatever is lost of a log, the rest is the store as it was at some time before. While
//! the store is used, the file of the log keeps its length and is written again from its beginning, which a
//! flush takes less time for than for a file that grows; whoever leaves makes it empty.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::StoreError;
use crate::folder::DATABASE;
use crate::mark::{self, Mark, MarkFile};
use crate::place::Place;

/// A log of more pages, of 4 KiB each, is moved after the next commit. A page that was changed several times
/// meanwhile is moved once, so the longer the log, the less is written.
const PAGES_MAX: u64 = 8192;

/// A log of more pages is moved with the next sign of life.
const PAGES_IDLE: u64 = 16;

/// The files of a store, as its writer sees them.
#[derive(Debug)]
pub(crate) struct OnDisk {
    place: Place,
    file: MarkFile,
    mark: Mark,
    /// How many pages are in the log: SQLite counts them at each commit.
    pages: Arc<AtomicU64>,
    /// With more pages the log is moved.
    due: u64,
    /// Whether the database counts already that the log is moved.
    is_counted: bool,
    /// Whether something was written since the file of the log was empty.
    is_written: bool,
}

/// Why the log might be moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Turns are appended.
    Append,
    /// There is little to do.
    Idle,
}

impl OnDisk {
    /// Of the store in `folder`, which `connection` writes; its mark said `found`.
    pub(crate) fn open(
        connection: &mut Connection,
        folder: &Path,
        found: mark::Reading,
    ) -> Result<OnDisk, StoreError> {
        let sqlite = |error| StoreError::from_sqlite(&folder.join(DATABASE), error);
        let pages = count_pages(connection).map_err(sqlite)?;
        let mark = Mark::of(connection).map_err(sqlite)?;
        let file = MarkFile::open(folder, found, &mark)?;
        let place = Place::of(folder)?;
        let (due, is_counted, is_written) = (PAGES_MAX, false, false);
        Ok(OnDisk { place, file, mark, pages, due, is_counted, is_written })
    }

    fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// If it is time to move the log after this transaction, has the database count it. A step of its own
    /// would be another flush.
    pub(crate) fn count(&mut self, transaction: &Connection, occasion: Occasion) -> rusqlite::Result<()> {
        let due = match occasion {
            Occasion::Append => self.due,
            Occasion::Idle => PAGES_IDLE.min(self.due),
        };
        if self.pages() > due {
            let sql = "UPDATE checkpoints SET count = count + 1 RETURNING count";
            self.mark.checkpoints = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            self.is_counted = true;
        }
        Ok(())
    }

    /// Notes that a transaction is durable, before anybody is told: the last turn of the journal is now
    /// `last`, its place and its check. Fails if what was written can't be found again.
    pub(crate) fn committed(&mut self, last: Option<(i64, i64)>) -> Result<(), StoreError> {
        self.look()?;
        self.is_written = true;
        if let Some((sequence, check)) = last {
            self.mark = Mark { sequence, check, ..self.mark };
        }
        if self.file.is_deleted() {
            self.find_mark_again();
        }
        self.file.write(&self.mark);
        Ok(())
    }

    /// Another process that has the store open may have made the mark anew: only what is in its place is a witness.
    fn find_mark_again(&mut self) {
        let folder = self.place.folder();
        let found = mark::read(folder).and_then(|found| MarkFile::open(folder, found, &self.mark));
        // Else the one in its place lags behind, which is true as well.
        if let Ok(file) = found {
            self.file = file;
        }
    }

    /// Fails if the store isn't where it was, or isn't this process's alone any more.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        match self.place.look() {
            // A file that was only moved still has a name.
            Err(StoreError::Replaced { folder }) if self.file.is_deleted() => {
                Err(StoreError::Deleted { folder })
            }
            looked => looked,
        }
    }

    /// Fails if the log is shorter than what is in it: somebody cut it. SQLite wouldn't notice, and would put what is there
    /// instead into the database.
    pub(crate) fn look_at_log(&self, connection: &Connection) -> Result<(), StoreError> {
        if self.place.log_bytes()? >= log_bytes(self.pages()) {
            return Ok(());
        }
        // Another process may have moved it and made it empty, which SQLite knows.
        let file = self.place.folder().join(DATABASE);
        let pages = || {
            let pages = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1));
            pages
                .map(|pages| u64::try_from(pages).unwrap_or(0))
                .map_err(|error| StoreError::from_sqlite(&file, error))
        };
        let (before, bytes, after) = (pages()?, self.place.log_bytes()?, pages()?);
        match before == after && bytes < log_bytes(after) {
            true => Err(StoreError::LogRemoved { folder: self.place.folder().to_owned() }),
            false => Ok(()),
        }
    }

    /// Whether [`OnDisk::move_log`] is to be called.
    pub(crate) fn is_due(&self) -> bool {
        self.is_counted
    }

    /// Moves the log into the database, if nobody reads in it; else as much as can be, and all of it later.
    pub(crate) fn move_log(&mut self, connection: &Connection) {
        drop(connection.busy_timeout(Duration::ZERO));
        self.checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)");
    }

    /// The same for whoever leaves: waits for those who read in it for as long as `patience`, and makes
    /// the file of the log empty.
    pub(crate) fn end_log(&mut self, connection: &Connection, patience: Duration) {
        drop(connection.busy_timeout(patience));
        self.is_written = !self.checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// Says whether all of the log was moved.
    fn checkpoint(&mut self, connection: &Connection, sql: &str) -> bool {
        let is_busy = connection.query_row(sql, [], |row| row.get::<_, bool>(0));
        self.is_counted = false;
        // A failure is of no interest: the log still is what it was, and it is tried again.
        let is_moved = matches!(is_busy, Ok(false));
        if is_moved {
            self.pages.store(0, Ordering::Relaxed);
        }
        self.due = self.pages() + PAGES_MAX;
        is_moved
    }

    /// Whether this writer leaves a log.
    pub(crate) fn leaves_log(&self) -> bool {
        self.is_written
    }
}

/// How long a log with so many pages is at least.
fn log_bytes(pages: u64) -> u64 {
    const HEADER: u64 = 32;
    const FRAME: u64 = 24 + 4096;
    if pages == 0 { 0 } else { HEADER + pages * FRAME }
}

/// Has SQLite count the pages of the log from the next commit on.
fn count_pages(connection: &mut Connection) -> rusqlite::Result<Arc<AtomicU64>> {
    let pages = Arc::new(AtomicU64::new(0));
    let counted = pages.clone();
    connection.wal_hook(Some(move |_: &mut Wal, pages| {
        counted.store(u64::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(pages)
}
