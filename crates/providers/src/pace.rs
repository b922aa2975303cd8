//! Pace: what replies tell of a provider's limits.

use motet_pipeline::Timestamp;

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

/// A reset is told as seconds from now, or as seconds since 1970 by some.
fn moment(now: Timestamp, seconds: u64) -> Option<Timestamp> {
    const SINCE_1970: u64 = 1_000_000_000;
    let milliseconds = i64::try_from(seconds).ok()?.checked_mul(1000)?;
    if seconds >= SINCE_1970 {
        Some(Timestamp(milliseconds))
    } else {
        now.0.checked_add(milliseconds).map(Timestamp)
    }
}
