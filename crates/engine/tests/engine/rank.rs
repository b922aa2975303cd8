//! Ranking: what is best of a list, and what becomes of what can't be ranked.

use motet_engine::RunStatus;
use motet_pipeline::Class;
use serde_json::json;

use crate::scenario::{pipeline, start};

/// A step `best` that ranks the input `takes` by `by`, and what else is written for it.
fn ranked(by: &str, also: &str, takes: serde_json::Value) -> serde_json::Value {
    let text = format!(
        "inputs: {{ takes: {{ type: array }} }}\n\
         steps: {{ best: {{ uses: data/rank, with: {{ items: '{{{{ inputs.takes }}}}', by: '{{{{ {by} }}}}' {also} }} }} }}\n\
         outputs: {{ items: '{{{{ steps.best.items }}}}', best: '{{{{ steps.best.best }}}}' }}"
    );
    let story = pipeline(&text).inputs(json!({ "takes": takes })).start();
    let RunStatus::Completed { outputs } = story.run.status() else { panic!("{:?}", story.run.status()) };
    serde_json::to_value(outputs).unwrap()
}

#[test]
fn what_has_most_comes_first_and_ties_stay_in_their_order() {
    let takes = json!([{"n": "a", "s": 1}, {"n": "b", "s": 2.5}, {"n": "c", "s": 1}, {"n": "d", "s": 2.5}]);
    let names = |given: serde_json::Value| -> String {
        given["items"].as_array().unwrap().iter().map(|item| item["n"].as_str().unwrap()).collect()
    };
    assert_eq!(names(ranked("item.s", "", takes.clone())), "bdac");
    assert_eq!(names(ranked("item.s", ", order: ascending", takes.clone())), "acbd");
    assert_eq!(names(ranked("item.s", ", keep: 3", takes.clone())), "bda");
    assert_eq!(names(ranked("item.n", "", takes.clone())), "dcba");
    assert_eq!(names(ranked("index", "", takes.clone())), "dcba");
    assert_eq!(names(ranked("item.s > 2", ", keep: 99", takes.clone())), "bdac");
    assert_eq!(ranked("item.s", "", takes)["best"], json!({"n": "b", "s": 2.5}));
}

#[test]
fn what_is_null_is_left_out_and_of_nothing_there_is_no_best() {
    let takes = json!([{"s": null}, {"s": 1}]);
    assert_eq!(ranked("item.s", "", takes), json!({"items": [{"s": 1}], "best": {"s": 1}}));
    assert_eq!(ranked("item.s", "", json!([{"s": null}])), json!({"items": [], "best": null}));
    assert_eq!(ranked("item.s", "", json!([])), json!({"items": [], "best": null}));
}

#[test]
fn what_it_was_ranked_by_is_recorded_and_evaluated_once() {
    let mut story = start(
        "steps: { best: { uses: data/rank, with: { items: [3, 1, 2], by: '{{ 0 - item }}', keep: 1 } } }\n\
         outputs: { best: '{{ steps.best.best }}' }",
    );
    let inputs = json!({"items": [3, 1, 2], "by": [-3, -1, -2], "keep": 1, "order": "descending"});
    assert_eq!(story.last("step_ready")["inputs"], inputs);
    story.restarts().gives(json!({"best": 1}));
}

#[test]
fn what_cant_be_compared_fails_the_step_and_a_fallback_takes_over() {
    let lost = |by: &str, takes: &str| {
        let mut story = start(&format!(
            "steps: {{ best: {{ uses: data/rank, with: {{ items: '{{{{ {takes} if run.id else [] }}}}', by: '{{{{ {by} }}}}' }} }} }}"
        ));
        story.is_lost("best", Class::Invalid).last_words()
    };
    assert_eq!(lost("item", r#"[1, "a"]"#), "`by`: a number can't be compared with text");
    assert_eq!(lost("item", "[1, [2]]"), "`by`: item 1: a list ranks nothing");
    assert!(lost("item.x", r#"[{"x": 1}, {"y": 1}]"#).starts_with("`by`: item 1: "));
    let mut story = start(
        "steps:\n  best:\n    uses: data/rank\n    with: { items: '{{ [1, \"a\"] if run.id else [] }}', by: '{{ item }}' }\n    \
         fallback: [{ uses: data/rank, on: any, with: { by: '{{ index }}' } }]\n\
         outputs: { best: '{{ steps.best.best }}' }",
    );
    story.gives(json!({"best": "a"}));
}

#[test]
fn inside_of_a_fan_out_the_item_is_the_one_that_is_ranked() {
    let mut story = start(
        "steps:\n  rows:\n    each: [[1, 5], [9, 2]]\n    as: row\n    uses: data/rank\n    \
         with: { items: '{{ row }}', by: '{{ item + row[0] }}' }\n\
         outputs: { best: \"{{ steps.rows.items | map(attribute='best') | list }}\" }",
    );
    story.gives(json!({"best": [5, 9]}));
}
