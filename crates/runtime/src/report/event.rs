//! Public events: one line of `motet run --json` each.

use std::collections::BTreeMap;

use motet_engine::event::{Ending, SkipReason};
use motet_engine::{AttemptEvent, Event, RunEvent, RunId, StepEvent, Turn};
use motet_pipeline::{StepPath, Timestamp};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{ArtifactPlaces, Detail, PublicValue, RunRecord};
use crate::follow::Progress;

/// Something that happened to a run, for programs. Serialised, it is one JSON object: `event`, `at`
/// and `run` are always there, `turn` where it is durable, `step`, `item` and `attempt` where it is
/// about one, then the fields of the event itself (see `docs/events.md`).
#[derive(Clone, Debug, Serialize)]
pub struct PublicEvent {
    /// Its name, such as `step.completed`; stable.
    #[serde(rename = "event")]
    pub name: &'static str,
    /// When it happened, RFC 3339 in UTC.
    pub at: String,
    /// The run.
    pub run: String,
    /// The number of the turn in the journal; not for what isn't kept (progress).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// The path of the step or item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// The key of the innermost item that the step is, or stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Which attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What else there is to tell.
    #[serde(flatten)]
    pub details: BTreeMap<String, Detail>,
}

impl PublicEvent {
    fn new(name: &'static str, at: Timestamp, run: &RunId) -> PublicEvent {
        PublicEvent {
            name,
            at: at.to_string(),
            run: run.to_string(),
            turn: None,
            step: None,
            item: None,
            attempt: None,
            details: BTreeMap::new(),
        }
    }

    fn about(mut self, step: &StepPath) -> PublicEvent {
        self.item = item_of(step);
        self.step = Some(step.clone());
        self
    }

    fn with(mut self, name: &str, value: impl Into<Detail>) -> PublicEvent {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn of_progress(run: &RunId, at: Timestamp, progress: &Progress) -> PublicEvent {
        let mut event = PublicEvent::new("step.progress", at, run).about(&progress.step);
        event.attempt = Some(progress.attempt);
        if let Some(fraction) = progress.fraction {
            event = event.with("fraction", fraction);
        }
        if let Some(message) = &progress.message {
            event = event.with("message", message.as_str());
        }
        match progress.next_look {
            Some(at) => event.with("next_look", at.to_string()),
            None => event,
        }
    }

    pub(super) fn of_found(at: Timestamp, record: &RunRecord) -> PublicEvent {
        PublicEvent::new("run.found", at, &record.run)
            .with("pipeline", record.pipeline.as_str())
            .with("status", record.status.word())
            .with("steps_done", record.steps_done())
            .with("steps", record.order.len())
    }

    pub(super) fn of_run_progress(turn: &Turn, record: &RunRecord) -> PublicEvent {
        let mut event = PublicEvent::new("run.progress", turn.at, &record.run)
            .with("steps_done", record.steps_done())
            .with("steps", record.order.len())
            .with("cost", record.cost.to_string());
        event.turn = Some(turn.number);
        event
    }

    /// What `event` of `turn` is called in public. The record has taken it in already.
    pub(super) fn of(event: &Event, turn: &Turn, record: &RunRecord, places: &ArtifactPlaces) -> PublicEvent {
        let mut told = PublicEvent::new(name_of(event), turn.at, &record.run);
        told.turn = Some(turn.number);
        let asked = match event {
            Event::Run(RunEvent::StepCancelRequested { step, .. }) => Some(step),
            _ => None,
        };
        if let Some(step) = event.step().or(asked) {
            told = told.about(step);
        }
        told.attempt = attempt_of(event, record);
        told.details = details_of(event, record);
        match value_of(event, places) {
            Some((name, value)) => told.with(name, value),
            None => told,
        }
    }
}

/// How many keys of a list are reported at once.
const KEYS_MAX: usize = 10_000;

/// The key of the innermost item on the way to `step`.
pub(super) fn item_of(step: &StepPath) -> Option<String> {
    step.segments().filter_map(|segment| segment.key).last()
}

/// The public names. `docs/events.md` lists them; none may change its meaning.
fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Run(event) => match event {
            RunEvent::Started(_) => "run.started",
            RunEvent::Resumed { .. } => "run.resumed",
            RunEvent::CancelRequested { .. } => "run.cancelling",
            RunEvent::StepCancelRequested { .. } => "step.cancelling",
            RunEvent::Parked { .. } => "run.parked",
            RunEvent::Unparked {} => "run.unparked",
            RunEvent::BudgetSet { .. } => "run.budget",
            RunEvent::Closing { .. } => "run.closing",
            RunEvent::Undone { .. } => "run.undone",
            RunEvent::Completed { .. } => "run.completed",
            RunEvent::Failed { .. } => "run.failed",
            RunEvent::Cancelled { .. } => "run.cancelled",
        },
        Event::Step { event, .. } => match event {
            StepEvent::Expanded { .. } => "step.expanded",
            StepEvent::Ready { .. } | StepEvent::TargetReady { .. } => "step.ready",
            StepEvent::Skipped { .. } => "step.skipped",
            StepEvent::Slept { .. } => "step.sleeping",
            StepEvent::Woken {} => "step.woken",
            StepEvent::RetryScheduled { .. } => "step.retrying",
            StepEvent::FallbackTaken { .. } => "step.fallback",
            StepEvent::Parked { .. } => "step.parked",
            StepEvent::Resolved { .. } => "step.resolved",
            StepEvent::Funded {} => "step.funded",
            StepEvent::Completed { .. } => "step.completed",
            StepEvent::Failed { .. } => "step.failed",
            StepEvent::Cancelled { .. } => "step.cancelled",
        },
        Event::Attempt { event, .. } => match event {
            AttemptEvent::Planned { .. } => "step.started",
            AttemptEvent::Accepted { .. } | AttemptEvent::AcceptedLate { .. } => "attempt.accepted",
            AttemptEvent::Absent {} => "attempt.absent",
            AttemptEvent::Doubted { .. } => "attempt.doubted",
            AttemptEvent::Began { .. } => "attempt.running",
            AttemptEvent::Finished {} => "attempt.fetching",
            AttemptEvent::Unknown { .. } => "attempt.unknown",
            AttemptEvent::Warned { .. } => "attempt.warning",
            AttemptEvent::Succeeded { .. } => "attempt.succeeded",
            AttemptEvent::Failed { .. } => "attempt.failed",
            AttemptEvent::Abandoned { .. } => "attempt.abandoned",
            AttemptEvent::Ended { .. } => "attempt.ended",
        },
    }
}

/// The attempt that `event` is about, or that led to it.
fn attempt_of(event: &Event, record: &RunRecord) -> Option<u32> {
    match event {
        Event::Run(_) => None,
        Event::Step { step, event } => match event {
            StepEvent::Completed { .. }
            | StepEvent::Failed { .. }
            | StepEvent::Parked { .. }
            | StepEvent::Resolved { .. }
            | StepEvent::RetryScheduled { .. }
            | StepEvent::FallbackTaken { .. } => {
                record.step(step)?.last_attempt().map(|attempt| attempt.number)
            }
            _ => None,
        },
        Event::Attempt { key, .. } => Some(key.number),
    }
}

/// What was given or came out with `event`, and under which name it is told.
fn value_of(event: &Event, places: &ArtifactPlaces) -> Option<(&'static str, PublicValue)> {
    match event {
        Event::Run(RunEvent::Started(started)) => Some(("inputs", places.value(&started.inputs))),
        Event::Step { event, .. } => match event {
            StepEvent::Ready { inputs, .. } => Some(("inputs", places.optional(inputs.as_ref()))),
            StepEvent::TargetReady { inputs, .. } => Some(("inputs", places.value(inputs))),
            StepEvent::Completed { output, .. } => Some(("outputs", places.optional(output.as_ref()))),
            _ => None,
        },
        _ => None,
    }
}

/// What else `event` tells.
fn details_of(event: &Event, record: &RunRecord) -> BTreeMap<String, Detail> {
    let details = match event {
        Event::Run(event) => run_details(event, record),
        Event::Step { step, event } => step_details(step, event, record),
        Event::Attempt { event, .. } => attempt_details(event),
    };
    match details {
        Json::Object(details) => details.into_iter().map(|(name, json)| (name, json.into())).collect(),
        _ => BTreeMap::new(),
    }
}

fn run_details(event: &RunEvent, record: &RunRecord) -> Json {
    match event {
        RunEvent::Started(started) => {
            let mut details = json!({
                "pipeline": started.pipeline, "plan": started.plan, "user": started.user,
                "labels": started.labels, "steps": record.order.len(),
            });
            if let Some(base) = &started.base {
                details[if base.undo { "undoes" } else { "continues" }] = json!(base.run);
            }
            details
        }
        RunEvent::Resumed { away } => json!({ "away_ms": away.0 }),
        RunEvent::CancelRequested { by, reason } | RunEvent::StepCancelRequested { by, reason, .. } => {
            json!({ "by": by, "reason": reason })
        }
        RunEvent::Parked { reason } => json!({ "reason": reason }),
        RunEvent::Unparked {} => json!({}),
        RunEvent::BudgetSet { limit, by, .. } => json!({ "limit": limit, "by": by }),
        RunEvent::Closing { ending, undo } => {
            let mut details = json!({ "status": ending.word(), "undo": undo });
            match ending {
                Ending::Completed { .. } => {}
                Ending::Failed { step, failure } => {
                    details["failed_step"] = json!(step);
                    details["class"] = json!(failure.class);
                    details["message"] = json!(failure.message);
                }
                Ending::Cancelled { reason } => details["reason"] = json!(reason),
            }
            details
        }
        RunEvent::Undone { undone, stuck } => json!({ "undone": undone, "stuck": stuck }),
        RunEvent::Completed { .. } | RunEvent::Failed { .. } | RunEvent::Cancelled { .. } => json!({}),
    }
}

fn step_details(step: &StepPath, event: &StepEvent, record: &RunRecord) -> Json {
    match event {
        StepEvent::Expanded { items } => {
            let keys: Vec<_> = items.keys().take(KEYS_MAX).collect();
            match items.len() {
                ..=KEYS_MAX => json!({ "items": keys }),
                total => json!({ "items": keys, "total": total }),
            }
        }
        StepEvent::TargetReady { target, dropped, .. } => json!({ "target": target, "dropped": dropped }),
        StepEvent::Skipped { reason } => json!({
            "why": skip_word(reason), "reason": record.step(step).and_then(|step| step.reason.clone()),
        }),
        StepEvent::Slept { until } => json!({ "until": until.to_string() }),
        StepEvent::RetryScheduled { at, reason, counted } => {
            json!({ "retry_at": at.to_string(), "reason": reason, "counted": counted })
        }
        StepEvent::Parked { reason, message } => json!({ "reason": reason, "message": message }),
        StepEvent::Resolved { decision, by, .. } => json!({ "decision": decision, "by": by }),
        StepEvent::FallbackTaken { target, reason } => json!({ "target": target, "reason": reason }),
        StepEvent::Completed { reused, .. } => {
            let record = record.step(step);
            let mut details = json!({
                "duration_ms": record.and_then(|step| step.duration()).map(|duration| duration.0),
                "cost": record.map(|step| step.cost),
            });
            if let Some(reused) = reused {
                details["reused"] = json!({ "run": reused.run, "saved": reused.cost });
            }
            details
        }
        StepEvent::Failed { failure, tolerated } => {
            json!({ "class": failure.class, "message": failure.message, "tolerated": tolerated })
        }
        StepEvent::Cancelled { reason, origin, tolerated } => {
            let mut details = json!({ "reason": reason });
            if let Some(origin) = origin {
                details["origin"] = json!(origin);
                details["tolerated"] = json!(tolerated);
            }
            details
        }
        StepEvent::Ready { .. } | StepEvent::Woken {} | StepEvent::Funded {} => json!({}),
    }
}

fn attempt_details(event: &AttemptEvent) -> Json {
    match event {
        AttemptEvent::Planned { target, operation, version, estimate, deadline, intent } => {
            let mut details = json!({
                "target": target, "operation": operation, "version": version,
                "deadline": deadline.to_string(), "estimate": estimate,
            });
            if let Some(intent) = intent {
                details["credential"] = json!(intent.credential);
                details["body"] = json!(intent.body);
            }
            details
        }
        AttemptEvent::Accepted { job, .. } => json!({ "job": job }),
        AttemptEvent::AcceptedLate { job } => json!({ "job": job, "late": true }),
        AttemptEvent::Absent {} | AttemptEvent::Finished {} => json!({}),
        AttemptEvent::Doubted { failure, deadline, .. } => {
            json!({ "message": failure.message, "deadline": deadline.to_string() })
        }
        AttemptEvent::Began { deadline } => json!({ "deadline": deadline.to_string() }),
        AttemptEvent::Unknown { failure, .. } => {
            json!({ "class": failure.class, "message": failure.message })
        }
        AttemptEvent::Warned { message } => json!({ "message": message }),
        AttemptEvent::Succeeded { cost, usage } => {
            json!({ "cost": cost.amount, "cost_basis": cost.basis, "usage": usage })
        }
        AttemptEvent::Failed { failure, cost, resent, .. } => json!({
            "class": failure.class, "message": failure.message, "cost": cost.amount,
            "cost_basis": cost.basis, "resent": resent,
        }),
        AttemptEvent::Abandoned { reason, .. } => json!({ "reason": reason }),
        AttemptEvent::Ended { end, cost, why, .. } => {
            let mut details = json!({ "end": end, "cost": cost.amount, "cost_basis": cost.basis });
            if let Some(why) = why {
                details["message"] = json!(why);
            }
            details
        }
    }
}

fn skip_word(reason: &SkipReason) -> &'static str {
    match reason {
        SkipReason::Condition => "condition",
        SkipReason::Absent { .. } => "absent",
        SkipReason::Upstream { .. } => "upstream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every public name; the documentation must describe each.
    const NAMES: [&str; 41] = [
        "run.closing",
        "run.undone",
        "run.started",
        "run.found",
        "run.resumed",
        "run.progress",
        "run.cancelling",
        "step.cancelling",
        "run.budget",
        "step.funded",
        "attempt.doubted",
        "run.completed",
        "run.failed",
        "run.cancelled",
        "run.interrupted",
        "step.expanded",
        "step.ready",
        "step.started",
        "step.progress",
        "step.retrying",
        "step.fallback",
        "step.sleeping",
        "step.woken",
        "step.completed",
        "step.failed",
        "step.skipped",
        "step.cancelled",
        "run.parked",
        "run.unparked",
        "step.parked",
        "step.resolved",
        "attempt.accepted",
        "attempt.absent",
        "attempt.running",
        "attempt.fetching",
        "attempt.unknown",
        "attempt.warning",
        "attempt.succeeded",
        "attempt.failed",
        "attempt.abandoned",
        "attempt.ended",
    ];

    #[test]
    fn every_name_is_documented_and_no_other() {
        let documented = include_str!("../../../../docs/events.md");
        for name in NAMES {
            assert!(documented.contains(&format!("`{name}`")), "{name} is not documented");
        }
        let code = include_str!("event.rs").split("mod tests").next().expect("the code comes first");
        let named = |prefix: &str| code.matches(&format!("\"{prefix}.")).count();
        // Those of the end are made by the end record; `run.interrupted` only there.
        assert_eq!(
            named("run") + named("step") + named("attempt"),
            NAMES.len() - 1,
            "a name is missing here"
        );
    }

    #[test]
    fn the_item_of_a_path_is_the_innermost_one() {
        let path = StepPath::from_text("shots[a]/takes[2]/still");
        assert_eq!(item_of(&path).as_deref(), Some("2"));
        assert_eq!(item_of(&StepPath::from_text("final")), None);
    }
}
