//! Pools: how many may be at work in one at once, and how often one may begin, as it is set and as a provider says.

use motet_pipeline::{Span, Timestamp};

use super::bucket::Bucket;
use super::{PoolLimit, Rate};

/// What a provider has said of the limits of a pool. What it didn't say is nothing.
///
/// ```
/// use motet_engine::dispatcher::Pace;
/// use motet_pipeline::Timestamp;
/// let throttled = Pace::nothing_before(Timestamp(1_800_000_000_000));
/// assert_eq!((throttled.left, throttled.slots), (Some(0), None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// How many may begin before `until`.
    pub left: Option<u64>,
    /// When there will be more.
    pub until: Option<Timestamp>,
    /// How many may be at work at once.
    pub slots: Option<usize>,
}

impl Pace {
    /// Nothing may begin before `until`.
    pub fn nothing_before(until: Timestamp) -> Pace {
        Pace { left: Some(0), until: Some(until), slots: None }
    }

    /// Whether it says nothing.
    pub fn is_silent(&self) -> bool {
        *self == Pace::default()
    }
}

/// How a pool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolState {
    /// How many may be at work in it at once; nothing for any number.
    pub slots: Option<usize>,
    /// How many are.
    pub held: usize,
    /// How often one may begin in it; nothing for as often as anybody likes.
    pub rate: Option<Rate>,
    /// How many may begin now, by that rate.
    pub tokens: Option<u64>,
    /// Until when nothing may begin in it, because the provider said so.
    pub closed_until: Option<Timestamp>,
}

/// A pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub(super) slots: Slots,
    pub(super) bucket: Option<Bucket>,
    allowance: Option<Allowance>,
}

/// Places that are taken and given back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    /// How many there are; nothing for any number.
    all: Option<usize>,
    pub(super) held: usize,
}

/// How many may begin before a moment, as the provider has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowance {
    left: u64,
    until: Timestamp,
}

/// Two replies that tell of moments as near as this tell of the same: they are told in whole seconds.
const SAME: Span = Span::seconds(1);

impl Slots {
    pub(super) fn of(all: usize) -> Slots {
        Slots { all: Some(all), held: 0 }
    }

    /// Those that were taken up may be more than there are.
    pub(super) fn free(&self) -> usize {
        self.all.map_or(usize::MAX, |all| all.saturating_sub(self.held))
    }
}

impl Pool {
    pub(super) fn new(limit: PoolLimit) -> Pool {
        let slots = Slots { all: limit.slots, held: 0 };
        Pool { slots, bucket: limit.rate.map(Bucket::full), allowance: None }
    }

    /// How many may begin at `now`.
    pub(super) fn tokens(&self, now: Timestamp) -> u64 {
        let by_rate = self.bucket.map_or(u64::MAX, |bucket| bucket.tokens(now));
        by_rate.min(self.allowance.map_or(u64::MAX, |allowance| allowance.left(now)))
    }

    /// When `tokens` of them may begin, if none does before; nothing if that doesn't come with time.
    pub(super) fn when(&self, tokens: u64, now: Timestamp) -> Option<Timestamp> {
        let by_rate = self.bucket.map(|bucket| bucket.when(tokens, now));
        let told = self.allowance.filter(|allowance| allowance.left(now) < tokens).map(|told| told.until);
        match by_rate {
            Some(None) => None,
            Some(Some(by_rate)) => Some(by_rate.max(told.unwrap_or(by_rate))),
            None => told,
        }
    }

    /// One begins. Whether that is to be remembered: it has a rate.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<&Bucket> {
        let allowance = self.allowance.as_mut();
        allowance.into_iter().for_each(|allowance| allowance.left = allowance.left.saturating_sub(1));
        let bucket = self.bucket.as_mut()?;
        bucket.take(now);
        Some(bucket)
    }

    /// Takes in what the provider says. Whether that is to be remembered: the number of slots has changed, or nothing
    /// may begin for longer than was known.
    pub(super) fn hear(&mut self, pace: Pace, now: Timestamp) -> bool {
        let (slots, closed) = (self.slots.all, self.closed_until(now));
        if let Some(told) = pace.slots {
            // With none at all, nobody would ever hear that there are some again.
            self.slots.all = Some(told.max(1));
        }
        if let (Some(left), Some(until)) = (pace.left, pace.until.filter(|until| *until > now)) {
            // Of the same window: whoever began since the reply was made isn't counted in it.
            let known = self.allowance.filter(|known| known.until > now && near(known.until, until));
            let left = known.map_or(left, |known| known.left.min(left));
            self.allowance = Some(Allowance { left, until });
        }
        let closed_now = self.closed_until(now);
        self.slots.all != slots || (closed_now.is_some() && closed_now != closed)
    }

    /// Takes in what is remembered of what the provider said.
    pub(super) fn remember(&mut self, slots: Option<usize>, closed_until: Option<Timestamp>) {
        self.slots.all = slots;
        self.allowance = closed_until.map(|until| Allowance { left: 0, until });
    }

    /// Until when nothing may begin, because the provider has said so.
    pub(super) fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.allowance.filter(|allowance| allowance.left(now) == 0).map(|allowance| allowance.until)
    }

    pub(super) fn slots(&self) -> Option<usize> {
        self.slots.all
    }

    pub(super) fn state(&self, now: Timestamp) -> PoolState {
        PoolState {
            slots: self.slots.all,
            held: self.slots.held,
            rate: self.bucket.map(|bucket| bucket.rate()),
            tokens: self.bucket.map(|bucket| bucket.tokens(now)),
            closed_until: self.closed_until(now),
        }
    }
}

impl Allowance {
    fn left(&self, now: Timestamp) -> u64 {
        if self.until <= now { u64::MAX } else { self.left }
    }
}

fn near(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).max(other.since(one)) <= SAME
}
