//! One owner per store: the process that drives it holds a lock, which ends with the process.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// The lock of a store, held until this is dropped or the process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store in `folder`.
    pub(crate) fn take(folder: &Path) -> Result<Lock, Error> {
        fs::create_dir_all(folder).map_err(|error| Error::file("make the folder", folder, error))?;
        let path = folder.join("owner.lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(|error| Error::file("open", &path, error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Error::Owned { store: folder.to_owned(), pid: read_pid(&mut file) });
        }
        let pid = std::process::id().to_string();
        let written = file.set_len(0).and_then(|()| file.write_all(pid.as_bytes()));
        written.map_err(|error| Error::file("write", &path, error))?;
        Ok(Lock { _file: file })
    }
}

/// Who holds the lock; 0 if that can't be told yet.
fn read_pid(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}
