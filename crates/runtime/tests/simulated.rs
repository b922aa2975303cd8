//! Whole runs against the simulated providers, under virtual time: what is sent, what is kept, what is paid.

mod stage;

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use motet::language::{Timestamp, Value};
use motet::settings::ProviderSettings;
use motet::settings::Settings;
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::wire;
use motet::{Builder, Motet, RunEnd};
use motet_sim::{Answer, Bases, Body, Options, Reply, Request, Scenario, Sim};
use serde_json::Value as Json;

use stage::EPOCH;

const ORIGIN: &str = "https://sim.example";

/// Simulated providers, and what they were asked.
#[derive(Clone)]
struct Providers(Arc<Mutex<Sim>>);

impl Providers {
    fn new(seed: u64, scenario: &str) -> Providers {
        let scenario =
            if scenario.is_empty() { Scenario::default() } else { Scenario::parse(scenario).unwrap() };
        let bases = Bases::under(ORIGIN);
        let options = Options { seed, bases, scenario, ..Options::default() };
        Providers(Arc::new(Mutex::new(Sim::new(options))))
    }

    /// The paid requests, as the simulator has them in its ledger.
    fn ledger(&self) -> Vec<Json> {
        // Long after, when all that is charged is known.
        self.0.lock().unwrap().ledger(moment(Timestamp(EPOCH.0 + 7 * 86_400_000)))
    }

    /// What was charged, in dollars.
    fn charged(&self) -> f64 {
        self.ledger().iter().map(|line| amount(&line["charged_usd"])).sum()
    }

    fn world(&self, seed: u64) -> VirtualWorld {
        let sim = self.clone();
        let began = tokio::time::Instant::now();
        VirtualWorld::new(EPOCH, seed).with_network(move |request| {
            let (sim, now) = (sim.clone(), after(began));
            async move {
                let asked = read(request).await;
                let reply = sim.0.lock().unwrap().handle(now, &asked);
                give(reply).await
            }
        })
    }

    /// A library that reaches nobody else.
    async fn open(&self, seed: u64, builder: Builder) -> Motet {
        let bases = Bases::under(ORIGIN);
        let roles = |name: &str| -> ProviderSettings {
            let provider = motet_sim::Provider::by_name(name).unwrap();
            let urls = ["api", "queue", "run", "rest", "cdn", "delivery", "stream"].into_iter();
            let urls = urls.filter(|role| !bases.get(provider, role).is_empty());
            let known = motet::providers::Registry::default();
            let known = known.get(name).unwrap().profile().bases.clone();
            let urls = urls.filter(|role| known.contains_key(*role));
            let urls = urls.map(|role| (role.to_owned(), bases.get(provider, role).parse().unwrap()));
            ProviderSettings { base_urls: urls.collect(), ..ProviderSettings::default() }
        };
        let mut settings = Settings::usual("");
        settings.providers = ["replicate", "fal", "elevenlabs"]
            .into_iter()
            .map(|name| (name.to_owned(), roles(name)))
            .collect();
        let builder = builder.settings(&settings).environment(|name| Some(format!("key-of-{name}")));
        builder.world(Arc::new(self.world(seed))).open().await.unwrap()
    }
}

fn amount(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0.0)
}

fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0).unwrap()
}

fn after(began: tokio::time::Instant) -> jiff::Timestamp {
    let passed = i64::try_from(began.elapsed().as_millis()).unwrap();
    moment(Timestamp(EPOCH.0 + passed))
}

async fn read(request: wire::Request) -> Request {
    let wire::Request { method, url, headers, body, .. } = request;
    let mut bytes = Vec::new();
    let mut pieces = body.pieces;
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    let query = url.query().map_or(String::new(), |query| format!("?{query}"));
    let header = |(name, value): &(hyper::header::HeaderName, hyper::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().to_owned())
    };
    Request {
        method: method.word().to_owned(),
        path: format!("{}{query}", url.path()),
        headers: headers.iter().map(header).collect(),
        body: bytes.into(),
    }
}

async fn give(reply: Reply) -> Result<wire::Reply, wire::Fault> {
    let broken = |phase| wire::Fault::new(phase, wire::Cause::Broken);
    match reply {
        Reply::Refused => Err(wire::Fault::new(wire::Phase::Connect, wire::Cause::Refused)),
        Reply::Lost { after } => {
            tokio::time::sleep(after).await;
            Err(broken(wire::Phase::Wait))
        }
        Reply::Answer(Answer { after, status, headers, body }) => {
            tokio::time::sleep(after).await;
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            match body {
                Body::Whole(bytes) => Ok(wire::Reply::of(status, &headers, bytes)),
                Body::Stream(pieces) => {
                    let bytes: Vec<u8> =
                        pieces.iter().filter_map(|piece| piece.bytes.clone()).flatten().collect();
                    Ok(wire::Reply::of(status, &headers, bytes))
                }
                Body::Cut { bytes, .. } => {
                    let mut reply = wire::Reply::of(status, &headers, Vec::new());
                    let pieces = [Ok(bytes), Err(broken(wire::Phase::Body))];
                    reply.body = futures_util::stream::iter(pieces).boxed();
                    Ok(reply)
                }
            }
        }
    }
}

/// Plays `text` to its end against simulated providers.
fn play(text: &str, scenario: &str) -> (RunEnd, Providers, Vec<motet::store::Charge>) {
    run(async {
        let providers = Providers::new(7, scenario);
        let motet = providers.open(7, Motet::builder()).await;
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

const STILL: &str = r#"
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

const FILM: &str = r#"
motet: 1
name: film
budget: 5
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat, output_format: png } }
  clip:
    uses: fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video
    with: { prompt: it sails, image: "{{ steps.still.image }}", duration: 5 }
  voice: { uses: elevenlabs/eleven_turbo_v2_5, with: { text: Here it sails. } }
outputs:
  image: "{{ steps.still.image }}"
  clip: "{{ steps.clip.video }}"
  voice: "{{ steps.voice.audio }}"
"#;

/// How many paid requests there were for each attempt, by what it is called.
fn requests(ledger: &[Json]) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for line in ledger {
        *counts.entry(line["attempt_key"].as_str().unwrap_or("nobody").to_owned()).or_default() += 1;
    }
    counts
}

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

#[test]
fn with_faults_everywhere_no_attempt_is_sent_twice_and_nothing_charged_is_missing_here() {
    for seed in 0..40 {
        let scenario = r#"{ "faults": [
            { "fault": "reply_lost", "rate": 0.1 }, { "fault": "error_after", "rate": 0.1 },
            { "fault": "error_before", "rate": 0.1 }, { "fault": "throttle", "rate": 0.1 },
            { "fault": "job_failed", "rate": 0.1 }, { "fault": "bad_json", "rate": 0.05 },
            { "fault": "html", "rate": 0.05 }, { "fault": "media_truncated", "rate": 0.05 }
        ] }"#;
        run(async move {
            let providers = Providers::new(seed, scenario);
            let motet = providers.open(seed, Motet::builder()).await;
            let pipeline = motet.load_text(FILM).unwrap();
            let started = motet.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap();
            let day = std::time::Duration::from_secs(86_400);
            let end = tokio::time::timeout(day, started.wait()).await;
            let status = motet.store().run(started.id()).unwrap().unwrap().status;
            assert!(end.is_ok() || status.word() == "parked", "seed {seed}: {status:?}");
            for (attempt, count) in requests(&providers.ledger()) {
                assert_eq!(count, 1, "seed {seed}: {attempt} was sent {count} times");
            }
            let mut booked = 0.0;
            let add = |charge: motet::store::Charge| {
                let amount = if charge.ended_at.is_some() { charge.cost.amount } else { charge.estimate };
                booked += amount.to_string().parse::<f64>().unwrap();
                true
            };
            motet.store().charges(None, Timestamp(0), add).unwrap();
            let charged = providers.charged();
            assert!(booked + 1e-9 >= charged, "seed {seed}: {charged} was charged, {booked} is booked");
            assert!(booked <= 5.0, "seed {seed}: {booked} is above the budget");
        });
    }
}
