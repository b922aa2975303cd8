//! Who made a store: a user of a machine. Whoever drives it acts on what that user left unfinished.

use std::fs;
use std::io;
use std::path::Path;

use motet_pipeline::Digest;
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;

/// The first format that records who made the store.
pub(crate) const SINCE_FORMAT: u32 = 3;

/// A user of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maker {
    /// The number of the user.
    user: u32,
    /// The digest of the machine's id; nothing where a machine has none.
    machine: Option<Digest>,
}

impl Maker {
    /// This user on this machine.
    ///
    /// # Errors
    /// When the machine has an id that can't be read now: it is not one without an id.
    pub(crate) fn here() -> Result<Maker, StoreError> {
        Ok(Maker { user: rustix::process::geteuid().as_raw(), machine: machine(&MACHINE_FILES)? })
    }

    /// Who made the store, if that is recorded.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<Maker>> {
        let row = |row: &rusqlite::Row| {
            let machine: Option<[u8; 32]> = row.get(1)?;
            Ok(Maker { user: row.get(0)?, machine: machine.map(Digest::from_bytes) })
        };
        connection.query_row("SELECT user, machine FROM maker", [], row).optional()
    }

    /// Records this one as who made the store.
    pub(crate) fn record(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO maker (one, user, machine) VALUES (1, ?1, ?2)
                   ON CONFLICT (one) DO UPDATE SET user = ?1, machine = ?2";
        let machine = self.machine.as_ref().map(Digest::as_bytes);
        connection.execute(sql, params![self.user, machine]).map(drop)
    }

    /// How `other` is somebody else, in words; nothing if it is the same.
    pub(crate) fn difference(&self, other: Option<&Maker>) -> Option<String> {
        let Some(other) = other else { return Some("an unknown user".to_owned()) };
        match (self.user == other.user, self.machine == other.machine) {
            (true, true) => None,
            (false, true) => Some(format!("another user (number {})", other.user)),
            (true, false) => Some("a user of another machine".to_owned()),
            (false, false) => Some(format!("another user (number {}) of another machine", other.user)),
        }
    }
}

/// What tells this user on this machine from all others, for files beside stores: a cloned project can't bring it along.
/// Where a machine has no id it is of the user alone.
///
/// # Errors
/// When the machine has an id that can't be read now.
pub fn maker_here() -> Result<Digest, StoreError> {
    let Maker { user, machine } = Maker::here()?;
    let machine = machine.map(|machine| machine.to_string()).unwrap_or_default();
    Ok(Digest::of(format!("user {user} of {machine}\n").as_bytes()))
}

/// Where a machine keeps an id of its own: 32 digits that no other machine has.
const MACHINE_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// The digest of this machine's id. Never the id itself, which isn't to leave the machine.
fn machine(files: &[impl AsRef<Path>]) -> Result<Option<Digest>, StoreError> {
    let is_good = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    for file in files.iter().map(AsRef::as_ref) {
        let id = match fs::read_to_string(file) {
            Ok(text) => text.trim().to_ascii_lowercase(),
            // Such as that too many files are open, which says nothing about the machine.
            Err(error) if !is_lasting(&error) => return Err(StoreError::from_io("read", file, error)),
            Err(_) => continue,
        };
        if is_good(&id) {
            return Ok(Some(Digest::of(format!("the machine of a motet store\n{id}\n").as_bytes())));
        }
    }
    Ok(None)
}

/// Whether the next attempt to read the file will end in the same way.
fn is_lasting(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | PermissionDenied | InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_differs_is_told_by_user_and_machine() {
        let (a, b) = (Some(Digest::of(b"a")), Some(Digest::of(b"b")));
        let here = Maker { user: 1000, machine: a };
        let told = [
            (1000, a),
            (1001, a),
            (1000, b),
            (1001, b),
            // A machine that had no id, or has none any more, is another one.
            (1000, None),
        ]
        .map(|(user, machine)| here.difference(Some(&Maker { user, machine })).unwrap_or_default());
        insta::assert_snapshot!(told.join("\n") + "\n" + &here.difference(None).unwrap());
        let nowhere = Maker { user: 1000, machine: None };
        assert_eq!(nowhere.difference(Some(&nowhere)), None);
    }

    #[test]
    fn a_machine_whose_id_cannot_be_read_now_is_not_one_without_an_id() {
        let folder = tempfile::tempdir().unwrap();
        let (none, good) = (folder.path().join("none"), folder.path().join("id"));
        fs::write(&good, "0123456789abcdef0123456789ABCDEF\n").unwrap();
        assert_eq!(machine(&[&none]).unwrap(), None);
        assert!(machine(&[&none, &good]).unwrap().is_some());
        // Too many links are a fault that says nothing about the file.
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        machine(&[&circle, &good]).unwrap_err();
    }

    #[test]
    fn who_made_a_store_is_read_as_it_was_recorded() {
        let connection = crate::schema::open_in_memory().unwrap();
        assert_eq!(Maker::read(&connection).unwrap(), Some(Maker::here().unwrap()));
        for maker in
            [Maker { user: u32::MAX, machine: None }, Maker { user: 7, machine: Some(Digest::of(b"m")) }]
        {
            maker.record(&connection).unwrap();
            assert_eq!(Maker::read(&connection).unwrap(), Some(maker));
        }
    }
}
