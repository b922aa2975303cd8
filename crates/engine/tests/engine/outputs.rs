//! What a run gives.

use motet_engine::Event;
use motet_pipeline::Class;
use motet_pipeline::value::read_written;
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

/// `levels` lists in each other, the objects among them written in the longest way there is.
fn nested(levels: usize) -> serde_json::Value {
    (0..levels).fold(
        json!("x"),
        |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"$absent": inner}) },
    )
}

const DEEP: &str = r#"
    steps:
      a: { uses: task/work }
      items: { each: "{{ [1] }}", uses: task/work, with: { x: "{{ steps.a.value }}" } }
    outputs: { items: "{{ steps.items.by_key }}" }
    "#;

#[test]
fn what_lies_too_deep_is_no_result() {
    let mut story = start(DEEP);
    story.ends("a", nested(65)).is_lost("a", Class::TooLarge);
    assert_eq!(story.last_words(), "`value` of the result has lists and objects nested more than 64 deep");
}

#[test]
fn the_deepest_result_is_read_again_wherever_it_was_put() {
    let mut story = start(DEEP);
    story.ends("a", nested(64)).ends("items[0]", nested(64)).finds("items", "completed");
    for event in story.events() {
        let written = serde_json::to_vec(event).unwrap();
        assert_eq!(read_written::<Event>(&written).unwrap(), *event);
    }
}
