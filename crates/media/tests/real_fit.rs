//! `media/fit` performed by the real ffmpeg: what comes of it measures no more than was asked for.

#[allow(dead_code)]
mod scratch;

use motet_media::tracks::Known;
use motet_media::{Output, plan};
use motet_pipeline::Value;
use scratch::{Scratch, with};

#[test]
fn what_is_made_to_fit_measures_no_more_than_is_taken() {
    let scratch = Scratch::new();
    let clip = scratch.source(
        "clip.mp4",
        "-f lavfi -i testsrc2=size=162x92:rate=30000/1001:duration=2.2 -f lavfi -i sine=frequency=440:duration=2.2 -pix_fmt yuv420p -shortest",
    );
    let voice = scratch.source("voice.wav", "-f lavfi -i sine=frequency=440:sample_rate=24000:duration=2.5");
    let still = scratch.source("still.png", "-f lavfi -i testsrc2=size=321x181:rate=1 -frames:v 1");
    let mp3 = Value::list(vec!["mp3".into()]);
    let jpg = Value::list(vec!["jpg".into()]);

    let name = scratch.make(
        "media/fit",
        "video",
        with([("video", clip), ("max_side", Value::from(101_i64)), ("max_seconds", Value::from(1.5))]),
    );
    let made = scratch.probe(&name).unwrap();
    assert_eq!((made.width, made.height, made.has_audio), (Some(100), Some(56), Some(true)));
    assert!((1.3..=1.5).contains(&made.duration.unwrap()), "{made:?}");

    for format in [mp3, Value::list(vec!["wav".into()])] {
        let inputs = with([
            ("audio", voice.clone()),
            ("max_seconds", Value::from(2.0)),
            ("formats", format),
            ("mono", Value::Bool(true)),
        ]);
        let made = scratch.probe(&scratch.make("media/fit", "audio", inputs)).unwrap();
        assert!((1.8..=2.0).contains(&made.duration.unwrap()), "{made:?}");
    }

    let inputs = with([("image", still), ("max_side", Value::from(160_i64)), ("formats", jpg)]);
    let made = scratch.measure(&scratch.make("media/fit", "image", inputs));
    let made = made.as_artifact().unwrap();
    assert_eq!((made.mime.as_str(), made.width, made.height), ("image/jpeg", Some(160), Some(90)));
}

#[test]
fn what_fits_already_is_given_on_byte_for_byte() {
    let scratch = Scratch::new();
    let still = scratch.source("still.png", "-f lavfi -i testsrc2=size=32x18:rate=1 -frames:v 1");
    let formats = Value::list(vec!["png".into(), "jpg".into()]);
    let inputs = with([("image", still.clone()), ("max_side", Value::from(32_i64)), ("formats", formats)]);
    let recipe = plan("media/fit", &inputs, &Known::new()).unwrap();
    assert!(recipe.calls.is_empty());
    assert_eq!(recipe.outputs["image"], Output::Value(still));
}
