use motet_pipeline::{Artifact, Digest};

use super::*;

const IMAGE: &str = "https://example.com/a.png";

#[test]
fn our_words_become_the_words_and_units_of_each_provider() {
    let table: [(&str, Json, Json); 31] = [
        // Durations: a number is a text, a text with a unit, milliseconds, or frames.
        (
            "fal/fal-ai/veo3",
            json!({ "prompt": "p", "duration": 8 }),
            json!({ "prompt": "p", "duration": "8s" }),
        ),
        ("fal/fal-ai/veo3", json!({ "duration": "6s" }), json!({ "duration": "6s" })),
        (
            "fal/fal-ai/bytedance/seedance/v1/pro/text-to-video",
            json!({ "duration": 5.0 }),
            json!({ "duration": "5" }),
        ),
        ("replicate/bytedance/seedance-1-pro", json!({ "duration": 5.0 }), json!({ "duration": 5 })),
        ("elevenlabs/music_v1", json!({ "duration": 12.5 }), json!({ "music_length_ms": 12_500 })),
        ("elevenlabs/music_v1", json!({ "music_length_ms": 12_500 }), json!({ "music_length_ms": 12_500 })),
        (
            "elevenlabs/eleven_text_to_sound_v2",
            json!({ "duration": 2.5 }),
            json!({ "duration_seconds": 2.5 }),
        ),
        ("fal/fal-ai/stable-audio", json!({ "duration": 20.0 }), json!({ "seconds_total": 20 })),
        ("fal/fal-ai/wan/v2.2-a14b/text-to-video", json!({ "duration": 5 }), json!({ "num_frames": 81 })),
        (
            "fal/fal-ai/wan/v2.2-a14b/text-to-video",
            json!({ "duration": 5, "fps": 24 }),
            json!({ "num_frames": 121, "frames_per_second": 24 }),
        ),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "duration": 2.5 }),
            json!({ "video_length": "25_frames_with_svd_xt", "frames_per_second": 10 }),
        ),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "duration": 2, "fps": 7 }),
            json!({ "video_length": "14_frames_with_svd", "frames_per_second": 7 }),
        ),
        // Pictures: one or several, by our name or theirs.
        ("fal/fal-ai/nano-banana/edit", json!({ "image": IMAGE }), json!({ "image_urls": [IMAGE] })),
        (
            "fal/fal-ai/nano-banana/edit",
            json!({ "image": [IMAGE, IMAGE] }),
            json!({ "image_urls": [IMAGE, IMAGE] }),
        ),
        ("fal/fal-ai/nano-banana/edit", json!({ "image_urls": [IMAGE] }), json!({ "image_urls": [IMAGE] })),
        ("replicate/google/nano-banana", json!({ "image": IMAGE }), json!({ "image_input": [IMAGE] })),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "image": IMAGE }),
            json!({ "input_image": IMAGE }),
        ),
        (
            "fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video",
            json!({ "image": IMAGE, "end_image": IMAGE }),
            json!({ "image_url": IMAGE, "tail_image_url": IMAGE }),
        ),
        (
            "replicate/bytedance/seedance-1-pro",
            json!({ "image": IMAGE, "end_image": IMAGE }),
            json!({ "image": IMAGE, "last_frame_image": IMAGE }),
        ),
        // Sizes: width and height, a shape, or the provider's word.
        (
            "fal/fal-ai/flux/dev",
            json!({ "width": 640, "height": 480.0 }),
            json!({ "image_size": { "width": 640, "height": 480 } }),
        ),
        ("fal/fal-ai/flux/dev", json!({ "aspect_ratio": "16:9" }), json!({ "image_size": "landscape_16_9" })),
        ("fal/fal-ai/flux/dev", json!({ "image_size": "square" }), json!({ "image_size": "square" })),
        (
            "replicate/bytedance/seedream-4",
            json!({ "width": 1024, "height": 2048, "size": "2K" }),
            json!({ "width": 1024, "height": 2048, "size": "custom" }),
        ),
        // Words.
        ("fal/fal-ai/flux/dev", json!({ "output_format": "jpg" }), json!({ "output_format": "jpeg" })),
        ("fal/fal-ai/fast-sdxl", json!({ "output_format": "png" }), json!({ "format": "png" })),
        (
            "replicate/google/nano-banana",
            json!({ "output_format": "jpeg" }),
            json!({ "output_format": "jpg" }),
        ),
        (
            "replicate/bytedance/seedance-1-pro",
            json!({ "camera_motion": "fixed" }),
            json!({ "camera_fixed": true }),
        ),
        (
            "replicate/bytedance/seedance-1-pro",
            json!({ "camera_fixed": false }),
            json!({ "camera_fixed": false }),
        ),
        (
            "fal/fal-ai/nano-banana",
            json!({ "safety_tolerance": 3, "count": 2 }),
            json!({ "safety_tolerance": "3", "num_images": 2 }),
        ),
        // Speech.
        (
            "elevenlabs/eleven_turbo_v2_5",
            json!({ "text": "t", "voice": "v", "language": "en", "speed": 1.1, "output_format": "wav" }),
            json!({ "text": "t", "voice_id": "v", "language_code": "en", "voice_settings": { "speed": 1.1 }, "output_format": "wav_24000" }),
        ),
        ("replicate/elevenlabs/turbo-v2.5", json!({ "text": "t" }), json!({ "prompt": "t" })),
    ];
    let catalogue = Catalogue::built_in();
    for (name, given, expected) in table {
        let listing = catalogue.get(name).unwrap();
        let given_map = map(given.clone());
        let misfits = given_map.iter().filter_map(|(key, value)| listing.contract.misfit(key, value));
        assert_eq!(misfits.collect::<Vec<_>>(), Vec::<String>::new(), "{name}");
        let native = listing.native(&given_map).unwrap();
        assert_eq!(Value::from(native.inputs).to_json(), expected, "{name} {given}");
    }
}

#[test]
fn media_stay_artifacts_where_the_provider_looks_for_them() {
    let picture = |byte: u8| Artifact {
        digest: Digest::from_bytes([byte; 32]),
        kind: MediaKind::Image,
        mime: "image/png".to_owned(),
        bytes: 10,
        width: Some(640),
        height: Some(480),
        duration: None,
        fps: None,
        has_audio: None,
    };
    let catalogue = Catalogue::built_in();
    let edit = catalogue.get("fal/fal-ai/nano-banana/edit").unwrap();
    let images = Value::list(vec![picture(1).into(), picture(2).into()]);
    let given: Map = [("prompt".to_owned(), "p".into()), ("image".to_owned(), images.clone())].into();
    assert_eq!(faults(edit, &given), Vec::<String>::new());
    assert_eq!(edit.native(&given).unwrap().inputs["image_urls"], images);
    assert_eq!(edit.model.media["image_urls"], MediaKind::Image);
    let upscaler = catalogue.get("fal/fal-ai/clarity-upscaler").unwrap();
    let given: Map = [("image".to_owned(), picture(1).into())].into();
    let expected = "0.0368640 0.036864 0.036864".replace("0.0368640", "0.036864");
    let Estimate { low, likely, high, .. } = estimate(upscaler, &given, &[]).unwrap();
    assert_eq!(format!("{low} {likely} {high}"), expected, "640 × 480 × 2 × 2 pixels");
}

#[test]
fn a_parameter_that_a_model_lacks_is_refused_with_the_nearest_name() {
    let catalogue = Catalogue::built_in();
    for (name, key, expected) in [
        (
            "fal/fal-ai/stable-video",
            "aspect_ratio",
            "fal/fal-ai/stable-video takes no `aspect_ratio`, only `image`, `image_url`, `motion_bucket_id`, `cond_aug`, \
             `fps` and `seed`",
        ),
        (
            "elevenlabs/eleven_turbo_v2_5",
            "voiceId",
            "elevenlabs/eleven_turbo_v2_5 takes no `voiceId`; did you mean `voice_id`?",
        ),
        (
            "fal/fal-ai/nano-banana",
            "image",
            "fal/fal-ai/nano-banana takes no `image`, only `prompt`, `aspect_ratio`, `count`, `num_images`, \
             `output_format`, `safety_tolerance` and 3 more",
        ),
    ] {
        let contract = &catalogue.get(name).unwrap().contract;
        assert_eq!(contract.misfit(key, &Value::from("x")).as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn what_nobody_has_verified_is_sent_and_warned_of_and_nothing_else_is() {
    let table: [(&str, Json, Json, &[&str]); 6] = [
        (
            "replicate/black-forest-labs/flux-schnell",
            json!({ "prompt": "p", "go_fast": false }),
            json!({ "prompt": "p", "go_fast": false }),
            &[
                "nobody has verified that replicate/black-forest-labs/flux-schnell takes `go_fast`: it is sent as it is",
            ],
        ),
        (
            "replicate/black-forest-labs/flux-schnell",
            json!({ "prompt": "p", "aspect_ratio": "16:9" }),
            json!({ "prompt": "p", "aspect_ratio": "16:9" }),
            &[],
        ),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "motion_bucket_id": 300 }),
            json!({ "motion_bucket_id": 300 }),
            &[
                "as far as is known, `motion_bucket_id` must be between 1 and 255, and is 300: it is sent as it is",
            ],
        ),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "motion_bucket_id": 127 }),
            json!({ "motion_bucket_id": 127 }),
            &[],
        ),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "duration": 4, "fps": 25 }),
            json!({ "video_length": "25_frames_with_svd_xt", "frames_per_second": 25 }),
            &["`duration`: 25 frames at 25 a second last 1.00 s, which is as near to 4 s as it can be"],
        ),
        (
            "replicate/bytedance/seedream-4",
            json!({ "width": 2048, "height": 2048, "size": "4K" }),
            json!({ "width": 2048, "height": 2048, "size": "4K" }),
            &[
                "`size` must be \"custom\" for all that is given to count",
                "`size` must be \"custom\" for all that is given to count",
            ],
        ),
    ];
    let catalogue = Catalogue::built_in();
    for (name, given, expected, warnings) in table {
        let native = catalogue.get(name).unwrap().native(&map(given)).unwrap();
        assert_eq!(Value::from(native.inputs).to_json(), expected, "{name}");
        assert_eq!(native.warnings, warnings, "{name}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let catalogue = Catalogue::built_in();
    for (name, given, expected) in [
        (
            "fal/fal-ai/flux/dev",
            json!({ "width": 640 }),
            "a size is `width` and `height` together, or `aspect_ratio` alone",
        ),
        (
            "fal/fal-ai/flux/dev",
            json!({ "width": 640, "height": 480, "aspect_ratio": "1:1" }),
            "a size is `width` and `height` together, or `aspect_ratio` alone",
        ),
        (
            "fal/fal-ai/stable-video",
            json!({ "image": IMAGE, "image_url": IMAGE }),
            "`image` and `image_url` are the same, and only one of them can be given",
        ),
    ] {
        let failure = catalogue.get(name).unwrap().native(&map(given)).unwrap_err();
        assert_eq!(failure.message, expected);
    }
}

#[test]
fn what_is_not_known_is_sent_and_said_rather_than_lost() {
    let catalogue = Catalogue::built_in();
    let native = catalogue.get("fal/fal-ai/veo3").unwrap().native(&map(json!({ "novelty": 1 }))).unwrap();
    assert_eq!(Value::from(native.inputs).to_json(), json!({ "novelty": 1 }));
    assert_eq!(
        native.warnings,
        ["nobody knows whether fal/fal-ai/veo3 takes `novelty`: it is sent as it is"]
    );
    let nothing = catalogue.get("fal/fal-ai/veo3").unwrap().native(&map(json!({ "seed": null }))).unwrap();
    assert!(nothing.inputs.is_empty(), "null is left out: providers refuse it");
}

proptest::proptest! {
    #[test]
    fn no_input_of_any_model_is_a_panic(
        model in 0_usize..76,
        parameter in 0_usize..40,
        number in proptest::num::f64::ANY,
        text in ".{0,12}",
    ) {
        let catalogue = Catalogue::built_in();
        let listing = catalogue.iter().nth(model).unwrap();
        let inputs = &listing.contract.inputs;
        let name = inputs[parameter % inputs.len()].name.clone();
        let values = [Value::from(number), Value::from(text.as_str()), Value::list(vec![Value::from(text.as_str())]), Value::Null, Value::map([("width", Value::from(number))])];
        for value in values {
            let given: Map = [(name.clone(), value)].into();
            let _ = listing.contract.validate(&given);
            let _ = listing.native(&given);
            let _ = estimate(listing, &given, &[]);
        }
    }
}
