//! How long the machine takes: `cargo run --release -p motet-sim --example speed`.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use motet_sim::{Options, Reply, Request, Sim};

/// Three jobs of three providers, asked for four times each, with a webhook and a download.
fn run(sim: &mut Sim, now: &mut Timestamp) -> u32 {
    let mut requests = 0;
    let mut ask = |sim: &mut Sim, now: Timestamp, method: &str, path: &str, body: &str| {
        requests += 1;
        let headers = [("authorization", "Key a:b"), ("xi-api-key", "t"), ("motet-attempt", "r/s/1")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body: body.to_owned().into(),
        };
        sim.handle(now, &request)
    };
    let video = r#"{"prompt":"x","duration":"5"}"#;
    let path =
        "/fal/queue/fal-ai/bytedance/seedance/v1/pro/text-to-video?fal_webhook=http%3A%2F%2Fme.example";
    let Reply::Answer(made) = ask(sim, *now, "POST", path, video) else { return 0 };
    let motet_sim::Body::Whole(body) = made.body else { return 0 };
    let made: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let result = made["response_url"].as_str().unwrap_or_default().replace("http://sim.local", "");
    for _ in 0..4 {
        *now += SignedDuration::from_secs(50);
        ask(sim, *now, "GET", &format!("{result}/status"), "");
    }
    ask(sim, *now, "GET", &result, "");
    let id = made["request_id"].as_str().unwrap_or_default();
    ask(sim, *now, "GET", &format!("/fal/cdn/files/output/{id}/0.mp4"), "");
    ask(sim, *now, "POST", "/elevenlabs/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", r#"{"text":"Hello world"}"#);
    for outgoing in sim.advance(*now) {
        sim.delivered(*now, outgoing.number, Some(200));
    }
    requests
}

fn main() {
    for round in ["cold", "warm"] {
        let started = Instant::now();
        let mut requests = 0;
        for seed in 0..1000 {
            let mut sim = Sim::new(Options { seed, ..Options::default() });
            let mut now = Timestamp::UNIX_EPOCH;
            requests += run(&mut sim, &mut now);
        }
        let spent = started.elapsed();
        println!("{round}: 1000 worlds of {} requests, {:.3} ms each", requests / 1000, spent.as_secs_f64());
    }
    let mut sim = Sim::new(Options::default());
    let mut now = Timestamp::UNIX_EPOCH;
    let started = Instant::now();
    let requests: u32 = (0..10_000).map(|_| run(&mut sim, &mut now)).sum();
    let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(requests);
    println!("one world of {requests} requests: {each:.1} µs each");
}
