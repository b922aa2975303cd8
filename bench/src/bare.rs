//! The bare store: what the disk and SQLite allow, without anything of ours.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// A row of the size that a step's turn has.
pub const BODY_BYTES: usize = 600;

/// In how many places of the database a turn is written: the journal and its index, the row of the step that ended and that
/// of the step that begins, and what the database says of itself.
const TURN_PLACES: usize = 5;

/// Opens a database with full durability and one plain table, and others for [`Bare::commit_of_turn`].
fn open(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("bare.db")).expect("a fresh folder");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE journal (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;",
        )
        .expect("a fresh database takes a table");
    for place in 1..TURN_PLACES {
        let sql =
            format!("CREATE TABLE place_{place} (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT");
        connection.execute_batch(&sql).expect("a fresh database takes a table");
    }
    connection
}

/// Rows a second at so many rows a commit.
pub fn rows_per_second(rows_per_commit: usize, commits: usize) -> f64 {
    let folder = tempfile::tempdir_in(crate::scenario::place()).expect("a folder for the measurement");
    let connection = open(folder.path());
    let begin = Instant::now();
    for _ in 0..commits {
        commit(&connection, rows_per_commit);
    }
    (rows_per_commit * commits) as f64 / begin.elapsed().as_secs_f64()
}

/// After so many commits of one row the write-ahead log was written from its beginning again: it grows no
/// more, and a commit takes less.
const LOG_COMMITS: usize = 1_200;

/// A bare database whose single commits are measured between other work, under the same conditions.
pub struct Bare {
    connection: Mutex<Connection>,
    _folder: tempfile::TempDir,
}

impl Bare {
    /// A fresh one.
    pub fn new() -> Bare {
        let folder = tempfile::tempdir_in(crate::scenario::place()).expect("a folder for the measurement");
        let connection = open(folder.path());
        for _ in 0..LOG_COMMITS {
            commit(&connection, 1);
        }
        Bare { connection: Mutex::new(connection), _folder: folder }
    }

    /// How long one commit of one row takes.
    pub fn commit(&self) -> Duration {
        let connection = self.connection.lock().expect("no commit panics");
        let begin = Instant::now();
        commit(&connection, 1);
        begin.elapsed()
    }

    /// How long one commit takes that writes one row in each place of a turn.
    pub fn commit_of_turn(&self) -> Duration {
        let connection = self.connection.lock().expect("no commit panics");
        let begin = Instant::now();
        connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        insert(&connection, "journal", 1);
        (1..TURN_PLACES).for_each(|place| insert(&connection, &format!("place_{place}"), 1));
        connection.execute_batch("COMMIT").expect("the disk has room");
        begin.elapsed()
    }
}

fn commit(connection: &Connection, rows: usize) {
    connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    insert(connection, "journal", rows);
    connection.execute_batch("COMMIT").expect("the disk has room");
}

fn insert(connection: &Connection, table: &str, rows: usize) {
    let body = "x".repeat(BODY_BYTES);
    let sql = format!("INSERT INTO {table} (body) VALUES (?1)");
    let mut insert = connection.prepare_cached(&sql).expect("the table is there");
    for _ in 0..rows {
        insert.execute([&body]).expect("the disk has room");
    }
}
