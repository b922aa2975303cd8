//! A lock that another program holds on the database is waited out, said, and survived.

use std::sync::mpsc;
use std::time::Duration;

use motet_store::{ForeignLock, Patience, Store, StoreError};
use rusqlite::Connection;

use crate::{Score, Stage, message, turns};

/// Nobody waits for long in a test.
const HASTE: Patience = Patience { opening: Duration::ZERO, quiet: Duration::ZERO, ending: Duration::ZERO };

/// Another program that is changing something, until this is dropped.
fn other_program(stage: &Stage) -> Connection {
    let connection = Connection::open(stage.path().join("motet.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn what_is_handed_in_while_another_program_holds_a_lock_is_written_once_it_is_gone() {
    let stage = Stage::new();
    stage.keep("a");
    let other = other_program(&stage);
    let store = Store::open_with(&stage.path(), Patience { quiet: Duration::ZERO, ..Patience::default() });
    // To open a store is to read it, unless there is something to change.
    let store = store.unwrap();
    let (tell, told) = mpsc::channel();
    store.on_lock(move |lock| tell.send(lock).unwrap());
    let score = Score::four_steps("b");
    let (done, outcome) = mpsc::channel();
    store.append_all(score.records(), move |it| done.send(it).unwrap());
    assert_eq!(told.recv().unwrap(), ForeignLock::Held);
    assert!(outcome.try_recv().is_err(), "nothing was acknowledged");
    assert!(store.try_append_now(&Score::four_steps("c").records().into()).is_none());

    drop(other);
    outcome.recv().unwrap().unwrap();
    assert_eq!(told.recv().unwrap(), ForeignLock::Gone);
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    // The writer's thread may still be at the log.
    let at_once = || store.try_append_now(&Score::four_steps("c").records().into());
    std::iter::repeat_with(at_once).flatten().next().unwrap().unwrap();
}

#[test]
fn whoever_wants_to_leave_waits_no_longer_and_the_store_is_as_it_was() {
    let stage = Stage::new();
    let store = Store::open_with(&stage.path(), HASTE).unwrap();
    let other = other_program(&stage);
    store.end_soon();
    let error = store.append_now(Score::four_steps("b").records()).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, stage.folder.path()));

    drop(other);
    store.append_now(Score::four_steps("b").records()).unwrap();
    assert_eq!(turns(&store, "b"), 10);
}

#[test]
fn a_store_that_is_to_be_made_waits_for_a_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let other = Connection::open(folder.path().join("motet.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = Store::open_with(folder.path(), HASTE).err().unwrap();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    drop(other);
    Store::open_with(folder.path(), HASTE).unwrap();
}
