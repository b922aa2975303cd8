//! A lone small run beside eight clients whose answers are long: they must not hold it up.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use motet::language::Type;
use motet::language::contract::{Contract, Work as Kind};
use motet::operation::{Operation, WorkError};
use motet::{Motet, Outcome, Pipeline, Task, Value, Work};

use crate::figures::{Figures, percentile, spread};
use crate::four_steps;

const RUNS: usize = 400;
const CLIENTS: usize = 8;
const ANSWER_BYTES: usize = 100_000;

const LONG: &str = r#"
motet: 1
name: long-answer
inputs: { n: integer }
steps:
  ask: { uses: task/ask }
outputs: { answer: "{{ steps.ask.answer }}" }
"#;

/// Gives a long text that was never given before.
#[derive(Default)]
struct Ask(AtomicU64);

impl Operation for Ask {
    fn perform(&self, _work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let line = format!("{:08} all the words of a long answer; ", self.0.fetch_add(1, Ordering::Relaxed));
        let answer = line.repeat(ANSWER_BYTES / line.len());
        async move { Ok(Outcome::of(Value::map([("answer", answer.into())]))) }.boxed()
    }
}

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = open(folder.path()).await;
    let small = four_steps::pipeline(&motet);
    // Until the log is written again from its beginning: a flush takes less then.
    alone(&motet, &small, RUNS).await;
    let mut without = alone(&motet, &small, RUNS).await;
    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(ask(motet.clone(), client, stop.clone(), answers.clone())))
        .collect();
    let begin = Instant::now();
    let mut with = alone(&motet, &small, RUNS).await;
    let rate = answers.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no task panics");
    }
    without.sort();
    with.sort();
    let ratio = percentile(&with, 0.99).as_secs_f64() / percentile(&without, 0.99).as_secs_f64();
    let mut figures =
        vec![("a small run, p99 with ÷ p99 without (aim: at most 3)".into(), format!("{ratio:.1}"))];
    figures.extend(spread("without long answers", without));
    figures.extend(spread("beside eight clients with long answers", with));
    figures.push(("long answers a second".into(), format!("{rate:.0}")));
    figures
}

async fn open(folder: &Path) -> Motet {
    let contract =
        Contract::new("task/ask", Kind::Task).summary("Gives a long text.").output("answer", Type::Text);
    let ask = Task::with_contract(contract, Ask::default());
    four_steps::builder(folder, Duration::ZERO).add_task(ask).open().await.expect("a fresh folder")
}

/// Asks for one long answer after the other until it is told to stop.
async fn ask(motet: Motet, client: usize, stop: Arc<AtomicBool>, answers: Arc<AtomicU64>) {
    let pipeline = motet.load_text(LONG).expect("the pipeline is good");
    while !stop.load(Ordering::Relaxed) {
        let run = motet.start(&pipeline, [("n", Value::from(client))]).await.expect("the store takes it");
        run.outputs().await.expect("the run completes");
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long each of `count` small runs takes, one after the other.
async fn alone(motet: &Motet, pipeline: &Pipeline, count: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for n in 0..count as u64 {
        let begin = Instant::now();
        let run = motet.start(pipeline, [("n", Value::from(n))]).await.expect("the store takes it");
        run.outputs().await.expect("the run completes");
        times.push(begin.elapsed());
    }
    times
}
