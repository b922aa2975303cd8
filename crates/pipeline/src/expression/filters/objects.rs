//! Filters of objects.

use super::super::bounds::{Budget, Outcome, list, wrong};
use super::super::lookup::with_article;
use super::super::operators::is_true;
use super::super::signature::Given;
use crate::Value;
use crate::value::Map;

fn of(value: &Value) -> Outcome<&Map> {
    match value {
        Value::Map(entries) => Ok(entries),
        other => wrong(format!("this needs an object, not {}", with_article(other))),
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

/// As `items`; with `reverse=true` from the last key on.
pub(super) fn dictsort(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let pairs = pairs(of(&value)?, budget)?;
    if !given.at(0).is_some_and(is_true) {
        return Ok(pairs);
    }
    Ok(Value::list(pairs.as_list().unwrap_or_default().iter().rev().cloned().collect()))
}

fn pairs(entries: &Map, budget: &mut Budget) -> Outcome<Value> {
    budget.list(entries.len())?;
    let present = entries.iter().filter(|(_, value)| !value.is_absent());
    let pairs = present.map(|(key, value)| Value::list(vec![Value::from(key.as_str()), value.clone()]));
    list(pairs.collect(), budget)
}
