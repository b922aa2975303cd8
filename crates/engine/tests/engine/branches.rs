//! Order, conditions and what a failed step means for the others.

use motet_pipeline::{Class, Cost, Outcome};
use serde_json::json;

use crate::scenario::{pipeline, start};

#[test]
fn needs_is_order_without_data() {
    let mut story = start(
        "
        steps:
          a: { uses: task/work }
          skipped: { uses: task/work, if: false }
          b: { uses: task/work, needs: [a, skipped] }
        ",
    );
    story.works_on(["a#1"]).finds("b", "pending");
    story.ends("a", json!(1)).works_on(["b#1"]).ends("b", json!(2)).gives(json!({}));
}

#[test]
fn fail_calls_off_what_is_in_flight_and_waits_for_it_to_end() {
    let mut story = start(
        r#"
        steps:
          a: { uses: task/work }
          b: { uses: task/work }
          c: { uses: task/work, with: { x: "{{ steps.b.value }}" } }
        "#,
    );
    story.fails("a", Class::Content).stops(["b#1"]).finds("b", "cancelled").finds("c", "cancelled");
    assert_eq!(story.run.status().word(), "running", "the run drains before it ends");
    story.drains().is_lost("a", Class::Content);
}

#[test]
fn what_drains_is_booked_and_kept_and_changes_nothing_else() {
    let mut story = start("steps: { a: { uses: task/work }, b: { uses: task/work } }");
    story.fails("a", Class::Content);
    story.comes_to(
        "b",
        motet_engine::AttemptEnd::Succeeded(
            Outcome::of(motet_pipeline::Value::map([("value", 9_i64.into())]))
                .cost(Cost::billed("0.25".parse().unwrap())),
        ),
    );
    story.is_lost("a", Class::Content).finds("b", "cancelled");
    assert_eq!(story.run.cost().to_string(), "0.25");
    assert_eq!(
        story.last("attempt_ended"),
        json!({"step": "b", "attempt": 1, "end": "succeeded", "output": {"value": 9}, "cost": "0.25"})
    );
}

#[test]
fn finish_lets_independent_branches_end_and_then_the_run_fails() {
    let mut story = start(
        r#"
        on_failure: finish
        steps:
          a: { uses: task/work }
          after_a: { uses: task/work, with: { x: "{{ steps.a.value }}" } }
          ordered: { uses: task/work, needs: a }
          either: { uses: task/work, with: { x: "{{ steps.a.value or steps.b.value }}" } }
          report: { uses: task/work, with: { x: "{{ steps.a.status }}: {{ steps.a.error.class }}" } }
          b: { uses: task/work }
          after_b: { uses: task/work, with: { x: "{{ steps.b.value }}" } }
        "#,
    );
    story.fails("a", Class::Quota).works_on(["b#1", "report#1"]);
    story.finds("after_a", "skipped").finds("ordered", "skipped");
    assert_eq!(story.inputs_of("report"), json!({"x": "failed: quota"}));
    story.ends("b", json!(1)).finds("either", "skipped").works_on(["after_b#1", "report#1"]);
    story.ends("after_b", json!(1)).ends("report", json!(1)).is_lost("a", Class::Quota);
}

#[test]
fn what_depends_on_a_failed_step_is_skipped_over_any_number_of_steps() {
    let mut story = start(
        r#"
        on_failure: finish
        steps:
          film: { uses: task/work }
          publish: { uses: task/work, needs: film }
          announce: { uses: task/work, needs: publish }
          either: { uses: task/work, with: { x: "{{ steps.publish.value or 'spare' }}" } }
          report: { uses: task/work, with: { x: "{{ steps.publish.status }}" } }
        "#,
    );
    story.fails("film", Class::Quota).works_on(["report#1"]);
    for step in ["publish", "announce", "either"] {
        story.finds(step, "skipped");
    }
    assert_eq!(
        story.last("step_skipped"),
        json!({"step": "either", "reason": {"upstream": {"step": "film"}}})
    );
    story.crashes().ends("report", json!(1)).is_lost("film", Class::Quota);
}

#[test]
fn a_group_that_needed_a_failed_step_is_nothing_to_go_on_with() {
    let mut story = start(
        r#"
        on_failure: finish
        steps:
          style: { uses: task/work }
          shots:
            each: [1, 2]
            steps:
              draw: { uses: task/work }
              paint: { uses: task/work, with: { x: "{{ steps.style.value }}" } }
            outputs: { painted: "{{ steps.paint.value }}" }
          film: { uses: task/work, with: { x: "{{ steps.shots.items | map(attribute='painted') | list }}" } }
        "#,
    );
    story.fails("style", Class::Quota).works_on(["shots[0]/draw#1", "shots[1]/draw#1"]);
    story.ends("shots[0]/draw", json!(1)).crashes().ends("shots[1]/draw", json!(1));
    story.finds("shots", "completed").finds("film", "skipped").is_lost("style", Class::Quota);
}

#[test]
fn a_fallback_that_needs_a_failed_step_is_passed_over() {
    let mut story = start(
        r#"
        on_failure: finish
        steps:
          lost: { uses: task/work }
          a:
            uses: task/work
            fallback: [{ uses: task/work, with: { x: "{{ steps.lost.value or 'spare' }}" } }]
        "#,
    );
    story.fails("lost", Class::Content).fails("a", Class::Quota).finds("a", "failed");
    let message = "it broke; the fallback task/work can't be used: it needs `lost`, which failed";
    assert_eq!(story.last("step_failed")["failure"]["message"], json!(message));
}

#[test]
fn a_tolerated_failure_degrades_the_run_and_harms_nobody() {
    let mut story = start(
        r#"
        steps:
          a: { uses: task/work, optional: true }
          b: { uses: task/work }
          c: { uses: task/work, needs: a, with: { x: "{{ steps.a.error.class }}" } }
        "#,
    );
    story.fails("a", Class::Gone).works_on(["b#1", "c#1"]);
    assert_eq!(story.inputs_of("c"), json!({"x": "gone"}));
    story.ends("b", json!(1)).ends("c", json!(1)).gives(json!({}));
    assert!(story.run.degraded());
    assert_eq!(story.last("run_completed")["degraded"], json!(true));
}

#[test]
fn neither_retries_nor_skips_degrade_a_run() {
    let mut story = start(
        "
        steps:
          a: { uses: task/work, retry: { attempts: 2, on: [unavailable], backoff: 1s } }
          b: { uses: task/work, if: false }
        ",
    );
    story.fails("a", Class::Unavailable).advances("1s").ends("a", json!(1)).gives(json!({}));
    assert!(!story.run.degraded());
}

#[test]
fn a_condition_that_cannot_be_told_fails_the_step() {
    let mut story = pipeline(
        r#"
        inputs: { n: { type: array, items: { type: integer } } }
        steps: { a: { uses: task/work, if: "{{ inputs.n[0] // inputs.n[1] > 1 }}" } }
        "#,
    )
    .inputs(json!({"n": [1, 0]}))
    .start();
    story.is_lost("a", Class::Invalid);
    assert!(story.last_words().starts_with("`if`: "), "{}", story.last_words());
}

#[test]
fn a_step_that_two_branches_need_starts_once_both_are_there() {
    let mut story = start(
        r#"
        steps:
          image: { uses: task/work }
          video: { uses: task/work, with: { x: "{{ steps.image.value }}" } }
          audio: { uses: task/work, with: { x: "{{ steps.image.value }}" } }
          merge: { uses: task/work, with: { x: ["{{ steps.video.value }}", "{{ steps.audio.value }}"] } }
        outputs: { film: "{{ steps.merge.value }}" }
        "#,
    );
    story.works_on(["image#1"]).ends("image", json!("i")).works_on(["audio#1", "video#1"]);
    story.ends("audio", json!("a")).works_on(["video#1"]).ends("video", json!("v")).works_on(["merge#1"]);
    assert_eq!(story.inputs_of("merge"), json!({"x": ["v", "a"]}));
    story.ends("merge", json!("film")).gives(json!({"film": "film"}));
}

#[test]
fn an_attempt_that_would_begin_in_the_turn_that_calls_it_off_never_begins() {
    let mut story = start(
        r#"
        steps:
          a: { uses: task/work }
          b: { uses: task/work, needs: a }
          c: { uses: flow/fail, needs: a, with: { message: "no" } }
        "#,
    );
    story.ends("a", json!(1)).works_on([]).stops([]).is_lost("c", Class::Invalid);
    assert_eq!(story.last("attempt_ended"), json!({"step": "b", "attempt": 1, "end": "cancelled"}));
}

#[test]
fn every_item_of_a_written_list_is_waited_for() {
    let mut story = start(
        r#"
        steps:
          a: { uses: task/work }
          b: { uses: task/work }
          both: { uses: task/work, with: { x: ["{{ steps.a.value }}", ["{{ steps.b.value }}"]] } }
        "#,
    );
    story.ends("a", json!(1)).finds("both", "pending").ends("b", json!(2));
    assert_eq!(story.inputs_of("both"), json!({"x": [1, [2]]}));
}
