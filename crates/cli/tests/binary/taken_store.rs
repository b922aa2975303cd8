//! A store that is taken away under `motet run` is noticed before anything is called completed.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use crate::project::{Project, asleep_with_lines};

const NAP: &str = r#"motet: 1
name: nap
steps:
  nap: { uses: flow/sleep, with: { duration: 1h } }
  then: { uses: data/transform, needs: [nap], with: { value: awake } }
"#;

/// A way to take a store away: its name, and how it is done.
type Taking = (&'static str, fn(&Path));

const TAKINGS: [Taking; 3] = [
    ("deleted", |folder| fs::remove_dir_all(folder.join(".motet")).unwrap()),
    ("moved", |folder| fs::rename(folder.join(".motet"), folder.join("elsewhere")).unwrap()),
    ("replaced", |folder| {
        fs::rename(folder.join(".motet"), folder.join("elsewhere")).unwrap();
        assert!(
            Command::new("cp")
                .args(["-r", "elsewhere", ".motet"])
                .current_dir(folder)
                .status()
                .unwrap()
                .success()
        );
    }),
];

/// What a run that sleeps for so long says after its store was taken away, and how it ends.
fn told(taking: fn(&Path), duration: &str) -> (String, Option<i32>) {
    let project = Project::with("nap.yaml", NAP.replace("1h", duration));
    let (mut owner, mut lines) = asleep_with_lines(project.command(&["run", "nap.yaml", "--id", "first"]));
    taking(project.path());
    let mut told = String::new();
    lines.read_to_string(&mut told).unwrap();
    let told = told.replace(&*project.path().to_string_lossy(), "[project]");
    (told, owner.wait().unwrap().code())
}

/// The heart of the owner finds it within seconds.
#[test]
fn a_store_that_is_taken_away_while_a_run_only_sleeps_ends_it_in_words() {
    std::thread::scope(|scope| {
        let asked = TAKINGS.map(|(name, taking)| (name, scope.spawn(move || told(taking, "1h"))));
        for (name, told) in asked {
            let (told, code) = told.join().unwrap();
            assert_eq!(code, Some(6), "{name}: {told}");
            let story = if name == "deleted" { "deleted" } else { "taken_away" };
            insta::assert_snapshot!(
                format!("a_store_that_is_{story}_while_a_run_only_sleeps_ends_it_in_words"),
                told
            );
        }
    });
}

#[test]
fn a_run_is_not_called_completed_in_a_store_that_was_taken_away() {
    std::thread::scope(|scope| {
        let asked = TAKINGS.map(|(name, taking)| (name, scope.spawn(move || told(taking, "2s"))));
        for (name, told) in asked {
            let (told, code) = told.join().unwrap();
            assert_eq!(code, Some(6), "{name}: {told}");
            assert!(told.contains("while it was in use"), "{name}: {told}");
            assert!(!told.contains("completed") && !told.contains("kept"), "{name}: {told}");
            assert_eq!(told.contains("put it back"), name != "deleted", "{name}: {told}");
        }
    });
}

#[test]
fn an_owner_whose_lock_was_removed_stops_in_words_and_leaves_the_store_to_the_next() {
    let project = Project::with("nap.yaml", NAP);
    let (mut owner, mut lines) = asleep_with_lines(project.command(&["run", "nap.yaml", "--id", "first"]));
    fs::remove_file(project.path().join(".motet/owner.lock")).unwrap();
    let (mut next, _lines) = asleep_with_lines(project.command(&["run", "nap.yaml", "--id", "second"]));
    let mut told = String::new();
    lines.read_to_string(&mut told).unwrap();
    assert_eq!(owner.wait().unwrap().code(), Some(6), "{told}");
    insta::assert_snapshot!(told.replace(&*project.path().to_string_lossy(), "[project]"));
    // The next one is still there for its guests.
    project.good(&["cancel", "second"]);
    assert_eq!(next.wait().unwrap().code(), Some(3));
    assert!(project.good(&["doctor"]).contains("store      .motet: 2 runs"));
}

#[test]
fn a_log_that_is_removed_under_an_owner_is_told_to_guests_and_to_the_owner_alike() {
    let project = Project::with("nap.yaml", NAP);
    let (mut owner, mut lines) = asleep_with_lines(project.command(&["run", "nap.yaml", "--id", "first"]));
    fs::remove_file(project.path().join(".motet/motet.db-wal")).unwrap();
    let mut told = String::new();
    for command in
        [&["runs"][..], &["show", "first"], &["resume", "first"], &["run", "nap.yaml", "--id", "x"]]
    {
        let output = project.run(command);
        assert_eq!(output.status.code(), Some(6), "{command:?}");
        told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with("error: the store in .motet lost its motet.db-wal"), "{command:?}: {told}");
    }
    lines.read_to_string(&mut told).unwrap();
    assert_eq!(owner.wait().unwrap().code(), Some(6), "{told}");
    insta::assert_snapshot!(told.replace(&*project.path().to_string_lossy(), "[project]"));
}
