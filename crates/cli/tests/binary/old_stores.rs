//! Stores that older versions left half-way through a film, killed with `kill -9`: they are brought
//! forward, and the film is ended without making again what was done.
//!
//! `tests/fixtures/half-film-v1` was written by the last version whose store had format 1, and so on. Each
//! has the database with its log, as the process left them, and the artifacts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::project::Project;

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/half-film-v{format}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => _ = fs::copy(entry.path(), to.join(entry.file_name())).unwrap(),
        }
    }
}

/// The events of the only run, as its journal tells them.
fn journal(project: &Project) -> Vec<Json> {
    let runs = project.good(&["runs", "--json"]);
    let run: Json = serde_json::from_str(runs.lines().next().expect("there is one run")).unwrap();
    let journal = project.good(&["show", run["run"].as_str().unwrap(), "--journal", "--json"]);
    journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often each step and item was completed.
fn completed(journal: &[Json]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for event in journal.iter().filter(|event| event["event"] == "step.completed") {
        *counts.entry(event["step"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn a_film_that_an_older_version_left_half_way_is_ended_and_nothing_is_made_again() {
    for format in [1, 2] {
        let project = Project::new();
        copy(&fixture(format).join("store"), &project.path().join(".motet"));
        fs::copy(fixture(format).join("film.yaml"), project.path().join("film.yaml")).unwrap();

        let before = journal(&project);
        let done = completed(&before);
        assert!((5..10).contains(&done.len()), "format {format}: half of the film: {done:?}");

        let told = project.good(&["run", "film.yaml", "--json"]);
        assert!(told.lines().next().unwrap().contains("run.found"), "format {format}: {told}");
        let after = journal(&project);
        assert_eq!(after[..before.len()], before[..], "format {format}: what was recorded stays");
        assert!(completed(&after).values().all(|count| *count == 1), "format {format}");
        let made_again = after[before.len()..].iter().filter(|event| event["event"] == "step.started");
        let made_again: Vec<_> =
            made_again.filter(|event| done.contains_key(event["step"].as_str().unwrap())).collect();
        assert!(made_again.is_empty(), "format {format}: {made_again:?}");

        let film = fs::read_dir(project.path().join("out")).unwrap().next().unwrap().unwrap();
        assert!(film.path().join("video.mp4").metadata().unwrap().len() > 1000, "format {format}");
        project.good(&["doctor"]);
    }
}
