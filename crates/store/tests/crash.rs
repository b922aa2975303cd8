//! `kill -9` in the middle of writing: what was acknowledged is there, whole and without gaps.

mod child;
mod score;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use motet_engine::{Event, RunId, StepEvent, Turn};
use motet_pipeline::{Digest, StepPath, Timestamp, Value};
use motet_store::{Record, Store};

use score::Score;

const RUNS: usize = 12;
const ROUNDS: u64 = 6;

#[test]
fn what_was_acknowledged_survives_kill_9_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = [0; RUNS];
    let mut files = Vec::new();
    for round in 0..ROUNDS {
        // Numbers without a pattern: any constant odd multiplier would do.
        let kill_after = 1 + (round * 7919 + 13) % 200;
        play_and_kill(folder.path(), kill_after, &mut acknowledged, &mut files);
        let store = Store::open(folder.path()).unwrap();
        for (index, last) in acknowledged.iter().enumerate() {
            let run = run_id(index);
            let turns =
                if *last == 0 { store.turns(&run).unwrap_or_default() } else { store.turns(&run).unwrap() };
            assert!(turns.len() as u64 >= *last, "run {run}: {} turns, {last} acknowledged", turns.len());
            for (found, number) in turns.iter().zip(1..) {
                assert_eq!(*found, turn(&run, number));
            }
        }
        for digest in &files {
            assert!(store.has(digest), "{digest} was acknowledged");
        }
        let report = store.check().unwrap();
        assert!(report.is_good(), "round {round}: {report:#?}");
    }
    assert!(acknowledged.iter().all(|last| *last > 0), "{acknowledged:?}");
    let rows = || format!("{:#?}", Store::open(folder.path()).unwrap().steps(&run_id(0)).unwrap());
    let before = rows();
    Store::open(folder.path()).unwrap().rebuild_projections().unwrap();
    assert_eq!(rows(), before);
}

/// Lets a process write until it has acknowledged `kill_after` requests, then kills it wherever it
/// is. Adds what it acknowledged.
fn play_and_kill(folder: &Path, kill_after: u64, acknowledged: &mut [u64; RUNS], files: &mut Vec<Digest>) {
    let mut child = child::play("writes_until_it_is_killed", folder).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut seen = 0;
    for line in lines {
        let line = line.unwrap();
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["turn", run, number] => acknowledged[run.parse::<usize>().unwrap()] = number.parse().unwrap(),
            ["file", digest] => files.push(digest.parse().unwrap()),
            _ => continue,
        }
        seen += 1;
        if seen == kill_after {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(seen >= kill_after && !status.success(), "it ended by itself after {seen} lines: {status}");
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn writes_until_it_is_killed() {
    let Some(folder) = child::folder() else { return };
    let store = Store::open(&folder).unwrap();
    Score::started("any", Value::Null).put_plan(&store);
    for index in 0..RUNS {
        let next = store.turns(&run_id(index)).map_or(1, |turns| turns.len() as u64 + 1);
        go_on(&store, index, next);
    }
    for size in (1..).map(|n: usize| n * 40_000 % 1_000_000) {
        let kept = store.put_bytes(&vec![b'x'; size]).unwrap();
        say(&format!("file {}", kept.digest));
    }
}

/// A client that hands in its next turn when the last one is acknowledged.
fn go_on(store: &Store, index: usize, number: u64) {
    let run = run_id(index);
    let record = Record { turn: Arc::new(turn(&run, number)), run };
    let again = store.clone();
    store.append(record, move |outcome| {
        outcome.unwrap();
        say(&format!("turn {index} {number}"));
        go_on(&again, index, number + 1);
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).expect("the parent reads");
}

fn run_id(index: usize) -> RunId {
    RunId::new(format!("run-{index}"))
}

/// What the turn `number` of `run` is, always. Every tenth lies beside as a file.
fn turn(run: &RunId, number: u64) -> Turn {
    if number == 1 {
        return Score::started(run.as_str(), Value::map([("prompt", Value::from("a boat"))]))
            .turns()
            .remove(0);
    }
    let text =
        if number.is_multiple_of(10) { format!("{run} {number} ").repeat(8000) } else { format!("{number}") };
    let step = StepPath::root().step(&format!("step{}", number % 50));
    let output = Some(Value::map([("text", Value::from(text))]));
    Turn {
        number,
        at: Timestamp(number as i64),
        events: vec![Event::Step { step, event: StepEvent::Completed { output, reused: None, cache: None } }],
    }
}

#[test]
fn files_that_were_being_written_are_swept_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let kept = store.put_bytes(b"whole").unwrap();
    let artifacts = folder.path().join("artifacts");
    let (torn, live) = ["t", "l"].map(|letter| format!("incoming-{}", letter.repeat(32))).into();
    std::fs::write(artifacts.join(&torn), b"ha").unwrap();
    let being_written = std::fs::File::create(artifacts.join(&live)).unwrap();
    being_written.lock().unwrap();
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    assert!(!artifacts.join(&torn).exists());
    assert!(artifacts.join(&live).exists(), "somebody is still writing it");
    assert!(store.has(&kept.digest));
}
