//! Policies with their defaults filled in.

use crate::builtin;
use crate::contract::Work;
use crate::document::{Retry, Timeout};
use crate::plan::{RetryRule, Timeouts};
use crate::{Class, Span};

/// How many attempts a rule allows that doesn't say it.
const ATTEMPTS: u32 = 3;

/// The retry rules of a target: its own, or those of its step, or those of its kind of work. What the
/// engine does by itself gains nothing by being done again, unless that is written for it.
pub(super) fn retry_rules(own: Option<&[Retry]>, of_step: Option<&[Retry]>, work: Work) -> Vec<RetryRule> {
    let of_step = of_step.filter(|_| work != Work::Engine);
    match own.or(of_step) {
        Some(rules) => rules.iter().map(|rule| retry_rule(rule, ATTEMPTS)).collect(),
        None if work.default_attempts() > 1 => vec![retry_rule(&Retry::default(), work.default_attempts())],
        None => Vec::new(),
    }
}

fn retry_rule(rule: &Retry, attempts: u32) -> RetryRule {
    let backoff = rule.backoff.unwrap_or(Span::seconds(1));
    RetryRule {
        on: rule.on.clone().unwrap_or_else(|| Class::RETRY_DEFAULT.to_vec()),
        attempts: rule.attempts.unwrap_or(attempts),
        backoff,
        factor: rule.factor.unwrap_or(2.0),
        max_backoff: rule.max_backoff.unwrap_or(Span::seconds(30)).max(backoff),
        jitter: rule.jitter.unwrap_or(true),
        timeout: rule.timeout,
    }
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
