//! `media/*`: performs recipes.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet_media::loudness;
use motet_media::progress::Progress;
use motet_media::tracks::{self, Known, Tracks};
use motet_media::{Call, Output, Recipe};
use motet_pipeline::contract::Tool;
use motet_pipeline::value::Map;
use motet_pipeline::{Outcome, Value};

use super::scratch::Scratch;
use super::{Operation, WorkError};
use crate::process::{Feed, Finished};
use crate::work::Work;

/// All operations of the media crate.
pub(crate) struct Media;

impl Operation for Media {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        Box::pin(async move {
            let scratch = Scratch::new(&work)?;
            let inputs = work.input_map();
            let known = know(&work, &scratch, &inputs).await?;
            let recipe = motet_media::plan(&work.contract().operation, &inputs, &known)?;
            perform(&work, &scratch, recipe).await.map(Outcome::of)
        })
    }
}

/// Finds out what must be known of the inputs: ffprobe tells tracks, a text is read.
async fn know(work: &Work, scratch: &Scratch, inputs: &Map) -> Result<Known, WorkError> {
    let mut known = Known::new();
    if work.contract().tools.contains(&Tool::Ffmpeg) {
        for (index, artifact) in tracks::to_be_known(inputs).into_iter().enumerate() {
            let name = format!("look{index}");
            scratch.link(&name, &artifact)?;
            if tracks::is_text(&artifact) {
                let text = scratch.read(&name)?;
                known.add_text(artifact.digest, String::from_utf8_lossy(&text).into_owned());
                continue;
            }
            let program = &work.hands.tools.ffprobe;
            let finished = scratch.run(work, program, tracks::arguments(&name), None).await?;
            scratch.judge(&finished)?;
            known.add_tracks(artifact.digest, Tracks::read(&finished.stdout)?);
        }
    }
    Ok(known)
}

async fn perform(work: &Work, scratch: &Scratch, recipe: Recipe) -> Result<Value, WorkError> {
    for (name, artifact) in &recipe.inputs {
        scratch.lay_out(work, name, artifact).await?;
    }
    for (name, bytes) in &recipe.files {
        scratch.write(name, bytes)?;
    }
    let calls = recipe.calls.len();
    let mut gain = None;
    for (index, call) in recipe.calls.into_iter().enumerate() {
        let call = match gain {
            Some(gain) => loudness::with_gain(call, gain),
            None => call,
        };
        let listens = call.listens.clone();
        let share = (index as f64 / calls as f64, 1.0 / calls as f64);
        let finished = run(work, scratch, call, None, share).await?;
        if let Some(listens) = listens {
            gain = listens.hear(&finished.stderr)?.or(gain);
        }
    }
    let mut outputs = Map::new();
    for (name, output) in recipe.outputs {
        let value = match output {
            Output::Value(value) => value,
            Output::File { name } => Value::from(scratch.keep(work, &name).await?),
        };
        outputs.insert(name, value);
    }
    Ok(Value::Map(outputs.into()))
}

/// Runs one call, fed if it reads frames; its progress is `share` of the whole, from `done` on.
pub(super) async fn run(
    work: &Work,
    scratch: &Scratch,
    call: Call,
    feed: Option<Feed>,
    (done, share): (f64, f64),
) -> Result<Finished, WorkError> {
    let (sink, progress) = (work.progress.clone(), Mutex::new(Progress::new(call.length)));
    let on_line = move |line: &str| {
        let mut progress = progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(fraction) = progress.read(line) {
            sink.tell(Some(done + share * fraction), None);
        }
    };
    let ffmpeg = &work.hands.tools.ffmpeg;
    let finished = scratch.run_fed(work, ffmpeg, call.arguments, feed, Some(Arc::new(on_line))).await?;
    scratch.judge(&finished)?;
    Ok(finished)
}
