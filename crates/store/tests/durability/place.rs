//! A store that is taken away under its owner is noticed before anything is acknowledged.

use std::fs;

use motet_pipeline::Timestamp;
use motet_store::StoreError;

use crate::{Score, Stage, message};

/// A way to take a store away: its name, and how it is done.
type Taking = (&'static str, fn(&Stage));

fn states() -> [Taking; 9] {
    [
        ("deleted", |stage| fs::remove_dir_all(stage.path()).unwrap()),
        ("moved", |stage| fs::rename(stage.path(), stage.folder.path().join("elsewhere")).unwrap()),
        ("replaced", |stage| {
            fs::rename(stage.path(), stage.folder.path().join("elsewhere")).unwrap();
            crate::copy(&stage.folder.path().join("elsewhere"), &stage.path());
        }),
        ("unlocked", |stage| fs::remove_file(stage.path().join("owner.lock")).unwrap()),
        ("emptied", |stage| fs::write(stage.path().join("motet.db"), "").unwrap()),
        ("cut", |stage| {
            let database = fs::File::options().write(true).open(stage.path().join("motet.db")).unwrap();
            database.set_len(database.metadata().unwrap().len() - 4096).unwrap();
        }),
        ("without_artifacts", |stage| {
            fs::rename(stage.path().join("artifacts"), stage.folder.path().join("elsewhere")).unwrap();
        }),
        ("with_other_artifacts", |stage| {
            fs::rename(stage.path().join("artifacts"), stage.folder.path().join("elsewhere")).unwrap();
            fs::create_dir(stage.path().join("artifacts")).unwrap();
        }),
        ("log", |stage| fs::remove_file(stage.path().join("motet.db-wal")).unwrap()),
    ]
}

#[test]
fn what_is_written_into_a_store_that_is_gone_is_not_acknowledged() {
    for (name, change) in states() {
        let stage = locked();
        stage.keep("a");
        change(&stage);
        let error = stage.store.append_now(Score::four_steps("b").records()).unwrap_err();
        assert!(is_told_as(name, &error), "{name}: {error:?}");
        if name != "replaced" {
            insta::assert_snapshot!(
                format!("what_is_written_into_a_store_that_is_{name}_is_not_acknowledged"),
                message(&error, stage.folder.path())
            );
        }
        let again = stage.store.append_now(Score::four_steps("c").records()).unwrap_err();
        assert_eq!(again.to_string(), error.to_string(), "{name}: the writer has stopped");
    }
}

#[test]
fn a_sign_of_life_finds_it_as_well() {
    for (name, change) in states() {
        let stage = locked();
        stage.keep("a");
        stage.store.heartbeat(Timestamp(1)).unwrap();
        change(&stage);
        let error = stage.store.heartbeat(Timestamp(2)).unwrap_err();
        assert!(is_told_as(name, &error), "{name}: {error:?}");
    }
}

fn is_told_as(name: &str, error: &StoreError) -> bool {
    match name {
        "deleted" => matches!(error, StoreError::Deleted { .. }),
        "emptied" | "cut" | "without_artifacts" | "with_other_artifacts" => {
            matches!(error, StoreError::Lost { .. })
        }
        "log" => matches!(error, StoreError::LogRemoved { .. }),
        "unlocked" => matches!(error, StoreError::Unlocked { .. }),
        _ => matches!(error, StoreError::Replaced { .. }),
    }
}

/// Who has locked a file that isn't there any more keeps nobody out.
#[test]
fn a_second_owner_that_the_removed_lock_let_in_is_noticed_before_anything_is_written() {
    let stage = locked();
    let first = Score::four_steps("a").records();
    stage.store.append_now(&first[..1]).unwrap();
    // Whoever holds the lock has the file open, so that its number isn't given away again.
    fs::rename(stage.path().join("owner.lock"), stage.path().join("sim")).unwrap();
    fs::write(stage.path().join("owner.lock"), "").unwrap();
    fs::remove_file(stage.path().join("sim")).unwrap();
    let second = motet_store::Store::open(&stage.path()).unwrap();
    second.append_now(&first[1..2]).unwrap();
    for records in [&first[1..2], &first[2..3], &[]] {
        let error = stage.store.append_now(records).unwrap_err();
        assert!(matches!(error, StoreError::Unlocked { .. }), "{error:?}");
    }
    assert_eq!(crate::turns(&second, "a"), 2);
}

/// A store in use of which somebody holds the lock.
fn locked() -> Stage {
    let Stage { folder, store } = Stage::new();
    drop(store);
    fs::write(folder.path().join("store/owner.lock"), "").unwrap();
    let store = motet_store::Store::open(&folder.path().join("store")).unwrap();
    Stage { folder, store }
}

/// SQLite would put what is there instead of the log into the database, and with it destroy what was there before.
#[test]
fn a_log_that_is_cut_under_its_owner_never_gets_into_the_database() {
    for bytes in [0, 100, 8000] {
        for writes in [true, false] {
            let stage = Stage::new();
            stage.keep("a");
            drop(stage.store);
            let store = motet_store::Store::open(&stage.folder.path().join("store")).unwrap();
            let stage = Stage { store, ..stage };
            stage.keep("b");
            let log = fs::OpenOptions::new().write(true).open(stage.path().join("motet.db-wal")).unwrap();
            log.set_len(bytes).unwrap();
            if writes {
                let error = stage.store.append_now(Score::four_steps("c").records()).unwrap_err();
                assert!(matches!(error, StoreError::LogRemoved { .. }), "{bytes}: {error:?}");
            }
            let Stage { folder, store } = stage;
            drop(store);
            let store = folder.path().join("store");
            let error = crate::refused(&store);
            assert!(matches!(error, StoreError::Lost { .. }), "{bytes}: {error:?}");
            fs::remove_file(store.join("mark")).unwrap();
            let left = motet_store::Store::open(&store).unwrap();
            assert_eq!((crate::turns(&left, "a"), crate::turns(&left, "b")), (10, 0));
            let report = left.check().unwrap();
            assert!(report.database.is_empty() && report.journals.is_empty(), "{report:?}");
        }
    }
}

/// A guest has the store open as well, and makes the log empty when it leaves.
#[test]
fn a_log_that_another_process_moved_and_made_empty_is_not_taken_for_one_that_was_cut() {
    let stage = Stage::new();
    stage.keep("a");
    let other = motet_store::Store::open(&stage.path()).unwrap();
    Score::four_steps("b").kept_in(&other);
    drop(other);
    assert_eq!(fs::metadata(stage.path().join("motet.db-wal")).unwrap().len(), 0);
    stage.keep("c");
    let store = stage.path();
    drop(stage.store);
    let store = motet_store::Store::open(&store).unwrap();
    assert_eq!(["a", "b", "c"].map(|run| crate::turns(&store, run)), [10; 3]);
}

/// Whoever looks at a store in use finds the index of a log that isn't there, or not all of it.
#[test]
fn a_log_that_was_removed_or_cut_is_told_to_whoever_looks_as_what_it_is() {
    let changes: [fn(&std::path::Path); 2] = [
        |log| fs::remove_file(log).unwrap(),
        |log| fs::File::options().write(true).open(log).unwrap().set_len(20_000).unwrap(),
    ];
    for change in changes {
        let stage = locked();
        stage.keep("a");
        stage.keep("b");
        change(&stage.path().join("motet.db-wal"));
        for _ in 0..2 {
            let found = motet_store::Store::open_read_only(&stage.path())
                .and_then(|store| store.turns(&motet_engine::RunId::new("a")));
            let error = found.err().unwrap();
            assert!(matches!(error, StoreError::LogRemoved { .. }), "{error:?}");
        }
    }
}
