//! A run that is looked at, and one of its steps in full.

use std::collections::BTreeMap;

use motet::engine::StepStatus;
use motet::language::{StepPath, Value};
use motet::report::{ArtifactPlaces, AttemptRecord, Detail, StepRecord};
use motet::store::RunStatus;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::line::{Line, Tone};
use super::money::sums;
use super::plain;
use super::progress::View;
use super::search::LookedFor;
use super::table::Table;
use super::words::{INTERRUPTED, PARTS_MAX, brief, bytes, duration, local_time, measures};
use crate::project::{shown_path, typed_command};

/// Header, steps, outputs.
pub fn run_lines(view: &View, is_interrupted: bool, to_fund: Option<String>) -> Vec<Line> {
    let record = view.record;
    let mut lines = vec![heading(view, is_interrupted), about(view)];
    if let Some(inputs) = record.inputs.as_map().filter(|inputs| !inputs.is_empty()) {
        let inputs = inputs.iter().filter(|(_, value)| !value.is_absent());
        let given: Vec<String> = inputs.map(|(name, value)| format!("{name} {}", brief(value))).collect();
        lines.push(Line::of(Tone::Dim, format!("  inputs: {}", given.join(", "))));
    }
    lines.push(Line::new());
    lines.extend(view.step_lines());
    lines.extend(search_lines(view));
    lines.extend(failed_attempts(view));
    lines.extend(plain::undone_line(record));
    lines.extend(super::billing::lines(record));
    if let Some(outputs) = record.outputs.as_ref().and_then(Value::as_map).filter(|map| !map.is_empty()) {
        lines.push(Line::new());
        let mut table = Table::default();
        for (name, value) in outputs {
            table.row([(Tone::Strong, name.clone()), (Tone::Plain, brief(value))]);
        }
        lines.extend(table.lines(view.look.cut_at(), &view.look.symbols));
    }
    lines.push(Line::new());
    lines.push(next(view, is_interrupted, to_fund));
    lines.into_iter().map(|line| line.cut(view.look.cut_at(), &view.look.symbols)).collect()
}

fn heading(view: &View, is_interrupted: bool) -> Line {
    let record = view.record;
    let (word, tone) = match record.status {
        RunStatus::Completed if record.degraded => ("completed, degraded", Tone::Doubtful),
        RunStatus::Completed => ("completed", Tone::Good),
        RunStatus::Failed => ("failed", Tone::Bad),
        RunStatus::Cancelled => ("cancelled", Tone::Doubtful),
        RunStatus::Parked => ("parked", Tone::Doubtful),
        _ if is_interrupted => (INTERRUPTED, Tone::Doubtful),
        other => (other.word(), Tone::Busy),
    };
    let mut line = Line::of(Tone::Strong, &record.pipeline)
        .plain(format!("   run {}   ", record.run.short()))
        .then(tone, word)
        .plain(format!("   {}", duration(record.elapsed(view.now))));
    let sums = sums(record);
    if !sums.is_empty() {
        line = line.plain(format!("   {}", sums.join(", ")));
    }
    match (&record.reason, record.status) {
        (Some(reason), RunStatus::Cancelled) => line.plain(format!("   {reason}")),
        _ => line,
    }
}

fn about(view: &View) -> Line {
    let record = view.record;
    let mut parts = vec![record.run.to_string(), format!("started {}", local_time(record.started_at))];
    parts.extend(record.version.map(|version| format!("pipeline {}", version.short())));
    parts.extend(record.user.iter().map(|user| format!("for {user}")));
    parts.extend(record.labels.iter().map(|(name, value)| format!("{name}={value}")));
    Line::of(Tone::Dim, format!("  {}", parts.join("   ")))
}

/// The calls whose outcome is unknown.
fn search_lines(view: &View) -> Vec<Line> {
    let lines: Vec<Line> = LookedFor::of(view.record).flat_map(|call| call.lines()).collect();
    let gap = (!lines.is_empty()).then(Line::new);
    gap.into_iter().chain(lines).collect()
}

/// The attempts that failed, where a step came to its end all the same, or took several.
fn failed_attempts(view: &View) -> Vec<Line> {
    let mut table = Table::default();
    for (path, step) in view.record.steps() {
        let told_already = step.status == StepStatus::Failed && step.attempts_made() < 2;
        for attempt in step.attempts.iter().filter(|_| !told_already) {
            let Some(failure) = &attempt.failure else { continue };
            table.row([
                (Tone::Plain, format!("{path} attempt {}", attempt.number)),
                (Tone::Plain, attempt.operation.clone()),
                (Tone::Bad, failure.class.word().to_owned()),
                (Tone::Plain, failure.message.clone()),
            ]);
        }
    }
    let mut lines = table.lines(view.look.cut_at(), &view.look.symbols);
    if lines.is_empty() {
        return lines;
    }
    if view.record.stories_left_out {
        let more =
            format!("  and more: {}", typed_command(format!("show {} --journal", view.record.run.short())));
        lines.push(Line::of(Tone::Dim, more));
    }
    std::iter::once(Line::new()).chain(lines).collect()
}

/// What to type next. A run that a process drives needs nobody to resume it.
fn next(view: &View, is_interrupted: bool, to_fund: Option<String>) -> Line {
    let run = view.record.run.short();
    let symbols = &view.look.symbols;
    let mut commands =
        vec![typed_command(format!("show {run} --timeline")), typed_command(format!("artifacts {run}"))];
    if !view.record.status.is_final() {
        let resume = is_interrupted.then(|| typed_command(format!("resume {run}")));
        let decide = to_fund.or_else(|| super::ending::resolve_command(view.record));
        let cancel = [typed_command(format!("cancel {run}"))];
        commands.splice(0..0, resume.into_iter().chain(decide).chain(cancel));
    }
    Line::of(Tone::Dim, format!("  {}", commands.join(&format!(" {} ", symbols.between))))
}

/// All about one step: what it was given, every attempt, what it gave.
pub fn step_lines(view: &View, path: &StepPath, step: &StepRecord, places: &ArtifactPlaces) -> Vec<Line> {
    let mut title = Line::of(Tone::Strong, path.as_str()).plain(format!("   {}", step.status.word()));
    if let Some(took) = step.duration() {
        title = title.plain(format!("   {}", duration(took)));
    }
    let mut lines = vec![title];
    // Of a step that has ended otherwise it is the reason of an earlier attempt.
    let explains = !matches!(step.status, StepStatus::Completed | StepStatus::Failed);
    let reason = step.reason.iter().filter(|_| explains);
    lines.extend(reason.map(|reason| Line::of(Tone::Plain, format!("  {reason}"))));
    if let Some(reused) = &step.reused {
        lines.push(Line::of(Tone::Plain, format!("  kept from run {}", reused.run.short())));
    }
    if let Some(failure) = &step.failure {
        lines.push(
            Line::new()
                .plain("  ")
                .then(Tone::Bad, failure.class.word())
                .plain(format!("   {}", failure.message)),
        );
    }
    if let Some(items) = &step.items {
        let more = items.total.saturating_sub(items.keys.len());
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        lines.push(Line::of(Tone::Plain, format!("  items: {}{more}", items.keys.join(", "))));
    }
    lines.extend(section("inputs", step.inputs.as_ref(), places, view));
    let mut table = Table::default();
    for attempt in &step.attempts {
        table.row(attempt_row(attempt, LookedFor::at(view.record, path)));
    }
    if !step.attempts.is_empty() {
        lines.push(Line::of(Tone::Dim, "  attempts"));
        lines.extend(indented(table.lines(usize::MAX, &view.look.symbols)));
    }
    if let Some(call) = LookedFor::at(view.record, path) {
        lines.extend(call.lines());
    }
    lines.extend(section("outputs", step.output.as_ref(), places, view));
    lines
}

fn attempt_row(attempt: &AttemptRecord, call: Option<LookedFor>) -> Vec<(Tone, String)> {
    let took =
        attempt.ended_at.map_or("under way".to_owned(), |ended| duration(ended.since(attempt.planned_at)));
    let state = call.filter(|_| attempt.search.is_some()).map(|call| call.state());
    let (tone, outcome) = match (&attempt.failure, attempt.ended_at) {
        (Some(failure), _) => (Tone::Bad, format!("{}: {}", failure.class, failure.message)),
        (None, Some(_)) => (Tone::Good, "good".to_owned()),
        (None, None) => match state {
            Some(state) => (Tone::Doubtful, state),
            None => (Tone::Busy, attempt.doing.clone().unwrap_or_default()),
        },
    };
    vec![
        (Tone::Plain, attempt.number.to_string()),
        (Tone::Plain, attempt.operation.clone()),
        (Tone::Plain, took),
        (tone, outcome),
    ]
}

fn section(label: &str, values: Option<&Value>, places: &ArtifactPlaces, view: &View) -> Vec<Line> {
    let Some(values) = values.and_then(Value::as_map).filter(|values| !values.is_empty()) else {
        return Vec::new();
    };
    let mut table = Table::default();
    for (name, value) in values {
        match value {
            Value::Media(artifact) => table.row([
                (Tone::Plain, name.clone()),
                (
                    Tone::Plain,
                    format!("{}, {}", measures(artifact, view.look.symbols.times), bytes(artifact.bytes)),
                ),
                (
                    Tone::Plain,
                    places.path_of(&artifact.digest).map_or_else(String::new, |path| shown_path(&path)),
                ),
            ]),
            value => table.row([(Tone::Plain, name.clone()), (Tone::Plain, whole(value))]),
        }
    }
    let lines = indented(table.lines(usize::MAX, &view.look.symbols));
    std::iter::once(Line::of(Tone::Dim, format!("  {label}"))).chain(lines).collect()
}

/// How much of a value is shown to a person who asks for its step. `--json` writes all of it.
const VALUE_CHARACTERS_MAX: usize = 20_000;

/// A value, but for its media, which are measured.
fn whole(value: &Value) -> String {
    match value.as_list().filter(|_| holds_media(value)) {
        Some(items) => items.iter().take(PARTS_MAX).map(brief).collect::<Vec<_>>().join(" + "),
        None => ArtifactPlaces::nowhere().value(value).beginning(VALUE_CHARACTERS_MAX),
    }
}

fn holds_media(value: &Value) -> bool {
    value.parts().take(PARTS_MAX).any(|part| part.as_artifact().is_some())
}

fn indented(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().map(|line| Line::of(Tone::Plain, "  ").followed_by(line)).collect()
}

/// The same for programs.
pub fn step_details(path: &StepPath, step: &StepRecord, places: &ArtifactPlaces) -> BTreeMap<String, Detail> {
    let value = |value: &Option<Value>| places.value(value.as_ref().unwrap_or(&Value::Null));
    let attempts: Vec<Json> = step
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "attempt": attempt.number, "target": attempt.target, "operation": attempt.operation,
                "planned_at": attempt.planned_at.to_string(),
                "ended_at": attempt.ended_at.map(|at| at.to_string()),
                "class": attempt.failure.as_ref().map(|failure| failure.class),
                "message": attempt.failure.as_ref().map(|failure| &failure.message),
                "cost": attempt.cost,
                "search": attempt.search.as_ref().map(|search| json!({
                    "message": search.why, "until": search.until.map(|at| at.to_string()),
                })),
            })
        })
        .collect();
    let mut record = json!({
        "step": path, "status": step.status.word(), "items": step.items.as_ref().map(|items| &items.keys),
        "reason": step.reason,
        "class": step.failure.as_ref().map(|failure| failure.class),
        "message": step.failure.as_ref().map(|failure| &failure.message),
        "tolerated": step.tolerated, "attempts": attempts, "cost": step.cost,
        "duration_ms": step.duration().map(|duration| duration.0),
    });
    if let Some(items) = step.items.as_ref().filter(|items| items.total > items.keys.len()) {
        record["total"] = items.total.into();
    }
    let mut details = details_of(&record);
    details.insert("inputs".into(), value(&step.inputs).into());
    details.insert("outputs".into(), value(&step.output).into());
    details
}

/// The fields of a small record.
pub fn details_of(record: &impl Serialize) -> BTreeMap<String, Detail> {
    let record = serde_json::to_value(record).expect("a record is plain data");
    let fields = record.as_object().into_iter().flatten();
    fields.map(|(name, json)| (name.clone(), json.clone().into())).collect()
}
