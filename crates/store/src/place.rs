//! The place of a store: whether its files still are those that were opened.
//!
//! A process keeps a file that was deleted, moved or replaced, and could write into it for ever without
//! anybody finding that again. And a lock whose file was removed keeps nobody else out. So it looks, before
//! it acknowledges anything.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::folder::{ARTIFACTS, DATABASE, LOCK, LOG};

/// The files of a store, as they were when they were opened.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    database: Known,
    log: Known,
    artifacts: Known,
    /// What its owner has locked, if anybody has.
    lock: Option<Known>,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    device: u64,
    number: u64,
    bytes: u64,
}

impl Place {
    /// Of the store in `folder`, which is open: its log is there.
    pub(crate) fn of(folder: &Path) -> Result<Place, StoreError> {
        let know = |name| Known::of(folder.join(name));
        let lock = match know(LOCK) {
            Err(error) if is_gone(&error) => None,
            lock => Some(lock?),
        };
        let (database, log, artifacts) = (know(DATABASE)?, know(LOG)?, know(ARTIFACTS)?);
        Ok(Place { folder: folder.to_owned(), database, log, artifacts, lock })
    }

    /// The store's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How long the log is.
    pub(crate) fn log_bytes(&self) -> Result<u64, StoreError> {
        Ok(metadata(&self.log.path)?.map_or(0, |found| found.len()))
    }

    /// Fails if one of the files isn't where it was.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        let folder = || self.folder.clone();
        let Some(database) = self.database.find()? else {
            return Err(StoreError::Replaced { folder: folder() });
        };
        let lost = |what: &str| StoreError::Lost { folder: folder(), what: what.to_owned() };
        // A database never becomes shorter: nothing gives its pages back.
        if database.len() < self.database.bytes {
            return Err(lost("its motet.db was cut while it was in use"));
        }
        if !self.artifacts.is_there()? {
            return Err(lost("its folder artifacts was moved or replaced while it was in use"));
        }
        if !self.log.is_there()? {
            return Err(StoreError::LogRemoved { folder: folder() });
        }
        match &self.lock {
            Some(lock) if !lock.is_there()? => Err(StoreError::Unlocked { folder: folder() }),
            _ => Ok(()),
        }
    }
}

impl Known {
    fn of(path: PathBuf) -> Result<Known, StoreError> {
        let found = fs::metadata(&path).map_err(|error| StoreError::from_io("look at", &path, error))?;
        Ok(Known { path, device: found.dev(), number: found.ino(), bytes: found.len() })
    }

    /// What is in its place, if that still is this file.
    fn find(&self) -> Result<Option<Metadata>, StoreError> {
        let found = metadata(&self.path)?;
        Ok(found.filter(|found| (found.dev(), found.ino()) == (self.device, self.number)))
    }

    fn is_there(&self) -> Result<bool, StoreError> {
        Ok(self.find()?.is_some())
    }
}

/// What is known of a file, if it is there.
fn metadata(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(StoreError::from_io("look at", path, error)),
    }
}

fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if is_missing(source))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
