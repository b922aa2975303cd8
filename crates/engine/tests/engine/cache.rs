//! What another run made of the same is taken instead of made again.

use std::collections::BTreeSet;

use motet_engine::event::Reused;
use motet_engine::{Cached, Event, Input, RunId, StepEvent};
use motet_pipeline::{Class, Digest, Money, Value};
use serde_json::{Value as Json, json};

use crate::scenario::{Scenario, key, outputs, pipeline, span, start};

const VOICE: &str = "
    inputs: { line: { type: string, default: hello } }
    steps:
      voice: { uses: lab/dear, with: { text: '{{ inputs.line }}' }, cache: true }
    outputs: { voice: '{{ steps.voice.value }}' }";

/// The keys under which steps keep their results.
fn keys(story: &Scenario) -> Vec<Digest> {
    let key = |event: &Event| match event {
        Event::Step { event: StepEvent::Ready { cache: Some(cache), .. }, .. } => Some(cache.fingerprint),
        _ => None,
    };
    story.events().filter_map(key).collect()
}

/// A plan whose operation `lab/dear` has this version.
pub fn versioned(pin: &str, version: &str) -> String {
    const FIRST: &str = r#""operation":"lab/dear","version":1"#;
    assert_eq!(pin.matches(FIRST).count(), 1, "{pin}");
    pin.replace(FIRST, &format!(r#""operation":"lab/dear","version":{version}"#))
}

/// A result of another run, which is `age` old.
fn has(story: &Scenario, step: &str, value: Json, age: &str) -> Input {
    let from = Reused {
        run: RunId::new("other"),
        cost: "0.60".parse().unwrap(),
        target: 0,
        step: None,
        attempt: 1,
        operation: "lab/dear".into(),
    };
    let at = motet_pipeline::Timestamp(story.now.0 - span(age).0 as i64);
    Input::Cached { key: key(step, 1), cached: Box::new(Cached { output: Value::from(value), from, at }) }
}

#[test]
fn a_result_of_another_run_is_taken_and_costs_nothing() {
    let mut story = start(VOICE);
    assert!(story.needing[&key("voice", 1)].shared.is_some());
    let cached = has(&story, "voice", json!({ "value": "aah" }), "30d");
    story.tell(cached.clone()).gives(json!({ "voice": "aah" }));
    assert_eq!(story.run.cost(), Money::ZERO);
    story.ignores(cached);
}

#[test]
fn an_old_result_is_made_again_and_a_young_one_is_not() {
    let week = VOICE.replace("cache: true", "cache: { ttl: 7d }");
    for (age, is_taken) in [("6d", true), ("7d", true), ("8d", false)] {
        let mut story = start(&week);
        let cached = has(&story, "voice", json!({ "value": "aah" }), age);
        if is_taken {
            story.tell(cached).gives(json!({ "voice": "aah" }));
        } else {
            story.ignores(cached);
            story.grants("voice").does(["voice#1 submit"]);
        }
    }
}

#[test]
fn a_result_that_a_check_refuses_is_made_again() {
    let strict = VOICE.replace("cache: true", "cache: true, check: ['{{ output.value == \"ooh\" }}']");
    let mut story = start(&strict);
    let cached = has(&story, "voice", json!({ "value": "aah" }), "1s");
    story.ignores(cached);
    let good = has(&story, "voice", json!({ "value": "ooh" }), "1s");
    story.tell(good).gives(json!({ "voice": "ooh" }));
}

#[test]
fn the_same_has_the_same_key_and_takes_stay_takes() {
    let of = |text: &str, seed: u64| keys(&pipeline(text).seed(seed).start());
    assert_eq!(of(VOICE, 1), of(VOICE, 2), "in every run");
    assert_ne!(of(VOICE, 1), of(&VOICE.replace("hello", "bye"), 1));
    assert_ne!(of(VOICE, 1), of(&VOICE.replace("voice:", "choir:").replace("steps.voice", "steps.choir"), 1));
    const TAKES: &str = "
        steps:
          take: { each: [a, a], uses: lab/drawn, with: { prompt: 'a boat' }, cache: true }";
    let takes = of(TAKES, 1);
    assert_ne!(takes[0], takes[1], "two takes of one thing are two");
    assert_eq!(takes, of(TAKES, 2), "a seed that was drawn makes no difference");
    let seeded = of(&TAKES.replace("'a boat'", "'a boat', seed: 7"), 1);
    assert_eq!(seeded[0], seeded[1], "with a seed of its own one is the other");
    assert_ne!(seeded, of(&TAKES.replace("'a boat'", "'a boat', seed: 8"), 1));
    let work = of(
        "
        steps:
          a: { uses: media/work, with: { of: 1 }, cache: true }
          b: { uses: media/work, with: { of: 1 }, cache: true }",
        1,
    );
    assert_eq!(work[0], work[1], "what this machine does is the same wherever it is done");
}

#[test]
fn a_number_written_otherwise_has_the_same_key_and_keys_of_earlier_versions_stay() {
    let of = |number: &str| {
        let text = format!(
            "
        steps:
          a: {{ uses: media/work, with: {{ of: {number} }}, cache: true }}"
        );
        keys(&start(&text))[0]
    };
    assert_eq!([of("2.0"), of("2e0")], [of("2"), of("2")]);
    assert_eq!(of("-0.0"), of("0"));
    assert_ne!(of("9007199254740993"), of("9007199254740992.0"));
    // As they stand in stores.
    let earlier = |number: &str| {
        Digest::of(
            format!(r#"{{"operation":"media/work","version":1,"inputs":{{"of":{number}}}}}"#).as_bytes(),
        )
    };
    assert_eq!([of("2"), of("2.5")], [earlier("2"), earlier("2.5")]);
    assert_ne!(of("2.0"), earlier("2.0"), "such a result is made once more");
}

#[test]
fn regression_22_openreelio_843_another_version_of_a_contract_or_a_model_has_another_key() {
    let of = |keep: fn(String) -> String| keys(&pipeline(VOICE).kept(keep).start())[0];
    let keys = [
        of(|pin| pin),
        of(|pin| versioned(&pin, r#"2"#)),
        of(|pin| versioned(&pin, r#"1,"model_version":"7762fd""#)),
        of(|pin| versioned(&pin, r#"1,"model_version":"da77bc""#)),
    ];
    assert_eq!(BTreeSet::from(keys).len(), 4, "{keys:?}");
}

#[test]
fn a_fallback_neither_takes_nor_gives() {
    let mut story = start(
        "
        steps:
          voice:
            uses: task/same
            with: { text: hello }
            cache: true
            retry: { attempts: 1 }
            fallback: [{ uses: lab/answer, on: any }]
        outputs: { voice: '{{ steps.voice.value }}' }",
    );
    story.grants("voice").fails("voice", Class::Unavailable);
    assert!(story.needing.get(&key("voice", 2)).is_none_or(|needs| needs.shared.is_none()));
    story.comes_to("voice", outputs(json!({ "value": "ooh" }))).gives(json!({ "voice": "ooh" }));
}

#[test]
fn whoever_wants_it_done_again_gets_it_done_again() {
    let asks =
        |story: &Scenario| story.needing.get(&key("voice", 1)).is_some_and(|needs| needs.shared.is_some());
    let story = pipeline(VOICE).without_cache().start();
    assert!(!asks(&story) && keys(&story).len() == 1, "it takes nothing, and keeps what it makes");
    let mut before = start(VOICE);
    before.grants("voice").fails("voice", Class::Invalid);
    assert!(asks(&pipeline(VOICE).after(&before, &[], &[]).start()));
    assert!(!asks(&pipeline(VOICE).after(&before, &["voice"], &[]).start()));
    assert!(!asks(&pipeline(VOICE).after(&before, &[], &["voice"]).start()));
}

#[test]
fn a_call_that_others_may_wait_for_is_awaited_as_long_as_it_may_take_and_what_it_gives_is_kept() {
    let slow = VOICE.replace("cache: true", "cache: true, timeout: 2h");
    let mut story = start(&slow);
    story.grants("voice").tell(Input::Accepted { key: key("voice", 1), job: "j1".into() });
    story.tell(Input::Polled { key: key("voice", 1), news: motet_engine::JobNews::Running });
    story.tell(Input::Cancel { by: "ada".into(), reason: "enough".into() });
    assert_eq!(story.run.next_deadline(), Some(story.now.after(span("2h"))));
    let perform = &story.working[&key("voice", 1)];
    assert!(perform.inputs.as_map().is_some() && perform.needs.shared.is_some(), "{perform:?}");
    story.comes_to("voice", outputs(json!({ "value": "late" })));
    assert!(story.run.status().is_terminal());
}
