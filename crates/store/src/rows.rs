//! What the projections tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_engine::{RunId, StepStatus};
use motet_pipeline::{Artifact, Digest, Money, Span, StepPath, Timestamp};
use rusqlite::Row;
use rusqlite::types::Type;

use crate::{NotAStatus, RunStatus};

/// A run, without its inputs and outputs (see [`crate::Store::outputs`]).
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// The run.
    pub id: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pinned plan.
    pub plan: Digest,
    /// What [`crate::inputs_digest`] gives for its inputs.
    pub inputs_digest: Digest,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether it completed with tolerated failures or fallbacks.
    pub degraded: bool,
    /// On whose behalf it runs.
    pub user: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What all its randomness comes from.
    pub seed: u64,
    /// What its attempts cost so far.
    pub cost: Money,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When its last turn was decided.
    pub updated_at: Timestamp,
    /// The number of its last turn.
    pub turns: u64,
    /// The step that failed first.
    pub failed_step: Option<StepPath>,
    /// The class of what failed it.
    pub class: Option<String>,
    /// Why it failed or was cancelled, in words.
    pub message: Option<String>,
}

/// A step, or an item of one.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// Where it is.
    pub path: StepPath,
    /// Where it stands.
    pub status: StepStatus,
    /// Whether its failure is tolerated.
    pub tolerated: bool,
    /// How many items it has, if it is fanned out.
    pub items: Option<u64>,
    /// How many attempts were planned, over all targets.
    pub attempts: u32,
    /// The target of the last attempt: 0 is the first, then the fallbacks.
    pub target: Option<usize>,
    /// The operation of the last attempt.
    pub operation: Option<String>,
    /// What its attempts cost so far.
    pub cost: Money,
    /// When all that it waits for was there.
    pub started_at: Option<Timestamp>,
    /// When its last attempt was planned.
    pub attempted_at: Option<Timestamp>,
    /// Until when it sleeps, while it does.
    pub wakes_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The class of what failed it.
    pub class: Option<String>,
    /// Why it failed, was skipped or was cancelled, in words.
    pub message: Option<String>,
    /// How its items ended, if it is fanned out.
    pub items_over: ItemCounts,
    /// The turn in which it was ready; not known of runs that an older version began.
    pub first_turn: Option<u64>,
    /// The turn that ended it.
    pub ended_turn: Option<u64>,
    /// Whether more happened to it than that it began, was tried once and ended; not known of runs that an
    /// older version began.
    pub is_eventful: bool,
}

/// How items of a fanned-out step ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// How many completed.
    pub completed: u64,
    /// How many failed for good.
    pub failed: u64,
    /// How many were skipped.
    pub skipped: u64,
    /// How many were cancelled.
    pub cancelled: u64,
    /// What all items and the steps inside them cost so far.
    pub cost: Money,
}

impl ItemCounts {
    /// Counts an item that ended as `status`; one that isn't over is not counted.
    pub fn add(&mut self, status: StepStatus) {
        match status {
            StepStatus::Completed => self.completed += 1,
            StepStatus::Failed => self.failed += 1,
            StepStatus::Skipped => self.skipped += 1,
            StepStatus::Cancelled => self.cancelled += 1,
            _ => {}
        }
    }

    /// How many are over.
    pub fn over(&self) -> u64 {
        self.completed + self.failed + self.skipped + self.cancelled
    }
}

/// An artifact that a run refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct ArtifactRow {
    /// The step or item; the root for the run itself.
    pub step: StepPath,
    /// Which of its outputs. Those of the run itself are called `inputs.name` and `outputs.name`,
    /// and what an attempt gave too late `attempts.number.name`.
    pub output: String,
    /// Counts the artifacts of the output, from 0.
    pub position: u64,
    /// The bytes and their measures.
    pub artifact: Arc<Artifact>,
}

/// What an ending of a run's id led to.
#[derive(Clone, Debug, PartialEq)]
pub enum FoundRun {
    /// No run's id ends so.
    None,
    /// Exactly one does, or it is the whole id of one.
    One(Box<RunRow>),
    /// Several do; these are some of them, newest first.
    Several(Vec<RunId>),
}

/// Which runs are asked for. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Show only runs with this status.
    pub status: Option<RunStatus>,
    /// Show only runs of this pipeline.
    pub pipeline: Option<String>,
    /// Only with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// The newest so many.
    pub limit: Option<usize>,
}

/// How long an operation usually takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsualDuration {
    /// Half of its recent good attempts took no longer.
    pub median: Span,
    /// How many attempts that is known from.
    pub samples: usize,
}

impl RunRow {
    pub(crate) const SELECT: &str =
        "SELECT id, pipeline, plan, inputs_digest, status, degraded, user, labels, seed, cost,
           started_at, ended_at, failed_step, class, message,
           (SELECT at FROM journal WHERE run = runs.number ORDER BY number DESC LIMIT 1),
           (SELECT max(number) FROM journal WHERE run = runs.number)
         FROM runs";

    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<RunRow> {
        let labels: Option<String> = row.get(7)?;
        Ok(RunRow {
            id: RunId::new(text(row, 0)?),
            pipeline: row.get(1)?,
            plan: digest(row, 2)?,
            inputs_digest: digest(row, 3)?,
            status: parse(row, 4)?,
            degraded: row.get(5)?,
            user: row.get(6)?,
            labels: labels.map_or(Ok(BTreeMap::new()), |json| serde_json::from_str(&json)).map_err(bad(7))?,
            seed: row.get::<_, i64>(8)? as u64,
            cost: parse(row, 9)?,
            started_at: Timestamp(row.get(10)?),
            ended_at: timestamp(row, 11)?,
            updated_at: Timestamp(row.get::<_, Option<i64>>(15)?.unwrap_or_default()),
            turns: row.get::<_, Option<i64>>(16)?.unwrap_or_default() as u64,
            failed_step: row.get_ref(12)?.as_str_or_null()?.map(StepPath::from_text),
            class: row.get(13)?,
            message: row.get(14)?,
        })
    }
}

impl StepRow {
    pub(crate) const COLUMNS: &str =
        "path, status, tolerated, items, attempts, target, operation, cost, started_at, attempted_at,
           wakes_at, ended_at, class, message, ended_turn,
           first_turn, items_completed, items_failed, items_skipped, items_cancelled, items_cost,
           EXISTS (SELECT 1 FROM step_turns WHERE run = steps.run AND path = steps.path)";

    /// The same from a store of an older format that is only looked at.
    pub(crate) const COLUMNS_OLDER: &str =
        "path, status, tolerated, items, attempts, target, operation, cost, started_at, attempted_at,
           wakes_at, ended_at, class, message, ended_turn, NULL, 0, 0, 0, 0, '0', 0";

    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<StepRow> {
        Ok(StepRow {
            path: StepPath::from_text(text(row, 0)?),
            status: step_status(row, 1)?,
            tolerated: row.get(2)?,
            items: count(row, 3)?,
            attempts: row.get(4)?,
            target: row.get::<_, Option<i64>>(5)?.map(|target| target as usize),
            operation: row.get(6)?,
            cost: parse(row, 7)?,
            started_at: timestamp(row, 8)?,
            attempted_at: timestamp(row, 9)?,
            wakes_at: timestamp(row, 10)?,
            ended_at: timestamp(row, 11)?,
            class: row.get(12)?,
            message: row.get(13)?,
            ended_turn: count(row, 14)?,
            first_turn: count(row, 15)?,
            items_over: ItemCounts {
                completed: count(row, 16)?.unwrap_or_default(),
                failed: count(row, 17)?.unwrap_or_default(),
                skipped: count(row, 18)?.unwrap_or_default(),
                cancelled: count(row, 19)?.unwrap_or_default(),
                cost: parse(row, 20)?,
            },
            is_eventful: row.get(21)?,
        })
    }
}

impl ArtifactRow {
    pub(crate) const SELECT: &str = "SELECT step, output, position, measures
         FROM artifact_refs JOIN artifacts USING (digest)";

    pub(crate) fn from_row(row: &Row) -> rusqlite::Result<ArtifactRow> {
        Ok(ArtifactRow {
            step: StepPath::from_text(text(row, 0)?),
            output: row.get(1)?,
            position: row.get::<_, i64>(2)? as u64,
            artifact: serde_json::from_str(text(row, 3)?).map(Arc::new).map_err(bad(3))?,
        })
    }
}

fn text<'a>(row: &'a Row, column: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn count(row: &Row, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|number| number as u64))
}

fn timestamp(row: &Row, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}

pub(crate) fn digest(row: &Row, column: usize) -> rusqlite::Result<Digest> {
    Ok(Digest::from_bytes(row.get(column)?))
}

/// What the text in `column` says. A text that can't be read is an error, never a zero.
pub(crate) fn parse<T>(row: &Row, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text(row, column)?.parse().map_err(bad(column))
}

pub(crate) fn step_status(row: &Row, column: usize) -> rusqlite::Result<StepStatus> {
    let word = text(row, column)?;
    let found = StepStatus::ALL.into_iter().find(|status| status.word() == word);
    found.ok_or_else(|| NotAStatus(word.to_owned())).map_err(bad(column))
}

/// Says that the text in `column` is not what this crate writes there.
fn bad<E: std::error::Error + Send + Sync + 'static>(column: usize) -> impl Fn(E) -> rusqlite::Error {
    move |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
