//! Jobs that take too long, and calls of which nobody knows: what is paid again because of them.

use motet::RunEnd;
use motet::engine::{AttemptEvent, Decision, Event};
use motet::language::money::Basis;
use motet::language::{Cost, Money, Span};
use serde_json::{Value as Json, json};

use crate::laws::{BY_TIME, TINY, dollars, judge, lawful};
use crate::life::Doom;
use crate::play::{End, Played, play};
use crate::providers::amount;
use crate::story::{Passing, STRANGE_JOB, Story, with_faults};

/// A film of a job that never ends, with what is to be done then.
fn stuck(policies: &Json) -> Played {
    let mut step = json!({
        "uses": "replicate/bytedance/seedance-1-lite",
        "with": { "prompt": "a boat", "duration": 2, "resolution": "720p" },
        "timeout": { "job": "10m", "queue": "2m" },
    });
    step.as_object_mut().unwrap().extend(policies.as_object().unwrap().clone());
    let pipeline = json!({ "motet": 1, "name": "stuck", "steps": { "clip": step } });
    let scenario = json!({ "faults": [{ "provider": "replicate", "fault": "stuck" }] });
    let story = Story { scenario: scenario.to_string(), ..Story::of(&pipeline.to_string()) };
    let played = play(&story);
    assert_eq!(judge(&story, &played), [] as [String; 0]);
    played
}

fn providers(played: &Played) -> Vec<&str> {
    played.ledger.iter().map(|line| line["provider"].as_str().unwrap()).collect()
}

const PAID: &str = r#"{ "uses": "fal/fal-ai/veo3.1/fast", "with": { "duration": 4 } }"#;

fn paid(on: &[&str]) -> Json {
    let mut fallback: Json = serde_json::from_str(PAID).unwrap();
    if !on.is_empty() {
        fallback["on"] = json!(on);
    }
    fallback
}

fn class(played: &Played) -> &str {
    match &played.end {
        End::Over(RunEnd::Failed { failure, .. }) => failure.class.word(),
        End::Over(RunEnd::Completed { .. }) => "completed",
        _ => "neither",
    }
}

#[test]
fn a_job_that_took_too_long_is_not_paid_for_again_unless_that_is_written() {
    let retry = json!({ "attempts": 3 });
    let free = json!({ "uses": "task/clip" });
    let table = [
        (json!({ "retry": retry }), "timeout", vec!["replicate"]),
        (json!({ "retry": retry, "fallback": [paid(&[])] }), "timeout", vec!["replicate"]),
        (json!({ "retry": retry, "fallback": [free] }), "completed", vec!["replicate"]),
        (json!({ "retry": retry, "fallback": [paid(&[]), free] }), "completed", vec!["replicate"]),
        (json!({ "retry": retry, "fallback": [paid(&["timeout"])] }), "completed", vec!["replicate", "fal"]),
        (json!({ "retry": retry, "fallback": [paid(&["any"])] }), "completed", vec!["replicate", "fal"]),
        (json!({ "retry": { "attempts": 2, "on": ["timeout"] } }), "timeout", vec!["replicate", "replicate"]),
    ];
    for (policies, end, asked) in table {
        let played = stuck(&policies);
        assert_eq!((class(&played), providers(&played)), (end, asked), "{policies}");
    }
}

/// Ten pieces of music whose replies are lost, with so much for what is sent again. Each costs two cents, and nobody can
/// be asked what became of it.
fn lost_music(total: &str) -> Played {
    let pieces: Vec<String> = (0..10).map(|number| format!("piece {number}")).collect();
    let music = json!({
        "each": pieces,
        "uses": "elevenlabs/music_v1",
        "with": { "prompt": "{{ item }}", "duration": 4 },
    });
    let pipeline = json!({ "motet": 1, "name": "music", "steps": { "music": music } });
    let scenario = json!({ "faults": [{ "fault": "reply_lost", "first": 10 }] });
    let mut story = Story { scenario: scenario.to_string(), ..Story::of(&pipeline.to_string()) };
    story.money.resend_total = total.parse().unwrap();
    let played = play(&story);
    assert_eq!(judge(&story, &played), [] as [String; 0]);
    played
}

#[test]
fn what_is_sent_again_without_knowing_costs_a_run_no_more_than_is_set_and_then_it_parks() {
    for (total, resent) in [("0", 0), ("0.05", 2), ("0.06", 3), ("1", 10)] {
        let played = lost_music(total);
        let mut spent = Money::ZERO;
        let mut count = 0;
        for event in played.turns.iter().flat_map(|turn| &turn.events) {
            if let Event::Attempt { event: AttemptEvent::Failed { resent: true, cost, .. }, .. } = event {
                count += 1;
                spent += cost.amount;
            }
        }
        assert_eq!((count, played.ledger.len()), (resent, 10 + resent), "of ${total}");
        assert!(spent <= total.parse().unwrap(), "{spent} of ${total}");
        assert_eq!(played.end == End::Parked, resent < 10, "of ${total}: {:?}", played.end);
    }
}

#[test]
fn a_request_whose_job_a_person_names_wrongly_and_then_cancels_may_be_billed() {
    for model in ["replicate/bytedance/seedance-1-lite", "fal/fal-ai/flux/schnell"] {
        let step = json!({ "uses": model, "with": { "prompt": "a boat" }, "on_unknown": "park" });
        let text = json!({ "motet": 1, "name": "one", "steps": { "one": step } }).to_string();
        // Somebody decides after an hour.
        let cancel_after = Some(60 * 60_000 + 2_000);
        let decisions = vec![Decision::Job(STRANGE_JOB.into())];
        let story = Story { cancel_after, decisions, ..Story::of(&text) };
        let lost =
            json!([{ "fault": "reply_lost", "on": "create" }, { "fault": "error_before", "on": "list" }]);
        let played = lawful(&with_faults(story, &lost));
        assert!(matches!(played.end, End::Over(RunEnd::Cancelled { .. })), "{model}: {:?}", played.end);
        let cancels = |request: &&Json| request["operation"] == "cancel" && request["status"] == 404;
        assert_eq!(played.requests.iter().filter(cancels).count(), 1, "{model}");
        let charge = &played.charges[0];
        assert_eq!(charge.cost, Cost::maybe(charge.estimate), "{model}");
        assert!(amount(&played.ledger[0]["charged_usd"]) > 0.0, "{model}");
    }
}

/// A film, or a picture that is billed by the time it takes, that is cancelled while its reply is awaited, which is so late
/// that nobody waits for it any more. What was taken never ends by itself.
fn cancelled_before_its_reply(model: &str, lives: Vec<Passing>) -> Played {
    let step = json!({ "uses": model, "with": { "prompt": "a boat" } });
    let text = json!({ "motet": 1, "name": "one", "steps": { "one": step } }).to_string();
    let story = Story { cancel_after: Some(2_000), lag: Span::minutes(20), lives, ..Story::of(&text) };
    lawful(&with_faults(story, &json!([{ "fault": "stuck" }])))
}

#[test]
fn a_request_that_is_cancelled_before_its_reply_comes_is_found_and_its_job_cancelled_there() {
    let dies = |doom| vec![Passing { doom, away: Span::seconds(30) }];
    let is_abandoned =
        |event: &Event| matches!(event, Event::Attempt { event: AttemptEvent::Abandoned { .. }, .. });
    let is_doubted =
        |event: &Event| matches!(event, Event::Attempt { event: AttemptEvent::Doubted { .. }, .. });
    for model in [BY_TIME, "replicate/bytedance/seedance-1-lite"] {
        let lives = [
            vec![],
            dies(Doom::Durable(is_abandoned)),
            dies(Doom::Lost(is_doubted)),
            dies(Doom::Durable(is_doubted)),
        ];
        for (way, lives) in lives.into_iter().enumerate() {
            let has_died = !lives.is_empty();
            let played = cancelled_before_its_reply(model, lives);
            assert_eq!(played.crashes.len(), usize::from(has_died), "{model}, {way}");
            assert!(
                matches!(played.end, End::Over(RunEnd::Cancelled { .. })),
                "{model}, {way}: {:?}",
                played.end
            );
            let cancels = played.requests.iter().filter(|request| request["operation"] == "cancel").count();
            assert_eq!((played.ledger.len(), cancels), (1, 1), "{model}, {way}");
            let (charged, charge) = (amount(&played.ledger[0]["charged_usd"]), &played.charges[0]);
            assert!(
                (dollars(charge.cost.amount) - charged).abs() < TINY,
                "{model}, {way}: {charged} as {charge:?}"
            );
            assert_ne!(charge.cost.basis, Basis::Maybe, "{model}, {way}");
        }
    }
}
