//! 20,000 runs, each with two steps done and a job at the simulator, `kill -9`, and all jobs asked for again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use motet::engine::dispatcher::PoolLimit;
use motet::engine::intent::place;
use motet::language::Timestamp;
use motet::providers::http::Method;
use motet::world::live::LiveWorld;
use motet::world::{World, wire};
use motet::{Motet, Settings, Value};

use crate::figures::{Figures, memory_peak_mib};
use crate::four_steps;
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
    let (mut simulator, address) = simulator(folder.path());
    let took = super::kill_once_it_says(&["--fly".as_ref(), folder.path().as_os_str(), address.as_ref()]);
    let mut figures = vec![("until all jobs are known, at first".to_owned(), took)];
    figures.extend(super::runtime().block_on(take_up(folder.path(), &address)));
    let ledger = ledger(&address);
    let repeated = ledger.lines().filter(|line| line.contains(r#""repeated":true"#)).count();
    let paid = ledger.lines().count();
    figures.push((
        "submissions in the ledger, of them repeated (aim: 20,000, 0)".into(),
        format!("{paid}, {repeated}"),
    ));
    simulator.kill().expect("it is still running");
    simulator.wait().expect("it was killed");
    figures
}

/// A simulator in a process of its own, as providers are, and what it says of its addresses.
fn simulator(folder: &Path) -> (Child, String) {
    let scenario = folder.join("scenario.json");
    std::fs::write(&scenario, SCENARIO).expect("the folder is writable");
    let mut child = Command::new(super::motet())
        .args(["sim".as_ref(), "--scenario".as_ref(), scenario.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary is beside this one");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output is piped");
    BufReader::new(out).read_line(&mut line).expect("its output is text");
    (child, line)
}

/// The ledger of the simulator, a line a submission.
fn ledger(address: &str) -> String {
    let address: serde_json::Value = serde_json::from_str(address).expect("it is JSON");
    let host = address["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("it has a URL");
    let mut stream = TcpStream::connect(host).expect("it listens");
    write!(stream, "GET /_sim/ledger HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("it answers");
    let reply = String::from_utf8(reply).expect("it is text");
    reply.split_once("\r\n\r\n").expect("it has a body").1.to_owned()
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
    let address: serde_json::Value = serde_json::from_str(address).expect("it is JSON");
    let bases: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_value(address["base_urls"].clone()).expect("they are URLs by role");
    let settings = Settings::usual(folder).simulated(&bases).expect("they are URLs");
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
    let before = counted.network.reads.load(Relaxed);
    tokio::time::sleep(WATCHED).await;
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
        ("memory at most".into(), format!("{:.0} MiB", memory_peak_mib())),
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
