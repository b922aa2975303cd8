//! 64 clients that start small runs: plain ones, named ones, and ones that look for an unfinished run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use motet::engine::RunId;
use motet::{Motet, Pipeline, StartOptions, Value};

use super::crowd::begin;
use crate::figures::Figures;
use crate::four_steps;

/// How many clients start runs at the same time.
pub const CLIENTS: usize = 64;
const STARTS: u64 = 8_000;
const ROUNDS: usize = 3;
/// So many other runs wait meanwhile, in the end.
const WAITING: usize = 20_000;
/// Longer than all of this takes.
const WAIT: Duration = Duration::from_secs(3_600);

/// A run that ends in the turn that it begins with.
pub const TEXT: &str = r#"
motet: 1
name: small
inputs: { n: integer }
steps: { add: { uses: data/transform, with: { value: "{{ inputs.n + 1 }}" } } }
outputs: { n: "{{ steps.add.value }}" }
"#;

/// How runs are asked for.
#[derive(Clone, Copy)]
pub enum Ask {
    /// A new run, whatever there is.
    New,
    /// By a name of its own.
    Named,
    /// An unfinished one, if there is one like it.
    Found,
}

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), WAIT).await;
    let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
    let next = Arc::new(AtomicU64::new(0));
    starts(&motet, &pipeline, Ask::New, &next, STARTS).await; // warms up
    let [new, named, found] = best(&motet, &pipeline, [Ask::New, Ask::Named, Ask::Found], &next).await;
    let waiting = begin(&motet, WAITING).await;
    let [new_beside, found_beside] = best(&motet, &pipeline, [Ask::New, Ask::Found], &next).await;
    // Nothing is left to be measured: the work isn't waited for.
    std::mem::forget((motet, waiting));
    vec![
        ("new runs a second, 64 clients".into(), format!("{new:.0}")),
        ("runs a second with a name (aim: over 10,000)".into(), format!("{named:.0}")),
        ("runs a second that look for one (aim: over 10,000)".into(), format!("{found:.0}")),
        ("with a name ÷ new (aim: at least 0.8)".into(), format!("{:.2}", named / new)),
        ("that look for one ÷ new (aim: at least 0.8)".into(), format!("{:.2}", found / new)),
        ("the same while 20,000 wait, a second (aim: over 10,000)".into(), format!("{found_beside:.0}")),
        ("the same ÷ new then (aim: at least 0.8)".into(), format!("{:.2}", found_beside / new_beside)),
    ]
}

/// The most runs a second of some rounds, for each way to ask.
async fn best<const N: usize>(
    motet: &Motet,
    pipeline: &Pipeline,
    asks: [Ask; N],
    next: &Arc<AtomicU64>,
) -> [f64; N] {
    let mut best = [0.0_f64; N];
    for _ in 0..ROUNDS {
        for (ask, best) in asks.into_iter().zip(&mut best) {
            *best = best.max(starts(motet, pipeline, ask, next, STARTS).await);
        }
    }
    best
}

/// Starts `count` runs from all clients together, each with an input of its own; runs a second.
pub async fn starts(motet: &Motet, pipeline: &Pipeline, ask: Ask, next: &Arc<AtomicU64>, count: u64) -> f64 {
    let (begin, end) = (Instant::now(), next.load(Ordering::Relaxed) + count);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (motet, pipeline, next) = (motet.clone(), pipeline.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= end {
                        return;
                    }
                    let run = motet.start_with(&pipeline, [("n", Value::from(n))], options(ask, n)).await;
                    run.expect("the store takes it").run.outputs().await.expect("the run completes");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("no client panics");
    }
    count as f64 / begin.elapsed().as_secs_f64()
}

fn options(ask: Ask, n: u64) -> StartOptions {
    match ask {
        Ask::New => StartOptions { new: true, ..StartOptions::default() },
        Ask::Named => StartOptions { id: Some(RunId::new(format!("run-{n:09}"))), ..StartOptions::default() },
        Ask::Found => StartOptions::default(),
    }
}
