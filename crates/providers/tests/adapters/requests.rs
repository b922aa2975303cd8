//! What is sent.

use std::fmt::Write;

use motet_pipeline::Bundle;
use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::{Class, Timestamp};
use motet_providers::adapter::Call;
use motet_providers::http::{Address, Body, Method, Piece, Request, Segment};

use crate::calls::{VERSION, bounded, call, given, picture, provider, with};

/// A request as it goes over the wire, with names in place of secrets and of artifacts.
pub fn wire(request: &Request) -> String {
    let place = match &request.address {
        Address::Provider { provider, base, path } => format!("{provider}:{base} {path}"),
        Address::Url(url) => url.clone(),
    };
    let mut text = format!("{} {place}\n", request.method.word());
    for header in &request.headers {
        let value: String = header
            .value
            .iter()
            .map(|segment| match segment {
                Segment::Text(text) => text.clone(),
                Segment::Secret { name } => format!("<{name}>"),
            })
            .collect();
        writeln!(text, "{}: {value}", header.name).expect("a string takes all");
    }
    if let Some(kind) = &request.body.content_type {
        writeln!(text, "content-type: {kind}\ncontent-length: {}", request.body.length())
            .expect("a string takes all");
    }
    text + "\n" + &bytes(&request.body)
}

fn bytes(body: &Body) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).replace('\r', ""),
        Piece::Artifact { digest, .. } => format!("<{digest:?}>"),
        Piece::ArtifactBase64 { digest, .. } => format!("<{digest:?} in base64>"),
    };
    body.pieces.iter().map(piece).collect()
}

fn submitted(call: &Call) -> String {
    provider(call).submit(call).map_or_else(|failure| failure.to_string(), |request| wire(&request))
}

/// A snapshot of what is sent, with where that is from.
macro_rules! assert_wire {
    ($name:literal, $from:literal, $sent:expr) => {
        insta::with_settings!({ description => $from, omit_expression => true, snapshot_path => "../snapshots/requests", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, $sent);
        })
    };
}

#[test]
fn calls_are_submitted_as_their_provider_wants_them() {
    let with_file = |name, bytes| with(call(name), "image", picture(bytes));
    assert_wire!(
        "replicate_official",
        "Replicate OpenAPI 1.0.0-a1, POST /models/{owner}/{name}/predictions",
        submitted(&call("flux"))
    );
    assert_wire!(
        "replicate_version",
        "Replicate OpenAPI 1.0.0-a1, POST /predictions; Cancel-After",
        submitted(&bounded(call("musicgen")))
    );
    assert_wire!(
        "replicate_inline_file",
        "Replicate docs, input files: data URIs",
        submitted(&with_file("flux", 1000))
    );
    assert_wire!(
        "fal_submit",
        "fal-client 1.0.3, submit; fal docs, webhooks and retries",
        submitted(&call("flux_dev"))
    );
    assert_wire!(
        "fal_submit_bounded",
        "fal docs, X-Fal-Request-Timeout",
        submitted(&bounded(with_file("veo", 1000)))
    );
    assert_wire!(
        "elevenlabs_speech",
        "elevenlabs 2.78.0, text_to_speech.convert_with_timestamps",
        submitted(&call("speech"))
    );
    assert_wire!(
        "elevenlabs_sound",
        "elevenlabs 2.78.0, text_to_sound_effects.convert",
        submitted(&call("sound"))
    );
    assert_wire!("elevenlabs_music", "elevenlabs 2.78.0, music.compose", submitted(&call("music")));
    assert_wire!(
        "elevenlabs_transcription",
        "elevenlabs 2.78.0, speech_to_text.convert",
        submitted(&call("scribe"))
    );
    assert_wire!(
        "elevenlabs_transcription_job",
        "elevenlabs 2.78.0, speech_to_text.convert with webhook",
        submitted(&call("scribe_job"))
    );
    assert_wire!("http_get", "RFC 9110", submitted(&call("web_get")));
    assert_wire!("http_post", "RFC 9110", submitted(&call("web_post")));
}

#[test]
fn all_else_is_asked_as_the_provider_wants_it() {
    let since = Timestamp(1_793_523_600_250);
    let mut text = String::new();
    for name in ["flux", "flux_dev", "speech", "sound", "music", "scribe_job", "web_get"] {
        let call = call(name);
        let provider = provider(&call);
        let file = picture(300_000);
        let requests = [
            ("upload", provider.upload(&call, &file)),
            ("poll", provider.poll(&call, "job-1")),
            ("fetch", provider.fetch(&call, "job-1")),
            ("cancel", provider.cancel(&call, "job-1")),
            ("search", provider.search(&call, since, None)),
            ("next page", provider.search(&call, since, Some("cursor=b3A%3D"))),
            ("hook keys", provider.hook_keys("TEST_KEY")),
        ];
        for (what, request) in requests {
            let wire = request.as_ref().map_or("is not asked\n".to_owned(), wire);
            text += &format!("=== {name}: {what}\n{wire}\n");
        }
    }
    assert_wire!(
        "all_else",
        "fal-client 1.0.3, @fal-ai/client 1.10.1 (upload), Replicate OpenAPI 1.0.0-a1, fal Platform API v1, elevenlabs 2.78.0",
        text
    );
}

#[test]
fn a_file_is_uploaded_from_a_size_on_and_then_sent_as_its_address() {
    let file = picture(300_000);
    for name in ["flux", "flux_dev"] {
        let mut call = with(call(name), "image", file.clone());
        let provider = provider(&call);
        assert!(provider.upload(&call, &picture(256 << 10)).is_none(), "{name}");
        assert!(provider.upload(&call, &file).is_some(), "{name}");
        call.files.insert(file.digest, "https://files.example.com/a.png".to_owned());
        let sent = submitted(&call);
        assert!(
            sent.contains(r#""image":"https://files.example.com/a.png""#) && !sent.contains("base64"),
            "{sent}"
        );
    }
}

#[test]
fn what_may_cost_carries_the_mark_and_a_key_by_its_name() {
    let paid = [
        "flux",
        "musicgen",
        "whisper",
        "flux_dev",
        "veo",
        "speech",
        "sound",
        "music",
        "scribe",
        "scribe_job",
    ];
    for name in paid {
        let call = call(name);
        let request = provider(&call).submit(&call).unwrap();
        assert_eq!(request.method, Method::Post, "{name}");
        assert_eq!(request.credentials().collect::<Vec<_>>(), ["TEST_KEY"], "{name}");
        let marks: Vec<_> = request.headers.iter().filter(|header| header.name == "motet-attempt").collect();
        assert_eq!(marks.len(), 1, "{name}");
        assert_eq!(marks[0].value, [Segment::text("run1/shots[k3]/still/2")], "{name}");
    }
    let post = call("web_post");
    let request = provider(&post).submit(&post).unwrap();
    assert_eq!(request.credentials().collect::<Vec<_>>(), ["EXAMPLE_KEY", "OTHER_KEY"]);
}

#[test]
fn every_model_of_the_catalogue_can_be_asked() {
    let catalogue = motet_providers::catalogue::Catalogue::built_in();
    let mut asked = 0;
    for listing in catalogue.iter() {
        let plain = with(bounded(call("speech")), "voice_id", crate::calls::VOICE);
        let call = Call { model: listing.model.clone(), ..plain };
        let request =
            provider(&call).submit(&call).unwrap_or_else(|failure| panic!("{}: {failure}", call.model.id));
        assert_eq!(request.method, Method::Post);
        asked += 1;
    }
    assert!(asked > 50, "{asked}");
}

#[test]
fn a_recording_may_be_told_by_its_address() {
    let sent = submitted(&with(call("scribe"), "file", "https://a.b/c.mp3"));
    assert!(
        sent.contains("name=\"cloud_storage_url\"\n\nhttps://a.b/c.mp3") && !sent.contains("filename"),
        "{sent}"
    );
}

#[test]
fn a_speech_that_no_history_keeps_is_not_searched_there() {
    let speech = call("speech");
    let search = |call: &Call| provider(call).search(call, Timestamp(0), None);
    assert!(search(&speech).is_some());
    assert!(search(&with(speech, "enable_logging", false)).is_none());
}

#[test]
fn a_mark_of_any_letters_can_stand_in_a_header() {
    let call = Call { mark: "run/shots[\u{e9} 50%]\r\n/1".to_owned(), ..call("flux") };
    assert_eq!(call.attempt_header().value, [Segment::text("run/shots[%C3%A9%2050%25]%0D%0A/1")]);
}

#[test]
fn the_token_travels_in_what_the_provider_shows_again() {
    for name in ["flux", "flux_dev", "scribe_job"] {
        let call = call(name);
        assert!(submitted(&call).contains("tok_0123456789abcdef"), "{name}");
    }
    assert!(!submitted(&bounded(call("flux"))).contains("tok_"), "without a webhook Replicate shows none");
}

#[test]
fn the_same_call_is_the_same_request() {
    for name in ["flux", "flux_dev", "speech", "scribe_job", "web_post"] {
        let [first, second] = [call(name), call(name)].map(|call| provider(&call).submit(&call).unwrap());
        assert_eq!(first.body.digest(), second.body.digest(), "{name}");
        assert_eq!(first, second, "{name}");
    }
}

#[test]
fn no_request_is_made_of_inputs_that_would_go_elsewhere() {
    let model = |name: &str, id: &str, route: &str| {
        let mut call = call(name);
        let changed =
            motet_providers::model::Model { id: id.into(), route: route.into(), ..(*call.model).clone() };
        call.model = changed.into();
        call
    };
    let url = |url: &str| given(call("web_get"), serde_json::json!({ "url": url }));
    let head = |name: &str, value: serde_json::Value| {
        given(call("web_get"), serde_json::json!({ "url": "https://a.b", "headers": { name: value } }))
    };
    let refused = [
        model("flux", "../../account", ""),
        model("flux", "a", ""),
        model("flux", "a/b?c=d", ""),
        model("flux", "a/b", "version"),
        model("flux", "a/b", "teleport"),
        model("flux_dev", "fal-ai/../x", ""),
        model("speech", "eleven_v3", "teleport"),
        with(call("speech"), "voice_id", "../history"),
        with(call("speech"), "voice_id", 7_i64),
        url("file:///etc/passwd"),
        url("https://user:pass@a.b/"),
        url("https://a.b/#c"),
        url("https://a.b/ c"),
        url(""),
        head("host", "evil.example".into()),
        head("motet-attempt", "x".into()),
        head("x y", "z".into()),
        head("x", "a\r\nhost: evil.example".into()),
        head("x", serde_json::json!({ "secret": "A", "and": "B" })),
        head("x", serde_json::json!({ "secret": "A B" })),
        given(call("web_get"), serde_json::json!({ "url": "https://a.b", "method": "GET", "text": "x" })),
        given(call("web_get"), serde_json::json!({ "url": "https://a.b", "json": 1, "text": "x" })),
        given(call("web_get"), serde_json::json!({ "url": "https://a.b", "method": "CONNECT" })),
    ];
    let mut told = String::new();
    for call in refused {
        let failure = provider(&call).submit(&call).expect_err("it is refused");
        assert_eq!(failure.class, Class::Invalid);
        told += &format!("{failure}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_version_that_is_asked_for_goes_into_the_body() {
    let sent = submitted(&call("musicgen"));
    assert!(sent.contains(&format!(r#""version":"{VERSION}""#)), "{sent}");
}

#[test]
fn what_is_absent_is_not_sent() {
    let call = with(call("flux"), "image", motet_pipeline::Value::Null);
    assert!(!submitted(&call).contains("null"));
}

/// What the check says of a step of `http/request`: the messages of its errors.
fn checked(with: &str) -> Vec<String> {
    let text = format!(
        "motet: 1\ninputs: {{ url: string, body: string, maybe: {{ type: string, default: null }} }}\nsteps:\n  \
         it: {{ uses: http/request, with: {with} }}\n"
    );
    let contract = (*motet_providers::web::request().contract).clone();
    let checked = check(&Bundle::of_text("it.yaml", text), &Catalogue::new([contract]));
    let errors = checked.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    errors.map(|diagnostic| diagnostic.message.clone()).collect()
}

#[test]
fn a_request_that_cannot_be_made_is_refused_by_the_check_in_the_words_of_the_step() {
    const URL: &str =
        "`url` must begin with https:// or http:// and a host, without a user, a fragment or spaces";
    const BODY: &str = "http/request takes `json`, `text` or `file`, and no more than one of them";
    let table = [
        (r#"{ "url": "ftp://a.b/c" }"#, URL),
        (r#"{ "url": "api.example.com" }"#, URL),
        (r#"{ "url": "https://user:secret@a.b/" }"#, URL),
        (r#"{ "url": "https://user@a.b/" }"#, URL),
        (r#"{ "url": "https://a.b/#part" }"#, URL),
        (r#"{ "url": "https://a.b/c d" }"#, URL),
        (r#"{ "url": "https://" }"#, URL),
        (r#"{ "url": "https://?a=b" }"#, URL),
        (r#"{ "url": "http://:80/" }"#, URL),
        (r#"{ "url": "http://a.b:99999/" }"#, URL),
        (r#"{ "url": "https://a.b", "headers": { "host": "c.d" } }"#, "the header `host` can't be set"),
        (
            r#"{ "url": "https://a.b", "headers": { "Content-Length": 5 } }"#,
            "the header `content-length` can't be set",
        ),
        (r#"{ "url": "https://a.b", "headers": { "x y": "z" } }"#, "the header `x y` can't be set"),
        (
            r#"{ "url": "https://a.b", "headers": { "x": "a\nhost: c.d" } }"#,
            "the header `x` must be a text, a secret, or a list of both",
        ),
        (
            r#"{ "url": "https://a.b", "query": { "q": 1, "tags": ["a", "b"] } }"#,
            "`tags` of the `query` must be text, a number, or true or false",
        ),
        (
            r#"{ "url": "https://a.b", "method": "GET", "text": "x" }"#,
            "a GET has no body: write `method: POST`",
        ),
        (
            r#"{ "url": "https://a.b", "method": "GET", "json": {} }"#,
            "a GET has no body: write `method: POST`",
        ),
        (r#"{ "url": "https://a.b", "json": 1, "text": "x" }"#, BODY),
    ];
    for (with, message) in table {
        assert_eq!(checked(with), [message], "{with}");
        let call = given(call("web_get"), serde_json::from_str(with).unwrap());
        assert_eq!(provider(&call).submit(&call).unwrap_err().message, message, "{with}");
    }
    // What is there for certain, though nobody knows what it is.
    for (with, message) in [
        (
            r#"{ "url": "{{ inputs.url }}", "method": "GET", "text": "{{ inputs.body }}" }"#,
            "a GET has no body: write `method: POST`",
        ),
        (
            r#"{ "url": "{{ inputs.url }}", "json": { "a": "{{ inputs.maybe }}" }, "text": "{{ inputs.body }}" }"#,
            BODY,
        ),
        (
            r#"{ "url": "{{ inputs.url }}", "headers": { "te": "{{ inputs.body }}" } }"#,
            "the header `te` can't be set",
        ),
        (
            r#"{ "url": "{{ inputs.url }}", "headers": { "te": "{{ secrets.key }}" } }"#,
            "the header `te` can't be set",
        ),
    ] {
        assert_eq!(checked(with), [message], "{with}");
    }
}

#[test]
fn a_request_that_may_be_made_is_not_refused() {
    for with in [
        r#"{ "url": "https://a.b" }"#,
        r#"{ "url": "http://127.0.0.1:8080/c?d=e@f" }"#,
        r#"{ "url": "http://[::1]/" }"#,
        r#"{ "url": "{{ inputs.url }}#part" }"#,
        r#"{ "url": "https://a.b", "headers": { "authorization": "Bearer {{ secrets.key }}", "x-n": 5, "Accept": "*/*" } }"#,
        r#"{ "url": "https://a.b", "headers": { "te": "{{ inputs.maybe }}" } }"#,
        r#"{ "url": "https://a.b", "query": { "a": 1.5, "b": true, "c": "d e", "f": "{{ inputs.maybe }}" } }"#,
        r#"{ "url": "https://a.b", "method": "GET", "text": "{{ inputs.maybe }}" }"#,
        r#"{ "url": "https://a.b", "method": "DELETE", "json": {} }"#,
        r#"{ "url": "https://a.b", "json": 1, "text": "{{ inputs.maybe }}" }"#,
    ] {
        assert_eq!(checked(with), [""; 0], "{with}");
    }
}
