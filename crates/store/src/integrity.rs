//! Whether the store still is what was written: all of it read and hashed again.

use std::collections::BTreeSet;
use std::path::Path;

use motet_engine::RunId;
use motet_pipeline::Digest;
use rusqlite::Connection;

use crate::artifacts::{ArtifactFolder, Kept};
use crate::beside::Beside;
use crate::journal::Page;
use crate::pages::PAGE_BYTES;
use crate::plans::LostPlan;
use crate::{StoreError, deletion, gate, journal, mark, plans};

/// What [`crate::Store::check`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntegrityReport {
    /// How many runs there are.
    pub runs: usize,
    /// How many of their turns could be read.
    pub turns: usize,
    /// How many artifact files there are.
    pub artifacts: usize,
    /// Their size in bytes.
    pub artifact_bytes: u64,
    /// What is wrong with the database itself, in SQLite's words.
    pub database: Vec<String>,
    /// Plans that are missing or aren't what was written, and the runs that follow them.
    pub plans: Vec<LostPlan>,
    /// Runs whose journal can't be read, has a gap or isn't what was written, and what is wrong with it.
    pub journals: Vec<(RunId, String)>,
    /// Artifacts that a run refers to and that have no file.
    pub missing: Vec<Digest>,
    /// Files whose bytes are not what their names say.
    pub damaged: Vec<Digest>,
    /// Artifacts in whose place something else lies that is never opened, such as a link; and what it is, in words.
    pub exchanged: Vec<(Digest, &'static str)>,
    /// Files that no run refers to. They take room and do no harm: a crash leaves some.
    pub unreferenced: Vec<Digest>,
    /// Why the store's mark is no witness though it is there, in words: turns that were lost at the end of the journal
    /// can't be noticed. The next owner writes it again.
    pub mark_doubt: Option<&'static str>,
    /// How many entries about limits can't be read: they are damaged, or of a newer version. Those limits are
    /// reset when the store is opened.
    pub gate_unread: usize,
    /// Room on the store's disk, in bytes.
    pub free_bytes: u64,
}

impl IntegrityReport {
    /// Whether everything is there and as it was written.
    pub fn is_good(&self) -> bool {
        self.database.is_empty()
            && self.plans.is_empty()
            && self.journals.is_empty()
            && self.missing.is_empty()
            && self.damaged.is_empty()
            && self.exchanged.is_empty()
    }
}

/// Reads everything. Takes as long as that takes.
pub(crate) fn check(
    connection: &Connection,
    file: &Path,
    folder: &Path,
    beside: &Beside,
) -> Result<IntegrityReport, StoreError> {
    let mut report = IntegrityReport { free_bytes: free_bytes(folder)?, ..IntegrityReport::default() };
    report.mark_doubt = mark::read(folder)?.doubt();
    for look in [structure(connection), partial_indexes(connection), missing_turns(connection)] {
        match look {
            Ok(findings) => report.database.extend(findings),
            Err(error) => report.database.push(error.to_string()),
        }
    }
    match plans::lost(connection, file) {
        Ok(lost) => report.plans = lost,
        Err(error) => report.database.push(error.to_string()),
    }
    match gate::read(connection, file) {
        Ok(stream) => report.gate_unread = stream.unread,
        Err(error) => report.database.push(error.to_string()),
    }
    // Before the references: a file comes before what refers to it.
    let files = beside.folder.list()?;
    check_journals(connection, file, beside, &mut report);
    match references(connection) {
        Ok(referenced) => check_artifacts(&beside.folder, &files, &referenced, &mut report)?,
        Err(error) => report.database.push(error.to_string()),
    }
    Ok(report)
}

/// What SQLite itself finds. A quick check would not compare indexes with their tables.
fn structure(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let lines: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}

/// Indexes of some rows of a table that hold more or fewer: SQLite doesn't count these.
fn partial_indexes(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name, tbl_name, substr(sql, instr(sql, ' WHERE ') + 7) FROM sqlite_schema
               WHERE type = 'index' AND sql LIKE '% WHERE %' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let (index, table, rows_of_it): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let count = |rows: &str| {
            let sql = format!("SELECT count(*) FROM {table} {rows}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0))
        };
        let by_index = count(&format!("INDEXED BY {index} WHERE {rows_of_it}"));
        // Put so, SQLite doesn't see that the index would do.
        match (by_index, count(&format!("WHERE ({rows_of_it}) IS TRUE"))) {
            (Ok(found), Ok(expected)) if found == expected => {}
            (Ok(found), Ok(expected)) => {
                findings.push(format!("the index {index} has {found} entries instead of {expected}"));
            }
            (Err(error), _) | (_, Err(error)) => findings.push(format!("the index {index}: {error}")),
        }
    }
    Ok(findings)
}

/// How many turns that were recorded before others aren't there, besides those of deleted runs.
pub(crate) fn count_missing_turns(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT ifnull(max(sequence), 0) - count(*) FROM journal";
    let missing: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(missing - deletion::turns_deleted(connection)?)
}

/// Turns that were recorded before others that are there. None is ever taken away but with its whole run.
fn missing_turns(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let missing = count_missing_turns(connection)?;
    let finding = || format!("turns are missing in the middle of the journal: {missing}");
    Ok((missing != 0).then(finding).into_iter().collect())
}

fn check_journals(connection: &Connection, file: &Path, beside: &Beside, report: &mut IntegrityReport) {
    let ids = || -> rusqlite::Result<Vec<(Option<String>, i64)>> {
        let deleted = match deletion::knows_deleted(connection)? {
            true => "AND run NOT IN (SELECT number FROM deleted_runs)",
            false => "",
        };
        let mut statement = connection.prepare(&format!(
            "SELECT id, number FROM runs
             UNION SELECT NULL, run FROM journal WHERE run NOT IN (SELECT number FROM runs) {deleted}
             ORDER BY 2"
        ))?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let ids = match ids() {
        Ok(ids) => ids,
        Err(error) => return report.database.push(error.to_string()),
    };
    report.runs = ids.len();
    for (id, number) in ids {
        let Some(id) = id else {
            let what = "its journal is there, but it isn't in the table of runs".to_owned();
            report.journals.push((RunId::new(number.to_string()), what));
            continue;
        };
        let run = RunId::new(id);
        match count_turns(connection, file, beside, &run) {
            Ok(0) => report.journals.push((run, "it has no turns".to_owned())),
            Ok(turns) => report.turns += turns,
            Err(StoreError::Corrupt { what, .. }) => report.journals.push((run, what)),
            Err(error) => report.journals.push((run, error.to_string())),
        }
    }
}

/// Reads all turns of a run, some at a time.
fn count_turns(
    connection: &Connection,
    file: &Path,
    beside: &Beside,
    run: &RunId,
) -> Result<usize, StoreError> {
    let (mut count, mut from) = (0, 1);
    loop {
        let page = Page { from, bytes_max: PAGE_BYTES };
        let turns = journal::turns(connection, file, beside, run, page)?;
        let Some(last) = turns.last() else { return Ok(count) };
        count += turns.len();
        from = last.number + 1;
    }
}

/// Every digest that something in the database needs. A database of an older format knows no long values.
pub(crate) fn references(connection: &Connection) -> rusqlite::Result<BTreeSet<Digest>> {
    let knows_long_values = connection.table_exists(None, "long_value_refs")?;
    let long_values = if knows_long_values { "UNION SELECT digest FROM long_value_refs" } else { "" };
    let mut statement = connection.prepare(&format!(
        "SELECT digest FROM artifact_refs UNION SELECT blob FROM journal WHERE blob IS NOT NULL {long_values}"
    ))?;
    statement.query_map([], |row| Ok(Digest::from_bytes(row.get(0)?)))?.collect()
}

fn check_artifacts(
    artifacts: &ArtifactFolder,
    files: &[Kept],
    referenced: &BTreeSet<Digest>,
    report: &mut IntegrityReport,
) -> Result<(), StoreError> {
    report.artifacts = files.len();
    report.artifact_bytes = files.iter().map(|kept| kept.bytes).sum();
    for Kept { digest, .. } in files {
        if !referenced.contains(digest) {
            report.unreferenced.push(*digest);
        }
        if !artifacts.verify(digest)? {
            report.damaged.push(*digest);
        }
    }
    for digest in referenced.iter().filter(|digest| artifacts.find(digest).is_none()) {
        match artifacts.odd_in_place_of(digest)? {
            Some((_, is)) => report.exchanged.push((*digest, is)),
            None => report.missing.push(*digest),
        }
    }
    Ok(())
}

fn free_bytes(folder: &Path) -> Result<u64, StoreError> {
    let found = rustix::fs::statvfs(folder);
    let found =
        found.map_err(|error| StoreError::from_io("ask for the free room of", folder, error.into()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}
