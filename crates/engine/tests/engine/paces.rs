//! What providers say of their limits corrects what the gate lets through.

use motet_engine::dispatcher::{
    Claim, GateEntry, GateEvent, Limits, Needs, Pace, PoolLimit, Spent, Told, Verdicts,
};
use motet_engine::{Dispatcher, RunId};
use motet_pipeline::{Class, Failure, Money, Span, Timestamp};

use crate::scenario::key;

const POOL: &str = "replicate/KEY";

/// A gate with one credential, and what it has said.
struct Gate {
    gate: Dispatcher,
    limits: Limits,
    now: Timestamp,
    stream: Vec<GateEntry>,
    asked: usize,
}

impl Gate {
    fn with(slots: Option<usize>, rate: Option<&str>) -> Gate {
        let limit = PoolLimit { slots, rate: rate.map(|rate| rate.parse().unwrap()) };
        let limits = Limits::processors(1).with_pool(POOL, limit);
        let (gate, now) = (Dispatcher::new(limits.clone()), Timestamp(1_800_000_000_000));
        Gate { gate, limits, now, stream: Vec::new(), asked: 0 }
    }

    /// How many are let through by what it is told.
    fn tell(&mut self, told: Told) -> usize {
        let Verdicts { events, grants, .. } = self.gate.handle(self.now, told);
        self.stream.extend(events);
        grants.len()
    }

    fn claim(number: usize) -> Claim {
        Claim { run: RunId::new("run"), key: key(&format!("s{number}"), 1) }
    }

    /// So many more want to begin.
    fn want(&mut self, count: usize) -> usize {
        let mut granted = 0;
        for _ in 0..count {
            self.asked += 1;
            let needs = Needs { credential: Some(POOL.into()), ..Needs::default() };
            granted += self.tell(Told::Wanted { claim: Gate::claim(self.asked), needs });
        }
        granted
    }

    fn hear(&mut self, left: Option<u64>, seconds: u64, slots: Option<usize>) -> usize {
        let until = left.map(|_| self.after(seconds));
        self.tell(Told::Paced { pool: POOL.into(), pace: Pace { left, until, slots } })
    }

    fn after(&self, seconds: u64) -> Timestamp {
        self.now.after(Span::seconds(seconds))
    }

    fn pass(&mut self, seconds: u64) -> usize {
        self.now = self.after(seconds);
        self.tell(Told::Tick)
    }

    fn reopen(&mut self) {
        self.gate = Dispatcher::replay(self.limits.clone(), &self.stream, self.now);
    }
}

#[test]
fn no_more_begin_than_the_provider_says_are_left_and_more_do_when_it_said_so() {
    let mut gate = Gate::with(None, Some("600/1m"));
    assert_eq!(gate.want(2), 2);
    assert_eq!(gate.hear(Some(1), 30, None), 0);
    assert_eq!(gate.want(5), 1, "one was left");
    assert_eq!(gate.gate.next_deadline(), Some(gate.after(30)));
    assert_eq!(gate.pass(29), 0);
    assert_eq!(gate.pass(1), 4);
}

#[test]
fn of_one_window_the_smaller_number_holds_and_a_later_window_begins_anew() {
    let mut gate = Gate::with(None, None);
    gate.hear(Some(2), 30, None);
    assert_eq!(gate.want(2), 2);
    // The reply to a request that left before these two.
    assert_eq!(gate.hear(Some(2), 30, None), 0);
    assert_eq!(gate.want(1), 0);
    assert_eq!(gate.hear(Some(3), 90, None), 1);
}

#[test]
fn whoever_is_told_to_wait_keeps_everybody_with_that_key_waiting_however_long_and_over_restarts() {
    let mut gate = Gate::with(None, Some("600/1m"));
    gate.tell(Told::Paced { pool: POOL.into(), pace: Pace::nothing_before(gate.after(86_400)) });
    assert_eq!(gate.want(3), 0);
    gate.reopen();
    assert_eq!(gate.want(3), 0);
    assert_eq!(gate.gate.pool(POOL).unwrap().closed_until, Some(gate.after(86_400)));
    assert_eq!(gate.pass(86_399), 0);
    assert_eq!(gate.pass(1), 3);
    assert_eq!(gate.gate.pool(POOL).unwrap().closed_until, None);
}

#[test]
fn the_number_of_slots_is_the_one_that_the_provider_says() {
    let mut gate = Gate::with(Some(2), None);
    assert_eq!(gate.want(6), 2);
    assert_eq!(gate.hear(None, 0, Some(5)), 3);
    assert_eq!(gate.hear(None, 0, Some(3)), 0, "those that are at work go on");
    for number in 1..=2 {
        assert_eq!(gate.tell(Told::Released { claim: Gate::claim(number) }), 0);
    }
    assert_eq!(gate.tell(Told::Released { claim: Gate::claim(3) }), 1);
    gate.reopen();
    assert_eq!(gate.gate.pool(POOL).unwrap().slots, Some(3));
}

#[test]
fn a_provider_that_allows_no_slot_at_all_is_asked_one_at_a_time() {
    let mut gate = Gate::with(Some(2), None);
    gate.hear(None, 0, Some(0));
    assert_eq!(gate.want(2), 1);
}

#[test]
fn what_a_provider_says_again_and_again_is_remembered_once() {
    let mut gate = Gate::with(Some(2), Some("600/1m"));
    for _ in 0..3 {
        gate.hear(Some(7), 30, Some(2));
        gate.hear(Some(0), 30, Some(2));
    }
    let limits = gate.stream.iter().filter(|entry| matches!(entry.event, GateEvent::Limited { .. }));
    assert_eq!(limits.count(), 1);
}

#[test]
fn what_is_said_of_the_past_or_of_an_unknown_pool_changes_nothing() {
    let mut gate = Gate::with(None, None);
    let past = Timestamp(gate.now.0 - 1);
    gate.tell(Told::Paced { pool: POOL.into(), pace: Pace::nothing_before(past) });
    gate.tell(Told::Paced { pool: "fal/KEY".into(), pace: Pace::nothing_before(gate.after(9)) });
    assert_eq!((gate.want(3), gate.stream.len()), (3, 0));
}

#[test]
fn how_the_last_call_with_a_key_failed_is_remembered() {
    let mut gate = Gate::with(None, None);
    gate.want(2);
    for (number, class) in [(1, Class::Unavailable), (2, Class::Content)] {
        let failure = Some(Failure::new(class, "no"));
        gate.tell(Told::Seen { claim: Gate::claim(number), failure, spent: Spent::Known(Money::ZERO) });
    }
    let told = serde_json::to_string(&gate.stream.last().unwrap().event).unwrap();
    assert_eq!(told, r#"{"event":"failed","pool":"replicate/KEY","class":"content"}"#);
    assert_eq!(gate.stream.last().unwrap().event.subject(), "failure replicate/KEY");
}
