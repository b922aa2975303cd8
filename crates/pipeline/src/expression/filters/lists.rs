//! Filters of lists.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::Context;
use super::super::bounds::{Budget, LIST_ITEMS_MAX, Outcome, list as paid, rearranged, runaway, wrong};
use super::super::lookup::{self, Found};
use super::super::operators::{Numeric, arithmetic, is_true, order};
use super::super::predicates;
use super::super::print;
use super::super::program::Operator;
use super::super::signature::Given;
use super::{count, find, text_at};
use crate::Value;
use crate::value::List;

/// The items to work on. Of an object these are its keys, of what is absent there are none.
fn of(value: &Value, budget: &mut Budget) -> Outcome<Arc<List>> {
    match value {
        Value::List(items) => {
            budget.list(items.len())?;
            Ok(Arc::clone(items))
        }
        Value::Map(entries) => {
            budget.list(entries.len())?;
            Ok(Arc::new(entries.keys().map(|key| Value::from(key.as_str())).collect()))
        }
        Value::Absent => Ok(Arc::default()),
        other => wrong(format!("this needs a list, not {}", other.phrase())),
    }
}

pub(super) fn length(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    let length = match &value {
        Value::Absent => 0,
        Value::Text(text) => {
            budget.read(text.len())?;
            text.chars().count()
        }
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return wrong(format!("{} has no length", other.phrase())),
    };
    Ok(Value::from(length))
}

/// The first item, the first character; of nothing it is absent.
pub(super) fn first(value: Value, _: &Given, _: &mut Budget) -> Outcome<Value> {
    Ok(match &value {
        Value::Text(text) => {
            text.chars().next().map_or(Value::Absent, |first| Value::from(first.to_string()))
        }
        Value::List(items) => items.first().cloned().unwrap_or(Value::Absent),
        other => return wrong(format!("{} has no first item", other.phrase())),
    })
}

/// The last item, the last character; of nothing it is absent.
pub(super) fn last(value: Value, _: &Given, _: &mut Budget) -> Outcome<Value> {
    Ok(match &value {
        Value::Text(text) => {
            text.chars().next_back().map_or(Value::Absent, |last| Value::from(last.to_string()))
        }
        Value::List(items) => items.last().cloned().unwrap_or(Value::Absent),
        other => return wrong(format!("{} has no last item", other.phrase())),
    })
}

pub(super) fn list(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    if let Value::Text(text) = &value {
        budget.list(text.chars().count())?;
        return paid(text.chars().map(|character| Value::from(character.to_string())).collect(), budget);
    }
    match of(&value, budget)? {
        items if matches!(value, Value::List(_)) && !items.iter().any(Value::is_absent) => Ok(value),
        items => Ok(Value::list(items.iter().filter(|item| !item.is_absent()).cloned().collect())),
    }
}

/// The items as text, one after the other; absent ones are left out.
pub(super) fn join(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let separator = text_at(given, 0, "join")?.unwrap_or_default();
    let attribute = text_at(given, 1, "join")?;
    let mut out = String::new();
    let mut first = true;
    for item in of(&value, budget)?.iter() {
        let item = part(item, attribute, budget)?;
        if item.is_absent() {
            continue;
        }
        if !std::mem::take(&mut first) {
            print::append(separator, &mut out, budget)?;
        }
        print::print(&item, &mut out, budget)?;
    }
    Ok(Value::from(out))
}

/// The item itself, or what it has at `attribute`.
fn part(item: &Value, attribute: Option<&str>, budget: &mut Budget) -> Outcome<Value> {
    let Some(attribute) = attribute else { return Ok(item.clone()) };
    match lookup::attribute(item, attribute, budget)? {
        Found::Value(value) => Ok(value),
        Found::Missing(missing) => wrong(missing.message(&Context::default())),
    }
}

/// As [`part`]; what is missing is absent.
fn part_or_absent(item: &Value, attribute: Option<&str>, budget: &mut Budget) -> Outcome<Value> {
    let Some(attribute) = attribute else { return Ok(item.clone()) };
    match lookup::attribute(item, attribute, budget)? {
        Found::Value(value) => Ok(value),
        Found::Missing(_) => Ok(Value::Absent),
    }
}

/// `list | map('upper')`, `list | map(attribute='url')`, with `default=` for items that lack it.
pub(super) fn map(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let items = of(&value, budget)?;
    let mut mapped = Vec::new();
    if let Some(attribute) = text_at(given, 1, "map")? {
        for item in items.iter() {
            mapped.push(match given.at(2) {
                None => part(item, Some(attribute), budget)?,
                Some(default) => match part_or_absent(item, Some(attribute), budget)? {
                    Value::Absent => default.clone(),
                    value => value,
                },
            });
        }
        return paid(mapped, budget);
    }
    let Some(name) = text_at(given, 0, "map")? else {
        return wrong("`map` needs the name of a filter, or `attribute=`");
    };
    let Some(filter) = find(name) else { return wrong(format!("there is no filter `{name}`")) };
    let further = filter.signature.given(&given.rest)?;
    for item in items.iter() {
        budget.step()?;
        mapped.push(filter.call(item.clone(), &further, budget)?);
    }
    paid(mapped, budget)
}

pub(super) fn select(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    chosen(&value, None, text_at(given, 0, "select")?, &given.rest, true, budget)
}

pub(super) fn reject(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    chosen(&value, None, text_at(given, 0, "reject")?, &given.rest, false, budget)
}

pub(super) fn selectattr(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let attribute = text_at(given, 0, "selectattr")?;
    chosen(&value, attribute, text_at(given, 1, "selectattr")?, &given.rest, true, budget)
}

pub(super) fn rejectattr(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let attribute = text_at(given, 0, "rejectattr")?;
    chosen(&value, attribute, text_at(given, 1, "rejectattr")?, &given.rest, false, budget)
}

/// The items of which the test (or, without one, their truth) is as `wanted`.
fn chosen(
    value: &Value,
    attribute: Option<&str>,
    test: Option<&str>,
    rest: &[Value],
    wanted: bool,
    budget: &mut Budget,
) -> Outcome<Value> {
    let predicate = match test.map(|name| (name, predicates::find(name))) {
        None => None,
        Some((_, Some(predicate))) => Some((predicate, predicate.signature.given(rest)?)),
        Some((name, None)) => return wrong(format!("there is no test `{name}`")),
    };
    let mut kept = Vec::new();
    for item in of(value, budget)?.iter() {
        budget.step()?;
        let looked_at = part_or_absent(item, attribute, budget)?;
        let holds = match &predicate {
            Some((predicate, further)) => predicate.call(&looked_at, further, budget)?,
            None => is_true(&looked_at),
        };
        if holds == wanted && !item.is_absent() {
            kept.push(item.clone());
        }
    }
    rearranged(kept, budget)
}

pub(super) fn sort(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let reverse = given.at(0).is_some_and(is_true);
    let keyed = keyed(&value, given.at(1), text_at(given, 2, "sort")?, budget)?;
    let after = if reverse { Ordering::Less } else { Ordering::Greater };
    let sorted = sorted(keyed, after, budget)?;
    rearranged(sorted, budget)
}

/// Sorts by key: of two whose keys compare as `after`, the first comes after the second.
pub(in crate::expression) fn sorted(
    keyed: Vec<(Value, Value)>,
    after: Ordering,
    budget: &mut Budget,
) -> Outcome<Vec<Value>> {
    let sorted = merged(keyed, &mut |(first, _), (second, _)| Ok(order(first, second, budget)? == after))?;
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}

/// Sorts, and ends at the first two that can't be compared: a sort of the standard library would continue,
/// and may panic about an order that is none.
fn merged<T>(mut items: Vec<T>, is_after: &mut impl FnMut(&T, &T) -> Outcome<bool>) -> Outcome<Vec<T>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let second = items.split_off(items.len() / 2);
    let (first, second) = (merged(items, is_after)?, merged(second, is_after)?);
    let mut sorted = Vec::with_capacity(first.len() + second.len());
    let mut second = second.into_iter().peekable();
    for item in first {
        while let Some(other) = second.peek() {
            if !is_after(&item, other)? {
                break;
            }
            sorted.extend(second.next());
        }
        sorted.push(item);
    }
    sorted.extend(second);
    Ok(sorted)
}

/// The items, each with what it is compared by. Texts are compared without regard to case unless
/// `case_sensitive` is true.
fn keyed(
    value: &Value,
    case_sensitive: Option<&Value>,
    attribute: Option<&str>,
    budget: &mut Budget,
) -> Outcome<Vec<(Value, Value)>> {
    let mut keyed = Vec::new();
    for item in of(value, budget)?.iter().filter(|item| !item.is_absent()) {
        let key = folded(part(item, attribute, budget)?, case_sensitive, budget)?;
        keyed.push((key, item.clone()));
    }
    Ok(keyed)
}

/// What a value is compared by.
fn folded(value: Value, case_sensitive: Option<&Value>, budget: &mut Budget) -> Outcome<Value> {
    match value {
        Value::Text(text) if !case_sensitive.is_some_and(is_true) => {
            budget.text(text.len())?;
            Ok(Value::from(text.to_lowercase()))
        }
        value => Ok(value),
    }
}

/// Pairs of what items have at `attribute`, and a list of those that have it; sorted by the first. Texts that
/// differ only in case are the same unless `case_sensitive` is true: the first one stands for all.
pub(super) fn groupby(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let attribute = text_at(given, 0, "groupby")?;
    let mut entries = Vec::new();
    for item in of(&value, budget)?.iter().filter(|item| !item.is_absent()) {
        let key = match given.at(1) {
            None => part(item, attribute, budget)?,
            Some(default) => match part_or_absent(item, attribute, budget)? {
                Value::Absent => default.clone(),
                key => key,
            },
        };
        entries.push((folded(key.clone(), given.at(2), budget)?, key, item.clone()));
    }
    let entries = merged(entries, &mut |(first, ..), (second, ..)| {
        Ok(order(first, second, budget)? == Ordering::Greater)
    })?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (compared, key, item) in entries {
        match groups.last_mut() {
            Some((last, _, items)) if order(last, &compared, budget)? == Ordering::Equal => items.push(item),
            _ => groups.push((compared, key, vec![item])),
        }
    }
    budget.list(groups.len())?;
    paid(
        groups.into_iter().map(|(_, key, items)| Value::list(vec![key, Value::list(items)])).collect(),
        budget,
    )
}

/// Each item once, where it is first.
pub(super) fn unique(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for (key, item) in keyed(&value, given.at(0), text_at(given, 1, "unique")?, budget)? {
        budget.hold(&key)?;
        if seen.insert(identity(&key)) {
            kept.push(item);
        }
    }
    rearranged(kept, budget)
}

/// A text that equal values share: their JSON, in which `3.0` is `3`.
fn identity(value: &Value) -> String {
    match value {
        Value::Number(_) => match Numeric::of(value).and_then(Numeric::whole) {
            Some(whole) => whole.to_string(),
            None => value.to_json().to_string(),
        },
        Value::List(items) => items.iter().map(|item| identity(item) + ",").collect::<String>() + "]",
        other => serde_json::to_string(other).expect("a value is plain data"),
    }
}

pub(super) fn reverse(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    if let Value::Text(text) = &value {
        budget.text(text.len())?;
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let items = of(&value, budget)?;
    rearranged(items.iter().rev().filter(|item| !item.is_absent()).cloned().collect(), budget)
}

pub(super) fn sum(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let attribute = text_at(given, 0, "sum")?;
    let mut sum = given.at(1).cloned().unwrap_or(Value::from(0_i64));
    for item in of(&value, budget)?.iter() {
        let item = part(item, attribute, budget)?;
        if !item.is_absent() {
            sum = arithmetic(Operator::Add, sum, item, budget)?;
        }
    }
    Ok(sum)
}

pub(super) fn min(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let keyed = keyed(&value, given.at(0), text_at(given, 1, "min")?, budget)?;
    extreme(keyed, Ordering::Less, budget)
}

pub(super) fn max(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let keyed = keyed(&value, given.at(0), text_at(given, 1, "max")?, budget)?;
    extreme(keyed, Ordering::Greater, budget)
}

/// The first item that is before (or after) all others; of nothing it is absent.
fn extreme(keyed: Vec<(Value, Value)>, wanted: Ordering, budget: &mut Budget) -> Outcome<Value> {
    let mut best: Option<(Value, Value)> = None;
    for (key, item) in keyed.into_iter().filter(|(key, _)| !key.is_absent()) {
        let better = match &best {
            Some((least, _)) => order(&key, least, budget)? == wanted,
            None => true,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or(Value::Absent, |(_, item)| item))
}

/// One list of all items of the lists in a list.
pub(super) fn flatten(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    let mut flat = Vec::new();
    for item in of(&value, budget)?.iter() {
        match item {
            Value::List(items) => {
                budget.list(items.len())?;
                flat.extend(items.iter().cloned());
            }
            other => flat.push(other.clone()),
        }
        if flat.len() > LIST_ITEMS_MAX {
            return runaway(format!("this makes a list of more than {LIST_ITEMS_MAX} items"));
        }
    }
    paid(flat, budget)
}

/// Lists of `count` items each; the last may have fewer.
pub(super) fn batch(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let size = count(given, 0, "batch")?.unwrap_or(1);
    let items = of(&value, budget)?;
    let mut batches = Vec::new();
    for chunk in items.chunks(size) {
        let mut batch = chunk.to_vec();
        if let Some(fill) = given.at(1).filter(|_| chunk.len() < size) {
            budget.list(size)?;
            batch.resize(size, fill.clone());
        }
        batches.push(Value::list(batch));
    }
    paid(batches, budget)
}

/// `count` lists of about equal length.
pub(super) fn slice(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let slices = count(given, 0, "slice")?.unwrap_or(1);
    budget.list(slices)?;
    let items = of(&value, budget)?;
    let (share, longer) = (items.len() / slices, items.len() % slices);
    let mut rest: &[Value] = &items;
    let mut parts = Vec::new();
    for index in 0..slices {
        let (part, after) = rest.split_at(share + usize::from(index < longer));
        rest = after;
        let mut part = part.to_vec();
        if let Some(fill) = given.at(1).filter(|_| longer > 0 && index >= longer) {
            part.push(fill.clone());
        }
        parts.push(Value::list(part));
    }
    paid(parts, budget)
}
