//! `motet providers`: which there are, where their keys are, what each may do, and what holds it up.

use motet::engine::dispatcher::{GateEvent, PoolState};
use motet::language::{Money, Timestamp};
use motet::settings::{KeyState, OpenBreaker, ProviderState};
use motet::store::{GateStream, Store};
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
    let store = project.history();
    let gate = store.as_ref().map(Store::gate).transpose()?.unwrap_or_default();
    let open = store.as_ref().map(Store::open_calls).transpose()?.unwrap_or_default();
    let states = project.settings.provider_states(&gate, &open, now());
    if asked.json {
        states.iter().for_each(|state| terminal.data(&format!("{}\n", record_of(state))));
        return Ok(Exit::Good);
    }
    unreal_line(project.world()).iter().for_each(|line| terminal.data_line(line));
    let mut table = Table::with_headings(&["provider", "key", "limits", "in use", "last failure", "held up"]);
    states.iter().for_each(|state| add_rows(state, &mut table));
    terminal.data_table(&table);
    if let Some(reserved) = reserved(&gate) {
        terminal.data_line(&Line::of(Tone::Dim, format!("  {reserved}")));
    }
    Ok(Exit::Good)
}

/// A row for each key; what holds for the whole provider stands in the first.
fn add_rows(state: &ProviderState, table: &mut Table) {
    let breaker = state.breaker.map(|breaker| breaker_in_words(&breaker, now()));
    if state.keys.is_empty() {
        let nothing = || (Tone::Plain, String::new());
        let (name, held) =
            ((Tone::Strong, state.provider.clone()), (Tone::Doubtful, breaker.unwrap_or_default()));
        return table.row([
            name,
            (Tone::Plain, "needs none".to_owned()),
            nothing(),
            nothing(),
            nothing(),
            held,
        ]);
    }
    for (index, key) in state.keys.iter().enumerate() {
        let is_first = index == 0;
        let closed =
            key.limits.closed_until.map(|until| format!("asked to wait until {}", local_time(until)));
        let held: Vec<String> = breaker.clone().filter(|_| is_first).into_iter().chain(closed).collect();
        table.row([
            (Tone::Strong, if is_first { state.provider.clone() } else { String::new() }),
            (Tone::Plain, key_in_words(key)),
            (Tone::Plain, limits_in_words(&key.limits)),
            (Tone::Plain, if key.in_use == 0 { String::new() } else { key.in_use.to_string() }),
            (Tone::Plain, failure_in_words(key)),
            (Tone::Doubtful, held.join("; ")),
        ]);
    }
}

fn key_in_words(key: &KeyState) -> String {
    format!("{}{}", key.key.name, if key.key.is_there { "" } else { " (not there)" })
}

/// `2 at once, 600/1m`
fn limits_in_words(limits: &PoolState) -> String {
    let slots = limits.slots.map(|slots| format!("{slots} at once"));
    let rate = limits.rate.map(|rate| rate.to_string());
    slots.into_iter().chain(rate).collect::<Vec<_>>().join(", ")
}

fn failure_in_words(key: &KeyState) -> String {
    key.last_failure.map_or_else(String::new, |(class, at)| format!("{class}, {}", local_time(at)))
}

fn breaker_in_words(breaker: &OpenBreaker, now: Timestamp) -> String {
    let since = local_time(breaker.since);
    match breaker.next_try_at > now {
        true => {
            format!("failed too often, paused since {since}, next try at {}", local_time(breaker.next_try_at))
        }
        false => format!("failed too often, paused since {since}, the next call tries it"),
    }
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

fn record_of(state: &ProviderState) -> Json {
    let breaker = state.breaker.map(|breaker| json!({ "since": breaker.since.to_string(), "next_try_at": breaker.next_try_at.to_string() }));
    json!({
        "provider": state.provider,
        "breaker": breaker,
        "keys": state.keys.iter().map(record_of_key).collect::<Vec<_>>(),
    })
}

fn record_of_key(key: &KeyState) -> Json {
    let KeyState { key, limits, in_use, last_failure } = key;
    json!({
        "name": key.name, "source": key.source.to_string(), "is_there": key.is_there,
        "slots": limits.slots, "rate": limits.rate.map(|rate| rate.to_string()),
        "in_use": in_use, "closed_until": limits.closed_until.map(|until| until.to_string()),
        "last_failure": last_failure.map(|(class, at)| json!({ "class": class, "at": at.to_string() })),
    })
}
