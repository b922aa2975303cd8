//! A lock that another program holds on the database is waited out, and said.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::project::{Project, asleep_with_lines};

const NAP: &str = r#"motet: 1
name: nap
steps:
  nap: { uses: flow/sleep, with: { duration: 1s } }
  then: { uses: data/transform, needs: [nap], with: { value: awake } }
outputs: { text: "{{ steps.then.value }}" }
"#;

/// SQLite alone would give up after five seconds.
const LONGER_THAN_SQLITE_WAITS: Duration = Duration::from_secs(6);

#[test]
fn a_run_goes_on_when_another_program_lets_go_of_the_database_and_it_is_said_once() {
    let project = Project::with("nap.yaml", NAP);
    let (mut owner, mut lines) = asleep_with_lines(project.command(&["run", "nap.yaml"]));
    let other = Connection::open(project.path().join(".motet/motet.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut told = String::new();
    while !told.contains("warning: ") {
        assert!(lines.read_line(&mut told).unwrap() > 0, "it ended early: {told}");
    }
    thread::sleep(LONGER_THAN_SQLITE_WAITS);
    assert!(owner.try_wait().unwrap().is_none(), "it waits");
    drop(other);
    lines.read_to_string(&mut told).unwrap();
    assert!(owner.wait().unwrap().success(), "{told}");
    let warnings: Vec<&str> = told.lines().filter(|line| line.contains("lock")).collect();
    insta::assert_snapshot!(warnings.join("\n"));
    assert!(told.contains("completed"), "{told}");
}

/// Starts a command and waits until it warns; then lets go of what it waits for. Gives the warnings, and how it ended.
fn waits_aloud(mut command: Command, let_go: impl FnOnce()) -> (String, Option<i32>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("warning: ") {
        assert!(lines.read_line(&mut told).unwrap() > 0, "it ended early: {told}");
    }
    let_go();
    lines.read_to_string(&mut told).unwrap();
    let warnings: Vec<&str> = told.lines().filter(|line| line.starts_with("warning: ")).collect();
    (warnings.join("\n") + "\n", child.wait().unwrap().code())
}

#[test]
fn a_store_that_is_locked_when_it_is_opened_is_waited_for_aloud() {
    let project = Project::with("nap.yaml", NAP.replace("1s", "1ms"));
    project.good(&["run", "nap.yaml"]);
    let mut text = String::new();
    for arguments in [&["run", "nap.yaml"][..], &["runs"]] {
        let other = Connection::open(project.path().join(".motet/motet.db")).unwrap();
        // Not even readers get in.
        other.execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE").unwrap();
        let (warnings, code) = waits_aloud(project.command(arguments), || drop(other));
        assert_eq!(code, Some(0), "{warnings}");
        text += &warnings;
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_owner_that_is_suspended_is_waited_for_aloud() {
    let project = Project::with("nap.yaml", NAP.replace("1s", "1h"));
    let (mut owner, _lines) = asleep_with_lines(project.command(&["run", "nap.yaml", "--id", "first"]));
    let pid = rustix::process::Pid::from_raw(owner.id().cast_signed()).unwrap();
    let send = |signal| rustix::process::kill_process(pid, signal).unwrap();
    send(rustix::process::Signal::STOP);
    let guest = project.command(&["cancel", "first"]);
    let (warnings, code) = waits_aloud(guest, || send(rustix::process::Signal::CONT));
    assert_eq!(code, Some(0), "{warnings}");
    insta::assert_snapshot!(warnings.replace(&owner.id().to_string(), "[pid]"));
    owner.wait().unwrap();
}

#[test]
fn a_lock_on_the_folder_is_waited_for_aloud_by_whoever_locks_a_pipeline() {
    let project = Project::with("nap.yaml", NAP);
    let folder = std::fs::File::open(project.path()).unwrap();
    folder.lock().unwrap();
    let (warnings, code) = waits_aloud(project.command(&["lock", "nap.yaml"]), || drop(folder));
    assert_eq!(code, Some(0), "{warnings}");
    insta::assert_snapshot!(warnings);
}

#[test]
fn who_is_told_to_stop_while_another_program_holds_a_lock_ends_in_words() {
    let project = Project::with("nap.yaml", NAP.replace("1s", "1h"));
    let (owner, mut lines) = asleep_with_lines(project.command(&["run", "nap.yaml"]));
    let other = Connection::open(project.path().join(".motet/motet.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let pid = rustix::process::Pid::from_raw(owner.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = owner.wait_with_output().unwrap();
    let mut told = String::new();
    lines.read_to_string(&mut told).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    drop(other);
    let record = project.good(&["runs", "--json"]);
    assert!(record.contains(r#""status":"running""#), "{record}");
}
