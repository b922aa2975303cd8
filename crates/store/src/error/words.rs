//! What an error says: a stable code, what is wrong, and what to do.

use std::fmt;
use std::io;

use rustix::io::Errno;

use super::StoreError;

/// What to do where the system refused because this process, or its user, has as much as it may have.
pub fn limit_remedy(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some("this process may open no more files: raise the limit (`ulimit -n`)"),
        Errno::AGAIN => Some(
            "this user or container may start no more processes and threads: end some, or raise the limit \
             (`ulimit -u`)",
        ),
        _ => None,
    }
}

impl StoreError {
    /// A stable word for the kind of error, in `snake_case`: for programs, and to look it up by.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Missing { .. } => "no_store",
            StoreError::Gone { .. } => "store_gone",
            StoreError::Lost { .. } => "store_incomplete",
            StoreError::Replaced { .. } => "store_replaced",
            StoreError::Deleted { .. } => "store_deleted",
            StoreError::LogRemoved { .. } => "store_log_removed",
            StoreError::Unlocked { .. } => "store_lock_removed",
            StoreError::Full { .. } => "disk_full",
            StoreError::FileLimit { .. } => "file_limit",
            StoreError::ReadOnly { .. } => "read_only",
            StoreError::Newer { .. } => "newer_store",
            StoreError::NewerRun { .. } => "newer_run",
            StoreError::Foreign { .. } => "not_a_store",
            StoreError::Occupied { .. } => "folder_occupied",
            StoreError::NotEmpty { .. } => "copy_folder_not_empty",
            StoreError::Unwanted { .. } => "copy_stopped",
            StoreError::InsideItself { .. } => "copy_inside_store",
            StoreError::NotAFolder { .. } => "copy_not_a_folder",
            StoreError::NoFolder { .. } => "store_not_a_folder",
            StoreError::NotPlain { .. } => "store_not_plain",
            StoreError::NotPrivate { .. } => "store_not_private",
            StoreError::MadeByOthers { .. } => "store_of_others",
            StoreError::Corrupt { .. } => "store_damaged",
            StoreError::Busy { .. } => "store_locked",
            StoreError::Io { .. } => "store_file_failed",
            StoreError::Disk { .. } => "disk_failed",
            StoreError::Database { .. } => "database_failed",
            StoreError::OutOfOrder { .. } => "turn_out_of_order",
            StoreError::NotStarted { .. } => "run_not_started",
            StoreError::NoRun { .. } => "no_run",
            StoreError::DeletedRun { .. } => "run_deleted",
            StoreError::NoArtifact { .. } => "artifact_missing",
            StoreError::Closed => "store_closed",
        }
    }

    /// What is wrong, where and why, in one line, without the [`hint`](StoreError::hint).
    pub fn what(&self) -> String {
        match self {
            StoreError::Missing { folder } => {
                format!("there is no store in {}: nothing ran here yet", folder.display())
            }
            StoreError::Gone { folder } => {
                format!("there was a store in {}, but its motet.db is gone", folder.display())
            }
            StoreError::Lost { folder, what } => {
                format!("the store in {} is not complete: {what}", folder.display())
            }
            StoreError::Replaced { folder } => format!(
                "the store in {} was moved or replaced while it was in use, so nothing more is recorded",
                folder.display()
            ),
            StoreError::Deleted { folder } => format!(
                "the store in {} was deleted while it was in use, so nothing more is recorded",
                folder.display()
            ),
            StoreError::LogRemoved { folder } => format!(
                "the store in {} lost its motet.db-wal while it was in use, and with it the last turns",
                folder.display()
            ),
            StoreError::Unlocked { folder } => format!(
                "the store in {} lost its owner.lock while it was in use, so another process could take it and \
                 nothing more is recorded",
                folder.display()
            ),
            StoreError::Full { file } => format!(
                "the disk is full, so {} can't grow: nothing that was acknowledged is lost",
                file.display()
            ),
            StoreError::FileLimit { file } => format!(
                "{} reached the limit of file size (`ulimit -f`): nothing that was acknowledged is lost",
                file.display()
            ),
            StoreError::ReadOnly { file } => format!("{} can't be written", file.display()),
            StoreError::Newer { file, found, supported } => format!(
                "{} was written by a newer version (format {found}, this version reads up to {supported})",
                file.display()
            ),
            StoreError::NewerRun { run, found, supported } => format!(
                "run {run} was recorded by a newer version (event format {found}, this version reads up to \
                 {supported})"
            ),
            StoreError::Foreign { file } => format!("{} is not a store of this program", file.display()),
            StoreError::Occupied { folder, holds } => format!(
                "{} is not a store and not empty, so it is left as it is (it holds {holds})",
                folder.display()
            ),
            StoreError::NotEmpty { folder, holds } => {
                format!("{} is not empty, so nothing is copied there (it holds {holds})", folder.display())
            }
            StoreError::Unwanted { folder } => format!(
                "the copy to {} was stopped before it was complete: nothing is left there",
                folder.display()
            ),
            StoreError::InsideItself { folder } => {
                format!("{} is inside the store to be copied, so nothing is copied there", folder.display())
            }
            StoreError::NotAFolder { file, is } => {
                format!("{} is {is}, and a copy is a folder", file.display())
            }
            StoreError::NoFolder { path, is } => {
                format!("{} is {is}, and a store is a folder", path.display())
            }
            StoreError::NotPlain { file, is } => {
                format!("{} is {is}, and Motet never creates one there", file.display())
            }
            StoreError::NotPrivate { folder, user } => format!(
                "{} belongs to another user (number {user}), who could read and change what is kept in it",
                folder.display()
            ),
            StoreError::MadeByOthers { folder, by } => format!("{} was made by {by}", folder.display()),
            StoreError::Corrupt { file, what } => format!("{} is damaged: {what}", file.display()),
            StoreError::Busy { file } => format!("{} is locked by another program", file.display()),
            StoreError::Io { doing, file, source } => {
                format!("failed to {doing} {}: {source}", file.display())
            }
            StoreError::Disk { file, source } => format!(
                "the disk refused to read or write {} ({source}): nothing that was acknowledged is lost",
                file.display()
            ),
            StoreError::Database { file, source } => format!("failed to use {}: {source}", file.display()),
            StoreError::OutOfOrder { run, expected, found } => {
                format!("turn {found} of run {run} can't be recorded: turn {expected} is next")
            }
            StoreError::NotStarted { run } => {
                format!("turn 1 of run {run} can't be recorded: its first event must start that same run")
            }
            StoreError::DeletedRun { run, at } => format!("run {run} was deleted at {at}"),
            StoreError::NoRun { run } => format!("there is no run {run} in this store"),
            StoreError::NoArtifact { digest, file } => {
                format!("artifact {digest} is missing: {} doesn't exist", file.display())
            }
            StoreError::Closed => "the store was closed before this could be recorded".into(),
        }
    }

    /// What to do about it, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            StoreError::Missing { .. } => "start a run, or name another folder",
            StoreError::Gone { .. } => {
                "put it back, or restore a backup; to start afresh, move the folder away"
            }
            StoreError::Lost { folder, .. } => {
                return Some(format!(
                    "put motet.db and motet.db-wal back as they were, or restore a backup; to continue with what \
                     is left, remove {}",
                    crate::mark::path_in(folder).display()
                ));
            }
            StoreError::Replaced { .. } => "put it back where it was and resume",
            StoreError::Deleted { .. } => "restore a backup, or start again",
            StoreError::LogRemoved { .. } => "put it back, or restore a backup",
            StoreError::Unlocked { .. } => "resume once no other process drives it",
            StoreError::Full { .. } => "free some space and resume",
            StoreError::FileLimit { .. } => "raise the limit and try again",
            StoreError::ReadOnly { .. } => {
                "make it and its folder writable for this user, or use another store"
            }
            StoreError::Newer { .. } => "use that version, or another store",
            StoreError::NewerRun { .. } => "resume it with that version",
            StoreError::Foreign { .. } => "use another folder",
            StoreError::Occupied { .. } | StoreError::NotEmpty { .. } | StoreError::NotAFolder { .. } => {
                "name an empty folder, or one that doesn't exist yet"
            }
            StoreError::InsideItself { .. } => "name a folder outside of it",
            StoreError::NoFolder { .. } | StoreError::NotPlain { .. } => "move it away, or use another store",
            StoreError::NotPrivate { .. } => "use a folder of your own, for instance one below it",
            StoreError::MadeByOthers { .. } => "it can be read; to use it as your own, adopt it",
            StoreError::Corrupt { .. } => {
                "restore a backup, or move the whole folder of the store away to start afresh"
            }
            StoreError::Busy { .. } => "end that program, then try again",
            StoreError::Disk { .. } => "check its health, quota and limits of file size",
            StoreError::NoArtifact { .. } => "restore it from a copy, or start another run",
            StoreError::Closed => "open it and resume",
            StoreError::DeletedRun { .. } => {
                "start it anew, or restore a backup; `motet costs` still has its costs"
            }
            StoreError::Io { source, .. } => limit_remedy(source)?,
            StoreError::Unwanted { .. }
            | StoreError::Database { .. }
            | StoreError::OutOfOrder { .. }
            | StoreError::NotStarted { .. }
            | StoreError::NoRun { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// What is wrong, then what to do.
impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let what = self.what();
        match self.hint() {
            Some(hint) if what.contains(": ") => write!(f, "{what}; {hint}"),
            Some(hint) => write!(f, "{what}: {hint}"),
            None => f.write_str(&what),
        }
    }
}
