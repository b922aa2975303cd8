//! A simulator under a clock that a test moves.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use motet_sim::{Answer, Body, Options, Outgoing, Reply, Request, Scenario, Sim};
use serde_json::Value;

pub const FLUX: &str = "/replicate/v1/models/black-forest-labs/flux-schnell/predictions";
pub const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";

pub struct World {
    pub sim: Sim,
    pub now: Timestamp,
}

impl World {
    /// A world in which what the scenario says goes wrong.
    pub fn new(scenario: &str) -> World {
        World::seeded(1, scenario)
    }

    pub fn seeded(seed: u64, scenario: &str) -> World {
        let scenario = Scenario::parse(scenario).expect("the test's scenario is right");
        let options = Options { seed, scenario, keeps_changes: true, ..Options::default() };
        World { sim: Sim::new(options), now: "2027-01-01T00:00:00Z".parse().expect("a time") }
    }

    pub fn later(&mut self, seconds: i64) -> &mut World {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    pub fn ask(&mut self, request: &Request) -> Reply {
        self.sim.handle(self.now, request)
    }

    /// The answer to a request with a key of the provider.
    pub fn answer(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        match self.ask(&request(method, path, body)) {
            Reply::Answer(answer) => answer,
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    /// The status and the JSON of an answer.
    pub fn json(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.answer(method, path, body);
        (answer.status, serde_json::from_slice(&whole(&answer)).unwrap_or(Value::Null))
    }

    pub fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        self.json("POST", path, body)
    }

    pub fn get(&mut self, path: &str) -> (u16, Value) {
        self.json("GET", path, &Value::Null)
    }

    /// The bytes of a URL that an answer named.
    pub fn fetch(&mut self, url: &str) -> Answer {
        let path = url.strip_prefix("http://sim.local").expect("the simulator points to itself");
        self.answer("GET", path, &Value::Null)
    }

    /// All webhooks of the next `seconds`, each answered with `status`.
    pub fn hooks(&mut self, seconds: i64, status: Option<u16>) -> Vec<(Timestamp, Outgoing)> {
        let end = self.now + SignedDuration::from_secs(seconds);
        let mut all = Vec::new();
        while let Some(due) = self.sim.next().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            for outgoing in self.sim.advance(self.now) {
                self.sim.delivered(self.now, outgoing.number, status);
                all.push((self.now, outgoing));
            }
        }
        self.now = end;
        all
    }

    pub fn ledger(&self) -> Vec<Value> {
        self.sim.ledger(self.now)
    }

    pub fn charged(&self) -> Vec<Option<f64>> {
        self.ledger().iter().map(|line| line["charged_usd"].as_f64()).collect()
    }
}

/// A request with a key, an attempt key and a JSON body.
pub fn request(method: &str, path: &str, body: &Value) -> Request {
    let key = match path.split('/').nth(1) {
        Some("fal") => ("authorization", "Key id:secret"),
        Some("elevenlabs") => ("xi-api-key", "secret"),
        _ => ("authorization", "Bearer secret"),
    };
    let headers = [key, ("motet-attempt", "run/step/1"), ("content-type", "application/json")];
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: if body.is_null() { Vec::new().into() } else { body.to_string().into() },
    }
}

pub fn with(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.retain(|(other, _)| other != name);
    request.headers.push((name.to_owned(), value.to_owned()));
    request
}

/// The whole body of an answer, whatever way it comes.
pub fn whole(answer: &Answer) -> Vec<u8> {
    match &answer.body {
        Body::Whole(bytes) | Body::Cut { bytes, .. } => bytes.to_vec(),
        Body::Stream(pieces) => pieces.iter().filter_map(|piece| piece.bytes.clone()).flatten().collect(),
    }
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// A form with one file.
pub fn form(path: &str, fields: &[(&str, &str)], file: (&str, &[u8])) -> Request {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"a.bin\"\r\nContent-Type: audio/mpeg\r\n\r\n",
        file.0
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file.1);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let request =
        with(request("POST", path, &Value::Null), "content-type", "multipart/form-data; boundary=edge");
    Request { body: body.into(), ..request }
}
