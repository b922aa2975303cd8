//! One run at a time: what a step costs in time when nothing else is going on.

use std::time::{Duration, Instant};

use motet::Value;

use crate::figures::{Figures, ms, percentile};
use crate::{bare, four_steps};

const RUNS: usize = 400;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::ZERO).await;
    let pipeline = four_steps::pipeline(&motet);
    let mut times = Vec::with_capacity(RUNS);
    for n in 0..RUNS + RUNS / 10 {
        let begin = Instant::now();
        let run = motet.start(&pipeline, [("n", Value::from(n as u64))]).await.expect("the store takes it");
        run.outputs().await.expect("the run completes");
        // The first tenth warms up.
        if n >= RUNS / 10 {
            times.push(begin.elapsed());
        }
    }
    times.sort();
    let commits = bare::single_commits(RUNS);
    let (commit, p50, p99) = (percentile(&commits, 0.5), percentile(&times, 0.5), percentile(&times, 0.99));
    vec![
        ("one bare commit, p50".into(), ms(commit)),
        ("one run alone, p50".into(), ms(p50)),
        ("one run alone, p99".into(), ms(p99)),
        (
            "one run alone ÷ one bare commit (aim: below 8)".into(),
            format!("{:.1}", p50.as_secs_f64() / commit.as_secs_f64()),
        ),
    ]
}
