//! Backups: copies that are made while a store is in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use motet_pipeline::Value;
use motet_store::{Backup, Store, StoreError};

use crate::{Score, Stage, message, text, turns};

#[test]
fn a_backup_of_a_store_in_use_is_a_store_with_all_that_was_durable() {
    let stage = Stage::new();
    let score = Score::everything("everything").kept_in(&stage.store);
    Score::started("long", Value::map([("text", text(200_000))])).kept_in(&stage.store);
    for bytes in ["photo", "still", "late"] {
        stage.store.put_bytes(bytes.as_bytes()).unwrap();
    }
    let to = stage.folder.path().join("backup");
    let looker = Store::open_read_only(&stage.path()).unwrap();
    let made = looker.backup(&to).unwrap();
    assert_eq!(made, Backup { runs: 2, artifacts: 5, artifact_bytes: made.artifact_bytes });
    stage.keep("later");

    let copy = Store::open(&to).unwrap();
    assert_eq!(copy.turns(&score.run).unwrap(), score.turns());
    assert_eq!((turns(&copy, "long"), turns(&copy, "later")), (1, 0));
    let report = copy.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    Score::four_steps("later").kept_in(&copy);

    let is_private = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o077 == 0;
    assert!(
        is_private(&to) && ["motet.db", "mark", "artifacts"].iter().all(|name| is_private(&to.join(name)))
    );
}

#[test]
fn a_backup_goes_only_where_nothing_is() {
    let stage = Stage::new();
    stage.keep("a");
    let to = stage.folder.path().join("backup");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("letter"), "dear").unwrap();
    let error = stage.store.backup(&to).unwrap_err();
    assert!(matches!(error, StoreError::Occupied { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, stage.folder.path()));
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
}

#[test]
fn a_backup_that_was_not_finished_is_no_store() {
    let stage = Stage::new();
    Score::everything("everything").kept_in(&stage.store);
    let to = stage.folder.path().join("backup");
    // The bytes of its artifacts were never put.
    let error = stage.store.backup(&to).unwrap_err();
    assert!(matches!(error, StoreError::NoArtifact { .. }), "{error:?}");
    assert!(matches!(Store::open(&to), Err(StoreError::Occupied { .. })));
    assert!(Store::open_read_only(&to).is_err());
}
