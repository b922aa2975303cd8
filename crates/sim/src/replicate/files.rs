//! The files API.

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Replicate, problem};
use crate::Sim;
use crate::dialect::{Dialect, Refusal, Visit};
use crate::files::File;
use crate::http::Answer;
use crate::scenario::{Operation, Provider};
use crate::sim::Kept;
use crate::webhook::hex;

/// The lifetime of a file.
const LIFE: SignedDuration = SignedDuration::from_hours(24);
const BYTES_MAX: usize = 100_000_000;

#[derive(Clone, Debug)]
pub(crate) enum Route {
    Create,
    List,
    Get(String),
    Delete(String),
    Download(String),
}

impl Route {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Route::Create | Route::Delete(_) => Operation::Upload,
            Route::List => Operation::List,
            Route::Get(_) => Operation::Read,
            Route::Download(_) => Operation::Output,
        }
    }
}

pub(super) fn route(method: &str, path: &[&str]) -> Option<Route> {
    match (method, path) {
        ("POST", []) => Some(Route::Create),
        ("GET", []) => Some(Route::List),
        ("GET", [id]) => Some(Route::Get((*id).to_owned())),
        ("DELETE", [id]) => Some(Route::Delete((*id).to_owned())),
        ("GET", [id, "download"]) => Some(Route::Download((*id).to_owned())),
        _ => None,
    }
}

pub(super) fn answer(sim: &mut Sim, visit: &Visit<'_>, route: Route) -> Answer {
    let theirs = |id: &str| {
        let file = sim.file(id)?;
        let alive = visit.now < file.created + LIFE;
        (alive && file.provider == Provider::Replicate && file.account == visit.account).then_some(file)
    };
    match route {
        Route::Create => create(sim, visit),
        Route::List => {
            let files = sim.files().filter(|file| theirs(&file.id).is_some());
            let mut files: Vec<&File> = files.collect();
            files.sort_by_key(|file| std::cmp::Reverse(file.created));
            let results: Vec<Value> = files.iter().map(|file| object(sim, file)).collect();
            Answer::json(200, &json!({ "next": null, "previous": null, "results": results }))
        }
        Route::Get(id) => match theirs(&id) {
            Some(file) => Answer::json(200, &object(sim, file)),
            None => Replicate::refuse(Refusal::NotFound),
        },
        Route::Download(id) => match theirs(&id) {
            Some(file) => Answer::new(200, &file.mime, file.content.clone()),
            None => Replicate::refuse(Refusal::NotFound),
        },
        Route::Delete(id) => match theirs(&id) {
            Some(_) => {
                sim.apply(Kept::FileGone(id));
                Answer::empty(204)
            }
            None => Replicate::refuse(Refusal::NotFound),
        },
    }
}

fn create(sim: &mut Sim, visit: &Visit<'_>) -> Answer {
    let Some(parts) = visit.ask.parts() else {
        return problem(400, Some("Bad request"), "The request body is not a form.");
    };
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| part(name).map(|part| String::from_utf8_lossy(&part.content).into_owned());
    let Some(content) = part("content") else {
        return problem(400, Some("Bad request"), "Missing content");
    };
    if content.content.len() > BYTES_MAX {
        return Answer::json(413, &json!({ "detail": "Files must be less than 100MB in size" }));
    }
    let metadata = match text("metadata") {
        Some(text) => match serde_json::from_str::<Value>(&text) {
            Ok(metadata) if metadata.is_object() => metadata,
            _ => return problem(400, Some("Bad request"), "The metadata is not a JSON object."),
        },
        None => json!({}),
    };
    let number = sim.count();
    let id = sim.chance().word("file", number);
    let file = File {
        id: id.clone(),
        provider: Provider::Replicate,
        account: visit.account.clone(),
        name: text("filename").or(content.file.clone()).unwrap_or_else(|| "file".to_owned()),
        mime: text("type").or(content.mime.clone()).unwrap_or_else(|| "application/octet-stream".to_owned()),
        created: visit.now,
        metadata,
        content: Bytes::copy_from_slice(&content.content),
    };
    let answer = Answer::json(201, &object(sim, &file));
    sim.store(file);
    answer
}

fn object(sim: &Sim, file: &File) -> Value {
    let digest = hex(&Sha256::digest(&file.content));
    let api = sim.bases().get(Provider::Replicate, "api");
    json!({
        "id": file.id,
        "name": file.name,
        "content_type": file.mime,
        "size": file.content.len(),
        "etag": &digest[..32],
        "checksums": { "sha256": digest },
        "metadata": file.metadata,
        "created_at": file.created,
        "expires_at": file.created + LIFE,
        "urls": { "get": format!("{api}/v1/files/{}", file.id) },
    })
}
