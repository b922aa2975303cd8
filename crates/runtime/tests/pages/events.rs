//! `docs/events.md` tells of every field that an event really has.

use std::collections::{BTreeMap, BTreeSet};

use motet::follow::Happening;
use motet::report::{ArtifactPlaces, Reporter};
use motet::world::virtual_time::run;
use motet::{Class, TaskContext, TaskError};
use serde_json::Value as Json;

use crate::stage;

const STORY: &str = r#"
motet: 1
name: story
on_failure: finish
steps:
  nap: { uses: flow/sleep, with: { duration: 1s } }
  shy: { uses: task/shy, retry: { attempts: 2 } }
  lost: { uses: task/lost, with: { value: lamp }, fallback: [{ uses: data/transform, with: { value: 1 } }] }
  each: { each: [1, 2], uses: data/transform, with: { value: "{{ item }}" } }
  never: { if: false, uses: data/transform, with: { value: 1 } }
  fails: { uses: flow/fail, with: { message: on purpose }, optional: true }
  slow: { uses: task/slow }
  last: { needs: [nap, shy, lost, each, never, fails], uses: task/slow }
outputs: { shy: "{{ steps.shy.value }}" }
"#;

/// The names of the fields of every event of a run that is resumed, and then called off.
async fn fields() -> BTreeMap<String, BTreeSet<String>> {
    let builder = motet::Motet::builder()
        .task("shy", |context: TaskContext, _: ()| async move {
            context.progress(0.5, "half way");
            match context.attempt() {
                1 => Err(TaskError::new(Class::Unavailable, "not yet")),
                _ => Ok("done"),
            }
        })
        .task("lost", |_: TaskContext, what: String| async move {
            Err::<String, _>(TaskError::new(Class::Gone, what))
        })
        .task("slow", |context: TaskContext, _: ()| async move {
            context.cancelled().await;
            Err::<(), _>(TaskError::new(Class::Unavailable, "stopped"))
        });
    let motet = stage::simulated_with(builder).await;
    let pipeline = motet.load_text(STORY).unwrap();
    let run = motet.start(&pipeline, ()).await.unwrap();
    let mut reporter = Reporter::new(run.id().clone(), Some(pipeline.plan()), ArtifactPlaces::nowhere());
    let mut told = vec![serde_json::to_value(reporter.found(stage::EPOCH)).unwrap()];
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        if let Happening::Turn(turn) = &happening
            && turn.events.iter().any(|event| event.step().is_some_and(|step| step.as_str() == "last"))
            && !told.iter().any(|event| event["event"] == "run.cancelling")
        {
            run.cancel("Ada", "enough").await.unwrap();
        }
        let public = reporter.tell(&happening, stage::EPOCH);
        told.extend(public.iter().map(|event| serde_json::to_value(event).unwrap()));
    }
    told.push(serde_json::to_value(reporter.end(stage::EPOCH)).unwrap());
    let mut fields: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for event in told {
        let Json::Object(entries) = event else { panic!("an event is an object") };
        let name = entries["event"].as_str().unwrap().to_owned();
        fields.entry(name).or_default().extend(entries.into_iter().map(|(field, _)| field));
    }
    fields
}

#[test]
fn every_field_of_every_event_is_documented_in_its_row() {
    let page = std::fs::read_to_string(stage::repository("docs/events.md")).unwrap();
    let sections: Vec<&str> = page.split("\n## ").collect();
    let section =
        |title: &str| sections.iter().find(|section| section.starts_with(title)).expect("it is there");
    let (common, end) = (section("Every event"), section("The end of a run"));
    let fields = run(fields());
    for (name, fields) in &fields {
        let mut rows = page.lines().filter(|line| line.starts_with("| `"));
        let row =
            rows.find(|row| row.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{name}`"))));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        for field in fields {
            let quoted = format!("`{field}`");
            let is_told = common.contains(&quoted)
                || row.contains(&quoted)
                || (name == "run.cancelled"
                    && (end.contains(&quoted) || end.contains(&format!("{field:?}:"))));
            assert!(is_told, "the field `{field}` of {name} is not documented");
        }
    }
    let seen: Vec<&str> = fields.keys().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "attempt.abandoned",
            "attempt.ended",
            "attempt.failed",
            "attempt.succeeded",
            "run.cancelled",
            "run.cancelling",
            "run.found",
            "run.progress",
            "run.started",
            "step.cancelled",
            "step.completed",
            "step.expanded",
            "step.failed",
            "step.fallback",
            "step.progress",
            "step.ready",
            "step.retrying",
            "step.skipped",
            "step.sleeping",
            "step.started",
            "step.woken",
        ]
    );
}
