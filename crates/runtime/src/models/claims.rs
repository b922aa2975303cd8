//! Claims: which attempt a provider's job belongs to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The jobs that attempts of this process are known to have, by provider and name. Two attempts may have asked for the
/// same, and then a list of jobs doesn't tell which is whose: each is taken once.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<(String, String), String>>);

impl Claims {
    /// Notes that `job` is that of `attempt`. False if it is another one's.
    pub(super) fn claim(&self, provider: &str, job: &str, attempt: &str) -> bool {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = claims.entry((provider.to_owned(), job.to_owned())).or_insert_with(|| attempt.to_owned());
        owner == attempt
    }

    /// Whether `job` is known to be that of another attempt. Nothing is noted.
    pub(super) fn is_of_another(&self, provider: &str, job: &str, attempt: &str) -> bool {
        let claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.get(&(provider.to_owned(), job.to_owned())).is_some_and(|owner| owner != attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_one_attempts_alone() {
        let claims = Claims::default();
        assert!(claims.claim("lab", "j1", "run/a#1") && claims.claim("lab", "j1", "run/a#1"));
        assert!(!claims.claim("lab", "j1", "run/b#1") && claims.claim("shop", "j1", "run/b#1"));
    }

    /// Two attempts may see the same job and not know whose it is: to look at it must not hide it from the other.
    #[test]
    fn to_look_at_a_job_claims_nothing() {
        let claims = Claims::default();
        assert!(
            !claims.is_of_another("lab", "j1", "run/a#1") && !claims.is_of_another("lab", "j1", "run/b#1")
        );
        assert!(claims.claim("lab", "j1", "run/b#1"));
        assert!(
            claims.is_of_another("lab", "j1", "run/a#1") && !claims.is_of_another("lab", "j1", "run/b#1")
        );
    }
}
