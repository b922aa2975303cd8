//! 20,000 runs at once: how many steps a second, and what each costs.

use std::time::{Duration, Instant};

use motet::{Motet, RunHandle, Value};

use crate::figures::{Figures, Reading, costs, spread};
use crate::{bare, four_steps};

const RUNS: usize = 20_000;
const STEPS: usize = RUNS * 4;

/// The best of three rounds: other work on the machine only ever makes one slower.
pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::ZERO).await;
    let mut best: (f64, Figures) = (0.0, Vec::new());
    for _ in 0..3 {
        let round = round(&motet).await;
        if round.0 > best.0 {
            best = round;
        }
    }
    best.1
}

/// Steps a second, and all figures of the round.
async fn round(motet: &Motet) -> (f64, Figures) {
    let bare = bare::rows_per_second(10, 2000);
    let (reading, before) = (Reading::now(), motet.store().written());
    let times = crowd(motet, RUNS).await;
    let rate = STEPS as f64 / reading.elapsed().as_secs_f64();
    let mut figures = vec![
        ("bare rows a second at ten a commit".into(), format!("{bare:.0}")),
        ("steps a second (aim: over 25,000)".into(), format!("{rate:.0}")),
        ("steps ÷ bare rows (aim: at least 0.5)".into(), format!("{:.2}", rate / bare)),
    ];
    figures.extend(costs(&reading, motet.store(), before, RUNS, STEPS));
    figures.extend(spread("one run among them", times));
    (rate, figures)
}

/// Runs `count` at once and tells how long each took.
pub async fn crowd(motet: &Motet, count: usize) -> Vec<Duration> {
    let pipeline = four_steps::pipeline(motet);
    let mut runs = Vec::with_capacity(count);
    for n in 0..count as u64 {
        let (motet, pipeline) = (motet.clone(), pipeline.clone());
        runs.push(tokio::spawn(async move {
            let begin = Instant::now();
            let run = motet.start(&pipeline, [("n", Value::from(n))]).await.expect("the store takes it");
            run.outputs().await.expect("the run completes");
            begin.elapsed()
        }));
    }
    let mut times = Vec::with_capacity(count);
    for run in runs {
        times.push(run.await.expect("no task panics"));
    }
    times
}

/// Starts `count` runs at once; returns when all are accepted.
pub async fn begin(motet: &Motet, count: usize) -> Vec<RunHandle> {
    let pipeline = four_steps::pipeline(motet);
    let start = |n: u64| {
        let (motet, pipeline) = (motet.clone(), pipeline.clone());
        tokio::spawn(async move { motet.start(&pipeline, [("n", Value::from(n))]).await })
    };
    let starting: Vec<_> = (0..count as u64).map(start).collect();
    let mut runs = Vec::with_capacity(count);
    for start in starting {
        runs.push(start.await.expect("no task panics").expect("the store takes it"));
    }
    runs
}
