//! The table of restarts: what is durable when a process dies, and what the provider says to the next one.

use std::fmt::Write as _;

use motet::RunEnd;
use motet::engine::{AttemptEvent, Event};
use motet::language::Span;
use serde_json::{Value as Json, json};

use crate::laws::judge;
use crate::life::Doom;
use crate::play::{End, Played, play};
use crate::providers::amount;
use crate::story::{Passing, Story};

/// What is durable when the process dies.
const DURABLE: [(&str, Doom); 7] = [
    (
        "intent, not sent",
        Doom::Durable(|event| is(event, |event| matches!(event, AttemptEvent::Planned { .. }))),
    ),
    ("intent, sent", Doom::Taken),
    ("job", Doom::Durable(|event| is(event, |event| matches!(event, AttemptEvent::Accepted { .. })))),
    ("job, running", Doom::Durable(|event| is(event, |event| matches!(event, AttemptEvent::Began { .. })))),
    ("job, result", Doom::Durable(|event| is(event, |event| matches!(event, AttemptEvent::Finished {})))),
    ("bytes", Doom::Lost(|event| is(event, |event| matches!(event, AttemptEvent::Succeeded { .. })))),
    ("all", Doom::Durable(|event| is(event, |event| matches!(event, AttemptEvent::Succeeded { .. })))),
];

fn is(event: &Event, wanted: fn(&AttemptEvent) -> bool) -> bool {
    matches!(event, Event::Attempt { event, .. } if wanted(event))
}

/// What the provider says to whoever comes then.
fn sayings() -> [(&'static str, Json); 7] {
    [
        ("what there is", json!([])),
        ("it failed", json!([{ "fault": "job_failed" }])),
        ("content", json!([{ "fault": "content" }])),
        ("not yet, ever", json!([{ "fault": "stuck" }])),
        (
            "nothing for a while",
            json!([{ "fault": "error_before", "on": ["read", "list", "output"], "first": 6 }]),
        ),
        ("nothing at all", json!([{ "fault": "refuse", "on": ["list", "read", "output"] }])),
        ("no such file", json!([{ "fault": "url_expired" }])),
    ]
}

const CALLS: [(&str, &str, &str); 4] = [
    ("replicate", "replicate/black-forest-labs/flux-schnell", "prompt"),
    ("fal", "fal/fal-ai/flux/schnell", "prompt"),
    ("elevenlabs speech", "elevenlabs/eleven_turbo_v2_5", "text"),
    ("elevenlabs music", "elevenlabs/music_v1", "prompt"),
];

#[test]
fn the_table_of_restarts() {
    let mut table = String::new();
    for (call, model, input) in CALLS {
        for (durable, doom) in DURABLE {
            for away in [Span::seconds(3), Span::minutes(120)] {
                for (saying, faults) in sayings() {
                    let length = if call.ends_with("music") {
                        json!({ input: "a boat", "duration": 4 })
                    } else {
                        json!({ input: "a boat" })
                    };
                    let step = json!({ "uses": model, "with": length, "retry": { "attempts": 1 }, "on_unknown": "park" });
                    let pipeline = json!({ "motet": 1, "name": "one", "steps": { "one": step } }).to_string();
                    let mut story = Story::of(&pipeline);
                    story.scenario = json!({ "faults": faults }).to_string();
                    story.lives = vec![Passing { doom, away }];
                    let played = play(&story);
                    assert_eq!(
                        judge(&story, &played),
                        [] as [String; 0],
                        "{call}, {durable}, {away}, {saying}"
                    );
                    // Otherwise the call never comes so far.
                    if played.crashes.len() == 1 {
                        let away = away.to_string();
                        let _ = writeln!(
                            table,
                            "{call:<17} | {durable:<16} | {away:<4} | {saying:<19} | {}",
                            came_of(&played)
                        );
                    }
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

/// How it ended, how often it was sent, what was charged and how that is booked.
fn came_of(played: &Played) -> String {
    let end = match &played.end {
        End::Over(RunEnd::Completed { .. }) => "completed".to_owned(),
        End::Over(RunEnd::Failed { failure, .. }) => format!("failed: {}", failure.class),
        End::Parked => {
            let message = played.row.as_ref().and_then(|row| row.message.clone()).unwrap_or_default();
            format!("parked: {message}")
        }
        end => format!("{end:?}"),
    };
    let charged = played.ledger.iter().filter(|line| amount(&line["charged_usd"]) > 0.0).count();
    let booked: Vec<&str> = played
        .charges
        .iter()
        .map(|charge| match (charge.ended_at, charge.cost.is_none()) {
            (None, _) => "open",
            (_, true) => "nothing",
            _ => charge.cost.basis.word(),
        })
        .collect();
    format!("{end:<17} | sent {} | charged {charged} | booked {}", played.ledger.len(), booked.join(", "))
}
