//! One run over a million items: linear in time, and little memory beside its values.

use motet::{Motet, Value};

use super::map::map_with;
use crate::figures::{Figures, memory_kib, memory_peak_mib};

const ITEMS: u64 = 1_000_000;

const TEXT: &str = r#"
motet: 1
name: million
inputs: { list: { type: array } }
steps:
  each: { each: "{{ inputs.list }}", uses: data/transform, with: { value: "{{ item }}" } }
outputs: { last: "{{ steps.each.items | last }}" }
"#;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let motet = Motet::builder().store(folder.path()).open().await.expect("a fresh folder");
    let before = memory_kib() as f64 / 1024.0;
    let values = values_mib();
    let part = map_with(&motet, TEXT, ITEMS / 10).await;
    let whole = map_with(&motet, TEXT, ITEMS).await;
    let peak = memory_peak_mib() - before;
    vec![
        ("a million items".into(), format!("{whole:.1} s")),
        (
            "time an item ÷ at a hundred thousand (aim: within 1.2)".into(),
            format!("{:.2}", whole / part / 10.0),
        ),
        (
            "memory at most, beside their values (aim: below 400 MiB)".into(),
            format!("{:.0} MiB", peak - values),
        ),
        ("memory of their values".into(), format!("{values:.0} MiB")),
    ]
}

/// What the list, the outputs of its items, and what the step gives of all of them take, in MiB.
fn values_mib() -> f64 {
    let before = memory_kib();
    let list: Vec<Value> = (0..ITEMS).map(Value::from).collect();
    let outputs: Vec<Value> = (0..ITEMS).map(|n| Value::map([("value", Value::from(n))])).collect();
    let keys: Vec<Value> = (0..ITEMS).map(|n| Value::from(n.to_string())).collect();
    let by_key = Value::map((0..ITEMS).map(|n| n.to_string()).zip(outputs.iter().cloned()));
    let given = Value::map([
        ("items", Value::list(outputs)),
        ("keys", Value::list(keys)),
        ("by_key", by_key),
        ("failed", Value::list(Vec::new())),
    ]);
    let held = memory_kib().saturating_sub(before);
    drop(std::hint::black_box((list, given)));
    held as f64 / 1024.0
}
