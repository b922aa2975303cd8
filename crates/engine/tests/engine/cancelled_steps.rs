//! Cancelling one step, group, fan-out or item: what ends with it, and what continues.

use motet_engine::{CancelRefusal, Decision, Found, Input, JobNews, StepStatus};
use motet_pipeline::{Class, StepPath};
use serde_json::json;

use crate::scenario::{Scenario, key, ok, pipeline, start};

impl Scenario {
    /// Asserts that the run was cancelled, and why.
    #[track_caller]
    fn is_cancelled(&mut self, reason: &str) -> &mut Scenario {
        assert_eq!(self.run.status().word(), "cancelled", "{:?}", self.run.status());
        assert_eq!(self.last("run_cancelled"), json!({ "reason": reason }));
        self
    }

    /// Asserts that to cancel the step is refused, and changes nothing.
    #[track_caller]
    fn refuses_to_cancel(&mut self, step: &str, why: CancelRefusal) -> &mut Scenario {
        assert_eq!(self.run.judge_cancel(&StepPath::from_text(step)), Err(why), "{step}");
        let turns = self.journal.len();
        self.cancels_step(step, "again");
        assert_eq!(self.journal.len(), turns, "{step}");
        self
    }
}

const TWO: &str = r#"
    steps:
      clip: { uses: task/work }
      film: { uses: task/work, with: { clip: "{{ steps.clip.value }}" } }
      song: { uses: task/work }
    "#;

#[test]
fn a_step_that_the_run_cannot_do_without_ends_it_as_cancelled() {
    let mut story = start(TWO);
    story.cancels_step("clip", "too dull").stops(["clip#1", "song#1"]).works_on([]);
    story.finds("clip", "cancelled").finds("film", "cancelled").finds("song", "cancelled");
    let requested = json!({"step": "clip", "by": "ada", "reason": "too dull"});
    assert_eq!(story.last("cancel_step_requested"), requested);
    story.drains().is_cancelled("`clip` was cancelled by ada: too dull");
}

#[test]
fn where_the_others_are_to_finish_they_do_and_what_needs_it_is_skipped() {
    let mut story = start(&format!("{}\n    on_failure: finish\n", TWO.trim_end()));
    story.cancels_step("clip", "").stops(["clip#1"]).works_on(["song#1"]);
    let reason = json!({"upstream": {"step": "clip", "cancelled": true}});
    assert_eq!(story.last("step_skipped")["reason"], reason);
    story.drains().ends("song", json!(1)).is_cancelled("`clip` was cancelled by ada");
}

#[test]
fn a_failure_says_more_than_a_cancellation() {
    let text = "on_failure: finish\nsteps: { a: { uses: task/work }, b: { uses: task/work } }";
    let mut story = start(text);
    story.cancels_step("a", "").fails("b", Class::Content).drains().is_lost("b", Class::Content);
}

#[test]
fn optional_tolerates_it_and_the_run_is_degraded() {
    let mut story = start(
        r#"
        steps:
          music: { uses: task/work, optional: true }
          film: { uses: task/work, with: { music: "{{ steps.music.value }}" } }
          told: { uses: data/transform, with: { value: "{{ steps.music.status }}" } }
        outputs: { film: "{{ steps.film.value }}", told: "{{ steps.told.value }}" }
        "#,
    );
    story.cancels_step("music", "").stops(["music#1"]).works_on(["film#1"]);
    assert_eq!(story.inputs_of("film"), json!({}));
    story.drains().ends("film", json!("f")).gives(json!({"film": "f", "told": "cancelled"}));
    assert!(story.run.degraded());
}

#[test]
fn a_fallback_is_for_failures_and_is_not_taken() {
    let mut story = start("steps: { a: { uses: task/work, fallback: [{ uses: task/work, on: any }] } }");
    story.cancels_step("a", "").stops(["a#1"]).works_on([]).drains().is_cancelled("`a` was cancelled by ada");
    assert_eq!(story.count("fallback_taken"), 0);
}

#[test]
fn a_group_ends_with_all_inside_and_with_what_it_cannot_do_without() {
    let text = r#"
        on_failure: finish
        steps:
          group:
            optional: true
            steps: { one: { uses: task/work }, two: { uses: task/work, needs: one } }
          last: { uses: task/work, with: { x: "{{ steps.group.x }}" } }
        "#;
    let text = text
        .replace("needs: one } }", "needs: one } }\n            outputs: { x: \"{{ steps.two.value }}\" }");
    let mut whole = start(&text);
    whole.cancels_step("group", "").stops(["group/one#1"]).works_on(["last#1"]);
    whole.finds("group/two", "cancelled").drains().ends("last", json!(1)).gives(json!({}));

    let mut inner = start(&text);
    inner.cancels_step("group/one", "no").stops(["group/one#1"]).works_on(["last#1"]);
    inner.finds("group/two", "skipped").finds("group", "cancelled");
    assert_eq!(
        inner.last("step_cancelled"),
        json!({"step": "group", "reason": "cancelled by ada: no", "origin": "group/one", "tolerated": true})
    );
    inner.drains().ends("last", json!(1)).gives(json!({}));
}

fn fan(policies: &str) -> Scenario {
    start(&format!(
        "
        steps:
          fan: {{ each: [1, 2, 3, 4], uses: task/work, {policies} }}
        outputs: {{ keys: \"{{{{ steps.fan.keys }}}}\" }}
        "
    ))
}

#[test]
fn an_item_counts_against_the_quorum() {
    let mut story = fan("quorum: 3");
    story.cancels_step("fan[1]", "").stops(["fan[1]#1"]).works_on(["fan[0]#1", "fan[2]#1", "fan[3]#1"]);
    story.drains().ends("fan[0]", json!(1)).ends("fan[2]", json!(1)).ends("fan[3]", json!(1));
    story.gives(json!({"keys": ["0", "2", "3"]}));
    assert!(story.run.degraded());

    let mut story = fan("quorum: 3");
    story.cancels_step("fan[1]", "").cancels_step("fan[2]", "dull").finds("fan", "cancelled");
    story.drains().is_cancelled("`fan[1]` was cancelled by ada");

    let mut story = fan("quorum: 3");
    story
        .fails("fan[0]", Class::Content)
        .cancels_step("fan[1]", "")
        .drains()
        .is_lost("fan[0]", Class::Content);
}

#[test]
fn an_item_that_has_not_begun_never_begins() {
    let mut story = fan("max_parallel: 1, quorum: 2");
    story.cancels_step("fan[2]", "").works_on(["fan[0]#1"]);
    story.crashes().refuses_to_cancel("fan[2]", CancelRefusal::Asked);
    story
        .ends("fan[0]", json!(1))
        .ends("fan[1]", json!(1))
        .finds("fan[2]", "cancelled")
        .works_on(["fan[3]#1"]);
    story.ends("fan[3]", json!(1)).gives(json!({"keys": ["0", "1", "3"]}));

    // Nobody pays for the items before it once it is certain that too few are left.
    let mut story = fan("max_parallel: 1");
    story.cancels_step("fan[3]", "").stops(["fan[0]#1"]).finds("fan", "cancelled");
    story.drains().is_cancelled("`fan[3]` was cancelled by ada");
}

#[test]
fn what_is_inside_of_something_that_has_not_begun_never_begins() {
    let text = r#"
        steps:
          first: { uses: task/work }
          fan:
            each: [1, 2]
            max_parallel: 1
            needs: first
            steps:
              still: { uses: task/work, optional: true }
              clip: { uses: task/work, needs: still }
        "#;
    let mut story = start(text);
    story
        .refuses_to_cancel("fan[0]", CancelRefusal::Nowhere)
        .refuses_to_cancel("fan/still", CancelRefusal::Nowhere);
    story.ends("first", json!(1)).cancels_step("fan[1]/still", "").works_on(["fan[0]/still#1"]);
    story.crashes().ends("fan[0]/still", json!(1)).ends("fan[0]/clip", json!(1));
    story.finds("fan[1]/still", "cancelled").works_on(["fan[1]/clip#1"]);
    story.ends("fan[1]/clip", json!(1)).gives(json!({}));
}

#[test]
fn a_step_that_waits_for_another_never_begins() {
    let mut story =
        start("on_failure: finish\nsteps: { a: { uses: task/work }, b: { uses: task/work, needs: a } }");
    story
        .cancels_step("b", "")
        .finds("b", "cancelled")
        .ends("a", json!(1))
        .is_cancelled("`b` was cancelled by ada");
    assert_eq!(story.story_of("b"), ["step_cancelled"]);
}

#[test]
fn what_is_over_stays_as_it_is_and_told_twice_changes_nothing() {
    let mut story = start("on_failure: finish\nsteps: { a: { uses: task/work }, b: { uses: task/work } }");
    story.ends("a", json!(1)).refuses_to_cancel("a", CancelRefusal::Over(StepStatus::Completed));
    story.cancels_step("b", "").refuses_to_cancel("b", CancelRefusal::Over(StepStatus::Cancelled));
    story.refuses_to_cancel("nobody", CancelRefusal::Nowhere).refuses_to_cancel("", CancelRefusal::Nowhere);
    story.refuses_to_cancel("a[1]", CancelRefusal::Nowhere).refuses_to_cancel("a/x", CancelRefusal::Nowhere);
    story.drains().is_cancelled("`b` was cancelled by ada");
}

#[test]
fn what_is_ending_anyway_is_left_to_that() {
    let mut story = start("steps: { g: { steps: { a: { uses: task/work } } }, b: { uses: task/work } }");
    story.cancels("").refuses_to_cancel("g/a", CancelRefusal::Over(StepStatus::Cancelled));
    story.drains();
}

#[test]
fn during_the_pause_before_a_retry_there_is_no_other_attempt() {
    let mut story =
        start("steps: { a: { uses: task/work, retry: { on: [unavailable], backoff: 1h, jitter: false } } }");
    story.fails("a", Class::Unavailable).finds("a", "sleeping").cancels_step("a", "");
    story.is_cancelled("`a` was cancelled by ada").advances("2h");
    assert_eq!(story.count("attempt_planned"), 1);
}

#[test]
fn during_a_sleep_it_ends_at_once() {
    let mut story = start("steps: { nap: { uses: flow/sleep, with: { duration: 7d } } }");
    story.cancels_step("nap", "").is_cancelled("`nap` was cancelled by ada");
    assert_eq!(story.run.next_deadline(), None);
}

#[test]
fn while_it_waits_for_a_slot_the_slot_is_not_asked_for_any_more() {
    let mut story = start("on_failure: finish\nsteps: { a: { uses: media/work }, b: { uses: task/work } }");
    assert!(story.queueing.contains(&key("a", 1)));
    story.cancels_step("a", "");
    assert!(story.queueing.is_empty());
    story.grants("a").works_on(["b#1"]).ends("b", json!(1)).is_cancelled("`a` was cancelled by ada");
}

#[test]
fn while_it_is_parked_because_nobody_knows_its_end_it_may_have_cost() {
    let mut story = start("steps: { a: { uses: lab/dear } }");
    story.grants("a").accepts("a", 1, "j1").comes_to("a", crate::scenario::bad(Class::Unknown));
    story.finds("a", "parked").cancels_step("a", "").is_cancelled("`a` was cancelled by ada");
    let ended = story.last("attempt_ended");
    assert_eq!((&ended["end"], &ended["cost"]["amount"]), (&json!("unknown"), &json!("0.6")));
    story.tell(Input::Resolve { step: StepPath::from_text("a"), decision: Decision::Send, by: "ada".into() });
    assert_eq!(story.count("attempt_planned"), 1);
}

#[test]
fn while_it_is_parked_for_money_nothing_is_asked_for_when_there_is_some() {
    let text = "on_failure: finish\nsteps: { a: { uses: lab/dear }, b: { uses: task/work } }";
    let mut story = pipeline(text).budget("0.10").start();
    let cause = motet_engine::dispatcher::Cause::Budget("too little".into());
    story.tell(Input::Denied { key: key("a", 1), cause }).finds("a", "parked");
    story.cancels_step("a", "").tell(Input::Fund { allowance: None, by: "ada".into() });
    assert!(story.queueing.is_empty());
    story.ends("b", json!(1)).is_cancelled("`a` was cancelled by ada");
}

#[test]
fn a_job_is_cancelled_at_its_provider_and_its_cost_is_booked() {
    let mut story = start("steps: { a: { uses: lab/job, optional: true }, b: { uses: task/work } }");
    story.accepts("a", 1, "j1").hears("a", JobNews::Running).cancels_step("a", "");
    story.does(["a#1 cancel j1", "b#1 work"]).restarts().does(["a#1 cancel j1", "b#1 work"]);
    story.ends_as(key("a", 1), motet_engine::AttemptEnd::Cancelled).ends("b", json!(1)).gives(json!({}));
}

#[test]
fn a_request_on_its_way_is_cancelled_once_its_job_has_a_name() {
    let mut story = start("steps: { a: { uses: lab/job, optional: true } }");
    story.does(["a#1 submit"]).cancels_step("a", "").accepts("a", 1, "j1").does(["a#1 cancel j1"]);
    story.ends_as(key("a", 1), motet_engine::AttemptEnd::Cancelled).gives(json!({}));
}

#[test]
fn during_a_resume_the_provider_is_asked_and_nothing_is_sent_again() {
    let mut story = start("steps: { a: { uses: lab/job, optional: true } }");
    story.restarts().does(["a#1 reconcile"]).cancels_step("a", "").does(["a#1 reconcile"]);
    story.restarts().reconciles("a", Found::Job("j1".into())).does(["a#1 cancel j1"]);
    story.ends_as(key("a", 1), motet_engine::AttemptEnd::Cancelled).gives(json!({}));
    assert_eq!(story.sent.values().sum::<usize>(), 1);
}

/// Others gave up waiting for a job and lost what was paid for it; here it can be collected late.
#[test]
fn a_result_that_is_downloading_is_paid_so_it_is_kept_for_a_retry() {
    let mut story = start("steps: { a: { uses: lab/job } }");
    story.accepts("a", 1, "j1").hears("a", JobNews::Done).cancels_step("a", "").does(["a#1 fetch j1"]);
    story.restarts().does(["a#1 fetch j1"]).finds("a", "cancelled");
    story.ends_as(key("a", 1), ok(json!("picture"))).is_cancelled("`a` was cancelled by ada");
    assert_eq!(story.last("attempt_ended")["end"], "succeeded");
    let mut sequel = pipeline("steps: { a: { uses: lab/job } }").after(&story, &[], &[]).start();
    sequel.gives(json!({}));
    assert_eq!(sequel.count("attempt_planned"), 0);
}

#[test]
fn a_result_that_is_deleted_while_it_downloads_was_paid() {
    let mut story = start("steps: { a: { uses: lab/dear } }");
    story.grants("a").accepts("a", 1, "j1").hears("a", JobNews::Done).cancels_step("a", "");
    story.tell(Input::Polled { key: key("a", 1), news: JobNews::Expired });
    story.is_cancelled("`a` was cancelled by ada");
    assert_eq!(story.last("attempt_ended")["cost"]["amount"], "0.6");
}

#[test]
fn in_a_run_that_continues_what_is_kept_is_over_and_the_rest_can_be_cancelled() {
    let text = "on_failure: finish\nsteps: { a: { uses: task/work }, b: { uses: task/work } }";
    let mut before = start(text);
    before.ends("a", json!(1)).fails("b", Class::Content);
    let mut story = pipeline(text).after(&before, &[], &[]).start();
    story.works_on(["b#1"]).refuses_to_cancel("a", CancelRefusal::Over(StepStatus::Completed));
    story.cancels_step("b", "").drains().is_cancelled("`b` was cancelled by ada");
    let mut third = pipeline(text).after(&story, &[], &[]).start();
    third.finds("a", "completed").works_on(["b#1"]).ends("b", json!(1)).gives(json!({}));
}

/// Elsewhere a replay while others are under way ended them, and what was over came back as running.
#[test]
fn a_crash_after_any_turn_of_a_long_cancellation_comes_to_the_same() {
    let text = "
        steps:
          fan: { each: [1, 2, 3, 4, 5, 6], steps: { a: { uses: task/work }, b: { uses: task/work, needs: a } } }
        ";
    let mut story = pipeline(text).turns_of(1).start_watched(crate::scenario::Watch::Loosely);
    let step = StepPath::from_text("fan");
    let (by, reason) = ("ada".into(), "enough".into());
    let reaction = story.run.handle(story.now, Input::CancelStep { step, by, reason });
    story.take_in(reaction);
    for _ in 0..40 {
        story.crashes();
    }
    story.drains().is_cancelled("`fan` was cancelled by ada: enough").finds("fan[5]/a", "cancelled");
}
