//! Verification: the tables that are made from the journal, held against what they would be if they were made now.
//!
//! They are made again in a database of its own, beside the store, some runs at a time; there and here the rows of a
//! run must be the same. Nothing of the store is changed.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::Path;

use motet_engine::RunId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::beside::Beside;
use crate::journal::StoredTurn;
use crate::projection::{Changes, Extract};
use crate::{Store, StoreError, schema};

/// A row of a table that isn't what the journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongRow {
    /// The run that it is about.
    pub run: RunId,
    /// The table.
    pub table: &'static str,
    /// The row that is there, if there is one.
    pub found: Option<String>,
    /// The row that should be there, if there should be one.
    pub expected: Option<String>,
}

/// The tables with rows of runs, what of a row is compared, and by which column a run's rows are found.
const TABLES: [(&str, &str, &str); 9] = [
    ("runs", "*", "number"),
    ("steps", "*", "run"),
    ("step_turns", "*", "run"),
    ("artifact_refs", "*", "run"),
    ("long_value_refs", "*", "run"),
    ("charges", "*", "run"),
    ("savings", "*", "run"),
    ("cache", "*", "run"),
    ("artifacts", "artifacts.*", "run"),
];

/// How many wrong rows are told.
const TOLD_MAX: usize = 100;

impl Store {
    /// Holds the tables against a fold of the journal. Gives the first wrong rows, none if all are right. A run whose
    /// journal can't be read is left out: [`Store::check`] tells of it. So is one that was begun before this format, of
    /// which the tables know less.
    ///
    /// # Errors
    /// When the store can't be read, or is of an older format.
    pub fn verify(&self) -> Result<Vec<WrongRow>, StoreError> {
        if !self.reader().has_step_turns()? {
            // Its tables are made again when it is brought forward.
            return Ok(Vec::new());
        }
        self.read_all(|connection, file, beside| {
            let sqlite = |error| StoreError::from_sqlite(file, error);
            let moment = connection.unchecked_transaction().map_err(sqlite)?;
            let runs: Vec<i64> = moment
                .prepare(
                    "SELECT number FROM runs WHERE has_step_turns = 1
                     UNION SELECT run FROM journal WHERE run NOT IN (SELECT number FROM runs)
                       AND run NOT IN (SELECT number FROM deleted_runs)",
                )
                .and_then(|mut it| it.query_map([], |row| row.get(0))?.collect())
                .map_err(sqlite)?;
            let mut wrong = Vec::new();
            for run in runs {
                let fold = schema::open_in_memory()?;
                if fold_run(&moment, &fold, run, file, beside)? {
                    compare(&moment, &fold, run, &mut wrong).map_err(sqlite)?;
                }
                if wrong.len() >= TOLD_MAX {
                    break;
                }
            }
            moment.finish().map_err(sqlite)?;
            Ok(wrong)
        })
    }
}

/// Makes the rows of one run in `fold`. False if its journal can't be read.
fn fold_run(
    connection: &Connection,
    fold: &Connection,
    run: i64,
    file: &Path,
    beside: &Beside,
) -> Result<bool, StoreError> {
    let sqlite = |error| StoreError::from_sqlite(file, error);
    let sql = "SELECT * FROM journal WHERE run = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let mut rows = statement.query([run]).map_err(sqlite)?;
    fold.execute_batch("BEGIN").map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let stored = StoredTurn::from_row(row).map_err(sqlite)?;
        let Ok(turn) = stored.decode(format_args!("number {run}"), file, beside) else { return Ok(false) };
        let (extract, mut changes) = (Extract::of(&turn), Changes::default());
        changes.add(run, &turn, &extract);
        changes.add_long_values(run, stored.long_values());
        changes.write(fold).map_err(sqlite)?;
    }
    fold.execute_batch("COMMIT").map_err(sqlite)?;
    Ok(true)
}

fn compare(
    connection: &Connection,
    fold: &Connection,
    run: i64,
    wrong: &mut Vec<WrongRow>,
) -> rusqlite::Result<()> {
    let id = |connection: &Connection| {
        let sql = "SELECT id FROM runs WHERE number = ?1";
        connection.query_row(sql, [run], |row| row.get::<_, String>(0)).optional()
    };
    let name = id(fold)?.map_or_else(|| id(connection), |name| Ok(Some(name)))?;
    let run_id = RunId::new(name.unwrap_or_else(|| format!("number {run}")));
    for (table, columns, key) in TABLES {
        let sql = match table {
            "artifacts" => format!(
                "SELECT DISTINCT {columns} FROM artifacts JOIN artifact_refs USING (digest) WHERE {key} = ?1"
            ),
            _ => format!("SELECT {columns} FROM {table} WHERE {key} = ?1"),
        };
        let (found, expected) = (rows_of(connection, &sql, run)?, rows_of(fold, &sql, run)?);
        let mut missing: VecDeque<String> = expected.difference(&found).cloned().collect();
        let mut tell = |found, expected| wrong.push(WrongRow { run: run_id.clone(), table, found, expected });
        found.difference(&expected).for_each(|row| tell(Some(row.clone()), missing.pop_front()));
        missing.into_iter().for_each(|row| tell(None, Some(row)));
    }
    Ok(())
}

fn rows_of(connection: &Connection, sql: &str, run: i64) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = connection.prepare_cached(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    statement.query_map([run], |row| Ok(in_words(row, &names)))?.collect()
}

/// `path = film, status = completed`
fn in_words(row: &Row, names: &[String]) -> String {
    let mut words = String::new();
    for (place, name) in names.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        // A text takes whatever is written to it.
        let _ = match row.get_ref(place) {
            Ok(ValueRef::Null) | Err(_) => Ok(()),
            Ok(ValueRef::Integer(number)) => write!(words, "{comma}{name} = {number}"),
            Ok(ValueRef::Real(number)) => write!(words, "{comma}{name} = {number}"),
            Ok(ValueRef::Text(text)) => write!(words, "{comma}{name} = {}", String::from_utf8_lossy(text)),
            Ok(ValueRef::Blob(bytes)) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                write!(words, "{comma}{name} = {hex}")
            }
        };
    }
    words
}
