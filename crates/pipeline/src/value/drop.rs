//! Dropping values that lie so deep that the stack wouldn't do.

use std::sync::Arc;

use super::Value;

/// Up to this depth parts are dropped by those that hold them.
pub(super) const LIES_DEEP: u64 = super::DEPTH_MAX as u64;

/// Drops `parts` and all that only they hold, one after the other.
pub(super) fn take_apart(mut parts: Vec<Value>) {
    while let Some(part) = parts.pop() {
        match part {
            Value::List(list) => {
                if let Some(mut list) = Arc::into_inner(list) {
                    parts.append(&mut list.items);
                }
            }
            Value::Map(map) => {
                if let Some(mut map) = Arc::into_inner(map) {
                    parts.extend(std::mem::take(&mut map.entries).into_iter().map(|(_, value)| value));
                }
            }
            Value::Absent
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Media(_) => {}
        }
    }
}
