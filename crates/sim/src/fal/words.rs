//! The wording of results, failures and billable units.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Sim;
use crate::http::Answer;
use crate::job::{Job, Outcome, Phase};
use crate::media::{Mark, Media};
use crate::models::{self, Model, Wrong, WrongKind};
use crate::scenario::Provider;
use crate::work::words;

/// An error of the platform (shape B).
pub(super) fn platform(status: u16, kind: &str, detail: &str) -> Answer {
    Answer::json(status, &json!({ "detail": detail, "error_type": kind })).with("x-fal-error-type", kind)
}

/// The validation errors of an input (shape A).
pub(super) fn invalid(wrong: &[Wrong], input: &Value) -> Value {
    let detail: Vec<Value> = wrong
        .iter()
        .map(|wrong| {
            let (kind, message, more) = match &wrong.kind {
                WrongKind::Missing => ("missing", "Field required".to_owned(), Value::Null),
                WrongKind::Type("image size") => {
                    ("value_error", "Input should be a valid image size".to_owned(), Value::Null)
                }
                WrongKind::Type(kind) => (*kind, format!("Input should be a valid {kind}"), Value::Null),
                WrongKind::Enum(values) => {
                    let values: Vec<String> =
                        values.iter().map(|value| value.as_str().map_or(value.to_string(), |text| format!("'{text}'"))).collect();
                    let expected = values.join(", ");
                    ("literal_error", format!("Input should be {expected}"), json!({ "expected": expected }))
                }
                WrongKind::Above(most) => {
                    ("less_than_equal", format!("Input should be less than or equal to {most}"), json!({ "le": most }))
                }
                WrongKind::Below(least) => (
                    "greater_than_equal",
                    format!("Input should be greater than or equal to {least}"),
                    json!({ "ge": least }),
                ),
                WrongKind::TooMany(most) => {
                    ("too_long", format!("List should have at most {most} items"), json!({ "max_length": most }))
                }
            };
            let kind = match kind {
                "integer" => "int_type",
                "number" => "float_type",
                "boolean" => "bool_type",
                "array" => "list_type",
                "string" => "string_type",
                other => other,
            };
            let mut entry = json!({
                "loc": ["body", wrong.field], "msg": message, "type": kind, "input": input.get(&wrong.field).unwrap_or(input),
            });
            if !more.is_null() {
                entry["ctx"] = more;
            }
            entry
        })
        .collect();
    json!({ "detail": detail })
}

/// The status and body of a failed or cancelled job; `None` for any other.
pub(super) fn failure(job: &Job, at: Timestamp) -> Option<(u16, Value)> {
    let one = |loc: &str, kind: &str, message: &str| json!({ "detail": [{ "loc": ["body", loc], "msg": message, "type": kind }] });
    match (job.phase(at), &job.outcome) {
        (Phase::Cancelled, _) => Some((
            499,
            json!({ "detail": "Request was cancelled by the client", "error_type": "client_cancelled" }),
        )),
        (Phase::Aborted, _) => {
            Some((504, json!({ "detail": "Request timed out", "error_type": "request_timeout" })))
        }
        (Phase::Failed, Outcome::Invalid(body)) => Some((422, body.clone())),
        (Phase::Failed, Outcome::Refused) => Some((
            422,
            one(
                "prompt",
                "content_policy_violation",
                "The content could not be processed because it contained material flagged by a content checker.",
            ),
        )),
        (Phase::Failed, _) => {
            Some((500, one("", "internal_server_error", "Internal server error: the simulated model broke")))
        }
        _ => None,
    }
}

/// The `error_type` of a failure.
pub(super) fn kind(status: u16, body: &Value) -> &str {
    let named = body["error_type"].as_str().or_else(|| body["detail"][0]["type"].as_str());
    if status == 422 && body["detail"][0]["type"] != "content_policy_violation" {
        return "validation_error";
    }
    named.unwrap_or("internal_error")
}

/// The result of a job, or its failure.
pub(super) fn outcome(sim: &Sim, job: &Job, at: Timestamp) -> Answer {
    let answer = match failure(job, at) {
        Some((status, body)) => {
            let retryable = status >= 500;
            let answer = Answer::json(status, &body)
                .with("x-fal-billable-units", 0)
                .with("x-fal-retryable", retryable);
            let answer = answer.with("x-fal-error-type", kind(status, &body));
            if status == 504 { answer.with("x-fal-request-timeout-type", "user") } else { answer }
        }
        None => Answer::json(200, &result(sim, job)).with("x-fal-billable-units", units(job)),
    };
    answer.with("x-fal-request-id", &job.id)
}

/// The billable units of a job.
pub(super) fn units(job: &Job) -> f64 {
    let Some((unit, per, usd)) = unit_price(job) else { return 0.0 };
    let nanos = if unit == "compute seconds" {
        return job.ran(job.ended().unwrap_or(job.created)) as f64 / 1000.0;
    } else {
        job.price as f64
    };
    if usd > 0.0 { (nanos / 1e9 / usd * per * 1e6).round() / 1e6 } else { 0.0 }
}

/// The unit of a job's price, and the price of one unit in US dollars.
fn unit_price(job: &Job) -> Option<(&'static str, f64, f64)> {
    let model = models::find(Provider::Fal, &job.model)?;
    let fits = |price: &&models::Price| {
        price
            .when
            .iter()
            .all(|(name, values)| model.value(&job.input, name).is_some_and(|value| values.contains(value)))
    };
    let price = model.price.iter().find(fits)?;
    // A price per thousand characters has the unit "1000 characters".
    Some((unit_name(&price.unit), 1.0, price.usd.parse().ok()?))
}

/// The platform's name of a unit.
pub(super) fn unit_name(unit: &str) -> &'static str {
    match unit {
        "image" => "images",
        "image_megapixel" => "megapixels",
        "output_video_second" => "seconds",
        "video" => "videos",
        "input_character" => "1000 characters",
        "song" => "songs",
        "gpu_second" => "compute seconds",
        _ => "requests",
    }
}

/// The result of a successful job.
pub(super) fn result(sim: &Sim, job: &Job) -> Value {
    let Some(model) = models::find(Provider::Fal, &job.model) else { return Value::Null };
    let files: Vec<Value> =
        job.media.iter().enumerate().map(|(at, media)| file(sim, job, at, media)).collect();
    let first = || files.first().cloned().unwrap_or_default();
    let seed = job.input["seed"].as_u64().unwrap_or_else(|| sim.chance().number("seed", job.number) >> 6);
    let prompt = job.input["prompt"].clone();
    let text = job.data["text"].as_str().unwrap_or_default();
    let mut result = match model.shape.as_str() {
        "images" if model.description => json!({ "images": files, "description": "A simulated picture." }),
        "images" => json!({
            "images": files, "timings": { "inference": job.ran(job.ended().unwrap_or(job.created)) as f64 / 1000.0 }, "seed": seed,
            "has_nsfw_concepts": vec![false; files.len()], "prompt": prompt,
        }),
        "chunks" => transcript(job, model, text),
        "nsfw_probability" => json!({ "nsfw_probability": 0.01 }),
        "has_nsfw_concepts" => {
            json!({ "has_nsfw_concepts": vec![false; job.input["image_urls"].as_array().map_or(1, Vec::len)] })
        }
        name => json!({ name: first() }),
    };
    if model.seed {
        result["seed"] = json!(seed);
    }
    if model.prompt {
        result["prompt"] = prompt;
    }
    if model.metadata {
        result["metadata"] = json!({ "streams": [] });
    }
    if job.input["timestamps"] == true {
        result["timestamps"] =
            json!(words(job.input["text"].as_str().unwrap_or_default(), job.media[0].length));
    }
    result
}

fn transcript(job: &Job, model: &Model, text: &str) -> Value {
    let length = job.data["length"].as_u64().unwrap_or(0);
    let chunks: Vec<Value> = if model.value(&job.input, "chunk_level") == Some(&json!("word")) {
        words(text, length)
            .iter()
            .map(|(word, start, end)| json!({ "timestamp": [start, end], "text": word }))
            .collect()
    } else {
        vec![json!({ "timestamp": [0.0, length as f64 / 1000.0], "text": text })]
    };
    if model.id == "fal-ai/wizper" {
        return json!({ "text": text, "chunks": chunks, "languages": ["en"] });
    }
    json!({ "text": text, "chunks": chunks, "inferred_languages": ["en"], "diarization_segments": [] })
}

/// A file object. With `sync_mode` its URL is a data URI.
fn file(sim: &Sim, job: &Job, at: usize, media: &Media) -> Value {
    use base64::Engine as _;
    let bytes = media.bytes(&Mark::of(&job.id));
    let name = format!("{}.{}", sim.number_of_output(job, at), media.format.extension());
    let cdn = sim.bases().get(Provider::Fal, "cdn");
    // For some models `sync_mode` is a word with another meaning.
    let url = if job.input["sync_mode"] == true {
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        format!("data:{};base64,{text}", media.format.mime())
    } else {
        format!("{cdn}/files/output/{}/{name}", job.id)
    };
    let mut file = json!({ "url": url, "content_type": media.format.mime(), "file_name": name, "file_size": bytes.len() });
    if media.length == 0 {
        file["width"] = json!(media.width);
        file["height"] = json!(media.height);
    }
    file
}
