//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet_engine::RunId;
use motet_pipeline::Digest;
use rusqlite::ErrorCode;

use crate::{private, schema};

/// Why the store could not do what it was asked. Cheap to clone, because one failed commit is told
/// to everybody who waits for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store where one was to be read.
    #[error("there is no store in {}: nothing ran here yet; start a run, or name another folder", folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// There was a store, and its database is gone.
    #[error(
        "there was a store in {}, but its motet.db is gone: put it back, or restore a backup; \
         to start afresh, move the folder away",
        folder.display()
    )]
    Gone {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The store doesn't hold all that was acknowledged: its mark says so.
    #[error(
        "the store in {} is not complete: {what}; put motet.db and motet.db-wal back as they were, or restore \
         a backup; to continue with what is left, remove {}",
        folder.display(), crate::mark::path_in(folder).display()
    )]
    Lost {
        /// The store's folder.
        folder: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The store was taken away under the process that drives it.
    #[error(
        "the store in {} was moved or replaced while it was in use, so nothing more is recorded: \
         put it back where it was and resume",
        folder.display()
    )]
    Replaced {
        /// Where it was.
        folder: PathBuf,
    },
    /// The store was deleted under the process that drives it.
    #[error(
        "the store in {} was deleted while it was in use, so nothing more is recorded: restore a backup, \
         or start again",
        folder.display()
    )]
    Deleted {
        /// Where it was.
        folder: PathBuf,
    },
    /// The log was taken away under the process that drives the store.
    #[error(
        "the store in {} lost its motet.db-wal while it was in use, and with it the last turns: \
         put it back, or restore a backup",
        folder.display()
    )]
    LogRemoved {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The file that keeps other processes out of the store was removed or replaced under the process that
    /// drives it.
    #[error(
        "the store in {} lost its owner.lock while it was in use, so another process could take it and nothing \
         more is recorded: resume once no other process drives it",
        folder.display()
    )]
    Unlocked {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The disk is full.
    #[error(
        "the disk is full, so {} can't grow: nothing that was acknowledged is lost; free some space and resume",
        file.display()
    )]
    Full {
        /// What could not grow.
        file: PathBuf,
    },
    /// A file reached the limit of file size that the process was started with.
    #[error(
        "{} reached the limit of file size (`ulimit -f`): nothing that was acknowledged is lost; \
         raise the limit and try again",
        file.display()
    )]
    FileLimit {
        /// What could not grow.
        file: PathBuf,
    },
    /// The store may be read but not written.
    #[error("{} can't be written: make it and its folder writable for this user, or use another store", file.display())]
    ReadOnly {
        /// What can't be written.
        file: PathBuf,
    },
    /// A newer version wrote the store.
    #[error(
        "{} was written by a newer version (format {found}, this version reads up to {supported}): \
         use that version, or another store",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// A newer version recorded the run.
    #[error(
        "run {run} was recorded by a newer version (event format {found}, this version reads up to \
         {supported}): resume it with that version"
    )]
    NewerRun {
        /// The run.
        run: RunId,
        /// The format of its events.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// The file is no store.
    #[error("{} is not a store of this program: use another folder", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The folder is no store and holds other things, so none is made in it.
    #[error(
        "{} is not a store and not empty, so it is left as it is (it holds {holds}): \
         name an empty folder, or one that doesn't exist yet",
        folder.display()
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// The names of some that lie in it, and how many more there are.
        holds: String,
    },
    /// A copy was to go to a folder in which there is something.
    #[error(
        "{} is not empty, so nothing is copied there (it holds {holds}): \
         name an empty folder, or one that doesn't exist yet",
        folder.display()
    )]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// A name that lies in it.
        holds: String,
    },
    /// The copy isn't wanted any more, see [`Store::backup_while`](crate::Store::backup_while).
    #[error("the copy to {} was stopped before it was whole: nothing is left there", folder.display())]
    Unwanted {
        /// Where it was to go.
        folder: PathBuf,
    },
    /// A copy was to go into the store that is copied.
    #[error(
        "{} is inside the store to be copied, so nothing is copied there: name a folder outside of it",
        folder.display()
    )]
    InsideItself {
        /// The folder.
        folder: PathBuf,
    },
    /// A copy was to go to what is no folder.
    #[error(
        "{} is {is}, and a copy is a folder: name an empty folder, or one that doesn't exist yet",
        file.display()
    )]
    NotAFolder {
        /// What lies there.
        file: PathBuf,
        /// What it is, in words.
        is: &'static str,
    },
    /// What was named as a store is no folder, or lies in what is none.
    #[error("{} is {is}, and a store is a folder: move it away, or use another store", path.display())]
    NoFolder {
        /// What lies there.
        path: PathBuf,
        /// What it is, in words.
        is: &'static str,
    },
    /// Something in a store leads elsewhere, or isn't what its name says: in a copied project, that may be
    /// somebody's trap.
    #[error("{} is {is}, and Motet never creates one there: move it away, or use another store", file.display())]
    NotPlain {
        /// The file or folder.
        file: PathBuf,
        /// What it is, in words.
        is: &'static str,
    },
    /// The folder belongs to another user, who could read and exchange all that is kept in it.
    #[error(
        "{} belongs to another user (number {user}), who could read and change what is kept in it: \
         use a folder of your own, for instance one below it",
        folder.display()
    )]
    NotPrivate {
        /// The folder.
        folder: PathBuf,
        /// The user's number.
        user: u32,
    },
    /// Another user or another machine made the store.
    #[error(
        "{} was made by {by}: it can be read; to use it as your own, adopt it",
        folder.display()
    )]
    MadeByOthers {
        /// The folder.
        folder: PathBuf,
        /// Who, in words.
        by: String,
    },
    /// The store is damaged.
    #[error(
        "{} is damaged: {what}; restore a backup, or move the whole folder of the store away to start afresh",
        file.display()
    )]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another program kept the database locked for too long.
    #[error("{} is locked by another program: end that program, then try again", file.display())]
    Busy {
        /// The database.
        file: PathBuf,
    },
    /// A file could not be read or written.
    #[error("failed to {doing} {}: {source}", file.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The disk refused to read or write, and SQLite doesn't tell why.
    #[error(
        "the disk refused to read or write {} ({source}): look at its health, quota and limits of file size; \
         nothing that was acknowledged is lost",
        file.display()
    )]
    Disk {
        /// The database.
        file: PathBuf,
        /// What SQLite calls it.
        source: Arc<rusqlite::Error>,
    },
    /// The database refused, for none of the reasons above.
    #[error("failed to use {}: {source}", file.display())]
    Database {
        /// The database.
        file: PathBuf,
        /// Why it refused.
        source: Arc<rusqlite::Error>,
    },
    /// The caller handed in a turn that doesn't follow the last one of its run. Nothing was written.
    #[error("turn {found} of run {run} can't be recorded: turn {expected} is next")]
    OutOfOrder {
        /// The run.
        run: RunId,
        /// The number that is next.
        expected: u64,
        /// The number that was handed in.
        found: u64,
    },
    /// The caller handed in a first turn that doesn't start the run. Nothing was written.
    #[error("turn 1 of run {run} can't be recorded: its first event must start that same run")]
    NotStarted {
        /// The run.
        run: RunId,
    },
    /// There is no such run.
    #[error("there is no run {run} in this store")]
    NoRun {
        /// The run.
        run: RunId,
    },
    /// The bytes of an artifact are not there.
    #[error("artifact {digest} is missing: {} doesn't exist; restore it from a copy, or start another run", file.display())]
    NoArtifact {
        /// The artifact.
        digest: Digest,
        /// Where its bytes should be.
        file: PathBuf,
    },
    /// The writer ended before it came to this.
    #[error("the store was closed before this could be recorded: open it and resume")]
    Closed,
}

impl StoreError {
    /// Translates what SQLite says about the database `file`.
    pub(crate) fn from_sqlite(file: &Path, error: rusqlite::Error) -> StoreError {
        let file = file.to_owned();
        let code = match &error {
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
            Some(ErrorCode::SystemIoFailure) if schema::lost_its_log(&file) => {
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
