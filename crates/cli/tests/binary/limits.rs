//! Where a process may have few threads or open few files, it ends in words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::project::{Project, transcript};

/// Keeps a processor busy, waits, starts a program and copies a file.
const MIXED: &str = r#"motet: 1
name: mixed
steps:
  nap: { uses: flow/sleep, with: { duration: 10ms } }
  draw: { uses: local/scene, with: { prompt: a boat, width: 64, height: 64 } }
  clip: { uses: media/animate, with: { image: "{{ steps.draw.image }}", duration: 0.2 }, needs: [nap] }
outputs: { clip: "{{ steps.clip.video }}" }
"#;

const COMMANDS: [&[&str]; 5] =
    [&["check", "mixed.yaml"], &["run", "mixed.yaml"], &["show", "first"], &["doctor"], &["runs"]];

/// What `timeout` says of a command that had to be killed.
const KILLED: i32 = 137;

/// A project in which anybody may write and a run is over.
fn with_a_run() -> Project {
    let project = Project::with("mixed.yaml", MIXED);
    project.good(&["run", "mixed.yaml", "--id", "first"]);
    project
}

/// The binary below other commands, ended by force where it hangs.
fn below(project: &Project, outer: &[&str], arguments: &[&str]) -> Output {
    let mut command = project.command_of("timeout");
    command.args(["-s", "KILL", "100"]).args(outer);
    command.arg(project.command(&[]).get_program()).args(arguments).output().unwrap()
}

/// That it ended by itself, and in words that name the limit if that was met. Says whether it went well.
fn ended_in_words(limit: &str, arguments: &[&str], output: &Output) -> bool {
    let told = format!("{limit}: {}", transcript(arguments, output));
    assert!(!told.contains("panicked"), "{told}");
    match output.status.code() {
        Some(0) => return true,
        Some(KILLED) | None => panic!("it hung. {told}"),
        // The system itself had no file to load the program with.
        Some(127) => assert!(told.contains("error while loading shared libraries"), "{told}"),
        Some(1 | 2 | 6) => {
            let told = told.to_lowercase();
            // A program that was started met it as well, and says so in its own words.
            let words =
                ["(`ulimit -", "too many open files", "resource temporarily unavailable", "ffmpeg failed: "];
            assert!(words.iter().any(|words| told.contains(words)), "{told}");
        }
        Some(_) => panic!("{told}"),
    }
    false
}

#[test]
fn whoever_may_open_few_files_is_told_so_and_nothing_panics() {
    let project = with_a_run();
    let good = |files: u32| {
        let limit = format!("--nofile={files}");
        let is_good = |arguments: &&&[&str]| {
            let output = below(&project, &["prlimit", &limit], arguments);
            ended_in_words(&limit, arguments, &output)
        };
        COMMANDS.iter().filter(is_good).count()
    };
    assert_eq!((3..=32).map(good).fold(0, |_, last| last), COMMANDS.len(), "so many are enough");
}

#[test]
fn whoever_may_start_few_threads_is_told_so_and_nothing_hangs() {
    // Threads are counted for all processes of a user: one that has no others.
    let nobody_else = ["--reuid=64321", "--regid=64321", "--clear-groups"];
    let can = Command::new("setpriv").args(nobody_else).arg("true").status();
    if !can.is_ok_and(|status| status.success()) {
        return eprintln!("skipped: only root can be another user, with setpriv");
    }
    let good = |threads: usize| {
        let limit = format!("--nproc={threads}");
        let outer = [&["setpriv"][..], &nobody_else, &["prlimit", &limit]].concat();
        let is_good = |arguments: &&&[&str]| {
            // A store is for its owner alone.
            let project = Project::with("mixed.yaml", MIXED);
            fs::set_permissions(project.path(), fs::Permissions::from_mode(0o777)).unwrap();
            fs::set_permissions(project.state(), fs::Permissions::from_mode(0o777)).unwrap();
            ended_in_words(&limit, arguments, &below(&project, &outer, arguments))
        };
        COMMANDS[..2].iter().filter(is_good).count()
    };
    let most = std::thread::available_parallelism().map_or(1, usize::from) + 40;
    assert_eq!((1..=16).chain([most]).map(good).fold(0, |_, last| last), 2, "so many are enough");
}
