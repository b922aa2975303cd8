//! Words: what a person granted to a project, each in a file of its own.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use motet_pipeline::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::settings::{Power, Proposal};

/// A word that a person gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The project's folder, without links.
    pub folder: PathBuf,
    /// What its `motet.toml` said, hashed.
    pub digest: Digest,
    /// What was granted.
    pub powers: Vec<Granted>,
    /// When.
    pub at: Timestamp,
}

/// A power that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The setting: `tools.ffmpeg`.
    pub setting: String,
    /// What it came to: a program, the path where it led, a number.
    pub value: String,
}

/// More than any word takes, in bytes.
const BYTES_MAX: u64 = 1 << 20;

impl Word {
    /// Whether all that the project asks for was granted, and its file is as it was.
    pub(super) fn grants(&self, proposal: &Proposal) -> bool {
        self.digest == *proposal.digest()
            && proposal.powers().iter().all(|power| self.powers.contains(&Granted::from(power)))
    }

    /// The word in a file, if this user alone can have written it.
    pub(super) fn read(path: &Path) -> Option<Word> {
        // Others may look into the folder, but not write there; into the file they may not even look.
        own(path.parent()?, 0o022)?;
        own(path, 0o077).filter(Metadata::is_file)?;
        let mut text = String::new();
        File::open(path).ok()?.take(BYTES_MAX).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the word under another name and renames it: whoever reads sees the old or the new one,
    /// whole.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        static PARTS: AtomicUsize = AtomicUsize::new(0);
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let number = PARTS.fetch_add(1, Ordering::Relaxed);
        let part = folder.join(format!(".{}-{number}.part", std::process::id()));
        // What is there by this name was left by a process that is gone.
        let _ = fs::remove_file(&part);
        let text = serde_json::to_string_pretty(self)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| fs::rename(&part, path));
        if placed.is_err() {
            // The reason is the failure above.
            let _ = fs::remove_file(&part);
        }
        placed
    }
}

/// Whether a folder of words is there and others can write in it, or it isn't this user's.
pub(super) fn is_open_to_others(memory: &Path) -> bool {
    memory.is_dir() && own(memory, 0o022).is_none()
}

/// What is at `path`, if it is this user's, no link, and others have none of the rights `denied`.
fn own(path: &Path, denied: u32) -> Option<Metadata> {
    let found = fs::symlink_metadata(path).ok()?;
    let is_own = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & denied == 0;
    (is_own && !found.is_symlink()).then_some(found)
}

impl From<&Power> for Granted {
    fn from(power: &Power) -> Granted {
        Granted { setting: power.setting.key().to_owned(), value: power.value.clone() }
    }
}
