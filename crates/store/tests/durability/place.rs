//! A store that is taken away under its owner is noticed before anything is acknowledged.

use std::fs;

use motet_pipeline::Timestamp;
use motet_store::StoreError;

use crate::{Score, Stage, message};

/// A way to take a store away: its name, and how it is done.
type Taking = (&'static str, fn(&Stage));

fn states() -> [Taking; 4] {
    [
        ("deleted", |stage| fs::remove_dir_all(stage.path()).unwrap()),
        ("moved", |stage| fs::rename(stage.path(), stage.folder.path().join("elsewhere")).unwrap()),
        ("replaced", |stage| {
            fs::rename(stage.path(), stage.folder.path().join("elsewhere")).unwrap();
            crate::copy(&stage.folder.path().join("elsewhere"), &stage.path());
        }),
        ("log", |stage| fs::remove_file(stage.path().join("motet.db-wal")).unwrap()),
    ]
}

#[test]
fn what_is_written_into_a_store_that_is_gone_is_not_acknowledged() {
    for (name, change) in states() {
        let stage = Stage::new();
        stage.keep("a");
        change(&stage);
        let error = stage.store.append_now(Score::four_steps("b").records()).unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{name}: {error:?}");
        if name == "moved" {
            insta::assert_snapshot!(message(&error, stage.folder.path()));
        }
        let again = stage.store.append_now(Score::four_steps("c").records()).unwrap_err();
        assert_eq!(again.to_string(), error.to_string(), "{name}: the writer has stopped");
    }
}

#[test]
fn a_sign_of_life_finds_it_as_well() {
    for (name, change) in states() {
        let stage = Stage::new();
        stage.keep("a");
        stage.store.heartbeat(Timestamp(1)).unwrap();
        change(&stage);
        let error = stage.store.heartbeat(Timestamp(2)).unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{name}: {error:?}");
    }
}
