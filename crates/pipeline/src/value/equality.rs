//! Whether two values are the same, without a walk through what they share.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Value;
use super::weight::Weight;

/// Pairs that weigh less are compared again wherever they stand: that is cheaper than to remember them.
const REMEMBERED_UNITS_MIN: u64 = 1024;

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Absent, Value::Absent) | (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Number(one), Value::Number(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::Media(one), Value::Media(other)) => one == other,
            (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => are_equal(self, other),
            _ => false,
        }
    }
}

/// Compares lists and objects pair by pair, on the heap: they may lie deep. A heavy pair is compared
/// once, however often it is held.
fn are_equal(one: &Value, other: &Value) -> bool {
    let mut compared = BTreeSet::new();
    let mut open = vec![(one, other)];
    while let Some((one, other)) = open.pop() {
        let (address, same) = match (one, other) {
            (Value::List(one), Value::List(other)) => {
                ((Arc::as_ptr(one).addr(), Arc::as_ptr(other).addr()), Arc::ptr_eq(one, other))
            }
            (Value::Map(one), Value::Map(other)) => {
                ((Arc::as_ptr(one).addr(), Arc::as_ptr(other).addr()), Arc::ptr_eq(one, other))
            }
            (one, other) if one == other => continue,
            _ => return false,
        };
        let weight = Weight::of(one);
        if weight != Weight::of(other) {
            return false;
        }
        if same || (weight.units() >= REMEMBERED_UNITS_MIN && !compared.insert(address)) {
            continue;
        }
        match (one, other) {
            (Value::List(one), Value::List(other)) if one.len() == other.len() => {
                open.extend(one.iter().zip(other.iter()));
            }
            (Value::Map(one), Value::Map(other)) if one.keys().eq(other.keys()) => {
                open.extend(one.values().zip(other.values()));
            }
            _ => return false,
        }
    }
    true
}
