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
            insta::assert_snapshot!(
                "a_store_that_is_taken_away_while_a_run_only_sleeps_ends_it_in_words",
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
            assert!(told.contains("deleted, moved or replaced"), "{name}: {told}");
            assert!(!told.contains("completed"), "{name}: {told}");
        }
    });
}
