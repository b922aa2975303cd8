//! A shelf: the folder in which a file of a store lies, reached part by part and never through a link.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use motet_pipeline::Digest;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, linkat, mkdirat, openat, renameat, unlinkat};

use crate::reading::measure;

/// What becomes of another file of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfExists {
    Replace,
    Keep,
    Fail,
}

/// A file that is in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    /// Whether another file was there.
    pub(super) replaced: bool,
}

/// The folder of one file, and its name there.
pub(super) struct Shelf {
    folder: OwnedFd,
    name: String,
}

const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Anybody may read what other programs are to read, as far as the umask allows.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

impl Shelf {
    /// The shelf of the file `name` below `root`; folders on the way are made.
    pub(super) fn make(root: &Path, name: &str) -> io::Result<Shelf> {
        fs::create_dir_all(root)?;
        let shelf = Shelf::walk(root, name, |folder, part| match mkdirat(folder, part, FOLDER_MODE) {
            Ok(()) => File::from(folder.try_clone()?).sync_all(),
            Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        })?;
        shelf.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// The same; nothing if a folder on the way isn't there.
    pub(super) fn find(root: &Path, name: &str) -> io::Result<Option<Shelf>> {
        Shelf::walk(root, name, |_, _| Ok(()))
    }

    fn walk(
        root: &Path,
        name: &str,
        mut enter: impl FnMut(&OwnedFd, &str) -> io::Result<()>,
    ) -> io::Result<Option<Shelf>> {
        // The folder itself may be a link: a person has named it.
        let mut folder = match openat(rustix::fs::CWD, root, FOLDER_FLAGS, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            opened => opened?,
        };
        let mut parts = name.split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return Ok(Some(Shelf { folder, name: part.to_owned() }));
            }
            enter(&folder, part)?;
            folder = match openat(&folder, part, FOLDER_FLAGS | OFlags::NOFOLLOW, Mode::empty()) {
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                    return Err(no_way(&format!("`{part}` is a link or no folder")));
                }
                opened => opened?,
            };
        }
        Ok(None)
    }

    /// Opens the file; nothing if it isn't there.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        // A pipe doesn't hold it up.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match openat(&self.folder, self.name.as_str(), flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(no_way("it is a link")),
            opened => File::from(opened?),
        };
        match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(Some(file)),
            _ => Err(no_way("it is no regular file")),
        }
    }

    /// Puts what `source` gives in its place, whole or not at all; `draft` names it until it is whole. If the same bytes are
    /// there already, nothing is done.
    pub(super) fn place(
        &self,
        source: &mut dyn Read,
        digest: &Digest,
        if_exists: IfExists,
        draft: &Digest,
    ) -> io::Result<Placed> {
        let there = self.open()?.map(|mut file| measure(&mut file)).transpose()?;
        match there {
            Some((found, bytes)) if found == *digest || if_exists == IfExists::Keep => {
                return Ok(Placed { digest: found, bytes, replaced: false });
            }
            Some(_) if if_exists == IfExists::Fail => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another file is there"));
            }
            _ => {}
        }
        let draft = format!(".motet-{}", &draft.hex()[..32]);
        let bytes = self.write(&draft, source)?;
        if if_exists == IfExists::Replace {
            renameat(&self.folder, draft.as_str(), &self.folder, self.name.as_str())?;
        } else {
            // Unlike a rename, this takes the place of nothing that came meanwhile.
            let linked =
                linkat(&self.folder, draft.as_str(), &self.folder, self.name.as_str(), AtFlags::empty());
            unlinkat(&self.folder, draft.as_str(), AtFlags::empty())?;
            if linked == Err(rustix::io::Errno::EXIST) && if_exists == IfExists::Keep {
                let mut file = self.open()?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
                let (digest, bytes) = measure(&mut file)?;
                return Ok(Placed { digest, bytes, replaced: false });
            }
            linked?;
        }
        File::from(self.folder.try_clone()?).sync_all()?;
        Ok(Placed { digest: *digest, bytes, replaced: there.is_some() })
    }

    fn write(&self, draft: &str, source: &mut dyn Read) -> io::Result<u64> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.folder, draft, flags, FILE_MODE)?);
        let written = io::copy(source, &mut file).and_then(|bytes| {
            file.flush()?;
            file.sync_all().map(|()| bytes)
        });
        if written.is_err() {
            // What can't be removed takes room, and the next try takes its place.
            let _ = unlinkat(&self.folder, draft, AtFlags::empty());
        }
        written
    }

    /// Removes the file, if it is there and has the bytes `only`. Says whether it did.
    pub(super) fn remove(&self, only: Option<Digest>) -> io::Result<bool> {
        let Some(mut file) = self.open()? else { return Ok(false) };
        if let Some(only) = only
            && measure(&mut file)?.0 != only
        {
            return Ok(false);
        }
        match unlinkat(&self.folder, self.name.as_str(), AtFlags::empty()) {
            Err(rustix::io::Errno::NOENT) => Ok(false),
            removed => {
                removed?;
                File::from(self.folder.try_clone()?).sync_all().map(|()| true)
            }
        }
    }
}

fn no_way(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn place(root: &Path, name: &str, text: &str, if_exists: IfExists) -> io::Result<Placed> {
        let digest = Digest::of(text.as_bytes());
        Shelf::make(root, name)?.place(&mut text.as_bytes(), &digest, if_exists, &Digest::of(b"draft"))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_put_whole_and_the_same_one_is_put_once() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/b.txt");
        let first = place(root.path(), "a/b.txt", "one", IfExists::Fail).unwrap();
        assert_eq!((first.bytes, first.replaced), (3, false));
        assert_eq!(
            place(root.path(), "a/b.txt", "one", IfExists::Fail).unwrap(),
            first,
            "a crash came between"
        );
        assert_eq!(
            place(root.path(), "a/b.txt", "two", IfExists::Fail).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(place(root.path(), "a/b.txt", "two", IfExists::Keep).unwrap(), first);
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
        // What a try that was killed left.
        let draft = format!(".motet-{}", &Digest::of(b"draft").hex()[..32]);
        fs::write(root.path().join("a").join(&draft), "tw").unwrap();
        assert!(place(root.path(), "a/b.txt", "two", IfExists::Replace).unwrap().replaced);
        assert_eq!(
            (fs::read_to_string(&file).unwrap().as_str(), names(&root.path().join("a"))),
            ("two", vec!["b.txt".to_owned()])
        );
        assert_eq!(place(root.path(), "c.txt", "new", IfExists::Keep).unwrap().bytes, 3);
    }

    #[test]
    fn nothing_is_reached_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "planted").unwrap();
        symlink(outside.path(), root.path().join("away")).unwrap();
        symlink(outside.path().join("secret"), root.path().join("link")).unwrap();
        fs::create_dir(root.path().join("folder")).unwrap();
        for name in ["away/secret", "link", "folder"] {
            for if_exists in [IfExists::Replace, IfExists::Keep, IfExists::Fail] {
                assert!(place(root.path(), name, "mine", if_exists).is_err(), "{name}");
            }
            let opened = Shelf::find(root.path(), name).and_then(|shelf| shelf.unwrap().open());
            assert_eq!(opened.err().map(|error| error.kind()), Some(io::ErrorKind::InvalidInput), "{name}");
            let removed = Shelf::find(root.path(), name).and_then(|shelf| shelf.unwrap().remove(None));
            assert!(removed.is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "planted");
        assert_eq!(names(outside.path()), ["secret"]);
        assert!(Shelf::find(root.path(), "none/at/all").unwrap().is_none());
    }

    #[test]
    fn only_the_file_that_is_meant_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let placed = place(root.path(), "a", "one", IfExists::Fail).unwrap();
        let shelf = Shelf::find(root.path(), "a").unwrap().unwrap();
        assert!(!shelf.remove(Some(Digest::of(b"another"))).unwrap());
        assert!(shelf.remove(Some(placed.digest)).unwrap());
        assert!(!shelf.remove(None).unwrap(), "it isn't there any more");
    }
}
