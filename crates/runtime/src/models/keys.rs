//! Keys: which credential of a provider is used next.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use motet_pipeline::{Class, Failure, Timestamp};

/// The credentials that are left alone, and until when.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<BTreeMap<String, Timestamp>>);

impl Keys {
    /// The first of `credentials` that may be used now; if none may, the one that may be used soonest.
    pub(super) fn choose<'c>(&self, credentials: &'c [String], now: Timestamp) -> Option<&'c String> {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = |name: &&String| closed.get(*name).copied().filter(|until| *until > now);
        credentials.iter().min_by_key(until)
    }

    /// A credential was refused or slowed down. If another one may be used, the call may be made again with it, at
    /// once.
    pub(super) fn refused(
        &self,
        credentials: &[String],
        used: &str,
        failure: Failure,
        now: Timestamp,
    ) -> Failure {
        let until = match failure.class {
            // Until somebody changes it, or the process ends.
            Class::Auth | Class::Quota => Timestamp(i64::MAX),
            Class::Throttled => failure.retry_at.unwrap_or(now),
            _ => return failure,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(used.to_owned(), until);
        let next = self.choose(credentials, now).filter(|next| *next != used && self.is_open(next, now));
        match (next, failure.class) {
            (Some(_), _) => Failure { retry_at: Some(now), ..failure },
            // A key that was refused is not better later.
            (None, Class::Auth | Class::Quota) => Failure { retry_at: None, ..failure },
            (None, _) => failure,
        }
    }

    fn is_open(&self, credential: &str, now: Timestamp) -> bool {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closed.get(credential).is_none_or(|until| *until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn names() -> Vec<String> {
        ["ONE", "TWO"].map(str::to_owned).into()
    }

    #[test]
    fn a_key_that_is_refused_is_followed_by_the_next_and_the_last_one_fails() {
        let keys = Keys::default();
        assert_eq!(keys.choose(&names(), NOW).unwrap(), "ONE");
        let first = keys.refused(&names(), "ONE", Failure::new(Class::Quota, "no credit"), NOW);
        assert_eq!(first.retry_at, Some(NOW), "the next key is tried at once");
        assert_eq!(keys.choose(&names(), NOW).unwrap(), "TWO");
        let last = Failure::new(Class::Auth, "wrong key").retry_at(NOW);
        assert_eq!(keys.refused(&names(), "TWO", last, NOW).retry_at, None);
    }

    #[test]
    fn a_key_that_is_slowed_down_comes_back_by_itself() {
        let keys = Keys::default();
        let later = Timestamp(NOW.0 + 30_000);
        let slow = || Failure::new(Class::Throttled, "slow down").retry_at(later);
        assert_eq!(keys.refused(&names(), "ONE", slow(), NOW).retry_at, Some(NOW));
        assert_eq!(keys.refused(&names(), "TWO", slow(), NOW).retry_at, Some(later));
        assert_eq!(keys.choose(&names(), later).unwrap(), "ONE");
    }

    #[test]
    fn what_is_no_fault_of_the_key_closes_none() {
        let keys = Keys::default();
        keys.refused(&names(), "ONE", Failure::new(Class::Content, "no"), NOW);
        assert_eq!(keys.choose(&names(), NOW).unwrap(), "ONE");
    }
}
