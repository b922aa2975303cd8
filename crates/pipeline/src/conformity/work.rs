//! How much work it is to hold a value against a schema, told before it is done.
//!
//! References can share what they refer to, so that a short schema stands for a giant one: of thirty
//! definitions each of which names the next one twice, the last is asked a billion times. The validator
//! knows no bound, so it is set here.

use std::collections::BTreeMap;
use std::iter::once;

use serde_json::Value as Json;

/// How many parts of a schema may be held against parts of one value.
const COMPARISONS_MAX: u64 = 4_000_000;
/// How deeply these may be nested.
const DEPTH_MAX: usize = 500;

/// Whether `value` can be held against `schema` in reasonable time.
pub(super) fn is_bounded(schema: &Json, value: &Json) -> bool {
    Counter { root: schema, known: BTreeMap::new() }.count(schema, value, 0) <= COMPARISONS_MAX
}

struct Counter<'s> {
    root: &'s Json,
    /// What was counted for a definition and a part of the value, by their places in memory. While it is
    /// counted it is nothing: a definition that comes back to itself adds no more.
    known: BTreeMap<(usize, usize), u64>,
}

impl<'s> Counter<'s> {
    /// How many comparisons it takes, at most.
    fn count(&mut self, schema: &'s Json, value: &Json, depth: usize) -> u64 {
        let Json::Object(keywords) = schema else { return 1 };
        if depth > DEPTH_MAX {
            return u64::MAX;
        }
        keywords.iter().fold(1, |total: u64, (keyword, argument)| {
            total.saturating_add(self.keyword(keyword, argument, value, depth + 1))
        })
    }

    fn keyword(&mut self, keyword: &str, argument: &'s Json, value: &Json, depth: usize) -> u64 {
        match (keyword, argument, value) {
            ("$ref", Json::String(reference), _) => self.reference(reference, value, depth),
            ("allOf" | "anyOf" | "oneOf", Json::Array(schemas), _) => {
                self.sum(schemas.iter().map(|schema| (schema, value)), depth)
            }
            ("dependentSchemas" | "dependencies", Json::Object(schemas), _) => {
                self.sum(schemas.values().map(|schema| (schema, value)), depth)
            }
            ("not" | "if" | "then" | "else", schema, _) => self.sum(once((schema, value)), depth),
            ("properties", Json::Object(schemas), Json::Object(entries)) => {
                let known = |(name, schema)| Some((schema, entries.get(name)?));
                self.sum(schemas.iter().filter_map(known), depth)
            }
            ("patternProperties", Json::Object(schemas), Json::Object(entries)) => {
                let with_all = |schema| entries.values().map(move |value| (schema, value));
                self.sum(schemas.values().flat_map(with_all), depth)
            }
            (
                "additionalProperties" | "unevaluatedProperties" | "propertyNames",
                schema,
                Json::Object(entries),
            ) => self.sum(entries.values().map(|value| (schema, value)), depth),
            ("items" | "prefixItems", Json::Array(schemas), Json::Array(items)) => {
                self.sum(schemas.iter().zip(items), depth)
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema, Json::Array(items)) => {
                self.sum(items.iter().map(|item| (schema, item)), depth)
            }
            _ => 0,
        }
    }

    fn sum<'v>(&mut self, pairs: impl Iterator<Item = (&'s Json, &'v Json)>, depth: usize) -> u64 {
        let mut total = 0_u64;
        for (schema, value) in pairs {
            total = total.saturating_add(self.count(schema, value, depth));
            if total > COMPARISONS_MAX {
                break;
            }
        }
        total
    }

    fn reference(&mut self, reference: &str, value: &Json, depth: usize) -> u64 {
        let Some(target) = super::target(reference, self.root) else { return 1 };
        let key = (std::ptr::from_ref(target).addr(), std::ptr::from_ref(value).addr());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        self.known.insert(key, 0);
        let count = self.count(target, value, depth);
        self.known.insert(key, count);
        count
    }
}
