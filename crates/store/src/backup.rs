//! Backups: a copy of a store, made while it is in use.
//!
//! The database is copied first, as it is at one moment, under another name; then the artifacts that it
//! refers to, each hashed again; then it gets its name. What lies beside a database was there before
//! anything referred to it, so nothing can be missing; and a copy that was not finished is no store.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use motet_pipeline::Digest;
use rusqlite::backup::{Backup as Copy, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::artifacts::ArtifactFolder;
use crate::folder::{ARTIFACTS, DATABASE};
use crate::mark::{Mark, MarkFile, Reading};
use crate::private::{self, FOLDER_MODE};
use crate::{StoreError, integrity};

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// How many runs.
    pub runs: u64,
    /// How many artifacts.
    pub artifacts: u64,
    /// Their size in bytes.
    pub artifact_bytes: u64,
}

/// The name of the database until the copy is whole.
pub(crate) const UNFINISHED: &str = "motet.db.part";

/// It, and what SQLite keeps beside it; it is the last to be removed.
const UNFINISHED_NAMES: [&str; 4] =
    ["motet.db.part-wal", "motet.db.part-shm", "motet.db.part-journal", UNFINISHED];

/// How many pages are copied at once: all of them, so that nobody's commit comes in between.
const ALL_PAGES: i32 = -1;

/// Copies the store of `source`, whose artifacts lie in `artifacts`, to `folder`. If that fails, nothing
/// is left there.
pub(crate) fn write(
    source: &Connection,
    artifacts: &ArtifactFolder,
    folder: &Path,
) -> Result<Backup, StoreError> {
    // Without what makes no difference at its end.
    let folder = &folder.components().collect::<PathBuf>();
    let was_there = private::look_at(folder)?.is_some();
    make_empty(folder)?;
    // Held until the copy is whole. Two copies may have found the folder empty.
    let _claim = claim(folder, private::open_or_make(&folder.join(UNFINISHED))?)?;
    let written = fill(source, artifacts, folder);
    if written.is_err() {
        empty(folder, was_there);
    }
    written
}

fn fill(source: &Connection, artifacts: &ArtifactFolder, folder: &Path) -> Result<Backup, StoreError> {
    let part = folder.join(UNFINISHED);
    let failed = |error| StoreError::from_sqlite(&part, error);
    let mut copy = Connection::open_with_flags(&part, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    match Copy::new(source, &mut copy).and_then(|copying| copying.step(ALL_PAGES)).map_err(failed)? {
        StepResult::Done => {}
        _ => return Err(StoreError::Busy { file: source.path().unwrap_or_default().into() }),
    }
    let referenced = integrity::references(&copy).map_err(failed)?;
    let runs: i64 = copy.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).map_err(failed)?;
    let mark = Mark::of(&copy).map_err(failed)?;
    drop(copy);
    private::make_folder(&folder.join(ARTIFACTS))?;
    let target = ArtifactFolder::open(folder.join(ARTIFACTS))?;
    let mut backup = Backup { runs: runs.unsigned_abs(), ..Backup::default() };
    for digest in referenced {
        backup.artifacts += 1;
        backup.artifact_bytes += copy_artifact(artifacts, &target, digest)?;
    }
    finish(folder, &part, &mark)?;
    Ok(backup)
}

/// Gives how many bytes it has.
fn copy_artifact(from: &ArtifactFolder, to: &ArtifactFolder, digest: Digest) -> Result<u64, StoreError> {
    let file = from.path_of(&digest);
    if from.find(&digest).is_none() {
        return Err(StoreError::NoArtifact { digest, file });
    }
    let kept = to.copy_in(&file)?;
    if kept.digest != digest {
        return Err(StoreError::Corrupt { file, what: "its bytes aren't what was written".to_owned() });
    }
    Ok(kept.bytes)
}

/// Makes the folder and those above it, or takes one in which there is nothing.
fn make_empty(folder: &Path) -> Result<(), StoreError> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    above.map_or(Ok(()), fs::create_dir_all).map_err(|error| StoreError::from_io("make", folder, error))?;
    if let Ok(found) = fs::metadata(folder).as_ref()
        && !found.is_dir()
    {
        return Err(StoreError::NotAFolder { file: folder.to_owned(), is: private::kind_word(found) });
    }
    private::make_folder(folder)?;
    take_over_unfinished(folder)?;
    match names_in(folder)?.into_iter().next() {
        None => private::narrow(folder, FOLDER_MODE).map(drop),
        Some(name) => {
            let holds = name.to_string_lossy().escape_debug().to_string();
            Err(StoreError::NotEmpty { folder: folder.to_owned(), holds })
        }
    }
}

fn names_in(folder: &Path) -> Result<BTreeSet<OsString>, StoreError> {
    let failed = |error| StoreError::from_io("read", folder, error);
    fs::read_dir(folder).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.file_name())).collect()
}

/// Refuses a folder in the store that is to be copied, whatever links lead there.
pub(crate) fn refuse_inside(folder: &Path, store: &Path) -> Result<(), StoreError> {
    let Ok(store) = store.canonicalize() else { return Ok(()) };
    let there = folder.ancestors().find_map(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        above.canonicalize().ok()
    });
    match there.is_some_and(|there| there.starts_with(&store)) {
        true => Err(StoreError::InsideItself { folder: folder.to_owned() }),
        false => Ok(()),
    }
}

/// Empties a folder that holds only a copy that was interrupted, and that nobody is at any more.
fn take_over_unfinished(folder: &Path) -> Result<(), StoreError> {
    let part = folder.join(UNFINISHED);
    let is_unfinished = |names: &BTreeSet<OsString>| {
        names.contains(OsStr::new(UNFINISHED))
            && names.iter().all(|name| name == ARTIFACTS || UNFINISHED_NAMES.iter().any(|own| name == own))
    };
    if !is_unfinished(&names_in(folder)?) {
        return Ok(());
    }
    let _claim = claim(folder, private::open(&part)?)?;
    // Meanwhile it may have become whole.
    if is_unfinished(&names_in(folder)?) {
        ArtifactFolder::open_read_only(&folder.join(ARTIFACTS)).remove_all();
        remove_unfinished(folder);
    }
    Ok(())
}

/// Claims the folder by the lock of its unfinished database, until the file is closed.
fn claim(folder: &Path, part: File) -> Result<File, StoreError> {
    let path = folder.join(UNFINISHED);
    let failed = |error| StoreError::from_io("lock", &path, error);
    match part.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Busy { file: path }),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let number = part.metadata().map_err(failed)?.ino();
    // Who had the lock before may have exchanged or named the file.
    match private::look_at(&path)?.is_some_and(|found| found.ino() == number) {
        true => Ok(part),
        false => Err(StoreError::Busy { file: path }),
    }
}

/// Takes away what was written into a folder that was empty. What can't be removed does no harm: without
/// a named database it is no store.
fn empty(folder: &Path, was_there: bool) {
    remove_unfinished(folder);
    drop(fs::remove_file(folder.join(DATABASE)));
    drop(fs::remove_dir_all(folder.join(ARTIFACTS)));
    if !was_there {
        drop(fs::remove_dir(folder));
    }
}

fn remove_unfinished(folder: &Path) {
    for name in UNFINISHED_NAMES {
        drop(fs::remove_file(folder.join(name)));
    }
}

/// Gives the database its name, durably.
fn finish(folder: &Path, part: &Path, mark: &Mark) -> Result<(), StoreError> {
    let file = folder.join(DATABASE);
    let named = File::open(part).and_then(|part| part.sync_all()).and_then(|()| fs::rename(part, &file));
    named.map_err(|error| StoreError::from_io("write", &file, error))?;
    // This flushes the names in the folder too.
    MarkFile::open(folder, Reading::Absent, mark).map(drop)
}
