//! No reply is more than a class and a message.

use std::sync::LazyLock;

use motet_pipeline::Timestamp;
use motet_providers::Registry;
use motet_providers::hook::{Delivery, HookKey, HookKeys};
use motet_providers::http::Reply;
use proptest::prelude::*;

use crate::calls::call;
use crate::fixture::{self, Fixture, NOW};
use crate::reader::{check, read_besides, read_by_all, readers};

static ALL: LazyLock<Vec<Fixture>> = LazyLock::new(fixture::all);
static READERS: LazyLock<Vec<Fixture>> = LazyLock::new(readers);

#[test]
fn replies_that_are_nothing_a_provider_would_send_are_read_by_all() {
    let bodies = [
        String::new(),
        "null".to_owned(),
        "7".to_owned(),
        "\"\"".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "[".repeat(20_000),
        "{\"a\":".repeat(20_000),
        format!("{{\"detail\":{}{}}}", "[".repeat(120), "]".repeat(120)),
        format!("{{\"detail\":\"{}\"}}", "x".repeat(20_000)),
        format!("{{\"id\":\"{}\"}}", "x".repeat(20_000)),
        "{\"id\":\"..\",\"request_id\":\"..\",\"status\":\"COMPLETED\"}".to_owned(),
        "{\"error\":{},\"status\":[],\"output\":{\"url\":7},\"metrics\":[],\"detail\":[[]]}".to_owned(),
        "{\"detail\":{\"message\":\"Bearer hush\",\"status\":\"\\u001b[2J\"}}".to_owned(),
        "{\"detail\":\"see https://a.b/?key=hush and data:image/png;base64,hushhush\"}".to_owned(),
        "<html>hush</html>".to_owned(),
    ];
    let readers = readers();
    for body in bodies {
        for status in [0, 200, 202, 301, 401, 403, 404, 422, 429, 499, 503] {
            // Text of a web server is an output as it stands.
            let readers: Vec<_> =
                readers.iter().filter(|reader| reader.call != "web_get" || status >= 300).cloned().collect();
            read_by_all(
                &readers,
                &Reply { status, body: body.clone().into_bytes(), at: NOW, ..Reply::default() },
            );
        }
    }
}

/// The answer of each provider with a part that exceeds a limit: what was made is paid and can't be taken, so it is
/// neither awaited any longer nor made again.
#[test]
fn an_answer_that_is_too_deep_or_too_much_ends_its_job_as_too_large() {
    let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let integers = format!("[{}0]", "1,".repeat(4_000_000));
    let answers =
        ["replicate__succeeded", "fal__result", "elevenlabs__transcript_polled", "elevenlabs__transcript"];
    for name in answers {
        let fixture = ALL.iter().find(|fixture| fixture.name == name).unwrap_or_else(|| panic!("{name}"));
        let body = String::from_utf8(fixture.reply.body.clone()).unwrap();
        for (excess, limit) in [(&nested, "64 deep"), (&integers, "4000000 values")] {
            let body = body.replacen('{', &format!("{{\"excess\":{excess},"), 1);
            let told = fixture.told_of(Reply { body: body.into_bytes(), ..fixture.reply.clone() });
            let told = told.to_lowercase().replace("toolarge", "too_large").replace('"', "");
            assert!(told.contains("too_large") && told.contains(limit), "{name}: {told}");
            assert!(told.contains("billed: yes"), "{name}: {told}");
        }
    }
}

/// A call whose receipt can't be read may be under way: it is looked for, whatever the reply was.
#[test]
fn a_receipt_that_is_too_deep_leaves_unknown_what_became_of_the_call() {
    let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for name in ["replicate__submitted", "fal__submitted", "elevenlabs__speech"] {
        let fixture = ALL.iter().find(|fixture| fixture.name == name).unwrap_or_else(|| panic!("{name}"));
        let body = String::from_utf8(fixture.reply.body.clone()).unwrap();
        let body = body.replacen('{', &format!("{{\"excess\":{nested},"), 1);
        let told = fixture.told_of(Reply { body: body.into_bytes(), ..fixture.reply.clone() });
        assert!(told.starts_with("Err: unknown: ") && told.contains("64 deep"), "{name}: {told}");
    }
}

#[test]
fn a_reply_may_break_off_anywhere() {
    for fixture in fixture::all() {
        let length = fixture.reply.body.len();
        for at in (0..length).step_by(1 + length / 300) {
            let mut reply = fixture.reply.clone();
            reply.body.truncate(at);
            let is_sound = matches!(fixture.call.as_str(), "sound" | "music" | "web_get")
                || fixture.job.starts_with("history");
            let told = fixture.told_of(reply);
            check(&told.replace("hush", ""));
            if !is_sound && fixture.reply.is_success() && fixture.read != "cancelled" {
                assert!(told.starts_with("Err: "), "{} cut at {at} was taken: {told}", fixture.name);
            }
        }
    }
}

#[test]
fn every_value_of_a_reply_may_be_another() {
    let others = [
        serde_json::json!(null),
        serde_json::json!(-1),
        serde_json::json!(1e308),
        serde_json::json!(""),
        serde_json::json!("\u{0}../../etc"),
        serde_json::json!([]),
        serde_json::json!([[{}]]),
        serde_json::json!({}),
        serde_json::json!(true),
    ];
    for fixture in fixture::all() {
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(&fixture.reply.body) else { continue };
        for pointer in pointers(&body) {
            for other in &others {
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).expect("it was listed") = other.clone();
                let reply = Reply { body: changed.to_string().into_bytes(), ..fixture.reply.clone() };
                check(&fixture.told_of(reply).replace("hush", ""));
            }
        }
    }
}

/// The places of all values.
fn pointers(value: &serde_json::Value) -> Vec<String> {
    let below = |(name, value): (String, &serde_json::Value)| {
        let name = name.replace('~', "~0").replace('/', "~1");
        pointers(value).into_iter().map(move |rest| format!("/{name}{rest}")).collect::<Vec<_>>()
    };
    let parts: Vec<_> = match value {
        serde_json::Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(String::new()).chain(parts.into_iter().flat_map(below)).collect()
}

fn header() -> impl Strategy<Value = (String, String)> {
    let names = [
        "retry-after",
        "retry-after-ms",
        "content-type",
        "x-fal-billable-units",
        "x-fal-error-type",
        "x-fal-retryable",
        "character-cost",
        "request-id",
        "ratelimit-reset",
        "ratelimit-remaining",
        "motet-cost",
        "song-id",
    ];
    let values = prop_oneof![
        "-?[0-9]{1,40}",
        "[0-9.eE+-]{0,12}",
        ".{0,40}",
        Just("NaN".to_owned()),
        Just("inf".to_owned())
    ];
    (prop::sample::select(names.to_vec()), values).prop_map(|(name, value)| (name.to_owned(), value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn hostile_bytes_and_headers_are_read_by_all(
        status in any::<u16>(),
        headers in prop::collection::vec(header(), 0..6),
        body in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), "[\\[\\]{}\",:a-z0-9 ]{0,100}".prop_map(String::into_bytes)],
        at in any::<i64>(),
    ) {
        let reply = Reply { status, headers, body, at: Timestamp(at) };
        for fixture in &*READERS {
            fixture.told_of(reply.clone());
        }
        read_besides(&reply);
    }

    #[test]
    fn a_byte_of_a_fixture_may_be_another(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in any::<u8>(), status in any::<u16>()) {
        let fixture = which.get(&ALL);
        let mut reply = fixture.reply.clone();
        if !reply.body.is_empty() {
            let place = place.index(reply.body.len());
            reply.body[place] = byte;
        }
        fixture.told_of(reply.clone());
        reply.status = status;
        fixture.told_of(reply);
    }

    #[test]
    fn hostile_deliveries_are_refused(query in ".{0,60}", values in prop::collection::vec("[v1,t=0-9a-f+/ ]{0,80}|.{0,40}", 8), body in prop::collection::vec(any::<u8>(), 0..100), now in any::<i64>()) {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "elevenlabs-signature",
            "x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp", "x-fal-webhook-signature"];
        let headers = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
        let delivery = Delivery { query, headers, body };
        let keys = HookKeys { keys: vec![HookKey::Secret("whsec_aGk=".into()), HookKey::Ed25519([0; 32])], read_at: Some(Timestamp(now)) };
        for provider in Registry::default().iter() {
            prop_assert!(provider.verify_hook(delivery.clone(), &keys, Timestamp(now)).is_err());
        }
    }

    #[test]
    fn pages_and_jobs_of_any_name_make_requests_that_stay_where_they_are(name in ".{0,40}", since in any::<i64>()) {
        for call in ["flux", "flux_dev", "speech", "scribe_job"].map(call) {
            let provider = crate::calls::provider(&call);
            let requests = [provider.poll(&call, &name), provider.fetch(&call, &name), provider.cancel(&call, &name)];
            for request in requests.into_iter().flatten() {
                let motet_providers::http::Address::Provider { path, .. } = request.address else { panic!() };
                let place = path.split('?').next().unwrap_or_default();
                prop_assert!(place.starts_with('/') && place.bytes().all(|byte| byte.is_ascii_graphic()), "{path}");
            }
            provider.search(&call, Timestamp(since), Some(&name));
        }
    }
}
