//! Plans that were kept by a newer, older or damaged version.

use std::sync::Arc;

use motet_engine::Graph;
use motet_pipeline::{Digest, Plan};
use serde_json::json;

use crate::scenario::pipeline;

const TEXT: &str = r#"
steps:
  first: { uses: task/work, with: { n: "{{ steps.wait.status }}" }, fallback: [{ uses: lab/first, with: { prompt: "{{ steps.group.x }}" } }] }
  wait: { uses: flow/sleep, with: { duration: 1s } }
  group:
    steps:
      a: { uses: task/work, with: { n: "{{ steps.wait.status }}" } }
      b: { needs: [a], uses: task/work }
    outputs: { x: "{{ steps.b.value }}" }
  part: { uses: ./part.yaml }
outputs: { first: "{{ steps.first.status }}" }
"#;

#[test]
fn whatever_letter_of_a_kept_plan_has_changed_it_is_refused_or_is_another_plan() {
    let part = "steps: { c: { uses: task/work }, d: { needs: [c], uses: task/work } }";
    let pin = pipeline(TEXT).file("part.yaml", part).plan().pin();
    let (mut linked, mut refused) = (0, 0);
    for at in (0..pin.len()).step_by(3) {
        for letter in ["", "7", "\"", "]", "x"] {
            let changed = format!("{}{letter}{}", &pin[..at], &pin[at + 1..]);
            match Plan::link(&changed, Digest::of(changed.as_bytes())) {
                Ok(plan) => {
                    Graph::new(Arc::new(plan));
                    linked += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(linked > 100 && refused > 100, "{linked} linked, {refused} refused");
}

#[test]
fn an_operation_of_the_engine_that_is_no_more_fails_as_unavailable_and_a_fallback_is_taken() {
    let text = r#"
on_failure: finish
steps:
  gone: { uses: flow/sleep, with: { duration: 1s } }
  other: { uses: flow/sleep, with: { duration: 1s }, fallback: [{ uses: data/transform, with: { value: 5 } }] }
"#;
    let mut scenario = pipeline(text).kept(|pin| pin.replace("flow/sleep", "flow/pause")).start();
    scenario.finds("other", "completed").finds("gone", "failed");
    assert_eq!(scenario.last("step_failed")["failure"]["class"], json!("unavailable"));
}
