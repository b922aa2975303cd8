//! Calls that the tests make.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Digest, MediaKind, Span, Value};
use motet_providers::adapter::Call;
use motet_providers::http::Limits;
use motet_providers::model::{Form, Model, Reading};
use motet_providers::{Provider, Registry};
use serde_json::json;

pub const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";
pub const VERSION: &str = "671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb";

/// The call of this name.
pub fn call(name: &str) -> Call {
    let cat = json!({ "prompt": "a cat", "seed": 7 });
    match name {
        "flux" => of(
            "replicate",
            "black-forest-labs/flux-schnell",
            &[("image", "", Form::Image), ("images", "", Form::Images)],
            cat,
        ),
        "musicgen" => Call {
            model: Arc::new(Model {
                version: Some(VERSION.to_owned()),
                ..model("replicate", "meta/musicgen", &[("audio", "", Form::Audio)])
            }),
            ..of("replicate", "meta/musicgen", &[], json!({ "prompt": "drums", "duration": 8, "top_p": 0.0 }))
        },
        "whisper" => of(
            "replicate",
            "vaibhavs10/incredibly-fast-whisper",
            &[("text", "text", Form::Text), ("words", "chunks", Form::Words)],
            json!({ "audio": "https://a.b/c.mp3" }),
        ),
        "flux_dev" => of("fal", "fal-ai/flux/dev", &[("images", "images", Form::Images)], cat),
        "veo" => of("fal", "fal-ai/veo3/fast", &[("video", "video", Form::Video)], cat),
        "speech" => of(
            "elevenlabs",
            "eleven_turbo_v2_5",
            &[("audio", "", Form::Audio), ("alignment", "alignment", Form::Value)],
            json!({
                "text": "Hi y", "voice_id": VOICE, "output_format": "mp3_44100_128", "stability": 0.5, "speed": 1.1, "seed": 7
            }),
        ),
        "sound" => of(
            "elevenlabs",
            "eleven_text_to_sound_v2",
            &[("audio", "", Form::Audio)],
            json!({ "text": "rain", "duration_seconds": 2, "loop": true }),
        ),
        "music" => of(
            "elevenlabs",
            "music_v1",
            &[("audio", "", Form::Audio)],
            json!({ "prompt": "a waltz", "music_length_ms": 10000, "output_format": "opus_48000_96" }),
        ),
        "scribe" | "scribe_job" => {
            let outputs = [
                ("text", "text", Form::Text),
                ("words", "words", Form::Words),
                ("language", "language_code", Form::Text),
            ];
            let mut call = of(
                "elevenlabs",
                "scribe_v1",
                &outputs,
                json!({ "diarize": true, "num_speakers": 2, "keyterms": ["Motet"] }),
            );
            call.inputs.insert("file".to_owned(), sound().into());
            if name == "scribe_job" {
                call.model =
                    Arc::new(Model { route: "transcription_job".to_owned(), ..(*call.model).clone() });
            }
            call
        }
        "web_get" => of(
            "http",
            "request",
            &[],
            json!({ "url": "https://api.example.com/v1/x?a=1", "query": { "q": "a b&c" } }),
        ),
        "web_post" => of(
            "http",
            "request",
            &[],
            json!({
                "url": "https://api.example.com/v1/x", "json": { "a": [1, null] },
                "headers": { "Authorization": ["Bearer ", { "secret": "EXAMPLE_KEY" }], "X-Api-Key": { "secret": "OTHER_KEY" }, "accept": "application/json" }
            }),
        ),
        other => panic!("there is no call `{other}`"),
    }
}

/// The provider of a call.
pub fn provider(call: &Call) -> Arc<dyn Provider> {
    Registry::default().get(&call.model.provider).expect("the calls name providers that there are").clone()
}

fn model(provider: &str, id: &str, outputs: &[(&str, &str, Form)]) -> Model {
    let outputs = outputs.iter().map(|(name, at, form)| ((*name).to_owned(), Reading::new(at, *form)));
    Model { provider: provider.to_owned(), id: id.to_owned(), outputs: outputs.collect(), ..Model::default() }
}

fn of(provider: &str, id: &str, outputs: &[(&str, &str, Form)], inputs: serde_json::Value) -> Call {
    let mut model = model(provider, id, outputs);
    if id == "eleven_turbo_v2_5" {
        model.outputs.get_mut("alignment").expect("it is listed").optional = true;
    }
    let inputs = Value::from(inputs).as_map().cloned().unwrap_or_default();
    Call {
        model: Arc::new(model),
        inputs,
        files: BTreeMap::new(),
        token: "tok_0123456789abcdef".to_owned(),
        mark: "run1/shots[k3]/still/2".to_owned(),
        credential: "TEST_KEY".to_owned(),
        hook_url: Some("https://motet.example.com/hooks/x".to_owned()),
        stop_after: None,
        limits: Limits::default(),
    }
}

/// The same with one input more.
pub fn with(mut call: Call, name: &str, value: impl Into<Value>) -> Call {
    call.inputs.insert(name.to_owned(), value.into());
    call
}

/// The same, stopped after 90 seconds and without a webhook.
pub fn bounded(call: Call) -> Call {
    Call { stop_after: Some(Span::milliseconds(90_001)), hook_url: None, ..call }
}

/// The same with other inputs.
pub fn given(call: Call, inputs: serde_json::Value) -> Call {
    Call { inputs: Value::from(inputs).as_map().cloned().unwrap_or_else(Map::new), ..call }
}

pub fn picture(bytes: u64) -> Artifact {
    artifact(MediaKind::Image, "image/png", bytes)
}

pub fn sound() -> Artifact {
    artifact(MediaKind::Audio, "audio/mpeg", 30_000)
}

fn artifact(kind: MediaKind, mime: &str, bytes: u64) -> Artifact {
    Artifact {
        digest: Digest::of(b"the bytes of the artifact"),
        kind,
        mime: mime.to_owned(),
        bytes,
        width: None,
        height: None,
        duration: None,
        fps: None,
        has_audio: None,
    }
}
