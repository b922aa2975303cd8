//! The journal: turns as rows, whole and without gaps.

use std::path::Path;
use std::sync::Arc;

use motet_engine::event::SCHEMA;
use motet_engine::{Event, RunId, Turn};
use motet_pipeline::{Digest, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

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

/// The events of a turn as they are stored.
pub(crate) enum Body {
    Inline(String),
    Beside(Digest),
}

impl Body {
    /// Encodes the events of `turn`; a large body is on disk when this returns.
    pub(crate) fn of(turn: &Turn, beside: &ArtifactFolder) -> Result<Body, StoreError> {
        let text = serde_json::to_string(&turn.events).expect("events are plain data with text keys");
        if text.len() <= INLINE_BYTES_MAX {
            return Ok(Body::Inline(text));
        }
        Ok(Body::Beside(beside.put(text.as_bytes())?.digest))
    }
}

/// Adds a row. Part of the writer's transaction.
pub(crate) fn insert(
    connection: &Connection,
    run_number: i64,
    turn: &Turn,
    body: &Body,
) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT INTO journal (run, number, at, body, blob) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let (text, blob) = match body {
        Body::Inline(text) => (Some(text), None),
        Body::Beside(digest) => (None, Some(digest.as_bytes().as_slice())),
    };
    statement.execute(params![run_number, turn.number as i64, turn.at.0, text, blob])?;
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

/// A row, not decoded yet.
pub(crate) struct StoredTurn {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) body: Option<String>,
    pub(crate) blob: Option<[u8; 32]>,
}

impl StoredTurn {
    /// From the columns `number, at, body, blob`.
    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<StoredTurn> {
        Ok(StoredTurn {
            number: row.get::<_, i64>(0)? as u64,
            at: Timestamp(row.get(1)?),
            body: row.get(2)?,
            blob: row.get(3)?,
        })
    }

    /// The turn; fails if its body is missing or is not what was written.
    pub(crate) fn decode(self, file: &Path, beside: &ArtifactFolder) -> Result<Turn, StoreError> {
        let corrupt =
            |what: String| StoreError::Corrupt { file: file.to_owned(), what: format!("a turn {what}") };
        let text = match (self.body, self.blob) {
            (Some(text), _) => text,
            (None, Some(digest)) => beside.read_text(&Digest::from_bytes(digest))?,
            (None, None) => return Err(corrupt("has no body".to_owned())),
        };
        let events: Vec<Event> = motet_pipeline::value::read_written(text.as_bytes())
            .map_err(|error| corrupt(format!("can't be read: number {}, {error}", self.number)))?;
        Ok(Turn { number: self.number, at: self.at, events })
    }
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
        turns.push(row.decode(file, beside)?);
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
    let mut statement = connection.prepare_cached(
        "SELECT number, at, body, blob FROM journal WHERE run = ?1 AND number >= ?2 ORDER BY number",
    )?;
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = statement.query_map([run_number, from], StoredTurn::from_row)?;
    Ok(Some((schema, rows.collect::<rusqlite::Result<_>>()?)))
}
