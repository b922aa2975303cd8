//! Journals that older versions wrote must be replayed to the same state for ever.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use motet_engine::{Command, Graph, Run, Turn};
use motet_pipeline::{Bundle, Plan, StepPath, check};
use proptest::prelude::*;

use crate::replayed::{graph, replay};
use crate::scenario::catalogue;

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a run looks like from outside, after every turn.
fn tell(pipeline: &str, journal: &str) -> String {
    let plan = check::check(&Bundle::of_text(pipeline, fixture(pipeline)), &catalogue()).plan;
    let plan = plan.expect("the pipeline of a fixture is good");
    // Then a plan was named by its texts alone.
    let graph = Graph::new(Plan { digest: plan.version, ..plan }.into());
    let journal: Vec<Turn> = serde_json::from_str(&fixture(journal)).expect("a journal is JSON");
    let steps: Vec<StepPath> = {
        let events = journal.iter().flat_map(|turn| &turn.events);
        let mut steps: Vec<_> = events.filter_map(|event| event.step().cloned()).collect();
        steps.sort();
        steps.dedup();
        steps
    };
    let mut told = String::new();
    for turns in 1..=journal.len() {
        let run = Run::replay(graph.clone(), &journal[..turns])
            .expect("a journal of an older version can be replayed");
        let _ = writeln!(
            told,
            "turn {turns}: {}, cost {}, degraded {}, next at {:?}",
            run.status().word(),
            run.cost(),
            run.degraded(),
            run.next_deadline().map(|at| at.to_string())
        );
        let known = steps.iter().filter_map(|step| Some(format!("{step} {}", run.step_status(step)?.word())));
        let _ = writeln!(told, "  {}", known.collect::<Vec<_>>().join(", "));
        for command in run.outstanding() {
            let _ = match command {
                Command::Perform(perform) => writeln!(
                    told,
                    "  perform {} {} {} until {}",
                    perform.key,
                    perform.contract.operation,
                    serde_json::to_string(&perform.inputs).expect("inputs are plain data"),
                    perform.deadline
                ),
                Command::Stop { key } => writeln!(told, "  stop {key}"),
                Command::Acquire { key, needs } => writeln!(told, "  acquire {needs} for {key}"),
                Command::Release { key } => writeln!(told, "  release {key}"),
            };
        }
        if run.status().is_terminal() {
            let _ =
                writeln!(told, "  {}", serde_json::to_string(run.status()).expect("a status is plain data"));
        }
    }
    told
}

#[test]
fn version_1_of_a_run_that_completed() {
    insta::assert_snapshot!(tell("film-v1.yaml", "journal-v1.json"));
}

#[test]
fn version_1_of_a_run_that_was_called_off() {
    insta::assert_snapshot!(tell("film-v1.yaml", "journal-v1-cancelled.json"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_damaged_journal_is_refused_or_replayed(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        numbers in prop::collection::vec((any::<prop::sample::Index>(), "-?[0-9]{1,20}"), 0..3),
    ) {
        let mut text = fixture("journal-v1.json");
        for (which, number) in numbers {
            let places: Vec<_> = text.match_indices(|letter: char| letter.is_ascii_digit()).map(|(at, _)| at).collect();
            let at = places[which.index(places.len())];
            text.replace_range(at..=at, &number);
        }
        let mut bytes = text.into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        replay(&GRAPH, &bytes);
    }
}

static GRAPH: LazyLock<Arc<Graph>> = LazyLock::new(graph);

#[test]
fn a_whole_journal_is_replayed() {
    assert!(replay(&GRAPH, fixture("journal-v1.json").as_bytes()).is_some());
}
