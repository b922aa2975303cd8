//! The gate to what is scarce.

use std::collections::{BTreeMap, VecDeque};

use motet_engine::dispatcher::Claim;
use motet_engine::{Dispatcher, Resource, RunId};
use proptest::prelude::*;

use crate::scenario::key;

fn claim(run: usize, step: usize) -> Claim {
    Claim { run: RunId::new(format!("run {run}")), key: key(&format!("s{step}"), 1) }
}

#[test]
fn runs_are_served_in_turn_and_their_claims_in_order() {
    let mut gate = Dispatcher::new([(Resource::Processor, 1)]);
    for (run, step) in [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)] {
        gate.want(claim(run, step), Resource::Processor);
    }
    let mut served = Vec::new();
    while let Some(next) = gate.poll_grant() {
        assert_eq!(gate.poll_grant(), None);
        gate.release(&next);
        served.push(next);
    }
    assert_eq!(served, [claim(1, 1), claim(2, 1), claim(3, 1), claim(1, 2), claim(1, 3)]);
}

#[test]
fn asking_twice_is_asking_once_whether_it_waits_or_holds() {
    let mut gate = Dispatcher::new([(Resource::Processor, 9)]);
    gate.want(claim(1, 1), Resource::Processor);
    gate.want(claim(1, 1), Resource::Processor);
    assert_eq!(gate.waiting(Resource::Processor), 1);
    assert_eq!((gate.poll_grant(), gate.poll_grant()), (Some(claim(1, 1)), None));
    gate.want(claim(1, 1), Resource::Processor);
    assert_eq!((gate.poll_grant(), gate.held(Resource::Processor)), (None, 1));
}

#[test]
fn a_run_that_left_is_not_served() {
    let mut gate = Dispatcher::new([(Resource::Processor, 1)]);
    gate.want(claim(1, 1), Resource::Processor);
    gate.want(claim(2, 1), Resource::Processor);
    gate.forget(&RunId::new("run 1"));
    assert_eq!((gate.poll_grant(), gate.waiting(Resource::Processor)), (Some(claim(2, 1)), 0));
}

#[test]
fn giving_back_twice_or_what_nobody_holds_makes_no_slot() {
    let mut gate = Dispatcher::new([(Resource::Processor, 2)]);
    gate.release(&claim(1, 1));
    for step in 1..=5 {
        gate.want(claim(1, step), Resource::Processor);
    }
    assert_eq!([gate.poll_grant(), gate.poll_grant()], [Some(claim(1, 1)), Some(claim(1, 2))]);
    gate.release(&claim(1, 1));
    gate.release(&claim(1, 1));
    assert_eq!([gate.poll_grant(), gate.poll_grant()], [Some(claim(1, 3)), None]);
}

#[test]
fn a_claim_that_is_withdrawn_while_it_waits_is_not_served() {
    let mut gate = Dispatcher::new([(Resource::Processor, 1)]);
    for step in 1..=3 {
        gate.want(claim(1, step), Resource::Processor);
    }
    gate.release(&claim(1, 1));
    gate.release(&claim(1, 3));
    assert_eq!((gate.poll_grant(), gate.waiting(Resource::Processor)), (Some(claim(1, 2)), 0));
    gate.release(&claim(1, 2));
    assert_eq!((gate.poll_grant(), gate.held(Resource::Processor)), (None, 0));
}

#[test]
fn work_that_was_going_on_before_takes_its_slot_and_holds_others_up() {
    let mut gate = Dispatcher::new([(Resource::Processor, 1)]);
    gate.want(claim(2, 1), Resource::Processor);
    for step in 1..=2 {
        gate.hold(claim(1, step), Resource::Processor);
    }
    gate.release(&claim(1, 1));
    assert_eq!((gate.poll_grant(), gate.held(Resource::Processor)), (None, 1));
    gate.release(&claim(1, 2));
    assert_eq!(gate.poll_grant(), Some(claim(2, 1)));
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Want(usize),
    Release,
    Withdraw(usize),
    Forget(usize),
}

proptest! {
    #[test]
    fn never_more_than_there_are_slots_and_nobody_starves(
        slots in 1_usize..4,
        moves in prop::collection::vec(
            prop_oneof![
                4 => (0_usize..4).prop_map(Move::Want),
                3 => Just(Move::Release),
                1 => (0_usize..4).prop_map(Move::Withdraw),
                1 => (0_usize..4).prop_map(Move::Forget)
            ],
            0..80,
        ),
    ) {
        let mut gate = Dispatcher::new([(Resource::Processor, slots)]);
        let mut held = VecDeque::new();
        let mut waiting: BTreeMap<usize, VecDeque<Claim>> = BTreeMap::new();
        // How many others were served since a run last was, while it waited.
        let mut passed: BTreeMap<usize, usize> = BTreeMap::new();
        for (step, next) in moves.into_iter().enumerate() {
            match next {
                Move::Want(run) => {
                    gate.want(claim(run, step), Resource::Processor);
                    waiting.entry(run).or_default().push_back(claim(run, step));
                }
                Move::Release => held.pop_front().iter().for_each(|claim| gate.release(claim)),
                Move::Withdraw(run) => {
                    let last = waiting.get_mut(&run).and_then(VecDeque::pop_back);
                    last.iter().for_each(|claim| gate.release(claim));
                    passed.remove(&run);
                }
                Move::Forget(run) => {
                    gate.forget(&RunId::new(format!("run {run}")));
                    waiting.remove(&run);
                    passed.remove(&run);
                }
            }
            while let Some(served) = gate.poll_grant() {
                held.push_back(served.clone());
                prop_assert!(held.len() <= slots);
                let run = (0..4).find(|run| claim(*run, 0).run == served.run).expect("a known run is served");
                prop_assert_eq!(waiting.get_mut(&run).and_then(VecDeque::pop_front), Some(served));
                passed.remove(&run);
                for (other, claims) in &waiting {
                    if *other != run && !claims.is_empty() {
                        let count = passed.entry(*other).or_default();
                        *count += 1;
                        prop_assert!(*count < 4, "run {} starves", other);
                    }
                }
            }
            let left: usize = waiting.values().map(VecDeque::len).sum();
            prop_assert_eq!(gate.waiting(Resource::Processor), left);
            prop_assert_eq!(gate.held(Resource::Processor), held.len());
            prop_assert!(left == 0 || held.len() == slots, "a slot is free and somebody waits");
        }
    }
}
