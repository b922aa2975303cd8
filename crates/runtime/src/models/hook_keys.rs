//! The keys that webhooks are signed with: asked of the provider, or given by the user, and kept for a while.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motet_pipeline::{Span, Timestamp};
use motet_providers::Provider;
use motet_providers::hook::{HookKey, HookKeys};
use motet_providers::http::Limits;

use crate::door::{Door, Errand, Stake};

/// How long a provider may take to give its keys: a delivery waits for them.
const ASKING_TIME: Span = Span::seconds(10);

/// How long nothing is asked again after it was: forged deliveries don't make us ask without end.
const BETWEEN_ASKS: Span = Span::minutes(1);

/// The most credentials whose keys are tried for one delivery.
const CREDENTIALS_MAX: usize = 16;

/// What is known of keys, by provider and credential.
#[derive(Default)]
pub(super) struct HookKeyring {
    known: Mutex<BTreeMap<(String, String), Kept>>,
    /// By provider, held by whoever asks it.
    asking: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Vec<HookKey>,
    read_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    /// Why there are no fresher ones.
    unread: Option<String>,
}

impl HookKeyring {
    /// The keys that there are for any of the credentials.
    pub(super) fn of(&self, provider: &str, credentials: &[String]) -> HookKeys {
        let known = self.known();
        let mut all = HookKeys::default();
        for credential in credentials.iter().take(CREDENTIALS_MAX) {
            let Some(kept) = known.get(&(provider.to_owned(), credential.clone())) else { continue };
            all.keys.extend(kept.keys.iter().cloned());
            all.read_at = match (all.read_at, kept.read_at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        all
    }

    /// The keys after the provider was asked for them again; nothing if it was asked just now and they are the same.
    ///
    /// # Errors
    /// Why they can't be had, in words that tell no key.
    pub(super) async fn ask(
        &self,
        door: &Door,
        provider: &dyn Provider,
        credentials: &[String],
    ) -> Result<Option<HookKeys>, String> {
        let name = &provider.profile().name;
        let before = self.of(name, credentials);
        // One asks, and all others find what it was told.
        let turn = self
            .asking
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name.clone())
            .or_default()
            .clone();
        let _alone = turn.lock().await;
        let mut unread = None;
        for credential in credentials.iter().take(CREDENTIALS_MAX) {
            let place = (name.clone(), credential.clone());
            let now = door.now();
            let kept = self.known().get(&place).cloned().unwrap_or_default();
            if kept.asked_at.is_some_and(|at| now.since(at) < BETWEEN_ASKS) {
                unread = kept.unread.or(unread);
                continue;
            }
            let kept = match read(door, provider, credential).await {
                Ok(keys) => Kept { keys, read_at: Some(door.now()), asked_at: Some(now), unread: None },
                Err(why) => {
                    unread = Some(why.clone());
                    Kept { asked_at: Some(now), unread: Some(why), ..kept }
                }
            };
            self.known().insert(place, kept);
        }
        let after = self.of(name, credentials);
        match unread {
            _ if after != before => Ok(Some(after)),
            Some(why) => Err(why),
            None => Ok(None),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(String, String), Kept>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys as the user gives them, else as the provider does.
async fn read(door: &Door, provider: &dyn Provider, credential: &str) -> Result<Vec<HookKey>, String> {
    let name = &provider.profile().name;
    if let Some(secret) = door.hook_secret(name) {
        return Ok(vec![HookKey::Secret(secret.map_err(|fault| fault.message)?.to_string())]);
    }
    let Some(request) = provider.hook_keys(credential) else {
        return Err(format!(
            "nothing says what {name} signs with: set `webhook.secrets.{name}` in motet.toml"
        ));
    };
    let limits = Limits { request_ms: ASKING_TIME.0, ..Limits::default() };
    let failed = |words: &dyn fmt::Display| format!("the keys of {name} can't be had: {words}");
    let sent = door.send(Errand::new(name, request.limits(limits)).asking_for_secret()).await;
    let reply = sent.map_err(|fault| failed(&fault.into_failure(Stake::Free).message))?;
    let keys = provider.read_hook_keys(reply).map_err(|failure| failed(&door.redact(&failure.message)))?;
    door.hide(keys.iter().filter_map(|key| match key {
        HookKey::Secret(secret) => Some(Arc::from(secret.as_str())),
        HookKey::Ed25519(_) => None,
    }));
    Ok(keys)
}
