//! ElevenLabs, as its clients see it.

mod world;

use motet_sim::{Body, Reply, Request};
use serde_json::{Value, json};
use world::{VOICE, World, form, request, seconds, whole, with};

fn speak(world: &mut World, text: &str) -> motet_sim::Answer {
    world.answer("POST", &format!("/elevenlabs/v1/text-to-speech/{VOICE}"), &json!({ "text": text }))
}

#[test]
fn speech_is_as_long_as_its_text() {
    let mut world = World::new("");
    let answer = speak(&mut world, "Hello world");
    assert_eq!((answer.status, answer.headers[0].1.as_str()), (200, "audio/mpeg"));
    // 400 ms and 65 for each of 11 characters, at 128 kilobits a second.
    let bytes = whole(&answer).len() as f64;
    assert!((bytes - 1.115 * 16_000.0).abs() < 700.0, "{bytes}");
    assert!(seconds(answer.after) > 0.2);
    world.later(5);
    assert_eq!(world.charged(), [Some(0.00088)]);
}

#[test]
fn each_format_has_its_bytes() {
    let mut world = World::new("");
    for (format, mime, per_second) in [
        ("pcm_24000", "audio/pcm", 48_000.0),
        ("wav_16000", "audio/wav", 32_000.0),
        ("ulaw_8000", "audio/basic", 8_000.0),
        ("mp3_22050_32", "audio/mpeg", 4_000.0),
    ] {
        let path = format!("/elevenlabs/v1/text-to-speech/{VOICE}?output_format={format}");
        let answer = world.answer("POST", &path, &json!({ "text": "Hello world" }));
        let bytes = whole(&answer).len() as f64;
        assert_eq!(answer.headers[0].1, mime);
        assert!((bytes - 1.115 * per_second).abs() < 300.0, "{format}: {bytes}");
    }
    let wrong = format!("/elevenlabs/v1/text-to-speech/{VOICE}?output_format=mp3_1_1");
    assert_eq!(world.post(&wrong, &json!({ "text": "x" })).0, 422);
}

#[test]
fn what_was_spoken_is_heard_again() {
    let mut world = World::new("");
    let audio = whole(&speak(&mut world, "Good morning"));
    world.later(5);
    // As the Python SDK sends it: `null` for what isn't set, and texts in quotes.
    let fields = [("model_id", "\"scribe_v1\""), ("webhook_metadata", "null"), ("language_code", "null")];
    let Reply::Answer(answer) = world.ask(&form("/elevenlabs/v1/speech-to-text", &fields, ("file", &audio)))
    else {
        panic!("an answer")
    };
    let transcript: Value = serde_json::from_slice(&whole(&answer)).expect("JSON");
    assert_eq!(
        (transcript["text"].as_str(), transcript["language_code"].as_str()),
        (Some("Good morning"), Some("eng"))
    );
    let kinds: Vec<&str> = transcript["words"]
        .as_array()
        .expect("words")
        .iter()
        .filter_map(|word| word["type"].as_str())
        .collect();
    assert_eq!(kinds, ["word", "spacing", "word"]);
}

#[test]
fn a_transcript_with_a_webhook_comes_later() {
    let mut world = World::new("");
    let settings = json!({ "settings": { "auth_type": "hmac", "name": "mine", "webhook_url": "http://me.example/hooks" } });
    let (_, made) = world.post("/elevenlabs/v1/workspace/webhooks", &settings);
    assert!(made["webhook_secret"].as_str().is_some_and(|secret| secret.starts_with("wsec_")));
    let fields = [("model_id", "scribe_v2"), ("webhook", "true"), ("webhook_metadata", r#"{"token":"abc"}"#)];
    let Reply::Answer(answer) = world.ask(&form("/elevenlabs/v1/speech-to-text", &fields, ("file", b"RIFF")))
    else {
        panic!("an answer")
    };
    let accepted: Value = serde_json::from_slice(&whole(&answer)).expect("JSON");
    assert_eq!(answer.status, 202);
    let get = format!(
        "/elevenlabs/v1/speech-to-text/transcripts/{}",
        accepted["transcription_id"].as_str().expect("an id")
    );
    assert_eq!(world.get(&get).0, 425);
    let sent = world.hooks(60, Some(500));
    assert_eq!(sent.len(), 1, "it is sent only once");
    assert_eq!(sent[0].1.headers[1].0, "elevenlabs-signature");
    let event: Value = serde_json::from_slice(&sent[0].1.body).expect("JSON");
    assert_eq!(
        (&event["data"]["webhook_metadata"], event["data"]["request_id"].as_str()),
        (&json!({ "token": "abc" }), accepted["request_id"].as_str())
    );
    let (status, transcript) = world.get(&get);
    assert_eq!((status, &transcript), (200, &event["data"]["transcription"]));
    assert_eq!(world.ledger()[0]["token"], "abc");
}

#[test]
fn the_history_keeps_what_was_logged() {
    let mut world = World::new("");
    speak(&mut world, "First");
    let hidden = format!("/elevenlabs/v1/text-to-speech/{VOICE}?enable_logging=false");
    world.post(&hidden, &json!({ "text": "Hidden" }));
    world.post("/elevenlabs/v1/music", &json!({ "prompt": "a march" }));
    let since = world.later(60).now.as_second();
    speak(&mut world, "Second");
    world.later(60);
    let texts = |world: &mut World, query: &str| -> Vec<String> {
        let (_, page) = world.get(&format!("/elevenlabs/v1/history{query}"));
        let items = page["history"].as_array().expect("a list").clone();
        items.iter().filter_map(|item| Some(item["text"].as_str()?.to_owned())).collect()
    };
    assert_eq!(texts(&mut world, ""), ["Second", "First"]);
    assert_eq!(texts(&mut world, &format!("?date_after_unix={since}")), ["Second"]);
    assert_eq!(texts(&mut world, "?search=Fir"), ["First"]);
}

#[test]
fn only_so_many_speak_at_a_time() {
    let mut world = World::new("limits: { elevenlabs: { concurrency: 2 } }");
    let statuses: Vec<u16> = (0..3).map(|_| speak(&mut world, "Hello world").status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(speak(world.later(5), "Hello world").status, 200);
    assert_eq!(world.ledger()[2]["charged_usd"], 0.0);
}

#[test]
fn quota_is_refused_with_401() {
    let mut world = World::new("credit: { elevenlabs: 0 }");
    let (status, error) =
        world.post(&format!("/elevenlabs/v1/text-to-speech/{VOICE}"), &json!({ "text": "x" }));
    assert_eq!((status, error["detail"]["status"].as_str()), (401, Some("quota_exceeded")));
}

#[test]
fn music_takes_a_prompt_or_a_plan() {
    let mut world = World::new("");
    let plan = json!({ "sections": [{ "duration_ms": 4000 }, { "duration_ms": 6000 }] });
    assert_eq!(
        world.post("/elevenlabs/v1/music", &json!({ "prompt": "x", "composition_plan": plan })).0,
        422
    );
    assert_eq!(world.post("/elevenlabs/v1/music", &json!({})).0, 422);
    assert_eq!(world.post("/elevenlabs/v1/music", &json!({ "prompt": "x", "music_length_ms": 2999 })).0, 422);
    let answer = world.answer("POST", "/elevenlabs/v1/music", &json!({ "composition_plan": plan }));
    let bytes = whole(&answer).len() as f64;
    assert!((bytes - 160_000.0).abs() < 1000.0, "{bytes}");
    world.later(60);
    assert_eq!(world.charged().last(), Some(&Some(0.05)));
}

#[test]
fn a_stream_comes_in_pieces() {
    let mut world = World::new("");
    let answer = world.answer(
        "POST",
        &format!("/elevenlabs/v1/text-to-speech/{VOICE}/stream/with-timestamps"),
        &json!({ "text": "Hi you" }),
    );
    let Body::Stream(pieces) = &answer.body else { panic!("a stream") };
    let lines: Vec<Value> = pieces
        .iter()
        .map(|piece| serde_json::from_slice(piece.bytes.as_ref().expect("bytes")).expect("JSON"))
        .collect();
    let characters: String = lines
        .iter()
        .flat_map(|line| line["alignment"]["characters"].as_array().cloned().unwrap_or_default())
        .filter_map(|one| Some(one.as_str()?.to_owned()))
        .collect();
    assert_eq!((lines.len(), characters.as_str()), (6, "Hi you"));
}

#[test]
fn a_missing_key_is_refused() {
    let mut world = World::new("");
    let asked = request("GET", "/elevenlabs/v1/models", &Value::Null);
    let none = Request { headers: Vec::new(), ..asked.clone() };
    assert!(matches!(world.ask(&none), Reply::Answer(answer) if answer.status == 401));
    assert!(
        matches!(world.ask(&with(asked, "xi-api-key", "")), Reply::Answer(answer) if answer.status == 401)
    );
}
