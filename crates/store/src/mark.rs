//! The mark: how far the journal was durable, written outside of database and log.
//!
//! SQLite takes a log that was cut, damaged or removed for one that was never longer, and an older copy
//! of a database for the database: what was acknowledged since is gone, and all else looks well. So the
//! last turn is also named in a file of its own. It is written after each flush and is itself not
//! flushed: after a crash it may name an earlier turn, never one that wasn't durable. Whoever opens the
//! store reads the mark first and then looks whether the journal goes that far.
//!
//! Who wants to continue with what is left removes the file. A store without one, of an older version or
//! after a restore, is taken as it is; its next owner makes one.
//!
//! No crash leaves a mark that can't be read. It is made under another name, whole and flushed, and only then
//! gets its own; from then on it is never cut, and is overwritten in one write of the same length, which lies
//! within the first sector of the disk. So one that is there and says nothing is damage, of which everybody
//! is told: whether the journal has lost its end can't be known then.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest as _, Sha256};

use crate::folder::{DATABASE, MARK};
use crate::{StoreError, incoming, integrity, private};

/// What the last durable state of a journal is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The place of the last turn in the journal of all runs.
    pub(crate) sequence: i64,
    /// The check of that turn.
    pub(crate) check: i64,
    /// How often the log was moved into the database, counted from a number of the store's own.
    pub(crate) checkpoints: i64,
}

/// What the file of a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// There is none.
    Absent,
    /// It is there and is no witness, for this reason.
    Unreadable(&'static str),
    Mark(Mark),
}

impl Reading {
    /// Whether it says that turns were recorded.
    pub(crate) fn names_a_turn(&self) -> bool {
        matches!(self, Reading::Mark(mark) if mark.sequence > 0)
    }

    /// As [`Mark::judge`]; where there is no mark, all is well.
    pub(crate) fn judge(&self, connection: &Connection, folder: &Path) -> Result<(), StoreError> {
        match self {
            Reading::Mark(mark) => mark.judge(connection, folder),
            Reading::Absent | Reading::Unreadable(_) => Ok(()),
        }
    }

    /// Why it is no witness though it is there, in words.
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        match self {
            Reading::Unreadable(why) => Some(why),
            Reading::Absent | Reading::Mark(_) => None,
        }
    }
}

/// Where the mark of the store in `folder` is.
pub(crate) fn path_in(folder: &Path) -> PathBuf {
    folder.join(MARK)
}

/// How often a mark that says nothing is read again: it may just be written.
const READS: usize = 8;

/// Reads the mark of the store in `folder`.
pub(crate) fn read(folder: &Path) -> Result<Reading, StoreError> {
    let mut reading = read_once(folder)?;
    for _ in 1..READS {
        if !matches!(reading, Reading::Unreadable(_)) {
            break;
        }
        reading = read_once(folder)?;
    }
    Ok(reading)
}

fn read_once(folder: &Path) -> Result<Reading, StoreError> {
    let path = path_in(folder);
    if private::look_at(&path)?.is_none() {
        return Ok(Reading::Absent);
    }
    let file = match private::open(&path) {
        // Whoever may look at the database and not at this has no witness.
        Err(StoreError::ReadOnly { .. }) => return Ok(Reading::Unreadable("this user may not read it")),
        file => file?,
    };
    let mut text = Vec::new();
    let read = file.take(2 * LENGTH as u64).read_to_end(&mut text);
    read.map_err(|error| StoreError::from_io("read", &path, error))?;
    let why = match text.len() {
        0 => "it is empty",
        1..LENGTH => "it was cut",
        _ => "it isn't what was written",
    };
    Ok(Mark::decode(&text).map_or(Reading::Unreadable(why), Reading::Mark))
}

const OF_ANOTHER_STORE: &str = "motet.db is that of another store, or its turns were changed";

/// The first format that counts how often the log was moved.
pub(crate) const SINCE_FORMAT: u32 = 3;

/// No store moves its log so often: who counts so much more or less began with another number.
const CHECKPOINTS_MAX: u64 = 1 << 32;

impl Mark {
    /// The mark that the database as it is now would have.
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Mark> {
        let last = "SELECT * FROM journal ORDER BY sequence DESC LIMIT 1";
        let last = connection.query_row(last, [], |row| Ok((row.get("sequence")?, check_of(row)?)));
        let (sequence, check) = last.optional()?.unwrap_or_default();
        Ok(Mark { sequence, check, checkpoints: checkpoints(connection)? })
    }

    /// Says what is missing in the database of the store in `folder`, if it isn't all that was durable
    /// when this mark was written.
    pub(crate) fn judge(&self, connection: &Connection, folder: &Path) -> Result<(), StoreError> {
        let file = folder.join(DATABASE);
        let found = self.find_in(connection).map_err(|error| StoreError::from_sqlite(&file, error))?;
        found.map_or(Ok(()), |what| Err(StoreError::Lost { folder: folder.to_owned(), what }))
    }

    fn find_in(&self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        let has_journal = connection.table_exists(None, "journal")?;
        let found = if has_journal { Mark::of(connection)? } else { Mark::default() };
        if found.sequence < self.sequence {
            let missing = self.sequence - found.sequence;
            return Ok(Some(match missing {
                1 => "the last turn is missing".to_owned(),
                _ => format!("the last {missing} turns are missing"),
            }));
        }
        let check = "SELECT * FROM journal WHERE sequence = ?1";
        let check = connection.query_row(check, [self.sequence], check_of).optional()?;
        // A mark may lag behind the log, and the turn that it names be gone since, with its run.
        let is_deleted = check.is_none() && has_journal && integrity::count_missing_turns(connection)? == 0;
        if self.sequence > 0 && check != Some(self.check) && !is_deleted {
            return Ok(Some(OF_ANOTHER_STORE.to_owned()));
        }
        if !has_journal {
            return Ok(None);
        }
        // What is of another store may be hidden by a log that belongs to this one.
        if found.checkpoints.abs_diff(self.checkpoints) > CHECKPOINTS_MAX {
            return Ok(Some(OF_ANOTHER_STORE.to_owned()));
        }
        let is_older = found.checkpoints < self.checkpoints;
        Ok(is_older.then(|| "motet.db is an older copy than its log belongs to".to_owned()))
    }

    fn encode(&self) -> String {
        let Mark { sequence, check, checkpoints } = self;
        let text =
            format!("motet mark 1\nturn  {sequence:020}\ncheck {check:016x}\nmoved {checkpoints:020}\n");
        let sum = Sha256::digest(text.as_bytes());
        let sum: String = sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{text}sum   {sum}\n")
    }

    fn decode(text: &[u8]) -> Option<Mark> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.lines().skip(1).map(|line| line.get(6..));
        let mut next = || lines.next().flatten();
        let sequence = next()?.parse().ok()?;
        let check = u64::from_str_radix(next()?, 16).ok()?.cast_signed();
        let checkpoints = next()?.parse().ok()?;
        // The same bytes again: so the sum and all else are as they should be.
        Some(Mark { sequence, check, checkpoints }).filter(|mark| mark.encode() == text)
    }
}

/// The length of every mark, in bytes.
const LENGTH: usize = 113;

fn check_of(row: &rusqlite::Row) -> rusqlite::Result<i64> {
    Ok(crate::journal::column_of_newer::<i64>(row, "check")?.unwrap_or_default())
}

/// How often the log was moved into the database; an older format doesn't count it.
fn checkpoints(connection: &Connection) -> rusqlite::Result<i64> {
    match connection.table_exists(None, "checkpoints")? {
        true => connection.query_row("SELECT count FROM checkpoints", [], |row| row.get(0)),
        false => Ok(0),
    }
}

/// Makes the mark of the store in `folder`, or makes it anew: whole, or what was there stays.
fn make(folder: &Path, mark: &Mark) -> Result<(), StoreError> {
    let path = path_in(folder);
    incoming::sweep(folder)?;
    let mut made = incoming::make(folder)?;
    let mut write = || -> io::Result<()> {
        made.write_all(mark.encode().as_bytes())?;
        made.as_file().sync_all()?;
        fs::rename(made.path(), &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| StoreError::from_io("write", &path, error))
}

/// The file of a mark, open to be written.
#[derive(Debug)]
pub(crate) struct MarkFile(File);

impl MarkFile {
    /// Opens the mark of the store in `folder`; if there is none, or nothing that can be read, it is made
    /// and says `mark`.
    pub(crate) fn open(folder: &Path, found: Reading, mark: &Mark) -> Result<MarkFile, StoreError> {
        if !matches!(found, Reading::Mark(_)) {
            make(folder, mark)?;
        }
        Ok(MarkFile(private::open_or_make(&path_in(folder))?))
    }

    /// Whether the file was deleted: it has no name any more.
    pub(crate) fn is_deleted(&self) -> bool {
        self.0.metadata().is_ok_and(|found| found.nlink() == 0)
    }

    /// Writes `mark`, all of it at once. If it can't be written, the old one stays, which is true as well.
    pub(crate) fn write(&self, mark: &Mark) {
        drop(self.0.write_all_at(mark.encode().as_bytes(), 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_else_not_at_all() {
        let mark = Mark { sequence: 4711, check: -2, checkpoints: 12 };
        let text = mark.encode();
        insta::assert_snapshot!(text);
        assert_eq!((text.len(), Mark::decode(text.as_bytes())), (LENGTH, Some(mark)));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert_eq!(Mark::decode(&changed), None, "byte {at} is another one");
            assert_eq!(Mark::decode(&text.as_bytes()[..at]), None, "cut at {at}");
        }
        assert_eq!(Mark::decode(&[0; LENGTH]), None);
        let last = Mark { sequence: i64::MAX, check: i64::MIN, checkpoints: i64::MAX };
        assert_eq!(last.encode().len(), LENGTH);
    }
}
