//! What was finished by an earlier run is taken over, as far as it was made from the same.

use motet_engine::{Event, StepEvent};
use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::{Scenario, bad, outputs, pipeline, start};

const FILM: &str = "
    name: film
    inputs: { lines: { type: array, items: { type: string } }, title: string }
    steps:
      voice:
        each: '{{ inputs.lines }}'
        uses: task/work
        with: { line: '{{ item }}' }
      cover: { uses: task/work, with: { title: '{{ inputs.title }}' } }
      film: { uses: task/work, with: { voices: '{{ steps.voice.items }}', cover: '{{ steps.cover.value }}' } }
    outputs: { film: '{{ steps.film.value }}' }";

fn inputs(title: &str) -> serde_json::Value {
    json!({ "lines": ["one", "two", "three"], "title": title })
}

/// The steps and items that took a result over, and from which run.
fn reused(scenario: &Scenario) -> Vec<String> {
    let taken = scenario.events().filter_map(|event| match event {
        Event::Step { step, event: StepEvent::Completed { reused: Some(reused), .. } } => {
            Some(format!("{step} of {}", reused.run))
        }
        _ => None,
    });
    taken.collect()
}

/// A film whose second voice fails.
fn broken() -> Scenario {
    let mut story = pipeline(FILM).inputs(inputs("sea")).start();
    story.ends("voice[0]", json!("a")).ends("voice[2]", json!("c")).ends("cover", json!("wave"));
    story.comes_to("voice[1]", bad(Class::Invalid));
    story.is_lost("voice[1]", Class::Invalid);
    story
}

#[test]
fn what_failed_is_done_over_and_what_is_finished_is_kept() {
    let before = broken();
    let mut story = pipeline(FILM).inputs(inputs("sea")).after(&before, &[], &[]).start();
    assert_eq!(reused(&story), ["cover of story", "voice[0] of story", "voice[2] of story"]);
    story.works_on(["voice[1]#1"]).ends("voice[1]", json!("b"));
    story.works_on(["film#1"]).ends("film", json!("done")).gives(json!({ "film": "done" }));
}

#[test]
fn items_that_never_ran_run() {
    let text = FILM.replace(
        "uses: task/work\n        with: { line",
        "max_parallel: 1\n        uses: task/work\n        with: { line",
    );
    let mut before = pipeline(&text).inputs(inputs("sea")).start();
    before
        .ends("cover", json!("wave"))
        .ends("voice[0]", json!("a"))
        .comes_to("voice[1]", bad(Class::Invalid));
    let mut story = pipeline(&text).inputs(inputs("sea")).after(&before, &[], &[]).start();
    story.works_on(["voice[1]#1"]).ends("voice[1]", json!("b"));
    story.works_on(["voice[2]#1"]);
}

#[test]
fn another_input_runs_what_is_made_of_it_and_nothing_else() {
    let mut before = broken();
    before = {
        let mut whole = pipeline(FILM).inputs(inputs("sea")).after(&before, &[], &[]).start();
        whole.ends("voice[1]", json!("b")).ends("film", json!("done"));
        whole
    };
    let mut story = pipeline(FILM).inputs(inputs("moon")).after(&before, &[], &[]).start();
    assert_eq!(
        reused(&story),
        ["voice[0] of story", "voice[1] of sequel", "voice[2] of story"],
        "a result keeps the run that it was made in"
    );
    story.works_on(["cover#1"]).ends("cover", json!("moon"));
    story.works_on(["film#1"]);

    let mut same = pipeline(FILM).inputs(inputs("moon")).after(&before, &[], &[]).start();
    same.ends("cover", json!("wave"));
    same.gives(json!({ "film": "done" }));
}

#[test]
fn from_a_step_on_everything_is_done_again() {
    let mut before = pipeline(FILM).inputs(inputs("sea")).start();
    before.ends("voice[0]", json!("a")).ends("voice[1]", json!("b")).ends("voice[2]", json!("c"));
    before.ends("cover", json!("wave")).ends("film", json!("done"));
    let mut story = pipeline(FILM).inputs(inputs("sea")).after(&before, &["voice[1]"], &[]).start();
    story.works_on(["voice[1]#1"]).ends("voice[1]", json!("b"));
    story.works_on(["film#1"]);
    let story = pipeline(FILM).inputs(inputs("sea")).after(&before, &["film"], &[]).start();
    assert_eq!(story.flights(), ["film#1"]);
}

#[test]
fn from_an_item_on_the_other_items_are_kept_with_all_inside_of_them() {
    const SHOTS: &str = "
        steps:
          shots:
            each: ['a', 'b']
            key: '{{ item }}'
            steps:
              still: { uses: task/work, with: { of: '{{ item }}' } }
              clip: { uses: task/work, with: { of: '{{ steps.still.value }}' } }
            outputs: { clip: '{{ steps.clip.value }}' }";
    let mut before = start(SHOTS);
    for key in ["a", "b"] {
        before
            .ends(&format!("shots[{key}]/still"), json!(key))
            .ends(&format!("shots[{key}]/clip"), json!(key));
    }
    let mut story = pipeline(SHOTS).after(&before, &["shots[a]/still"], &[]).start();
    assert_eq!(reused(&story), ["shots[b]/still of story", "shots[b]/clip of story"]);
    story.works_on(["shots[a]/still#1"]).ends("shots[a]/still", json!("a")).works_on(["shots[a]/clip#1"]);
}

#[test]
fn a_new_take_has_another_seed_and_the_rest_of_the_lineage_the_same() {
    const TAKES: &str = "
        steps:
          one: { uses: lab/first, with: { prompt: 'a boat' } }
          two: { uses: lab/first, with: { prompt: 'a boat' } }";
    let mut before = start(TAKES);
    let seed = |story: &Scenario, step: &str| story.inputs_of(step)["seed"].clone();
    let first = seed(&before, "two");
    before.comes_to("one", outputs(json!({ "text": "1" }))).comes_to("two", outputs(json!({ "text": "2" })));
    let story = pipeline(TAKES).after(&before, &[], &["two"]).start();
    assert_eq!(reused(&story), ["one of story"]);
    assert_ne!(seed(&story, "two"), first);
    assert_eq!(story.flights(), ["two#1"]);
}

#[test]
fn an_edited_step_runs_and_a_stricter_check_refuses_what_was_finished() {
    let before = broken();
    let edited = FILM.replace(
        "{ uses: task/work, with: { title:",
        "{ uses: task/work, check: ['{{ output.value == \"moon\" }}'], with: { title:",
    );
    assert_ne!(edited, FILM);
    let story = pipeline(&edited).inputs(inputs("sea")).after(&before, &[], &[]).start();
    assert_eq!(reused(&story), ["voice[0] of story", "voice[2] of story"]);
}

#[test]
fn what_a_fallback_served_is_kept_and_the_run_stays_degraded() {
    const FALLBACK: &str = "
        steps:
          a:
            uses: lab/first
            with: { prompt: 'a boat' }
            retry: { attempts: 1 }
            fallback: [{ uses: lab/second, on: any }]
          b: { uses: task/work, with: { of: '{{ steps.a.text }}' } }
        outputs: { b: '{{ steps.b.value }}' }";
    let mut before = start(FALLBACK);
    before.comes_to("a", bad(Class::Unavailable)).comes_to("a", outputs(json!({ "text": "x" })));
    before.comes_to("b", bad(Class::Invalid)).is_lost("b", Class::Invalid);
    let mut story = pipeline(FALLBACK).after(&before, &[], &[]).start();
    assert_eq!(reused(&story), ["a of story"]);
    assert!(story.run.degraded());
    story.ends("b", json!("y")).gives(json!({ "b": "y" }));
}

#[test]
fn a_result_that_came_too_late_for_its_run_is_taken_over_and_what_it_cost_is_saved() {
    const TWO: &str = "
        steps:
          a: { uses: lab/dear, with: { of: 1 } }
          b: { uses: task/work }
        outputs: { a: '{{ steps.a.value }}' }";
    let mut before = start(TWO);
    before.grants("a").fails("b", Class::Invalid);
    before.ends("a", json!("late")).is_lost("b", Class::Invalid);
    let mut story = pipeline(TWO).after(&before, &[], &[]).start();
    assert_eq!(reused(&story), ["a of story"]);
    story.works_on(["b#1"]).ends("b", json!("b")).gives(json!({ "a": "late" }));
}

#[test]
fn what_is_made_of_the_name_of_the_run_stays_the_same_in_a_lineage() {
    const NAMED: &str = "
        steps:
          a: { uses: task/work, with: { of: '{{ run.id }} {{ run.started_at }}' } }
          b: { uses: task/work, with: { of: '{{ steps.a.value }}' } }";
    let mut before = start(NAMED);
    before.ends("a", json!("x")).fails("b", Class::Invalid);
    let story = pipeline(NAMED).after(&before, &[], &[]).start();
    assert_eq!(reused(&story), ["a of story"]);
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    const CLIP: &str = "
        inputs: { n: number, list: { type: array, default: [] } }
        steps:
          clip: { uses: task/work, with: { n: '{{ inputs.n }}', in: { list: '{{ inputs.list }}' } } }";
    let is_kept = |first: serde_json::Value, then: serde_json::Value| {
        let mut before = pipeline(CLIP).inputs(first).start();
        before.ends("clip", json!("done"));
        !reused(&pipeline(CLIP).inputs(then).after(&before, &[], &[]).start()).is_empty()
    };
    let n = |number: &str| serde_json::from_str::<serde_json::Value>(&format!("{{\"n\":{number}}}")).unwrap();
    for (one, other) in [
        ("2", "2.0"),
        ("0", "-0.0"),
        ("100", "1e2"),
        ("-3", "-3.0"),
        ("9007199254740992", "9007199254740992.0"),
        ("18446744073709549568", "18446744073709549568.0"),
    ] {
        assert!(is_kept(n(one), n(other)) && is_kept(n(other), n(one)), "{one} is {other}");
    }
    for (one, other) in [
        ("2", "2.5"),
        ("9007199254740993", "9007199254740992"),
        ("9007199254740993", "9007199254740992.0"),
        ("18446744073709551615", "18446744073709551616"),
        ("1e300", "1.0000000000000003e300"),
    ] {
        assert!(!is_kept(n(one), n(other)) && !is_kept(n(other), n(one)), "{one} isn't {other}");
    }
    let nested = |inner: serde_json::Value| json!({ "n": 1, "list": [{ "at": [inner] }] });
    assert!(is_kept(nested(json!(7)), nested(json!(7.0))));
    assert!(!is_kept(nested(json!(7)), nested(json!("7"))));
}
