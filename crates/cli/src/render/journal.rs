//! The journal: every event with its time.

use motet::language::StepPath;
use motet::report::PublicEvent;
use serde_json::Value as Json;

use super::line::{Line, Tone};

/// A line for each event that is kept; `run.progress` is made from others and left out.
pub fn lines(events: &[PublicEvent]) -> Vec<Line> {
    events.iter().filter(|event| event.name != "run.progress").map(line).collect()
}

fn line(event: &PublicEvent) -> Line {
    let clock = event.at.get(11..23).unwrap_or(&event.at);
    let turn = event.turn.map_or(String::new(), |turn| turn.to_string());
    let mut line = Line::of(Tone::Dim, format!("{turn:>4}  {clock}  "))
        .then(tone_of(event.name), format!("{:<18}", event.name))
        .plain(format!("  {}", event.step.as_ref().map_or("", StepPath::as_str)));
    if let Some(attempt) = event.attempt {
        line = line.then(Tone::Dim, format!(" #{attempt}"));
    }
    let details: Vec<String> = event
        .details
        .iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| format!("{name}={}", shown(value)))
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

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty() || text == "0",
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

const VALUE_CHARACTERS_MAX: usize = 80;

fn shown(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
