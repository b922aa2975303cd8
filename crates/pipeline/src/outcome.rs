//! Outcomes: what an attempt gave, what it cost, and what is to be said about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Cost, Value};

/// What came of an attempt that succeeded.
///
/// ```
/// use motet_pipeline::{Cost, Outcome, Value};
/// let outcome = Outcome::of(Value::map([("text", "hello".into())]))
///     .cost(Cost::billed("0.0002".parse().unwrap()))
///     .used("tokens_out", 12.0)
///     .warning("the answer was cut at 12 tokens");
/// assert_eq!(outcome.usage.get("tokens_out"), Some(12.0));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The outputs by name, a map.
    pub output: Value,
    /// What it cost.
    pub cost: Cost,
    /// What was used, by unit.
    pub usage: Usage,
    /// What somebody should know though it succeeded, in words.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// An outcome that gave `output`, a map, and cost nothing.
    pub fn of(output: Value) -> Outcome {
        Outcome { output, ..Outcome::default() }
    }

    /// Says what it cost.
    pub fn cost(mut self, cost: Cost) -> Outcome {
        self.cost = cost;
        self
    }

    /// Adds how much was used of something, such as `tokens_in`, `seconds` or `images`.
    pub fn used(mut self, unit: &str, amount: f64) -> Outcome {
        self.usage.add(unit, amount);
        self
    }

    /// Adds a warning.
    pub fn warning(mut self, message: impl Into<String>) -> Outcome {
        self.warnings.push(message.into());
        self
    }
}

/// How much was used, by unit: `tokens_in`, `seconds`, `images`, … Amounts are finite and not negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usage(BTreeMap<String, f64>);

/// How many units a usage may name, and how long each name may be, in bytes.
const UNITS_MAX: usize = 50;
const NAME_BYTES_MAX: usize = 100;

impl Usage {
    /// Adds to what was used of `unit`. What isn't a finite amount above zero, has an overlong name, or would be
    /// one unit too many, is left out.
    pub fn add(&mut self, unit: &str, amount: f64) {
        let is_amount = amount.is_finite() && amount > 0.0 && unit.len() <= NAME_BYTES_MAX;
        if is_amount && (self.0.contains_key(unit) || self.0.len() < UNITS_MAX) {
            let sum = self.0.entry(unit.to_owned()).or_default();
            *sum = (*sum + amount).min(f64::MAX);
        }
    }

    /// How much was used of `unit`.
    pub fn get(&self, unit: &str) -> Option<f64> {
        self.0.get(unit).copied()
    }

    /// All units and amounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(unit, amount)| (unit.as_str(), *amount))
    }

    /// Whether nothing was used, or nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_amount_is_left_out() {
        let mut usage = Usage::default();
        for amount in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            usage.add("seconds", amount);
        }
        usage.add(&"x".repeat(NAME_BYTES_MAX + 1), 1.0);
        assert!(usage.is_empty());
        (0..2 * UNITS_MAX).for_each(|unit| usage.add(&format!("u{unit}"), f64::MAX));
        usage.add("u0", f64::MAX);
        assert_eq!((usage.iter().count(), usage.get("u0")), (UNITS_MAX, Some(f64::MAX)));
    }
}
