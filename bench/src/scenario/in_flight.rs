//! 20,000 runs, each with two steps done and a job at the simulator, `kill -9`, and all jobs asked for again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use motet::engine::dispatcher::PoolLimit;
use motet::engine::intent::place;
use motet::language::Timestamp;
use motet::providers::http::Method;
use motet::world::live::LiveWorld;
use motet::world::{World, wire};
use motet::{Motet, Value};

use crate::figures::{Figures, Reading, memory_peak_mib};
use crate::four_steps;
use crate::simulator::{self, Simulator};
use crate::world::{Exchanged, Network, Networked};

const RUNS: usize = 20_000;

/// What Replicate allows, and no job ever ends; it takes as many jobs at once as there are.
const READS_A_MINUTE: usize = 3_000;
const SCENARIO: &str = r#"{
    "faults": [{ "fault": "stuck" }],
    "limits": { "replicate": { "creates_per_minute": 1000000, "reads_per_minute": 3000 } }
}"#;

const TEXT: &str = r#"
motet: 1
name: in-flight
inputs: { n: integer }
steps:
  one: { uses: task/step, with: { from: "{{ inputs.n }}" } }
  two: { uses: task/step, with: { from: "{{ steps.one.result }}" } }
  still:
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: "boat {{ inputs.n }}" }
    needs: [two]
    timeout: { queue: 5h, job: 5h }
"#;

/// How long the polling is watched.
const WATCHED: Duration = Duration::from_secs(60);

/// A pause before a poll is shorter, and all other deadlines are later.
const PAUSE_MAX_MS: u64 = 60_000;

pub fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let simulator = Simulator::begin(folder.path(), SCENARIO, 1);
    let address = simulator.address();
    let took = super::kill_once_it_says(&["--fly".as_ref(), folder.path().as_os_str(), address.as_ref()]);
    let mut figures = vec![("until all jobs are known, at first".to_owned(), took)];
    figures.extend(super::runtime().block_on(take_up(folder.path(), address)));
    let ledger = simulator.ledger();
    let repeated = ledger.lines().filter(|line| line.contains(r#""repeated":true"#)).count();
    let paid = ledger.lines().count();
    figures.push((
        "submissions in the ledger, of them repeated (aim: 20,000, 0)".into(),
        format!("{paid}, {repeated}"),
    ));
    figures
}

/// Starts the runs, says how long it took until all jobs are known, and waits.
pub fn fly(folder: &str, address: &str) {
    super::runtime().block_on(async {
        let (motet, counted) = open(Path::new(folder), address).await;
        let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
        let begin = Instant::now();
        let start = |n: u64| {
            let (motet, pipeline) = (motet.clone(), pipeline.clone());
            tokio::spawn(async move { motet.start(&pipeline, [("n", Value::from(n))]).await })
        };
        for started in (0..RUNS as u64).map(start).collect::<Vec<_>>() {
            started.await.expect("no task panics").expect("the store takes it");
        }
        // A job is asked for once it is durable which one it is.
        counted.network.waits_for_polls(RUNS).await;
        println!("{:.1} s", begin.elapsed().as_secs_f64());
        std::future::pending::<()>().await;
    });
}

async fn open(folder: &Path, address: &str) -> (Motet, Arc<Networked<Counts>>) {
    let settings = simulator::settings(folder, address);
    let key = &settings.providers["replicate"].keys[0].name;
    let free = PoolLimit { slots: None, rate: None };
    let counted = Arc::new(Networked::<Counts>::default());
    let builder = four_steps::builder(&folder.join("store"), Duration::ZERO).world(counted.clone());
    let builder = builder.pool(&place("replicate", key), free).settings(&settings);
    (builder.open().await.expect("the store is good"), counted)
}

async fn take_up(folder: &Path, address: &str) -> Figures {
    let begin = Instant::now();
    let (motet, counted) = open(folder, address).await;
    let opened = begin.elapsed();
    let runs = motet.resume().await.expect("the store can be read");
    let resumed = begin.elapsed();
    counted.network.waits_for_polls(RUNS).await;
    let scheduled = begin.elapsed();
    let (reading, before) = (Reading::now(), counted.network.reads.load(Relaxed));
    tokio::time::sleep(WATCHED).await;
    let share = reading.processor().as_secs_f64() / reading.elapsed().as_secs_f64() * 100.0;
    let reads = counted.network.reads.load(Relaxed) - before;
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let figures = vec![
        ("runs taken up".into(), runs.len().to_string()),
        ("until the store is open".into(), seconds(opened)),
        ("until all are taken up".into(), seconds(resumed)),
        ("until every next poll is scheduled (aim: within 1 s)".into(), seconds(scheduled)),
        (
            "submissions after the restart (aim: 0)".into(),
            counted.network.submissions.load(Relaxed).to_string(),
        ),
        (format!("requests about the jobs in a minute (allowed: {READS_A_MINUTE})"), reads.to_string()),
        ("of all, refused as too many (aim: 0)".into(), counted.network.throttled.load(Relaxed).to_string()),
        ("processor over that minute (aim for 10,000: under 10 % of a core)".into(), format!("{share:.1} %")),
        ("memory at most (aim for 10,000: under 300 MiB)".into(), format!("{:.0} MiB", memory_peak_mib())),
    ];
    // Nothing is left to be measured: the work isn't waited for.
    std::mem::forget((motet, runs));
    figures
}

/// The real network. Pauses and requests are counted.
#[derive(Default)]
struct Counts {
    pauses: AtomicUsize,
    submissions: AtomicUsize,
    reads: AtomicUsize,
    throttled: Arc<AtomicUsize>,
}

impl Counts {
    /// Waits until so many pauses have begun.
    async fn waits_for_polls(&self, count: usize) {
        while self.pauses.load(Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Network for Counts {
    fn note_pause(&self, now: Timestamp, until: Timestamp) {
        if (1..PAUSE_MAX_MS).contains(&until.since(now).0) {
            self.pauses.fetch_add(1, Relaxed);
        }
    }

    fn exchange(&self, live: &LiveWorld, request: wire::Request) -> Exchanged {
        let count = if request.method == Method::Post { &self.submissions } else { &self.reads };
        count.fetch_add(1, Relaxed);
        let (exchange, throttled) = (live.exchange(request), self.throttled.clone());
        Box::pin(async move {
            let reply = exchange.await;
            throttled.fetch_add(usize::from(reply.as_ref().is_ok_and(|reply| reply.status == 429)), Relaxed);
            reply
        })
    }
}
