//! What an operation refuses of its inputs' values alone: the check says it before anything runs, and the step with the same
//! words. Beside it what comes near to that, and may work.

use motet_local::music::Bed;
use motet_local::scene::Scene;
use motet_local::speak::Speech;
use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::value::Map;
use motet_pipeline::{Bundle, Failure, Value};
use serde_json::{Value as Json, json};

/// What the check says of a step that is given `with`.
fn checked(operation: &str, with: &Json) -> Vec<String> {
    let inputs = "{ number: number, language: string, title: string }";
    let text = format!(
        "motet: 1\ninputs: {inputs}\nsteps:\n  it: {{ uses: {operation}, with: {} }}\n",
        with.to_string().replace("\":", "\": ")
    );
    let contracts = Catalogue::new(motet_local::contracts());
    let checked = check(&Bundle::of_text("it.yaml", text), &contracts);
    let errors = checked.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    errors.map(|diagnostic| diagnostic.message.clone()).collect()
}

/// What the step says.
fn read(operation: &str, with: &Json) -> Result<(), Failure> {
    let given = Value::from(with.clone());
    let given: &Map = given.as_map().unwrap();
    match operation {
        "local/scene" => Scene::from_inputs(given).map(drop),
        "local/speak" => Speech::from_inputs(given).map(drop),
        _ => Bed::from_inputs(given).map(drop),
    }
}

#[test]
fn what_cannot_work_is_refused_by_the_check_in_the_words_of_the_step() {
    const SEED: &str =
        "`seed` is 9223372036854775808, but must be from -9223372036854775808 to 9223372036854775807";
    let table = [
        ("local/scene", json!({ "prompt": "sea", "seed": 9_223_372_036_854_775_808_u64 }), SEED),
        ("local/music", json!({ "seed": 9_223_372_036_854_775_808_u64 }), SEED),
        ("local/scene", json!({ "prompt": " " }), "`prompt` is missing or blank"),
        (
            "local/scene",
            json!({ "prompt": "sea", "width": 4096, "aspect_ratio": "1:5" }),
            "`aspect_ratio` makes the height 20480, but it must be from 64 to 4096",
        ),
        (
            "local/scene",
            json!({ "prompt": "sea", "width": 3840, "height": 2160, "length": 2 }),
            "a scene with `length` has at most 2073600 pixels, such as 1920×1080, and 3840×2160 are more",
        ),
        (
            "local/scene",
            json!({ "prompt": "sea", "title": "שלום" }),
            "`title` has 'ש', of a script that isn't set letter by letter; media/captions can write it",
        ),
        (
            "local/scene",
            json!({ "prompt": "sea", "title": "The sea", "width": 80, "height": 80 }),
            "`title` with 7 characters doesn't fit a picture of 80 × 80 pixels",
        ),
        ("local/speak", json!({ "text": "… !" }), "`text` has nothing that can be said, only punctuation"),
        (
            "local/speak",
            json!({ "text": "今天", "language": "de" }),
            "`text` has '今', and espeak-ng reads no Chinese characters in `de`; give it in `language` cmn, or use a provider \
             that speaks it",
        ),
        (
            "local/speak",
            json!({ "text": "안녕" }),
            "`text` has '안', and espeak-ng reads no Korean letters in `en-us`; give it in `language` ko, or use a provider \
             that speaks it",
        ),
        (
            "local/speak",
            json!({ "text": "Yes. ".repeat(100), "duration": 5 }),
            "the pauses between 100 sentences alone take 7.0 s at 256 words per minute, and `duration` is 5 s; shorten the \
             text or give it more time",
        ),
    ];
    for (operation, with, message) in table {
        assert_eq!(checked(operation, &with), [message], "{operation} {with}");
        assert_eq!(read(operation, &with).unwrap_err().message, message, "{operation} {with}");
    }
}

#[test]
fn what_may_work_is_not_refused() {
    let table = [
        ("local/scene", json!({ "prompt": "sea", "seed": i64::MAX })),
        ("local/scene", json!({ "prompt": "sea", "seed": i64::MIN })),
        ("local/music", json!({ "seed": i64::MAX })),
        ("local/scene", json!({ "prompt": "sea", "title": "The sea", "width": 640, "height": 360 })),
        (
            "local/scene",
            json!({ "prompt": "sea", "title": "The sea", "width": 100, "height": "{{ inputs.number }}" }),
        ),
        ("local/scene", json!({ "prompt": "sea", "title": "{{ inputs.title }}", "width": 80, "height": 80 })),
        ("local/scene", json!({ "prompt": "sea", "width": 3840, "height": 2160 })),
        ("local/speak", json!({ "text": "今天", "language": "cmn" })),
        ("local/speak", json!({ "text": "今天", "voice": "yue", "language": "de" })),
        ("local/speak", json!({ "text": "今天", "language": "{{ inputs.language }}" })),
        ("local/speak", json!({ "text": "Yes. ".repeat(100), "duration": 8 })),
        ("local/speak", json!({ "text": "Yes. ".repeat(100), "duration": 5, "speed": 300 })),
        ("local/speak", json!({ "text": "Yes. ".repeat(100), "duration": "{{ inputs.number }}" })),
        (
            "local/speak",
            json!({ "text": "Yes. ".repeat(100), "duration": 5, "speed": "{{ inputs.number }}" }),
        ),
    ];
    for (operation, with) in table {
        assert_eq!(checked(operation, &with), [""; 0], "{operation} {with}");
        if !with.to_string().contains("{{") {
            assert_eq!(read(operation, &with), Ok(()), "{operation} {with}");
        }
    }
}

#[test]
fn a_scene_is_a_picture_or_a_film_and_the_other_one_is_warned_of() {
    let warned = |length: &str, output: &str| {
        let text = format!(
            "motet: 1\ninputs: {{ number: number, maybe: {{ type: number, default: null }} }}\nsteps:\n  it: {{ uses: local/scene, \
             with: {{ prompt: sea{length} }} }}\noutputs: {{ seen: '{{{{ steps.it.{output} }}}}' }}\n"
        );
        let checked = check(&Bundle::of_text("it.yaml", text), &Catalogue::new(motet_local::contracts()));
        checked.diagnostics.iter().any(|diagnostic| diagnostic.code.word() == "never-there")
    };
    for (length, image, video) in [
        ("", false, true),
        (", length: 2", true, false),
        (", length: '{{ inputs.number }}'", true, false),
        (", length: '{{ inputs.maybe }}'", false, false),
    ] {
        assert_eq!((warned(length, "image"), warned(length, "video")), (image, video), "{length}");
    }
}
