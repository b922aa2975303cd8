//! One owner per store: the process that drives it holds a lock, which ends with the process.
//!
//! The lock's file also says who the owner is and where its door is, for those who come second. After
//! the owner has gone it tells the next one since when that owner was there, and whether it left in
//! good order.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use motet_pipeline::Timestamp;
use motet_store::StoreError;
use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// The lock of a store, held until this is dropped or the process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
    opened_at: Timestamp,
    previous: Option<Note>,
}

/// What the lock's file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The owner; 0 if that can't be told yet.
    pub(crate) pid: u32,
    /// Since when it was there.
    pub(crate) opened_at: Timestamp,
    /// How to reach it.
    pub(crate) door: Door,
}

/// How an owner is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Not yet.
    Pending,
    /// Not at all.
    Closed,
    /// It has left in good order.
    Left,
    /// By this socket.
    At(PathBuf),
}

impl Lock {
    /// Takes the lock of the store in `folder`, which is made if needed.
    pub(crate) fn take(folder: &Path, now: Timestamp) -> Result<Lock, Error> {
        fs::create_dir_all(folder).map_err(|error| refused("make the folder", folder, error))?;
        let path = path_in(folder);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(|error| refused("open", &path, error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = read_note(&mut file).map_or(0, |note| note.pid);
                return Err(Error::Owned { store: folder.to_owned(), pid });
            }
            Err(error) => return Err(Error::file("lock", &path, error.into())),
        }
        let previous = read_note(&mut file);
        let mut lock = Lock { file, path, opened_at: now, previous };
        lock.announce(&Door::Pending)?;
        Ok(lock)
    }

    /// Who had the lock before, if anybody.
    pub(crate) fn previous(&self) -> Option<&Note> {
        self.previous.as_ref()
    }

    /// Tells those who come second how to reach this process.
    pub(crate) fn announce(&mut self, door: &Door) -> Result<(), Error> {
        let mut text = format!("{}\n{}\n", std::process::id(), self.opened_at.0).into_bytes();
        text.extend(match door {
            Door::Pending => b"".as_slice(),
            Door::Closed => b"closed",
            Door::Left => b"left",
            Door::At(path) => path.as_os_str().as_bytes(),
        });
        let mut write = || -> io::Result<()> {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)
        };
        write().map_err(|error| refused("write", &self.path, error))
    }

    /// Lets go of the store in good order.
    pub(crate) fn release(mut self) {
        // If this can't be written, the next owner takes this one for one that died: it is careful.
        let _ = self.announce(&Door::Left);
    }
}

/// What the file of the lock in `folder` says now.
pub(crate) fn note_in(folder: &Path) -> Option<Note> {
    read_note(&mut File::open(path_in(folder)).ok()?)
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join("owner.lock")
}

fn refused(verb: &'static str, path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::Store(StoreError::ReadOnly { file: path.to_owned() })
        }
        io::ErrorKind::StorageFull => Error::Store(StoreError::Full { file: path.to_owned() }),
        _ => Error::file(verb, path, error),
    }
}

fn read_note(file: &mut File) -> Option<Note> {
    let mut bytes = Vec::new();
    file.rewind().ok()?;
    file.take(NOTE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.trim().parse::<i64>().ok();
    let (pid, opened_at) = (number()?, number()?);
    let door = match parts.next()? {
        b"" => Door::Pending,
        b"closed" => Door::Closed,
        b"left" => Door::Left,
        path => Door::At(OsString::from_vec(path.to_owned()).into()),
    };
    Some(Note { pid: u32::try_from(pid).ok()?, opened_at: Timestamp(opened_at), door })
}

const NOTE_BYTES_MAX: u64 = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_tells_the_next_who_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Lock::take(folder.path(), Timestamp(1)).unwrap();
        assert_eq!(first.previous(), None);
        let socket = Door::At(PathBuf::from("/a\nb/control.sock"));
        first.announce(&socket).unwrap();

        let Err(Error::Owned { pid, .. }) = Lock::take(folder.path(), Timestamp(2)) else {
            panic!("the lock is held")
        };
        assert_eq!(pid, std::process::id());
        let note = Note { pid, opened_at: Timestamp(1), door: socket };
        assert_eq!(note_in(folder.path()), Some(note.clone()));

        drop(first);
        let second = Lock::take(folder.path(), Timestamp(3)).unwrap();
        assert_eq!(second.previous(), Some(&note), "it ended without a word");
        second.release();
        let third = Lock::take(folder.path(), Timestamp(4)).unwrap();
        assert_eq!(third.previous(), Some(&Note { pid, opened_at: Timestamp(3), door: Door::Left }));
    }

    #[test]
    fn a_file_that_says_nothing_sensible_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "x", "12", "12\n", "12\nx\n", "-1\n5\n", "\u{0}\n\n\n"] {
            fs::write(path_in(folder.path()), text).unwrap();
            assert_eq!(note_in(folder.path()), None, "{text:?}");
        }
    }
}
