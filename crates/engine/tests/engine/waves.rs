//! Turns are bounded: what doesn't fit into one is done in the next ones, and a crash in between changes
//! nothing.

use motet_engine::{AttemptEnd, AttemptEvent, AttemptKey, Event, Run, RunEvent, StepEvent, StepStatus, Turn};
use motet_pipeline::{Class, Cost, Outcome, StepPath};
use serde_json::json;

use crate::scenario::{Scenario, Setting, Watch, key, ok, pipeline};

const MEBIBYTE: usize = 1 << 20;

/// A fan-out of this many items.
fn fan_out(policies: &str, count: usize) -> Setting {
    let text = format!(
        "
        inputs: {{ list: {{ type: array }} }}
        steps:
          fan: {{ each: \"{{{{ inputs.list }}}}\", uses: task/work, with: {{ x: \"{{{{ item }}}}\" }}, {policies} }}
        outputs: {{ n: \"{{{{ steps.fan.items | length }}}}\" }}
        "
    );
    pipeline(&text).inputs(json!({ "list": (0..count).collect::<Vec<_>>() }))
}

/// The longest turn but the first and the one with the list, whose values are the caller's own.
fn longest_turn(story: &Scenario) -> usize {
    let holds_list = |event: &Event| {
        matches!(
            event,
            Event::Run(RunEvent::Started(_)) | Event::Step { event: StepEvent::Expanded { .. }, .. }
        )
    };
    let bytes = |turn: &Turn| {
        let events = turn.events.iter().filter(|event| !holds_list(event));
        events.map(|event| serde_json::to_vec(event).unwrap().len()).sum::<usize>()
    };
    story.journal.iter().map(bytes).max().unwrap_or(0)
}

#[test]
fn many_items_begin_in_waves_none_of_which_is_a_long_turn() {
    let mut story = fan_out("quorum: all", 20_000).start_watched(Watch::Not);
    assert_eq!(story.working.len(), 20_000);
    assert!(story.journal.len() > 5, "{} turns", story.journal.len());
    assert!(longest_turn(&story) < MEBIBYTE, "{}", longest_turn(&story));
    for item in 0..20_000 {
        story.ends_as(key(&format!("fan[{item}]"), 1), ok(json!(1)));
    }
    story.gives(json!({ "n": 20_000 }));
}

#[test]
fn steps_that_take_long_to_evaluate_are_spread_over_turns() {
    // Each costs about half of what an evaluation may.
    let heavy = "{{ range(90000) | map('string') | join | length + item }}";
    let text = format!(
        "
        inputs: {{ list: {{ type: array }} }}
        steps:
          fan: {{ each: \"{{{{ inputs.list }}}}\", uses: data/transform, with: {{ value: \"{heavy}\" }} }}
        outputs: {{ last: \"{{{{ (steps.fan.items | last).value }}}}\" }}
        "
    );
    let list = json!({ "list": (0..40).collect::<Vec<_>>() });
    let mut story = pipeline(&text).inputs(list).start_watched(Watch::Not);
    let ready = |turn: &Turn| {
        let is_item = |event: &&Event| matches!(event, Event::Step { event: StepEvent::Ready { .. }, step } if step.as_item().is_some());
        turn.events.iter().filter(is_item).count()
    };
    let most = story.journal.iter().map(ready).max().unwrap();
    assert!((1..20).contains(&most), "{most} of 40 in one turn");
    story.gives(json!({ "last": 438_890 + 39 }));
}

#[test]
fn an_item_that_has_not_begun_has_no_part() {
    let story = fan_out("max_parallel: 3", 20_000).start_watched(Watch::Not);
    let parts = story.run.parts();
    assert_eq!(parts.keys().filter(|name| name.starts_with("step:fan[")).count(), 3);
    let status = |path: &str| story.run.step_status(&StepPath::from_text(path));
    assert_eq!(status("fan[2]"), Some(StepStatus::Running));
    assert_eq!(status("fan[19999]"), Some(StepStatus::Pending));
    assert_eq!(status("fan[20000]"), None);
}

/// The most items that were open at one time.
fn most_open(story: &Scenario) -> usize {
    let (mut open, mut most) = (0, 0_usize);
    for event in story.events() {
        if let Event::Step { step, event } = event
            && step.as_item().is_some()
        {
            match event {
                StepEvent::Ready { .. } | StepEvent::Expanded { .. } => open += 1,
                StepEvent::Completed { .. } => open -= 1,
                _ => {}
            }
        }
        most = most.max(open);
    }
    most
}

#[test]
fn what_has_begun_goes_on_before_more_begins() {
    let groups = "
        inputs: { list: { type: array } }
        steps:
          fan:
            each: \"{{ inputs.list }}\"
            steps:
              double: { uses: data/transform, with: { value: \"{{ item * 2 }}\" } }
              one_more: { uses: data/transform, with: { value: \"{{ steps.double.value + 1 }}\" } }
            outputs: { sum: \"{{ steps.one_more.value }}\" }
        outputs: { last: \"{{ (steps.fan.items | last).sum }}\" }
        ";
    let list = json!({ "list": (0..5_000).collect::<Vec<_>>() });
    let mut story = pipeline(groups).inputs(list).start_watched(Watch::Not);
    assert_eq!(most_open(&story), 1);
    story.gives(json!({ "last": 9_999 }));

    let nested = groups.replace(
        "double: {",
        "inner: { each: \"{{ range(100) }}\", as: n, steps: { add: { uses: data/transform, with: { value: \"{{ n }}\" } } } }
              double: {",
    );
    let mut story =
        pipeline(&nested).inputs(json!({ "list": (0..100).collect::<Vec<_>>() })).start_watched(Watch::Not);
    assert_eq!(most_open(&story), 2, "an item, and one inside of it");
    story.gives(json!({ "last": 199 }));
}

#[test]
fn a_run_is_called_off_in_waves_and_ends_once_all_of_it_is() {
    let mut story = fan_out("quorum: all", 20_000).start_watched(Watch::Not);
    story.cancels("enough");
    assert!(story.working.is_empty());
    assert!(longest_turn(&story) < MEBIBYTE, "{}", longest_turn(&story));
    assert_eq!(story.run.status().word(), "running", "its attempts have not ended");
    assert_eq!(story.count("step_cancelled"), 20_001);
    story.drains();
    assert_eq!(story.run.status().word(), "cancelled");
}

#[test]
fn many_that_wake_at_once_go_on_in_waves() {
    let text = "
        inputs: { list: { type: array } }
        steps: { fan: { each: \"{{ inputs.list }}\", uses: flow/sleep, with: { duration: 10s } } }
        ";
    let list: Vec<_> = (0..20_000).collect();
    let mut story = pipeline(text).inputs(json!({ "list": list })).start_watched(Watch::Not);
    story.leaps("10s");
    assert_eq!(story.run.status().word(), "completed");
    assert!(longest_turn(&story) < MEBIBYTE, "{}", longest_turn(&story));
}

#[test]
fn a_crash_between_two_waves_loses_none_of_the_rest() {
    let whole = fan_out("quorum: all", 100).turns_of(2_000).start_watched(Watch::Not);
    assert!(whole.journal.len() > 10);
    for turns in 1..=whole.journal.len() {
        let mut story = fan_out("quorum: all", 100).turns_of(2_000).start_watched(Watch::Not);
        story.journal.truncate(turns);
        story.working.clear();
        story.crashes();
        assert_eq!(story.working.len(), 100, "after {turns} turns");
        for item in 0..100 {
            story.ends_as(key(&format!("fan[{item}]"), 1), ok(json!(1)));
        }
        story.gives(json!({ "n": 100 }));
    }
}

#[test]
fn a_crash_while_a_run_is_called_off_calls_off_the_rest() {
    let mut story = fan_out("quorum: all", 100).turns_of(2_000).start_watched(Watch::Not);
    let before = story.journal.len();
    story.cancels("enough");
    let whole = story.journal.clone();
    for turns in before + 1..=whole.len() {
        let graph = story.run.graph().clone();
        let mut again = fan_out("quorum: all", 100).turns_of(2_000).start_watched(Watch::Not);
        again.run = Run::replay(graph, &whole[..turns]).unwrap();
        again.journal = whole[..turns].to_vec();
        again.working.clear();
        again.crashes();
        assert!(again.working.is_empty(), "after {turns} turns");
        again.drains();
        assert_eq!(again.run.status().word(), "cancelled");
        assert_eq!(again.count("step_cancelled"), 101);
    }
}

/// A wave of calling off has not come to an item yet, and its attempt ends: its result is booked and
/// kept, as that of any attempt which nobody waits for any more.
#[test]
fn a_result_that_comes_before_its_item_is_called_off_is_never_joined() {
    let text = "quorum: 2, early: true";
    let mut story = fan_out(text, 40).turns_of(1_000).start_watched(Watch::Not);
    story.ends("fan[0]", json!("A"));
    let end = |step: &str| motet_engine::Input::Ended { key: key(step, 1), end: ok(json!("B")) };
    let reaction = story.run.handle(story.now, end("fan[1]"));
    story.working.remove(&key("fan[1]", 1));
    story.take_in(reaction);
    assert_eq!(story.run.step_status(&StepPath::from_text("fan")), Some(StepStatus::Completed));
    assert_eq!(story.run.step_status(&StepPath::from_text("fan[39]")), Some(StepStatus::Running));
    story.comes_to("fan[39]", ok(json!("late")));
    story.finds("fan[39]", "cancelled").drains();
    let late = story.events().find_map(|event| match event {
        Event::Attempt { key: AttemptKey { step, .. }, event: AttemptEvent::Ended { output, .. } }
            if step.as_str() == "fan[39]" =>
        {
            output.clone()
        }
        _ => None,
    });
    assert_eq!(late.unwrap().to_json(), json!({ "value": "late" }));
    story.gives(json!({ "n": 2 }));
}

#[test]
fn nothing_begins_anew_inside_of_what_is_being_called_off() {
    let text = "quorum: any, early: true, retry: { on: [unavailable], backoff: 1m, jitter: false }";
    let mut story = fan_out(text, 40).turns_of(1_000).start_watched(Watch::Not);
    for item in 1..40 {
        story.fails(&format!("fan[{item}]"), Class::Unavailable);
    }
    story.now = story.now.after(crate::scenario::span("2m"));
    let good = AttemptEnd::Succeeded(
        Outcome::of(motet_pipeline::Value::map([("value", "A".into())]))
            .cost(Cost::billed(Default::default())),
    );
    story.ends_as(key("fan[0]", 1), good);
    story.works_on([]).gives(json!({ "n": 1 }));
}

#[test]
fn a_group_that_is_called_off_in_waves_leaves_nothing_open() {
    let text = r#"
        inputs: { list: { type: array } }
        steps:
          fan:
            each: "{{ inputs.list }}"
            quorum: any
            early: true
            steps:
              a: { uses: task/work }
              b: { uses: task/work, with: { x: "{{ steps.a.value }}" } }
            outputs: { v: "{{ steps.b.value }}" }
        "#;
    let list: Vec<_> = (0..30).collect();
    let setting = || pipeline(text).inputs(json!({ "list": list.clone() })).turns_of(300);
    let mut story = setting().start_watched(Watch::Loosely);
    story.ends("fan[0]/a", json!(1)).ends("fan[0]/b", json!(2)).finds("fan", "completed").drains();
    assert_eq!(story.run.status().word(), "completed");
    for item in 1..30 {
        story.finds(&format!("fan[{item}]"), "cancelled").finds(&format!("fan[{item}]/b"), "cancelled");
    }
}
