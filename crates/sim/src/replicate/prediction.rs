//! Predictions: create, get, cancel, list.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Replicate, is_removed, problem};
use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{Answer, Ask, encode};
use crate::job::{Hook, Job, Outcome, Phase, Way};
use crate::media::Mark;
use crate::models::{self, Model, Wrong, WrongKind};
use crate::scenario::Provider;
use crate::sim::Draft;
use crate::work::{self, words};

/// The page size of lists.
const PAGE: usize = 100;
/// The known top-level keys of a request.
const KEYS: [&str; 6] =
    ["input", "version", "webhook", "webhook_completed", "webhook_events_filter", "stream"];
const EVENTS: [&str; 4] = ["start", "output", "logs", "completed"];

/// The model that `POST /predictions` runs, by the version in the body.
pub(super) fn model_of(ask: &Ask<'_>) -> Option<&'static Model> {
    let body = ask.json()?;
    let version = body["version"].as_str()?;
    match version.split_once(':') {
        Some((name, version)) => models::by_version(version).filter(|model| model.id == name),
        None if version.contains('/') => {
            models::find(Provider::Replicate, version).filter(|model| model.official)
        }
        None => models::by_version(version),
    }
    .filter(|model| model.provider == Provider::Replicate)
}

/// The answer to an unknown version.
pub(super) fn no_such_version(visit: &Visit<'_>) -> Answer {
    match visit.ask.json() {
        Some(body) if body["version"].is_string() => problem(
            422,
            Some("Invalid version or not permitted"),
            "The specified version does not exist (or perhaps you don't have permission to use it?)",
        ),
        Some(body) if body.is_object() => invalid(&[field("required", "", "version", "version is required")]),
        _ => not_json(),
    }
}

fn not_json() -> Answer {
    problem(400, Some("Bad request"), "The request body is not valid JSON.")
}

/// An invalid field.
struct Field {
    kind: &'static str,
    place: String,
    description: String,
}

fn field(kind: &'static str, place: &str, name: &str, description: &str) -> Field {
    let place = if place.is_empty() || name.is_empty() {
        format!("{place}{name}")
    } else {
        format!("{place}.{name}")
    };
    Field { kind, place, description: description.to_owned() }
}

fn invalid(fields: &[Field]) -> Answer {
    let detail: String =
        fields.iter().map(|field| format!("- {}: {}\n", field.place, field.description)).collect();
    let fields: Vec<Value> = fields
        .iter()
        .map(|field| json!({ "type": field.kind, "field": field.place, "description": field.description }))
        .collect();
    let body = json!({ "detail": detail, "status": 422, "title": "Input validation failed", "invalid_fields": fields });
    Answer::new(422, "application/problem+json", body.to_string().into())
}

fn of_input(wrong: &Wrong) -> Field {
    let name = wrong.field.as_str();
    match &wrong.kind {
        WrongKind::Missing => field("required", "input", "", &format!("{name} is required")),
        WrongKind::Type(kind) => {
            field("invalid_type", "input", name, &format!("Invalid type. Expected: {kind}, given: another"))
        }
        WrongKind::Enum(values) => {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            let said = format!("{name} must be one of the following: {}", values.join(", "));
            field("enum", "input", name, &said)
        }
        WrongKind::Above(most) => {
            field("number_lte", "input", name, &format!("Must be less than or equal to {most}"))
        }
        WrongKind::Below(least) => {
            field("number_gte", "input", name, &format!("Must be greater than or equal to {least}"))
        }
        WrongKind::TooMany(most) => {
            field("array_max_items", "input", name, &format!("Array must have at most {most} items"))
        }
    }
}

/// Everything that is invalid in a body, except for the version.
fn faults(body: &Map<String, Value>, model: &Model, official: bool) -> Vec<Field> {
    let known = |key: &str| KEYS.contains(&key) && !(official && key == "version");
    let mut fields: Vec<Field> = body
        .keys()
        .filter(|key| !known(key))
        .map(|key| {
            let said = format!("Additional property {key} is not allowed");
            field("additional_property_not_allowed", "", key, &said)
        })
        .collect();
    match body.get("input") {
        None => fields.push(field("required", "", "input", "input is required")),
        Some(input) if !input.is_object() => {
            fields.push(field("invalid_type", "", "input", "Invalid type. Expected: object, given: another"));
        }
        Some(input) => fields.extend(model.check(input).iter().map(of_input)),
    }
    if let Some(hook) = body.get("webhook")
        && !hook.as_str().is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))
    {
        fields.push(field("format", "", "webhook", "Does not match format 'uri'"));
    }
    if let Some(events) = body.get("webhook_events_filter") {
        let known = |event: &Value| event.as_str().is_some_and(|event| EVENTS.contains(&event));
        if !events.as_array().is_some_and(|events| events.iter().all(known)) {
            let said = "webhook_events_filter must be one of the following: \"start\", \"output\", \"logs\", \"completed\"";
            fields.push(field("enum", "", "webhook_events_filter", said));
        }
    }
    fields
}

fn hook(body: &Map<String, Value>) -> Option<Hook> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let Some(url) = text("webhook") else {
        let url = text("webhook_completed")?.to_owned();
        return Some(Hook { url, events: vec!["completed".to_owned()] });
    };
    let events = match body.get("webhook_events_filter").and_then(Value::as_array) {
        Some(events) => events.iter().filter_map(|event| Some(event.as_str()?.to_owned())).collect(),
        None => ["output", "completed"].map(str::to_owned).to_vec(),
    };
    Some(Hook { url: url.to_owned(), events })
}

/// How long `Prefer: wait` lets a request be held open. The error is an invalid header.
fn hold(ask: &Ask<'_>) -> Result<Option<Duration>, ()> {
    let Some(prefer) = ask.header("prefer") else { return Ok(None) };
    let seconds = match prefer.trim() {
        "wait" => 60,
        other => other
            .strip_prefix("wait=")
            .and_then(|text| text.parse().ok())
            .filter(|wait| (1..=60).contains(wait))
            .ok_or(())?,
    };
    Ok(Some(Duration::from_secs(seconds)))
}

/// Reads `Cancel-After`: `30s`, `5m`, `1h30m45s` or a number of seconds, at least five.
fn given_up_after(ask: &Ask<'_>) -> Result<Option<Duration>, ()> {
    let Some(text) = ask.header("cancel-after") else { return Ok(None) };
    let mut seconds: u64 = 0;
    let mut number = String::new();
    for character in text.trim().chars() {
        let unit = match character {
            '0'..='9' if number.len() < 7 => {
                number.push(character);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(()),
        };
        seconds += number.parse::<u64>().map_err(|_| ())? * unit;
        number.clear();
    }
    if !number.is_empty() {
        seconds += number.parse::<u64>().map_err(|_| ())?;
    }
    if seconds < 5 { Err(()) } else { Ok(Some(Duration::from_secs(seconds))) }
}

pub(super) fn create(sim: &mut Sim, visit: &mut Visit<'_>, model: &'static Model, official: bool) -> Done {
    let Some(Value::Object(body)) = visit.ask.json() else { return not_json().into() };
    let fields = faults(&body, model, official);
    if !fields.is_empty() {
        return invalid(&fields).into();
    }
    let (Ok(hold), Ok(given_up_after)) = (hold(visit.ask), given_up_after(visit.ask)) else {
        return problem(
            400,
            Some("Bad request"),
            "A header can't be read: Prefer is wait or wait=1..60, Cancel-After at least 5s.",
        )
        .into();
    };
    let input = body.get("input").cloned().unwrap_or_default();
    visit.unknown = model.unknown(&input);
    let hue = sim.chance().number("hue", sim.jobs_count()) as u8;
    let work = work::work(model, &input, hue, &|url| sim.look(url));
    let draft = Draft {
        provider: Provider::Replicate,
        account: visit.account.clone(),
        model: model.id.clone(),
        kind: if official { "official" } else { "version" },
        way: Way::Job,
        input,
        work,
        queue: [50, 1500],
        latency: model.latency_ms,
        hook: hook(&body),
        given_up_after,
        outcome: Outcome::Succeeded,
    };
    let number = sim.open(visit.now, draft);
    Done { answer: created(sim, visit.now, number, hold), job: Some(number) }
}

/// The answer to a new prediction: at once, or when it ends, if it is held open that long.
fn created(sim: &Sim, now: Timestamp, number: u64, hold: Option<Duration>) -> Answer {
    let job = sim.job(number);
    let latest = hold.map_or(now, |hold| now + jiff::SignedDuration::try_from(hold).unwrap_or_default());
    let at = job.ended().map_or(latest, |ended| ended.min(latest)).max(now);
    let status = if hold.is_some() && !job.phase(at).is_final() { 202 } else { 201 };
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    let mut object = object(sim, job, at);
    if hold.is_some() && sim.scenario().quirks && job.succeeded(at) {
        odd(sim, job, &mut object);
    }
    Answer::json(status, &object).after(wait)
}

/// The documented odd answers to held-open requests: `processing` with output, or files as data URIs.
fn odd(sim: &Sim, job: &Job, object: &mut Value) {
    match sim.chance().number("quirk", job.number) % 3 {
        0 => {
            object["status"] = json!("processing");
            object["completed_at"] = Value::Null;
            object["metrics"] = json!({});
        }
        1 => {
            let inline = |at: usize| -> Option<Value> {
                let media = job.media.get(at)?;
                let bytes = STANDARD.encode(media.bytes(&Mark::of(&job.id)));
                Some(json!(format!("data:{};base64,{bytes}", media.format.mime())))
            };
            let files = (0..job.media.len()).filter_map(inline);
            match &mut object["output"] {
                Value::Array(urls) if !job.media.is_empty() => *urls = files.collect(),
                Value::String(url) => {
                    *url = inline(0).and_then(|file| Some(file.as_str()?.to_owned())).unwrap_or_default()
                }
                _ => {}
            }
        }
        _ => {}
    }
}

pub(super) fn get(sim: &Sim, visit: &Visit<'_>, id: &str) -> Answer {
    match sim.find(Provider::Replicate, Some(&visit.account), id) {
        Some(job) => Answer::json(200, &object(sim, job, visit.now)),
        None => Replicate::refuse(Refusal::NotFound),
    }
}

pub(super) fn cancel(sim: &mut Sim, visit: &Visit<'_>, id: &str) -> Answer {
    let Some(job) = sim.find(Provider::Replicate, Some(&visit.account), id) else {
        return Replicate::refuse(Refusal::NotFound);
    };
    let number = job.number;
    sim.cancel(number, visit.now);
    Answer::json(200, &object(sim, sim.job(number), visit.now))
}

/// The position and filters of a page.
struct Page {
    /// Only jobs before this number.
    before: u64,
    created_after: Option<Timestamp>,
    created_before: Option<Timestamp>,
}

impl Page {
    fn read(ask: &Ask<'_>) -> Option<Page> {
        let time = |name| match ask.query(name) {
            Some(text) => text.parse().ok().map(Some),
            None => Some(None),
        };
        let before = match ask.query("cursor") {
            Some(cursor) => String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?)
                .ok()?
                .strip_prefix("p=")?
                .parse()
                .ok()?,
            None => u64::MAX,
        };
        Some(Page { before, created_after: time("created_after")?, created_before: time("created_before")? })
    }

    /// The URL of the page that begins before a number.
    fn address(&self, sim: &Sim, before: u64) -> String {
        let cursor = URL_SAFE_NO_PAD.encode(format!("p={before}"));
        let api = sim.bases().get(Provider::Replicate, "api");
        let mut address = format!("{api}/v1/predictions?cursor={cursor}");
        let times = [("created_after", self.created_after), ("created_before", self.created_before)];
        for (name, time) in times {
            if let Some(time) = time {
                address.push_str(&format!("&{name}={}", encode(&time.to_string())));
            }
        }
        address
    }

    fn has(&self, job: &Job) -> bool {
        let [after, before] = [self.created_after, self.created_before];
        after.is_none_or(|after| after < job.created) && before.is_none_or(|before| job.created < before)
    }
}

pub(super) fn list(sim: &Sim, visit: &Visit<'_>) -> Answer {
    let Some(page) = Page::read(visit.ask) else {
        return problem(400, Some("Bad request"), "The cursor or a time can't be read.");
    };
    // Nothing is made on the website.
    let from_site = visit.ask.query("source") == Some("web");
    let jobs = sim.jobs_of(Provider::Replicate, &visit.account);
    let fitting: Vec<&Job> = jobs
        .skip_while(|job| job.number >= page.before)
        .take_while(|job| page.created_after.is_none_or(|after| after < job.created))
        .filter(|job| page.has(job) && !from_site)
        .take(PAGE + 1)
        .collect();
    let shown = &fitting[..fitting.len().min(PAGE)];
    let next =
        (fitting.len() > PAGE).then(|| shown.last().map(|job| page.address(sim, job.number))).flatten();
    let previous = (page.before != u64::MAX).then(|| page.address(sim, u64::MAX));
    let results: Vec<Value> = shown.iter().map(|job| object(sim, job, visit.now)).collect();
    Answer::json(200, &json!({ "next": next, "previous": previous, "results": results }))
}

/// The prediction object at a moment.
pub(super) fn object(sim: &Sim, job: &Job, at: Timestamp) -> Value {
    let phase = job.phase(at);
    let removed = is_removed(job, at);
    let api = sim.bases().get(Provider::Replicate, "api");
    let stream = sim.bases().get(Provider::Replicate, "stream");
    let id = &job.id;
    let model = models::find(Provider::Replicate, &job.model);
    let mut object = json!({
        "id": id,
        "model": job.model,
        "version": model.filter(|model| !model.official).map_or("hidden".to_owned(), Model::version),
        "input": if removed { json!({}) } else { job.input.clone() },
        "output": if removed { Value::Null } else { output(sim, job, at) },
        "logs": if removed || phase == Phase::Queued { "" } else { "simulated run\n" },
        "error": error(job, phase),
        "status": word(phase),
        "source": "api",
        "data_removed": removed,
        "created_at": job.created,
        "urls": {
            "web": format!("https://replicate.com/p/{id}"),
            "get": format!("{api}/v1/predictions/{id}"),
            "cancel": format!("{api}/v1/predictions/{id}/cancel"),
            "stream": format!("{stream}/v1/predictions/{id}"),
        },
    });
    if let Some(starts) = job.starts.filter(|starts| *starts <= at) {
        object["started_at"] = json!(starts);
    }
    if let Some(deadline) = job.deadline {
        object["deadline"] = json!(deadline);
    }
    if let Some(ended) = job.ended().filter(|_| phase.is_final()) {
        object["completed_at"] = json!(ended);
        object["metrics"] = metrics(job, ended);
    }
    object
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "starting",
        Phase::Running => "processing",
        Phase::Succeeded => "succeeded",
        Phase::Failed => "failed",
        Phase::Cancelled => "canceled",
        Phase::Aborted => "aborted",
    }
}

fn error(job: &Job, phase: Phase) -> Value {
    match (&job.outcome, phase) {
        (Outcome::Refused, Phase::Failed) => {
            json!("NSFW content detected. Try running it again, or try a different prompt.")
        }
        (_, Phase::Failed) => json!("Prediction failed: the simulated model broke (E1000)"),
        _ => Value::Null,
    }
}

fn metrics(job: &Job, ended: Timestamp) -> Value {
    let total = ended.duration_since(job.created).as_secs_f64();
    let mut metrics = json!({ "predict_time": job.ran(ended) as f64 / 1000.0, "total_time": total });
    if let Some(text) =
        job.data["text"].as_str().filter(|_| job.media.is_empty() && job.data["length"].is_null())
    {
        metrics["output_token_count"] = json!(work::tokens(text));
        metrics["input_token_count"] = json!(work::tokens(job.input["prompt"].as_str().unwrap_or_default()));
    }
    match job.media.first() {
        Some(media) if media.rate > 0 => {
            metrics["video_output_duration_seconds"] = json!(media.length as f64 / 1000.0)
        }
        Some(media) if media.length == 0 => metrics["image_count"] = json!(job.media.len()),
        _ => {}
    }
    metrics
}

/// The output of a job; null until it succeeds.
pub(super) fn output(sim: &Sim, job: &Job, at: Timestamp) -> Value {
    let Some(model) = models::find(Provider::Replicate, &job.model).filter(|_| job.succeeded(at)) else {
        return Value::Null;
    };
    let delivery = sim.bases().get(Provider::Replicate, "delivery");
    let mut urls = job.media.iter().enumerate().map(|(at, media)| {
        let number = sim.number_of_output(job, at);
        json!(format!("{delivery}/pbxt/{}/out-{number}.{}", job.id, media.format.extension()))
    });
    match model.shape.as_str() {
        "single" => urls.next().unwrap_or_default(),
        "array" => urls.collect(),
        "fragments" => fragments(job).into_iter().map(Value::from).collect(),
        shape => transcript(job, shape),
    }
}

/// The output of a language model in fragments.
pub(super) fn fragments(job: &Job) -> Vec<String> {
    let text = job.data["text"].as_str().unwrap_or_default();
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn transcript(job: &Job, shape: &str) -> Value {
    let text = job.data["text"].as_str().unwrap_or_default();
    let length = job.data["length"].as_u64().unwrap_or(0);
    let words = words(text, length);
    let chunks: Vec<Value> = if job.input["timestamp"] == "word" {
        words
            .iter()
            .map(|(word, start, end)| json!({ "text": format!(" {word}"), "timestamp": [start, end] }))
            .collect()
    } else {
        vec![json!({ "text": format!(" {text}"), "timestamp": [0.0, length as f64 / 1000.0] })]
    };
    if shape == "chunks" {
        return json!({ "text": format!(" {text}"), "chunks": chunks });
    }
    json!({
        "transcription": text,
        "detected_language": "english",
        "translation": null,
        "segments": [{ "id": 0, "seek": 0, "start": 0.0, "end": length as f64 / 1000.0, "text": format!(" {text}"), "tokens": [],
            "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.01 }],
    })
}
