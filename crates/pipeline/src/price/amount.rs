//! Amounts: quantities, exact.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Money, Span};

/// A quantity that is not negative, as an exact fraction; in JSON a decimal number or a decimal string.
///
/// What is read from a decimal has at most six places, rounded up; what would be more than 10¹⁵ is 10¹⁵.
///
/// ```
/// use motet_pipeline::price::Amount;
/// let seconds: Amount = "1.73".parse().unwrap();
/// assert_eq!(seconds.times(Amount::whole(100)), Amount::whole(173));
/// assert_eq!(Amount::whole(1).over(3).rounded_up(), Amount::whole(1));
/// assert!("-1".parse::<Amount>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// In lowest terms.
    numerator: u128,
    /// Never zero.
    denominator: u128,
}

const MOST: u128 = 1_000_000_000_000_000;
const PLACES: u32 = 6;

impl Amount {
    /// None.
    pub const ZERO: Amount = Amount { numerator: 0, denominator: 1 };
    /// One.
    pub const ONE: Amount = Amount { numerator: 1, denominator: 1 };
    const MAX: Amount = Amount { numerator: MOST, denominator: 1 };

    /// A whole quantity.
    pub fn whole(number: u64) -> Amount {
        Amount::fraction(number.into(), 1)
    }

    /// A number of JSON, if it is one that isn't negative.
    pub fn of_number(number: &serde_json::Number) -> Option<Amount> {
        number.to_string().parse().ok()
    }

    /// The fraction in lowest terms, at most the most that there is.
    fn fraction(numerator: u128, denominator: u128) -> Amount {
        if numerator / denominator >= MOST {
            return Amount::MAX;
        }
        let common = greatest_common_divisor(numerator, denominator);
        Amount { numerator: numerator / common, denominator: denominator / common }
    }

    /// So many times as much.
    pub fn times(self, other: Amount) -> Amount {
        let (a, d) = reduced(self.numerator, other.denominator);
        let (c, b) = reduced(other.numerator, self.denominator);
        match (a.checked_mul(c), b.checked_mul(d)) {
            (Some(numerator), Some(denominator)) => Amount::fraction(numerator, denominator),
            _ => Amount::MAX,
        }
    }

    /// A part of it; zero counts as one.
    pub fn over(self, parts: u64) -> Amount {
        match self.denominator.checked_mul(parts.max(1).into()) {
            Some(denominator) => Amount::fraction(self.numerator, denominator),
            None => Amount::MAX,
        }
    }

    /// Both together.
    pub fn plus(self, other: Amount) -> Amount {
        let common = greatest_common_divisor(self.denominator, other.denominator);
        let (left, right) = (other.denominator / common, self.denominator / common);
        let sum = || {
            let numerator =
                self.numerator.checked_mul(left)?.checked_add(other.numerator.checked_mul(right)?)?;
            Some(Amount::fraction(numerator, self.denominator.checked_mul(left)?))
        };
        sum().unwrap_or(Amount::MAX)
    }

    /// The next whole quantity, itself if it is one.
    pub fn rounded_up(self) -> Amount {
        Amount::fraction(self.numerator.div_ceil(self.denominator), 1)
    }

    /// As long as so many seconds, down to the millisecond.
    pub fn seconds(self) -> Span {
        let milliseconds = self.times(Amount::whole(1000));
        Span(u64::try_from(milliseconds.numerator / milliseconds.denominator).unwrap_or(u64::MAX))
    }

    /// What these quantities cost together, each with what one costs (not negative), to 10⁻¹² dollars: rounded once,
    /// half to even.
    pub fn cost(parts: &[(Amount, Money)]) -> Money {
        let mut sum = (0_u128, 1_u128);
        for (amount, each) in parts {
            let (units, denominator) = reduced(each.units().unsigned_abs(), amount.denominator);
            let common = greatest_common_divisor(sum.1, denominator);
            let added = units.checked_mul(amount.numerator).and_then(|part| {
                let left = sum.0.checked_mul(denominator / common)?;
                let right = part.checked_mul(sum.1 / common)?;
                Some((left.checked_add(right)?, sum.1.checked_mul(denominator / common)?))
            });
            let Some(added) = added else { return Money::from_units(i128::MAX) };
            sum = added;
        }
        let (whole, rest) = (sum.0 / sum.1, sum.0 % sum.1);
        let is_up = match rest.cmp(&(sum.1 - rest)) {
            Ordering::Less => false,
            Ordering::Equal => whole % 2 == 1,
            Ordering::Greater => true,
        };
        Money::from_units(i128::try_from(whole + u128::from(is_up)).unwrap_or(i128::MAX))
    }
}

fn greatest_common_divisor(mut left: u128, mut right: u128) -> u128 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left.max(1)
}

fn reduced(left: u128, right: u128) -> (u128, u128) {
    let common = greatest_common_divisor(left, right);
    (left / common, right / common)
}

impl Ord for Amount {
    /// By whole parts and then, by turning what is left over upside down, by the rest: no product that could be
    /// too large.
    fn cmp(&self, other: &Amount) -> Ordering {
        let (mut left, mut right) = (*self, *other);
        loop {
            let whole = (left.numerator / left.denominator).cmp(&(right.numerator / right.denominator));
            let rests = (left.numerator % left.denominator, right.numerator % right.denominator);
            match (whole, rests) {
                (Ordering::Equal, (0, 0)) => return Ordering::Equal,
                (Ordering::Equal, (0, _)) => return Ordering::Less,
                (Ordering::Equal, (_, 0)) => return Ordering::Greater,
                (Ordering::Equal, (rest, other_rest)) => {
                    let upside_down = Amount { numerator: left.denominator, denominator: rest };
                    left = Amount { numerator: right.denominator, denominator: other_rest };
                    right = upside_down;
                }
                (decided, _) => return decided,
            }
        }
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Amount) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The text is no quantity.
#[derive(Debug, thiserror::Error)]
#[error("not a quantity: write a plain decimal that isn't negative, such as 1.5")]
pub struct NotAnAmount;

impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Amount, NotAnAmount> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| NotAnAmount)?),
            None => (text, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(part) || text.len() > 400 {
            return Err(NotAnAmount);
        }
        let digits = format!("{whole}{part}");
        let places = i64::try_from(part.len()).unwrap_or_default() - i64::from(exponent);
        Ok(of_digits(digits.trim_start_matches('0'), places))
    }
}

/// Whole `digits`, of which the last `places` stand behind the point.
fn of_digits(digits: &str, places: i64) -> Amount {
    let kept = i64::from(PLACES);
    let surplus = usize::try_from((places - kept).max(0)).unwrap_or(usize::MAX);
    let (kept_digits, cut) = digits.split_at(digits.len().saturating_sub(surplus));
    let missing = usize::try_from((kept - places).max(0)).unwrap_or(usize::MAX);
    if !digits.is_empty() && kept_digits.len().saturating_add(missing) > 30 {
        return Amount::MAX;
    }
    let zeros = if digits.is_empty() { 0 } else { missing };
    let millionths: u128 = format!("0{kept_digits}{}", "0".repeat(zeros)).parse().unwrap_or(u128::MAX / 2);
    let is_more = cut.bytes().any(|digit| digit != b'0');
    Amount::fraction(millionths + u128::from(is_more), 10_u128.pow(PLACES))
}

impl fmt::Display for Amount {
    /// With at most six places; a longer fraction is cut there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.numerator / self.denominator, self.numerator % self.denominator);
        let scaled = rest.checked_mul(10_u128.pow(PLACES)).map_or(0, |scaled| scaled / self.denominator);
        match format!("{scaled:06}").trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            part => write!(f, "{whole}.{part}"),
        }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(serde_json::Number),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_exact_and_shown_as_they_were() {
        for text in ["0", "1", "0.5", "1.73", "1048576", "0.000001", "1000000000000000"] {
            assert_eq!(amount(text).to_string(), text);
        }
        let table =
            [("1e3", "1000"), ("2.5e-1", "0.25"), ("0.0000001", "0.000001"), ("1e300", "1000000000000000")];
        for (text, shown) in table {
            assert_eq!(amount(text).to_string(), shown, "{text}");
        }
        assert_eq!(amount("1e-300"), amount("0.000001"), "what is tiny is not nothing");
        assert_eq!(amount("0e999"), Amount::ZERO);
        for text in ["", "-1", "+1", "1.", ".5", "1e", "NaN", "inf", "1_000", "0x10", " 1"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cost_is_rounded_once_half_to_even() {
        let unit = |units| Money::from_units(units);
        let half = Amount::whole(1).over(2);
        for (each, expected) in [(1, 0), (2, 1), (3, 2), (5, 2), (7, 4)] {
            assert_eq!(Amount::cost(&[(half, unit(each))]), unit(expected), "half of {each}");
        }
        let third = Amount::whole(1).over(3);
        let dollar: Money = "1".parse().unwrap();
        assert_eq!(Amount::cost(&[(third, dollar)]).to_string(), "0.333333333333");
        assert_eq!(Amount::cost(&[(third, dollar); 3]), dollar, "and not 0.999999999999");
        assert_eq!(Amount::cost(&[(Amount::MAX, unit(i128::MAX))]), unit(i128::MAX));
        assert_eq!(Amount::cost(&[]), Money::ZERO);
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[-+0-9.eE]{0,40}") {
            if let Ok(read) = text.parse::<Amount>() {
                prop_assert!(read <= Amount::MAX);
                prop_assert!(read.times(read) >= Amount::ZERO && read.plus(read) >= read);
            }
        }

        #[test]
        fn order_is_that_of_the_fractions(a in 0_u64..1 << 40, b in 1_u64..1 << 20, c in 0_u64..1 << 40, d in 1_u64..1 << 20) {
            let by_products = (u128::from(a) * u128::from(d)).cmp(&(u128::from(c) * u128::from(b)));
            prop_assert_eq!(Amount::whole(a).over(b).cmp(&Amount::whole(c).over(d)), by_products);
        }
    }
}
