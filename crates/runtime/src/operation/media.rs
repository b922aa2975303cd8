//! `media/*`: performs recipes.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet_media::progress::Progress;
use motet_media::{Call, Output, Recipe};
use motet_pipeline::value::Map;
use motet_pipeline::{Outcome, Value};

use super::scratch::Scratch;
use super::{Operation, WorkError};
use crate::work::Work;

/// All operations of the media crate.
pub(crate) struct Media;

impl Operation for Media {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        Box::pin(async move {
            let recipe = motet_media::plan(&work.contract().operation, &work.input_map())?;
            perform(&work, recipe).await.map(Outcome::of)
        })
    }
}

async fn perform(work: &Work, recipe: Recipe) -> Result<Value, WorkError> {
    let scratch = Scratch::new(work)?;
    for (name, artifact) in &recipe.inputs {
        scratch.lay_out(work, name, artifact).await?;
    }
    for (name, bytes) in &recipe.files {
        scratch.write(name, bytes)?;
    }
    let calls = recipe.calls.len();
    for (index, call) in recipe.calls.into_iter().enumerate() {
        run(work, &scratch, call, index as f64 / calls as f64, 1.0 / calls as f64).await?;
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

/// Runs one call; its progress is `share` of the whole, from `done` on.
async fn run(work: &Work, scratch: &Scratch, call: Call, done: f64, share: f64) -> Result<(), WorkError> {
    let (sink, progress) = (work.progress.clone(), Mutex::new(Progress::new(call.length)));
    let on_line = move |line: &str| {
        let mut progress = progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(fraction) = progress.read(line) {
            sink.tell(Some(done + share * fraction), None);
        }
    };
    let finished =
        scratch.run(work, &work.hands.tools.ffmpeg, call.arguments, Some(Arc::new(on_line))).await?;
    scratch.judge(&finished)
}
