//! What users of other gateways complain of, as the simulator's ledger has it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use motet::RunEnd;
use motet::engine::{AttemptEvent, Decision, Event, ParkReason, StepEvent};
use motet::language::money::Basis;
use motet::language::plan;
use motet::language::{Cost, Money, Span, Timestamp};
use motet_sim::{Answer, Body, Reply, Request};
use serde_json::{Value as Json, json};

use crate::laws::{dollars, lawful, paid};
use crate::life::Doom;
use crate::play::{End, Played, id_of, play, play_at};
use crate::providers::{KEY, Providers, amount};
use crate::stage::agreement::assert_readings_agree;
use crate::story::{Passing, Story, with_faults};

/// A piece of music: a call that can't be asked about.
fn music(policies: &Json) -> Story {
    let mut step = json!({ "uses": "elevenlabs/music_v1", "with": { "prompt": "strings", "duration": 4 } });
    step.as_object_mut().unwrap().extend(policies.as_object().unwrap().clone());
    Story::of(&json!({ "motet": 1, "name": "music", "steps": { "music": step } }).to_string())
}

/// A picture with some policies.
fn still(policies: &Json) -> Story {
    let mut step =
        json!({ "uses": "replicate/black-forest-labs/flux-schnell", "with": { "prompt": "a boat" } });
    step.as_object_mut().unwrap().extend(policies.as_object().unwrap().clone());
    Story::of(&json!({ "motet": 1, "name": "still", "steps": { "still": step } }).to_string())
}

fn class(played: &Played) -> &str {
    match &played.end {
        End::Over(RunEnd::Failed { failure, .. }) => failure.class.word(),
        End::Over(RunEnd::Completed { .. }) => "completed",
        End::Parked => "parked",
        _ => "neither",
    }
}

fn is_create(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| name == "motet-attempt")
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter().chain(&[("content-type", "application/json")]);
    Reply::Answer(Answer {
        after: std::time::Duration::ZERO,
        status,
        headers: headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Body::Whole(body.to_owned().into()),
    })
}

/// Providers whose first `count` replies to paid requests are others: nothing was taken.
fn answering(count: u32, reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Providers {
    let refuse =
        r#"{ "faults": [{ "fault": "refuse", "first": COUNT }] }"#.replace("COUNT", &count.to_string());
    let left = AtomicU32::new(count);
    Providers::new(7, &refuse).twisted(move |request, real| {
        let is_next = is_create(request)
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_next { reply(request) } else { real }
    })
}

#[test]
fn a_call_that_is_never_answered_leaves_once_and_is_booked_as_perhaps_billed() {
    let never = || {
        let left = AtomicU32::new(1);
        Providers::new(7, "").twisted(move |request, real| {
            let is_first = is_create(request)
                && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if is_first { Reply::Lost { after: std::time::Duration::from_secs(3600) } } else { real }
        })
    };
    let retry = json!({ "attempts": 3 });
    let parks = music(&json!({ "retry": retry, "on_unknown": "park" }));
    let played = play_at(&parks, &never());
    assert_eq!((class(&played), played.ledger.len(), played.charges.len()), ("parked", 1, 1));
    assert_eq!(played.charges[0].ended_at, None, "its money stays reserved");

    let cheap = music(&json!({ "retry": retry }));
    let played = play_at(&cheap, &never());
    assert_eq!((class(&played), played.ledger.len(), played.charges.len()), ("completed", 2, 2));
    assert_eq!((played.charges[0].cost.basis, played.charges[0].failed), (Basis::Maybe, true));
}

#[test]
fn a_provider_that_refuses_connections_is_asked_again_and_nothing_is_unknown() {
    let played = lawful(&with_faults(
        still(&json!({ "retry": { "attempts": 4 } })),
        &json!([{ "fault": "refuse", "first": 3 }]),
    ));
    assert_eq!((class(&played), paid(&played)), ("completed", 1));
    let is_unknown = |event: &Event| {
        matches!(
            event,
            Event::Attempt { event: AttemptEvent::Doubted { .. } | AttemptEvent::Unknown { .. }, .. }
        )
    };
    assert!(!played.turns.iter().flat_map(|turn| &turn.events).any(is_unknown));
}

#[test]
fn a_job_behind_a_gateways_timeout_is_found_and_not_made_again() {
    for (provider, model) in [
        ("replicate", "replicate/black-forest-labs/flux-schnell"),
        ("fal", "fal/fal-ai/flux/schnell"),
        ("elevenlabs", "elevenlabs/eleven_turbo_v2_5"),
    ] {
        for fault in ["error_after", "reply_lost", "html", "bad_json"] {
            let with = if provider == "elevenlabs" {
                json!({ "text": "a boat" })
            } else {
                json!({ "prompt": "a boat" })
            };
            let step = json!({ "uses": model, "with": with, "on_unknown": "park" });
            let story =
                Story::of(&json!({ "motet": 1, "name": "one", "steps": { "one": step } }).to_string());
            let mut rule = json!({ "fault": fault, "first": 1 });
            if fault == "error_after" {
                rule["status"] = json!(504);
            }
            let played = lawful(&with_faults(story, &json!([rule])));
            let found = (class(&played), played.ledger.len(), paid(&played));
            assert_eq!(found, ("completed", 1, 1), "{provider}: {fault}");
        }
    }
}

#[test]
fn a_process_that_dies_before_it_knows_its_job_asks_before_it_sends() {
    let dies = vec![Passing { doom: Doom::Taken, away: Span::seconds(3) }];
    let played = lawful(&Story { lives: dies.clone(), ..still(&json!({})) });
    assert_eq!((class(&played), played.ledger.len(), paid(&played)), ("completed", 1, 1));
    let played = lawful(&Story { lives: dies, ..music(&json!({ "on_unknown": "park" })) });
    assert_eq!((class(&played), played.ledger.len()), ("parked", 1));
}

/// When paid requests were made.
fn moments(played: &Played) -> Vec<Timestamp> {
    let at = |line: &Json| {
        Timestamp(line["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond())
    };
    played.ledger.iter().map(at).collect()
}

#[test]
fn a_provider_that_says_when_to_come_again_is_not_asked_earlier() {
    let shape = r#"{"detail":"Request was throttled.","status":429}"#;
    let in_body = r#"{"detail":"Request was throttled.","status":429,"retry_after":8}"#;
    let in_words = r#"{"detail":"Request was throttled. Your rate limit resets in ~30s.","status":429}"#;
    // The date is two minutes after the beginning of all stories.
    let date = "Fri, 15 Jan 2027 08:02:00 GMT";
    type Said<'a> = (&'a [(&'a str, &'a str)], &'a str);
    let table: [(Said, u64, u64); 9] = [
        ((&[("retry-after", "2")], shape), 2_000, 60_000),
        ((&[("retry-after", "0.5")], shape), 500, 60_000),
        ((&[("retry-after-ms", "1500")], shape), 1_500, 60_000),
        ((&[("retry-after", date)], shape), 119_000, 180_000),
        ((&[("retry-after", "600")], shape), 600_000, 660_000),
        ((&[("retry-after", "-1")], shape), 0, 60_000),
        ((&[("retry-after", "soon")], shape), 0, 60_000),
        ((&[], in_body), 8_000, 60_000),
        ((&[], in_words), 30_000, 60_000),
    ];
    for ((headers, body), least, most) in table {
        let providers = answering(1, {
            let headers: Vec<(String, String)> =
                headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let body = body.to_owned();
            move |_| {
                let headers: Vec<(&str, &str)> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                answer(429, &headers, &body)
            }
        });
        // Nobody is there in the middle of a long wait.
        let lives = if least > 100_000 {
            vec![Passing { doom: Doom::After(60_000), away: Span::seconds(30) }]
        } else {
            Vec::new()
        };
        let story = Story { lives, ..still(&json!({})) };
        let played = play_at(&story, &providers);
        let at = moments(&played);
        assert_eq!((class(&played), at.len(), paid(&played)), ("completed", 2, 1), "{headers:?} {body}");
        let waited = at[1].since(at[0]).0;
        assert!((least..=most).contains(&waited), "{headers:?} {body}: {waited} ms");
        assert_eq!(played.crashes.len(), story.lives.len());
    }
}

#[test]
fn an_account_without_credit_is_asked_once_and_the_fallback_is_taken() {
    for (provider, model, free, with) in [
        ("replicate", "replicate/black-forest-labs/flux-schnell", "task/card", json!({ "prompt": "a boat" })),
        ("fal", "fal/fal-ai/flux/schnell", "task/card", json!({ "prompt": "a boat" })),
        ("elevenlabs", "elevenlabs/eleven_turbo_v2_5", "task/hush", json!({ "text": "a boat" })),
    ] {
        for (fallback, end) in [(json!([{ "uses": free }]), "completed"), (json!([]), "quota")] {
            let step =
                json!({ "uses": model, "with": with, "retry": { "attempts": 3 }, "fallback": fallback });
            let mut story =
                Story::of(&json!({ "motet": 1, "name": "one", "steps": { "one": step } }).to_string());
            story.scenario = json!({ "credit": { provider: 0.0 } }).to_string();
            let played = play(&story);
            let found = (class(&played), played.ledger.len(), paid(&played));
            assert_eq!(found, (end, 1, 0), "{provider}");
        }
    }
}

/// The most attempts that `motet plan` shows for the only step.
fn attempts_max(played: &Played) -> u32 {
    let plan::Body::Operation(targets) = &played.plan.as_ref().unwrap().root.steps[0].body else {
        panic!("a call")
    };
    targets.iter().map(|target| target.retry.iter().map(|rule| rule.attempts).max().unwrap_or(1)).sum()
}

#[test]
fn three_providers_with_two_keys_each_are_sent_no_more_than_the_plan_shows_and_one_for_each_further_key() {
    let voice = json!({
        "uses": "elevenlabs/eleven_turbo_v2_5",
        "with": { "text": "a boat" },
        "retry": { "attempts": 3, "on": ["any"], "backoff": "1s" },
        "fallback": [
            { "uses": "replicate/elevenlabs/turbo-v2.5", "on": ["any"] },
            { "uses": "fal/fal-ai/elevenlabs/tts/turbo-v2.5", "on": ["any"] },
        ],
        "on_unknown": "retry",
    });
    let text = json!({ "motet": 1, "name": "voice", "steps": { "voice": voice } }).to_string();
    let always = |fault: &str| json!({ "faults": [{ "fault": fault }] });
    let wrong = json!({ "keys": { "elevenlabs": ["other"], "replicate": ["other"], "fal": ["other"] } });
    let poor = json!({ "credit": { "elevenlabs": 0.0, "replicate": 0.0, "fal": 0.0 } });
    let scenarios =
        ["refuse", "error_before", "error_after", "reply_lost", "html", "job_failed", "media_wrong"];
    for scenario in scenarios.map(always).into_iter().chain([wrong, poor]) {
        let story = Story { scenario: scenario.to_string(), ..Story::of(&text) };
        let played = play_at(&story, &Providers::new(7, &story.scenario).with_keys(&[&["one", "two"]]));
        let most = attempts_max(&played);
        assert_eq!(most, 9, "three of each");
        // A key that is refused is no attempt.
        let most = most as usize + 3;
        let sent = played.ledger.len();
        let asked: BTreeSet<&str> =
            played.ledger.iter().map(|line| line["provider"].as_str().unwrap()).collect();
        match class(&played) {
            // What was taken is found.
            "completed" => assert_eq!(sent, 1, "{scenario}"),
            _ => assert!(asked.len() == 3 && sent <= most, "{scenario}: {sent} to {asked:?}"),
        }
    }
}

#[test]
fn words_of_a_prompt_that_a_refusal_repeats_change_nothing() {
    let body = r#"{"detail":"input is invalid: `429 Too Many Requests 403 rate limit quota exceeded`","status":422,"title":"Input validation failed"}"#;
    let providers = answering(9, move |_| answer(422, &[], body));
    let played = play_at(&still(&json!({ "retry": { "attempts": 3 } })), &providers);
    assert_eq!((class(&played), played.ledger.len()), ("invalid", 1));
}

#[test]
fn what_is_refused_for_its_content_is_asked_of_nobody_else_unless_that_is_written() {
    let on = |classes: Json| json!([{ "uses": "fal/fal-ai/flux/schnell", "on": classes }]);
    let silent = json!([{ "uses": "fal/fal-ai/flux/schnell" }]);
    for (fallback, end, asked) in [(silent, "content", 1), (on(json!(["content"])), "completed", 2)] {
        let story = still(&json!({ "retry": { "attempts": 3 }, "fallback": fallback }));
        let played = lawful(&with_faults(story, &json!([{ "provider": "replicate", "fault": "content" }])));
        assert_eq!((class(&played), played.ledger.len()), (end, asked));
        assert_eq!(amount(&played.ledger[0]["charged_usd"]), 0.0);
    }
}

#[test]
fn a_provider_that_fails_five_times_in_a_row_is_left_alone_for_a_minute() {
    let story = still(&json!({ "retry": { "attempts": 9, "backoff": "1s", "jitter": false, "factor": 1 } }));
    let played = lawful(&with_faults(story, &json!([{ "fault": "refuse", "first": 5 }])));
    let at = moments(&played);
    assert_eq!((class(&played), at.len()), ("completed", 6));
    assert!(at[4].since(at[0]).0 < 30_000, "{at:?}");
    assert!(at[5].since(at[4]).0 >= 60_000, "{at:?}");
}

#[test]
fn regression_20_alianhub_571_of_many_calls_that_race_for_the_last_cent_no_more_leave_than_it_pays() {
    let items: Vec<usize> = (0..200).collect();
    let step = json!({
        "each": items,
        "uses": "replicate/black-forest-labs/flux-schnell",
        "with": { "prompt": "boat {{ item }}" },
    });
    // Three thousandths of a dollar each.
    let pipeline =
        json!({ "motet": 1, "name": "race", "budget": "0.03", "steps": { "still": step } }).to_string();
    let unknown = json!([{ "fault": "reply_lost", "first": 3 }, { "fault": "error_before", "on": "list" }]);
    for faults in [json!([]), unknown] {
        let mut story = with_faults(Story::of(&pipeline), &faults);
        story.money.resend_total = motet::language::Money::ZERO;
        story.lives = vec![Passing { doom: Doom::Moment(40), away: Span::seconds(1) }];
        let played = play(&story);
        assert_eq!(class(&played), "parked", "{faults}");
        // What nobody knows about keeps its part, also if it never left.
        let is_known = faults == json!([]);
        assert!(played.ledger.len() == 10 || (!is_known && played.ledger.len() < 10), "{faults}");
        let charged: f64 = played.ledger.iter().map(|line| amount(&line["charged_usd"])).sum();
        assert!(charged < 0.03 + 1e-9, "{charged}");
    }
}

#[test]
fn a_key_that_a_provider_repeats_is_in_no_text_that_is_kept() {
    for status in [400, 401, 402, 403, 404, 422, 429, 500, 503] {
        let providers = answering(1, move |request| {
            let key = request.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
            assert!(key.contains(KEY));
            let body = json!({ "detail": format!("you sent {key} to us"), "status": status });
            answer(status, &[("x-echo", &key)], &body.to_string())
        });
        let played = play_at(&still(&json!({})), &providers);
        let told = played.turns.iter().flat_map(|turn| &turn.events).filter(|event| {
            matches!(
                event,
                Event::Step { event: StepEvent::Failed { .. }, .. }
                    | Event::Attempt {
                        event: AttemptEvent::Failed { .. } | AttemptEvent::Doubted { .. },
                        ..
                    }
            )
        });
        assert!(told.count() > 0, "{status}: it failed at least once");
        assert!(!format!("{:?}", played.turns).contains(KEY), "{status}");
    }
}

/// A speech, or a picture of fal: calls that come into a list later than they are taken.
fn late_in_lists(model: &str, policies: &Json) -> Story {
    let with =
        if model.starts_with("fal") { json!({ "prompt": "a boat" }) } else { json!({ "text": "a boat" }) };
    let mut step = json!({ "uses": model, "with": with });
    step.as_object_mut().unwrap().extend(policies.as_object().unwrap().clone());
    Story::of(&json!({ "motet": 1, "name": "late", "steps": { "late": step } }).to_string())
}

#[test]
fn a_job_that_is_queued_and_in_no_list_yet_is_not_taken_for_one_that_never_arrived() {
    let story = late_in_lists("fal/fal-ai/flux/schnell", &json!({ "on_unknown": "park" }));
    let lost = json!([{ "fault": "reply_lost", "first": 1 }]);
    let played = lawful(&with_faults(story.clone(), &lost));
    assert_eq!((class(&played), played.ledger.len(), paid(&played)), ("completed", 1, 1));
    let queued = json!([{ "fault": "reply_lost", "first": 1 }, { "fault": "slow_queue" }]);
    let played = lawful(&with_faults(story, &queued));
    assert_eq!((class(&played), played.ledger.len(), paid(&played)), ("completed", 1, 1));
}

#[test]
fn a_speech_that_is_being_made_while_its_process_dies_is_found_once_it_is_made() {
    let lives = vec![Passing { doom: Doom::Taken, away: Span::seconds(3) }];
    let story = Story { lives, ..late_in_lists("elevenlabs/eleven_turbo_v2_5", &json!({})) };
    let played = lawful(&with_faults(story, &json!([{ "fault": "slow_queue" }])));
    assert_eq!((class(&played), played.ledger.len(), paid(&played)), ("completed", 1, 1));
}

#[test]
fn a_gateway_that_fails_while_a_job_is_asked_about_or_fetched_ends_no_job() {
    for model in ["fal/fal-ai/flux/schnell", "replicate/black-forest-labs/flux-schnell"] {
        for (nth, status) in (1..=5).flat_map(|nth| [500, 502, 503, 504].map(|status| (nth, status))) {
            let step = json!({ "uses": model, "with": { "prompt": "a boat" }, "retry": { "attempts": 1 } });
            let story =
                Story::of(&json!({ "motet": 1, "name": "one", "steps": { "one": step } }).to_string());
            let rule =
                json!({ "fault": "error_before", "status": status, "on": ["read", "output"], "nth": nth });
            let played = lawful(&with_faults(story, &json!([rule])));
            let found = (class(&played), played.ledger.len(), paid(&played));
            assert_eq!(found, ("completed", 1, 1), "{model}: {status} at request {nth}");
        }
    }
}

#[test]
fn a_cancellation_that_gets_no_answer_is_repeated_until_it_gets_one() {
    for provider in ["replicate/bytedance/seedance-1-lite", "fal/fal-ai/veo3.1/fast"] {
        for fault in ["refuse", "throttle", "error_before", "error_after", "reply_lost", "bad_json", "html"] {
            let step = json!({ "uses": provider, "with": { "prompt": "a boat" } });
            let text = json!({ "motet": 1, "name": "film", "steps": { "clip": step } }).to_string();
            let story = Story { cancel_after: Some(15_000), ..Story::of(&text) };
            let played =
                lawful(&with_faults(story, &json!([{ "fault": fault, "on": "cancel", "first": 2 }])));
            let asked = played.requests.iter().filter(|request| request["operation"] == "cancel").count();
            // A status of success is an answer, whatever came with it.
            let least = if matches!(fault, "bad_json" | "html") { 1 } else { 2 };
            assert!(asked >= least, "{provider}, {fault}: it was asked {asked} times");
            assert!(matches!(played.end, End::Over(RunEnd::Cancelled { .. })), "{:?}", played.end);
            assert_eq!(paid(&played), 0, "{provider}, {fault}");
        }
    }
}

/// A picture of a model at `place`, for which a retry, and a fallback that costs, stand ready whatever happens.
fn still_at(place: &str, policies: &Json) -> Story {
    let mut step = json!({
        "uses": place,
        "with": { "prompt": "a boat" },
        "retry": { "attempts": 3, "on": ["any"] },
        "fallback": [{ "uses": "fal/fal-ai/flux/dev", "on": ["any"] }],
    });
    step.as_object_mut().unwrap().extend(policies.as_object().unwrap().clone());
    Story::of(&json!({ "motet": 1, "name": "still", "steps": { "still": step } }).to_string())
}

/// Models whose outputs lie at an address, at each provider that has such.
const STILLS: [&str; 2] = ["replicate/black-forest-labs/flux-schnell", "fal/fal-ai/flux/schnell"];

/// Why the step waits for somebody, if it does.
fn parked(played: &Played) -> Option<ParkReason> {
    let events = played.turns.iter().flat_map(|turn| &turn.events);
    let mut reasons = events.filter_map(|event| match event {
        Event::Step { event: StepEvent::Parked { reason, .. }, .. } => Some(*reason),
        _ => None,
    });
    reasons.next_back().filter(|_| played.end == End::Parked)
}

/// How often there was no file at the address of an output.
fn missed(played: &Played) -> usize {
    let is_miss = |request: &&Json| request["operation"] == "output" && request["status"] == 404;
    played.requests.iter().filter(is_miss).count()
}

#[test]
fn a_paid_output_that_is_gone_is_asked_for_once_more_and_bought_by_nobody_but_a_person() {
    let gone = json!([{ "fault": "url_expired" }]);
    for model in STILLS {
        let played = lawful(&with_faults(still_at(model, &json!({})), &gone));
        assert_eq!(parked(&played), Some(ParkReason::Expired), "{model}: {:?}", played.end);
        assert_eq!((played.ledger.len(), paid(&played), missed(&played)), (1, 1, 2), "{model}");
        assert_eq!(played.charges[0].ended_at, None, "{model}: its money stays reserved");

        // Whoever decides goes on, and what was paid is booked by what is known of it.
        for (decision, sent) in [(Decision::Fail, 1), (Decision::Send, 2)] {
            let story =
                Story { decisions: vec![decision.clone()], ..still_at(model, &json!({ "fallback": [] })) };
            let first = json!([{ "fault": "url_expired", "first": 1 }]);
            let played = lawful(&with_faults(story, &first));
            assert_eq!((played.ledger.len(), paid(&played)), (sent, sent), "{model}: {decision:?}");
            assert_eq!(played.end.is_completed(), decision == Decision::Send, "{model}: {:?}", played.end);
            let booked = played.charges[0].cost;
            assert_eq!(booked.basis, Basis::Computed, "{model}: {decision:?}");
            let charged = amount(&played.ledger[0]["charged_usd"]);
            assert!((dollars(booked.amount) - charged).abs() < 1e-9, "{model}: {booked:?} of {charged}");
        }
    }
}

#[test]
fn a_paid_output_that_has_another_address_by_now_is_fetched_from_there() {
    for model in STILLS {
        let moved = json!([{ "fault": "url_moved" }]);
        let played = lawful(&with_faults(still_at(model, &json!({})), &moved));
        assert!(played.end.is_completed(), "{model}: {:?}", played.end);
        assert_eq!((played.ledger.len(), paid(&played), missed(&played)), (1, 1, 1), "{model}");
    }
}

#[test]
fn a_paid_output_that_cannot_be_downloaded_for_a_while_is_waited_for() {
    for model in STILLS {
        for fault in ["error_before", "refuse", "throttle", "reply_lost"] {
            let down = json!([{ "fault": fault, "on": "output", "first": 12 }]);
            let played = lawful(&with_faults(still_at(model, &json!({})), &down));
            assert!(played.end.is_completed(), "{model}, {fault}: {:?}", played.end);
            assert_eq!((played.ledger.len(), paid(&played)), (1, 1), "{model}, {fault}");
        }
    }
}

#[test]
fn a_paid_output_that_cannot_be_downloaded_in_time_is_not_bought_again() {
    for model in STILLS {
        let policies = json!({ "retry": { "attempts": 3 }, "fallback": [{ "uses": "fal/fal-ai/flux/dev" }] });
        let down = json!([{ "fault": "error_before", "on": "output" }]);
        let played = lawful(&with_faults(still_at(model, &policies), &down));
        assert_eq!((class(&played), played.ledger.len(), paid(&played)), ("timeout", 1, 1), "{model}");
    }
}

#[test]
fn a_lost_request_at_an_unknown_price_may_be_billed_by_all_that_tell_of_it() {
    let step = json!({
        "uses": "http/request",
        "with": { "method": "POST", "url": "https://api.weather.example/now" },
        "on_unknown": "fail",
    });
    let story = Story::of(&json!({ "motet": 1, "name": "ask", "steps": { "ask": step } }).to_string());
    let story = with_faults(story, &json!([{ "fault": "reply_lost" }]));
    let played = lawful(&story);
    assert_eq!((class(&played), played.ledger.len()), ("unknown", 1));
    let mut events = played.turns.iter().flat_map(|turn| &turn.events);
    let journal = events.find_map(|event| match event {
        Event::Attempt { event: AttemptEvent::Failed { cost, .. }, .. } => Some(*cost),
        _ => None,
    });
    let maybe = Cost::maybe(Money::ZERO);
    assert_eq!((journal, played.charges[0].cost), (Some(maybe), maybe), "journal and tables");
    assert_readings_agree(played.plan.as_ref().unwrap(), &id_of(&story), &played.turns);
}
