//! The gate to what is scarce.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use motet_engine::dispatcher::{
    Bill, Cap, Cause, Claim, GateEntry, GateEvent, Limits, Needs, PoolLimit, Spent, Told, Verdicts, Way,
};
use motet_engine::{Dispatcher, RunId};
use motet_pipeline::{Class, Failure, Span, Timestamp};
use proptest::prelude::*;

use crate::scenario::key;

fn claim(run: usize, step: usize) -> Claim {
    Claim { run: RunId::new(format!("run {run}")), key: key(&format!("s{step}"), 1) }
}

/// What is needed, in letters: `p` a processor, `g` the pool `gpu`, `s` the pool `search`.
fn needs(letters: &str) -> Needs {
    let pool = |letter, name: &str| letters.contains(letter).then(|| name.into());
    let pool = pool('g', "gpu").or_else(|| pool('s', "search"));
    Needs { processor: letters.contains('p'), pool, ..Needs::default() }
}

fn limits(processors: usize, gpus: usize, rate: Option<&str>) -> Limits {
    let gpu = PoolLimit { slots: Some(gpus), rate: None };
    let search = PoolLimit { slots: None, rate: rate.map(|rate| rate.parse().unwrap()) };
    Limits::processors(processors).with_pool("gpu", gpu).with_pool("search", search)
}

/// A gate, and what it said.
struct Gate {
    gate: Dispatcher,
    now: Timestamp,
    stream: Vec<GateEntry>,
    denied: Vec<(Claim, Cause)>,
    looks: Vec<Claim>,
}

impl Gate {
    fn new(limits: Limits) -> Gate {
        Gate {
            gate: Dispatcher::new(limits),
            now: Timestamp(1_000_000),
            stream: Vec::new(),
            denied: Vec::new(),
            looks: Vec::new(),
        }
    }

    fn tell(&mut self, told: Told) -> Vec<Claim> {
        let Verdicts { events, looks, grants, denials } = self.gate.handle(self.now, told);
        self.looks.extend(looks.into_iter().map(|(claim, _)| claim));
        self.stream.extend(events);
        self.denied.extend(denials.into_iter().map(|denial| (denial.claim, denial.cause)));
        grants
    }

    fn want(&mut self, claim: Claim, needs: Needs) -> Vec<Claim> {
        self.tell(Told::Wanted { claim, needs })
    }

    fn release(&mut self, claim: &Claim) -> Vec<Claim> {
        self.tell(Told::Released { claim: claim.clone() })
    }

    fn pass(&mut self, seconds: u64) -> Vec<Claim> {
        self.now = self.now.after(Span::seconds(seconds));
        self.tell(Told::Tick)
    }

    /// Another process opens the same store.
    fn reopen(&mut self, limits: Limits) {
        self.gate = Dispatcher::replay(limits, &self.stream, self.now);
    }
}

#[test]
fn runs_are_served_in_turn_and_their_claims_in_order() {
    let mut gate = Gate::new(limits(1, 0, None));
    let mut next = gate.want(claim(9, 9), needs("p"));
    for (run, step) in [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)] {
        assert_eq!(gate.want(claim(run, step), needs("p")), []);
    }
    let mut served = Vec::new();
    while let [one] = next.as_slice() {
        served.push(one.clone());
        next = gate.release(one);
    }
    let expected = [claim(9, 9), claim(1, 1), claim(2, 1), claim(3, 1), claim(1, 2), claim(1, 3)];
    assert_eq!(served, expected);
}

#[test]
fn asking_twice_is_asking_once_whether_it_waits_or_holds() {
    let mut gate = Gate::new(limits(1, 0, None));
    assert_eq!(gate.want(claim(1, 1), needs("p")), [claim(1, 1)]);
    assert_eq!(gate.want(claim(1, 1), needs("p")), []);
    for _ in 0..2 {
        assert_eq!(gate.want(claim(1, 2), needs("p")), []);
    }
    assert_eq!((gate.gate.held(), gate.gate.waiting()), (1, 1));
    assert_eq!(gate.release(&claim(1, 1)), [claim(1, 2)]);
    assert_eq!((gate.gate.held(), gate.gate.waiting()), (1, 0));
}

#[test]
fn a_claim_that_asks_for_something_else_waits_for_that() {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(9, 1), needs("g"));
    assert_eq!(gate.want(claim(1, 1), needs("g")), []);
    assert_eq!(gate.want(claim(1, 1), needs("p")), [claim(1, 1)]);
    assert_eq!(gate.release(&claim(9, 1)), []);
    assert_eq!((gate.gate.held(), gate.gate.waiting()), (1, 0));
}

#[test]
fn a_run_that_left_is_not_served_and_frees_what_it_waited_for() {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(9, 1), needs("p"));
    for step in 1..=3 {
        gate.want(claim(1, step), needs("pg"));
    }
    gate.want(claim(2, 1), needs("p"));
    assert_eq!(gate.tell(Told::Forgotten { run: claim(1, 1).run }), []);
    assert_eq!(gate.release(&claim(9, 1)), [claim(2, 1)]);
    assert_eq!(gate.gate.waiting(), 0);
}

#[test]
fn giving_back_twice_or_what_nobody_holds_makes_no_slot() {
    let mut gate = Gate::new(limits(2, 0, None));
    gate.release(&claim(1, 1));
    let granted: Vec<_> = (1..=5).flat_map(|step| gate.want(claim(1, step), needs("p"))).collect();
    assert_eq!(granted, [claim(1, 1), claim(1, 2)]);
    assert_eq!(gate.release(&claim(1, 1)), [claim(1, 3)]);
    assert_eq!(gate.release(&claim(1, 1)), []);
}

#[test]
fn a_claim_that_is_withdrawn_while_it_waits_is_not_served() {
    let mut gate = Gate::new(limits(1, 0, None));
    for step in 0..=3 {
        gate.want(claim(1, step), needs("p"));
    }
    gate.release(&claim(1, 1));
    gate.release(&claim(1, 3));
    assert_eq!(gate.release(&claim(1, 0)), [claim(1, 2)]);
    assert_eq!(gate.release(&claim(1, 2)), []);
    assert_eq!((gate.gate.held(), gate.gate.waiting()), (0, 0));
}

#[test]
fn work_that_was_going_on_before_takes_its_slots_and_holds_others_up() {
    let mut gate = Gate::new(limits(1, 1, None));
    for step in 1..=2 {
        gate.tell(Told::Held { claim: claim(1, step), needs: needs("pg") });
        gate.tell(Told::Held { claim: claim(1, step), needs: needs("pg") });
    }
    gate.want(claim(2, 1), needs("p"));
    gate.want(claim(2, 2), needs("g"));
    assert_eq!(gate.release(&claim(1, 1)), []);
    assert_eq!(gate.release(&claim(1, 2)), [claim(2, 2), claim(2, 1)]);
}

#[test]
fn a_claim_is_granted_when_all_that_it_needs_is_there_together() {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(1, 1), needs("p"));
    gate.want(claim(1, 2), needs("g"));
    assert_eq!(gate.want(claim(2, 1), needs("pg")), []);
    assert_eq!(gate.release(&claim(1, 1)), []);
    assert_eq!(gate.want(claim(1, 3), needs("p")), [claim(1, 3)], "it holds no processor while it waits");
    assert_eq!(gate.release(&claim(1, 2)), []);
    assert_eq!(gate.release(&claim(1, 3)), [claim(2, 1)]);
}

#[test]
fn whoever_lacks_something_is_in_nobodys_way() {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(1, 1), needs("g"));
    for step in 2..=5 {
        assert_eq!(gate.want(claim(1, step), needs("pg")), []);
    }
    assert_eq!(gate.want(claim(2, 1), needs("p")), [claim(2, 1)]);
}

/// Two runs take turns so that processor and pool are never free at the same time: each asks again
/// before it gives back.
fn served_after(rounds: usize) -> Option<usize> {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(1, 0), needs("p"));
    gate.want(claim(2, 0), needs("g"));
    gate.want(claim(9, 1), needs("pg"));
    for round in 0..rounds {
        for (run, letters) in [(1, "p"), (2, "g")] {
            gate.want(claim(run, round + 1), needs(letters));
            if gate.release(&claim(run, round)).contains(&claim(9, 1)) {
                return Some(round);
            }
        }
    }
    None
}

#[test]
fn a_rare_combination_is_not_overtaken_for_ever() {
    assert_eq!(served_after(100), Some(5), "the one thing came eight times while the other was gone");
}

#[test]
fn what_is_kept_for_one_that_leaves_is_free_again() {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(1, 0), needs("p"));
    gate.want(claim(2, 0), needs("g"));
    gate.want(claim(9, 1), needs("pg"));
    for round in 0..4 {
        for (run, letters) in [(2, "g"), (1, "p")] {
            gate.want(claim(run, round + 1), needs(letters));
            gate.release(&claim(run, round));
        }
    }
    gate.want(claim(3, 1), needs("g"));
    gate.release(&claim(2, 4));
    gate.release(&claim(2, 3));
    assert_eq!(gate.want(claim(3, 2), needs("g")), [], "it is kept");
    assert_eq!(gate.release(&claim(9, 1)), [claim(3, 1)]);
}

#[test]
fn tokens_come_with_time_and_are_waited_for() {
    let mut gate = Gate::new(limits(1, 0, Some("3/1m")));
    let granted: Vec<_> = (1..=6).flat_map(|step| gate.want(claim(1, step), needs("s"))).collect();
    assert_eq!(granted.len(), 3);
    assert_eq!(gate.gate.next_deadline(), Some(gate.now.after(Span::seconds(20))));
    assert_eq!(gate.pass(19), []);
    assert_eq!(gate.pass(1), [claim(1, 4)]);
    assert_eq!(gate.release(&claim(1, 4)), [], "a token that was taken doesn't come back");
    assert_eq!(gate.pass(40), [claim(1, 5), claim(1, 6)]);
    assert_eq!(gate.gate.next_deadline(), None);
}

#[test]
fn a_bucket_survives_a_restart_and_a_pool_that_is_gone_changes_nothing() {
    let mut gate = Gate::new(limits(1, 0, Some("3/1m")));
    for step in 1..=3 {
        assert_eq!(gate.want(claim(1, step), needs("s")).len(), 1);
    }
    gate.reopen(limits(1, 0, Some("3/1m")));
    assert_eq!(gate.want(claim(1, 4), needs("s")), []);
    assert_eq!(gate.pass(20), [claim(1, 4)]);
    gate.reopen(limits(1, 0, Some("60/1m")));
    assert_eq!(gate.want(claim(1, 5), needs("s")), [], "nothing was left, by whatever rate");
    gate.reopen(Limits::processors(1));
    assert_eq!(gate.want(claim(1, 6), needs("s")), []);
    assert!(!gate.gate.has_pool("search"));
    assert_eq!((gate.pass(3_600), gate.gate.next_deadline()), (vec![], None), "it waits for the settings");
    assert_eq!(gate.want(claim(2, 1), needs("p")), [claim(2, 1)]);
}

#[test]
fn a_clock_that_was_set_back_between_two_processes_gives_nothing_away_and_holds_nothing_up() {
    let mut gate = Gate::new(limits(1, 0, Some("3/1m")));
    for step in 1..=3 {
        gate.want(claim(1, step), needs("s"));
    }
    gate.now = Timestamp(1_000);
    gate.reopen(limits(1, 0, Some("3/1m")));
    assert_eq!(gate.want(claim(1, 4), needs("s")), []);
    assert_eq!(gate.pass(20), [claim(1, 4)]);
}

#[test]
fn slots_of_processors_and_pools_leave_no_trace_in_the_stream() {
    let mut gate = Gate::new(limits(1, 1, None));
    gate.want(claim(1, 1), needs("pg"));
    gate.want(claim(1, 2), needs("pg"));
    gate.release(&claim(1, 1));
    gate.release(&claim(1, 2));
    assert_eq!(gate.stream, []);
}

fn way(waits: bool) -> Needs {
    Needs { breaker: Some(Box::new(Way { target: "acme".into(), waits })), ..Needs::default() }
}

fn bill(amount: &str) -> Needs {
    let dollars = |text: &str| text.parse().unwrap();
    let caps = vec![Cap { name: "the run".into(), limit: dollars("1") }];
    Needs { money: Some(Box::new(Bill { amount: dollars(amount), caps })), ..Needs::default() }
}

fn spent(amount: &str) -> Spent {
    Spent::Known(amount.parse().unwrap())
}

/// Fails as often as it takes to open the breaker.
fn break_open(gate: &mut Gate) {
    for step in 0..5 {
        assert_eq!(gate.want(claim(1, step), way(true)).len(), 1);
    }
    for step in 0..5 {
        let failure = Some(Failure::new(Class::Unavailable, "down"));
        gate.tell(Told::Seen { claim: claim(1, step), failure: failure.clone(), spent: spent("0") });
        gate.tell(Told::Seen { claim: claim(1, step), failure, spent: spent("0") });
        gate.release(&claim(1, step));
    }
}

#[test]
fn an_open_breaker_is_waited_for_or_denies_and_survives_a_restart() {
    let mut gate = Gate::new(limits(1, 0, None));
    break_open(&mut gate);
    let until = gate.now.after(Span::seconds(60));
    assert_eq!(gate.stream.len(), 1, "what is seen twice counts once");
    gate.reopen(limits(1, 0, None));
    assert_eq!(gate.want(claim(2, 1), way(false)), []);
    let (denied, cause) = gate.denied.pop().unwrap();
    let Cause::Failure(failure) = cause else { panic!("{cause:?}") };
    assert_eq!((denied, failure.class, failure.retry_at), (claim(2, 1), Class::Unavailable, Some(until)));
    insta::assert_snapshot!(failure.message, @"acme failed too often and is paused for a while");
    assert_eq!(gate.want(claim(3, 1), way(true)), []);
    assert_eq!(gate.want(claim(3, 2), way(true)), []);
    assert_eq!(gate.gate.next_deadline(), Some(until));
    assert_eq!(gate.pass(60), [claim(3, 1)], "one tries");
    assert_eq!(gate.tell(Told::Seen { claim: claim(3, 1), failure: None, spent: spent("0") }), [claim(3, 2)]);
    gate.tell(Told::Seen { claim: claim(3, 2), failure: None, spent: spent("0") });
    assert!(matches!(gate.stream.last().unwrap().event, GateEvent::BreakerClosed { .. }));
}

#[test]
fn a_probe_that_is_given_back_lets_the_next_one_try() {
    let mut gate = Gate::new(limits(1, 0, None));
    break_open(&mut gate);
    gate.want(claim(3, 1), way(true));
    gate.want(claim(3, 2), way(true));
    assert_eq!(gate.pass(60), [claim(3, 1)]);
    assert_eq!(gate.release(&claim(3, 1)), [claim(3, 2)]);
}

#[test]
fn whoever_is_short_of_money_waits_for_what_may_come_back_and_is_denied_when_it_does_not() {
    let mut gate = Gate::new(limits(1, 0, None));
    assert_eq!(gate.want(claim(1, 1), bill("0.5")), [claim(1, 1)]);
    assert_eq!(gate.want(claim(1, 2), bill("0.5")), [claim(1, 2)]);
    assert_eq!(gate.want(claim(2, 1), bill("0.5")), []);
    assert_eq!(gate.want(claim(3, 1), bill("0.2")), []);
    assert_eq!(
        gate.tell(Told::Seen { claim: claim(1, 1), failure: None, spent: spent("0.3") }),
        [claim(3, 1)]
    );
    assert!(gate.denied.is_empty());
    let unknown = Told::Seen { claim: claim(1, 2), failure: None, spent: Spent::Unknown };
    assert_eq!(gate.tell(unknown), []);
    let (denied, cause) = gate.denied.pop().unwrap();
    let Cause::Budget(message) = cause else { panic!("{cause:?}") };
    assert_eq!(denied, claim(2, 1));
    insta::assert_snapshot!(message, @"it may cost up to $0.5, which is more than the $0.2 that is left of the $1 of the run");
    for step in 1..=2 {
        gate.release(&claim(1, step));
    }
    assert_eq!(gate.want(claim(4, 1), bill("0.2")), [], "nobody knows what it cost, restart or not");
    gate.reopen(limits(1, 0, None));
    gate.denied.clear();
    gate.tell(Told::Held { claim: claim(3, 1), needs: bill("0.2") });
    assert_eq!(gate.want(claim(4, 1), bill("0.2")), []);
    assert_eq!(
        gate.tell(Told::Seen { claim: claim(1, 2), failure: None, spent: spent("0.1") }),
        [claim(4, 1)]
    );
}

#[test]
fn what_was_reserved_for_what_never_left_comes_back() {
    let mut gate = Gate::new(limits(0, 0, None));
    let both = Needs { processor: true, ..bill("1") };
    assert_eq!(gate.want(claim(1, 1), both), [], "nothing is reserved while it waits for a processor");
    assert_eq!(gate.want(claim(2, 1), bill("1")), [claim(2, 1)]);
    assert_eq!(gate.want(claim(3, 1), bill("1")), []);
    assert_eq!(gate.release(&claim(2, 1)), [claim(3, 1)]);
    // The process dies, and the run of the reservation is not there any more.
    gate.reopen(limits(0, 0, None));
    assert_eq!(gate.want(claim(4, 1), bill("1")), []);
    assert_eq!(gate.tell(Told::Forgotten { run: claim(3, 1).run }), [claim(4, 1)]);
}

#[test]
fn two_hundred_calls_never_reserve_more_than_the_cap() {
    let mut gate = Gate::new(limits(0, 0, None));
    let granted: Vec<_> = (0..200).flat_map(|step| gate.want(claim(step, 1), bill("0.1"))).collect();
    assert_eq!(granted.len(), 10);
    for claim in &granted {
        gate.tell(Told::Seen { claim: claim.clone(), failure: None, spent: spent("0.1") });
        gate.release(claim);
    }
    assert_eq!((gate.denied.len(), gate.gate.waiting(), gate.gate.held()), (190, 0, 0));
}

#[test]
fn every_event_of_the_stream() {
    let mut gate = Gate::new(limits(1, 0, Some("3/1m")));
    gate.want(claim(1, 9), needs("s"));
    break_open(&mut gate);
    gate.want(claim(2, 1), bill("0.5"));
    gate.tell(Told::Seen { claim: claim(2, 1), failure: None, spent: Spent::Unknown });
    gate.tell(Told::Seen { claim: claim(2, 1), failure: None, spent: spent("0.25") });
    gate.pass(60);
    for step in 1..=2 {
        gate.want(claim(3, step), way(true));
        gate.tell(Told::Seen { claim: claim(3, step), failure: None, spent: spent("0") });
    }
    let line = |entry: &GateEntry| {
        let ends = if entry.event.ends_subject() { " (ends it)" } else { "" };
        format!("{}{ends}\n  {}", entry.event.subject(), serde_json::to_string(&entry.event).unwrap())
    };
    insta::assert_snapshot!(gate.stream.iter().map(line).collect::<Vec<_>>().join("\n"));
}

#[derive(Clone, Debug)]
enum Move {
    Want(usize, &'static str),
    Take(usize, &'static str),
    Release(usize),
    ReleaseAgain,
    Forget(usize),
    Pass(u64),
}

const KINDS: [&str; 5] = ["p", "g", "pg", "s", "ps"];

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let kind = || prop::sample::select(&KINDS[..]);
    let one = prop_oneof![
        6 => (0_usize..4, kind()).prop_map(|(run, kind)| Move::Want(run, kind)),
        1 => (0_usize..4, kind()).prop_map(|(run, kind)| Move::Take(run, kind)),
        5 => (0_usize..8).prop_map(Move::Release),
        1 => Just(Move::ReleaseAgain),
        1 => (0_usize..4).prop_map(Move::Forget),
        2 => (0_u64..40).prop_map(Move::Pass),
    ];
    prop::collection::vec(one, 0..120)
}

/// How much of `letter` the claims of `held` have.
fn count(held: &BTreeMap<Claim, &'static str>, letter: char) -> usize {
    held.values().filter(|kind| kind.contains(letter)).count()
}

proptest! {
    /// Whatever it is told, in whatever order: never more is given than there is, only to those who asked, and
    /// when all is given back everybody has been served.
    #[test]
    fn never_more_than_there_is_and_never_less(
        (processors, gpus) in (1_usize..4, 1_usize..3),
        moves in moves(),
    ) {
        let mut gate = Gate::new(limits(processors, gpus, Some("3/1m")));
        let (mut held, mut waiting) = (BTreeMap::new(), BTreeMap::new());
        let (mut taken, mut tokens, mut last) = (BTreeSet::new(), 0_u64, claim(9, 9));
        let begun = gate.now;
        for (step, next) in moves.into_iter().enumerate() {
            let granted = match next {
                Move::Want(run, kind) => {
                    waiting.insert(claim(run, step), kind);
                    gate.want(claim(run, step), needs(kind))
                }
                Move::Take(run, kind) => {
                    held.insert(claim(run, step), kind);
                    taken.insert(claim(run, step));
                    gate.tell(Told::Held { claim: claim(run, step), needs: needs(kind) })
                }
                Move::Release(which) => {
                    let Some(chosen) = held.keys().nth(which).cloned() else { continue };
                    held.remove(&chosen);
                    last = chosen;
                    gate.release(&last)
                }
                Move::ReleaseAgain => gate.release(&last),
                Move::Forget(run) => {
                    waiting.retain(|waits: &Claim, _| waits.run != claim(run, 0).run);
                    gate.tell(Told::Forgotten { run: claim(run, 0).run })
                }
                Move::Pass(seconds) => gate.pass(seconds),
            };
            for granted in granted {
                let kind = waiting.remove(&granted);
                prop_assert!(kind.is_some(), "{granted:?} didn't ask");
                tokens += u64::from(kind.unwrap().contains('s'));
                held.insert(granted, kind.unwrap());
            }
            let before = |letter| held.iter().filter(|(claim, kind)| taken.contains(claim) && kind.contains(letter)).count();
            prop_assert!(count(&held, 'p') <= processors.max(before('p')) || before('p') > 0);
            prop_assert!(count(&held, 'g') <= gpus.max(before('g')) || before('g') > 0);
            if taken.is_empty() {
                prop_assert!(count(&held, 'p') <= processors && count(&held, 'g') <= gpus);
            }
            prop_assert!(tokens <= 3 + gate.now.since(begun).0 * 3 / 60_000);
            prop_assert_eq!((gate.gate.held(), gate.gate.waiting()), (held.len(), waiting.len()));
        }
        // Everything is given back, and time passes.
        for _ in 0..waiting.len() * 2 + 1 {
            let all: Vec<Claim> = held.keys().cloned().collect();
            let mut granted = gate.pass(20);
            for claim in all {
                held.remove(&claim);
                granted.extend(gate.release(&claim));
            }
            for claim in granted {
                prop_assert!(waiting.remove(&claim).is_some());
                held.insert(claim, "");
            }
        }
        prop_assert_eq!(waiting.len(), 0, "somebody is never served");
        prop_assert_eq!((gate.gate.waiting(), gate.gate.held()), (0, held.len()));
    }

    /// However others come and go, whoever waits for a rare combination is served after a bounded number of
    /// them.
    #[test]
    fn nobody_starves(
        processors in 1_usize..3,
        others in prop::collection::vec((0_usize..6, 0_usize..3), 400),
    ) {
        let mut gate = Gate::new(limits(processors, 1, None));
        let mut held: VecDeque<(Claim, usize)> = VecDeque::new();
        let mut served = false;
        let mut note = |granted: Vec<Claim>, held: &mut VecDeque<(Claim, usize)>, now: usize, lasts: usize| {
            for one in granted {
                served |= one == claim(9, 9);
                held.push_back((one, now + lasts));
            }
            served
        };
        for run in 0..3 {
            let granted = gate.want(claim(run, 0), needs(["p", "g", "p"][run]));
            note(granted, &mut held, 0, run);
        }
        gate.want(claim(9, 9), needs("pg"));
        let mut rounds = 0;
        for (now, (lasts, kind)) in others.into_iter().enumerate() {
            rounds = now;
            let granted = gate.want(claim(kind, now + 1), needs(["p", "g", "p"][kind]));
            note(granted, &mut held, now, lasts);
            let over: Vec<Claim> = held.iter().filter(|(_, end)| *end <= now).map(|(claim, _)| claim.clone()).collect();
            held.retain(|(_, end)| *end > now);
            let granted: Vec<Claim> = over.iter().flat_map(|claim| gate.release(claim)).collect();
            if note(granted, &mut held, now, lasts) {
                break;
            }
        }
        prop_assert!(rounds < 200, "served after {rounds}");
    }
}
