//! 20,000 runs whose steps wait two seconds: waiting is free (law L7).

use std::time::Duration;

use motet::Value;

use crate::figures::{Figures, Reading, memory_kib, memory_peak_mib};
use crate::four_steps;

const RUNS: usize = 20_000;
/// Three steps of two seconds after one another.
const IDEAL: f64 = 6.0;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::from_secs(2)).await;
    let pipeline = four_steps::pipeline(&motet);
    let before = memory_kib();
    let reading = Reading::now();
    let mut runs = Vec::with_capacity(RUNS);
    for n in 0..RUNS as u64 {
        let (motet, pipeline) = (motet.clone(), pipeline.clone());
        runs.push(tokio::spawn(async move {
            let run = motet.start(&pipeline, [("n", Value::from(n))]).await.expect("the store takes it");
            run.outputs().await.expect("the run completes");
        }));
    }
    for run in runs {
        run.await.expect("no task panics");
    }
    let took = reading.elapsed().as_secs_f64();
    vec![
        ("makespan (ideal 6 s)".into(), format!("{took:.2} s")),
        ("makespan ÷ ideal (aim: within 1.5)".into(), format!("{:.2}", took / IDEAL)),
        ("memory at most (aim: under 300 MiB)".into(), format!("{:.0} MiB", memory_peak_mib())),
        (
            "memory a waiting run, all included".into(),
            format!("{:.1} KiB", (memory_peak_mib() * 1024.0 - before as f64) / RUNS as f64),
        ),
        (
            "processor time a step".into(),
            format!("{:.1} µs", reading.processor().as_secs_f64() * 1e6 / (RUNS * 4) as f64),
        ),
        ("KiB written a step".into(), format!("{:.2}", reading.kib_written() / (RUNS * 4) as f64)),
    ]
}
