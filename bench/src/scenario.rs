//! The scenarios, by name.

mod alone;
mod beside;
mod calls;
mod chain;
mod check;
mod continuing;
pub mod crowd;
mod film;
pub mod in_flight;
pub mod kill;
mod many;
mod map;
mod million;
mod provider_runs;
mod reports;
mod starts;
pub mod taken_up;
mod waiting;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use motet::Motet;
use motet_server::Listener;
use tokio_util::sync::CancellationToken;

use crate::figures::Figures;

/// All scenarios, in the order of the table. `beside` makes many files: it comes before those that leave many to delete.
pub const NAMES: [&str; 18] = [
    "beside",
    "alone",
    "calls",
    "crowd",
    "starts",
    "many",
    "waiting",
    "reports",
    "provider_runs",
    "map",
    "chain",
    "continuing",
    "million",
    "kill",
    "taken_up",
    "in_flight",
    "check",
    "film",
];

/// Runs one scenario in this process.
pub fn run(name: &str) -> Figures {
    let runtime = runtime();
    match name {
        "alone" => runtime.block_on(on_a_worker(alone::run())),
        "beside" => runtime.block_on(on_a_worker(beside::run())),
        "crowd" => runtime.block_on(on_a_worker(crowd::run())),
        "calls" => runtime.block_on(on_a_worker(calls::run())),
        "provider_runs" => runtime.block_on(on_a_worker(provider_runs::run())),
        "many" => runtime.block_on(on_a_worker(many::run())),
        "waiting" => runtime.block_on(on_a_worker(waiting::run())),
        "reports" => runtime.block_on(on_a_worker(reports::run())),
        "million" => runtime.block_on(on_a_worker(million::run())),
        "chain" => runtime.block_on(on_a_worker(chain::run())),
        "continuing" => runtime.block_on(on_a_worker(continuing::run())),
        "map" => runtime.block_on(on_a_worker(map::run())),
        "starts" => runtime.block_on(on_a_worker(starts::run())),
        "film" => film::run(),
        "kill" => kill::run(),
        "taken_up" => taken_up::run(),
        "in_flight" => in_flight::run(),
        _ => check::run(),
    }
}

/// Runs a scenario where a service would ask for its runs: in a task, not in the thread that waits.
async fn on_a_worker(scenario: impl Future<Output = Figures> + Send + 'static) -> Figures {
    tokio::spawn(scenario).await.expect("no scenario panics")
}

/// Threads to measure on.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be had")
}

/// Runs this program once more, until it says its first line, which is given back; then `kill -9`.
fn kill_once_it_says(arguments: &[&OsStr]) -> String {
    let program = std::env::current_exe().expect("this program has a file");
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be run again");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let line = lines.next().expect("it says how far it is").expect("its output is text");
    child.kill().expect("it is still running");
    child.wait().expect("it was killed");
    line
}

/// Has `motet` listen for what providers report, until that is cancelled.
async fn hear(motet: &Motet) -> CancellationToken {
    let listener = Listener::at(([127, 0, 0, 1], 0).into()).await.expect("a port is free");
    let stop = CancellationToken::new();
    motet.await_hooks(Some(&listener.url())).await;
    tokio::spawn(listener.serve(motet.clone(), stop.clone()));
    stop
}

/// The binary beside this one.
pub fn motet() -> PathBuf {
    std::env::current_exe().expect("this program has a file").with_file_name("motet")
}

/// A pipeline of so many `data/transform` steps after one another; `value` says what step `n` makes of the one before.
pub fn chain(steps: usize, value: impl Fn(usize) -> String) -> String {
    let mut text = String::from("motet: 1\nname: chain\ninputs: { n: integer }\nsteps:\n");
    let mut add = |n: usize, value: &str| {
        text.push_str(&format!("  s{n}: {{ uses: data/transform, with: {{ value: \"{value}\" }} }}\n"));
    };
    add(0, "{{ inputs.n }}");
    (1..steps).for_each(|n| add(n, &value(n)));
    text
}

/// Where stores are put while they are measured: `MOTET_BENCH_DIR`, else the temporary folder.
pub fn place() -> PathBuf {
    std::env::var_os("MOTET_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}
