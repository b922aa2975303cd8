//! One driver through 100,000 small runs: flat memory, and no slower at the end.

use std::time::{Duration, Instant};

use motet::{Motet, Pipeline, Value};

use crate::figures::{Figures, memory_kib, memory_peak_mib};
use crate::four_steps;

const RUNS: u64 = 100_000;
const CLIENTS: u64 = 64;
const PARTS: u64 = 10;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::builder(folder.path(), Duration::ZERO).open().await.expect("a fresh folder");
    let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
    let mut parts = Vec::new();
    for part in 0..PARTS {
        let begin = Instant::now();
        runs(&motet, &pipeline, part).await;
        parts.push((begin.elapsed().as_secs_f64(), memory_kib() as f64 / 1024.0));
    }
    // The first part warms up.
    let (early, late) = (parts[1], parts[parts.len() - 1]);
    let times: Vec<String> = parts.iter().map(|(time, _)| format!("{time:.1}")).collect();
    vec![
        ("the last 10,000 ÷ the second 10,000 (aim: within 1.1)".into(), format!("{:.2}", late.0 / early.0)),
        ("memory after them ÷ after 20,000 (aim: within 1.1)".into(), format!("{:.2}", late.1 / early.1)),
        ("seconds for each 10,000".into(), times.join(" ")),
        ("memory at most".into(), format!("{:.0} MiB", memory_peak_mib())),
    ]
}

const TEXT: &str = r#"
motet: 1
name: small
inputs: { n: integer }
steps:
  one: { uses: task/step, with: { from: "{{ inputs.n }}" } }
outputs: { result: "{{ steps.one.result }}" }
"#;

/// A tenth of the runs, by so many clients at once.
async fn runs(motet: &Motet, pipeline: &Pipeline, part: u64) {
    let client = |client: u64| {
        let (motet, pipeline) = (motet.clone(), pipeline.clone());
        tokio::spawn(async move {
            for n in (client..RUNS / PARTS).step_by(CLIENTS as usize) {
                let n = Value::from(part * RUNS + n);
                let run = motet.start(&pipeline, [("n", n)]).await.expect("the store takes it");
                run.outputs().await.expect("the run completes");
            }
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for client in clients {
        client.await.expect("no task panics");
    }
}
