//! 10,000 jobs wait at a provider that reports them; then 1,000 of them a second are reported, over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use motet::{Motet, Value};
use motet_server::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::bare::Bare;
use crate::figures::{Figures, Reading, memory_kib, ms, percentile};
use crate::lab::{Lab, LabWorld, Taken, report};

const JOBS: usize = 10_000;
const A_SECOND: usize = 1_000;
const CONNECTIONS: usize = 64;

/// How long the waiting is watched.
const WATCHED: Duration = Duration::from_secs(20);

const TEXT: &str = r#"
motet: 1
name: think
inputs: { n: integer }
steps: { think: { uses: lab/think, with: { prompt: "about {{ inputs.n }}" } } }
outputs: { text: "{{ steps.think.text }}" }
"#;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let world = Arc::new(LabWorld::default());
    let builder = Motet::builder().store(folder.path()).world(world.clone());
    let builder = builder.environment(|_| Some("key".to_owned())).provider(Lab::new(), [Lab::model()]);
    let motet = builder.open().await.expect("a fresh folder");
    let listener = Listener::at(([127, 0, 0, 1], 0).into()).await.expect("a port is free");
    let (address, stop) = (listener.address(), CancellationToken::new());
    motet.await_hooks(Some(&listener.url())).await;
    let serving = tokio::spawn(listener.serve(motet.clone(), stop.clone()));

    let before = memory_kib();
    let pipeline = motet.load_text(TEXT).expect("the pipeline is good");
    for n in 0..JOBS {
        motet.start(&pipeline, [("n", Value::from(n as u64))]).await.expect("the store takes it");
    }
    let mut jobs = Vec::new();
    while jobs.len() < JOBS {
        tokio::time::sleep(Duration::from_millis(20)).await;
        jobs.extend(world.network.taken());
    }
    // Until all of them are asked for, rarely.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let reading = Reading::now();
    tokio::time::sleep(WATCHED).await;
    let share = reading.processor().as_secs_f64() / reading.elapsed().as_secs_f64() * 100.0;
    let memory = memory_kib();
    let asked = world.network.asked();

    let bare = Arc::new(Bare::new());
    let mut alone: Vec<Duration> = (0..1_000).map(|_| bare.commit()).collect();
    alone.sort();
    let is_over = Arc::new(AtomicBool::new(false));
    let beside = {
        let (bare, is_over) = (bare.clone(), is_over.clone());
        std::thread::spawn(move || {
            let mut commits = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                commits.push(bare.commit());
                std::thread::sleep(Duration::from_millis(5));
            }
            commits
        })
    };
    let reading = Reading::now();
    let (mut times, refused) = deliver(address, jobs).await;
    let a_report = reading.processor().as_secs_f64() * 1e6 / JOBS as f64;
    is_over.store(true, Ordering::Relaxed);
    let mut commits = beside.join().expect("no commit panics");
    stop.cancel();
    serving.await.expect("it ends in order");
    times.sort();
    commits.sort();
    let (commit, answered) = (percentile(&commits, 0.99), percentile(&times, 0.99));
    vec![
        ("10,000 jobs wait: processor (aim: under 10 % of a core)".into(), format!("{share:.2} %")),
        (
            "10,000 jobs wait: memory (aim: under 300 MiB)".into(),
            format!("{:.0} MiB", memory as f64 / 1024.0),
        ),
        ("memory a job".into(), format!("{:.1} KiB", (memory - before) as f64 / JOBS as f64)),
        ("requests about them in 20 s".into(), asked.to_string()),
        ("one bare commit alone, p99".into(), ms(percentile(&alone, 0.99))),
        ("one bare commit beside the reports, p50".into(), ms(percentile(&commits, 0.5))),
        ("one bare commit beside the reports, p99".into(), ms(commit)),
        (
            "a report, from its last byte to the answer that it is durable, p50".into(),
            ms(percentile(&times, 0.5)),
        ),
        ("the same, p99".into(), ms(answered)),
        (
            "the same, p99 ÷ a bare commit beside, p99 (aim: at most 3)".into(),
            format!("{:.2}", answered.as_secs_f64() / commit.as_secs_f64()),
        ),
        (
            "processor time a report, with the run that it ends and its client".into(),
            format!("{a_report:.0} µs"),
        ),
        ("reports that were not taken at once".into(), refused.to_string()),
    ]
}

/// Delivers a report for each of `jobs`, so many a second; gives how long each took, and how many were not taken.
async fn deliver(address: std::net::SocketAddr, jobs: Vec<Taken>) -> (Vec<Duration>, usize) {
    let begin = Instant::now() + Duration::from_millis(50);
    let jobs = Arc::new(jobs);
    let clients = (0..CONNECTIONS).map(|client| {
        let jobs = jobs.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.set_nodelay(true).expect("a socket takes it");
            let (mut times, mut refused) = (Vec::new(), 0);
            for number in (client..jobs.len()).step_by(CONNECTIONS) {
                let due = begin + Duration::from_secs_f64(number as f64 / A_SECOND as f64);
                tokio::time::sleep_until(due.into()).await;
                let (job, token) = &jobs[number];
                let (signature, body) = report(job);
                let head = format!(
                    "POST /hooks/lab?token={token} HTTP/1.1\r\nhost: x\r\nlab-signature: {signature}\r\n\
                     content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(&[head.as_bytes(), &body].concat()).await.expect("it reads");
                let sent = Instant::now();
                let mut answer = [0; 1024];
                let length = stream.read(&mut answer).await.expect("it answers");
                times.push(sent.elapsed());
                refused += usize::from(!answer[..length].starts_with(b"HTTP/1.1 200"));
            }
            (times, refused)
        })
    });
    let (mut times, mut refused) = (Vec::new(), 0);
    for client in clients.collect::<Vec<_>>() {
        let (of_client, not_taken) = client.await.expect("no client panics");
        times.extend(of_client);
        refused += not_taken;
    }
    (times, refused)
}
