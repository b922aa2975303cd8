//! The folder of a store: whether it is one or may become one, and which names in it are Motet's own.

mod first_open;

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::private::{self, FILE_MODE, FOLDER_MODE};
use crate::{StoreError, schema};

/// A folder that is a store's, or that may become one: one that is empty, or in which somebody has
/// just begun to make a store.
///
/// A store is known by its database, an ordinary file with the name of Motet in its header. Any other
/// folder is refused as it is. So is a store in which something lies under a name of Motet's that
/// leads elsewhere: in a copied project a link can lead anywhere.
///
/// ```
/// use motet_store::{StoreError, StoreFolder};
///
/// let project = tempfile::tempdir().unwrap();
/// std::fs::write(project.path().join("film.yaml"), "motet: 1").unwrap();
/// assert!(matches!(StoreFolder::enter(project.path()), Err(StoreError::Occupied { .. })));
/// StoreFolder::enter(&project.path().join("store"))?;
/// # Ok::<(), StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StoreFolder {
    path: PathBuf,
}

pub(crate) const DATABASE: &str = "motet.db";
pub(crate) const LOG: &str = "motet.db-wal";
pub(crate) const LOCK: &str = "owner.lock";
pub(crate) const MARK: &str = "mark";
pub(crate) const ARTIFACTS: &str = "artifacts";
pub(crate) const SCRATCH: &str = "scratch";
pub(crate) const CHILDREN: &str = "children";

/// The names of a store, and what each of them is.
const NAMES: [(&str, Kind); 11] = [
    (LOCK, Kind::File),
    (MARK, Kind::File),
    ("control.sock", Kind::Socket),
    (ARTIFACTS, Kind::Folder),
    (SCRATCH, Kind::Folder),
    (CHILDREN, Kind::Folder),
    ("sim", Kind::Folder),
    ("motet.db-journal", Kind::File),
    ("motet.db-shm", Kind::File),
    (LOG, Kind::File),
    // Last: once this is closed to others, all is (see `narrow`).
    (DATABASE, Kind::File),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Socket,
}

impl StoreFolder {
    /// The folder at `path`, to drive a store in; made if it isn't there. If there is no store in it yet,
    /// it is closed to other users; else nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::Occupied`], [`StoreError::NotPlain`], [`StoreError::NotPrivate`],
    /// [`StoreError::Foreign`], or what the file system refuses.
    pub fn enter(path: &Path) -> Result<StoreFolder, StoreError> {
        let folder = StoreFolder::at(path);
        folder.make()?;
        if !folder.is_store()? {
            private::narrow(&folder.real()?, FOLDER_MODE)?;
        }
        Ok(folder)
    }

    /// The folder at `path`, to look at the store in it.
    pub(crate) fn find(path: &Path) -> Result<StoreFolder, StoreError> {
        let folder = StoreFolder::at(path);
        match folder.is_there()? && folder.is_store()? {
            true => Ok(folder),
            false => Err(StoreError::Missing { folder: path.to_owned() }),
        }
    }

    /// Without what makes no difference at its end: `store/.` and `store/` are `store`.
    fn at(path: &Path) -> StoreFolder {
        StoreFolder { path: path.components().collect() }
    }

    /// Whether there is a folder; refuses anything else in its place, or in that of a folder above it.
    fn is_there(&self) -> Result<bool, StoreError> {
        let no_folder = |path: &Path, is| Err(StoreError::NoFolder { path: path.to_owned(), is });
        match self.path.metadata() {
            Ok(found) if found.is_dir() => Ok(true),
            Ok(found) => no_folder(&self.path, private::kind_word(&found)),
            Err(error) if error.kind() == ErrorKind::NotFound => match private::look_at(&self.path)? {
                Some(found) if found.is_symlink() => {
                    no_folder(&self.path, "a symbolic link that leads nowhere")
                }
                // Somebody else may have made it just now.
                found => Ok(found.is_some_and(|found| found.is_dir())),
            },
            Err(error) => {
                let above =
                    self.path.ancestors().skip(1).filter_map(|path| Some((path, path.metadata().ok()?)));
                match above.into_iter().find(|(_, found)| !found.is_dir()) {
                    Some((path, found)) => no_folder(path, private::kind_word(&found)),
                    None => Err(StoreError::from_io("open", &self.path, error)),
                }
            }
        }
    }

    /// Makes the folder, unless it is there. A last link is followed: whoever gives the path chose it.
    fn make(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::from_io("make", &self.path, error);
        if !self.is_there()? {
            let above = self.path.parent().filter(|above| !above.as_os_str().is_empty());
            above.map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
            return private::make_folder(&self.path);
        }
        let found = self.path.metadata().map_err(failed)?;
        if private::is_own(&found) || rustix::process::geteuid().is_root() {
            return Ok(());
        }
        // Whoever owns the folder can exchange all that is in it.
        match access(&self.path, Access::WRITE_OK) {
            Ok(()) => Err(StoreError::NotPrivate { folder: self.path.clone(), user: found.uid() }),
            Err(reason) => Err(StoreError::from_io("write", &self.path, reason.into())),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it really is, if a link names it.
    fn real(&self) -> Result<PathBuf, StoreError> {
        self.path.canonicalize().map_err(|error| StoreError::from_io("open", &self.path, error))
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Opens a file under a name of Motet's own for reading and writing; made if it isn't there. Never
    /// to be used for what SQLite has open: closing a file ends all locks of the process on it.
    ///
    /// # Errors
    /// [`StoreError::NotPlain`], or what the file system refuses.
    pub fn open_file(&self, name: &str) -> Result<File, StoreError> {
        private::open_or_make(&self.path.join(name))
    }

    /// Makes a folder under a name of Motet's own, unless it is there, and says where it is.
    ///
    /// # Errors
    /// [`StoreError::NotPlain`], or what the file system refuses.
    pub fn make_folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        private::make_folder(&path)?;
        Ok(path)
    }

    /// Whether there is a store in it; if not, one may be made here.
    fn is_store(&self) -> Result<bool, StoreError> {
        if !self.is_named()? {
            if first_open::was_store(&self.path)? && !self.is_named()? {
                return Err(StoreError::Gone { folder: self.path.clone() });
            }
            let Some(holds) = first_open::others_in(&self.path)? else { return Ok(false) };
            // It may be what another process has just made in the store that it has named meanwhile.
            if !self.is_named()? {
                return Err(StoreError::Occupied { folder: self.path.clone(), holds });
            }
        }
        self.refuse_what_leads_elsewhere().map(|()| true)
    }

    /// Whether its database bears the name of Motet.
    fn is_named(&self) -> Result<bool, StoreError> {
        let file = self.database();
        match private::look_at(&file)? {
            Some(found) if !Kind::File.is(&found) => {
                Err(StoreError::NotPlain { file, is: private::kind_word(&found) })
            }
            _ => match schema::is_named(&file) {
                Err(StoreError::Foreign { file }) if first_open::was_store(&self.path)? => {
                    Err(StoreError::Corrupt { file, what: "its beginning was overwritten".to_owned() })
                }
                named => named,
            },
        }
    }

    fn refuse_what_leads_elsewhere(&self) -> Result<(), StoreError> {
        for (name, kind) in NAMES {
            let path = self.path.join(name);
            if let Some(found) = private::look_at(&path)?.filter(|found| !kind.is(found)) {
                return Err(StoreError::NotPlain { file: path, is: private::kind_word(&found) });
            }
        }
        Ok(())
    }

    /// Closes the store to everybody but its owner, where an earlier version or a copy left it open.
    /// `below` closes what lies deeper; it is called if that may be open as well.
    pub(crate) fn narrow(&self, below: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let real = self.real()?;
        let was_open = private::narrow(&real, FOLDER_MODE)?;
        let is_open = private::is_wider(&self.database(), FILE_MODE)?;
        if was_open || is_open {
            below()?;
        }
        for (name, kind) in NAMES {
            let mode = if kind == Kind::Folder { FOLDER_MODE } else { FILE_MODE };
            private::narrow(&real.join(name), mode)?;
        }
        Ok(())
    }
}

impl Kind {
    /// Whether something is of this kind, and nothing else: a second name of a file leads elsewhere too.
    fn is(self, found: &std::fs::Metadata) -> bool {
        match self {
            Kind::File => found.is_file() && found.nlink() <= 1,
            Kind::Folder => found.is_dir(),
            Kind::Socket => found.file_type().is_socket(),
        }
    }
}
