//! The place of a store: whether its files still are those that were opened.
//!
//! A process keeps a file that was deleted, moved or replaced, and could write into it for ever without
//! anybody finding that again. And a lock whose file was removed keeps nobody else out. So it looks, before
//! it acknowledges anything.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::folder::{DATABASE, LOCK, LOG};

/// The files of a store, as they were when they were opened.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    database: Known,
    log: Known,
    /// What its owner has locked, if anybody has.
    lock: Option<Known>,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    device: u64,
    number: u64,
    is_empty: bool,
}

impl Place {
    /// Of the store in `folder`, which is open: its log is there.
    pub(crate) fn of(folder: &Path) -> Result<Place, StoreError> {
        let know = |name| Known::of(folder.join(name));
        let lock = match know(LOCK) {
            Err(error) if is_gone(&error) => None,
            lock => Some(lock?),
        };
        Ok(Place { folder: folder.to_owned(), database: know(DATABASE)?, log: know(LOG)?, lock })
    }

    /// The store's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How long the log is.
    pub(crate) fn log_bytes(&self) -> Result<u64, StoreError> {
        match fs::metadata(&self.log.path) {
            Ok(found) => Ok(found.len()),
            Err(error) if is_missing(&error) => Ok(0),
            Err(error) => Err(StoreError::from_io("look at", &self.log.path, error)),
        }
    }

    /// Fails if one of the files isn't where it was.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        let folder = || self.folder.clone();
        if !self.database.is_there()? {
            return Err(StoreError::Replaced { folder: folder() });
        }
        if self.database.is_emptied()? {
            let what = "its motet.db was emptied while it was in use".to_owned();
            return Err(StoreError::Lost { folder: folder(), what });
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
        Ok(Known { path, device: found.dev(), number: found.ino(), is_empty: found.len() == 0 })
    }

    fn is_there(&self) -> Result<bool, StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (self.device, self.number)),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(StoreError::from_io("look at", &self.path, error)),
        }
    }

    fn is_emptied(&self) -> Result<bool, StoreError> {
        let found = fs::metadata(&self.path);
        let found = found.map_err(|error| StoreError::from_io("look at", &self.path, error))?;
        Ok(!self.is_empty && found.len() == 0)
    }
}

fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if is_missing(source))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
