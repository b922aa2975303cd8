//! The files that jobs make, as ffmpeg sees them.

mod world;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use world::{VOICE, World, whole};

/// What a file is, by ffprobe, after ffmpeg has decoded all of it.
fn probe(bytes: &[u8], extension: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("file.{extension}"));
    std::fs::write(&path, bytes).expect("written");
    decode(&path);
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_format", "-show_streams"]).arg(&path);
    let output = command.output().expect("ffprobe is on this machine");
    serde_json::from_slice(&output.stdout).expect("ffprobe says JSON")
}

fn decode(path: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-xerror", "-i"]).arg(path).args(["-f", "null", "-"]);
    let output = command.output().expect("ffmpeg is on this machine");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn seconds(probed: &Value) -> f64 {
    probed["format"]["duration"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn size(probed: &Value) -> (u64, u64) {
    let side = |name: &str| probed["streams"][0][name].as_u64().unwrap_or(0);
    (side("width"), side("height"))
}

/// The first file that a Replicate model makes.
fn replicate(model: &str, input: &Value) -> (Vec<u8>, String) {
    let mut world = World::new("");
    let (_, described) = world.get(&format!("/replicate/v1/models/{model}"));
    let (status, made) = if described["is_official"] == true {
        world.post(&format!("/replicate/v1/models/{model}/predictions"), &json!({ "input": input }))
    } else {
        let version = &described["latest_version"]["id"];
        world.post("/replicate/v1/predictions", &json!({ "version": version, "input": input }))
    };
    assert_eq!(status, 201, "{made}");
    let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
    let (_, done) = world.later(600).get(&get);
    let output = &done["output"];
    let url = output.as_str().or_else(|| output[0].as_str()).expect("a URL").to_owned();
    (whole(&world.fetch(&url)), url.rsplit('.').next().unwrap_or_default().to_owned())
}

fn fal(model: &str, input: &Value) -> (World, Value) {
    let mut world = World::new("");
    let (status, result) = world.post(&format!("/fal/run/{model}"), input);
    assert_eq!(status, 200, "{result}");
    world.later(600);
    (world, result)
}

#[test]
fn pictures_have_the_size_and_format_that_were_asked_for() {
    let flux = "black-forest-labs/flux-schnell";
    for (format, ratio, expected) in [
        ("webp", "16:9", (1344, 768)),
        ("png", "1:1", (1024, 1024)),
        ("jpg", "9:16", (768, 1344)),
        ("jpg", "21:9", (1536, 640)),
    ] {
        let input = json!({ "prompt": "x", "output_format": format, "aspect_ratio": ratio });
        let (bytes, extension) = replicate(flux, &input);
        assert_eq!((size(&probe(&bytes, &extension)), extension.as_str()), (expected, format));
    }
    let (mut world, result) =
        fal("fal-ai/fast-sdxl", &json!({ "prompt": "x", "image_size": { "width": 777, "height": 333 } }));
    let image = &result["images"][0];
    let bytes = whole(&world.fetch(image["url"].as_str().expect("a URL")));
    assert_eq!(
        (size(&probe(&bytes, "jpg")), bytes.len()),
        ((777, 333), image["file_size"].as_u64().unwrap_or(0) as usize)
    );
}

#[test]
fn films_have_the_size_and_length_that_were_asked_for() {
    let seedance = "bytedance/seedance-1-pro";
    for (resolution, ratio, duration, expected) in [
        ("480p", "16:9", 2, (854, 480)),
        ("720p", "9:16", 5, (720, 1280)),
        ("1080p", "16:9", 12, (1920, 1080)),
    ] {
        let input =
            json!({ "prompt": "x", "resolution": resolution, "aspect_ratio": ratio, "duration": duration });
        let probed = probe(&replicate(seedance, &input).0, "mp4");
        assert_eq!((size(&probed), seconds(&probed)), (expected, f64::from(duration)));
        assert_eq!(probed["streams"][0]["codec_name"], "h264");
        assert_eq!(probed["streams"].as_array().map(Vec::len), Some(1), "no sound");
    }
    let (mut world, result) = fal("fal-ai/veo3", &json!({ "prompt": "x", "duration": "4s" }));
    let probed = probe(&whole(&world.fetch(result["video"]["url"].as_str().expect("a URL"))), "mp4");
    assert_eq!((size(&probed), probed["streams"][1]["codec_name"].as_str()), ((1280, 720), Some("aac")));
    assert!((seconds(&probed) - 4.0).abs() < 0.05);
}

#[test]
fn a_film_follows_the_picture_and_the_sound_that_it_is_made_from() {
    let mut world = World::new("");
    let (_, picture) =
        world.post("/fal/run/fal-ai/flux/dev", &json!({ "prompt": "x", "image_size": "portrait_4_3" }));
    let (_, sound) =
        world.post("/fal/run/fal-ai/elevenlabs/tts/turbo-v2.5", &json!({ "text": "x".repeat(60) }));
    world.later(60);
    let input = json!({ "image_url": picture["images"][0]["url"], "audio_url": sound["audio"]["url"], "resolution": "720p" });
    let (_, film) = world.post("/fal/run/veed/fabric-1.0", &input);
    world.later(600);
    let probed = probe(&whole(&world.fetch(film["video"]["url"].as_str().expect("a URL"))), "mp4");
    assert_eq!(size(&probed), (720, 960));
    assert!((seconds(&probed) - 4.3).abs() < 0.1, "{}", seconds(&probed));
    let charged = world.charged()[2].expect("it is over");
    assert!((charged - 4.3 * 0.15).abs() < 1e-9, "{charged}");
}

#[test]
fn sounds_have_the_length_that_was_asked_for() {
    let (bytes, _) = replicate("meta/musicgen", &json!({ "prompt": "x", "duration": 3 }));
    assert!((seconds(&probe(&bytes, "wav")) - 3.0).abs() < 0.01);
    for format in
        ["mp3_22050_32", "mp3_24000_48", "mp3_44100_32", "mp3_44100_64", "mp3_44100_128", "mp3_44100_192"]
    {
        let mut world = World::new("");
        let path = format!("/elevenlabs/v1/sound-generation?output_format={format}");
        let bytes =
            whole(&world.answer("POST", &path, &json!({ "text": "a door", "duration_seconds": 7.5 })));
        let probed = probe(&bytes, "mp3");
        assert!((seconds(&probed) - 7.5).abs() < 0.06, "{format}: {}", seconds(&probed));
        assert_eq!(probed["streams"][0]["sample_rate"].as_str(), format.split('_').nth(1));
    }
}

#[test]
fn no_two_jobs_give_the_same_bytes() {
    let mut world = World::new("");
    let path = format!("/elevenlabs/v1/text-to-speech/{VOICE}");
    let first = whole(&world.answer("POST", &path, &json!({ "text": "same" })));
    let second = whole(&world.answer("POST", &path, &json!({ "text": "same" })));
    assert!(first != second && first.len() == second.len());
}
