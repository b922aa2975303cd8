//! Inputs that a provider shows again, compared with those that were sent.

use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Digest, Value};
use serde_json::Value as Json;

use crate::adapter::Call;
use crate::output::decoded;

/// Whether `shown` can be what came of `sent`: every input is there with an equal value. Others may be there as well,
/// because providers fill in defaults. Media that were sent within the request may be shown in any way, but not as the
/// bytes of others.
pub(crate) fn shows(call: &Call, sent: &Map, shown: &serde_json::Map<String, Json>) -> bool {
    sent.iter().all(|(name, value)| match (value, shown.get(name)) {
        (Value::Absent | Value::Null, shown) => shown.is_none_or(Json::is_null),
        (_, None) => false,
        (value, Some(shown)) => is_equal(call, value, shown),
    })
}

fn is_equal(call: &Call, sent: &Value, shown: &Json) -> bool {
    match (sent, shown) {
        (Value::Media(artifact), Json::String(shown)) => is_media(call, artifact, shown),
        (Value::Bool(sent), Json::Bool(shown)) => sent == shown,
        (Value::Text(sent), Json::String(shown)) => **sent == **shown,
        (Value::Number(sent), Json::Number(shown)) => sent == shown || is_same_float(sent, shown),
        (Value::List(sent), Json::Array(shown)) => {
            let mut sent = sent.iter().filter(|item| !item.is_absent());
            shown.iter().all(|shown| sent.next().is_some_and(|sent| is_equal(call, sent, shown)))
                && sent.next().is_none()
        }
        (Value::Map(sent), Json::Object(shown)) => shows(call, sent, shown),
        (Value::Null | Value::Absent, Json::Null) => true,
        _ => false,
    }
}

/// `5` and `5.0`: a provider may write either.
fn is_same_float(sent: &serde_json::Number, shown: &serde_json::Number) -> bool {
    (sent.is_f64() || shown.is_f64()) && sent.as_f64() == shown.as_f64()
}

fn is_media(call: &Call, artifact: &Artifact, shown: &str) -> bool {
    match (call.files.get(&artifact.digest), shown.strip_prefix("data:").and_then(decoded)) {
        (Some(url), _) => url == shown,
        (None, Some((_, bytes))) => Digest::of(&bytes) == artifact.digest,
        (None, None) => true,
    }
}
