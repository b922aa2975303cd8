//! An orchestration framework: steps with handlers, conditions, inputs that map to earlier outputs,
//! and a choice of what a failure means.
//!
//! Written by hand this is a class with a loop, a context and a retry. Here it is a thin face over
//! the library: `add_step` registers a task and adds a step, `execute` builds, runs and tells. Two
//! things differ on purpose: steps that don't need each other run at the same time, and what depends
//! on a failed step is skipped rather than run on nothing.
//!
//! Time is virtual: the pauses between attempts pass at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use motet::builder::{Expression, InputType, OnFailure, PipelineBuilder, Retry, Step};
use motet::engine::StepStatus;
use motet::language::{Span, Timestamp};
use motet::world::virtual_time::{self, VirtualWorld};
use motet::{Builder, Class, Error, Motet, TaskContext, TaskError};
use serde_json::{Value as Json, json};

/// What a handler is given: its inputs by name, with its settings under `config`.
type Inputs = BTreeMap<String, Json>;

/// How a step ended.
struct StepResult {
    status: StepStatus,
    attempts: u32,
    duration: Option<Span>,
    error: Option<String>,
}

/// A workflow in the making.
struct Orchestrator {
    builder: Builder,
    pipeline: PipelineBuilder,
    steps: BTreeMap<String, Step>,
}

impl Orchestrator {
    fn new(fail_fast: bool) -> Orchestrator {
        let meaning = if fail_fast { OnFailure::Fail } else { OnFailure::Finish };
        let pipeline = PipelineBuilder::new("workflow").on_failure(meaning);
        pipeline.input("input", InputType::Schema(json!({})));
        let builder = Motet::builder().world(Arc::new(VirtualWorld::new(Timestamp(0), 1)));
        Orchestrator { builder, pipeline, steps: BTreeMap::new() }
    }

    /// Adds a step. `inputs` maps its input names to `input`, to a step, or to a field of what a step
    /// gave, such as `extract.text`.
    fn add_step<Handler, Handling>(
        mut self,
        name: &str,
        handler: Handler,
        inputs: &[(&str, &str)],
        config: Json,
    ) -> Orchestrator
    where
        Handler: Fn(Inputs) -> Handling + Send + Sync + 'static,
        Handling: Future<Output = Result<Json, TaskError>> + Send + 'static,
    {
        self.builder = self.builder.task(name, move |_: TaskContext, inputs: Inputs| handler(inputs));
        let rule = Retry::attempts(3).on(Class::ALL).backoff(Duration::from_secs(1)).jitter(false);
        let step = self.pipeline.step(name, &format!("task/{name}"));
        let mut step = step.retry(rule).timeout(Duration::from_secs(300)).with("config", config);
        for (name, source) in inputs {
            step = step.with(name, self.source(source));
        }
        self.steps.insert(name.to_owned(), step);
        self
    }

    /// Lets the step that was added last run only when `condition` holds.
    fn only_if(self, step: &str, condition: Expression) -> Orchestrator {
        self.steps[step].clone().when(condition);
        self
    }

    fn source(&self, source: &str) -> Expression {
        match source.split_once('.') {
            None if source == "input" => Expression::template("{{ inputs.input }}"),
            None => self.steps[source].output("value"),
            Some((step, field)) => self.steps[step].output("value").field(field),
        }
    }

    async fn execute(self, input: Json) -> Result<BTreeMap<String, StepResult>, Error> {
        let motet = self.builder.open().await?;
        let run = motet.start(&self.pipeline.build(&motet)?, [("input", input)]).await?;
        run.wait().await?;
        let result = |row: motet::store::StepRow| {
            let duration = row.ended_at.zip(row.started_at).map(|(end, start)| end.since(start));
            let result =
                StepResult { status: row.status, attempts: row.attempts, duration, error: row.message };
            (row.path.to_string(), result)
        };
        Ok(motet.store().steps(run.id())?.into_iter().map(result).collect())
    }
}

/// The words of a document.
async fn extract_text(inputs: Inputs) -> Result<Json, TaskError> {
    let document = inputs["document"].as_str().unwrap_or_default();
    Ok(json!({ "text": document.trim(), "words": document.split_whitespace().count() }))
}

/// What sort of document it is.
async fn classify(inputs: Inputs) -> Result<Json, TaskError> {
    let text = inputs["text"].as_str().unwrap_or_default();
    Ok(json!({ "type": if text.contains("Total") { "invoice" } else { "letter" } }))
}

/// The numbers in it; it takes a while.
async fn extract_amounts(inputs: Inputs) -> Result<Json, TaskError> {
    tokio::time::sleep(Duration::from_secs(20)).await;
    let text = inputs["text"].as_str().unwrap_or_default();
    let amounts: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    Ok(json!({ "result": amounts }))
}

/// A model that never answers well.
async fn generate_summary(inputs: Inputs) -> Result<Json, TaskError> {
    let model = inputs["config"]["model"].as_str().unwrap_or_default();
    Err(TaskError::new(Class::Unavailable, format!("{model} has no capacity")))
}

async fn validate(inputs: Inputs) -> Result<Json, TaskError> {
    Ok(json!({ "good": inputs.contains_key("amounts") && inputs.contains_key("summary") }))
}

fn document_analysis(fail_fast: bool) -> Orchestrator {
    let workflow = Orchestrator::new(fail_fast)
        .add_step("extract", extract_text, &[("document", "input")], json!({}))
        .add_step("classify", classify, &[("text", "extract.text")], json!({}))
        .add_step("amounts", extract_amounts, &[("text", "extract.text")], json!({}));
    let kind = workflow.source("classify.type");
    workflow
        .only_if("amounts", kind.equals("invoice"))
        .add_step("reply", classify, &[("text", "extract.text")], json!({}))
        .only_if("reply", kind.equals("letter"))
        .add_step(
            "summary",
            generate_summary,
            &[("text", "extract.text"), ("type", "classify.type")],
            json!({ "model": "small-model" }),
        )
        .add_step("validate", validate, &[("amounts", "amounts.result"), ("summary", "summary")], json!({}))
}

fn main() -> Result<(), Error> {
    virtual_time::run(async {
        for fail_fast in [true, false] {
            println!("fail_fast: {fail_fast}");
            let results =
                document_analysis(fail_fast).execute(json!("Chairs 40 Tables 120 Total 160")).await?;
            for (name, result) in results {
                let StepResult { status, attempts, duration, error } = result;
                let status = format!("{status:?}").to_lowercase();
                let time = duration.map(|time| format!(", {time}")).unwrap_or_default();
                let error = error.map(|error| format!(": {error}")).unwrap_or_default();
                println!("  {name:<8} {status:<9} attempts {attempts}{time}{error}");
            }
        }
        Ok(())
    })
}
