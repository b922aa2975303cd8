//! The gate to what is scarce.

use std::collections::{BTreeMap, VecDeque};

use motet_engine::dispatcher::Claim;
use motet_engine::{Dispatcher, Resource, RunId};
use motet_pipeline::StepPath;
use proptest::prelude::*;

fn claim(run: usize, step: usize) -> Claim {
    Claim { run: RunId::new(format!("run {run}")), step: StepPath::from_text(&format!("s{step}")) }
}

#[test]
fn runs_are_served_in_turn_and_their_claims_in_order() {
    let mut gate = Dispatcher::new([(Resource::Processor, 2)]);
    for (run, step) in [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)] {
        gate.want(claim(run, step), Resource::Processor);
    }
    let mut served = Vec::new();
    for _ in 0..5 {
        served.extend(std::iter::from_fn(|| gate.poll_grant()));
        gate.release(Resource::Processor);
    }
    assert_eq!(served, [claim(1, 1), claim(2, 1), claim(3, 1), claim(1, 2), claim(1, 3)]);
}

#[test]
fn asking_twice_is_asking_once() {
    let mut gate = Dispatcher::new([(Resource::Processor, 9)]);
    gate.want(claim(1, 1), Resource::Processor);
    gate.want(claim(1, 1), Resource::Processor);
    assert_eq!(gate.waiting(Resource::Processor), 1);
    assert_eq!((gate.poll_grant(), gate.poll_grant()), (Some(claim(1, 1)), None));
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
fn giving_back_what_nobody_took_makes_no_slot() {
    let mut gate = Dispatcher::new([(Resource::Processor, 1)]);
    gate.release(Resource::Processor);
    gate.want(claim(1, 1), Resource::Processor);
    gate.want(claim(1, 2), Resource::Processor);
    assert_eq!((gate.poll_grant(), gate.poll_grant()), (Some(claim(1, 1)), None));
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Want(usize),
    Release,
    Forget(usize),
}

proptest! {
    #[test]
    fn never_more_than_there_are_slots_and_nobody_starves(
        slots in 1_usize..4,
        moves in prop::collection::vec(
            prop_oneof![4 => (0_usize..4).prop_map(Move::Want), 3 => Just(Move::Release), 1 => (0_usize..4).prop_map(Move::Forget)],
            0..80,
        ),
    ) {
        let mut gate = Dispatcher::new([(Resource::Processor, slots)]);
        let mut taken = 0;
        let mut waiting: BTreeMap<usize, VecDeque<Claim>> = BTreeMap::new();
        // How many others were served since a run last was, while it waited.
        let mut passed: BTreeMap<usize, usize> = BTreeMap::new();
        for (step, next) in moves.into_iter().enumerate() {
            match next {
                Move::Want(run) => {
                    gate.want(claim(run, step), Resource::Processor);
                    waiting.entry(run).or_default().push_back(claim(run, step));
                }
                Move::Release => {
                    gate.release(Resource::Processor);
                    taken = usize::saturating_sub(taken, 1);
                }
                Move::Forget(run) => {
                    gate.forget(&RunId::new(format!("run {run}")));
                    waiting.remove(&run);
                    passed.remove(&run);
                }
            }
            while let Some(served) = gate.poll_grant() {
                taken += 1;
                prop_assert!(taken <= slots);
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
            prop_assert!(left == 0 || taken == slots, "a slot is free and somebody waits");
        }
    }
}
