//! What a run gives.

use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::start;

const TYPED: &str = r#"
    steps: { a: { uses: task/work }, none: { uses: task/work, if: false } }
    outputs:
      answer: { value: "{{ steps.a.value }}", schema: { type: integer, minimum: 3 } }
      nothing: { value: "{{ steps.none.value }}", type: string }
    "#;

#[test]
fn typed_outputs_are_checked_before_a_run_completes() {
    start(TYPED).ends("a", json!(3)).gives(json!({"answer": 3, "nothing": null}));
    let mut story = start(TYPED);
    story.ends("a", json!(2)).is_lost("", Class::BadOutput);
    assert!(story.last_words().starts_with("output `answer`: "), "{}", story.last_words());
    start(TYPED).ends("a", json!("text")).is_lost("", Class::BadOutput);
}

#[test]
fn an_output_that_cannot_be_made_fails_the_run() {
    let mut story = start(
        r#"
        steps: { a: { uses: task/work } }
        outputs: { half: "{{ 1 // steps.a.value }}" }
        "#,
    );
    story.ends("a", json!(0)).is_lost("", Class::Invalid);
}

#[test]
fn an_output_may_tell_how_a_step_ended() {
    let mut story = start(
        r#"
        steps: { a: { uses: task/work, optional: true } }
        outputs: { how: "{{ steps.a.status }}", why: "{{ steps.a.error.class }}" }
        "#,
    );
    story.fails("a", Class::Gone).gives(json!({"how": "failed", "why": "gone"}));
}

#[test]
fn run_is_known_to_expressions() {
    let mut story = start(
        r#"
        steps: { a: { uses: task/work, with: { x: "{{ run.id }} {{ run.user }} {{ run.started_at }}" } } }
        "#,
    );
    assert_eq!(story.inputs_of("a"), json!({"x": "story ada 2027-01-15T08:00:00.000Z"}));
    story.ends("a", json!(1)).gives(json!({}));
}
