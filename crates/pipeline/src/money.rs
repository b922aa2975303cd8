//! Money, exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in US dollars, in whole units of 10⁻¹² dollars; in JSON a decimal string.
///
/// ```
/// use motet_pipeline::Money;
/// let price: Money = "0.0003".parse().unwrap();
/// assert_eq!((price + price).to_string(), "0.0006");
/// assert_eq!(Money::ZERO.to_string(), "0");
/// assert!("1e3".parse::<Money>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(i128);

/// How many digits stand behind the point at most.
const PLACES: usize = 12;

const UNITS: i128 = 10_i128.pow(PLACES as u32);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// An amount in units of 10⁻¹² dollars.
    pub const fn from_units(units: i128) -> Money {
        Money(units)
    }

    /// The amount in units of 10⁻¹² dollars.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

/// What something cost, and how that is known.
///
/// ```
/// use motet_pipeline::money::{Basis, Cost};
/// let cost = Cost::billed("0.04".parse().unwrap());
/// assert_eq!(cost.basis, Basis::Billed);
/// assert!(Cost::NONE.is_none());
/// assert!(!Cost::maybe(Cost::NONE.amount).is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How much, in US dollars.
    pub amount: Money,
    /// How that is known.
    pub basis: Basis,
}

/// How a cost is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Reported by whoever did the work.
    #[default]
    Billed,
    /// It was computed from what was used, by a price book.
    Computed,
    /// It is unknown whether it will be billed: the most that it can be.
    Maybe,
}

impl Basis {
    /// All of them.
    pub const ALL: [Basis; 3] = [Basis::Billed, Basis::Computed, Basis::Maybe];

    /// The word in events and reports: `billed`, `computed` or `maybe`.
    pub fn word(self) -> &'static str {
        match self {
            Basis::Billed => "billed",
            Basis::Computed => "computed",
            Basis::Maybe => "maybe",
        }
    }
}

impl Cost {
    /// Nothing was spent.
    pub const NONE: Cost = Cost { amount: Money::ZERO, basis: Basis::Billed };

    /// What was reported by whoever did the work.
    pub const fn billed(amount: Money) -> Cost {
        Cost { amount, basis: Basis::Billed }
    }

    /// What was computed from what was used.
    pub const fn computed(amount: Money) -> Cost {
        Cost { amount, basis: Basis::Computed }
    }

    /// The most that something can cost if it is unknown whether it will be billed.
    pub const fn maybe(amount: Money) -> Cost {
        Cost { amount, basis: Basis::Maybe }
    }

    /// Whether nothing was spent, and that is known: what may be billed at a price that nobody knows is not nothing.
    pub const fn is_none(&self) -> bool {
        self.amount.is_zero() && matches!(self.basis, Basis::Billed)
    }
}

/// In JSON a billed cost is its amount, any other an object: `{"amount": "0.04", "basis": "computed"}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenCost {
    Billed(Money),
    Other { amount: Money, basis: Basis },
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cost { amount, basis } = *self;
        match basis {
            Basis::Billed => WrittenCost::Billed(amount),
            _ => WrittenCost::Other { amount, basis },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cost, D::Error> {
        Ok(match WrittenCost::deserialize(deserializer)? {
            WrittenCost::Billed(amount) => Cost::billed(amount),
            WrittenCost::Other { amount, basis } => Cost { amount, basis },
        })
    }
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl Money {
    /// What is left after `other`; nothing if that is as much or more.
    ///
    /// ```
    /// use motet_pipeline::Money;
    /// let (one, two) = (Money::from_units(1), Money::from_units(2));
    /// assert_eq!((two.less(one), one.less(two)), (one, Money::ZERO));
    /// ```
    pub fn less(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0).max(0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Money::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) =
            (self.0.unsigned_abs() / UNITS.unsigned_abs(), self.0.unsigned_abs() % UNITS.unsigned_abs());
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let (mut part, mut places) = (part as u64, PLACES);
        while part % 10 == 0 {
            (part, places) = (part / 10, places - 1);
        }
        write!(f, "{sign}{whole}.{part:0places$}")
    }
}

/// The text is no amount of money.
#[derive(Debug, thiserror::Error)]
#[error("not an amount: write dollars as a plain decimal with at most twelve places, such as 0.25")]
pub struct NotMoney;

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Money, NotMoney> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || part.is_empty() || part.len() > PLACES || !plain(whole) || !plain(part) {
            return Err(NotMoney);
        }
        // Of a sum as large as can be, too: what is written can be read.
        let units = format!("{}{whole}{part:0<PLACES$}", if negative { "-" } else { "" });
        units.parse().map(Money).map_err(|_| NotMoney)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_word_of_a_basis_is_the_one_that_is_written() {
        for basis in Basis::ALL {
            assert_eq!(serde_json::to_value(basis).unwrap(), basis.word());
        }
    }

    proptest! {
        #[test]
        fn every_amount_that_is_written_can_be_read(units in prop_oneof![any::<i128>(), Just(i128::MAX), Just(i128::MIN)]) {
            let amount = Money::from_units(units);
            prop_assert_eq!(amount.to_string().parse::<Money>().ok(), Some(amount));
            let sum = amount + amount;
            prop_assert_eq!(sum.to_string().parse::<Money>().ok(), Some(sum));
        }

        #[test]
        fn a_text_is_an_amount_or_an_error_and_never_a_panic(text in "[-+0-9.eE_ ]{0,40}") {
            if let Ok(amount) = text.parse::<Money>() {
                prop_assert!(!amount.is_zero() || text.chars().all(|letter| "-0.".contains(letter)));
            }
        }
    }
}
