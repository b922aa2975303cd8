//! Two processes write identical bytes: nothing depends on an address, a clock or the order of a hash.

#![expect(clippy::disallowed_types, reason = "the test is about processes")]

use std::process::Command;

use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::pipeline;

/// Where a child of this test writes what its run came to.
const REPORT: &str = "MOTET_TEST_REPORT";

/// The journal and the state of a run with most of what there is in it.
fn scripted() -> String {
    let mut story = pipeline(
        r#"
        inputs: { list: { type: array }, more: { type: object } }
        timeout: 2h
        steps:
          fan:
            each: "{{ inputs.list }}"
            key: "{{ item }}"
            quorum: 50%
            steps:
              still: { uses: lab/first, with: { prompt: "{{ item }}" }, fallback: [{ uses: lab/second, on: any }] }
              clip: { uses: media/work, with: { x: "{{ steps.still.text }}", all: "{{ inputs.more }}" } }
            outputs: { clip: "{{ steps.clip.value }}" }
          voice: { uses: task/work, optional: true, retry: { on: [unavailable], attempts: 3, backoff: 10s } }
          film: { uses: task/work, with: { x: ["{{ steps.fan.by_key }}", "{{ steps.voice.value }}"] } }
        outputs: { film: "{{ steps.film.value }}", failed: "{{ steps.fan.failed }}" }
        "#,
    )
    .inputs(json!({"list": ["b", "a", "c"], "more": {"z": 1.5, "y": [null, true], "x": {"q": "é"}}}))
    .start();
    story.fails("voice", Class::Unavailable).fails("fan[a]/still", Class::Content).advances("10s");
    for item in ["a", "b", "c"] {
        story.comes_to(&format!("fan[{item}]/still"), crate::scenario::outputs(json!({"text": item})));
    }
    story.grants("fan[b]/clip").fails("fan[b]/clip", Class::TooLarge);
    story.rests("1h").fails("voice", Class::Gone);
    for item in ["a", "c"] {
        story.grants(&format!("fan[{item}]/clip")).ends(&format!("fan[{item}]/clip"), json!({"of": item}));
    }
    let middle = story.run.parts();
    story.ends("film", json!("done"));
    assert_eq!(story.run.status().word(), "completed");
    let parts = |parts: std::collections::BTreeMap<String, Vec<u8>>| {
        parts
            .into_iter()
            .map(|(name, bytes)| format!("{name} {}\n", String::from_utf8(bytes).unwrap()))
            .collect::<String>()
    };
    let journal: String =
        story.journal.iter().map(|turn| serde_json::to_string(turn).unwrap() + "\n").collect();
    format!("{journal}{}{}", parts(middle), parts(story.run.parts()))
}

#[test]
fn two_processes_write_identical_bytes() {
    if let Some(report) = std::env::var_os(REPORT) {
        return std::fs::write(report, scripted()).expect("the report can be written");
    }
    let told = |child: usize| {
        let report = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("report-{}-{child}", std::process::id()));
        let test = std::env::current_exe().expect("a test knows its program");
        let mut command = Command::new(test);
        command.args(["--exact", "two_processes::two_processes_write_identical_bytes"]).env(REPORT, &report);
        let output = command.output().expect("the test program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let told = std::fs::read_to_string(&report).expect("the child wrote its report");
        std::fs::remove_file(&report).expect("the report can be removed");
        told
    };
    let (one, two, here) = (told(1), told(2), scripted());
    assert!(one == two && one == here, "two processes differ");
    assert!(one.lines().count() > 30);
}
