//! Models, versions, the account, the webhook secret and hardware.

use serde_json::{Value, json};

use super::Replicate;
use crate::Sim;
use crate::dialect::{Dialect, Refusal, Visit};
use crate::http::Answer;
use crate::models::{self, Makes, Model};
use crate::scenario::Provider;
use crate::webhook::REPLICATE_SECRET;

#[derive(Clone, Debug)]
pub(crate) enum Route {
    Account,
    Secret,
    Hardware,
    Models,
    /// Search with the method QUERY; the text is the body.
    Find,
    /// Search with the text in the query.
    Search,
    Model(String),
    Versions(String),
    Version(String, String),
}

pub(super) fn route(method: &str, path: &[&str]) -> Option<Route> {
    let name = |owner: &str, name: &str| format!("{owner}/{name}");
    Some(match (method, path) {
        ("GET", ["account"]) => Route::Account,
        ("GET", ["webhooks", "default", "secret"]) => Route::Secret,
        ("GET", ["hardware"]) => Route::Hardware,
        ("GET", ["models"]) => Route::Models,
        ("QUERY", ["models"]) => Route::Find,
        ("GET", ["search"]) => Route::Search,
        ("GET", ["models", owner, model]) => Route::Model(name(owner, model)),
        ("GET", ["models", owner, model, "versions"]) => Route::Versions(name(owner, model)),
        ("GET", ["models", owner, model, "versions", version]) => {
            Route::Version(name(owner, model), (*version).to_owned())
        }
        _ => return None,
    })
}

pub(super) fn answer(sim: &Sim, visit: &Visit<'_>, route: &Route) -> Answer {
    let model = |id: &str| models::find(Provider::Replicate, id);
    let body = match route {
        Route::Account => Some(json!({
            "type": "organization", "username": "simulated", "name": "Simulated account", "github_url": null,
            "avatar_url": null,
        })),
        Route::Secret => Some(json!({ "key": REPLICATE_SECRET })),
        Route::Hardware => Some(json!([
            { "name": "CPU", "sku": "cpu" },
            { "name": "Nvidia T4 GPU", "sku": "gpu-t4" },
            { "name": "Nvidia L40S GPU", "sku": "gpu-l40s" },
            { "name": "Nvidia A100 (80GB) GPU", "sku": "gpu-a100-large" },
        ])),
        Route::Models => Some(page(found(sim, ""))),
        Route::Find => {
            let text = String::from_utf8_lossy(&visit.ask.request.body).into_owned();
            // The JavaScript SDK sends the text as JSON, in quotes.
            let text = serde_json::from_str::<String>(&text).unwrap_or(text);
            Some(page(found(sim, &text)))
        }
        Route::Search => {
            let most =
                visit.ask.query("limit").and_then(|text| text.parse().ok()).unwrap_or(20usize).clamp(1, 50);
            let mut found = found(sim, visit.ask.query("query").unwrap_or_default());
            found.truncate(most);
            let found: Vec<Value> =
                found.into_iter().map(|model| json!({ "model": model, "metadata": {} })).collect();
            Some(
                json!({ "query": visit.ask.query("query"), "models": found, "collections": [], "pages": [] }),
            )
        }
        Route::Model(id) => model(id).map(|model| object(sim, model)),
        Route::Versions(id) => model(id).map(|model| page(vec![version(model)])),
        Route::Version(id, wanted) => model(id).filter(|model| model.version() == *wanted).map(version),
    };
    body.map_or_else(|| Replicate::refuse(Refusal::NotFound), |body| Answer::json(200, &body))
}

fn page(results: Vec<Value>) -> Value {
    json!({ "next": null, "previous": null, "results": results })
}

fn found(sim: &Sim, text: &str) -> Vec<Value> {
    let text = text.to_lowercase();
    let fits = |model: &&Model| {
        model.id.contains(&text) || format!("{:?}", model.makes).to_lowercase().contains(&text)
    };
    models::of(Provider::Replicate).filter(fits).map(|model| object(sim, model)).collect()
}

fn object(sim: &Sim, model: &Model) -> Value {
    let (owner, name) = model.id.split_once('/').unwrap_or_default();
    let _ = sim;
    json!({
        "url": format!("https://replicate.com/{}", model.id),
        "owner": owner,
        "name": name,
        "description": "A simulated model",
        "visibility": "public",
        "is_official": model.official,
        "github_url": null,
        "paper_url": null,
        "license_url": null,
        "run_count": 0,
        "cover_image_url": null,
        "default_example": example(model),
        "latest_version": version(model),
    })
}

/// A prediction that the model's page shows.
fn example(model: &Model) -> Value {
    let ending = match model.makes {
        Makes::Image => "png",
        Makes::Video => "mp4",
        Makes::Speech | Makes::Music => "mp3",
        Makes::Transcript | Makes::Text | Makes::Moderation => return Value::Null,
    };
    let url = format!("https://replicate.delivery/xezq/example/out.{ending}");
    let output = if model.shape == "array" { json!([url]) } else { json!(url) };
    json!({ "id": "example", "model": model.id, "version": model.version(), "status": "succeeded", "output": output })
}

fn version(model: &Model) -> Value {
    json!({
        "id": model.version(),
        "created_at": "2026-01-01T00:00:00.000000Z",
        "cog_version": "0.16.0",
        "openapi_schema": {
            "openapi": "3.0.2",
            "info": { "title": "Cog", "version": "0.1.0" },
            "paths": {},
            "components": { "schemas": { "Input": model.schema(), "Output": output(model) } },
        },
    })
}

fn output(model: &Model) -> Value {
    let file = json!({ "type": "string", "format": "uri" });
    match (model.shape.as_str(), model.makes) {
        ("single", _) => json!({ "type": "string", "format": "uri", "title": "Output" }),
        ("array", _) => json!({ "type": "array", "items": file, "title": "Output" }),
        (_, Makes::Text) => json!({
            "type": "array", "items": { "type": "string" }, "title": "Output", "x-cog-array-type": "iterator",
            "x-cog-array-display": "concatenate",
        }),
        _ => json!({ "type": "object", "title": "Output" }),
    }
}
