//! Long values: kept once, shared when they are read, and never in the way of other runs.

use std::sync::{Arc, mpsc};

use motet_engine::{Event, Items, StepEvent};
use motet_pipeline::{StepPath, Value};
use motet_store::Store;

use crate::score::completed;
use crate::{Score, Stage, text};

fn ready(step: &str, value: Value) -> Event {
    Event::Step {
        step: StepPath::from_text(step),
        event: StepEvent::Ready { inputs: Some(Value::map([("text", value)])), opens: false, cache: None },
    }
}

/// How many bytes the body of a turn has at most, before it is packed.
fn longest_body(stage: &Stage) -> usize {
    let connection = rusqlite::Connection::open(stage.path().join("motet.db")).unwrap();
    let mut statement = connection.prepare("SELECT CAST(body AS BLOB), packed FROM journal").unwrap();
    let bytes = |row: &rusqlite::Row| {
        let (text, packed): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
        Ok(text.map_or(0, |text| text.len()).max(packed.map_or(0, |packed| length_before(&packed))))
    };
    statement.query_map([], bytes).unwrap().map(Result::unwrap).max().unwrap()
}

/// What stands behind the number of the dictionary: seven bits a byte, the lowest first.
fn length_before(packed: &[u8]) -> usize {
    let bytes = packed[1..].split_inclusive(|byte| byte & 0x80 == 0).next().unwrap();
    bytes.iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f))
}

#[test]
fn a_text_that_goes_to_a_thousand_items_is_written_once() {
    let stage = Stage::new();
    let story = text(1_000_000);
    let mut score = Score::started("r", Value::map([("story", story.clone())]));
    score.turn((0..1000).map(|item| ready(&format!("fan[{item}]"), story.clone())));
    let score = score.kept_in(&stage.store);
    let report = stage.store.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!(report.artifacts, 1);
    assert!(report.artifact_bytes < 1_100_000, "{}", report.artifact_bytes);
    assert!(longest_body(&stage) < 1 << 20);

    let folder = stage.path();
    drop(stage.store);
    let store = Store::open(&folder).unwrap();
    let turns = store.turns(&score.run).unwrap();
    assert_eq!(turns, score.turns());
    let values = turns[1].events.iter().flat_map(Event::values);
    let texts: Vec<_> = values.filter_map(|inputs| inputs.get("text")).collect();
    let is_first = |value: &&Value| match (value, texts[0]) {
        (Value::Text(one), Value::Text(first)) => Arc::ptr_eq(one, first),
        _ => false,
    };
    assert_eq!(texts.iter().filter(|value| is_first(value)).count(), 1000, "all are one text in memory");
}

#[test]
fn the_list_of_a_fan_out_is_kept_once_for_inputs_and_items() {
    let stage = Stage::new();
    let list = Value::list((0..20_000_i64).map(Value::from).collect());
    let mut score = Score::started("r", Value::map([("list", list.clone())]));
    score.turn([Event::Step {
        step: StepPath::from_text("fan"),
        event: StepEvent::Expanded { items: Items::new(list, None) },
    }]);
    let score = score.kept_in(&stage.store);
    assert_eq!(stage.store.check().unwrap().artifacts, 1);
    assert!(longest_body(&stage) < 2_000);
    assert_eq!(stage.store.turns(&score.run).unwrap(), score.turns());
}

#[test]
fn long_values_inside_of_long_values_are_references_too() {
    let stage = Stage::new();
    let texts: Vec<Value> = (0..30).map(|n| Value::from(format!("{n}") + &"x".repeat(70_000))).collect();
    let outputs = Value::map([("texts", Value::list(texts.clone())), ("first", texts[0].clone())]);
    let mut score = Score::started("r", Value::map([("x", Value::Absent)]));
    score.turn([completed("a", outputs.clone())]);
    score.turn([completed("b", Value::map([("again", outputs)]))]);
    let score = score.kept_in(&stage.store);
    let report = stage.store.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!(report.artifacts, 30, "each text once, and nothing else is long then");
    let folder = stage.path();
    drop(stage.store);
    assert_eq!(Store::open(&folder).unwrap().turns(&score.run).unwrap(), score.turns());
}

#[test]
fn a_list_of_hundreds_of_long_texts_is_a_short_reference_too() {
    let stage = Stage::new();
    let texts = (0..400).map(|n| Value::from(format!("{n}") + &"x".repeat(66_000))).collect();
    let list = Value::list(texts);
    let mut score = Score::started("r", Value::map([("list", list.clone())]));
    score.turn([ready("a", list)]);
    let score = score.kept_in(&stage.store);
    assert_eq!(stage.store.check().unwrap().artifacts, 401);
    assert!(longest_body(&stage) < 1_000, "{}", longest_body(&stage));
    let folder = stage.path();
    drop(stage.store);
    assert_eq!(Store::open(&folder).unwrap().turns(&score.run).unwrap(), score.turns());
}

/// A hundred long ones take files and flushes; the short one only waits for its own commit.
#[test]
fn a_short_turn_passes_long_ones_of_other_runs() {
    let stage = Stage::new();
    let (tell, told) = mpsc::channel();
    let append = |run: String, inputs: Value| {
        let (tell, record) = (tell.clone(), Score::started(&run, inputs).records().remove(0));
        stage.store.append(record, move |outcome| tell.send((run, outcome)).unwrap());
    };
    for run in 0..100 {
        append(
            format!("long-{run}"),
            Value::map([("text", Value::from(format!("{run}") + &"x".repeat(500_000)))]),
        );
    }
    append("short".to_owned(), Value::map([("text", Value::from("x"))]));
    let order: Vec<String> = (0..101)
        .map(|_| told.recv().unwrap())
        .map(|(run, outcome)| {
            outcome.unwrap();
            run
        })
        .collect();
    let place = order.iter().position(|run| run == "short").unwrap();
    assert!(place < 50, "it came as number {place}");
}

#[test]
fn a_record_takes_long_if_it_is_long_or_follows_a_long_one() {
    let stage = Stage::new();
    let mut score = Score::started("r", Value::map([("text", text(200_000))]));
    score.turn([completed("a", Value::map([("n", Value::from(1_i64))]))]);
    let records = score.records();
    assert!(stage.store.takes_long(&records[0]));
    assert!(!stage.store.takes_long(&records[1]), "nothing of its run is under way");
    assert!(stage.store.try_append_now(&records[..1].to_vec().into()).is_none());
}

/// Media of a user that calls itself what references are called stays media.
#[test]
fn media_that_looks_like_a_reference_is_none() {
    let stage = Stage::new();
    let Value::Media(artifact) = crate::score::artifact(b"x") else { panic!("an artifact is media") };
    let mut forged = (*artifact).clone();
    forged.mime = "application/vnd.motet.value+json".into();
    let mut score = Score::started("r", Value::map([("x", Value::Absent)]));
    score.turn([completed("a", Value::map([("file", Value::from(forged.clone()))]))]);
    score.turn([completed("b", Value::map([("file", Value::from(forged)), ("text", text(100_000))]))]);
    let score = score.kept_in(&stage.store);
    let folder = stage.path();
    drop(stage.store);
    assert_eq!(Store::open(&folder).unwrap().turns(&score.run).unwrap(), score.turns());
}

#[test]
fn the_turns_of_a_run_stay_in_order_however_long_some_of_them_are() {
    let stage = Stage::new();
    let (tell, told) = mpsc::channel();
    let mut scores = Vec::new();
    for run in 0..8 {
        let mut score = Score::started(&format!("run-{run}"), Value::map([("x", Value::Absent)]));
        for turn in 0..20 {
            let bytes = if (run + turn) % 3 == 0 { 100_000 + turn } else { 10 };
            score.turn([completed("a", Value::map([("text", text(bytes)), ("n", Value::from(turn))]))]);
        }
        scores.push(score);
    }
    // Turn by turn of all runs, two runs at a time in one request.
    for turn in 0..21 {
        for pair in scores.chunks(2) {
            let records: Vec<_> = pair.iter().map(|score| score.records().swap_remove(turn)).collect();
            let tell = tell.clone();
            stage.store.append_all(records, move |outcome| tell.send(outcome).unwrap());
        }
    }
    drop(tell);
    let outcomes: Vec<_> = told.iter().collect();
    assert_eq!(outcomes.len(), 84);
    outcomes.into_iter().for_each(Result::unwrap);
    for score in &scores {
        assert_eq!(stage.store.turns(&score.run).unwrap(), score.turns());
    }
}

#[test]
fn all_that_was_handed_in_is_kept_when_the_store_is_let_go_of() {
    let stage = Stage::new();
    let mut score = Score::started("r", Value::map([("text", text(300_000))]));
    for turn in 0..10_usize {
        score.turn([completed("a", Value::map([("text", text(100_000 + 5 * turn))]))]);
    }
    for record in score.records() {
        stage.store.append(record, |outcome| outcome.unwrap());
    }
    let folder = stage.path();
    drop(stage.store);
    assert_eq!(Store::open(&folder).unwrap().turns(&score.run).unwrap(), score.turns());
}
