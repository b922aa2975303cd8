//! `kill -9` with 500 waiting runs in flight, then a restart.

use std::path::Path;
use std::time::{Duration, Instant};

use motet::Value;
use motet::engine::{AttemptEvent, AttemptKey, Event};

use crate::figures::{Figures, Reading, costs};
use crate::four_steps;

const RUNS: usize = 500;
const WAIT: Duration = Duration::from_secs(2);

/// Starts the runs in another process, kills it once the second steps are under way, and goes on.
pub fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    super::kill_once_it_says(&["--drive".as_ref(), folder.path().as_os_str()]);
    super::runtime().block_on(go_on(folder.path()))
}

/// Starts the runs and says when their first steps are done and the next are under way.
pub fn drive(folder: &str) {
    super::runtime().block_on(async {
        let motet = four_steps::open(Path::new(folder), WAIT).await;
        let pipeline = four_steps::pipeline(&motet);
        let mut runs = Vec::new();
        for n in 0..RUNS as u64 {
            runs.push(motet.start(&pipeline, [("n", Value::from(n))]).await.expect("the store takes it"));
        }
        tokio::time::sleep(WAIT + WAIT / 2).await;
        println!("in flight");
        for run in runs {
            run.outputs().await.expect("the run completes");
        }
    });
}

async fn go_on(folder: &Path) -> Figures {
    let begin = Instant::now();
    let motet = four_steps::open(folder, WAIT).await;
    let (reading, before) = (Reading::now(), motet.store().written());
    let runs = motet.resume().await.expect("the store can be read");
    let resumed = runs.len();
    for run in &runs {
        run.outputs().await.expect("the run completes");
    }
    // Three of the four steps of each run were still to be done.
    let over = begin.elapsed().as_secs_f64() - 2.0 * WAIT.as_secs_f64();
    let repeated: usize =
        runs.iter().map(|run| repeated_steps(&motet.store().turns(run.id()).expect("it is kept"))).sum();
    let costs = costs(&reading, motet.store(), before, resumed, 3 * resumed);
    let mut figures = vec![
        ("runs taken up".into(), resumed.to_string()),
        ("time over the ideal 4 s (aim: within 0.3 s)".into(), format!("{over:.2} s")),
        ("finished steps repeated (aim: 0)".into(), repeated.to_string()),
    ];
    figures.extend(costs);
    figures
}

/// How many attempts were planned of steps that had succeeded.
fn repeated_steps(turns: &[motet::engine::Turn]) -> usize {
    let mut done = std::collections::BTreeSet::new();
    let mut repeated = 0;
    for event in turns.iter().flat_map(|turn| &turn.events) {
        match event {
            Event::Attempt { key: AttemptKey { step, .. }, event: AttemptEvent::Succeeded { .. } } => {
                done.insert(step.clone());
            }
            Event::Attempt { key: AttemptKey { step, .. }, event: AttemptEvent::Planned { .. } }
                if done.contains(step) =>
            {
                repeated += 1
            }
            _ => {}
        }
    }
    repeated
}
