//! Token buckets: how often something may be done.

use std::fmt;
use std::str::FromStr;

use motet_pipeline::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many tokens in so much time, written `30/1m`.
///
/// ```
/// use motet_engine::dispatcher::Rate;
/// let rate: Rate = "30/1m".parse().unwrap();
/// assert_eq!((rate.count(), rate.per().to_string()), (30, "1m".to_owned()));
/// assert!("0/1m".parse::<Rate>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Span,
}

/// The text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a rate: write a number from 1 to 1000000, a slash, and a time from 1ms to 366d, such as 30/1m")]
pub struct NotARate;

const COUNT_MAX: u32 = 1_000_000;
const PER_MAX: Span = Span::minutes(366 * 24 * 60);

impl Rate {
    /// `count` tokens in `per`; nothing if one of them is zero or beyond what makes sense.
    pub fn new(count: u32, per: Span) -> Option<Rate> {
        let makes_sense = (1..=COUNT_MAX).contains(&count) && per > Span::default() && per <= PER_MAX;
        makes_sense.then_some(Rate { count, per })
    }

    /// How many tokens: as many as can be taken at once.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// In what time they come.
    pub fn per(&self) -> Span {
        self.per
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per)
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Rate, NotARate> {
        let (count, per) = text.split_once('/').ok_or(NotARate)?;
        let count = count.trim().parse().map_err(|_| NotARate)?;
        let per = per.trim().parse().map_err(|_| NotARate)?;
        Rate::new(count, per).ok_or(NotARate)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Holds tokens, and fills up again by time.
///
/// All is counted in shares of a token: one token has as many shares as its rate's time has
/// milliseconds, and each millisecond brings as many shares as the rate has tokens. So nothing is ever
/// rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    rate: Rate,
    shares: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub(super) fn full(rate: Rate) -> Bucket {
        Bucket { rate, shares: full(rate), at: Timestamp(0) }
    }

    /// The one that held `shares` at `at`, counted by the rate of that time, if it has another now.
    pub(super) fn with(self, counted: Rate, shares: u64, at: Timestamp) -> Bucket {
        let shares = match counted == self.rate {
            true => shares,
            false => (shares / counted.per.0).saturating_mul(self.rate.per.0),
        };
        Bucket { shares: shares.min(full(self.rate)), at, ..self }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// How much of a token there is, beside whole ones.
    pub(super) fn shares(&self) -> u64 {
        self.shares
    }

    /// How many whole tokens there are at `now`.
    pub(super) fn tokens(&self, now: Timestamp) -> u64 {
        self.shares_at(now) / self.rate.per.0
    }

    /// Takes a token that is there.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.shares = self.shares_at(now).saturating_sub(self.rate.per.0);
        self.at = now;
    }

    /// When there will be `tokens` of them, if none is taken; never, if it can't hold so many.
    pub(super) fn when(&self, tokens: u64, now: Timestamp) -> Option<Timestamp> {
        let wanted = tokens.saturating_mul(self.rate.per.0);
        let missing = wanted.saturating_sub(self.shares_at(now));
        let wait = Span(missing.div_ceil(u64::from(self.rate.count)));
        (wanted <= full(self.rate)).then(|| now.after(wait))
    }

    fn shares_at(&self, now: Timestamp) -> u64 {
        let passed = now.since(self.at).min(self.rate.per).0;
        let brought = passed * u64::from(self.rate.count);
        self.shares.saturating_add(brought).min(full(self.rate))
    }
}

/// What a bucket holds at most.
fn full(rate: Rate) -> u64 {
    u64::from(rate.count) * rate.per.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_is_full_at_first_and_fills_up_by_time() {
        let mut bucket = Bucket::full(rate("3/1m"));
        let at = |seconds: i64| Timestamp(1_000_000 + seconds * 1_000);
        let mut told = Vec::new();
        for second in 0..=150 {
            while bucket.tokens(at(second)) > 0 {
                bucket.take(at(second));
                told.push(second);
            }
        }
        assert_eq!(told, [0, 0, 0, 20, 40, 60, 80, 100, 120, 140]);
    }

    #[test]
    fn a_rate_that_divides_badly_is_exact_all_the_same() {
        let mut bucket = Bucket::full(rate("7/1s"));
        let mut taken = 0;
        for now in 0..10_000 {
            let now = Timestamp(now);
            if bucket.tokens(now) > 0 {
                bucket.take(now);
                taken += 1;
            }
        }
        assert_eq!(taken, 7 + 7 * 10 - 1, "the last token comes just after that");
    }

    #[test]
    fn a_bucket_says_when_there_will_be_so_many_if_ever() {
        let mut bucket = Bucket::full(rate("2/1m"));
        let now = Timestamp(3_600_000);
        bucket.take(now);
        let when = [0, 1, 2, 3].map(|tokens| bucket.when(tokens, now).map(|at| at.since(now).to_string()));
        assert_eq!(when.each_ref().map(Option::as_deref), [Some("0s"), Some("0s"), Some("30s"), None]);
    }

    #[test]
    fn a_rate_that_was_changed_keeps_whole_tokens_as_far_as_they_fit() {
        let at = Timestamp(5);
        let table = [
            ("3/1m", "3/1m", 130_000, 130_000),
            ("3/1m", "9/1s", 130_000, 2_000),
            ("9/1s", "2/1m", 9_000, 120_000),
        ];
        for (before, now, shares, then) in table {
            assert_eq!(
                Bucket::full(rate(now)).with(rate(before), shares, at).shares(),
                then,
                "{before} {now}"
            );
        }
    }

    #[test]
    fn what_is_no_rate_is_refused_in_words() {
        for text in
            ["", "3", "3/", "/1m", "0/1m", "3/0s", "-3/1m", "3.5/1m", "2000000/1m", "3/400d", "3/1m/2"]
        {
            assert_eq!(text.parse::<Rate>(), Err(NotARate), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_more_than_full_and_what_has_come_since(
            count in 1_u32..50,
            per in 1_u64..5_000,
            pauses in prop::collection::vec(0_u64..2_000, 1..100),
        ) {
            let mut bucket = Bucket::full(Rate::new(count, Span(per)).unwrap());
            let (mut now, mut taken) = (Timestamp(1_000), 0_u64);
            for pause in pauses {
                now = now.after(Span(pause));
                while bucket.tokens(now) > 0 {
                    bucket.take(now);
                    taken += 1;
                }
                let most = u64::from(count) + now.since(Timestamp(1_000)).0 * u64::from(count) / per;
                prop_assert!(taken <= most, "{taken} of {most}");
                let next = bucket.when(1, now).unwrap();
                prop_assert!(bucket.tokens(next) > 0);
                prop_assert_eq!(bucket.tokens(Timestamp(next.0 - 1)), 0);
            }
        }
    }
}
