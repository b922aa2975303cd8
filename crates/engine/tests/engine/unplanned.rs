//! Runs whose plan can't be had any more are called off by their journal alone.

use motet_engine::{Event, Run, RunEvent, RunStatus, StepStatus, call_off_unplanned};
use motet_pipeline::StepPath;

use crate::scenario::{DAWN, pipeline};

const STEPS: &str = r#"
steps:
  first: { uses: task/work }
  group:
    needs: [first]
    steps:
      a: { each: [1, 2], uses: task/work }
      b: { needs: [a], uses: task/work }
  last: { needs: [group], uses: task/work }
"#;

#[test]
fn what_is_open_ends_from_the_inside_out_and_the_journal_can_be_followed_as_any_other() {
    let mut scenario = pipeline(STEPS).start();
    scenario.ends("first", serde_json::json!(1));
    let graph = scenario.run.graph().clone();
    let ends = call_off_unplanned(&scenario.journal, DAWN, "ada", "");
    let told: Vec<_> = ends
        .iter()
        .flat_map(|turn| &turn.events)
        .map(|event| {
            let step = event.step().map_or("", StepPath::as_str);
            format!(
                "{step} {}",
                serde_json::to_value(event).unwrap().as_object().unwrap().keys().next().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));

    let journal: Vec<_> = scenario.journal.iter().chain(&ends).cloned().collect();
    let run = Run::replay(graph, &journal).unwrap();
    assert_eq!(run.status(), &RunStatus::Cancelled { reason: "cancelled by ada".into() });
    for (step, status) in [("first", StepStatus::Completed), ("group/a[0]", StepStatus::Cancelled)] {
        assert_eq!(run.step_status(&StepPath::from_text(step)), Some(status), "{step}");
    }
    assert!(run.outstanding().is_empty());
    assert!(call_off_unplanned(&journal, DAWN, "ada", "again").is_empty());
}

#[test]
fn after_every_turn_of_a_journal_it_can_be_called_off() {
    let mut scenario = pipeline(STEPS).start();
    for step in ["first", "group/a[0]", "group/a[1]", "group/b"] {
        scenario.ends(step, serde_json::json!(1));
    }
    let graph = scenario.run.graph().clone();
    for turns in 1..=scenario.journal.len() {
        let mut journal = scenario.journal[..turns].to_vec();
        journal.extend(call_off_unplanned(&scenario.journal[..turns], DAWN, "ada", "enough"));
        let run = Run::replay(graph.clone(), &journal).unwrap();
        assert_eq!(run.status(), &RunStatus::Cancelled { reason: "enough".into() });
        assert!(run.outstanding().is_empty());
    }
}

#[test]
fn very_many_open_items_end_in_several_turns() {
    let items: Vec<String> = (0..1500).map(|n| n.to_string()).collect();
    let text = format!("steps: {{ a: {{ each: [{}], uses: task/work }} }}", items.join(", "));
    let scenario = pipeline(&text).start();
    let ends = call_off_unplanned(&scenario.journal, DAWN, "ada", "enough");
    assert!(ends.len() > 1 && ends.iter().all(|turn| turn.events.len() <= 1000));
    let journal: Vec<_> = scenario.journal.iter().chain(&ends).cloned().collect();
    assert!(Run::replay(scenario.run.graph().clone(), &journal).unwrap().status().is_terminal());
    assert!(matches!(ends[0].events[0], Event::Run(RunEvent::CancelRequested { .. })));
}
