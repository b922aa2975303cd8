//! Which job a lost call can be.

use motet_pipeline::{Artifact, Digest, Value};
use motet_providers::adapter::Call;
use motet_providers::answer::Likeness;
use motet_providers::http::Reply;
use serde_json::{Value as Json, json};

use crate::calls::{call, given, picture, provider, with};

fn likeness(sent: Json, shown: Json) -> Likeness {
    likeness_of(&given(call("flux"), sent), shown)
}

fn likeness_of(call: &Call, shown: Json) -> Likeness {
    let found = json!({ "results": [{
        "id": "x", "status": "starting", "model": "black-forest-labs/flux-schnell", "input": shown
    }] });
    let reply = Reply { status: 200, body: found.to_string().into_bytes(), ..Reply::default() };
    provider(call).read_search(call, reply).unwrap().jobs[0].likeness
}

#[test]
fn inputs_that_a_provider_shows_are_compared_by_what_they_mean() {
    let table = [
        (json!({ "a": 1 }), json!({ "a": 1.0 }), Likeness::Alike),
        (json!({ "a": 0.1 }), json!({ "a": 0.1 }), Likeness::Alike),
        (json!({ "a": [1, "x"] }), json!({ "a": [1, "x"] }), Likeness::Alike),
        (json!({ "a": null }), json!({}), Likeness::Alike),
        (json!({ "a": 1 }), json!({ "a": 1, "default": 7 }), Likeness::Alike),
        (json!({ "a": { "b": 1 } }), json!({ "a": { "b": 1, "c": 2 } }), Likeness::Alike),
        (json!({ "a": 1 }), json!({}), Likeness::Other),
        (json!({ "a": 1 }), json!({ "a": "1" }), Likeness::Other),
        (json!({ "a": [1] }), json!({ "a": [1, 2] }), Likeness::Other),
        (json!({ "a": [1, 2] }), json!({ "a": [1] }), Likeness::Other),
        (json!({ "a": 196619188014358660_u64 }), json!({ "a": 196619188014358661_u64 }), Likeness::Other),
        (json!({ "a": true }), json!({ "a": false }), Likeness::Other),
        (json!({ "a": 1 }), json!(null), Likeness::Hidden),
    ];
    for (sent, shown, expected) in table {
        assert_eq!(likeness(sent.clone(), shown.clone()), expected, "{sent} and {shown}");
    }
}

fn flux() -> Call {
    call("flux")
}

#[test]
fn a_file_that_was_uploaded_must_be_the_same_and_one_that_was_sent_may_be_shown_in_any_way() {
    let file = picture(1000);
    let mut call = with(given(flux(), json!({})), "image", Value::from(file.clone()));
    assert_eq!(likeness_of(&call, json!({ "image": "https://replicate.delivery/x" })), Likeness::Alike);
    assert_eq!(likeness_of(&call, json!({ "image": 7 })), Likeness::Other);
    call.files.insert(file.digest, "https://a.b/c".to_owned());
    assert_eq!(likeness_of(&call, json!({ "image": "https://a.b/c" })), Likeness::Alike);
    assert_eq!(likeness_of(&call, json!({ "image": "https://a.b/d" })), Likeness::Other);
    // What is shown as bytes is compared by them.
    let boat = Artifact { digest: Digest::of(b"boat"), ..file };
    let call = with(given(flux(), json!({})), "image", Value::from(boat));
    for (bytes, expected) in [("Ym9hdA==", Likeness::Alike), ("Ym9hdHM=", Likeness::Other)] {
        let shown = json!({ "image": format!("data:image/png;base64,{bytes}") });
        assert_eq!(likeness_of(&call, shown), expected, "{bytes}");
    }
}
