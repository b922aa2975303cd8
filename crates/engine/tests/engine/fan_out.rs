//! `each`: items, keys, quorum, early joins.

use motet_engine::AttemptEnd;
use motet_pipeline::{Class, Cost, Outcome};
use serde_json::json;

use crate::scenario::{Scenario, key, ok, pipeline, start};

/// A step `fan` over the inputs `list`, with more keys, and all of its outputs.
fn fan(policies: &str, list: serde_json::Value) -> Scenario {
    let text = format!(
        "
        inputs: {{ list: {{ type: array }} }}
        steps:
          fan: {{ each: \"{{{{ inputs.list }}}}\", uses: task/work, with: {{ x: \"{{{{ item }}}}\" }}, {policies} }}
        outputs:
          items: \"{{{{ steps.fan.items }}}}\"
          keys: \"{{{{ steps.fan.keys }}}}\"
          by_key: \"{{{{ steps.fan.by_key }}}}\"
          failed: \"{{{{ steps.fan.failed }}}}\"
        "
    );
    pipeline(&text.replace(", }", " }")).inputs(json!({"list": list})).start()
}

#[test]
fn items_run_at_once_and_join_in_list_order() {
    let mut story = fan("", json!(["a", "b", "c"]));
    story.works_on(["fan[0]#1", "fan[1]#1", "fan[2]#1"]);
    assert_eq!(story.inputs_of("fan[1]"), json!({"x": "b"}));
    story.ends("fan[2]", json!("C")).ends("fan[0]", json!("A")).finds("fan", "running");
    story.ends("fan[1]", json!("B")).gives(json!({
        "items": [{"value": "A"}, {"value": "B"}, {"value": "C"}],
        "keys": ["0", "1", "2"],
        "by_key": {"0": {"value": "A"}, "1": {"value": "B"}, "2": {"value": "C"}},
        "failed": [],
    }));
    assert!(!story.run.degraded());
}

#[test]
fn as_names_the_item_and_key_its_identity() {
    let mut story = pipeline(
        r#"
        inputs: { list: { type: array } }
        steps:
          fan:
            each: "{{ inputs.list }}"
            as: scene
            key: "{{ scene.id }}-{{ index }}"
            uses: task/work
            with: { text: "{{ index }}: {{ scene.text }}" }
        outputs: { keys: "{{ steps.fan.keys }}" }
        "#,
    )
    .inputs(json!({"list": [{"id": "a/b", "text": "one"}, {"id": "c", "text": "two"}]}))
    .start();
    story.works_on(["fan[a%2Fb-0]#1", "fan[c-1]#1"]);
    assert_eq!(story.inputs_of("fan[c-1]"), json!({"text": "1: two"}));
    story.ends("fan[a%2Fb-0]", json!(1)).ends("fan[c-1]", json!(2)).gives(json!({"keys": ["a/b-0", "c-1"]}));
}

#[test]
fn unfit_keys_fail_before_any_item_starts() {
    let table = [
        (json!(["x", "x"]), "two items have the key `x`"),
        (json!(["1", 1]), "two items have the key `1`"),
        (json!(["x", ["y"]]), "`key` of item 1 must be text or a number, and is list"),
        (json!(["x", null]), "`key` of item 1 must be text or a number, and is null"),
        (json!([""]), "`key` of item 0 must be text or a number, and is empty"),
    ];
    for (list, message) in table {
        let mut story = fan("key: \"{{ item }}\"", list);
        story.works_on([]).is_lost("fan", Class::Invalid);
        assert_eq!(story.last_words(), message);
    }
}

#[test]
fn a_condition_that_names_the_item_is_asked_for_every_item() {
    let mut story = fan("if: \"{{ item > 1 }}\"", json!([1, 2, 3]));
    story.finds("fan[0]", "skipped").works_on(["fan[1]#1", "fan[2]#1"]);
    story.ends("fan[1]", json!("B")).ends("fan[2]", json!("C"));
    story.gives(json!({
        "items": [{"value": "B"}, {"value": "C"}],
        "keys": ["1", "2"],
        "by_key": {"1": {"value": "B"}, "2": {"value": "C"}},
        "failed": [],
    }));
    assert!(!story.run.degraded());
}

#[test]
fn a_condition_that_does_not_name_the_item_is_asked_once() {
    let mut story = fan("if: false", json!([1, 2]));
    story.finds("fan", "skipped");
    assert_eq!(story.count("step_expanded"), 0);
    story.gives(json!({"items": null, "keys": null, "by_key": null, "failed": null}));
}

#[test]
fn an_empty_list_completes_whatever_the_quorum() {
    for quorum in ["all", "any", "2", "50%"] {
        let mut story = fan(&format!("quorum: {quorum}"), json!([]));
        story.gives(json!({"items": [], "keys": [], "by_key": {}, "failed": []}));
    }
}

#[test]
fn what_is_no_list_fails_the_step() {
    let mut story = pipeline(
        r#"
        inputs: { list: { type: object } }
        steps: { fan: { each: "{{ inputs.list.x }}", uses: task/work } }
        "#,
    )
    .inputs(json!({"list": {"x": 3}}))
    .start();
    story.is_lost("fan", Class::Invalid);
    assert_eq!(story.last_words(), "`each` needs a list, and got number");
}

#[test]
fn max_parallel_bounds_what_is_under_way_and_starts_in_list_order() {
    let mut story = fan("max_parallel: 2", json!([1, 2, 3, 4]));
    story.works_on(["fan[0]#1", "fan[1]#1"]);
    story.ends("fan[1]", json!(1)).works_on(["fan[0]#1", "fan[2]#1"]);
    story.ends("fan[0]", json!(1)).works_on(["fan[2]#1", "fan[3]#1"]);
    story.ends("fan[3]", json!(1)).works_on(["fan[2]#1"]).ends("fan[2]", json!(1));
    assert_eq!(story.run.status().word(), "completed");
}

#[test]
fn an_item_that_pauses_before_a_retry_keeps_its_place() {
    let mut story =
        fan("max_parallel: 1, retry: { on: [unavailable], backoff: 1m, jitter: false }", json!([1, 2]));
    story.fails("fan[0]", Class::Unavailable).works_on([]).finds("fan[0]", "sleeping");
    story.advances("1m").works_on(["fan[0]#2"]).ends("fan[0]", json!(1)).works_on(["fan[1]#1"]);
}

#[test]
fn a_quorum_that_can_no_longer_be_reached_fails_at_once() {
    let mut story = fan("quorum: 3", json!([1, 2, 3, 4]));
    story.fails("fan[2]", Class::Content).works_on(["fan[0]#1", "fan[1]#1", "fan[3]#1"]);
    story.fails("fan[0]", Class::Quota).stops(["fan[1]#1", "fan[3]#1"]).finds("fan", "failed");
    story.drains().is_lost("fan[0]", Class::Quota);
    assert_eq!(
        story.last("step_failed")["failure"]["message"],
        json!("0 of 4 items succeeded, 3 are needed; first `fan[0]`: it broke")
    );
}

#[test]
fn under_finish_all_items_end_before_the_step_fails() {
    let mut story = pipeline(
        r#"
        on_failure: finish
        inputs: { list: { type: array } }
        steps:
          fan: { each: "{{ inputs.list }}", uses: task/work }
        "#,
    )
    .inputs(json!({"list": [1, 2]}))
    .start();
    story.fails("fan[0]", Class::Content).works_on(["fan[1]#1"]).finds("fan", "running");
    story.ends("fan[1]", json!(1)).is_lost("fan[0]", Class::Content);
}

#[test]
fn a_quorum_that_is_reached_degrades_the_run_and_names_what_failed() {
    let mut story = fan("quorum: any, key: \"{{ item }}\"", json!(["a", "b"]));
    story.ends("fan[a]", json!(1)).finds("fan", "running").works_on(["fan[b]#1"]);
    story.fails("fan[b]", Class::TooLarge).gives(json!({
        "items": [{"value": 1}],
        "keys": ["a"],
        "by_key": {"a": {"value": 1}},
        "failed": [{"index": 1, "key": "b", "class": "too_large", "message": "it broke"}],
    }));
    assert!(story.run.degraded());
}

#[test]
fn early_joins_as_soon_as_the_quorum_is_there_and_calls_off_the_rest() {
    let mut story = fan("quorum: 2, early: true, max_parallel: 3", json!([1, 2, 3, 4]));
    story.ends("fan[1]", json!("B")).works_on(["fan[0]#1", "fan[2]#1", "fan[3]#1"]);
    story.ends("fan[3]", json!("D")).stops(["fan[0]#1", "fan[2]#1"]);
    story.finds("fan", "completed").finds("fan[0]", "cancelled");
    assert_eq!(story.run.status().word(), "running", "the run ends once its attempts did");
    story.drains().gives(json!({
        "items": [{"value": "B"}, {"value": "D"}],
        "keys": ["1", "3"],
        "by_key": {"1": {"value": "B"}, "3": {"value": "D"}},
        "failed": [],
    }));
    assert!(!story.run.degraded(), "calling off what nobody needs is no failure");
}

#[test]
fn items_that_never_began_count_as_called_off() {
    let mut story = fan("quorum: any, early: true, max_parallel: 1", json!([1, 2, 3]));
    story.ends("fan[0]", json!(1)).finds("fan[1]", "cancelled").finds("fan[2]", "cancelled");
    assert_eq!(story.run.status().word(), "completed");
}

#[test]
fn a_result_after_the_quorum_is_booked_and_never_joined() {
    let mut story = fan("quorum: any, early: true", json!([1, 2]));
    story.ends("fan[1]", json!("B")).stops(["fan[0]#1"]);
    let late = AttemptEnd::Succeeded(
        Outcome::of(motet_pipeline::Value::map([("value", "A".into())]))
            .cost(Cost::billed("0.5".parse().unwrap())),
    );
    story.comes_to("fan[0]", late).finds("fan[0]", "cancelled");
    assert_eq!(story.last("run_completed")["outputs"]["items"], json!([{"value": "B"}]));
    assert_eq!(story.last("attempt_ended")["output"], json!({"value": "A"}));
    assert_eq!(story.run.cost().to_string(), "0.5");
}

#[test]
fn an_optional_fan_out_is_tolerated_as_a_whole() {
    let mut story = fan("optional: true", json!([1, 2]));
    story.fails("fan[0]", Class::Content).drains();
    story.finds("fan", "failed");
    story.gives(json!({"items": null, "keys": null, "by_key": null, "failed": null}));
    assert!(story.run.degraded());
}

#[test]
fn the_checks_of_a_fan_out_are_per_item() {
    let mut story = fan("quorum: any, check: \"{{ output.value > 1 }}\"", json!([1, 2]));
    story.ends("fan[0]", json!(1)).finds("fan[0]", "failed").ends("fan[1]", json!(2));
    assert_eq!(story.run.status().word(), "completed");
}

#[test]
fn the_total_timeout_of_a_fan_out_is_per_item() {
    let mut story = fan("quorum: any, max_parallel: 1, timeout: { total: 10s }", json!([1, 2]));
    story.advances("10s").finds("fan[0]", "failed").stops(["fan[0]#1"]).works_on(["fan[1]#1"]);
    story.drains().advances("9s").ends("fan[1]", json!(1));
    assert_eq!(story.run.status().word(), "completed");
}

#[test]
fn a_list_may_be_known_only_at_run_time() {
    let mut story = start(
        r#"
        steps:
          list: { uses: task/work }
          fan: { each: "{{ steps.list.value }}", uses: task/work, with: { x: "{{ item }}" } }
          after: { uses: task/work, with: { n: "{{ steps.fan.items | length }}" } }
        "#,
    );
    story.finds("fan", "pending").ends("list", json!(["p", "q"])).works_on(["fan[0]#1", "fan[1]#1"]);
    story.ends("fan[0]", json!(1)).finds("after", "pending").ends("fan[1]", json!(1));
    assert_eq!(story.inputs_of("after"), json!({"n": 2}));
}

#[test]
fn a_list_drops_what_is_absent() {
    let mut story = start(
        r#"
        steps:
          none: { uses: task/work, if: false }
          fan: { each: ["{{ steps.none.value }}", b], uses: task/work, with: { x: "{{ item }}" } }
        "#,
    );
    story.works_on(["fan[0]#1"]);
    assert_eq!(story.inputs_of("fan[0]"), json!({"x": "b"}));
}

#[test]
fn every_item_draws_its_own_seed() {
    let mut story = start(
        r#"
        steps:
          fan: { each: [a, b], uses: lab/first, with: { prompt: "{{ item }}" } }
        "#,
    );
    let seeds = [story.inputs_of("fan[0]")["seed"].clone(), story.inputs_of("fan[1]")["seed"].clone()];
    assert_ne!(seeds[0], seeds[1]);
    story.ends_as(key("fan[0]", 1), ok(json!(1)));
}
