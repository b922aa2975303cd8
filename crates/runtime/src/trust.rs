//! Trust: which projects may use the powers that their settings ask for.
//!
//! A person's word is for one folder and one content: [`Trust::grant`] remembers both, and what was
//! granted, outside of the project, in a file of its own below `$XDG_STATE_HOME/motet/trusted` (else
//! `~/.local/state/motet/trusted`). When the file of settings changes, or a link of the project leads
//! elsewhere, the word doesn't hold any more. Words are believed only if they belong to this user
//! alone and lie outside of the project that they are about.

mod word;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use motet_pipeline::{Digest, Timestamp};

pub use word::{Granted, Word};

use crate::Error;
use crate::settings::{Proposal, end_of};

/// The environment variable that trusts every project for as long as it is `1`.
pub const TRUST_VARIABLE: &str = "MOTET_TRUST";

/// Whom a person trusts.
#[derive(Clone, Debug)]
pub struct Trust {
    everybody: bool,
    /// The folder of words.
    memory: Option<PathBuf>,
}

/// What is known of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It asks for no power, or for those that it was granted.
    Trusted,
    /// It was trusted as it was before, and asks for something else now.
    Changed,
    /// It was never trusted.
    Unknown,
}

impl Trust {
    /// What this user's environment says: `MOTET_TRUST`, and where words are kept.
    pub fn of_environment() -> Trust {
        Trust::of(|name| std::env::var_os(name))
    }

    /// The words that this user gave, whatever `MOTET_TRUST` says.
    pub fn remembered() -> Trust {
        Trust { everybody: false, ..Trust::of_environment() }
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Trust {
        // A relative path would lie in whatever project is worked in.
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
        Trust {
            everybody: variable(TRUST_VARIABLE).is_some_and(|set| set == "1"),
            memory: state.map(|state| state.join("motet/trusted")),
        }
    }

    /// Trusts only the projects that are recorded in `folder`.
    pub fn kept_in(folder: impl Into<PathBuf>) -> Trust {
        Trust { everybody: false, memory: Some(folder.into()) }
    }

    /// Trusts no project, and records nothing.
    pub fn in_nobody() -> Trust {
        Trust { everybody: false, memory: None }
    }

    /// Trusts everybody: what `MOTET_TRUST=1` does.
    pub fn in_everybody() -> Trust {
        Trust { everybody: true, memory: None }
    }

    /// What is known of a project.
    pub fn judge(&self, proposal: &Proposal) -> Verdict {
        if self.everybody || proposal.powers().is_empty() {
            return Verdict::Trusted;
        }
        match self.word_about(proposal) {
            Some(word) if word.grants(proposal) => Verdict::Trusted,
            Some(_) => Verdict::Changed,
            None => Verdict::Unknown,
        }
    }

    /// The folder of words, if others can write in it, so that none of them is believed.
    pub fn open_to_others(&self) -> Option<&Path> {
        self.memory.as_deref().filter(|memory| word::is_open_to_others(memory))
    }

    fn word_about(&self, proposal: &Proposal) -> Option<Word> {
        let project = end_of(proposal.folder())?;
        Word::read(&self.file_about(&project).ok()?)
    }

    /// Remembers that a person has granted all powers of `proposal`, and since when.
    ///
    /// # Errors
    /// [`Error::Memory`] when that can't be written, or would lie in the project itself.
    pub fn grant(&self, proposal: &Proposal, now: Timestamp) -> Result<(), Error> {
        let folder = proposal.folder().canonicalize();
        let folder = folder.map_err(|error| Error::file("find", proposal.folder(), error))?;
        let file = self.file_about(&folder)?;
        let powers = proposal.powers().iter().map(Granted::from).collect();
        // The word is found by the name of its file; the folder in it is for people.
        let folder = folder.to_string_lossy().into_owned().into();
        let word = Word { folder, digest: *proposal.digest(), powers, at: now };
        let failed = |why: String| Error::Memory(format!("failed to write {}: {why}", file.display()));
        word.write(&file).map_err(|error| failed(error.to_string()))?;
        match Word::read(&file) {
            Some(_) => Ok(()),
            None => Err(failed("its folder can be written by others; run chmod 700 on it".to_owned())),
        }
    }

    /// Forgets the word about the project in `folder`; says whether there was one.
    ///
    /// # Errors
    /// [`Error::Memory`] when it can't be removed.
    pub fn revoke(&self, folder: &Path) -> Result<bool, Error> {
        let folder = end_of(folder).unwrap_or_else(|| folder.to_owned());
        let file = self.file_about(&folder)?;
        match fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::Memory(format!("failed to remove {}: {error}", file.display()))),
        }
    }

    /// All words that are remembered, by folder. Files that aren't words are left out.
    ///
    /// # Errors
    /// [`Error::Memory`] when they can't be listed.
    pub fn words(&self) -> Result<Vec<Word>, Error> {
        let memory = self.memory()?;
        let entries = match fs::read_dir(memory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::Memory(format!("failed to read {}: {error}", memory.display()))),
        };
        let mut words: Vec<Word> = entries.flatten().filter_map(|entry| Word::read(&entry.path())).collect();
        words.sort_by(|one, other| one.folder.cmp(&other.folder));
        Ok(words)
    }

    fn memory(&self) -> Result<&Path, Error> {
        let homeless = || Error::Memory("neither XDG_STATE_HOME nor HOME names a folder".to_owned());
        self.memory.as_deref().ok_or_else(homeless)
    }

    /// The file with the word about `project`, a path without links.
    fn file_about(&self, project: &Path) -> Result<PathBuf, Error> {
        let memory = self.memory()?;
        if end_of(memory).is_none_or(|end| end.starts_with(project)) {
            let why = format!(
                "{} is inside the project itself, which could bring its own: set XDG_STATE_HOME to a folder outside",
                memory.display()
            );
            return Err(Error::Memory(why));
        }
        Ok(memory.join(format!("{}.json", Digest::of(project.as_os_str().as_bytes()).hex())))
    }
}

#[cfg(test)]
mod tests;
