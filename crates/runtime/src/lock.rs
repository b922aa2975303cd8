//! One owner per store: the process that drives it holds a lock, which ends with the process.
//!
//! The lock's file also says who the owner is and where its door is, for those who come second. After
//! the owner has gone it tells the next one since when that owner was there, and whether it left in
//! good order. A note names its process only as long as that lives.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use motet_pipeline::Timestamp;
use motet_store::{StoreError, StoreFolder};
use rustix::fs::OFlags;

use crate::Error;
use crate::process::identity::Identity;

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
    /// The owner.
    owner: Identity,
    /// Since when it was there.
    pub(crate) opened_at: Timestamp,
    /// How to reach it.
    pub(crate) door: Door,
}

/// How an owner is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Not yet. Earlier versions wrote that; now an owner writes nothing before it can be reached.
    Pending,
    /// Not at all.
    Closed,
    /// It has left in good order.
    Left,
    /// By this socket.
    At(PathBuf),
}

impl Lock {
    /// Takes the lock of the store in `folder`, which is made if needed, and refused if it can't be a
    /// store's. Who had the lock before stays written until this process announces itself.
    pub(crate) fn take(folder: &Path, now: Timestamp) -> Result<Lock, Error> {
        let path = path_in(folder);
        let owned = |pid| Error::Owned { store: folder.to_owned(), pid };
        for _ in 0..ATTEMPTS_MAX {
            let mut file = StoreFolder::enter(folder)?.open_file(NAME)?;
            let failed = |error| Error::file("lock", &path, error);
            let previous = read_note(&mut file);
            match Held::of(file.try_lock()).map_err(failed)? {
                // The note may be of whoever had it until now.
                Held::Here if is_at(&file, &path) => {
                    let previous = read_note(&mut file);
                    return Ok(Lock { file, path, opened_at: now, previous });
                }
                Held::Here => {}
                Held::There => {
                    if Held::of(file.try_lock_shared()).map_err(failed)? == Held::There {
                        return Err(owned(previous.map_or(0, |note| note.pid())));
                    }
                    // Somebody only looks, which takes a moment.
                    drop(file);
                    std::thread::sleep(LOOK);
                }
            }
        }
        Err(owned(0))
    }

    /// Who had the lock before, if anybody.
    pub(crate) fn previous(&self) -> Option<&Note> {
        self.previous.as_ref()
    }

    /// Tells those who come second how to reach this process.
    pub(crate) fn announce(&mut self, door: &Door) -> Result<(), Error> {
        let mut text = format!("{}\n{}\n", Identity::own(), self.opened_at.0).into_bytes();
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

    /// Releases the store in good order.
    pub(crate) fn release(mut self) {
        // If this can't be written, the next owner takes this one for one that died: it is careful.
        let _ = self.announce(&Door::Left);
    }
}

/// Who has a lock that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Here,
    There,
}

impl Held {
    fn of(tried: Result<(), TryLockError>) -> io::Result<Held> {
        match tried {
            Ok(()) => Ok(Held::Here),
            Err(TryLockError::WouldBlock) => Ok(Held::There),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Whether a file still is the one at `path`: a lock on any other keeps nobody out.
fn is_at(file: &File, path: &Path) -> bool {
    let known = |found: io::Result<fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
    known(file.metadata()) == known(fs::symlink_metadata(path))
}

/// Whether a process holds the lock of the store in `folder`, as far as can be known: one that can't be
/// looked at is taken for held.
pub(crate) fn is_held(folder: &Path) -> bool {
    let mut file = match open_to_look(folder) {
        Ok(file) => file,
        Err(error) => return error.kind() != io::ErrorKind::NotFound,
    };
    let lives = read_note(&mut file).is_some_and(|note| note.door != Door::Left && note.owner.lives());
    lives || !matches!(Held::of(file.try_lock_shared()), Ok(Held::Here))
}

/// How often a lock is asked for that somebody only looks at, and how long that takes at most.
const ATTEMPTS_MAX: u32 = 100;
const LOOK: Duration = Duration::from_millis(2);

impl Note {
    /// The number of the process, if it is known to live; else 0.
    pub(crate) fn pid(&self) -> u32 {
        if self.owner.lives() { self.owner.pid } else { 0 }
    }
}

/// What the file of the lock in `folder` says now.
pub(crate) fn note_in(folder: &Path) -> Option<Note> {
    read_note(&mut open_to_look(folder).ok()?)
}

fn open_to_look(folder: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path_in(folder))
}

const NAME: &str = "owner.lock";

fn path_in(folder: &Path) -> PathBuf {
    folder.join(NAME)
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
    let mut line = || Some(std::str::from_utf8(parts.next()?).ok()?.trim());
    let (owner, opened_at) = (line()?.parse().ok()?, line()?.parse().ok()?);
    let door = match parts.next()? {
        b"" => Door::Pending,
        b"closed" => Door::Closed,
        b"left" => Door::Left,
        path => Door::At(OsString::from_vec(path.to_owned()).into()),
    };
    Some(Note { owner, opened_at: Timestamp(opened_at), door })
}

const NOTE_BYTES_MAX: u64 = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn note(opened_at: i64, door: Door) -> Note {
        Note { owner: Identity::own(), opened_at: Timestamp(opened_at), door }
    }

    /// A folder with a store: nobody announces itself without.
    fn store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        drop(motet_store::Store::open(folder.path()).unwrap());
        folder
    }

    #[test]
    fn a_lock_is_held_by_one_and_tells_the_next_who_was_there() {
        let folder = store();
        let mut first = Lock::take(folder.path(), Timestamp(1)).unwrap();
        assert_eq!(first.previous(), None);
        let socket = Door::At(PathBuf::from("/a\nb/control.sock"));
        first.announce(&socket).unwrap();

        let Err(Error::Owned { pid, .. }) = Lock::take(folder.path(), Timestamp(2)) else {
            panic!("the lock is held")
        };
        assert_eq!(pid, std::process::id());
        assert_eq!(note_in(folder.path()), Some(note(1, socket.clone())));

        drop(first);
        let second = Lock::take(folder.path(), Timestamp(3)).unwrap();
        assert_eq!(second.previous(), Some(&note(1, socket)), "it ended without a word");
        second.release();
        let third = Lock::take(folder.path(), Timestamp(4)).unwrap();
        assert_eq!(third.previous(), Some(&note(3, Door::Left)));
    }

    #[test]
    fn a_lock_that_somebody_looks_at_is_taken_all_the_same_and_one_that_is_held_is_seen() {
        let folder = store();
        assert!(!is_held(folder.path()), "there is none yet");
        drop(Lock::take(folder.path(), Timestamp(1)).unwrap());
        assert!(!is_held(folder.path()));
        let is_done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                        is_held(folder.path());
                    }
                });
            }
            let take_often = || {
                for now in 0..100 {
                    let mut lock = Lock::take(folder.path(), Timestamp(now)).unwrap();
                    lock.announce(&Door::Closed).unwrap();
                    assert!(is_held(folder.path()));
                    lock.release();
                }
            };
            // Those who look go on until they are told, also if this fails.
            let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(take_often));
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
            taken.unwrap();
        });
    }

    #[test]
    fn a_lock_whose_file_was_removed_can_be_taken_by_another() {
        let folder = store();
        let mut first = Lock::take(folder.path(), Timestamp(1)).unwrap();
        first.announce(&Door::Closed).unwrap();
        fs::remove_file(path_in(folder.path())).unwrap();
        let second = Lock::take(folder.path(), Timestamp(2)).unwrap();
        assert_eq!(second.previous(), None);
        assert!(matches!(Lock::take(folder.path(), Timestamp(3)), Err(Error::Owned { .. })));
        drop(first);
    }

    #[test]
    fn who_ends_before_it_has_announced_itself_leaves_the_note_of_the_one_before() {
        let folder = store();
        let mut first = Lock::take(folder.path(), Timestamp(1)).unwrap();
        first.announce(&Door::Closed).unwrap();
        drop(first);
        drop(Lock::take(folder.path(), Timestamp(2)).unwrap());
        let third = Lock::take(folder.path(), Timestamp(3)).unwrap();
        assert_eq!(third.previous(), Some(&note(1, Door::Closed)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_note_names_no_process_but_the_one_that_wrote_it_while_it_lives() {
        let folder = store();
        let held = Lock::take(folder.path(), Timestamp(1)).unwrap();
        let own = Identity::own().to_string();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let dead = Identity::of(ended.id()).unwrap().to_string();
        ended.wait().unwrap();
        let (pid, birth) = own.split_once(' ').unwrap();
        let another = format!("{} {birth}", std::os::unix::process::parent_id());
        // The last one is of an earlier version, which could be any process by now.
        for (owner, named) in [(own.as_str(), std::process::id()), (&dead, 0), (&another, 0), (pid, 0)] {
            fs::write(path_in(folder.path()), format!("{owner}\n1\nclosed")).unwrap();
            let Err(Error::Owned { pid, .. }) = Lock::take(folder.path(), Timestamp(2)) else {
                panic!("the lock is held")
            };
            assert_eq!(pid, named, "{owner}");
            assert_eq!(note_in(folder.path()).unwrap().door, Door::Closed, "its door is known all the same");
        }
        drop(held);
    }

    #[test]
    fn a_file_that_says_nothing_sensible_says_nothing() {
        let folder = store();
        for text in ["", "x", "12", "12\n", "12\nx\n", "-1\n5\n", "\u{0}\n\n\n", "12 13\n5\n", "12 x y\n5\n"]
        {
            fs::write(path_in(folder.path()), text).unwrap();
            assert_eq!(note_in(folder.path()), None, "{text:?}");
        }
    }
}
