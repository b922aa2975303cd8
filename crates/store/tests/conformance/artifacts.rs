//! Bytes: kept once, whole, and referred to by what made them.

use motet_engine::{Event, RunEvent};
use motet_pipeline::{Digest, Value};
use motet_store::{Store, StoreError};

use crate::score::{Score, artifact, completed};

pub fn artifacts_are_referred_to_by_step_and_output(store: &Store) {
    let photo = artifact(b"photo");
    let mut score = Score::started("r", Value::map([("photo", photo.clone())]));
    let images = Value::list(vec![artifact(b"one"), artifact(b"two"), artifact(b"one")]);
    score.turn([completed("shots[k]/still", Value::map([("images", images)]))]);
    score.turn([Event::Run(RunEvent::Completed { outputs: Value::map([("same", photo)]), degraded: false })]);
    let score = score.kept_in(store);
    let rows = store.artifacts(&score.run).unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| format!("{}|{}|{}|{}", row.step, row.output, row.position, row.artifact.digest.short()))
        .collect();
    let short = |bytes: &[u8]| Digest::of(bytes).short();
    assert_eq!(
        told,
        [
            format!("|inputs.photo|0|{}", short(b"photo")),
            format!("|outputs.same|0|{}", short(b"photo")),
            format!("shots[k]/still|images|0|{}", short(b"one")),
            format!("shots[k]/still|images|1|{}", short(b"two")),
            format!("shots[k]/still|images|2|{}", short(b"one")),
        ]
    );
    assert_eq!(rows[0].artifact.width, Some(640));
}

pub fn the_same_bytes_are_kept_once(store: &Store) {
    let kept = store.put_bytes(b"some bytes").unwrap();
    assert_eq!((kept.digest, kept.bytes), (Digest::of(b"some bytes"), 10));
    let file = store.scratch().join("made");
    std::fs::write(&file, b"some bytes").unwrap();
    assert_eq!(store.import_file(&file).unwrap(), kept);
    assert_eq!(store.check().unwrap().artifacts, 1);
    assert!(store.has(&kept.digest));
    assert!(std::fs::metadata(store.path_of(&kept.digest)).unwrap().permissions().readonly());
    let text = std::io::read_to_string(store.open_artifact(&kept.digest).unwrap()).unwrap();
    assert_eq!(text, "some bytes");
    let absent = Digest::of(b"other");
    assert!(!store.has(&absent));
    assert!(matches!(store.open_artifact(&absent), Err(StoreError::NoArtifact { .. })));
    assert!(matches!(store.import_file(&file.join("no")), Err(StoreError::Io { doing: "open", .. })));
}

pub fn a_file_can_be_handed_over(store: &Store) {
    for _ in 0..2 {
        let file = store.scratch().join("made");
        std::fs::write(&file, b"a film").unwrap();
        let kept = store.adopt_file(&file).unwrap();
        assert_eq!((kept.digest, kept.bytes), (Digest::of(b"a film"), 6));
        assert_eq!(std::fs::read(store.path_of(&kept.digest)).unwrap(), b"a film");
        assert!(!file.exists());
    }
    for no_file in [store.scratch(), "/dev/zero".into()] {
        assert!(matches!(store.adopt_file(&no_file), Err(StoreError::Io { .. })), "{no_file:?}");
        assert!(matches!(store.import_file(&no_file), Err(StoreError::Io { .. })), "{no_file:?}");
    }
}

pub fn a_damaged_copy_is_replaced(store: &Store) {
    let kept = store.put_bytes(b"some bytes").unwrap();
    std::fs::remove_file(store.path_of(&kept.digest)).unwrap();
    std::fs::write(store.path_of(&kept.digest), b"some").unwrap();
    assert_eq!(store.check().unwrap().damaged, [kept.digest]);
    store.put_bytes(b"some bytes").unwrap();
    assert!(store.check().unwrap().is_good());
}

pub fn a_good_store_passes_its_check(store: &Store) {
    let score = Score::four_steps("r").kept_in(store);
    let report = store.check().unwrap();
    assert!(!report.is_good(), "the bytes of its artifacts are not there");
    let missing = store.artifacts(&score.run).unwrap().into_iter().map(|row| row.artifact.digest);
    assert_eq!(
        report.missing,
        missing.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    score.put_artifacts(store);
    let kept = store.put_bytes(b"of no use").unwrap();
    let report = store.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.runs, report.turns), (1, score.turns().len()));
    assert_eq!(report.unreferenced, [kept.digest]);
    assert!(report.free_bytes > 0);
}
