//! The artifact folder: bytes by digest, complete or not there at all.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use motet_pipeline::Digest;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::folder::{ARTIFACTS, CHILDREN, SCRATCH};
use crate::private::{self, FOLDER_MODE};
use crate::{StoreError, SweptFiles, incoming};

/// Bytes that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Names the bytes.
    pub digest: Digest,
    /// How many there are.
    pub bytes: u64,
}

/// A folder that holds files by their SHA-256: `ab/cdef…`.
///
/// A file is written under another name, flushed, and only then renamed to its digest, so what has
/// its name is whole. Files are read-only. Files that a crash left half-written are swept when the
/// folder is opened for writing. Nothing is reached through a link.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactFolder {
    root: PathBuf,
    /// The folder of a store in memory: removed with its last user, and never flushed.
    temporary: Option<Arc<TempDir>>,
}

/// What an artifact may be used for: to be read, by its owner.
const ARTIFACT_MODE: u32 = 0o400;

const CHUNK_BYTES: usize = 128 * 1024;

/// How many files are removed before others may go on.
const FILES_AT_ONCE: usize = 256;

/// What was written or used since is not touched again: much less than anybody waits who removes files.
const TOUCHED: Duration = Duration::from_secs(5 * 60);

impl ArtifactFolder {
    /// The folder `root`, which is swept.
    pub(crate) fn open(root: PathBuf) -> Result<ArtifactFolder, StoreError> {
        let folder = ArtifactFolder { root, temporary: None };
        incoming::sweep(&folder.root)?;
        Ok(folder)
    }

    /// The folder `root`, of which nothing is expected.
    pub(crate) fn open_read_only(root: &Path) -> ArtifactFolder {
        ArtifactFolder { root: root.to_owned(), temporary: None }
    }

    /// The folder for artifacts in a new temporary folder with all others that a store has, which ends
    /// with the last clone of this.
    pub(crate) fn in_memory() -> Result<(ArtifactFolder, PathBuf), StoreError> {
        let temporary = tempfile::Builder::new()
            .prefix("motet-")
            .permissions(Permissions::from_mode(FOLDER_MODE))
            .tempdir()
            .map_err(|error| StoreError::from_io("make a folder in", &std::env::temp_dir(), error))?;
        let whole = temporary.path().to_owned();
        private::own_fully(&whole, FOLDER_MODE)?;
        for name in [ARTIFACTS, SCRATCH, CHILDREN] {
            private::make_folder(&whole.join(name))?;
        }
        let root = whole.join(ARTIFACTS);
        Ok((ArtifactFolder { root, temporary: Some(Arc::new(temporary)) }, whole))
    }

    /// Where the bytes of `digest` are, if they are there.
    pub(crate) fn path_of(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join(&hex[..2]).join(&hex[2..])
    }

    /// The file of `digest`, if it is there.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Metadata> {
        let path = self.path_of(digest);
        is_shelf(path.parent()?).then(|| fs::symlink_metadata(path).ok().filter(Metadata::is_file))?
    }

    /// How long the file of `digest` is, if it is there; what is there and can't be read is an error.
    pub(crate) fn find_readable(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.path_of(digest);
        let failed = |error: io::Error| StoreError::from_io("read", &path, error);
        if let Some(found) = self.find(digest) {
            rustix::fs::access(&path, rustix::fs::Access::READ_OK).map_err(|error| failed(error.into()))?;
            return Ok(Some(found.len()));
        }
        match self.why_not_there(digest) {
            StoreError::NoArtifact { .. } => Ok(None),
            error => Err(error),
        }
    }

    /// Why [`ArtifactFolder::find`] finds nothing.
    pub(crate) fn why_not_there(&self, digest: &Digest) -> StoreError {
        let file = self.path_of(digest);
        let odd = self.odd_in_place_of(digest);
        let odd = odd.map(|odd| odd.map(|(file, is)| (file, format!("it is {is}, which isn't opened"))));
        match odd {
            Ok(Some((file, what))) => StoreError::Corrupt { file, what },
            Ok(None) => StoreError::NoArtifact { digest: *digest, file },
            Err(error) => error,
        }
    }

    /// What lies where the file of `digest` should be, or its folder, and is none.
    pub(crate) fn odd_in_place_of(
        &self,
        digest: &Digest,
    ) -> Result<Option<(PathBuf, &'static str)>, StoreError> {
        let file = self.path_of(digest);
        let shelf = file.parent().expect("a digest's file lies in a folder");
        match private::look_at(shelf)? {
            None => return Ok(None),
            Some(found) if !found.is_dir() => {
                return Ok(Some((shelf.to_owned(), private::kind_word(&found))));
            }
            Some(_) => {}
        }
        let found = private::look_at(&file)?.filter(|found| !found.is_file());
        Ok(found.map(|found| (file, private::kind_word(&found))))
    }

    /// Opens the bytes of `digest` for reading.
    pub(crate) fn open_bytes(&self, digest: &Digest) -> Result<File, StoreError> {
        let file = self.path_of(digest);
        match self.find(digest) {
            Some(_) => private::open(&file),
            None => Err(self.why_not_there(digest)),
        }
    }

    /// Reads all the bytes named `digest`.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let read = self.open_bytes(digest)?.read_to_end(&mut bytes);
        read.map_err(|error| StoreError::from_io("read", &self.path_of(digest), error))?;
        Ok(bytes)
    }

    /// Keeps `bytes`.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Kept, StoreError> {
        let kept = Kept { digest: Digest::of(bytes), bytes: bytes.len() as u64 };
        if self.holds(&kept)? {
            return Ok(kept);
        }
        let mut incoming = incoming::make(&self.root)?;
        incoming.write_all(bytes).map_err(|error| StoreError::from_io("write", incoming.path(), error))?;
        self.settle(incoming.as_file(), incoming.path(), &kept)?;
        Ok(kept)
    }

    /// Keeps a copy of the file `path`.
    pub(crate) fn copy_in(&self, path: &Path) -> Result<Kept, StoreError> {
        self.copy_in_while(path, || Ok(()))
    }

    /// The same, unless `go_on` fails meanwhile: it is called before every piece.
    pub(crate) fn copy_in_while(
        &self,
        path: &Path,
        mut go_on: impl FnMut() -> Result<(), StoreError>,
    ) -> Result<Kept, StoreError> {
        let mut source = open_regular(path, fs::metadata(path))?;
        let mut incoming = incoming::make(&self.root)?;
        let kept = measure(&mut source, path, |chunk| {
            go_on()?;
            let written = incoming.write_all(chunk);
            written.map_err(|error| StoreError::from_io("write", incoming.path(), error))
        })?;
        if !self.holds(&kept)? {
            self.settle(incoming.as_file(), incoming.path(), &kept)?;
        }
        Ok(kept)
    }

    /// Keeps the file `path` itself, which is gone from there afterwards.
    pub(crate) fn adopt(&self, path: &Path) -> Result<Kept, StoreError> {
        let mut source = open_regular(path, fs::symlink_metadata(path))?;
        let kept = measure(&mut source, path, |_| Ok(()))?;
        if !self.holds(&kept)? {
            match self.settle(&source, path, &kept) {
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::CrossesDevices => {
                    self.copy_in(path)?;
                }
                settled => return settled.map(|()| kept),
            }
        }
        fs::remove_file(path).map_err(|error| StoreError::from_io("remove", path, error))?;
        Ok(kept)
    }

    /// Removes `files`, but for those that were written or used within `grace`.
    pub(crate) fn remove_unused(&self, files: &[Kept], grace: Duration) -> Result<SweptFiles, StoreError> {
        let mut swept = SweptFiles::default();
        for some in files.chunks(FILES_AT_ONCE) {
            let _alone = self.lock(File::lock)?;
            for Kept { digest, bytes } in some {
                let Some(found) = self.find(digest) else { continue };
                if age(&found) < grace {
                    (swept.recent, swept.recent_bytes) = (swept.recent + 1, swept.recent_bytes + bytes);
                    continue;
                }
                let path = self.path_of(digest);
                let removed = fs::remove_file(&path);
                removed.map_err(|error| StoreError::from_io("remove", &path, error))?;
                (swept.files, swept.bytes) = (swept.files + 1, swept.bytes + bytes);
            }
        }
        Ok(swept)
    }

    /// Says that bytes which are there are in use, so that nobody removes them. False if they aren't there.
    pub(crate) fn touch(&self, kept: &Kept) -> Result<bool, StoreError> {
        let is_it = |found: &Metadata| found.len() == kept.bytes;
        let Some(found) = self.find(&kept.digest).filter(is_it) else { return Ok(false) };
        if age(&found) < TOUCHED {
            return Ok(true);
        }
        let _shared = self.lock(File::lock_shared)?;
        if self.find(&kept.digest).is_none() {
            return Ok(false);
        }
        let path = self.path_of(&kept.digest);
        let touched = private::open(&path)?.set_modified(SystemTime::now());
        touched.map_err(|error| StoreError::from_io("touch", &path, error)).map(|()| true)
    }

    /// A lock on the names of files, until it is dropped.
    fn lock(&self, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<File, StoreError> {
        private::lock_folder(&self.root, lock)
    }

    /// Whether the bytes are there already, durably. A file of another length is no such thing: it
    /// is damaged and will be replaced.
    fn holds(&self, kept: &Kept) -> Result<bool, StoreError> {
        let path = self.path_of(&kept.digest);
        let there = self.touch(kept)?;
        if there {
            // Whoever put it there may not have come to this yet.
            self.flush(path.parent().expect("a digest's file lies in a folder"))?;
        }
        Ok(there)
    }

    /// Makes `file`, which lies at `from`, durable under its digest.
    fn settle(&self, file: &File, from: &Path, kept: &Kept) -> Result<(), StoreError> {
        let path = self.path_of(&kept.digest);
        let parent = path.parent().expect("a digest's file lies in a folder");
        let written = || -> io::Result<()> {
            file.set_permissions(Permissions::from_mode(ARTIFACT_MODE))?;
            file.set_modified(SystemTime::now())?;
            if self.temporary.is_none() { file.sync_all() } else { Ok(()) }
        };
        written().map_err(|error| StoreError::from_io("write", from, error))?;
        if !is_shelf(parent) {
            private::make_folder(parent)?;
            self.flush(&self.root)?;
        }
        fs::rename(from, &path).map_err(|error| StoreError::from_io("write", &path, error))?;
        self.flush(parent)
    }

    /// Makes the names in `folder` durable.
    fn flush(&self, folder: &Path) -> Result<(), StoreError> {
        if self.temporary.is_some() {
            return Ok(());
        }
        let flushed = File::open(folder).and_then(|folder| folder.sync_all());
        flushed.map_err(|error| StoreError::from_io("flush", folder, error))
    }

    /// Removes all artifacts with the folder, which stays if anything else lies in it.
    pub(crate) fn remove_all(&self) {
        // What can't be removed is found by whoever wants the folder to be empty.
        drop(incoming::sweep(&self.root));
        for kept in self.list().unwrap_or_default() {
            drop(fs::remove_file(self.path_of(&kept.digest)));
        }
        // Shelves are made before anything is put on them.
        for shelf in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if shelf.file_name().to_str().is_some_and(is_shelf_name) && is_shelf(&shelf.path()) {
                drop(fs::remove_dir(shelf.path()));
            }
        }
        drop(fs::remove_dir(&self.root));
    }

    /// Every digest that has a file, with its length, in order.
    pub(crate) fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let failed = |error| StoreError::from_io("read", &self.root, error);
        let mut all = Vec::new();
        let shelves = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            shelves => shelves.map_err(failed)?,
        };
        for shelf in shelves {
            let shelf = shelf.map_err(failed)?;
            if !is_shelf(&shelf.path()) {
                continue;
            }
            let Ok(files) = fs::read_dir(shelf.path()) else { continue };
            for file in files {
                let file = file.map_err(failed)?;
                let hex = format!(
                    "sha256:{}{}",
                    shelf.file_name().to_string_lossy(),
                    file.file_name().to_string_lossy()
                );
                // The metadata is that of a link, not of what it leads to.
                match (hex.parse(), file.metadata()) {
                    (Ok(digest), Ok(found)) if found.is_file() => {
                        all.push(Kept { digest, bytes: found.len() });
                    }
                    _ => {}
                }
            }
        }
        all.sort_by_key(|kept| kept.digest);
        Ok(all)
    }

    /// Closes to other users what earlier versions left open to be read.
    pub(crate) fn narrow(&self) -> Result<(), StoreError> {
        for kept in self.list()? {
            let path = self.path_of(&kept.digest);
            private::narrow(&path, ARTIFACT_MODE)?;
            private::narrow(path.parent().expect("a digest's file lies in a folder"), FOLDER_MODE)?;
        }
        Ok(())
    }

    /// Reads the bytes of `digest` again and says whether they still are what they were.
    pub(crate) fn verify(&self, digest: &Digest) -> Result<bool, StoreError> {
        let mut file = self.open_bytes(digest)?;
        let found = measure(&mut file, &self.path_of(digest), |_| Ok(()))?;
        Ok(found.digest == *digest)
    }
}

/// How long ago a file was written or touched.
fn age(found: &Metadata) -> Duration {
    found.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default()
}

/// Opens a file for reading, unless what was `found` at its path is none. A folder, a device or a pipe
/// could go on for ever; a link is a file only where it may be followed.
fn open_regular(path: &Path, found: io::Result<Metadata>) -> Result<File, StoreError> {
    let failed = |error| StoreError::from_io("open", path, error);
    if !found.map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    File::open(path).map_err(failed)
}

/// Reads `source` to its end and shows it to `each`, a chunk at a time; `name` is for messages.
fn measure(
    source: &mut impl Read,
    name: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Kept, StoreError> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = match source.read(&mut chunk) {
            Ok(0) => return Ok(Kept { digest: Digest::from_bytes(hash.finalize().into()), bytes }),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StoreError::from_io("read", name, error)),
        };
        hash.update(&chunk[..read]);
        each(&chunk[..read])?;
        bytes += read as u64;
    }
}

/// Whether a folder for files is there, and no link to one.
fn is_shelf(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether a name is that of a folder for files: the first two digits of a digest.
fn is_shelf_name(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_sweep_by_another_process_leaves_alone_what_is_just_being_made() {
        let (folder, _) = ArtifactFolder::in_memory().unwrap();
        let is_done = AtomicBool::new(false);
        let kept: Vec<Result<Kept, StoreError>> = std::thread::scope(|threads| {
            threads.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    incoming::sweep(&folder.root).unwrap();
                }
            });
            let kept = (0..1000_u32).map(|n| folder.put(&n.to_le_bytes())).collect();
            is_done.store(true, Ordering::Relaxed);
            kept
        });
        for outcome in kept {
            outcome.unwrap();
        }
    }
}
