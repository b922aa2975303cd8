//! The bodies that the guides send, with the names that they call models by.

use super::*;

/// What a guide's call is answered with: as it stands, with the native inputs, or refused.
enum Answer {
    Taken(Json),
    Called(&'static str),
    Refused(&'static str),
}

#[test]
fn the_bodies_of_the_guides_are_taken_as_they_stand_or_answered_with_the_name_to_use() {
    const IMAGE: &str = "https://replicate.delivery/image.png";
    let table: [(&str, Json, Answer); 9] = [
        // Chaining: SDXL, then Stable Video Diffusion with the four parameters that the guide shows.
        (
            "replicate/stability-ai/sdxl",
            json!({ "prompt": "a cat" }),
            Answer::Taken(json!({ "prompt": "a cat" })),
        ),
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "image": IMAGE, "sizing_strategy": "maintain_aspect_ratio", "frames_per_second": 6, "motion_bucket_id": 127 }),
            Answer::Taken(json!({
                "input_image": IMAGE, "sizing_strategy": "maintain_aspect_ratio", "frames_per_second": 6, "motion_bucket_id": 127,
            })),
        ),
        // The same through one interface, with fewer parameters.
        (
            "replicate/stability-ai/stable-video-diffusion",
            json!({ "image": IMAGE, "sizing_strategy": "maintain_aspect_ratio", "motion_bucket_id": 127 }),
            Answer::Taken(
                json!({ "input_image": IMAGE, "sizing_strategy": "maintain_aspect_ratio", "motion_bucket_id": 127 }),
            ),
        ),
        ("fal/fal-ai/fast-sdxl", json!({ "prompt": "a cat" }), Answer::Taken(json!({ "prompt": "a cat" }))),
        // A pipeline of a software kit: the names that it has for models and parameters.
        (
            "replicate/bytedance/seedance-1-pro",
            json!({ "image": IMAGE, "prompt": "a cat" }),
            Answer::Taken(json!({ "image": IMAGE, "prompt": "a cat" })),
        ),
        (
            "fal/google/nano-banana",
            json!({ "prompt": "a cat in space" }),
            Answer::Called("fal/fal-ai/nano-banana"),
        ),
        (
            "fal/fal-ai/nano-banana",
            json!({ "prompt": "a cat in space" }),
            Answer::Taken(json!({ "prompt": "a cat in space" })),
        ),
        (
            "elevenlabs/turbo-v2.5",
            json!({ "text": "A cat floating in space" }),
            Answer::Called("elevenlabs/eleven_turbo_v2_5"),
        ),
        (
            "elevenlabs/eleven_turbo_v2_5",
            json!({ "text": "A cat floating in space", "voiceId": "x" }),
            Answer::Refused("did you mean `voice_id`?"),
        ),
    ];
    let catalogue = Catalogue::built_in();
    for (name, body, expected) in table {
        let given = map(body.clone());
        match (expected, catalogue.get(name)) {
            (Answer::Taken(native), Some(listing)) => {
                assert_eq!(faults(listing, &given), Vec::<String>::new(), "{name} {body}");
                assert_eq!(Value::from(listing.native(&given).unwrap().inputs).to_json(), native, "{name}");
            }
            (Answer::Refused(words), Some(listing)) => {
                let faults = faults(listing, &given);
                assert!(faults.iter().any(|fault| fault.contains(words)), "{name}: {faults:?}");
            }
            (Answer::Called(right), None) => assert_eq!(catalogue.meant_by(name), Some(right)),
            (_, found) => panic!("{name}: {}", found.is_some()),
        }
    }
}

#[test]
fn the_body_without_a_prompt_that_a_guide_shows_is_refused_before_it_is_sent() {
    let catalogue = Catalogue::built_in();
    let seedance = catalogue.get("replicate/bytedance/seedance-1-pro").unwrap();
    let body = map(json!({ "image": "https://example.com/a.png" }));
    assert_eq!(faults(seedance, &body), ["replicate/bytedance/seedance-1-pro needs `prompt` (text)"]);
}
