//! A provider without a network: its jobs never end before somebody says so, and it signs what it reports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use motet::language::{Failure, Span, Timestamp, Value};
use motet::providers::Provider;
use motet::providers::adapter::{Call, Profile};
use motet::providers::answer::{Answer, Given, News, Submitted};
use motet::providers::catalogue::Entry;
use motet::providers::hook::{Delivery, Hook, HookKey, HookKeys, HookRefused};
use motet::providers::http::{Address, Body, Header, Method, Reply, Request};
use motet::world::live::LiveWorld;
use motet::world::wire;
use ring::hmac;
use serde_json::json;

use crate::world::{Exchanged, Network, Networked};

const SECRET: &[u8] = b"the secret of the laboratory";

/// The public half of it: how it is asked.
pub struct Lab(Profile);

/// A job that was taken: its name and the token of its call.
pub type Taken = (String, String);

impl Lab {
    pub fn new() -> Lab {
        Lab(Profile {
            name: "lab".to_owned(),
            bases: BTreeMap::from([("api".to_owned(), "https://lab.example".to_owned())]),
            credential_hosts: vec!["lab.example".to_owned()],
            keys: vec!["LAB_KEY".to_owned()],
            retention: Some(Span::minutes(60)),
            has_hooks: true,
            ..Profile::default()
        })
    }

    /// Its one model, whose jobs take minutes.
    pub fn model() -> Entry {
        let entry = json!({
            "provider": "lab", "id": "think", "summary": "Thinks.", "call": "job", "seconds": [60, 600],
            "features": ["cancel", "webhook"],
            "inputs": [{ "name": "prompt", "type": "text", "required": true, "about": "what about" }],
            "outputs": { "text": { "at": "result", "as": "text" } },
        });
        serde_json::from_value(entry).expect("the entry is one")
    }
}

/// The delivery that reports the end of `job`: its headers, and its body of about a kibibyte.
pub fn report(job: &str) -> (String, Vec<u8>) {
    let body = json!({ "id": job, "status": "done", "logs": "x".repeat(900) }).to_string().into_bytes();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), &body);
    (hex(tag.as_ref()), body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn text<'a>(json: &'a serde_json::Value, name: &str) -> Result<&'a str, Failure> {
    json[name].as_str().ok_or_else(|| Failure::unavailable("the laboratory said nothing"))
}

impl Provider for Lab {
    fn profile(&self) -> &Profile {
        &self.0
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        let body = json!({ "prompt": call.text("prompt"), "webhook": call.hook_address() });
        Ok(Request::new(Method::Post, Address::provider("lab", "api", "/jobs"))
            .header(Header::secret("authorization", "Bearer ", &call.credential))
            .header(call.attempt_header())
            .body(Body::bytes("application/json", body.to_string())))
    }

    fn read_submitted(&self, _call: &Call, reply: Reply) -> Result<Submitted, Failure> {
        let told = serde_json::from_slice(&reply.body).unwrap_or_default();
        text(&told, "id").map(|id| Submitted::Job(id.to_owned()))
    }

    fn poll(&self, call: &Call, job: &str) -> Option<Request> {
        let request = Request::get(Address::provider("lab", "api", format!("/jobs/{job}")));
        Some(request.header(Header::secret("authorization", "Bearer ", &call.credential)))
    }

    fn read_poll(&self, _call: &Call, _job: &str, reply: Reply) -> Result<News, Failure> {
        let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match told["result"].as_str() {
            None => Ok(News::Running),
            Some(result) => {
                let outputs =
                    BTreeMap::from([("text".to_owned(), Given::Value(Value::from(result.to_owned())))]);
                Ok(News::Done(Box::new(Answer { outputs, ..Answer::default() })))
            }
        }
    }

    fn verify_hook(&self, delivery: Delivery, keys: &HookKeys, now: Timestamp) -> Result<Hook, HookRefused> {
        let signature = delivery.header("lab-signature").and_then(unhex);
        let signature = signature.ok_or(HookRefused::Header("lab-signature"))?;
        let fits = keys.keys.iter().any(|key| match key {
            HookKey::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::verify(&key, &delivery.body, &signature).is_ok()
            }
            HookKey::Ed25519(_) => false,
        });
        if !fits {
            return Err(HookRefused::Signature { ask_for_keys: keys.may_be_old(now) });
        }
        let body: serde_json::Value =
            serde_json::from_slice(&delivery.body).map_err(|_| HookRefused::Body)?;
        let job = body["id"].as_str().ok_or(HookRefused::Body)?.to_owned();
        Ok(Hook { token: delivery.token(), job, delivery: None, body, at: now })
    }

    fn read_hook(&self, _call: &Call, _hook: Hook) -> Result<News, Failure> {
        Ok(News::Ready)
    }

    fn hook_keys(&self, _credential: &str) -> Option<Request> {
        Some(Request::get(Address::provider("lab", "api", "/key")))
    }

    fn read_hook_keys(&self, reply: Reply) -> Result<Vec<HookKey>, Failure> {
        Ok(vec![HookKey::Secret(String::from_utf8_lossy(&reply.body).into_owned())])
    }
}

/// The real world, in which nobody is on the network but the laboratory.
pub type LabWorld = Networked<LabNetwork>;

/// The network on which the laboratory is.
#[derive(Default)]
pub struct LabNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    jobs: u64,
    taken: Vec<Taken>,
    asked: u64,
}

impl LabNetwork {
    /// The jobs that were taken since this was asked last.
    pub fn taken(&self) -> Vec<Taken> {
        std::mem::take(&mut self.state.lock().expect("nobody panics").taken)
    }

    /// How often jobs were asked for.
    pub fn asked(&self) -> u64 {
        self.state.lock().expect("nobody panics").asked
    }
}

impl Network for LabNetwork {
    fn exchange(&self, _live: &LiveWorld, request: wire::Request) -> Exchanged {
        let state = self.state.clone();
        Box::pin(async move {
            let (method, path) = (request.method, request.url.path().to_owned());
            let body = request.body.read().await.expect("it is in memory");
            if path == "/key" {
                return Ok(wire::Reply::of(200, &[], SECRET));
            }
            let mut state = state.lock().expect("nobody panics");
            let said = if method == Method::Post {
                let asked: serde_json::Value = serde_json::from_slice(&body).expect("we wrote it");
                let token = asked["webhook"].as_str().and_then(|hook| hook.split_once("token="));
                state.jobs += 1;
                let job = format!("j{}", state.jobs);
                state.taken.extend(token.map(|(_, token)| (job.clone(), token.to_owned())));
                json!({ "id": job })
            } else {
                state.asked += 1;
                json!({ "result": "thought" })
            };
            Ok(wire::Reply::of(200, &[], said.to_string()))
        })
    }
}
