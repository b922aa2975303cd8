//! Values in what is stored: absence, media, and objects that only look like them are read again as
//! what they were.

use motet_engine::event::{LateEnd, RunStarted};
use motet_engine::{AttemptEvent, AttemptKey, Event, RunEvent, RunId, RunStatus, StepEvent};
use motet_pipeline::value::read_written;
use motet_pipeline::{Artifact, Cost, Digest, MediaKind, StepPath, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Media, absence, and plain objects of their shapes, side by side.
fn value() -> Value {
    let clip = Artifact {
        digest: Digest::of(b"clip"),
        kind: MediaKind::Video,
        mime: "video/mp4".into(),
        bytes: 4,
        width: Some(640),
        height: Some(360),
        duration: Some(2.0),
        fps: Some(25.0),
        has_audio: Some(true),
    };
    let looks_like_media = Value::from(serde_json::to_value(&clip).unwrap());
    Value::map([
        ("clip", Value::from(clip)),
        ("nothing", Value::Absent),
        ("looks_like_media", looks_like_media),
        ("looks_like_nothing", Value::from(json!({"$absent": true}))),
        ("looks_like_a_list_of_pairs", Value::from(json!({"$plain": [["a", 1]]}))),
    ])
}

fn assert_kept<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(stored: &T) {
    let text = serde_json::to_vec(stored).unwrap();
    assert_eq!(&read_written::<T>(&text).unwrap(), stored);
}

#[test]
fn the_values_of_events_are_read_as_they_were_written() {
    let step = || StepPath::root().step("a");
    let started = RunStarted {
        schema: 1,
        run: RunId::new("r"),
        pipeline: "p".into(),
        plan: Digest::of(b"p"),
        inputs: value(),
        seed: 1,
        user: None,
        budget: None,
        quoted: Default::default(),
        resends: Default::default(),
        labels: Default::default(),
        no_cache: false,
        base: None,
    };
    let events = [
        Event::Run(RunEvent::Started(Box::new(started))),
        Event::Step {
            step: step(),
            event: StepEvent::Expanded { items: [("k", value())].into_iter().collect() },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Ready { inputs: Some(value()), opens: false, cache: None },
        },
        Event::Step { step: step(), event: StepEvent::Ready { inputs: None, opens: false, cache: None } },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 1 },
            event: AttemptEvent::Ended {
                end: LateEnd::Succeeded,
                output: Some(value()),
                cost: Cost::NONE,
                why: None,
                cache: None,
            },
        },
        Event::Step {
            step: step(),
            event: StepEvent::TargetReady { target: 1, inputs: value(), dropped: Vec::new() },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Completed { output: Some(value()), reused: None, cache: None },
        },
        Event::Run(RunEvent::Completed { outputs: value(), degraded: false }),
    ];
    events.iter().for_each(assert_kept);
    assert_kept(&RunStatus::Completed { outputs: value() });
}

/// A value that is read without a word is read plainly, and would lose its media only when a run is
/// resumed: this finds the field before.
#[test]
fn every_stored_field_with_a_value_says_that_it_is_read_as_a_journal() {
    let sources = [
        ("event/run.rs", include_str!("../../src/event/run.rs")),
        ("event/step.rs", include_str!("../../src/event/step.rs")),
        ("event/attempt.rs", include_str!("../../src/event/attempt.rs")),
        ("node.rs", include_str!("../../src/node.rs")),
        ("run.rs", include_str!("../../src/run.rs")),
        ("parts.rs", include_str!("../../src/parts.rs")),
    ];
    let mut found = 0;
    for (file, source) in sources {
        let lines: Vec<_> = source.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let Some((name, ty)) = line.split_once(": ") else { continue };
            let is_field = name.split(' ').all(|word| {
                word.starts_with("pub") || word.chars().all(|c| c == '_' || c.is_ascii_lowercase())
            });
            if !is_field || !ty.ends_with(',') || !ty.contains("Value") {
                continue;
            }
            found += 1;
            let attribute = lines[number - 1];
            assert!(attribute.contains("deserialize_with = \"journal::"), "{file}:{}: {line}", number + 1);
        }
    }
    assert!(found >= 10, "only {found} fields were found: the shape of the source has changed");
}
