//! What went wrong elsewhere with paid jobs, each by its number in the list of regressions and its public thread.

use motet::RunEnd;
use motet::engine::{AttemptEvent, Event, StepEvent};
use motet::language::Span;
use serde_json::{Value as Json, json};

use crate::laws::{lawful, paid};
use crate::life::Doom;
use crate::play::{End, Played};
use crate::sequel::Sequel;
use crate::story::{Passing, Story, with_faults};

const STILL: &str = "replicate/black-forest-labs/flux-schnell";

/// A picture, and a film of it.
fn film(clip: &Json) -> Story {
    let mut step = json!({
        "uses": "replicate/bytedance/seedance-1-lite",
        "with": { "prompt": "it moves", "image": "{{ steps.still.image }}", "duration": 2, "resolution": "480p" },
    });
    step.as_object_mut().unwrap().extend(clip.as_object().unwrap().clone());
    let still = json!({ "uses": STILL, "with": { "prompt": "a boat" } });
    Story::of(&json!({ "motet": 1, "name": "film", "steps": { "still": still, "clip": step } }).to_string())
}

/// Where what a step gave was made, if that wasn't in its run.
fn kept(played: &Played) -> Vec<&str> {
    let events = played.turns.iter().flat_map(|turn| &turn.events);
    let kept = events.filter_map(|event| match event {
        Event::Step { step, event: StepEvent::Completed { reused: Some(_), .. } } => Some(step.as_str()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn regression_16_arcreel_649_a_job_whose_name_could_not_be_kept_is_found_and_not_submitted_again() {
    let accepted =
        |event: &Event| matches!(event, Event::Attempt { event: AttemptEvent::Accepted { .. }, .. });
    let lives = vec![Passing { doom: Doom::Lost(accepted), away: Span::seconds(5) }];
    let played = lawful(&Story { lives, ..film(&json!({})) });
    assert!(played.end.is_completed(), "{:?}", played.end);
    assert_eq!((played.ledger.len(), paid(&played), played.crashes.len()), (2, 2, 1));
}

#[test]
fn regression_19_openslop_310_a_poll_that_timed_out_keeps_what_was_made_before_it() {
    let story = film(&json!({ "timeout": { "job": "8m", "queue": "8m" }, "retry": { "attempts": 1 } }));
    let slow = with_faults(story, &json!([{ "fault": "stuck", "provider": "replicate", "nth": 2 }]));
    let played = lawful(&Story { sequel: Some(Sequel::Retry), ..slow });
    assert!(matches!(&played.end, End::Over(RunEnd::Failed { .. })), "{:?}", played.end);
    let retry = played.sequel.as_deref().expect("it is retried");
    assert!(retry.end.is_completed(), "{:?}", retry.end);
    assert_eq!((kept(retry), paid(retry)), (vec!["still"], 1));
}

#[test]
fn regression_21_adt_studio_731_what_is_asked_for_afresh_is_made_though_the_cache_has_it() {
    let with = json!({ "prompt": "a boat" });
    let still = json!({ "uses": STILL, "with": with, "cache": true });
    let story = Story::of(&json!({ "motet": 1, "name": "still", "steps": { "still": still } }).to_string());
    let played = lawful(&Story { sequel: Some(Sequel::Fork), ..story });
    let fork = played.sequel.as_deref().expect("it is forked");
    assert!(kept(fork).is_empty(), "{:?}", kept(fork));
    assert_eq!((paid(&played), paid(fork)), (1, 1));
}

#[test]
fn regression_23_openslop_526_an_address_that_expired_is_no_artifact() {
    let story = film(&json!({ "retry": { "attempts": 1 } }));
    let gone = with_faults(story, &json!([{ "fault": "url_expired", "provider": "replicate" }]));
    let played = lawful(&gone);
    assert!(!played.end.is_completed(), "{:?}", played.end);
    let events = played.turns.iter().flat_map(|turn| &turn.events);
    let completed = |event: &&Event| matches!(event, Event::Step { event: StepEvent::Completed { .. }, .. });
    assert_eq!(events.filter(completed).count(), 0, "an address is no result");
}
