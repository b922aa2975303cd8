use std::collections::BTreeSet;

use motet_pipeline::price::{Estimate, Facts, Unit};
use motet_pipeline::value::Map;
use motet_pipeline::{Money, Value};
use serde_json::{Value as Json, json};

use super::*;

mod checked;
mod guides;
mod mapping;

fn map(json: Json) -> Map {
    Value::from(json).as_map().cloned().unwrap_or_default()
}

/// All that is wrong with `given` by the contract, and the choices that a check makes of constants.
fn faults(listing: &Listing, given: &Map) -> Vec<String> {
    let contract = &listing.contract;
    let mut faults: Vec<String> = contract.validate(given).into_iter().map(|misfit| misfit.message).collect();
    for choice in &contract.choices {
        let count = choice.names.iter().filter(|name| given.contains_key(name)).count();
        if choice.is_needed && count == 0 || choice.is_exclusive && count > 1 {
            faults.push(format!("of {} {count} are given", choice.names.join(", ")));
        }
    }
    faults
}

fn estimate(listing: &Listing, given: &Map, unknown: &[&str]) -> Result<Estimate, String> {
    let unknown = unknown.iter().map(|name| (*name).to_owned()).collect();
    let facts = Facts { contract: &listing.contract, given, unknown: &unknown, job: None };
    listing.contract.estimate(&facts).map_err(|unpriced| unpriced.reason)
}

/// All models of Replicate, fal and ElevenLabs that the notes name, with their variants.
const NAMED: [&str; 76] = [
    "elevenlabs/eleven_flash_v2_5",
    "elevenlabs/eleven_multilingual_v2",
    "elevenlabs/eleven_text_to_sound_v2",
    "elevenlabs/eleven_turbo_v2_5",
    "elevenlabs/eleven_v3",
    "elevenlabs/music_v1",
    "elevenlabs/music_v2",
    "elevenlabs/music_v2_5",
    "elevenlabs/scribe_v1",
    "elevenlabs/scribe_v2",
    "fal/fal-ai/birefnet/v2",
    "fal/fal-ai/bytedance/seedance/v1/pro/image-to-video",
    "fal/fal-ai/bytedance/seedance/v1/pro/text-to-video",
    "fal/fal-ai/clarity-upscaler",
    "fal/fal-ai/elevenlabs/tts/turbo-v2.5",
    "fal/fal-ai/esrgan",
    "fal/fal-ai/fast-sdxl",
    "fal/fal-ai/ffmpeg-api/merge-videos",
    "fal/fal-ai/flux-pro/kontext",
    "fal/fal-ai/flux-pro/v1.1",
    "fal/fal-ai/flux/dev",
    "fal/fal-ai/flux/schnell",
    "fal/fal-ai/imageutils/nsfw",
    "fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video",
    "fal/fal-ai/kokoro/american-english",
    "fal/fal-ai/minimax-music",
    "fal/fal-ai/minimax/hailuo-02/standard/text-to-video",
    "fal/fal-ai/minimax/video-01",
    "fal/fal-ai/minimax/video-01/image-to-video",
    "fal/fal-ai/nano-banana",
    "fal/fal-ai/nano-banana-pro",
    "fal/fal-ai/nano-banana-pro/edit",
    "fal/fal-ai/nano-banana/edit",
    "fal/fal-ai/stable-audio",
    "fal/fal-ai/stable-video",
    "fal/fal-ai/sync-lipsync/v2",
    "fal/fal-ai/topaz/upscale/video",
    "fal/fal-ai/veo3",
    "fal/fal-ai/veo3.1",
    "fal/fal-ai/veo3.1/fast",
    "fal/fal-ai/veo3.1/fast/image-to-video",
    "fal/fal-ai/veo3.1/image-to-video",
    "fal/fal-ai/veo3/fast",
    "fal/fal-ai/veo3/fast/image-to-video",
    "fal/fal-ai/veo3/image-to-video",
    "fal/fal-ai/wan/v2.2-a14b/text-to-video",
    "fal/fal-ai/whisper",
    "fal/fal-ai/wizper",
    "fal/fal-ai/x-ailab/nsfw",
    "fal/veed/fabric-1.0",
    "fal/veed/fabric-1.0/fast",
    "fal/veed/lipsync",
    "replicate/arielreplicate/robust_video_matting",
    "replicate/black-forest-labs/flux-1.1-pro",
    "replicate/black-forest-labs/flux-kontext-pro",
    "replicate/black-forest-labs/flux-schnell",
    "replicate/bytedance/seedance-1-lite",
    "replicate/bytedance/seedance-1-pro",
    "replicate/bytedance/seedance-1-pro-fast",
    "replicate/bytedance/seedream-4",
    "replicate/codeplugtech/background_remover",
    "replicate/elevenlabs/turbo-v2.5",
    "replicate/google/nano-banana",
    "replicate/google/nano-banana-2",
    "replicate/google/nano-banana-pro",
    "replicate/meta/meta-llama-3-70b-instruct",
    "replicate/meta/musicgen",
    "replicate/minimax/hailuo-02",
    "replicate/minimax/video-01",
    "replicate/minimax/video-01-live",
    "replicate/nateraw/video-background-remover",
    "replicate/nightmareai/real-esrgan",
    "replicate/openai/whisper",
    "replicate/stability-ai/sdxl",
    "replicate/stability-ai/stable-video-diffusion",
    "replicate/vaibhavs10/incredibly-fast-whisper",
];

#[test]
fn every_model_that_the_notes_name_is_in_the_catalogue() {
    let catalogue = Catalogue::built_in();
    let names: Vec<&str> = catalogue.iter().map(|listing| listing.contract.operation.as_str()).collect();
    assert_eq!(names, NAMED);
}

#[test]
fn every_data_file_is_built_in_under_its_models_name_and_written_as_it_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut found = BTreeSet::new();
    for provider in std::fs::read_dir(&folder).unwrap() {
        let provider = provider.unwrap();
        for file in std::fs::read_dir(provider.path()).unwrap() {
            let name = file.unwrap().file_name();
            found.insert(format!("{}/{}", provider.file_name().display(), name.display()));
        }
    }
    assert_eq!(found, files::FILES.iter().map(|(path, _)| (*path).to_owned()).collect());
    for (path, text) in files::FILES {
        let entry = Entry::read(text).unwrap();
        assert_eq!(*path, format!("{}/{}.json", entry.provider, entry.id.replace('/', "--")));
        let written: Json = serde_json::from_str(text).unwrap();
        let again = serde_json::to_value(&entry).unwrap();
        assert_eq!(Entry::read(&again.to_string()).unwrap(), entry, "{path}");
        let lost: Vec<_> =
            written.as_object().unwrap().keys().filter(|key| again.get(key.as_str()).is_none()).collect();
        assert!(lost.is_empty(), "{path} writes what says nothing: {lost:?}");
    }
}

#[test]
fn every_model_and_parameter_is_described_and_says_where_that_is_from() {
    for listing in Catalogue::built_in().iter() {
        let name = &listing.contract.operation;
        assert!(listing.contract.summary.ends_with('.'), "{name}");
        assert!(!listing.entry.source.is_empty(), "{name}");
        for parameter in &listing.contract.inputs {
            assert!(!parameter.description.is_empty(), "{name}: {}", parameter.name);
            let misfit = parameter.default.as_ref().and_then(|default| parameter.misfit(default));
            assert_eq!(misfit, None, "{name}: a default must fit");
            assert!(
                parameter.doubt.is_none() || parameter.default.is_none(),
                "{name}: `{}` is not verified, so its default isn't sent",
                parameter.name
            );
        }
        let is_community = listing.entry.provider == "replicate" && listing.entry.route != "official";
        let version = listing.entry.version.as_deref().unwrap_or_default();
        assert_eq!(is_community, version.len() == 64, "{name}: whoever isn't official needs a whole version");
        assert!(listing.contract.is_paid() && !listing.contract.open_inputs, "{name}");
    }
}

#[test]
fn the_digest_of_a_model_is_of_what_its_calls_depend_on() {
    let of = |entry: Json| serde_json::from_value::<Entry>(entry).unwrap().digest();
    let model = json!({
        "provider": "replicate", "id": "lab/painter", "version": "a", "summary": "Paints.", "call": "job",
        "seconds": [1, 5], "outputs": { "image": { "as": "image" } },
        "inputs": [{ "name": "steps", "type": "integer", "default": 20, "about": "how carefully" }],
    });
    let with = |place: &str, value: Json| {
        let mut changed = model.clone();
        *changed.pointer_mut(place).unwrap() = value;
        of(changed)
    };
    assert_eq!(with("/summary", json!("Draws.")), of(model.clone()));
    assert_eq!(with("/seconds", json!([2, 9])), of(model.clone()));
    assert_eq!(with("/version", json!("b")), of(model.clone()), "it is told by itself");
    assert_eq!(with("/inputs/0/about", json!("how long")), of(model.clone()));
    assert_ne!(with("/inputs/0/default", json!(30)), of(model.clone()));
    assert_ne!(with("/inputs/0/name", json!("num_steps")), of(model.clone()));
    assert_ne!(with("/outputs/image/as", json!("images")), of(model.clone()));
    // It stands in lock files: a field that is new and not given must not change it.
    assert_eq!(of(model.clone()).short(), "54de9a0f");
}

#[test]
fn a_model_is_waited_for_three_times_as_long_as_it_usually_takes_and_video_for_half_an_hour() {
    for listing in Catalogue::built_in().iter() {
        let patience = listing.contract.patience();
        let longest = listing.contract.usual_seconds.1;
        assert!(
            patience.0 as f64 >= 3000.0 * longest && patience.0 >= 60_000,
            "{}",
            listing.contract.operation
        );
        let gives_video = listing.contract.outputs.contains_key("video");
        assert_eq!(gives_video, patience.0 >= 30 * 60 * 1000, "{}", listing.contract.operation);
    }
}

/// The least that a model is given: all that it can't do without.
fn least(listing: &Listing) -> Map {
    let mut given = Map::new();
    let value = |name: &str| match listing.contract.parameter(name).map(|parameter| &parameter.ty) {
        Some(ty) if kind_of(ty).is_some() => Value::from("https://example.com/media"),
        _ => Value::from("720p"),
    };
    for parameter in listing.contract.inputs.iter().filter(|parameter| parameter.required) {
        given.insert(parameter.name.clone(), value(&parameter.name));
    }
    for choice in listing.contract.choices.iter().filter(|choice| choice.is_needed) {
        given.insert(choice.names[0].clone(), value(&choice.names[0]));
    }
    for parameter in &listing.contract.inputs {
        if let (Some(default), false) = (&parameter.default, listing.contract.is_given(parameter, &given)) {
            given.insert(parameter.name.clone(), default.clone());
        }
    }
    given
}

#[test]
fn every_model_takes_its_least_inputs_and_its_defaults_and_is_priced_or_says_why_not() {
    const UNPRICED: [&str; 1] = ["fal/veed/fabric-1.0/fast"];
    let book = PriceBook::built_in();
    for listing in Catalogue::built_in().iter() {
        let name = listing.contract.operation.as_str();
        let given = least(listing);
        assert_eq!(faults(listing, &given), Vec::<String>::new(), "{name}");
        let native = listing.native(&given).unwrap();
        assert!(given.is_empty() || !native.inputs.is_empty(), "{name}");
        assert_eq!(native.warnings, Vec::<String>::new(), "{name}: what is not given needs no warning");
        match estimate(listing, &given, &[]) {
            Ok(Estimate { low, likely, high, .. }) => {
                assert!(
                    Money::ZERO < low && low <= likely && likely <= high,
                    "{name}: {low} {likely} {high}"
                );
                assert!(high <= "50".parse().unwrap(), "{name}: at most {high}");
            }
            Err(reason) => {
                assert!(UNPRICED.contains(&name), "{name}: {reason}");
                assert!(!book.price(&listing.entry).unwrap_err().reason.is_empty());
            }
        }
    }
    for name in UNPRICED {
        assert!(
            Catalogue::built_in().get(name).unwrap().contract.price.is_none(),
            "{name} has a price by now"
        );
    }
}

#[test]
fn every_unit_that_is_billed_follows_from_inputs_and_every_condition_is_about_one() {
    const ONE_A_CALL: [Unit; 5] = [Unit::Video, Unit::Song, Unit::Request, Unit::Mesh, Unit::GpuSecond];
    for listing in Catalogue::built_in().iter() {
        let (name, contract) = (&listing.contract.operation, &listing.contract);
        let Some(price) = &contract.price else { continue };
        for tariff in &price.tariffs {
            let is_one_picture = tariff.unit == Unit::Image && contract.parameter("count").is_none();
            let is_known = ONE_A_CALL.contains(&tariff.unit) || is_one_picture;
            assert!(
                is_known || price.quantities.contains_key(&tariff.unit),
                "{name}: how many `{}`?",
                tariff.unit
            );
            for condition in &tariff.when {
                let is_measure = condition.subject.starts_with("output_");
                assert!(
                    is_measure || contract.parameter(&condition.subject).is_some(),
                    "{name}: `{condition}` is about nothing that it takes"
                );
            }
        }
        let factors = price.quantities.values().flatten().flat_map(|factor| &factor.from);
        for source in factors {
            assert!(contract.parameter(&source.input).is_some(), "{name} takes no `{}`", source.input);
        }
    }
}

#[test]
fn prices_follow_from_inputs() {
    let table: [(&str, Json, &[&str], &str); 14] = [
        ("fal/fal-ai/flux/schnell", json!({ "prompt": "p" }), &[], "0.003 0.003 0.003"),
        (
            "fal/fal-ai/flux/schnell",
            json!({ "prompt": "p", "count": 4, "width": 2048, "height": 1024 }),
            &[],
            "0.024 0.024 0.024",
        ),
        ("fal/fal-ai/flux/dev", json!({ "prompt": "p", "aspect_ratio": "1:1" }), &[], "0.025 0.025 0.025"),
        (
            "replicate/bytedance/seedance-1-pro",
            json!({ "prompt": "p", "resolution": "480p", "duration": 10 }),
            &[],
            "0.3 0.3 0.3",
        ),
        ("replicate/bytedance/seedance-1-pro", json!({ "prompt": "p" }), &[], "0.75 0.75 0.75"),
        ("replicate/bytedance/seedance-1-pro", json!({ "prompt": "p" }), &["duration"], "0.3 0.75 1.8"),
        ("fal/fal-ai/veo3", json!({ "prompt": "p" }), &[], "3.2 3.2 3.2"),
        (
            "fal/fal-ai/veo3",
            json!({ "prompt": "p", "duration": "4s", "generate_audio": false }),
            &[],
            "0.8 0.8 0.8",
        ),
        (
            "fal/fal-ai/nano-banana-pro",
            json!({ "prompt": "p", "resolution": "4K", "count": 2 }),
            &[],
            "0.6 0.6 0.6",
        ),
        ("elevenlabs/eleven_turbo_v2_5", json!({ "text": "x".repeat(1000) }), &[], "0.04 0.04 0.04"),
        ("elevenlabs/eleven_turbo_v2_5", json!({}), &["text"], "0.00004 0.02 1.6"),
        ("elevenlabs/music_v1", json!({ "prompt": "p", "music_length_ms": 30_000 }), &[], "0.15 0.15 0.15"),
        ("elevenlabs/music_v1", json!({ "prompt": "p", "duration": 30 }), &[], "0.15 0.15 0.15"),
        ("replicate/stability-ai/sdxl", json!({ "prompt": "p" }), &[], "0.00312 0.00624 0.01872"),
    ];
    let catalogue = Catalogue::built_in();
    for (name, given, unknown, expected) in table {
        let Estimate { low, likely, high, .. } =
            estimate(catalogue.get(name).unwrap(), &map(given.clone()), unknown).unwrap();
        assert_eq!(format!("{low} {likely} {high}"), expected, "{name} {given}");
    }
}

#[test]
fn an_unknown_model_is_answered_with_what_to_do() {
    let catalogue = Catalogue::built_in();
    for (name, expected) in [
        (
            "replicate/someone/theirs",
            Some("add it by what its provider publishes: motet models add replicate/someone/theirs"),
        ),
        (
            "fal/fal-ai/brand-new/v3",
            Some("add it by what its provider publishes: motet models add fal/fal-ai/brand-new/v3"),
        ),
        ("elevenlabs/turbo-v2.5", Some("it is called `elevenlabs/eleven_turbo_v2_5` here")),
        (
            "replicate/meta/llama-3-70b-instruct",
            Some("it is called `replicate/meta/meta-llama-3-70b-instruct` here"),
        ),
        ("replicate/nothing", None),
        ("replicate/a b/c", None),
        ("replicate/a/b:c d", None),
        ("fal/fal-ai/veo3", None),
        ("task/x/y", None),
    ] {
        assert_eq!(catalogue.advice(name).as_deref(), expected, "{name}");
    }
}

#[test]
fn a_model_is_also_found_by_the_version_that_is_known_and_by_no_other() {
    let catalogue = Catalogue::built_in();
    let whisper = catalogue.get("replicate/openai/whisper").unwrap();
    let version = whisper.entry.version.clone().unwrap();
    let versioned = format!("replicate/openai/whisper:{version}");
    assert_eq!(catalogue.get(&versioned), Some(whisper));
    assert!(catalogue.contracts().any(|contract| contract.operation == versioned));
    let other = "replicate/openai/whisper:91ee9c0c3df30478510ff8c8a3a545add1ad0259ad3a9f78fba57fbc05ee64f7";
    assert_eq!(catalogue.get(other), None);
    assert_eq!(
        catalogue.advice(other),
        Some(format!("add it by what its provider publishes: motet models add {other}"))
    );
}

#[test]
fn a_data_file_that_cannot_be_used_is_refused_in_words() {
    let whole = json!({
        "provider": "fal", "id": "x/y", "summary": "Does.", "call": "job", "seconds": [1, 2],
        "inputs": [{ "name": "prompt", "type": "text", "about": "what" }],
        "outputs": { "image": { "at": "images", "as": "image" } },
    });
    assert!(Entry::read(&whole.to_string()).is_ok());
    let change = |pointer: &str, value: Json| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        Entry::read(&changed.to_string()).unwrap_err().to_string()
    };
    for (pointer, value, words) in [
        ("/provider", json!(""), "names no `provider`"),
        ("/seconds", json!([2, 1]), "`seconds` must be the least and the most"),
        ("/outputs", json!({}), "no `outputs`"),
        ("/inputs/0/type", json!("picture"), "`picture` is no type of a parameter"),
        ("/inputs/0/name", json!(""), "has no name"),
        (
            "/inputs",
            json!([{ "name": "a", "type": "text", "about": "" }, { "name": "b.a", "type": "text", "about": "" }]),
            "two inputs are called `a`",
        ),
        (
            "/inputs/0",
            json!({ "name": "ms", "form": { "scaled": 1000 }, "type": "integer", "about": "" }),
            "needs another name",
        ),
        (
            "/inputs/0",
            json!({ "name": "ms", "is": "s", "form": { "scaled": 0 }, "type": "integer", "about": "" }),
            "scaled by 0",
        ),
        (
            "/inputs/0",
            json!({ "name": "a", "type": "text", "about": "", "implies": { "b": 1 } }),
            "there is no input `b`",
        ),
        ("/call", json!("both"), "unknown variant"),
    ] {
        let found = change(pointer, value);
        assert!(found.contains(words), "{pointer}: {found}");
        assert!(found.starts_with("this is no description of a model: "), "{found}");
    }
    assert!(Entry::read("[").is_err());
}
