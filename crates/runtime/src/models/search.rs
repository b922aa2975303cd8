//! Search: whether a provider took a request of which nobody knows what became of it.

use motet_engine::Found;
use motet_pipeline::plan::Timeouts;
use motet_pipeline::{Failure, Span, Timestamp};
use motet_providers::adapter::Call;
use motet_providers::answer::{Likeness, Listed};

use super::pauses::{PAUSE, Pauses};
use super::remote::{ModelCalls, failure_of};
use crate::door::Stake;
use crate::operation::WorkError;
use crate::work::Work;

/// How far clocks may differ between here and a provider.
pub(super) const SKEW: Span = Span::minutes(2);

/// How long to wait between the two looks that must find nothing.
const BETWEEN_LOOKS: Span = Span::seconds(5);

/// How long to wait between looks for a call that is given up, and that the provider may still report.
const UNSEEN: Span = Span::minutes(60);

/// The most pages of a provider's list that are read to find one job.
const PAGES_MAX: usize = 100;

impl ModelCalls {
    /// Looks in what the provider has taken since the attempt was planned.
    async fn look(&self, work: &Work, call: &Call) -> Result<Look, Failure> {
        let planned = work.planned_at().unwrap_or(Timestamp(0));
        let since = Timestamp(planned.0 - SKEW.0 as i64);
        let mut page: Option<String> = None;
        let mut is_hidden = false;
        for _ in 0..PAGES_MAX {
            let Some(request) = self.provider.search(call, since, page.as_deref()) else {
                return Ok(Look::Blind);
            };
            let reply = self.send(Some(call), request, Stake::Free).await.map_err(failure_of)?;
            let found = self.provider.read_search(call, reply)?;
            for job in found.jobs {
                let is_ours = match job.likeness {
                    Likeness::Same => true,
                    Likeness::Alike => self.is_unclaimed(work, &job.job),
                    Likeness::Other => false,
                    Likeness::Hidden => {
                        is_hidden |= self.is_unclaimed(work, &job.job);
                        false
                    }
                };
                if is_ours && self.claim(work, call, &job.job) {
                    return Ok(Look::Found(job.job));
                }
            }
            match found.next {
                Some(next) => page = Some(next),
                None if is_hidden => return Ok(Look::Blind),
                None => return Ok(Look::Nothing),
            }
        }
        Ok(Look::Blind)
    }

    /// Whether no other attempt, of whatever run, is known to have the job.
    fn is_unclaimed(&self, work: &Work, job: &str) -> bool {
        !self.models.is_of_another(self.provider_name(), job, work.run(), work.step(), work.attempt())
    }

    /// Takes the job for this attempt. False if another one has it.
    pub(super) fn claim(&self, work: &Work, call: &Call, job: &str) -> bool {
        self.models.claims.claim(self.provider_name(), job, work.run(), &call.mark)
    }

    /// Asks the provider whether it took the request: it certainly didn't only if two looks, within the time in which
    /// it remembers, find nothing.
    pub(super) async fn find(&self, work: Work) -> Result<Found, WorkError> {
        let Ok((call, _)) = self.recorded(&work) else { return Ok(Found::Unclear) };
        // In a list, what it was made with tells its job from others; in a report, its token does.
        let can_look = self.request_of(&work, &call).is_ok();
        let mut ear = self.models.hooks.listen(&call.token);
        let mut pauses = Pauses::default();
        let mut looks = 0;
        let is_ours = |job: &str| self.is_unclaimed(&work, job) && self.claim(&work, &call, job);
        let mut heard = ear.hear_of_job(std::future::ready(()), is_ours).await;
        loop {
            if let Some(job) = heard {
                return Ok(Found::Job(job));
            }
            let look = if can_look { self.look(&work, &call).await } else { Ok(Look::Blind) };
            let pause = match look {
                Ok(Look::Found(job)) => return Ok(Found::Job(job)),
                Ok(Look::Nothing) if self.remembers(&work) && self.may_be_unlisted(&work, &call) => {
                    pauses.next()
                }
                Ok(Look::Nothing) if self.remembers(&work) => {
                    looks += 1;
                    if looks == 2 {
                        return Ok(Found::Absent);
                    }
                    BETWEEN_LOOKS
                }
                // What the provider doesn't show it may still report, as long as the attempt is open.
                Ok(Look::Blind | Look::Nothing) if ear.is_open() => {
                    if work.hands.world.now() < work.deadline() { PAUSE.1 } else { UNSEEN }
                }
                Ok(Look::Blind | Look::Nothing) => return Ok(Found::Unclear),
                Err(_) => pauses.next(),
            };
            work.progress().tell_next_look(work.hands.world.now().after(pause));
            heard = ear.hear_of_job(work.pause(pause), is_ours).await;
        }
    }

    /// Whether a call that the provider took may not be in its list yet, because it is queued or at work.
    fn may_be_unlisted(&self, work: &Work, call: &Call) -> bool {
        let hidden = match self.provider.listed(call) {
            Listed::Taken => return false,
            // What hasn't begun by then is dropped there.
            Listed::Begun => call.stop_after.unwrap_or(Span(u64::MAX)),
            // It goes on there, however soon nobody waits for it here any more.
            Listed::Ended => work.timeouts().job.max(work.contract().patience()).max(Timeouts::default().job),
        };
        work.planned_at().is_none_or(|planned| work.hands.world.now() < planned.after(hidden))
    }

    /// Whether the provider would still know a job that it took when the attempt was planned.
    fn remembers(&self, work: &Work) -> bool {
        let retention = self.provider.profile().retention;
        work.planned_at().zip(retention).is_some_and(|(planned, retention)| {
            work.hands.world.now().since(planned).0 + SKEW.0 < retention.0
        })
    }
}

/// What a look into a provider's list has shown.
enum Look {
    Found(String),
    Nothing,
    /// The provider doesn't show enough.
    Blind,
}
