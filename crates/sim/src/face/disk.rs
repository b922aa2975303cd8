//! The folder of a simulator: a file to which each change is appended before its reply is given out.
//!
//! It outlives a killed process, which is what it is for; it isn't forced to the disk, so it may not outlive a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use crate::{Change, Sim};

const STATE: &str = "sim.jsonl";
const LOCK: &str = "sim.lock";

pub(super) struct Disk {
    file: File,
    /// Held as long as the folder is used.
    _lock: File,
}

impl Disk {
    /// Opens a folder, gives the machine all that was kept there, and writes it anew in short.
    pub(super) fn open(dir: &Path, sim: &mut Sim) -> io::Result<Disk> {
        fs::create_dir_all(dir)?;
        let lock = File::create(dir.join(LOCK))?;
        lock.try_lock().map_err(|_| in_use(dir))?;
        let path = dir.join(STATE);
        match File::open(&path) {
            Ok(file) => load(file, sim)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let shortened = dir.join("sim.jsonl.new");
        let mut disk = Disk { file: File::create(&shortened)?, _lock: lock };
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

fn in_use(dir: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, format!("another simulator uses {}", dir.display()))
}

fn load(file: File, sim: &mut Sim) -> io::Result<()> {
    for line in BufReader::new(file).split(b'\n') {
        // The last line may be torn by a kill; its reply was never given out.
        let Ok(change) = serde_json::from_slice::<Change>(&line?) else { break };
        sim.load(change);
    }
    Ok(())
}
