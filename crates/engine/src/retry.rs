//! Retries: which rule applies, and how long to pause.

use motet_pipeline::plan::{RetryRule, TimeoutChange};
use motet_pipeline::{Class, Digest, Failure, Span, StepPath, Timestamp};

/// The rule that applies to a failure of `class`: the first that names it.
pub fn rule(rules: &[RetryRule], class: Class) -> Option<&RetryRule> {
    rules.iter().find(|rule| rule.on.contains(&class))
}

/// When to try again after the `attempts`-th attempt failed, and why then.
///
/// A told `retry_at` is honoured however long, also where no rule asks for retries. The pause of a rule
/// is `backoff × factor^(attempts − 1)` up to `max_backoff`, with jitter drawn between zero and that
/// from `random`.
pub fn moment(
    rule: Option<&RetryRule>,
    attempts: u32,
    failure: &Failure,
    now: Timestamp,
    random: u64,
) -> (Timestamp, String) {
    let own = now.after(rule.map_or(Span::seconds(1), |rule| pause(rule, attempts, random)));
    match (failure.retry_at, rule) {
        (Some(told), _) if told > own => (told, format!("{}: asked to wait until then", failure.class)),
        (_, Some(rule)) => {
            (own, format!("{}: attempt {} of {} failed", failure.class, attempts, rule.attempts))
        }
        (_, None) => (own, format!("{}: asked to wait", failure.class)),
    }
}

fn pause(rule: &RetryRule, attempts: u32, random: u64) -> Span {
    let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
    // Nothing, however often it grows, is nothing: not the product of zero and infinity.
    let growth = rule.factor.powi(exponent).min(1e15);
    let full = (rule.backoff.0 as f64 * growth).min(rule.max_backoff.0 as f64);
    let share = if rule.jitter { random as f64 / u64::MAX as f64 } else { 1.0 };
    Span((full * share).round() as u64)
}

/// The job timeout of the next attempt, after `attempts` at the same target.
pub fn job_timeout(change: Option<TimeoutChange>, first: Span, attempts: u32) -> Span {
    match change {
        None => first,
        Some(TimeoutChange::To(span)) => span,
        Some(TimeoutChange::Times(factor)) => {
            let exponent = i32::try_from(attempts).unwrap_or(i32::MAX);
            Span((first.0 as f64 * factor.powi(exponent)).min(1e15).round() as u64)
        }
    }
}

/// A number drawn for one purpose of one step: the same for the same seed, step and `salt`.
pub fn draw(seed: u64, step: &StepPath, salt: &str) -> u64 {
    let digest = Digest::of(format!("{seed:016x}/{}/{salt}", step.as_str()).as_bytes());
    let bytes = digest.as_bytes();
    u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}
