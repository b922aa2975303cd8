//! Long values that are in use: found by their digest when they are read, and by where they lie in
//! memory when they are written again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use motet_pipeline::value::{List, Map};
use motet_pipeline::{Digest, Value};

use crate::artifacts::Kept;

/// How many are remembered.
const VALUES_MAX: usize = 256;

/// How long all remembered texts are at most: their memory is only given back when they are forgotten.
const TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Remembers long values without keeping them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    values: HashMap<Digest, Remembered>,
    /// Which value lies where. A place isn't used again while it is remembered who was there.
    places: HashMap<usize, Digest>,
    /// The oldest first.
    order: VecDeque<Digest>,
}

/// What is known of a long value.
#[derive(Clone, Debug)]
pub(crate) struct KnownValue {
    /// Its file.
    pub(crate) kept: Kept,
    /// The long values inside of it.
    pub(crate) inner: Arc<[Digest]>,
}

#[derive(Debug)]
struct Remembered {
    value: WeakValue,
    place: usize,
    known: KnownValue,
}

#[derive(Debug)]
enum WeakValue {
    Text(Weak<str>),
    List(Weak<List>),
    Map(Weak<Map>),
}

impl Known {
    /// What is known of exactly this value, not of one that is equal.
    pub(crate) fn find_value(&self, value: &Value) -> Option<KnownValue> {
        if self.places.is_empty() {
            return None;
        }
        let remembered = self.values.get(self.places.get(&place_of(value)?)?)?;
        Some(remembered.known.clone())
    }

    /// The value with this digest, if somebody uses it.
    pub(crate) fn find_digest(&self, digest: &Digest) -> Option<(Value, KnownValue)> {
        let remembered = self.values.get(digest)?;
        Some((remembered.value.upgrade()?, remembered.known.clone()))
    }

    /// Remembers `value` and gives it; or one with the same digest that is in use already.
    pub(crate) fn insert(&mut self, value: &Value, kept: Kept, inner: Arc<[Digest]>) -> Value {
        if let Some((known, _)) = self.find_digest(&kept.digest) {
            return known;
        }
        self.forget_unused();
        if let (Some(place), Some(weak)) = (place_of(value), WeakValue::of(value)) {
            let known = KnownValue { kept, inner };
            self.values.insert(kept.digest, Remembered { value: weak, place, known });
            self.places.insert(place, kept.digest);
            self.order.push_back(kept.digest);
        }
        value.clone()
    }

    /// Makes room for one more.
    fn forget_unused(&mut self) {
        let is_used = |digest: &Digest| self.values.get(digest).is_some_and(|it| it.value.is_used());
        let (mut used, unused): (VecDeque<Digest>, VecDeque<Digest>) =
            std::mem::take(&mut self.order).into_iter().partition(is_used);
        unused.iter().for_each(|digest| self.forget(digest));
        let mut text_bytes: usize = self.values.values().map(|it| it.value.text_bytes()).sum();
        while used.len() >= VALUES_MAX || text_bytes > TEXT_BYTES_MAX {
            let Some(oldest) = used.pop_front() else { break };
            text_bytes -= self.values.get(&oldest).map_or(0, |it| it.value.text_bytes());
            self.forget(&oldest);
        }
        self.order = used;
    }

    fn forget(&mut self, digest: &Digest) {
        if let Some(remembered) = self.values.remove(digest) {
            self.places.remove(&remembered.place);
        }
    }
}

/// Where a value's content lies in memory.
fn place_of(value: &Value) -> Option<usize> {
    match value {
        Value::Text(text) => Some(Arc::as_ptr(text).cast::<u8>().addr()),
        Value::List(items) => Some(Arc::as_ptr(items).addr()),
        Value::Map(entries) => Some(Arc::as_ptr(entries).addr()),
        _ => None,
    }
}

impl WeakValue {
    fn of(value: &Value) -> Option<WeakValue> {
        match value {
            Value::Text(text) => Some(WeakValue::Text(Arc::downgrade(text))),
            Value::List(items) => Some(WeakValue::List(Arc::downgrade(items))),
            Value::Map(entries) => Some(WeakValue::Map(Arc::downgrade(entries))),
            _ => None,
        }
    }

    fn upgrade(&self) -> Option<Value> {
        match self {
            WeakValue::Text(text) => text.upgrade().map(Value::Text),
            WeakValue::List(items) => items.upgrade().map(Value::List),
            WeakValue::Map(entries) => entries.upgrade().map(Value::Map),
        }
    }

    fn is_used(&self) -> bool {
        match self {
            WeakValue::Text(text) => text.strong_count() > 0,
            WeakValue::List(items) => items.strong_count() > 0,
            WeakValue::Map(entries) => entries.strong_count() > 0,
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            WeakValue::Text(text) => text.upgrade().map_or(0, |text| text.len()),
            _ => 0,
        }
    }
}
