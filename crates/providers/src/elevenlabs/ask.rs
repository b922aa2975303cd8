//! What is sent to ElevenLabs, for each thing that it does.

use motet_pipeline::value::Map;
use motet_pipeline::{Failure, Value};

use crate::adapter::Call;
use crate::http::Body;
use crate::json::is_id;
use crate::payload::{self, Form};
use crate::place;

/// Inputs that stand in the query.
const IN_QUERY: [&str; 3] = ["output_format", "enable_logging", "optimize_streaming_latency"];

/// Inputs that stand together in `voice_settings`.
const OF_VOICE: [&str; 5] = ["stability", "similarity_boost", "style", "use_speaker_boost", "speed"];

/// Speech, with the times of its characters.
pub(super) fn speech(call: &Call) -> Result<(String, Body), Failure> {
    let mut inputs = call.inputs.clone();
    let voice = inputs.remove("voice_id");
    let Some(voice) = voice.as_ref().and_then(Value::as_str).filter(|voice| is_id(voice)) else {
        return Err(Failure::invalid("`voice_id` must be the id of a voice"));
    };
    let given = inputs.remove("voice_settings");
    let mut settings = given.as_ref().and_then(Value::as_map).cloned().unwrap_or_default();
    for name in OF_VOICE {
        if let Some(value) = inputs.remove(name) {
            settings.insert(name.to_owned(), value);
        }
    }
    if !settings.is_empty() {
        inputs.insert("voice_settings".to_owned(), settings.into());
    }
    sent(call, &format!("/v1/text-to-speech/{}/with-timestamps", place::encoded(voice)), inputs)
}

/// Sound or music.
pub(super) fn sound(call: &Call, path: &str) -> Result<(String, Body), Failure> {
    sent(call, path, call.inputs.clone())
}

fn sent(call: &Call, path: &str, mut inputs: Map) -> Result<(String, Body), Failure> {
    let query: Vec<_> =
        IN_QUERY.iter().filter_map(|name| Some((*name, plain(&inputs.remove(name)?)?))).collect();
    inputs.insert("model_id".to_owned(), call.model.id.as_str().into());
    Ok((place::with_query(path, query), payload::json(call, &inputs.into())?))
}

/// Transcription of a file, or of what stands at a URL.
pub(super) fn transcription(call: &Call, is_job: bool) -> Result<(String, Body), Failure> {
    let mut form = Form::new(&call.token).text("model_id", &call.model.id);
    let mut query = Vec::new();
    for (name, value) in call.inputs.iter() {
        form = match value {
            Value::Media(artifact) => match call.files.get(&artifact.digest) {
                Some(url) => form.text("cloud_storage_url", url),
                None => form.file(name, artifact),
            },
            Value::Absent | Value::Null => form,
            Value::Text(url) if name == "file" && place::is_web_address(url) => {
                form.text("cloud_storage_url", url)
            }
            Value::List(_) | Value::Map(_) => form.text(name, &value.to_json().to_string()),
            value => match plain(value) {
                Some(text) if IN_QUERY.contains(&name.as_str()) => {
                    query.push((name.as_str(), text));
                    form
                }
                Some(text) => form.text(name, &text),
                None => form,
            },
        };
    }
    if is_job {
        let token = serde_json::json!({ "token": call.token });
        form = form.text("webhook", "true").text("webhook_metadata", &token.to_string());
    }
    Ok((place::with_query("/v1/speech-to-text", query), form.body()))
}

/// A single value as a text without quotes.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_json().to_string()),
        _ => None,
    }
}
