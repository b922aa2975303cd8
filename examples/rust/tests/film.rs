//! The complete film, tested without a provider: stand-ins answer as they are told, and count.

use motet::kit::Kit;
use motet::world::virtual_time::run;
use motet::{Class, Motet, RunEnd, StartOptions, Value};
use serde_json::json;

const FILM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../reliable-film.yaml");

const IMAGE: &str = "replicate/black-forest-labs/flux-schnell";
const VIDEO: &str = "fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video";
const VIDEO_BEHIND: &str = "replicate/bytedance/seedance-1-pro";
const VOICE: &str = "elevenlabs/eleven_turbo_v2_5";

/// The end of the film in `motet`: a new run, or one that continues.
async fn play(motet: &Motet) -> RunEnd {
    let film = motet.load(FILM).unwrap();
    let inputs = json!({ "prompt": "a cat", "script": "This is a cat." });
    let started = motet.start_with(&film, inputs, StartOptions::default()).await.unwrap();
    started.run.wait().await.unwrap()
}

/// What the run gave, and whether something failed on the way.
fn completed(end: &RunEnd) -> (Value, bool) {
    match end {
        RunEnd::Completed { outputs, degraded } => (outputs.clone(), *degraded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_image_fails_twice_then_works_and_every_other_model_is_called_once() {
    run(async {
        let mut kit = Kit::simulated(1);
        let (image, clip) = (kit.image(1024, 576), kit.video(1024, 576, 5.0));
        let (voice, film) = (kit.audio(3.0), kit.video(1024, 576, 5.0));
        let painter = kit.stand_in(IMAGE).fails(2).then(json_of("image", image.clone()));
        let mover = kit.stand_in(VIDEO).always(json_of("video", clip));
        let speaker = kit.stand_in(VOICE).always(json_of("audio", voice));
        let merger = kit.stand_in("media/merge").always(film.clone());
        let end = play(&kit.open().await.unwrap()).await;
        let (outputs, degraded) = completed(&end);
        assert_eq!(outputs.get("film"), Some(&Value::from(film)));
        assert!(!degraded, "a second attempt is no fallback");
        assert_eq!([&painter, &mover, &speaker, &merger].map(|stand_in| stand_in.count()), [3, 1, 1, 1]);
        assert_eq!(mover.calls()[0].inputs.get("image"), Some(&Value::from(image)));
        assert_eq!(speaker.calls()[0].inputs.get("text"), Some(&"This is a cat.".into()));
    });
}

#[test]
fn an_image_that_is_too_small_costs_no_video() {
    run(async {
        let mut kit = Kit::simulated(1);
        let small = kit.image(256, 144);
        kit.stand_in(IMAGE).always(json_of("image", small.clone()));
        kit.stand_in("fal/fal-ai/flux/schnell").always(json_of("image", small));
        let mover = kit.stand_in(VIDEO).always(Value::Null);
        let voice = kit.audio(1.0);
        kit.stand_in(VOICE).always(json_of("audio", voice));
        let end = play(&kit.open().await.unwrap()).await;
        let RunEnd::Failed { failure, .. } = end else { panic!("{end:?}") };
        assert_eq!(
            (failure.class, failure.message.as_str()),
            (Class::BadOutput, "The image is too small for video")
        );
        assert_eq!(mover.count(), 0);
    });
}

#[test]
fn behind_a_provider_that_fails_stands_another_one() {
    run(async {
        let mut kit = Kit::simulated(1);
        let (image, clip) = (kit.image(1024, 576), kit.video(1024, 576, 5.0));
        let (voice, film) = (kit.audio(3.0), kit.video(1024, 576, 5.0));
        kit.stand_in(IMAGE).always(json_of("image", image));
        let first = kit.stand_in(VIDEO).fails_with(Class::Quota, "no credit");
        let second = kit.stand_in(VIDEO_BEHIND).always(json_of("video", clip));
        kit.stand_in(VOICE).always(json_of("audio", voice));
        kit.stand_in("media/merge").always(film);
        let end = play(&kit.open().await.unwrap()).await;
        assert!(completed(&end).1, "the run says that a fallback was taken");
        assert_eq!((first.count(), second.count()), (1, 1));
    });
}

/// What an operation gives under one name.
fn json_of(name: &str, media: impl Into<Value>) -> Value {
    Value::map([(name, media.into())])
}
