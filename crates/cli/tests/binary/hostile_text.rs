//! Text from outside never commands the terminal: whatever files, inputs, names, labels, programs and
//! stores say, every command shows it and obeys none of it.

use std::process::Output;

use crate::assert_transcript;
use crate::project::{Project, stand_in_for_ffmpeg, transcript};

/// Clears the screen, retitles the window, colours, turns around, separates, hides, goes back.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{2029}\
                       \u{200b}\u{feff}\u{e0041}\u{7f}\r\u{8}";

/// What Motet itself may write to a terminal beside text: colours.
const COLOURS: [&str; 12] = ["", "0", "1", "2", "31", "32", "33", "36", "91", "93", "94", "96"];

/// Runs the binary and insists that nothing in its output commands a terminal or hides.
fn harmless(project: &Project, arguments: &[&str]) -> Output {
    let output = project.run(arguments);
    for stream in [&output.stdout, &output.stderr] {
        let mut text = std::str::from_utf8(stream).expect("all output is UTF-8").to_owned();
        for colour in COLOURS {
            text = text.replace(&format!("\u{1b}[{colour}m"), "");
        }
        let raw = |c: &char| (c.is_control() && *c != '\n') || (!c.is_ascii() && HOSTILE.contains(*c));
        let found = text.chars().find(raw);
        assert!(found.is_none(), "{arguments:?} writes {found:?} raw:\n{text:?}");
    }
    output
}

/// `text` as a YAML scalar.
fn quoted(text: &str) -> String {
    let written = text.chars().map(|c| match c {
        ' '..='~' if c != '"' && c != '\\' => c.to_string(),
        _ => format!("\\U{:08x}", u32::from(c)),
    });
    format!("\"{}\"", written.collect::<String>())
}

fn pipeline() -> String {
    let text = quoted(HOSTILE);
    let failing = quoted(&format!("it said {HOSTILE}"));
    format!(
        r#"motet: 1
name: hostile
description: {text}
inputs:
  media: {{ type: video, default: null }}
  words: {{ type: string, default: {text} }}
  numbers: {{ type: object, default: {{ {text}: 1 }} }}
steps:
  scene: {{ uses: local/scene, with: {{ prompt: "{{{{ inputs.words }}}}" }} }}
  said: {{ uses: data/transform, description: {text}, with: {{ value: "{{{{ inputs.words }}}}" }} }}
  each: {{ each: ["{{{{ inputs.words }}}}", b], key: "{{{{ item }}}}", uses: data/transform, with: {{ value: "{{{{ item }}}}" }} }}
  skipped: {{ if: "{{{{ false }}}}", uses: data/transform, with: {{ value: {text} }} }}
  tolerated: {{ uses: flow/fail, optional: true, with: {{ message: {failing}, class: unavailable }}, retry: {{ attempts: 2, backoff: 1ms }} }}
  quiet: {{ needs: [scene, said], uses: media/silence, with: {{ duration: 1 }}, fallback: [{{ uses: flow/fail, with: {{ message: {failing}, class: content }}, on: any }}] }}
outputs:
  words: "{{{{ steps.said.value }}}}"
  all: "{{{{ steps.each.by_key }}}}"
"#
    )
}

/// A project in which all that can be named or said from outside is hostile, with one run.
fn hostile_project() -> (Project, String) {
    let file = format!("film{HOSTILE}.yaml");
    let project = Project::with(&file, pipeline());
    let said = HOSTILE.as_bytes().iter().map(|byte| format!("\\{byte:03o}")).collect::<String>();
    // The last ones are the raw bytes of control characters, as programs that aren't UTF-8 write them.
    stand_in_for_ffmpeg(&project, &format!("printf '{said}\\233\\205\\n' >&2; exit 1"));
    let (user, words, label) = (HOSTILE, format!("words={HOSTILE}"), format!("{HOSTILE}={HOSTILE}"));
    let options = ["--id", "first", "--user", user, "--input", &words, "--label", &label];
    let output = harmless(&project, &[&["run", &file], options.as_slice()].concat());
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&["run"], &output));
    (project, file)
}

#[test]
fn every_command_shows_hostile_text_and_obeys_none_of_it() {
    let (project, file) = hostile_project();
    let faulty = format!("faulty{HOSTILE}.yaml");
    project.write(&faulty, format!("motet: 1\nname: x # {HOSTILE}\nsteps: {{ a: {{ uses: {HOSTILE} }} }}\n"));
    let media = format!("media=@{HOSTILE}.mp4");
    project.write(&format!("{HOSTILE}.mp4"), HOSTILE);
    let unknown = format!("{HOSTILE}=1");
    let store = format!("store{HOSTILE}");
    let folder = format!("folder{HOSTILE}");
    let commands: &[&[&str]] = &[
        &["check", &file, &faulty],
        &["check", &file, &faulty, "--json"],
        &["check", &faulty, "--color", "always"],
        &["check", "--explain", HOSTILE],
        &["check", HOSTILE],
        &["plan", &file],
        &["plan", &file, "--json"],
        &["plan", &file, "--mermaid"],
        &["lock", &file],
        &["lock", HOSTILE],
        &["run", &file, "--new"],
        &["run", &file, "--new", "--json"],
        &["run", &file, "--new", "--color", "always"],
        &["run", &file, "--id", HOSTILE],
        &["run", &file, "--input", &media],
        &["run", &file, "--input", &unknown],
        &["run", &file, "--inputs", HOSTILE],
        &["run", &file, "--store", &store, "--out", &folder, "--user", HOSTILE, "--id", "second"],
        &["run", HOSTILE],
        &["resume", "first"],
        &["resume", HOSTILE],
        &["runs"],
        &["runs", "--json"],
        &["runs", "--color", "always"],
        &["runs", "--store", &store],
        &["runs", "--store", &folder],
        &["runs", "--status", HOSTILE],
        &["runs", "--limit", HOSTILE],
        &["show", "first"],
        &["show", "first", "--color", "always"],
        &["show", "first", "--json"],
        &["show", "first", "--journal"],
        &["show", "first", "--journal", "--json"],
        &["show", "first", "--timeline"],
        &["show", "first", "--step", "said"],
        &["show", "first", "--step", "said", "--json"],
        &["show", "first", "--step", "quiet"],
        &["show", "first", "--step", HOSTILE],
        &["show", HOSTILE],
        &["cancel", "first"],
        &["cancel", HOSTILE],
        &["artifacts", "first"],
        &["artifacts", "second", "--store", &store],
        &["artifacts", "second", "--store", &store, "--json"],
        &["artifacts", HOSTILE],
        &["doctor"],
        &["doctor", "--store", &store],
        &["doctor", "--store", &store, "--json"],
        &["init", &folder],
        &["completions", HOSTILE],
        &["schema", HOSTILE],
        &[HOSTILE],
    ];
    let mut silent = Vec::new();
    for arguments in commands {
        let output = harmless(&project, arguments);
        if !transcript(&[], &output).contains("\\u202e") {
            silent.push(arguments.join(" ").replace(HOSTILE, "…"));
        }
    }
    assert_eq!(
        silent.join(", "),
        "plan film….yaml --mermaid, cancel first, artifacts first, doctor",
        "only these have nothing of it to show"
    );
}

#[test]
fn a_store_full_of_hostile_text_is_looked_at_without_harm() {
    let (project, _) = hostile_project();
    let store = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
    store.execute("UPDATE runs SET pipeline = ?1", [HOSTILE]).unwrap();
    drop(store);
    for arguments in [&["runs"][..], &["runs", "--json"], &["show", "first"], &["doctor"]] {
        harmless(&project, arguments);
    }
}

#[test]
fn a_lock_file_full_of_hostile_text_is_told_without_harm() {
    let project =
        Project::with("one.yaml", "motet: 1\nsteps: { x: { uses: data/transform, with: { value: 1 } } }\n");
    let hostile = r#""\u001b[2J\u009b31m\u202e""#;
    let lock = format!(
        "motet_lock = 1\n[pipelines.{hostile}]\n[pipelines.\"one.yaml\".{hostile}]\ncontract = 1\n\
         [pipelines.\"one.yaml\".\"data/transform\"]\ncontract = 1\nversion = {hostile}\nprice.{hostile} = {hostile}\n"
    );
    project.write("motet.lock", &lock);
    for arguments in
        [&["check"][..], &["check", "--json"], &["plan"], &["run"], &["lock"], &["lock", "--update"]]
    {
        let (command, flags) = arguments.split_first().unwrap();
        let words: Vec<&str> = [*command, "one.yaml"].iter().chain(flags).copied().collect();
        let told = transcript(&words, &harmless(&project, &words));
        assert!(told.contains("\\u202e"), "{told}");
    }
    project.write("motet.lock", format!("motet_lock = 1\n{hostile} = 1\n"));
    assert!(transcript(&[], &harmless(&project, &["check", "one.yaml"])).contains("can't be read"));
}

#[test]
fn what_is_hostile_is_written_out_as_json_writes_it() {
    let file = "fi\u{1b}[2Jlm.yaml";
    let project =
        Project::with(file, "motet: 1\nname: film\nsteps:\n  a: { uses: me\u{202e}dia/merge } # \u{9b}31m\n");
    project.write("good\u{200b}.yaml", "motet: 1\nname: good\nsteps:\n  a: { uses: data/transform, with: { value: \"a\\u202Eb\" } }\noutputs: { text: \"{{ steps.a.value }}\" }\n");
    let text = project.transcript(&["check", file])
        + &project.transcript(&["run", "good\u{200b}.yaml", "--id", "first"])
        + &project.transcript(&["show", "first", "--step", "a", "--json"])
        + &project.transcript(&["show", "fi\u{9b}rst"])
        + &project.transcript(&["runs", "--status", "\u{1b}[31m"]);
    // The commands stand in the transcript as they were typed.
    let text =
        text.replace("$ motet check fi\u{1b}", "$ motet check fi^[").replace("show fi\u{9b}", "show fi^[");
    assert_transcript!(project, text.replace("--status \u{1b}", "--status ^["));
}
