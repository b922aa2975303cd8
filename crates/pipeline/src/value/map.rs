//! Named values, small: most maps of a run have one to five entries, and there are many of them.

use std::ops::Index;

use super::Value;
use super::drop::{LIES_DEEP, take_apart};
use super::weight::Weight;

/// Named values, in the order of their names. Works like a `BTreeMap<String, Value>`, whose
/// smallest piece has room for eleven entries.
///
/// ```
/// use motet_pipeline::{Value, value::Map};
/// let mut map = Map::from([("b".to_owned(), Value::Null), ("a".to_owned(), Value::from(true))]);
/// assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(map.insert("b".into(), 2_i64.into()), Some(Value::Null));
/// assert_eq!(map.remove("a"), Some(Value::from(true)));
/// assert_eq!(map["b"], Value::from(2_i64));
/// ```
#[derive(Clone)]
pub struct Map {
    /// Sorted by name, each name once.
    pub(super) entries: Vec<(String, Value)>,
    weight: Weight,
}

/// Up to so many entries a map takes no more memory than it needs; larger ones grow by doubling.
const SMALL: usize = 8;

impl Map {
    /// A map without entries.
    pub const fn new() -> Map {
        Map { entries: Vec::new(), weight: Weight::EMPTY }
    }

    /// Of entries that are sorted by name, each name once.
    fn of_sorted(entries: Vec<(String, Value)>) -> Map {
        let mut map = Map { entries, weight: Weight::EMPTY };
        map.weight = map.weighed();
        map
    }

    fn weighed(&self) -> Weight {
        let entries = self.entries.iter();
        entries.fold(Weight::EMPTY, |weight, (name, value)| weight.and(value, name.len()))
    }

    /// As [`Value::units`].
    pub fn units(&self) -> u64 {
        self.weight.units()
    }

    pub(super) fn weight(&self) -> Weight {
        self.weight
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        // What is read from a journal comes in order.
        match self.entries.last() {
            Some((last, _)) if last.as_str() < name => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|(other, _)| other.as_str().cmp(name)),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.entries[at].1)
    }

    /// Whether there is a value called `name`.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Puts a value in, and gives the one that was there.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        match self.find(&name) {
            Ok(at) => {
                let before = std::mem::replace(&mut self.entries[at].1, value);
                self.weight = match self.weight.without(&before, name.len()) {
                    Some(rest) => rest.and(&self.entries[at].1, name.len()),
                    None => self.weighed(),
                };
                Some(before)
            }
            Err(at) => {
                self.weight = self.weight.and(&value, name.len());
                if self.entries.len() < SMALL {
                    self.entries.reserve_exact(1);
                }
                self.entries.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let (name, value) = self.entries.remove(self.find(name).ok()?);
        self.weight = self.weight.without(&value, name.len()).unwrap_or_else(|| self.weighed());
        Some(value)
    }

    /// The entries, in the order of their names.
    pub fn iter(&self) -> Iter<'_> {
        self.entries.iter().map(borrow)
    }

    /// The names, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &String> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The names, in order; the values are dropped.
    pub fn into_keys(self) -> impl Iterator<Item = String> {
        self.into_iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn into_values(self) -> impl Iterator<Item = Value> {
        self.into_iter().map(|(_, value)| value)
    }
}

impl Default for Map {
    fn default() -> Map {
        Map::new()
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.weight == other.weight && self.entries == other.entries
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if self.weight.depth() > LIES_DEEP {
            take_apart(std::mem::take(&mut self.entries).into_iter().map(|(_, value)| value).collect());
        }
    }
}

fn borrow((name, value): &(String, Value)) -> (&String, &Value) {
    (name, value)
}

/// The entries of a [`Map`].
pub type Iter<'a> =
    std::iter::Map<std::slice::Iter<'a, (String, Value)>, fn(&'a (String, Value)) -> (&'a String, &'a Value)>;

impl Index<&str> for Map {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name).expect("the map has an entry of this name")
    }
}

impl FromIterator<(String, Value)> for Map {
    /// Of several values with one name the last stays.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Map {
        let mut entries: Vec<_> = entries.into_iter().collect();
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            // Stable: what came last stands last among its like.
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries.reverse();
            entries.dedup_by(|(one, _), (next, _)| one == next);
            entries.reverse();
        }
        entries.shrink_to_fit();
        Map::of_sorted(entries)
    }
}

impl<const N: usize> From<[(String, Value); N]> for Map {
    fn from(entries: [(String, Value); N]) -> Map {
        entries.into_iter().collect()
    }
}

impl Extend<(String, Value)> for Map {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, entries: I) {
        let before = std::mem::take(&mut self.entries);
        *self = before.into_iter().chain(entries).collect();
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(mut self) -> Self::IntoIter {
        std::mem::take(&mut self.entries).into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a String, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_map_is_what_a_tree_is(entries in prop::collection::vec(("[a-e]{0,2}", 0_i64..5), 0..12), gone in "[a-e]{0,2}") {
            let entries: Vec<_> = entries.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
            let collected: Map = entries.iter().cloned().collect();
            let (mut inserted, mut tree) = (Map::new(), BTreeMap::new());
            for (name, value) in entries.iter().cloned() {
                prop_assert_eq!(inserted.insert(name.clone(), value.clone()), tree.insert(name, value));
            }
            let mut extended = Map::new();
            extended.extend(entries.iter().take(3).cloned());
            extended.extend(entries.iter().skip(3).cloned());
            prop_assert_eq!(&collected, &inserted);
            prop_assert_eq!(&extended, &inserted);
            prop_assert!(inserted.iter().eq(tree.iter()));
            prop_assert_eq!(inserted.get(&gone), tree.get(&gone));
            prop_assert_eq!(inserted.remove(&gone), tree.remove(&gone));
            prop_assert!(inserted.keys().eq(tree.keys()) && inserted.len() == tree.len());
            let text = serde_json::to_string(&inserted).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&tree).unwrap());
            prop_assert_eq!(serde_json::from_str::<Map>(&text).unwrap(), inserted);
        }
    }
}
