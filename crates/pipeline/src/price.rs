//! Prices: what a call is going to cost, and what it did cost.
//!
//! A [`Price`] is pinned with a run, so that a run is settled at the tariffs it was planned with. It says at which
//! [`Tariff`]s each unit is billed, and how the quantity of each unit follows from the inputs. What isn't known
//! beforehand is a [`Range`]. An unknown price is [`Unpriced`], never zero (law L3).

mod amount;
mod condition;
mod estimate;
mod facts;
mod quantity;
mod range;
mod settled;
mod unit;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use amount::{Amount, NotAnAmount};
pub use condition::{Condition, NotACondition};
pub use facts::Facts;
pub use quantity::{Factor, Measure, Source};
pub use range::Range;
pub use unit::Unit;

use crate::{Contract, Money};

/// What a provider tells of its use without saying of what, in a [`Usage`](crate::Usage).
pub const BILLABLE_UNITS: &str = "billable_units";

/// What an operation costs.
///
/// ```
/// use motet_pipeline::contract::{Contract, Parameter, Work};
/// use motet_pipeline::price::{Amount, Facts, Factor, Measure, Price, Range, Tariff, Source, Unit};
/// use motet_pipeline::{Type, Value};
/// let speech = Contract::new("example/voice", Work::Model)
///     .input(Parameter::required("text", Type::Text).range(1.0, 5000.0));
/// let price = Price::of(Tariff::new(Unit::InputCharacter, 1000, "0.30".parse().unwrap())).counted(
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
    pub tariffs: Vec<Tariff>,
    /// How much of each unit a call uses: the product of the factors. A unit that isn't here is one a call, but
    /// time at the provider, which follows from the tariff.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<Unit, Vec<Factor>>,
}

/// What so many of a unit cost, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// What is counted.
    pub unit: Unit,
    /// How many of them the price is for.
    pub per: u64,
    /// The price, in US dollars.
    pub usd: Money,
    /// When it holds: all of these must. Of several tariffs of a unit that hold, the one with the most conditions is
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

impl Tariff {
    /// A tariff that always holds.
    pub fn new(unit: Unit, per: u64, usd: Money) -> Tariff {
        Tariff {
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
    /// A price of one tariff.
    pub fn of(tariff: Tariff) -> Price {
        Price { tariffs: vec![tariff], quantities: BTreeMap::new() }
    }

    /// The same amount for each call.
    pub fn flat(usd: Money) -> Price {
        Price::of(Tariff::new(Unit::Request, 1, usd))
    }

    /// Says how much of a unit a call uses.
    pub fn counted(mut self, unit: Unit, factors: Vec<Factor>) -> Price {
        self.quantities.insert(unit, factors);
        self
    }

    /// The unit that is billed, if it is one alone: the unit of a number that a provider tells without a name.
    pub fn only_unit(&self) -> Option<Unit> {
        let billed: BTreeSet<Unit> = self.billing().map(|tariff| tariff.unit).collect();
        billed.first().copied().filter(|_| billed.len() == 1)
    }

    /// Whether what a call costs follows from one of these inputs.
    pub fn depends_on(&self, inputs: &BTreeSet<String>) -> bool {
        let factors = self.quantities.values().flatten();
        let sources = factors.flat_map(|factor| &factor.from);
        let counted = sources.flat_map(|source| std::iter::once(&source.input).chain(&source.by));
        let asked = self.tariffs.iter().flat_map(|tariff| &tariff.when).map(|condition| &condition.subject);
        counted.chain(asked).any(|input| inputs.contains(input))
    }

    /// The tariffs that are billed by.
    fn billing(&self) -> impl Iterator<Item = &Tariff> {
        self.tariffs.iter().filter(|tariff| !tariff.estimate_only)
    }
}

#[cfg(test)]
mod tests;
