//! What a run that continues from another would do is told before it does anything, by the run itself.

use motet_pipeline::Class;
use serde_json::json;

use crate::cache::versioned;
use crate::scenario::{Scenario, bad, outputs, pipeline};

const FILM: &str = "
    name: film
    inputs: { lines: { type: array, items: { type: string } }, title: string }
    steps:
      voice:
        each: '{{ inputs.lines }}'
        max_parallel: 1
        uses: task/work
        with: { line: '{{ item }}' }
      cover: { uses: task/work, with: { title: '{{ inputs.title }}' } }
      length: { uses: data/transform, with: { value: '{{ inputs.title | length }}' } }
      film: { uses: task/work, with: { voices: '{{ steps.voice.items }}', cover: '{{ steps.cover.value }}' } }
      poster: { uses: task/work, with: { cover: '{{ steps.cover.value }}' } }
    outputs: { film: '{{ steps.film.value }}' }";

fn inputs(lines: &[&str], title: &str) -> serde_json::Value {
    json!({ "lines": lines, "title": title })
}

/// A film of which everything but the last step is done.
fn unfinished() -> Scenario {
    let mut story = pipeline(FILM).inputs(inputs(&["one", "two"], "sea")).start();
    story.ends("voice[0]", json!("a")).ends("voice[1]", json!("b")).ends("cover", json!("wave"));
    story.ends("poster", json!("p")).comes_to("film", bad(Class::Invalid)).is_lost("film", Class::Invalid);
    story
}

#[test]
fn what_is_kept_what_runs_and_why_is_known_before_anything_is_done() {
    let before = unfinished();
    let same = pipeline(FILM).inputs(inputs(&["one", "two"], "sea"));
    let kept = ["cover of story", "length of story"];
    assert_eq!(
        same.after(&before, &[], &[]).rehearses(&before),
        [&kept[..], &["film runs: Failed", "poster of story", "voice[0] of story", "voice[1] of story"]]
            .concat()
    );

    let other = pipeline(FILM).inputs(inputs(&["one", "three", "four"], "sea"));
    let expected = [
        "cover of story",
        "length of story",
        "film after voice",
        "poster of story",
        "voice[0] of story",
        "voice[1] runs: Inputs([\"line\"])",
        "voice[2] runs: New",
    ];
    assert_eq!(other.after(&before, &[], &[]).rehearses(&before), expected);
}

#[test]
fn an_edited_operation_another_title_and_a_new_take_say_why() {
    let before = unfinished();
    let edited = FILM.replace("cover: { uses: task/work", "cover: { uses: media/work");
    let edited = pipeline(&edited).inputs(inputs(&["one", "two"], "sea")).after(&before, &[], &[]);
    let told = edited.rehearses(&before);
    assert_eq!(told[0], "cover runs: Operation { from: \"task/work\", to: \"media/work\" }");
    assert_eq!(told[3], "poster after cover");

    let renamed = pipeline(FILM).inputs(inputs(&["one", "two"], "lake")).after(&before, &[], &[]);
    assert_eq!(renamed.rehearses(&before)[..2], ["cover runs: Inputs([\"title\"])", "length at once"]);

    let again = pipeline(FILM).inputs(inputs(&["one", "two"], "sea")).after(&before, &["cover"], &[]);
    let told = again.rehearses(&before);
    assert_eq!((told[0].as_str(), told[3].as_str()), ("cover runs: Asked", "poster after cover"));
}

#[test]
fn what_another_version_made_is_not_reused_and_a_plan_that_names_none_is_no_reason_to_pay_again() {
    const VOICE: &str = "steps: { voice: { uses: lab/dear, with: { text: hello } } }";
    let made_by = |keep: fn(String) -> String| {
        let mut story = pipeline(VOICE).kept(keep).start();
        story.grants("voice").comes_to("voice", outputs(json!({ "value": "aah" })));
        story
    };
    let of_a: fn(String) -> String = |pin| versioned(&pin, r#"1,"model_version":"a""#);
    let of_b: fn(String) -> String = |pin| versioned(&pin, r#"1,"model_version":"b""#);
    let newer: fn(String) -> String = |pin| versioned(&pin, r#"2"#);
    let told = |keep, before: &Scenario| pipeline(VOICE).kept(keep).after(before, &[], &[]).rehearses(before);
    let (reused, runs) = (["voice of story"], ["voice runs: Version"]);
    assert_eq!(told(of_a, &made_by(of_a)), reused);
    assert_eq!(told(of_b, &made_by(of_a)), runs);
    assert_eq!(told(newer, &made_by(|pin| pin)), runs);
    assert_eq!(told(of_a, &made_by(|pin| pin)), reused, "which one it asked isn't known");
}
