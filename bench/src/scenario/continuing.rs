//! A run that continues from another: how soon the one item that is to be done again is under way.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use motet::language::contract::{Contract, Parameter, Work as Kind};
use motet::language::{Failure, Type};
use motet::operation::{Operation, WorkError};
use motet::{ForkOptions, Motet, Outcome, RetryOptions, RunHandle, Task, Value, Work};

use crate::figures::{Figures, median, ms};

const RETRIED: u64 = 10_000;
const FORKED: u64 = 1_000;
const ROUNDS: usize = 5;

const TEXT: &str = r#"
motet: 1
name: items
on_failure: finish
inputs: { list: { type: array } }
steps:
  map: { each: "{{ inputs.list }}", uses: task/once, with: { from: "{{ item }}" } }
outputs: { count: "{{ steps.map.items | length }}" }
"#;

/// Notes when it was asked, and refuses the item that is called `refused`.
#[derive(Clone, Default)]
struct Once(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    at: Vec<Instant>,
    refused: Option<Value>,
}

impl Operation for Once {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let mut asked = self.0.lock().expect("nobody panics");
        asked.at.push(Instant::now());
        let from = work.inputs().get("from").cloned();
        let is_refused = from.is_some() && asked.refused == from;
        async move {
            match is_refused {
                true => Err(Failure::invalid("not this one").into()),
                false => Ok(Outcome::of(Value::map([("result", from.unwrap_or_else(|| Value::from(0)))]))),
            }
        }
        .boxed()
    }
}

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let once = Once::default();
    let motet = open(folder.path(), once.clone()).await;
    let (mut retried, mut forked) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        retried.push(retry(&motet, &once).await);
        forked.push(fork(&motet, &once).await);
    }
    let (retries, forks) = (summary(&retried), summary(&forked));
    vec![
        ("retry of 10,000 items, one failed: until its request (aim: within 50 ms)".into(), retries.0),
        ("items done again (aim: 1)".into(), retries.1),
        ("fork of 1,000 items, one changed: until its request (aim: below 20 ms)".into(), forks.0),
        ("items done (aim: 1)".into(), forks.1),
    ]
}

/// The middle of the times, and the most items that were done.
fn summary(rounds: &[(Duration, usize)]) -> (String, String) {
    let items = rounds.iter().map(|(_, items)| *items).max().unwrap_or_default();
    (ms(median(rounds.iter().map(|(time, _)| *time).collect())), items.to_string())
}

async fn open(folder: &Path, once: Once) -> Motet {
    let contract = Contract::new("task/once", Kind::Task)
        .summary("Gives back what it is given.")
        .input(Parameter::required("from", Type::Any))
        .output("result", Type::Any);
    let task = Task::with_contract(contract, once);
    Motet::builder().store(folder).add_task(task).open().await.expect("a fresh folder")
}

/// How long it takes until the failed item of many is under way again, and how many are done in all.
async fn retry(motet: &Motet, once: &Once) -> (Duration, usize) {
    once.refuse(Some(Value::from(RETRIED / 2)));
    let failed = start(motet, list(RETRIED)).await;
    assert!(failed.outputs().await.is_err(), "one item is refused");
    once.refuse(None);
    let begin = Instant::now();
    let again = motet.retry(failed.id(), RetryOptions::default()).await.expect("it can be retried");
    again.outputs().await.expect("the run completes");
    once.asked_since(begin)
}

/// The same for the changed item of a fork.
async fn fork(motet: &Motet, once: &Once) -> (Duration, usize) {
    let whole = start(motet, list(FORKED)).await;
    whole.outputs().await.expect("the run completes");
    let mut changed = list(FORKED);
    changed[(FORKED / 2) as usize] = Value::from("another");
    once.refuse(None);
    let begin = Instant::now();
    let inputs = [("list", Value::list(changed))];
    let fork = motet.fork(whole.id(), inputs, ForkOptions::default()).await.expect("it can be forked");
    fork.outputs().await.expect("the run completes");
    once.asked_since(begin)
}

fn list(items: u64) -> Vec<Value> {
    (0..items).map(Value::from).collect()
}

async fn start(motet: &Motet, list: Vec<Value>) -> RunHandle {
    let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
    motet.start(&pipeline, [("list", Value::list(list))]).await.expect("the store takes it")
}

impl Once {
    /// Refuses this one from now on, and forgets what it was asked.
    fn refuse(&self, refused: Option<Value>) {
        *self.0.lock().expect("nobody panics") = Asked { at: Vec::new(), refused };
    }

    /// How long after `begin` it was asked first, and how often in all.
    fn asked_since(&self, begin: Instant) -> (Duration, usize) {
        let asked = self.0.lock().expect("nobody panics");
        (asked.at.first().expect("an item was to be done").duration_since(begin), asked.at.len())
    }
}
