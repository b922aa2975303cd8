//! `motet runs`: the runs of the store, newest first.

use std::collections::BTreeMap;

use motet::store::{RunFilter, RunRow, RunStatus};
use serde_json::{Value as Json, json};

use crate::arguments;
use crate::exit::Exit;
use crate::inputs::split;
use crate::problem::Problem;
use crate::project::Project;
use crate::render::line::{Line, Look, Tone};
use crate::render::table::Table;
use crate::render::words::{duration, local_time};
use crate::terminal::Terminal;

pub fn runs(asked: &arguments::Runs, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store()?;
    let mut labels = BTreeMap::new();
    for label in &asked.labels {
        let (name, value) = split("--label", label)?;
        labels.insert(name.to_owned(), value.to_owned());
    }
    let status =
        asked.status.as_deref().map(|word| word.parse().expect("clap takes only the words of statuses"));
    let filter = RunFilter { status, pipeline: asked.pipeline.clone(), labels, limit: Some(asked.limit) };
    let rows = store.runs(&filter)?;
    if asked.json {
        rows.iter().for_each(|row| terminal.data(&format!("{}\n", record_of(row))));
    } else if rows.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "no runs"));
    } else {
        table_of(&rows, &terminal.out).iter().for_each(|line| terminal.data_line(line));
    }
    Ok(Exit::Good)
}

fn table_of(rows: &[RunRow], look: &Look) -> Vec<Line> {
    let mut table = Table::with_headings(&["run", "pipeline", "status", "started", "took", "cost", ""]);
    for row in rows {
        let took = duration(row.ended_at.unwrap_or(row.updated_at).since(row.started_at));
        let cost = if row.cost.is_zero() { String::new() } else { format!("${}", row.cost) };
        table.row([
            (Tone::Strong, row.id.short().to_owned()),
            (Tone::Plain, row.pipeline.clone()),
            (tone_of(row.status), status_in_words(row)),
            (Tone::Plain, local_time(row.started_at)),
            (Tone::Plain, took),
            (Tone::Plain, cost),
            (Tone::Dim, remark_of(row)),
        ]);
    }
    table.lines(look.width, &look.symbols)
}

fn status_in_words(row: &RunRow) -> String {
    let degraded = if row.degraded { ", degraded" } else { "" };
    format!("{}{degraded}", row.status.word())
}

/// The colour of a status.
pub fn tone_of(status: RunStatus) -> Tone {
    match status {
        RunStatus::Completed => Tone::Good,
        RunStatus::Failed => Tone::Bad,
        RunStatus::Running | RunStatus::Queued => Tone::Busy,
        RunStatus::Parked | RunStatus::Cancelled => Tone::Doubtful,
    }
}

fn remark_of(row: &RunRow) -> String {
    let mut parts: Vec<String> = row.user.iter().map(|user| format!("for {user}")).collect();
    parts.extend(row.labels.iter().map(|(name, value)| format!("{name}={value}")));
    if let (Some(step), Some(class)) = (&row.failed_step, &row.class) {
        parts.push(format!("{step}: {class}"));
    }
    parts.join(", ")
}

fn record_of(row: &RunRow) -> Json {
    json!({
        "run": row.id, "pipeline": row.pipeline, "plan": row.plan, "status": row.status.word(),
        "degraded": row.degraded, "user": row.user, "labels": row.labels, "cost": row.cost,
        "started_at": row.started_at.to_string(),
        "ended_at": row.ended_at.map(|at| at.to_string()),
        "updated_at": row.updated_at.to_string(),
        "failed_step": row.failed_step, "class": row.class,
    })
}
