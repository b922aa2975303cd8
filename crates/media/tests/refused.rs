//! What an operation refuses of its inputs' values alone: the check says it before anything runs, and the step, whatever
//! brought it there, with the same words. Beside it what comes near to that, and may work.

use motet_media::tracks::Known;
use motet_media::{contracts, plan};
use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::expression::Context;
use motet_pipeline::plan::Body;
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Bundle, Class, Digest, MediaKind, Value};

/// What steps refer to: media and numbers that are there, and some that may not be.
const INPUTS: &str = "
  still: image
  clip: video
  voice: audio
  thing: file
  stills: { type: array, items: { type: image } }
  second: number
  side: integer
  words: string
  maybe: { type: image, default: null }
  perhaps: { type: [string, 'null'], default: null }
";

fn media(kind: MediaKind, mime: &str) -> Value {
    let is_seen = matches!(kind, MediaKind::Image | MediaKind::Video);
    let lasts = matches!(kind, MediaKind::Video | MediaKind::Audio);
    Value::from(Artifact {
        digest: Digest::of(mime.as_bytes()),
        kind,
        mime: mime.to_owned(),
        bytes: 1000,
        width: is_seen.then_some(640),
        height: is_seen.then_some(360),
        duration: lasts.then_some(10.0),
        fps: (kind == MediaKind::Video).then_some(25.0),
        has_audio: (kind == MediaKind::Video).then_some(true),
    })
}

fn inputs() -> Value {
    Value::map([
        ("still", media(MediaKind::Image, "image/png")),
        ("clip", media(MediaKind::Video, "video/mp4")),
        ("voice", media(MediaKind::Audio, "audio/mpeg")),
        ("thing", media(MediaKind::Image, "image/png")),
        ("stills", Value::list(vec![media(MediaKind::Image, "image/png")])),
        ("second", Value::from(1_i64)),
        ("side", Value::from(640_i64)),
        ("words", Value::from("hello")),
        ("maybe", Value::Absent),
        ("perhaps", Value::Absent),
    ])
}

/// What the check says of a step: the messages of its errors.
fn checked(operation: &str, with: &str) -> Vec<String> {
    let text = format!(
        "motet: 1\ninputs:{INPUTS}steps:\n  off: {{ if: '{{{{ inputs.second > 1 }}}}', uses: media/silence, with: {{ duration: 1 }} }}\n  \
         on: {{ uses: media/silence, with: {{ duration: 1 }} }}\n  it: {{ uses: {operation}, with: {with} }}\n"
    );
    let checked = check(&Bundle::of_text("it.yaml", text), &Catalogue::new(contracts()));
    let errors = checked.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    errors.map(|diagnostic| diagnostic.message.clone()).collect()
}

/// What the step says, once all of that is there.
fn refused(operation: &str, with: &str) -> Option<String> {
    let text = format!(
        "motet: 1\ninputs:{INPUTS}steps:\n  on: {{ uses: media/silence, with: {{ duration: 1 }} }}\n  \
         it: {{ uses: data/transform, with: {{ value: {with} }} }}\n"
    );
    let plan_of = check(&Bundle::of_text("it.yaml", text), &Catalogue::new(contracts())).plan.unwrap();
    let Body::Operation(targets) = &plan_of.root.steps[1].body else { panic!("it is an operation") };
    let mut context = Context::default();
    context.values.insert("inputs".into(), inputs());
    let output = Value::map([("audio", media(MediaKind::Audio, "audio/wav"))]);
    context.steps.insert(
        "on".into(),
        motet_pipeline::expression::StepView { status: "completed", error: None, output: Some(output) },
    );
    let given = targets[0].with[0].1.evaluate(&context).unwrap();
    let given: Map = given.as_map().unwrap().clone();
    let failure = plan(operation, &given, &Known::new()).err()?;
    assert!(matches!(failure.class, Class::Invalid | Class::TooLarge), "{failure}");
    Some(failure.message)
}

#[test]
fn what_cannot_work_together_is_refused_by_the_check_in_the_words_of_the_step() {
    let many = format!("{{ items: [{}] }}", vec!["'{{ inputs.still }}'"; 100].join(", "));
    let too_many = many
        .replace("{{ inputs.still }}'", "{{ inputs.still }}', ['{{ inputs.still }}', '{{ inputs.still }}']");
    let long =
        format!("{{ video: '{{{{ inputs.clip }}}}', script: '{}', start: 1, end: 2 }}", "la ".repeat(21));
    let table = [
        ("media/overlay", "{ video: '{{ inputs.clip }}' }", "media/overlay needs `image` or `text`"),
        (
            "media/overlay",
            "{ video: '{{ inputs.clip }}', image: '{{ inputs.still }}', text: hello }",
            "media/overlay takes `image` or `text`, and no more than one of them",
        ),
        (
            "media/overlay",
            "{ video: '{{ inputs.clip }}', image: '{{ inputs.still }}', text: 'It is {{ inputs.words }}' }",
            "media/overlay takes `image` or `text`, and no more than one of them",
        ),
        (
            "media/overlay",
            "{ video: '{{ inputs.clip }}', text: hello, from: 5, to: 3 }",
            "media/overlay would show nothing from 5 s to 3 s",
        ),
        (
            "media/retime",
            "{ media: '{{ inputs.clip }}', speed: '{{ inputs.second }}', duration: 3 }",
            "media/retime takes `speed` or `duration`, and no more than one of them",
        ),
        (
            "media/trim",
            "{ media: '{{ steps.on.audio }}', end: '{{ inputs.second }}', duration: 3 }",
            "media/trim takes `duration` or `end`, and no more than one of them",
        ),
        (
            "media/trim",
            "{ media: '{{ inputs.clip }}', start: 5, end: 3 }",
            "media/trim would keep nothing: the part ends before it begins",
        ),
        (
            "media/resize",
            "{ media: '{{ inputs.still }}', width: 8000, aspect_ratio: '1:20' }",
            "with this side and `aspect_ratio`, it can't make a picture of 8000x160000; sides go from 16 to 8192",
        ),
        (
            "media/fit",
            "{ image: '{{ inputs.still }}', video: '{{ inputs.clip }}' }",
            "media/fit takes `image`, `video` or `audio`, and no more than one of them",
        ),
        ("media/fit", "{ max_side: 100 }", "media/fit needs `image`, `video` or `audio`"),
        (
            "media/fit",
            "{ image: '{{ inputs.still }}', formats: [jpeg, mp4] }",
            "media/fit can't write image as jpeg, mp4",
        ),
        (
            "media/captions",
            "{ video: '{{ inputs.clip }}', script: hello, start: 5, end: 3 }",
            "media/captions can't spread the script from 5 s to 3 s",
        ),
        (
            "media/captions",
            "{ video: '{{ inputs.clip }}', script: \"WEBVTT\\n\\nNOTE nothing\" }",
            "media/captions found no captions in the subtitles that it was given",
        ),
        (
            "media/captions",
            &long,
            "media/captions can't show a script of 21 words in 1.0 s: at most 20 words a second can be read",
        ),
        (
            "media/captions",
            "{ video: '{{ inputs.clip }}', script: '{{ inputs.words }}', subtitles: '{{ inputs.thing }}' }",
            "media/captions takes `words`, `script` or `subtitles`, and no more than one of them",
        ),
        (
            "media/captions",
            "{ video: '{{ inputs.clip }}', script: hello, font: 'a,b' }",
            "`font` must be a name of letters, digits, spaces and hyphens",
        ),
        (
            "media/merge",
            "{ items: [[], []] }",
            "media/merge needs at least one picture, video or sound among its items",
        ),
        ("media/merge", &too_many, "media/merge takes at most 200 items; lists among them were taken apart"),
        (
            "media/merge",
            "{ items: ['{{ inputs.voice }}', '{{ inputs.still }}'], gap: 1 }",
            "media/merge has pictures among its items; `gap` is for sounds alone",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.voice }}', { media: '{{ inputs.clip }}' }], gap: 1 }",
            "media/merge has pictures among its items; `gap` is for sounds alone",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.voice }}', ['{{ steps.on.audio }}']], captions: {} }",
            "media/merge has only sounds among its items; `captions` is for pictures",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.voice }}'], width: '{{ inputs.side }}' }",
            "media/merge has only sounds among its items; `width` is for pictures",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.still }}', { media: '{{ inputs.still }}', offset: 2 }] }",
            "media/merge: item 2 is seen, so it follows the one before it: `offset` is for sounds",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.still }}', start: '{{ inputs.second }}' }] }",
            "media/merge: item 1 is a picture: `start` is for videos and sounds",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.still }}', duration: 0 }] }",
            "media/merge: item 1 can't be shown for 0 seconds",
        ),
        (
            "media/merge",
            "{ items: [['{{ inputs.still }}'], [{ media: '{{ inputs.clip }}', effect: zoom-in }]] }",
            "media/merge: item 2 is no picture: `effect` moves the view over one",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.voice }}', effect: zoom-in }] }",
            "media/merge: item 1 is a sound: `effect` belongs to a picture or video",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.voice }}', audio: '{{ inputs.voice }}' }] }",
            "media/merge: item 1 is a sound: `audio` belongs to a picture or video",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.clip }}', audio_volume: 2 }] }",
            "media/merge: item 1 has `audio_volume` but no `audio`",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.clip }}', words: [{ word: a, start: 1, end: 2 }, { word: b, start: 2 }] }] }",
            "media/merge: item 1 has `words` of which number 2 isn't {word, start, end} with a text and two numbers",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.still }}'], captions: { script: hello, words: [] } }",
            "media/merge: `captions` takes `words`, `script` or `subtitles`, and no more than one of them",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.still }}'], captions: { script: hello, start: 3, end: 3 } }",
            "media/merge: `captions` can't spread the script from 3 s to 3 s",
        ),
        (
            "media/merge",
            "{ items: ['{{ inputs.still }}'], captions: { style: karaoke, font: 'a,b' } }",
            "`font` must be a name of letters, digits, spaces and hyphens",
        ),
    ];
    for (operation, with, message) in table {
        assert_eq!(checked(operation, with), [message], "{operation} {with}");
        assert_eq!(refused(operation, with).as_deref(), Some(message), "{operation} {with}");
    }
}

#[test]
fn what_may_work_is_not_refused() {
    let many = format!("{{ items: [{}] }}", vec!["'{{ inputs.maybe }}'"; 199].join(", "));
    let lists = format!(
        "{{ items: [{}] }}",
        vec!["'{{ inputs.stills }}', ['{{ inputs.maybe }}', '{{ inputs.maybe }}']"; 100].join(", ")
    );
    let table = [
        // One of them may be absent.
        ("media/overlay", "{ video: '{{ inputs.clip }}', image: '{{ inputs.maybe }}', text: hello }"),
        (
            "media/overlay",
            "{ video: '{{ inputs.clip }}', image: '{{ inputs.still }}', text: '{{ inputs.perhaps }}' }",
        ),
        (
            "media/overlay",
            "{ video: '{{ inputs.clip }}', image: '{{ inputs.still }}', text: 'by {{ inputs.perhaps }}' }",
        ),
        (
            "media/overlay",
            "{ video: '{{ inputs.clip }}', image: '{{ inputs.still }}', text: '{{ inputs.words if inputs.maybe }}' }",
        ),
        ("media/overlay", "{ video: '{{ inputs.clip }}', text: hello, from: 5, to: '{{ inputs.second }}' }"),
        ("media/trim", "{ media: '{{ inputs.clip }}', start: '{{ inputs.second }}', end: 3 }"),
        ("media/trim", "{ media: '{{ inputs.clip }}', start: 3, duration: 1 }"),
        ("media/fit", "{ image: '{{ inputs.maybe }}', video: '{{ inputs.clip }}' }"),
        // It may have that format already.
        ("media/fit", "{ image: '{{ inputs.still }}', formats: [webp] }"),
        ("media/fit", "{ audio: '{{ inputs.voice }}', formats: [mp4] }"),
        ("media/fit", "{ image: '{{ inputs.still }}', formats: ['{{ inputs.words }}'] }"),
        // A script with times of its own needs none.
        ("media/captions", "{ video: '{{ inputs.clip }}', script: '{{ inputs.words }}', start: 5, end: 3 }"),
        (
            "media/captions",
            "{ video: '{{ inputs.clip }}', script: hello, start: '{{ inputs.second }}', end: 3 }",
        ),
        ("media/captions", "{ video: '{{ inputs.clip }}', words: [] }"),
        ("media/captions", "{ video: '{{ inputs.clip }}', words: [{ word: a, start: 2, end: 1 }] }"),
        ("media/merge", &many),
        ("media/merge", &lists),
        ("media/merge", "{ items: ['{{ inputs.voice }}', '{{ inputs.maybe }}'], gap: 1 }"),
        ("media/merge", "{ items: ['{{ inputs.voice }}', '{{ steps.off.audio }}'], gap: 1 }"),
        ("media/merge", "{ items: ['{{ inputs.voice }}', '{{ inputs.stills }}'], gap: 1 }"),
        ("media/merge", "{ items: ['{{ inputs.still }}'], gap: 0 }"),
        ("media/merge", "{ items: ['{{ inputs.voice }}', '{{ inputs.stills }}'], captions: {} }"),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.still }}', audio: '{{ steps.off.audio }}', audio_volume: 1 }] }",
        ),
        (
            "media/merge",
            "{ items: [{ media: '{{ inputs.voice }}', effect: '{{ inputs.perhaps }}', offset: 1 }] }",
        ),
        ("media/merge", "{ items: '{{ inputs.stills }}', gap: 1 }"),
    ];
    for (operation, with) in table {
        assert_eq!(checked(operation, with), [""; 0], "{operation} {with}");
    }
}

/// What the check warns of in a pipeline with these steps.
fn warned(steps: &str) -> Vec<String> {
    let text = format!("motet: 1\ninputs:{INPUTS}steps:\n{steps}");
    let checked = check(&Bundle::of_text("it.yaml", text), &Catalogue::new(contracts()));
    assert!(checked.plan.is_some(), "{:?}", checked.diagnostics);
    let absent = checked.diagnostics.iter().filter(|diagnostic| diagnostic.code.word() == "never-there");
    absent.map(|diagnostic| diagnostic.message.clone()).collect()
}

#[test]
fn an_output_that_is_never_there_is_warned_of() {
    let step = |name: &str, uses: &str, with: &str| format!("  {name}: {{ uses: {uses}, with: {with} }}\n");
    let used = |name: &str, output: &str| {
        step("used", "data/transform", &format!("{{ value: '{{{{ steps.{name}.{output} }}}}' }}"))
    };
    let trim = |media: &str| step("cut", "media/trim", &format!("{{ media: '{{{{ {media} }}}}', end: 1 }}"));
    let merge = |items: &str| step("film", "media/merge", &format!("{{ items: [{items}] }}"));
    let table = [
        (trim("inputs.voice") + &used("cut", "video"), Some("`steps.cut.video` is never there")),
        (trim("inputs.voice") + &used("cut", "video.width"), Some("`steps.cut.video` is never there")),
        (trim("inputs.voice") + &used("cut", "audio"), None),
        (trim("inputs.clip") + &used("cut", "audio"), Some("`steps.cut.audio` is never there")),
        (trim("inputs.clip") + &used("cut", "audio or inputs.voice"), None),
        (merge("'{{ inputs.voice }}'") + &used("film", "video"), Some("`steps.film.video` is never there")),
        (merge("'{{ inputs.still }}'") + &used("film", "audio"), Some("`steps.film.audio` is never there")),
        (merge("'{{ inputs.still }}'") + &used("film", "srt"), Some("`steps.film.srt` is never there")),
        (merge("'{{ inputs.stills }}'") + &used("film", "audio"), None),
        (merge("'{{ inputs.voice }}', '{{ inputs.maybe }}'") + &used("film", "video"), None),
        (
            step("small", "media/fit", "{ image: '{{ inputs.still }}' }") + &used("small", "video"),
            Some("`steps.small.video` is never there"),
        ),
    ];
    for (steps, message) in table {
        assert_eq!(warned(&steps), Vec::from_iter(message), "{steps}");
    }
}
