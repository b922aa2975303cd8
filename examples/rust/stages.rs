//! Stages: a chain in which each stage has its own retries and time limit, and is timed.
//!
//! Written by hand this is a generic loop with a retry inside. Here a stage is a typed closure; the
//! chain becomes a pipeline, so what the loop can't do comes with it: a mismatch between two stages
//! is found before the first one runs, and the chain survives a crash where its store is a folder.
//!
//! Every failure is tried again, as in a plain loop; a stage that knows better says so by class. Time
//! is virtual: the pauses of 1 s, 2 s, … pass at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use motet::builder::{Expression, InputType, PipelineBuilder, Retry};
use motet::language::{Span, Timestamp};
use motet::world::virtual_time::{self, VirtualWorld};
use motet::{Class, Error, Motet, Task, TaskContext, TaskError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// One stage: what it does, how often it is tried again, how long an attempt may take.
struct Stage {
    task: Task,
    max_retries: u32,
    timeout: Duration,
}

impl Stage {
    fn new<Input, Output, Closure, Performing>(name: &str, closure: Closure) -> Stage
    where
        Input: DeserializeOwned + JsonSchema + Send + 'static,
        Output: Serialize + JsonSchema + Send + 'static,
        Closure: Fn(TaskContext, Input) -> Performing + Send + Sync + 'static,
        Performing: Future<Output = Result<Output, TaskError>> + Send + 'static,
    {
        Stage { task: Task::new(name, closure), max_retries: 2, timeout: Duration::from_secs(300) }
    }

    fn max_retries(mut self, count: u32) -> Stage {
        self.max_retries = count;
        self
    }

    fn timeout(mut self, time: Duration) -> Stage {
        self.timeout = time;
        self
    }
}

/// How a chain ended, and how long each stage took with all of its attempts.
struct PipelineResult {
    output: Result<serde_json::Value, Error>,
    stage_durations: BTreeMap<String, Span>,
}

async fn execute_pipeline(input: serde_json::Value, stages: &[Stage]) -> Result<PipelineResult, Error> {
    let mut builder = Motet::builder().world(Arc::new(VirtualWorld::new(Timestamp(0), 1)));
    for stage in stages {
        builder = builder.add_task(stage.task.clone());
    }
    let motet = builder.open().await?;
    let run = motet.start(&chain(stages).build(&motet)?, [("input", input)]).await?;
    let output = run.outputs().await.map(|outputs| outputs.to_json()["output"].clone());
    let steps = motet.store().steps(run.id())?;
    let duration =
        |step: &motet::store::StepRow| Some((step.path.to_string(), step.ended_at?.since(step.started_at?)));
    Ok(PipelineResult { output, stage_durations: steps.iter().filter_map(duration).collect() })
}

/// A pipeline in which each stage takes what the one before gives, field by field.
fn chain(stages: &[Stage]) -> PipelineBuilder {
    let pipeline = PipelineBuilder::new("stages");
    let input = pipeline.input("input", InputType::Schema(json!({ "type": "object" })));
    let mut before: Box<dyn Fn(&str) -> Expression> = Box::new(move |name| input.field(name));
    for stage in stages {
        let contract = stage.task.contract();
        let name = contract.operation.trim_start_matches("task/").replace('-', "_");
        let rule = Retry::attempts(stage.max_retries + 1)
            .on(Class::ALL)
            .backoff(Duration::from_secs(1))
            .max_backoff(Duration::from_secs(30))
            .jitter(false);
        let mut step = pipeline.step(&name, &contract.operation).retry(rule).timeout(stage.timeout);
        for parameter in &contract.inputs {
            step = step.with(&parameter.name, before(&parameter.name));
        }
        before = Box::new(move |name| step.output(name));
    }
    let outputs = stages.last().map(|stage| stage.task.contract().outputs.keys()).into_iter().flatten();
    pipeline.output("output", Expression::object(outputs.map(|name| (name.clone(), before(name)))));
    pipeline
}

#[derive(Deserialize, JsonSchema)]
struct Prompt {
    prompt: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Picture {
    image_url: String,
}

#[derive(Serialize, JsonSchema)]
struct Clip {
    video_url: String,
    seconds: u32,
}

/// A model for pictures that is out of order the first time.
fn generate_image() -> Stage {
    Stage::new("generate-image", |context: TaskContext, Prompt { prompt }: Prompt| async move {
        tokio::time::sleep(Duration::from_secs(8)).await;
        if context.attempt() == 1 {
            return Err(TaskError::new(Class::Unavailable, "out of order"));
        }
        Ok(Picture { image_url: format!("https://example.com/{}.png", prompt.len()) })
    })
}

fn animate_image(name: &str, time: u64) -> Stage {
    let animate = move |_: TaskContext, picture: Picture| async move {
        tokio::time::sleep(Duration::from_secs(time)).await;
        Ok(Clip { video_url: picture.image_url.replace("png", "mp4"), seconds: 4 })
    };
    Stage::new(name, animate).max_retries(1).timeout(Duration::from_secs(120))
}

fn report(title: &str, result: &PipelineResult) {
    println!("{title}");
    match &result.output {
        Ok(output) => println!("  output: {output}"),
        Err(error) => println!("  error: {error}"),
    }
    for (stage, duration) in &result.stage_durations {
        println!("  {stage}: {duration}");
    }
}

fn main() -> Result<(), Error> {
    virtual_time::run(async {
        let prompt = || json!({ "prompt": "A lighthouse on rocky cliffs at dusk, dramatic sky" });
        let stages = [generate_image(), animate_image("animate-image", 60)];
        report("a picture that takes two attempts", &execute_pipeline(prompt(), &stages).await?);

        let stages = [generate_image(), animate_image("animate-image", 600)];
        report("a clip that takes too long, twice", &execute_pipeline(prompt(), &stages).await?);

        println!("a clip where a picture is wanted");
        let stages = [animate_image("animate-image", 60), animate_image("animate-again", 60)];
        match execute_pipeline(json!({ "image_url": "https://example.com/1.png" }), &stages).await {
            Err(Error::Check(findings)) => println!("  found before it ran: {}", findings[0].message),
            _ => println!("  nobody noticed"),
        }
        Ok(())
    })
}
