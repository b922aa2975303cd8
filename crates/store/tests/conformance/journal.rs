//! What is appended: in order, whole, durable when it is told so.

use std::sync::mpsc;

use motet_pipeline::{Digest, StepPath, Timestamp, Value};
use motet_store::{KeptPlan, Record, Store, StoreError};

use crate::score::{Score, completed};

pub fn what_is_appended_is_replayed(store: &Store) {
    let score = Score::four_steps("r");
    for record in score.records() {
        let (done, acknowledged) = mpsc::channel();
        store.append(record, move |outcome| done.send(outcome).unwrap());
        acknowledged.recv().unwrap().unwrap();
    }
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

pub fn many_records_get_one_acknowledgement(store: &Store) {
    let scores: Vec<Score> = (0..50).map(|n| Score::four_steps(&format!("run{n}"))).collect();
    let records: Vec<Record> = scores.iter().flat_map(Score::records).collect();
    let (done, acknowledged) = mpsc::channel();
    store.append_all(records, move |outcome| done.send(outcome).unwrap());
    acknowledged.recv().unwrap().unwrap();
    for score in scores {
        assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    }
}

pub fn acknowledgements_come_in_the_order_of_requests(store: &Store) {
    let score = Score::four_steps("r");
    let (done, acknowledged) = mpsc::channel();
    for record in score.records() {
        let (done, number) = (done.clone(), record.turn.number);
        store.append(record, move |outcome| done.send((number, outcome.is_ok())).unwrap());
    }
    drop(done);
    let order: Vec<(u64, bool)> = acknowledged.iter().collect();
    assert_eq!(order, (1..=score.turns().len() as u64).map(|n| (n, true)).collect::<Vec<_>>());
}

pub fn turns_are_followed_from_a_number_on(store: &Store) {
    let score = Score::four_steps("r").kept_in(store);
    assert_eq!(store.turns_from(&score.run, 3).unwrap(), score.turns()[2..]);
    assert_eq!(store.turns_from(&score.run, 1000).unwrap(), []);
}

pub fn a_turn_out_of_order_is_refused_and_harms_no_other(store: &Store) {
    let (one, other) = (Score::four_steps("one"), Score::four_steps("other"));
    let (first, third) = (one.records()[0].clone(), one.records()[2].clone());
    store.append_now(std::slice::from_ref(&first)).unwrap();
    let (done, outcomes) = mpsc::channel();
    for records in [vec![third], other.records(), vec![first]] {
        let done = done.clone();
        store.append_all(records, move |outcome| done.send(outcome).unwrap());
    }
    drop(done);
    let outcomes: Vec<Result<(), StoreError>> = outcomes.iter().collect();
    assert!(matches!(outcomes[0], Err(StoreError::OutOfOrder { expected: 2, found: 3, .. })), "{outcomes:?}");
    assert!(outcomes[1].is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[2], Err(StoreError::OutOfOrder { expected: 2, found: 1, .. })), "{outcomes:?}");
    assert_eq!(store.turns(&one.run).unwrap().len(), 1);
    assert_eq!(store.turns(&other.run).unwrap(), other.turns());
}

pub fn a_request_is_written_as_a_whole_or_not_at_all(store: &Store) {
    let score = Score::four_steps("r");
    let mut records = score.records();
    let last = records.len() - 1;
    records.swap(last, last - 1);
    assert!(matches!(store.append_now(&records), Err(StoreError::OutOfOrder { .. })));
    assert!(matches!(store.turns(&score.run), Err(StoreError::NoRun { .. })));
    store.append_now(score.records()).unwrap();
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

pub fn a_first_turn_must_start_its_run(store: &Store) {
    let record = |run: &str| Record {
        run: motet_engine::RunId::new(run),
        ..Score::four_steps("r").records()[0].clone()
    };
    assert!(matches!(store.append_now(&[record("another")]), Err(StoreError::NotStarted { .. })));
    store.append_now(&[record("r")]).unwrap();
}

pub fn an_unknown_run_is_named(store: &Store) {
    let run = motet_engine::RunId::new("nobody");
    assert_eq!(store.turns(&run).unwrap_err().to_string(), "there is no run nobody in this store");
    assert_eq!(store.run(&run).unwrap(), None);
    assert_eq!(store.steps(&run).unwrap(), []);
    assert_eq!(store.outputs(&run).unwrap(), None);
}

pub fn large_turns_lie_beside_and_come_back(store: &Store) {
    let mut score = Score::started("r", Value::map([("text", Value::from("long ".repeat(20_000)))]));
    score.turn([completed("a", Value::map([("text", Value::from("x".repeat(70_000)))]))]);
    let score = score.kept_in(store);
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    let output = store.output(&score.run, &StepPath::from_text("a")).unwrap().unwrap();
    assert_eq!(output.get("text").and_then(Value::as_str).map(str::len), Some(70_000));
    let report = store.check().unwrap();
    assert_eq!((report.artifacts, report.unreferenced.len(), report.is_good()), (2, 0, true));
}

pub fn turns_that_gather_are_committed_at_once(store: &Store) {
    let scores: Vec<Score> = (0..100).map(|n| Score::four_steps(&format!("r{n}"))).collect();
    let (done, outcomes) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    store.append(Score::four_steps("first").records().remove(0), move |_| wait.recv().unwrap());
    for score in &scores {
        let done = done.clone();
        store.append(score.records().remove(0), move |outcome| done.send(outcome).unwrap());
    }
    go.send(()).unwrap();
    drop(done);
    assert_eq!(outcomes.iter().filter(Result::is_ok).count(), 100);
    let written = store.written();
    assert_eq!(written.turns, 101);
    assert!(written.commits <= 3, "{written:?}");
}

pub fn a_callback_that_panics_leaves_nobody_waiting(store: &Store) {
    let (done, outcomes) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let score = Score::four_steps("first").kept_in(store);
    store.append(Score::four_steps("second").records().remove(0), move |_| {
        wait.recv().unwrap();
        panic!("a callback that panics, as the test wants it");
    });
    store.append(Score::four_steps("third").records().remove(0), move |outcome| done.send(outcome).unwrap());
    go.send(()).unwrap();
    assert!(matches!(outcomes.recv().unwrap(), Err(StoreError::Closed)));
    let (done, outcomes) = mpsc::channel();
    store.append(Score::four_steps("fourth").records().remove(0), move |outcome| done.send(outcome).unwrap());
    assert!(matches!(outcomes.recv().unwrap(), Err(StoreError::Closed)));
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

pub fn plans_are_kept_by_digest(store: &Store) {
    let digest = Digest::of(b"a plan");
    let plan = |bundle: &str, pin: Option<&str>| KeptPlan {
        version: Digest::of(b"texts"),
        bundle: bundle.to_owned(),
        pin: pin.map(str::to_owned),
    };
    assert_eq!(store.plan(&digest).unwrap(), None);
    store.put_plan(&digest, &plan("{}", Some("[1]"))).unwrap();
    store.put_plan(&digest, &plan("{}", Some("[1]"))).unwrap();
    store.put_plan(&digest, &plan("{}", Some("[2]"))).unwrap();
    assert_eq!(store.plan(&digest).unwrap(), Some(plan("{}", Some("[1]"))));
    let other = Digest::of(b"another plan of the same texts");
    store.put_plan(&other, &plan("{}", None)).unwrap();
    assert_eq!(store.plan(&other).unwrap(), Some(plan("{}", None)));
}

pub fn the_last_sign_of_life_is_known(store: &Store) {
    assert_eq!(store.last_heartbeat().unwrap(), None);
    store.heartbeat(Timestamp(5)).unwrap();
    assert_eq!(store.last_heartbeat().unwrap(), Some(Timestamp(5)));
    let score = Score::four_steps("r").kept_in(store);
    assert_eq!(store.last_heartbeat().unwrap(), Some(score.turns().last().unwrap().at));
    store.heartbeat(Timestamp(1 << 50)).unwrap();
    assert_eq!(store.last_heartbeat().unwrap(), Some(Timestamp(1 << 50)));
}
