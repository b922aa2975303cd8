//! Replicate: every call is a prediction, which is polled until it has ended.
//!
//! Routes of a model: `official` (also the usual one, if it has no version) asks by the model's name, `version` by its
//! version, and `deployment` asks a deployment.

mod prediction;
mod refusal;

use std::collections::BTreeMap;

use motet_pipeline::failure::Known;
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Class, Failure, Span, Timestamp, Usage, Value};
use serde_json::Value as Json;

use crate::adapter::{Call, Profile, Provider, Rates};
use crate::answer::{Cancelled, Found, Likeness, News, SearchPage, State, Submitted, Uploaded};
use crate::catalogue::{Entry, from_replicate};
use crate::echo;
use crate::failure::{self, Asked, unusable};
use crate::hook::{Delivery, Hook, HookKey, HookKeys, HookRefused, standard};
use crate::http::{Address, Header, Method, Reply, Request};
use crate::json;
use crate::payload::{self, Form};
use crate::place;
use crate::waiting;

use refusal::refused;

const NAME: &str = "replicate";

/// A file that is larger is uploaded: Replicate wants no more within a request.
const INLINE_BYTES_MAX: u64 = 256 << 10;

/// A job is stopped by itself after five seconds at the earliest.
const STOP_AFTER_S_MIN: u64 = 5;

/// Replicate (replicate.com).
pub struct Replicate {
    profile: Profile,
}

impl Default for Replicate {
    fn default() -> Replicate {
        let profile = Profile {
            name: NAME.to_owned(),
            bases: BTreeMap::from([("api".to_owned(), "https://api.replicate.com".to_owned())]),
            credential_hosts: vec!["api.replicate.com".to_owned()],
            output_hosts: vec!["replicate.delivery".to_owned(), "*.replicate.delivery".to_owned()],
            keys: vec!["REPLICATE_API_TOKEN".to_owned()],
            retention: Some(Span::minutes(60)),
            has_hooks: true,
            lists_jobs: true,
            rates: Rates { creates_per_minute: Some(600), reads_per_minute: Some(3000), concurrency: None },
        };
        Replicate { profile }
    }
}

impl Provider for Replicate {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn upload(&self, call: &Call, file: &Artifact) -> Option<Request> {
        let form = Form::new(&call.token).file("content", file).text("metadata", "{}");
        (file.bytes > INLINE_BYTES_MAX)
            .then(|| request(Method::Post, &call.credential, "/v1/files").body(form.body()))
    }

    fn read_upload(&self, _call: &Call, _file: &Artifact, reply: Reply) -> Result<Uploaded, Failure> {
        let file = object(Asked::Other, &reply)?;
        let url = file.get("urls").and_then(|urls| json::text(urls, "get"));
        match url.filter(|url| place::is_web_address(url)) {
            Some(url) => Ok(Uploaded { url: url.to_owned(), then: None }),
            None => Err(unusable(NAME, Asked::Other, &reply, "a file without an address")),
        }
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        let (path, version) = route(call)?;
        let mut body = Map::from([("input".to_owned(), Value::from(call.inputs.clone()))]);
        if let Some(version) = version {
            body.insert("version".to_owned(), version.into());
        }
        if let Some(hook) = call.hook_address() {
            body.insert("webhook".to_owned(), hook.into());
            let events = ["start", "completed"].map(Value::from).to_vec();
            body.insert("webhook_events_filter".to_owned(), Value::list(events));
        }
        let mut request = request(Method::Post, &call.credential, path)
            .header(call.attempt_header())
            .body(payload::json(call, &body.into())?)
            .limits(call.limits);
        if let Some(after) = call.stop_after {
            let seconds = after.0.div_ceil(1000).max(STOP_AFTER_S_MIN);
            request = request.header(Header::text("cancel-after", format!("{seconds}s")));
        }
        Ok(request)
    }

    fn read_submitted(&self, _call: &Call, reply: Reply) -> Result<Submitted, Failure> {
        // Also one that has ended is a job first: its id is kept before anything else is done.
        let prediction = object(Asked::Call, &reply)?;
        match json::id(&prediction, "id") {
            Some(id) => Ok(Submitted::Job(id.to_owned())),
            None => Err(unusable(NAME, Asked::Call, &reply, "a prediction without an id")),
        }
    }

    fn poll(&self, call: &Call, job: &str) -> Option<Request> {
        let path = format!("/v1/predictions/{}", place::encoded(job));
        Some(request(Method::Get, &call.credential, path))
    }

    fn read_poll(&self, call: &Call, job: &str, reply: Reply) -> Result<News, Failure> {
        let read = match object(Asked::Job, &reply) {
            Err(failure) if failure.class == Class::TooLarge => return ended_too_large(job, &reply, failure),
            read => read?,
        };
        match json::id(&read, "id") == Some(job) {
            true => Ok(prediction::news(call, &read)),
            false => Err(unusable(NAME, Asked::Job, &reply, "another prediction")),
        }
    }

    fn used(&self, reply: &Reply) -> Usage {
        json::read(&reply.body).map(|read| prediction::usage(&read)).unwrap_or_default()
    }

    fn cancel(&self, call: &Call, job: &str) -> Option<Request> {
        let path = format!("/v1/predictions/{}/cancel", place::encoded(job));
        Some(request(Method::Post, &call.credential, path))
    }

    fn read_cancelled(&self, call: &Call, job: &str, reply: Reply) -> Result<Cancelled, Failure> {
        if reply.status == 404 {
            return Ok(Cancelled::NoJob);
        }
        Ok(match self.read_poll(call, job, reply)? {
            News::Cancelled { billed } => Cancelled::Stopped { billed },
            News::Queued { .. } | News::Running => Cancelled::Asked,
            _ => Cancelled::TooLate,
        })
    }

    fn search(&self, call: &Call, since: Timestamp, page: Option<&str>) -> Option<Request> {
        let path = match page {
            Some(query) => format!("/v1/predictions?{query}"),
            None => place::with_query("/v1/predictions", [("created_after", place::rfc_3339(since))]),
        };
        Some(request(Method::Get, &call.credential, path))
    }

    fn read_search(&self, call: &Call, reply: Reply) -> Result<SearchPage, Failure> {
        let page = object(Asked::Other, &reply)?;
        let Some(results) = page.get("results").and_then(Json::as_array) else {
            return Err(unusable(NAME, Asked::Other, &reply, "a list without results"));
        };
        let jobs = results.iter().filter_map(|prediction| found(call, prediction)).collect();
        // Only the query of the next page is taken: what comes before it is ours.
        let next = json::text(&page, "next").and_then(|url| url.split_once('?')).map(|(_, query)| query);
        Ok(SearchPage { jobs, next: next.filter(|query| is_query(query)).map(str::to_owned) })
    }

    fn describe(&self, id: &str, version: Option<&str>, credential: &str) -> Option<Request> {
        let parts = place::parts(id, 2).ok().filter(|parts| parts.len() == 2)?;
        let model = format!("/v1/models/{}", parts.join("/"));
        let path = match version {
            Some(version) => format!("{model}/versions/{}", place::encoded(version)),
            None => model,
        };
        Some(request(Method::Get, credential, path))
    }

    fn read_description(&self, id: &str, reply: Reply) -> Result<Entry, Failure> {
        let model = object(Asked::Other, &reply)?;
        from_replicate(id, &model).map_err(|error| unusable(NAME, Asked::Other, &reply, &error.to_string()))
    }

    fn verify_hook(&self, delivery: Delivery, keys: &HookKeys, now: Timestamp) -> Result<Hook, HookRefused> {
        let name = standard::verify(&delivery, keys, now)?;
        let body = delivery.read()?;
        let job = json::id(&body, "id").ok_or(HookRefused::Body)?.to_owned();
        Ok(Hook { token: delivery.token(), job, delivery: Some(name), body, at: now })
    }

    fn read_hook(&self, call: &Call, hook: Hook) -> Result<News, Failure> {
        Ok(prediction::news(call, &hook.body))
    }

    fn hook_keys(&self, credential: &str) -> Option<Request> {
        Some(request(Method::Get, credential, "/v1/webhooks/default/secret"))
    }

    fn read_hook_keys(&self, reply: Reply) -> Result<Vec<HookKey>, Failure> {
        let secret = object(Asked::Other, &reply)?;
        match json::text(&secret, "key") {
            Some(key) => Ok(vec![HookKey::Secret(key.to_owned())]),
            None => Err(unusable(NAME, Asked::Other, &reply, "no key")),
        }
    }
}

fn request(method: Method, credential: &str, path: impl Into<String>) -> Request {
    Request::new(method, Address::provider(NAME, "api", path))
        .header(Header::secret("authorization", "Bearer ", credential))
        .header(Header::text("accept", "application/json"))
}

/// The path that makes a prediction, and the version for its body.
fn route(call: &Call) -> Result<(String, Option<&str>), Failure> {
    let model = &call.model;
    let name = || place::parts(&model.id, 2).map(|parts| parts.join("/"));
    match (model.route.as_str(), model.version.as_deref()) {
        ("" | "version", Some(version)) => Ok(("/v1/predictions".to_owned(), Some(version))),
        ("" | "official", None) => Ok((format!("/v1/models/{}/predictions", name()?), None)),
        ("deployment", _) => Ok((format!("/v1/deployments/{}/predictions", name()?), None)),
        ("version", None) => Err(Failure::invalid(format!("`{}` needs a version", model.id))),
        _ => Err(Failure::invalid(format!("Replicate has no route `{}` for this model", model.route))),
    }
}

/// The body of a reply of success, an object.
fn object(asked: Asked, reply: &Reply) -> Result<Json, Failure> {
    failure::object(NAME, asked, reply, refused)
}

/// What a prediction tells that is too large to be read: it has ended, and gave nothing that can be taken.
fn ended_too_large(job: &str, reply: &Reply, failure: Failure) -> Result<News, Failure> {
    let part = |name| json::text_of_large(&reply.body, name);
    let billed = match part("status").as_deref().filter(|_| part("id").as_deref() == Some(job)) {
        Some("succeeded") => Known::Yes,
        Some("failed" | "canceled" | "aborted") => Known::Maybe,
        _ => return Err(failure),
    };
    Ok(News::Failed(Failure { billed, ..failure }))
}

fn found(call: &Call, prediction: &Json) -> Option<Found> {
    let made_at = json::text(prediction, "created_at").and_then(waiting::moment);
    let state = match json::text(prediction, "status")? {
        "starting" => State::Queued,
        "succeeded" | "failed" | "canceled" | "aborted" => State::Ended,
        _ => State::Running,
    };
    let job = json::id(prediction, "id")?.to_owned();
    Some(Found { job, made_at, likeness: likeness(call, prediction), state: Some(state) })
}

fn likeness(call: &Call, prediction: &Json) -> Likeness {
    let model = &call.model;
    let is = |name, value: &str| json::text(prediction, name) == Some(value);
    let is_model = match (&model.version, model.route.as_str()) {
        (_, "deployment") => is("deployment", &model.id),
        (Some(version), _) => is("version", version.rsplit(':').next().unwrap_or(version)),
        (None, _) => is("model", &model.id),
    };
    if !is_model {
        return Likeness::Other;
    }
    let is_gone = prediction.get("data_removed") == Some(&Json::Bool(true));
    match prediction.get("input").and_then(Json::as_object) {
        Some(input) if !is_gone && echo::shows(call, &call.inputs, input) => Likeness::Alike,
        Some(_) if !is_gone => Likeness::Other,
        _ => Likeness::Hidden,
    }
}

/// Whether a text that a provider gave can be the query of a request.
fn is_query(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%=&+".contains(&byte);
    (1..=2000).contains(&text.len()) && text.bytes().all(fits)
}
