//! Inline groups and files that are used by another one.

use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::{pipeline, start};

const CHAINS: &str = r#"
    inputs: { list: { type: array } }
    steps:
      chain:
        each: "{{ inputs.list }}"
        as: shot
        steps:
          still: { uses: task/work, with: { x: "{{ shot }}" } }
          clip: { uses: task/work, with: { x: "{{ steps.still.value }}", of: "{{ shot }}" } }
        outputs: { clip: "{{ steps.clip.value }}" }
      all: { uses: task/work, with: { clips: "{{ steps.chain.items }}" } }
    "#;

#[test]
fn every_item_flows_through_its_own_chain_without_waiting_for_siblings() {
    let mut story = pipeline(CHAINS).inputs(json!({"list": ["a", "b"]})).start();
    story.works_on(["chain[0]/still#1", "chain[1]/still#1"]);
    story.ends("chain[1]/still", json!("B")).works_on(["chain[0]/still#1", "chain[1]/clip#1"]);
    assert_eq!(story.inputs_of("chain[1]/clip"), json!({"x": "B", "of": "b"}));
    story.ends("chain[1]/clip", json!("clip b")).finds("chain[1]", "completed").finds("all", "pending");
    story.ends("chain[0]/still", json!("A")).ends("chain[0]/clip", json!("clip a"));
    assert_eq!(story.inputs_of("all"), json!({"clips": [{"clip": "clip a"}, {"clip": "clip b"}]}));
}

#[test]
fn a_plain_reference_to_items_waits_for_the_whole_list() {
    let mut story = start(
        r#"
        steps:
          a: { each: [1, 2], uses: task/work }
          b: { each: "{{ steps.a.items }}", uses: task/work, with: { x: "{{ item.value }}" } }
        "#,
    );
    story.ends("a[0]", json!("A")).finds("b", "pending").ends("a[1]", json!("B"));
    story.works_on(["b[0]#1", "b[1]#1"]);
}

#[test]
fn an_item_that_fails_inside_ends_its_own_chain_only() {
    let mut story = pipeline(&CHAINS.replace("as: shot", "as: shot\n        quorum: any"))
        .inputs(json!({"list": ["a", "b"]}))
        .start();
    story.fails("chain[0]/still", Class::Content).finds("chain[0]", "failed");
    story.finds("chain[0]/clip", "cancelled").works_on(["chain[1]/still#1"]);
    story.ends("chain[1]/still", json!("B")).ends("chain[1]/clip", json!("clip b"));
    assert_eq!(story.inputs_of("all"), json!({"clips": [{"clip": "clip b"}]}));
}

#[test]
fn the_step_that_a_run_failed_for_is_named_as_far_in_as_it_is_known() {
    let mut story = pipeline(CHAINS).inputs(json!({"list": ["a", "b"]})).start();
    story.fails("chain[1]/still", Class::Content).drains().is_lost("chain[1]/still", Class::Content);
}

#[test]
fn a_failure_within_a_quorum_is_not_what_a_run_failed_for() {
    let mut story = start(
        r#"
        steps:
          group:
            steps:
              fan: { each: [1, 2], quorum: any, uses: task/work }
              after: { uses: task/work, needs: fan }
        "#,
    );
    story.fails("group/fan[0]", Class::Gone).ends("group/fan[1]", json!(1));
    story.fails("group/after", Class::Quota).is_lost("group/after", Class::Quota);
}

#[test]
fn a_group_starts_with_its_first_step_not_with_its_last_dependency() {
    let mut story = start(
        r#"
        steps:
          slow: { uses: task/work }
          group:
            steps:
              own: { uses: task/work }
              both: { uses: task/work, with: { a: "{{ steps.own.value }}", b: "{{ steps.slow.value }}" } }
            outputs: { out: "{{ steps.both.value }}" }
        outputs: { out: "{{ steps.group.out }}" }
        "#,
    );
    story.works_on(["group/own#1", "slow#1"]).ends("group/own", json!(1)).works_on(["slow#1"]);
    story
        .ends("slow", json!(2))
        .works_on(["group/both#1"])
        .ends("group/both", json!(3))
        .gives(json!({"out": 3}));
}

#[test]
fn each_of_each() {
    let mut story = start(
        r#"
        steps:
          rows:
            each: [[1, 2], [3]]
            as: row
            steps:
              cells: { each: "{{ row }}", as: cell, uses: task/work, with: { x: "{{ cell }} of {{ row | length }} at {{ index }}" } }
              sum: { uses: task/work, with: { cells: "{{ steps.cells.items | map(attribute='value') | list }}", at: "{{ index }}" } }
            outputs: { sum: "{{ steps.sum.value }}" }
        outputs: { sums: "{{ steps.rows.items }}" }
        "#,
    );
    story.works_on(["rows[0]/cells[0]#1", "rows[0]/cells[1]#1", "rows[1]/cells[0]#1"]);
    assert_eq!(story.inputs_of("rows[0]/cells[1]"), json!({"x": "2 of 2 at 1"}));
    story.ends("rows[1]/cells[0]", json!(3)).works_on([
        "rows[0]/cells[0]#1",
        "rows[0]/cells[1]#1",
        "rows[1]/sum#1",
    ]);
    assert_eq!(story.inputs_of("rows[1]/sum"), json!({"cells": [3], "at": 1}));
    story.ends("rows[1]/sum", json!(3)).ends("rows[0]/cells[1]", json!(2)).ends("rows[0]/cells[0]", json!(1));
    story.ends("rows[0]/sum", json!(3)).gives(json!({"sums": [{"sum": 3}, {"sum": 3}]}));
}

#[test]
fn the_checks_and_the_total_timeout_of_a_group_are_its_own() {
    let text = r#"
        steps:
          group:
            optional: true
            timeout: 10s
            check: "{{ output.out > 1 }}"
            steps: { own: { uses: task/work } }
            outputs: { out: "{{ steps.own.value }}" }
        outputs: { out: "{{ steps.group.out or 'none' }}" }
        "#;
    start(text).ends("group/own", json!(2)).gives(json!({"out": 2}));
    let mut story = start(text);
    story.ends("group/own", json!(1)).finds("group", "failed").gives(json!({"out": "none"}));
    assert_eq!(story.last("step_failed")["failure"]["class"], json!("bad_output"));
    let mut story = start(text);
    story.advances("10s").stops(["group/own#1"]).finds("group/own", "cancelled").finds("group", "failed");
    story.drains().gives(json!({"out": "none"}));
    assert_eq!(story.last("step_failed")["failure"]["class"], json!("timeout"));
}

const USED: &str = r#"
    inputs: { text: string, tone: { type: string, default: calm } }
    timeout: 1m
    steps:
      say: { uses: task/work, with: { x: "{{ inputs.text }} ({{ inputs.tone }})" } }
    outputs: { said: "{{ steps.say.value }}" }
    "#;

#[test]
fn a_file_that_is_used_has_names_inputs_and_defaults_of_its_own() {
    let mut story = pipeline(
        r#"
        inputs: { text: string }
        steps:
          say: { uses: task/work }
          twice: { each: [one, two], uses: ./used.yaml, with: { text: "{{ item }} {{ inputs.text }} {{ steps.say.value }}" } }
        outputs: { said: "{{ steps.twice.items }}" }
        "#,
    )
    .file("used.yaml", USED)
    .inputs(json!({"text": "outer"}))
    .start();
    story.ends("say", json!("!")).works_on(["twice[0]/say#1", "twice[1]/say#1"]);
    assert_eq!(story.inputs_of("twice[1]/say"), json!({"x": "two outer ! (calm)"}));
    story
        .ends("twice[0]/say", json!(1))
        .ends("twice[1]/say", json!(2))
        .gives(json!({"said": [{"said": 1}, {"said": 2}]}));
}

#[test]
fn the_timeout_of_a_file_that_is_used_is_a_cap() {
    let mut story =
        pipeline("steps: { use: { uses: ./used.yaml, with: { text: x } } }").file("used.yaml", USED).start();
    story.advances("59s").works_on(["use/say#1"]).advances("1s").stops(["use/say#1"]);
    story.drains().is_lost("use", Class::Timeout);
}

#[test]
fn a_file_whose_required_input_is_absent_is_skipped() {
    let mut story = pipeline(
        r#"
        steps:
          none: { uses: task/work, if: false }
          use: { uses: ./used.yaml, with: { text: "{{ steps.none.value }}" } }
        outputs: { said: "{{ steps.use.said }}" }
        "#,
    )
    .file("used.yaml", USED)
    .start();
    story.finds("use", "skipped").gives(json!({"said": null}));
}

#[test]
fn a_file_is_refused_inputs_that_do_not_fit() {
    let mut story = pipeline(
        r#"
        steps:
          a: { uses: task/work }
          use: { uses: ./used.yaml, with: { text: "{{ steps.a.value }}" } }
        "#,
    )
    .file("used.yaml", USED)
    .start();
    story.ends("a", json!([1])).is_lost("use", Class::Invalid);
}
