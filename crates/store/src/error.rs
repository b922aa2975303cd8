//! What can go wrong with a store.

#[cfg(test)]
mod tests;
mod words;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet_engine::RunId;
use motet_pipeline::{Digest, Timestamp};
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::{private, schema};

pub use words::limit_remedy;

/// Why the store could not do what it was asked. Cheap to clone, because one failed commit is told
/// to everybody who waits for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store where one was to be read.
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// There was a store, and its database is gone.
    Gone {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The store doesn't hold all that was acknowledged: its mark says so.
    Lost {
        /// The store's folder.
        folder: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The store was taken away under the process that drives it.
    Replaced {
        /// Where it was.
        folder: PathBuf,
    },
    /// The store was deleted under the process that drives it.
    Deleted {
        /// Where it was.
        folder: PathBuf,
    },
    /// The log was taken away under the process that drives the store.
    LogRemoved {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The file that keeps other processes out of the store was removed or replaced under the process that
    /// drives it.
    Unlocked {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The disk is full.
    Full {
        /// What could not grow.
        file: PathBuf,
    },
    /// A file reached the limit of file size that the process was started with.
    FileLimit {
        /// What could not grow.
        file: PathBuf,
    },
    /// The store may be read but not written.
    ReadOnly {
        /// What can't be written.
        file: PathBuf,
    },
    /// A newer version wrote the store.
    Newer {
        /// The database.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// A newer version recorded the run.
    NewerRun {
        /// The run.
        run: RunId,
        /// The format of its events.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// The file is no store.
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The folder is no store and holds other things, so none is made in it.
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// The names of some that lie in it, and how many more there are.
        holds: String,
    },
    /// A copy was to go to a folder in which there is something.
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// A name that lies in it.
        holds: String,
    },
    /// The copy isn't wanted any more, see [`Store::backup_while`](crate::Store::backup_while).
    Unwanted {
        /// Where it was to go.
        folder: PathBuf,
    },
    /// A copy was to go into the store that is copied.
    InsideItself {
        /// The folder.
        folder: PathBuf,
    },
    /// A copy was to go to what is no folder.
    NotAFolder {
        /// What lies there.
        file: PathBuf,
        /// What it is, in words.
        is: &'static str,
    },
    /// What was named as a store is no folder, or lies in what is none.
    NoFolder {
        /// What lies there.
        path: PathBuf,
        /// What it is, in words.
        is: &'static str,
    },
    /// Something in a store leads elsewhere, or isn't what its name says: in a copied project, that may be
    /// somebody's trap.
    NotPlain {
        /// The file or folder.
        file: PathBuf,
        /// What it is, in words.
        is: &'static str,
    },
    /// The folder belongs to another user, who could read and exchange all that is kept in it.
    NotPrivate {
        /// The folder.
        folder: PathBuf,
        /// The user's number.
        user: u32,
    },
    /// Another user or another machine made the store.
    MadeByOthers {
        /// The folder.
        folder: PathBuf,
        /// Who, in words.
        by: String,
    },
    /// The store is damaged.
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another program kept the database locked for too long.
    Busy {
        /// The database.
        file: PathBuf,
    },
    /// A file could not be read or written.
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The disk refused to read or write, and SQLite doesn't tell why.
    Disk {
        /// The database.
        file: PathBuf,
        /// What SQLite calls it.
        source: Arc<rusqlite::Error>,
    },
    /// The database refused, for none of the reasons above.
    Database {
        /// The database.
        file: PathBuf,
        /// Why it refused.
        source: Arc<rusqlite::Error>,
    },
    /// The caller handed in a turn that doesn't follow the last one of its run. Nothing was written.
    OutOfOrder {
        /// The run.
        run: RunId,
        /// The number that is next.
        expected: u64,
        /// The number that was handed in.
        found: u64,
    },
    /// The caller handed in a first turn that doesn't start the run. Nothing was written.
    NotStarted {
        /// The run.
        run: RunId,
    },
    /// The run was deleted: nothing is kept of it but what it cost.
    DeletedRun {
        /// The run.
        run: RunId,
        /// When.
        at: Timestamp,
    },
    /// There is no such run.
    NoRun {
        /// The run.
        run: RunId,
    },
    /// The bytes of an artifact are not there.
    NoArtifact {
        /// The artifact.
        digest: Digest,
        /// Where its bytes should be.
        file: PathBuf,
    },
    /// The writer ended before it came to this.
    Closed,
}

impl StoreError {
    /// Translates what SQLite says about the database `file`.
    pub(crate) fn from_sqlite(file: &Path, error: rusqlite::Error) -> StoreError {
        let file = file.to_owned();
        let code = match &error {
            // SQLite keeps to itself why the index of its log can't grow.
            rusqlite::Error::SqliteFailure(failure, _)
                if failure.extended_code == SQLITE_IOERR_SHMSIZE && private::lacks_room(&file) =>
            {
                return StoreError::Full { file };
            }
            rusqlite::Error::SqliteFailure(failure, _) => Some(failure.code),
            rusqlite::Error::FromSqlConversionFailure(_, _, why) => {
                return StoreError::Corrupt {
                    file,
                    what: format!("a value in its tables can't be read: {why}"),
                };
            }
            _ => None,
        };
        match code {
            Some(ErrorCode::CannotOpen) => match private::open_nothing() {
                Err(reason) => StoreError::Io { doing: "open", file, source: Arc::new(reason) },
                Ok(()) => StoreError::Database { file, source: Arc::new(error) },
            },
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) if private::met_limit_of_size(&file) => {
                StoreError::FileLimit { file }
            }
            Some(ErrorCode::DiskFull) => StoreError::Full { file },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { file },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { file },
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { file },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { file, what: error.to_string() },
            Some(ErrorCode::SystemIoFailure) if schema::lost_its_log(&file, &error) => {
                StoreError::LogRemoved { folder: file.parent().unwrap_or(&file).to_owned() }
            }
            Some(ErrorCode::SystemIoFailure) => StoreError::Disk { file, source: Arc::new(error) },
            _ => StoreError::Database { file, source: Arc::new(error) },
        }
    }

    /// Translates a failure to do something with `file`, named by its verb.
    pub(crate) fn from_io(doing: &'static str, file: &Path, error: io::Error) -> StoreError {
        let file = file.to_owned();
        match error.kind() {
            _ if private::met_a_link(&error) => StoreError::NotPlain { file, is: "a symbolic link" },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { file },
            io::ErrorKind::FileTooLarge => StoreError::FileLimit { file },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { file }
            }
            _ => StoreError::Io { doing, file, source: Arc::new(error) },
        }
    }
}
