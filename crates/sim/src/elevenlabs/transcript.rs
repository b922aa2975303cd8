//! Speech to text, with and without a webhook, and forced alignment.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::speech::{Fields, too_many};
use super::{ElevenLabs, Misfit, error, misfits, missing, models, request_id};
use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{Answer, Ask};
use crate::job::{Hook, Job, Outcome, Way};
use crate::scenario::Provider;
use crate::sim::Draft;
use crate::work::{Known, SPOKEN, Work, spoken, words};

/// The time limit of a call, after which it is answered with an error.
const CALL_MAX: Duration = Duration::from_secs(600);

pub(super) fn model_of(ask: &Ask<'_>) -> Option<String> {
    Fields::read(ask)?.text("model_id")
}

/// A validated form.
struct Wanted {
    input: Map<String, Value>,
    known: Option<Known>,
}

fn wanted(sim: &Sim, ask: &Ask<'_>) -> Result<Wanted, Box<Answer>> {
    let wrong = |misfit| Err(Box::new(misfits(&[misfit])));
    let Some(fields) = Fields::read(ask) else { return wrong(missing("model_id")) };
    let Some(model) = fields.text("model_id") else { return wrong(missing("model_id")) };
    if !["scribe_v1", "scribe_v2"].contains(&model.as_str()) {
        return Err(Box::new(error(
            400,
            "validation_error",
            "invalid_model_id",
            "The model_id is not one for speech to text.",
        )));
    }
    let address = fields.text("cloud_storage_url").or_else(|| fields.text("source_url"));
    let known = match (fields.file("file"), &address) {
        (Some(file), None) => sim.look_into(&file),
        (None, Some(address)) => sim.look(address),
        _ => {
            return Err(Box::new(error(
                400,
                "validation_error",
                "invalid_parameters",
                "Give either a file or a URL.",
            )));
        }
    };
    if let Some(text) = fields.text("timestamps_granularity")
        && !["none", "word", "character"].contains(&text.as_str())
    {
        let message = "Input should be 'none', 'word' or 'character'".to_owned();
        return wrong(Misfit(vec!["body", "timestamps_granularity"], "enum", message));
    }
    if let Some(text) = fields.text("num_speakers")
        && !text.parse::<u32>().is_ok_and(|many| (1..=32).contains(&many))
    {
        let message = "Input should be between 1 and 32".to_owned();
        return wrong(Misfit(vec!["body", "num_speakers"], "value_error", message));
    }
    let mut input = Map::new();
    let names = [
        "model_id",
        "language_code",
        "timestamps_granularity",
        "diarize",
        "webhook",
        "webhook_id",
        "cloud_storage_url",
        "source_url",
    ];
    for name in names {
        if let Some(text) = fields.text(name) {
            input.insert(name.to_owned(), json!(text));
        }
    }
    if let Some(text) = fields.text("webhook_metadata") {
        input.insert("webhook_metadata".to_owned(), serde_json::from_str(&text).unwrap_or(json!(text)));
    }
    Ok(Wanted { input, known })
}

pub(super) fn create(sim: &mut Sim, visit: &mut Visit<'_>) -> Done {
    let wanted = match wanted(sim, visit.ask) {
        Ok(wanted) => wanted,
        Err(answer) => return (*answer).into(),
    };
    if let Some(answer) = too_many(sim, visit) {
        return answer.into();
    }
    let later = wanted.input.get("webhook").is_some_and(|webhook| webhook == "true");
    let hook = if later { endpoint(sim, &visit.account, wanted.input.get("webhook_id")) } else { None };
    let text =
        wanted.known.as_ref().and_then(|known| known.text.clone()).unwrap_or_else(|| SPOKEN.to_owned());
    let length = wanted.known.map_or_else(|| spoken(&text, 1.0), |known| known.media.length);
    let number = open(
        sim,
        visit,
        Value::Object(wanted.input),
        &text,
        length,
        if later { Way::Job } else { Way::Call },
        hook,
    );
    let answer = if later { accepted(sim, number) } else { at_once(sim, visit, number) };
    Done { answer, job: Some(number) }
}

fn open(
    sim: &mut Sim,
    visit: &Visit<'_>,
    input: Value,
    text: &str,
    length: u64,
    way: Way,
    hook: Option<Hook>,
) -> u64 {
    let draft = Draft {
        provider: Provider::ElevenLabs,
        account: visit.account.clone(),
        model: visit.model.clone().unwrap_or_default(),
        kind: "transcript",
        way,
        input,
        work: Work {
            media: Vec::new(),
            data: json!({ "text": text, "length": length, "credits": length.div_ceil(60) }),
            price: models::transcription(length),
            price_of_second: None,
        },
        queue: [20, 200],
        latency: [200 + length / 20, 500 + length / 10],
        hook,
        given_up_after: None,
        outcome: Outcome::Succeeded,
    };
    sim.open(visit.now, draft)
}

/// The webhook with this id, or the first one of the workspace.
fn endpoint(sim: &Sim, account: &str, id: Option<&Value>) -> Option<Hook> {
    let found = sim.endpoints(account).find(|endpoint| id.is_none_or(|id| *id == endpoint.id))?;
    Some(Hook { url: found.url.clone(), events: vec!["completed".to_owned()] })
}

fn accepted(sim: &Sim, number: u64) -> Answer {
    let job = sim.job(number);
    let request = request_id(sim, job);
    let message = "Request accepted, the result will be sent to the webhook";
    let body = json!({ "message": message, "request_id": request, "transcription_id": job.id });
    Answer::json(202, &body).with("request-id", request)
}

fn at_once(sim: &Sim, visit: &Visit<'_>, number: u64) -> Answer {
    let job = sim.job(number);
    let until = job.ended().map_or(sim.scaled(CALL_MAX), |at| at.duration_since(visit.now));
    let wait = until.try_into().unwrap_or_default();
    let answer = match outcome_error(job) {
        Some(answer) => answer,
        None => Answer::json(200, &object(sim, job)).with("character-cost", &job.data["credits"]),
    };
    answer.with("request-id", request_id(sim, job)).after(wait)
}

/// The error of a failed transcript.
fn outcome_error(job: &Job) -> Option<Answer> {
    match (&job.outcome, job.ended()) {
        (Outcome::Succeeded, Some(_)) => None,
        (Outcome::Refused, _) => Some(error(
            400,
            "validation_error",
            "content_against_policy",
            "The request was refused because its content is against our policy.",
        )),
        _ => Some(ElevenLabs::refuse(Refusal::Broken(500))),
    }
}

pub(super) fn get(sim: &Sim, visit: &Visit<'_>, id: &str) -> Answer {
    match sim.find(Provider::ElevenLabs, Some(&visit.account), id).filter(|job| job.kind == "transcript") {
        Some(job) if !job.phase(visit.now).is_final() => {
            error(425, "too_early", "transcript_not_ready", "The transcript is not ready yet.")
        }
        Some(job) => outcome_error(job).unwrap_or_else(|| Answer::json(200, &object(sim, job))),
        None => error(404, "not_found", "transcript_not_found", "A transcript with that id was not found."),
    }
}

pub(super) fn delete(sim: &mut Sim, visit: &Visit<'_>, id: &str) -> Answer {
    let job = sim.find(Provider::ElevenLabs, Some(&visit.account), id).filter(|job| job.kind == "transcript");
    match job.map(|job| job.number) {
        Some(number) => {
            sim.delete(number);
            Answer::json(200, &json!({ "message": "Transcript deleted" }))
        }
        None => error(404, "not_found", "transcript_not_found", "A transcript with that id was not found."),
    }
}

/// The transcript object.
pub(super) fn object(_sim: &Sim, job: &Job) -> Value {
    let text = job.data["text"].as_str().unwrap_or_default();
    let length = job.data["length"].as_u64().unwrap_or(0);
    let granularity = job.input["timestamps_granularity"].as_str().unwrap_or("word");
    let diarised = job.input["diarize"] == "true";
    let entry = |text: &str, start: f64, end: f64, kind: &str| {
        let mut entry = json!({ "text": text, "start": start, "end": end, "type": kind, "logprob": -0.05 });
        if diarised {
            entry["speaker_id"] = json!("speaker_0");
        }
        if granularity == "character" {
            entry["characters"] = characters(text, start, end);
        }
        entry
    };
    let mut entries = Vec::new();
    let mut before: Option<f64> = None;
    for (word, start, end) in words(text, length) {
        if let Some(before) = before {
            entries.push(entry(" ", before, start, "spacing"));
        }
        entries.push(entry(word, start, end, "word"));
        before = Some(end);
    }
    if granularity == "none" {
        entries.clear();
    }
    json!({
        "language_code": job.input["language_code"].as_str().unwrap_or("eng"),
        "language_probability": 0.98,
        "text": text,
        "words": entries,
        "transcription_id": job.id,
        "audio_duration_secs": length as f64 / 1000.0,
    })
}

fn characters(text: &str, start: f64, end: f64) -> Value {
    let many = text.chars().count().max(1) as f64;
    let second = |at: usize| start + (end - start) * at as f64 / many;
    let one = |(at, text): (usize, char)| json!({ "text": text.to_string(), "start": second(at), "end": second(at + 1) });
    text.chars().enumerate().map(one).collect()
}

/// Forced alignment.
pub(super) fn align(sim: &mut Sim, visit: &mut Visit<'_>) -> Done {
    let fields = Fields::read(visit.ask);
    let text = fields.as_ref().and_then(|fields| fields.text("text"));
    let file = fields.as_ref().and_then(|fields| fields.file("file"));
    let (Some(text), Some(file)) = (text, file) else {
        return misfits(&[missing("file"), missing("text")]).into();
    };
    let length = sim.look_into(&file).map_or_else(|| spoken(&text, 1.0), |known| known.media.length);
    let number = open(sim, visit, json!({ "text": text }), &text, length, Way::Call, None);
    let job = sim.job(number);
    let words = words(&text, length);
    let words: Vec<Value> = words
        .iter()
        .map(|(word, start, end)| json!({ "text": word, "start": start, "end": end, "loss": 0.05 }))
        .collect();
    let seconds = length as f64 / 1000.0;
    let body = json!({ "characters": characters(&text, 0.0, seconds), "words": words, "loss": 0.05 });
    let answer = outcome_error(job).unwrap_or_else(|| Answer::json(200, &body));
    let wait = job.ended().map_or(sim.scaled(CALL_MAX), |at| at.duration_since(visit.now));
    Done { answer: answer.after(wait.try_into().unwrap_or_default()), job: Some(number) }
}
