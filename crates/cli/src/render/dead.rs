//! Dead letters as lines.

use motet::Error;
use motet::engine::RunId;
use motet::language::{StepPath, Timestamp};
use motet::report::{ArtifactPlaces, Reporter};
use motet::store::{DeadRun, Discard, RunRow, Store};

use super::line::{Line, Look, Tone};
use super::money::dollars;
use super::table::Table;
use super::words::{count, duration, local_time};
use crate::project::pinned_pipeline;

/// A dead letter as it may be shown: without what a sensitive input holds.
pub struct Told {
    pub run: RunRow,
    pub step: Option<StepPath>,
    pub operation: Option<String>,
    pub attempts: u32,
    pub message: String,
    pub discarded: Option<Discard>,
}

impl Told {
    /// # Errors
    /// When the store can't be read, or the plan of the run is lost.
    fn read(store: &Store, dead: &DeadRun) -> Result<Told, Error> {
        let pipeline = pinned_pipeline(store, &motet::operation::catalogue(), &dead.run.id)?;
        let plan = pipeline.as_ref().map(|pipeline| &**pipeline.plan());
        let mut reporter = Reporter::of_kept(store, &dead.run, plan, ArtifactPlaces::nowhere())?;
        let path = dead.cause.as_ref().map(|cause| cause.step.clone());
        let row = path.as_ref().map_or(Ok(None), |path| store.step(&dead.run.id, path))?;
        let (step, record) = row.map(|row| reporter.step_of_row(&row)).unzip();
        let record = record
            .and_then(|step| step.failure.map(|failure| *failure))
            .or_else(|| reporter.record().failure.clone());
        Ok(Told {
            step: step.or_else(|| reporter.record().failed_step.clone()),
            operation: dead.cause.as_ref().map(|cause| cause.operation.clone()),
            attempts: dead.cause.as_ref().map_or(0, |cause| cause.attempts),
            message: record.map(|failure| failure.message).unwrap_or_default(),
            run: dead.run.clone(),
            discarded: dead.discarded.clone(),
        })
    }

    /// What may be shown of it; of a run whose plan is lost, which could hide something, nothing but that.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn read_any(store: &Store, dead: &DeadRun) -> Result<Told, Error> {
        match Told::read(store, dead) {
            Err(error @ Error::LostPlan(_)) => Ok(Told {
                run: dead.run.clone(),
                step: None,
                operation: None,
                attempts: dead.cause.as_ref().map_or(0, |cause| cause.attempts),
                message: error.what(),
                discarded: dead.discarded.clone(),
            }),
            told => told,
        }
    }

    fn age(&self, now: Timestamp) -> String {
        self.run.ended_at.map(|at| duration(now.since(at))).unwrap_or_default()
    }

    fn cost(&self) -> String {
        if self.run.cost.is_zero() { String::new() } else { dollars(self.run.cost) }
    }
}

/// A row for each.
pub fn table(all: &[Told], now: Timestamp) -> Table {
    let headings = ["run", "pipeline", "class", "step", "tried", "age", "cost", ""];
    let mut table = Table::with_headings(&headings);
    for told in all {
        let remark = match &told.discarded {
            Some(discarded) => format!("discarded by {}: {}", discarded.by, discarded.why),
            None => told.message.clone(),
        };
        table.row([
            (Tone::Strong, told.run.id.short().to_owned()),
            (Tone::Plain, told.run.pipeline.clone()),
            (Tone::Bad, told.run.class.clone().unwrap_or_default()),
            (Tone::Plain, told.step.as_ref().map(ToString::to_string).unwrap_or_default()),
            (Tone::Plain, count(told.attempts as usize, "time")),
            (Tone::Plain, told.age(now)),
            (Tone::Plain, told.cost()),
            (Tone::Dim, remark),
        ]);
    }
    table
}

/// All that is known of one.
pub fn lines(told: &Told, continued: &[RunId], look: &Look) -> Vec<Line> {
    let mut table = Table::default();
    let mut row = |name: &str, tone: Tone, words: String| {
        if !words.is_empty() {
            table.row([(Tone::Dim, name.to_owned()), (tone, words)]);
        }
    };
    row("run", Tone::Strong, format!("{} of {}", told.run.id, told.run.pipeline));
    row("failed", Tone::Plain, told.run.ended_at.map(local_time).unwrap_or_default());
    row("class", Tone::Bad, told.run.class.clone().unwrap_or_default());
    row("step", Tone::Plain, told.step.as_ref().map(ToString::to_string).unwrap_or_default());
    let tried = told.operation.as_ref();
    let tried = tried.map(|operation| format!("{operation}, {}", count(told.attempts as usize, "time")));
    row("tried", Tone::Plain, tried.unwrap_or_default());
    row("because", Tone::Plain, told.message.clone());
    row("cost", Tone::Plain, told.cost());
    let retried: Vec<&str> = continued.iter().map(RunId::short).collect();
    row("continued", Tone::Good, retried.join(", "));
    if let Some(Discard { at, by, why }) = &told.discarded {
        row("discarded", Tone::Doubtful, format!("{} by {by}: {why}", local_time(*at)));
    }
    table.lines(look.cut_at(), &look.symbols)
}
