//! Points in time and lengths of time, as numbers that are handed in. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This point, `span` later.
    pub fn after(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A length of time in milliseconds, written `250ms`, `10s`, `2m`, `1h30m` or `7d`.
///
/// ```
/// use motet_pipeline::Span;
/// assert_eq!("1h30m".parse::<Span>().unwrap(), Span::seconds(5400));
/// assert_eq!("1.5s".parse::<Span>().unwrap(), Span(1500));
/// assert_eq!(Span::seconds(90).to_string(), "1m30s");
/// assert!("10".parse::<Span>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Span {
    /// `n` milliseconds.
    pub const fn milliseconds(n: u64) -> Span {
        Span(n)
    }

    /// `n` seconds.
    pub const fn seconds(n: u64) -> Span {
        Span(n * 1000)
    }

    /// `n` minutes.
    pub const fn minutes(n: u64) -> Span {
        Span(n * 60_000)
    }

    /// The length in seconds, for people and for ffmpeg.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

/// The text is no length of time.
#[derive(Debug, thiserror::Error)]
#[error("not a duration: write a number and a unit, such as 250ms, 10s, 2m, 1h30m or 7d")]
pub struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Span, NotASpan> {
        let mut rest = text.trim();
        let mut total = 0_f64;
        if rest.is_empty() {
            return Err(NotASpan);
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(NotASpan)?;
            let number: f64 = rest[..digits].parse().map_err(|_| NotASpan)?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let (_, length) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters]).ok_or(NotASpan)?;
            rest = &rest[letters..];
            total += number * *length as f64;
        }
        if !total.is_finite() || total > 1e15 {
            return Err(NotASpan);
        }
        Ok(Span(total.round() as u64))
    }
}
