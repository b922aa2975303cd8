//! The end of a run, as one record.

use motet_pipeline::Timestamp;
use motet_store::RunStatus;
use serde_json::{Map, Value as Json, json};

use super::event::item_of;
use super::{ArtifactPlaces, RunRecord};

/// The record of the end, or of how far a run came that is not over.
pub(super) fn end_of(record: &RunRecord, places: &ArtifactPlaces, now: Timestamp) -> Json {
    json!({
        "event": name_of(record.status),
        "at": record.ended_at.unwrap_or(now).to_string(),
        "run": record.run,
        "pipeline": record.pipeline,
        "user": record.user,
        "labels": record.labels,
        "status": record.status.word(),
        "success": record.status == RunStatus::Completed,
        "degraded": record.degraded,
        "failed_step": record.failed_step,
        "reason": record.reason,
        "errors": errors_of(record),
        "outputs": record.outputs.as_ref().map_or_else(|| json!({}), |outputs| places.value_json(outputs)),
        "steps": steps_of(record),
        "duration_ms": record.elapsed(now).0,
        "cost": record.cost,
    })
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

/// Every failure of a step or item, tolerated ones too, and the run's own.
fn errors_of(record: &RunRecord) -> Vec<Json> {
    let mut failed: Vec<_> =
        record.steps.iter().filter_map(|(path, step)| Some((path, step, step.failure.as_ref()?))).collect();
    failed.sort_by_key(|(path, step, _)| (step.ended_at, std::cmp::Reverse(path.as_str().len())));
    let mut errors: Vec<Json> = failed
        .into_iter()
        .map(|(path, step, failure)| {
            json!({
                "step": path, "item": item_of(path), "class": failure.class,
                "message": failure.message, "tolerated": step.tolerated,
            })
        })
        .collect();
    if let (None, Some(failure)) = (&record.failed_step, &record.failure) {
        errors.push(json!({
            "step": null, "item": null, "class": failure.class,
            "message": failure.message, "tolerated": false,
        }));
    }
    errors
}

fn steps_of(record: &RunRecord) -> Json {
    let steps = record.steps.iter().map(|(path, step)| {
        let told = json!({
            "status": step.status.word(),
            "attempts": step.attempts.len(),
            "class": step.failure.as_ref().map(|failure| failure.class),
            "cost": step.cost,
            "duration_ms": step.duration().map(|duration| duration.0),
        });
        (path.to_string(), told)
    });
    Json::Object(steps.collect::<Map<_, _>>())
}
