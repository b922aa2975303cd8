//! The end of a run, as one record.

use std::collections::BTreeMap;

use motet_engine::RunId;
use motet_pipeline::{Class, Money, StepPath, Timestamp};
use motet_store::RunStatus;
use serde::Serialize;

use super::event::item_of;
use super::{ArtifactPlaces, ListOrder, MayBill, PublicValue, RunRecord, Tally};

/// How a run ended, or how far it came: the last line of `motet run --json`.
#[derive(Clone, Debug, Serialize)]
pub struct EndRecord {
    /// `run.completed`, `run.failed`, `run.cancelled`, `run.parked`; `run.interrupted` if it isn't over.
    pub event: &'static str,
    /// When it ended, RFC 3339 in UTC.
    pub at: String,
    /// The run.
    pub run: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// On whose behalf.
    pub user: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `completed`, `failed`, `cancelled`, …
    pub status: &'static str,
    /// Whether it completed.
    pub success: bool,
    /// Whether failures were tolerated or fallbacks used.
    pub degraded: bool,
    /// The step that failed first.
    pub failed_step: Option<StepPath>,
    /// Why it was cancelled or interrupted.
    pub reason: Option<String>,
    /// The failures of steps and items, in the order of time: of the items of a long list the first ones.
    pub errors: Vec<EndError>,
    /// How many failures there are besides these.
    #[serde(skip_serializing_if = "is_zero")]
    pub errors_left_out: u64,
    /// How many steps and items are undone, if any were to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<u32>,
    /// How many could not be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stuck: Option<u32>,
    /// What it gave.
    pub outputs: PublicValue,
    /// The steps and items by their paths: of the items of a long list, and of what is inside them, only some.
    pub steps: BTreeMap<StepPath, EndStep>,
    /// The calls that may be billed though nothing came of them: at most a hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_bill: Vec<MayBill>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it cost, in dollars as a decimal string.
    pub cost: Money,
    /// What the earlier runs of its lineage cost; left out if that is nothing.
    #[serde(skip_serializing_if = "Money::is_zero")]
    pub inherited: Money,
    /// What the results that it took over cost where they were made; left out if that is nothing.
    #[serde(skip_serializing_if = "Money::is_zero")]
    pub saved: Money,
}

/// A failure of a step or item, or of the run itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndError {
    /// The step or item; nothing for the run itself.
    pub step: Option<StepPath>,
    /// The key of the innermost item that it is or stands in.
    pub item: Option<String>,
    /// Its class.
    pub class: Class,
    /// A description of what happened.
    pub message: String,
    /// Whether it was tolerated (`optional`).
    pub tolerated: bool,
}

/// How a step or item ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndStep {
    /// `completed`, `failed`, `skipped`, …
    pub status: &'static str,
    /// How many attempts were made, over all targets.
    pub attempts: usize,
    /// The class of its failure.
    pub class: Option<Class>,
    /// What it cost, in dollars as a decimal string.
    pub cost: Money,
    /// How long it took from when it was ready, in milliseconds.
    pub duration_ms: Option<u64>,
    /// How its items stand, where they are not all among the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Tally>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl EndRecord {
    pub(super) fn of(record: &RunRecord, places: &ArtifactPlaces, now: Timestamp) -> EndRecord {
        EndRecord {
            event: name_of(record.status),
            at: record.ended_at.unwrap_or(now).to_string(),
            run: record.run.clone(),
            pipeline: record.pipeline.clone(),
            user: record.user.clone(),
            labels: record.labels.clone(),
            status: record.status.word(),
            success: record.status == RunStatus::Completed,
            degraded: record.degraded,
            failed_step: record.failed_step.clone(),
            reason: record.reason.clone(),
            errors: errors_of(record),
            errors_left_out: record.errors_left_out,
            undone: record.undone.map(|(undone, _)| undone),
            stuck: record.undone.map(|(_, stuck)| stuck),
            outputs: places.optional(record.outputs.as_ref()),
            steps: steps_of(record),
            may_bill: record.may_bill().0.to_vec(),
            duration_ms: record.elapsed(now).0,
            cost: record.cost,
            inherited: record.inherited,
            saved: record.saved,
        }
    }
}

fn name_of(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Completed => "run.completed",
        RunStatus::Failed => "run.failed",
        RunStatus::Cancelled => "run.cancelled",
        RunStatus::Parked => "run.parked",
        RunStatus::Queued | RunStatus::Running => "run.interrupted",
    }
}

fn errors_of(record: &RunRecord) -> Vec<EndError> {
    let mut failed: Vec<_> =
        record.steps().filter_map(|(path, step)| Some((path, step, step.failure.as_ref()?))).collect();
    // An item fails in the same moment as its step, and many may fail at once.
    failed.sort_by_cached_key(|(path, step, _)| (step.ended_at, ListOrder::of(path)));
    let errors = failed.into_iter().map(|(path, step, failure)| EndError {
        step: Some(path.clone()),
        item: item_of(path),
        class: failure.class,
        message: failure.message.clone(),
        tolerated: step.tolerated,
    });
    let of_run = record.failure.as_ref().filter(|_| record.failed_step.is_none()).map(|failure| EndError {
        step: None,
        item: None,
        class: failure.class,
        message: failure.message.clone(),
        tolerated: false,
    });
    errors.chain(of_run).collect()
}

fn steps_of(record: &RunRecord) -> BTreeMap<StepPath, EndStep> {
    let steps = record.steps().map(|(path, step)| {
        let end = EndStep {
            status: step.status.word(),
            attempts: step.attempts_made(),
            class: step.failure.as_ref().map(|failure| failure.class),
            cost: step.cost,
            duration_ms: step.duration().map(|duration| duration.0),
            items: record
                .tally(path)
                .filter(|_| step.items.as_ref().is_some_and(|items| items.are_summed_up)),
        };
        (path.clone(), end)
    });
    steps.collect()
}
