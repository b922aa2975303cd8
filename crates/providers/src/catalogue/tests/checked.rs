//! What a check says of pipelines that use models.

use motet_pipeline::Bundle;
use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue as Contracts;
use motet_pipeline::diagnostic::render;

use super::*;

/// What a check says of a file of these steps, as its user reads it.
fn said_of(steps: &str) -> String {
    let mut contracts = Contracts::default();
    Catalogue::built_in().teach(&mut contracts);
    let text = format!("motet: 1\nname: film\nsteps:\n{steps}");
    render(&check(&Bundle::of_text("film.yaml", text), &contracts).diagnostics, false)
}

#[test]
fn all_pictures_of_one_model_are_no_picture_for_the_next() {
    insta::assert_snapshot!(said_of(
        "  still: { uses: replicate/stability-ai/sdxl, with: { prompt: a cat } }
  clip:
    uses: replicate/stability-ai/stable-video-diffusion
    with: { image: \"{{ steps.still.images }}\" }
"
    ));
}

#[test]
fn what_a_model_lacks_and_what_is_out_of_its_bounds_is_said_at_once() {
    insta::assert_snapshot!(said_of(
        "  clip:
    uses: fal/fal-ai/veo3
    with: { prompt: a harbour, duration: 5, camera_motion: fixed, seed: \"1\" }
"
    ));
}

#[test]
fn what_is_not_verified_is_a_warning() {
    insta::assert_snapshot!(said_of(
        "  still:
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: a harbour, go_fast: false, aspect_ratio: \"16:9\" }
  clip:
    uses: replicate/stability-ai/stable-video-diffusion
    with: { image: \"{{ steps.still.image }}\", motion_bucket_id: 300 }
"
    ));
}

#[test]
fn a_model_that_is_not_in_the_catalogue_comes_with_the_command_that_adds_it() {
    insta::assert_snapshot!(said_of(
        "  a: { uses: replicate/someone/theirs, with: { prompt: p } }
  b: { uses: fal/google/nano-banana, with: { prompt: p } }
  c: { uses: elevenlabs/turbo-v2.5, with: { text: t } }
"
    ));
}

#[test]
fn a_providers_own_names_and_addresses_of_media_are_taken() {
    let said = said_of(
        "  clip:
    uses: fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video
    with: { prompt: p, image_url: \"https://example.com/a.png\", duration: \"10\" }
  still:
    uses: fal/fal-ai/nano-banana/edit
    with: { prompt: p, image: [\"https://example.com/a.png\"] }
",
    );
    assert_eq!(said, "");
}

#[test]
fn words_that_a_model_wrote_are_no_picture() {
    let said = said_of(
        "  words: { uses: replicate/meta/meta-llama-3-70b-instruct, with: { prompt: p } }
  clip:
    uses: replicate/stability-ai/stable-video-diffusion
    with: { image: \"{{ steps.words.text }}\" }
",
    );
    assert!(said.starts_with("error[type]: text can't be the `image` of"), "{said}");
}

#[test]
fn a_picture_given_by_both_names_or_by_none_is_refused() {
    let both = said_of(
        "  clip:
    uses: fal/fal-ai/stable-video
    with: { image: \"https://example.com/a.png\", image_url: \"https://example.com/a.png\" }
",
    );
    assert!(both.contains("takes `image` or `image_url`, and no more than one of them"), "{both}");
    let none = said_of("  clip: { uses: fal/fal-ai/stable-video }\n");
    assert!(none.starts_with("error[missing-parameter]: fal/fal-ai/stable-video needs `image`"), "{none}");
}
