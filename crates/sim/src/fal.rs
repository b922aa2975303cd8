//! fal: queue, direct calls, storage and the platform API.

mod platform;
mod queue;
mod storage;
mod words;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit, token_of_hook};
use crate::http::{Answer, Ask};
use crate::job::{Job, Phase};
use crate::models::{self, Model};
use crate::scenario::{Operation, Provider};

pub(crate) struct Fal;

/// A request to fal.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    Submit(&'static Model),
    /// An unknown application.
    SubmitNowhere(String),
    /// Application and request id.
    Status(String, String),
    StatusStream(String, String),
    Result(String, String),
    Cancel(String, String),
    Run(&'static Model),
    RunStream(&'static Model),
    RunNowhere(String),
    Storage(storage::Route),
    Platform(platform::Route),
    Keys,
}

impl Dialect for Fal {
    const PROVIDER: Provider = Provider::Fal;
    type Route = Route;

    fn route(ask: &Ask<'_>) -> Option<Route> {
        let segments = ask.segments();
        let (host, path) = segments.split_first()?;
        match (*host, ask.method, path) {
            ("queue", method, path) => queue_route(method, path),
            ("run", "POST", path) => run_route(path),
            ("rest", "GET", [".well-known", "jwks.json"]) => Some(Route::Keys),
            ("rest", method, path) => storage::rest_route(method, path).map(Route::Storage),
            ("cdn", method, path) => storage::cdn_route(method, path).map(Route::Storage),
            ("api", "GET", ["v1", path @ ..]) => platform::route(path).map(Route::Platform),
            _ => None,
        }
    }

    fn operation(route: &Route) -> Operation {
        match route {
            Route::Submit(_)
            | Route::SubmitNowhere(_)
            | Route::Run(_)
            | Route::RunStream(_)
            | Route::RunNowhere(_) => Operation::Create,
            Route::Status(..) | Route::Result(..) => Operation::Read,
            Route::StatusStream(..) => Operation::Stream,
            Route::Cancel(..) => Operation::Cancel,
            Route::Storage(route) => route.operation(),
            Route::Platform(route) => route.operation(),
            Route::Keys => Operation::Catalog,
        }
    }

    fn model(route: &Route) -> Option<String> {
        match route {
            Route::Submit(model) | Route::Run(model) | Route::RunStream(model) => Some(model.id.clone()),
            Route::SubmitNowhere(id) | Route::RunNowhere(id) => Some(id.clone()),
            _ => None,
        }
    }

    fn needs_key(route: &Route) -> bool {
        !matches!(route, Route::Keys) && !matches!(route, Route::Storage(route) if route.is_open())
    }

    fn account(ask: &Ask<'_>) -> Option<String> {
        let (scheme, key) = ask.header("authorization")?.split_once(' ')?;
        let key = key.trim();
        let known = scheme.eq_ignore_ascii_case("key") || scheme.eq_ignore_ascii_case("bearer");
        (known && !key.is_empty()).then(|| key.to_owned())
    }

    fn refuse(refusal: Refusal) -> Answer {
        match refusal {
            Refusal::NotFound => Answer::json(404, &json!({ "detail": "Path not found" })),
            Refusal::Unauthenticated => {
                Answer::json(401, &json!({ "detail": "No user found for Key ID and Secret" }))
            }
            Refusal::OutOfCredit => Answer::json(
                403,
                &json!({ "detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing." }),
            ),
            Refusal::Throttled(seconds) => {
                let answer =
                    words::platform(429, "concurrent_requests_limit", "Too many concurrent requests");
                seconds.map_or(answer.clone(), |seconds| answer.with("retry-after", seconds))
            }
            Refusal::Broken(status) => words::platform(status, "internal_error", "Internal server error"),
        }
    }

    fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: Route) -> Done {
        match route {
            Route::Submit(model) => queue::submit(sim, visit, model),
            Route::Run(model) => queue::run(sim, visit, model, false),
            Route::RunStream(model) => queue::run(sim, visit, model, true),
            Route::SubmitNowhere(id) | Route::RunNowhere(id) => {
                Answer::json(404, &json!({ "detail": format!("Application \"{id}\" not found") })).into()
            }
            Route::Status(app, id) => queue::status(sim, visit, &app, &id).into(),
            Route::StatusStream(app, id) => queue::status_stream(sim, visit, &app, &id).into(),
            Route::Result(app, id) => queue::result(sim, visit, &app, &id).into(),
            Route::Cancel(app, id) => queue::cancel(sim, visit, &app, &id).into(),
            Route::Storage(route) => storage::answer(sim, visit, route).into(),
            Route::Platform(route) => platform::answer(sim, visit, &route).into(),
            Route::Keys => Answer::json(200, &crate::webhook::fal_keys()).into(),
        }
    }

    fn token(job: &Job) -> Option<String> {
        token_of_hook(job)
    }
}

impl Fal {
    /// The body of a webhook. A forged one reports the opposite outcome.
    pub(crate) fn payload(sim: &Sim, job: &Job, at: Timestamp, forged: bool) -> Value {
        let succeeded = (job.phase(at) == Phase::Succeeded) != forged;
        let (status, payload) = match words::failure(job, at) {
            None => (200, if forged { json!({ "detail": "forged" }) } else { words::result(sim, job) }),
            Some((status, body)) => (status, if forged { json!({ "images": [] }) } else { body }),
        };
        let mut body = json!({
            "request_id": job.id,
            "gateway_request_id": job.id,
            "status": if succeeded { "OK" } else { "ERROR" },
            "payload": payload,
        });
        if !succeeded {
            body["error"] = json!(format!("Invalid status code: {}", status.max(400)));
        }
        body
    }
}

/// The application of an endpoint, without its sub-path: `fal-ai/flux` of `fal-ai/flux/dev`.
fn application(id: &str) -> String {
    let parts: Vec<&str> = id.split('/').collect();
    let taken = if ["workflows", "comfy"].contains(&parts[0]) { 3 } else { 2 };
    parts[..taken.min(parts.len())].join("/")
}

fn queue_route(method: &str, path: &[&str]) -> Option<Route> {
    if method == "POST" {
        let id = path.join("/");
        return match models::find(Provider::Fal, &id) {
            Some(model) => Some(Route::Submit(model)),
            None => (path.len() >= 2 && !path.contains(&"requests")).then_some(Route::SubmitNowhere(id)),
        };
    }
    let at = path.iter().position(|segment| *segment == "requests")?;
    // These paths name the application only, never a sub-path.
    if !(2..=3).contains(&at) {
        return None;
    }
    let (app, id) = (path[..at].join("/"), (*path.get(at + 1)?).to_owned());
    match (method, &path[at + 2..]) {
        ("GET", ["status"]) => Some(Route::Status(app, id)),
        ("GET", ["status", "stream"]) => Some(Route::StatusStream(app, id)),
        ("GET", [] | ["response"]) => Some(Route::Result(app, id)),
        ("PUT", ["cancel"]) => Some(Route::Cancel(app, id)),
        _ => None,
    }
}

fn run_route(path: &[&str]) -> Option<Route> {
    if let Some(model) = models::find(Provider::Fal, &path.join("/")) {
        return Some(Route::Run(model));
    }
    let streamed = path.split_last().filter(|(last, _)| **last == "stream");
    let streamed = streamed.and_then(|(_, path)| models::find(Provider::Fal, &path.join("/")));
    match streamed.filter(|model| model.stream) {
        Some(model) => Some(Route::RunStream(model)),
        None => (path.len() >= 2).then(|| Route::RunNowhere(path.join("/"))),
    }
}
