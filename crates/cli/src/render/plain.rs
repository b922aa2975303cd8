//! Plain lines: one for each thing that happens, where there is no terminal to redraw.

use motet::language::{Span, StepPath};
use motet::report::{PublicEvent, RunRecord};

use super::line::{Line, Look, Tone};
use super::words::{clock, count, duration, output};

/// The line for an event, if it is worth one.
pub fn line(event: &PublicEvent, record: &RunRecord, look: &Look) -> Option<Line> {
    let symbols = &look.symbols;
    let at = clock(record.updated_at.since(record.started_at));
    let begin =
        |tone: Tone, symbol: &str| Line::of(Tone::Dim, format!("{at}  ")).then(tone, symbol).plain(" ");
    let text = |name: &str| event.details.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let line = match event.name {
        "run.started" => {
            let steps = count(record.order.len(), "step");
            return Some(
                Line::of(Tone::Strong, &record.pipeline)
                    .plain(format!("   run {}   {steps}", record.run.short())),
            );
        }
        "run.resumed" => {
            let away = event.details.get("away_ms").and_then(|away| away.as_u64()).unwrap_or_default();
            begin(Tone::Busy, symbols.busy)
                .plain(format!("taken up again: nobody worked on it for {}", duration(Span(away))))
        }
        "run.cancelling" => {
            begin(Tone::Doubtful, symbols.skipped).plain(format!("cancelling: {}", text("reason")))
        }
        "step.started" => begin(Tone::Busy, symbols.busy)
            .plain(format!("{}   {}", name_of(event), text("operation")))
            .plain(
                event
                    .attempt
                    .filter(|attempt| *attempt > 1)
                    .map_or(String::new(), |n| format!(", attempt {n}")),
            ),
        "step.expanded" => {
            let items = event.details.get("items").and_then(|items| items.as_array()).map_or(0, Vec::len);
            begin(Tone::Busy, symbols.busy).plain(format!("{}   {}", name_of(event), count(items, "item")))
        }
        "step.completed" => {
            let step = record.step(event.step.as_ref()?)?;
            let took = step.duration().map_or(String::new(), duration);
            let gave = step.output.as_ref().map_or(String::new(), |value| output(value, symbols.times));
            begin(Tone::Good, symbols.done).plain(format!("{}   {took}   {gave}", name_of(event)))
        }
        "attempt.failed" => begin(Tone::Doubtful, symbols.failed).plain(format!(
            "{}   attempt {} failed, {}: {}",
            name_of(event),
            event.attempt.unwrap_or(1),
            text("class"),
            text("message")
        )),
        "step.retrying" => begin(Tone::Doubtful, symbols.waiting).plain(format!(
            "{}   tries again: {}",
            name_of(event),
            text("reason")
        )),
        "step.fallback" => begin(Tone::Doubtful, symbols.waiting).plain(format!(
            "{}   next target: {}",
            name_of(event),
            text("reason")
        )),
        "step.sleeping" => begin(Tone::Dim, symbols.waiting).plain(format!(
            "{}   sleeps until {}",
            name_of(event),
            text("until")
        )),
        "step.failed" => begin(Tone::Bad, symbols.failed).plain(format!(
            "{}   failed{}, {}: {}",
            name_of(event),
            if event.details.get("tolerated") == Some(&true.into()) { ", tolerated" } else { "" },
            text("class"),
            text("message")
        )),
        "step.skipped" => begin(Tone::Dim, symbols.skipped).plain(format!(
            "{}   skipped: {}",
            name_of(event),
            text("reason")
        )),
        "step.cancelled" => begin(Tone::Dim, symbols.skipped).plain(format!(
            "{}   cancelled: {}",
            name_of(event),
            text("reason")
        )),
        _ => return None,
    };
    Some(line)
}

fn name_of(event: &PublicEvent) -> &str {
    event.step.as_ref().map_or("", StepPath::as_str)
}
