//! The machine: requests in, replies out, under a clock that is given.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bases::Bases;
use crate::chance::Chance;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::elevenlabs::ElevenLabs;
use crate::fal::Fal;
use crate::files::File;
use crate::http::{self, Answer, Ask, Body, Reply, Request};
use crate::job::{Hook, Job, Nanos, Outcome, Way};
use crate::ledger::{Entry, Seen};
use crate::limits::Meters;
use crate::replicate::Replicate;
use crate::scenario::{Fault, Limits, Operation, Provider, Scenario};
use crate::webhook::{self, Delivery, Outgoing};
use crate::work::Work;

/// How many requests are remembered.
const SEEN_MAX: usize = 20_000;
/// How much of a request's body is remembered, in bytes.
const SEEN_BODY_MAX: usize = 4096;
/// How long a job waits that is slow to start.
const SLOW_QUEUE: Duration = Duration::from_secs(240);
/// How late a late webhook is.
const LATE: Duration = Duration::from_secs(180);

/// What a simulator is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What chance depends on.
    pub seed: u64,
    /// How many times faster than at the provider jobs and the tries of webhooks go. Limits and the lives of files stay as they are.
    pub speed: f64,
    /// Where the simulator is reached.
    pub bases: Bases,
    /// What goes wrong.
    pub scenario: Scenario,
    /// Whether changes of the state are collected for [`Sim::changes`].
    pub keeps_changes: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 0,
            speed: 1.0,
            bases: Bases::under("http://sim.local"),
            scenario: Scenario::default(),
            keeps_changes: false,
        }
    }
}

/// A change of the state, as it is kept on disk. A simulator that is given all of them in order is as the one that made them, but
/// for its limits, which begin anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(pub(crate) Kept);

/// What the machine keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kept {
    Job(Box<Job>),
    Entry(Box<Entry>),
    File(Box<File>),
    FileGone(String),
    Delivery(Box<Delivery>),
    Delivered(u64),
    Endpoint(Box<Endpoint>),
    EndpointGone(String),
    Scenario(Box<Scenario>),
    Hits(Vec<u64>),
    Count(u64),
    Reset,
}

/// An address that a workspace wants its news at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// Simulated providers: a pure machine.
///
/// ```
/// use motet_sim::{Options, Reply, Request, Sim};
/// let mut sim = Sim::new(Options::default());
/// let now = "2027-01-01T00:00:00Z".parse().unwrap();
/// let request = Request { method: "GET".to_owned(), path: "/replicate/v1/account".to_owned(), ..Request::default() };
/// let Reply::Answer(answer) = sim.handle(now, &request) else { panic!("an answer") };
/// assert_eq!(answer.status, 401);
/// ```
#[derive(Debug)]
pub struct Sim {
    options: Options,
    state: State,
    meters: Meters,
    /// Files whose download broke off once.
    cut: HashSet<(u64, usize)>,
    seen: VecDeque<Seen>,
    changes: Vec<Change>,
}

/// All that outlives a restart.
#[derive(Debug, Default)]
struct State {
    /// By number.
    jobs: Vec<Job>,
    by_id: HashMap<String, u64>,
    ledger: Vec<Entry>,
    attempts: HashSet<String>,
    files: BTreeMap<String, File>,
    /// By when they are due, then by number.
    due: BTreeMap<(Timestamp, u64), Delivery>,
    due_of: HashMap<u64, Timestamp>,
    on_the_way: BTreeMap<u64, Delivery>,
    endpoints: BTreeMap<String, Endpoint>,
    /// How many requests or jobs each rule of the scenario spoke of.
    hits: Vec<u64>,
    count: u64,
}

impl State {
    fn unplan(&mut self, delivery: u64) {
        if let Some(due) = self.due_of.remove(&delivery) {
            self.due.remove(&(due, delivery));
        }
    }
}

/// A job that is to be made.
pub(crate) struct Draft {
    pub(crate) provider: Provider,
    pub(crate) account: String,
    pub(crate) model: String,
    pub(crate) kind: &'static str,
    pub(crate) way: Way,
    pub(crate) input: Value,
    pub(crate) work: Work,
    /// How long it waits and runs, in milliseconds, each from and to.
    pub(crate) queue: [u64; 2],
    pub(crate) latency: [u64; 2],
    pub(crate) hook: Option<Hook>,
    /// How long after its making it is given up.
    pub(crate) given_up_after: Option<Duration>,
    pub(crate) outcome: Outcome,
}

impl Sim {
    /// A simulator in which nothing happened yet.
    pub fn new(options: Options) -> Sim {
        Sim {
            options,
            state: State::default(),
            meters: Meters::default(),
            cut: HashSet::new(),
            seen: VecDeque::new(),
            changes: Vec::new(),
        }
    }

    /// Answers a request that arrives at `now`.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Reply {
        let (prefix, ask) = Ask::read(request);
        let (reply, operation, fault) = match Provider::by_name(&prefix) {
            Some(Provider::Replicate) => self.visit::<Replicate>(now, &ask),
            Some(Provider::Fal) => self.visit::<Fal>(now, &ask),
            Some(Provider::ElevenLabs) => self.visit::<ElevenLabs>(now, &ask),
            None if prefix == "_sim" => return self.control(now, &ask).into(),
            None => (http::own_error(404, "no provider has this prefix").into(), None, None),
        };
        self.note(now, request, &reply, operation, fault);
        reply
    }

    /// The webhooks that are due. Each has to be sent, and its outcome told to [`Sim::delivered`].
    pub fn advance(&mut self, now: Timestamp) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        while let Some(entry) = self.state.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let delivery = entry.remove();
            self.state.due_of.remove(&delivery.number);
            match self.payload(&delivery, now) {
                Some(payload) => {
                    outgoing.push(self.send(&delivery, &payload, now));
                    self.state.on_the_way.insert(delivery.number, delivery);
                }
                None => self.keep(Kept::Delivered(delivery.number)),
            }
        }
        outgoing
    }

    /// When [`Sim::advance`] has something to send next.
    pub fn next(&self) -> Option<Timestamp> {
        self.state.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// Tells the outcome of a webhook: its status, or nothing where no answer came.
    pub fn delivered(&mut self, now: Timestamp, number: u64, status: Option<u16>) {
        let Some(mut delivery) = self.state.on_the_way.remove(&number) else { return };
        let arrived = status.is_some_and(|status| (200..300).contains(&status));
        match webhook::retry_after(&delivery, status).filter(|_| !arrived && !delivery.forged) {
            Some(wait) => {
                delivery.attempt += 1;
                delivery.due = now + self.scaled(wait);
                self.schedule(delivery);
            }
            None => self.keep(Kept::Delivered(number)),
        }
    }

    /// What changed since the last call, to be kept before a reply is given out. Empty unless
    /// [`Options::keeps_changes`] is set.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The whole state as changes that make it.
    pub fn save(&self) -> Vec<Change> {
        let state = &self.state;
        let mut kept =
            vec![Kept::Scenario(Box::new(self.options.scenario.clone())), Kept::Count(state.count)];
        kept.extend(state.jobs.iter().map(|job| Kept::Job(Box::new(job.clone()))));
        kept.extend(state.ledger.iter().map(|entry| Kept::Entry(Box::new(entry.clone()))));
        kept.extend(state.files.values().map(|file| Kept::File(Box::new(file.clone()))));
        let deliveries = state.on_the_way.values().chain(state.due.values());
        kept.extend(deliveries.map(|delivery| Kept::Delivery(Box::new(delivery.clone()))));
        kept.extend(state.endpoints.values().map(|endpoint| Kept::Endpoint(Box::new(endpoint.clone()))));
        kept.push(Kept::Hits(state.hits.clone()));
        kept.into_iter().map(Change).collect()
    }

    /// Takes a change that another simulator made.
    pub fn load(&mut self, change: Change) {
        let state = &mut self.state;
        match change.0 {
            Kept::Job(job) => {
                let at = job.number as usize;
                state.by_id.insert(job.id.clone(), job.number);
                match at.cmp(&state.jobs.len()) {
                    std::cmp::Ordering::Less => state.jobs[at] = *job,
                    _ => state.jobs.push(*job),
                }
            }
            Kept::Entry(entry) => {
                state.attempts.extend(entry.attempt_key.clone());
                state.ledger.push(*entry);
            }
            Kept::File(file) => {
                state.files.insert(file.id.clone(), *file);
            }
            Kept::FileGone(id) => {
                state.files.remove(&id);
            }
            Kept::Delivery(delivery) => {
                state.unplan(delivery.number);
                state.due_of.insert(delivery.number, delivery.due);
                state.due.insert((delivery.due, delivery.number), *delivery);
            }
            Kept::Delivered(number) => state.unplan(number),
            Kept::Endpoint(endpoint) => {
                state.endpoints.insert(endpoint.id.clone(), *endpoint);
            }
            Kept::EndpointGone(id) => {
                state.endpoints.remove(&id);
            }
            Kept::Scenario(scenario) => {
                self.options.scenario = *scenario;
                state.hits.clear();
            }
            Kept::Hits(hits) => state.hits = hits,
            Kept::Count(count) => state.count = count,
            Kept::Reset => *state = State::default(),
        }
    }

    /// Changes what goes wrong from now on. The rules count anew.
    pub fn set_scenario(&mut self, scenario: Scenario) {
        self.apply(Kept::Scenario(Box::new(scenario)));
    }

    /// Forgets everything but the scenario.
    pub fn reset(&mut self) {
        self.apply(Kept::Reset);
        self.meters = Meters::default();
        self.cut.clear();
        self.seen.clear();
    }

    /// The ledger: an object for each paid request, in the order in which they came.
    pub fn ledger(&self, now: Timestamp) -> Vec<Value> {
        let line = |entry: &Entry| {
            let job = entry.number.and_then(|number| self.state.jobs.get(number as usize));
            let faults = job.map_or(&[][..], |job| &job.faults);
            entry.line(faults, job.map_or(Some(0), |job| job.charge(now)))
        };
        self.state.ledger.iter().map(line).collect()
    }

    /// The requests that came last, in their order; keys are left out.
    pub fn requests(&self) -> Vec<Value> {
        self.seen.iter().map(Seen::line).collect()
    }

    fn keep(&mut self, kept: Kept) {
        if self.options.keeps_changes {
            self.changes.push(Change(kept));
        }
    }

    /// Changes the state, and keeps how.
    pub(crate) fn apply(&mut self, kept: Kept) {
        if self.options.keeps_changes {
            self.changes.push(Change(kept.clone()));
        }
        self.load(Change(kept));
    }

    pub(crate) fn bases(&self) -> &Bases {
        &self.options.bases
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.options.scenario
    }

    pub(crate) fn chance(&self) -> Chance {
        Chance { seed: self.options.seed }
    }

    /// A number that no one else has.
    pub(crate) fn count(&mut self) -> u64 {
        self.apply(Kept::Count(self.state.count + 1));
        self.state.count
    }

    /// A span of the provider as it is here.
    pub(crate) fn scaled(&self, span: Duration) -> SignedDuration {
        SignedDuration::from_micros((span.as_micros() as f64 / self.pace()).min(1e15) as i64)
    }

    fn pace(&self) -> f64 {
        if self.options.speed > 0.0 { self.options.speed } else { 1.0 }
    }

    pub(crate) fn limits(&self, provider: Provider) -> Limits {
        self.options.scenario.limits.get(&provider).cloned().unwrap_or_else(|| Limits::of(provider))
    }

    pub(crate) fn meters(&mut self) -> &mut Meters {
        &mut self.meters
    }
}

/// Jobs.
impl Sim {
    pub(crate) fn job(&self, number: u64) -> &Job {
        &self.state.jobs[number as usize]
    }

    /// A job of an account by its name.
    pub(crate) fn find(&self, provider: Provider, account: Option<&str>, id: &str) -> Option<&Job> {
        let job = self.job(*self.state.by_id.get(id)?);
        let theirs = job.provider == provider && account.is_none_or(|account| account == job.account);
        (theirs && !job.deleted).then_some(job)
    }

    /// The jobs of an account, the newest first.
    pub(crate) fn jobs_of(&self, provider: Provider, account: &str) -> impl Iterator<Item = &Job> {
        let jobs = self.state.jobs.iter().rev();
        jobs.filter(move |job| job.provider == provider && job.account == account && !job.deleted)
    }

    /// Makes a job, and plans the news of it.
    pub(crate) fn open(&mut self, now: Timestamp, draft: Draft) -> u64 {
        let number = self.state.jobs.len() as u64;
        let chance = self.chance();
        let faults = self.job_faults(draft.provider, &draft.model);
        let id = match draft.provider {
            Provider::Fal => chance.uuid("job", number),
            Provider::Replicate => chance.word("job", number),
            Provider::ElevenLabs => {
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
        // Half of the stuck jobs wait for ever, half run for ever.
        let never_starts = is_stuck && chance.share("stuck", number) < 0.5;
        let deadline = draft.given_up_after.map(|after| now + self.scaled(after));
        // At fal a request is given up only while it waits.
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

    /// When a job starts and ends: where places are limited, once one is free.
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

    /// Takes a job back at `now`, unless it can't be any more.
    pub(crate) fn cancel(&mut self, number: u64, now: Timestamp) {
        let mut job = self.job(number).clone();
        if job.phase(now).is_final() || job.has(Fault::CancelledTooLate) {
            return;
        }
        job.cancelled = Some(now);
        self.apply(Kept::Job(Box::new(job)));
        self.plan_end(number);
    }

    /// Makes the provider forget a job.
    pub(crate) fn delete(&mut self, number: u64) {
        let mut job = self.job(number).clone();
        job.deleted = true;
        self.apply(Kept::Job(Box::new(job)));
    }

    /// What an account has been charged so far.
    pub(crate) fn jobs_count(&self) -> u64 {
        self.state.jobs.len() as u64
    }

    fn spent(&self, provider: Provider, account: &str, now: Timestamp) -> Nanos {
        self.jobs_of(provider, account).filter_map(|job| job.charge(now)).sum()
    }
}

/// News.
impl Sim {
    fn plan_news(&mut self, number: u64) {
        let job = self.job(number).clone();
        let Some(hook) = &job.hook else { return };
        if job.has(Fault::WebhookLost) {
            return;
        }
        let moments = match job.provider {
            Provider::Replicate => Replicate::news(&job),
            _ => job.ended().map(|at| ("completed", at)).into_iter().collect(),
        };
        for (event, at) in moments {
            if hook.events.iter().any(|wanted| wanted == event) {
                self.plan_delivery(&job, event, at);
            }
        }
    }

    /// Plans the news of an end that came otherwise than planned.
    fn plan_end(&mut self, number: u64) {
        let job = self.job(number).clone();
        let planned: Vec<u64> = self
            .state
            .due
            .values()
            .filter(|delivery| delivery.job == number)
            .map(|delivery| delivery.number)
            .collect();
        for delivery in planned {
            self.apply(Kept::Delivered(delivery));
        }
        let wanted =
            job.hook.as_ref().is_some_and(|hook| hook.events.iter().any(|event| event == "completed"));
        if let Some(at) = job.ended().filter(|_| wanted && !job.has(Fault::WebhookLost)) {
            self.plan_delivery(&job, "completed", at);
        }
    }

    fn plan_delivery(&mut self, job: &Job, event: &str, at: Timestamp) {
        let late = if job.has(Fault::WebhookLate) { self.scaled(LATE) } else { SignedDuration::ZERO };
        let due = at + late;
        let number = self.count();
        let message = match job.provider {
            Provider::Replicate => format!("msg_{}", self.chance().word("message", number)),
            _ => job.id.clone(),
        };
        let delivery = Delivery {
            number,
            provider: job.provider,
            job: job.number,
            url: job.hook.as_ref().map(|hook| hook.url.clone()).unwrap_or_default(),
            event: event.to_owned(),
            message,
            due,
            attempt: 0,
            forged: false,
            is_last: event == "completed",
            secret: self.endpoint_secret(job),
        };
        if job.has(Fault::WebhookForged) {
            let number = self.count();
            let earlier = due - self.scaled(Duration::from_millis(500));
            let forged = Delivery { number, forged: true, due: earlier.max(job.created), ..delivery.clone() };
            self.schedule(forged);
        }
        if job.has(Fault::WebhookTwice) {
            let number = self.count();
            let again = due + self.scaled(Duration::from_millis(700));
            self.schedule(Delivery { number, due: again, ..delivery.clone() });
        }
        self.schedule(delivery);
    }

    fn endpoint_secret(&self, job: &Job) -> Option<String> {
        let url = &job.hook.as_ref()?.url;
        let endpoint = self
            .state
            .endpoints
            .values()
            .find(|endpoint| endpoint.url == *url && endpoint.account == job.account);
        endpoint.map(|endpoint| endpoint.secret.clone())
    }

    fn schedule(&mut self, delivery: Delivery) {
        self.apply(Kept::Delivery(Box::new(delivery)));
    }

    /// What news say at the moment of sending; nothing where they are out of date.
    fn payload(&self, delivery: &Delivery, now: Timestamp) -> Option<Value> {
        let job = self.state.jobs.get(delivery.job as usize)?;
        let at = match job.ended() {
            Some(ended) if delivery.event == "completed" => ended.max(now),
            // News of the course of a job tell what was then.
            _ => delivery.due.min(now),
        };
        if job.deleted {
            return None;
        }
        Some(match delivery.provider {
            Provider::Replicate => Replicate::payload(self, job, at, delivery.forged),
            Provider::Fal => Fal::payload(self, job, at, delivery.forged),
            Provider::ElevenLabs => ElevenLabs::payload(self, job, at, delivery.forged),
        })
    }

    fn send(&self, delivery: &Delivery, payload: &Value, now: Timestamp) -> Outgoing {
        let body = Bytes::from(payload.to_string());
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(webhook::sign(delivery, &body, now));
        Outgoing {
            number: delivery.number,
            provider: delivery.provider,
            url: delivery.url.clone(),
            headers,
            body,
            timeout: Duration::from_secs(15),
        }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.state.files.values()
    }

    pub(crate) fn file(&self, id: &str) -> Option<&File> {
        self.state.files.get(id)
    }

    /// Whether a download breaks off now: the first time it does.
    pub(crate) fn break_off(&mut self, job: u64, at: usize) -> bool {
        self.cut.insert((job, at))
    }

    pub(crate) fn endpoints(&self, account: &str) -> impl Iterator<Item = &Endpoint> {
        self.state.endpoints.values().filter(move |endpoint| endpoint.account == account)
    }
}

/// Requests.
impl Sim {
    fn visit<D: Dialect>(
        &mut self,
        now: Timestamp,
        ask: &Ask<'_>,
    ) -> (Reply, Option<Operation>, Option<Fault>) {
        let Some(route) = D::route(ask) else {
            return (D::refuse(Refusal::NotFound).into(), None, None);
        };
        let operation = D::operation(&route);
        let model = D::model(&route);
        let account = String::new();
        let mut visit =
            Visit { now, ask, account, operation, model, fault: None, status: 500, unknown: Vec::new() };
        let held = self.hold_back::<D>(&mut visit, &route);
        let done = match held {
            Some(reply) => Err(reply),
            None => Ok(D::answer(self, &mut visit, route)),
        };
        let (reply, job) = match done {
            Err(reply) => (reply, None),
            Ok(Done { answer, job }) => (self.spoil::<D>(&visit, answer), job),
        };
        if operation == Operation::Create {
            self.enter::<D>(&visit, &reply, job);
        }
        (reply, Some(operation), visit.fault)
    }

    /// All that can happen before a request is carried out.
    fn hold_back<D: Dialect>(&mut self, visit: &mut Visit<'_>, route: &D::Route) -> Option<Reply> {
        if D::needs_key(route) {
            match D::account(visit.ask).filter(|account| self.takes_key(D::PROVIDER, account)) {
                Some(account) => visit.account = account,
                None => return Some(D::refuse(Refusal::Unauthenticated).into()),
            }
            if let Err(seconds) = self.meter(D::PROVIDER, visit) {
                return Some(D::refuse(Refusal::Throttled(Some(seconds))).into());
            }
        }
        if let Some((fault, status)) =
            self.request_fault(D::PROVIDER, visit.model.as_deref(), visit.operation)
        {
            (visit.fault, visit.status) = (Some(fault), status);
        }
        if visit.operation == Operation::Create && !self.has_credit(D::PROVIDER, visit) {
            return Some(D::refuse(Refusal::OutOfCredit).into());
        }
        Some(match visit.fault? {
            Fault::Refuse => Reply::Refused,
            Fault::Throttle => D::refuse(Refusal::Throttled(Some(2))).into(),
            Fault::ThrottleNoHint => D::refuse(Refusal::Throttled(None)).into(),
            Fault::ErrorBefore => broken::<D>(visit.status).into(),
            _ => return None,
        })
    }

    /// What can happen to an answer on its way.
    fn spoil<D: Dialect>(&self, visit: &Visit<'_>, answer: Answer) -> Reply {
        let went_well = answer.status < 400;
        let Some(fault) = visit.fault.filter(|_| went_well) else {
            return self.renamed(answer).into();
        };
        match fault {
            Fault::ErrorAfter => broken::<D>(visit.status).after(answer.after).into(),
            Fault::ReplyLost => match answer.body {
                Body::Stream(mut pieces) => {
                    pieces.truncate(pieces.len() / 2);
                    pieces.push(http::Piece { after: Duration::ZERO, bytes: None });
                    Answer { body: Body::Stream(pieces), ..answer }.into()
                }
                _ => Reply::Lost { after: answer.after },
            },
            Fault::Html => http::html(200).after(answer.after).into(),
            Fault::BadJson => broken_json(answer).into(),
            _ => answer.into(),
        }
    }

    /// The answer with its fields called as the scenario says.
    fn renamed(&self, answer: Answer) -> Answer {
        let names = &self.scenario().rename;
        let Body::Whole(bytes) = &answer.body else { return answer };
        if names.is_empty() {
            return answer;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return answer };
        rename(&mut value, names);
        answer.saying(Body::Whole(value.to_string().into()))
    }

    fn takes_key(&self, provider: Provider, account: &str) -> bool {
        self.scenario().keys.get(&provider).is_none_or(|keys| keys.iter().any(|key| key == account))
    }

    fn has_credit(&self, provider: Provider, visit: &Visit<'_>) -> bool {
        self.scenario()
            .credit
            .get(&provider)
            .is_none_or(|dollars| self.spent(provider, &visit.account, visit.now) as f64 / 1e9 < *dollars)
    }

    /// Counts a request against the limits; says how many seconds there are to wait where they are reached.
    fn meter(&mut self, provider: Provider, visit: &Visit<'_>) -> Result<(), u64> {
        let limits = self.limits(provider);
        let is_create = visit.operation == Operation::Create;
        let per_minute = if is_create { limits.creates_per_minute } else { limits.reads_per_minute };
        match per_minute {
            Some(per_minute) => {
                self.meters.take((provider, visit.account.clone(), is_create), per_minute, visit.now)
            }
            None => Ok(()),
        }
    }

    /// The fault that befalls this request, if one does, and the status where the provider breaks.
    fn request_fault(
        &mut self,
        provider: Provider,
        model: Option<&str>,
        operation: Operation,
    ) -> Option<(Fault, u16)> {
        let (at, count) = self.occurring(provider, model, operation, false).first().copied()?;
        let rule = &self.scenario().faults[at];
        let statuses = if rule.fault == Fault::ErrorBefore { [500, 502, 503] } else { [500, 502, 504] };
        let lot = self.chance().number("status", (at as u64) << 40 | count) as usize;
        Some((rule.fault, rule.status.unwrap_or(statuses[lot % statuses.len()])))
    }

    fn job_faults(&mut self, provider: Provider, model: &str) -> Vec<Fault> {
        let occurring = self.occurring(provider, Some(model), Operation::Create, true);
        let mut faults: Vec<Fault> =
            occurring.iter().map(|(at, _)| self.scenario().faults[*at].fault).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }

    /// The rules whose faults occur now, each with the count at which it does. All that speak of this are counted.
    fn occurring(
        &mut self,
        provider: Provider,
        model: Option<&str>,
        operation: Operation,
        of_jobs: bool,
    ) -> Vec<(usize, u64)> {
        let chance = self.chance();
        let mut hits = std::mem::take(&mut self.state.hits);
        hits.resize(self.scenario().faults.len(), 0);
        let mut occurring = Vec::new();
        let mut counted = false;
        for (at, (rule, count)) in self.scenario().faults.iter().zip(&mut hits).enumerate() {
            if rule.fault.befalls_jobs() != of_jobs || !rule.speaks_of(provider, model, operation) {
                continue;
            }
            *count += 1;
            counted = true;
            let lot = chance.share(rule.fault.name(), (at as u64) << 40 | *count);
            if rule.occurs(*count, lot) {
                occurring.push((at, *count));
            }
        }
        if counted {
            self.keep(Kept::Hits(hits.clone()));
        }
        self.state.hits = hits;
        occurring
    }

    fn enter<D: Dialect>(&mut self, visit: &Visit<'_>, reply: &Reply, number: Option<u64>) {
        let attempt_key = visit.ask.header("motet-attempt").map(str::to_owned);
        let repeated = attempt_key.as_ref().is_some_and(|key| self.state.attempts.contains(key));
        let missing = attempt_key.is_none() && !self.scenario().attempts_optional;
        let entry = Entry {
            at: visit.now,
            provider: D::PROVIDER,
            account: (!visit.account.is_empty()).then(|| fingerprint(&visit.account)),
            model: visit.model.clone(),
            method: visit.ask.method.to_owned(),
            path: visit.ask.request.path.split('?').next().unwrap_or_default().to_owned(),
            job: number.map(|number| self.job(number).id.clone()),
            number,
            token: number.and_then(|number| D::token(self.job(number))),
            attempt_key,
            repeated,
            violation: missing.then(|| "a paid request without Motet-Attempt".to_owned()),
            fault: visit.fault,
            status: status(reply),
            unknown: visit.unknown.clone(),
        };
        self.apply(Kept::Entry(Box::new(entry)));
    }

    fn note(
        &mut self,
        now: Timestamp,
        request: &Request,
        reply: &Reply,
        operation: Option<Operation>,
        fault: Option<Fault>,
    ) {
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        let body = &request.body[..request.body.len().min(SEEN_BODY_MAX)];
        self.seen.push_back(Seen {
            at: now,
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone(),
            operation: operation.map(Operation::name),
            status: status(reply),
            fault,
            body: String::from_utf8_lossy(body).into_owned(),
        });
    }
}

/// What is answered by a provider that broke: its own words, or the page of a proxy that found it gone.
fn broken<D: Dialect>(status: u16) -> Answer {
    if matches!(status, 502 | 504) { http::html(status) } else { D::refuse(Refusal::Broken(status)) }
}

/// The answer with its JSON broken off.
fn broken_json(answer: Answer) -> Answer {
    let is_json = answer.headers.iter().any(|(name, value)| name == "content-type" && value.contains("json"));
    match &answer.body {
        Body::Whole(bytes) if is_json && bytes.len() > 1 => {
            let half = bytes.slice(..bytes.len() / 2);
            answer.saying(Body::Whole(half))
        }
        _ => Answer::new(answer.status, "application/json", Bytes::from_static(b"{\"detail\": "))
            .after(answer.after),
    }
}

fn status(reply: &Reply) -> Option<u16> {
    match reply {
        Reply::Answer(answer) => Some(answer.status),
        Reply::Refused | Reply::Lost { .. } => None,
    }
}

/// A key as the ledger tells it from others, without showing it.
fn fingerprint(account: &str) -> String {
    use sha2::{Digest, Sha256};
    webhook::hex(&Sha256::digest(account.as_bytes())[..4])
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (old, new) in names {
                if let Some(value) = map.remove(old) {
                    map.insert(new.clone(), value);
                }
            }
            map.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}
