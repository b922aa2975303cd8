//! Rate limits (token buckets) and concurrency limits (slots) of accounts.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::scenario::Provider;

/// A token bucket.
#[derive(Clone, Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// The use of all limits. It is not saved: limits start afresh after a restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meters {
    buckets: HashMap<(Provider, String, bool), Bucket>,
    /// When each slot of an account becomes free.
    places: HashMap<(Provider, String), Vec<Timestamp>>,
}

impl Meters {
    /// Takes a token; the error is the number of seconds until there is one.
    pub(crate) fn take(
        &mut self,
        key: (Provider, String, bool),
        per_minute: u32,
        now: Timestamp,
    ) -> Result<(), u64> {
        let most = f64::from(per_minute.max(1));
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: most, at: now });
        let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + seconds * most / 60.0).min(most);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(((1.0 - bucket.tokens) * 60.0 / most).ceil() as u64)
    }

    fn places(&mut self, provider: Provider, account: &str, many: u32) -> &mut Vec<Timestamp> {
        let places = self.places.entry((provider, account.to_owned())).or_default();
        places.resize(many.max(1) as usize, Timestamp::MIN);
        places
    }

    /// How many slots are in use at a moment.
    pub(crate) fn busy(&mut self, provider: Provider, account: &str, many: u32, now: Timestamp) -> u32 {
        self.places(provider, account, many).iter().filter(|free| **free > now).count() as u32
    }

    /// When the next slot becomes free.
    pub(crate) fn free_at(&mut self, provider: Provider, account: &str, many: u32) -> Timestamp {
        self.places(provider, account, many).iter().min().copied().unwrap_or(Timestamp::MIN)
    }

    /// Takes the slot that is free first, until `until`.
    pub(crate) fn occupy(&mut self, provider: Provider, account: &str, many: u32, until: Timestamp) {
        if let Some(place) = self.places(provider, account, many).iter_mut().min() {
            *place = until;
        }
    }
}
