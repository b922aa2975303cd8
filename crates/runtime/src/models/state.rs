//! How providers stand: what a store knows of their limits, of what holds them up, and of how calls last failed.

use std::collections::BTreeMap;

use motet_engine::Dispatcher;
use motet_engine::dispatcher::{GateEntry, GateEvent, Limits, PoolState};
use motet_engine::intent::place;
use motet_pipeline::{Class, Timestamp};
use motet_providers::Registry;
use motet_store::{GateStream, OpenCalls};

use super::limit_of;
use crate::settings::{KnownKey, Settings};

/// How a provider stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderState {
    /// Its name.
    pub provider: String,
    /// Its breaker, if that is open.
    pub breaker: Option<OpenBreaker>,
    /// Its keys, the one that is used first before the others.
    pub keys: Vec<KeyState>,
}

/// A breaker that is open: the provider failed too often, and is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenBreaker {
    /// Since when.
    pub since: Timestamp,
    /// When the next call tries whether the provider works again. That moment may be over: nothing was called since.
    pub next_try_at: Timestamp,
}

/// How calls with a key of a provider stand.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyState {
    /// The key, by its name.
    pub key: KnownKey,
    /// Its limits: as the provider publishes them, corrected by what replies have said.
    pub limits: PoolState,
    /// How many calls with it have not ended.
    pub in_use: usize,
    /// How the last call failed that did, and when that became known.
    pub last_failure: Option<(Class, Timestamp)>,
}

impl Settings {
    /// How each provider stands at `now`, by what a store remembers of the gate, and by its calls that have not ended.
    pub fn provider_states(
        &self,
        stream: &GateStream,
        open: &OpenCalls,
        now: Timestamp,
    ) -> Vec<ProviderState> {
        let mut limits = Limits::default();
        let registry = Registry::default();
        for profile in registry.iter().map(|provider| provider.profile()) {
            let places = self.keys_of(&profile.name).into_iter().map(|key| place(&profile.name, &key.name));
            limits.pools.extend(places.map(|place| (place, limit_of(profile))));
        }
        let gate = Dispatcher::replay(limits, &stream.entries, now);
        let failures: BTreeMap<&str, (Class, Timestamp)> =
            stream.entries.iter().filter_map(failure).collect();
        let key_state = |provider: &str, key: KnownKey| {
            let place = place(provider, &key.name);
            let counted = open.get(&(provider.to_owned(), key.name.clone()));
            KeyState {
                limits: gate.pool(&place).unwrap_or_default(),
                in_use: counted.copied().unwrap_or(0),
                last_failure: failures.get(&*place).copied(),
                key,
            }
        };
        let state = |name: &str| ProviderState {
            provider: name.to_owned(),
            breaker: stream.entries.iter().find_map(|entry| open_breaker(entry, name)),
            keys: self.keys_of(name).into_iter().map(|key| key_state(name, key)).collect(),
        };
        registry.iter().map(|provider| state(&provider.profile().name)).collect()
    }
}

fn failure(entry: &GateEntry) -> Option<(&str, (Class, Timestamp))> {
    match &entry.event {
        GateEvent::Failed { pool, class } => Some((pool, (*class, entry.at))),
        _ => None,
    }
}

fn open_breaker(entry: &GateEntry, provider: &str) -> Option<OpenBreaker> {
    match &entry.event {
        GateEvent::BreakerOpened { target, until } if **target == *provider => {
            Some(OpenBreaker { since: entry.at, next_try_at: *until })
        }
        _ => None,
    }
}
