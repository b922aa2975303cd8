//! Weights: how much a value holds, known without a walk through it.

use super::Value;

/// What an item of a list, an entry of an object, or any value by itself weighs besides its text.
pub(crate) const ITEM_UNITS: u64 = 16;

/// How much a value holds, in units (about a byte each) as if every shared part were written out, and
/// how deep lists and objects lie in it. Both in eight bytes: a run has many small objects.
///
/// Every list and object remembers its own, so that a value that shares its parts is never walked
/// through as often as it holds them: thirty objects that each hold the next one twice stand for a
/// billion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight(u64);

const DEPTH_BITS: u32 = 8;
/// Whatever lies deeper counts as this deep.
pub(super) const DEPTH_COUNTED_MAX: u64 = (1 << DEPTH_BITS) - 1;
/// Whatever weighs more counts as this heavy.
const UNITS_MAX: u64 = u64::MAX >> DEPTH_BITS;

impl Weight {
    /// The weight of a list or object with nothing in it.
    pub const EMPTY: Weight = Weight(ITEM_UNITS << DEPTH_BITS | 1);

    /// The weight of `value`.
    pub fn of(value: &Value) -> Weight {
        match value {
            Value::Text(text) => Weight::new(ITEM_UNITS.saturating_add(text.len() as u64), 0),
            Value::List(items) => items.weight(),
            Value::Map(entries) => entries.weight(),
            Value::Absent | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Media(_) => {
                Weight::new(ITEM_UNITS, 0)
            }
        }
    }

    fn new(units: u64, depth: u64) -> Weight {
        Weight(units.min(UNITS_MAX) << DEPTH_BITS | depth.min(DEPTH_COUNTED_MAX))
    }

    /// This of a list or object, with one part more, whose name has `name_bytes`.
    pub fn and(self, part: &Value, name_bytes: usize) -> Weight {
        let part = Weight::of(part);
        let units = self.units().saturating_add(part.units()).saturating_add(name_bytes as u64);
        Weight::new(units, self.depth().max(part.depth() + 1))
    }

    /// This without one of its parts; nothing if that can't be determined without a look at the others.
    pub fn without(self, part: &Value, name_bytes: usize) -> Option<Weight> {
        let part = Weight::of(part);
        let deepest = self.depth() > 1 && part.depth() + 1 >= self.depth();
        if deepest || self.units() == UNITS_MAX {
            return None;
        }
        Some(Weight::new(self.units() - part.units() - name_bytes as u64, self.depth()))
    }

    pub fn units(self) -> u64 {
        self.0 >> DEPTH_BITS
    }

    pub fn depth(self) -> u64 {
        self.0 & DEPTH_COUNTED_MAX
    }
}
