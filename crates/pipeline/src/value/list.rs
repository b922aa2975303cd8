//! The items of a list.

use std::ops::Deref;

use super::Value;
use super::drop::{LIES_DEEP, take_apart};
use super::weight::Weight;

/// The items of a list value. They can't be changed, so what they weigh is known.
///
/// ```
/// use motet_pipeline::{Value, value::List};
/// let list = List::from(vec![Value::from(1_i64), Value::from(2_i64)]);
/// assert_eq!(list.len(), 2);
/// assert_eq!(list.last(), Some(&Value::from(2_i64)));
/// ```
#[derive(Clone)]
pub struct List {
    pub(super) items: Vec<Value>,
    weight: Weight,
}

impl List {
    pub(super) fn weight(&self) -> Weight {
        self.weight
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> List {
        let weight = items.iter().fold(Weight::EMPTY, |weight, item| weight.and(item, 0));
        List { items, weight }
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> List {
        List::from(items.into_iter().collect::<Vec<_>>())
    }
}

impl Default for List {
    fn default() -> List {
        List::from(Vec::new())
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if self.weight.depth() > LIES_DEEP {
            take_apart(std::mem::take(&mut self.items));
        }
    }
}
