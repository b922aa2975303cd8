//! fal: every call goes through its queue, and its result is asked for once it has ended.
//!
//! A model has one route. Its id may have a path below the application (`fal-ai/flux/dev`): a call is sent to the
//! whole id, and all that follows goes to the application (`fal-ai/flux`).

mod hook;
mod refusal;

use motet_pipeline::{Artifact, Class, Failure, Span, Timestamp, Usage};
use serde_json::{Value as Json, json};

use crate::adapter::{Call, Profile, Provider, Rates};
use crate::answer::{
    Answer, Cancelled, Found, Likeness, Listed, Meta, News, SearchPage, State, Submitted, Uploaded,
};
use crate::catalogue::{Entry, from_fal};
use crate::echo;
use crate::failure::{self, Asked, request_id, unusable};
use crate::hook::{Delivery, Hook, HookKey, HookKeys, HookRefused, ed25519};
use crate::http::{Address, Body, Header, Method, Piece, Reply, Request};
use crate::json;
use crate::output;
use crate::payload;
use crate::place;
use crate::waiting;

use refusal::{refused, result_of_failure};

const NAME: &str = "fal";

/// A file that is larger is uploaded.
const INLINE_BYTES_MAX: u64 = 256 << 10;

/// Namespaces that stand before an application's owner.
const NAMESPACES: [&str; 2] = ["workflows", "comfy"];

/// fal (fal.ai).
pub struct Fal {
    profile: Profile,
}

impl Default for Fal {
    fn default() -> Fal {
        let bases = [
            ("queue", "https://queue.fal.run"),
            ("rest", "https://rest.fal.ai"),
            ("api", "https://api.fal.ai"),
        ];
        let profile = Profile {
            name: NAME.to_owned(),
            bases: bases.map(|(role, url)| (role.to_owned(), url.to_owned())).into(),
            credential_hosts: ["queue.fal.run", "rest.fal.ai", "api.fal.ai"].map(str::to_owned).to_vec(),
            output_hosts: ["fal.media", "*.fal.media", "*.fal.ai", "storage.googleapis.com"]
                .map(str::to_owned)
                .to_vec(),
            keys: vec!["FAL_KEY".to_owned()],
            retention: Some(Span::minutes(60)),
            has_hooks: true,
            lists_jobs: false,
            rates: Rates::default(),
        };
        Fal { profile }
    }
}

impl Provider for Fal {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn upload(&self, call: &Call, file: &Artifact) -> Option<Request> {
        let announced = json!({ "content_type": file.mime, "file_name": payload::file_name(file) });
        let path = "/storage/upload/initiate?storage_type=fal-cdn-v3";
        let request = request(Method::Post, "rest", &call.credential, path);
        (file.bytes > INLINE_BYTES_MAX)
            .then(|| request.body(Body::bytes("application/json", announced.to_string())))
    }

    fn read_upload(&self, _call: &Call, file: &Artifact, reply: Reply) -> Result<Uploaded, Failure> {
        let told = object(Asked::Other, &reply)?;
        let address = |name| json::text(&told, name).filter(|url| place::is_web_address(url));
        let (Some(to), Some(url)) = (address("upload_url"), address("file_url")) else {
            return Err(unusable(NAME, Asked::Other, &reply, "no address for the upload"));
        };
        let body = Body::of(&file.mime, vec![Piece::artifact(file)]);
        let put = Request::new(Method::Put, Address::Url(to.to_owned())).body(body);
        Ok(Uploaded { url: url.to_owned(), then: Some(put) })
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        let id = place::parts(&call.model.id, 2)?.join("/");
        let hook = call.hook_address().map(|url| ("fal_webhook", url));
        let path = place::with_query(&format!("/{id}"), hook);
        let mut request = request(Method::Post, "queue", &call.credential, path)
            .header(call.attempt_header())
            // Whether a call is made again is decided here, and so is what is made instead.
            .header(Header::text("x-fal-no-retry", "1"))
            .header(Header::text("x-app-fal-disable-fallback", "true"))
            .body(payload::json(call, &call.inputs.clone().into())?)
            .limits(call.limits);
        if let Some(after) = call.stop_after {
            // fal bounds the time until the work begins, not that of the work.
            request =
                request.header(Header::text("x-fal-request-timeout", after.0.div_ceil(1000).to_string()));
        }
        Ok(request)
    }

    fn read_submitted(&self, _call: &Call, reply: Reply) -> Result<Submitted, Failure> {
        let told = object(Asked::Call, &reply)?;
        match json::id(&told, "request_id") {
            Some(id) => Ok(Submitted::Job(id.to_owned())),
            None => Err(unusable(NAME, Asked::Call, &reply, "no request id")),
        }
    }

    fn poll(&self, call: &Call, job: &str) -> Option<Request> {
        Some(request(Method::Get, "queue", &call.credential, of_job(call, job, "/status?logs=0")))
    }

    fn read_poll(&self, _call: &Call, job: &str, reply: Reply) -> Result<News, Failure> {
        let status = object(Asked::Job, &reply)?;
        if json::id(&status, "request_id").is_some_and(|id| id != job) {
            return Err(unusable(NAME, Asked::Job, &reply, "another request"));
        }
        Ok(match json::text(&status, "status") {
            Some("IN_QUEUE") => News::Queued { ahead: status.get("queue_position").and_then(Json::as_u64) },
            // A failure and a cancellation are completed as well.
            Some("COMPLETED") => {
                refusal::failure_of_status(&reply, &status).map_or(News::Ready, News::Failed)
            }
            Some(_) => News::Running,
            None => return Err(unusable(NAME, Asked::Job, &reply, "no status")),
        })
    }

    fn fetch(&self, call: &Call, job: &str) -> Option<Request> {
        Some(request(Method::Get, "queue", &call.credential, of_job(call, job, "")).limits(call.limits))
    }

    fn read_fetched(&self, call: &Call, job: &str, reply: Reply) -> Result<News, Failure> {
        if !reply.is_success() {
            return result_of_failure(&reply);
        }
        let native = match object(Asked::Job, &reply) {
            Err(failure) if failure.class == Class::TooLarge => {
                return Ok(News::Failed(refusal::bad_result(failure, &reply)));
            }
            read => read?,
        };
        // The status of what has not ended yet, in the place of a result.
        if reply.status == 202 {
            return Ok(News::Running);
        }
        Ok(match output::read(&call.model, &native) {
            Err(failure) => News::Failed(refusal::bad_result(failure, &reply)),
            Ok(outputs) => {
                let mut usage = Usage::default();
                usage.add("billable_units", billable_units(&reply).unwrap_or(0.0));
                usage.add("images", output::images(&outputs) as f64);
                let meta = Meta {
                    job: Some(job.to_owned()),
                    request_id: request_id(&reply),
                    model: Some(call.model.id.clone()),
                    seed: native.get("seed").filter(|seed| seed.is_number()).map(Json::to_string),
                };
                News::Done(Box::new(Answer { outputs, usage, warnings: warnings(&native), meta, cost: None }))
            }
        })
    }

    fn cancel(&self, call: &Call, job: &str) -> Option<Request> {
        Some(request(Method::Put, "queue", &call.credential, of_job(call, job, "/cancel")))
    }

    fn read_cancelled(&self, _call: &Call, _job: &str, reply: Reply) -> Result<Cancelled, Failure> {
        let told = json::read(&reply.body).unwrap_or_default();
        match (json::text(&told, "status"), reply.status) {
            (Some("CANCELLATION_REQUESTED"), _) => Ok(Cancelled::Asked),
            (Some("ALREADY_COMPLETED"), _) => Ok(Cancelled::TooLate),
            (Some("NOT_FOUND"), _) | (_, 404) => Ok(Cancelled::NoJob),
            (_, 200..300) => Ok(Cancelled::Asked),
            _ => Err(refused(Asked::Job, &reply)),
        }
    }

    fn search(&self, call: &Call, since: Timestamp, page: Option<&str>) -> Option<Request> {
        let fixed = [
            ("endpoint_id", call.model.id.clone()),
            ("start", place::rfc_3339(since)),
            ("limit", "100".to_owned()),
            ("expand", "payloads".to_owned()),
        ];
        let pairs = fixed.into_iter().chain(page.map(|cursor| ("cursor", cursor.to_owned())));
        let path = place::with_query("/v1/models/requests/by-endpoint", pairs);
        Some(request(Method::Get, "api", &call.credential, path))
    }

    fn listed(&self, _call: &Call) -> Listed {
        Listed::Begun
    }

    fn read_search(&self, call: &Call, reply: Reply) -> Result<SearchPage, Failure> {
        let page = object(Asked::Other, &reply)?;
        let items = ["items", "requests"].iter().find_map(|name| page.get(name)?.as_array());
        let Some(items) = items else {
            return Err(unusable(NAME, Asked::Other, &reply, "a list without items"));
        };
        let jobs = items.iter().filter_map(|item| found(call, item)).collect();
        let has_more = page.get("has_more").and_then(Json::as_bool) != Some(false);
        let next = json::text(&page, "next_cursor").filter(|_| has_more).map(str::to_owned);
        Ok(SearchPage { jobs, next })
    }

    fn describe(&self, id: &str, version: Option<&str>, credential: &str) -> Option<Request> {
        place::parts(id, 2).ok().filter(|_| version.is_none())?;
        let query = [("endpoint_id", id.to_owned()), ("expand", "openapi-3.0".to_owned())];
        let path = place::with_query("/v1/models", query);
        Some(request(Method::Get, "api", credential, path))
    }

    fn read_description(&self, id: &str, reply: Reply) -> Result<Entry, Failure> {
        let answer = object(Asked::Other, &reply)?;
        if answer.get("models").and_then(Json::as_array).is_some_and(Vec::is_empty) {
            return Err(Failure::new(Class::Gone, format!("{NAME} has no model `{id}`")));
        }
        from_fal(id, &answer).map_err(|error| unusable(NAME, Asked::Other, &reply, &error.to_string()))
    }

    fn verify_hook(&self, delivery: Delivery, keys: &HookKeys, now: Timestamp) -> Result<Hook, HookRefused> {
        let name = hook::verified(&delivery, keys, now)?;
        let body = delivery.read()?;
        let job = json::id(&body, "request_id").ok_or(HookRefused::Body)?.to_owned();
        Ok(Hook { token: delivery.token(), job, delivery: Some(name), body, at: now })
    }

    fn read_hook(&self, _call: &Call, hook: Hook) -> Result<News, Failure> {
        // It came because the job has ended; what it cost is told by the result alone.
        match json::text(&hook.body, "status") {
            Some("OK" | "ERROR") => Ok(News::Ready),
            _ => Ok(News::Running),
        }
    }

    fn hook_keys(&self, _credential: &str) -> Option<Request> {
        Some(Request::get(Address::provider(NAME, "rest", "/.well-known/jwks.json")))
    }

    fn read_hook_keys(&self, reply: Reply) -> Result<Vec<HookKey>, Failure> {
        let list = object(Asked::Other, &reply)?;
        ed25519::read_key_list(&list).ok_or_else(|| unusable(NAME, Asked::Other, &reply, "no list of keys"))
    }
}

fn request(method: Method, base: &str, credential: &str, path: impl Into<String>) -> Request {
    Request::new(method, Address::provider(NAME, base, path))
        .header(Header::secret("authorization", "Key ", credential))
        .header(Header::text("accept", "application/json"))
}

/// The path of a job: below the application, without the rest of the model's id.
fn of_job(call: &Call, job: &str, rest: &str) -> String {
    let parts: Vec<_> = call.model.id.split('/').collect();
    let length = if NAMESPACES.contains(&parts[0]) { 3 } else { 2 };
    let app: Vec<_> = parts.into_iter().take(length).map(place::encoded).collect();
    format!("/{}/requests/{}{rest}", app.join("/"), place::encoded(job))
}

/// The body of a reply of success, an object.
fn object(asked: Asked, reply: &Reply) -> Result<Json, Failure> {
    failure::object(NAME, asked, reply, refused)
}

/// What was billed, in the unit of the model.
fn billable_units(reply: &Reply) -> Option<f64> {
    let units: f64 = reply.header("x-fal-billable-units")?.trim().parse().ok()?;
    (units.is_finite() && units >= 0.0).then_some(units)
}

/// A picture that was found unfit comes as a black one, with success.
fn warnings(native: &Json) -> Vec<String> {
    let flags = native.get("has_nsfw_concepts").and_then(Json::as_array);
    let flagged = flags.map_or(0, |flags| flags.iter().filter(|flag| **flag == Json::Bool(true)).count());
    let warning = || format!("fal found {flagged} of the pictures unfit and may have blacked them out");
    (flagged > 0).then(warning).into_iter().collect()
}

fn found(call: &Call, item: &Json) -> Option<Found> {
    let is_model = json::text(item, "endpoint_id").is_none_or(|id| id == call.model.id);
    let times = ["sent_at", "started_at"].iter().find_map(|name| json::text(item, name));
    // What was sent is shown as JSON, or as a text that holds it.
    let read = json::text(item, "json_input").and_then(|text| json::read(text.as_bytes()).ok());
    let shown = read.as_ref().or_else(|| item.get("json_input")).and_then(Json::as_object);
    let likeness = match shown {
        _ if !is_model => Likeness::Other,
        None => Likeness::Hidden,
        Some(input) if echo::shows(call, &call.inputs, input) => Likeness::Alike,
        Some(_) => Likeness::Other,
    };
    let has_ended = json::text(item, "ended_at").is_some();
    Some(Found {
        job: json::id(item, "request_id")?.to_owned(),
        made_at: times.and_then(waiting::moment),
        likeness,
        state: Some(if has_ended { State::Ended } else { State::Running }),
    })
}
