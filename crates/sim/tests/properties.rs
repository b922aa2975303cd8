//! Whatever is asked: the simulator answers, and it remembers.

mod world;

use std::sync::LazyLock;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use motet_sim::{Change, Options, Reply, Request, Scenario, Sim};
use proptest::prelude::*;
use serde_json::{Value, json};
use world::{FLUX, VOICE, form, request, whole};

static START: LazyLock<Timestamp> = LazyLock::new(|| "2027-01-01T00:00:00Z".parse().expect("a time"));

const ALL_FAULTS: &str = "
- { fault: refuse, rate: 0.05 }
- { fault: throttle, rate: 0.05 }
- { fault: error_before, rate: 0.05 }
- { fault: error_after, rate: 0.05 }
- { fault: reply_lost, rate: 0.05 }
- { fault: html, rate: 0.05, on: [create, read, list] }
- { fault: bad_json, rate: 0.05, on: [create, read, cancel] }
- { fault: slow_queue, rate: 0.1 }
- { fault: stuck, rate: 0.1 }
- { fault: webhook_lost, rate: 0.1 }
- { fault: webhook_twice, rate: 0.1 }
- { fault: webhook_late, rate: 0.1 }
- { fault: webhook_forged, rate: 0.1 }
- { fault: job_failed, rate: 0.1 }
- { fault: content, rate: 0.1 }
- { fault: media_truncated, rate: 0.1 }
- { fault: media_wrong, rate: 0.1 }
- { fault: url_expired, rate: 0.1 }
- { fault: cancelled_too_late, rate: 0.1 }
";

fn sim(seed: u64) -> Sim {
    let scenario = Scenario::parse(ALL_FAULTS).expect("the test's scenario is right");
    Sim::new(Options { seed, scenario, keeps_changes: true, ..Options::default() })
}

/// What a client does.
#[derive(Clone, Debug)]
enum Step {
    Ask(Request),
    /// Asks what the job of that number, from the newest, is; or takes it back.
    Job(usize, bool),
    Wait(i64),
    Hooks(Option<u16>),
}

fn submission() -> impl Strategy<Value = Request> {
    let hook = "http://me.example/?token=1";
    let picture = json!({ "input": { "prompt": "x" }, "webhook": hook });
    prop_oneof![
        Just(request("POST", FLUX, &picture)),
        Just(request(
            "POST",
            &format!("/fal/queue/fal-ai/flux/dev?fal_webhook={}", "http%3A%2F%2Fme.example"),
            &json!({ "prompt": "x" })
        )),
        Just(request("POST", "/fal/queue/fal-ai/flux/dev", &json!({ "num_images": 77 }))),
        Just(request("POST", &format!("/elevenlabs/v1/text-to-speech/{VOICE}"), &json!({ "text": "x" }))),
        Just(form(
            "/elevenlabs/v1/speech-to-text",
            &[("model_id", "scribe_v1"), ("webhook", "true")],
            ("file", b"RIFF")
        )),
        Just(form("/replicate/v1/files", &[], ("content", b"hello"))),
        Just(request("GET", "/replicate/v1/predictions", &Value::Null)),
        Just(request("GET", "/elevenlabs/v1/history", &Value::Null)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => submission().prop_map(Step::Ask),
        2 => (0usize..6, any::<bool>()).prop_map(|(job, cancels)| Step::Job(job, cancels)),
        2 => (0i64..400).prop_map(Step::Wait),
        1 => prop_oneof![Just(Some(200)), Just(Some(500)), Just(None)].prop_map(Step::Hooks),
    ]
}

/// Takes a step, and tells all that came of it.
fn take(sim: &mut Sim, now: &mut Timestamp, step: &Step) -> String {
    match step {
        Step::Ask(request) => format!("{:?}", sim.handle(*now, request)),
        Step::Job(at, cancels) => {
            let ledger = sim.ledger(*now);
            let jobs: Vec<&Value> = ledger.iter().rev().filter(|line| line["job"].is_string()).collect();
            let Some(line) = jobs.get(*at) else { return String::new() };
            let id = line["job"].as_str().unwrap_or_default();
            let (method, path) = match (line["provider"].as_str(), cancels) {
                (Some("replicate"), false) => ("GET", format!("/replicate/v1/predictions/{id}")),
                (Some("replicate"), true) => ("POST", format!("/replicate/v1/predictions/{id}/cancel")),
                (Some("fal"), false) => ("GET", format!("/fal/queue/fal-ai/flux/requests/{id}")),
                (Some("fal"), true) => ("PUT", format!("/fal/queue/fal-ai/flux/requests/{id}/cancel")),
                _ => ("GET", format!("/elevenlabs/v1/speech-to-text/transcripts/{id}")),
            };
            format!("{:?}", sim.handle(*now, &request(method, &path, &Value::Null)))
        }
        Step::Wait(seconds) => {
            *now += SignedDuration::from_secs(*seconds);
            String::new()
        }
        Step::Hooks(status) => {
            let sent = sim.advance(*now);
            for outgoing in &sent {
                sim.delivered(*now, outgoing.number, *status);
            }
            format!("{sent:?}")
        }
    }
}

fn reload(changes: Vec<Change>, seed: u64) -> Sim {
    let mut other = sim(seed);
    for change in changes {
        // As it is on disk.
        let text = serde_json::to_string(&change).expect("a change can be written");
        other.load(serde_json::from_str(&text).expect("a change can be read"));
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_seed_and_the_same_requests_give_the_same_world(seed in 0u64..100, steps in proptest::collection::vec(step(), 1..40)) {
        let run = || {
            let (mut sim, mut now) = (sim(seed), *START);
            let told: Vec<String> = steps.iter().map(|step| take(&mut sim, &mut now, step)).collect();
            (told, sim.ledger(now))
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn what_is_kept_makes_the_same_world(
        seed in 0u64..100,
        before in proptest::collection::vec(step(), 1..30),
        after in proptest::collection::vec(step(), 1..15),
    ) {
        let (mut one, mut now) = (sim(seed), *START);
        let mut kept = Vec::new();
        for step in &before {
            take(&mut one, &mut now, step);
            kept.extend(one.changes());
        }
        let mut by_changes = reload(kept, seed);
        let mut by_save = reload(one.save(), seed);
        prop_assert_eq!(one.ledger(now), by_changes.ledger(now));
        let mut nows = [now; 3];
        for step in &after {
            let [a, b, c] = &mut nows;
            let told = take(&mut one, a, step);
            prop_assert_eq!(&told, &take(&mut by_changes, b, step));
            prop_assert_eq!(&told, &take(&mut by_save, c, step));
        }
        prop_assert_eq!(one.save(), by_save.save());
    }

    #[test]
    fn what_was_charged_once_is_never_taken_back(seed in 0u64..100, steps in proptest::collection::vec(step(), 1..40)) {
        let (mut sim, mut now) = (sim(seed), *START);
        let mut before: Vec<Value> = Vec::new();
        for step in &steps {
            take(&mut sim, &mut now, step);
            let charges: Vec<Value> = sim.ledger(now).iter().map(|line| line["charged_usd"].clone()).collect();
            for (was, is) in before.iter().zip(&charges) {
                prop_assert!(was.is_null() || was == is, "{was} became {is}");
            }
            before = charges;
        }
    }

    #[test]
    fn hostile_requests_are_answered(
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("QUERY"), Just("")],
        path in hostile_path(),
        query in "(\\?[ -~]{0,40})?",
        kind in prop_oneof![Just("application/json"), Just("multipart/form-data; boundary=edge"), Just("multipart/form-data; boundary="), Just("")],
        prefer in prop_oneof![Just("wait"), Just("wait=99999999999999999999"), Just("1h9999999999999999999m")],
        body in hostile_body(),
    ) {
        let mut sim = sim(1);
        let mut request = request(method, &format!("{path}{query}"), &Value::Null);
        for (name, value) in [("content-type", kind), ("prefer", prefer), ("cancel-after", prefer), ("x-fal-request-timeout", "1e308")] {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
        request.headers.retain(|(name, value)| name != "content-type" || value == kind);
        request.body = body;
        let reply = sim.handle(*START, &request);
        if let Reply::Answer(answer) = reply {
            prop_assert!((100..600).contains(&answer.status));
            let _ = whole(&answer);
        }
        sim.advance(*START + SignedDuration::from_hours(1));
        let _ = (sim.ledger(*START), sim.requests(), sim.save());
    }

    #[test]
    fn hostile_scenarios_are_read_or_refused(text in "[ -~\\n]{0,200}") {
        let _ = Scenario::parse(&text);
    }
}

fn hostile_path() -> impl Strategy<Value = String> {
    let known = [
        "/replicate/v1/predictions",
        FLUX,
        "/replicate/v1/models/bytedance/seedance-1-pro/predictions",
        "/replicate/v1/files",
        "/replicate/v1/search",
        "/fal/run/fal-ai/flux/dev",
        "/fal/queue/fal-ai/wan/v2.2-a14b/text-to-video",
        "/fal/queue/fal-ai/flux/requests/x/status",
        "/fal/rest/storage/upload/initiate",
        "/fal/cdn/files/upload",
        "/fal/cdn/upload/a/b/1",
        "/fal/cdn/upload/a/b/complete",
        "/fal/api/v1/models/requests/by-endpoint",
        "/elevenlabs/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM",
        "/elevenlabs/v1/speech-to-text",
        "/elevenlabs/v1/sound-generation",
        "/elevenlabs/v1/music",
        "/elevenlabs/v1/workspace/webhooks",
        "/_sim/scenario",
    ];
    prop_oneof![
        proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        "(/(replicate|fal|elevenlabs|_sim|%|v1|queue|requests|delivery|pbxt|out-9|[ -~]{0,8})){0,7}",
    ]
}

fn hostile_body() -> impl Strategy<Value = Bytes> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!(1e308)),
        Just(json!(u64::MAX)),
        Just(json!("")),
        Just(json!("16:0")),
        Just(json!("data:image/png;base64,iVBORw0KGgo=")),
        Just(json!("http://sim.local/fal/cdn/files/../../x")),
        Just(json!([])),
        Just(json!([[]])),
        Just(json!({})),
        Just(json!({ "width": 14142, "height": 1 })),
        Just(json!(true)),
        "[ -~]{0,30}".prop_map(Value::from),
    ];
    let names = [
        "prompt",
        "input",
        "version",
        "webhook",
        "webhook_events_filter",
        "image_url",
        "image_size",
        "duration",
        "num_frames",
        "frames_per_second",
        "resolution",
        "aspect_ratio",
        "num_images",
        "num_outputs",
        "text",
        "seed",
        "voice_settings",
        "model_id",
        "composition_plan",
        "music_length_ms",
        "duration_seconds",
        "parts",
        "file_name",
        "content_type",
        "settings",
        "sync_mode",
    ];
    let object = proptest::collection::btree_map(proptest::sample::select(names.to_vec()), value, 0..8);
    prop_oneof![
        object.clone().prop_map(|object| Bytes::from(json!(object).to_string())),
        object.prop_map(|object| Bytes::from(json!({ "input": object, "prompt": "x" }).to_string())),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from),
        "(--edge(\r\n|--)?(Content-Disposition: form-data; name=\"(content|file|audio|model_id)\"(; filename=\"x\")?)?(\r\n)*[ -~]{0,9}){0,5}".prop_map(Bytes::from),
    ]
}
