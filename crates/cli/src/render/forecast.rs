//! A forecast in words: what a run that continues from another would keep, do and cost.

use motet::engine::{Prospect, Why};
use motet::language::estimate::Spread;
use motet::{Forecast, StepForecast};
use serde_json::{Value as Json, json};

use super::line::{Line, Look, Tone};
use super::money::{dollars, range};
use super::table::Table;
use super::words::count;

/// Steps with the same prospect, of which items are one row.
struct Row {
    step: String,
    items: usize,
    tone: Tone,
    words: String,
    spend: Spread,
    unpriced: bool,
}

/// The whole forecast for people: a line a step, with its items together where the same becomes of them.
pub fn lines(name: &str, forecast: &Forecast, look: &Look) -> Vec<Line> {
    let head = Line::of(Tone::Strong, name).plain(format!(" against run {}", forecast.run.short()));
    let mut table = Table::default();
    for row in rows(forecast) {
        let items = if row.items == 0 { String::new() } else { count(row.items, "item") };
        let cost = match (row.unpriced, row.spend.is_nothing()) {
            (true, _) => "price unknown".to_owned(),
            (false, true) => String::new(),
            (false, false) => range(&row.spend),
        };
        table.row([
            (Tone::Strong, row.step),
            (Tone::Plain, items),
            (row.tone, row.words),
            (Tone::Plain, cost),
        ]);
    }
    let mut lines = vec![head];
    lines.extend(table.lines(look.cut_at(), &look.symbols));
    lines.push(Line::of(Tone::Plain, sum(forecast)));
    lines
}

fn sum(forecast: &Forecast) -> String {
    let unknown = if forecast.unpriced().next().is_some() { ", and more that nobody knows" } else { "" };
    let spend = if forecast.spend.is_nothing() { "nothing".to_owned() } else { range(&forecast.spend) };
    format!("reused: worth {}; to spend: {spend}{unknown}", dollars(forecast.saved))
}

fn rows(forecast: &Forecast) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for step in &forecast.steps {
        let (name, (tone, words)) = (step.step.without_keys(), in_words(&step.prospect));
        let items = usize::from(step.step.is_in_items());
        let alike = rows.iter_mut().find(|row| row.step == name && row.words == words);
        match alike {
            Some(row) => {
                row.items += items;
                row.spend = row.spend.and(step.spend);
                row.unpriced |= step.unpriced.is_some();
            }
            None => {
                let (spend, unpriced) = (step.spend, step.unpriced.is_some());
                rows.push(Row { step: name, items, tone, words, spend, unpriced });
            }
        }
    }
    // All that becomes of the items of a step stands together.
    let first = |name: &str| rows.iter().position(|row| row.step == name);
    let places: Vec<Option<usize>> = rows.iter().map(|row| first(&row.step)).collect();
    let mut placed: Vec<(Option<usize>, Row)> = places.into_iter().zip(rows).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row).collect()
}

fn in_words(prospect: &Prospect) -> (Tone, String) {
    match prospect {
        Prospect::Reused(from) => (Tone::Good, format!("reused from {}", from.run.short())),
        Prospect::Runs { why, .. } => (Tone::Busy, format!("runs: {}", why_in_words(why))),
        Prospect::DependsOn(steps) => {
            let names: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
            (Tone::Plain, format!("depends on {}", listed(&names)))
        }
        Prospect::Evaluated => (Tone::Dim, "evaluated at once".to_owned()),
        Prospect::Ends(status) => (Tone::Doubtful, format!("is {}", status.word())),
    }
}

fn why_in_words(why: &Why) -> String {
    match why {
        Why::New => "it never ran".to_owned(),
        Why::Asked => "it is to be done again".to_owned(),
        Why::Operation { from, to } => format!("its operation changed from {from} to {to}"),
        Why::Version => "the version of its operation changed".to_owned(),
        Why::Inputs(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("its input{} {} changed", if names.len() == 1 { "" } else { "s" }, listed(&names))
        }
        Why::Failed => "it failed".to_owned(),
        Why::Cancelled => "it was cancelled".to_owned(),
        Why::Unfinished => "it did not finish".to_owned(),
        Why::BytesGone => "its bytes are gone".to_owned(),
        Why::Check => "its result doesn't pass its checks".to_owned(),
    }
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "what is before it".to_owned(),
    }
}

/// The same for programs.
pub fn json(name: &str, forecast: &Forecast) -> Json {
    let steps: Vec<Json> = forecast.steps.iter().map(step_json).collect();
    json!({
        "pipeline": name, "against": forecast.run, "steps": steps, "saved": forecast.saved,
        "spend": spread_json(&forecast.spend),
    })
}

fn step_json(step: &StepForecast) -> Json {
    let mut told = json!({
        "step": step.step, "state": state(&step.prospect), "spend": spread_json(&step.spend),
        "reason": in_words(&step.prospect).1,
    });
    match &step.prospect {
        Prospect::Reused(from) => {
            told["run"] = json!(from.run);
            told["saved"] = json!(from.cost);
        }
        Prospect::DependsOn(steps) => told["depends_on"] = json!(steps),
        _ => {}
    }
    if let Some(operation) = &step.unpriced {
        told["unpriced"] = json!(operation);
    }
    told
}

/// Whether there is a result and it is still right: `current`, `stale` or `missing`. Nothing where that is known only
/// later. What can't be read is an error beforehand.
fn state(prospect: &Prospect) -> Option<&'static str> {
    match prospect {
        Prospect::Reused(_) => Some("current"),
        Prospect::Runs { why, .. } => Some(match why {
            Why::New | Why::Failed | Why::Cancelled | Why::Unfinished | Why::BytesGone => "missing",
            Why::Asked | Why::Operation { .. } | Why::Version | Why::Inputs(_) | Why::Check => "stale",
        }),
        Prospect::DependsOn(_) | Prospect::Evaluated | Prospect::Ends(_) => None,
    }
}

fn spread_json(spread: &Spread) -> Json {
    json!({ "low": spread.low, "likely": spread.likely, "high": spread.high })
}
