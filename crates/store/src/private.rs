//! Files and folders for this user alone, never reached through a link.
//!
//! Looking what a path is and using it are two steps. Between them only this user and root could put a
//! link there, because the store's folder lets nobody else in, and they need no link to do harm. So
//! this guards against links that were there before: in a copied or cloned project.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::StoreError;

/// What a file is for: reading and writing, by its owner.
pub(crate) const FILE_MODE: u32 = 0o600;

/// What a folder is for: the same.
pub(crate) const FOLDER_MODE: u32 = 0o700;

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a file for reading and writing; makes it if it isn't there.
pub(crate) fn open_or_make(path: &Path) -> Result<File, StoreError> {
    let file = open_with(path, OpenOptions::new().read(true).write(true).create(true).mode(FILE_MODE))?;
    let found = file.metadata().map_err(|error| StoreError::from_io("look at", path, error))?;
    widen(path, &found, FILE_MODE)?;
    Ok(file)
}

/// A folder with a lock on it, until it is dropped.
pub(crate) fn lock_folder(
    path: &Path,
    lock: impl FnOnce(&File) -> io::Result<()>,
) -> Result<File, StoreError> {
    let locked = File::open(path).and_then(|folder| lock(&folder).map(|()| folder));
    locked.map_err(|error| StoreError::from_io("lock", path, error))
}

/// Gives what was just made at `path` all of `mode`, whatever the umask.
pub(crate) fn own_fully(path: &Path, mode: u32) -> Result<(), StoreError> {
    look_at(path)?.map_or(Ok(()), |made| widen(path, &made, mode))
}

/// Gives a file or folder of this user all of `mode`: a umask may have kept it from its own maker.
fn widen(path: &Path, found: &Metadata, mode: u32) -> Result<(), StoreError> {
    let has = found.mode() & 0o7777;
    if has & mode == mode || !is_own(found) {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(has | mode)) {
        // The file system knows no modes.
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        set => set.map_err(|error| StoreError::from_io("change the mode of", path, error)),
    }
}

fn open_with(path: &Path, options: &mut OpenOptions) -> Result<File, StoreError> {
    let failed = |error| StoreError::from_io("open", path, error);
    // A pipe must not hold this process up before it is seen to be one.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    match metadata.is_file() {
        true => Ok(file),
        false => Err(StoreError::NotPlain { file: path.to_owned(), is: kind_word(&metadata) }),
    }
}

/// Makes a folder, unless it is there.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match look_at(path)? {
            Some(found) if !found.is_dir() => {
                Err(StoreError::NotPlain { file: path.to_owned(), is: kind_word(&found) })
            }
            _ => Ok(()),
        },
        Ok(()) => own_fully(path, FOLDER_MODE),
        Err(error) => Err(StoreError::from_io("make", path, error)),
    }
}

/// What lies at `path` itself, if anything does.
pub(crate) fn look_at(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::from_io("look at", path, error)),
    }
}

/// Whether a file or folder has a mode beyond `mode`.
pub(crate) fn is_wider(path: &Path, mode: u32) -> Result<bool, StoreError> {
    Ok(look_at(path)?.is_some_and(|found| found.mode() & 0o7777 & !mode != 0))
}

/// Takes away from a file or folder what its mode has beyond `mode`; returns whether there was such.
///
/// By its path, because a database must not be opened beside SQLite: closing it again would end the
/// locks that SQLite holds.
pub(crate) fn narrow(path: &Path, mode: u32) -> Result<bool, StoreError> {
    let Some(found) = look_at(path)?.filter(|found| !found.is_symlink()) else { return Ok(false) };
    let has = found.mode() & 0o7777;
    if has & !mode == 0 {
        return Ok(false);
    }
    let Err(error) = fs::set_permissions(path, Permissions::from_mode(has & mode)) else { return Ok(true) };
    match error.kind() {
        // SQLite has just removed its log, or the file system knows no modes.
        ErrorKind::NotFound | ErrorKind::Unsupported => Ok(false),
        ErrorKind::PermissionDenied if is_own(&found) => Ok(false),
        _ => Err(StoreError::from_io("change the mode of", path, error)),
    }
}

/// Whether it belongs to this user.
pub(crate) fn is_own(found: &Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

/// What something is that is no ordinary file, or no folder where one should be.
pub(crate) fn kind_word(found: &Metadata) -> &'static str {
    match found.file_type() {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_fifo() => "a pipe",
        kind if !kind.is_file() => "a device",
        _ if found.nlink() > 1 => "a file with a second name elsewhere (a hard link)",
        _ => "a file",
    }
}

/// Whether the system refused to follow a link.
pub(crate) fn met_a_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Opens a file that is there for everybody: where this fails, no file can be opened, as when too many are.
/// SQLite doesn't tell.
pub(crate) fn open_nothing() -> io::Result<()> {
    File::open("/dev/null").map(drop)
}

/// Whether a database, or what SQLite keeps beside it, is as long as a file of this process may be. Which
/// limit it met SQLite doesn't tell.
pub(crate) fn met_limit_of_size(database: &Path) -> bool {
    let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Fsize).current else {
        return false;
    };
    ["", "-wal", "-journal", "-shm"].iter().any(|end| {
        let mut file = database.as_os_str().to_owned();
        file.push(end);
        // Whole pages are written, so that it may be short of the limit by less than one.
        fs::metadata(file).is_ok_and(|found| found.len() + PAGE_BYTES_MAX > limit)
    })
}

/// Whether the disk has no room for the index of a database's log.
pub(crate) fn lacks_room(database: &Path) -> bool {
    let folder = database.parent().unwrap_or(database);
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < INDEX_BYTES)
}

/// By as much the index of a log grows at a time.
const INDEX_BYTES: u64 = 32 * 1024;

/// The largest page of a database.
const PAGE_BYTES_MAX: u64 = 64 * 1024;
