//! `motet runs`: the runs of the store, newest first.

use motet::engine::ParkReason;
use motet::language::Span;
use motet::report::{Undecided, steps_looked_for, undecided_steps};
use motet::store::{RunFilter, RunRow, RunStatus, Store, World};
use serde_json::{Value as Json, json};

use crate::arguments;
use crate::exit::Exit;
use crate::follow::now;
use crate::inputs::labels;
use crate::problem::Problem;
use crate::project::{Project, SILENCE_MIN, Standing, typed_command};
use crate::render::line::{Line, Look, Tone};
use crate::render::money::dollars;
use crate::render::search::command_to_resolve;
use crate::render::table::Table;
use crate::render::words::{INTERRUPTED, count, duration, local_time, unreal_line};
use crate::score::shortage::command_to_fund;
use crate::terminal::Terminal;

pub fn runs(asked: &arguments::Runs, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store(terminal)?;
    let labels = labels(&asked.labels)?;
    let status =
        asked.status.as_deref().map(|word| word.parse().expect("clap takes only the words of statuses"));
    // One more than asked for tells whether there are more.
    let limit = Some(asked.limit.saturating_add(1));
    let filter = RunFilter { status, pipeline: asked.pipeline.clone(), labels, limit };
    let mut rows = store.runs(&filter)?;
    let are_more = rows.len() > asked.limit;
    rows.truncate(asked.limit);
    let standing = Standing::of(&store);
    let world = store.world()?;
    if asked.json {
        for row in &rows {
            let mut record = record_of(row, &standing, world);
            if is_driven(row, &standing) {
                record["outcome_unknown"] = json!(steps_looked_for(&store, row)?);
            }
            terminal.data(&format!("{record}\n"));
        }
        return Ok(Exit::Good);
    }
    if let Some(line) = unreal_line(world) {
        terminal.data_line(&line);
    }
    if rows.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "no runs"));
    } else {
        table_of(&rows, &store, &standing, &terminal.out)?.iter().for_each(|line| terminal.data_line(line));
    }
    let more = are_more.then(|| format!("there are more: {}", typed_command("runs --limit COUNT")));
    for line in more.into_iter().chain(resumption_of(&rows, &standing)) {
        terminal.note_line(&Line::of(Tone::Dim, line));
    }
    Ok(Exit::Good)
}

/// What resumes the interrupted runs.
fn resumption_of(rows: &[RunRow], standing: &Standing) -> Option<String> {
    let interrupted: Vec<&RunRow> = rows.iter().filter(|row| standing.is_interrupted(row)).collect();
    let words = match interrupted.as_slice() {
        [] => return None,
        [only] => format!("1 run is {INTERRUPTED}: {}", typed_command(format!("resume {}", only.id.short()))),
        several => format!("{} are {INTERRUPTED}: {}", count(several.len(), "run"), typed_command("resume")),
    };
    Some(words)
}

fn table_of(rows: &[RunRow], store: &Store, standing: &Standing, look: &Look) -> Result<Vec<Line>, Problem> {
    let mut table = Table::with_headings(&["run", "pipeline", "status", "started", "took", "cost", ""]);
    let now = now();
    for row in rows {
        let silent_since = standing.silent_since(row, now)?;
        let took = duration(standing.until(row, now)?.since(row.started_at));
        let silence = silent_since.map(|since| now.since(since)).filter(|it| *it > SILENCE_MIN);
        let cost = if row.cost.is_zero() { String::new() } else { dollars(row.cost) };
        table.row([
            (Tone::Strong, row.id.short().to_owned()),
            (Tone::Plain, row.pipeline.clone()),
            if standing.is_interrupted(row) {
                (Tone::Doubtful, INTERRUPTED.to_owned())
            } else {
                (tone_of(row.status), status_in_words(row))
            },
            (Tone::Plain, local_time(row.started_at)),
            (Tone::Plain, took),
            (Tone::Plain, cost),
            (Tone::Dim, remark_of(row, undecided_in(row, store, standing)?, silence)),
        ]);
    }
    Ok(table.lines(look.cut_at(), &look.symbols))
}

fn status_in_words(row: &RunRow) -> String {
    let degraded = if row.degraded { ", degraded" } else { "" };
    format!("{}{degraded}", row.status.word())
}

/// The colour of a status.
fn tone_of(status: RunStatus) -> Tone {
    match status {
        RunStatus::Completed => Tone::Good,
        RunStatus::Failed => Tone::Bad,
        RunStatus::Running | RunStatus::Queued => Tone::Busy,
        RunStatus::Parked | RunStatus::Cancelled => Tone::Doubtful,
    }
}

/// Whether a process drives the run.
fn is_driven(row: &RunRow, standing: &Standing) -> bool {
    row.status == RunStatus::Running && !standing.is_interrupted(row)
}

/// What somebody may decide in a run, and the command that does.
fn undecided_in(row: &RunRow, store: &Store, standing: &Standing) -> Result<Option<String>, Problem> {
    if !is_driven(row, standing) {
        return parked_for(row, store);
    }
    let undecided = undecided_steps(store, row)?;
    Ok(first_decision(row, &undecided).map(|command| match undecided.len() {
        1 => format!("outcome unknown: {command}"),
        several => format!("outcome of {several} calls unknown: {command}"),
    }))
}

/// Why a run is parked, and the command that decides about it.
fn parked_for(row: &RunRow, store: &Store) -> Result<Option<String>, Problem> {
    if row.status != RunStatus::Parked {
        return Ok(None);
    }
    if row.message.as_deref() == Some(ParkReason::Budget.word()) {
        return Ok(Some(format!("{}: {}", ParkReason::Budget.word(), command_to_fund(store, &row.id))));
    }
    let command = first_decision(row, &undecided_steps(store, row)?);
    let command = command.unwrap_or_else(|| typed_command(format!("show {}", row.id.short())));
    Ok(Some(format!("{}: {command}", row.message.as_deref().unwrap_or_default())))
}

/// The command that decides about the first of these.
fn first_decision(row: &RunRow, undecided: &[Undecided]) -> Option<String> {
    let first = undecided.first()?;
    Some(command_to_resolve(&row.id, &first.step, first.may_name_job))
}

fn remark_of(row: &RunRow, parked: Option<String>, silence: Option<Span>) -> String {
    let mut parts: Vec<String> = row.user.iter().map(|user| format!("for {user}")).collect();
    parts.extend(row.labels.iter().map(|(name, value)| format!("{name}={value}")));
    if let (Some(step), Some(class)) = (&row.failed_step, &row.class) {
        parts.push(format!("{step}: {class}"));
    }
    parts.extend(parked);
    parts.extend(silence.map(|silence| format!("last heard from {} ago", duration(silence))));
    parts.join(", ")
}

fn record_of(row: &RunRow, standing: &Standing, world: Option<World>) -> Json {
    json!({
        "run": row.id, "pipeline": row.pipeline, "plan": row.plan, "status": row.status.word(),
        "interrupted": standing.is_interrupted(row), "degraded": row.degraded, "user": row.user, "labels": row.labels, "cost": row.cost,
        "world": world.map(World::word),
        "started_at": row.started_at.to_string(),
        "ended_at": row.ended_at.map(|at| at.to_string()),
        "updated_at": row.updated_at.to_string(),
        "failed_step": row.failed_step, "class": row.class,
        "parked_for": row.message.as_ref().filter(|_| row.status == RunStatus::Parked),
    })
}
