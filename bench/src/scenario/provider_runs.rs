//! Whole runs of four steps at providers, as many as there is room for: a picture, a film of it beside a voice, and both put
//! together. What the simulator makes is in its cache, and what it has done it reports by webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use motet::engine::dispatcher::PoolLimit;
use motet::engine::intent::place;
use motet::{Motet, Value};

use crate::figures::{Figures, Reading, memory_peak_mib};
use crate::simulator::{self, Simulator};

const RUNS: u64 = 3_000;

/// Before it is measured: connections are opened, and the simulator makes its media.
const RUNS_BEFORE: u64 = 500;

/// How many runs are there at once.
const AT_ONCE: u64 = 256;

/// What takes minutes at the providers takes some tenths of a second.
const SPEED: u64 = 1_000;

const SCENARIO: &str = r#"{ "limits": { "replicate": {}, "fal": {}, "elevenlabs": {} } }"#;

const TEXT: &str = r#"
motet: 1
name: film
inputs: { n: integer }
steps:
  still:
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: "boat {{ inputs.n }}", aspect_ratio: "16:9" }
  clip:
    uses: replicate/bytedance/seedance-1-lite
    with: { prompt: "it sails", image: "{{ steps.still.image }}", duration: 2, resolution: 480p }
  voice:
    uses: elevenlabs/eleven_flash_v2_5
    with: { text: "Boat {{ inputs.n }}." }
  film:
    uses: fal/fal-ai/sync-lipsync/v2
    with: { video: "{{ steps.clip.video }}", audio: "{{ steps.voice.audio }}" }
outputs: { film: "{{ steps.film.video }}" }
"#;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let simulator = Simulator::begin(folder.path(), SCENARIO, SPEED);
    let settings = simulator::settings(folder.path(), simulator.address());
    let mut builder = Motet::builder().store(folder.path().join("store")).settings(&settings);
    for (provider, set) in &settings.providers {
        let free = PoolLimit { slots: None, rate: None };
        builder =
            set.keys.iter().fold(builder, |builder, key| builder.pool(&place(provider, &key.name), free));
    }
    let motet = builder.open().await.expect("a fresh folder");
    let stop = super::hear(&motet).await;
    runs(&motet, 0, RUNS_BEFORE).await;
    let (reading, there, before) = (Reading::now(), simulator.processor(), motet.store().written());
    runs(&motet, RUNS_BEFORE, RUNS).await;
    let (time, processor) = (reading.elapsed().as_secs_f64(), reading.processor().as_secs_f64());
    let there = (simulator.processor() - there).as_secs_f64();
    let commits = (motet.store().written().commits - before.commits) as f64;
    let ledger = simulator.ledger();
    let repeated = ledger.lines().filter(|line| line.contains(r#""repeated":true"#)).count();
    stop.cancel();
    let count = RUNS as f64;
    vec![
        ("whole runs a minute, two cores (aim: over 5,000)".into(), format!("{:.0}", count / time * 60.0)),
        ("processor time a run".into(), format!("{:.2} ms", processor * 1e3 / count)),
        (
            "processor time a run of the simulator, a process of its own".into(),
            format!("{:.2} ms", there * 1e3 / count),
        ),
        (
            "cores in use, of them by the simulator".into(),
            format!("{:.2}, {:.2}", (processor + there) / time, there / time),
        ),
        ("flushes a run".into(), format!("{:.2}", commits / count)),
        ("KiB written a run".into(), format!("{:.0}", reading.kib_written() / count)),
        ("memory at most".into(), format!("{:.0} MiB", memory_peak_mib())),
        (
            "paid requests in the ledger, of them repeated (aim: four a run, 0)".into(),
            format!("{}, {repeated}", ledger.lines().count()),
        ),
    ]
}

/// So many runs from `first` on, by so many clients at once.
async fn runs(motet: &Motet, first: u64, count: u64) {
    let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
    let next = Arc::new(AtomicU64::new(0));
    let client = |_| {
        let (motet, pipeline, next) = (motet.clone(), pipeline.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Relaxed);
                if n >= count {
                    return;
                }
                let n = Value::from(first + n);
                let run = motet.start(&pipeline, [("n", n)]).await.expect("the store takes it");
                run.outputs().await.expect("the run completes");
            }
        })
    };
    for client in (0..AT_ONCE).map(client).collect::<Vec<_>>() {
        client.await.expect("no task panics");
    }
}
