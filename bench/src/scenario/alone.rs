//! One run at a time: what a step costs in time when nothing else is going on.

use std::time::{Duration, Instant};

use motet::Value;

use crate::bare::Bare;
use crate::figures::{Figures, Reading, costs, ms, percentile, spread};
use crate::four_steps;

const RUNS: usize = 400;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::ZERO).await;
    let bare = Bare::new();
    // Until the log is written again from its beginning, as that of the bare commits is.
    runs(&motet, &bare, RUNS).await;
    let (reading, before) = (Reading::now(), motet.store().written());
    let (mut times, mut commits) = runs(&motet, &bare, RUNS).await;
    let costs = costs(&reading, motet.store(), before, RUNS, 4 * RUNS);
    times.sort();
    commits.sort();
    let commit = percentile(&commits, 0.5);
    let ratio = percentile(&times, 0.5).as_secs_f64() / commit.as_secs_f64();
    let mut figures = vec![
        ("one bare commit, p50".into(), ms(commit)),
        ("one run alone, p50 ÷ one bare commit, p50 (aim: below 8)".into(), format!("{ratio:.1}")),
    ];
    figures.extend(spread("one run alone", times));
    figures.extend(costs);
    figures
}

/// How long each of `count` runs takes, one after the other, and a bare commit after each.
async fn runs(motet: &motet::Motet, bare: &Bare, count: usize) -> (Vec<Duration>, Vec<Duration>) {
    let pipeline = four_steps::pipeline(motet);
    let (mut times, mut commits) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for n in 0..count as u64 {
        let begin = Instant::now();
        let run = motet.start(&pipeline, [("n", Value::from(n))]).await.expect("the store takes it");
        run.outputs().await.expect("the run completes");
        times.push(begin.elapsed());
        commits.push(bare.commit());
    }
    (times, commits)
}
