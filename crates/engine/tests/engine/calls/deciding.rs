//! What a person decides about a call whose outcome is unknown.

use motet_engine::{AttemptEnd, Decision, Found, Input, JobNews};
use motet_pipeline::{Class, Failure, Money};
use serde_json::json;

use super::{cost, job, unknown, with};
use crate::scenario::{bad, key, ok, start};

#[test]
fn a_person_has_it_sent_again() {
    let mut story = job();
    story.is_unclear("a", 1).finds("a", "parked");
    story.resolves("a", Decision::Send).finds("a", "running").does(["a#2 submit"]);
    assert_eq!(story.last("step_resolved"), json!({"step": "a", "decision": "send", "by": "ada"}));
    assert_eq!(story.last("attempt_failed")["failure"]["billed"], "maybe");
    story.ends("a", json!(1)).gives(json!({}));
    assert_eq!((story.count("run_parked"), story.count("run_unparked")), (1, 1));
}

#[test]
fn a_person_takes_it_for_failed() {
    let mut story = job();
    story.is_unclear("a", 1).resolves("a", Decision::Fail).is_lost("a", Class::Unknown);
    assert_eq!(story.last_words(), "marked as failed by ada");
    let mut story = with("fallback: [{ uses: task/work, on: [unknown] }]");
    story.is_unclear("a", 1).resolves("a", Decision::Fail).does(["a#2 work"]);
    story.ends("a", json!(1)).gives(json!({}));
}

#[test]
fn a_person_knows_the_job() {
    let mut story = job();
    story.is_unclear("a", 1).resolves("a", Decision::Job("j9".into())).does(["a#1 poll j9"]);
    story.finds("a", "running").hears("a", JobNews::Done).ends("a", json!(1)).gives(json!({}));
}

#[test]
fn a_person_decides_before_the_search_for_a_request_has_ended() {
    let searched = |policies| {
        let mut story = with(policies);
        story.ends_as(key("a", 1), unknown()).does(["a#1 reconcile"]);
        story
    };
    let mut story = searched("");
    story.resolves("a", Decision::Send).does(["a#2 submit"]).finds("a", "running");
    assert_eq!(story.last("attempt_unknown")["failure"]["message"], "ada ended the search for it");
    assert_eq!(story.last("step_resolved"), json!({"step": "a", "decision": "send", "by": "ada"}));
    // What the provider was asked about is over: what it still says changes nothing.
    for found in [Found::Job("j1".into()), Found::Absent, Found::Unclear] {
        story.ignores(Input::Reconciled { key: key("a", 1), found });
    }
    story.ignores(Input::Accepted { key: key("a", 1), job: "j1".into() });
    story.restarts().does(["a#2 reconcile"]).reconciles_attempt("a", 2, Found::Job("j2".into()));
    story.does(["a#2 poll j2"]);

    let mut story = searched("");
    story.resolves("a", Decision::Fail).is_lost("a", Class::Unknown);
    assert_eq!(story.last_words(), "marked as failed by ada");
    assert_eq!(story.last("attempt_failed")["failure"]["billed"], "maybe");

    let mut story = searched("");
    story.resolves("a", Decision::Job("j9".into())).does(["a#1 poll j9"]);
    story.ignores(Input::Reconciled { key: key("a", 1), found: Found::Job("j1".into()) });
    story.hears("a", JobNews::Done).ends("a", json!(1)).gives(json!({}));
    assert_eq!((story.sent[&key("a", 1)], story.count("attempt_unknown")), (1, 0));
}

#[test]
fn a_person_decides_about_a_request_that_was_to_leave_when_the_process_died() {
    let mut story = job();
    story.restarts().does(["a#1 reconcile"]).resolves("a", Decision::Send).does(["a#2 submit"]);
    let mut story = with("fallback: [{ uses: task/work, on: [unknown] }]");
    story.restarts().resolves("a", Decision::Fail).does(["a#2 work"]).ends("a", json!(1)).gives(json!({}));
}

#[test]
fn nobody_decides_about_a_request_whose_reply_is_awaited_or_whose_job_is_known() {
    let mut story = job();
    let resolve = |decision| Input::Resolve { step: key("a", 1).step, decision, by: "ada".into() };
    let decisions = || [Decision::Send, Decision::Fail, Decision::Job("j9".into())];
    decisions().into_iter().for_each(|decision| _ = story.ignores(resolve(decision)));
    story.accepts("a", 1, "j1");
    decisions().into_iter().for_each(|decision| _ = story.ignores(resolve(decision)));
    // Nor twice, nor where it was called off.
    story.restarts();
    let mut story = job();
    story.ends_as(key("a", 1), unknown()).cancels("enough");
    decisions().into_iter().for_each(|decision| _ = story.ignores(resolve(decision)));
}

#[test]
fn nobody_names_a_job_of_what_is_answered_at_once() {
    for operation in ["lab/answer", "lab/request"] {
        let mut story = start(&format!("steps: {{ a: {{ uses: {operation}, on_unknown: park }} }}"));
        let named = || Input::Resolve {
            step: key("a", 1).step,
            decision: Decision::Job("j9".into()),
            by: "ada".into(),
        };
        // While it is looked for, and once it is parked.
        story.ends_as(key("a", 1), unknown()).ignores(named());
        story.reconciles("a", Found::Unclear).finds("a", "parked").ignores(named());
        story.resolves("a", Decision::Fail).is_lost("a", Class::Unknown);
    }
}

/// A request that took too long may be answered after all, when somebody has decided already.
#[test]
fn a_reply_that_comes_after_a_person_has_decided_is_booked_and_its_job_cancelled() {
    let given_up = || {
        let mut story = with("timeout: { request: 10s }");
        story.advances("10s").does(["a#1 reconcile"]).resolves("a", Decision::Send).does(["a#2 submit"]);
        story
    };
    let mut story = given_up();
    story.accepts("a", 1, "j1").does(["a#1 cancel j1", "a#2 submit"]);
    story.ends_as(
        key("a", 1),
        AttemptEnd::Failed { failure: Failure::new(Class::Unavailable, "cancelled"), cost: cost("0.02") },
    );
    story.accepts("a", 2, "j2").does(["a#2 poll j2"]);
    assert_eq!(story.run.cost(), "0.02".parse::<Money>().unwrap());

    // Its result is kept and joins nothing.
    let mut story = given_up();
    story.ends_as(key("a", 1), ok(json!("late"))).does(["a#2 submit"]);
    assert_eq!(story.last("attempt_ended")["output"]["value"], "late");

    // It isn't looked for any more, whoever takes the run up: it may be taken for the one that is sent now.
    let mut story = given_up();
    story.restarts().does(["a#2 reconcile"]).advances("1m");
    assert_eq!(story.last("attempt_ended")["end"], "unknown");
    story.ignores(Input::Accepted { key: key("a", 1), job: "j1".into() });

    // A run that failed waits for it no longer than that.
    let mut story = with("timeout: { request: 10s }");
    story.advances("10s").resolves("a", Decision::Fail).finds("a", "failed");
    assert_eq!(story.run.status().word(), "running");
    story.advances("1m").is_lost("a", Class::Unknown);
}

#[test]
fn facts_that_come_late_decide_before_a_person_does() {
    let mut story = job();
    story.is_unclear("a", 1).finds("a", "parked");
    story.accepts("a", 1, "j1").finds("a", "running").does(["a#1 poll j1"]);
    assert_eq!(story.run.status().word(), "running");
    let mut story = job();
    story.is_unclear("a", 1).ends_as(key("a", 1), ok(json!("after all"))).gives(json!({}));
    let mut story = with("retry: { on: [unavailable], backoff: 1s, jitter: false }");
    story.is_unclear("a", 1).ends_as(key("a", 1), bad(Class::Unavailable)).finds("a", "sleeping");
}

/// Its reply would say no more, so nothing is awaited.
#[test]
fn a_request_without_a_reply_whose_job_is_known_is_over_once_a_person_has_decided() {
    for decision in [Decision::Fail, Decision::Send] {
        let mut story = job();
        story.advances("2m").does(["a#1 reconcile"]).resolves("a", Decision::Job("j1".into()));
        story.does(["a#1 poll j1"]).hears("a", JobNews::Expired).finds("a", "parked");
        story.resolves("a", decision.clone());
        assert_eq!(story.last("attempt_failed")["abandoned"], json!(null), "{decision:?}");
        assert_eq!(story.last("attempt_failed")["attempt"], 1, "{decision:?}");
    }
}

/// Its reply is still awaited, and what is parked is still looked for: the search ends with the decision in the same way.
#[test]
fn a_request_that_a_person_has_sent_again_is_looked_for_no_more_though_its_reply_is_awaited() {
    let mut story = job();
    story.advances("2m").does(["a#1 reconcile"]).advances("2m").finds("a", "parked");
    story.resolves("a", Decision::Send).does(["a#2 submit"]).works_on(["a#2"]);
}
