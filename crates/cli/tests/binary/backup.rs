//! `motet store backup`: a copy of the store, made while it is in use.

use std::fs;

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};

/// Draws a picture, then waits.
const PICTURE: &str = r#"motet: 1
name: picture
steps:
  draw: { uses: local/scene, with: { prompt: a boat, width: 64, height: 64, seed: 7 } }
  nap: { uses: flow/sleep, with: { duration: 1h }, needs: [draw] }
outputs: { picture: "{{ steps.draw.image }}" }
"#;

#[test]
fn a_store_that_a_process_drives_is_copied_and_the_copy_is_a_store() {
    let project = Project::with("picture.yaml", PICTURE);
    let owner = asleep(project.command(&["run", "picture.yaml", "--id", "first"]));
    let mut told = project.transcript(&["store", "backup", "copies/monday"]);
    told += &project.transcript(&["store", "backup", "copies/monday"]);
    told += &project.transcript(&["store", "backup", "copies/tuesday", "--json"]);
    kill(owner);
    fs::remove_dir_all(project.path().join(".motet")).unwrap();

    for arguments in [
        &["runs", "--json", "--store", "copies/monday"][..],
        &["artifacts", "first", "--store", "copies/monday"],
        &["cancel", "first", "--store", "copies/tuesday"],
    ] {
        told += &project.transcript(arguments);
    }
    assert_transcript!(project, told);
    let shown = project.good(&["show", "first", "--store", "copies/monday"]);
    assert!(shown.contains("nap    ") && shown.contains("flow/sleep"), "{shown}");
    let doctor = project.good(&["doctor", "--store", "copies/monday"]);
    assert!(doctor.contains("store      copies/monday: 1 run, 1 artifact"), "{doctor}");
}

#[test]
fn what_is_no_store_is_not_copied_and_nothing_is_made() {
    let project = Project::new();
    let mut told = project.transcript(&["store", "backup", "copy"]);
    told += &project.transcript(&["store", "backup", "copy", "--store", ":memory:"]);
    told += &project.transcript(&["store", "backup"]);
    told += &project.transcript(&["store", "backup", "--help"]);
    assert_transcript!(project, told);
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 0);
}
