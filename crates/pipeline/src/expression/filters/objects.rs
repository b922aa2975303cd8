//! Filters of objects.

use super::super::bounds::{Budget, Outcome, list, wrong};
use super::super::signature::Given;
use super::{lists, text_at};
use crate::Value;
use crate::value::Map;

fn of(value: &Value) -> Outcome<&Map> {
    match value {
        Value::Map(entries) => Ok(entries),
        other => wrong(format!("this needs an object, not {}", other.phrase())),
    }
}

pub(super) fn keys(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    list(of(&value)?.keys().map(|key| Value::from(key.as_str())).collect(), budget)
}

pub(super) fn values(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    list(of(&value)?.values().cloned().collect(), budget)
}

/// Pairs of key and value, by key.
pub(super) fn items(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    pairs(of(&value)?, budget)
}

/// Pairs of key and value, sorted by key, or with `by='value'` by value.
pub(super) fn dictsort(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let by = match text_at(given, 1, "dictsort")?.unwrap_or("key") {
        "key" => "0",
        "value" => "1",
        other => return wrong(format!("`dictsort` sorts by `key` or `value`, not by `{other}`")),
    };
    let pairs = pairs(of(&value)?, budget)?;
    let sort = [given.at(2).cloned(), given.at(0).cloned(), Some(Value::from(by))];
    lists::sort(pairs, &Given { named: sort.into(), rest: Vec::new() }, budget)
}

fn pairs(entries: &Map, budget: &mut Budget) -> Outcome<Value> {
    budget.list(entries.len())?;
    let present = entries.iter().filter(|(_, value)| !value.is_absent());
    let pairs = present.map(|(key, value)| Value::list(vec![Value::from(key.as_str()), value.clone()]));
    list(pairs.collect(), budget)
}
