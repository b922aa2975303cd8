//! The one writer: takes what is to be appended, commits it at once or not at all.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use motet_pipeline::{Digest, Timestamp};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Params, Transaction, TransactionBehavior, params};

use crate::beside::Beside;
use crate::checkpoint::{Occasion, OnDisk};
use crate::heads::Heads;
use crate::journal::{self, StoredTurn};
use crate::patience::Waiting;
use crate::plans::{self, KeptPlan};
use crate::prepare::PreparedBatch;
use crate::projection::{self, Changes, Extract};
use crate::unfinished::Unfinished;
use crate::world::{self, World};
use crate::{StoreError, gate, tables};

/// The writer, for one at a time, first come first served.
///
/// A mutex alone would let the thread of the queue, which wants it again at once, go before those
/// who wait. So everybody waits for the entrance first, and keeps it until the writer is free.
#[derive(Clone)]
pub(crate) struct SharedWriter(Arc<(Mutex<()>, Mutex<Writer>)>);

impl SharedWriter {
    pub(crate) fn new(writer: Writer) -> SharedWriter {
        SharedWriter(Arc::new((Mutex::new(()), Mutex::new(writer))))
    }

    /// A panic under the lock leaves no half-done work behind: its transaction is rolled back, and
    /// heads are checked against the table's unique index.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Writer> {
        let (entrance, writer) = &*self.0;
        let _entered = entrance.lock().unwrap_or_else(PoisonError::into_inner);
        writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer, unless somebody has it or waits for it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Writer>> {
        let (entrance, writer) = &*self.0;
        let _entered = entrance.try_lock().ok()?;
        writer.try_lock().ok()
    }
}

/// What the writer did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many commits with turns it made: each is one flush.
    pub commits: u64,
    /// How many turns there were in them.
    pub turns: u64,
}

/// Owns the connection that writes.
///
/// After a commit failed, the writer stops: it answers everything with the same error. What it had
/// acknowledged is on disk; what it had not, the caller resumes when the store is opened anew.
/// A lock that another program holds is no failure: nothing was begun, so it is waited for.
pub(crate) struct Writer {
    connection: Connection,
    file: PathBuf,
    beside: Beside,
    /// Nothing of a store in memory.
    disk: Option<OnDisk>,
    waiting: Arc<Waiting>,
    heads: Heads,
    unfinished: Arc<Unfinished>,
    written: Written,
    stopped: Option<StoreError>,
}

/// What one request came to.
pub(crate) type Outcome = Result<(), StoreError>;

/// Place and check of the last turn in the journal, if there is a new one.
type Last = Option<(i64, i64)>;

/// Why a commit didn't happen.
enum Failed {
    /// Another writer was here since the heads were read.
    Stale(rusqlite::Error),
    For(StoreError),
}

/// How long SQLite itself waits for a lock before it is asked again.
const ATTEMPT: Duration = Duration::from_millis(100);

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        file: &Path,
        beside: Beside,
        disk: Option<OnDisk>,
        waiting: Arc<Waiting>,
    ) -> Writer {
        let (heads, unfinished, written, stopped) = Default::default();
        let file = file.to_owned();
        Writer { connection, file, beside, disk, waiting, heads, unfinished, written, stopped }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What it tells of the runs that start and end.
    pub(crate) fn unfinished(&self) -> Arc<Unfinished> {
        self.unfinished.clone()
    }

    /// Commits some requests in one transaction and says for each how it went. A request whose turns
    /// don't follow their runs' last ones is refused as a whole and leaves the others alone.
    pub(crate) fn commit(&mut self, requests: &[PreparedBatch]) -> Vec<Outcome> {
        match self.commit_with(requests, true) {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error); requests.len()],
        }
    }

    /// The same for one request; but where another program holds a lock, it gives nothing and does nothing.
    pub(crate) fn commit_at_once(&mut self, request: &PreparedBatch) -> Option<Outcome> {
        match self.commit_with(std::slice::from_ref(request), false) {
            Ok(mut outcomes) => Some(outcomes.swap_remove(0)),
            Err(StoreError::Busy { .. }) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn commit_with(&mut self, requests: &[PreparedBatch], waits: bool) -> Result<Vec<Outcome>, StoreError> {
        self.check_running()?;
        let mut outcome = self.transact(requests, waits);
        if let Err(Failed::Stale(_)) = outcome {
            self.heads = Heads::default();
            self.unfinished.forget();
            outcome = self.transact(requests, waits);
        }
        let (outcomes, last) = outcome.map_err(|failed| self.fail(failed))?;
        requests.iter().for_each(|request| self.heads.release(&request.turns));
        if last.is_some() || requests.iter().any(|request| !request.gate.is_empty()) {
            self.committed(last)?;
            self.count(requests, &outcomes);
        } else {
            // That a turn isn't the next one may be due to another writer.
            self.check_running()?;
        }
        Ok(outcomes)
    }

    fn transact(&mut self, requests: &[PreparedBatch], waits: bool) -> Result<(Vec<Outcome>, Last), Failed> {
        let transaction =
            begin(&self.connection, &self.waiting, waits).map_err(|error| self.failed(error))?;
        let mut write = || -> rusqlite::Result<_> {
            let (mut changes, mut last) = (Changes::default(), None);
            let mut outcomes = Vec::with_capacity(requests.len());
            let mut insertion = journal::Insertion::begin(&transaction)?;
            for PreparedBatch { turns, gate: entries } in requests {
                let placed = self.heads.place(&transaction, turns)?;
                for (record, run) in turns.iter().zip(placed.iter().flatten()) {
                    let sequence = insertion.add(*run, &record.stored)?;
                    last = Some((sequence, record.stored.check()));
                    changes.add(*run, &record.turn, &record.extract);
                    changes.add_long_values(*run, record.stored.long_values());
                }
                if placed.is_ok() {
                    entries.iter().try_for_each(|entry| gate::insert(&transaction, entry))?;
                }
                outcomes.push(placed.map(drop));
            }
            drop(insertion);
            changes.write(&transaction)?;
            if let Some(disk) = &mut self.disk {
                disk.count(&transaction, Occasion::Append)?;
            }
            Ok((outcomes, last, changes))
        };
        let written = write().and_then(|written| transaction.commit().map(|()| written));
        let (outcomes, last, changes) = written.map_err(|error| self.failed(error))?;
        self.unfinished.note(&changes);
        Ok((outcomes, last))
    }

    fn count(&mut self, requests: &[PreparedBatch], outcomes: &[Outcome]) {
        let written = requests.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
        let turns: usize = written.map(|(request, _)| request.turns.len()).sum();
        self.written.turns += turns as u64;
        self.written.commits += 1;
    }

    pub(crate) fn written(&self) -> Written {
        self.written
    }

    fn failed(&self, error: rusqlite::Error) -> Failed {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Failed::Stale(error),
            _ => Failed::For(StoreError::from_sqlite(&self.file, error)),
        }
    }

    fn fail(&mut self, failed: Failed) -> StoreError {
        match failed {
            // Nothing was begun.
            Failed::For(error @ StoreError::Busy { .. }) => error,
            Failed::For(error) => self.stop(error),
            Failed::Stale(error) => self.stop(StoreError::from_sqlite(&self.file, error)),
        }
    }

    /// Keeps a plan under its digest. The same digest is kept once; what is damaged is replaced.
    pub(crate) fn put_plan(&mut self, digest: &Digest, plan: &KeptPlan) -> Result<(), StoreError> {
        let is_damaged = plans::is_damaged(&self.connection, &self.file, digest);
        let is_damaged = is_damaged.map_err(|error| StoreError::from_sqlite(&self.file, error))?;
        let sql = if is_damaged { plans::REPLACE } else { plans::PUT };
        let (digest, version) = (digest.as_bytes().as_slice(), plan.version.as_bytes().as_slice());
        let values = params![digest, version, plan.bundle, plan.pin, plan.check()];
        self.write(sql, values, Occasion::Append)
    }

    /// Notes which world the store belongs to, if that isn't fixed.
    pub(crate) fn fix_world(&mut self, world: World) -> Result<(), StoreError> {
        self.write(world::TABLE, [], Occasion::Append)?;
        self.write("INSERT OR IGNORE INTO world VALUES (1, ?1)", [world.word()], Occasion::Append)
    }

    /// Notes that somebody drives the runs of this store.
    pub(crate) fn heartbeat(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO owner (one, seen_at) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET seen_at = ?1";
        self.write(sql, [now.0], Occasion::Idle)?;
        self.move_log();
        Ok(())
    }

    /// Writes what is no turn, and is not made from any.
    pub(crate) fn note(&mut self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        self.write(sql, values, Occasion::Append)
    }

    fn write(&mut self, sql: &str, values: impl Params, occasion: Occasion) -> Result<(), StoreError> {
        self.check_running()?;
        let write = || -> rusqlite::Result<()> {
            let transaction = begin(&self.connection, &self.waiting, true)?;
            transaction.prepare_cached(sql)?.execute(values)?;
            if let Some(disk) = &mut self.disk {
                disk.count(&transaction, occasion)?;
            }
            transaction.commit()
        };
        let written = write().map_err(|error| Failed::For(StoreError::from_sqlite(&self.file, error)));
        written.map_err(|failed| self.fail(failed))?;
        self.committed(None)
    }

    /// What was written is durable: looks whether it can be found again, before anybody is told.
    fn committed(&mut self, last: Last) -> Result<(), StoreError> {
        let committed = self.disk.as_mut().map_or(Ok(()), |disk| disk.committed(last));
        committed.map_err(|error| self.stop(error))
    }

    /// Whether it is time for [`Writer::move_log`].
    pub(crate) fn is_log_due(&self) -> bool {
        self.disk.as_ref().is_some_and(OnDisk::is_due)
    }

    /// Moves the write-ahead log into the database, if it is time to.
    pub(crate) fn move_log(&mut self) {
        if !self.is_log_due() || self.check_running().is_err() {
            return;
        }
        if let Some(disk) = &mut self.disk {
            disk.move_log(&self.connection);
        }
    }

    /// Makes a change that is neither a turn nor made from one, in a transaction of its own.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.check_running()?;
        self.heads = Heads::default();
        let sqlite = |error| StoreError::from_sqlite(&self.file, error);
        let write = || -> rusqlite::Result<T> {
            let transaction = begin(&self.connection, &self.waiting, true)?;
            let changed = change(&transaction)?;
            if let Some(disk) = &mut self.disk {
                disk.count(&transaction, Occasion::Append)?;
            }
            transaction.commit()?;
            Ok(changed)
        };
        let changed = write().map_err(sqlite).map_err(|error| self.fail(Failed::For(error)))?;
        self.committed(None)?;
        self.move_log();
        Ok(changed)
    }

    /// Makes all projections again from the journal.
    pub(crate) fn rebuild_projections(&mut self) -> Result<(), StoreError> {
        self.check_running()?;
        self.heads = Heads::default();
        let sqlite = |error| StoreError::from_sqlite(&self.file, error);
        let transaction = begin(&self.connection, &self.waiting, true).map_err(sqlite)?;
        // An index that is damaged is in the way of what is to be removed.
        transaction.execute_batch("REINDEX").map_err(sqlite)?;
        let older = tables::runs_of_older_formats(&transaction).map_err(sqlite)?;
        tables::clear(&transaction).map_err(sqlite)?;
        let mut statement = transaction.prepare(projection::TURNS).map_err(sqlite)?;
        let mut rows = statement.query([]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let stored = StoredTurn::from_row(row).map_err(sqlite)?;
            let run: i64 = row.get("run").map_err(sqlite)?;
            let turn = stored.decode(format_args!("number {run}"), &self.file, &self.beside)?;
            let (extract, mut changes) = (Extract::of(&turn), Changes::default());
            changes.add(run, &turn, &extract);
            changes.add_long_values(run, stored.long_values());
            changes.write(&transaction).map_err(sqlite)?;
        }
        drop(rows);
        drop(statement);
        tables::mark_unfinished(&transaction, &older).map_err(sqlite)?;
        transaction.commit().map_err(sqlite)?;
        self.committed(None)
    }

    /// Fails if the writer has stopped, or another one may be at work meanwhile.
    fn check_running(&mut self) -> Result<(), StoreError> {
        self.stopped.clone().map_or(Ok(()), Err)?;
        let look = |disk: &OnDisk| disk.look().and_then(|()| disk.look_at_log(&self.connection));
        let looked = self.disk.as_ref().map_or(Ok(()), look);
        looked.map_err(|error| self.stop(error))
    }

    /// Answers everything with `error` from now on.
    pub(crate) fn stop(&mut self, error: StoreError) -> StoreError {
        self.heads = Heads::default();
        if matches!(error, StoreError::LogRemoved { .. }) {
            // Whoever closes the database last would move what is there instead of the log.
            let never = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            drop(self.connection.set_db_config(never, true));
        }
        self.stopped.get_or_insert(error).clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.fold_log();
    }
}

impl Writer {
    /// Leaves nothing in the log, as far as those who read in it allow.
    pub(crate) fn fold_log(&mut self) {
        if !self.disk.as_ref().is_some_and(OnDisk::leaves_log) || self.check_running().is_err() {
            return;
        }
        let Some(disk) = self.disk.as_mut() else { return };
        drop(self.connection.busy_timeout(LEAVING));
        let count = "UPDATE checkpoints SET count = count + 1";
        if self.connection.execute(count, []).is_ok() {
            disk.end_log(&self.connection, LEAVING);
        }
    }
}

/// How long somebody may read before the log is left to the next one.
const LEAVING: Duration = Duration::from_millis(500);

/// Begins to write. If another program holds a lock, waits until it is gone or this store is asked to end;
/// or not at all.
fn begin<'c>(
    connection: &'c Connection,
    waiting: &Waiting,
    waits: bool,
) -> rusqlite::Result<Transaction<'c>> {
    connection.busy_timeout(if waits { ATTEMPT } else { Duration::ZERO })?;
    let mut wait = waiting.begin();
    loop {
        match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
            Err(error) if waits && is_busy(&error) && wait.goes_on() => {}
            outcome => {
                if outcome.is_ok() {
                    wait.end();
                }
                return outcome;
            }
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
