//! Runs that are stopped from outside: interrupted, killed, left by their terminal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::Signal;

use crate::assert_transcript;
use crate::project::{Project, transcript};

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

fn send(running: &Child, signal: Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(running), signal).unwrap();
}

#[test]
fn an_interrupted_run_is_resumed_or_cancelled() {
    let project = Project::with("waiting.yaml", WAITING);
    let arguments = ["run", "waiting.yaml", "--id", "first"];
    let text = stopped(&project, &arguments, "nap", Signal::INT)
        + &stopped(&project, &["resume", "first"], "going on", Signal::TERM)
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
    let text = stopped(&project, &["run", "waiting.yaml"], "going on", Signal::INT);
    assert_transcript!(project, text);
}
