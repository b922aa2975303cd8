//! Slots: asked for by an attempt, given back whatever comes of it.

use motet_engine::{Command, Input, Resource};
use motet_pipeline::{Class, Timestamp};
use serde_json::json;

use crate::scenario::{key, start};

const RETRIED: &str =
    "steps: { a: { uses: media/work, retry: { on: [unavailable], backoff: 1s, jitter: false } } }";

#[test]
fn a_doubled_grant_starts_nothing_while_the_step_waits_for_another_slot() {
    let mut story = start(RETRIED);
    story.grants("a").fails("a", Class::Unavailable).advances("1s").finds("a", "waiting");
    story.tell(Input::Granted { key: key("a", 1) }).finds("a", "waiting").works_on([]);
    story.tell(Input::Granted { key: key("a", 2) }).works_on(["a#2"]);
}

/// What a grant that is told to the run of `story` leads to.
fn answer(story: &mut crate::scenario::Scenario, step: &str, number: u32) -> String {
    let reaction = story.run.handle(story.now, Input::Granted { key: key(step, number) });
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
    assert_eq!(story.working[&key("a", 1)].resource, Some(Resource::Processor));
    assert_eq!(story.working[&key("b", 1)].resource, None);
}
