//! Runs of which the plan or the rules have changed: what is said, and what can still be done.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use motet::language::Bundle;

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};

const NAP: &str = "motet: 1\nname: nap\nsteps:\n  nap: { uses: flow/sleep, with: { duration: 7d } }\n";

/// A project whose run `first` was killed while it slept.
fn left_asleep() -> Project {
    let project = Project::with("nap.yaml", NAP);
    kill(asleep(project.command(&["run", "nap.yaml", "--id", "first"])));
    project
}

fn database(project: &Project) -> rusqlite::Connection {
    rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap()
}

#[test]
fn a_pipeline_that_a_newer_rule_refuses_is_not_started_and_its_unfinished_run_is_named() {
    let project = left_asleep();
    // As if the run were of a version of the file that the rules of then took.
    let refused = NAP.replace("duration", "length");
    let version = Bundle::of_text("nap.yaml", refused.as_str()).version().unwrap();
    let sql = "UPDATE plans SET version = ?1";
    assert_eq!(database(&project).execute(sql, [version.as_bytes().as_slice()]).unwrap(), 1);
    project.write("nap.yaml", refused);
    let text = project.transcript(&["run", "nap.yaml"])
        + &project.transcript(&["run", "nap.yaml", "--id", "second"]);
    assert_transcript!(project, text);
    assert_eq!(project.good(&["runs", "--json"]).lines().count(), 1);
    project.good(&["cancel", "first"]);
}

/// What `doctor` says of plans, and how it ends.
fn doctor_about_plans(project: &Project) -> String {
    let told = project.transcript(&["doctor"]);
    let lines = told.lines().filter(|line| ["plan", "exit"].iter().any(|word| line.contains(word)));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_run_whose_plan_is_damaged_is_listed_refused_in_words_and_called_off() {
    let project = left_asleep();
    let sql = "UPDATE plans SET pin = replace(pin, '7d', '8d')";
    assert_eq!(database(&project).execute(sql, []).unwrap(), 1);
    let text = doctor_about_plans(&project)
        + &project.transcript(&["show", "first"])
        + &project.transcript(&["show", "first", "--journal"])
        + &project.transcript(&["resume", "first"])
        + &project.transcript(&["resume"])
        + &project.transcript(&["cancel", "first"])
        + &project.transcript(&["runs"]);
    assert_transcript!(project, text);
}

#[test]
fn a_run_whose_plan_is_gone_is_named_by_the_doctor_and_goes_on_when_it_is_started_again() {
    for lost in
        ["DELETE FROM plans", "UPDATE plans SET pin = pin || ' '", "UPDATE plans SET version = zeroblob(32)"]
    {
        let project = left_asleep();
        assert_eq!(database(&project).execute(lost, []).unwrap(), 1);
        let text = doctor_about_plans(&project)
            + &project.transcript(&["show"])
            + &project.transcript(&["resume", "first"]);
        if lost.starts_with("DELETE") {
            assert_transcript!(project, text);
        } else {
            assert_eq!(text.matches("isn't what was written").count(), 3, "{lost}: {text}");
        }
        let mut again = project.command(&["run", "nap.yaml"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        BufReader::new(again.stderr.take().unwrap()).read_line(&mut told).unwrap();
        kill(again);
        assert!(told.contains("is unfinished and continues"), "{told}");
        assert_eq!(project.good(&["runs", "--json"]).lines().count(), 1, "no second run was started");
        assert!(project.good(&["show", "first"]).contains("● nap"));
        project.good(&["doctor"]);
    }
}
