//! State in memory: what every step of a run is doing, at any moment, without keeping it by hand.
//!
//! Written by hand this is a map of pipelines with a status for each step, updated before and after
//! every call. Here the store knows it: ask it whenever you like. This store is in memory, so all of
//! it ends with the program; `persistent_resume.rs` shows the other kind.
//!
//! Time is virtual: the minute that the models take passes at once.

use std::sync::Arc;
use std::time::Duration;

use motet::builder::{InputType, PipelineBuilder};
use motet::engine::StepStatus;
use motet::follow::Happening;
use motet::language::Timestamp;
use motet::world::virtual_time::{self, VirtualWorld};
use motet::{Error, Motet, RunHandle, TaskError};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Film {
    video: String,
    audio: String,
}

fn main() -> Result<(), Error> {
    virtual_time::run(show())
}

async fn show() -> Result<(), Error> {
    let motet = Motet::builder()
        .world(Arc::new(VirtualWorld::new(Timestamp(0), 1)))
        .task("image", |_, prompt: String| model(30, format!("picture of {prompt}")))
        .task("video", |_, image: String| model(45, format!("clip of a {image}")))
        .task("audio", |_, script: String| model(10, format!("\"{script}\", spoken")))
        .task("merge", |_, film: Film| model(5, format!("{} with {}", film.video, film.audio)))
        .open()
        .await?;

    let film = PipelineBuilder::new("film");
    let prompt = film.input("prompt", InputType::Text);
    let script = film.input("script", InputType::Text);
    let image = film.step("image", "task/image").with("value", &prompt);
    let video = film.step("video", "task/video").with("value", image.output("value"));
    let audio = film.step("audio", "task/audio").with("value", &script);
    let merge = film
        .step("merge", "task/merge")
        .with("video", video.output("value"))
        .with("audio", audio.output("value"));
    film.output("film", merge.output("value"));

    let inputs = [("prompt", "a cat"), ("script", "Meow.")];
    let run = motet.start(&film.build(&motet)?, inputs).await?;
    let mut events = run.events().await?;
    while let Some(happening) = events.next().await {
        let Happening::Turn(turn) = happening else { continue };
        println!("{:>3} s  {}", turn.at.0 / 1000, states(&motet, &run)?);
    }
    println!("{}", run.outputs().await?.to_json()["film"]);
    Ok(())
}

/// What a model would do, given the time.
async fn model(seconds: u64, result: String) -> Result<String, TaskError> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(result)
}

/// What each step is doing now.
fn states(motet: &Motet, run: &RunHandle) -> Result<String, Error> {
    let known = motet.store().steps(run.id())?;
    let state = |name: &str| known.iter().find(|row| row.path.as_str() == name).map(|row| row.status);
    let states = ["image", "video", "audio", "merge"].map(|name| {
        let state = state(name).unwrap_or(StepStatus::Pending);
        format!("{name} {:<10}", format!("{state:?}").to_lowercase())
    });
    Ok(states.join(" ").trim_end().to_owned())
}
