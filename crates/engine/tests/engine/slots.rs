//! Slots: asked for by an attempt, given back whatever comes of it.

use motet_engine::dispatcher::Needs;
use motet_engine::{Command, Input};
use motet_pipeline::{Class, Failure, Timestamp};
use serde_json::json;

use crate::scenario::{key, start};

const RETRIED: &str =
    "steps: { a: { uses: media/work, retry: { on: [unavailable], backoff: 1s, jitter: false } } }";

#[test]
fn a_doubled_grant_starts_nothing_while_the_step_waits_for_another_slot() {
    let mut story = start(RETRIED);
    story.grants("a").fails("a", Class::Unavailable).advances("1s").finds("a", "waiting");
    story.tell(Input::Granted { key: key("a", 1), intent: None }).finds("a", "waiting").works_on([]);
    story.tell(Input::Granted { key: key("a", 2), intent: None }).works_on(["a#2"]);
}

/// What a grant that is told to the run of `story` leads to.
fn answer(story: &mut crate::scenario::Scenario, step: &str, number: u32) -> String {
    let reaction = story.run.handle(story.now, Input::Granted { key: key(step, number), intent: None });
    assert_eq!(reaction.turn, None);
    reaction.commands.iter().map(word).collect()
}

fn word(command: &Command) -> String {
    match command {
        Command::Acquire { key, .. } => format!("acquire {key}"),
        Command::Perform(perform) => format!("perform {}", perform.key),
        Command::Stop { key } => format!("stop {key}"),
        Command::Release { key } => format!("release {key}"),
    }
}

#[test]
fn a_grant_that_is_of_no_use_is_given_back_and_one_told_twice_is_not() {
    let mut story = start(RETRIED);
    assert_eq!(answer(&mut story, "a", 2), "release a#2", "it waits for the slot of its first attempt");
    assert_eq!(answer(&mut story, "nobody", 1), "release nobody#1");
    story.grants("a");
    assert_eq!(answer(&mut story, "a", 1), "", "the attempt at work has it");
    story.fails("a", Class::Unavailable);
    assert_eq!(answer(&mut story, "a", 1), "release a#1");
    story.cancels("enough");
    assert_eq!(story.run.status().word(), "cancelled");
    assert_eq!(answer(&mut story, "a", 2), "release a#2", "also after the end");
}

#[test]
fn an_attempt_that_was_told_to_stop_keeps_its_slot_until_it_has_ended() {
    let mut story = start("steps: { a: { uses: media/work }, b: { uses: task/work } }");
    story.grants("a").cancels("enough").stops(["a#1", "b#1"]);
    assert_eq!(answer(&mut story, "a", 1), "");
}

#[test]
fn after_a_restart_a_call_that_was_given_up_holds_what_its_own_target_needs() {
    let mut story = start(
        "
        steps:
          a: { uses: lab/dear, timeout: { queue: 1m }, retry: { attempts: 1 }, fallback: [{ uses: task/work }] }",
    );
    story.grants("a").tell(Input::Accepted { key: key("a", 1), job: "j1".into() });
    story.advances("2m").works_on(["a#1", "a#2"]);
    for restarts in 0..2 {
        let needs = &story.working[&key("a", 1)].needs;
        let money = needs.money.as_ref().map(|bill| bill.amount.to_string());
        assert_eq!((money.as_deref(), needs.breaker.is_some()), (Some("0.6"), true), "{restarts}");
        story.restarts();
    }
}

#[test]
fn a_step_that_is_called_off_while_it_waits_gives_its_claim_back() {
    let mut story = start(
        "steps: { a: { uses: media/work }, t: { uses: media/work, timeout: { total: 5s } }, b: { uses: task/work } }",
    );
    let late = story.run.handle(Timestamp(story.now.0 + 5_000), Input::Tick);
    let told: Vec<_> = late.commands.iter().map(word).collect();
    assert_eq!(told, ["release t#1", "release a#1", "stop b#1"]);
}

#[test]
fn what_is_called_off_in_the_turn_in_which_it_would_ask_or_begin_never_does() {
    let text = r#"
        steps:
          a: { uses: task/work }
          b: { each: [1, 2], uses: media/work, needs: a }
          c: { uses: flow/fail, needs: a, with: { message: "no" } }
        "#;
    let mut story = start(text);
    let reaction =
        story.run.handle(story.now, Input::Ended { key: key("a", 1), end: crate::scenario::ok(json!(1)) });
    assert!(reaction.commands.is_empty(), "{:?}", reaction.commands);
}

#[test]
fn work_tells_what_it_holds_also_when_it_is_taken_up() {
    let mut story = start("steps: { a: { uses: media/work }, b: { uses: task/work } }");
    story.grants("a").crashes();
    assert_eq!(story.working[&key("a", 1)].needs, Needs::processor());
    assert_eq!(story.working[&key("b", 1)].needs, Needs::default());
}

#[test]
fn a_step_asks_for_all_that_its_target_needs_at_once() {
    let text = r#"
        steps:
          a: { uses: media/work, pool: gpu, fallback: [{ uses: task/work, pool: other }, { uses: media/work, on: any }] }
          b: { uses: task/work, pool: gpu, each: [1, 2] }
          c: { uses: task/work }
        "#;
    let mut story = start(text);
    let asked = |story: &crate::scenario::Scenario, step: &str| -> Vec<String> {
        let told = |command| match command {
            Command::Acquire { key, needs } => Some(format!("{key}: {needs}")),
            _ => None,
        };
        let asked = story.run.outstanding().into_iter().filter_map(told);
        asked.filter(|words| words.starts_with(step)).collect()
    };
    assert_eq!(asked(&story, "a"), ["a#1: a processor and a place in the pool `gpu`"]);
    assert_eq!(
        asked(&story, "b"),
        ["b[0]#1: a place in the pool `gpu`", "b[1]#1: a place in the pool `gpu`"]
    );
    story.works_on(["c#1"]).grants("a").fails("a", Class::Gone);
    assert_eq!(asked(&story, "a"), ["a#2: a place in the pool `other`"], "a fallback says its own");
    story.grants("a").fails("a", Class::Invalid);
    assert_eq!(asked(&story, "a"), ["a#3: a processor"]);
}

#[test]
fn a_denied_step_turns_to_its_next_target_at_once() {
    let text = r#"
        steps: { a: { uses: media/work, pool: gpu, retry: { attempts: 3 }, fallback: [{ uses: task/work }] } }
        "#;
    let mut story = start(text);
    let later = story.now.after(crate::scenario::span("1m"));
    story.denies("a", Failure::unavailable("it is left alone for a while").retry_at(later));
    story.works_on(["a#1"]).ends("a", json!(1));
    assert_eq!(
        story.story_of("a"),
        [
            "step_ready",
            "fallback_taken",
            "target_ready",
            "attempt_planned",
            "attempt_succeeded",
            "step_completed"
        ]
    );
    assert_eq!(story.last("fallback_taken")["reason"], "unavailable: it is left alone for a while");
}

#[test]
fn a_denied_step_without_another_target_sleeps_until_it_may_ask_again_and_no_attempt_is_counted() {
    let mut story =
        start("steps: { a: { uses: media/work, retry: { attempts: 2, backoff: 1s, jitter: false } } }");
    for _ in 0..3 {
        let later = story.now.after(crate::scenario::span("1m"));
        story.denies("a", Failure::unavailable("it is left alone").retry_at(later)).finds("a", "sleeping");
        story.advances("59s").finds("a", "sleeping").crashes().advances("1s").finds("a", "waiting");
    }
    story.grants("a").works_on(["a#1"]).fails("a", Class::Unavailable).advances("1s");
    let later = story.now.after(crate::scenario::span("1m"));
    story.denies("a", Failure::unavailable("it is left alone").retry_at(later)).advances("1m");
    story.grants("a").works_on(["a#2"]).fails("a", Class::Unavailable).is_lost("a", Class::Unavailable);
}

#[test]
fn a_step_that_is_denied_for_good_or_for_too_long_fails() {
    let mut story = start("steps: { a: { uses: media/work } }");
    story.denies("a", Failure::new(Class::Quota, "there is no money")).is_lost("a", Class::Quota);
    let mut story = start("steps: { a: { uses: media/work, timeout: { total: 30s } } }");
    let later = story.now.after(crate::scenario::span("1m"));
    story
        .denies("a", Failure::unavailable("it is left alone").retry_at(later))
        .is_lost("a", Class::Unavailable);
}
