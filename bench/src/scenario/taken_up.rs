//! 20,000 runs at work, `kill -9`, and all of them taken up.

use std::path::Path;
use std::time::{Duration, Instant};

use super::crowd::begin;
use crate::figures::{Figures, memory_peak_mib};
use crate::four_steps;

const RUNS: usize = 20_000;
/// Longer than all of this takes.
const WAIT: Duration = Duration::from_secs(3_600);

pub fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let before = super::kill_once_it_says(&["--wait".as_ref(), folder.path().as_os_str()]);
    let before: f64 = before.parse().expect("it says how much memory it took");
    super::runtime().block_on(take_up(folder.path(), before))
}

/// Starts the runs, says how much memory that took once all are at work, and waits.
pub fn wait(folder: &str) {
    super::runtime().block_on(async {
        let motet = four_steps::open(Path::new(folder), WAIT).await;
        let runs = begin(&motet, RUNS).await;
        println!("{:.0}", memory_peak_mib());
        std::future::pending::<()>().await;
        drop(runs);
    });
}

async fn take_up(folder: &Path, before: f64) -> Figures {
    let motet = four_steps::open(folder, WAIT).await;
    let written = motet.store().written().turns;
    let begin = Instant::now();
    let runs = motet.resume().await.expect("the store can be read");
    let resumed = begin.elapsed();
    while motet.store().written().turns - written < RUNS as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let durable = begin.elapsed();
    let peak = memory_peak_mib();
    let figures = vec![
        ("runs taken up".into(), runs.len().to_string()),
        ("until all are taken up (aim: under 1 s)".into(), format!("{:.2} s", resumed.as_secs_f64())),
        ("until that is durable".into(), format!("{:.2} s", durable.as_secs_f64())),
        ("memory at most, before and after".into(), format!("{before:.0} MiB, {peak:.0} MiB")),
        ("memory after ÷ before (aim: at most 1.2)".into(), format!("{:.2}", peak / before)),
    ];
    // Nothing is left to be measured: the work isn't waited for.
    std::mem::forget((motet, runs));
    figures
}
