//! One run that maps a list and joins: time an item must not grow with the list.

use std::time::Duration;

use motet::{Motet, Value};

use crate::figures::{Figures, Reading, costs};
use crate::four_steps;

const TEXT: &str = r#"
motet: 1
name: map
inputs: { list: { type: array } }
steps:
  map: { each: "{{ inputs.list }}", uses: task/step, with: { from: "{{ item }}" } }
  join: { uses: task/step, with: { from: "{{ steps.map.items | length }}" } }
outputs: { result: "{{ steps.join.result }}" }
"#;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = four_steps::open(folder.path(), Duration::ZERO).await;
    map(&motet, 1000).await;
    let small = best(&motet, 1000).await;
    let large = best(&motet, 10_000).await;
    let (reading, before) = (Reading::now(), motet.store().written());
    map(&motet, 10_000).await;
    let costs = costs(&reading, motet.store(), before, 1, 10_001);
    let mut figures = vec![
        ("1,000 items".into(), format!("{:.3} s", small)),
        ("10,000 items (aim: under 1 s)".into(), format!("{:.3} s", large)),
        (
            "time an item at 10,000 ÷ at 1,000 (aim: within 1.2)".into(),
            format!("{:.2}", large / small / 10.0),
        ),
    ];
    figures.extend(costs);
    figures
}

/// The best of three, in seconds.
async fn best(motet: &Motet, items: u64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        best = best.min(map(motet, items).await);
    }
    best
}

async fn map(motet: &Motet, items: u64) -> f64 {
    map_with(motet, TEXT, items).await
}

/// How many seconds a run of `text` takes over a list of `items` numbers.
pub async fn map_with(motet: &Motet, text: &str, items: u64) -> f64 {
    let pipeline = motet.load_text(text).expect("the pipeline is good");
    let list = Value::list((0..items).map(Value::from).collect());
    let reading = Reading::now();
    let run = motet.start(&pipeline, [("list", list)]).await.expect("the store takes it");
    run.outputs().await.expect("the run completes");
    reading.elapsed().as_secs_f64()
}
