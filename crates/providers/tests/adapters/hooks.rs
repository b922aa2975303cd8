//! Webhooks: who signed them, and what they tell.

use motet_pipeline::Timestamp;
use motet_providers::Provider;
use motet_providers::adapter::Call;
use motet_providers::answer::News;
use motet_providers::hook::{Delivery, Hook, HookKey, HookKeys, HookRefused};
use motet_providers::http::Reply;
use motet_providers::{ElevenLabs, Fal, Replicate};
use ring::digest::{SHA256, digest};
use ring::signature::Ed25519KeyPair;
use serde_json::json;

use crate::calls::{call, provider};

/// The body and the moment of the published vectors.
const BODY: &[u8] = br#"{"id":"p0","status":"succeeded"}"#;
const SIGNED_S: i64 = 1_700_000_000;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const GOOD: &str = "v1,7DFHkAmrRfkpPABkRoL0UtqHYr/wReveO7m8kufQLiE=";

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

fn secret(text: &str) -> HookKeys {
    HookKeys { keys: vec![HookKey::Secret(text.to_owned())], read_at: Some(at(SIGNED_S)) }
}

fn delivery(headers: &[(&str, &str)], body: &[u8]) -> Delivery {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Delivery { query: "token=tok_1".to_owned(), headers, body: body.to_vec() }
}

fn without(delivery: &Delivery, name: &str) -> Delivery {
    let mut changed = delivery.clone();
    changed.headers.retain(|(header, _)| header != name);
    changed
}

fn with(delivery: &Delivery, name: &str, value: &str) -> Delivery {
    let mut changed = without(delivery, name);
    changed.headers.push((name.to_owned(), value.to_owned()));
    changed
}

/// What must fail for every scheme.
fn every_scheme(
    provider: &dyn Provider,
    good: &Delivery,
    keys: &HookKeys,
    other: &HookKeys,
    tolerance_s: i64,
    names: &[&'static str],
) {
    let verify =
        |delivery: &Delivery, keys: &HookKeys, now| provider.verify_hook(delivery.clone(), keys, at(now));
    assert_eq!(verify(good, keys, SIGNED_S).err(), None);
    let refused = |delivery: &Delivery, keys: &HookKeys| match verify(delivery, keys, SIGNED_S) {
        Err(HookRefused::Signature { .. }) => {}
        other => panic!("{other:?}"),
    };
    let spaced = String::from_utf8_lossy(&good.body).replace(':', ": ").into_bytes();
    refused(&Delivery { body: spaced, ..good.clone() }, keys);
    for place in 0..good.body.len() {
        let mut body = good.body.clone();
        body[place] ^= 1;
        refused(&Delivery { body, ..good.clone() }, keys);
    }
    refused(&Delivery { body: Vec::new(), ..good.clone() }, keys);
    refused(good, other);
    refused(good, &HookKeys::default());
    for away in [tolerance_s, -tolerance_s] {
        assert_eq!(verify(good, keys, SIGNED_S + away).err(), None, "{away}");
        let beyond = away + away.signum();
        assert_eq!(verify(good, keys, SIGNED_S + beyond), Err(HookRefused::Time), "{beyond}");
    }
    for name in names {
        assert_eq!(verify(&without(good, name), keys, SIGNED_S), Err(HookRefused::Header(name)));
        let mut twice = good.clone();
        twice.headers.push(((*name).to_owned(), good.header(name).unwrap().to_owned()));
        assert_eq!(verify(&twice, keys, SIGNED_S), Err(HookRefused::Header(name)));
    }
}

fn standard() -> Delivery {
    let headers =
        [("webhook-id", "msg_test1"), ("webhook-timestamp", "1700000000"), ("webhook-signature", GOOD)];
    delivery(&headers, BODY)
}

#[test]
fn standard_webhooks_of_replicate_hold_against_the_published_vector() {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let other = secret("whsec_AAAAsBQIhrscChlQIMV+b5sSYspob7oD");
    every_scheme(&Replicate::default(), &standard(), &secret(SECRET), &other, 300, &names);
    let hook = Replicate::default().verify_hook(standard(), &secret(SECRET), at(SIGNED_S)).unwrap();
    assert_eq!((hook.job.as_str(), hook.token.as_deref()), ("p0", Some("tok_1")));
    assert_eq!(hook.delivery.as_deref(), Some("msg_test1"));
}

#[test]
fn standard_webhooks_may_have_several_signatures_of_which_one_of_version_1_must_fit() {
    let replicate = Replicate::default();
    let signed = GOOD.strip_prefix("v1,").unwrap();
    let bad = "v1,AAAAAAmrRfkpPABkRoL0UtqHYr/wReveO7m8kufQLiE=";
    let table = [
        (format!("{bad} {GOOD}"), true),
        (format!("{GOOD} {bad}"), true),
        (format!("{bad}, {GOOD}"), true),
        (format!("v1a,xyz {GOOD}"), true),
        (format!("v2,{signed}"), false),
        (format!("v2,{signed} {bad}"), false),
        (signed.to_owned(), false),
        (format!("V1,{signed}"), false),
        ("v1,".to_owned(), false),
        ("v1".to_owned(), false),
        (",".to_owned(), false),
    ];
    for (signatures, passes) in table {
        let delivery = with(&standard(), "webhook-signature", &signatures);
        let verified = replicate.verify_hook(delivery, &secret(SECRET), at(SIGNED_S));
        assert_eq!(verified.is_ok(), passes, "{signatures}");
    }
}

#[test]
fn a_signed_report_that_is_too_deep_is_refused_as_too_large_and_an_unsigned_one_is_not_read() {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let body = format!(r#"{{"id":"p0","output":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let key = engine.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signed = ring::hmac::sign(&key, format!("msg_test1.1700000000.{body}").as_bytes());
    let signature = format!("v1,{}", engine.encode(signed));
    let large = Delivery { body: body.into_bytes(), ..standard() };
    let verify = |delivery| Replicate::default().verify_hook(delivery, &secret(SECRET), at(SIGNED_S));
    let refused = verify(with(&large, "webhook-signature", &signature)).unwrap_err();
    let told = "the delivery is signed, and is JSON that has lists and objects nested more than 64 deep";
    assert_eq!(refused.to_string(), told);
    assert!(matches!(verify(large), Err(HookRefused::Signature { .. })));
}

#[test]
fn a_standard_secret_is_taken_without_its_prefix_and_without_its_padding() {
    // The same secret with one byte less needs padding.
    let bytes = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o=";
    let signature = {
        use base64::Engine as _;
        let key =
            base64::engine::general_purpose::STANDARD.decode(bytes.strip_prefix("whsec_").unwrap()).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
        let signed = [b"msg_test1.1700000000.".as_slice(), BODY].concat();
        format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(ring::hmac::sign(&key, &signed)))
    };
    let delivery = with(&standard(), "webhook-signature", &signature);
    for key in [bytes, bytes.trim_end_matches('='), bytes.strip_prefix("whsec_").unwrap()] {
        let verified = Replicate::default().verify_hook(delivery.clone(), &secret(key), at(SIGNED_S));
        assert_eq!(verified.err(), None, "{key}");
    }
    for key in ["", "whsec_", "whsec_%%%"] {
        assert!(
            Replicate::default().verify_hook(delivery.clone(), &secret(key), at(SIGNED_S)).is_err(),
            "{key}"
        );
    }
}

#[test]
fn hooks_of_elevenlabs_hold_against_the_published_vector() {
    let signature = "t=1700000000,v0=732d41ce12ae27914126163e79241096b101cc0e65eb2a88eec23c0d44665dc1";
    let good = delivery(&[("elevenlabs-signature", signature)], BODY);
    let provider = ElevenLabs::default();
    // The body of the vector is no transcription, which is told from a bad signature.
    let verify =
        |delivery: &Delivery, keys: &HookKeys, now| provider.verify_hook(delivery.clone(), keys, at(now));
    assert_eq!(verify(&good, &secret("wsec_test"), SIGNED_S), Err(HookRefused::Body));
    let refused = Err(HookRefused::Signature { ask_for_keys: false });
    assert_eq!(verify(&good, &secret("test"), SIGNED_S), refused);
    let upper = with(&good, "elevenlabs-signature", &signature.replace("732d41ce12ae", "732D41CE12AE"));
    assert_eq!(verify(&upper, &secret("wsec_test"), SIGNED_S), refused);
    let several = signature.replace(",v0=", ",v0=00,v0=");
    assert_eq!(
        verify(&with(&good, "elevenlabs-signature", &several), &secret("wsec_test"), SIGNED_S),
        Err(HookRefused::Body)
    );
    let spaced = signature.replace(',', ", ");
    assert_eq!(
        verify(&with(&good, "elevenlabs-signature", &spaced), &secret("wsec_test"), SIGNED_S),
        Err(HookRefused::Body)
    );
    for bad in ["v0=00", "t=,v0=00", "t=1,t=2,v0=00", "t=-1,v0=00", "t=x"] {
        let refused = verify(&with(&good, "elevenlabs-signature", bad), &secret("wsec_test"), SIGNED_S);
        assert_eq!(refused, Err(HookRefused::Header("elevenlabs-signature")), "{bad}");
    }
}

fn signed_by_elevenlabs(body: &[u8]) -> Delivery {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"wsec_test");
    let signed = [SIGNED_S.to_string().as_bytes(), b".", body].concat();
    let signature = format!("t={SIGNED_S},v0={}", hex(ring::hmac::sign(&key, &signed).as_ref()));
    delivery(&[("elevenlabs-signature", &signature)], body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_transcription_of_elevenlabs_is_read_in_its_hook() {
    let body = json!({ "type": "speech_to_text_transcription", "event_timestamp": SIGNED_S, "data": {
        "request_id": "r1", "webhook_metadata": { "token": "tok_7" },
        "transcription": { "language_code": "eng", "text": "Hi", "words": [], "transcription_id": "tr1" }
    } });
    let body = body.to_string().into_bytes();
    let elevenlabs = ElevenLabs::default();
    let good = signed_by_elevenlabs(&body);
    every_scheme(
        &elevenlabs,
        &good,
        &secret("wsec_test"),
        &secret("wsec_else"),
        1800,
        &["elevenlabs-signature"],
    );
    let hook = elevenlabs.verify_hook(good, &secret("wsec_test"), at(SIGNED_S)).unwrap();
    assert_eq!((hook.job.as_str(), hook.token.as_deref()), ("tr1", Some("tok_7")));
    let News::Done(answer) = elevenlabs.read_hook(&call("scribe_job"), hook).unwrap() else { panic!() };
    assert_eq!(answer.outputs.keys().collect::<Vec<_>>(), ["language", "text", "words"]);
    for other in [
        json!({ "type": "voice_removed", "data": {} }),
        json!([]),
        json!({ "type": "speech_to_text_transcription" }),
    ] {
        let delivery = signed_by_elevenlabs(other.to_string().as_bytes());
        assert_eq!(
            elevenlabs.verify_hook(delivery, &secret("wsec_test"), at(SIGNED_S)),
            Err(HookRefused::Body)
        );
    }
}

fn fal_keys(read_at: Option<Timestamp>) -> HookKeys {
    let list = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" }] });
    let reply = Reply { status: 200, body: list.to_string().into_bytes(), ..Reply::default() };
    HookKeys { keys: Fal::default().read_hook_keys(reply).unwrap(), read_at }
}

fn signed_by_fal(body: &[u8], hash: &str) -> Delivery {
    let seed: Vec<u8> = (0..32).collect();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let signature = pair.sign(format!("req-1\nuser-1\n{SIGNED_S}\n{hash}").as_bytes());
    let headers = [
        ("x-fal-webhook-request-id", "req-1"),
        ("x-fal-webhook-user-id", "user-1"),
        ("x-fal-webhook-timestamp", "1700000000"),
        ("x-fal-webhook-signature", &hex(signature.as_ref())),
    ];
    delivery(&headers, body)
}

#[test]
fn hooks_of_fal_hold_against_the_published_vector() {
    let signature = "2c5b2d6b5647a6dd1ea7b724a4898f279bba21dd0741886032412726f1ac6c3da4514ef7e5ebe302d4218a97265e190cdce6c34c4666f1b055cd9936a9370d03";
    let hash = hex(digest(&SHA256, BODY).as_ref());
    let good = signed_by_fal(BODY, &hash);
    assert_eq!(
        good.header("x-fal-webhook-signature"),
        Some(signature),
        "the test signs as the vector was signed"
    );
    // Its body has no `request_id`, which is told from a bad signature.
    let keys = fal_keys(Some(at(SIGNED_S)));
    assert_eq!(Fal::default().verify_hook(good, &keys, at(SIGNED_S)), Err(HookRefused::Body));
    let upper = signed_by_fal(BODY, &hash.to_uppercase());
    assert_eq!(
        Fal::default().verify_hook(upper, &keys, at(SIGNED_S)),
        Err(HookRefused::Signature { ask_for_keys: false })
    );
}

#[test]
fn a_hook_of_fal_says_that_a_job_has_ended() {
    let body = json!({ "request_id": "req-1", "gateway_request_id": "g", "status": "ERROR", "payload": { "detail": [] } });
    let body = body.to_string().into_bytes();
    let good = signed_by_fal(&body, &hex(digest(&SHA256, &body).as_ref()));
    let keys = fal_keys(Some(at(SIGNED_S)));
    let other = HookKeys { keys: vec![HookKey::Ed25519([7; 32])], read_at: Some(at(SIGNED_S)) };
    let names = [
        "x-fal-webhook-request-id",
        "x-fal-webhook-user-id",
        "x-fal-webhook-timestamp",
        "x-fal-webhook-signature",
    ];
    every_scheme(&Fal::default(), &good, &keys, &other, 300, &names);
    let hook = Fal::default().verify_hook(good, &keys, at(SIGNED_S)).unwrap();
    assert_eq!((hook.job.as_str(), hook.token.as_deref()), ("req-1", Some("tok_1")));
    assert_eq!(Fal::default().read_hook(&call("flux_dev"), hook).unwrap(), News::Ready);
}

#[test]
fn a_key_that_is_not_known_asks_for_the_keys_once() {
    let body = br#"{"request_id":"req-1"}"#;
    let good = signed_by_fal(body, &hex(digest(&SHA256, body).as_ref()));
    let verify = |keys: &HookKeys| Fal::default().verify_hook(good.clone(), keys, at(SIGNED_S));
    let asks = |ask_for_keys| Err(HookRefused::Signature { ask_for_keys });
    let old = |seconds: i64| HookKeys {
        keys: vec![HookKey::Ed25519([7; 32])],
        read_at: Some(at(SIGNED_S - seconds)),
    };
    assert_eq!(verify(&HookKeys::default()), asks(true), "none were asked for yet");
    assert_eq!(verify(&old(60)), asks(true));
    assert_eq!(verify(&old(0)), asks(false), "those were just asked for");
    assert!(verify(&fal_keys(Some(at(SIGNED_S)))).is_ok());
    assert!(verify(&fal_keys(Some(at(SIGNED_S - 86_400)))).is_ok());
    assert_eq!(verify(&fal_keys(Some(at(SIGNED_S - 86_401)))), asks(true), "keys are used for a day");
}

#[test]
fn a_hook_of_replicate_tells_all_that_a_poll_would() {
    let body = json!({ "id": "p0", "status": "succeeded", "output": ["https://replicate.delivery/a.png"], "metrics": { "predict_time": 2 } });
    let news = |call: &Call, body| {
        let hook = Hook { token: None, job: "p0".into(), delivery: None, body, at: at(SIGNED_S) };
        provider(call).read_hook(call, hook).unwrap()
    };
    let News::Done(answer) = news(&call("flux"), body) else { panic!() };
    assert_eq!(answer.usage.get("predict_seconds"), Some(2.0));
    assert_eq!(news(&call("flux"), json!({ "id": "p0", "status": "processing" })), News::Running);
}

#[test]
fn a_token_is_read_from_the_query_if_it_is_one() {
    let token = |query: &str| Delivery { query: query.to_owned(), ..Delivery::default() }.token();
    assert_eq!(token("a=b&token=x-1_Y"), Some("x-1_Y".to_owned()));
    for none in ["", "token=", "token=a%20b", "token=a/b", "mytoken=a", &format!("token={}", "a".repeat(201))]
    {
        assert_eq!(token(none), None, "{none}");
    }
}

#[test]
fn keys_are_never_shown() {
    let shown = format!("{:?} {:?}", secret("whsec_hush").keys, HookKey::Ed25519([7; 32]));
    assert!(!shown.contains("hush") && !shown.contains('7'), "{shown}");
}
