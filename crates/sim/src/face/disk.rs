//! The state folder: each change is appended to a file before its reply is sent.
//!
//! The state survives a killed process. It is not synced, so it may not survive a power failure.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::{Change, Sim};

const STATE: &str = "sim.jsonl";
const LOCK: &str = "sim.lock";

pub(super) struct Disk {
    file: File,
    /// Locked while the folder is in use.
    _lock: File,
}

impl Disk {
    /// Opens a folder, loads its state into the machine, and rewrites the file in compact form.
    pub(super) fn open(dir: &Path, sim: &mut Sim) -> io::Result<Disk> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = made(&dir.join(LOCK))?;
        lock.try_lock().map_err(|_| in_use(dir))?;
        let path = dir.join(STATE);
        judge(&path)?;
        match File::open(&path) {
            Ok(file) => load(file, sim)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let shortened = dir.join("sim.jsonl.new");
        let mut disk = Disk { file: made(&shortened)?, _lock: lock };
        disk.append(&sim.save())?;
        fs::rename(&shortened, &path)?;
        disk.file = OpenOptions::new().append(true).open(&path)?;
        Ok(disk)
    }

    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for change in changes {
            serde_json::to_writer(&mut lines, change)?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)
    }
}

/// A new file, or an emptied one, for its owner alone.
fn made(path: &Path) -> io::Result<File> {
    judge(path)?;
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // Whatever was there, and whatever the umask takes away.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Refuses what is there if it is no ordinary file: a link leads to a file of somebody else, a pipe waits for ever.
fn judge(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            let what = format!("{} is no ordinary file: remove it", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, what))
        }
        _ => Ok(()),
    }
}

/// How the refusal of a folder begins that another simulator uses.
pub const IN_USE: &str = "another simulator uses ";

fn in_use(dir: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, format!("{IN_USE}{}", dir.display()))
}

fn load(file: File, sim: &mut Sim) -> io::Result<()> {
    for line in BufReader::new(file).split(b'\n') {
        // A kill can tear the last line; its reply was never sent.
        let Ok(change) = serde_json::from_slice::<Change>(&line?) else { break };
        sim.load(change);
    }
    Ok(())
}
