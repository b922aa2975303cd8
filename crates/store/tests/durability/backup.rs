//! Backups: copies that are made while a store is in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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
    let to = stage.folder.path().join("backups/monday/");
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
    assert!(matches!(error, StoreError::NotEmpty { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, stage.folder.path()));
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
}

#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let stage = Stage::new();
    Score::everything("everything").kept_in(&stage.store);
    let to = stage.folder.path().join("backup");
    // The bytes of its artifacts were never put.
    let error = stage.store.backup(&to).unwrap_err();
    assert!(matches!(error, StoreError::NoArtifact { .. }), "{error:?}");
    assert!(!to.exists());
    fs::create_dir(&to).unwrap();
    stage.store.backup(&to).unwrap_err();
    assert_eq!(fs::read_dir(&to).unwrap().count(), 0);

    for bytes in ["photo", "still", "late"] {
        stage.store.put_bytes(bytes.as_bytes()).unwrap();
    }
    stage.store.backup(&to).unwrap();
    assert!(Store::open(&to).unwrap().check().unwrap().is_good());
}

/// A store with a run whose artifacts are all there.
fn with_artifacts() -> Stage {
    let stage = Stage::new();
    stage.keep("a");
    for name in ["merge", "image", "video", "audio"] {
        stage.store.put_bytes(name.as_bytes()).unwrap();
    }
    stage
}

/// As `kill -9` in the midst of it leaves the copy in `to`.
fn leave_unfinished(stage: &Stage, to: &Path) {
    stage.store.backup(to).unwrap();
    fs::rename(to.join("motet.db"), to.join("motet.db.part")).unwrap();
    fs::remove_file(to.join("mark")).unwrap();
}

#[test]
fn a_backup_that_was_not_finished_is_no_store() {
    let stage = with_artifacts();
    let to = stage.folder.path().join("backup");
    leave_unfinished(&stage, &to);
    for refused in [Store::open(&to), Store::open_read_only(&to)] {
        let error = refused.err().unwrap();
        insta::assert_snapshot!(
            "a_backup_that_was_not_finished_is_no_store",
            message(&error, stage.folder.path())
        );
    }
}

#[test]
fn a_backup_takes_over_what_an_interrupted_one_left_and_nothing_else() {
    let stage = with_artifacts();
    let to = stage.folder.path().join("backup");
    let interrupted = || {
        leave_unfinished(&stage, &to);
        fs::write(to.join("motet.db.part-journal"), "half a journ").unwrap();
    };
    interrupted();
    stage.store.backup(&to).unwrap();
    assert!(Store::open(&to).unwrap().check().unwrap().is_good());
    assert!(!to.join("motet.db.part-journal").exists());

    for other in ["letter", "artifacts/letter"] {
        fs::remove_dir_all(&to).unwrap();
        interrupted();
        fs::write(to.join(other), "dear").unwrap();
        for _ in 0..2 {
            let error = stage.store.backup(&to).unwrap_err();
            assert!(
                matches!(&error, StoreError::NotEmpty { holds, .. } if holds.as_str() <= other),
                "{other}: {error:?}"
            );
            assert_eq!(fs::read_to_string(to.join(other)).unwrap(), "dear");
        }
        // What was in the way is gone: the rest still shows that it was a copy.
        fs::remove_file(to.join(other)).unwrap();
        stage.store.backup(&to).unwrap();
    }

    fs::remove_dir_all(&to).unwrap();
    interrupted();
    let at_work = fs::File::open(to.join("motet.db.part")).unwrap();
    at_work.lock().unwrap();
    let error = stage.store.backup(&to).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    assert!(to.join("motet.db.part").exists());
}

/// The sign that a copy isn't whole is the last to go, so its removal may be interrupted as well.
#[test]
fn a_backup_that_was_killed_while_it_copied_an_artifact_is_taken_over() {
    let stage = with_artifacts();
    let incoming = format!("artifacts/incoming-{}", "x1".repeat(16));
    for left in [&[incoming.as_str()][..], &["artifacts/ab/"], &["artifacts/"], &[&incoming, "artifacts/ff/"]]
    {
        let to = stage.folder.path().join("backup");
        fs::create_dir_all(to.join("artifacts")).unwrap();
        fs::write(to.join("motet.db.part"), "half a databa").unwrap();
        for name in left {
            match name.strip_suffix('/') {
                Some(folder) => fs::create_dir_all(to.join(folder)).unwrap(),
                None => fs::write(to.join(name), "half a pict").unwrap(),
            }
        }
        stage.store.backup(&to).unwrap_or_else(|error| panic!("{left:?}: {error}"));
        assert!(Store::open(&to).unwrap().check().unwrap().is_good(), "{left:?}");
        fs::remove_dir_all(&to).unwrap();
    }
}

#[test]
fn a_backup_that_is_not_wanted_any_more_leaves_nothing_behind() {
    let stage = with_artifacts();
    let to = stage.folder.path().join("backup");
    for pieces in 0..5 {
        let asked = std::cell::Cell::new(0);
        let is_wanted = || {
            asked.set(asked.get() + 1);
            asked.get() <= pieces
        };
        let error = stage.store.backup_while(&to, &is_wanted).unwrap_err();
        assert!(matches!(error, StoreError::Unwanted { .. }), "{error:?}");
        assert_eq!(asked.get(), pieces + 1);
        assert!(!to.exists());
    }
}

/// While it is copied in pieces, others write.
#[test]
fn a_backup_is_of_one_moment() {
    let stage = with_artifacts();
    let long: String =
        (0..9_000_000_u64).map(|number| char::from(b'a' + (number * number % 23) as u8)).collect();
    let digest = motet_pipeline::Digest::of(b"long");
    let long = motet_store::KeptPlan { version: digest, bundle: long, pin: None };
    stage.store.put_plan(&digest, &long).unwrap();
    let asked = std::cell::Cell::new(0);
    let is_wanted = || {
        stage.keep(&format!("meanwhile-{}", asked.replace(asked.get() + 1)));
        true
    };
    let looker = Store::open_read_only(&stage.path()).unwrap();
    let to = stage.folder.path().join("backup");
    let made = looker.backup_while(&to, &is_wanted).unwrap();
    assert!(asked.get() > 3);
    assert_eq!(made.runs, 1, "what was recorded before the moment");
    assert!(Store::open(&to).unwrap().check().unwrap().is_good());
}

#[test]
fn a_backup_goes_to_a_folder_outside_of_its_store() {
    let stage = Stage::new();
    stage.keep("a");
    std::os::unix::fs::symlink(stage.path(), stage.folder.path().join("link")).unwrap();
    for inside in [stage.path(), stage.path().join("x/y"), stage.folder.path().join("link/x")] {
        let error = stage.store.backup(&inside).unwrap_err();
        assert!(matches!(error, StoreError::InsideItself { .. }), "{error:?}");
        assert!(!stage.path().join("x").exists());
    }
    let file = stage.folder.path().join("file");
    fs::write(&file, "dear").unwrap();
    for (path, is) in [(file.as_path(), "a file"), (std::path::Path::new("/dev/null"), "a device")] {
        let error = stage.store.backup(path).unwrap_err();
        assert!(error.to_string().contains(&format!("is {is}, and a copy is a folder")), "{error}");
    }
}
