//! The path of a request: key, limits, faults, the provider's own answer, faults again, ledger.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::alter::broken_json;
use super::{Kept, Sim};
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{self, Answer, Ask, Body, Reply, Request};
use crate::job::Nanos;
use crate::ledger::{Entry, Seen};
use crate::scenario::{Fault, Operation, Provider};
use crate::webhook;

/// The most requests that are logged.
const SEEN_MAX: usize = 20_000;
/// The most bytes of a body that are logged.
const SEEN_BODY_MAX: usize = 4096;

impl Sim {
    pub(super) fn visit<D: Dialect>(
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
        let charged = done.as_ref().ok().filter(|done| done.answer.status < 400);
        let charged = charged.and_then(|done| D::charge(&done.answer)).unwrap_or(0);
        let (reply, job) = match done {
            Err(Reply::Answer(answer)) => (self.altered(answer).into(), None),
            Err(reply) => (reply, None),
            Ok(Done { answer, job }) => (self.spoil::<D>(&visit, answer), job),
        };
        if operation == Operation::Create {
            self.enter::<D>(&visit, &reply, job, charged);
        }
        (reply, Some(operation), visit.fault)
    }

    /// Everything that can stop a request before it is processed.
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
        let fault = self.request_fault(D::PROVIDER, visit.model.as_deref(), visit.operation);
        if let Some((fault, status)) = fault.or_else(|| D::scripted(self.scenario(), route)) {
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

    /// Applies the faults of an answer.
    fn spoil<D: Dialect>(&self, visit: &Visit<'_>, answer: Answer) -> Reply {
        let went_well = answer.status < 400;
        let Some(fault) = visit.fault.filter(|_| went_well) else {
            return self.altered(answer).into();
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

    fn takes_key(&self, provider: Provider, account: &str) -> bool {
        self.scenario().keys.get(&provider).is_none_or(|keys| keys.iter().any(|key| key == account))
    }

    fn has_credit(&self, provider: Provider, visit: &Visit<'_>) -> bool {
        self.scenario()
            .credit
            .get(&provider)
            .is_none_or(|dollars| self.spent(provider, &visit.account, visit.now) as f64 / 1e9 < *dollars)
    }

    /// Counts a request against the rate limits; the error is the number of seconds to wait.
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

    fn enter<D: Dialect>(&mut self, visit: &Visit<'_>, reply: &Reply, number: Option<u64>, charged: Nanos) {
        let attempt_key = visit.ask.header("motet-attempt").map(str::to_owned);
        let repeated = attempt_key.as_ref().is_some_and(|key| self.state.attempts.contains(key));
        let needs_one = D::is_marked(visit.ask) && !self.scenario().attempts_optional;
        let missing = attempt_key.is_none() && needs_one;
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
            charged,
        };
        self.apply(Kept::Entry(Box::new(entry)));
    }

    pub(super) fn note(
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

/// A server error: the provider's own, or the page of the proxy in front of it.
fn broken<D: Dialect>(status: u16) -> Answer {
    if matches!(status, 502 | 504) { http::html(status) } else { D::refuse(Refusal::Broken(status)) }
}

fn status(reply: &Reply) -> Option<u16> {
    match reply {
        Reply::Answer(answer) => Some(answer.status),
        Reply::Refused | Reply::Lost { .. } => None,
    }
}

/// Tells keys apart in the ledger without showing them.
fn fingerprint(account: &str) -> String {
    webhook::hex(&Sha256::digest(account.as_bytes())[..4])
}
