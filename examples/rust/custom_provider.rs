//! A unified interface: a provider of your own, used like every other one.
//!
//! Each provider has its own way of asking and answering; written by hand this is a class for each, with a method for each kind of model.
//! Here a provider is two pairs of pure functions, from a call to a request and from a reply to what it tells. Retries, keys, budgets, the
//! journal, downloads and what may be unknown after a crash come with Motet, the same for all. A model is data: its inputs with our words for
//! them, and where its outputs stand in the answer.
//!
//! `Sketchpad` is not there, so its part is played by a function, and time is virtual: the seconds that it takes pass at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet::costs::{By, Costs};
use motet::language::failure::{Known, Phase};
use motet::language::{Failure, Timestamp, Value};
use motet::providers::adapter::{Call, Profile, Provider};
use motet::providers::answer::{Answer, News, Submitted};
use motet::providers::catalogue::Entry;
use motet::providers::failure::{Asked, unanswered};
use motet::providers::http::{Address, Body, Header, Reply, Request};
use motet::providers::output;
use motet::providers::prices::PriceBook;
use motet::world::virtual_time::{self, VirtualWorld};
use motet::world::wire;
use motet::{Class, Motet};
use serde_json::{Value as Json, json};

/// The model `sketchpad/line-art`.
const LINE_ART: &str = r#"{
  "provider": "sketchpad", "id": "line-art", "summary": "Draws lines.", "call": "job", "seconds": [2, 10],
  "inputs": [
    { "name": "subject", "is": "prompt", "type": "text", "required": true, "about": "what is drawn" }
  ],
  "outputs": { "image": { "at": "url", "as": "image" } },
  "source": "its handbook"
}"#;

const PRICES: &str = r#"{ "prices": [{ "provider": "sketchpad", "model": "line-art", "unit": "image", "per": 1, "usd": "0.01" }] }"#;

const FILM: &str = r#"
motet: 1
name: sketch
budget: 0.05
steps:
  sketch:
    uses: sketchpad/line-art
    with: { prompt: a heron }
    fallback: [{ uses: fal/fal-ai/flux/schnell }]
outputs: { width: "{{ steps.sketch.image.width }}", type: "{{ steps.sketch.image.mime }}" }
"#;

/// How Sketchpad is asked.
struct Sketchpad(Profile);

impl Sketchpad {
    fn new() -> Sketchpad {
        Sketchpad(Profile {
            name: "sketchpad".to_owned(),
            bases: BTreeMap::from([("api".to_owned(), "https://api.sketchpad.example".to_owned())]),
            credential_hosts: vec!["api.sketchpad.example".to_owned()],
            output_hosts: vec!["files.sketchpad.example".to_owned()],
            keys: vec!["SKETCHPAD_KEY".to_owned()],
            ..Profile::default()
        })
    }
}

impl Provider for Sketchpad {
    fn profile(&self) -> &Profile {
        &self.0
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        let inputs = Value::from(call.inputs.clone()).to_json();
        Ok(Request::post(Address::provider("sketchpad", "api", "/jobs"))
            .header(Header::secret("authorization", "Bearer ", &call.credential))
            .header(call.attempt_header())
            .body(Body::bytes("application/json", inputs.to_string())))
    }

    fn read_submitted(&self, _: &Call, reply: Reply) -> Result<Submitted, Failure> {
        let told: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
        match (reply.status, told["job"].as_str()) {
            (200..300, Some(job)) => Ok(Submitted::Job(job.to_owned())),
            (429, _) => {
                Err(Failure { sent: Known::Yes, ..Failure::new(Class::Throttled, "too many sketches") })
            }
            // Whether it draws, nobody can tell.
            _ => Err(unanswered(Asked::Call, Phase::Wait, "Sketchpad named no job")),
        }
    }

    fn poll(&self, call: &Call, job: &str) -> Option<Request> {
        let is_plain = job.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then(|| {
            Request::get(Address::provider("sketchpad", "api", format!("/jobs/{job}")))
                .header(Header::secret("authorization", "Bearer ", &call.credential))
        })
    }

    fn read_poll(&self, call: &Call, _: &str, reply: Reply) -> Result<News, Failure> {
        let told: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
        match (reply.status, told["state"].as_str()) {
            (200, Some("drawing")) => Ok(News::Running),
            (200, Some("drawn")) => Ok(match output::read(&call.model, &told) {
                Ok(outputs) => News::Done(Box::new(Answer { outputs, ..Answer::default() })),
                Err(failure) => News::Failed(Failure { billed: Known::Yes, ..failure }),
            }),
            _ => Err(unanswered(Asked::Job, Phase::Poll, "Sketchpad said nothing of the job")),
        }
    }
}

/// Sketchpad itself: it is throttled once, then draws, and is asked twice before it is done.
fn answer(number: usize, method: &str, path: &str) -> wire::Reply {
    let json = |status, body: Json| wire::Reply::of(status, &[], body.to_string());
    match (method, path) {
        ("POST", "/jobs") if number == 0 => json(429, json!({ "error": "slow down" })),
        ("POST", "/jobs") => json(202, json!({ "job": "j1" })),
        ("GET", "/jobs/j1") if number < 3 => json(200, json!({ "state": "drawing" })),
        ("GET", "/jobs/j1") => {
            json(200, json!({ "state": "drawn", "url": "https://files.sketchpad.example/j1.png" }))
        }
        ("GET", "/j1.png") => wire::Reply::of(200, &[("content-type", "image/png")], PNG),
        _ => json(404, json!({})),
    }
}

/// One grey pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00,
    0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81,
    0x77, 0xcd, 0x72, 0xb6, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

fn main() {
    virtual_time::run(async {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let world = VirtualWorld::new(Timestamp(1_800_000_000_000), 1).with_network(move |request| {
            let number = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let reply = answer(number, request.method.word(), request.url.path());
            println!("{} {} → {}", request.method.word(), request.url.path(), reply.status);
            async move { Ok(reply) }
        });
        let model = Entry::read(LINE_ART).expect("the model is described well");
        let motet = Motet::builder()
            .provider(Sketchpad::new(), [model])
            .prices(PriceBook::read(PRICES).expect("the prices are written well"))
            .environment(|name| (name == "SKETCHPAD_KEY").then(|| "a-key".to_owned()))
            .world(Arc::new(world))
            .open()
            .await
            .expect("a store in memory can be opened");
        let film = motet.load_text(FILM).unwrap_or_else(|error| panic!("{error}"));
        let run = motet.start(&film, ()).await.unwrap_or_else(|error| panic!("{error}"));
        let outputs = run.outputs().await.unwrap_or_else(|error| panic!("{error}"));
        println!("{}", outputs.to_json());
        let costs = Costs::read(motet.store(), Some(run.id()), By::Model).expect("the store can be read");
        for model in costs.groups {
            println!("{}: ${}", model.name, model.sum.spent());
        }
    });
}
