//! The stream of the gate: what the dispatcher must know when the store is opened again.

use std::path::Path;

use motet_engine::dispatcher::{GateEntry, GateEvent};
use motet_pipeline::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::{StoreError, schema};

/// What is kept of the gate's stream: of each subject the last entry, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateStream {
    /// The entries that can be read.
    pub entries: Vec<GateEntry>,
    /// How many can't: they are damaged, or of a newer version. The limits that they are about are reset.
    pub unread: usize,
}

/// Adds an entry, in the place of the last one of its subject. Part of the writer's transaction.
pub(crate) fn insert(connection: &Connection, entry: &GateEntry) -> rusqlite::Result<()> {
    let GateEntry { at, event } = entry;
    let subject = event.subject();
    connection.prepare_cached("DELETE FROM gate WHERE subject = ?1")?.execute([&subject])?;
    if event.ends_subject() {
        return Ok(());
    }
    let text = serde_json::to_string(event).expect("events are plain data with text keys");
    let mut statement =
        connection.prepare_cached("INSERT INTO gate (at, subject, event) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![at.0, subject, text]).map(drop)
}

/// All of it. A database of an older format has none.
pub(crate) fn read(connection: &Connection, file: &Path) -> Result<GateStream, StoreError> {
    let rows = || -> rusqlite::Result<Vec<Option<GateEntry>>> {
        if !schema::has_table(connection, "gate")? {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare("SELECT at, event FROM gate ORDER BY sequence")?;
        statement.query_map([], |row| Ok(read_entry(row)))?.collect()
    };
    let rows = rows().map_err(|error| StoreError::from_sqlite(file, error))?;
    let all = rows.len();
    let entries: Vec<GateEntry> = rows.into_iter().flatten().collect();
    Ok(GateStream { unread: all - entries.len(), entries })
}

fn read_entry(row: &Row) -> Option<GateEntry> {
    let at = Timestamp(row.get("at").ok()?);
    let event: GateEvent = serde_json::from_slice(row.get_ref("event").ok()?.as_bytes().ok()?).ok()?;
    Some(GateEntry { at, event })
}
