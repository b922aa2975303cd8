//! A folder without a store: whether a store may be made in it.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{ARTIFACTS, CHILDREN, DATABASE, Kind, LOCK, LOG, MARK, SCRATCH};
use crate::artifacts::ArtifactFolder;
use crate::backup::UNFINISHED;
use crate::{StoreError, mark, private, schema};

/// How many of the names in the way a message gives.
const NAMED_MAX: usize = 3;

/// What a folder holds beside what a first open leaves that was killed, or that is under way in another
/// process, in words. Its database, if there is one, is taken for one that bears no name yet.
pub(super) fn others_in(folder: &Path) -> Result<Option<String>, StoreError> {
    let failed = |error| StoreError::from_io("read", folder, error);
    let (mut first_names, mut count) = (BTreeSet::new(), 0);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, path) = (entry.file_name(), entry.path());
        // What is gone again was of a first open in another process.
        let Some(found) = private::look_at(&path)? else { continue };
        let is_own = match name.to_str().map(|name| is_of_a_first_open(name, &path, &found)) {
            None => false,
            Some(Err(StoreError::Io { source, .. })) if source.kind() == ErrorKind::NotFound => true,
            // Such as that too many files are open, which says nothing about the folder.
            Some(Err(error @ StoreError::Io { .. })) => return Err(error),
            Some(is_own) => is_own.unwrap_or(false),
        };
        if is_own {
            continue;
        }
        count += 1;
        first_names.insert(shown(&name.to_string_lossy(), &found));
        if first_names.len() > NAMED_MAX {
            first_names.pop_last();
        }
    }
    let more = match count - first_names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names: Vec<String> = first_names.into_iter().collect();
    Ok((count > 0).then(|| names.join(", ") + &more))
}

/// Whether a folder without a named database holds what only a store has that was used: the note of an
/// owner that had opened it, a mark that names a turn, a log with pages whose database is gone, or
/// artifacts. A backup that was not finished never was a store.
pub(super) fn was_store(folder: &Path) -> Result<bool, StoreError> {
    if private::look_at(&folder.join(UNFINISHED))?.is_some() {
        return Ok(false);
    }
    let is = |name: &str, kind: Kind| -> Result<bool, StoreError> {
        Ok(private::look_at(&folder.join(name))?.is_some_and(|found| kind.is(&found)))
    };
    if is(MARK, Kind::File)? && (mark::read(folder)?.names_a_turn() || is_damaged_mark(folder)?) {
        return Ok(true);
    }
    if is(LOCK, Kind::File)? && is_note_of_an_owner(&beginning_of(&folder.join(LOCK))?) {
        return Ok(true);
    }
    let database_bytes = private::look_at(&folder.join(DATABASE))?.map_or(0, |found| found.len());
    if database_bytes == 0 && is(LOG, Kind::File)? && schema::has_pages(&folder.join(LOG))? {
        return Ok(true);
    }
    let artifacts = ArtifactFolder::open_read_only(&folder.join(ARTIFACTS));
    Ok(is(ARTIFACTS, Kind::Folder)? && !artifacts.list()?.is_empty())
}

/// A name for a message; one that would play with the terminal is spelled out.
fn shown(name: &str, found: &Metadata) -> String {
    let is_plain = name.escape_debug().eq(name.chars());
    let name = if is_plain { name.to_owned() } else { format!("\"{}\"", name.escape_debug()) };
    if found.is_dir() { name + "/" } else { name }
}

fn is_of_a_first_open(name: &str, path: &Path, found: &Metadata) -> Result<bool, StoreError> {
    Ok(match name {
        // SQLite takes a file of one byte for an empty database, and would write over it.
        DATABASE => Kind::File.is(found) && found.len() != 1,
        "motet.db-journal" | "motet.db-shm" => Kind::File.is(found),
        LOG => Kind::File.is(found) && schema::is_empty_log(path)?,
        LOCK => Kind::File.is(found) && is_note(&beginning_of(path)?),
        MARK => Kind::File.is(found) && is_mark(&beginning_of(path)?),
        "control.sock" => Kind::Socket.is(found),
        ARTIFACTS | SCRATCH | CHILDREN => Kind::Folder.is(found) && is_empty(path)?,
        "sim" => Kind::Folder.is(found) && is_of_a_simulator(path)?,
        _ => false,
    })
}

/// Whether a folder holds nothing but what a simulator that begins leaves: a folder for its jobs, in which its log follows,
/// and the address at which it is reached. Another program may have a folder of that name.
fn is_of_a_simulator(folder: &Path) -> Result<bool, StoreError> {
    let jobs = folder.join("jobs");
    let found = private::look_at(&jobs)?.filter(|found| Kind::Folder.is(found));
    let has_jobs = found.is_some()
        && holds_only(&jobs, |name, _, found| {
            Ok(matches!(name, "sim.lock" | "sim.jsonl" | "sim.jsonl.new") && Kind::File.is(found))
        })?;
    holds_only(folder, |name, path, found| match name {
        "jobs" => Ok(has_jobs),
        "log" => Ok(has_jobs && Kind::File.is(found)),
        name if name.starts_with("address.json") => {
            Ok(Kind::File.is(found) && is_address(&beginning_of(path)?))
        }
        _ => Ok(false),
    })
}

/// Whether all that lies in a folder is what it should be, by its name.
fn holds_only(
    folder: &Path,
    is_own: impl Fn(&str, &Path, &Metadata) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    let failed = |error| StoreError::from_io("read", folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // What is gone again was of another process.
        let Some(found) = private::look_at(&entry.path())? else { continue };
        let name = entry.file_name();
        if !name.to_str().map_or(Ok(false), |name| is_own(name, &entry.path(), &found))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a file is empty or says first where a simulator is.
fn is_address(beginning: &[u8]) -> bool {
    beginning.is_empty() || beginning.starts_with(b"{\"url\":")
}

/// Whether the mark begins as one and says nothing. One of a first open is whole, or not there.
fn is_damaged_mark(folder: &Path) -> Result<bool, StoreError> {
    let beginning = beginning_of(&folder.join(MARK))?;
    Ok(!beginning.is_empty() && is_mark(&beginning) && mark::read(folder)?.doubt().is_some())
}

fn is_empty(folder: &Path) -> Result<bool, StoreError> {
    let first = fs::read_dir(folder).map(|mut entries| entries.next().is_none());
    first.map_err(|error| StoreError::from_io("read", folder, error))
}

fn beginning_of(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut beginning = Vec::new();
    let read = private::open(path)?.take(200).read_to_end(&mut beginning);
    read.map(|_| beginning).map_err(|error| StoreError::from_io("read", path, error))
}

/// Whether a lock's file is empty or says what an owner says: two lines of numbers first. Another
/// program may have a file of that name.
fn is_note(beginning: &[u8]) -> bool {
    let lines = beginning.split(|byte| *byte == b'\n').take(2);
    let numbers = lines.filter(|line| line.first().is_some_and(u8::is_ascii_digit)).count();
    beginning.is_empty() || numbers == 2
}

/// Whether a lock's file also says how its owner is reached, which it writes once it has the store open.
/// Earlier versions wrote the two lines before.
fn is_note_of_an_owner(beginning: &[u8]) -> bool {
    is_note(beginning)
        && beginning.splitn(3, |byte| *byte == b'\n').nth(2).is_some_and(|door| !door.is_empty())
}

/// The same for a mark, which says first that it is one.
fn is_mark(beginning: &[u8]) -> bool {
    beginning.is_empty() || beginning.starts_with(b"motet mark")
}
