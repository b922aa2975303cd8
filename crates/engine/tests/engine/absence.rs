//! What a skipped or tolerated-failed step means for those that refer to it.

use motet_pipeline::Class;
use serde_json::{Value as Json, json};

use crate::scenario::{Scenario, start};

/// Steps `none` (skipped), `lost` (failed, tolerated) and `one` (gives 1), and one that gives `value`.
fn made_of(value: &str) -> Scenario {
    let mut story = start(&format!(
        "
        steps:
          none: {{ uses: task/work, if: false }}
          lost: {{ uses: task/work, optional: true }}
          one: {{ uses: task/work }}
          made:
            uses: data/transform
            with: {{ value: {value} }}
        outputs:
          made: \"{{{{ steps.made.value }}}}\"
        "
    ));
    story.fails("lost", Class::Content).ends("one", json!(1));
    story
}

#[test]
fn absence_in_expressions() {
    let table: &[(&str, Json)] = &[
        (r#""{{ steps.none.value or steps.one.value }}""#, json!(1)),
        (r#""{{ steps.lost.value.deep.down[3] or 'other' }}""#, json!("other")),
        (r#""{{ steps.none.value | default('other') }}""#, json!("other")),
        (r#""{{ 'yes' if steps.none.value else 'no' }}""#, json!("no")),
        (r#"["{{ steps.none.value }}", "{{ steps.one.value }}", "{{ steps.lost.value }}"]"#, json!([1])),
        (r#"{ a: "{{ steps.none.value }}", b: "{{ steps.one.value }}" }"#, json!({"b": 1})),
        (
            r#""{{ steps.none.status }}, {{ steps.lost.status }}, {{ steps.one.status }}""#,
            json!("skipped, failed, completed"),
        ),
        (r#""{{ steps.lost.error.class }}: {{ steps.lost.error.message }}""#, json!("content: it broke")),
    ];
    for (value, expected) in table {
        made_of(value).gives(json!({"made": expected}));
    }
}

#[test]
fn a_text_that_prints_what_is_absent_is_absent_as_a_whole() {
    made_of(r#""music: {{ steps.none.value }}""#).finds("made", "skipped").gives(json!({"made": null}));
}

#[test]
fn a_step_whose_required_input_is_absent_is_skipped_and_says_which() {
    let mut story = made_of(r#""{{ steps.lost.value }}""#);
    story.finds("made", "skipped");
    assert_eq!(story.last("step_skipped"), json!({"step": "made", "reason": {"absent": {"input": "value"}}}));
}

#[test]
fn an_optional_input_that_is_absent_is_left_out() {
    let mut story = start(
        r#"
        steps:
          none: { uses: task/work, if: false }
          made: { uses: task/work, with: { a: "{{ steps.none.value }}", b: 2 } }
        "#,
    );
    assert_eq!(story.inputs_of("made"), json!({"b": 2}));
    story.ends("made", json!(null)).gives(json!({}));
}

#[test]
fn branches_join_with_no_extra_syntax() {
    let text = r#"
        inputs: { loud: boolean }
        steps:
          narration: { uses: task/work, if: "{{ inputs.loud }}" }
          music: { uses: task/work, if: "{{ not inputs.loud }}" }
          mixed: { uses: data/transform, with: { value: "{{ steps.narration.value or steps.music.value }}" } }
        outputs: { mixed: "{{ steps.mixed.value }}" }
        "#;
    let begin = |loud: bool| crate::scenario::pipeline(text).inputs(json!({"loud": loud})).start();
    begin(true).works_on(["narration#1"]).ends("narration", json!("voice")).gives(json!({"mixed": "voice"}));
    begin(false).works_on(["music#1"]).ends("music", json!("bed")).gives(json!({"mixed": "bed"}));
}

#[test]
fn under_or_both_sides_are_waited_for() {
    let mut story = start(
        r#"
        steps:
          quick: { uses: task/work }
          slow: { uses: task/work }
          either: { uses: task/work, with: { x: "{{ steps.quick.value or steps.slow.value }}" } }
        "#,
    );
    story.ends("quick", json!("q")).finds("either", "pending").works_on(["slow#1"]);
    story.ends("slow", json!("s")).works_on(["either#1"]);
    assert_eq!(story.inputs_of("either"), json!({"x": "q"}));
}

#[test]
fn absence_travels_through_a_group_and_a_fan_out() {
    let mut story = start(
        r#"
        steps:
          none: { uses: task/work, if: false }
          group:
            steps:
              inner: { uses: data/transform, with: { value: "{{ steps.none.value }}" } }
            outputs: { out: "{{ steps.inner.value }}" }
          fan: { uses: task/work, each: "{{ steps.none.items }}" }
        outputs:
          out: "{{ steps.group.out }}"
          items: "{{ steps.fan.items }}"
          first: "{{ steps.fan.items[0] or 'nobody' }}"
        "#,
    );
    story.finds("group", "completed").finds("group/inner", "skipped").finds("fan", "skipped");
    story.gives(json!({"out": null, "items": null, "first": "nobody"}));
}

#[test]
fn an_absent_step_in_a_condition_counts_as_false() {
    let mut story = start(
        r#"
        steps:
          none: { uses: task/work, if: false }
          then: { uses: task/work, if: "{{ steps.none.value }}" }
          else: { uses: task/work, if: "{{ not steps.none.value }}" }
        "#,
    );
    story.finds("then", "skipped").works_on(["else#1"]);
    assert_eq!(story.last("step_skipped")["reason"], json!("condition"));
}

#[test]
fn the_whole_output_of_an_absent_step_is_absent() {
    let mut story = start(
        r#"
        steps:
          lost: { uses: task/work, optional: true }
          made: { uses: data/transform, with: { value: "{{ steps.lost.value or 'spare' }}" } }
        outputs: { made: "{{ steps.made.value }}", lost: "{{ steps.lost.value }}" }
        "#,
    );
    story.fails("lost", Class::Auth).gives(json!({"made": "spare", "lost": null}));
    assert!(story.run.degraded());
}
