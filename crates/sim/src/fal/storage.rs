//! Uploads, as both SDKs make them, and downloads from the CDN.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Fal;
use crate::Sim;
use crate::dialect::{Dialect, Refusal, Visit};
use crate::files::File;
use crate::http::Answer;
use crate::scenario::{Operation, Provider};

/// The lifetime of files.
const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The lifetime of an upload token.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// The most parts of a multipart upload.
const PARTS_MAX: usize = 1000;

#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// Issues an upload token (Python SDK).
    Token,
    /// Issues an upload URL (JavaScript SDK).
    Initiate,
    InitiateMultipart,
    Upload,
    UploadMultipart,
    Put(String, String),
    PutPart(String, String, usize),
    Complete(String, String),
    Get(String, String),
    /// Job id and number of the output file.
    Output(String, usize),
}

impl Route {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Route::Get(..) | Route::Output(..) => Operation::Output,
            _ => Operation::Upload,
        }
    }

    /// Whether it needs no key.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self,
            Route::Get(..) | Route::Output(..) | Route::Put(..) | Route::PutPart(..) | Route::Complete(..)
        )
    }
}

pub(super) fn rest_route(method: &str, path: &[&str]) -> Option<Route> {
    match (method, path) {
        ("POST", ["storage", "auth", "token"]) => Some(Route::Token),
        ("POST", ["storage", "upload", "initiate"]) => Some(Route::Initiate),
        ("POST", ["storage", "upload", "initiate-multipart"]) => Some(Route::InitiateMultipart),
        _ => None,
    }
}

pub(super) fn cdn_route(method: &str, path: &[&str]) -> Option<Route> {
    let text = |text: &str| text.to_owned();
    match (method, path) {
        ("POST", ["files", "upload"]) => Some(Route::Upload),
        ("POST", ["files", "upload", "multipart"]) => Some(Route::UploadMultipart),
        ("PUT", ["upload", id, name]) => Some(Route::Put(text(id), text(name))),
        ("PUT", ["upload", id, name, part]) => Some(Route::PutPart(text(id), text(name), part.parse().ok()?)),
        ("POST", ["upload", id, name, "complete"]) => Some(Route::Complete(text(id), text(name))),
        ("PUT", ["files", id, name, "multipart", _, part]) => {
            Some(Route::PutPart(text(id), text(name), part.parse().ok()?))
        }
        ("POST", ["files", id, name, "multipart", _, "complete"]) => {
            Some(Route::Complete(text(id), text(name)))
        }
        ("GET", ["files", "output", job, file]) => {
            Some(Route::Output(text(job), file.split('.').next()?.parse().ok()?))
        }
        ("GET", ["files", id, name]) => Some(Route::Get(text(id), text(name))),
        _ => None,
    }
}

pub(super) fn answer(sim: &mut Sim, visit: &Visit<'_>, route: Route) -> Answer {
    match route {
        Route::Token => token(sim, visit),
        Route::Initiate | Route::InitiateMultipart => initiate(sim, visit),
        Route::Upload => {
            let name = visit.ask.header("x-fal-file-name").unwrap_or("file").to_owned();
            let id = new_id(sim);
            keep(sim, visit, &id, &name, visit.ask.request.body.clone());
            Answer::json(200, &json!({ "access_url": address(sim, &id, &name) }))
        }
        Route::UploadMultipart => {
            let name = visit.ask.header("x-fal-file-name").unwrap_or("file").to_owned();
            let id = new_id(sim);
            Answer::json(200, &json!({ "access_url": address(sim, &id, &name), "uploadId": id }))
        }
        Route::Put(id, name) => {
            keep(sim, visit, &id, &name, visit.ask.request.body.clone());
            Answer::empty(200).with("etag", format!("\"{id}\""))
        }
        Route::PutPart(id, name, part) => put_part(sim, visit, &id, &name, part),
        Route::Complete(id, name) => complete(sim, visit, &id, &name),
        Route::Get(id, name) => match sim.file(&id).filter(|file| is_there(file, &name, visit.now)) {
            Some(file) => Answer::new(200, &file.mime, file.content.clone()),
            None => Fal::refuse(Refusal::NotFound),
        },
        Route::Output(id, at) => {
            let alive = |created: Timestamp| visit.now < created + LIFE;
            let job =
                sim.find(Provider::Fal, None, &id).filter(|job| alive(job.created)).map(|job| job.number);
            let found = job.and_then(|job| sim.output(job, at, visit.now));
            found.unwrap_or_else(|| Answer::json(404, &json!({ "detail": "File not found" })))
        }
    }
}

fn is_there(file: &File, name: &str, now: Timestamp) -> bool {
    file.provider == Provider::Fal && file.name == name && now < file.created + LIFE
}

fn new_id(sim: &mut Sim) -> String {
    let number = sim.count();
    sim.chance().word("file", number)
}

fn address(sim: &Sim, id: &str, name: &str) -> String {
    format!("{}/files/{id}/{}", sim.bases().get(Provider::Fal, "cdn"), crate::http::encode(name))
}

fn token(sim: &mut Sim, visit: &Visit<'_>) -> Answer {
    let number = sim.count();
    let token = sim.chance().word("token", number);
    Answer::json(
        200,
        &json!({
            "token": token, "token_type": "Bearer", "base_url": sim.bases().get(Provider::Fal, "cdn"),
            "expires_at": visit.now + TOKEN_LIFE,
        }),
    )
}

fn initiate(sim: &mut Sim, visit: &Visit<'_>) -> Answer {
    let body = visit.ask.json().unwrap_or(Value::Null);
    let (Some(name), Some(_)) = (body["file_name"].as_str(), body["content_type"].as_str()) else {
        let missing =
            |name: &str| json!({ "loc": ["body", name], "msg": "Field required", "type": "missing" });
        let names = ["file_name", "content_type"];
        let detail: Vec<Value> =
            names.into_iter().filter(|name| !body[*name].is_string()).map(missing).collect();
        return Answer::json(422, &json!({ "detail": detail }));
    };
    let id = new_id(sim);
    let upload =
        format!("{}/upload/{id}/{}", sim.bases().get(Provider::Fal, "cdn"), crate::http::encode(name));
    Answer::json(200, &json!({ "upload_url": upload, "file_url": address(sim, &id, name) }))
}

fn keep(sim: &mut Sim, visit: &Visit<'_>, id: &str, name: &str, content: Bytes) {
    let mime = visit.ask.header("content-type").unwrap_or("application/octet-stream").to_owned();
    sim.store(File {
        id: id.to_owned(),
        provider: Provider::Fal,
        account: visit.account.clone(),
        name: name.to_owned(),
        mime,
        created: visit.now,
        metadata: Value::Null,
        content,
    });
}

fn put_part(sim: &mut Sim, visit: &Visit<'_>, id: &str, name: &str, part: usize) -> Answer {
    if !(1..=PARTS_MAX).contains(&part) {
        return Fal::refuse(Refusal::NotFound);
    }
    // Parts are separate files until they are joined.
    keep(sim, visit, &format!("{id}.{part}"), name, visit.ask.request.body.clone());
    Answer::empty(200).with("etag", format!("\"{id}-{part}\""))
}

fn complete(sim: &mut Sim, visit: &Visit<'_>, id: &str, name: &str) -> Answer {
    let body = visit.ask.json().unwrap_or(Value::Null);
    let numbers =
        body["parts"].as_array().into_iter().flatten().filter_map(|part| part["partNumber"].as_u64());
    let mut numbers: Vec<u64> = numbers.take(PARTS_MAX).collect();
    numbers.sort_unstable();
    let mut content = Vec::new();
    let mut mime = None;
    for number in numbers {
        let Some(part) = sim.file(&format!("{id}.{number}")) else {
            return Answer::json(400, &json!({ "detail": format!("Part {number} is missing") }));
        };
        mime.get_or_insert_with(|| part.mime.clone());
        content.extend_from_slice(&part.content);
    }
    sim.store(File {
        id: id.to_owned(),
        provider: Provider::Fal,
        account: visit.account.clone(),
        name: name.to_owned(),
        mime: mime.unwrap_or_else(|| "application/octet-stream".to_owned()),
        created: visit.now,
        metadata: Value::Null,
        content: content.into(),
    });
    Answer::json(200, &json!({ "access_url": address(sim, id, name) }))
}
