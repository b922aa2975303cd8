//! Recipes performed by the real ffmpeg, and their results measured.

#[allow(dead_code)]
mod scratch;

use motet_pipeline::{MediaKind, Value};
use scratch::{Scratch, with};

#[test]
fn a_picture_with_odd_sides_becomes_a_clip_with_even_ones() {
    let scratch = Scratch::new();
    let image = scratch.source("odd.png", "-f lavfi -i testsrc2=size=321x181:rate=1 -frames:v 1");
    for effect in ["zoom-in", "pan-left", "none"] {
        let inputs =
            with([("image", image.clone()), ("effect", effect.into()), ("duration", Value::from(0.8))]);
        let clip = scratch.probe(&scratch.make("media/animate", "video", inputs)).unwrap();
        assert_eq!(
            (clip.kind, clip.width, clip.height),
            (MediaKind::Video, Some(320), Some(180)),
            "{effect}"
        );
        assert_eq!(
            (clip.duration, clip.fps, clip.has_audio),
            (Some(0.8), Some(25.0), Some(false)),
            "{effect}"
        );
    }
}

#[test]
fn silence_lasts_as_long_as_asked() {
    let scratch = Scratch::new();
    let name = scratch.make("media/silence", "audio", with([("duration", Value::from(1.234))]));
    let sound = scratch.probe(&name).unwrap();
    assert_eq!((sound.kind, sound.duration), (MediaKind::Audio, Some(1.234)));
    assert!(scratch.level(&name, 0.0, 1.0) < -90.0);
}
