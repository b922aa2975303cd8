//! Changes of answers that the scenario asks for.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::Sim;
use crate::http::{self, Answer, Body};
use crate::scenario::Scenario;

impl Sim {
    /// The answer with renamed fields and an unknown one, if the scenario says so.
    pub(super) fn altered(&self, answer: Answer) -> Answer {
        let Scenario { rename: names, unknown_field, .. } = self.scenario();
        if names.is_empty() && !unknown_field {
            return answer;
        }
        let altered = |bytes: &Bytes| {
            // A whole body, a JSON line, or a server-sent event.
            let (head, json) = match bytes.strip_prefix(b"data: ") {
                Some(json) => (&b"data: "[..], json),
                None => (&b""[..], &bytes[..]),
            };
            let Ok(mut value) = serde_json::from_slice::<Value>(json) else { return bytes.clone() };
            alter(&mut value, names, *unknown_field);
            let end = if bytes.ends_with(b"\n\n") { "\n\n" } else { "\n" };
            Bytes::from([head, value.to_string().as_bytes(), end.as_bytes()].concat())
        };
        let body = match &answer.body {
            Body::Whole(bytes) => Body::Whole(altered(bytes)),
            Body::Stream(pieces) => Body::Stream(
                pieces
                    .iter()
                    .map(|piece| http::Piece { after: piece.after, bytes: piece.bytes.as_ref().map(altered) })
                    .collect(),
            ),
            Body::Cut { .. } => return answer,
        };
        answer.saying(body)
    }
}

/// The answer with its JSON cut in half.
pub(super) fn broken_json(answer: Answer) -> Answer {
    let is_json = answer.headers.iter().any(|(name, value)| name == "content-type" && value.contains("json"));
    match &answer.body {
        Body::Whole(bytes) if is_json && bytes.len() > 1 => {
            let half = bytes.slice(..bytes.len() / 2);
            answer.saying(Body::Whole(half))
        }
        _ => Answer::new(answer.status, "application/json", Bytes::from_static(b"{\"detail\": "))
            .after(answer.after),
    }
}

fn alter(value: &mut Value, names: &BTreeMap<String, String>, unknown_field: bool) {
    match value {
        Value::Object(map) => {
            for (old, new) in names {
                if let Some(value) = map.remove(old) {
                    map.insert(new.clone(), value);
                }
            }
            // What the client sent is echoed unchanged.
            let own = map
                .iter_mut()
                .filter(|(name, _)| !["input", "metadata", "webhook_metadata"].contains(&name.as_str()));
            own.for_each(|(_, value)| alter(value, names, unknown_field));
            if unknown_field {
                map.insert("x_simulated".to_owned(), Value::from("a field that nobody knows"));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|value| alter(value, names, unknown_field)),
        _ => {}
    }
}
