//! One run at a time: what a step costs in time when nothing else is going on.

use std::time::{Duration, Instant};

use motet::Value;

use crate::bare::Bare;
use crate::figures::{Figures, Reading, costs, median, ms, percentile, spread};
use crate::four_steps;

const RUNS: usize = 400;

/// How many turns a run of four steps has: its start, and the end of each step.
const TURNS: usize = 5;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::ZERO).await;
    let bare = Bare::new();
    // Until the log is written again from its beginning, as that of the bare commits is.
    runs(&motet, &bare, RUNS).await;
    let (reading, before) = (Reading::now(), motet.store().written());
    let measured = runs(&motet, &bare, RUNS).await;
    let costs = costs(&reading, motet.store(), before, RUNS, 4 * RUNS);
    let Measured { runs, one_commit, five_commits, commits_of_turns } = measured;
    let (one, run, five) = (median(one_commit), sorted(runs), sorted(five_commits));
    let ends = ratio(percentile(&run, 0.99), percentile(&five, 0.99));
    let mut figures = vec![
        ("one bare commit, p50".into(), ms(one)),
        (
            "one run alone, p50 ÷ one bare commit, p50 (aim: at most 5)".into(),
            ratio(percentile(&run, 0.5), one),
        ),
        (
            "the commits of its turns alone, p50 ÷ one bare commit, p50".into(),
            ratio(median(commits_of_turns), one),
        ),
        ("one run alone, p99 ÷ five bare commits, p99 (aim: at most 1.5)".into(), ends),
    ];
    figures.extend(spread("one run alone", run));
    figures.extend(costs);
    figures
}

fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.1}", one.as_secs_f64() / other.as_secs_f64())
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort();
    times
}

/// What runs took, and commits between them.
#[derive(Default)]
struct Measured {
    runs: Vec<Duration>,
    one_commit: Vec<Duration>,
    five_commits: Vec<Duration>,
    commits_of_turns: Vec<Duration>,
}

/// `count` runs, one after the other, and after each as many bare commits as it has turns, of one row and of as many as a
/// turn writes.
async fn runs(motet: &motet::Motet, bare: &Bare, count: usize) -> Measured {
    let pipeline = four_steps::pipeline(motet);
    let mut measured = Measured::default();
    for n in 0..count as u64 {
        let begin = Instant::now();
        let run = motet.start(&pipeline, [("n", Value::from(n))]).await.expect("the store takes it");
        run.outputs().await.expect("the run completes");
        measured.runs.push(begin.elapsed());
        let commits: Vec<Duration> = (0..TURNS).map(|_| bare.commit()).collect();
        measured.one_commit.push(commits[0]);
        measured.five_commits.push(commits.iter().sum());
        measured.commits_of_turns.push((0..TURNS).map(|_| bare.commit_of_turn()).sum());
    }
    measured
}
