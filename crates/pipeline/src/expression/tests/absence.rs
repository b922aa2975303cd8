use super::{context, table};
use crate::Value;
use crate::expression::Template;

const ABSENT: &str = r#"{"$absent":true}"#;

#[test]
fn absence_chains_and_gives_way() {
    table(&[
        ("{{ steps.music }}", ABSENT),
        ("{{ steps.music.audio }}", ABSENT),
        ("{{ steps.music.audio.duration }}", ABSENT),
        ("{{ steps.music.items[0].x }}", ABSENT),
        ("{{ inputs.missing }}", ABSENT),
        ("{{ steps.voice.audio or steps.music.audio }}", ABSENT),
        ("{{ steps.music.audio or inputs.prompt }}", r#""a boat""#),
        ("{{ steps.music.audio | default('none') }}", r#""none""#),
        ("{{ steps.music.audio and 1 }}", ABSENT),
        ("{{ not steps.music.audio }}", "true"),
        ("{{ 1 if steps.music.audio else 2 }}", "2"),
        ("{{ 1 if steps.music.audio }}", ABSENT),
        ("{{ steps.music.audio.duration + 1 }}", ABSENT),
        ("{{ -steps.music.audio.duration }}", ABSENT),
        ("{{ inputs.tags + steps.music.items }}", r#"["sea","boat"]"#),
        ("{{ steps.music.text | upper }}", ABSENT),
        ("{{ inputs.prompt | replace('a', steps.music.text) }}", ABSENT),
        ("{{ steps.music.items[1:] }}", ABSENT),
        ("{{ steps.music.items | list }}", "[]"),
        ("{{ steps.music.items | length }}", "0"),
        ("{{ steps.music.items | first }}", ABSENT),
        ("{{ [] | first }}", ABSENT),
    ]);
}

#[test]
fn comparisons_with_something_absent_are_false() {
    table(&[
        ("{{ steps.music.n == 1 }}", "false"),
        ("{{ steps.music.n != 1 }}", "false"),
        ("{{ steps.music.n < 1 }}", "false"),
        ("{{ steps.music.n == steps.music.n }}", "false"),
        ("{{ 1 in steps.music.items }}", "false"),
        ("{{ steps.music.n in [1] }}", "false"),
        ("{{ steps.music.n is number }}", "false"),
        ("{{ steps.music.n is absent }} {{ steps.music.n is defined }}", r#""true false""#),
        ("{{ steps.still.items is absent }} {{ steps.still.items is defined }}", r#""false true""#),
    ]);
}

#[test]
fn absent_parts_are_dropped_and_printing_one_makes_the_text_absent() {
    table(&[
        ("{{ [1, steps.music.audio, 2] }}", "[1,2]"),
        ("{{ {'a': 1, 'b': steps.music.audio} }}", r#"{"a":1}"#),
        ("{{ [steps.music.audio, 'x'] | join('-') }}", r#""x""#),
        ("{{ steps.music.items | join('-') }}", ABSENT),
        ("with {{ steps.music.text }}", ABSENT),
        ("{{ 'with ' ~ steps.music.text }}", ABSENT),
        ("{{ steps.music.text | upper }}!", ABSENT),
        ("{% if steps.music.text %}{{ steps.music.text }}{% else %}silence{% endif %}", r#""silence""#),
        ("{% for x in steps.music.items %}{{ x }}{% else %}nothing{% endfor %}", r#""nothing""#),
        ("{% for x in [1] %}a{{ steps.music.text }}{% endfor %}b", ABSENT),
        ("Dear{{ steps.music.name if steps.music.name }}.", r#""Dear.""#),
    ]);
}

#[test]
fn status_and_error_are_there_for_every_terminal_step() {
    table(&[
        ("{{ steps.music.status }}", r#""skipped""#),
        ("{{ steps.voice.status }}", r#""failed""#),
        ("{{ steps.voice.error.class }}: {{ steps.voice.error.message }}", r#""content: refused""#),
        ("{{ steps.voice.error }}", r#"{"class":"content","message":"refused"}"#),
        ("{{ steps.voice.audio }}", ABSENT),
        ("{{ steps.still.error }}", ABSENT),
        ("{{ steps.still.error.class == 'content' }}", "false"),
    ]);
}

#[test]
fn absent_parts_of_lists_and_maps_of_templates_are_dropped() {
    let text = |source| Template::text(source).unwrap();
    let template = Template::map(vec![
        (
            "items".into(),
            Template::list(vec![text("{{ steps.music.audio }}"), text("x"), text("{{ index }}")]),
        ),
        ("gone".into(), text("{{ steps.music.audio }}")),
    ]);
    let value = template.evaluate(&context()).unwrap();
    assert_eq!(value, Value::map([("items", Value::list(vec![Value::from("x"), Value::from(2_i64)]))]));
    assert_eq!(template.references().len(), 3);
}
