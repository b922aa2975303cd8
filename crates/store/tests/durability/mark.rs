//! The mark: a log that was damaged, cut or removed, and a database that is behind, are noticed.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

use motet_store::{Store, StoreError};
use proptest::prelude::*;

use crate::{Stage, message, refused, turns};

#[test]
fn a_log_that_was_removed_is_noticed_and_what_is_left_is_used_on_purpose_only() {
    let stage = Stage::new();
    stage.keep("a");
    let killed = stage.killed("killed");
    fs::remove_file(killed.join("motet.db-wal")).unwrap();
    let error = refused(&killed);
    assert!(matches!(error, StoreError::Lost { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, stage.folder.path()));

    fs::remove_file(killed.join("mark")).unwrap();
    let left = Store::open(&killed).unwrap();
    assert_eq!(turns(&left, "a"), 0);
}

#[test]
fn an_older_copy_of_the_database_is_noticed() {
    let stage = Stage::new();
    stage.keep("a");
    drop(stage.store);
    let folder = stage.folder.path().join("store");
    let older = fs::read(folder.join("motet.db")).unwrap();
    let store = Store::open(&folder).unwrap();
    crate::Score::four_steps("b").kept_in(&store);
    drop(store);
    fs::write(folder.join("motet.db"), older).unwrap();
    let error = refused(&folder);
    assert!(matches!(error, StoreError::Lost { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, stage.folder.path()));
}

#[test]
fn the_database_of_another_store_is_noticed() {
    let (stage, other) = (Stage::new(), Stage::new());
    stage.keep("a");
    crate::Score::everything("b").kept_in(&other.store);
    let (folder, another) = (stage.path(), other.path());
    drop((stage.store, other.store));
    fs::copy(another.join("motet.db"), folder.join("motet.db")).unwrap();
    insta::assert_snapshot!(message(&refused(&folder), stage.folder.path()));
}

#[test]
fn where_a_store_was_is_never_said_that_nothing_ran() {
    let stage = Stage::new();
    stage.keep("a");
    let folder = stage.path();
    drop(stage.store);
    fs::remove_file(folder.join("motet.db")).unwrap();
    let error = refused(&folder);
    assert!(matches!(error, StoreError::Gone { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, stage.folder.path()));
    assert!(!folder.join("motet.db").exists(), "none was made in its place");
}

/// Also where somebody took the mark away as well.
#[test]
fn artifacts_without_a_database_are_those_of_a_store_that_is_gone() {
    let stage = Stage::new();
    let kept = stage.store.put_bytes(b"still").unwrap();
    stage.keep("a");
    let folder = stage.path();
    drop(stage.store);
    for name in ["motet.db", "mark"] {
        fs::remove_file(folder.join(name)).unwrap();
        assert!(matches!(refused(&folder), StoreError::Gone { .. }), "without {name}");
    }
    let hex = kept.digest.hex();
    assert!(folder.join("artifacts").join(&hex[..2]).join(&hex[2..]).exists(), "nothing was touched");
}

#[test]
fn a_check_finds_turns_that_are_missing_in_the_midst_and_a_mark_that_is_no_witness() {
    let stage = Stage::new();
    stage.keep("a");
    stage.keep("b");
    let (folder, connect) = (stage.path(), rusqlite::Connection::open(stage.path().join("motet.db")));
    connect
        .unwrap()
        .execute_batch("DELETE FROM journal WHERE run = 1; DELETE FROM runs WHERE number = 1")
        .unwrap();
    fs::write(folder.join("mark"), "motet mark 1").unwrap();
    let report = Store::open_read_only(&folder).unwrap().check().unwrap();
    assert_eq!(report.database, ["turns are missing in the middle of the journal: 10"]);
    assert_eq!((report.journals, report.mark_doubt), (vec![], Some("it was cut")));
}

/// A process may be killed between a flush and its mark.
#[test]
fn a_mark_that_lags_behind_is_as_good_as_any() {
    let stage = Stage::new();
    stage.keep("a");
    let mark = fs::read(stage.path().join("mark")).unwrap();
    stage.keep("b");
    let killed = stage.killed("killed");
    fs::write(killed.join("mark"), mark).unwrap();
    let store = Store::open(&killed).unwrap();
    assert_eq!((turns(&store, "a"), turns(&store, "b")), (10, 10));
}

/// No crash leaves one, so it is damage, which can be asked for before it is made anew.
#[test]
fn a_mark_that_says_nothing_is_no_witness_is_told_and_is_made_anew() {
    let damaged = [
        (&b""[..], "it is empty"),
        (b"motet mark 1\nturn  0000", "it was cut"),
        (&[0; 113], "it isn't what was written"),
    ];
    for (left, why) in damaged {
        let stage = Stage::new();
        stage.keep("a");
        let killed = stage.killed("killed");
        fs::write(killed.join("mark"), left).unwrap();
        assert_eq!(Store::doubt_of_mark(&killed).unwrap(), Some(why));
        drop(Store::open(&killed).unwrap());
        let mark = fs::read_to_string(killed.join("mark")).unwrap();
        assert!(mark.starts_with("motet mark 1\nturn  00000000000000000010\n"), "{mark}");
        assert_eq!(Store::doubt_of_mark(&killed).unwrap(), None);
    }
}

/// A guest of the owner has the store open as well, and makes a mark where there is none.
#[test]
fn a_mark_that_another_process_makes_anew_is_the_one_that_is_moved_on() {
    let stage = Stage::new();
    stage.keep("a");
    for left in [None, Some("motet mark 1")] {
        let mark = stage.path().join("mark");
        fs::remove_file(&mark).unwrap();
        left.into_iter().for_each(|left| fs::write(&mark, left).unwrap());
        let guest = Store::open(&stage.path()).unwrap();
        let run = if left.is_some() { "c" } else { "b" };
        stage.keep(run);
        let killed = stage.killed(run);
        fs::remove_file(killed.join("motet.db-wal")).unwrap();
        assert!(matches!(refused(&killed), StoreError::Lost { .. }), "{left:?}");
        drop(guest);
    }
}

/// One that is being made lies under another name until it is whole: a crash leaves that, or a whole mark.
#[test]
fn a_mark_that_was_being_made_is_made_again_and_nothing_else_is_left() {
    let stage = Stage::new();
    stage.keep("a");
    let killed = stage.killed("killed");
    fs::remove_file(killed.join("mark")).unwrap();
    let part = format!("incoming-{}", "m".repeat(32));
    for left in ["", "motet mark 1\nturn"] {
        fs::write(killed.join(&part), left).unwrap();
        assert_eq!(Store::doubt_of_mark(&killed).unwrap(), None);
        let store = Store::open(&killed).unwrap();
        assert_eq!(turns(&store, "a"), 10);
        assert!(!killed.join(&part).exists());
        drop(store);
        fs::remove_file(killed.join("mark")).unwrap();
    }
}

#[test]
fn the_log_is_moved_into_the_database_while_the_store_is_used_and_when_it_is_left() {
    let stage = Stage::new();
    let log = stage.path().join("motet.db-wal");
    let mut longest = 0;
    for run in 0..1500 {
        stage.keep(&format!("run-{run}"));
        longest = longest.max(fs::metadata(&log).unwrap().len());
    }
    assert!(longest > 1 << 20, "it was used: {longest}");
    assert!(longest < 40 << 20, "it is written again from its beginning: {longest}");
    let folder = stage.path();
    drop(stage.store);
    assert!(fs::metadata(folder.join("motet.db-wal")).map_or(0, |found| found.len()) == 0);
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.runs(&Default::default()).unwrap().len(), 1500);
}

#[test]
fn whoever_leaves_moves_the_log_also_while_others_hold_the_store_and_it_goes_on() {
    let stage = Stage::new();
    stage.keep("a");
    let held = stage.store.clone();
    stage.store.fold_log();
    assert_eq!(fs::metadata(stage.path().join("motet.db-wal")).unwrap().len(), 0);
    stage.keep("b");
    stage.store.fold_log();
    stage.store.fold_log();
    assert_eq!(fs::metadata(stage.path().join("motet.db-wal")).unwrap().len(), 0);
    let killed = stage.killed("killed");
    assert_eq!(turns(&Store::open(&killed).unwrap(), "b"), 10);
    assert_eq!(turns(&held, "a"), 10);
}

#[test]
fn nobody_who_reads_keeps_the_log_from_being_moved_for_ever() {
    let stage = Stage::new();
    stage.keep("a");
    let reader = Store::open_read_only(&stage.path()).unwrap();
    assert_eq!(turns(&reader, "a"), 10);
    let folder = stage.path();
    drop(stage.store);
    assert_eq!(turns(&reader, "a"), 10);
    drop(reader);
    fs::remove_file(folder.join("motet.db-wal")).ok();
    assert_eq!(turns(&Store::open(&folder).unwrap(), "a"), 10, "all of it was in the database");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a log is cut or changed: all that was acknowledged is there, or it is said that it isn't.
    #[test]
    fn a_log_that_was_damaged_anywhere_hides_nothing(runs in 1_usize..6, place in 0.0_f64..1.0, cut in any::<bool>()) {
        let stage = Stage::new();
        let scores: Vec<_> = (0..runs).map(|run| stage.keep(&format!("run-{run}"))).collect();
        let killed = stage.killed("killed");
        let log = killed.join("motet.db-wal");
        let at = (fs::metadata(&log).unwrap().len() as f64 * place) as u64;
        let file = OpenOptions::new().read(true).write(true).open(&log).unwrap();
        if cut {
            file.set_len(at).unwrap();
        } else {
            flip(&file, at);
        }
        drop(file);
        if let Ok(store) = Store::open_read_only(&killed) {
            for score in &scores {
                prop_assert_eq!(store.turns(&score.run).unwrap(), score.turns());
            }
        }
        if let Ok(store) = Store::open(&killed) {
            for score in &scores {
                prop_assert_eq!(store.turns(&score.run).unwrap(), score.turns());
            }
        }
    }
}

fn flip(file: &File, at: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}
