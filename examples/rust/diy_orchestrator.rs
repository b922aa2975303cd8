//! An orchestrator of your own: a list of steps, each with a provider, done in order.
//!
//! Written by hand this is a loop that saves a state before and after every step, and a `match` on
//! the provider. What is left of it here: a provider is a task, a definition is turned into a
//! pipeline, and the states are events. An unknown provider is found before anything runs, not when
//! its step is reached.

use motet::builder::{InputType, PipelineBuilder};
use motet::engine::{AttemptEvent, AttemptKey, Event, StepEvent};
use motet::follow::Happening;
use motet::{Error, Motet};

/// One step of a pipeline definition.
struct StepDefinition {
    id: &'static str,
    provider: &'static str,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let orchestrator = Motet::builder()
        .task("replicate", |_, text: String| async move { Ok(format!("replicate({text})")) })
        .task("fal", |_, text: String| async move { Ok(format!("fal({text})")) })
        .open()
        .await?;

    let good = [
        StepDefinition { id: "image", provider: "replicate" },
        StepDefinition { id: "video", provider: "fal" },
        StepDefinition { id: "upscaled", provider: "replicate" },
    ];
    println!("good:");
    execute(&orchestrator, &good, "a cat").await?;

    let bad = [
        StepDefinition { id: "image", provider: "replicate" },
        StepDefinition { id: "video", provider: "fall" },
    ];
    println!("bad:");
    match execute(&orchestrator, &bad, "a cat").await {
        Err(Error::Check(findings)) => {
            for finding in findings {
                println!("  {}", finding.message);
                println!("  {}", finding.help.unwrap_or_default());
            }
        }
        other => println!("  nobody expected {other:?}"),
    }
    Ok(())
}

/// Does the steps in order, each with what the one before gave.
async fn execute(motet: &Motet, steps: &[StepDefinition], input: &str) -> Result<(), Error> {
    let pipeline = PipelineBuilder::new("pipeline");
    let mut value = pipeline.input("input", InputType::Text);
    for StepDefinition { id, provider } in steps {
        let step = pipeline.step(id, &format!("task/{provider}")).with("value", &value);
        value = step.output("value");
    }
    pipeline.output("result", value);

    let run = motet.start(&pipeline.build(motet)?, [("input", input)]).await?;
    let mut events = run.events().await?;
    while let Some(happening) = events.next().await {
        let Happening::Turn(turn) = happening else { continue };
        for event in &turn.events {
            match event {
                Event::Attempt { key: AttemptKey { step, .. }, event: AttemptEvent::Planned { .. } } => {
                    println!("  {step}: processing")
                }
                Event::Step { step, event: StepEvent::Completed { .. } } => println!("  {step}: completed"),
                Event::Step { step, event: StepEvent::Failed { failure, .. } } => {
                    println!("  {step}: failed, {failure}")
                }
                _ => {}
            }
        }
    }
    println!("  {}", run.outputs().await?.to_json()["result"]);
    Ok(())
}
