//! Deliveries: what somebody brought to our door, whether a provider sent it, and what became of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use motet_engine::{AttemptKey, RunId};
use motet_pipeline::{Span, StepPath, Timestamp};
use motet_providers::Provider;
use motet_providers::hook::{Delivery, Hook, HookKeys, HookRefused};
use tokio::sync::oneshot;

use super::Models;
use super::call::mark_of;
use super::hooks::{Known, Told};
use crate::driver::guarded;
use crate::warning::Warning;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The provider sent it, and what it led to is durable.
    Recorded,
    /// The provider sent it, and nobody waits for it: it came twice, or late, or tells nothing new.
    Useless,
    /// Nothing can be made of it.
    Malformed,
    /// The provider sent it, and it exceeds a limit: the provider is asked itself.
    TooLarge,
    /// Nobody knows that the provider sent it: no key fits, or it was signed too long ago.
    Forged,
    /// The provider sent it, for another job than the one of the attempt that it names.
    OtherJob,
    /// There is no such provider, or it reports nothing.
    NoProvider,
    /// It isn't known yet what becomes of it: it is to be delivered again.
    NotYet,
}

impl Receipt {
    /// The status code of the reply.
    ///
    /// ```
    /// use motet::hooks::Receipt;
    /// assert_eq!((Receipt::Recorded.status(), Receipt::Useless.status()), (200, 200));
    /// assert_eq!((Receipt::Forged.status(), Receipt::NotYet.status()), (401, 503));
    /// ```
    pub fn status(self) -> u16 {
        match self {
            Receipt::Recorded | Receipt::Useless => 200,
            Receipt::Malformed => 400,
            Receipt::Forged => 401,
            Receipt::OtherJob => 403,
            Receipt::NoProvider => 404,
            Receipt::TooLarge => 413,
            Receipt::NotYet => 503,
        }
    }

    /// The word for it: `recorded`.
    pub fn word(self) -> &'static str {
        match self {
            Receipt::Recorded => "recorded",
            Receipt::Useless => "useless",
            Receipt::Malformed => "malformed",
            Receipt::Forged => "forged",
            Receipt::OtherJob => "other_job",
            Receipt::NoProvider => "no_provider",
            Receipt::TooLarge => "too_large",
            Receipt::NotYet => "not_yet",
        }
    }
}

/// What is to be done about a delivery.
pub(crate) enum Verdict {
    /// Nothing more.
    Now(Receipt),
    /// To wait until it is durable what it leads to. An attempt that is given must be told that it has the job: nothing
    /// else is done for it.
    Wait { answer: oneshot::Receiver<Receipt>, unasked: Option<(RunId, AttemptKey, String)> },
}

/// How often is told that deliveries are refused, for each provider.
const COMPLAINT_INTERVAL: Span = Span::minutes(1);

/// When it was last told that deliveries of a provider are refused, and how many were refused since.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<BTreeMap<String, (Timestamp, u64)>>);

impl Complaints {
    /// The warning about a refused delivery, unless there was one just now.
    fn about(&self, provider: &str, why: String, now: Timestamp) -> Option<Warning> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.get_mut(provider);
        let more = match known {
            Some((at, untold)) if now.since(*at) < COMPLAINT_INTERVAL => {
                *untold += 1;
                return None;
            }
            Some((_, untold)) => *untold,
            None => 0,
        };
        told.insert(provider.to_owned(), (now, 0));
        Some(Warning::HookRefused { provider: provider.to_owned(), why, more })
    }
}

impl Models {
    /// Judges a delivery, and tells it to whoever waits for it. With the verdict goes what somebody should know.
    pub(crate) async fn deliver(&self, provider: &str, delivery: Delivery) -> (Verdict, Option<Warning>) {
        let Some(provider) = self.registry.get(provider).filter(|provider| provider.profile().has_hooks)
        else {
            return (Verdict::Now(Receipt::NoProvider), None);
        };
        let name = &provider.profile().name;
        let hook = match self.verified(provider.as_ref(), delivery).await {
            Ok(hook) => hook,
            Err((receipt, why)) => {
                let warning = why.and_then(|why| self.complaints.about(name, why, self.door.now()));
                return (Verdict::Now(receipt), warning);
            }
        };
        let verdict = self.pass_on(name, hook);
        let warning = matches!(verdict, Verdict::Now(Receipt::OtherJob)).then(|| {
            let why = "one is about another job than that of the step that it names";
            self.complaints.about(name, why.to_owned(), self.door.now())
        });
        (verdict, warning.flatten())
    }

    /// What the provider said, if it was the provider; else why it isn't believed.
    async fn verified(
        &self,
        provider: &dyn Provider,
        delivery: Delivery,
    ) -> Result<Hook, (Receipt, Option<String>)> {
        let name = &provider.profile().name;
        let known = delivery.token().and_then(|token| self.hooks.known(name, &token));
        let credentials = match known {
            Some(known) => vec![known.credential],
            None => self.door.credentials(name),
        };
        let keys = self.hook_keys.of(name, &credentials);
        let verify = |keys: &HookKeys| {
            let verified = guarded(|| provider.verify_hook(delivery.clone(), keys, self.door.now()));
            // What it said may hold a part of the delivery.
            verified.map_err(|_| (Receipt::NotYet, Some("whatever reads them panicked".to_owned())))
        };
        let mut refused = match verify(&keys)? {
            Ok(hook) => return Ok(hook),
            Err(refused) => refused,
        };
        // The user may have put another secret in the place of the one that was read.
        let may_ask = |asks| asks || self.door.has_hook_secret(name);
        if matches!(refused, HookRefused::Signature { ask_for_keys } if may_ask(ask_for_keys)) {
            let fresh = self.hook_keys.ask(&self.door, provider, &credentials).await;
            match fresh {
                // The ones that there are have been tried.
                Ok(None) => {}
                Ok(Some(keys)) => match verify(&keys)? {
                    Ok(hook) => return Ok(hook),
                    Err(again) => refused = again,
                },
                Err(why) => return Err((Receipt::NotYet, Some(why))),
            }
        }
        let receipt = match refused {
            HookRefused::Unsupported => Receipt::NoProvider,
            HookRefused::Header(_) => Receipt::Malformed,
            HookRefused::Time | HookRefused::Signature { .. } => Receipt::Forged,
            // The provider said it, and it is asked itself how the job is.
            HookRefused::TooLarge(_) => Receipt::TooLarge,
            // The provider said it, and it isn't about a job.
            HookRefused::Body => return Err((Receipt::Useless, None)),
        };
        Err((receipt, Some(refused.to_string())))
    }

    /// Tells what a provider said to whoever waits for it.
    fn pass_on(&self, provider: &str, hook: Hook) -> Verdict {
        let useless = Verdict::Now(Receipt::Useless);
        let Some(token) = hook.token.clone() else { return useless };
        let Some(known) = self.hooks.known(provider, &token) else { return useless };
        // A signature doesn't cover the address, so a delivery can be sent again with another token.
        let job = hook.job.clone();
        let Known { run, key, .. } = &known;
        if known.job.is_none() && self.is_of_another(provider, &job, run, &key.step, key.number) {
            return Verdict::Now(Receipt::OtherJob);
        }
        match self.hooks.tell(provider, &token, hook) {
            Told::Nobody => useless,
            Told::OtherJob => Verdict::Now(Receipt::OtherJob),
            Told::Full => Verdict::Now(Receipt::NotYet),
            Told::Waits(answer, unasked) => {
                Verdict::Wait { answer, unasked: unasked.map(|(run, key)| (run, key, job)) }
            }
        }
    }

    /// Whether another attempt, of whatever run, is known to have the job.
    pub(super) fn is_of_another(
        &self,
        provider: &str,
        job: &str,
        run: &RunId,
        step: &StepPath,
        attempt: u32,
    ) -> bool {
        let taken = self.door.store().attempt_of_job(provider, job);
        let is_mine = |(owner, path, number)| (&owner, &path, number) == (run, step, attempt);
        let of_others = taken.ok().flatten().is_some_and(|owner| !is_mine(owner));
        of_others || self.claims.is_of_another(provider, job, &mark_of(run, step, attempt))
    }
}
