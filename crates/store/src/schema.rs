//! The database file: how a connection is set up, and how an older format becomes the newest.

mod log;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_IOERR_SHORT_READ;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::maker::{self, Maker};
use crate::{StoreError, charges, mark, patience, private};

pub(crate) use log::has_pages;
pub(crate) use log::is_empty as is_empty_log;

/// The newest format of the database. Format `n` is what the first `n` migrations make.
pub const FORMAT: u32 = MIGRATIONS.len() as u32;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
];

/// What stands for the file of a database in memory.
const MEMORY: &str = ":memory:";

/// Marks the file as ours, in SQLite's header: `motE`.
const APPLICATION: i32 = 0x6d6f_7445;

/// Statements that a connection keeps prepared: more than there are in this crate.
const STATEMENTS: usize = 64;

/// Whose a store may be that is opened to be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This user's, made on this machine; or nobody's yet.
    Own,
    /// Anybody's: from now on it is this user's.
    Anybodys,
}

/// Whether the database bears our name. Nothing is changed, also where the file is of another program,
/// which is an error.
pub(crate) fn is_named(file: &Path) -> Result<bool, StoreError> {
    if private::look_at(file)?.is_none_or(|found| found.len() == 0) {
        // SQLite would take such a log for a leftover, and remove it.
        return match log::application(file)? {
            Some(APPLICATION) => Err(StoreError::Gone { folder: file.parent().unwrap_or(file).to_owned() }),
            _ => Ok(false),
        };
    }
    let failed = |error| StoreError::from_sqlite(file, error);
    let connection = open_uri(file, "?immutable=1", OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Without its log it may be shorter than it says, for which SQLite would refuse it otherwise.
    connection.pragma_update(None, "writable_schema", true).map_err(failed)?;
    let foreign = || Err(StoreError::Foreign { file: file.to_owned() });
    match pragma(&connection, "application_id").map_err(failed)? {
        APPLICATION => Ok(true),
        0 => match log::application(file)? {
            // Formats 1 and 2 put the name into the log first, where it stayed if they were killed.
            Some(APPLICATION) => Ok(true),
            None if Header::read(&connection).map_err(failed)?.is_fresh() => Ok(false),
            _ => foreign(),
        },
        _ => foreign(),
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Opens the database for writing, makes it if it isn't there, and brings its format up to date.
/// `judge` looks at what is there before anything is changed.
pub(crate) fn open_writer(
    file: &Path,
    whose: Whose,
    patience: Duration,
    judge: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<Connection, StoreError> {
    let connection = patience::with_patience(patience, || open_to_write(file, whose, judge))?;
    connection.busy_timeout(patience).map_err(|error| StoreError::from_sqlite(file, error))?;
    Ok(connection)
}

fn open_to_write(
    file: &Path,
    whose: Whose,
    judge: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::from_sqlite(file, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    if whose == Whose::Own && is_named(file)? {
        refuse_store_of_others(file)?;
    }
    // A new database is made with the mode of the folder, so that nobody else may open it even now; its
    // log has always the mode of the database.
    let folder = uri_text(real_folder_of(file)?.as_os_str());
    let mode_of_folder = OsString::from_vec([b"?modeof=", folder.as_slice()].concat());
    let mut connection = open_uri(file, mode_of_folder, flags)?;
    connection.busy_handler(Some(patience::waits)).map_err(failed)?;
    // Before anything is changed in it.
    recognise(&connection, file)?;
    judge(&connection)?;
    name(&mut connection).map_err(failed)?;
    prepare_writer(&mut connection).map_err(failed)?;
    migrate(&mut connection, file, MIGRATIONS)?;
    if whose == Whose::Anybodys {
        Maker::here()?.record(&connection).map_err(failed)?;
    }
    Ok(connection)
}

/// Refuses a store that another user or machine made. It is looked at so that it stays as it is: whoever
/// closes it after writing may move its log into its database, and a reader makes a log if there is none.
fn refuse_store_of_others(file: &Path) -> Result<(), StoreError> {
    let connection = connect_reader(file, if has_log(file) { "" } else { "?immutable=1" })?;
    if recognise(&connection, file)? < maker::SINCE_FORMAT {
        return Ok(());
    }
    let maker = Maker::read(&connection).map_err(|error| StoreError::from_sqlite(file, error))?;
    let folder = || file.parent().unwrap_or(file).to_owned();
    let difference = Maker::here()?.difference(maker.as_ref());
    difference.map_or(Ok(()), |by| Err(StoreError::MadeByOthers { folder: folder(), by }))
}

/// Puts our name into a new database, and thus into its file: once it writes to a log, the name would
/// stay there for a while, and a process that is killed meanwhile would leave a file without one.
fn name(connection: &mut Connection) -> rusqlite::Result<()> {
    if Header::read(connection)?.application == APPLICATION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()
}

/// Opens a database that lives in memory and ends with its connection.
pub(crate) fn open_in_memory() -> Result<Connection, StoreError> {
    let failed = |error| StoreError::from_sqlite(Path::new(MEMORY), error);
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    prepare_writer(&mut connection).map_err(failed)?;
    copy_empty(&mut connection)?;
    Ok(connection)
}

/// Makes `into` an empty database of the newest format. It is copied from one that is made once: to copy pages takes a
/// small part of the time that migrations take.
fn copy_empty(into: &mut Connection) -> Result<(), StoreError> {
    static EMPTY: Mutex<Option<Connection>> = Mutex::new(None);
    let file = Path::new(MEMORY);
    let failed = |error| StoreError::from_sqlite(file, error);
    let mut empty = EMPTY.lock().unwrap_or_else(PoisonError::into_inner);
    if empty.is_none() {
        let mut made = Connection::open_in_memory().map_err(failed)?;
        migrate(&mut made, file, MIGRATIONS)?;
        *empty = Some(made);
    }
    let from = empty.as_ref().expect("it was just made");
    Backup::new(from, into).and_then(|copying| copying.step(-1)).map(drop).map_err(failed)
}

/// Opens the database for reading only.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    match connect_reader(file, "") {
        // A database with a write-ahead log wants to make files beside it, even to be read. Where that
        // can't be, and no log is waiting, nobody else can write it either: it may be read as it is.
        Err(StoreError::ReadOnly { .. } | StoreError::Database { .. }) if !has_log(file) => {
            connect_reader(file, "?immutable=1")
        }
        outcome => outcome,
    }
}

fn connect_reader(file: &Path, parameters: &str) -> Result<Connection, StoreError> {
    let mut connection = open_uri(file, parameters, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut prepare = || -> rusqlite::Result<()> {
        connection.busy_handler(Some(patience::waits))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "query_only", true)?;
        compile_once(&connection)?;
        // The file is opened in earnest only now.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        connection.busy_timeout(patience::BRIEF)
    };
    prepare().map_err(|error| StoreError::from_sqlite(file, error))?;
    Ok(connection)
}

/// Whether the log of a database was taken away while it is in use: its index is there, and says that there
/// was something in it where SQLite fails to read it, or reads less than that.
pub(crate) fn lost_its_log(file: &Path, error: &rusqlite::Error) -> bool {
    let is_short = |error: &rusqlite::ffi::Error| error.extended_code == SQLITE_IOERR_SHORT_READ;
    let mut index = file.as_os_str().to_owned();
    index.push("-shm");
    let is_cut = error.sqlite_error().is_some_and(is_short);
    std::fs::symlink_metadata(index).is_ok() && (is_cut || !has_log(file))
}

/// Whether commits wait in a write-ahead log.
fn has_log(file: &Path) -> bool {
    std::fs::symlink_metadata(log::path_of(file)).is_ok_and(|log| log.len() > 0)
}

/// Opens a database, which must be no link itself. Links above its folder are resolved, because SQLite
/// would refuse those as well.
fn open_uri(file: &Path, parameters: impl AsRef<OsStr>, flags: OpenFlags) -> Result<Connection, StoreError> {
    let real = real_folder_of(file)?.join(file.file_name().unwrap_or_default());
    let mut uri = b"file:".to_vec();
    uri.extend(uri_text(real.as_os_str()));
    uri.extend(parameters.as_ref().as_bytes());
    let always =
        OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(OsString::from_vec(uri), flags | always);
    let opened = opened.and_then(|connection| obey_no_file(&connection).map(|()| connection));
    opened.map_err(|error| cannot_open(file, error))
}

fn real_folder_of(file: &Path) -> Result<PathBuf, StoreError> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    folder.canonicalize().map_err(|error| StoreError::from_io("open", file, error))
}

/// A path as it stands in a URI.
fn uri_text(path: &OsStr) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in path.as_bytes() {
        match byte {
            b'%' | b'?' | b'#' | b'&' => text.extend(format!("%{byte:02x}").bytes()),
            byte => text.push(*byte),
        }
    }
    text
}

/// Whether there is a table. Not by `table_exists`, which doesn't see what another process has made since.
pub(crate) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.prepare_cached(sql)?.exists([name])
}

/// What a database says about itself.
struct Header {
    application: i32,
    version: i32,
    tables: i64,
}

impl Header {
    fn read(connection: &Connection) -> rusqlite::Result<Header> {
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let (application, version) =
            (pragma(connection, "application_id")?, pragma(connection, "user_version")?);
        Ok(Header { application, version, tables })
    }

    /// Whether nobody has used it yet.
    fn is_fresh(&self) -> bool {
        self.application == 0 && self.version == 0 && self.tables == 0
    }
}

/// Refuses a database that is not ours or of a newer format. Gives its format.
pub(crate) fn recognise(connection: &Connection, file: &Path) -> Result<u32, StoreError> {
    let header = Header::read(connection).map_err(|error| StoreError::from_sqlite(file, error))?;
    let found = u32::try_from(header.version).unwrap_or(u32::MAX);
    if header.application != APPLICATION && !header.is_fresh() {
        return Err(StoreError::Foreign { file: file.to_owned() });
    }
    if found > FORMAT {
        return Err(StoreError::Newer { file: file.to_owned(), found, supported: FORMAT });
    }
    Ok(found)
}

/// Has cached statements compiled once. Else SQLite compiles each that has an order again whenever it is given
/// other values (`findings/sqlite_recompiles_cached_order_by.sh`).
fn compile_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Has nothing done that a file brings along: a store has neither triggers nor views, and a file that somebody made
/// by hand could have any.
fn obey_no_file(connection: &Connection) -> rusqlite::Result<()> {
    let powers = [
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    ];
    powers.into_iter().try_for_each(|power| connection.set_db_config(power, false).map(drop))
}

fn prepare_writer(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    compile_once(connection)?;
    keep_a_log(connection)?;
    // The log is moved as a whole, by the writer, and never by a commit: see `checkpoint`.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))
}

/// Has the database written through a log. For this change alone SQLite doesn't wait for others that are
/// about to make the same one.
fn keep_a_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut times = 0;
    loop {
        // A database in memory answers `memory` instead of `wal`, which is fine.
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if is_busy(&error) && patience::waits(times) => times = 1,
            outcome => return outcome,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Runs the migrations that the database has not seen, all in one transaction.
fn migrate(connection: &mut Connection, file: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    if recognise(connection, file)? as usize == migrations.len() {
        return Ok(());
    }
    let here = Maker::here()?;
    let mut run = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked again under the lock: another process may have been quicker.
        let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for migration in migrations.iter().skip(version as usize) {
            transaction.execute_batch(migration)?;
        }
        // Moves of the log are counted from a number by which this database is told from others.
        if version < mark::SINCE_FORMAT {
            transaction.execute("UPDATE checkpoints SET count = abs(random() % (1 << 62))", [])?;
        }
        // Earlier formats knew no paid work: such a store is taken for this user's own.
        if version < maker::SINCE_FORMAT {
            here.record(&transaction)?;
            let columns = "run, path, attempt, operation, at, ended_at, amount, failed";
            let spent = charges::OF_OLDER_FORMATS;
            transaction.execute_batch(&format!("INSERT INTO charges ({columns}) {spent}"))?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", migrations.len() as i32)?;
        transaction.commit()
    };
    run().map_err(|error| StoreError::from_sqlite(file, error))
}

/// SQLite says only "unable to open" for whatever the file system refused; this asks once more, without
/// opening the file: see [`crate::private::narrow`].
fn cannot_open(file: &Path, error: rusqlite::Error) -> StoreError {
    use rustix::fs::{Access, access};
    match access(file, Access::READ_OK) {
        Err(reason) => StoreError::from_io("open", file, reason.into()),
        Ok(()) => StoreError::from_sqlite(file, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_format_is_brought_forward_whole_or_not_at_all() {
        let mut connection = open_in_memory().unwrap();
        let file = Path::new("test.db");
        connection.execute("INSERT INTO plans (digest, bundle) VALUES (x'00', 'kept')", []).unwrap();
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
        let file = folder.path().join("a?b#c%20&d=e f.db");
        drop(open_writer(&file, Whose::Own, patience::BRIEF, |_| Ok(())).unwrap());
        open_reader(&file).unwrap();
    }
}
