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
}
