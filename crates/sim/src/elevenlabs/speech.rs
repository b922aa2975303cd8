//! Calls that return audio: whole, as a stream, or with timestamps.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{ElevenLabs, Misfit, error, misfits, missing, models, request_id};
use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{Answer, Ask, Body, Piece};
use crate::job::{Job, Nanos, Outcome, Way};
use crate::media::{Format, Media};
use crate::scenario::Provider;
use crate::sim::Draft;
use crate::work::{Work, spoken};

/// The number of chunks of a stream.
const PIECES: usize = 6;
/// The time limit of a call, after which it is answered with an error.
const CALL_MAX: Duration = Duration::from_secs(600);

/// The kind of audio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    Speech,
    Dialogue,
    Effect,
    Music,
    /// Music with its composition plan.
    MusicDetailed,
    /// Speech to speech.
    Changed,
    /// Audio isolation.
    Isolated,
}

/// How the audio is returned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Whole,
    Stream,
    Timed,
    TimedStream,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    what: What,
    manner: Manner,
    voice: Option<String>,
    pub(crate) model: String,
}

/// The route of a path.
pub(super) fn route(path: &[&str], ask: &Ask<'_>) -> Option<Route> {
    let (what, voice, rest) = match path {
        ["text-to-speech", voice, rest @ ..] => (What::Speech, Some(*voice), rest),
        ["text-to-dialogue", rest @ ..] => (What::Dialogue, None, rest),
        ["sound-generation"] => (What::Effect, None, &[][..]),
        ["music", "detailed"] => (What::MusicDetailed, None, &[][..]),
        ["music", rest @ ..] => (What::Music, None, rest),
        ["speech-to-speech" | "voice-changer", voice, rest @ ..] => (What::Changed, Some(*voice), rest),
        ["audio-isolation", rest @ ..] => (What::Isolated, None, rest),
        _ => return None,
    };
    let has_times = matches!(what, What::Speech | What::Dialogue);
    let manner = match rest {
        [] => Manner::Whole,
        ["stream"] => Manner::Stream,
        ["with-timestamps"] if has_times => Manner::Timed,
        ["stream", "with-timestamps"] if has_times => Manner::TimedStream,
        _ => return None,
    };
    Some(Route { what, manner, voice: voice.map(str::to_owned), model: model_of(what, ask) })
}

fn model_of(what: What, ask: &Ask<'_>) -> String {
    let default = match what {
        What::Speech => "eleven_multilingual_v2",
        What::Dialogue => "eleven_v3",
        What::Effect => "eleven_text_to_sound_v2",
        What::Music | What::MusicDetailed => "music_v1",
        What::Changed => "eleven_english_sts_v2",
        What::Isolated => "audio_isolation",
    };
    let named = ask.json().and_then(|body| Some(body["model_id"].as_str()?.to_owned()));
    named.or_else(|| Fields::read(ask)?.text("model_id")).unwrap_or_else(|| default.to_owned())
}

/// The fields of a form. The Python SDK sends unset fields as the text `null`, and JSON-encodes texts.
pub(super) struct Fields(Vec<crate::http::Part>);

impl Fields {
    pub(super) fn read(ask: &Ask<'_>) -> Option<Fields> {
        ask.parts().map(Fields)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let part = self.0.iter().find(|part| part.name == name && part.file.is_none())?;
        let text = String::from_utf8_lossy(&part.content).into_owned();
        if text == "null" || text.is_empty() {
            return None;
        }
        Some(serde_json::from_str::<String>(&text).unwrap_or(text))
    }

    pub(super) fn file(&self, name: &str) -> Option<Bytes> {
        self.0.iter().find(|part| part.name == name && part.file.is_some()).map(|part| part.content.clone())
    }
}

/// A validated call.
struct Wanted {
    input: Value,
    media: Media,
    price: Nanos,
    credits: u64,
}

pub(super) fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: &Route) -> Done {
    let wanted = match wanted(sim, visit.ask, route) {
        Ok(mut wanted) => {
            if visit.ask.query("enable_logging") == Some("false") {
                wanted.input["enable_logging"] = json!(false);
            }
            wanted
        }
        Err(answer) => return (*answer).into(),
    };
    if let Some(answer) = too_many(sim, visit) {
        return answer.into();
    }
    let length = wanted.media.length;
    let draft = Draft {
        provider: Provider::ElevenLabs,
        account: visit.account.clone(),
        model: route.model.clone(),
        kind: kind(route.what),
        way: Way::Call,
        input: wanted.input,
        work: Work {
            media: vec![wanted.media],
            data: json!({ "credits": wanted.credits }),
            price: wanted.price,
            price_of_second: None,
        },
        queue: [0, 20],
        latency: latency(route.what, length),
        hook: None,
        given_up_after: None,
        outcome: Outcome::Succeeded,
    };
    let number = sim.open(visit.now, draft);
    let answer = said(sim, visit, route, number);
    Done { answer, job: Some(number) }
}

/// The refusal if the concurrency limit is reached.
pub(super) fn too_many(sim: &mut Sim, visit: &Visit<'_>) -> Option<Answer> {
    let many = sim.limits(Provider::ElevenLabs).concurrency?;
    let busy = sim.meters().busy(Provider::ElevenLabs, &visit.account, many, visit.now);
    (busy >= many).then(|| {
        let answer = ElevenLabs::refuse(Refusal::Throttled(None));
        answer.with("current-concurrent-requests", busy).with("maximum-concurrent-requests", many)
    })
}

fn kind(what: What) -> &'static str {
    match what {
        What::Speech | What::Dialogue => "TTS",
        What::Effect => "SFX",
        What::Music | What::MusicDetailed => "music",
        What::Changed => "STS",
        What::Isolated => "isolation",
    }
}

fn latency(what: What, length: u64) -> [u64; 2] {
    match what {
        What::Music | What::MusicDetailed => [length / 3, length],
        What::Effect => [2000, 8000],
        _ => [100 + length / 10, 300 + length * 3 / 10],
    }
}

fn wanted(sim: &Sim, ask: &Ask<'_>, route: &Route) -> Result<Wanted, Box<Answer>> {
    let hue = sim.chance().number("hue", sim.jobs_count()) as u8;
    let format = format(ask)?;
    let sound = |length| Media::sound(format, length, hue);
    match route.what {
        What::Changed | What::Isolated => {
            let fields = Fields::read(ask);
            let audio = fields.as_ref().and_then(|fields| fields.file("audio"));
            let audio = audio.ok_or_else(|| Box::new(misfits(&[missing("audio")])))?;
            let length = sim.look_into(&audio).map_or(5000, |known| known.media.length);
            let input = json!({ "voice_id": route.voice });
            Ok(Wanted { input, media: sound(length), price: 0, credits: length.div_ceil(60) })
        }
        _ => {
            let body = ask.json().filter(Value::is_object).ok_or_else(|| {
                Box::new(misfits(&[Misfit(
                    vec!["body"],
                    "model_attributes_type",
                    "Input should be a valid dictionary".to_owned(),
                )]))
            })?;
            match route.what {
                What::Effect => effect(&body, sound),
                What::Music | What::MusicDetailed => music(&body, sound),
                _ => speech(&body, route, sound),
            }
        }
    }
}

/// The requested output format.
fn format(ask: &Ask<'_>) -> Result<Format, Box<Answer>> {
    let name = ask.query("output_format").unwrap_or("mp3_44100_128");
    let mut parts = name.split('_');
    let codec = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|text| text.parse::<u32>().ok());
    let (rate, kilobits) = (number(), number());
    let known = match (codec, rate, kilobits) {
        ("mp3", Some(22_050), Some(32)) => Some(Format::Mp3 { rate: 22_050, kilobits: 32 }),
        ("mp3", Some(24_000), Some(48)) => Some(Format::Mp3 { rate: 24_000, kilobits: 48 }),
        ("mp3", Some(44_100), Some(kilobits @ (32 | 64 | 96 | 128 | 192))) => {
            Some(Format::Mp3 { rate: 44_100, kilobits })
        }
        ("pcm", Some(rate @ 8_000..=48_000), None) => Some(Format::Pcm { rate }),
        ("wav", Some(rate @ 8_000..=48_000), None) => Some(Format::Wav { rate }),
        ("ulaw" | "alaw", Some(8_000), None) => Some(Format::Law),
        _ => None,
    };
    known.ok_or_else(|| {
        let message = "Input should be one of the known output formats".to_owned();
        Box::new(misfits(&[Misfit(vec!["query", "output_format"], "enum", message)]))
    })
}

fn speech(body: &Value, route: &Route, sound: impl Fn(u64) -> Media) -> Result<Wanted, Box<Answer>> {
    let refused = |answer| Err(Box::new(answer));
    let text = match route.what {
        What::Dialogue => {
            let Some(inputs) = body["inputs"].as_array().filter(|inputs| !inputs.is_empty()) else {
                return refused(misfits(&[missing("inputs")]));
            };
            let texts: Option<Vec<&str>> = inputs.iter().map(|input| input["text"].as_str()).collect();
            match texts {
                Some(texts) => texts.join(" "),
                None => {
                    return refused(misfits(&[Misfit(
                        vec!["body", "inputs", "text"],
                        "missing",
                        "Field required".to_owned(),
                    )]));
                }
            }
        }
        _ => match body["text"].as_str() {
            Some(text) => text.to_owned(),
            None => return refused(misfits(&[missing("text")])),
        },
    };
    let wrong = wrong_settings(body);
    if !wrong.is_empty() {
        return refused(misfits(&wrong));
    }
    if route.voice.as_deref().is_some_and(|voice| !super::account::has_voice(voice)) {
        return refused(error(
            404,
            "not_found",
            "voice_not_found",
            "A voice with that voice_id was not found.",
        ));
    }
    let Some(model) = models::find(&route.model) else {
        return refused(error(
            404,
            "not_found",
            "model_not_found",
            "A model with that model_id was not found.",
        ));
    };
    let characters = text.chars().count();
    if characters > model.characters_max {
        let message = format!(
            "The text has {characters} characters; this model takes {} at most.",
            model.characters_max
        );
        return refused(error(400, "validation_error", "max_character_limit_exceeded", &message));
    }
    let mut input = body.clone();
    input["text"] = json!(text);
    input["voice_id"] = json!(route.voice);
    let speed = body["voice_settings"]["speed"].as_f64().unwrap_or(1.0);
    let media = sound(spoken(&text, speed));
    Ok(Wanted { input, media, price: model.price(characters), credits: model.credits(characters) })
}

fn wrong_settings(body: &Value) -> Vec<Misfit> {
    let mut wrong = Vec::new();
    let settings = &body["voice_settings"];
    for (name, least, most) in
        [("stability", 0.0, 1.0), ("similarity_boost", 0.0, 1.0), ("style", 0.0, 1.0), ("speed", 0.7, 1.2)]
    {
        match settings[name].as_f64() {
            Some(value) if value > most => {
                wrong.push(Misfit(
                    vec!["body", "voice_settings", name],
                    "less_than_equal",
                    format!("Input should be less than or equal to {most}"),
                ));
            }
            Some(value) if value < least => {
                wrong.push(Misfit(
                    vec!["body", "voice_settings", name],
                    "greater_than_equal",
                    format!("Input should be greater than or equal to {least}"),
                ));
            }
            None if !settings[name].is_null() && name != "speed" => {
                wrong.push(Misfit(
                    vec!["body", "voice_settings", name],
                    "float_parsing",
                    "Input should be a valid number".to_owned(),
                ));
            }
            _ => {}
        }
    }
    if let Some(seed) = body.get("seed").filter(|seed| !seed.is_null())
        && seed.as_u64().is_none_or(|seed| seed > u64::from(u32::MAX))
    {
        wrong.push(Misfit(
            vec!["body", "seed"],
            "int_type",
            "Input should be an integer between 0 and 4294967295".to_owned(),
        ));
    }
    for name in ["previous_request_ids", "next_request_ids", "pronunciation_dictionary_locators"] {
        if body[name].as_array().is_some_and(|ids| ids.len() > 3) {
            wrong.push(Misfit(vec!["body", name], "too_long", "List should have at most 3 items".to_owned()));
        }
    }
    wrong
}

fn effect(body: &Value, sound: impl Fn(u64) -> Media) -> Result<Wanted, Box<Answer>> {
    let mut wrong = Vec::new();
    if !body["text"].is_string() {
        wrong.push(missing("text"));
    }
    let seconds = body["duration_seconds"].as_f64();
    if seconds.is_some_and(|seconds| !(0.5..=30.0).contains(&seconds)) {
        let message = "Input should be between 0.5 and 30".to_owned();
        wrong.push(Misfit(vec!["body", "duration_seconds"], "value_error", message));
    }
    if body["prompt_influence"].as_f64().is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        wrong.push(Misfit(
            vec!["body", "prompt_influence"],
            "value_error",
            "Input should be between 0 and 1".to_owned(),
        ));
    }
    if !wrong.is_empty() {
        return Err(Box::new(misfits(&wrong)));
    }
    let length = (seconds.unwrap_or(4.0) * 1000.0) as u64;
    let credits = seconds.map_or(100, |seconds| (seconds * 20.0).ceil() as u64);
    Ok(Wanted { input: body.clone(), media: sound(length), price: models::EFFECT, credits })
}

fn music(body: &Value, sound: impl Fn(u64) -> Media) -> Result<Wanted, Box<Answer>> {
    let refused =
        |message: &str| Err(Box::new(error(422, "validation_error", "invalid_parameters", message)));
    let (prompt, plan) = (body["prompt"].as_str(), body["composition_plan"].as_object());
    let length = match (prompt, plan) {
        (Some(_), Some(_)) | (None, None) => return refused("Give either a prompt or a composition_plan."),
        (Some(prompt), None) => {
            if prompt.chars().count() > 4100 {
                return refused("The prompt has more than 4100 characters.");
            }
            match body["music_length_ms"].as_u64() {
                Some(length) if !(3000..=600_000).contains(&length) => {
                    return refused("music_length_ms is from 3000 to 600000.");
                }
                length => length.unwrap_or(30_000),
            }
        }
        (None, Some(plan)) => {
            let sections = plan.get("sections").and_then(Value::as_array).cloned().unwrap_or_default();
            let lengths: Option<Vec<u64>> =
                sections.iter().map(|section| section["duration_ms"].as_u64()).collect();
            match lengths {
                Some(lengths) if !lengths.is_empty() => {
                    lengths.iter().fold(0u64, |sum, length| sum.saturating_add(*length))
                }
                _ => return refused("Each section of the plan has a duration_ms."),
            }
        }
    };
    let length = length.min(600_000);
    Ok(Wanted {
        input: body.clone(),
        media: sound(length),
        price: models::music(length),
        credits: length / 60,
    })
}

/// The reply to a call.
fn said(sim: &mut Sim, visit: &Visit<'_>, route: &Route, number: u64) -> Answer {
    let job = sim.job(number).clone();
    let wait = |at: Option<jiff::Timestamp>| {
        at.map_or(sim.scaled(CALL_MAX), |at| at.duration_since(visit.now)).try_into().unwrap_or_default()
    };
    let wait: Duration = wait(job.ended());
    let answer = match (&job.outcome, job.ended()) {
        (_, None) => ElevenLabs::refuse(Refusal::Broken(500)),
        (Outcome::Refused, _) => error(
            400,
            "validation_error",
            "content_against_policy",
            "The request was refused because its content is against our policy.",
        ),
        (Outcome::Failed | Outcome::Invalid(_), _) => ElevenLabs::refuse(Refusal::Broken(500)),
        (Outcome::Succeeded, _) => {
            let answer = sound(sim, &job, route, wait);
            return with_headers(sim, &job, answer);
        }
    };
    answer.after(wait)
}

fn with_headers(sim: &Sim, job: &Job, answer: Answer) -> Answer {
    let answer = answer
        .with("request-id", request_id(sim, job))
        .with("character-cost", &job.data["credits"])
        .with("current-concurrent-requests", 1)
        .with("maximum-concurrent-requests", sim.limits(Provider::ElevenLabs).concurrency.unwrap_or(1000));
    match job.kind.as_str() {
        "music" => answer.with("song-id", &job.id),
        "isolation" => answer,
        _ => answer.with("history-item-id", &job.id),
    }
}

/// The audio in the requested form.
fn sound(sim: &mut Sim, job: &Job, route: &Route, wait: Duration) -> Answer {
    let answer = sim.file_answer(job, 0, &job.media[0]);
    let bytes = match &answer.body {
        Body::Whole(bytes) => bytes.clone(),
        // Audio that breaks off can't be put into JSON.
        _ if matches!(route.manner, Manner::Whole | Manner::Stream) => return answer.after(wait),
        _ => Bytes::new(),
    };
    let text = job.input["text"].as_str().unwrap_or_default();
    let length = job.media[0].length;
    match route.manner {
        Manner::Whole if route.what == What::MusicDetailed => detailed(job, &bytes).after(wait),
        Manner::Whole => answer.after(wait),
        Manner::Stream => {
            let each = bytes.len().div_ceil(PIECES).max(1);
            let starts = (0..bytes.len()).step_by(each);
            let pieces = starts.map(|start| Piece {
                after: wait / PIECES as u32,
                bytes: Some(bytes.slice(start..(start + each).min(bytes.len()))),
            });
            let pieces = pieces.collect();
            answer.saying(Body::Stream(pieces))
        }
        Manner::Timed => {
            let alignment = alignment(text, 0, text.chars().count(), length);
            let body = json!({ "audio_base64": STANDARD.encode(&bytes), "alignment": alignment, "normalized_alignment": alignment });
            Answer::json(200, &body).after(wait)
        }
        Manner::TimedStream => timed_stream(text, length, &bytes, wait),
    }
}

fn timed_stream(text: &str, length: u64, bytes: &Bytes, wait: Duration) -> Answer {
    let all = text.chars().count();
    let pieces = (0..PIECES).map(|at| {
        let part = |whole: usize| (whole * at / PIECES, whole * (at + 1) / PIECES);
        let (from, to) = part(bytes.len());
        let (first, last) = part(all);
        let alignment = if first == last { Value::Null } else { alignment(text, first, last, length) };
        let line = json!({
            "audio_base64": STANDARD.encode(&bytes[from..to]), "alignment": alignment, "normalized_alignment": alignment,
        });
        Piece { after: wait / PIECES as u32, bytes: Some(format!("{line}\n").into()) }
    });
    let pieces = pieces.collect();
    Answer::new(200, "application/json", Bytes::new()).saying(Body::Stream(pieces))
}

/// The timestamps of the characters `first..last`, spread evenly.
fn alignment(text: &str, first: usize, last: usize, length: u64) -> Value {
    let all = text.chars().count().max(1);
    let second = |at: usize| (at as f64 * length as f64 / all as f64).round() / 1000.0;
    let characters: Vec<String> = text.chars().skip(first).take(last - first).map(String::from).collect();
    json!({
        "characters": characters,
        "character_start_times_seconds": (first..last).map(second).collect::<Vec<_>>(),
        "character_end_times_seconds": (first..last).map(|at| second(at + 1)).collect::<Vec<_>>(),
    })
}

/// A composition plan and the music, as `multipart/mixed`.
fn detailed(job: &Job, bytes: &Bytes) -> Answer {
    const BOUNDARY: &str = "simulated-boundary";
    let plan = json!({
        "composition_plan": plan_of(&job.input),
        "song_metadata": { "title": "Simulated song", "description": null, "genres": ["simulated"], "languages": [], "is_explicit": false },
    });
    let head = format!(
        "--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{plan}\r\n--{BOUNDARY}\r\nContent-Type: {}\r\n\
         Content-Disposition: attachment; filename=\"{}.mp3\"\r\n\r\n",
        job.media[0].format.mime(),
        job.id,
    );
    let body = [head.as_bytes(), bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    Answer::new(200, &format!("multipart/mixed; boundary={BOUNDARY}"), body.into())
}

fn plan_of(input: &Value) -> Value {
    if input["composition_plan"].is_object() {
        return input["composition_plan"].clone();
    }
    let length = input["music_length_ms"].as_u64().unwrap_or(30_000);
    json!({
        "positive_global_styles": ["simulated"],
        "negative_global_styles": [],
        "sections": [{
            "section_name": "All", "positive_local_styles": [], "negative_local_styles": [], "duration_ms": length.clamp(3000, 120_000),
            "lines": [],
        }],
    })
}

pub(super) fn plan(visit: &Visit<'_>) -> Answer {
    match visit.ask.json() {
        Some(body) if body["prompt"].is_string() => Answer::json(200, &plan_of(&body)),
        _ => misfits(&[missing("prompt")]),
    }
}

/// Whether a job is in the history.
pub(super) fn is_remembered(job: &Job) -> bool {
    let kinds = ["TTS", "STS", "SFX"];
    kinds.contains(&job.kind.as_str()) && job.input["enable_logging"] != false
}
