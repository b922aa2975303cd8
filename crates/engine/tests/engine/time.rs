//! Timeouts, sleeps, and time in which nobody drives a run.

use motet_engine::Input;
use motet_pipeline::{Class, Span};
use serde_json::json;

use crate::scenario::{DAWN, key, ok, span, start};

#[test]
fn a_job_that_takes_too_long_is_stopped_and_its_class_is_timeout() {
    let mut story = start("steps: { a: { uses: task/work, timeout: 3m } }");
    story.advances("179s").works_on(["a#1"]).advances("1s").works_on([]).stops(["a#1"]).finds("a", "failed");
    story.drains().is_lost("a", Class::Timeout);
}

#[test]
fn a_job_may_take_five_minutes_unless_it_is_said() {
    assert_eq!(start("steps: { a: { uses: task/work } }").time_left("a"), Span::minutes(5));
}

#[test]
fn a_late_result_of_an_attempt_that_timed_out_is_booked_while_the_step_goes_on() {
    let mut story = start(
        "steps: { a: { uses: task/work, timeout: 1m, retry: { on: [timeout], backoff: 1ms, jitter: false } } }",
    );
    story.advances("1m").stops(["a#1"]).advances("1ms").works_on(["a#2"]);
    story.ends_as(key("a", 1), ok(json!("late"))).works_on(["a#2"]).finds("a", "running");
    story.ends("a", json!("good")).gives(json!({}));
    assert_eq!(story.last("step_completed")["output"], json!({"value": "good"}));
}

#[test]
fn the_total_timeout_counts_over_all_attempts_pauses_and_slots() {
    let mut story = start(
        "steps: { a: { uses: task/work, timeout: { job: 1h, total: 10m }, retry: { on: [unavailable], attempts: 9, backoff: 4m, factor: 1, jitter: false } } }",
    );
    story.advances("1m").fails("a", Class::Unavailable).advances("4m").works_on(["a#2"]);
    story.fails("a", Class::Unavailable).advances("4m").works_on(["a#3"]).advances("1m").stops(["a#3"]);
    story.drains().is_lost("a", Class::Timeout);
    let mut story = start("steps: { a: { uses: media/work, timeout: { total: 10m } } }");
    story.advances("10m").is_lost("a", Class::Timeout);
    assert!(story.queueing.is_empty());
}

#[test]
fn a_run_that_takes_too_long_is_stopped_and_drains() {
    let mut story =
        start("timeout: 20m\nsteps: { a: { uses: task/work, timeout: 1h }, b: { uses: media/work } }");
    story.advances("20m").stops(["a#1"]).finds("b", "cancelled");
    assert_eq!(story.run.status().word(), "running");
    story.drains().is_lost("", Class::Timeout);
    assert_eq!(story.last_words(), "the run took longer than its `timeout` of 20m");
}

#[test]
fn facts_come_before_deadlines() {
    let mut story = start("timeout: 1m\nsteps: { a: { uses: task/work, timeout: 1m } }");
    story.now = DAWN.after(span("1h"));
    story.ends("a", json!(1)).gives(json!({}));
}

#[test]
fn of_two_things_that_are_due_at_once_the_first_may_make_the_other_pointless() {
    let mut story = start(
        "
        steps:
          a: { uses: task/work, timeout: 1m }
          b: { uses: task/work, retry: { on: [unavailable], backoff: 1m, jitter: false } }
        ",
    );
    story.fails("b", Class::Unavailable).leaps("1m").works_on([]).stops(["a#1"]).finds("b", "cancelled");
    assert_eq!(story.count("step_woken"), 0);
    story.drains().is_lost("a", Class::Timeout);
}

#[test]
fn a_sleep_is_durable_and_absolute() {
    let mut story =
        start("steps: { a: { uses: flow/sleep, with: { duration: 7d } }, b: { uses: task/work, needs: a } }");
    story.finds("a", "sleeping");
    assert_eq!(story.run.next_deadline(), Some(DAWN.after(span("7d"))));
    story.rests("6d").finds("a", "sleeping").advances("1d").works_on(["b#1"]);
    let mut story = start("steps: { a: { uses: flow/sleep, with: { duration: 7d } } }");
    story.rests("8d").gives(json!({}));
    let mut story = start("steps: { a: { uses: flow/sleep, with: { duration: 0.5 } } }");
    story.advances("499ms").finds("a", "sleeping").advances("1ms").gives(json!({}));
}

#[test]
fn time_away_moves_deadlines_and_leaves_sleeps_and_retries() {
    let mut story = start(
        "
        timeout: 1h
        steps:
          job: { uses: task/work, timeout: { job: 10m, total: 30m } }
          pause: { uses: task/work, retry: { on: [unavailable], backoff: 20m, max_backoff: 20m, jitter: false } }
        ",
    );
    story.fails("pause", Class::Unavailable).advances("5m").rests("3h");
    // The pause was over while nobody looked; the job has five minutes left.
    story.works_on(["job#1", "pause#2"]).ends("pause", json!(1));
    assert_eq!(story.run.next_deadline(), Some(story.now.after(span("5m"))));
    story.advances("5m").stops(["job#1"]).drains().is_lost("job", Class::Timeout);
}

#[test]
fn that_somebody_took_a_run_up_may_be_told_twice() {
    let mut story = start("steps: { a: { uses: task/work, timeout: 1m } }");
    story.rests("1h").tell(Input::Resume { away: span("1h") });
    assert_eq!(story.run.next_deadline(), Some(story.now.after(span("1m"))));
}

#[test]
fn the_deadline_of_a_run_moves_by_the_time_away() {
    let mut story = start("timeout: 1h\nsteps: { a: { uses: task/work, timeout: 2h } }");
    story.advances("59m").rests("10h").works_on(["a#1"]).advances("59s").works_on(["a#1"]).advances("1s");
    story.drains().is_lost("", Class::Timeout);
}

#[test]
fn time_never_runs_backwards() {
    let mut story = start(
        "steps: { a: { uses: task/work, timeout: 1m }, b: { uses: task/work, needs: a, timeout: 1m } }",
    );
    story.advances("30s").rests("0s");
    story.now = DAWN;
    story.ends("a", json!(1));
    assert_eq!(story.journal.last().unwrap().at, DAWN.after(span("30s")));
    assert_eq!(story.last("attempt_planned")["deadline"], json!(DAWN.after(span("90s")).0));
}

#[test]
fn a_tick_without_anything_due_leaves_no_turn() {
    let mut story = start("steps: { a: { uses: task/work } }");
    let turns = story.journal.len();
    story.tell(Input::Tick).advances("1m");
    assert_eq!(story.journal.len(), turns);
}
