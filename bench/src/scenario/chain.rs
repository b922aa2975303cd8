//! A chain of 9,000 steps against one of 1,000: time must grow as the chain does, whoever follows or shows it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use motet::{Motet, Pipeline, Value};

use crate::figures::{Figures, Reading, median};

const SHORT: usize = 1_000;
const LONG: usize = 9_000;
const ROUNDS: usize = 5;

/// What the binary is asked for: a new run that is followed, then that run in each of its forms.
const COMMANDS: [(&str, &[&str]); 4] = [
    ("run --json", &["run", "chain.yaml", "--new", "--no-out", "--json", "--input", "n=0"]),
    ("show", &["show"]),
    ("show --journal", &["show", "--journal"]),
    ("show --timeline", &["show", "--timeline"]),
];

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = Motet::builder().store(folder.path()).open().await.expect("a fresh folder");
    let pipeline = motet.load_text(&chain(LONG)).expect("the pipeline is good");
    let (mut alone, mut followed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(drive(&motet, &pipeline, false).await);
        followed.push(drive(&motet, &pipeline, true).await);
    }
    let (alone, followed) = (median(alone), median(followed));
    let more = (followed.as_secs_f64() - alone.as_secs_f64()) / alone.as_secs_f64();
    let mut figures = vec![
        ("9,000 steps, processor time".into(), format!("{:.0} ms", alone.as_secs_f64() * 1000.0)),
        ("following them live, more ÷ that (aim: at most 0.5)".into(), format!("{more:.2}")),
    ];
    let [short, long] = [SHORT, LONG].map(commands);
    for ((name, _), (short, long)) in COMMANDS.iter().zip(short.iter().zip(&long)) {
        let ratio = long.as_secs_f64() / short.as_secs_f64();
        figures.push((
            format!("{name}: 9,000 steps ÷ 1,000 (aim: at most 10)"),
            format!("{ratio:.1}  ({:.0} ms)", long.as_secs_f64() * 1000.0),
        ));
    }
    figures
}

/// Steps after one another that the engine evaluates itself.
fn chain(steps: usize) -> String {
    let text = super::chain(steps, |n| format!("{{{{ steps.s{}.value + 1 }}}}", n - 1));
    format!("{text}outputs: {{ n: \"{{{{ steps.s{}.value }}}}\" }}\n", steps - 1)
}

/// The processor time of one run of it, with somebody who follows each turn or without.
async fn drive(motet: &Motet, pipeline: &Pipeline, is_followed: bool) -> Duration {
    let reading = Reading::now();
    let run = motet.start(pipeline, [("n", Value::from(0))]).await.expect("the store takes it");
    if is_followed {
        let mut events = run.events().await.expect("it can be followed");
        while events.next().await.is_some() {}
    }
    run.outputs().await.expect("the run completes");
    reading.processor()
}

/// How long each command takes with a chain of so many steps.
fn commands(steps: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    std::fs::write(folder.path().join("chain.yaml"), chain(steps)).expect("the folder takes it");
    let time = |arguments| median((0..ROUNDS).map(|_| command(folder.path(), arguments)).collect());
    COMMANDS.iter().map(|(_, arguments)| time(*arguments)).collect()
}

/// How long the binary beside this one takes for it.
fn command(folder: &Path, arguments: &[&str]) -> Duration {
    let begin = Instant::now();
    let output =
        Command::new(super::motet()).args(arguments).current_dir(folder).output().expect("it is built");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    begin.elapsed()
}
