//! Replicate: predictions, streams, files, models and webhooks.

mod files;
mod hub;
mod prediction;
mod stream;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit, token_of_hook};
use crate::http::{Answer, Ask};
use crate::job::{Job, Outcome};
use crate::models::{self, Model};
use crate::scenario::{Operation, Provider};

pub(crate) struct Replicate;

/// A request to Replicate.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// By the version in the body; `None` if it is unknown.
    Create(Option<&'static Model>),
    /// On an official model.
    CreateOfficial(&'static Model),
    /// On a model that is unknown or not official.
    CreateNowhere,
    Get(String),
    Cancel(String),
    List,
    Stream(String),
    /// Prediction id and number of the output file.
    Output(String, usize),
    Files(files::Route),
    Hub(hub::Route),
}

impl Dialect for Replicate {
    const PROVIDER: Provider = Provider::Replicate;
    type Route = Route;

    fn route(ask: &Ask<'_>) -> Option<Route> {
        let segments = ask.segments();
        let id = |id: &str| id.to_owned();
        if let ["v1", path @ ..] = segments.as_slice() {
            return match (ask.method, path) {
                ("POST", ["predictions"]) => Some(Route::Create(prediction::model_of(ask))),
                ("POST", ["models", owner, name, "predictions"]) => {
                    let model = models::find(Provider::Replicate, &format!("{owner}/{name}"));
                    Some(
                        model
                            .filter(|model| model.official)
                            .map_or(Route::CreateNowhere, Route::CreateOfficial),
                    )
                }
                ("GET", ["predictions"]) => Some(Route::List),
                ("GET", ["predictions", prediction]) => Some(Route::Get(id(prediction))),
                ("POST", ["predictions", prediction, "cancel"]) => Some(Route::Cancel(id(prediction))),
                (method, ["files", path @ ..]) => files::route(method, path).map(Route::Files),
                (method, path) => hub::route(method, path).map(Route::Hub),
            };
        }
        match (ask.method, segments.as_slice()) {
            ("GET", ["stream", "v1", "predictions", prediction]) => Some(Route::Stream(id(prediction))),
            ("GET", ["delivery", "pbxt", prediction, file]) => {
                let number = file.strip_prefix("out-")?.split('.').next()?.parse().ok()?;
                Some(Route::Output(id(prediction), number))
            }
            _ => None,
        }
    }

    fn operation(route: &Route) -> Operation {
        match route {
            Route::Create(_) | Route::CreateOfficial(_) | Route::CreateNowhere => Operation::Create,
            Route::Get(_) => Operation::Read,
            Route::Cancel(_) => Operation::Cancel,
            Route::List => Operation::List,
            Route::Stream(_) => Operation::Stream,
            Route::Output(..) => Operation::Output,
            Route::Files(route) => route.operation(),
            Route::Hub(_) => Operation::Catalog,
        }
    }

    fn model(route: &Route) -> Option<String> {
        match route {
            Route::Create(model) => model.map(|model| model.id.clone()),
            Route::CreateOfficial(model) => Some(model.id.clone()),
            _ => None,
        }
    }

    fn needs_key(route: &Route) -> bool {
        // The JavaScript SDK sends no key to streams, and output URLs are public.
        !matches!(route, Route::Stream(_) | Route::Output(..))
    }

    fn account(ask: &Ask<'_>) -> Option<String> {
        let (scheme, key) = ask.header("authorization")?.split_once(' ')?;
        let known = ["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str());
        (known && !key.trim().is_empty()).then(|| key.trim().to_owned())
    }

    fn refuse(refusal: Refusal) -> Answer {
        match refusal {
            Refusal::NotFound => problem(404, None, "The requested resource could not be found."),
            Refusal::Unauthenticated => {
                problem(401, Some("Unauthenticated"), "You did not pass a valid authentication token")
            }
            Refusal::OutOfCredit => problem(
                402,
                Some("Insufficient credit"),
                "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase \
                 credit. Once you purchase credit, please wait a few minutes before trying again.",
            ),
            Refusal::Throttled(seconds) => throttled(seconds),
            Refusal::Broken(status) => problem(status, None, "Internal server error"),
        }
    }

    fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: Route) -> Done {
        match route {
            Route::Create(Some(model)) => prediction::create(sim, visit, model, false),
            Route::Create(None) => prediction::no_such_version(visit).into(),
            Route::CreateOfficial(model) => prediction::create(sim, visit, model, true),
            Route::CreateNowhere => Self::refuse(Refusal::NotFound).into(),
            Route::Get(id) => prediction::get(sim, visit, &id).into(),
            Route::Cancel(id) => prediction::cancel(sim, visit, &id).into(),
            Route::List => prediction::list(sim, visit).into(),
            Route::Stream(id) => stream::follow(sim, visit.now, &id).into(),
            Route::Output(id, at) => output(sim, visit.now, &id, at).into(),
            Route::Files(route) => files::answer(sim, visit, route).into(),
            Route::Hub(route) => hub::answer(sim, visit, &route).into(),
        }
    }

    fn token(job: &Job) -> Option<String> {
        token_of_hook(job)
    }
}

impl Replicate {
    /// The webhook events of a job and their times.
    pub(crate) fn news(job: &Job) -> Vec<(&'static str, Timestamp)> {
        let mut news = Vec::new();
        let ended = job.ended();
        let before_end = |at: &Timestamp| ended.is_none_or(|ended| *at < ended);
        if let Some(starts) = job.starts.filter(before_end) {
            news.push(("start", starts));
            if let Some(ends) = job.ends {
                let middle = starts + ends.duration_since(starts) / 2;
                if before_end(&middle) {
                    news.push(("logs", middle));
                }
            }
        }
        if let Some(ended) = ended {
            if job.outcome == Outcome::Succeeded && job.ends == Some(ended) {
                news.push(("output", ended));
            }
            news.push(("completed", ended));
        }
        news
    }

    /// The body of a webhook. A forged one reports the opposite outcome.
    pub(crate) fn payload(sim: &Sim, job: &Job, at: Timestamp, forged: bool) -> Value {
        let mut object = prediction::object(sim, job, at);
        if forged {
            object["status"] = json!(if object["status"] == "succeeded" { "failed" } else { "succeeded" });
            object["output"] = json!("https://example.com/forged.png");
            object["error"] = json!("forged");
        }
        object
    }
}

/// An error in Replicate's shape.
fn problem(status: u16, title: Option<&str>, detail: &str) -> Answer {
    let mut body = json!({ "detail": detail, "status": status });
    if let Some(title) = title {
        body["title"] = json!(title);
    }
    Answer::new(status, "application/problem+json", body.to_string().into())
}

fn throttled(seconds: Option<u64>) -> Answer {
    match seconds {
        Some(seconds) => {
            let detail = format!("Request was throttled. Your rate limit resets in ~{seconds}s.");
            let body = json!({ "detail": detail, "status": 429, "retry_after": seconds });
            Answer::json(429, &body)
                .with("retry-after", seconds)
                .with("ratelimit-remaining", 0)
                .with("ratelimit-reset", seconds)
        }
        None => problem(429, None, "Request was throttled."),
    }
}

/// How long outputs are kept.
const OUTPUT_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Whether the input and output of a job have been removed.
fn is_removed(job: &Job, now: Timestamp) -> bool {
    job.ended().is_some_and(|ended| ended + OUTPUT_LIFE <= now)
}

fn output(sim: &mut Sim, now: Timestamp, id: &str, at: usize) -> Answer {
    let job =
        sim.find(Provider::Replicate, None, id).filter(|job| !is_removed(job, now)).map(|job| job.number);
    let found = job.and_then(|job| sim.output(job, at, now));
    found.unwrap_or_else(|| Answer::new(404, "text/plain", "Not Found".into()))
}
