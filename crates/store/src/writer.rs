//! The one writer: takes what is to be appended, commits it at once or not at all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motet_engine::{Event, RunId, Turn};
use motet_pipeline::{Digest, Timestamp};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use crate::artifacts::ArtifactFolder;
use crate::journal::{self, StoredTurn};
use crate::projection::Changes;
use crate::{Record, StoreError, tables};

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
/// acknowledged is on disk; what it had not, the caller takes up again when the store is opened anew.
pub(crate) struct Writer {
    connection: Connection,
    file: PathBuf,
    beside: ArtifactFolder,
    /// The heads of runs that were written to and are not over.
    heads: HashMap<RunId, Head>,
    /// The number that the next new run gets, once it is known.
    next_run: Option<i64>,
    written: Written,
    stopped: Option<StoreError>,
}

/// Where a run's journal ends.
#[derive(Clone, Copy)]
struct Head {
    run: i64,
    last: u64,
}

/// Why a commit didn't happen.
enum Failed {
    /// Another writer was here since the heads were read.
    Stale(rusqlite::Error),
    For(StoreError),
}

impl Writer {
    pub(crate) fn new(connection: Connection, file: &Path, beside: ArtifactFolder) -> Writer {
        Writer {
            connection,
            file: file.to_owned(),
            beside,
            heads: HashMap::new(),
            next_run: None,
            written: Written::default(),
            stopped: None,
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Commits some requests in one transaction and says for each how it went. A request whose turns
    /// don't follow their runs' last ones is refused as a whole and leaves the others alone.
    pub(crate) fn commit(&mut self, requests: &[&[Record]]) -> Vec<Result<(), StoreError>> {
        match self.try_commit(requests) {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error); requests.len()],
        }
    }

    fn try_commit(&mut self, requests: &[&[Record]]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.check_running()?;
        // Encoded and hashed, and large bodies made durable, before the lock is taken.
        let encode = |record: &Record| StoredTurn::of(&record.turn, &self.beside);
        let encoded: Result<Vec<Vec<StoredTurn>>, _> =
            requests.iter().map(|records| records.iter().map(encode).collect()).collect();
        let encoded = encoded.map_err(|error| self.stop(error))?;
        let mut outcome = self.transact(requests, &encoded);
        if let Err(Failed::Stale(_)) = outcome {
            self.forget();
            outcome = self.transact(requests, &encoded);
        }
        match outcome {
            Ok(outcomes) => {
                self.count(requests, &outcomes);
                Ok(outcomes)
            }
            Err(Failed::Stale(error)) => Err(self.stop(StoreError::from_sqlite(&self.file, error))),
            Err(Failed::For(error)) => Err(self.stop(error)),
        }
    }

    fn transact(
        &mut self,
        requests: &[&[Record]],
        encoded: &[Vec<StoredTurn>],
    ) -> Result<Vec<Result<(), StoreError>>, Failed> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            .map_err(|error| self.failed(error))?;
        let mut heads =
            Heads { heads: &mut self.heads, next_run: &mut self.next_run, transaction: &transaction };
        let mut written = || -> rusqlite::Result<_> {
            let mut changes = Changes::default();
            let mut outcomes = Vec::with_capacity(requests.len());
            for (records, encoded) in requests.iter().zip(encoded) {
                let placed = heads.place(records)?;
                for ((record, stored), run) in records.iter().zip(encoded).zip(placed.iter().flatten()) {
                    journal::insert(&transaction, *run, stored)?;
                    changes.add(*run, &record.turn);
                }
                outcomes.push(placed.map(drop));
            }
            changes.write(&transaction)?;
            Ok(outcomes)
        };
        let outcome = written().and_then(|outcomes| transaction.commit().map(|()| outcomes));
        self.release(requests);
        outcome.map_err(|error| self.failed(error))
    }

    /// Forgets the heads of runs that are over: few of them get another turn.
    fn release(&mut self, requests: &[&[Record]]) {
        for record in requests.iter().copied().flatten() {
            if record.turn.events.iter().any(Event::ends_run) {
                self.heads.remove(&record.run);
            }
        }
    }

    fn count(&mut self, requests: &[&[Record]], outcomes: &[Result<(), StoreError>]) {
        let written = requests.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
        let turns: usize = written.map(|(records, _)| records.len()).sum();
        self.written.turns += turns as u64;
        self.written.commits += u64::from(turns > 0);
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

    /// Keeps the texts of a plan under their digest. The same digest is kept once.
    pub(crate) fn put_plan(&mut self, digest: &Digest, bundle: &str) -> Result<(), StoreError> {
        self.check_running()?;
        let sql = "INSERT INTO plans (digest, bundle) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING";
        self.write(sql, params![digest.as_bytes().as_slice(), bundle])
    }

    /// Notes that somebody drives the runs of this store.
    pub(crate) fn heartbeat(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.check_running()?;
        let sql =
            "INSERT INTO owner (one, seen_at) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET seen_at = ?1";
        self.write(sql, [now.0])
    }

    fn write(&mut self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        match self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.stop(StoreError::from_sqlite(&self.file, error))),
        }
    }

    /// Makes all projections again from the journal.
    pub(crate) fn rebuild_projections(&mut self) -> Result<(), StoreError> {
        self.check_running()?;
        self.forget();
        let sqlite = |error| StoreError::from_sqlite(&self.file, error);
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate).map_err(sqlite)?;
        tables::clear(&transaction).map_err(sqlite)?;
        let mut statement = transaction.prepare("SELECT * FROM journal ORDER BY sequence").map_err(sqlite)?;
        let mut rows = statement.query([]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let stored = StoredTurn::from_row(row).map_err(sqlite)?;
            let run: i64 = row.get("run").map_err(sqlite)?;
            let mut changes = Changes::default();
            let turn = stored.decode(format_args!("number {run}"), &self.file, &self.beside)?;
            changes.add(run, &turn);
            changes.write(&transaction).map_err(sqlite)?;
        }
        drop(rows);
        drop(statement);
        transaction.commit().map_err(sqlite)
    }

    /// Moves what is in the write-ahead log into the database, as far as readers allow. It is done
    /// anyway sooner or later, so a failure is of no interest.
    pub(crate) fn tidy(&mut self) {
        drop(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
    }

    fn check_running(&self) -> Result<(), StoreError> {
        self.stopped.clone().map_or(Ok(()), Err)
    }

    fn stop(&mut self, error: StoreError) -> StoreError {
        self.forget();
        self.stopped.insert(error).clone()
    }

    fn forget(&mut self) {
        self.heads.clear();
        self.next_run = None;
    }
}

/// The heads, while a transaction is open.
struct Heads<'a> {
    heads: &'a mut HashMap<RunId, Head>,
    next_run: &'a mut Option<i64>,
    transaction: &'a Connection,
}

impl Heads<'_> {
    /// Moves the heads over `records` and gives the number of each one's run; if one doesn't follow
    /// the last turn of its run, no head moves.
    fn place(&mut self, records: &[Record]) -> rusqlite::Result<Result<Vec<i64>, StoreError>> {
        let mut runs = Vec::with_capacity(records.len());
        let mut before = Vec::with_capacity(records.len());
        for record in records {
            let head = self.head(&record.run)?;
            match follow(head, record) {
                Ok(()) => {
                    let run = match head {
                        Some(head) => head.run,
                        None => self.new_run()?,
                    };
                    self.heads.insert(record.run.clone(), Head { run, last: record.turn.number });
                    before.push((&record.run, head));
                    runs.push(run);
                }
                Err(error) => {
                    self.restore(before);
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(runs))
    }

    fn head(&mut self, run: &RunId) -> rusqlite::Result<Option<Head>> {
        if let Some(head) = self.heads.get(run) {
            return Ok(Some(*head));
        }
        let found = journal::head(self.transaction, run)?;
        Ok(found.map(|(run, last)| Head { run, last }))
    }

    fn new_run(&mut self) -> rusqlite::Result<i64> {
        let number = match *self.next_run {
            Some(number) => number,
            None => {
                let sql = "SELECT max(number) FROM runs";
                self.transaction.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0) + 1
            }
        };
        *self.next_run = Some(number + 1);
        Ok(number)
    }

    fn restore(&mut self, before: Vec<(&RunId, Option<Head>)>) {
        for (run, head) in before.into_iter().rev() {
            match head {
                Some(head) => drop(self.heads.insert(run.clone(), head)),
                None => drop(self.heads.remove(run)),
            }
        }
    }
}

/// Whether `record` is the next turn after `head`.
fn follow(head: Option<Head>, record: &Record) -> Result<(), StoreError> {
    let Record { run, turn } = record;
    let expected = head.map_or(1, |head| head.last + 1);
    if turn.number != expected {
        return Err(StoreError::OutOfOrder { run: run.clone(), expected, found: turn.number });
    }
    if head.is_none() && !starts(turn, run) {
        return Err(StoreError::NotStarted { run: run.clone() });
    }
    Ok(())
}

fn starts(turn: &Turn, run: &RunId) -> bool {
    matches!(turn.events.first(), Some(Event::RunStarted(started)) if started.run == *run)
}
