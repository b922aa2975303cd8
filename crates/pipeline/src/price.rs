//! Prices: what a call is going to cost, and what it did cost.
//!
//! A [`Price`] is pinned with a run, so that a run is settled at the rates it was planned with. It says at which
//! [`Rate`]s each unit is billed, and how the quantity of each unit follows from the inputs. What isn't known
//! beforehand is a [`Range`]. An unknown price is [`Unpriced`], never zero (law L3).

mod amount;
mod condition;
mod facts;
mod quantity;
mod range;
mod unit;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use amount::{Amount, NotAnAmount};
pub use condition::{Condition, NotACondition};
pub use facts::Facts;
pub use quantity::{Factor, Measure, Source};
pub use range::Range;
pub use unit::Unit;

use crate::{Contract, Cost, Money, Usage, Value};
use facts::Fact;

/// What a provider tells of its use without saying of what, in a [`Usage`].
pub const BILLABLE_UNITS: &str = "billable_units";

/// What an operation costs.
///
/// ```
/// use motet_pipeline::contract::{Contract, Parameter, Work};
/// use motet_pipeline::price::{Amount, Facts, Factor, Measure, Price, Range, Rate, Source, Unit};
/// use motet_pipeline::{Type, Value};
/// let speech = Contract::new("example/voice", Work::Model)
///     .input(Parameter::required("text", Type::Text).range(1.0, 5000.0));
/// let price = Price::of(Rate::new(Unit::InputCharacter, 1000, "0.30".parse().unwrap())).counted(
///     Unit::InputCharacter,
///     vec![Factor {
///         from: vec![Source::of("text", Measure::Characters)],
///         otherwise: Range::new(Amount::whole(1), Amount::whole(500), Amount::whole(5000)),
///         rounded_up: false,
///         rough: false,
///     }],
/// );
/// let given = [("text".to_owned(), Value::from("x".repeat(1000)))].into();
/// let facts = Facts { contract: &speech, given: &given, unknown: &Default::default(), job: None };
/// assert_eq!(price.estimate(&facts).unwrap().high.to_string(), "0.3");
/// ```
///
/// It is stored, and only grows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// At what each unit is billed, in the order of the price book.
    pub rates: Vec<Rate>,
    /// How much of each unit a call uses: the product of the factors. A unit that isn't here is one a call, but
    /// time at the provider, which follows from the rate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<Unit, Vec<Factor>>,
}

/// What so many of a unit cost, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// What is counted.
    pub unit: Unit,
    /// How many of them the price is for.
    pub per: u64,
    /// The price, in US dollars.
    pub usd: Money,
    /// When it holds: all of these must. Of several rates of a unit that hold, the one with the most conditions is
    /// the one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// Whether it serves only to estimate, because what is billed can't be counted beforehand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimate_only: bool,
    /// How much of the unit a call usually takes, where that is known only afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical: Option<Amount>,
    /// The page where it stands.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The day on which it was read there: `2026-11-20`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub as_of: String,
    /// How sure that is.
    #[serde(default, skip_serializing_if = "Confidence::is_best")]
    pub confidence: Confidence,
}

/// How sure a price is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Confidence {
    /// It stands on a page of the provider, or was told by the user.
    #[default]
    A,
    /// It was read in data that names a page of the provider.
    B,
    /// It was read elsewhere.
    C,
    /// It is not verified.
    D,
}

impl Confidence {
    fn is_best(&self) -> bool {
        *self == Confidence::A
    }
}

/// What a call is going to cost, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The least.
    pub low: Money,
    /// What it usually is.
    pub likely: Money,
    /// The most: what is reserved.
    pub high: Money,
    /// Whether `high` rests on an assumption, such as the length of a recording that isn't there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

impl Estimate {
    /// Of what costs nothing.
    pub const NOTHING: Estimate = Estimate::exactly(Money::ZERO);

    /// Of what costs the same each time.
    pub const fn exactly(amount: Money) -> Estimate {
        Estimate { low: amount, likely: amount, high: amount, assumed: false }
    }
}

/// What a call costs isn't known; the reason is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unpriced {
    /// Why not.
    pub reason: String,
}

impl Unpriced {
    /// For this reason.
    pub fn because(reason: impl Into<String>) -> Unpriced {
        Unpriced { reason: reason.into() }
    }
}

impl Contract {
    /// What a call of this operation is going to cost. An operation that isn't paid costs nothing; one that is paid
    /// and has no price is unpriced.
    ///
    /// # Errors
    /// When the price isn't known.
    pub fn estimate(&self, facts: &Facts<'_>) -> Result<Estimate, Unpriced> {
        match &self.price {
            Some(price) => price.estimate(facts),
            None if self.is_paid() => {
                Err(Unpriced::because(format!("the price book has no price for {}", self.operation)))
            }
            None => Ok(Estimate::NOTHING),
        }
    }
}

impl Rate {
    /// A rate that always holds.
    pub fn new(unit: Unit, per: u64, usd: Money) -> Rate {
        Rate {
            unit,
            per,
            usd,
            when: Vec::new(),
            estimate_only: false,
            typical: None,
            source: String::new(),
            as_of: String::new(),
            confidence: Confidence::A,
        }
    }
}

impl Source {
    /// A measure of an input.
    pub fn of(input: &str, measure: Measure) -> Source {
        Source { input: input.to_owned(), measure, by: None, per: 1, table: BTreeMap::new() }
    }
}

impl Price {
    /// A price of one rate.
    pub fn of(rate: Rate) -> Price {
        Price { rates: vec![rate], quantities: BTreeMap::new() }
    }

    /// The same amount for each call.
    pub fn flat(usd: Money) -> Price {
        Price::of(Rate::new(Unit::Request, 1, usd))
    }

    /// Says how much of a unit a call uses.
    pub fn counted(mut self, unit: Unit, factors: Vec<Factor>) -> Price {
        self.quantities.insert(unit, factors);
        self
    }

    /// The unit that is billed, if it is one alone: the unit of a number that a provider tells without a name.
    pub fn only_unit(&self) -> Option<Unit> {
        let billed: BTreeSet<Unit> = self.billing().map(|rate| rate.unit).collect();
        billed.first().copied().filter(|_| billed.len() == 1)
    }

    /// What a call is going to cost: the sum over all units. What isn't known yet widens it.
    ///
    /// # Errors
    /// When no rate holds for these inputs.
    pub fn estimate(&self, facts: &Facts<'_>) -> Result<Estimate, Unpriced> {
        let rates: Vec<&Rate> = self.estimating().collect();
        if rates.is_empty() {
            return Err(Unpriced::because("the price book has no rate for it"));
        }
        let units: BTreeSet<Unit> = rates.iter().map(|rate| rate.unit).collect();
        let (mut low, mut likely, mut high, mut assumed) = (Vec::new(), Vec::new(), Vec::new(), false);
        for unit in units {
            let candidates = self.candidates(unit, &rates, facts, &Usage::default())?;
            let parts: Vec<(Range, Money)> =
                candidates.iter().map(|rate| (self.quantity(rate, facts), rate)).map(per_one).collect();
            let cost =
                |number: fn(&Range) -> Amount| parts.iter().map(move |(range, usd)| (number(range), *usd));
            let by_cost = |part: &(Amount, Money)| Amount::cost(&[*part]);
            low.extend(cost(|range| range.low).min_by_key(by_cost));
            likely.extend(middle(cost(|range| range.likely).collect()));
            high.extend(cost(|range| range.high).max_by_key(by_cost));
            assumed |= parts.iter().any(|(range, _)| range.assumed);
        }
        let [low, likely, high] = [low, likely, high].map(|parts| Amount::cost(&parts));
        Ok(Estimate { low, likely, high, assumed })
    }

    /// What a call did cost, computed from what it used. A unit that `usage` names counts as told; one that it
    /// doesn't name counts as it follows from the inputs, if that is exact.
    ///
    /// # Errors
    /// When it can't be computed: then the most that it can be is what was reserved.
    pub fn cost(&self, facts: &Facts<'_>, usage: &Usage) -> Result<Cost, Unpriced> {
        let billing: Vec<&Rate> = self.billing().collect();
        let billed = self.exact_cost(&billing, facts, usage);
        let estimating: Vec<&Rate> = self.estimating().collect();
        billed.or_else(|reason| self.exact_cost(&estimating, facts, usage).map_err(|_| reason))
    }

    fn exact_cost(&self, rates: &[&Rate], facts: &Facts<'_>, usage: &Usage) -> Result<Cost, Unpriced> {
        let units: BTreeSet<Unit> = rates.iter().map(|rate| rate.unit).collect();
        if units.is_empty() {
            return Err(Unpriced::because("the price book has no rate that is billed"));
        }
        let mut parts = Vec::new();
        for unit in units {
            let candidates = self.candidates(unit, rates, facts, usage)?;
            let dearest = candidates
                .into_iter()
                .max_by_key(|rate| Amount::cost(&[(Amount::ONE.over(rate.per), rate.usd)]));
            let rate = dearest.expect("there is a candidate, or an error");
            let quantity = match self.told(rate, facts, usage) {
                Some(told) => told,
                None => Some(self.quantity(rate, facts))
                    .filter(Range::is_exact)
                    .map(|range| range.low)
                    .ok_or_else(|| {
                        Unpriced::because(format!("the provider didn't tell how much it used (`{unit}`)"))
                    })?,
            };
            parts.push((quantity.over(rate.per), rate.usd));
        }
        Ok(Cost::computed(Amount::cost(&parts)))
    }

    /// How much of the unit of `rate` was used, as far as the provider tells it. A number without a unit is taken for
    /// the only one that is billed, or for as many as the price is for, if it is near to what was estimated.
    fn told(&self, rate: &Rate, facts: &Facts<'_>, usage: &Usage) -> Option<Amount> {
        const NEAR: u64 = 4;
        let amount = |told: f64| Amount::of_number(&serde_json::Number::from_f64(told)?);
        if let Some(told) = rate.unit.names_in_usage().iter().find_map(|name| usage.get(name)) {
            return amount(told);
        }
        let told = amount(usage.get(BILLABLE_UNITS)?).filter(|_| self.only_unit().is_some())?;
        let Range { low, high, .. } = self.quantity(rate, facts);
        let ways = [told, told.times(Amount::whole(rate.per))];
        ways.into_iter().find(|told| *told >= low.over(NEAR) && *told <= high.times(Amount::whole(NEAR)))
    }

    fn billing(&self) -> impl Iterator<Item = &Rate> {
        self.rates.iter().filter(|rate| !rate.estimate_only)
    }

    /// The rates for an estimate: where some are there for nothing else, they stand for all that is returned.
    fn estimating(&self) -> impl Iterator<Item = &Rate> {
        let has_estimates = self.rates.iter().any(|rate| rate.estimate_only);
        self.rates.iter().filter(move |rate| !has_estimates || rate.estimate_only || rate.unit.is_of_input())
    }

    /// The rates of a unit that can hold: one, if all that they depend on is known.
    fn candidates<'r>(
        &self,
        unit: Unit,
        rates: &[&'r Rate],
        facts: &Facts<'_>,
        usage: &Usage,
    ) -> Result<Vec<&'r Rate>, Unpriced> {
        let mut of_unit: Vec<&Rate> = rates.iter().copied().filter(|rate| rate.unit == unit).collect();
        of_unit.sort_by_key(|rate| std::cmp::Reverse(rate.when.len()));
        let mut candidates = Vec::new();
        for rate in &of_unit {
            let answers = rate.when.iter().map(|condition| holds(condition, facts, usage));
            match answers.fold(Some(true), and) {
                Some(true) => {
                    candidates.push(*rate);
                    break;
                }
                Some(false) => {}
                None => candidates.push(*rate),
            }
        }
        if candidates.is_empty() {
            let asked: BTreeSet<&str> = of_unit
                .iter()
                .flat_map(|rate| &rate.when)
                .map(|condition| condition.subject.as_str())
                .collect();
            let given = asked.into_iter().filter_map(|subject| match facts.of(subject) {
                Fact::Is(value) => Some(format!("`{subject}` = {}", shown(value))),
                Fact::Unknown | Fact::Missing => None,
            });
            let given: Vec<String> = given.collect();
            return Err(Unpriced::because(format!("the price book has no price for {}", given.join(", "))));
        }
        Ok(candidates)
    }

    /// How much of its unit is billed at `rate`.
    fn quantity(&self, rate: &Rate, facts: &Facts<'_>) -> Range {
        if let Some(factors) = self.quantities.get(&rate.unit) {
            let start = Range::exactly(Amount::ONE);
            return factors.iter().fold(start, |product, factor| product.times(factor.range(facts)));
        }
        match rate.unit {
            Unit::GpuSecond => time(rate, facts),
            _ => Range::exactly(Amount::ONE),
        }
    }
}

/// The time that a call takes at the provider: reserved is three times what is typical, or as long as the job may
/// run if that is shorter, since it is cancelled there.
fn time(rate: &Rate, facts: &Facts<'_>) -> Range {
    const RESERVED: u64 = 3;
    let seconds =
        |seconds: f64| serde_json::Number::from_f64(seconds).and_then(|number| Amount::of_number(&number));
    let typical = rate.typical.or_else(|| seconds(facts.contract.usual_seconds.1)).unwrap_or(Amount::ONE);
    let most = typical.times(Amount::whole(RESERVED));
    let most = facts.job.map_or(most, |job| most.min(Amount::whole(job.0).over(1000)));
    let likely = typical.min(most);
    Range::new(likely.over(2), likely, most)
}

fn per_one((quantity, rate): (Range, &&Rate)) -> (Range, Money) {
    (quantity.map(|amount| amount.over(rate.per)), rate.usd)
}

/// Of what can be, the one in the middle by its cost, of two the dearer.
fn middle(mut parts: Vec<(Amount, Money)>) -> Option<(Amount, Money)> {
    parts.sort_by_key(|part| Amount::cost(&[*part]));
    parts.get(parts.len() / 2).copied()
}

/// Whether a condition holds, if that is known. What was measured counts more than what was asked for.
fn holds(condition: &Condition, facts: &Facts<'_>, usage: &Usage) -> Option<bool> {
    if let Some(measured) = usage.get(&condition.subject) {
        return Some(condition.holds_for(&Value::from(measured)));
    }
    match facts.of(&condition.subject) {
        Fact::Is(value) => Some(condition.holds_for(value)),
        Fact::Unknown | Fact::Missing => None,
    }
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 40;
    let text = value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned);
    text.chars().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
