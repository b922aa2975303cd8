//! `motet providers`: which there are, where their keys are, and what holds them up.

use motet::engine::dispatcher::GateEvent;
use motet::language::Money;
use motet::providers::Registry;
use motet::store::GateStream;
use serde_json::{Value as Json, json};

use crate::arguments;
use crate::exit::Exit;
use crate::follow::now;
use crate::problem::Problem;
use crate::project::Project;
use crate::render::line::{Line, Tone};
use crate::render::money::dollars;
use crate::render::table::Table;
use crate::render::words::{count, local_time, unreal_line};
use crate::terminal::Terminal;

pub fn providers(asked: &arguments::Providers, terminal: &Terminal) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let gate = project.history().map(|store| store.gate()).transpose()?.unwrap_or_default();
    let registry = Registry::default();
    let records: Vec<Json> =
        registry.iter().map(|provider| record_of(&provider.profile().name, &project, &gate)).collect();
    if asked.json {
        records.iter().for_each(|record| terminal.data(&format!("{record}\n")));
        return Ok(Exit::Good);
    }
    unreal_line(project.world()).iter().for_each(|line| terminal.data_line(line));
    let mut table = Table::with_headings(&["provider", "keys", "held up"]);
    for record in &records {
        let keys = record["keys"].as_array().into_iter().flatten().map(|key| {
            let there = if key["is_there"] == true { "" } else { " (not there)" };
            format!("{}{there}", key["name"].as_str().unwrap_or_default())
        });
        let keys: Vec<String> = keys.collect();
        let held: Vec<&str> =
            record["held_up"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        table.row([
            (Tone::Strong, record["provider"].as_str().unwrap_or_default().to_owned()),
            (Tone::Plain, if keys.is_empty() { "needs none".to_owned() } else { keys.join(", ") }),
            (Tone::Doubtful, held.join("; ")),
        ]);
    }
    terminal.data_table(&table);
    if let Some(reserved) = reserved(&gate) {
        terminal.data_line(&Line::of(Tone::Dim, format!("  {reserved}")));
    }
    Ok(Exit::Good)
}

/// What keeps calls from a provider now.
fn held_up(gate: &GateStream, name: &str) -> Vec<String> {
    let open = |event: &GateEvent| match event {
        GateEvent::BreakerOpened { target, until } if **target == *name && *until > now() => {
            Some(format!("left alone until {} after many failures", local_time(*until)))
        }
        _ => None,
    };
    gate.entries.iter().filter_map(|entry| open(&entry.event)).collect()
}

/// What is reserved for attempts that are under way or unknown, at all providers.
fn reserved(gate: &GateStream) -> Option<String> {
    let amounts = gate.entries.iter().filter_map(|entry| match &entry.event {
        GateEvent::Reserved { amount, .. } => Some(*amount),
        _ => None,
    });
    let amounts: Vec<Money> = amounts.collect();
    let total: Money = amounts.iter().copied().sum();
    (!amounts.is_empty())
        .then(|| format!("{} reserved for {}", dollars(total), count(amounts.len(), "attempt")))
}

fn record_of(name: &str, project: &Project, gate: &GateStream) -> Json {
    let keys = project.settings.keys_of(name).into_iter();
    let keys: Vec<Json> = keys
        .map(|key| json!({ "name": key.name, "source": key.source.to_string(), "is_there": key.is_there }))
        .collect();
    json!({ "provider": name, "keys": keys, "held_up": held_up(gate, name) })
}
