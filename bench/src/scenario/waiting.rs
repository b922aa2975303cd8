//! 20,000 runs whose steps wait two seconds: waiting is free (law L7).

use std::time::Duration;

use super::crowd::crowd;
use crate::figures::{Figures, Reading, costs, memory_kib, memory_peak_mib, spread};
use crate::four_steps;

const RUNS: usize = 20_000;
/// Three steps of two seconds after one another.
const IDEAL: f64 = 6.0;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::from_secs(2)).await;
    let base = memory_kib() as f64;
    let (reading, before) = (Reading::now(), motet.store().written());
    let times = crowd(&motet, RUNS).await;
    let took = reading.elapsed().as_secs_f64();
    let peak = memory_peak_mib();
    let mut figures = vec![
        ("makespan (ideal 6 s)".into(), format!("{took:.2} s")),
        ("makespan ÷ ideal (aim: within 1.5)".into(), format!("{:.2}", took / IDEAL)),
        ("memory at most (aim: under 300 MiB)".into(), format!("{peak:.0} MiB")),
        (
            "memory a waiting run, all included".into(),
            format!("{:.1} KiB", (peak * 1024.0 - base) / RUNS as f64),
        ),
    ];
    figures.extend(costs(&reading, motet.store(), before, RUNS, 4 * RUNS));
    figures.extend(spread("one run among them", times));
    figures
}
