//! The bytes of a journal, replayed whatever they are.

use motet_engine::{Graph, Run, Turn};
use motet_pipeline::{Bundle, Plan, check};
use std::sync::Arc;

use crate::scenario::catalogue;

/// The pipeline of the oldest journals.
pub fn graph() -> Arc<Graph> {
    let text = include_str!("../fixtures/film-v1.yaml");
    let plan = check::check(&Bundle::of_text("film-v1.yaml", text.to_owned()), &catalogue()).plan;
    let plan = plan.expect("the pipeline of a fixture is good");
    // Then a plan was named by its texts alone.
    Graph::new(Plan { digest: plan.version, ..plan }.into())
}

/// Reads and replays them. What was read is written as it was read, and a run that comes of it knows what is in flight.
pub fn replay(graph: &Arc<Graph>, bytes: &[u8]) -> Option<Run> {
    let turns: Vec<Turn> = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&turns).expect("turns are plain data");
    let again: Vec<Turn> = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("turns are plain data"), written);
    let run = Run::replay(graph.clone(), &turns).ok()?;
    run.outstanding();
    Some(run)
}
