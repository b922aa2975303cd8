//! Quantities: how much of a unit a call uses, as it follows from its inputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::condition::number;
use super::facts::{Fact, Facts};
use super::{Amount, Range};
use crate::Value;

/// One factor of a quantity: `count` × seconds × ….
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Where it can be read. The first that is given holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Source>,
    /// What it is if nothing of that is given, or what is given isn't known yet.
    pub otherwise: Range,
    /// Whether only whole ones are billed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rounded_up: bool,
    /// Whether the inputs tell it only roughly, as characters tell tokens: it serves to estimate, not to bill.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rough: bool,
}

/// An input that tells a quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The name of the input.
    pub input: String,
    /// What is read from it.
    #[serde(default, skip_serializing_if = "Measure::is_number")]
    pub measure: Measure,
    /// Another input whose number it is multiplied with, such as a height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How many of what the input tells make one: 1000 where it tells milliseconds.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per: u64,
    /// Numbers by the words that stand for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub table: BTreeMap<String, Amount>,
}

/// What is read from an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The number that it is, begins with (`8s`), or stands for by the table; of an object the product of its
    /// `width` and `height`.
    #[default]
    Number,
    /// How many Unicode characters the text has.
    Characters,
    /// How long the media is, in seconds; all together, if it is a list.
    Seconds,
    /// How many pixels the picture has.
    Pixels,
    /// How many items the list has; one, if it is no list.
    Items,
}

impl Measure {
    fn is_number(&self) -> bool {
        *self == Measure::Number
    }
}

fn one() -> u64 {
    1
}

fn is_one(number: &u64) -> bool {
    *number == 1
}

impl Factor {
    /// A factor that is always the same.
    pub fn always(range: Range) -> Factor {
        Factor { from: Vec::new(), otherwise: range, rounded_up: false, rough: false }
    }

    /// The factor as far as it follows from what is known.
    pub(super) fn range(&self, facts: &Facts<'_>) -> Range {
        let found = self.from.iter().find_map(|source| source.range(facts, self.otherwise));
        let range = found.unwrap_or(self.otherwise);
        let range = Range { assumed: range.assumed || self.rough, ..range };
        if self.rounded_up { range.map(Amount::rounded_up) } else { range }
    }
}

impl Source {
    /// What this input tells, nothing if it isn't given.
    fn range(&self, facts: &Facts<'_>, otherwise: Range) -> Option<Range> {
        let range = match facts.of(&self.input) {
            Fact::Missing => return None,
            Fact::Unknown => self.possible(facts, otherwise),
            Fact::Is(value) => self.amount(value).map_or(otherwise, |amount| {
                let range = Range::exactly(amount);
                range.map(|amount| amount.over(self.per))
            }),
        };
        let Some(by) = &self.by else { return Some(range) };
        match facts.of(by) {
            Fact::Is(value) if range.is_exact() => {
                Some(number(value).map_or(otherwise, |other| range.times(Range::exactly(other))))
            }
            _ => Some(otherwise),
        }
    }

    fn amount(&self, value: &Value) -> Option<Amount> {
        let count = |count: usize| Amount::whole(u64::try_from(count).unwrap_or(u64::MAX));
        match self.measure {
            Measure::Characters => value.as_str().map(|text| count(text.chars().count())),
            Measure::Items => Some(value.as_list().map_or(Amount::ONE, |items| count(items.len()))),
            Measure::Pixels => {
                let picture = value.as_artifact()?;
                Some(Amount::whole(u64::from(picture.width?) * u64::from(picture.height?)))
            }
            Measure::Seconds => match value {
                Value::List(items) => {
                    items.iter().try_fold(Amount::ZERO, |sum, item| Some(sum.plus(self.amount(item)?)))
                }
                media => {
                    let duration = media.as_artifact()?.duration?;
                    Amount::of_number(&serde_json::Number::from_f64(duration)?)
                }
            },
            Measure::Number => match value {
                Value::Map(size) => Some(number(size.get("width")?)?.times(number(size.get("height")?)?)),
                Value::Text(word) => self.table.get(&**word).copied().or_else(|| number(value)),
                value => number(value),
            },
        }
    }

    /// What it can be while nothing is known of it: all that the contract allows.
    fn possible(&self, facts: &Facts<'_>, otherwise: Range) -> Range {
        let Some(parameter) = facts.contract.parameter(&self.input) else { return otherwise };
        let is_length = matches!(self.measure, Measure::Characters | Measure::Items);
        let is_bounded = is_length || self.measure == Measure::Number && self.table.is_empty();
        let words = self.table.values().copied();
        let values = parameter.one_of.iter().filter_map(|value| self.amount(value));
        let allowed: Vec<Amount> = words.chain(values).filter(|_| !is_length).collect();
        let limit = |bound: Option<f64>| {
            let bound = bound.filter(|_| is_bounded && allowed.is_empty())?;
            Amount::of_number(&serde_json::Number::from_f64(bound)?)
        };
        let least = allowed.iter().min().copied().or_else(|| limit(parameter.min));
        let most = allowed.iter().max().copied().or_else(|| limit(parameter.max));
        let scaled = |amount: Amount| amount.over(self.per);
        let likely = otherwise.likely;
        let range = Range::new(
            least.map_or(otherwise.low, scaled).min(likely),
            likely,
            most.map_or(otherwise.high, scaled).max(likely),
        );
        Range { assumed: most.is_none() && otherwise.assumed, ..range }
    }
}
