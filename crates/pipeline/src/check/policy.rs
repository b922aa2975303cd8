//! Policies with their defaults filled in.

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

/// The timeouts of a target: its own, phase by phase, else those of its step, else those of its contract.
pub(super) fn timeouts(own: &Timeout, of_step: &Timeout, contract: &Contract) -> Timeouts {
    let default = Timeouts::of(contract);
    Timeouts {
        connect: own.connect.or(of_step.connect).unwrap_or(default.connect),
        request: own.request.or(of_step.request).unwrap_or(default.request),
        queue: own.queue.or(of_step.queue).unwrap_or(default.queue),
        job: own.job.or(of_step.job).unwrap_or(default.job),
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::{Call, CallForm};
    use crate::{MediaKind, Type};

    use super::*;

    fn model(high: f64) -> Contract {
        Contract::new("lab/model", Work::Model).call(Call::paid(CallForm::Job)).usually(1.0, high)
    }

    #[test]
    fn a_model_is_waited_for_three_times_as_long_as_it_usually_takes_and_never_shorter_than_other_work() {
        let video = |high: f64| model(high).output("video", Type::media(MediaKind::Video));
        let task = Contract::new("task/dub", Work::Task).usually(1.0, 3600.0);
        let remote = task.clone().call(Call::paid(CallForm::Job));
        let minutes = |minutes: [u64; 3]| minutes.map(Span::minutes);
        let table = [
            (model(2.0), minutes([2, 15, 5])),
            (model(60.0), minutes([3, 15, 5])),
            (model(300.0), minutes([15, 15, 15])),
            (model(600.0), minutes([30, 30, 30])),
            (video(60.0), minutes([30, 30, 30])),
            (video(900.0), minutes([45, 45, 45])),
            (task, minutes([2, 15, 5])),
            (remote, minutes([180, 180, 180])),
            (
                Contract::new(crate::builtin::SLEEP, Work::Engine),
                [Span::minutes(2), Span::minutes(15), Span(u64::MAX)],
            ),
            (model(f64::INFINITY), [Span(u64::MAX); 3]),
        ];
        for (contract, expected) in table {
            let found = timeouts(&Timeout::default(), &Timeout::default(), &contract);
            let words = format!("{} {:?}", contract.operation, contract.usual_seconds);
            assert_eq!([found.request, found.queue, found.job], expected, "{words}");
            assert_eq!(found.connect, Span::seconds(10), "{words}");
        }
    }

    #[test]
    fn what_is_written_holds_whatever_the_contract_asks_for() {
        let own = Timeout { request: Some(Span::seconds(5)), ..Timeout::default() };
        let of_step =
            Timeout { request: Some(Span::seconds(7)), job: Some(Span::seconds(9)), ..Timeout::default() };
        let found = timeouts(&own, &of_step, &model(600.0));
        assert_eq!(
            [found.request, found.queue, found.job],
            [Span::seconds(5), Span::minutes(30), Span::seconds(9)]
        );
    }
}
