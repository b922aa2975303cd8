//! The stream of the gate: durable with the turns, and no longer than it must be.

use std::sync::mpsc;

use motet_engine::dispatcher::{GateEntry, GateEvent};
use motet_pipeline::Timestamp;
use motet_store::{Batch, Store, StoreError};

use crate::score::Score;

pub fn taken(pool: &str, shares: u64) -> GateEntry {
    let rate = "3/1m".parse().unwrap();
    GateEntry {
        at: Timestamp(shares as i64),
        event: GateEvent::TokenTaken { pool: pool.into(), rate, shares },
    }
}

pub fn what_happened_at_the_gate_is_kept_with_the_turns(store: &Store) {
    let score = Score::four_steps("r");
    assert_eq!(store.gate().unwrap().entries, []);
    let turns = score.records();
    store.append_now(Batch { turns: turns[..1].to_vec(), gate: vec![taken("a", 2)] }).unwrap();
    let (done, acknowledged) = mpsc::channel();
    let batch = Batch { turns: turns[1..].to_vec(), gate: vec![taken("b", 1), taken("c", 0)] };
    store.append_all(batch, move |outcome| done.send(outcome).unwrap());
    acknowledged.recv().unwrap().unwrap();
    store.append_now(vec![taken("d", 7)]).unwrap();
    // The writer's thread may still be at the log.
    let at_once = || store.try_append_now(&vec![taken("e", 8)].into());
    std::iter::repeat_with(at_once).flatten().next().unwrap().unwrap();
    let expected = [("a", 2), ("b", 1), ("c", 0), ("d", 7), ("e", 8)];
    assert_eq!(store.gate().unwrap().entries, expected.map(|(pool, shares)| taken(pool, shares)));
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

pub fn a_batch_that_is_refused_leaves_nothing_at_the_gate(store: &Store) {
    let score = Score::four_steps("r");
    let turns = score.records()[1..].to_vec();
    let refused = store.append_now(Batch { turns, gate: vec![taken("a", 2)] });
    assert!(matches!(refused, Err(StoreError::NotStarted { .. } | StoreError::OutOfOrder { .. })));
    assert_eq!(store.gate().unwrap().entries, []);
}

pub fn of_each_subject_the_last_entry_is_kept(store: &Store) {
    for round in 0..20 {
        let target = || "acme".into();
        let until = Timestamp(round);
        let opened = GateEntry { at: until, event: GateEvent::BreakerOpened { target: target(), until } };
        let closed = GateEntry { at: until, event: GateEvent::BreakerClosed { target: target() } };
        store.append_now(vec![taken("a", 20 - round as u64), opened, taken("b", 1), closed]).unwrap();
    }
    store.append_now(vec![taken("a", 0)]).unwrap();
    assert_eq!(store.gate().unwrap().entries, [taken("b", 1), taken("a", 0)]);
}
