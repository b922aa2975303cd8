//! One run at a time: what a step costs in time when nothing else is going on.

use std::time::{Duration, Instant};

use motet::Value;

use crate::bare::Bare;
use crate::figures::{Figures, Reading, costs, ms, percentile, spread};
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
    let mut times = runs(&motet, &bare, RUNS).await;
    let costs = costs(&reading, motet.store(), before, RUNS, 4 * RUNS);
    let one = times.one_commit.middle();
    let [run, five, turns] = [&mut times.runs, &mut times.five_commits, &mut times.commits_of_turns];
    let mut figures = vec![
        ("one bare commit, p50".into(), ms(one)),
        ("one run alone, p50 ÷ one bare commit, p50 (aim: at most 5)".into(), ratio(run.middle(), one)),
        ("the commits of its turns alone, p50 ÷ one bare commit, p50".into(), ratio(turns.middle(), one)),
        (
            "one run alone, p99 ÷ five bare commits, p99 (aim: at most 1.5)".into(),
            ratio(run.end(), five.end()),
        ),
    ];
    figures.extend(spread("one run alone", times.runs.0));
    figures.extend(costs);
    figures
}

fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.1}", one.as_secs_f64() / other.as_secs_f64())
}

/// What the same thing took again and again.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn middle(&mut self) -> Duration {
        self.0.sort();
        percentile(&self.0, 0.5)
    }

    fn end(&mut self) -> Duration {
        self.0.sort();
        percentile(&self.0, 0.99)
    }
}

/// What runs took, and commits between them.
#[derive(Default)]
struct Measured {
    runs: Times,
    one_commit: Times,
    five_commits: Times,
    commits_of_turns: Times,
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
        measured.runs.0.push(begin.elapsed());
        let commits: Vec<Duration> = (0..TURNS).map(|_| bare.commit()).collect();
        measured.one_commit.0.push(commits[0]);
        measured.five_commits.0.push(commits.iter().sum());
        measured.commits_of_turns.0.push((0..TURNS).map(|_| bare.commit_of_turn()).sum());
    }
    measured
}
