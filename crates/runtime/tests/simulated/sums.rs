//! Sums: what each kind of call costs, to the last digit, by our books and by those of the providers.

use std::sync::Arc;
use std::time::Duration;

use motet::language::money::Basis;
use motet::language::{Money, Span, Timestamp, Value};
use motet::providers::prices::PriceBook;
use motet::settings::MoneySettings;
use motet::store::{Charge, Store};
use motet::world::virtual_time::run;
use motet::{Motet, RunEnd};
use serde_json::{Value as Json, json};

use crate::laws::judge;
use crate::life::{Doom, Life};
use crate::play::play;
use crate::providers::{Providers, amount};
use crate::stage::EPOCH;
use crate::story::Story;

/// What the last of these steps cost, by our books and by those of its provider.
fn cost_of(steps: &Json) -> (Charge, f64) {
    let story = Story::of(&json!({ "motet": 1, "name": "sum", "steps": steps }).to_string());
    let played = play(&story);
    assert_eq!(judge(&story, &played), [] as [String; 0]);
    assert!(played.end.is_completed(), "{steps}: {:?}", played.end);
    let charge = played.charges.iter().find(|charge| charge.step.as_str() == "it").cloned().unwrap();
    let is_its = |line: &&Json| line["attempt_key"].as_str().unwrap().contains("/it/");
    let theirs = played.ledger.iter().filter(is_its).map(|line| amount(&line["charged_usd"])).sum();
    (charge, theirs)
}

fn step(uses: &str, with: &Json) -> Json {
    json!({ "uses": uses, "with": with })
}

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn what_a_server_says_that_a_request_cost_is_booked_and_a_lost_reply_at_what_it_may_cost() {
    let ask = json!({ "url": "https://api.example.com/make", "json": { "n": 1 }, "cost": 0.06 });
    let told = |fault: Option<&str>| {
        let steps = json!({ "it": step("http/request", &ask) });
        let pipeline = json!({ "motet": 1, "name": "sum", "steps": steps }).to_string();
        let entry =
            json!({ "url": "https://api.example.com/*", "headers": { "motet-cost": "0.02" }, "delay": 3 });
        let mut story = Story::of(&pipeline);
        story.scenario =
            json!({ "http": [entry], "faults": fault.map(|fault| json!({ "fault": fault })).as_slice() })
                .to_string();
        let played = play(&story);
        assert_eq!(judge(&story, &played), [] as [String; 0], "{fault:?}");
        let paid = played.ledger.iter().map(|line| amount(&line["charged_usd"])).collect::<Vec<_>>();
        (played.end.is_completed(), played.charges[0].clone(), paid)
    };
    let (is_completed, charge, paid) = told(None);
    assert_eq!((is_completed, charge.cost.basis, charge.cost.amount), (true, Basis::Billed, dollars("0.02")));
    assert_eq!(paid, [0.02]);
    let (is_completed, charge, paid) = told(Some("reply_lost"));
    // Nobody knows: it is parked, with the most that it may cost kept for it.
    assert_eq!((is_completed, charge.ended_at, charge.estimate), (false, None, dollars("0.06")));
    assert_eq!(paid, [0.02]);
}

#[test]
fn what_a_call_costs_is_what_its_provider_charges_to_the_last_digit() {
    let words = "Ahoi \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}! Cafe\u{301}.";
    assert_eq!(words.chars().count(), 18, "whatever it looks like");
    let table = [
        // By image: $3 a thousand.
        ("replicate/black-forest-labs/flux-schnell", json!({ "prompt": "a boat", "count": 4 }), "0.012"),
        // By image and size.
        ("replicate/google/nano-banana-pro", json!({ "prompt": "a boat", "resolution": "1K" }), "0.15"),
        ("replicate/google/nano-banana-pro", json!({ "prompt": "a boat", "resolution": "4K" }), "0.3"),
        // By megapixel, of which 1024 × 1024 is one, and fal counts parts.
        ("fal/fal-ai/flux/schnell", json!({ "prompt": "a boat", "aspect_ratio": "1:1" }), "0.003"),
        ("fal/fal-ai/flux/schnell", json!({ "prompt": "a boat", "width": 1024, "height": 1024 }), "0.003"),
        (
            "fal/fal-ai/flux/schnell",
            json!({ "prompt": "a boat", "width": 1040, "height": 1024, "count": 3 }),
            "0.009140625",
        ),
        // By second and resolution.
        (
            "replicate/bytedance/seedance-1-lite",
            json!({ "prompt": "a boat", "duration": 5, "resolution": "480p" }),
            "0.09",
        ),
        (
            "replicate/bytedance/seedance-1-lite",
            json!({ "prompt": "a boat", "duration": 5, "resolution": "720p" }),
            "0.18",
        ),
        (
            "fal/fal-ai/minimax/hailuo-02/standard/text-to-video",
            json!({ "prompt": "a boat", "duration": 10 }),
            "0.45",
        ),
        // By second, with sound and without.
        ("fal/fal-ai/veo3", json!({ "prompt": "a boat", "duration": 4, "generate_audio": false }), "0.8"),
        ("fal/fal-ai/veo3", json!({ "prompt": "a boat", "duration": 4, "generate_audio": true }), "1.6"),
        // By character, and a character is a code point.
        ("elevenlabs/eleven_turbo_v2_5", json!({ "text": words }), "0.00072"),
        ("elevenlabs/eleven_v3", json!({ "text": words }), "0.00144"),
        ("replicate/elevenlabs/turbo-v2.5", json!({ "text": words }), "0.0009"),
        ("fal/fal-ai/elevenlabs/tts/turbo-v2.5", json!({ "text": words }), "0.0009"),
        // By second of music, and by piece.
        ("elevenlabs/music_v1", json!({ "prompt": "strings", "duration": 4 }), "0.02"),
        ("elevenlabs/eleven_text_to_sound_v2", json!({ "text": "a wave" }), "0.12"),
    ];
    let mut wrong = Vec::new();
    for (uses, with, expected) in table {
        let (charge, theirs) = cost_of(&json!({ "it": step(uses, &with) }));
        let expected: Money = expected.parse().unwrap();
        let number: f64 = expected.to_string().parse().unwrap();
        if charge.cost.amount != expected || (theirs - number).abs() > 1e-12 {
            wrong.push(format!("{uses} {with}: {expected}, booked {}, charged {theirs}", charge.cost.amount));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_billed_by_what_is_measured_costs_what_its_provider_measured() {
    let voice = step("elevenlabs/eleven_turbo_v2_5", &json!({ "text": "To be or not to be." }));
    let words = step("elevenlabs/scribe_v1", &json!({ "audio": "{{ steps.voice.audio }}" }));
    let picture =
        step("replicate/stability-ai/sdxl", &json!({ "prompt": "a boat", "width": 512, "height": 512 }));
    for steps in [json!({ "voice": voice, "it": words }), json!({ "it": picture })] {
        let (charge, theirs) = cost_of(&steps);
        let ours: f64 = charge.cost.amount.to_string().parse().unwrap();
        assert!(theirs > 0.0 && (ours - theirs).abs() < 1e-8, "{steps}: booked {ours}, charged {theirs}");
        assert_ne!(charge.cost.basis, Basis::Maybe);
    }
}

/// A picture, an hour after the beginning.
const LATER: &str = r#"
motet: 1
name: later
steps:
  nap: { uses: flow/sleep, with: { duration: 1h } }
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat }, needs: [nap] }
"#;

async fn open(providers: &Providers, store: &Store, prices: Option<PriceBook>, at: Timestamp) -> Motet {
    let world = providers.world(at, 7, &Life::new(Doom::Never));
    let builder = providers.builder(MoneySettings::default()).shared_store(store.clone());
    let builder = prices.into_iter().fold(builder, |builder, prices| builder.prices(prices));
    builder.world(Arc::new(world)).open().await.unwrap()
}

#[test]
fn a_run_keeps_the_prices_that_it_was_started_with() {
    let dearer = r#"{ "prices": [{ "provider": "replicate", "model": "black-forest-labs/flux-schnell",
        "unit": "image", "per": 1, "usd": "1" }] }"#;
    let charges = run(async {
        let (providers, store) = (Providers::new(7, ""), Store::in_memory().unwrap());
        let first = open(&providers, &store, None, EPOCH).await;
        let pipeline = first.load_text(LATER).unwrap();
        first.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        first.close().await;
        let later = EPOCH.after(Span::minutes(1));
        let second = open(&providers, &store, Some(PriceBook::read(dearer).unwrap()), later).await;
        let [older] = &second.resume().await.unwrap()[..] else { panic!("one run is unfinished") };
        assert!(matches!(older.wait().await.unwrap(), RunEnd::Completed { .. }));
        let pipeline = second.load_text(LATER).unwrap();
        let newer = second.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap();
        assert!(matches!(newer.wait().await.unwrap(), RunEnd::Completed { .. }));
        let mut charges = Vec::new();
        let add = |charge: Charge| {
            charges.push((charge.estimate.to_string(), charge.cost.amount.to_string()));
            true
        };
        second.store().charges(None, Timestamp(0), add).unwrap();
        charges
    });
    let of = |money: &str| (money.to_owned(), money.to_owned());
    assert_eq!(charges, [of("0.003"), of("1")]);
}
