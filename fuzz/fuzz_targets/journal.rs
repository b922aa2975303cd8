//! The turns of a journal: they are read, written again, and replayed.
#![no_main]

#[path = "../../crates/engine/tests/engine/replayed.rs"]
mod replayed;
#[allow(dead_code, reason = "it is for the tests of the engine, which use all of it")]
#[path = "../../crates/engine/tests/engine/scenario.rs"]
mod scenario;

use std::sync::{Arc, LazyLock};

use motet_engine::Graph;

static GRAPH: LazyLock<Arc<Graph>> = LazyLock::new(replayed::graph);

libfuzzer_sys::fuzz_target!(|data: &[u8]| drop(replayed::replay(&GRAPH, data)));
