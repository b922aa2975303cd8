//! `kill -9` while runs are deleted: what is deleted is gone, what isn't is whole, and the rest is swept later.

mod child;
mod score;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use motet_engine::RunId;
use motet_pipeline::{Timestamp, Value};
use motet_store::{Store, StoreError};

use score::{Score, artifact, completed};

const RUNS: usize = 16;

#[test]
fn a_kill_at_any_point_of_a_deletion_harms_nothing_that_stays() {
    let mut left = Vec::new();
    // After that many steps, of which each waits for the next word; or wherever it is, after that many.
    let kills = [(1, true), (4, true), (5, true), (6, true), (11, true), (2, false), (5, false), (7, false)];
    for (kill_after, is_led) in kills {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (0..RUNS).for_each(|run| play(&store, run));
        let spent = spent(&store);
        drop(store);
        let deleted = kill_while_deleting(folder.path(), kill_after, is_led);

        let store = Store::open(folder.path()).unwrap();
        let report = store.check().unwrap();
        assert!(report.is_good(), "after {kill_after}: {report:#?}");
        left.push(report.unreferenced.len());
        assert_eq!(store.verify().unwrap(), []);
        assert!(!deleted.is_empty());
        for run in 0..RUNS {
            match store.turns(&id(run)) {
                Ok(turns) => {
                    assert_eq!((turns.len(), deleted.contains(&run)), (103, false));
                    assert!(store.has(&motet_pipeline::Digest::of(bytes_of(run).as_bytes())));
                }
                Err(StoreError::DeletedRun { .. }) => {}
                Err(error) => panic!("run {run} after {kill_after}: {error}"),
            }
        }
        assert_eq!(self::spent(&store), spent);
        while store.sweep_rows().unwrap() {}
        store.sweep_files(Duration::ZERO).unwrap();
        let report = store.check().unwrap();
        assert!(report.is_good() && report.unreferenced.is_empty(), "{report:#?}");
        assert_eq!(
            report.artifacts,
            report.runs + usize::from(report.runs > 0),
            "one each, and a shared one"
        );
        play(&store, RUNS);
        assert!(store.check().unwrap().is_good());
    }
    assert!(left.iter().any(|left| *left > 0), "some were killed before their files were gone: {left:?}");
}

fn id(run: usize) -> RunId {
    RunId::new(format!("run-{run}"))
}

fn bytes_of(run: usize) -> String {
    format!("the picture of run {run}")
}

/// A run of a hundred turns with a file of its own and one that all have.
fn play(store: &Store, run: usize) {
    let mut score = Score::started(id(run).as_str(), Value::map([("n", Value::from(run as u64))]));
    for n in 0..100 {
        score.turn([completed(&format!("step{n}"), Value::map([("n", Value::from(n))]))]);
    }
    for bytes in [bytes_of(run), "shared".to_owned()] {
        store.put_bytes(bytes.as_bytes()).unwrap();
    }
    let pictures = [artifact(bytes_of(run).as_bytes()), artifact(b"shared")];
    score.turn([completed("last", Value::map([("pictures", Value::list(pictures.to_vec()))]))]);
    let outputs = Value::map([("n", Value::from(1))]);
    score.turn([motet_engine::Event::Run(motet_engine::RunEvent::Completed { outputs, degraded: false })]);
    score.kept_in(store);
}

fn spent(store: &Store) -> usize {
    let mut count = 0;
    store
        .charges(None, Timestamp(0), |_| {
            count += 1;
            true
        })
        .unwrap();
    count
}

/// Has a process delete runs until it has reported `kill_after` steps, then kills it wherever it is. Gives the runs that
/// it said are deleted.
fn kill_while_deleting(folder: &Path, kill_after: usize, is_led: bool) -> Vec<usize> {
    let mut command = child::play("deletes_until_it_is_killed", folder);
    if is_led {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap();
    let mut lead = child.stdin.take();
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (mut deleted, mut seen) = (Vec::new(), 0);
    for line in lines {
        let line = line.unwrap();
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["deleted", run] => deleted.push(run.parse().unwrap()),
            ["swept"] => {}
            _ => continue,
        }
        seen += 1;
        if seen == kill_after {
            child.kill().unwrap();
        } else if let Some(lead) = &mut lead {
            lead.write_all(b"go on\n").unwrap();
        }
    }
    child.wait().unwrap();
    deleted
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn deletes_until_it_is_killed() {
    let Some(folder) = child::folder() else { return };
    let store = Store::open(&folder).unwrap();
    let say = |words: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{words}").and_then(|()| out.flush()).unwrap();
        // At once where nobody leads it.
        std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    };
    // Ends the line of the test harness.
    println!();
    for run in 0..RUNS / 2 {
        assert_eq!(store.delete_runs(&[id(run)], Timestamp(0)).unwrap().len(), 1);
        say(format!("deleted {run}"));
        if run % 4 == 3 {
            store.sweep_rows().unwrap();
            say("swept".to_owned());
            store.sweep_files(Duration::ZERO).unwrap();
            say("swept".to_owned());
        }
    }
    loop {
        store.sweep_files(Duration::ZERO).unwrap();
        say("swept".to_owned());
    }
}
