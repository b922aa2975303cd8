//! The journal: every event with its time.

use motet::language::StepPath;
use motet::report::{Detail, EndRecord, PublicEvent};
use serde_json::Value as Json;

use super::line::{Line, Tone};

/// The line of an event; `run.progress` is made from others and has none.
pub fn line(event: &PublicEvent) -> Option<Line> {
    (event.name != "run.progress").then(|| line_of(event))
}

/// The line for the end of the run, which is in its last turn.
pub fn end_line(end: &EndRecord, last_turn: u64) -> Line {
    let details = [
        end.failed_step.as_ref().map(|step| format!("step={step}")),
        end.reason.as_ref().map(|reason| format!("reason={reason}")),
        (!end.outputs.is_empty()).then(|| format!("outputs={}", end.outputs.beginning(VALUE_CHARACTERS_MAX))),
    ];
    let details: Vec<String> = details.into_iter().flatten().collect();
    beginning(Some(last_turn), &end.at, end.event).then(Tone::Dim, format!("  {}", details.join(" ")))
}

fn beginning(turn: Option<u64>, at: &str, name: &str) -> Line {
    let clock = at.get(11..23).unwrap_or(at);
    let turn = turn.map_or(String::new(), |turn| turn.to_string());
    Line::of(Tone::Dim, format!("{turn:>4}  {clock}  ")).then(tone_of(name), format!("{name:<18}"))
}

fn line_of(event: &PublicEvent) -> Line {
    let step = event.step.as_ref().map_or("", StepPath::as_str);
    let mut line = beginning(event.turn, &event.at, event.name).plain(format!("  {step}"));
    if let Some(attempt) = event.attempt {
        line = line.then(Tone::Dim, format!(" #{attempt}"));
    }
    let details: Vec<String> = event
        .details
        .iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| format!("{name}={}", value.beginning(VALUE_CHARACTERS_MAX)))
        .collect();
    line.then(Tone::Dim, format!("  {}", details.join(" ")))
}

fn tone_of(name: &str) -> Tone {
    match name.split_once('.').map_or("", |(_, what)| what) {
        "completed" | "succeeded" => Tone::Good,
        "failed" => Tone::Bad,
        "retrying" | "fallback" | "cancelled" | "cancelling" | "skipped" => Tone::Doubtful,
        _ => Tone::Plain,
    }
}

fn is_empty(detail: &Detail) -> bool {
    match detail {
        Detail::Value(value) => value.is_empty(),
        Detail::Plain(json) => match json {
            Json::Null | Json::Bool(false) => true,
            Json::String(text) => text.is_empty() || text == "0",
            Json::Array(items) => items.is_empty(),
            Json::Object(fields) => fields.is_empty(),
            _ => false,
        },
    }
}

const VALUE_CHARACTERS_MAX: usize = 80;
