//! The items of a fan-out: a list of values, and what each of them is called.

use std::borrow::Cow;
use std::fmt;

use motet_pipeline::Value;
use motet_pipeline::value::journal;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as DeserializeDerive, Serialize};

/// The items of a fanned-out step, in list order.
///
/// The list is the value that `each` gave, shared with whoever holds it: a million items cost their
/// values once. An item is called by its key, which is its index where the step has no `key`.
///
/// In a journal this is `{"list": […]}`, with `"keys": […]` where there are any. Journals of format 1
/// hold `[{"key": …, "value": …}, …]`, which is read as well.
///
/// ```
/// use motet_engine::Items;
/// use motet_pipeline::Value;
/// let items = Items::new(Value::list(vec!["a boat".into(), "a lake".into()]), None);
/// assert_eq!((items.len(), &*items.key(1)), (2, "1"));
/// assert_eq!(serde_json::to_string(&items).unwrap(), r#"{"list":["a boat","a lake"]}"#);
///
/// let old = r#"[{"key":"b","value":"a boat"},{"key":"l","value":"a lake"}]"#;
/// let old: Items = serde_json::from_str(old).unwrap();
/// assert_eq!((&*old.key(1), old.value(1)), ("l", &Value::from("a lake")));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Items {
    list: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Value>,
}

impl Default for Items {
    fn default() -> Items {
        Items::new(Value::list(Vec::new()), None)
    }
}

impl Items {
    /// The items of `list`, a list. `keys` names each of them, a text each; without it they go by their
    /// indices.
    pub fn new(list: Value, keys: Option<Vec<String>>) -> Items {
        let keys = keys.map(|keys| Value::list(keys.into_iter().map(Value::from).collect()));
        Items { list, keys }
    }

    fn list(&self) -> &[Value] {
        self.list.as_list().unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// What the item at `index` is called.
    pub fn key(&self, index: usize) -> Cow<'_, str> {
        let keys = self.keys.as_ref().and_then(Value::as_list);
        match keys.and_then(|keys| keys.get(index)).and_then(Value::as_str) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(index.to_string()),
        }
    }

    /// The item at `index`; null if there is none.
    pub fn value(&self, index: usize) -> &Value {
        self.list().get(index).unwrap_or(&Value::Null)
    }

    /// What they are called, in list order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = Cow<'_, str>> {
        (0..self.len()).map(|index| self.key(index))
    }

    /// The items with their keys, in list order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Cow<'_, str>, &Value)> {
        self.list().iter().enumerate().map(|(index, value)| (self.key(index), value))
    }

    /// The place of the item called `key`. Takes as long as there are items, where these have keys of
    /// their own.
    pub fn position(&self, key: &str) -> Option<usize> {
        match &self.keys {
            Some(keys) => keys.as_list()?.iter().position(|other| other.as_str() == Some(key)),
            None => key.parse().ok().filter(|index| *index < self.len() && self.key(*index) == key),
        }
    }

    /// What they are made of: the list, and the keys where there are any.
    pub(crate) fn values(&self) -> [Option<&Value>; 2] {
        [Some(&self.list), self.keys.as_ref()]
    }

    pub(crate) fn values_mut(&mut self) -> [Option<&mut Value>; 2] {
        [Some(&mut self.list), self.keys.as_mut()]
    }
}

impl<K: Into<String>> FromIterator<(K, Value)> for Items {
    /// Items with keys of their own.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(items: I) -> Items {
        let (keys, list) = items.into_iter().map(|(key, value)| (key.into(), value)).unzip();
        Items::new(Value::list(list), Some(keys))
    }
}

/// One item, as journals of format 1 hold it.
#[derive(DeserializeDerive)]
struct Item {
    key: String,
    #[serde(deserialize_with = "journal::value")]
    value: Value,
}

/// A value as a journal holds it.
#[derive(DeserializeDerive)]
struct Written(#[serde(deserialize_with = "journal::value")] Value);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Items, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list with its keys, or a list of items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
                let mut read = Vec::new();
                while let Some(Item { key, value }) = items.next_element()? {
                    read.push((key, value));
                }
                Ok(read.into_iter().collect())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Items, A::Error> {
                let (mut list, mut keys) = (None, None);
                while let Some(field) = fields.next_key::<String>()? {
                    match field.as_str() {
                        "list" => list = Some(fields.next_value::<Written>()?.0),
                        "keys" => keys = Some(fields.next_value::<Written>()?.0),
                        _ => drop(fields.next_value::<serde::de::IgnoredAny>()?),
                    }
                }
                let list = list.ok_or_else(|| A::Error::missing_field("list"))?;
                Ok(Items { list, keys })
            }
        }

        deserializer.deserialize_any(Either)
    }
}
