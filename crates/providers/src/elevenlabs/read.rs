//! What ElevenLabs gives: sound as bytes or as text in JSON, and transcripts.

use std::collections::BTreeMap;

use motet_pipeline::failure::{Known, Phase};
use motet_pipeline::{Failure, MediaKind, Usage};
use serde_json::Value as Json;

use super::{HISTORY, NAME, refused};
use crate::adapter::Call;
use crate::answer::{Answer, Given, Media, Meta, Source, Submitted};
use crate::failure::{self, Asked, or_excess, request_id, scope, unusable};
use crate::http::Reply;
use crate::json;
use crate::model::{Form, Reading};
use crate::output;

/// The body of a reply of success, an object.
pub(super) fn object(asked: Asked, reply: &Reply) -> Result<Json, Failure> {
    failure::object(NAME, asked, reply, refused)
}

/// Speech with the times of its characters: JSON that holds the sound as text. If it can't be read the speech is
/// looked for in the history, where it was paid for.
pub(super) fn speech(call: &Call, reply: Reply) -> Result<Answer, Failure> {
    let mut told = object(Asked::Call, &reply)?;
    let sound = match told.get_mut("audio_base64").map(Json::take) {
        Some(Json::String(text)) => output::base64(&text).filter(|bytes| !bytes.is_empty()),
        _ => None,
    };
    let Some(sound) = sound else {
        return Err(unusable(NAME, Asked::Call, &reply, "no sound"));
    };
    let media = audio(call, None);
    let outputs = with_media(call, &told, &media).map_err(|failure| paid_but_bad(failure, &reply))?;
    let mut answer = answer(call, &reply, outputs);
    fill(&mut answer.outputs, sound);
    Ok(answer)
}

/// Sound or music: the body itself. `asked` is `Call` where a reply that can't be used may be had from the history.
pub(super) fn sound(call: &Call, asked: Asked, reply: Reply) -> Result<Answer, Failure> {
    if let Some(what) = no_sound(&reply) {
        return Err(match asked {
            Asked::Call => unusable(NAME, asked, &reply, what),
            _ => paid_but_bad(Failure::bad_output(format!("{NAME} answered with {what}")), &reply),
        });
    }
    let media = audio(call, mime(&reply));
    let outputs = with_media(call, &Json::Null, &media).map_err(|failure| paid_but_bad(failure, &reply))?;
    let mut answer = answer(call, &reply, outputs);
    answer.meta.job = reply.header("song-id").filter(|id| json::is_id(id)).map(str::to_owned);
    fill(&mut answer.outputs, reply.body);
    Ok(answer)
}

/// Speech or sound of which only the bytes are left.
pub(super) fn from_history(call: &Call, job: &str, reply: Reply) -> Result<Answer, Failure> {
    if let Some(what) = no_sound(&reply) {
        return Err(unusable(NAME, Asked::Job, &reply, what));
    }
    let media = audio(call, mime(&reply));
    let (sounds, lost): (Vec<_>, Vec<_>) =
        readings(call).into_iter().partition(|(_, reading)| reading.form.media().is_some());
    let outputs = sounds.into_iter().map(|(name, _)| (name, Given::Media(media.clone()))).collect();
    let mut answer = answer(call, &reply, outputs);
    answer.meta.job = Some(job.to_owned());
    if !lost.is_empty() {
        let lost: Vec<_> = lost.into_iter().map(|(name, _)| name).collect();
        let lost = lost.join("`, `");
        answer.warnings.push(format!("this was taken from the history of ElevenLabs, which has no `{lost}`"));
    }
    fill(&mut answer.outputs, reply.body);
    Ok(answer)
}

/// A transcript at once, or the name of a job.
pub(super) fn transcribed(call: &Call, reply: Reply) -> Result<Submitted, Failure> {
    let told =
        object(Asked::Call, &reply).map_err(|failure| or_excess(failure, NAME, Asked::Call, &reply))?;
    let is_transcript = told.get("text").is_some() || told.get("transcripts").is_some();
    if is_transcript {
        return transcript(call, None, &reply, &told).map(|answer| Submitted::Done(Box::new(answer)));
    }
    let id = ["transcription_id", "request_id"].iter().find_map(|name| json::id(&told, name));
    match id {
        Some(id) => Ok(Submitted::Job(id.to_owned())),
        None => Err(unusable(NAME, Asked::Call, &reply, "neither a transcript nor the name of a job")),
    }
}

/// The outputs of a transcript.
pub(super) fn transcript(
    call: &Call,
    job: Option<&str>,
    reply: &Reply,
    told: &Json,
) -> Result<Answer, Failure> {
    let joined = told.get("transcripts").and_then(Json::as_array).map(|channels| of_channels(channels));
    let native = joined.as_ref().unwrap_or(told);
    let outputs = output::read(&call.model, native).map_err(|failure| paid_but_bad(failure, reply))?;
    let mut answer = answer(call, reply, outputs);
    let id = || json::id(told, "transcription_id").map(str::to_owned);
    answer.meta.job = job.map(str::to_owned).or_else(id);
    answer.usage.add("audio_seconds", told.get("audio_duration_secs").and_then(Json::as_f64).unwrap_or(0.0));
    Ok(answer)
}

/// One transcript of those of several channels: a line and a list of words each, one after another.
fn of_channels(channels: &[Json]) -> Json {
    let texts: Vec<_> = channels.iter().filter_map(|channel| json::text(channel, "text")).collect();
    let words = channels.iter().filter_map(|channel| channel.get("words")?.as_array()).flatten().cloned();
    let mut joined = channels.first().cloned().unwrap_or_default();
    if let Some(joined) = joined.as_object_mut() {
        joined.insert("text".to_owned(), texts.join("\n").into());
        joined.insert("words".to_owned(), words.collect());
    }
    joined
}

fn answer(call: &Call, reply: &Reply, outputs: BTreeMap<String, Given>) -> Answer {
    let mut usage = Usage::default();
    let credits = reply.header("character-cost").and_then(|text| text.trim().parse::<f64>().ok());
    usage.add("credits", credits.unwrap_or(0.0));
    let seed = call.inputs.get("seed").filter(|seed| seed.as_f64().is_some());
    let meta = Meta {
        request_id: request_id(reply),
        model: Some(call.model.id.clone()),
        seed: seed.map(|seed| seed.to_json().to_string()),
        // As a search calls it, so that an attempt that was answered claims it.
        job: reply.header("history-item-id").filter(|id| json::is_id(id)).map(|id| format!("{HISTORY}{id}")),
    };
    Answer { outputs, usage, meta, ..Answer::default() }
}

/// The outputs of the model, or those that every model has that makes sound.
fn readings(call: &Call) -> Vec<(String, Reading)> {
    if call.model.outputs.is_empty() {
        return vec![("audio".to_owned(), Reading::new("", Form::Audio))];
    }
    call.model.outputs.iter().map(|(name, reading)| (name.clone(), reading.clone())).collect()
}

/// The outputs, of which each that is media is the sound.
fn with_media(call: &Call, told: &Json, media: &Media) -> Result<BTreeMap<String, Given>, Failure> {
    let mut outputs = BTreeMap::new();
    for (name, reading) in readings(call) {
        let given = match reading.form.media() {
            Some(_) => Some(Given::Media(media.clone())),
            None => output::read_one(&name, &reading, told)?,
        };
        outputs.extend(given.map(|given| (name, given)));
    }
    Ok(outputs)
}

/// Puts the bytes in where they belong, without copying them for the usual one output.
fn fill(outputs: &mut BTreeMap<String, Given>, bytes: Vec<u8>) {
    let mut media: Vec<_> = outputs
        .values_mut()
        .filter_map(|given| if let Given::Media(media) = given { Some(media) } else { None })
        .collect();
    let last = media.pop();
    media.into_iter().for_each(|media| media.source = Source::Bytes(bytes.clone()));
    if let Some(last) = last {
        last.source = Source::Bytes(bytes);
    }
}

/// The media type that the reply claims.
fn mime(reply: &Reply) -> Option<&str> {
    reply.header("content-type")?.split(';').next().map(str::trim).filter(|mime| output::is_mime(mime))
}

/// Why a body can't be sound, if it can't.
fn no_sound(reply: &Reply) -> Option<&'static str> {
    let is_text = mime(reply).map(str::to_ascii_lowercase);
    let is_text = is_text.is_some_and(|mime| mime.starts_with("text/") || mime == "application/json");
    match (reply.body.is_empty(), is_text) {
        (true, _) => Some("nothing"),
        (_, true) => Some("text instead of sound"),
        _ => None,
    }
}

/// The sound of a call, still without its bytes.
fn audio(call: &Call, mime: Option<&str>) -> Media {
    let format = call.text("output_format").unwrap_or("mp3").split('_').next().unwrap_or_default();
    // Samples without a head, as `audio/L16` and its like would name them, can't be told by their bytes.
    let usual = match format {
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "opus" => "audio/ogg",
        "pcm" => "audio/pcm",
        "ulaw" => "audio/basic",
        "alaw" => "audio/x-alaw-basic",
        _ => "application/octet-stream",
    };
    let mime = mime.unwrap_or(usual).to_owned();
    Media { kind: MediaKind::Audio, mime: Some(mime), source: Source::Bytes(Vec::new()) }
}

/// What was done and paid, and lacks something.
fn paid_but_bad(failure: Failure, reply: &Reply) -> Failure {
    Failure {
        sent: Known::Yes,
        billed: Known::Yes,
        phase: Some(Phase::Body),
        scope: Some(scope(failure.class)),
        http_status: Some(reply.status),
        request_id: request_id(reply),
        ..failure
    }
}
