//! 64 clients that start small runs: plain ones, named ones, and ones that look for an unfinished run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use motet::engine::RunId;
use motet::{Motet, Pipeline, StartOptions, Value};

use crate::figures::Figures;

/// How many clients start runs at the same time.
pub const CLIENTS: usize = 64;
const STARTS: u64 = 8_000;
const ROUNDS: usize = 3;

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
    let motet = Motet::builder().store(folder.path()).open().await.expect("a fresh folder");
    let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
    let next = Arc::new(AtomicU64::new(0));
    let mut best = [0.0_f64; 3];
    starts(&motet, &pipeline, Ask::New, &next, STARTS).await; // warms up
    for _ in 0..ROUNDS {
        for (ask, best) in [Ask::New, Ask::Named, Ask::Found].into_iter().zip(&mut best) {
            *best = best.max(starts(&motet, &pipeline, ask, &next, STARTS).await);
        }
    }
    let [new, named, found] = best;
    vec![
        ("new runs a second, 64 clients".into(), format!("{new:.0}")),
        ("runs a second with a name (aim: over 10,000)".into(), format!("{named:.0}")),
        ("runs a second that look for one (aim: over 10,000)".into(), format!("{found:.0}")),
        ("with a name ÷ new (aim: at least 0.8)".into(), format!("{:.2}", named / new)),
        ("that look for one ÷ new (aim: at least 0.8)".into(), format!("{:.2}", found / new)),
    ]
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
