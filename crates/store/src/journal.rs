//! The journal: turns as rows, whole and without gaps.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use motet_engine::event::SCHEMA;
use motet_engine::{Event, RunId, Turn};
use motet_pipeline::{Digest, Timestamp};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::artifacts::ArtifactFolder;

/// A longer body lies beside as a file, so that the database stays dense and its pages are read
/// quickly.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// One turn of one run, to be appended.
#[derive(Clone, Debug)]
pub struct Record {
    /// The run.
    pub run: RunId,
    /// The turn. Shared, because the runtime tells others about it as well.
    pub turn: Arc<Turn>,
}

/// A turn as it is stored: a row without its run.
pub(crate) struct StoredTurn {
    number: u64,
    at: Timestamp,
    /// The events, unless they lie beside. Bytes, because damaged text may be none.
    body: Option<Vec<u8>>,
    blob: Option<[u8; 32]>,
    /// What [`StoredTurn::hash`] gave when it was written; format 1 kept none.
    check: Option<i64>,
}

impl StoredTurn {
    /// Encodes `turn`; a large body is on disk when this returns.
    pub(crate) fn of(turn: &Turn, beside: &ArtifactFolder) -> Result<StoredTurn, StoreError> {
        let text = serde_json::to_vec(&turn.events).expect("events are plain data with text keys");
        let (body, blob) = match text.len() {
            ..=INLINE_BYTES_MAX => (Some(text), None),
            _ => (None, Some(*beside.put(&text)?.digest.as_bytes())),
        };
        let stored = StoredTurn { number: turn.number, at: turn.at, body, blob, check: None };
        Ok(StoredTurn { check: Some(stored.hash()), ..stored })
    }

    /// From a whole row of the journal. A store that was opened to look at may be of format 1, which
    /// has no column for the check.
    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<StoredTurn> {
        let check = match row.get("check") {
            Err(rusqlite::Error::InvalidColumnName(_)) => None,
            check => check?,
        };
        Ok(StoredTurn {
            number: row.get::<_, i64>("number")? as u64,
            at: Timestamp(row.get("at")?),
            body: row.get_ref("body")?.as_bytes_or_null()?.map(<[u8]>::to_vec),
            blob: row.get("blob")?,
            check,
        })
    }

    /// The turn of the run that is called `run`; fails if its body is missing or is not what was
    /// written.
    pub(crate) fn decode(
        self,
        run: impl Display,
        file: &Path,
        beside: &ArtifactFolder,
    ) -> Result<Turn, StoreError> {
        let corrupt = |what: &str| {
            let what = format!("turn {} of run {run} {what}", self.number);
            StoreError::Corrupt { file: file.to_owned(), what }
        };
        let changed = || Err(corrupt("isn't what was written"));
        if self.check.is_some_and(|check| check != self.hash()) {
            return changed();
        }
        let text = match (self.body, self.blob.map(Digest::from_bytes)) {
            (Some(text), _) => text,
            (None, Some(digest)) => {
                let text = beside.read(&digest)?;
                if Digest::of(&text) != digest {
                    return changed();
                }
                text
            }
            (None, None) => return Err(corrupt("has no body")),
        };
        let events: Vec<Event> = motet_pipeline::value::read_written(&text)
            .map_err(|error| corrupt(&format!("can't be read: {error}")))?;
        Ok(Turn { number: self.number, at: self.at, events })
    }

    /// Of all but the run, whose number isn't known yet when a turn is encoded: a turn that moved to
    /// another run leaves a gap.
    fn hash(&self) -> i64 {
        let mut hasher = Sha256::new();
        hasher.update(self.number.to_be_bytes());
        hasher.update(self.at.0.to_be_bytes());
        hasher.update(self.body.as_deref().unwrap_or_default());
        hasher.update(self.blob.as_ref().map(|digest| &digest[..]).unwrap_or_default());
        let hash: [u8; 32] = hasher.finalize().into();
        i64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
    }
}

/// Adds a row. Part of the writer's transaction.
pub(crate) fn insert(connection: &Connection, run_number: i64, turn: &StoredTurn) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        r#"INSERT INTO journal (run, number, at, body, blob, "check") VALUES (?1, ?2, ?3, ?4, ?5, ?6)"#,
    )?;
    let body = turn.body.as_deref().map(|text| ToSqlOutput::Borrowed(ValueRef::Text(text)));
    statement.execute(params![run_number, turn.number as i64, turn.at.0, body, turn.blob, turn.check])?;
    Ok(())
}

/// A run's number in the database and the number of its last turn.
pub(crate) fn head(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<(i64, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, (SELECT max(number) FROM journal WHERE run = runs.number) FROM runs WHERE id = ?1",
    )?;
    let row = |row: &Row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0) as u64));
    statement.query_row([run.as_str()], row).optional()
}

/// The turns of a run whose numbers are `from` or more, in order. Fails if one is missing.
pub(crate) fn turns(
    connection: &Connection,
    file: &Path,
    beside: &ArtifactFolder,
    run: &RunId,
    from: u64,
) -> Result<Vec<Turn>, StoreError> {
    let stored = stored_turns(connection, run, from).map_err(|error| StoreError::from_sqlite(file, error))?;
    let (schema, rows) = stored.ok_or_else(|| StoreError::NoRun { run: run.clone() })?;
    if schema > SCHEMA {
        return Err(StoreError::NewerRun { run: run.clone(), found: schema, supported: SCHEMA });
    }
    let mut turns = Vec::with_capacity(rows.len());
    for (row, expected) in rows.into_iter().zip(from.max(1)..) {
        if row.number != expected {
            let what = format!("turn {expected} of run {run} is missing");
            return Err(StoreError::Corrupt { file: file.to_owned(), what });
        }
        turns.push(row.decode(run, file, beside)?);
    }
    Ok(turns)
}

/// The format of a run's events, and its turns from a number on.
fn stored_turns(
    connection: &Connection,
    run: &RunId,
    from: u64,
) -> rusqlite::Result<Option<(u32, Vec<StoredTurn>)>> {
    let mut statement = connection.prepare_cached("SELECT number, schema FROM runs WHERE id = ?1")?;
    let found =
        statement.query_row([run.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    let Some((run_number, schema)) = found else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT * FROM journal WHERE run = ?1 AND number >= ?2 ORDER BY number")?;
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = statement.query_map([run_number, from], StoredTurn::from_row)?;
    Ok(Some((schema, rows.collect::<rusqlite::Result<_>>()?)))
}
