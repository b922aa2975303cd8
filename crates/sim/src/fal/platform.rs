//! The platform API: models, prices, past requests and billing.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::words;
use crate::Sim;
use crate::dialect::Visit;
use crate::http::Answer;
use crate::job::{Job, Phase};
use crate::models::{self, Model};
use crate::scenario::{Operation, Provider};

/// The page size of lists.
const PAGE: usize = 50;

#[derive(Clone, Debug)]
pub(crate) enum Route {
    Models,
    Pricing,
    ByEndpoint,
    BillingEvents,
    Meta,
}

impl Route {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Route::ByEndpoint | Route::BillingEvents => Operation::List,
            _ => Operation::Catalog,
        }
    }
}

pub(super) fn route(path: &[&str]) -> Option<Route> {
    match path {
        ["models"] => Some(Route::Models),
        ["models", "pricing"] => Some(Route::Pricing),
        ["models", "requests", "by-endpoint"] => Some(Route::ByEndpoint),
        ["models", "billing-events"] => Some(Route::BillingEvents),
        ["meta"] => Some(Route::Meta),
        _ => None,
    }
}

pub(super) fn answer(sim: &Sim, visit: &Visit<'_>, route: &Route) -> Answer {
    match route {
        Route::Models => {
            let full =
                visit.ask.query.iter().any(|(name, value)| name == "expand" && value.contains("openapi"));
            let models: Vec<Value> = wanted(visit).iter().map(|model| model_object(model, full)).collect();
            Answer::json(200, &json!({ "models": models, "next_cursor": null, "has_more": false }))
        }
        Route::Pricing => {
            let prices: Vec<Value> = wanted(visit).iter().filter_map(|model| price(model)).collect();
            Answer::json(200, &json!({ "prices": prices, "next_cursor": null, "has_more": false }))
        }
        Route::ByEndpoint => by_endpoint(sim, visit),
        Route::BillingEvents => billing_events(sim, visit),
        Route::Meta => Answer::json(200, &json!({ "webhook_ip_ranges": ["127.0.0.0/8"] })),
    }
}

/// The requested models; all of them by default.
fn wanted(visit: &Visit<'_>) -> Vec<&'static Model> {
    let named = visit.ask.query.iter().filter(|(name, _)| name == "endpoint_id");
    let named: Vec<&str> = named.flat_map(|(_, value)| value.split(',')).collect();
    models::of(Provider::Fal).filter(|model| named.is_empty() || named.contains(&model.id.as_str())).collect()
}

fn model_object(model: &Model, full: bool) -> Value {
    let mut object = json!({
        "endpoint_id": model.id,
        "metadata": {
            "display_name": model.id, "category": category(model), "description": "A simulated model", "status": "active",
            "tags": [], "updated_at": "2026-01-01T00:00:00Z", "is_favorited": false, "duration_estimate": 1,
        },
    });
    if full {
        let path = format!("/{}", model.id);
        let of_job = format!("{path}/requests/{{request_id}}");
        let json_of = |schema: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } });
        object["openapi"] = json!({
            "openapi": "3.0.4",
            "info": { "title": format!("Queue OpenAPI for {}", model.id), "version": "1.0.0" },
            "components": { "schemas": { "Input": model.schema(), "Output": output(model), "File": FILE_SCHEMA.clone() } },
            "paths": {
                path: { "post": { "requestBody": { "required": true, "content": json_of("Input") } } },
                of_job: { "get": { "responses": { "200": { "description": "Result.", "content": json_of("Output") } } } },
            },
        });
    }
    object
}

/// What fal calls a file.
static FILE_SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object", "title": "File", "required": ["url"],
        "properties": {
            "url": { "type": "string", "title": "Url" },
            "content_type": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "file_name": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "file_size": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
        },
    })
});

/// The schema of what a model gives.
fn output(model: &Model) -> Value {
    let file = json!({ "$ref": "#/components/schemas/File" });
    let (name, schema) = match model.shape.as_str() {
        "images" => ("images", json!({ "type": "array", "items": file })),
        "chunks" => ("text", json!({ "type": "string" })),
        "nsfw_probability" => ("nsfw_probability", json!({ "type": "number" })),
        "has_nsfw_concepts" => {
            ("has_nsfw_concepts", json!({ "type": "array", "items": { "type": "boolean" } }))
        }
        name => (name, json!({ "allOf": [file] })),
    };
    let mut properties = json!({ name: schema });
    if model.seed || name == "images" {
        properties["seed"] = json!({ "type": "integer" });
    }
    json!({ "type": "object", "title": "Output", "required": [name], "properties": properties })
}

fn category(model: &Model) -> &'static str {
    use crate::models::Makes;
    match model.makes {
        Makes::Image if model.input.contains_key("image_url") || model.input.contains_key("image_urls") => {
            "image-to-image"
        }
        Makes::Image => "text-to-image",
        Makes::Video if model.input.contains_key("video_url") => "video-to-video",
        Makes::Video if model.input.contains_key("image_url") => "image-to-video",
        Makes::Video => "text-to-video",
        Makes::Speech => "text-to-speech",
        Makes::Music => "text-to-audio",
        Makes::Transcript => "speech-to-text",
        Makes::Text => "llm",
        Makes::Moderation => "vision",
    }
}

fn price(model: &Model) -> Option<Value> {
    let price = model.price.last()?;
    let each: f64 = price.usd.parse().ok()?;
    Some(
        json!({ "endpoint_id": model.id, "unit_price": each, "unit": words::unit_name(&price.unit), "currency": "USD" }),
    )
}

fn by_endpoint(sim: &Sim, visit: &Visit<'_>) -> Answer {
    let ask = visit.ask;
    let Some(endpoint) = ask.query("endpoint_id") else {
        let detail = json!([{ "loc": ["query", "endpoint_id"], "msg": "Field required", "type": "missing" }]);
        return Answer::json(422, &json!({ "detail": detail }));
    };
    let time = |name: &str| ask.query(name).and_then(|text| text.parse::<Timestamp>().ok());
    let start = time("start").unwrap_or(visit.now - SignedDuration::from_hours(24));
    let end = time("end").unwrap_or(visit.now + SignedDuration::from_hours(1));
    let before = ask.query("cursor").and_then(read_cursor).unwrap_or(u64::MAX);
    let with_payloads = ask.query("expand").is_some_and(|expand| expand.contains("payloads"));
    let fits = |job: &&Job| {
        job.model == endpoint
            && ask.query("request_id").is_none_or(|id| id == job.id)
            && (start..=end).contains(&job.created)
            // Queued requests are not listed.
            && job.phase(visit.now) != Phase::Queued
    };
    let jobs = sim.jobs_of(Provider::Fal, &visit.account).skip_while(|job| job.number >= before);
    let jobs: Vec<&Job> = jobs.take_while(|job| job.created >= start).filter(fits).take(PAGE + 1).collect();
    let shown = &jobs[..jobs.len().min(PAGE)];
    let items: Vec<Value> =
        shown.iter().map(|job| past_request(sim, job, visit.now, with_payloads)).collect();
    let more = jobs.len() > PAGE;
    let next = shown.last().filter(|_| more).map(|job| URL_SAFE_NO_PAD.encode(job.number.to_string()));
    Answer::json(200, &json!({ "items": items, "next_cursor": next, "has_more": more }))
}

fn read_cursor(cursor: &str) -> Option<u64> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?.parse().ok()
}

fn past_request(sim: &Sim, job: &Job, now: Timestamp, with_payloads: bool) -> Value {
    let ended = job.ended().filter(|ended| *ended <= now);
    let status = ended.map(|_| words::failure(job, now).map_or(200, |(status, _)| status));
    let mut item = json!({
        "request_id": job.id,
        "endpoint_id": job.model,
        "sent_at": job.created,
        "started_at": job.starts,
        "ended_at": ended,
        "status_code": status,
        "duration": ended.map(|_| job.ran(now) as f64 / 1000.0),
    });
    if with_payloads {
        item["json_input"] = job.input.clone();
        item["json_output"] = if job.succeeded(now) { words::result(sim, job) } else { Value::Null };
    }
    item
}

fn billing_events(sim: &Sim, visit: &Visit<'_>) -> Answer {
    let id = visit.ask.query("request_id");
    let jobs = sim.jobs_of(Provider::Fal, &visit.account).filter(|job| id.is_none_or(|id| id == job.id));
    let event = |job: &Job| {
        let nanos = job.charge(visit.now).filter(|nanos| *nanos > 0)?;
        let units = words::units(job);
        let total = nanos as f64 / 1e9;
        Some(json!({
            "request_id": job.id, "endpoint_id": job.model, "timestamp": job.ended(), "output_units": units,
            "unit_price": if units > 0.0 { total / units } else { 0.0 }, "percent_discount": 0, "cost_subtotal": total,
            "cost_discount": 0, "cost_total": total, "cost_estimate_nano_usd": nanos,
        }))
    };
    let events: Vec<Value> = jobs.filter_map(event).take(PAGE).collect();
    Answer::json(200, &json!({ "billing_events": events, "next_cursor": null, "has_more": false }))
}
