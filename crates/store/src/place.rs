//! The place of a store: whether its files still are those that were opened.
//!
//! A process keeps a file that was deleted, moved or replaced, and could write into it for ever without
//! anybody finding that again. So it looks, before it acknowledges anything.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::folder::{DATABASE, LOG};

/// The database and its log, as they were when they were opened.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    database: Known,
    log: Known,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    device: u64,
    number: u64,
}

impl Place {
    /// Of the store in `folder`, which is open: its log is there.
    pub(crate) fn of(folder: &Path) -> Result<Place, StoreError> {
        let know = |name: &str| {
            let path = folder.join(name);
            let found = fs::metadata(&path).map_err(|error| StoreError::from_io("look at", &path, error))?;
            Ok(Known { path, device: found.dev(), number: found.ino() })
        };
        Ok(Place { folder: folder.to_owned(), database: know(DATABASE)?, log: know(LOG)? })
    }

    /// Fails if one of the files isn't where it was.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        self.look_at(&self.database)?;
        self.look_at(&self.log)
    }

    fn look_at(&self, known: &Known) -> Result<(), StoreError> {
        let replaced = || StoreError::Replaced { folder: self.folder.clone() };
        match fs::metadata(&known.path) {
            Ok(found) if (found.dev(), found.ino()) == (known.device, known.number) => Ok(()),
            Ok(_) => Err(replaced()),
            Err(error) if is_gone(&error) => Err(replaced()),
            Err(error) => Err(StoreError::from_io("look at", &known.path, error)),
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
