//! Run event: one structured record of each execution, for a log or a dashboard.
//!
//! Written by hand every stage is timed, and its cost is added up, where it is called. Here the store knows all of it: the record is read
//! once the run is over, whether it succeeded or not, and also by another program.
//!
//! Time is virtual: the minutes that the models take pass at once.

use std::sync::Arc;
use std::time::Duration;

use motet::builder::{InputType, PipelineBuilder};
use motet::engine::{RunId, StepStatus};
use motet::language::{Money, Timestamp};
use motet::store::RunStatus;
use motet::world::virtual_time::{self, VirtualWorld};
use motet::{Class, Error, Motet, Pipeline, StartOptions, TaskContext, TaskError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged of one execution.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PipelineEvent {
    pipeline_id: String,
    user_id: Option<String>,
    total_duration_ms: u64,
    stages: Vec<StageEvent>,
    total_cost_usd: Money,
    success: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageEvent {
    name: String,
    duration_ms: u64,
    status: &'static str,
}

/// The record of a run that is over.
fn event_of(motet: &Motet, run: &RunId) -> Result<PipelineEvent, Error> {
    let store = motet.store();
    let row = store.run(run)?.expect("the run was started here");
    let stage = |step: motet::store::StepRow| {
        let duration_ms = step.ended_at?.since(step.started_at?).0;
        let status = if step.status == StepStatus::Completed { "ok" } else { "error" };
        Some(StageEvent { name: step.path.to_string(), duration_ms, status })
    };
    Ok(PipelineEvent {
        pipeline_id: row.id.to_string(),
        user_id: row.user,
        total_duration_ms: row.ended_at.unwrap_or(row.updated_at).since(row.started_at).0,
        stages: store.steps(run)?.into_iter().filter_map(stage).collect(),
        total_cost_usd: row.cost,
        success: row.status == RunStatus::Completed,
    })
}

#[derive(Deserialize, JsonSchema)]
struct Parts {
    video: String,
    music: String,
}

/// What a model would do, given the time, and what it costs in cents. There is no animation of storms.
async fn model(context: TaskContext, seconds: u64, cents: i128, result: String) -> Result<String, TaskError> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    if result.starts_with("clip of a picture of a storm") {
        return Err(TaskError::new(Class::Content, "no storms"));
    }
    context.cost(Money::from_units(cents * 10_000_000_000));
    Ok(result)
}

/// Image and music at the same time, then a video of the image, then one film.
fn full_media(motet: &Motet) -> Result<Pipeline, Error> {
    let pipeline = PipelineBuilder::new("full-media");
    let prompt = pipeline.input("prompt", InputType::Text);
    let style = pipeline.input("music_style", InputType::Text);
    let image = pipeline.step("image", "task/image").with("value", &prompt);
    let music = pipeline.step("music", "task/music").with("value", &style);
    let video = pipeline.step("video", "task/video").with("value", image.output("value"));
    let merge = pipeline
        .step("merge", "task/merge")
        .with("video", video.output("value"))
        .with("music", music.output("value"));
    pipeline.output("film", merge.output("value"));
    pipeline.build(motet)
}

fn main() -> Result<(), Error> {
    virtual_time::run(async {
        let motet = Motet::builder()
            .world(Arc::new(VirtualWorld::new(Timestamp(0), 1)))
            .task("image", |context, prompt: String| model(context, 8, 3, format!("picture of {prompt}")))
            .task("music", |context, style: String| model(context, 20, 15, style))
            .task("video", |context, image: String| model(context, 90, 30, format!("clip of a {image}")))
            .task("merge", |context, parts: Parts| {
                model(context, 5, 0, format!("{} with {}", parts.video, parts.music))
            })
            .open()
            .await?;
        let film = full_media(&motet)?;
        for (id, prompt) in [("calm", "a lighthouse at dusk"), ("storm", "a storm at sea")] {
            let id = Some(RunId::new(id));
            let options = StartOptions { id, user: Some("ada".to_owned()), ..StartOptions::default() };
            let inputs = [("prompt", prompt), ("music_style", "slow strings")];
            let run = motet.start_with(&film, inputs, options).await?.run;
            run.wait().await?;
            let event = event_of(&motet, run.id())?;
            println!("{}", serde_json::to_string(&event).expect("a record is plain data"));
        }
        Ok(())
    })
}
