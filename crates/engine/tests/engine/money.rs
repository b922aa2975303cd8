//! Money of a run: what is reserved, what is parked for want of it, and what is sent again because it is cheap.

use motet_engine::dispatcher::{Bill, Cause, Needs};
use motet_engine::{Allowance, Decision, Input, JobNews};
use motet_pipeline::{Class, Failure};
use serde_json::json;

use crate::scenario::{Scenario, bad, key, pipeline, start};

/// What the attempt of `a` asks for, in dollars, and under which caps.
fn asks(story: &Scenario, number: u32) -> (String, Vec<String>) {
    let needs: &Needs = &story.needing[&key("a", number)];
    let Bill { amount, caps } = &**needs.money.as_ref().expect("it needs money");
    (amount.to_string(), caps.iter().map(|cap| format!("{} ${}", cap.name, cap.limit)).collect())
}

fn is_denied(story: &mut Scenario, step: &str, number: u32) {
    story.queueing.remove(&key(step, number));
    story.tell(Input::Denied { key: key(step, number), cause: Cause::Budget("it is too dear".into()) });
}

fn funds(story: &mut Scenario, limit: Option<&str>) {
    let allowance = limit.map(|limit| Allowance::of(limit.parse().unwrap()));
    story.tell(Input::Fund { allowance, by: "ada".into() });
}

#[test]
fn a_call_asks_for_the_most_that_it_may_cost_under_all_caps_around_it() {
    let story = start("budget: 2\nsteps: { a: { uses: lab/dear } }");
    assert_eq!(asks(&story, 1), ("0.6".into(), vec!["run story $2".into()]));
    let story = start("steps: { a: { uses: lab/dear } }");
    assert_eq!(asks(&story, 1), ("0.6".into(), vec![]));
    let story = pipeline("budget: 2\nsteps: { a: { uses: lab/dear } }").budget("0.70").start();
    assert_eq!(asks(&story, 1), ("0.6".into(), vec!["run story $0.7".into()]));
    let story = pipeline("budget: 2\nsteps: { in: { uses: ./part.yaml } }")
        .file("part.yaml", "budget: 1\nsteps: { a: { uses: lab/dear } }")
        .start();
    let needs = &story.needing[&key("in/a", 1)];
    let caps = &needs.money.as_ref().unwrap().caps;
    let caps: Vec<_> = caps.iter().map(|cap| format!("{} ${}", cap.name, cap.limit)).collect();
    assert_eq!(caps, ["run story $2", "run story in $1"]);
}

#[test]
fn a_step_of_a_quote_has_a_cap_of_its_own_until_somebody_sets_a_budget() {
    let steps = "steps:\n  shots: { each: [x], key: \"{{ item }}\", steps: { a: { uses: lab/dear } } }\n  b: { uses: lab/dear }";
    let mut story = pipeline(steps).budget("2").quoted("shots/a", "0.5").start();
    let caps = |story: &Scenario, step: &str| -> Vec<String> {
        let needs = &story.needing[&key(step, 1)];
        let caps = &needs.money.as_ref().unwrap().caps;
        caps.iter().map(|cap| format!("{} ${}", cap.name, cap.limit)).collect()
    };
    let quoted = ["run story as quoted for shots/a $0.5", "run story $2"];
    assert_eq!(caps(&story, "shots[x]/a"), quoted);
    assert_eq!(caps(&story, "b"), ["run story $2"], "its price was known");
    is_denied(&mut story, "shots[x]/a", 1);
    story.restarts();
    funds(&mut story, None);
    assert_eq!(caps(&story, "shots[x]/a"), quoted, "it asks again by the same quote");
    is_denied(&mut story, "shots[x]/a", 1);
    funds(&mut story, Some("2"));
    assert_eq!(story.last("run_budget_set"), json!({"limit": "2", "by": "ada"}));
    assert_eq!(caps(&story, "shots[x]/a"), ["run story $2"]);
}

#[test]
fn the_estimate_is_recorded_before_the_call_leaves() {
    let mut story = start("steps: { a: { uses: lab/cheap } }");
    story.grants("a").does(["a#1 submit"]);
    assert_eq!(story.last("attempt_planned")["estimate"], "0.04");
}

#[test]
fn what_there_is_no_money_for_is_parked_and_asks_again_once_there_is() {
    let mut story =
        pipeline("steps: { a: { uses: lab/dear }, b: { uses: task/work } }").budget("0.5").start();
    is_denied(&mut story, "a", 1);
    story.finds("a", "parked");
    assert_eq!(
        story.last("step_parked"),
        json!({"step": "a", "reason": "budget", "message": "it is too dear"})
    );
    assert_eq!(story.run.status().word(), "running", "another step goes on");
    story.ends("b", json!(1));
    assert_eq!(story.last("run_parked"), json!({"reason": "budget"}));
    story.restarts().finds("a", "parked");
    funds(&mut story, Some("0.75"));
    story.finds("a", "waiting");
    assert_eq!(asks(&story, 1), ("0.6".into(), vec!["run story $0.75".into()]));
    story.grants("a").accepts("a", 1, "j1").hears("a", JobNews::Done).ends("a", json!(1)).gives(json!({}));
}

#[test]
fn it_may_ask_again_without_more_money_of_its_own() {
    let mut story = start("steps: { a: { uses: lab/dear } }");
    is_denied(&mut story, "a", 1);
    funds(&mut story, None);
    story.finds("a", "waiting");
    assert_eq!((story.count("run_budget_set"), story.count("step_funded")), (0, 1));
    is_denied(&mut story, "a", 1);
    story.finds("a", "parked");
    assert_eq!(story.count("run_parked"), 2);
}

#[test]
fn want_of_money_is_no_failure_so_no_fallback_is_taken_for_it() {
    let mut story = start("steps: { a: { uses: lab/dear, fallback: [{ uses: task/work }] } }");
    is_denied(&mut story, "a", 1);
    story.finds("a", "parked");
}

#[test]
fn a_cheap_call_of_which_nobody_can_tell_is_sent_again_and_said_so() {
    let mut story = pipeline("steps: { a: { uses: lab/cheap } }").resends("0.05", "0.50").start();
    story.grants("a").is_unclear("a", 1).finds("a", "sleeping");
    let failed = story.last("attempt_failed");
    assert_eq!(
        (&failed["resent"], &failed["cost"]),
        (&json!(true), &json!({"amount": "0.04", "basis": "maybe"}))
    );
    assert_eq!(
        story.last("retry_scheduled")["reason"],
        "unknown: it may have cost $0.04, which is little enough to send it again"
    );
    story.restarts().advances("1s").grants("a").does(["a#2 submit"]);
    assert_eq!(story.run.cost().to_string(), "0.04");
}

/// A list may not tell the first request from the second, so whoever went on looking might take the job of that.
#[test]
fn what_is_sent_again_is_looked_for_no_more() {
    let no_reply = || bad(Class::Unknown);
    let mut story = pipeline("steps: { a: { uses: lab/cheap } }").resends("0.05", "0.50").start();
    story.grants("a").ends_as(key("a", 1), no_reply()).does(["a#1 reconcile"]);
    story.advances("2m").finds("a", "sleeping").works_on([]);
    // What is parked may still be reported, until somebody decides.
    let mut story = pipeline("steps: { a: { uses: lab/dear } }").resends("0.05", "0.50").start();
    story.grants("a").ends_as(key("a", 1), no_reply());
    story.advances("2m").finds("a", "parked").does(["a#1 reconcile"]);
    story.resolves("a", Decision::Send).works_on([]);
}

#[test]
fn a_dear_call_is_parked_as_is_the_one_that_would_be_too_many() {
    let mut story = pipeline("steps: { a: { uses: lab/dear } }").resends("0.05", "0.50").start();
    story.grants("a").is_unclear("a", 1).finds("a", "parked");
    let mut story = pipeline("steps: { a: { uses: lab/cheap } }").resends("0.05", "0.07").start();
    story.grants("a").is_unclear("a", 1).advances("1s").grants("a").is_unclear("a", 2).finds("a", "parked");
    let mut story = pipeline("steps: { a: { uses: lab/cheap } }").resends("0.05", "0.50").start();
    story.grants("a").is_unclear("a", 1).advances("1s").grants("a").is_unclear("a", 2).advances("1s");
    story.grants("a").is_unclear("a", 3).finds("a", "parked");
    let mut story =
        pipeline("steps: { a: { uses: lab/cheap, on_unknown: park } }").resends("0.05", "1").start();
    story.grants("a").is_unclear("a", 1).finds("a", "parked");
    let mut story = start("steps: { a: { uses: lab/cheap } }");
    story.grants("a").is_unclear("a", 1).finds("a", "parked");
}

#[test]
fn while_a_provider_is_left_alone_a_call_waits_unless_there_is_another_target() {
    let story = start("steps: { a: { uses: lab/job } }");
    assert!(story.sent.is_empty() || story.sent[&key("a", 1)] == 1);
    let waits = |steps: &str| {
        let story = start(steps);
        let needs = story.needing.values().chain(story.working.values().map(|perform| &perform.needs)).next();
        needs.and_then(|needs| needs.breaker.as_ref()).map(|way| (way.target.to_string(), way.waits))
    };
    assert_eq!(waits("steps: { a: { uses: lab/dear } }"), Some(("lab".into(), true)));
    let with_fallback = "steps: { a: { uses: lab/dear, fallback: [{ uses: task/work }] } }";
    assert_eq!(waits(with_fallback), Some(("lab".into(), false)));
    let mut story = start(with_fallback);
    story.denies("a", Failure::new(Class::Unavailable, "lab failed too often")).works_on(["a#1"]);
}

/// Twelve thousandths of a dollar are reserved: three times four seconds.
#[test]
fn a_job_that_is_billed_by_time_is_called_off_when_what_is_reserved_is_used_up() {
    let mut story = start("steps: { a: { uses: lab/timed, timeout: { job: 1h } } }");
    story.grants("a").accepts("a", 1, "j1").hears("a", JobNews::Running);
    story.advances("11s").does(["a#1 poll j1"]).advances("1s").does(["a#1 cancel j1"]);
    let mut story = start("steps: { a: { uses: lab/timed, timeout: { job: 5s } } }");
    story.grants("a").accepts("a", 1, "j1").hears("a", JobNews::Running);
    story.advances("5s").does(["a#1 cancel j1"]);
}
