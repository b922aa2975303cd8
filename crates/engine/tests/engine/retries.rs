//! Attempts: when the same target is tried again, and when not.

use motet_engine::{AttemptEnd, retry};
use motet_pipeline::plan::{RetryRule, TimeoutChange};
use motet_pipeline::{Class, Cost, Failure, Span, StepPath, Timestamp};
use serde_json::json;

use crate::scenario::{DAWN, Scenario, pipeline, span, start};

fn one(policies: &str) -> Scenario {
    start(&format!("steps: {{ a: {{ uses: task/work, {policies} }} }}"))
}

#[test]
fn a_task_is_tried_once_and_a_model_three_times() {
    one("description: a task").fails("a", Class::Unavailable).is_lost("a", Class::Unavailable);
    let mut story = start("steps: { a: { uses: lab/first, with: { prompt: x } } }");
    story.fails("a", Class::Unavailable).advances("1s").fails("a", Class::Timeout).advances("2s");
    story.works_on(["a#3"]).fails("a", Class::Unavailable).is_lost("a", Class::Unavailable);
}

#[test]
fn only_the_classes_that_a_rule_names_are_tried_again() {
    for class in Class::ALL {
        let mut story = start("steps: { a: { uses: lab/first, with: { prompt: x } } }");
        story.fails("a", class);
        let again = [Class::Throttled, Class::Unavailable, Class::Timeout].contains(&class);
        assert_eq!(story.run.status().word() == "running", again, "{class}");
    }
}

#[test]
fn pauses_grow_by_the_factor_up_to_the_longest() {
    let mut story = one(
        "retry: { attempts: 5, on: [unavailable], backoff: 1s, factor: 3, max_backoff: 5s, jitter: false }",
    );
    for (number, pause) in [(2, "1s"), (3, "3s"), (4, "5s"), (5, "5s")] {
        let before = span(pause).0 - 1;
        story.fails("a", Class::Unavailable).finds("a", "sleeping");
        story.advances(&format!("{before}ms")).works_on([]);
        story.advances("1ms").works_on([&format!("a#{number}")]);
    }
    story.fails("a", Class::Unavailable).is_lost("a", Class::Unavailable);
}

#[test]
fn the_first_rule_that_names_the_class_holds() {
    let rules = "retry: [{ on: [timeout], attempts: 2, timeout: 2x, backoff: 1ms, jitter: false }, { on: [unavailable, timeout], attempts: 9, backoff: 5s, factor: 1, jitter: false }]";
    let mut story = one(&format!("timeout: 1m, {rules}"));
    assert_eq!(story.time_left("a"), Span::minutes(1));
    story.fails("a", Class::Unavailable).advances("5s").works_on(["a#2"]);
    assert_eq!(story.time_left("a"), Span::minutes(1));
    story.advances("1m").drains().is_lost("a", Class::Timeout);
    let mut story = one(&format!("timeout: 1m, {rules}"));
    story.advances("1m").stops(["a#1"]).advances("1ms").works_on(["a#2"]);
    assert_eq!(story.time_left("a"), Span::minutes(2));
}

#[test]
fn retry_after_is_honoured_however_long_and_is_no_attempt() {
    let mut story = one("retry: { attempts: 2, on: [throttled, unavailable], backoff: 1s, jitter: false }");
    for number in 1..=3 {
        story.works_on([&format!("a#{number}")]);
        let told = story.now.after(span("3h"));
        let failure = Failure::new(Class::Throttled, "slow down").retry_at(told);
        story.comes_to("a", AttemptEnd::Failed { failure, cost: Cost::NONE });
        assert_eq!(story.run.next_deadline(), Some(told));
        assert_eq!(story.last("retry_scheduled")["counted"], json!(false));
        story.advances("3h");
    }
    story.fails("a", Class::Unavailable).advances("1s").works_on(["a#5"]);
    story.fails("a", Class::Unavailable).is_lost("a", Class::Unavailable);
}

#[test]
fn a_throttled_answer_waits_as_it_says_also_where_no_rule_asks_for_retries() {
    let mut story = one("description: a task");
    let failure = Failure::new(Class::Throttled, "slow down").retry_at(DAWN.after(span("1m")));
    story.comes_to("a", AttemptEnd::Failed { failure, cost: Cost::NONE }).finds("a", "sleeping");
    story.advances("1m").ends("a", json!(1)).gives(json!({}));
    one("description: a task").fails("a", Class::Throttled).is_lost("a", Class::Throttled);
}

#[test]
fn a_pause_beyond_a_deadline_is_not_begun() {
    for (at, deadline) in [("timeout: { total: 1h }", ""), ("description: x", "timeout: 1h")] {
        let mut story = start(
            &format!("{deadline}\n        steps: {{ a: {{ uses: task/work, {at} }} }}")
                .replace("\n        ", "\n"),
        );
        let failure = Failure::new(Class::Throttled, "slow down").retry_at(DAWN.after(span("1h")));
        story.comes_to("a", AttemptEnd::Failed { failure, cost: Cost::NONE }).is_lost("a", Class::Throttled);
    }
    let mut story = start("steps: { g: { timeout: 1h, steps: { a: { uses: task/work } } } }");
    let failure = Failure::new(Class::Throttled, "slow down").retry_at(DAWN.after(span("1h")));
    story.comes_to("g/a", AttemptEnd::Failed { failure, cost: Cost::NONE }).is_lost("g/a", Class::Throttled);
}

#[test]
fn a_check_that_does_not_hold_is_a_bad_output_with_its_message() {
    let mut story = one(
        r#"retry: { on: [bad_output], attempts: 2, backoff: 1ms, jitter: false }, check: [{ that: "{{ output.value }}" }, { that: "{{ output.value >= 512 }}", message: "{{ output.value }} is too small" }]"#,
    );
    story.ends("a", json!(100)).advances("1ms").works_on(["a#2"]);
    assert_eq!(
        story.last("attempt_failed")["failure"],
        json!({"class": "bad_output", "message": "100 is too small"})
    );
    story.ends("a", json!(0)).is_lost("a", Class::BadOutput);
    assert_eq!(story.last_words(), "a check of the step did not hold");
}

#[test]
fn a_result_that_does_not_fit_the_contract_is_a_bad_output() {
    let mut story = start("steps: { a: { uses: lab/first, with: { prompt: x }, optional: true } }");
    story.comes_to("a", crate::scenario::outputs(json!({"text": 5}))).gives(json!({}));
    assert_eq!(story.last("attempt_failed")["failure"]["class"], json!("bad_output"));
    let mut story = start("steps: { a: { uses: lab/first, with: { prompt: x } } }");
    story.comes_to("a", crate::scenario::outputs(json!("text"))).is_lost("a", Class::BadOutput);
    let mut story = start("steps: { a: { uses: lab/first, with: { prompt: x } } }");
    story.comes_to("a", crate::scenario::outputs(json!({}))).is_lost("a", Class::BadOutput);
    assert_eq!(story.last_words(), "the result has no `text`");
}

#[test]
fn work_that_is_stopped_from_outside_counts_as_unavailable() {
    one("description: x").comes_to("a", AttemptEnd::Cancelled).is_lost("a", Class::Unavailable);
}

#[test]
fn the_moments_of_retries() {
    let rule = |jitter| RetryRule {
        on: vec![Class::Unavailable],
        attempts: 9,
        backoff: Span::seconds(1),
        factor: 2.0,
        max_backoff: Span::seconds(30),
        jitter,
        timeout: None,
    };
    let plain = Failure::new(Class::Unavailable, "x");
    let told = |ms| plain.clone().retry_at(Timestamp(ms));
    let table = [
        (Some(rule(false)), 1, plain.clone(), 0, 1_000),
        (Some(rule(false)), 2, plain.clone(), 0, 2_000),
        (Some(rule(false)), 5, plain.clone(), 0, 16_000),
        (Some(rule(false)), 6, plain.clone(), 0, 30_000),
        (Some(rule(false)), u32::MAX, plain.clone(), 0, 30_000),
        (Some(RetryRule { backoff: Span(0), ..rule(false) }), u32::MAX, plain.clone(), 0, 0),
        (Some(rule(true)), 3, plain.clone(), 0, 0),
        (Some(rule(true)), 3, plain.clone(), u64::MAX / 2, 2_000),
        (Some(rule(true)), 3, plain.clone(), u64::MAX, 4_000),
        (Some(rule(false)), 1, told(500), 0, 1_000),
        (Some(rule(false)), 1, told(86_400_000), 0, 86_400_000),
        (None, 1, told(86_400_000), 0, 86_400_000),
        (None, 1, told(-5), 0, 1_000),
    ];
    for (rule, attempts, failure, random, expected) in table {
        let (at, _) = retry::moment(rule.as_ref(), attempts, &failure, Timestamp(0), random);
        assert_eq!(at, Timestamp(expected), "{rule:?} after attempt {attempts} with {random}");
    }
}

#[test]
fn jitter_comes_from_the_seed_and_stays_within_its_bounds() {
    let pauses = |seed: u64| {
        let text = "steps: { a: { uses: lab/first, with: { prompt: x }, retry: { attempts: 4, backoff: 10s, factor: 1 } } }";
        let mut story = pipeline(text).seed(seed).start();
        let mut pauses = Vec::new();
        for _ in 0..3 {
            story.fails("a", Class::Unavailable);
            let pause = story.run.next_deadline().map(|at| at.since(story.now));
            // A pause of nothing is over at once.
            pauses.push(pause.filter(|_| story.flights().is_empty()).unwrap_or_default());
            story.advances("10s");
        }
        assert!(pauses.iter().all(|pause| *pause <= Span::seconds(10)), "{pauses:?}");
        pauses
    };
    assert_eq!(pauses(1), pauses(1));
    let distinct: std::collections::BTreeSet<_> = (0..20).map(pauses).collect();
    assert_eq!(distinct.len(), 20);
    let spread = (0..1000).map(|n| retry::draw(n, &StepPath::from_text("a"), "x") >> 62);
    let counts = spread.fold([0; 4], |mut counts, quarter| {
        counts[quarter as usize] += 1;
        counts
    });
    assert!(counts.iter().all(|count| (150..350).contains(count)), "{counts:?}");
}

#[test]
fn how_the_job_timeout_grows() {
    let minute = Span::minutes(1);
    let table = [
        (None, 0, minute),
        (None, 3, minute),
        (Some(TimeoutChange::To(Span::seconds(5))), 1, Span::seconds(5)),
        (Some(TimeoutChange::Times(2.0)), 0, minute),
        (Some(TimeoutChange::Times(2.0)), 1, Span::minutes(2)),
        (Some(TimeoutChange::Times(2.0)), 3, Span::minutes(8)),
        (Some(TimeoutChange::Times(100.0)), 99, Span(1_000_000_000_000_000)),
    ];
    for (change, attempts, expected) in table {
        assert_eq!(retry::job_timeout(change, minute, attempts), expected, "{change:?} {attempts}");
    }
}
