//! The scenarios, by name.

mod alone;
mod check;
mod crowd;
pub mod kill;
mod map;
mod waiting;

use std::path::PathBuf;

use crate::figures::Figures;

/// All scenarios, in the order of the table.
pub const NAMES: [&str; 6] = ["alone", "crowd", "waiting", "map", "kill", "check"];

/// Runs one scenario in this process.
pub fn run(name: &str) -> Figures {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be had");
    match name {
        "alone" => runtime.block_on(alone::run()),
        "crowd" => runtime.block_on(crowd::run()),
        "waiting" => runtime.block_on(waiting::run()),
        "map" => runtime.block_on(map::run()),
        "kill" => kill::run(),
        _ => check::run(),
    }
}

/// Where stores are put while they are measured: `MOTET_BENCH_DIR`, else the temporary folder.
pub fn place() -> PathBuf {
    std::env::var_os("MOTET_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}
