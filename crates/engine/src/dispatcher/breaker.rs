//! Breakers: a target that fails is left alone for a while, and then tried with care.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::{Class, Failure, Span, Timestamp};

use super::{Claim, GateEvent};

/// When a breaker opens and closes.
///
/// ```
/// use motet_engine::dispatcher::breaker::Policy;
/// assert_eq!(Policy::default().failures_in_a_row, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// It opens after so many failures in a row;
    pub failures_in_a_row: u32,
    /// or if, of at least so many calls
    pub calls_least: u32,
    /// in the last so much time,
    pub window: Span,
    /// so many of a hundred failed.
    pub failed_percent: u32,
    /// How long it is open then.
    pub open_for: Span,
    /// How many good calls close it again.
    pub successes: u32,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            failures_in_a_row: 5,
            calls_least: 20,
            window: Span::seconds(60),
            failed_percent: 50,
            open_for: Span::seconds(60),
            successes: 2,
        }
    }
}

/// Whether a failure of `class` speaks against its target. All others are about the request, the key or
/// the answer: they say neither that the target works nor that it doesn't. A throttled target slows us
/// down, and is not broken.
///
/// ```
/// use motet_engine::dispatcher::breaker::counts;
/// use motet_pipeline::Class;
/// assert!(counts(Class::Unavailable) && !counts(Class::Content));
/// ```
pub fn counts(class: Class) -> bool {
    match class {
        Class::Unavailable | Class::Timeout | Class::Unknown => true,
        Class::Invalid
        | Class::TooLarge
        | Class::Content
        | Class::Auth
        | Class::Quota
        | Class::Throttled
        | Class::Gone
        | Class::BadOutput => false,
    }
}

/// Whether a call may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Open,
    /// Not before this moment.
    From(Timestamp),
    /// Not before the call that tries the target has ended.
    AfterProbe,
}

/// The breaker of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Breaker {
    /// Calls may leave.
    Closed(Calls),
    /// None may.
    Open { until: Timestamp },
    /// One at a time may, to see whether the target works again.
    Trying { good: u32, probe: Option<Claim> },
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker::Closed(Calls::default())
    }
}

impl Breaker {
    pub(super) fn passage(&self, now: Timestamp) -> Passage {
        match self {
            Breaker::Closed(_) | Breaker::Trying { probe: None, .. } => Passage::Open,
            Breaker::Open { until } if *until <= now => Passage::Open,
            Breaker::Open { until } => Passage::From(*until),
            Breaker::Trying { .. } => Passage::AfterProbe,
        }
    }

    /// A call leaves that may.
    pub(super) fn pass(&mut self, claim: &Claim) {
        match self {
            Breaker::Closed(_) => {}
            Breaker::Open { .. } => *self = Breaker::Trying { good: 0, probe: Some(claim.clone()) },
            Breaker::Trying { probe, .. } => *probe = Some(claim.clone()),
        }
    }

    /// A call ended without telling anything of the target, or never left.
    pub(super) fn pass_by(&mut self, claim: &Claim) {
        if let Breaker::Trying { probe, .. } = self
            && probe.as_ref() == Some(claim)
        {
            *probe = None;
        }
    }

    /// A call ended well, or else with a failure.
    pub(super) fn see(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        claim: &Claim,
        failure: Option<&Failure>,
    ) -> Option<Change> {
        self.pass_by(claim);
        let failed = match failure {
            None => false,
            Some(failure) if counts(failure.class) => true,
            Some(_) => return None,
        };
        let told = failure.and_then(|failure| failure.retry_at);
        let opens = |own: Timestamp| Some(Change::Opened { until: own.max(told.unwrap_or(own)) });
        let change = match self {
            Breaker::Closed(calls) => {
                calls.add(policy, now, failed);
                if calls.open(policy) { opens(now.after(policy.open_for)) } else { None }
            }
            // A call that left before: a later deadline holds, an earlier one changes nothing.
            Breaker::Open { until } if failed && told > Some(*until) => opens(*until),
            Breaker::Open { .. } => None,
            Breaker::Trying { .. } if failed => opens(now.after(policy.open_for)),
            Breaker::Trying { good, .. } => {
                *good += 1;
                (*good >= policy.successes).then_some(Change::Closed)
            }
        };
        change.iter().for_each(|change| self.apply(*change));
        change
    }

    pub(super) fn apply(&mut self, change: Change) {
        *self = match change {
            Change::Opened { until } => Breaker::Open { until },
            Change::Closed => Breaker::default(),
        };
    }
}

/// What is remembered of a breaker over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened { until: Timestamp },
    Closed,
}

impl Change {
    pub(super) fn of(self, target: &Arc<str>) -> GateEvent {
        let target = target.clone();
        match self {
            Change::Opened { until } => GateEvent::BreakerOpened { target, until },
            Change::Closed => GateEvent::BreakerClosed { target },
        }
    }
}

/// The calls of the last while: counted in parts of the window, so that many cost no more than few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    failures_in_a_row: u32,
    /// Good and failed calls, by the number of their part.
    parts: BTreeMap<i64, (u32, u32)>,
}

/// In how many parts a window is counted.
const PARTS: u64 = 60;

impl Calls {
    fn add(&mut self, policy: &Policy, now: Timestamp, failed: bool) {
        let length = i64::try_from((policy.window.0 / PARTS).max(1)).unwrap_or(i64::MAX);
        let present = now.0.div_euclid(length);
        let first = present.saturating_sub(PARTS as i64 - 1);
        self.parts = self.parts.split_off(&first);
        // What is later was counted before the clock was set back.
        drop(self.parts.split_off(&present.saturating_add(1)));
        let (good, bad) = self.parts.entry(present).or_default();
        if failed {
            *bad += 1;
            self.failures_in_a_row += 1;
        } else {
            *good += 1;
            self.failures_in_a_row = 0;
        }
    }

    fn open(&self, policy: &Policy) -> bool {
        let total =
            |of: fn(&(u32, u32)) -> u32| self.parts.values().map(|part| u64::from(of(part))).sum::<u64>();
        let (good, bad) = (total(|part| part.0), total(|part| part.1));
        let many = good + bad >= u64::from(policy.calls_least)
            && bad * 100 >= u64::from(policy.failed_percent) * (good + bad);
        self.failures_in_a_row >= policy.failures_in_a_row || many
    }
}

#[cfg(test)]
mod tests {
    use motet_pipeline::StepPath;

    use super::*;
    use crate::{AttemptKey, RunId};

    const POLICY: fn() -> Policy = Policy::default;

    fn claim(number: u32) -> Claim {
        Claim { run: RunId::new("run"), key: AttemptKey { step: StepPath::from_text("a"), number } }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_000_000 + seconds * 1_000)
    }

    /// Plays `calls`, one a second: `+` good, `-` unavailable, `.` refused content, ` ` nothing. Says when
    /// the breaker opened.
    fn opens_at(calls: &str) -> Option<usize> {
        let mut breaker = Breaker::default();
        for (second, call) in calls.chars().enumerate() {
            let failure = match call {
                ' ' => continue,
                '+' => None,
                '-' => Some(Failure::new(Class::Unavailable, "down")),
                '.' => Some(Failure::new(Class::Content, "no")),
                other => panic!("{other} is no call"),
            };
            let change = breaker.see(&POLICY(), at(second as i64), &claim(1), failure.as_ref());
            if let Some(Change::Opened { until }) = change {
                assert_eq!(until, at(second as i64 + 60));
                return Some(second);
            }
        }
        None
    }

    #[test]
    fn it_opens_after_five_in_a_row_or_half_of_twenty_in_a_minute() {
        let gap = " ".repeat(60);
        let table = [
            ("-----".to_owned(), Some(4)),
            ("----+----".to_owned(), None),
            ("--.--.-".to_owned(), Some(6)),
            (".....................".to_owned(), None),
            ("-+".repeat(10), Some(19)),
            ("+-".repeat(9) + "++", None),
            ("-+".repeat(9) + &gap + "-+", None),
            ("+++-".repeat(15), None),
            ("----".to_owned() + &gap + "-", Some(64)),
        ];
        for (calls, opened) in table {
            assert_eq!(opens_at(&calls), opened, "{calls}");
        }
    }

    #[test]
    fn what_each_class_counts_as() {
        let counted: Vec<_> = Class::ALL.into_iter().filter(|class| counts(*class)).collect();
        assert_eq!(counted, [Class::Unavailable, Class::Timeout, Class::Unknown]);
    }

    #[test]
    fn after_a_minute_one_call_at_a_time_may_leave_and_two_good_ones_close_it() {
        let policy = POLICY();
        let mut breaker = Breaker::Open { until: at(60) };
        assert_eq!(breaker.passage(at(59)), Passage::From(at(60)));
        assert_eq!(breaker.passage(at(60)), Passage::Open);
        breaker.pass(&claim(1));
        assert_eq!(breaker.passage(at(61)), Passage::AfterProbe);
        assert_eq!(breaker.see(&policy, at(62), &claim(9), None), None, "a late answer isn't the probe's");
        assert_eq!(breaker.passage(at(62)), Passage::AfterProbe);
        assert_eq!(breaker.see(&policy, at(62), &claim(1), None), Some(Change::Closed), "but counts");

        breaker = Breaker::Open { until: at(60) };
        breaker.pass(&claim(1));
        assert_eq!(breaker.see(&policy, at(61), &claim(1), None), None);
        breaker.pass(&claim(2));
        breaker.pass_by(&claim(2));
        assert_eq!(breaker.passage(at(62)), Passage::Open, "a probe that never left is no answer");
        breaker.pass(&claim(3));
        let down = Failure::new(Class::Timeout, "too long");
        assert_eq!(
            breaker.see(&policy, at(63), &claim(3), Some(&down)),
            Some(Change::Opened { until: at(123) })
        );
    }

    #[test]
    fn a_later_deadline_extends_an_open_one_and_an_earlier_one_changes_nothing() {
        let mut breaker = Breaker::Open { until: at(60) };
        let told = |seconds| Failure::new(Class::Unavailable, "down").retry_at(at(seconds));
        let mut see = |failure: Failure| breaker.see(&POLICY(), at(1), &claim(1), Some(&failure));
        assert_eq!(see(told(50)), None);
        assert_eq!(see(Failure::new(Class::Unavailable, "down")), None);
        assert_eq!(see(told(600)), Some(Change::Opened { until: at(600) }));
        assert_eq!(see(told(70)), None);
    }
}
