//! What the writer of a store in a folder does around its commits: it looks whether the store is still
//! in its place, moves the mark on, and from time to time moves the write-ahead log into the database.
//!
//! The log is moved as a whole, while nobody writes. So what is in the log is not in the database until
//! all of it is, and whatever is lost of a log, the rest is the store as it was at some time before.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::StoreError;
use crate::folder::DATABASE;
use crate::mark::{self, Mark, MarkFile};
use crate::place::Place;

/// A longer log is moved after the next commit.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A longer log is moved with the next sign of life.
const LOG_BYTES_IDLE: u64 = 64 * 1024;

/// The files of a store, as its writer sees them.
#[derive(Debug)]
pub(crate) struct OnDisk {
    place: Place,
    file: MarkFile,
    mark: Mark,
    log_bytes: u64,
    /// The length of the log from which on it is moved.
    due_bytes: u64,
    /// Whether the database counts already that the log is moved.
    is_counted: bool,
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
    /// Of the store in `folder`, whose database `connection` has open; its mark said `found`.
    pub(crate) fn open(
        connection: &Connection,
        folder: &Path,
        found: mark::Reading,
    ) -> Result<OnDisk, StoreError> {
        let of_database = Mark::of(connection);
        let mark = of_database.map_err(|error| StoreError::from_sqlite(&folder.join(DATABASE), error))?;
        let file = MarkFile::open(folder, found, &mark)?;
        let place = Place::of(folder)?;
        let log_bytes = place.look()?;
        let (due_bytes, is_counted, is_written) = (LOG_BYTES_MAX, false, false);
        Ok(OnDisk { place, file, mark, log_bytes, due_bytes, is_counted, is_written })
    }

    /// If it is time to move the log after this transaction, has the database count it. A step of its own
    /// would be another flush.
    pub(crate) fn count(&mut self, transaction: &Connection, occasion: Occasion) -> rusqlite::Result<()> {
        let due = match occasion {
            Occasion::Append => self.due_bytes,
            Occasion::Idle => LOG_BYTES_IDLE.min(self.due_bytes),
        };
        if self.log_bytes > due {
            let sql = "UPDATE checkpoints SET count = count + 1 RETURNING count";
            self.mark.checkpoints = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            self.is_counted = true;
        }
        Ok(())
    }

    /// Notes that a transaction is durable, before anybody is told: the last turn of the journal is now
    /// `last`, its place and its check. Fails if what was written can't be found again.
    pub(crate) fn committed(&mut self, last: Option<(i64, i64)>) -> Result<(), StoreError> {
        self.log_bytes = self.place.look()?;
        self.is_written = true;
        if let Some((sequence, check)) = last {
            self.mark = Mark { sequence, check, ..self.mark };
        }
        self.file.write(&self.mark);
        Ok(())
    }

    /// Whether [`OnDisk::move_log`] is to be called.
    pub(crate) fn is_due(&self) -> bool {
        self.is_counted
    }

    /// Moves the log into the database, if nobody reads in it; else as much as can be, and all of it later.
    pub(crate) fn move_log(&mut self, connection: &Connection, patience: Duration) {
        drop(connection.busy_timeout(patience));
        let is_busy = |row: &rusqlite::Row| row.get::<_, bool>(0);
        let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], is_busy);
        self.is_counted = false;
        // A failure is of no interest: the log still is what it was, and it is tried again.
        (self.log_bytes, self.due_bytes) = match is_busy {
            Ok(false) => (0, LOG_BYTES_MAX),
            _ => (self.log_bytes, self.log_bytes + LOG_BYTES_MAX),
        };
    }

    /// Whether this writer leaves something in the log.
    pub(crate) fn leaves_log(&self) -> bool {
        self.is_written && self.log_bytes > 0
    }
}
