//! Files that are being written: under a name of their own until they are whole.

use std::fs::{self, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::StoreError;
use crate::private::{self, FILE_MODE};

/// How their names begin; so many letters and digits follow.
const PREFIX: &str = "incoming-";
const LETTERS: usize = 32;

/// A new file in `folder`. It is locked while it is written, so that a sweep by another process leaves it alone.
pub(crate) fn make(folder: &Path) -> Result<NamedTempFile, StoreError> {
    let failed = |error| StoreError::from_io("make a file in", folder, error);
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).rand_bytes(LETTERS);
        let file = builder.tempfile_in(folder).map_err(failed)?;
        file.as_file().set_permissions(Permissions::from_mode(FILE_MODE)).map_err(failed)?;
        file.as_file().lock().map_err(failed)?;
        // A sweep may have come before the lock; from now on it can't.
        if file.path().try_exists().map_err(failed)? {
            return Ok(file);
        }
    }
}

/// Removes the files in `folder` that were being written when their process ended.
pub(crate) fn sweep(folder: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_io("read", folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_str().is_some_and(is_incoming) {
            continue;
        }
        let Ok(file) = private::open(&entry.path()) else { continue };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // What can't be removed does no harm; it only takes room.
            _ => drop(fs::remove_file(entry.path())),
        }
    }
    Ok(())
}

/// Whether a name is one that only such a file has.
fn is_incoming(name: &str) -> bool {
    let letters = name.strip_prefix(PREFIX).map(str::as_bytes);
    letters.is_some_and(|it| it.len() == LETTERS && it.iter().all(u8::is_ascii_alphanumeric))
}
