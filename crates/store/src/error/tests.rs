use std::collections::BTreeSet;
use std::iter;

use super::*;

/// One error of every kind: the one that follows `error`. A new kind doesn't compile until it stands here.
fn following(error: &StoreError) -> Option<StoreError> {
    let folder = || PathBuf::from("film/.motet");
    let file = || PathBuf::from("film/.motet/motet.db");
    let run = || RunId::new("7Q2K");
    Some(match error {
        StoreError::Missing { .. } => StoreError::Gone { folder: folder() },
        StoreError::Gone { .. } => StoreError::Lost { folder: folder(), what: "turn 7 is missing".into() },
        StoreError::Lost { .. } => StoreError::Replaced { folder: folder() },
        StoreError::Replaced { .. } => StoreError::Deleted { folder: folder() },
        StoreError::Deleted { .. } => StoreError::LogRemoved { folder: folder() },
        StoreError::LogRemoved { .. } => StoreError::Unlocked { folder: folder() },
        StoreError::Unlocked { .. } => StoreError::Full { file: file() },
        StoreError::Full { .. } => StoreError::FileLimit { file: file() },
        StoreError::FileLimit { .. } => StoreError::ReadOnly { file: file() },
        StoreError::ReadOnly { .. } => StoreError::Newer { file: file(), found: 9, supported: 3 },
        StoreError::Newer { .. } => StoreError::NewerRun { run: run(), found: 9, supported: 3 },
        StoreError::NewerRun { .. } => StoreError::Foreign { file: file() },
        StoreError::Foreign { .. } => StoreError::Occupied { folder: folder(), holds: "letter.txt".into() },
        StoreError::Occupied { .. } => StoreError::NotEmpty { folder: folder(), holds: "letter.txt".into() },
        StoreError::NotEmpty { .. } => StoreError::Unwanted { folder: folder() },
        StoreError::Unwanted { .. } => StoreError::InsideItself { folder: folder() },
        StoreError::InsideItself { .. } => StoreError::NotAFolder { file: file(), is: "a file" },
        StoreError::NotAFolder { .. } => StoreError::NoFolder { path: folder(), is: "a file" },
        StoreError::NoFolder { .. } => StoreError::NotPlain { file: file(), is: "a symbolic link" },
        StoreError::NotPlain { .. } => StoreError::NotPrivate { folder: folder(), user: 7 },
        StoreError::NotPrivate { .. } => {
            StoreError::MadeByOthers { folder: folder(), by: "another user".into() }
        }
        StoreError::MadeByOthers { .. } => StoreError::Corrupt { file: file(), what: "no page 7".into() },
        StoreError::Corrupt { .. } => StoreError::Busy { file: file() },
        StoreError::Busy { .. } => {
            StoreError::Io { doing: "open", file: file(), source: Arc::new(io::Error::other("refused")) }
        }
        StoreError::Io { .. } => {
            StoreError::Disk { file: file(), source: Arc::new(rusqlite::Error::InvalidQuery) }
        }
        StoreError::Disk { .. } => {
            StoreError::Database { file: file(), source: Arc::new(rusqlite::Error::InvalidQuery) }
        }
        StoreError::Database { .. } => StoreError::OutOfOrder { run: run(), expected: 4, found: 6 },
        StoreError::OutOfOrder { .. } => StoreError::NotStarted { run: run() },
        StoreError::NotStarted { .. } => StoreError::NoRun { run: run() },
        StoreError::NoRun { .. } => StoreError::DeletedRun { run: run(), at: Timestamp(0) },
        StoreError::DeletedRun { .. } => StoreError::NoArtifact { digest: Digest::of(b"x"), file: file() },
        StoreError::NoArtifact { .. } => StoreError::Closed,
        StoreError::Closed => return None,
    })
}

#[test]
fn every_error_has_a_code_of_its_own_that_never_changes() {
    let all: Vec<_> =
        iter::successors(Some(StoreError::Missing { folder: "film/.motet".into() }), following).collect();
    let codes: BTreeSet<_> = all.iter().map(StoreError::code).collect();
    assert_eq!(codes.len(), all.len());
    let lines = all.iter().map(|error| format!("{}: {error}", error.code()));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}
