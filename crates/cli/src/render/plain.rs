//! Plain lines: one for each thing that happens, where there is no terminal to redraw.

use motet::language::{Span, StepPath};
use motet::report::{Detail, PublicEvent, RunRecord};
use serde_json::Value as Json;

use super::line::{Line, Look, Tone};
use super::progress::tally;
use super::search::LookedFor;
use super::words::{clock, count, duration, output};

/// The line for an event, if it is worth one.
pub fn line(event: &PublicEvent, record: &RunRecord, look: &Look) -> Option<Line> {
    let symbols = &look.symbols;
    let detail = |name: &str| event.details.get(name).and_then(Detail::as_plain);
    let text = |name: &str| detail(name).and_then(Json::as_str).unwrap_or_default();
    let step = |words: String| format!("{}   {words}", event.step.as_ref().map_or("", StepPath::as_str));
    let (tone, symbol, words) = match event.name {
        "run.started" => return Some(heading(record)),
        "run.resumed" => (Tone::Busy, symbols.busy, taken_up_again(event)),
        "run.cancelling" => (Tone::Doubtful, symbols.skipped, format!("cancelling: {}", text("reason"))),
        "run.closing" => {
            (Tone::Doubtful, symbols.waiting, closing(text("status"), detail("undo") == Some(&true.into())))
        }
        "run.undone" => {
            let stuck = detail("stuck").and_then(Json::as_u64).unwrap_or_default();
            let tone = if stuck == 0 { Tone::Good } else { Tone::Doubtful };
            (tone, symbols.done, undone(detail("undone").and_then(Json::as_u64).unwrap_or_default(), stuck))
        }
        "step.started" => (Tone::Busy, symbols.busy, step(format!("{}{}", text("operation"), again(event)))),
        "step.expanded" => (Tone::Busy, symbols.busy, step(count(items(event, record)?, "item"))),
        "step.completed" => (Tone::Good, symbols.done, step(result(event, record, look)?)),
        "attempt.failed" => {
            let attempt = event.attempt.unwrap_or(1);
            let words = format!("attempt {attempt} failed, {}: {}", text("class"), text("message"));
            (Tone::Doubtful, symbols.failed, step(words))
        }
        "step.retrying" => {
            (Tone::Doubtful, symbols.waiting, step(format!("tries again: {}", text("reason"))))
        }
        "step.parked" => (Tone::Doubtful, symbols.waiting, step(format!("parked: {}", text("message")))),
        "step.resolved" => (Tone::Busy, symbols.busy, step(format!("decided by {}", text("by")))),
        "attempt.doubted" => {
            (Tone::Doubtful, symbols.waiting, step(LookedFor::at(record, event.step.as_ref()?)?.in_full()))
        }
        "attempt.warning" => (Tone::Doubtful, symbols.waiting, step(format!("warning: {}", text("message")))),
        "step.fallback" => {
            (Tone::Doubtful, symbols.waiting, step(format!("next target: {}", text("reason"))))
        }
        "step.sleeping" => (Tone::Dim, symbols.waiting, step(sleeps(event, record)?)),
        "step.failed" => {
            let tolerated = if detail("tolerated") == Some(&true.into()) { ", tolerated" } else { "" };
            let words = format!("failed{tolerated}, {}: {}", text("class"), text("message"));
            (Tone::Bad, symbols.failed, step(words))
        }
        "step.skipped" => (Tone::Dim, symbols.skipped, step(format!("skipped: {}", text("reason")))),
        "step.cancelled" => (Tone::Dim, symbols.skipped, step(format!("cancelled: {}", text("reason")))),
        _ => return None,
    };
    Some(timed(record, tone, symbol, words))
}

/// A line for each call that is looked for because no process was there to receive its reply.
pub fn search_lines(record: &RunRecord, look: &Look) -> Vec<Line> {
    let line = |call: LookedFor| {
        let words = format!("{}   {}", call.step(), call.in_full());
        timed(record, Tone::Doubtful, look.symbols.waiting, words)
    };
    LookedFor::of(record).map(line).collect()
}

/// `00:12  ● shots   31 of 40   2 running, 1 failed`
pub fn items_line(path: &StepPath, record: &RunRecord, look: &Look) -> Option<Line> {
    let tally = record.tally(path)?;
    let under_way = tally::under_way(&tally, record.updated_at);
    let words = format!("{path}   {} of {}   {under_way}", tally.over(), tally.total);
    Some(timed(record, Tone::Busy, look.symbols.busy, words))
}

/// Says that more of what goes wrong in the items of a step is counted only.
pub fn more_line(path: &StepPath, record: &RunRecord, look: &Look) -> Line {
    let words = format!("{path}   further failures here are only counted");
    timed(record, Tone::Doubtful, look.symbols.more, words)
}

fn closing(status: &str, undoes: bool) -> String {
    let follows = if undoes { "what was done is undone" } else { "what always runs follows" };
    format!("{status}: {follows}")
}

/// `undone: 3 steps, 1 could not be`
fn undone(undone: u64, stuck: u64) -> String {
    let steps = count(usize::try_from(undone).unwrap_or(usize::MAX), "step");
    match stuck {
        0 => format!("undone: {steps}"),
        stuck => format!("undone: {steps}, {stuck} could not be"),
    }
}

/// The same of a run that is over, if something of it was undone.
pub fn undone_line(record: &RunRecord) -> Option<Line> {
    let (done, stuck) = record.undone?;
    Some(Line::of(Tone::Dim, format!("  {}", undone(done.into(), stuck.into()))))
}

fn timed(record: &RunRecord, tone: Tone, symbol: &str, words: String) -> Line {
    let at = clock(record.updated_at.since(record.started_at));
    Line::of(Tone::Dim, format!("{at}  ")).then(tone, symbol).plain(" ").plain(words)
}

fn heading(record: &RunRecord) -> Line {
    let steps = count(record.order.len(), "step");
    Line::of(Tone::Strong, &record.pipeline).plain(format!("   run {}   {steps}", record.run.short()))
}

fn taken_up_again(event: &PublicEvent) -> String {
    match event.details.get("away_ms").and_then(Detail::as_plain).and_then(Json::as_u64) {
        Some(away) => format!("resumed: nothing ran for {}", duration(Span(away))),
        None => "resumed".to_owned(),
    }
}

fn again(event: &PublicEvent) -> String {
    event
        .attempt
        .filter(|attempt| *attempt > 1)
        .map_or(String::new(), |attempt| format!(", attempt {attempt}"))
}

fn items(event: &PublicEvent, record: &RunRecord) -> Option<usize> {
    record.step(event.step.as_ref()?)?.items.as_ref().map(|items| items.total)
}

fn result(event: &PublicEvent, record: &RunRecord, look: &Look) -> Option<String> {
    let path = event.step.as_ref()?;
    let step = record.step(path)?;
    let took = step.duration().map_or(String::new(), duration);
    let gave = match (record.tally(path), &step.output) {
        (Some(tally), _) => tally::result(&tally),
        (None, Some(value)) => output(value, look.symbols.times),
        (None, None) => String::new(),
    };
    Some(format!("{took}   {gave}"))
}

fn sleeps(event: &PublicEvent, record: &RunRecord) -> Option<String> {
    let wakes_at = record.step(event.step.as_ref()?)?.wakes_at?;
    Some(format!("sleeps for {}", duration(wakes_at.since(record.updated_at))))
}
