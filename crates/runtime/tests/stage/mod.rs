//! A stage for pipelines: plays one to its end and answers what happened.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod agreement;
pub mod altered;
pub mod network;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet::engine::{AttemptEvent, Event, StepEvent, StepStatus, Turn};
use motet::language::value::Map;
use motet::language::{Artifact, Span, Timestamp, Value};
use motet::store::StepRow;
use motet::world::virtual_time::VirtualWorld;
use motet::{Builder, Motet, Pipeline, RunEnd, StartOptions};

/// When stories under virtual time begin.
pub const EPOCH: Timestamp = Timestamp(1_800_000_000_000);

/// A file of this repository, seen from its root.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The real world, with two slots for work that keeps a processor busy, whatever the machine has.
pub async fn real() -> Motet {
    Motet::builder().processors(2).open().await.unwrap()
}

/// A world in which time passes at once. It has no programs.
pub async fn simulated() -> Motet {
    simulated_with(Motet::builder()).await
}

/// The same, with what `builder` has.
pub async fn simulated_with(builder: Builder) -> Motet {
    builder.world(Arc::new(VirtualWorld::new(EPOCH, 1))).open().await.unwrap()
}

/// A run that came to its end.
pub struct Played {
    pub motet: Motet,
    pub end: RunEnd,
    pub turns: Vec<Turn>,
    steps: Vec<StepRow>,
}

/// Plays the file at `path`, seen from the root of the repository.
pub async fn play(motet: Motet, path: &str, inputs: &[(&str, Value)]) -> Played {
    let pipeline = motet.load(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    play_pipeline(motet, &pipeline, inputs).await
}

/// Plays a pipeline to its end.
pub async fn play_pipeline(motet: Motet, pipeline: &Pipeline, inputs: &[(&str, Value)]) -> Played {
    let inputs: Map = inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let started = motet.start_with(pipeline, inputs, StartOptions::default()).await;
    let run = started.unwrap_or_else(|error| panic!("{error}")).run;
    let end = run.wait().await.unwrap();
    let turns = motet.store().turns(run.id()).unwrap();
    let steps = motet.store().steps(run.id()).unwrap();
    agreement::assert_readings_agree(pipeline.plan(), run.id(), &turns);
    Played { motet, end, turns, steps }
}

impl Played {
    /// The outputs of a run that completed.
    pub fn outputs(&self) -> &Value {
        match &self.end {
            RunEnd::Completed { outputs, .. } => outputs,
            other => panic!("the run did not complete: {other:?}"),
        }
    }

    /// One output, which is there.
    pub fn output(&self, name: &str) -> &Value {
        self.outputs().get(name).unwrap_or_else(|| panic!("there is no output `{name}`"))
    }

    /// One output, which is media.
    pub fn media(&self, name: &str) -> &Artifact {
        let output = self.output(name);
        output.as_artifact().unwrap_or_else(|| panic!("`{name}` is {}", output.kind_word()))
    }

    pub fn is_degraded(&self) -> bool {
        matches!(self.end, RunEnd::Completed { degraded: true, .. })
    }

    /// The step that failed the run, and the class of its failure.
    pub fn failure(&self) -> (String, &'static str) {
        match &self.end {
            RunEnd::Failed { step, failure } => {
                (step.as_ref().map_or(String::new(), ToString::to_string), failure.class.word())
            }
            other => panic!("the run did not fail: {other:?}"),
        }
    }

    fn row(&self, step: &str) -> Option<&StepRow> {
        self.steps.iter().find(|row| row.path.as_str() == step)
    }

    /// Where a step or item stands; `pending` if nothing ever happened to it.
    pub fn status(&self, step: &str) -> StepStatus {
        self.row(step).map_or(StepStatus::Pending, |row| row.status)
    }

    pub fn attempts(&self, step: &str) -> u32 {
        self.row(step).map_or(0, |row| row.attempts)
    }

    /// How long after the start of the run something first happened that `wanted` is about.
    pub fn when(&self, wanted: impl Fn(&Event) -> bool) -> Span {
        self.when_if(wanted).expect("it happened")
    }

    fn when_if(&self, wanted: impl Fn(&Event) -> bool) -> Option<Span> {
        let turn = self.turns.iter().find(|turn| turn.events.iter().any(&wanted))?;
        Some(turn.at.since(self.turns[0].at))
    }

    /// The place in the journal of the first event about `step` that `wanted` is about.
    pub fn place(&self, step: &str, wanted: impl Fn(&Event) -> bool) -> usize {
        let mut events = self.events();
        let found = events.position(|event| is_about(event, step) && wanted(event));
        found.unwrap_or_else(|| panic!("it never happened to `{step}`"))
    }

    /// Where in the journal the first attempt of `step` begins.
    pub fn begins(&self, step: &str) -> usize {
        self.place(step, |event| {
            matches!(
                event,
                Event::Attempt { event: AttemptEvent::Planned { .. }, .. }
                    | Event::Step { event: StepEvent::Slept { .. }, .. }
            )
        })
    }

    /// Where in the journal `step` completes.
    pub fn completes(&self, step: &str) -> usize {
        self.place(step, |event| matches!(event, Event::Step { event: StepEvent::Completed { .. }, .. }))
    }

    /// All that happened, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.turns.iter().flat_map(|turn| &turn.events)
    }

    /// How long the run took.
    pub fn duration(&self) -> Span {
        let (first, last) = (self.turns.first(), self.turns.last());
        let (first, last) = (first.expect("it was started"), last.expect("it was started"));
        last.at.since(first.at)
    }
}

/// Whether `event` is about `step`.
pub fn is_about(event: &Event, step: &str) -> bool {
    event.step().is_some_and(|path| path.as_str() == step)
}
