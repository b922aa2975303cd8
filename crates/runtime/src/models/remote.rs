//! One model of a provider, as the driver calls it.

use std::sync::Arc;

use futures_util::future::{BoxFuture, Either};
use motet_engine::intent::place;
use motet_engine::{Found, Intent, JobNews};
use motet_pipeline::failure::Known;
use motet_pipeline::{Class, Cost, Failure, Outcome, Span, Timestamp};
use motet_providers::Provider;
use motet_providers::adapter::Call;
use motet_providers::answer::{Answer, Cancelled, News, Submitted as Reply};
use motet_providers::catalogue::Listing;
use motet_providers::hook::Hook;
use motet_providers::http::{Reply as Received, Request};

use super::Models;
use super::answer::may_be_downloaded_later;
use super::call::Draft;
use super::pauses::{Pace, Pauses};
use super::reads::Waiting;
use crate::Warning;
use crate::door::{Errand, Stake};
use crate::operation::{Preparation, Prepared, RemoteOperation, Submitted, WorkError};
use crate::work::Work;

/// How a provider is asked for the jobs of one model.
#[derive(Clone)]
pub(super) struct ModelCalls {
    pub(super) models: Arc<Models>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) listing: Arc<Listing>,
}

/// How often a provider must say that it doesn't know a job before that is believed: a fresh one may not be everywhere
/// yet.
const STRANGER_TIMES: u32 = 5;

/// How often a job that failed is asked how long it ran.
const TIMES_ASKED_FOR_USE: u32 = 5;

impl ModelCalls {
    pub(super) fn new(models: Arc<Models>, provider: Arc<dyn Provider>, listing: Arc<Listing>) -> ModelCalls {
        ModelCalls { models, provider, listing }
    }

    pub(super) fn provider_name(&self) -> &str {
        &self.provider.profile().name
    }

    pub(super) async fn send(
        &self,
        call: Option<&Call>,
        request: Request,
        stake: Stake,
    ) -> Result<Received, WorkError> {
        let marks = call.map(|call| [call.token.clone(), call.mark.clone()]).into_iter().flatten();
        let errand = Errand::new(self.provider_name(), request).marked(marks);
        // Boxed: a job is waited for much longer than it is asked about, and there may be ten thousand of them.
        Box::pin(self.models.door.send(errand)).await.map_err(|fault| fault.into_work_error(stake))
    }

    /// Asks something about a job, which is free.
    async fn question(
        &self,
        call: &Call,
        job: &str,
        request: Option<Request>,
    ) -> Result<Received, WorkError> {
        let words = || format!("{} has no job {job}: it has no jobs for this model", self.provider_name());
        let request = request.ok_or_else(|| Failure::new(Class::Gone, words()))?;
        self.send(Some(call), request, Stake::Free).await
    }

    /// Uploads what the request will refer to, and then says what it will be made with.
    async fn upload(&self, draft: Draft) -> Prepared {
        let Draft { mut call, mut intent, uploads } = draft;
        for (artifact, request) in uploads {
            let sent = self.send(Some(&call), request, Stake::Free).await;
            let reply = sent.map_err(failure_of)?;
            let uploaded = self.provider.read_upload(&call, &artifact, reply)?;
            if let Some(then) = uploaded.then {
                let reply = self.send(None, then, Stake::Free).await.map_err(failure_of)?;
                if !reply.is_success() {
                    let message = format!("the upload of an input was answered with {}", reply.status);
                    return Err(Failure::unavailable(message));
                }
            }
            intent.uploads.insert(artifact.digest, uploaded.url);
        }
        call.files = intent.uploads.clone();
        self.finish(&call, intent)
    }

    /// Fixes what the request will be, to the byte.
    fn finish(&self, call: &Call, mut intent: Intent) -> Prepared {
        intent.body = Some(self.provider.submit(call)?.body.digest());
        Ok(Some(Arc::new(intent)))
    }

    async fn submit_once(&self, work: Work) -> Result<Submitted, WorkError> {
        let (call, warnings) = self.recorded(&work)?;
        let request = self.request_of(&work, &call)?;
        let reply = match work.intent().is_some_and(|intent| intent.repeatable) {
            true => self.send(Some(&call), request, Stake::Repeatable).await.map_err(|error| match error {
                WorkError::Failed { failure, .. } => self.failed(&work, *failure),
                error => error,
            }),
            false => self.send(Some(&call), request, Stake::Paid).await,
        };
        let reply = reply.map_err(|error| self.with_next_key(&work, &call, error))?;
        let pace = self.provider.pace(&reply);
        let read = self.provider.read_submitted(&call, reply);
        // Servers that pipelines name share no limits.
        if !call.credential.is_empty() {
            let pool = place(self.provider_name(), &call.credential);
            self.models.paces.note(pool, pace, read.as_ref().err());
        }
        match read {
            Ok(Reply::Job(job)) => {
                self.claim(&work, &call, &job);
                Ok(Submitted::Job(job))
            }
            Ok(Reply::Done(answer)) => self.keep(&work, *answer, warnings).await.map(Submitted::Done),
            Err(failure) => {
                let error = self.failed(&work, failure);
                Err(self.with_next_key(&work, &call, error))
            }
        }
    }

    /// If the credential was refused, the next one is tried.
    fn with_next_key(&self, work: &Work, call: &Call, error: WorkError) -> WorkError {
        match error {
            WorkError::Failed { failure, cost } if !call.credential.is_empty() => {
                let credentials = self.models.door.credentials(self.provider_name());
                let now = work.hands.world.now();
                let failure = self.models.keys.refused(&credentials, &call.credential, *failure, now);
                WorkError::Failed { failure: Box::new(failure), cost }
            }
            error => error,
        }
    }

    /// Asks for the job until there is news that the engine doesn't know.
    async fn poll_until(&self, work: Work, job: String) -> Result<JobNews, WorkError> {
        let (call, _) = self.left(&work)?;
        self.claim(&work, &call, &job);
        let mut ear = self.models.hooks.listen(&call.token);
        let mut pace = Pace::of(&work);
        if ear.is_open() {
            pace = pace.beside_reports(&work);
        }
        let (mut strangers, mut is_told) = (0, false);
        let waiting = self.wait_for(&work, &call, &job);
        loop {
            let pause = pace.next();
            let asked = async {
                work.pause(pause).await;
                self.news_of(&work, &call, &waiting, Span(pause.0 / 2)).await
            };
            let news = match ear.hear(asked).await {
                Either::Right(asked) => asked?,
                Either::Left(hook) => match self.reported(&call, &job, hook) {
                    Ok(news) => Ok(news),
                    Err(_) => self.news_of(&work, &call, &waiting, Span(0)).await?,
                },
            };
            match news {
                Ok(News::Queued { .. }) => {}
                Ok(News::Running) if work.is_running() => {}
                Ok(News::Running) => return Ok(JobNews::Running),
                Ok(News::Ready) => return Ok(JobNews::Done),
                Ok(News::Done(answer)) => {
                    self.models.answers.keep(&call.mark, &job, *answer);
                    return Ok(JobNews::Done);
                }
                Ok(News::Expired) => return Ok(JobNews::Expired),
                Ok(News::Failed(failure)) => return Err(self.failed_job(&work, &call, &job, failure).await),
                Ok(News::Cancelled { billed }) => {
                    return Err(self.failed_job(&work, &call, &job, cancelled(billed)).await);
                }
                Err(failure) if failure.class == Class::Gone => {
                    strangers += 1;
                    if strangers >= STRANGER_TIMES {
                        return Ok(JobNews::Lost);
                    }
                    pace.slow_down(None);
                }
                Err(failure) => {
                    self.tell_of_key(&work, &job, &failure, &mut is_told);
                    failure.retry_at.into_iter().for_each(|until| self.close_reads(&call, until));
                    pace.slow_down(failure.retry_at.map(|at| at.since(work.hands.world.now())));
                }
            }
        }
    }

    /// What a report says of `job`. What it gives counts only if it is about this job and shows no key, as no reply does:
    /// else that is asked for.
    fn reported(&self, call: &Call, job: &str, hook: Hook) -> Result<News, Failure> {
        let text = hook.body.to_string();
        let is_ours = hook.job == job && self.models.door.redact(&text) == text;
        Ok(match self.provider.read_hook(call, hook)? {
            News::Done(_) if !is_ours => News::Ready,
            news => news,
        })
    }

    /// How a job is that is waited for, as a list that is at most `age` old tells, or the provider itself; or why that
    /// can't be known just now.
    async fn news_of(
        &self,
        work: &Work,
        call: &Call,
        waiting: &Waiting,
        age: Span,
    ) -> Result<Result<News, Failure>, WorkError> {
        if let Some(news) = self.glance(work, call, waiting, age).await {
            return Ok(Ok(news));
        }
        self.turn_to_read(work, call).await;
        let job = waiting.job();
        match self.question(call, job, self.provider.poll(call, job)).await {
            Ok(reply) => Ok(self.provider.read_poll(call, job, reply)),
            Err(WorkError::Failed { failure, .. }) => Ok(Err(*failure)),
            Err(error) => Err(error),
        }
    }

    /// Fetches the answer of a job that is done, unless the news of that brought it along; nothing if it is deleted. What
    /// can't be downloaded is asked for again, as the job is paid: its outputs may have other addresses by then. What
    /// can't be had from those either is given up.
    async fn fetch_all(&self, work: Work, job: String) -> Result<Option<Outcome>, WorkError> {
        let (call, warnings) = self.left(&work)?;
        let (mut pauses, mut is_told, mut addresses) = (Pauses::default(), false, 0);
        let mut told = self.models.answers.take(&call.mark, &job);
        loop {
            let answer = match told.take() {
                Some(answer) => Ok(answer),
                None => match self.answer_of(&work, &call, &job).await? {
                    Some(answer) => answer,
                    None => return Ok(None),
                },
            };
            let failure = match answer {
                Err(failure) => failure,
                Ok(answer) => match self.keep(&work, answer, warnings.clone()).await {
                    Ok(outcome) => return Ok(Some(outcome)),
                    Err(WorkError::Failed { failure, .. }) if may_be_downloaded_later(&failure) => *failure,
                    Err(WorkError::Failed { failure, .. }) if failure.is_expired() && addresses == 0 => {
                        addresses += 1;
                        *failure
                    }
                    Err(error) => return Err(error),
                },
            };
            self.tell_of_key(&work, &job, &failure, &mut is_told);
            let until = failure.retry_at.map(|at| at.since(work.hands.world.now()));
            let pause = pauses.next();
            work.pause(until.unwrap_or(pause)).await;
        }
    }

    /// Asks for the answer of a job that is done: the answer, or why it can't be had just now; nothing if it is deleted.
    async fn answer_of(
        &self,
        work: &Work,
        call: &Call,
        job: &str,
    ) -> Result<Option<Result<Answer, Failure>>, WorkError> {
        self.turn_to_read(work, call).await;
        let reply = match self.question(call, job, self.provider.fetch(call, job)).await {
            Err(WorkError::Failed { failure, .. }) => return Ok(Some(Err(*failure))),
            reply => reply?,
        };
        Ok(match self.provider.read_fetched(call, job, reply) {
            Ok(News::Done(answer)) => Some(Ok(*answer)),
            Ok(News::Expired) => None,
            Ok(News::Failed(failure)) => return Err(self.failed_job(work, call, job, failure).await),
            Ok(News::Cancelled { billed }) => {
                return Err(self.failed_job(work, call, job, cancelled(billed)).await);
            }
            Ok(News::Queued { .. } | News::Running | News::Ready) => {
                Some(Err(Failure::unavailable("not yet")))
            }
            Err(failure) => Some(Err(failure)),
        })
    }

    async fn call_off(&self, work: Work, job: String) -> Result<Option<Outcome>, WorkError> {
        let (call, _) = self.left(&work)?;
        let unknown = |words: &str| Failure { billed: Known::Maybe, ..Failure::new(Class::Unknown, words) };
        let Some(request) = self.provider.cancel(&call, &job) else {
            return Err(
                self.failed(&work, unknown("the provider can't cancel a job: it may still be billed"))
            );
        };
        let (mut pauses, mut is_told) = (Pauses::default(), false);
        let answered = loop {
            // As long as nobody has said what becomes of the job, it goes on and is paid.
            let sent = self.send(Some(&call), request.clone(), Stake::Free).await;
            match sent.map_err(failure_of).and_then(|reply| self.provider.read_cancelled(&call, &job, reply))
            {
                Ok(answered) => break answered,
                Err(failure) => self.tell_of_key(&work, &job, &failure, &mut is_told),
            }
            work.pause(pauses.next()).await;
        };
        match answered {
            Cancelled::Stopped { billed: Known::No } => Ok(None),
            // Somebody may have named another one, or its end is forgotten: that says nothing of what is billed.
            Cancelled::NoJob => {
                Err(self
                    .failed(&work, unknown("the provider doesn't know the job: the request may be billed")))
            }
            Cancelled::Stopped { billed } => {
                Err(self.failed_job(&work, &call, &job, cancelled(billed)).await)
            }
            Cancelled::Impossible => {
                Err(self.failed(&work, unknown("the provider can't cancel this job: it may still be billed")))
            }
            Cancelled::Asked | Cancelled::TooLate => self.last_news(work, call, job).await,
        }
    }

    /// Says once that a job is out of reach, if that is because of its key.
    fn tell_of_key(&self, work: &Work, job: &str, failure: &Failure, is_told: &mut bool) {
        if failure.class != Class::Auth || std::mem::replace(is_told, true) {
            return;
        }
        work.hands.warn(&Warning::JobOutOfReach {
            provider: self.provider_name().to_owned(),
            job: job.to_owned(),
            run: work.run().clone(),
            step: work.step().clone(),
            why: failure.message.clone(),
        });
    }

    /// A job failed, with what it cost all the same: what is billed by time is asked how long it ran.
    async fn failed_job(&self, work: &Work, call: &Call, job: &str, failure: Failure) -> WorkError {
        let is_by_time = work.contract().is_billed_by_time();
        let mut pauses = Pauses::default();
        for _ in 0..TIMES_ASKED_FOR_USE {
            if !is_by_time || failure.billed == Known::No {
                break;
            }
            if let Ok(reply) = self.question(call, job, self.provider.poll(call, job)).await {
                let used = self.provider.used(&reply);
                if !used.is_empty() {
                    return self.failed_after(work, failure, &used);
                }
            }
            work.pause(pauses.next()).await;
        }
        self.failed(work, failure)
    }

    /// How a job ended that is being cancelled.
    async fn last_news(&self, work: Work, call: Call, job: String) -> Result<Option<Outcome>, WorkError> {
        let mut ear = self.models.hooks.listen(&call.token);
        let mut pauses = Pauses::default();
        let mut reported = None;
        loop {
            let news = match reported.and_then(|hook| self.provider.read_hook(&call, hook).ok()) {
                Some(news) => Ok(news),
                None => {
                    let asked = self.question(&call, &job, self.provider.poll(&call, &job)).await;
                    let asked = asked.map_err(failure_of);
                    asked.and_then(|reply| self.provider.read_poll(&call, &job, reply))
                }
            };
            match news {
                Ok(News::Done(_) | News::Ready | News::Expired) => {
                    return Err(self.failed_job(&work, &call, &job, cancelled(Known::Yes)).await);
                }
                Ok(News::Cancelled { billed: Known::No }) => return Ok(None),
                Ok(News::Cancelled { billed }) => {
                    return Err(self.failed_job(&work, &call, &job, cancelled(billed)).await);
                }
                Ok(News::Failed(failure)) => return Err(self.failed_job(&work, &call, &job, failure).await),
                Ok(News::Queued { .. } | News::Running) | Err(_) => {}
            }
            reported = match ear.hear(work.pause(pauses.next())).await {
                Either::Left(hook) => Some(hook),
                Either::Right(()) => None,
            };
        }
    }
}

/// A job that was cancelled at the provider.
fn cancelled(billed: Known) -> Failure {
    let words = match billed {
        Known::No => "the job was cancelled at the provider",
        _ => "the job was cancelled at the provider, and may be billed",
    };
    Failure { billed, ..Failure::unavailable(words) }
}

pub(super) fn failure_of(error: WorkError) -> Failure {
    match error {
        WorkError::Failed { failure, .. } => *failure,
        WorkError::StoreFailed(error) => Failure::unavailable(error.to_string()),
    }
}

impl RemoteOperation for ModelCalls {
    fn place(&self, now: Timestamp) -> Option<Arc<str>> {
        let credentials = self.models.door.credentials(self.provider_name());
        let credential = self.models.keys.choose(&credentials, now)?;
        Some(place(self.provider_name(), credential))
    }

    fn prepare(&self, work: Work) -> Preparation {
        let draft = match self.draft(&work) {
            Ok(draft) => draft,
            Err(failure) => return Preparation::Now(Err(failure)),
        };
        if draft.uploads.is_empty() {
            return Preparation::Now(self.finish(&draft.call, draft.intent));
        }
        let calls = self.clone();
        Preparation::Later(Box::pin(async move { calls.upload(draft).await }))
    }

    fn submit(&self, work: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        let calls = self.clone();
        Box::pin(async move { calls.submit_once(work).await })
    }

    fn reconcile(&self, work: Work) -> BoxFuture<'static, Result<Found, WorkError>> {
        let calls = self.clone();
        stoppable(work.stop().clone(), async move { calls.find(work).await })
    }

    fn poll(&self, work: Work, job: String) -> BoxFuture<'static, Result<JobNews, WorkError>> {
        let calls = self.clone();
        stoppable(work.stop().clone(), async move { calls.poll_until(work, job).await })
    }

    fn fetch(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        let calls = self.clone();
        stoppable(work.stop().clone(), async move { calls.fetch_all(work, job).await })
    }

    fn cancel(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        let calls = self.clone();
        stoppable(work.stop().clone(), async move { calls.call_off(work, job).await })
    }
}

/// Free questions end at once when they are asked to: they are asked again.
fn stoppable<T: Send + 'static>(
    stop: tokio_util::sync::CancellationToken,
    asking: impl Future<Output = Result<T, WorkError>> + Send + 'static,
) -> BoxFuture<'static, Result<T, WorkError>> {
    Box::pin(async move {
        tokio::select! {
            biased;
            result = asking => result,
            () = stop.cancelled() => {
                Err(WorkError::Failed {
                    failure: Box::new(Failure::unavailable("stopped")),
                    cost: Cost::NONE,
                })
            }
        }
    })
}
