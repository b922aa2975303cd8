//! ElevenLabs: speech, sound, music and transcription, history, and the workspace's webhooks.

mod account;
mod history;
mod hooks;
mod models;
mod speech;
mod transcript;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{Answer, Ask};
use crate::job::Job;
use crate::scenario::{Operation, Provider};

pub(crate) struct ElevenLabs;

/// A request to ElevenLabs.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    Speech(speech::Route),
    /// A composition plan, which is free.
    Plan,
    Transcribe(Option<String>),
    Align,
    Transcript(String),
    DeleteTranscript(String),
    History(history::Route),
    Hooks(hooks::Route),
    Account(account::Route),
}

impl Dialect for ElevenLabs {
    const PROVIDER: Provider = Provider::ElevenLabs;
    type Route = Route;

    fn route(ask: &Ask<'_>) -> Option<Route> {
        let segments = ask.segments();
        let text = |text: &str| text.to_owned();
        match (ask.method, segments.as_slice()) {
            ("POST", ["v1", "speech-to-text"]) => Some(Route::Transcribe(transcript::model_of(ask))),
            ("GET", ["v1", "speech-to-text", "transcripts", id]) => Some(Route::Transcript(text(id))),
            ("DELETE", ["v1", "speech-to-text", "transcripts", id]) => {
                Some(Route::DeleteTranscript(text(id)))
            }
            ("POST", ["v1", "forced-alignment"]) => Some(Route::Align),
            ("POST", ["v1", "music", "plan"]) => Some(Route::Plan),
            ("POST", ["v1", path @ ..]) if speech::route(path, ask).is_some() => {
                speech::route(path, ask).map(Route::Speech)
            }
            (method, ["v1", "history", path @ ..]) => history::route(method, path).map(Route::History),
            (method, ["v1", "workspace", "webhooks", path @ ..]) => {
                hooks::route(method, path).map(Route::Hooks)
            }
            ("GET", path) => account::route(path).map(Route::Account),
            _ => None,
        }
    }

    fn operation(route: &Route) -> Operation {
        match route {
            Route::Speech(_) | Route::Transcribe(_) | Route::Align => Operation::Create,
            Route::Transcript(_) => Operation::Read,
            Route::History(route) => route.operation(),
            Route::Plan | Route::DeleteTranscript(_) | Route::Hooks(_) | Route::Account(_) => {
                Operation::Catalog
            }
        }
    }

    fn model(route: &Route) -> Option<String> {
        match route {
            Route::Speech(route) => Some(route.model.clone()),
            Route::Transcribe(model) => model.clone(),
            Route::Align => Some("forced_alignment".to_owned()),
            _ => None,
        }
    }

    fn needs_key(_: &Route) -> bool {
        true
    }

    fn account(ask: &Ask<'_>) -> Option<String> {
        let key = ask.header("xi-api-key")?.trim();
        (!key.is_empty()).then(|| key.to_owned())
    }

    fn refuse(refusal: Refusal) -> Answer {
        match refusal {
            Refusal::NotFound => Answer::json(404, &json!({ "detail": "Not Found" })),
            Refusal::Unauthenticated => {
                error(401, "authentication_error", "invalid_api_key", "Invalid API key")
            }
            Refusal::OutOfCredit => error(
                401,
                "authentication_error",
                "quota_exceeded",
                "This request exceeds your quota. You have 0 credits remaining.",
            ),
            Refusal::Throttled(None) => error(
                429,
                "rate_limit_error",
                "concurrent_limit_exceeded",
                "Too many concurrent requests. Your current subscription is associated with a maximum number of concurrent requests.",
            ),
            Refusal::Throttled(Some(seconds)) => {
                let answer = error(429, "rate_limit_error", "rate_limit_exceeded", "Too many requests");
                answer.with("retry-after", seconds)
            }
            Refusal::Broken(status) => {
                error(status, "server_error", "internal_server_error", "Internal server error")
            }
        }
    }

    fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: Route) -> Done {
        match route {
            Route::Speech(route) => speech::answer(sim, visit, &route),
            Route::Plan => speech::plan(visit).into(),
            Route::Transcribe(_) => transcript::create(sim, visit),
            Route::Align => transcript::align(sim, visit),
            Route::Transcript(id) => transcript::get(sim, visit, &id).into(),
            Route::DeleteTranscript(id) => transcript::delete(sim, visit, &id).into(),
            Route::History(route) => history::answer(sim, visit, route).into(),
            Route::Hooks(route) => hooks::answer(sim, visit, route).into(),
            Route::Account(route) => account::answer(sim, visit, &route).into(),
        }
    }

    fn token(job: &Job) -> Option<String> {
        let metadata = &job.input["webhook_metadata"];
        let token = metadata["token"].as_str().or_else(|| metadata.as_str())?;
        Some(token.to_owned())
    }
}

impl ElevenLabs {
    /// The body of a webhook. A forged one carries another transcript.
    pub(crate) fn payload(sim: &Sim, job: &Job, at: Timestamp, forged: bool) -> Value {
        let mut transcription = transcript::object(sim, job);
        if forged {
            transcription["text"] = json!("forged");
        }
        json!({
            "type": "speech_to_text_transcription",
            "event_timestamp": at.as_second(),
            "data": {
                "request_id": request_id(sim, job),
                "transcription_id": job.id,
                "webhook_metadata": job.input.get("webhook_metadata").cloned().unwrap_or(Value::Null),
                "transcription": transcription,
            },
        })
    }
}

/// An error in ElevenLabs' shape.
fn error(status: u16, kind: &str, code: &str, message: &str) -> Answer {
    let detail = json!({ "type": kind, "code": code, "status": code, "message": message });
    Answer::json(status, &json!({ "detail": detail }))
}

/// A validation error: its place, type and message.
struct Misfit(Vec<&'static str>, &'static str, String);

fn misfits(all: &[Misfit]) -> Answer {
    let one = |Misfit(place, kind, message): &Misfit| json!({ "loc": place, "type": kind, "msg": message });
    Answer::json(422, &json!({ "detail": all.iter().map(one).collect::<Vec<_>>() }))
}

fn missing(name: &'static str) -> Misfit {
    Misfit(vec!["body", name], "missing", "Field required".to_owned())
}

/// The `request-id` of a job.
fn request_id(sim: &Sim, job: &Job) -> String {
    sim.chance().text("request", job.number, b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 20)
}
