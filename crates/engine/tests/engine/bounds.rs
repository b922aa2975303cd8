//! Values that double from step to step: they share their parts, and are bounded as if they didn't.

use motet_engine::{AttemptEnd, Event, RunStatus, StepEvent};
use motet_pipeline::value::{INPUT_UNITS_MAX, STEP_UNITS_MAX};
use motet_pipeline::{Class, Outcome, Value};
use serde_json::json;

use crate::scenario::{Scenario, Watch, outputs, pipeline, start};

/// `count` steps after `first`, of which `step` writes each from its own name and that of the one before.
fn chain(first: &str, count: usize, step: impl Fn(&str, &str) -> String) -> Scenario {
    let name = |index: usize| format!("s{index}");
    let steps =
        (1..=count).map(|index| format!("  {}: {}\n", name(index), step(&name(index), &name(index - 1))));
    let text = format!("steps:\n  s0: {first}\n{}", steps.collect::<String>());
    pipeline(&text).start_watched(Watch::Not)
}

/// A text of half a megabyte.
const TEXT: &str = "{ uses: data/transform, with: { value: \"{{ 'x' * 500000 }}\" } }";

/// How the run failed, once it is known that nothing in its journal is too large.
fn failure(story: &Scenario) -> (Class, String) {
    for event in story.events() {
        let kept = match event {
            Event::Step { event: StepEvent::Ready { inputs, .. }, .. } => inputs.as_ref(),
            Event::Step { event: StepEvent::Completed { output, .. }, .. } => output.as_ref(),
            _ => None,
        };
        assert!(kept.is_none_or(|kept| kept.units() < STEP_UNITS_MAX + 1000), "{}", kept.unwrap().units());
    }
    match story.run.status() {
        RunStatus::Failed { failure, .. } => (failure.class, failure.message.clone()),
        other => panic!("{}", other.word()),
    }
}

#[test]
fn objects_that_hold_the_step_before_twice_end_in_words() {
    let story = chain(TEXT, 20, |_, before| {
        let value = format!("\"{{{{ steps.{before}.value }}}}\"");
        format!("{{ uses: data/transform, with: {{ value: {{ l: {value}, r: {value} }} }} }}")
    });
    let (class, message) = failure(&story);
    assert_eq!(
        (class, message.as_str()),
        (Class::TooLarge, "`value`: this takes too much work or makes too much data")
    );
}

#[test]
fn groups_that_give_the_group_before_twice_end_in_words() {
    let story = chain(TEXT, 30, |_, before| {
        let before = format!("\"{{{{ steps.{before} }}}}\"");
        format!(
            "{{ steps: {{ a: {{ uses: flow/sleep, with: {{ duration: 0 }} }} }}, outputs: {{ l: {before}, r: {before} }} }}"
        )
    });
    assert_eq!(
        failure(&story),
        (
            Class::TooLarge,
            "output `r`: the outputs hold more than 64 MiB together; large values must be files".into()
        )
    );
}

#[test]
fn fan_outs_that_hand_on_the_one_before_end_in_words() {
    let story = chain(TEXT, 30, |_, before| {
        format!("{{ each: [1], uses: data/transform, with: {{ value: \"{{{{ steps.{before} }}}}\" }} }}")
    });
    let (class, message) = failure(&story);
    assert_eq!(class, Class::TooLarge);
    assert!(
        message.ends_with("`value`: the inputs hold more than 64 MiB together; large values must be files"),
        "{message}"
    );
}

#[test]
fn parameters_that_each_hold_a_lot_are_counted_together() {
    let parameters: Vec<_> =
        (0..140).map(|index| format!("p{index}: \"{{{{ steps.s0.value }}}}\"")).collect();
    let story =
        chain(TEXT, 1, |_, _| format!("{{ uses: task/work, with: {{ {} }} }}", parameters.join(", ")));
    assert_eq!(failure(&story).0, Class::TooLarge);
}

#[test]
fn a_result_that_is_too_large_is_refused() {
    let work = || start("steps: { a: { uses: task/work } }");
    let shared = (0..50).fold(Value::from("x"), |inner, _| Value::list(vec![inner.clone(), inner]));
    let mut story = work();
    let output = Value::map([("value", shared)]);
    let end = AttemptEnd::Succeeded(Outcome::of(output));
    story.comes_to("a", end).is_lost("a", Class::TooLarge);
    assert_eq!(
        story.last_words(),
        "`value` of the result holds more than 64 MiB; large values must be files"
    );
    let mut story = work();
    story.comes_to("a", outputs(json!({"value": 1}))).gives(json!({}));
}

#[test]
fn a_list_may_be_larger_than_what_a_step_is_given() {
    let items = vec!["x".repeat(1 << 20); 70];
    let weight = Value::of(&items).unwrap().units();
    assert!(weight > STEP_UNITS_MAX && weight < INPUT_UNITS_MAX);
    let story = pipeline(
        "inputs: { list: { type: array } }\nsteps: { a: { each: \"{{ inputs.list }}\", uses: data/transform, with: { value: \"{{ item | length }}\" } } }",
    );
    let story = story.inputs(json!({ "list": items })).start_watched(Watch::Not);
    assert_eq!(story.run.status().word(), "completed");
}
