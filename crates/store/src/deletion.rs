//! Deletion: runs that are over are taken away as a whole, and then what only they needed.
//!
//! First, in one transaction, a run leaves the table of runs and is noted as deleted: from then on nobody finds
//! it. Its rows follow some at a time, so that nobody waits long for the writer; and at last the files that
//! nothing refers to any more. Whatever a crash leaves of this, the next deletion finds: rows of runs that are
//! noted as deleted, and files without a reference. What runs cost is never taken away.

use std::time::Duration;

use motet_engine::RunId;
use motet_pipeline::{Digest, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::{Store, StoreError, integrity, rows, schema};

/// A run of which nothing is kept but what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedRun {
    /// The run.
    pub id: RunId,
    /// The run's pipeline.
    pub pipeline: String,
    /// When it was deleted.
    pub at: Timestamp,
}

/// Files that nothing refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweptFiles {
    /// How many were removed.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How many were left, because they were used so lately that somebody may be about to refer to them.
    pub recent: u64,
    /// The size of those in bytes.
    pub recent_bytes: u64,
}

/// How many rows are removed in a transaction: some milliseconds of work.
const ROWS_AT_ONCE: usize = 1000;

/// Of how many runs.
const RUNS_AT_ONCE: usize = 100;

/// In how many transactions what is known of artifacts is removed.
const PIECES: u8 = 64;

/// Whether a run may be deleted: it is over, so are all that continue from it, and none of its calls is open.
const IS_DELETABLE: &str = "WITH RECURSIVE below (id) AS (
       SELECT ?2 UNION SELECT runs.id FROM runs JOIN below ON runs.base = below.id)
     SELECT NOT EXISTS (SELECT 1 FROM runs JOIN below USING (id) WHERE ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM charges WHERE run = ?1 AND ended_at IS NULL)";

/// Tables with rows of runs, and what tells the rows of a run apart. The journal is apart.
const ROWS_OF_RUNS: [(&str, &str); 5] = [
    ("cache", "path"),
    ("steps", "path"),
    ("step_turns", "path, turn"),
    ("artifact_refs", "step, output, position"),
    ("long_value_refs", "digest"),
];

/// Deletion.
impl Store {
    /// Deletes runs that are over. One that is not, or that an unfinished run continues from, is left as it is,
    /// and so is one with a call that has not ended. Says which ones were deleted; what they take up is
    /// removed by [`Store::sweep_rows`] and [`Store::sweep_files`].
    ///
    /// Nobody may drive such a run, or begin one that continues from it, meanwhile.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn delete_runs(&self, runs: &[RunId], now: Timestamp) -> Result<Vec<RunId>, StoreError> {
        self.writer()?.lock().change(|transaction| {
            let mut deleted = Vec::new();
            for run in runs {
                if delete_run(transaction, run, now)? {
                    deleted.push(run.clone());
                }
            }
            Ok(deleted)
        })
    }

    /// Removes some rows of deleted runs. Says whether there may be more.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn sweep_rows(&self) -> Result<bool, StoreError> {
        self.writer()?.lock().change(sweep_rows)
    }

    /// Removes what is known of artifacts that no run refers to, a piece at a time.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn sweep_artifacts(&self) -> Result<(), StoreError> {
        let writer = self.writer()?;
        // By the first digits of digests, which are spread evenly.
        (0..PIECES).try_for_each(|piece| writer.lock().change(|transaction| sweep_piece(transaction, piece)))
    }

    /// Removes the plans that no run has. Nobody may begin a run meanwhile.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn sweep_plans(&self) -> Result<u64, StoreError> {
        let removed = self.writer()?.lock().change(|transaction| {
            let sql = "DELETE FROM plans WHERE digest NOT IN (SELECT plan FROM runs)";
            Ok(transaction.execute(sql, [])? as u64)
        })?;
        self.forget_plans();
        Ok(removed)
    }

    /// Removes the files that nothing in the store refers to, but for those that were written or used within
    /// `grace`: whoever keeps some bytes refers to them only a while later.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn sweep_files(&self, grace: Duration) -> Result<SweptFiles, StoreError> {
        self.writer()?;
        // Before the references: a file comes before what refers to it.
        let files = self.files()?;
        let referenced = self.read_all(|connection, file, _| {
            integrity::references(connection).map_err(|error| StoreError::from_sqlite(file, error))
        })?;
        let loose: Vec<_> = files.into_iter().filter(|kept| !referenced.contains(&kept.digest)).collect();
        self.remove_files(&loose, grace)
    }

    /// A deleted run by its id or by any ending of it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn deleted_run(&self, ending: &str) -> Result<Option<DeletedRun>, StoreError> {
        if ending.is_empty() {
            return Ok(None);
        }
        self.read_all(|connection, file, _| {
            find_deleted(connection, ending).map_err(|error| StoreError::from_sqlite(file, error))
        })
    }
}

/// A deleted run by an ending of its id. A database of an older format has none.
pub(crate) fn find_deleted(connection: &Connection, ending: &str) -> rusqlite::Result<Option<DeletedRun>> {
    if !knows_deleted(connection)? {
        return Ok(None);
    }
    let sql =
        "SELECT id, pipeline, deleted_at FROM deleted_runs WHERE upper(substr(id, -length(?1))) = upper(?1)
               ORDER BY id = ?1 DESC, number DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([ending], DeletedRun::from_row).optional()
}

pub(crate) fn knows_deleted(connection: &Connection) -> rusqlite::Result<bool> {
    schema::has_table(connection, "deleted_runs")
}

/// How many turns were taken away with deleted runs.
pub(crate) fn turns_deleted(connection: &Connection) -> rusqlite::Result<i64> {
    if !knows_deleted(connection)? {
        return Ok(0);
    }
    connection.query_row("SELECT ifnull(sum(turns), 0) FROM deleted_runs", [], |row| row.get(0))
}

fn delete_run(transaction: &Transaction, run: &RunId, now: Timestamp) -> rusqlite::Result<bool> {
    let sql = "SELECT number FROM runs WHERE id = ?1 AND ended_at IS NOT NULL";
    let number: Option<i64> = transaction.query_row(sql, [run.as_str()], |row| row.get(0)).optional()?;
    let Some(number) = number else { return Ok(false) };
    let mut statement = transaction.prepare_cached(IS_DELETABLE)?;
    if !statement.query_row(params![number, run.as_str()], |row| row.get(0))? {
        return Ok(false);
    }
    let sql = "INSERT INTO deleted_runs (number, id, pipeline, user, status, deleted_at)
               SELECT number, id, pipeline, user, status, ?2 FROM runs WHERE number = ?1";
    transaction.prepare_cached(sql)?.execute(params![number, now.0])?;
    transaction.prepare_cached("DELETE FROM runs WHERE number = ?1")?.execute([number])?;
    transaction.prepare_cached("DELETE FROM discarded WHERE run = ?1")?.execute([run.as_str()])?;
    Ok(true)
}

fn sweep_rows(transaction: &Transaction) -> rusqlite::Result<bool> {
    let mut room = ROWS_AT_ONCE;
    let sql = "SELECT number FROM deleted_runs WHERE is_swept = 0 ORDER BY number LIMIT ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let runs: Vec<i64> =
        statement.query_map([RUNS_AT_ONCE as i64], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let last: i64 =
        transaction.query_row("SELECT ifnull(max(sequence), 0) FROM journal", [], |row| row.get(0))?;
    for run in &runs {
        for (table, columns) in ROWS_OF_RUNS {
            let sql = format!(
                "DELETE FROM {table} WHERE run = ?1 AND ({columns}) IN
                   (SELECT {columns} FROM {table} WHERE run = ?1 LIMIT ?2)"
            );
            room -= transaction.prepare_cached(&sql)?.execute(params![run, room as i64])?.min(room);
        }
        room -= sweep_turns(transaction, *run, last, room)?.min(room);
        if room == 0 {
            return Ok(true);
        }
        let sql = "SELECT count(*) FROM journal WHERE run = ?1";
        let left: i64 = transaction.prepare_cached(sql)?.query_row([run], |row| row.get(0))?;
        // The last row of all stays for now, and with it the run among those that are to be swept.
        let sql = "UPDATE deleted_runs SET is_swept = ?2 WHERE number = ?1";
        transaction.prepare_cached(sql)?.execute(params![run, left == 0])?;
    }
    Ok(runs.len() == RUNS_AT_ONCE)
}

fn sweep_piece(transaction: &Transaction, piece: u8) -> rusqlite::Result<()> {
    let width = u8::MAX / PIECES + 1;
    let from = [piece * width];
    // Longer than any digest that begins so.
    let to = [[piece * width + (width - 1)].as_slice(), &[u8::MAX; 32]].concat();
    let sql = "DELETE FROM artifacts WHERE digest BETWEEN ?1 AND ?2
                 AND digest NOT IN (SELECT digest FROM artifact_refs WHERE digest BETWEEN ?1 AND ?2)";
    transaction.prepare_cached(sql)?.execute(params![from.as_slice(), to]).map(drop)
}

/// The last row of the whole journal stays, without what was in it: the next turn comes after it, and the mark
/// may name it.
fn sweep_turns(transaction: &Transaction, run: i64, last: i64, room: usize) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM journal WHERE sequence IN
                 (SELECT sequence FROM journal WHERE run = ?1 AND sequence < ?2 LIMIT ?3)";
    let removed = transaction.prepare_cached(sql)?.execute(params![run, last, room as i64])?;
    let sql = "UPDATE journal SET body = NULL, blob = NULL, long_values = NULL, packed = NULL
               WHERE sequence = ?2 AND run = ?1";
    transaction.prepare_cached(sql)?.execute(params![run, last])?;
    let sql = "UPDATE deleted_runs SET turns = turns + ?2 WHERE number = ?1";
    transaction.prepare_cached(sql)?.execute(params![run, removed as i64])?;
    Ok(removed)
}

impl From<DeletedRun> for StoreError {
    fn from(DeletedRun { id: run, at, .. }: DeletedRun) -> StoreError {
        StoreError::DeletedRun { run, at }
    }
}

impl DeletedRun {
    fn from_row(row: &Row) -> rusqlite::Result<DeletedRun> {
        Ok(DeletedRun {
            id: RunId::new(row.get_ref(0)?.as_str()?),
            pipeline: row.get(1)?,
            at: Timestamp(row.get(2)?),
        })
    }
}

/// Every use of a file by a run, in the order of runs.
pub(crate) fn each_use(connection: &Connection, mut visit: impl FnMut(i64, Digest)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT run, digest FROM artifact_refs UNION SELECT run, digest FROM long_value_refs
         UNION SELECT run, blob FROM journal WHERE blob IS NOT NULL",
    )?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        visit(row.get(0)?, rows::digest(row, 1)?);
    }
    Ok(())
}
