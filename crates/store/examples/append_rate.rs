//! How fast turns become durable, beside a bare SQLite loop that writes the same bytes.
//!
//! `cargo run --release -p motet-store --example append_rate [FOLDER]`
//!
//! 2,000 runs of four steps are live at once. `bare` inserts the events of each turn into one table
//! without an index, `store` appends the turns and keeps all projections, both so many turns a
//! commit; `queue` has one closed-loop client a run, each of which waits for its acknowledgement.

#[path = "../tests/score/mod.rs"]
mod score;

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use motet_engine::Turn;
use motet_store::{Record, Store};
use score::Score;

const RUNS: usize = 2000;

fn main() {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let runs: Vec<Vec<Record>> =
        (0..RUNS).map(|n| Score::four_steps(&format!("01ABCDEFGHJKMNPQRSTV{n:06}")).records()).collect();
    let turns = runs[0].len();
    let records: Vec<Record> =
        (0..turns).flat_map(|turn| runs.iter().map(move |run| run[turn].clone())).collect();
    let bytes: usize = records.iter().map(|record| encode(&record.turn).len()).sum();
    println!("{} turns of {} bytes on average, {RUNS} runs at once", records.len(), bytes / records.len());
    println!("{:>6} {:>6} {:>10} {:>12} {:>12}", "", "batch", "turns/s", "CPU us/turn", "KiB/turn");
    for batch in [1, 10, 100, 1000] {
        let some = &records[..records.len().min(batch * 5000)];
        report("bare", batch, some.len(), &folder, |folder| bare(folder, some, batch));
        report("store", batch, some.len(), &folder, |folder| {
            let store = Store::open(folder).expect("a fresh folder");
            some.chunks(batch).for_each(|records| store.append_now(records).expect("in order"));
        });
    }
    report("memory", 1, records.len(), &folder, |_| {
        let store = Store::in_memory().expect("a temporary folder");
        records.chunks(1).for_each(|records| store.append_now(records).expect("in order"));
    });
    report("queue", 0, records.len(), &folder, |folder| clients(folder, runs));
}

fn report(name: &str, batch: usize, turns: usize, folder: &Path, work: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir_in(folder).expect("a folder to write in");
    let (started, cpu, written) = (Instant::now(), cpu_time(), written_bytes());
    work(folder.path());
    let (took, cpu) = (started.elapsed(), cpu_time() - cpu);
    println!(
        "{name:>6} {batch:>6} {:>10.0} {:>12.1} {:>12.2}",
        turns as f64 / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / turns as f64,
        (written_bytes() - written) as f64 / 1024.0 / turns as f64
    );
}

fn encode(turn: &Turn) -> String {
    serde_json::to_string(&turn.events).expect("plain data")
}

fn bare(folder: &Path, records: &[Record], batch: usize) {
    let connection = rusqlite::Connection::open(folder.join("bare.db")).expect("a fresh folder");
    let set_up = "PRAGMA journal_mode = wal; PRAGMA synchronous = full;
                  CREATE TABLE journal (sequence INTEGER PRIMARY KEY, run INTEGER, number INTEGER, body TEXT) STRICT";
    connection.execute_batch(set_up).expect("a fresh database");
    let mut statement = connection
        .prepare("INSERT INTO journal (run, number, body) VALUES (1, ?1, ?2)")
        .expect("the table is there");
    for records in records.chunks(batch) {
        connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        for record in records {
            statement.execute((record.turn.number as i64, encode(&record.turn))).expect("room on the disk");
        }
        connection.execute_batch("COMMIT").expect("room on the disk");
    }
}

fn clients(folder: &Path, runs: Vec<Vec<Record>>) {
    let store = Store::open(folder).expect("a fresh folder");
    let (over, all_over) = mpsc::channel();
    for run in runs {
        go_on(store.clone(), run.into_iter(), over.clone());
    }
    drop(over);
    assert_eq!(all_over.iter().count(), RUNS);
}

fn go_on(store: Store, mut run: std::vec::IntoIter<Record>, over: mpsc::Sender<()>) {
    match run.next() {
        Some(record) => store.clone().append(record, move |outcome| {
            outcome.expect("in order");
            go_on(store, run, over);
        }),
        None => over.send(()).expect("main waits"),
    }
}

/// CPU time of this process so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> =
        stat.split_whitespace().skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    Duration::from_millis(10 * fields.iter().sum::<u64>())
}

/// Bytes that this process sent to disks so far.
fn written_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
