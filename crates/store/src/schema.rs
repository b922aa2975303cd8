//! The database file: how a connection is set up, and how an older format becomes the newest.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::StoreError;

/// The newest format of the database. Format `n` is what the first `n` migrations make.
pub const FORMAT: u32 = MIGRATIONS.len() as u32;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
];

/// Marks the file as ours, in SQLite's header: `motE`.
const APPLICATION: i32 = 0x6d6f_7445;

/// How long a connection waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared: more than there are in this crate.
const STATEMENTS: usize = 64;

/// Opens the database for writing, makes it if it isn't there, and brings its format up to date.
pub(crate) fn open_writer(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let mut connection = connection.map_err(|error| cannot_open(file, error))?;
    // Before anything is changed in it.
    recognise(&connection, file)?;
    prepare_writer(&mut connection).map_err(|error| StoreError::from_sqlite(file, error))?;
    migrate(&mut connection, file, MIGRATIONS)?;
    Ok(connection)
}

/// Opens a database that lives in memory and ends with its connection.
pub(crate) fn open_in_memory() -> Result<Connection, StoreError> {
    let file = Path::new(":memory:");
    let mut connection =
        Connection::open_in_memory().map_err(|error| StoreError::from_sqlite(file, error))?;
    prepare_writer(&mut connection).map_err(|error| StoreError::from_sqlite(file, error))?;
    migrate(&mut connection, file, MIGRATIONS)?;
    Ok(connection)
}

/// Opens the database for reading only.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    match connect_reader(file, OsStr::new("")) {
        // A database with a write-ahead log wants to make files beside it, even to be read. Where that
        // can't be, and no log is waiting, nobody else can write it either: it may be read as it is.
        Err(StoreError::ReadOnly { .. } | StoreError::Database { .. }) if !has_log(file) => {
            connect_reader(file, OsStr::new("?immutable=1"))
        }
        outcome => outcome,
    }
}

fn connect_reader(file: &Path, parameters: &OsStr) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(uri(file, parameters), flags | OpenFlags::SQLITE_OPEN_URI);
    let connection = opened.map_err(|error| cannot_open(file, error))?;
    let prepare = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "query_only", true)?;
        // The file is opened in earnest only now.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
    };
    prepare().map_err(|error| StoreError::from_sqlite(file, error))?;
    Ok(connection)
}

/// Whether commits wait in a write-ahead log.
fn has_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

fn uri(file: &Path, parameters: &OsStr) -> OsString {
    let mut uri = b"file:".to_vec();
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend(format!("%{byte:02x}").bytes()),
            byte => uri.push(*byte),
        }
    }
    uri.extend(parameters.as_bytes());
    OsString::from_vec(uri)
}

/// Refuses a database that is not ours or of a newer format. Gives its format.
pub(crate) fn recognise(connection: &Connection, file: &Path) -> Result<u32, StoreError> {
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let header = || -> rusqlite::Result<(i32, i32, i64)> {
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((read("application_id")?, read("user_version")?, tables))
    };
    let (application, version, tables) = header().map_err(|error| StoreError::from_sqlite(file, error))?;
    let found = u32::try_from(version).unwrap_or(u32::MAX);
    let fresh = application == 0 && version == 0 && tables == 0;
    if application != APPLICATION && !fresh {
        return Err(StoreError::Foreign { file: file.to_owned() });
    }
    if found > FORMAT {
        return Err(StoreError::Newer { file: file.to_owned(), found, supported: FORMAT });
    }
    Ok(found)
}

fn prepare_writer(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A database in memory answers `memory` instead of `wal`, which is fine.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))
}

/// Runs the migrations that the database has not seen, all in one transaction.
fn migrate(connection: &mut Connection, file: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    if recognise(connection, file)? as usize == migrations.len() {
        return Ok(());
    }
    let mut run = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked again under the lock: another process may have been quicker.
        let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for migration in migrations.iter().skip(usize::try_from(version).unwrap_or(0)) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", migrations.len() as i32)?;
        transaction.commit()
    };
    run().map_err(|error| StoreError::from_sqlite(file, error))
}

/// SQLite says only "unable to open" for whatever the file system refused; this asks once more.
fn cannot_open(file: &Path, error: rusqlite::Error) -> StoreError {
    match std::fs::OpenOptions::new().read(true).open(file) {
        Err(reason) => StoreError::from_io("open", file, reason),
        Ok(_) => StoreError::from_sqlite(file, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_format_is_brought_forward_whole_or_not_at_all() {
        let mut connection = open_in_memory().unwrap();
        let file = Path::new("test.db");
        connection.execute("INSERT INTO plans VALUES (x'00', 'kept')", []).unwrap();
        let column = "ALTER TABLE plans ADD COLUMN note TEXT NOT NULL DEFAULT 'none';";

        migrate(&mut connection, file, &[MIGRATIONS, &[column, "SYNTAX ERROR"]].concat()).unwrap_err();
        assert_eq!(recognise(&connection, file).unwrap(), FORMAT);
        connection.execute("SELECT note FROM plans", []).unwrap_err();

        migrate(&mut connection, file, &[MIGRATIONS, &[column]].concat()).unwrap();
        let read = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
        let row: (String, String) = connection.query_row("SELECT bundle, note FROM plans", [], read).unwrap();
        assert_eq!(row, ("kept".to_owned(), "none".to_owned()));
        let Err(StoreError::Newer { found, supported: FORMAT, .. }) = recognise(&connection, file) else {
            panic!("a format with one more migration is newer than this version");
        };
        assert_eq!(found, FORMAT + 1);
    }

    #[test]
    fn a_path_may_hold_what_a_uri_gives_a_meaning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a?b#c%20 d.db");
        drop(open_writer(&file).unwrap());
        open_reader(&file).unwrap();
    }
}
