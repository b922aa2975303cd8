//! What went wrong elsewhere, each by its number in the list of regressions and its public thread.

use motet_engine::{AttemptEnd, Input};
use motet_pipeline::Class;
use motet_pipeline::{Cost, Failure};
use serde_json::{Value as Json, json};

use crate::scenario::{DAWN, Scenario, ok, pipeline, span, start};

#[test]
fn regression_01_langgraph_6320_a_fast_branch_is_not_delayed_by_a_slow_sibling() {
    let mut story = start(
        r#"
        steps:
          slow: { uses: task/work }
          fast: { uses: task/work }
          after_fast: { uses: task/work, with: { x: "{{ steps.fast.value }}" } }
        "#,
    );
    story.ends("fast", json!(1)).works_on(["after_fast#1", "slow#1"]);
}

#[test]
fn regression_02_langgraph_8277_a_handled_error_does_not_fail_siblings() {
    let mut story = start(
        "
        steps:
          sibling: { uses: task/work }
          tolerated: { uses: task/work, optional: true }
          replaced: { uses: task/work, fallback: [{ uses: data/transform, with: { value: 1 } }] }
        ",
    );
    story.fails("tolerated", Class::Content).fails("replaced", Class::Quota).works_on(["sibling#1"]);
    story.ends("sibling", json!(1)).gives(json!({}));
}

#[test]
fn regression_03_langgraph_7361_from_a_step_on_it_and_what_follows_are_done_and_nothing_before() {
    const CHAIN: &str = "
        steps:
          a: { uses: task/work }
          b: { uses: task/work, with: { x: \"{{ steps.a.value }}\" } }
          c: { uses: task/work, with: { x: \"{{ steps.b.value }}\" } }
          beside: { uses: task/work }
        ";
    let mut before = start(CHAIN);
    before.ends("a", json!(1)).ends("beside", json!(9)).ends("b", json!(2)).ends("c", json!(3));
    let mut story = pipeline(CHAIN).after(&before, &["b"], &[]).start();
    story.works_on(["b#1"]).ends("b", json!(2)).works_on(["c#1"]).ends("c", json!(4)).gives(json!({}));
}

#[test]
fn regression_04_kestra_15082_replay_while_a_sibling_was_running_terminates() {
    let mut story = start(
        "steps: { a: { uses: task/work }, b: { uses: task/work }, c: { uses: task/work, needs: [a, b] } }",
    );
    story.ends("a", json!(1)).crashes().works_on(["b#1"]).rests("1m").ends("b", json!(1)).crashes();
    story.works_on(["c#1"]).ends("c", json!(1)).gives(json!({}));
}

#[test]
fn regression_05_kestra_18404_after_an_edit_the_outputs_of_unchanged_steps_are_kept() {
    const TWO: &str =
        "steps: { a: { uses: task/work, with: { x: 1 } }, b: { uses: task/work, with: { x: 2 } } }";
    let mut before = start(TWO);
    before.ends("a", json!("A")).fails("b", Class::Invalid);
    let edited = "
        steps: { b: { uses: task/work, with: { x: 3 } }, a: { uses: task/work, with: { x: 1 } } }
        outputs: { a: \"{{ steps.a.value }}\", b: \"{{ steps.b.value }}\" }";
    let mut story = pipeline(edited).after(&before, &[], &[]).start();
    story.works_on(["b#1"]).ends("b", json!("B")).gives(json!({"a": "A", "b": "B"}));
}

#[test]
fn regression_06_kestra_15945_dagster_20925_a_map_that_is_taken_up_keeps_what_succeeded_and_runs_the_rest() {
    let mut story = start(
        "
        steps:
          map: { each: [1, 2, 3], max_parallel: 1, uses: task/work, retry: { on: [unavailable], backoff: 1s, jitter: false } }
        outputs: { items: \"{{ steps.map.items }}\" }
        ",
    );
    story.ends("map[0]", json!("A")).fails("map[1]", Class::Unavailable).crashes().works_on([]);
    story.advances("1s").works_on(["map[1]#2"]).ends("map[1]", json!("B")).crashes();
    story.works_on(["map[2]#1"]).ends("map[2]", json!("C"));
    story.gives(json!({"items": [{"value": "A"}, {"value": "B"}, {"value": "C"}]}));
}

#[test]
fn regression_07_dagster_4364_a_map_of_maps() {
    let mut story = start(
        r#"
        steps:
          outer:
            each: [[1, 2], []]
            as: row
            steps: { inner: { each: "{{ row }}", uses: task/work } }
            outputs: { cells: "{{ steps.inner.items }}" }
        outputs: { rows: "{{ steps.outer.items }}" }
        "#,
    );
    story.ends("outer[0]/inner[1]", json!(2)).ends("outer[0]/inner[0]", json!(1));
    story.gives(json!({"rows": [{"cells": [{"value": 1}, {"value": 2}]}, {"cells": []}]}));
}

#[test]
fn regression_08_dagster_31035_item_chains_stream_through_their_stages() {
    let mut story = start(
        r#"
        steps:
          chain:
            each: [1, 2]
            steps:
              one: { uses: task/work }
              two: { uses: task/work, needs: one }
              three: { uses: task/work, needs: two }
        "#,
    );
    story.ends("chain[0]/one", json!(1)).ends("chain[0]/two", json!(1));
    story.works_on(["chain[0]/three#1", "chain[1]/one#1"]);
}

#[test]
fn regression_11_mastra_20225_what_ended_inside_wins_over_a_group_that_looked_running() {
    let mut story = start("steps: { group: { steps: { a: { uses: task/work }, b: { uses: task/work } } } }");
    story.ends("group/a", json!(1)).crashes().finds("group/a", "completed").finds("group", "running");
    story.ends("group/b", json!(1)).crashes().finds("group", "completed").gives(json!({}));
}

#[test]
fn regression_12_mastra_24581_max_parallel_survives_a_restart() {
    let mut story = start("steps: { map: { each: [1, 2, 3, 4], max_parallel: 2, uses: task/work } }");
    story.ends("map[0]", json!(1)).crashes().works_on(["map[1]#1", "map[2]#1"]);
    story.ends("map[1]", json!(1)).works_on(["map[2]#1", "map[3]#1"]);
}

/// Plays a film from start to end; the process dies after the turns that `dies_after` names.
fn film(dies_after: impl Fn(usize) -> bool) -> (Json, Vec<String>) {
    let mut story = start(
        r#"
        steps:
          image: { uses: task/work, retry: { on: [unavailable], backoff: 10s } }
          shots: { each: [a, b], uses: task/work, with: { x: "{{ steps.image.value }}{{ item }}" } }
          sound: { uses: media/work, optional: true, timeout: 30s, fallback: [{ uses: task/work }] }
          merge: { uses: task/work, with: { x: ["{{ steps.shots.items }}", "{{ steps.sound.value }}"] } }
        outputs: { film: "{{ steps.merge.value }}" }
        "#,
    );
    let mut failed = false;
    while !story.run.status().is_terminal() {
        if dies_after(story.journal.len()) {
            story.crashes();
        }
        let key = story.working.keys().next().cloned();
        let waiting = story.queueing.first().cloned();
        match (key, waiting) {
            (Some(key), _) if key.step.as_str() == "image" && !failed => {
                failed = true;
                story.fails("image", Class::Unavailable);
            }
            (Some(key), _) => {
                let value = json!(format!("{key} of {}", story.inputs_of(key.step.as_str())));
                story.ends_as(key, ok(value));
            }
            (None, Some(key)) => _ = story.tell(Input::Granted { key, intent: None }),
            (None, None) => {
                let due = story.run.next_deadline().expect("something is due");
                let length = due.since(story.now);
                story.advances(&length.to_string());
            }
        }
    }
    let turns = story.journal.iter().map(|turn| serde_json::to_string(turn).unwrap()).collect();
    (story.last("run_completed")["outputs"].clone(), turns)
}

#[test]
fn regression_13_vercel_workflow_3081_a_crash_after_any_turn_changes_nothing() {
    let (outputs, turns) = film(|_| false);
    assert!(turns.len() > 8);
    for last in 1..turns.len() {
        assert_eq!(film(|turn| turn == last), (outputs.clone(), turns.clone()), "a crash after turn {last}");
    }
    assert_eq!(film(|_| true), (outputs, turns));
}

#[test]
fn regression_14_vercel_workflow_1806_a_retry_timer_is_armed_again_after_a_crash() {
    let mut story = start(
        "steps: { a: { uses: task/work, retry: { on: [unavailable], backoff: 1h, jitter: false, max_backoff: 1h } } }",
    );
    story.fails("a", Class::Unavailable).crashes();
    assert_eq!(story.run.next_deadline(), Some(DAWN.after(span("1h"))));
    story.rests("2h").works_on(["a#2"]);
}

#[test]
fn regression_15_vercel_workflow_316_a_timeout_leaves_nothing_running() {
    let mut story = start(
        "
        timeout: 10m
        steps:
          job: { uses: task/work, timeout: 1h }
          group: { steps: { inner: { uses: task/work, timeout: 1h } } }
          map: { each: [1, 2], uses: task/work, timeout: 1h }
        ",
    );
    story.advances("10m").crashes().drains().is_lost("", Class::Timeout);
    for step in ["job", "group", "group/inner", "map", "map[0]", "map[1]"] {
        story.finds(step, "cancelled");
    }
    assert!(story.run.outstanding().is_empty());
}

#[test]
fn regression_24_vercel_ai_7247_a_429_waits_as_it_was_told_by_default() {
    let mut story = start("steps: { a: { uses: lab/first, with: { prompt: x } } }");
    let failure = Failure::new(Class::Throttled, "429").retry_at(DAWN.after(span("90s")));
    story.comes_to("a", AttemptEnd::Failed { failure, cost: Cost::NONE }).advances("89s").works_on([]);
    story.advances("1s").works_on(["a#2"]);
}

#[test]
fn regression_25_langgraphjs_1138_a_turn_does_not_write_what_other_steps_gave() {
    let payload = "x".repeat(50_000);
    let mut story: Scenario =
        pipeline("steps: { a: { uses: task/work }, b: { uses: task/work }, c: { uses: task/work } }").start();
    story.ends("a", json!(payload)).ends("b", json!(payload));
    let before = story.run.parts();
    story.ends("c", json!(1));
    let after = story.run.parts();
    let written: usize =
        after.iter().filter(|(name, part)| before[*name] != **part).map(|(_, part)| part.len()).sum();
    assert!(written < 2_000, "{written} bytes");
}
