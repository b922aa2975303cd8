//! Runs that are stopped from outside: interrupted, killed, left by their terminal.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, test_kill_process};

use crate::assert_transcript;
use crate::project::{Project, stand_in_for_ffmpeg, transcript};

const WAITING: &str = r#"motet: 1
name: waiting
steps:
  first: { uses: data/transform, with: { value: 1 } }
  nap: { uses: flow/sleep, with: { duration: 1h }, needs: [first] }
"#;

/// Runs the binary until it has said `until`, sends it `signal`, and tells how it ended.
fn stopped(project: &Project, arguments: &[&str], until: &str, signal: Signal) -> String {
    let (mut running, mut lines, mut told) = begun(project.command(arguments), until);
    send(&running, signal);
    lines.read_to_string(&mut told).unwrap();
    let output =
        std::process::Output { status: running.wait().unwrap(), stdout: Vec::new(), stderr: told.into() };
    transcript(arguments, &output)
}

/// Starts a program and waits until it has said `until` to standard error.
fn begun(mut command: Command, until: &str) -> (Child, BufReader<ChildStderr>, String) {
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains(until) {
        assert!(lines.read_line(&mut told).unwrap() > 0, "it ended early: {told}");
    }
    (running, lines, told)
}

/// Starts a program, waits until `sign` is there, and sends it `signals` one after the other.
fn stopped_at(mut command: Command, sign: &Path, signals: &[Signal]) -> String {
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    while !sign.exists() {
        assert!(running.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    signals.iter().for_each(|signal| send(&running, *signal));
    let output = running.wait_with_output().unwrap();
    transcript(&[], &output)
}

fn send(running: &Child, signal: Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(running), signal).unwrap();
}

#[test]
fn an_interrupted_run_is_resumed_or_cancelled() {
    let project = Project::with("waiting.yaml", WAITING);
    let arguments = ["run", "waiting.yaml", "--id", "first"];
    let text = stopped(&project, &arguments, "nap", Signal::INT)
        + &stopped(&project, &["resume", "first"], "resumed", Signal::TERM)
        + &project.transcript(&["cancel", "first", "--reason", "no time"])
        + &project.transcript(&["cancel", "first"])
        + &project.transcript(&["resume"])
        + &project.transcript(&arguments);
    assert_transcript!(project, text);
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_terminal_stops_a_run_so_that_it_can_be_resumed() {
    let project = Project::with("waiting.yaml", WAITING);
    let text = stopped(&project, &["run", "waiting.yaml", "--id", "first"], "nap", Signal::HUP);
    assert!(text.contains("stopping: what is done is kept") && text.contains("motet resume first"), "{text}");
    assert!(text.ends_with("--- exit 130\n"), "{text}");
}

#[test]
fn a_run_started_with_nohup_outlives_its_terminal() {
    let project = Project::with("waiting.yaml", WAITING.replace("1h", "1s"));
    let mut deaf = Command::new("sh");
    deaf.args(["-c", r#"trap "" HUP; exec "$0" run waiting.yaml"#])
        .arg(project.command(&[]).get_program())
        .current_dir(project.path());
    let (mut running, mut lines, mut told) = begun(deaf, "nap");
    send(&running, Signal::HUP);
    lines.read_to_string(&mut told).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("completed"), "{told}");
}

#[test]
fn a_killed_run_is_found_by_the_same_file_and_inputs() {
    let project = Project::with("waiting.yaml", WAITING);
    stopped(&project, &["run", "waiting.yaml", "--id", "first"], "nap", Signal::KILL);
    let text = stopped(&project, &["run", "waiting.yaml"], "resumed", Signal::INT);
    assert_transcript!(project, text);
}

#[test]
fn a_signal_that_comes_while_the_store_is_opened_is_answered_in_words() {
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT] {
        let project = Project::with("waiting.yaml", WAITING);
        let arguments = ["run", "waiting.yaml", "--id", "first"];
        let text = stopped_at(project.command(&arguments), &project.path().join(".motet"), &[signal]);
        assert!(
            text.contains("interrupted") || text.contains("stopping") || text.contains("aborted"),
            "{text}"
        );
        assert!(text.ends_with("--- exit 130\n"), "{text}");
        let again = stopped(&project, &arguments, "first", Signal::INT);
        assert!(again.ends_with("--- exit 130\n"), "it can go on: {again}");
    }
}

/// From the moment on at which the process listens, which is the first thing that it does.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_comes_as_early_as_can_be_is_answered_in_words() {
    let project = Project::with("waiting.yaml", WAITING);
    let listens = |id: u32, signal: Signal| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
        u64::from_str_radix(caught, 16).unwrap() >> (signal.as_raw() - 1) & 1 == 1
    };
    let mut told = std::collections::BTreeSet::new();
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT].into_iter().cycle().take(30) {
        let mut command = project.command(&["run", "waiting.yaml", "--new"]);
        let running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while !listens(running.id(), signal) {
            std::hint::spin_loop();
        }
        send(&running, signal);
        let output = running.wait_with_output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{words}");
        assert!(["interrupted", "stopping", "aborted"].iter().any(|word| words.contains(word)), "{words}");
        told.insert(words);
    }
    assert!(told.contains("error: interrupted before anything began\n"), "{told:?}");
}

#[test]
fn an_interrupted_run_is_found_by_numbers_of_the_same_worth() {
    let inputs = "inputs: { n: { type: number }, ns: { type: array, items: { type: number } } }\nsteps:";
    let project = Project::with("waiting.yaml", WAITING.replace("steps:", inputs));
    let started = |n: &str, ns: &str, until: &str| {
        let (n, ns) = (format!("n={n}"), format!("ns={ns}"));
        stopped(&project, &["run", "waiting.yaml", "--input", &n, "--input", &ns], until, Signal::INT)
    };
    let runs = || project.good(&["runs", "--json"]).lines().count();
    started("2", "[1, 2.5]", "nap");
    started("2.0", "[1.0, 2.5]", "resumed");
    assert_eq!(runs(), 1);
    started("3", "[1, 2.5]", "nap");
    assert_eq!(runs(), 2);
}

#[test]
fn a_store_that_can_not_be_opened_yet_does_not_hold_up_an_interruption() {
    let project = Project::with("waiting.yaml", WAITING);
    let arguments = ["run", "waiting.yaml", "--id", "first"];
    stopped(&project, &arguments, "nap", Signal::INT);
    let database = project.path().join(".motet/motet.db");
    let locked = rusqlite::Connection::open(&database).unwrap();
    locked.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let mut running = project.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    // It waits for the database once it has opened it.
    let files = format!("/proc/{}/fd", running.id());
    let has_it_open = || {
        let files = fs::read_dir(&files).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file == database)
    };
    while !has_it_open() {
        assert!(running.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    send(&running, Signal::INT);
    let output = running.wait_with_output().unwrap();
    assert_transcript!(project, transcript(&arguments, &output));
    drop(locked);
    assert!(stopped(&project, &arguments, "resumed", Signal::INT).contains("resume first"));
}

const FILM: &str = "motet: 1\nname: film\nsteps:\n  still: { uses: local/scene, with: { prompt: the sea } }\n  \
                    quiet: { needs: [still], uses: media/silence, with: { duration: 1 } }\n";

/// A film of which ffmpeg works without end, has a child, and minds no signal.
fn endless_film() -> Project {
    let project = Project::with("film.yaml", FILM);
    let pids = project.path().join("pids");
    let script = "trap '' INT TERM HUP QUIT; sleep 1000 & echo \"$$ $!\" >PIDS.part; mv PIDS.part PIDS; wait";
    stand_in_for_ffmpeg(&project, &script.replace("PIDS", &pids.display().to_string()));
    project
}

/// Insists that the ffmpeg of an endless film and its child are gone, a moment after they were killed.
fn expect_nothing_left(project: &Project) {
    let pids = fs::read_to_string(project.path().join("pids")).unwrap();
    for pid in pids.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()) {
        let is_dead = || {
            let status = fs::read_to_string(format!("/proc/{pid}/stat", pid = pid.as_raw_nonzero()));
            status.map_or(true, |status| status.contains(") Z "))
        };
        while test_kill_process(pid).is_ok() && !is_dead() {
            std::thread::yield_now();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn however_a_film_is_stopped_its_programs_end_and_it_can_go_on() {
    let ways: [&[Signal]; 6] = [
        &[Signal::QUIT],
        &[Signal::INT],
        &[Signal::TERM],
        &[Signal::HUP],
        &[Signal::INT, Signal::INT],
        &[Signal::TERM, Signal::QUIT],
    ];
    for signals in ways {
        let project = endless_film();
        let command = project.command(&["run", "film.yaml", "--id", "first"]);
        let text = stopped_at(command, &project.path().join("pids"), signals);
        assert!(text.ends_with("--- exit 130\n"), "{signals:?}: {text}");
        assert!(text.contains("what is done is kept"), "{signals:?}: {text}");
        expect_nothing_left(&project);
        fs::remove_file(project.path().join("motet.toml")).unwrap();
        project.good(&["resume", "first"]);
        let shown = project.good(&["show", "first"]);
        assert!(shown.contains("completed"), "{signals:?}: {shown}");
    }
}

#[test]
fn ctrl_backslash_ends_a_film_at_once_in_words() {
    let project = endless_film();
    let command = project.command(&["run", "film.yaml", "--id", "first"]);
    assert_transcript!(project, stopped_at(command, &project.path().join("pids"), &[Signal::QUIT]));
}

const MANY: &str = r#"motet: 1
name: many
steps:
  each: { each: "{{ range(3000) | list }}", uses: data/transform, with: { value: "{{ item }}" } }
  nap: { uses: flow/sleep, with: { duration: 1h }, needs: [each] }
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_run_whose_output_nobody_reads_stops_when_asked_and_ends_when_asked_again() {
    let project = Project::with("many.yaml", MANY);
    let mut command = project.command(&["run", "many.yaml", "--id", "first", "--json"]);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let unread = running.stdout.take().unwrap();
    // The pipe is full once the last piece doesn't fit any more.
    while rustix::io::ioctl_fionread(&unread).unwrap() < 50_000 {
        assert!(running.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    let (mut lines, mut told) = (BufReader::new(running.stderr.take().unwrap()), String::new());
    send(&running, Signal::INT);
    lines.read_line(&mut told).unwrap();
    send(&running, Signal::INT);
    lines.read_to_string(&mut told).unwrap();
    let output =
        std::process::Output { status: running.wait().unwrap(), stdout: Vec::new(), stderr: told.into() };
    drop(unread);
    assert_transcript!(project, transcript(&["run", "many.yaml", "--id", "first", "--json"], &output));
    assert!(stopped(&project, &["resume", "first"], "resumed", Signal::INT).ends_with("--- exit 130\n"));
}

#[test]
fn a_run_that_was_stopped_is_listed_as_interrupted_with_what_resumes_it() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::KILL] {
        let project = Project::with("waiting.yaml", WAITING);
        stopped(&project, &["run", "waiting.yaml", "--id", "first"], "sleeps for", signal);
        let text = project.transcript(&["runs"]) + &project.transcript(&["show", "first"]);
        insta::allow_duplicates! { assert_transcript!(project, text); }
        for command in [&["runs", "--json"][..], &["show", "first", "--json"]] {
            let record: serde_json::Value = serde_json::from_str(&project.good(command)).unwrap();
            assert_eq!(record["interrupted"], true, "{record}");
        }
        stopped(&project, &["resume", "first"], "resumed", Signal::INT);
    }
}

#[test]
fn a_run_is_listed_as_running_for_as_long_as_a_process_drives_its_store() {
    let project = Project::with("waiting.yaml", WAITING);
    let (mut running, ..) = begun(project.command(&["run", "waiting.yaml", "--id", "first"]), "sleeps for");
    let told = project.good(&["runs"]);
    assert!(told.contains("running") && !told.contains("interrupted"), "{told}");
    let two = project.command(&["run", "waiting.yaml", "--id", "second", "--new"]);
    let (mut guest, ..) = begun(two, "sleeps for");
    running.kill().unwrap();
    running.wait().unwrap();
    guest.kill().unwrap();
    guest.wait().unwrap();
    let output = project.run(&["runs"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "2 runs are interrupted: motet resume\n");
}

#[test]
fn a_run_after_an_edit_names_the_interrupted_run_of_the_earlier_text_and_what_resumes_it() {
    let project = Project::with("waiting.yaml", WAITING);
    stopped(&project, &["run", "waiting.yaml", "--id", "first"], "sleeps for", Signal::INT);
    project.write("waiting.yaml", WAITING.replace("value: 1 ", "value: 2 "));
    let text = stopped(&project, &["run", "waiting.yaml", "--id", "second"], "sleeps for", Signal::INT)
        + &stopped(&project, &["run", "waiting.yaml", "--new", "--id", "third"], "sleeps for", Signal::INT)
        + &stopped(&project, &["run", "waiting.yaml"], "resumed", Signal::INT);
    assert_transcript!(project, text);
}

#[test]
fn the_newest_run_is_shown_if_none_is_named() {
    let project = Project::with("waiting.yaml", WAITING);
    let text = project.transcript(&["show"]);
    stopped(&project, &["run", "waiting.yaml", "--id", "first"], "sleeps for", Signal::INT);
    let named = project.good(&["show", "first"]);
    assert_eq!(project.good(&["show"]), named);
    stopped(&project, &["run", "waiting.yaml", "--new", "--id", "second"], "sleeps for", Signal::INT);
    assert_ne!(project.good(&["show"]), named);
    assert_transcript!(project, text);
}
