//! Films, and what is paid for them.

use std::sync::Arc;

use motet::RunEnd;
use motet::language::{Timestamp, Value};
use motet::settings::MoneySettings;
use motet::world::virtual_time::run;

use crate::life::{Doom, Life};
use crate::providers::{Providers, amount};
use crate::stage::EPOCH;

/// Plays `text` to its end against simulated providers.
fn play(text: &str, scenario: &str) -> (RunEnd, Providers, Vec<motet::store::Charge>) {
    run(async {
        let providers = Providers::new(7, scenario);
        let world = providers.world(EPOCH, 7, &Life::new(Doom::Never));
        let motet = providers.builder(MoneySettings::default()).world(Arc::new(world)).open().await.unwrap();
        let pipeline = motet.load_text(text).unwrap_or_else(|error| panic!("{error}"));
        let started = motet.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap();
        let end = started.wait().await.unwrap();
        let mut charges = Vec::new();
        motet
            .store()
            .charges(None, Timestamp(0), |charge| {
                charges.push(charge);
                true
            })
            .unwrap();
        (end, providers, charges)
    })
}

fn outputs(end: &RunEnd) -> &Value {
    match end {
        RunEnd::Completed { outputs, .. } => outputs,
        other => panic!("the run did not complete: {other:?}"),
    }
}

pub const STILL: &str = r#"
motet: 1
name: still
steps:
  still:
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: a boat, aspect_ratio: "16:9", output_format: png }
outputs: { image: "{{ steps.still.image }}" }
"#;

#[test]
fn a_picture_is_asked_for_once_paid_once_and_kept() {
    let (end, providers, charges) = play(STILL, "");
    let image = outputs(&end).get("image").and_then(Value::as_artifact).cloned().unwrap();
    assert!(image.width > image.height && image.mime == "image/png", "{image:?}");
    let ledger = providers.ledger();
    assert_eq!(ledger.len(), 1, "{ledger:#?}");
    assert!(ledger[0]["attempt_key"].as_str().unwrap().ends_with("/still/1"), "{ledger:#?}");
    assert_eq!((charges.len(), charges[0].attempt, charges[0].failed), (1, 1, false));
    let ours: f64 = charges[0].cost.amount.to_string().parse().unwrap();
    assert!((ours - providers.charged()).abs() < 1e-9, "{charges:?} {ledger:#?}");
}

#[test]
fn three_providers_make_one_film_together() {
    let (end, providers, charges) = play(FILM, "");
    let found = outputs(&end);
    for (name, kind) in [("image", "image"), ("clip", "video"), ("voice", "audio")] {
        let artifact = found.get(name).and_then(Value::as_artifact).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(artifact.kind.word(), kind);
    }
    let ledger = providers.ledger();
    assert_eq!(ledger.len(), 3, "{ledger:#?}");
    assert!(ledger.iter().all(|line| line["violation"].is_null()), "{ledger:#?}");
    assert_eq!(charges.len(), 3);
    assert!(charges.iter().all(|charge| charge.ended_at.is_some() && !charge.failed), "{charges:#?}");
}

pub const FILM: &str = r#"
motet: 1
name: film
budget: 5
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat, output_format: png } }
  clip:
    uses: fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video
    with: { prompt: it sails, image: "{{ steps.still.image }}", duration: 5 }
    timeout: 30m
  voice: { uses: elevenlabs/eleven_turbo_v2_5, with: { text: Here it sails. } }
outputs:
  image: "{{ steps.still.image }}"
  clip: "{{ steps.clip.video }}"
  voice: "{{ steps.voice.audio }}"
"#;

#[test]
fn a_reply_that_is_lost_is_looked_for_and_the_job_is_not_made_again() {
    let scenario = r#"{ "faults": [{ "provider": "replicate", "fault": "reply_lost", "first": 1 }] }"#;
    let (end, providers, charges) = play(STILL, scenario);
    outputs(&end);
    let ledger = providers.ledger();
    assert_eq!(ledger.len(), 1, "{ledger:#?}");
    assert_eq!(charges.len(), 1, "{charges:#?}");
}

#[test]
fn what_was_refused_before_any_work_is_asked_again_and_paid_once() {
    for fault in ["refuse", "throttle", "throttle_no_hint"] {
        let scenario =
            format!(r#"{{ "faults": [{{ "provider": "replicate", "fault": "{fault}", "first": 2 }}] }}"#);
        let (end, providers, _) = play(STILL, &scenario);
        outputs(&end);
        let paid = providers.ledger().iter().filter(|line| amount(&line["charged_usd"]) > 0.0).count();
        assert_eq!(paid, 1, "{fault}");
    }
}
