//! Values without secrets, which share their parts as the values do that they are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motet_pipeline::Value;

use super::{MASKED, Mask, RECOGNISED_CHARACTERS_MIN};

/// Parts that weigh less are looked through wherever they stand: that is cheaper than to remember them.
const REMEMBERED_UNITS_MIN: u64 = 1024;

/// Masks values that live for `'v`. A heavy part is looked through once, however often it is held.
pub(super) struct Masking<'m, 'v> {
    mask: &'m Mask,
    /// What is shown instead of parts, by where they lie; nothing for those in which nothing is hidden.
    known: BTreeMap<usize, Option<Value>>,
    values: std::marker::PhantomData<&'v Value>,
}

impl<'m, 'v> Masking<'m, 'v> {
    pub(super) fn new(mask: &'m Mask) -> Masking<'m, 'v> {
        Masking { mask, known: BTreeMap::new(), values: std::marker::PhantomData }
    }

    /// `value` as it is shown: itself, if nothing in it is hidden.
    pub(super) fn shown(&mut self, value: &'v Value) -> Value {
        if !self.mask.hides_something() {
            return value.clone();
        }
        self.instead_of(value).unwrap_or_else(|| value.clone())
    }

    /// What is shown instead of `value`, if something in it is hidden.
    fn instead_of(&mut self, value: &'v Value) -> Option<Value> {
        let Some(place) = place_of(value) else { return self.look_through(value) };
        if let Some(known) = self.known.get(&place) {
            return known.clone();
        }
        let instead = self.look_through(value);
        self.known.insert(place, instead.clone());
        instead
    }

    fn look_through(&mut self, value: &'v Value) -> Option<Value> {
        match value {
            Value::Text(text) => self.mask.secrets.hide(text).map(Value::from),
            Value::Number(number) => {
                self.mask.secrets.contains(&number.to_string()).then(|| Value::from(MASKED))
            }
            Value::Media(artifact) => self.mask.hides(artifact).then(|| Value::from(MASKED)),
            Value::List(items) => {
                let shown: Vec<_> = items.iter().map(|item| self.instead_of(item)).collect();
                if shown.iter().all(Option::is_none) {
                    return None;
                }
                let shown = shown.into_iter().zip(items.iter());
                Some(Value::list(shown.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect()))
            }
            Value::Map(entries) => {
                let shown: Vec<_> = entries
                    .iter()
                    .map(|(name, value)| (self.mask.key(name), self.instead_of(value)))
                    .collect();
                let is_same = |((shown, new), name): (&(String, Option<Value>), &String)| {
                    new.is_none() && shown == name
                };
                if shown.iter().zip(entries.keys()).all(is_same) {
                    return None;
                }
                let shown = shown.into_iter().zip(entries.values());
                Some(Value::map(shown.map(|((name, new), old)| (name, new.unwrap_or_else(|| old.clone())))))
            }
            Value::Absent | Value::Null | Value::Bool(_) => None,
        }
    }
}

/// Where `value` lies in memory, if it is shared and weighs enough to be remembered.
fn place_of(value: &Value) -> Option<usize> {
    if value.units() < REMEMBERED_UNITS_MIN {
        return None;
    }
    match value {
        Value::Text(text) => Some(Arc::as_ptr(text).addr()),
        Value::List(items) => Some(Arc::as_ptr(items).addr()),
        Value::Map(entries) => Some(Arc::as_ptr(entries).addr()),
        _ => None,
    }
}

/// All that is in values and long enough to be recognised elsewhere.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) found: BTreeSet<String>,
    seen: BTreeSet<usize>,
}

impl Texts {
    /// Adds what is in `value`, which must live as long as others are added.
    pub(super) fn add(&mut self, value: &Value) {
        if place_of(value).is_some_and(|place| !self.seen.insert(place)) {
            return;
        }
        let text = match value {
            Value::Text(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Media(artifact) => artifact.digest.to_string(),
            Value::List(items) => return items.iter().for_each(|item| self.add(item)),
            Value::Map(entries) => return entries.values().for_each(|value| self.add(value)),
            Value::Absent | Value::Null | Value::Bool(_) => return,
        };
        if text.chars().count() >= RECOGNISED_CHARACTERS_MIN {
            self.found.insert(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `value` in a list that holds it twice, in another that holds that twice, and so on.
    fn doubled(times: usize, value: Value) -> Value {
        (0..times).fold(value, |value, _| Value::list(vec![value.clone(), value]))
    }

    #[test]
    fn a_value_that_holds_a_secret_a_billion_times_is_masked_part_by_part() {
        let mut mask = Mask::everything();
        mask.learn(&[("key".to_owned(), doubled(40, "hunter22".into()))].into());
        let shown = mask.value(&doubled(40, Value::map([("said", "my hunter22!".into())])));
        assert_eq!(shown, doubled(40, Value::map([("said", "my •••!".into())])));
    }

    #[test]
    fn where_nothing_is_hidden_the_value_stays_the_same_and_is_not_copied() {
        let mut mask = Mask::everything();
        mask.learn(&[("key".to_owned(), "hunter22".into())].into());
        let value = doubled(40, "harmless".into());
        let (Value::List(before), Value::List(after)) = (&value, &mask.value(&value)) else { panic!() };
        assert!(Arc::ptr_eq(before, after));
    }
}
