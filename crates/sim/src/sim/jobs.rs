//! Opens, finds and cancels jobs.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Kept, Sim};
use crate::job::{Hook, Job, Nanos, Outcome, Way};
use crate::scenario::{Fault, Provider};
use crate::work::Work;

/// The additional queue time of `slow_queue`.
const SLOW_QUEUE: Duration = Duration::from_secs(240);

/// A job to be opened.
pub(crate) struct Draft {
    pub(crate) provider: Provider,
    pub(crate) account: String,
    pub(crate) model: String,
    pub(crate) kind: &'static str,
    pub(crate) way: Way,
    pub(crate) input: Value,
    pub(crate) work: Work,
    /// The ranges of its queue time and run time, in milliseconds.
    pub(crate) queue: [u64; 2],
    pub(crate) latency: [u64; 2],
    pub(crate) hook: Option<Hook>,
    /// How long after its creation it is cancelled automatically.
    pub(crate) given_up_after: Option<Duration>,
    pub(crate) outcome: Outcome,
}

impl Sim {
    pub(crate) fn job(&self, number: u64) -> &Job {
        &self.state.jobs[number as usize]
    }

    /// A job by its id, of one account or of any.
    pub(crate) fn find(&self, provider: Provider, account: Option<&str>, id: &str) -> Option<&Job> {
        let job = self.job(*self.state.by_id.get(id)?);
        let theirs = job.provider == provider && account.is_none_or(|account| account == job.account);
        (theirs && !job.deleted).then_some(job)
    }

    /// The jobs of an account, newest first.
    pub(crate) fn jobs_of(&self, provider: Provider, account: &str) -> impl Iterator<Item = &Job> {
        let jobs = self.state.jobs.iter().rev();
        jobs.filter(move |job| job.provider == provider && job.account == account && !job.deleted)
    }

    /// Opens a job and plans its webhooks.
    pub(crate) fn open(&mut self, now: Timestamp, draft: Draft) -> u64 {
        let number = self.state.jobs.len() as u64;
        let chance = self.chance();
        let faults = self.job_faults(draft.provider, &draft.model);
        let id = match draft.provider {
            Provider::Fal => chance.uuid("job", number),
            Provider::Replicate => chance.word("job", number),
            Provider::ElevenLabs | Provider::Http => {
                chance.text("job", number, b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 20)
            }
        };
        let mut queue = Duration::from_millis(chance.between("queue", number, draft.queue));
        if faults.contains(&Fault::SlowQueue) {
            queue += SLOW_QUEUE;
        }
        let latency = Duration::from_millis(chance.between("latency", number, draft.latency));
        let (starts, ends) = self.plan(now, &draft, queue, latency);
        let is_stuck = faults.contains(&Fault::Stuck);
        // Half of the stuck jobs stay queued, half keep running.
        let never_starts = is_stuck && chance.share("stuck", number) < 0.5;
        let deadline = draft.given_up_after.map(|after| now + self.scaled(after));
        // At fal the deadline only limits the time until the start.
        let deadline = deadline.filter(|at| draft.provider != Provider::Fal || never_starts || starts > *at);
        let outcome = match draft.outcome {
            Outcome::Succeeded if faults.contains(&Fault::Content) => Outcome::Refused,
            Outcome::Succeeded if faults.contains(&Fault::JobFailed) => Outcome::Failed,
            outcome => outcome,
        };
        let job = Job {
            number,
            id,
            provider: draft.provider,
            account: draft.account,
            model: draft.model,
            kind: draft.kind.to_owned(),
            way: draft.way,
            input: draft.input,
            created: now,
            starts: (!never_starts).then_some(starts),
            ends: (!is_stuck).then_some(ends),
            deadline,
            cancelled: None,
            outcome,
            media: draft.work.media,
            data: draft.work.data,
            price: draft.work.price,
            price_of_second: draft.work.price_of_second,
            pace: self.pace(),
            faults,
            hook: draft.hook,
            deleted: false,
        };
        self.apply(Kept::Job(Box::new(job)));
        self.plan_news(number);
        number
    }

    /// When a job starts and ends. With a concurrency limit it waits for a free slot.
    fn plan(
        &mut self,
        now: Timestamp,
        draft: &Draft,
        queue: Duration,
        latency: Duration,
    ) -> (Timestamp, Timestamp) {
        let (queue, latency) = (self.scaled(queue), self.scaled(latency));
        let many = self.limits(draft.provider).concurrency;
        let waits = many.filter(|_| draft.way == Way::Job && draft.provider == Provider::Fal);
        let free =
            waits.map_or(Timestamp::MIN, |many| self.meters.free_at(draft.provider, &draft.account, many));
        let starts = (now + queue).max(free);
        let ends = starts + latency;
        if let Some(many) = many.filter(|_| draft.provider != Provider::Replicate) {
            self.meters.occupy(draft.provider, &draft.account, many, ends);
        }
        (starts, ends)
    }

    /// Cancels a job at `now`, unless it has ended or the fault `cancelled_too_late` applies.
    pub(crate) fn cancel(&mut self, number: u64, now: Timestamp) {
        let mut job = self.job(number).clone();
        if job.phase(now).is_final() || job.has(Fault::CancelledTooLate) {
            return;
        }
        job.cancelled = Some(now);
        self.apply(Kept::Job(Box::new(job)));
        self.plan_end(number);
    }

    /// Deletes a job for its client.
    pub(crate) fn delete(&mut self, number: u64) {
        let mut job = self.job(number).clone();
        job.deleted = true;
        self.apply(Kept::Job(Box::new(job)));
    }

    /// The total charged to an account.
    pub(crate) fn jobs_count(&self) -> u64 {
        self.state.jobs.len() as u64
    }

    pub(super) fn spent(&self, provider: Provider, account: &str, now: Timestamp) -> Nanos {
        self.jobs_of(provider, account).filter_map(|job| job.charge(now)).sum()
    }
}
