//! `local/*`: performs what this machine can do without a key.

use std::fs;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet_local::music::Bed;
use motet_local::scene::Scene;
use motet_local::speak::{Speech, Spoken};
use motet_media::frames::{self, Frames};
use motet_pipeline::{Class, Failure, Outcome, Value};

use super::scratch::Scratch;
use super::{Operation, WorkError};
use crate::measure::Measured;
use crate::process::Feed;
use crate::work::Work;

/// All operations of the local provider.
pub(crate) struct Local;

impl Operation for Local {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        Box::pin(async move {
            let output = match work.contract().operation.as_str() {
                "local/scene" => draw(&work).await,
                "local/music" => compose(&work).await,
                "local/speak" => speak(&work).await,
                other => {
                    let message = format!("{other} is not an operation of this machine");
                    return Err(Failure::invalid(message).into());
                }
            };
            output.map(Outcome::of)
        })
    }
}

async fn draw(work: &Work) -> Result<Value, WorkError> {
    let inputs = work.input_map();
    let scene = Scene::from_inputs(&inputs)?;
    let font = match work.hands.tools.find_font() {
        Some(path) if scene.needs_font() => Some(fs::read(&path).map_err(|error| {
            Failure::new(Class::Unavailable, format!("failed to read the font {}: {error}", path.display()))
        })?),
        _ => None,
    };
    if scene.is_moving() {
        let is_intermediate = inputs.get("encoding").and_then(Value::as_str) == Some("intermediate");
        return film(work, scene, font, is_intermediate).await;
    }
    let store = work.hands.store.clone();
    let artifact = work.hands.compute(move || {
        let png = scene.paint(font.as_deref())?;
        let kept = store.put_bytes(&png)?;
        Ok::<_, WorkError>(Measured::of_bytes(&png).artifact(kept))
    });
    Ok(Value::map([("image", Value::from(artifact.await?))]))
}

/// Paints the layers of a scene, then frame by frame while ffmpeg encodes them.
async fn film(
    work: &Work,
    scene: Scene,
    font: Option<Vec<u8>>,
    is_intermediate: bool,
) -> Result<Value, WorkError> {
    let scratch = Scratch::new(work)?;
    let size = (scene.width(), scene.height());
    let film = work.hands.compute(move || scene.film(font.as_deref()).map_err(WorkError::from)).await?;
    let (rate, count) = (film.rate(), film.frames());
    let call = frames::encode(&Frames { size, rate, count, is_intermediate });
    let feed: Feed = Arc::new(move |out| (0..count).try_for_each(|index| out.write_all(&film.frame(index))));
    super::media::run(work, &scratch, call, Some(feed), (0.0, 1.0)).await?;
    let video = scratch.keep(work, frames::FILE).await?;
    let wanted = count as f64 / f64::from(rate);
    if !video.duration.is_some_and(|made| (made - wanted).abs() < 0.05) {
        let message = format!("local/scene made {:?} s of film instead of {wanted} s", video.duration);
        return Err(Failure::new(Class::BadOutput, message).into());
    }
    Ok(Value::map([("video", Value::from(video))]))
}

async fn compose(work: &Work) -> Result<Value, WorkError> {
    let bed = Bed::from_inputs(&work.input_map())?;
    let store = work.hands.store.clone();
    let (world, stop, deadline) = (work.hands.world.clone(), work.stop.clone(), work.deadline());
    let artifact = work.hands.compute(move || {
        let wav = bed.compose_unless(&|| stop.is_cancelled() || world.now() >= deadline);
        let wav =
            wav.ok_or_else(|| Failure::new(Class::Timeout, "local/music was stopped before it was done"))?;
        let kept = store.put_bytes(&wav)?;
        Ok::<_, WorkError>(wav_artifact(&wav, kept, bed.seconds()))
    });
    Ok(Value::map([("audio", Value::from(artifact.await?))]))
}

/// An artifact of a WAV that was made here and lasts `seconds`.
fn wav_artifact(wav: &[u8], kept: motet_store::Kept, seconds: f64) -> motet_pipeline::Artifact {
    let mut artifact = Measured::of_bytes(wav).artifact(kept);
    artifact.duration = Some((seconds * 1000.0).round() / 1000.0);
    artifact
}

async fn speak(work: &Work) -> Result<Value, WorkError> {
    let mut speech = Speech::from_inputs(&work.input_map())?;
    let scratch = Scratch::new(work)?;
    let mut wavs = say_all(work, &scratch, &speech).await?;
    // A wished duration is reached by another speed; this ends after two changes.
    while let Some(speed) = speech.speed_for(speech.measure(&wavs)?) {
        speech = speech.at_speed(speed);
        wavs = say_all(work, &scratch, &speech).await?;
    }
    let text = speech.text().to_owned();
    let language = speech.language().to_owned();
    let store = work.hands.store.clone();
    let joined = work.hands.compute(move || {
        let spoken = speech.join(&wavs)?;
        let kept = store.put_bytes(&spoken.wav)?;
        Ok::<_, WorkError>((wav_artifact(&spoken.wav, kept, spoken.duration), spoken))
    });
    let (audio, spoken) = joined.await?;
    let Spoken { words, sentences, estimated, duration, .. } = spoken;
    let data = |value: Result<serde_json::Value, serde_json::Error>| {
        Value::from(value.expect("timings are plain data"))
    };
    Ok(Value::map([
        ("audio", Value::from(audio)),
        ("words", data(serde_json::to_value(words))),
        (
            "alignment",
            Value::map([
                ("estimated", Value::from(estimated)),
                ("sentences", data(serde_json::to_value(sentences))),
            ]),
        ),
        ("text", Value::from(text)),
        ("language", Value::from(language)),
        ("duration", Value::from(duration)),
    ]))
}

/// Has every sentence spoken into a file of its own.
async fn say_all(work: &Work, scratch: &Scratch, speech: &Speech) -> Result<Vec<Vec<u8>>, WorkError> {
    let count = speech.sentences().len();
    let mut wavs = Vec::with_capacity(count);
    for index in 0..count {
        let (text, wav) = (format!("{index}.txt"), format!("{index}.wav"));
        scratch.write(&text, speech.handed_over(index).as_bytes())?;
        let arguments = speech.arguments(index, &wav, &text);
        let finished = scratch.run(work, &work.hands.tools.espeak_ng, arguments, None).await?;
        if !finished.succeeded() {
            return Err(scratch.refusal(speech.failure(&finished.stderr)));
        }
        wavs.push(scratch.read(&wav)?);
        work.progress().tell(Some((index + 1) as f64 / count as f64), None);
    }
    Ok(wavs)
}
