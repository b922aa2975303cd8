//! The journal: turns as rows, whole and without gaps.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use motet_engine::dispatcher::GateEntry;
use motet_engine::event::SCHEMA;
use motet_engine::{Event, RunEvent, RunId, Turn};
use motet_pipeline::{Digest, Timestamp};
use rusqlite::types::{FromSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, RowIndex, params};
use sha2::{Digest as _, Sha256};

use crate::beside::{Beside, VALUE_BYTES_MAX, is_long};
use crate::pack::{pack, unpack, unpacked_length};
use crate::{StoreError, deletion};

/// A turn that is longer, though its long values are references, lies beside as a file.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// One turn of one run, to be appended.
#[derive(Clone, Debug)]
pub struct Record {
    /// The run.
    pub run: RunId,
    /// The turn. Shared, because the runtime tells others about it as well.
    pub turn: Arc<Turn>,
}

/// What is made durable together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Turns, in order for each run.
    pub turns: Vec<Record>,
    /// What happened at the gate, in order.
    pub gate: Vec<GateEntry>,
}

impl From<Vec<Record>> for Batch {
    fn from(turns: Vec<Record>) -> Batch {
        Batch { turns, gate: Vec::new() }
    }
}

impl<R: AsRef<[Record]> + ?Sized> From<&R> for Batch {
    fn from(turns: &R) -> Batch {
        turns.as_ref().to_vec().into()
    }
}

impl From<Vec<GateEntry>> for Batch {
    fn from(gate: Vec<GateEntry>) -> Batch {
        Batch { turns: Vec::new(), gate }
    }
}

/// A turn as it is stored: a row without its run.
pub(crate) struct StoredTurn {
    number: u64,
    at: Timestamp,
    /// The events as text, unless they are packed or lie beside. Bytes, because damaged text may be none.
    body: Option<Vec<u8>>,
    /// The events as [`pack`] writes them; format 2 kept none.
    packed: Option<Vec<u8>>,
    blob: Option<[u8; 32]>,
    /// The digests of the long values that the events refer to, one after the other; format 2 kept none.
    long_values: Option<Vec<u8>>,
    /// What [`StoredTurn::hash`] gave when it was written; format 1 kept none.
    check: Option<i64>,
}

impl StoredTurn {
    /// Encodes `turn`; all that lies beside is on disk when this returns.
    pub(crate) fn of(turn: &Turn, beside: &Beside) -> Result<StoredTurn, StoreError> {
        let (text, long_values) = encode(&turn.events, beside)?;
        let (number, at) = (turn.number, turn.at);
        let (body, packed, blob, check) = Default::default();
        let mut stored = StoredTurn { number, at, body, packed, blob, long_values, check };
        if text.len() > BODY_BYTES_MAX {
            stored.blob = Some(*beside.folder.put(&text)?.digest.as_bytes());
        } else {
            stored.packed = Some(pack(&text)).filter(|packed| packed.len() < text.len());
            stored.body = stored.packed.is_none().then_some(text);
        }
        Ok(StoredTurn { check: Some(stored.hash()), ..stored })
    }

    /// What tells this turn from others that could stand in its place.
    pub(crate) fn check(&self) -> i64 {
        self.check.unwrap_or_default()
    }

    /// The long values that the events refer to.
    pub(crate) fn long_values(&self) -> impl Iterator<Item = &[u8]> {
        self.long_values.iter().flat_map(|digests| digests.chunks_exact(DIGEST_BYTES))
    }

    /// From a whole row of the journal. A store that was opened to look at may be of an older format,
    /// which lacks columns.
    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<StoredTurn> {
        Ok(StoredTurn {
            number: row.get::<_, i64>(column::NUMBER)? as u64,
            at: Timestamp(row.get(column::AT)?),
            body: row.get_ref(column::BODY)?.as_bytes_or_null()?.map(<[u8]>::to_vec),
            packed: column_of_newer(row, column::PACKED)?,
            blob: row.get(column::BLOB)?,
            long_values: column_of_newer(row, column::LONG_VALUES)?,
            check: column_of_newer(row, column::CHECK)?,
        })
    }

    /// About how many bytes are read to decode it.
    fn bytes(&self, beside: &Beside) -> usize {
        let text = self.body.as_ref().map_or(0, Vec::len);
        let packed = self.packed.as_deref().map(unpacked_length);
        let inline = text + packed.and_then(Result::ok).unwrap_or(0).min(BODY_BYTES_MAX);
        let digests = self.long_values().filter_map(|digest| digest.try_into().ok()).chain(self.blob);
        // A file that is missing is an error of whoever decodes the turn.
        let length = |digest| beside.folder.find(&Digest::from_bytes(digest)).map_or(0, |found| found.len());
        let beside = digests.map(length).fold(0, u64::saturating_add);
        inline.saturating_add(usize::try_from(beside).unwrap_or(usize::MAX))
    }

    /// The turn of the run that is called `run`; fails if its body is missing or is not what was
    /// written.
    pub(crate) fn decode(&self, run: impl Display, file: &Path, beside: &Beside) -> Result<Turn, StoreError> {
        let corrupt = |what: &str| {
            let what = format!("turn {} of run {run} {what}", self.number);
            StoreError::Corrupt { file: file.to_owned(), what }
        };
        let changed = || Err(corrupt("isn't what was written"));
        if self.check.is_some_and(|check| check != self.hash()) {
            return changed();
        }
        let text = match (&self.body, &self.packed, self.blob.map(Digest::from_bytes)) {
            (Some(text), ..) => Cow::from(text),
            (None, Some(packed), _) => match unpack(packed, BODY_BYTES_MAX) {
                Ok(text) => text.into(),
                Err(_) => return changed(),
            },
            (None, None, Some(digest)) => {
                let text = beside.folder.read(&digest)?;
                if Digest::of(&text) != digest {
                    return changed();
                }
                text.into()
            }
            (None, None, None) => return Err(corrupt("has no body")),
        };
        let mut events: Vec<Event> = motet_pipeline::value::read_written(&text)
            .map_err(|error| corrupt(&format!("can't be read: {error}")))?;
        if self.long_values.is_some() {
            let digests =
                self.long_values().filter_map(|digest| Some(Digest::from_bytes(digest.try_into().ok()?)));
            match beside.restore(&mut events, &digests.collect()) {
                Err(StoreError::Corrupt { .. }) => return changed(),
                restored => restored?,
            }
        }
        Ok(Turn { number: self.number, at: self.at, events })
    }

    /// The same, if it is a turn of `run`: a first turn says whose it is.
    pub(crate) fn decode_of(&self, run: &RunId, file: &Path, beside: &Beside) -> Result<Turn, StoreError> {
        let turn = self.decode(run, file, beside)?;
        match turn.events.first() {
            Some(Event::Run(RunEvent::Started(started))) if started.run != *run => {
                let what = format!("turn {} of run {run} is one of run {}", turn.number, started.run);
                Err(StoreError::Corrupt { file: file.to_owned(), what })
            }
            _ => Ok(turn),
        }
    }

    /// Of all but the run, whose number isn't known yet when a turn is encoded: a turn that moved to
    /// another run leaves a gap.
    fn hash(&self) -> i64 {
        let mut hasher = Sha256::new();
        hasher.update(self.number.to_be_bytes());
        hasher.update(self.at.0.to_be_bytes());
        hasher.update(self.body.as_deref().unwrap_or_default());
        hasher.update(self.blob.as_ref().map(|digest| &digest[..]).unwrap_or_default());
        hasher.update(self.long_values.as_deref().unwrap_or_default());
        hasher.update(self.packed.as_deref().unwrap_or_default());
        let hash: [u8; 32] = hasher.finalize().into();
        i64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
    }
}

const DIGEST_BYTES: usize = 32;

/// The events as they are written, and the digests of the long values that they refer to.
fn encode(events: &[Event], beside: &Beside) -> Result<(Vec<u8>, Option<Vec<u8>>), StoreError> {
    let write = |events: &[Event]| serde_json::to_vec(events).expect("events are plain data with text keys");
    // What is long is not written as a whole first: the same text may be in it a thousand times.
    if !is_long(events) {
        let text = write(events);
        if text.len() <= VALUE_BYTES_MAX {
            return Ok((text, None));
        }
    }
    let shortened = beside.shorten(events)?;
    let digests: Vec<u8> = shortened.digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
    Ok((write(&shortened.events), Some(digests).filter(|digests| !digests.is_empty())))
}

/// Where the columns stand in a whole row of the journal, as the migrations add them. A long journal is read faster
/// by places than by names.
mod column {
    pub(super) const NUMBER: usize = 2;
    pub(super) const AT: usize = 3;
    pub(super) const BODY: usize = 4;
    pub(super) const BLOB: usize = 5;
    pub(super) const CHECK: usize = 6;
    pub(super) const LONG_VALUES: usize = 7;
    pub(super) const PACKED: usize = 8;
}

/// A column that a database of an older format doesn't have.
pub(crate) fn column_of_newer<T: FromSql>(row: &Row, column: impl RowIndex) -> rusqlite::Result<Option<T>> {
    match row.get(column) {
        Err(rusqlite::Error::InvalidColumnName(_) | rusqlite::Error::InvalidColumnIndex(_)) => Ok(None),
        column => column,
    }
}

/// Adds rows. Part of the writer's transaction.
pub(crate) struct Insertion<'c>(CachedStatement<'c>);

impl Insertion<'_> {
    pub(crate) fn begin(connection: &Connection) -> rusqlite::Result<Insertion<'_>> {
        let statement = connection.prepare_cached(
            r#"INSERT INTO journal (run, number, at, body, blob, "check", long_values, packed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#,
        );
        statement.map(Insertion)
    }

    /// Adds a row and gives its number.
    pub(crate) fn add(&mut self, run_number: i64, turn: &StoredTurn) -> rusqlite::Result<i64> {
        let body = turn.body.as_deref().map(|text| ToSqlOutput::Borrowed(ValueRef::Text(text)));
        let (number, at) = (turn.number as i64, turn.at.0);
        let StoredTurn { blob, check, long_values, packed, .. } = turn;
        self.0.insert(params![run_number, number, at, body, blob, check, long_values, packed])
    }
}

/// A run's number in the database and the number of its last turn.
pub(crate) fn head(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<(i64, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, (SELECT max(number) FROM journal WHERE run = runs.number) FROM runs WHERE id = ?1",
    )?;
    let row = |row: &Row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0) as u64));
    statement.query_row([run.as_str()], row).optional()
}

/// The turns of a run whose numbers are `from` or more, in order: as many as have about `bytes_max` in
/// all, and at least one if there is one. Fails if one is missing.
pub(crate) fn turns(
    connection: &Connection,
    file: &Path,
    beside: &Beside,
    run: &RunId,
    Page { from, bytes_max }: Page,
) -> Result<Vec<Turn>, StoreError> {
    let sqlite = |error| StoreError::from_sqlite(file, error);
    let Readable { number: run_number, ended_turn } = readable(connection, file, run)?;
    let mut statement = connection
        .prepare_cached("SELECT * FROM journal WHERE run = ?1 AND number >= ?2 ORDER BY number")
        .map_err(sqlite)?;
    let first = i64::try_from(from).unwrap_or(i64::MAX);
    let mut rows = statement.query([run_number, first]).map_err(sqlite)?;
    let mut turns = Vec::new();
    let mut room = bytes_max;
    for expected in from.max(1).. {
        let Some(row) = rows.next().map_err(sqlite)? else {
            // Every run has a first turn; of one that is over it is known which one is the last.
            if expected <= ended_turn.unwrap_or(1) {
                return Err(missing(file, run, expected));
            }
            break;
        };
        let stored = StoredTurn::from_row(row).map_err(sqlite)?;
        if stored.number != expected {
            return Err(missing(file, run, expected));
        }
        let bytes = stored.bytes(beside);
        if bytes > room && !turns.is_empty() {
            break;
        }
        room = room.saturating_sub(bytes);
        turns.push(stored.decode_of(run, file, beside)?);
    }
    Ok(turns)
}

/// Fails if a turn of a run is missing: between others, before the end of a run that is over, or up to `known`, which
/// something else tells of. Reads none of them.
pub(crate) fn judge(connection: &Connection, file: &Path, run: &RunId, known: u64) -> Result<(), StoreError> {
    let Readable { number, ended_turn } = readable(connection, file, run)?;
    let sqlite = |error| StoreError::from_sqlite(file, error);
    let sql = "SELECT count(*), ifnull(max(number), 0) FROM journal WHERE run = ?1";
    let counts = |row: &Row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
    let counts = connection.prepare_cached(sql).and_then(|mut it| it.query_row([number], counts));
    let (count, last) = counts.map_err(sqlite)?;
    if count == last && last >= known.max(ended_turn.unwrap_or(1)) {
        return Ok(());
    }
    let sql = "SELECT ifnull(min(next), 1) FROM (SELECT number + 1 AS next FROM journal WHERE run = ?1
               EXCEPT SELECT number FROM journal WHERE run = ?1)
               WHERE EXISTS (SELECT 1 FROM journal WHERE run = ?1 AND number = 1)";
    let first: i64 = connection.query_row(sql, [number], |row| row.get(0)).map_err(sqlite)?;
    Err(missing(file, run, first as u64))
}

/// That a turn isn't there which must be.
pub(crate) fn missing(file: &Path, run: &RunId, number: u64) -> StoreError {
    let what = format!("turn {number} of run {run} is missing");
    StoreError::Corrupt { file: file.to_owned(), what }
}

/// Where to begin reading a journal, and how much of it is read at once.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    pub(crate) from: u64,
    pub(crate) bytes_max: usize,
}

/// Why there is no run of this name.
pub(crate) fn gone(connection: &Connection, file: &Path, run: &RunId) -> StoreError {
    match deletion::find_deleted(connection, run.as_str()) {
        Ok(Some(deleted)) if deleted.id == *run => deleted.into(),
        Ok(_) => StoreError::NoRun { run: run.clone() },
        Err(error) => StoreError::from_sqlite(file, error),
    }
}

/// A run whose events this version can read.
struct Readable {
    /// Its number in the database.
    number: i64,
    /// The turn that ended it, if it is over.
    ended_turn: Option<u64>,
}

fn readable(connection: &Connection, file: &Path, run: &RunId) -> Result<Readable, StoreError> {
    let sql = "SELECT number, schema, ended_turn FROM runs WHERE id = ?1";
    let found = || -> rusqlite::Result<Option<(i64, u32, Option<i64>)>> {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
    };
    let found = found().map_err(|error| StoreError::from_sqlite(file, error))?;
    let Some((number, schema, ended_turn)) = found else { return Err(gone(connection, file, run)) };
    if schema > SCHEMA {
        return Err(StoreError::NewerRun { run: run.clone(), found: schema, supported: SCHEMA });
    }
    Ok(Readable { number, ended_turn: ended_turn.map(|turn| turn as u64) })
}
