//! Three readings of one journal: the engine's fold, the tables of a store, and the public record.

use std::sync::Arc;

use motet::engine::{Graph, Run, RunId, RunStatus, StepStatus, Turn};
use motet::language::Plan;
use motet::report::{ArtifactPlaces, Reporter};
use motet::store::{Record, Store};

/// Longer journals are compared at their end only.
const TURNS_EACH_MAX: usize = 60;

/// After each turn the three say the same of the run and of every step and item.
pub fn assert_readings_agree(plan: &Arc<Plan>, run: &RunId, turns: &[Turn]) {
    assert_readings_agree_after(plan, run, turns, |turn| {
        turns.len() <= TURNS_EACH_MAX || turn == turns.len()
    });
}

/// The same after the last turn alone.
pub fn assert_readings_agree_at_the_end(plan: &Arc<Plan>, run: &RunId, turns: &[Turn]) {
    assert_readings_agree_after(plan, run, turns, |turn| turn == turns.len());
}

fn assert_readings_agree_after(
    plan: &Arc<Plan>,
    run: &RunId,
    turns: &[Turn],
    is_looked_at: impl Fn(usize) -> bool,
) {
    let store = Store::in_memory().unwrap();
    let graph = Graph::new(plan.clone());
    let mut reporter = Reporter::new(run.clone(), Some(plan), ArtifactPlaces::default());
    for (index, turn) in turns.iter().enumerate() {
        let turn = Arc::new(turn.clone());
        store.append_now(&[Record { run: run.clone(), turn: turn.clone() }]).unwrap();
        reporter.note(&motet::follow::Happening::Turn(turn));
        if is_looked_at(index + 1) {
            let engine = Run::replay(graph.clone(), &turns[..=index]).unwrap();
            compare(&engine, &store, &reporter);
        }
    }
}

fn compare(engine: &Run, store: &Store, reporter: &Reporter) {
    let (run, record, turn) = (engine.id(), reporter.record(), engine.turns());
    let row = store.run(run).unwrap().expect("its first turn was appended");
    let status = engine.status().word();
    assert_eq!((row.status.word(), record.status.word()), (status, status), "{run} after turn {turn}");
    assert_eq!((row.cost, record.cost), (engine.cost(), engine.cost()), "{run} after turn {turn}");
    if matches!(engine.status(), RunStatus::Completed { .. }) {
        assert_eq!((row.degraded, record.degraded), (engine.degraded(), engine.degraded()), "{run}");
    }
    for row in store.steps(run).unwrap() {
        let place = format!("{run}, `{}` after turn {turn}", row.path);
        assert_eq!(Some(row.status), engine.step_status(&row.path), "{place}: tables and engine");
        // Of a long list the record sums up what is over.
        if let Some(step) = record.step(&row.path) {
            assert_eq!(row.status, step.status, "{place}: tables and record");
            assert_eq!((row.cost, row.wakes_at), (step.cost, step.wakes_at), "{place}: tables and record");
            assert_eq!(row.attempts as usize, step.attempts_made(), "{place}: tables and record");
        }
    }
    for (path, step) in record.steps() {
        let known = engine.step_status(path).unwrap_or(StepStatus::Pending);
        assert_eq!(step.status, known, "{run}, `{path}` after turn {turn}: record and engine");
    }
}
