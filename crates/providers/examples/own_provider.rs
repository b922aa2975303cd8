//! A provider that this crate doesn't know: `Paintbox`, whose jobs are made by `POST /v1/jobs` and read by
//! `GET /v1/jobs/{id}`.
//!
//! `cargo run -p motet-providers --example own_provider` registers it.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::failure::{Known, Phase};
use motet_pipeline::{Class, Failure, Value};
use motet_providers::adapter::{Call, Profile, Provider};
use motet_providers::answer::{Answer, News, Submitted};
use motet_providers::failure::{Asked, unanswered};
use motet_providers::http::{Address, Body, Header, Reply, Request};
use motet_providers::{Registry, output};
use serde_json::Value as Json;

/// Paints what it is asked for.
pub struct Paintbox {
    profile: Profile,
}

impl Default for Paintbox {
    fn default() -> Paintbox {
        let profile = Profile {
            name: "paintbox".to_owned(),
            bases: BTreeMap::from([("api".to_owned(), "https://api.paintbox.example".to_owned())]),
            credential_hosts: vec!["api.paintbox.example".to_owned()],
            output_hosts: vec!["paintbox.example".to_owned()],
            keys: vec!["PAINTBOX_KEY".to_owned()],
            ..Profile::default()
        };
        Paintbox { profile }
    }
}

impl Provider for Paintbox {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        let inputs = Value::from(call.inputs.clone());
        if !inputs.is_plain() {
            return Err(Failure::invalid("Paintbox takes no pictures, only words"));
        }
        Ok(Request::post(Address::provider("paintbox", "api", "/v1/jobs"))
            .header(Header::secret("authorization", "Bearer ", &call.credential))
            .header(call.attempt_header())
            .body(Body::bytes("application/json", inputs.to_json().to_string())))
    }

    fn read_submitted(&self, _call: &Call, reply: Reply) -> Result<Submitted, Failure> {
        let told: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
        match (reply.status, told["job"].as_str()) {
            (200..300, Some(job)) => Ok(Submitted::Job(job.to_owned())),
            (422, _) => Err(Failure { sent: Known::Yes, ..Failure::invalid("Paintbox refused the inputs") }),
            // Whether it paints can't be told.
            _ => Err(unanswered(Asked::Call, Phase::Wait, "Paintbox gave no job")),
        }
    }

    fn poll(&self, call: &Call, job: &str) -> Option<Request> {
        // A job's id was given by the provider, so it goes into a path only if it is plain.
        let is_plain = job.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then(|| {
            Request::get(Address::provider("paintbox", "api", format!("/v1/jobs/{job}")))
                .header(Header::secret("authorization", "Bearer ", &call.credential))
        })
    }

    fn read_poll(&self, call: &Call, _job: &str, reply: Reply) -> Result<News, Failure> {
        let told: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(match (reply.status, told["state"].as_str()) {
            (200, Some("waiting")) => News::Queued { ahead: None },
            (200, Some("done")) => match output::read(&call.model, &told["output"]) {
                Ok(outputs) => News::Done(Box::new(Answer { outputs, ..Answer::default() })),
                Err(failure) => News::Failed(Failure { billed: Known::Yes, ..failure }),
            },
            (200, Some("failed")) => News::Failed(Failure::new(Class::Invalid, "Paintbox couldn't paint it")),
            (200, Some(_)) => News::Running,
            _ => return Err(unanswered(Asked::Job, Phase::Poll, "Paintbox said nothing of the job")),
        })
    }
}

fn main() {
    let mut registry = Registry::default();
    registry.register(Arc::new(Paintbox::default()));
    for provider in registry.iter() {
        let profile = provider.profile();
        println!("{}: {}", profile.name, profile.keys.join(", "));
    }
}
