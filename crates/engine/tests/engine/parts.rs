//! State in parts: whole, canonical, and small where little happened.

use std::collections::BTreeMap;

use motet_engine::event::SCHEMA;
use motet_engine::{Graph, Misuse, Run};
use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::{Scenario, Watch, key, ok, pipeline, start};

fn again(story: &Scenario) -> Run {
    Run::from_parts(story.run.graph().clone(), &story.run.parts()).expect("the parts of a run can be read")
}

#[test]
fn the_parts_of_a_run_that_has_everything() {
    let mut story = pipeline(
        r#"
        inputs: { list: { type: array } }
        timeout: 1h
        steps:
          fan:
            each: "{{ inputs.list }}"
            key: "{{ item }}"
            quorum: any
            steps:
              a: { uses: task/work }
              b: { uses: lab/first, with: { prompt: "{{ steps.a.value }}" } }
            outputs: { text: "{{ steps.b.text }}" }
          late: { uses: task/work, timeout: 10s, retry: { on: [timeout], backoff: 1m, jitter: false } }
          slot: { uses: media/work, timeout: { total: 50m } }
        "#,
    )
    .inputs(json!({"list": ["x", "y/z"]}))
    .start();
    story.advances("10s").fails("fan[x]/a", Class::Content).ends("fan[y%2Fz]/a", json!("A"));
    let shown: BTreeMap<String, serde_json::Value> = story
        .run
        .parts()
        .into_iter()
        .map(|(name, bytes)| (name, serde_json::from_slice(&bytes).expect("a part is JSON")))
        .collect();
    insta::assert_json_snapshot!(shown);
}

#[test]
fn a_run_goes_on_from_its_parts() {
    let mut story = start(
        r#"
        steps:
          fan: { each: [1, 2], quorum: any, uses: task/work }
          after: { uses: task/work, with: { n: "{{ steps.fan.items[0].value }}" } }
        "#,
    );
    story.fails("fan[0]", Class::Gone).ends("fan[1]", json!("B"));
    story.run = again(&story);
    assert_eq!(story.inputs_of("after"), json!({"n": "B"}));
    story.ends("after", json!(1)).gives(json!({}));
    assert!(again(&story).degraded());
    assert_eq!(again(&story).status(), story.run.status());
}

#[test]
fn parts_that_are_not_of_this_plan_or_not_whole_are_refused() {
    let story = start("steps: { a: { uses: task/work }, fan: { each: [1, 2], uses: task/work } }");
    let graph = story.run.graph().clone();
    let parts = story.run.parts();
    for name in parts.keys() {
        let mut less = parts.clone();
        less.remove(name);
        assert!(Run::from_parts(graph.clone(), &less).is_err(), "without {name}");
        less.insert(name.clone(), b"{\"half\":".to_vec());
        let error = Run::from_parts(graph.clone(), &less).unwrap_err();
        assert!(matches!(&error, Misuse::Part { part, .. } if part == name), "{error}");
    }
    let other = Graph::new(pipeline("steps: { a: { uses: media/work } }").plan().into());
    assert_eq!(Run::from_parts(other, &parts).unwrap_err(), Misuse::OtherPlan);
    let newer = |schema: u32| format!("\"schema\":{schema}");
    let run = String::from_utf8(parts["run"].clone()).unwrap();
    let newer = run.replace(&newer(SCHEMA), &newer(SCHEMA + 1));
    let newer: BTreeMap<_, _> =
        parts.clone().into_iter().chain([("run".to_owned(), newer.into_bytes())]).collect();
    assert_eq!(
        Run::from_parts(graph, &newer).unwrap_err(),
        Misuse::Newer { found: SCHEMA + 1, supported: SCHEMA }
    );
}

/// The names and bytes of the parts that the last turn changed.
fn changed_by(story: &mut Scenario, act: impl FnOnce(&mut Scenario)) -> (Vec<String>, usize) {
    let before = story.run.parts();
    act(story);
    let after = story.run.parts();
    let changed = after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes));
    let (names, sizes): (Vec<_>, Vec<_>) = changed.map(|(name, bytes)| (name.clone(), bytes.len())).unzip();
    (names, sizes.into_iter().sum())
}

#[test]
fn the_bytes_of_a_turn_do_not_grow_with_the_pipeline() {
    let bytes = [10, 1000].map(|count| {
        let steps: Vec<_> = (0..count).map(|n| format!("  s{n:04}: {{ uses: task/work }}\n")).collect();
        let after = "  then: { uses: task/work, with: { x: \"{{ steps.s0003.value }}\" } }\n";
        let text = format!("steps:\n{}{after}", steps.concat());
        let mut story = pipeline(&text).start_watched(Watch::Not);
        let (names, bytes) =
            changed_by(&mut story, |story| _ = story.ends_as(key("s0003", 1), ok(json!("done"))));
        assert_eq!(names, ["run", "step:s0003", "step:then"]);
        bytes
    });
    assert!(bytes[0] < 2_000, "{bytes:?}");
    // Numbers get a few digits longer.
    assert!(bytes[1] < bytes[0] + 50, "{bytes:?}");
}

#[test]
fn the_bytes_of_a_turn_do_not_grow_with_the_list() {
    let bytes = [10, 1000].map(|count| {
        let text = "
        inputs: { list: { type: array } }
        steps: { fan: { each: \"{{ inputs.list }}\", key: \"k{{ item }}\", uses: task/work, with: { x: \"{{ item }}\" } } }
        ";
        let list: Vec<_> = (1000..1000 + count).collect();
        let mut story = pipeline(text).inputs(json!({"list": list})).start_watched(Watch::Not);
        let (names, bytes) = changed_by(&mut story, |story| _ = story.ends_as(key("fan[k1003]", 1), ok(json!("done"))));
        assert_eq!(names, ["run", "step:fan", "step:fan[k1003]"]);
        bytes
    });
    assert!(bytes[0] < 2_000, "{bytes:?}");
    assert!(bytes[1] < bytes[0] + 50, "{bytes:?}");
}
