//! `motet store backup`: a copy of the store, made while it is in use.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

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

#[test]
fn a_backup_to_what_is_no_place_for_one_is_refused_in_words() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    project.good(&["run", "one.yaml"]);
    let mut told = String::new();
    for place in [".motet/inner", ".motet", ":memory:", "one.yaml", "/dev/null"] {
        told += &project.transcript(&["store", "backup", place]);
    }
    assert_transcript!(project, told);
    assert!(!project.path().join(":memory:").exists());
}

#[test]
fn the_hint_of_a_copy_works_whatever_its_folder_is_called() {
    let project = Project::with("picture.yaml", PICTURE.replace("1h", "1ms"));
    project.good(&["run", "picture.yaml"]);
    for folder in ["./:memory:", "it's a copy", "-copy"] {
        let output = project.run(&["store", "backup", "--", folder]);
        let told = String::from_utf8(output.stderr).unwrap();
        let hint = told.lines().last().unwrap().trim();
        let script = format!("motet() {{ \"$BINARY\" \"$@\"; }}; {hint}");
        let binary = project.command(&[]).get_program().to_owned();
        let listed = project.command_of("sh").args(["-c", &script]).env("BINARY", binary).output().unwrap();
        assert!(String::from_utf8_lossy(&listed.stdout).contains("picture"), "{hint}: {listed:?}");
    }
}

#[test]
fn a_limit_of_file_size_and_of_open_files_is_told_as_such() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\ninputs: { text: { type: string } }\nsteps:\n  x: { uses: data/transform, with: { value: \"{{ inputs.text }}\" } }\n",
    );
    project.write("text.txt", "a long text ".repeat(40_000));
    project.good(&["run", "one.yaml", "-i", "text=@text.txt"]);
    let limited = |limit: &str, arguments: &[&str]| {
        let binary = project.command(&[]).get_program().to_owned();
        let mut shell = project.command_of("sh");
        shell.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")]).arg(binary).args(arguments);
        crate::project::transcript(arguments, &shell.output().unwrap())
    };
    let told =
        limited("-f 200", &["store", "backup", "copy"]) + &limited("-f 40", &["store", "backup", "copy"]);
    assert_eq!(told.matches("reached the limit of file size (`ulimit -f`)").count(), 2, "{told}");
    assert!(!told.contains("disk is full") && !project.path().join("copy").exists(), "{told}");
    let speech = "This is a long sentence, spoken at length. ".repeat(20);
    project.write(
        "speech.yaml",
        format!(
            "motet: 1\nname: speech\nsteps:\n  say: {{ uses: local/speak, with: {{ text: \"{speech}\" }} }}\n"
        ),
    );
    let told = limited("-f 800", &["run", "speech.yaml", "--store", "spoken"]);
    assert!(
        told.contains("reached the limit of file size that this program was started with (`ulimit -f`)"),
        "{told}"
    );
    let mut too_many = 0;
    for number in 8..16 {
        let store = format!("fresh-{number}");
        let told = limited(&format!("-n {number}"), &["run", "one.yaml", "-i", "text=x", "--store", &store]);
        assert!(!told.contains("not empty"), "{number}: {told}");
        too_many += usize::from(told.contains("Too many open files"));
    }
    assert!(too_many > 0, "one of the limits is too low");
}

const KEPT: &str = r#"motet: 1
name: kept
inputs: { file: file }
steps: { kept: { uses: data/transform, with: { value: "{{ inputs.file }}" } } }
outputs: { file: "{{ steps.kept.value }}" }
"#;

/// A store with an artifact that takes a while to be copied.
fn with_a_large_artifact() -> Project {
    let project = Project::with("kept.yaml", KEPT);
    let file = fs::File::create(project.path().join("large.bin")).unwrap();
    file.set_len(40_000_000).unwrap();
    project.good(&["run", "kept.yaml", "-i", "file=@large.bin", "--no-out"]);
    project
}

/// Begins to copy the store, and sends a signal once an artifact is being copied.
fn stopped_within_an_artifact(project: &Project, signal: Signal) -> Output {
    let mut command = project.command(&["store", "backup", "copy"]);
    let mut copying = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_there = || {
        let names = fs::read_dir(project.path().join("copy/artifacts")).into_iter().flatten().flatten();
        names.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("incoming-"))
    };
    while !is_there() {
        assert!(copying.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&copying), signal).unwrap();
    copying.wait_with_output().unwrap()
}

#[test]
fn a_backup_that_is_killed_while_it_copies_an_artifact_is_taken_over_by_the_next() {
    let project = with_a_large_artifact();
    let output = stopped_within_an_artifact(&project, Signal::KILL);
    assert_eq!(output.status.signal(), Some(9));
    assert!(project.path().join("copy/motet.db.part").exists());
    project.good(&["store", "backup", "copy"]);
    let doctor = project.good(&["doctor", "--store", "copy"]);
    assert!(doctor.contains("✓ store      copy: 1 run, 1 artifact"), "{doctor}");
}

#[test]
fn an_interrupted_backup_leaves_nothing_and_says_so() {
    let project = with_a_large_artifact();
    let mut told = String::new();
    for signal in [Signal::INT, Signal::TERM] {
        let output = stopped_within_an_artifact(&project, signal);
        assert!(!project.path().join("copy").exists());
        told += &crate::project::transcript(&["store", "backup", "copy"], &output);
    }
    assert_transcript!(project, told);
}
