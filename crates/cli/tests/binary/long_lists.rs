//! Lists of which not every item has a line of its own.

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};

const MANY: &str = r#"motet: 1
name: many
inputs:
  list: { type: array, items: { type: integer } }
steps:
  item:
    each: "{{ inputs.list }}"
    quorum: 50%
    steps:
      good: { uses: data/transform, with: { value: "{{ item }}" } }
      bad:
        if: "{{ item == 7 or item == 230 }}"
        uses: flow/fail
        with: { message: "{{ item }} is not taken", class: content }
  last: { needs: [item], uses: data/transform, with: { value: done } }
outputs:
  count: "{{ steps.item.items | length }}"
"#;

/// A project in which a run of 300 items is over, two of which failed.
fn project_with_a_long_run() -> Project {
    let project = Project::with("many.yaml", MANY);
    let list: Vec<u32> = (0..300).collect();
    project.write("inputs.json", serde_json::json!({ "list": list }).to_string());
    project.good(&["run", "many.yaml", "--inputs", "inputs.json", "--id", "many"]);
    project
}

#[test]
fn items_are_counted_and_those_that_failed_are_named() {
    let project = project_with_a_long_run();
    assert_transcript!(project, project.transcript(&["show", "many"]));
}

#[test]
fn items_are_listed_where_somebody_asks_for_them() {
    let project = project_with_a_long_run();
    let failed = ["show", "many", "--items", "item", "--status", "failed"];
    let text = project.transcript(&failed)
        + &project.transcript(&[&failed[..], &["--json"]].concat())
        + &project.transcript(&["show", "many", "--items", "last"])
        + &project.transcript(&["show", "many", "--items", "itme"]);
    assert_transcript!(project, text);

    let all = project.good(&["show", "many", "--items", "item", "--json"]);
    assert_eq!(all.lines().count(), 300);
    assert!(all.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn every_event_and_every_bar_is_written_of_a_long_run_too() {
    let project = project_with_a_long_run();
    let journal = project.good(&["show", "many", "--journal", "--json"]);
    let (completed, end) = (journal.matches("\"step.completed\"").count(), journal.lines().last().unwrap());
    assert_eq!(completed, 300 + 298 + 2, "what is inside each item, the good ones, `item` and `last`");
    let end: serde_json::Value = serde_json::from_str(end).unwrap();
    assert_eq!((end["event"].as_str(), end["errors_left_out"].as_u64()), (Some("run.completed"), None));
    assert_eq!((end["steps"]["item"]["items"]["completed"].as_u64()), Some(298));
    assert_eq!((end["errors"].as_array().map(Vec::len)), Some(4), "each item fails with its step");
    let bars = project.good(&["show", "many", "--timeline"]);
    assert_eq!(bars.lines().filter(|line| line.contains("item[")).count(), 300 + 300 + 2);
}

/// A journal is read some turns at a time. The programs of this machine are of no interest here, and take
/// more memory.
#[test]
#[cfg(target_os = "linux")]
fn a_long_run_is_looked_at_by_the_doctor_in_little_memory() {
    const MEMORY_KB: u32 = 110_000;
    let project = Project::with(
        "many.yaml",
        "motet: 1\nname: many\nsteps:\n  item: { each: \"{{ range(1500) | list }}\", uses: data/transform, \
         with: { value: \"{{ 'x' * 30000 ~ item }}\" } }\n",
    );
    project.good(&["run", "many.yaml", "--no-out"]);
    let script = format!("ulimit -v {MEMORY_KB}; PATH=/nowhere exec \"$0\" doctor");
    let mut shell = project.command_of("sh");
    let output = shell.args(["-c", &script]).arg(project.command(&[]).get_program()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("✓ store      .motet: 1 run"), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

/// 4 MB of JSON, in pieces of 14 bytes, held against a schema.
#[test]
#[cfg(target_os = "linux")]
fn a_long_list_of_small_objects_is_taken_in_without_copies_of_it() {
    const MEMORY_KB: u64 = 170 * 1024;
    let project = Project::with(
        "big.yaml",
        r#"motet: 1
name: big
inputs: { list: { type: array, minItems: 1, items: { type: object, properties: { a: { type: integer, minimum: 0 } } } } }
steps:
  count: { uses: data/transform, with: { value: "{{ inputs.list | length }}" } }
  nap: { needs: [count], uses: flow/sleep, with: { duration: 1h } }
"#,
    );
    let list: Vec<_> = (0..300_000).map(|number| serde_json::json!({ "a": 1_000_000 + number })).collect();
    project.write("big.json", serde_json::json!({ "list": list }).to_string());
    let running = asleep(project.command(&["run", "big.yaml", "--inputs", "big.json"]));
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    kill(running);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MEMORY_KB, "{} MiB", peak / 1024);
}
