//! Pace: what replies tell of a provider's limits.

use motet_pipeline::{Span, Timestamp};

use crate::http::Reply;

/// What a reply tells of the limits of its credential. What isn't told is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// How many requests are left until `reset_at`.
    pub remaining: Option<u64>,
    /// When there will be more.
    pub reset_at: Option<Timestamp>,
    /// How many calls are under way.
    pub concurrency: Option<u64>,
    /// How many calls may be under way.
    pub concurrency_max: Option<u64>,
}

impl Pace {
    /// What the headers that most providers use tell: `ratelimit-remaining` and `ratelimit-reset` (seconds).
    pub fn of(reply: &Reply) -> Pace {
        let number = |name| reply.header(name).and_then(|text| text.trim().parse::<u64>().ok());
        let reset = number("ratelimit-reset").or_else(|| number("x-ratelimit-reset"));
        Pace {
            remaining: number("ratelimit-remaining").or_else(|| number("x-ratelimit-remaining")),
            reset_at: reset.and_then(|seconds| moment(reply.at, seconds)),
            ..Pace::default()
        }
    }
}

/// A reset is told as seconds from now, or as seconds since 1970 by some. One that lies more than a year ahead is no
/// limit but a fault.
fn moment(now: Timestamp, seconds: u64) -> Option<Timestamp> {
    const SINCE_1970: u64 = 1_000_000_000;
    const AHEAD_MAX: Span = Span::minutes(366 * 24 * 60);
    let milliseconds = i64::try_from(seconds).ok()?.checked_mul(1000)?;
    let at = if seconds >= SINCE_1970 { milliseconds } else { now.0.checked_add(milliseconds)? };
    Some(Timestamp(at)).filter(|at| at.since(now) <= AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn reset(text: &str) -> Option<i64> {
        let headers = vec![("ratelimit-reset".to_owned(), text.to_owned())];
        Some(Pace::of(&Reply { headers, at: NOW, ..Reply::default() }).reset_at?.0 - NOW.0)
    }

    #[test]
    fn a_reset_is_understood_in_both_ways_in_which_it_is_told() {
        let table = [
            ("30", Some(30_000)),
            (" 0 ", Some(0)),
            ("1800000030", Some(30_000)),
            ("99999999", None),
            ("9999999999999", None),
            ("18446744073709551615", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(reset(text), expected, "{text}");
        }
    }
}
