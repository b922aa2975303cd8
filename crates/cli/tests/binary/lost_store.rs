//! A store that doesn't hold what was acknowledged says so, whatever is asked of it.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};

const NAP: &str = r#"motet: 1
name: nap
inputs: { duration: { type: string, default: 1h } }
steps:
  first: { uses: data/transform, with: { value: done } }
  nap: { uses: flow/sleep, with: { duration: "{{ inputs.duration }}" }, needs: [first] }
"#;

/// Everything that reads a store; `resume` and `run` would also write.
const READERS: [&[&str]; 7] = [
    &["doctor"],
    &["runs"],
    &["show", "first"],
    &["artifacts"],
    &["store", "backup", "copy"],
    &["resume"],
    &["run", "nap.yaml"],
];

/// What is left after `kill -9` of a process with a run called `first`. Another run had completed before, so
/// that the log is short, and nobody was about to move it.
fn killed() -> Project {
    let project = Project::with("nap.yaml", NAP);
    project.good(&["run", "nap.yaml", "--input", "duration=1ms", "--id", "over"]);
    kill(asleep(project.command(&["run", "nap.yaml", "--id", "first"])));
    project
}

/// What every reader says, and that none of them ends well.
fn told_by_all(project: &Project) -> String {
    let mut told = String::new();
    for arguments in READERS {
        let mut output = project.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        // The programs of this machine are of no interest here.
        let text = String::from_utf8(output.stdout).unwrap();
        let is_of_machine = |name: &str| ["motet", "ffmpeg", "ffprobe", "espeak-ng", "font"].contains(&name);
        let is_of_store = |line: &&str| !line.split_whitespace().nth(1).is_some_and(is_of_machine);
        output.stdout =
            text.lines().filter(is_of_store).map(|line| format!("{line}\n")).collect::<String>().into();
        let transcript = crate::project::transcript(arguments, &output);
        assert!(!transcript.contains("nothing ran") && !transcript.contains("none yet"), "{transcript}");
        told += &transcript;
    }
    told
}

#[test]
fn every_command_says_that_the_log_was_removed_after_a_kill() {
    let project = killed();
    fs::remove_file(project.path().join(".motet/motet.db-wal")).unwrap();
    assert_transcript!(project, told_by_all(&project));

    fs::remove_file(project.path().join(".motet/mark")).unwrap();
    let left = project.good(&["runs", "--json"]);
    assert_eq!(left.lines().count(), 1, "what is left is used on purpose: {left}");
}

#[test]
fn every_command_says_that_the_database_is_gone() {
    let project = killed();
    for name in ["motet.db", "motet.db-wal", "motet.db-shm"] {
        fs::remove_file(project.path().join(".motet").join(name)).unwrap();
    }
    let told = told_by_all(&project);
    assert_transcript!(project, told.clone());
    // Nor is it needed that a mark says so.
    fs::remove_file(project.path().join(".motet/mark")).unwrap();
    assert_eq!(told_by_all(&project), told);
}

#[test]
fn a_log_that_was_cut_or_damaged_and_a_database_that_is_behind_are_noticed() {
    let project = killed();
    let store = project.path().join(".motet");
    let log = store.join("motet.db-wal");
    let whole = fs::read(&log).unwrap();
    let is_incomplete = |what: &str| {
        let told = told_by_all(&project);
        assert_eq!(told.matches("is not complete: ").count(), READERS.len(), "{what}: {told}");
    };
    let cut = OpenOptions::new().write(true).open(&log).unwrap();
    cut.set_len(whole.len() as u64 / 2).unwrap();
    is_incomplete("cut");

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    write(&log, &damaged);
    is_incomplete("damaged");

    write(&log, &whole);
    let early = fs::read(store.join("motet.db")).unwrap();
    project.good(&["cancel", "first"]);
    assert_eq!(fs::metadata(&log).map_or(0, |found| found.len()), 0, "whoever leaves folds the log");
    write(&store.join("motet.db"), &early);
    is_incomplete("behind");
}

#[test]
fn databases_of_two_stores_that_were_exchanged_are_noticed_by_every_command() {
    let (one, other) = (killed(), killed());
    let file = |project: &Project, name: &str| project.path().join(".motet").join(name);
    fs::rename(file(&one, "motet.db"), file(&one, "kept")).unwrap();
    fs::rename(file(&other, "motet.db"), file(&one, "motet.db")).unwrap();
    fs::rename(file(&one, "kept"), file(&other, "motet.db")).unwrap();
    for project in [&one, &other] {
        let told = told_by_all(project);
        assert_eq!(told.matches("motet.db is that of another store").count(), READERS.len(), "{told}");
    }
}

#[test]
fn a_mark_that_cant_be_read_is_told_by_every_reader_and_by_the_owner_before_it_is_made_anew() {
    let project = killed();
    let mark = project.path().join(".motet/mark");
    write(&mark, b"motet mark 1\nturn  000");
    let told = project.good(&["doctor"]);
    let finding: Vec<_> = told.lines().skip_while(|line| !line.contains(" mark ")).take(2).collect();
    let mut text = finding.join("\n") + "\n";
    for reader in [&["runs"][..], &["show", "first", "--step", "nap"], &["artifacts", "first"]] {
        text += &project.transcript(reader);
    }
    // With the log removed too, what was acknowledged is gone; that it may be is said.
    fs::remove_file(project.path().join(".motet/motet.db-wal")).unwrap();
    text += &project.transcript(&["runs"]);
    write(&mark, b"");
    text += &project.transcript(&["run", "nap.yaml", "--input", "duration=1ms", "--id", "after"]);
    assert_transcript!(project, text);
    assert!(!project.good(&["doctor"]).contains(" mark "));
}

#[test]
fn a_turn_that_was_removed_is_told_by_whoever_reads_its_run() {
    let journal = |project: &Project, sql: &str| {
        let connection = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
        assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
    };
    // Of a run that isn't over the first one; of one that is over, the first and the last one.
    for (run, number) in [("first", 1), ("over", 1), ("over", 2)] {
        let project = killed();
        // What comes behind it in the journal of all runs hides its loss from the mark.
        project.good(&["run", "nap.yaml", "--input", "duration=1ms", "--id", "later"]);
        let sql = format!(
            "DELETE FROM journal WHERE number = {number} AND run = (SELECT number FROM runs WHERE id = '{run}')"
        );
        journal(&project, &sql);
        let last: [&[&str]; 2] = match run {
            "first" => [&["resume", run], &["resume"]],
            _ => [&["retry", run, "--from", "nap"], &["fork", run]],
        };
        for arguments in [&["show", run][..], &["show", run, "--journal"]].into_iter().chain(last) {
            let told = project.transcript(arguments);
            assert!(told.contains(&format!("turn {number} of run {run} is missing")), "{told}");
            assert!(told.ends_with("--- exit 6\n") && !told.contains("steps done"), "{told}");
        }
    }
}

/// What is done is told as it is, whatever keeps the run from going on.
#[test]
fn a_run_whose_artifact_is_missing_or_a_link_is_not_resumed_and_what_is_done_is_told() {
    let project = Project::with(
        "film.yaml",
        r#"motet: 1
name: film
inputs: { picture: image }
steps:
  first: { uses: data/transform, with: { value: done } }
  second: { uses: data/transform, with: { value: "{{ inputs.picture.bytes }}" }, needs: [first] }
  nap: { uses: flow/sleep, with: { duration: 7d }, needs: [second] }
"#,
    );
    project.write("a.png", PNG);
    let arguments = ["run", "film.yaml", "--id", "first", "--input", "picture=@a.png"];
    kill(asleep(project.command(&arguments)));
    let digest = motet::language::Digest::of(PNG).hex();
    let file = project.path().join(".motet/artifacts").join(&digest[..2]).join(&digest[2..]);
    fs::remove_file(&file).unwrap();
    let mut text = project.transcript(&["resume"]);
    std::os::unix::fs::symlink(project.path().join("a.png"), &file).unwrap();
    text += &project.transcript(&["resume"]);
    let doctor = project.transcript(&["doctor"]);
    text.extend(
        doctor.lines().filter(|line| line.contains("a symbolic link")).map(|line| format!("{line}\n")),
    );
    assert_transcript!(project, text);
}

/// One black pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0,
    0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63,
    0x60, 0, 0, 0, 2, 0, 1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
];

#[test]
fn entries_about_limits_that_cant_be_read_are_counted_by_the_doctor() {
    let project = killed();
    let connection = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
    connection
        .execute("INSERT INTO gate (at, subject, event) VALUES (7, 'cap a', '{\"event\":')", [])
        .unwrap();
    drop(connection);
    let told = project.good(&["doctor"]);
    let finding: Vec<_> = told.lines().skip_while(|line| !line.contains(" limits ")).take(2).collect();
    insta::assert_snapshot!(finding.join("\n"));
}

#[test]
fn a_run_to_its_end_and_an_interrupted_one_leave_nothing_in_the_log() {
    let project = Project::with("nap.yaml", NAP);
    let log = || fs::metadata(project.path().join(".motet/motet.db-wal")).map_or(0, |found| found.len());
    project.good(&["run", "nap.yaml", "--input", "duration=1s"]);
    assert_eq!(log(), 0);
    let mut owner = asleep(project.command(&["run", "nap.yaml"]));
    assert!(log() > 0);
    let pid = rustix::process::Pid::from_raw(owner.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(owner.wait().unwrap().code(), Some(130));
    assert_eq!(log(), 0);
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_log_whose_database_was_moved_away_is_told_and_the_advice_helps() {
    let project = killed();
    let store = project.path().join(".motet");
    fs::rename(store.join("motet.db"), project.path().join("motet.db")).unwrap();
    let told = told_by_all(&project);
    assert_eq!(told.matches("to start afresh, move the folder away").count(), READERS.len(), "{told}");
    assert_transcript!(project, told);
    // "put it back"
    fs::rename(project.path().join("motet.db"), store.join("motet.db")).unwrap();
    assert_eq!(project.good(&["runs", "--json"]).lines().count(), 2);
    // "to start afresh, move the folder away"
    fs::remove_file(store.join("motet.db")).unwrap();
    fs::rename(&store, project.path().join("away")).unwrap();
    project.good(&["run", "nap.yaml", "--input", "duration=1ms"]);
    assert_eq!(project.good(&["runs", "--json"]).lines().count(), 1);
}

/// Of a database that is damaged, the log and the mark belong to it: they are moved away together.
#[test]
fn the_advice_about_a_damaged_database_helps() {
    // With what says whose it is, and without.
    for (from, by) in [(100, 0x5a), (0, 0x5a), (0, 0)] {
        let project = killed();
        let store = project.path().join(".motet");
        let mut bytes = fs::read(store.join("motet.db")).unwrap();
        bytes[from..].fill(by);
        write(&store.join("motet.db"), &bytes);
        fs::remove_file(store.join("motet.db-wal")).unwrap();
        let told = told_by_all(&project);
        assert_eq!(told.matches("move the whole folder of the store away").count(), READERS.len(), "{told}");
        fs::rename(&store, project.path().join("away")).unwrap();
        project.good(&["run", "nap.yaml", "--input", "duration=1ms"]);
    }
}
