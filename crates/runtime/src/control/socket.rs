//! Where the socket lies: in the store's folder, if its path isn't too long.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use motet_pipeline::Digest;
use tokio::net::UnixListener;

/// The longest path that every system takes for a socket: 104 bytes on some, with the zero at the end.
const PATH_BYTES_MAX: usize = 100;

const NAME: &str = "control.sock";

/// Where this process listens.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    path: PathBuf,
    /// The file's device and number: somebody who took the store meanwhile listens by the same path.
    file: (u64, u64),
}

/// Opens the socket of the store in `folder`, whose lock is held, and says where it is.
///
/// Only this user can connect: by its mode, and because [`UnixListener`]'s peers are asked who they
/// are. What a killed owner left is replaced. `draw` gives numbers that nobody can guess.
pub(super) fn open(folder: &Path, draw: impl Fn() -> u128) -> io::Result<(UnixListener, Socket)> {
    let folder = fs::canonicalize(folder)?;
    let near = folder.join(NAME);
    if near.as_os_str().len() <= PATH_BYTES_MAX {
        match bind(&near) {
            Ok(bound) => return Ok(bound),
            // Some file systems can't hold a socket.
            Err(_) => drop(remove_socket(&near)),
        }
    }
    bind(&far_folder(&folder, draw)?.join(NAME))
}

impl Socket {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the socket, and its folder if it has one of its own.
    pub(super) fn remove(&self) {
        if !fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file) {
            return;
        }
        // What stays is replaced by the next owner.
        let _ = remove_socket(&self.path);
        let is_far =
            |folder: &&Path| folder.file_name().is_some_and(|name| name.as_bytes().starts_with(PREFIX));
        if let Some(folder) = self.path.parent().filter(is_far) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Removes a socket, if there is one; anything else under its name is not ours.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn bind(path: &Path) -> io::Result<(UnixListener, Socket)> {
    remove_socket(path)?;
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    let found = fs::symlink_metadata(path)?;
    Ok((listener, Socket { path: path.to_owned(), file: (found.dev(), found.ino()) }))
}

const PREFIX: &[u8] = b"motet-socket-";

/// A folder with a short path for the socket of the store in `folder`, which nobody else can enter. Guests read in the
/// note of the owner which it is. Its usual name is known to everybody: where somebody took it, it has another one.
fn far_folder(folder: &Path, draw: impl Fn() -> u128) -> io::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let usual = Digest::of(folder.as_os_str().as_bytes()).hex();
    let others = (0..OTHER_NAMES).map(|_| format!("{:032x}", draw()));
    let mut taken = None;
    for word in iter::once(usual).chain(others) {
        let name = format!("motet-socket-{user}-{}", &word[..16]);
        match own_folder(short_place(&name).join(name), user) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(error),
            outcome => return outcome,
        }
    }
    Err(taken.expect("at least one name was tried"))
}

/// How many names are tried that nobody can guess.
const OTHER_NAMES: usize = 2;

/// Where a folder of this name has a short path.
fn short_place(name: &str) -> PathBuf {
    let usual = std::env::temp_dir();
    let fits = usual.join(name).join(NAME).as_os_str().len() <= PATH_BYTES_MAX;
    if fits { usual } else { PathBuf::from("/tmp") }
}

/// Makes a folder for this user alone; one that is there must be such a folder already.
fn own_folder(path: PathBuf, user: u32) -> io::Result<PathBuf> {
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        Ok(()) => fs::set_permissions(&path, Permissions::from_mode(0o700))?,
    }
    let found = fs::symlink_metadata(&path)?;
    let is_ours = found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0;
    match is_ours {
        true => Ok(path),
        false => {
            let words = format!("{} isn't a folder for this user alone", path.display());
            Err(io::Error::new(io::ErrorKind::AlreadyExists, words))
        }
    }
}
