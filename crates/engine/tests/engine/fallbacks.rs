//! Fallbacks: the next target, by the class of the failure.

use motet_engine::AttemptEnd;
use motet_pipeline::Class;
use motet_pipeline::{Cost, Failure};
use serde_json::json;

use crate::scenario::{DAWN, outputs, span, start};

#[test]
fn the_classes_that_a_fallback_is_taken_for() {
    let taken = |on: &str, class: Class| {
        let text = format!("steps: {{ a: {{ uses: task/work, fallback: [{{ uses: media/work{on} }}] }} }}");
        let mut story = start(&text);
        story.fails("a", class);
        story.run.status().word() == "running"
    };
    for class in Class::ALL {
        let default = !matches!(class, Class::Invalid | Class::Content | Class::Unknown);
        assert_eq!(taken("", class), default, "{class} by default");
        assert!(taken(", on: any", class), "{class} by any");
        assert_eq!(taken(", on: [content]", class), class == Class::Content, "{class} by name");
    }
}

#[test]
fn parameters_are_inherited_overridden_and_dropped() {
    let mut story = start(
        r#"
        steps:
          a:
            uses: lab/first
            with: { prompt: "a hill", style: bold, mood: calm }
            fallback:
              - { uses: lab/second, with: { style: soft }, on: any }
              - { uses: lab/third, with: { length: 3 }, on: any }
        "#,
    );
    let seed = story.inputs_of("a")["seed"].clone();
    assert_eq!(
        story.inputs_of("a"),
        json!({"prompt": "a hill", "style": "bold", "mood": "calm", "seed": seed})
    );
    story.fails("a", Class::Content).works_on(["a#2"]);
    assert_eq!(story.inputs_of("a"), json!({"prompt": "a hill", "style": "soft", "seed": seed}));
    assert_eq!(story.last("target_ready")["dropped"], json!(["mood"]));
    story.fails("a", Class::Content).works_on(["a#3"]);
    // The second fallback inherits from the first target, not from the fallback before it.
    assert_eq!(story.inputs_of("a"), json!({"prompt": "a hill", "mood": "calm", "length": 3, "seed": seed}));
    assert_eq!(story.last("target_ready")["dropped"], json!(["style"]));
    story.comes_to("a", outputs(json!({"text": "done"}))).gives(json!({}));
    assert!(story.run.degraded());
}

#[test]
fn what_stands_for_a_parameter_needs_no_default_and_a_doubtful_seed_is_not_drawn() {
    let takes =
        |with: &str| start(&format!("steps: {{ a: {{ uses: lab/native, with: {with} }} }}")).inputs_of("a");
    assert_eq!(takes("{ text: t }"), json!({"text": "t", "size": "square"}));
    assert_eq!(takes("{ prompt: t, width: 5 }"), json!({"prompt": "t", "width": 5}));
    assert_eq!(takes("{ prompt: t, seed: 7 }"), json!({"prompt": "t", "size": "square", "seed": 7}));
}

#[test]
fn what_the_first_target_takes_by_default_is_not_inherited() {
    let mut story = start(
        "
        steps:
          a: { uses: lab/first, with: { prompt: x }, fallback: [{ uses: lab/second, on: any }] }
        ",
    );
    assert_eq!(story.inputs_of("a")["style"], json!("plain"));
    story.fails("a", Class::Content);
    assert_eq!(story.inputs_of("a")["style"], json!("vivid"));
    assert_eq!(story.last("target_ready").get("dropped"), None);
}

#[test]
fn attempts_count_per_target_and_are_numbered_over_all() {
    let mut story = start(
        r#"
        steps:
          a:
            uses: task/work
            retry: { attempts: 2, on: [unavailable], backoff: 1s, jitter: false }
            fallback: [{ uses: task/work, with: { b: 1 }, retry: { attempts: 2, on: [timeout], backoff: 1ms, jitter: false } }]
        "#,
    );
    story.fails("a", Class::Unavailable).advances("1s").works_on(["a#2"]).fails("a", Class::Unavailable);
    story
        .works_on(["a#3"])
        .fails("a", Class::Timeout)
        .advances("1ms")
        .works_on(["a#4"])
        .fails("a", Class::Timeout);
    story.is_lost("a", Class::Timeout);
    assert_eq!(
        story.story_of("a"),
        [
            "step_ready",
            "attempt_planned",
            "attempt_failed",
            "retry_scheduled",
            "step_woken",
            "attempt_planned",
            "attempt_failed",
            "fallback_taken",
            "target_ready",
            "attempt_planned",
            "attempt_failed",
            "retry_scheduled",
            "step_woken",
            "attempt_planned",
            "attempt_failed",
            "step_failed",
        ]
    );
}

#[test]
fn what_only_a_fallback_refers_to_is_waited_for_once_it_is_taken() {
    let text = r#"
        steps:
          clip: { uses: task/work }
          voice:
            uses: task/work
            fallback: [{ uses: media/work, with: { length: "{{ steps.clip.value }}" } }]
        "#;
    let mut story = start(text);
    story.works_on(["clip#1", "voice#1"]).fails("voice", Class::Quota).finds("voice", "waiting");
    story.works_on(["clip#1"]).ends("clip", json!(5));
    assert_eq!(story.queueing.len(), 1);
    story.grants("voice").works_on(["voice#2"]);
    assert_eq!(story.inputs_of("voice"), json!({"length": 5}));
    let mut story = start(text);
    story.ends("voice", json!("spoken")).ends("clip", json!(5)).gives(json!({}));
    assert!(!story.run.degraded());
}

#[test]
fn items_and_steps_of_groups_wait_for_what_their_fallback_refers_to() {
    let mut story = start(
        r#"
        steps:
          clip: { uses: task/work }
          rows:
            each: [1, 2]
            steps:
              cells:
                each: [1]
                uses: task/work
                fallback: [{ uses: task/work, with: { x: "{{ steps.clip.value }}", at: "{{ index }}" } }]
        "#,
    );
    story.fails("rows[1]/cells[0]", Class::Quota).finds("rows[1]/cells[0]", "waiting");
    story.ends("rows[0]/cells[0]", json!(1)).ends("clip", json!("c")).works_on(["rows[1]/cells[0]#2"]);
    assert_eq!(story.inputs_of("rows[1]/cells[0]"), json!({"x": "c", "at": 0}));
}

#[test]
fn a_fallback_whose_input_is_absent_is_passed_over() {
    let text = |last: &str| {
        format!(
            r#"
        steps:
          none: {{ uses: task/work, if: false }}
          a:
            uses: task/work
            fallback: [{{ uses: lab/first, with: {{ prompt: "{{{{ steps.none.value }}}}" }} }}{last}]
        "#
        )
    };
    start(&text(", { uses: media/work }")).fails("a", Class::Quota).grants("a").works_on(["a#2"]);
    let mut story = start(&text(""));
    story.fails("a", Class::Quota).is_lost("a", Class::Quota);
    assert_eq!(
        story.last_words(),
        "it broke; the fallback lab/first can't be used: it needs `prompt`, which is absent"
    );
}

#[test]
fn a_fallback_that_what_it_inherits_does_not_fit_is_passed_over() {
    let mut story = start(
        r#"
        steps:
          long: { uses: task/work }
          a:
            uses: task/work
            with: { prompt: x, length: "{{ steps.long.value }}" }
            fallback: [{ uses: lab/third }, { uses: media/work }]
        "#,
    );
    story.ends("long", json!(99)).fails("a", Class::Quota).grants("a").works_on(["a#2"]);
    assert_eq!(story.inputs_of("a"), json!({"prompt": "x", "length": 99}));
    assert_eq!(story.count("fallback_taken"), 2);
}

#[test]
fn a_first_target_whose_inputs_cannot_be_made_has_fallbacks_for_invalid() {
    let text = |on: &str| {
        format!(
            r#"
        steps:
          n: {{ uses: task/work }}
          a:
            uses: task/work
            with: {{ x: "{{{{ 1 // steps.n.value }}}}" }}
            fallback: [{{ uses: task/work, with: {{ x: 0 }}{on} }}]
        "#
        )
    };
    let mut story = start(&text(", on: [invalid]"));
    story.ends("n", json!(0)).works_on(["a#1"]);
    assert_eq!(story.inputs_of("a"), json!({"x": 0}));
    start(&text("")).ends("n", json!(0)).is_lost("a", Class::Invalid);
}

#[test]
fn throttled_beyond_the_deadline_takes_the_fallback() {
    let mut story =
        start("steps: { a: { uses: task/work, timeout: { total: 1h }, fallback: [{ uses: task/work }] } }");
    let told = |at| AttemptEnd::Failed {
        failure: Failure::new(Class::Throttled, "slow down").retry_at(at),
        cost: Cost::NONE,
    };
    story.comes_to("a", told(DAWN.after(span("59m")))).finds("a", "sleeping").advances("59m");
    story.comes_to("a", told(DAWN.after(span("60m")))).works_on(["a#3"]);
    assert_eq!(story.last("attempt_planned")["target"], json!(1));
}

#[test]
fn an_operation_of_the_engine_may_be_the_last_resort() {
    let mut story = start(
        r#"
        steps:
          a: { uses: task/work, fallback: [{ uses: flow/fail, with: { message: "never", class: gone } }, { uses: data/transform, with: { value: spare } }] }
        outputs: { a: "{{ steps.a.value }}" }
        "#,
    );
    story.fails("a", Class::Quota).gives(json!({"a": "spare"}));
}
