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

    /// This point, `span` earlier.
    ///
    /// ```
    /// # use motet_pipeline::{Span, Timestamp};
    /// assert_eq!(Timestamp(90_000).before(Span::minutes(1)), Timestamp(30_000));
    /// ```
    pub fn before(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }

    /// The day in UTC.
    ///
    /// ```
    /// # use motet_pipeline::Timestamp;
    /// assert_eq!(Timestamp(0).day(), "1970-01-01");
    /// assert_eq!(Timestamp(-1).day(), "1969-12-31");
    /// ```
    pub fn day(self) -> String {
        let (year, month, day) = civil_date(self.0.div_euclid(86_400_000));
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the millisecond: `2026-01-31T09:05:00.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.rem_euclid(86_400_000);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}.{:03}Z", self.day(), ms % 1000)
    }
}

/// Year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01. Counts in eras
/// of 400 years that begin on 1 March, so that leap days come last.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_shown_as_rfc_3339() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_793_523_600_250, "2026-11-01T09:00:00.250Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (milliseconds, text) in table {
            assert_eq!(Timestamp(milliseconds).to_string(), text);
        }
    }
}
