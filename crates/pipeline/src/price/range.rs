//! Ranges: a quantity that isn't known yet.

use serde::{Deserialize, Serialize};

use super::Amount;

/// A quantity as far as it is known: at least, likely, at most.
///
/// ```
/// use motet_pipeline::price::{Amount, Range};
/// let images = Range::exactly(Amount::whole(4));
/// let megapixels = Range::new(Amount::whole(1), Amount::whole(1), Amount::whole(2));
/// assert_eq!(images.times(megapixels).high, Amount::whole(8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub low: Amount,
    /// What it usually is.
    pub likely: Amount,
    /// The most.
    pub high: Amount,
    /// Whether `high` is no more than an assumption: it may be exceeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

impl Range {
    /// A range whose ends hold. They are put in order.
    pub fn new(low: Amount, likely: Amount, high: Amount) -> Range {
        let high = high.max(low);
        Range { low, likely: likely.clamp(low, high), high, assumed: false }
    }

    /// A quantity that is known.
    pub fn exactly(amount: Amount) -> Range {
        Range { low: amount, likely: amount, high: amount, assumed: false }
    }

    /// Whether it is known.
    pub fn is_exact(&self) -> bool {
        self.low == self.high && !self.assumed
    }

    /// The product of both.
    pub fn times(self, other: Range) -> Range {
        let assumed = self.assumed || other.assumed;
        Range { assumed, ..self.each(|at| at(&self).times(at(&other))) }
    }

    /// The same, each of its numbers changed by a function that keeps their order.
    pub fn map(self, change: impl Fn(Amount) -> Amount) -> Range {
        self.each(|at| change(at(&self)))
    }

    /// What either may be.
    pub fn or(self, other: Range) -> Range {
        Range {
            low: self.low.min(other.low),
            likely: self.likely,
            high: self.high.max(other.high),
            assumed: self.assumed || other.assumed,
        }
    }

    fn each(self, number: impl Fn(fn(&Range) -> Amount) -> Amount) -> Range {
        Range {
            low: number(|range| range.low),
            likely: number(|range| range.likely),
            high: number(|range| range.high),
            ..self
        }
    }
}
