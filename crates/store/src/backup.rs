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

/// What SQLite keeps beside it.
const BESIDE_UNFINISHED: [&str; 3] = ["motet.db.part-wal", "motet.db.part-shm", "motet.db.part-journal"];

/// How many pages are copied before it is asked whether the copy is still wanted.
const PAGES_AT_ONCE: i32 = 1024;

/// A store that is to be copied.
pub(crate) struct Source<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) artifacts: &'a ArtifactFolder,
    /// Whether the copy is still wanted; asked often.
    pub(crate) is_wanted: &'a dyn Fn() -> bool,
}

impl Source<'_> {
    /// Copies the store to `folder`. If that fails or is not wanted any more, nothing is left there.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<Backup, StoreError> {
        // Without what makes no difference at its end.
        let folder = &folder.components().collect::<PathBuf>();
        let was_there = private::look_at(folder)?.is_some();
        make_empty(folder)?;
        // Held until the copy is whole. Two copies may have found the folder empty.
        let _claim = claim(folder, private::open_or_make(&folder.join(UNFINISHED))?)?;
        let written = self.fill(folder);
        if written.is_err() {
            empty(folder, was_there);
        }
        written
    }

    fn fill(&self, folder: &Path) -> Result<Backup, StoreError> {
        let part = folder.join(UNFINISHED);
        let failed = |error| StoreError::from_sqlite(&part, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut copy = Connection::open_with_flags(&part, flags).map_err(failed)?;
        self.copy_database(&mut copy, folder)?;
        let referenced = integrity::references(&copy).map_err(failed)?;
        let runs: i64 = copy.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).map_err(failed)?;
        let mark = Mark::of(&copy).map_err(failed)?;
        drop(copy);
        private::make_folder(&folder.join(ARTIFACTS))?;
        let target = ArtifactFolder::open(folder.join(ARTIFACTS))?;
        let mut backup = Backup { runs: runs.unsigned_abs(), ..Backup::default() };
        for digest in referenced {
            backup.artifacts += 1;
            backup.artifact_bytes += self.copy_artifact(&target, digest, folder)?;
        }
        finish(folder, &part, &mark)?;
        Ok(backup)
    }

    /// Copies the database as it is at one moment: what is read in one transaction doesn't change.
    fn copy_database(&self, copy: &mut Connection, folder: &Path) -> Result<(), StoreError> {
        let part = folder.join(UNFINISHED);
        let failed = |error| StoreError::from_sqlite(&part, error);
        let moment = self.connection.unchecked_transaction().map_err(failed)?;
        moment.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(failed)?;
        let copying = Copy::new(&moment, copy).map_err(failed)?;
        loop {
            self.see_whether_wanted(folder)?;
            match copying.step(PAGES_AT_ONCE).map_err(failed)? {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                _ => return Err(StoreError::Busy { file: moment.path().unwrap_or_default().into() }),
            }
        }
    }

    /// Gives how many bytes it has.
    fn copy_artifact(&self, to: &ArtifactFolder, digest: Digest, folder: &Path) -> Result<u64, StoreError> {
        let file = self.artifacts.path_of(&digest);
        if self.artifacts.find(&digest).is_none() {
            return Err(self.artifacts.why_not_there(&digest));
        }
        let kept = to.copy_in_while(&file, || self.see_whether_wanted(folder))?;
        if kept.digest != digest {
            return Err(StoreError::Corrupt { file, what: "its bytes aren't what was written".to_owned() });
        }
        Ok(kept.bytes)
    }

    fn see_whether_wanted(&self, folder: &Path) -> Result<(), StoreError> {
        match (self.is_wanted)() {
            true => Ok(()),
            false => Err(StoreError::Unwanted { folder: folder.to_owned() }),
        }
    }
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
        Some(name) => Err(holds(folder, Path::new(&name))),
    }
}

fn holds(folder: &Path, name: &Path) -> StoreError {
    let holds = name.to_string_lossy().escape_debug().to_string();
    StoreError::NotEmpty { folder: folder.to_owned(), holds }
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
        let is_own = |name: &OsString| {
            name == ARTIFACTS || name == UNFINISHED || BESIDE_UNFINISHED.iter().any(|own| name == own)
        };
        names.contains(OsStr::new(UNFINISHED)) && names.iter().all(is_own)
    };
    if !is_unfinished(&names_in(folder)?) {
        return Ok(());
    }
    let _claim = claim(folder, private::open(&part)?)?;
    // Meanwhile it may have become whole.
    if !is_unfinished(&names_in(folder)?) {
        return Ok(());
    }
    if let Some(other) = remove_unfinished(folder)? {
        return Err(holds(folder, &other));
    }
    Ok(())
}

/// Removes a copy that isn't whole, but for what somebody else laid between its artifacts: that is named,
/// and the copy still shows that it isn't whole. So does one whose removal is interrupted.
fn remove_unfinished(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let artifacts = folder.join(ARTIFACTS);
    ArtifactFolder::open_read_only(&artifacts).remove_all();
    if private::look_at(&artifacts)?.is_some() {
        let other = names_in(&artifacts)?.into_iter().next();
        return Ok(Some(other.map_or(ARTIFACTS.into(), |other| Path::new(ARTIFACTS).join(other))));
    }
    // The sign that it isn't whole goes last.
    for name in BESIDE_UNFINISHED.into_iter().chain([UNFINISHED]) {
        drop(fs::remove_file(folder.join(name)));
    }
    Ok(None)
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
    // It may have its name already.
    drop(fs::rename(folder.join(DATABASE), folder.join(UNFINISHED)));
    drop(remove_unfinished(folder));
    if !was_there {
        drop(fs::remove_dir(folder));
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
