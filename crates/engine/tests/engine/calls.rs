//! Calls that may cost: sent once, polled, fetched, and parked where nobody can tell. What a person decides then is in `deciding.rs`.

mod deciding;
mod property;

use motet_engine::{Act, AttemptEnd, Command, Decision, Found, Input, JobNews, RunStatus};
use motet_pipeline::failure::{Known, Phase};
use motet_pipeline::{Class, Cost, Failure, Money, Outcome, Span, Value};
use serde_json::json;

use crate::scenario::{Scenario, bad, key, ok, pipeline, start};

fn job() -> Scenario {
    start("steps: { a: { uses: lab/job } }")
}

fn with(policies: &str) -> Scenario {
    start(&format!("steps: {{ a: {{ uses: lab/job, {policies} }} }}"))
}

fn cost(text: &str) -> Cost {
    Cost::billed(text.parse().unwrap())
}

fn unknown() -> AttemptEnd {
    bad(Class::Unknown)
}

#[test]
fn a_job_is_sent_once_polled_until_there_is_news_and_fetched() {
    let mut story = job();
    story.does(["a#1 submit"]).accepts("a", 1, "j1").does(["a#1 poll j1"]);
    story.hears("a", JobNews::Running).does(["a#1 poll j1"]);
    story.hears("a", JobNews::Done).does(["a#1 fetch j1"]);
    story.ends("a", json!("picture")).gives(json!({}));
    assert_eq!(
        story.story_of("a"),
        [
            "step_ready",
            "attempt_planned",
            "attempt_accepted",
            "attempt_began",
            "attempt_finished",
            "attempt_succeeded",
            "step_completed"
        ]
    );
}

#[test]
fn an_answer_that_is_the_result_needs_no_job() {
    let mut story = start("steps: { a: { uses: lab/answer } }");
    story.does(["a#1 submit"]).ends("a", json!("text")).gives(json!({}));
}

#[test]
fn after_a_restart_a_job_is_attached_to_and_never_sent_again() {
    let mut story = job();
    story.restarts().does(["a#1 reconcile"]).restarts().does(["a#1 reconcile"]);
    story.reconciles("a", Found::Job("j1".into())).does(["a#1 poll j1"]);
    story.restarts().does(["a#1 poll j1"]).hears("a", JobNews::Running).restarts().does(["a#1 poll j1"]);
    story.hears("a", JobNews::Done).restarts().does(["a#1 fetch j1"]);
    story.ends("a", json!(1)).gives(json!({}));
    assert_eq!(story.count("attempt_planned"), 1);
}

#[test]
fn what_never_arrived_is_sent_once_more_however_often_that_is_told() {
    let mut story = job();
    story.restarts().reconciles("a", Found::Absent).does(["a#2 submit"]);
    story.ignores(Input::Reconciled { key: key("a", 1), found: Found::Absent });
    // The second one may have left as well.
    story.restarts().does(["a#2 reconcile"]);
    story.working.remove(&key("a", 2));
    story.tell(Input::Reconciled { key: key("a", 2), found: Found::Absent });
    story
        .does(["a#3 submit"])
        .accepts("a", 3, "j1")
        .hears("a", JobNews::Done)
        .ends("a", json!(1))
        .gives(json!({}));
    assert_eq!((story.count("attempt_planned"), story.count("attempt_absent")), (3, 2));
}

#[test]
fn work_of_this_machine_and_tasks_run_again_after_a_restart() {
    let mut story = start("steps: { a: { uses: task/work }, b: { uses: media/work } }");
    story.grants("b").restarts().does(["a#1 work", "b#1 work"]);
}

#[test]
fn what_nobody_can_tell_is_parked_and_waits_for_a_decision() {
    let mut story = job();
    story.restarts().reconciles("a", Found::Unclear).finds("a", "parked").does([]);
    assert_eq!(story.run.status().word(), "parked");
    assert_eq!(story.run.next_deadline(), None);
    assert_eq!(story.last("run_parked"), json!({"reason": "unknown"}));
    assert_eq!(
        story.last("step_parked"),
        json!({"step": "a", "reason": "unknown", "message": "it is unknown whether the provider accepted the request"})
    );
    // It is nobody's work to find out.
    story.restarts().does([]).finds("a", "parked");
    assert_eq!(story.run.parked().map(|(step, _)| step.to_string()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn when_nobody_can_tell_whether_a_request_arrived_the_provider_is_asked_first() {
    let mut story = job();
    story.ends_as(key("a", 1), unknown()).finds("a", "running").does(["a#1 reconcile"]);
    story.reconciles("a", Found::Job("j1".into())).does(["a#1 poll j1"]);
    story.hears("a", JobNews::Done).ends("a", json!(1)).gives(json!({}));
    assert_eq!(story.sent[&key("a", 1)], 1);
    let mut story = job();
    story.ends_as(key("a", 1), unknown()).restarts().does(["a#1 reconcile"]);
    story.reconciles("a", Found::Absent).finds("a", "sleeping").advances("2s").does(["a#2 submit"]);
    story.ends("a", json!(1)).gives(json!({}));
}

#[test]
fn a_request_that_ends_without_a_word_while_the_provider_is_asked_about_it_decides_nothing() {
    let mut story = with("timeout: { request: 5s }");
    story.does(["a#1 submit"]).advances("5s").does(["a#1 reconcile"]);
    story.ignores(Input::Ended { key: key("a", 1), end: unknown() });
    story
        .reconciles("a", Found::Job("j1".into()))
        .hears("a", JobNews::Done)
        .ends("a", json!(1))
        .gives(json!({}));
    assert_eq!(story.sent[&key("a", 1)], 1);
}

#[test]
fn a_job_that_nobody_wants_any_more_is_asked_about_with_what_it_was_made_with() {
    let mut story = start("steps: { a: { uses: lab/job, with: { n: 1 } }, b: { uses: task/work } }");
    story.accepts("a", 1, "j1").fails("b", Class::Content).finds("a", "cancelled");
    assert_eq!(story.inputs_of("a")["n"], json!(1));
    story.restarts();
    assert_eq!(story.inputs_of("a")["n"], json!(1));
}

#[test]
fn a_policy_decides_for_those_who_wrote_one() {
    let mut story = with("on_unknown: fail");
    story.is_unclear("a", 1).is_lost("a", Class::Unknown);
    let mut story = with("on_unknown: retry, retry: { on: [timeout] }");
    story.is_unclear("a", 1).finds("a", "sleeping").advances("2s").does(["a#2 submit"]);
    story.is_unclear("a", 2).advances("3s").does(["a#3 submit"]);
    story.is_unclear("a", 3).is_lost("a", Class::Unknown);
    let mut story = start("steps: { a: { uses: task/work, on_unknown: park } }");
    story.ends_as(key("a", 1), unknown()).finds("a", "parked").does([]);
    story.restarts().does([]).resolves("a", Decision::Send).does(["a#2 work"]);
    let mut story = start("steps: { a: { uses: task/work } }");
    story.ends_as(key("a", 1), unknown()).is_lost("a", Class::Unknown);
}

#[test]
fn a_result_that_was_paid_and_deleted_and_a_job_that_was_forgotten_are_parked() {
    let mut story = job();
    story.accepts("a", 1, "j1").hears("a", JobNews::Expired).finds("a", "parked");
    assert_eq!(story.last("run_parked"), json!({"reason": "expired"}));
    assert_eq!(
        story.last("step_parked")["message"],
        "the job was done and paid, and the provider has deleted its result"
    );
    story.resolves("a", Decision::Send).does(["a#2 submit"]);
    assert_eq!(story.last("attempt_failed")["failure"]["billed"], "maybe");
    let mut story = job();
    story.accepts("a", 1, "j1").hears("a", JobNews::Lost).finds("a", "parked");
    assert_eq!(story.last("run_parked"), json!({"reason": "unknown"}));
    story.resolves("a", Decision::Job("j1".into())).does(["a#1 poll j1"]);
}

/// A job was done and paid, and there is no file at any address that the provider knows.
fn gone(paid: &str) -> AttemptEnd {
    let failure =
        Failure { billed: Known::Yes, phase: Some(Phase::Download), ..Failure::new(Class::Gone, "no file") };
    AttemptEnd::Failed { failure, cost: Cost::computed(paid.parse().unwrap()) }
}

/// A job at a target with another one that costs behind it, done; whatever fails leads to another attempt.
fn done(policies: &str) -> Scenario {
    let mut story = with(&format!(
        "retry: {{ attempts: 3, on: [any] }}, fallback: [{{ uses: lab/answer, on: [any] }}]{policies}"
    ));
    story.accepts("a", 1, "j1").hears("a", JobNews::Done);
    story
}

#[test]
fn a_paid_output_that_is_gone_is_bought_again_by_decision_alone_and_booked_by_what_it_cost() {
    let mut story = done("");
    story.ends_as(key("a", 1), gone("0.03")).finds("a", "parked").does([]);
    assert_eq!(story.last("run_parked"), json!({"reason": "expired"}));
    assert_eq!(story.last("attempt_unknown")["cost"], json!({"amount": "0.03", "basis": "computed"}));
    assert_eq!(story.count("attempt_failed"), 0);
    story.restarts().does([]).finds("a", "parked").resolves("a", Decision::Send).does(["a#2 submit"]);
    assert_eq!(story.last("attempt_failed")["cost"], json!({"amount": "0.03", "basis": "computed"}));
    assert_eq!(story.last("attempt_failed")["failure"]["billed"], "yes");
    // It stays paid, whatever other job somebody names.
    let mut story = done("");
    story.ends_as(key("a", 1), gone("0.03")).resolves("a", Decision::Job("j2".into())).does(["a#1 poll j2"]);
    story.cancels("enough").ends_as(key("a", 1), AttemptEnd::Cancelled);
    assert_eq!(story.last("attempt_ended")["cost"], json!({"amount": "0.03", "basis": "computed"}));
}

#[test]
fn a_paid_output_that_is_gone_when_nobody_wants_it_any_more_is_booked() {
    let mut story = done("");
    story.cancels("enough").ends_as(key("a", 1), gone("0.03"));
    assert_eq!(story.last("attempt_ended")["cost"], json!({"amount": "0.03", "basis": "computed"}));
    assert_eq!(story.run.status().word(), "cancelled");
}

#[test]
fn a_job_that_is_called_off_is_cancelled_there_and_its_end_is_booked() {
    let mut story = job();
    story.accepts("a", 1, "j1").cancels("enough").does(["a#1 cancel j1"]);
    assert_eq!(story.run.status().word(), "running");
    story.restarts().does(["a#1 cancel j1"]);
    let late = Outcome::of(Value::map([("value", "late".into())])).cost(cost("0.04"));
    story.ends_as(key("a", 1), AttemptEnd::Succeeded(late));
    assert_eq!(story.run.status().word(), "cancelled");
    assert_eq!(story.run.cost(), "0.04".parse::<Money>().unwrap());
    assert_eq!(story.last("attempt_ended")["end"], "succeeded");
}

#[test]
fn the_reply_to_what_was_called_off_is_awaited_and_its_job_cancelled() {
    let mut story = job();
    story.cancels("enough").does(["a#1 submit"]);
    assert_eq!(story.run.status().word(), "running");
    story.accepts("a", 1, "j1").does(["a#1 cancel j1"]);
    assert_eq!(story.last("attempt_accepted_late"), json!({"step": "a", "attempt": 1, "job": "j1"}));
    story.ends_as(key("a", 1), AttemptEnd::Cancelled);
    assert_eq!(story.run.status().word(), "cancelled");
    // Nobody is there any more who could get the reply.
    let mut story = job();
    story.cancels("enough").restarts().does(["a#1 reconcile"]).reconciles("a", Found::Job("j1".into()));
    story.does(["a#1 cancel j1"]).ends_as(key("a", 1), AttemptEnd::Cancelled);
    for (found, end) in [(Found::Absent, "cancelled"), (Found::Unclear, "unknown")] {
        let mut story = job();
        story.cancels("enough").restarts().reconciles("a", found);
        assert_eq!(
            (story.last("attempt_ended")["end"].as_str(), story.run.status().word()),
            (Some(end), "cancelled")
        );
    }
}

/// A job that was made of it would run on, though nobody wants it.
#[test]
fn a_request_that_nobody_wants_any_more_is_looked_for_once_its_reply_is_known_not_to_come() {
    let ways: [fn(&mut Scenario); 2] =
        [|story| _ = story.ends_as(key("a", 1), unknown()), |story| _ = story.advances("10m")];
    for has_no_reply in ways {
        for is_restarted in [false, true] {
            let doubted = || {
                let mut story = job();
                has_no_reply(story.cancels("enough").does(["a#1 submit"]));
                if is_restarted {
                    story.restarts();
                }
                story.does(["a#1 reconcile"]).finds("a", "cancelled");
                assert_eq!(story.run.status().word(), "running");
                story
            };
            let mut story = doubted();
            story.reconciles("a", Found::Job("j1".into())).does(["a#1 cancel j1"]);
            let failure = Failure::unavailable("the job was cancelled");
            story.ends_as(key("a", 1), AttemptEnd::Failed { failure, cost: cost("0.02") });
            assert_eq!(story.run.status().word(), "cancelled");
            assert_eq!(story.run.cost(), "0.02".parse::<Money>().unwrap());
            for (found, end) in [(Found::Absent, "cancelled"), (Found::Unclear, "unknown")] {
                let mut story = doubted();
                story.reconciles("a", found);
                assert_eq!(story.last("attempt_ended")["end"], end);
                assert_eq!(story.run.status().word(), "cancelled");
            }
            // Nobody can say it in time.
            let mut story = doubted();
            story.advances("9m").does(["a#1 reconcile"]).advances("1m").works_on([]);
            assert_eq!(story.last("attempt_ended")["end"], "unknown");
            assert_eq!(story.run.status().word(), "cancelled");
        }
    }
}

#[test]
fn whoever_looks_for_what_nobody_wants_has_the_whole_time_for_that_after_a_restart() {
    let mut story = job();
    story.cancels("enough").advances("9m59s").restarts().advances("9m").does(["a#1 reconcile"]);
    story.restarts().advances("9m59s").does(["a#1 reconcile"]).advances("1s").works_on([]);
    assert_eq!(story.last("attempt_ended")["end"], "unknown");
}

#[test]
fn a_job_that_is_found_late_is_cancelled_for_as_long_as_any_other() {
    let mut story = job();
    story.cancels("enough").advances("9m59s").accepts("a", 1, "j1").does(["a#1 cancel j1"]);
    story.restarts().advances("9m59s").does(["a#1 cancel j1"]).advances("1s").works_on([]);
    assert_eq!(story.last("attempt_ended")["end"], "unknown");
}

/// What the host is given to look for a request by.
fn sought_by(story: &Scenario) -> Vec<Value> {
    let inputs = |command: Command| match command {
        Command::Perform(perform) if perform.act == Act::Reconcile => Some(perform.inputs),
        _ => None,
    };
    story.run.outstanding().into_iter().filter_map(inputs).collect()
}

/// Its job is told from others by nothing else: by other inputs a job of somebody else would be found, and cancelled.
#[test]
fn a_request_that_nobody_wants_any_more_is_looked_for_by_what_it_was_made_with() {
    let sent = Value::map([("n", Value::from(1))]);
    let mut called_off = with("with: { n: 1 }");
    called_off.cancels("enough").restarts().does(["a#1 reconcile"]);
    assert_eq!(sought_by(&called_off), std::slice::from_ref(&sent));

    let mut too_late = start("timeout: 1m\nsteps: { a: { uses: lab/job, with: { n: 1 } } }");
    too_late.advances("1m").restarts().does(["a#1 reconcile"]);
    assert_eq!(sought_by(&too_late), [sent]);
}

#[test]
fn an_answer_is_asked_about_until_it_can_not_be_in_the_making_any_more() {
    let policies = "timeout: { request: 30s, job: 4m }";
    let mut story = start(&format!("steps: {{ a: {{ uses: lab/answer, {policies} }} }}"));
    story.ends_as(key("a", 1), unknown()).advances("4m29s").does(["a#1 reconcile"]);
    story.advances("1s").finds("a", "parked");
    let mut job = with(policies);
    job.ends_as(key("a", 1), unknown()).advances("29s").does(["a#1 reconcile"]);
    job.advances("1s").finds("a", "parked");
}

#[test]
fn whoever_asks_after_a_restart_has_the_whole_time_for_that() {
    let mut story = with("timeout: { request: 30s }");
    story.advances("29s").restarts().advances("29s").does(["a#1 reconcile"]);
    story.restarts().advances("29s").does(["a#1 reconcile"]).advances("1s").finds("a", "parked");
}

#[test]
fn a_job_that_can_not_be_cancelled_does_not_hold_the_run_open() {
    let mut story = job();
    story.accepts("a", 1, "j1").cancels("enough").advances("9m").does(["a#1 cancel j1"]);
    story.advances("1m");
    assert_eq!(
        (story.last("attempt_ended")["end"].as_str(), story.run.status().word()),
        (Some("unknown"), "cancelled")
    );
    story.ignores(Input::Ended { key: key("a", 1), end: ok(json!("much later")) });
}

#[test]
fn the_parked_step_of_a_run_that_is_called_off_waits_no_longer() {
    let mut story = job();
    story.is_unclear("a", 1).cancels("enough").finds("a", "cancelled");
    assert_eq!(story.run.status().word(), "cancelled");
    assert_eq!(story.last("attempt_ended")["end"], "unknown");
}

#[test]
fn each_phase_has_its_own_time() {
    let times = "timeout: { request: 10s, queue: 1m, job: 5m }";
    let mut story = with(times);
    story.advances("10s").does(["a#1 reconcile"]).advances("10s").finds("a", "parked");
    assert_eq!(
        story.last("attempt_doubted")["failure"]["message"],
        "there was no reply within its `timeout`"
    );
    let message = "the provider did not say within its `timeout` whether it took the request";
    assert_eq!(story.last("step_parked")["message"], message);
    let mut story = with(times);
    story.advances("9s").accepts("a", 1, "j1").advances("59s").does(["a#1 poll j1"]);
    story.advances("1s").does(["a#1 cancel j1"]).ends_as(key("a", 1), AttemptEnd::Cancelled);
    story.is_lost("a", Class::Timeout);
    let mut story = with(times);
    story.accepts("a", 1, "j1").advances("50s").hears("a", JobNews::Running);
    story.advances("4m").does(["a#1 poll j1"]).advances("1m").does(["a#1 cancel j1"]);
    assert_eq!(story.last("attempt_failed")["failure"]["billed"], "maybe");
    let mut story = start("steps: { a: { uses: lab/answer, timeout: 3m } }");
    story.advances("179s").does(["a#1 submit"]).advances("1s").does(["a#1 reconcile"]);
}

#[test]
fn a_job_that_timed_out_is_paid_again_only_where_that_is_written() {
    let times_out = |policies: &str| {
        let mut story = with(policies);
        story.accepts("a", 1, "j1").advances("15m").ends_as(key("a", 1), AttemptEnd::Cancelled);
        story
    };
    times_out("retry: { backoff: 1s }, fallback: [{ uses: lab/answer }]").is_lost("a", Class::Timeout);
    times_out("fallback: [{ uses: task/work }]").does(["a#2 work"]);
    times_out("fallback: [{ uses: lab/answer, on: [timeout] }]").does(["a#2 submit"]);
    times_out("retry: { on: [timeout], backoff: 1s }").finds("a", "sleeping");
}

#[test]
fn a_call_that_may_be_sent_twice_is_sent_again_when_nobody_can_tell() {
    let mut story = start("steps: { a: { uses: lab/safe } }");
    story.is_unclear("a", 1).finds("a", "sleeping").advances("2s").does(["a#2 submit"]);
    story
        .accepts("a", 2, "j2")
        .advances("15m")
        .ends_as(key("a", 2), AttemptEnd::Cancelled)
        .finds("a", "sleeping");
}

fn request(policies: &str) -> Scenario {
    start(&format!("steps: {{ a: {{ uses: lab/request, {policies} }} }}"))
}

#[test]
fn a_request_that_means_the_same_twice_is_sent_again_and_nobody_is_asked() {
    let mut story = request("retry: { on: [unavailable], attempts: 2, backoff: 1s, jitter: false }");
    // A crash is no attempt that failed: there are two left.
    story.restarts().does(["a#1 reconcile"]).reconciles("a", Found::Unclear);
    story.advances("0s").does(["a#2 submit"]).is_unclear("a", 2);
    story.finds("a", "sleeping").advances("1s").does(["a#3 submit"]).is_unclear("a", 3);
    story.finds("a", "failed");
}

#[test]
fn a_request_that_may_act_twice_waits_for_a_person_however_cheap_it_is() {
    let mut story = pipeline("steps: { a: { uses: lab/order } }").resends("0.05", "0.50").start();
    story.grants("a").is_unclear("a", 1).finds("a", "parked");
}

#[test]
fn what_is_written_for_an_unknown_end_holds_for_every_request() {
    let mut story = request("on_unknown: park");
    story.restarts().reconciles("a", Found::Unclear).finds("a", "parked");
}

#[test]
fn others_go_on_beside_a_parked_step_and_then_the_run_is_parked() {
    let mut story = start(
        "
        timeout: 1h
        steps:
          a: { uses: lab/job }
          b: { uses: task/work }
          c: { uses: task/work, needs: a }
          nap: { uses: flow/sleep, with: { duration: 10m } }
        ",
    );
    story.is_unclear("a", 1).finds("a", "parked");
    assert_eq!(story.run.status().word(), "running");
    story.ends("b", json!(1)).advances("10m");
    assert_eq!(story.run.status().word(), "parked");
    // Its time stands still: of the hour, fifty minutes are left.
    story.advances("30h").restarts();
    assert_eq!(story.run.status().word(), "parked");
    story.resolves("a", Decision::Job("j1".into())).hears("a", JobNews::Running);
    assert_eq!(story.run.next_deadline().map(|due| due.since(story.now)), Some(Span::minutes(5)));
    story.hears("a", JobNews::Done).ends("a", json!(1)).works_on(["c#1"]);
    assert_eq!(story.run.next_deadline().map(|due| due.since(story.now)), Some(Span::minutes(5)));
    story.advances("5m");
    assert!(matches!(story.run.status(), RunStatus::Running | RunStatus::Failed { .. }));
    assert_eq!(story.count("run_parked"), 1);
}

#[test]
fn answers_for_what_never_was_or_is_over_or_is_called_otherwise_change_nothing() {
    let mut story = job();
    story.ignores(Input::Polled { key: key("a", 1), news: JobNews::Done });
    story.ignores(Input::Reconciled { key: key("a", 1), found: Found::Absent });
    story.ignores(Input::Resolve {
        step: motet_pipeline::StepPath::from_text("a"),
        decision: Decision::Send,
        by: "ada".into(),
    });
    story.accepts("a", 1, "j1");
    for wrong in [key("a", 0), key("a", 2), key("nobody", 1), key("", 1)] {
        story.ignores(Input::Accepted { key: wrong.clone(), job: "j1".into() });
        story.ignores(Input::Polled { key: wrong.clone(), news: JobNews::Lost });
        story.ignores(Input::Reconciled { key: wrong.clone(), found: Found::Unclear });
        story.ignores(Input::Ended { key: wrong, end: ok(json!(1)) });
    }
    story.ignores(Input::Accepted { key: key("a", 1), job: "another".into() });
    story.ignores(Input::Reconciled { key: key("a", 1), found: Found::Job("another".into()) });
    story.hears("a", JobNews::Done);
    story.ignores(Input::Polled { key: key("a", 1), news: JobNews::Running });
    story.ignores(Input::Polled { key: key("a", 1), news: JobNews::Done });
    story.ends("a", json!(1)).gives(json!({}));
    story.ignores(Input::Polled { key: key("a", 1), news: JobNews::Done });
    story.ignores(Input::Ended { key: key("a", 1), end: unknown() });
    story.ignores(Input::Resolve {
        step: motet_pipeline::StepPath::from_text("a"),
        decision: Decision::Fail,
        by: "ada".into(),
    });
}

#[test]
fn what_it_cost_what_it_used_and_what_it_warned_of_is_recorded() {
    let mut story = job();
    let outcome = Outcome::of(Value::map([("value", 1_i64.into())]))
        .cost(Cost::computed("0.04".parse().unwrap()))
        .used("images", 1.0)
        .warning("the prompt was rewritten");
    story.ends_as(key("a", 1), AttemptEnd::Succeeded(outcome)).gives(json!({}));
    assert_eq!(
        story.last("attempt_succeeded"),
        json!({"step": "a", "attempt": 1, "cost": {"amount": "0.04", "basis": "computed"}, "usage": {"images": 1.0}})
    );
    assert_eq!(
        story.last("attempt_warned"),
        json!({"step": "a", "attempt": 1, "message": "the prompt was rewritten"})
    );
    assert_eq!(story.run.cost().to_string(), "0.04");
}

#[test]
fn a_provider_that_refuses_costs_what_it_says() {
    let mut story = with("retry: { on: [unavailable], backoff: 1s, jitter: false }");
    let failure = Failure::new(Class::Unavailable, "no machine is free");
    story.ends_as(key("a", 1), AttemptEnd::Failed { failure, cost: cost("0.01") }).finds("a", "sleeping");
    assert_eq!(story.run.cost().to_string(), "0.01");
}
