//! Random turns in random batches: the same replay and the same tables, however they were written.

mod score;

use motet_engine::{AttemptEvent, AttemptKey, Event, RunEvent, StepEvent};
use motet_pipeline::{Class, Cost, Failure, Money, StepPath, Timestamp, Value};
use motet_store::{Record, RunFilter, Store};
use proptest::prelude::*;

use score::{Score, artifact};

const RUNS: usize = 3;

fn arb_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Absent),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        (0_u8..4).prop_map(|byte| artifact(&[byte])),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..4).prop_map(Value::map),
        ]
    })
}

fn arb_output() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{1,3}", arb_value(), 0..3).prop_map(Value::map)
}

fn arb_event() -> impl Strategy<Value = Event> {
    let step =
        prop_oneof![Just("a"), Just("b"), Just("b[k]/c"), Just("ünï[%2F]")].prop_map(StepPath::from_text);
    let cost =
        prop_oneof![Just(Money::ZERO), any::<i64>().prop_map(|units| Money::from_units(i128::from(units)))];
    let failure = ".{0,9}".prop_map(|message| Failure::new(Class::Timeout, message));
    (step, cost, failure, arb_output(), 1_u32..9, any::<bool>(), 0_u8..11).prop_map(
        |(step, cost, failure, output, attempt, flag, kind)| match kind {
            0 => Event::Step {
                step,
                event: StepEvent::Ready { inputs: flag.then_some(output), opens: false, cache: None },
            },
            1 => Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Planned {
                    target: attempt as usize % 3,
                    operation: format!("local/{attempt}"),
                    estimate: cost,
                    deadline: Timestamp(i64::from(attempt)),
                    version: 1,
                    intent: None,
                },
            },
            2 => Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Succeeded { cost: Cost::billed(cost), usage: Default::default() },
            },
            3 => Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Failed {
                    failure,
                    cost: Cost::billed(cost),
                    abandoned: flag,
                    until: None,
                    resent: false,
                },
            },
            4 => Event::Step {
                step,
                event: StepEvent::RetryScheduled {
                    at: Timestamp(i64::from(attempt)),
                    reason: String::new(),
                    counted: flag,
                },
            },
            5 => Event::Step { step, event: StepEvent::FallbackTaken { target: 1, reason: "slow".into() } },
            6 => Event::Step {
                step,
                event: StepEvent::Completed { output: flag.then_some(output), reused: None, cache: None },
            },
            7 => Event::Step { step, event: StepEvent::Failed { failure, tolerated: flag } },
            8 => Event::Run(RunEvent::Completed { outputs: output, degraded: flag }),
            9 => Event::Run(RunEvent::Failed { step: flag.then_some(step), failure }),
            _ => Event::Step {
                step,
                event: StepEvent::Cancelled { reason: "enough".into(), origin: None, tolerated: false },
            },
        },
    )
}

/// The turns of some runs, mixed, each run's in order.
fn arb_records() -> impl Strategy<Value = Vec<Record>> {
    let turn = (0..RUNS, prop::collection::vec(arb_event(), 1..4));
    (prop::collection::vec(arb_value(), RUNS), prop::collection::vec(turn, 0..40)).prop_map(
        |(inputs, turns)| {
            let start = |(n, inputs): (usize, Value)| Score::started(&format!("r{n}"), inputs);
            let mut scores: Vec<Score> = inputs.into_iter().enumerate().map(start).collect();
            let mut records: Vec<Record> = scores.iter_mut().flat_map(Score::take_new).collect();
            for (run, events) in turns {
                scores[run].turn(events);
                records.extend(scores[run].take_new());
            }
            records
        },
    )
}

fn told(store: &Store) -> String {
    let mut text = String::new();
    for run in store.runs(&RunFilter::default()).unwrap() {
        let id = &run.id;
        text += &format!("{run:#?}{:#?}{:#?}", store.steps(id).unwrap(), store.artifacts(id).unwrap());
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_make_no_difference(
        records in arb_records(),
        sizes in prop::collection::vec(1_usize..12, 1..20),
    ) {
        let one_by_one = Store::in_memory().unwrap();
        for record in &records {
            one_by_one.append_now(std::slice::from_ref(record)).unwrap();
        }
        let batched = Store::in_memory().unwrap();
        let mut rest = records.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (now, later) = rest.split_at((*size).min(rest.len()));
            batched.append_now(now).unwrap();
            rest = later;
        }
        for run in (0..RUNS).map(|n| motet_engine::RunId::new(format!("r{n}"))) {
            let turns = records.iter().filter(|record| record.run == run).map(|record| (*record.turn).clone());
            let turns: Vec<_> = turns.collect();
            prop_assert_eq!(&batched.turns(&run).unwrap(), &turns);
            prop_assert_eq!(&one_by_one.turns(&run).unwrap(), &turns);
        }
        prop_assert_eq!(told(&batched), told(&one_by_one));
        let before = told(&batched);
        batched.rebuild_projections().unwrap();
        prop_assert_eq!(told(&batched), before);
    }
}
