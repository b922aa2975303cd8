//! Policies with their defaults filled in.

use crate::builtin;
use crate::contract::{Contract, Work};
use crate::document::{Retry, Timeout};
use crate::plan::{OnUnknown, RetryRule, Timeouts};
use crate::{Class, Span};

/// How many attempts a rule allows that doesn't say it.
const ATTEMPTS: u32 = 3;

/// The retry rules of a target: its own, or those of its step, or those of its kind of work. What the
/// engine does by itself gains nothing by being done again, unless that is written for it. An end that can't be
/// known is tried again where `on_unknown` says so, or the call may be sent twice without harm.
pub(super) fn retry_rules(
    own: Option<&[Retry]>,
    of_step: Option<&[Retry]>,
    contract: &Contract,
    on_unknown: Option<OnUnknown>,
) -> Vec<RetryRule> {
    let of_step = of_step.filter(|_| contract.work != Work::Engine);
    let attempts = contract.work.default_attempts();
    let mut rules = match own.or(of_step) {
        Some(rules) => rules.iter().map(|rule| retry_rule(rule, ATTEMPTS, contract)).collect(),
        None if attempts > 1 => vec![retry_rule(&Retry::default(), attempts, contract)],
        None => Vec::new(),
    };
    let default = contract.call.filter(|call| call.repeatable).map(|_| OnUnknown::Retry);
    let is_named = rules.iter().any(|rule| rule.on.contains(&Class::Unknown));
    if on_unknown.or(default) == Some(OnUnknown::Retry) && !is_named {
        let rule = Retry { on: Some(vec![Class::Unknown]), ..Retry::default() };
        rules.push(retry_rule(&rule, ATTEMPTS, contract));
    }
    rules
}

fn retry_rule(rule: &Retry, attempts: u32, contract: &Contract) -> RetryRule {
    let backoff = rule.backoff.unwrap_or(Span::seconds(1));
    RetryRule {
        on: rule.on.clone().unwrap_or_else(|| usual_classes(&Class::RETRY_DEFAULT, contract.is_paid())),
        attempts: rule.attempts.unwrap_or(attempts),
        backoff,
        factor: rule.factor.unwrap_or(2.0),
        max_backoff: rule.max_backoff.unwrap_or(Span::seconds(30)).max(backoff),
        jitter: rule.jitter.unwrap_or(true),
        timeout: rule.timeout,
    }
}

/// The classes for which a fallback is taken that doesn't say it. `is_paid_again`: it costs, and so did a target
/// before it.
pub(super) fn fallback_classes(own: Option<&[Class]>, is_paid_again: bool) -> Vec<Class> {
    own.map_or_else(|| usual_classes(&Class::FALLBACK_DEFAULT, is_paid_again), <[Class]>::to_vec)
}

/// A job that timed out may be billed, so nothing is paid again because of it unless that is written.
fn usual_classes(classes: &[Class], is_paid_again: bool) -> Vec<Class> {
    classes.iter().copied().filter(|class| !is_paid_again || *class != Class::Timeout).collect()
}

/// The timeouts of a target: its own, phase by phase, else those of its step, else the defaults. A sleep
/// takes as long as it is asked to.
pub(super) fn timeouts(own: &Timeout, of_step: &Timeout, operation: &str) -> Timeouts {
    let mut default = Timeouts::default();
    if operation == builtin::SLEEP {
        default.job = Span(u64::MAX);
    }
    Timeouts {
        connect: own.connect.or(of_step.connect).unwrap_or(default.connect),
        request: own.request.or(of_step.request).unwrap_or(default.request),
        queue: own.queue.or(of_step.queue).unwrap_or(default.queue),
        job: own.job.or(of_step.job).unwrap_or(default.job),
    }
}
