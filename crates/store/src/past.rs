//! Pasts: all that is needed to resume a run that nobody drives, in one look.

use motet_engine::{RunId, Turn};
use motet_pipeline::{Digest, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::journal::Page;
use crate::pages::PAGE_BYTES;
use crate::{Store, StoreError, journal, rows};

/// What happened to an unfinished run so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The pinned plan.
    pub plan: Digest,
    /// Its turns, in order: of a long journal the first ones, and the others are read by [`Store::each_turn_from`].
    pub turns: Vec<Turn>,
    /// The number of its last turn, and when that was.
    pub last: (u64, Timestamp),
    /// The artifacts that it refers to, each once, and how many bytes they have.
    pub artifacts: Vec<(Digest, u64)>,
    /// Whether it was begun in a store of format 1 or 2, which doesn't say who made it.
    pub is_of_older_format: bool,
}

impl Store {
    /// The names of the runs that are not over, oldest first.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn unfinished_ids(&self) -> Result<Vec<RunId>, StoreError> {
        let sql = "SELECT id FROM runs INDEXED BY runs_unfinished WHERE ended_at IS NULL ORDER BY number";
        self.read_all(|connection, file, _| {
            let ids = || -> rusqlite::Result<_> {
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_map([], |row| Ok(RunId::new(row.get_ref(0)?.as_str()?)))?.collect()
            };
            ids().map_err(|error| StoreError::from_sqlite(file, error))
        })
    }

    /// The past of a run, as it is at one moment; nothing if the run is over.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], [`StoreError::NewerRun`], [`StoreError::Corrupt`] as for [`Store::turns`], and
    /// what the disk refuses.
    pub fn past(&self, run: &RunId) -> Result<Option<Past>, StoreError> {
        self.read_all(|connection, file, beside| {
            let sqlite = |error| StoreError::from_sqlite(file, error);
            let moment = connection.unchecked_transaction().map_err(sqlite)?;
            let past = match head(&moment, run).map_err(sqlite)? {
                None => return Err(journal::gone(&moment, file, run)),
                Some(head) if head.is_over => None,
                Some(Head { number, plan, last, is_of_older_format, .. }) => {
                    let artifacts = artifacts(&moment, number).map_err(sqlite)?;
                    // An end that was cut off would be done, and paid, again.
                    if last_turn_of_steps(&moment, number).map_err(sqlite)? > last {
                        return Err(journal::missing(file, run, last + 1));
                    }
                    let page = |from, bytes_max| {
                        journal::turns(&moment, file, beside, run, Page { from, bytes_max })
                    };
                    let turns = page(1, PAGE_BYTES)?;
                    let is_whole = turns.len() as u64 >= last;
                    let rest = if is_whole { Vec::new() } else { page(last, 0)? };
                    let at = rest.last().or(turns.last()).map(|turn| turn.at).unwrap_or_default();
                    Some(Past { plan, turns, last: (last, at), artifacts, is_of_older_format })
                }
            };
            moment.finish().map_err(sqlite)?;
            Ok(past)
        })
    }
}

struct Head {
    number: i64,
    plan: Digest,
    is_over: bool,
    /// The number of its last turn; 0 if none is there.
    last: u64,
    is_of_older_format: bool,
}

fn head(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<Head>> {
    let sql = "SELECT number, plan, ended_at IS NOT NULL,
                      ifnull((SELECT max(number) FROM journal WHERE run = runs.number), 0), has_step_turns = 0
               FROM runs WHERE id = ?1";
    let from_row = |row: &Row| {
        let last = row.get::<_, i64>(3)? as u64;
        let (is_over, is_of_older_format) = (row.get(2)?, row.get(4)?);
        Ok(Head { number: row.get(0)?, plan: rows::digest(row, 1)?, is_over, last, is_of_older_format })
    };
    connection.prepare_cached(sql)?.query_row([run.as_str()], from_row).optional()
}

/// The last turn of a run that its steps tell of.
fn last_turn_of_steps(connection: &Connection, run: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT max(max(ifnull(first_turn, 0), ifnull(attempted_turn, 0), ifnull(ended_turn, 0)))
               FROM steps WHERE run = ?1";
    let last = connection.prepare_cached(sql)?.query_row([run], |row| row.get::<_, Option<i64>>(0))?;
    Ok(last.unwrap_or_default() as u64)
}

fn artifacts(connection: &Connection, run: i64) -> rusqlite::Result<Vec<(Digest, u64)>> {
    let sql = "SELECT DISTINCT digest, bytes FROM artifact_refs JOIN artifacts USING (digest) WHERE run = ?1";
    let from_row = |row: &Row| Ok((rows::digest(row, 0)?, row.get::<_, i64>(1)? as u64));
    connection.prepare_cached(sql)?.query_map([run], from_row)?.collect()
}
