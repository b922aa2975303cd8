//! Claims: which attempt a provider's job belongs to.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use motet_engine::RunId;

/// The jobs that attempts of live runs are known to have. Two attempts may have asked for the same, and then a list of jobs
/// doesn't tell which is whose: each is taken once. What is durable, the ledger tells.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Claimed>);

#[derive(Debug, Default)]
struct Claimed {
    attempts: HashMap<Job, String>,
    of_run: HashMap<RunId, Vec<Job>>,
}

/// The provider, and its name for the job.
type Job = (String, String);

impl Claims {
    /// Notes that `job` is that of `attempt`, which `run` makes. False if it is another one's.
    pub(super) fn claim(&self, provider: &str, job: &str, run: &RunId, attempt: &str) -> bool {
        let (mut claimed, job) = (self.lock(), (provider.to_owned(), job.to_owned()));
        if let Some(owner) = claimed.attempts.get(&job) {
            return owner == attempt;
        }
        claimed.attempts.insert(job.clone(), attempt.to_owned());
        claimed.of_run.entry(run.clone()).or_default().push(job);
        true
    }

    /// Whether `job` is known to be that of another attempt. Nothing is noted.
    pub(super) fn is_of_another(&self, provider: &str, job: &str, attempt: &str) -> bool {
        let job = (provider.to_owned(), job.to_owned());
        self.lock().attempts.get(&job).is_some_and(|owner| owner != attempt)
    }

    /// Nobody drives `run` any more: what its attempts have is in the ledger.
    pub(super) fn forget_run(&self, run: &RunId) {
        let mut claimed = self.lock();
        for job in claimed.of_run.remove(run).unwrap_or_default() {
            claimed.attempts.remove(&job);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Claimed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(claims: &Claims, job: &str, attempt: &str) -> bool {
        let (provider, job) = job.split_once(' ').unwrap();
        let (run, _) = attempt.split_once('/').unwrap();
        claims.claim(provider, job, &RunId::new(run), attempt)
    }

    #[test]
    fn a_job_is_one_attempts_alone() {
        let all = Claims::default();
        assert!(claims(&all, "lab j1", "run/a/1") && claims(&all, "lab j1", "run/a/1"));
        assert!(!claims(&all, "lab j1", "run/b/1") && claims(&all, "shop j1", "run/b/1"));
    }

    /// Two attempts may see the same job and not know whose it is: to look at it must not hide it from the other.
    #[test]
    fn to_look_at_a_job_claims_nothing() {
        let all = Claims::default();
        assert!(!all.is_of_another("lab", "j1", "run/a/1") && !all.is_of_another("lab", "j1", "run/b/1"));
        assert!(claims(&all, "lab j1", "run/b/1"));
        assert!(all.is_of_another("lab", "j1", "run/a/1") && !all.is_of_another("lab", "j1", "run/b/1"));
    }

    #[test]
    fn what_runs_had_that_are_over_is_forgotten() {
        let all = Claims::default();
        assert!(claims(&all, "lab j1", "one/a/1") && claims(&all, "lab j2", "two/a/1"));
        all.forget_run(&RunId::new("one"));
        assert_eq!(all.lock().attempts.len(), 1);
        assert!(all.is_of_another("lab", "j2", "one/a/1"), "that of a live run is kept");
        all.forget_run(&RunId::new("two"));
        assert!(all.lock().attempts.is_empty() && all.lock().of_run.is_empty());
    }
}
