//! Calling off a run.

use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::start;

const STEPS: &str = r#"
    steps:
      working: { uses: task/work }
      queueing: { uses: media/work }
      sleeping: { uses: flow/sleep, with: { duration: 1d } }
      pausing: { uses: task/work, retry: { on: [unavailable], backoff: 1h, jitter: false } }
      group: { steps: { inner: { uses: task/work }, next: { uses: task/work, needs: inner } } }
      fan: { each: [1, 2, 3], max_parallel: 1, uses: task/work }
      done: { uses: task/work }
      later: { uses: task/work, needs: working }
    "#;

#[test]
fn everything_stops_and_the_run_ends_once_it_did() {
    let mut story = start(STEPS);
    story.ends("done", json!(1)).fails("pausing", Class::Unavailable);
    story.cancels("changed my mind").stops(["fan[0]#1", "group/inner#1", "working#1"]).works_on([]);
    for step in
        ["working", "queueing", "sleeping", "pausing", "group", "group/inner", "fan", "fan[0]", "later"]
    {
        story.finds(step, "cancelled");
    }
    story.finds("done", "completed");
    assert_eq!(story.run.status().word(), "running");
    story.cancels("again").drains();
    assert_eq!(story.run.status().word(), "cancelled");
    assert_eq!(story.last("run_cancelled"), json!({"reason": "changed my mind"}));
    assert_eq!(story.count("cancel_requested"), 1);
}

#[test]
fn what_comes_after_is_booked_and_starts_nothing() {
    let mut story = start(STEPS);
    story.cancels("").ends("working", json!(1)).finds("working", "cancelled").finds("later", "cancelled");
    story.grants("queueing").advances("2d").works_on([]).drains();
    assert_eq!(story.last("run_cancelled"), json!({"reason": "cancelled by ada"}));
}

#[test]
fn a_run_that_is_failing_already_fails() {
    let mut story = start("steps: { a: { uses: task/work }, b: { uses: task/work } }");
    story.fails("a", Class::Content).cancels("too late").drains().is_lost("a", Class::Content);
}
