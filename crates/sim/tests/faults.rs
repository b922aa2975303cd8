//! Each fault, as it shows, and when it occurs.

mod world;

use motet_sim::{Body, Fault, Reply, Scenario};
use serde_json::{Value, json};
use world::{FLUX, VOICE, World, request, seconds, whole};

fn cat() -> Value {
    json!({ "input": { "prompt": "a cat" }, "webhook": "http://me.example/?token=abc" })
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

/// A prediction that ended, in a world with one fault.
fn ended(fault: &str) -> (World, Value) {
    let mut world = World::new(&format!("- {{ fault: {fault} }}"));
    let (_, made) = world.post(FLUX, &cat());
    let get = format!("/replicate/v1/predictions/{}", id(&made));
    let (_, done) = world.later(30).get(&get);
    (world, done)
}

fn jobs(world: &World) -> usize {
    world.ledger().iter().filter(|line| line["job"].is_string()).count()
}

#[test]
fn what_is_refused_did_not_arrive() {
    let mut world = World::new("- { fault: refuse }");
    assert_eq!(world.ask(&request("POST", FLUX, &cat())), Reply::Refused);
    let line = &world.ledger()[0];
    assert_eq!(
        (&line["fault"], &line["job"], &line["status"]),
        (&json!("refuse"), &Value::Null, &Value::Null)
    );
}

#[test]
fn what_is_throttled_is_told_when_to_come_again_or_not() {
    let mut world = World::new("- { fault: throttle, nth: 1 }\n- { fault: throttle_no_hint, nth: 2 }");
    let hint = |answer: &motet_sim::Answer| answer.headers.iter().any(|(name, _)| name == "retry-after");
    let first = world.answer("POST", FLUX, &cat());
    let second = world.answer("POST", FLUX, &cat());
    assert_eq!((first.status, hint(&first), second.status, hint(&second)), (429, true, 429, false));
    assert_eq!((world.post(FLUX, &cat()).0, jobs(&world)), (201, 1));
}

#[test]
fn an_error_comes_before_the_work_or_after_it() {
    let mut world = World::new(
        "- { fault: error_before, nth: 1, status: 503 }\n- { fault: error_after, nth: 2, status: 504 }",
    );
    assert_eq!((world.post(FLUX, &cat()).0, jobs(&world)), (503, 0));
    let answer = world.answer("POST", FLUX, &cat());
    assert!(String::from_utf8_lossy(&whole(&answer)).contains("nginx"), "the page of a proxy");
    assert_eq!((answer.status, jobs(&world)), (504, 1));
    world.later(30);
    assert_eq!(world.charged(), [Some(0.0), Some(0.003)]);
}

#[test]
fn a_lost_reply_leaves_a_job_that_is_charged() {
    let mut world = World::new("- { fault: reply_lost }");
    assert!(matches!(world.ask(&request("POST", FLUX, &cat())), Reply::Lost { .. }));
    world.later(30);
    assert_eq!((jobs(&world), world.charged()), (1, vec![Some(0.003)]));
    assert_eq!(world.hooks(600, Some(200)).len(), 2, "its news come");
}

#[test]
fn a_slow_job_waits_for_minutes() {
    let (mut world, waiting) = ended("slow_queue");
    assert_eq!(waiting["status"], "starting");
    let get = format!("/replicate/v1/predictions/{}", id(&waiting));
    assert_eq!(world.later(240).get(&get).1["status"], "succeeded");
}

#[test]
fn a_stuck_job_never_ends_but_can_be_taken_back() {
    let (mut world, stuck) = ended("stuck");
    let get = format!("/replicate/v1/predictions/{}", id(&stuck));
    let (_, later) = world.later(86_400).get(&get);
    assert!(["starting", "processing"].contains(&later["status"].as_str().expect("a word")), "{later}");
    assert_eq!((world.charged(), world.sim.next()), (vec![None], None));
    assert_eq!(world.post(&format!("{get}/cancel"), &Value::Null).1["status"], "canceled");
}

#[test]
fn news_are_lost_doubled_late_or_forged() {
    let news = |fault: &str| {
        let mut world = World::new(&format!("- {{ fault: {fault} }}"));
        let (_, made) = world.post(FLUX, &cat());
        let start = world.now;
        let sent = world.hooks(3600, Some(200));
        let last = sent.last().map(|(at, _)| at.duration_since(start).as_secs());
        let bodies: Vec<Value> =
            sent.iter().map(|(_, hook)| serde_json::from_slice(&hook.body).expect("JSON")).collect();
        assert!(bodies.iter().all(|body| body["id"] == made["id"]));
        (bodies, last)
    };
    assert_eq!(news("webhook_lost"), (vec![], None));
    assert_eq!(news("webhook_twice").0.len(), 4);
    let (late, when) = news("webhook_late");
    assert!(late.len() == 2 && when.is_some_and(|when| when >= 180), "{when:?}");
    let (all, _) = news("webhook_forged");
    let forged: Vec<&Value> = all.iter().filter(|body| body["error"] == "forged").collect();
    assert_eq!((all.len(), forged.len()), (4, 2));
    // One says "succeeded" too early, the other "failed" of what succeeded.
    assert_eq!([&forged[0]["status"], &forged[1]["status"]], ["succeeded", "failed"]);
}

#[test]
fn a_job_fails_or_is_refused_for_its_content() {
    let (world, failed) = ended("job_failed");
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("E1000")));
    assert_eq!(world.charged(), [Some(0.0)]);
    let (_, refused) = ended("content");
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("NSFW")));
    let mut world = World::new("- { fault: content }");
    let speak = format!("/elevenlabs/v1/text-to-speech/{VOICE}");
    assert_eq!(world.post(&speak, &json!({ "text": "x" })).1["detail"]["status"], "content_against_policy");
    world.later(60);
    assert_eq!(
        (world.charged(), world.get("/elevenlabs/v1/history").1["history"].clone()),
        (vec![Some(0.0)], json!([]))
    );
}

#[test]
fn an_answer_breaks_off_or_is_a_page() {
    for (fault, start) in [("bad_json", "{"), ("html", "<html>")] {
        let mut world = World::new(&format!("- {{ fault: {fault}, on: [create, read] }}"));
        let answer = world.answer("POST", FLUX, &cat());
        let body = whole(&answer);
        assert!(body.starts_with(start.as_bytes()) && serde_json::from_slice::<Value>(&body).is_err());
        assert_eq!((answer.status < 300, jobs(&world)), (true, 1));
    }
}

#[test]
fn a_file_is_short_once_or_for_ever() {
    let mut flavours = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut world = World::seeded(seed, "- { fault: media_truncated }");
        let (_, made) = world.post(FLUX, &cat());
        let (_, done) = world.later(30).get(&format!("/replicate/v1/predictions/{}", id(&made)));
        let url = done["output"][0].as_str().expect("a URL").to_owned();
        let first = world.fetch(&url);
        let again = world.fetch(&url);
        match &first.body {
            Body::Cut { bytes, announced } => {
                assert_eq!(*announced as usize, whole(&again).len());
                assert!(bytes.len() < whole(&again).len());
                flavours.insert("once");
            }
            body => {
                assert_eq!(body, &again.body);
                flavours.insert("for ever");
            }
        }
    }
    assert_eq!(flavours.len(), 2, "{flavours:?}");
}

#[test]
fn a_file_is_something_else_or_gone() {
    let (mut world, done) = ended("media_wrong");
    let file = world.fetch(done["output"][0].as_str().expect("a URL"));
    assert_eq!((file.headers[0].1.as_str(), whole(&file).starts_with(b"<html>")), ("image/webp", true));
    let (mut world, done) = ended("url_expired");
    assert_eq!(world.fetch(done["output"][0].as_str().expect("a URL")).status, 404);
}

#[test]
fn a_file_has_another_address_for_whoever_asks_again() {
    let url = |told: &Value| told["output"][0].as_str().expect("a URL").to_owned();
    let (mut world, done) = ended("url_moved");
    let get = format!("/replicate/v1/predictions/{}", id(&done));
    let first = url(&done);
    assert_eq!(url(&world.get(&get).1), first, "nobody has missed it yet");
    assert_eq!([world.fetch(&first).status, world.fetch(&first).status], [404, 404]);
    let second = url(&world.get(&get).1);
    assert_ne!(second, first);
    assert_eq!([world.fetch(&second).status, world.fetch(&first).status], [200, 404]);
}

#[test]
fn what_is_cancelled_too_late_runs_on_and_is_charged() {
    let mut world = World::new("- { fault: cancelled_too_late }");
    let (_, made) = world.post(FLUX, &cat());
    let cancel = format!("/replicate/v1/predictions/{}/cancel", id(&made));
    assert_eq!(world.post(&cancel, &Value::Null).0, 200);
    world.later(30);
    assert_eq!(world.get(cancel.trim_end_matches("/cancel")).1["status"], "succeeded");
    assert_eq!(world.charged(), [Some(0.003)]);
}

#[test]
fn a_stuck_call_is_answered_at_last_and_is_free() {
    let mut world = World::new("- { fault: stuck }");
    let answer =
        world.answer("POST", &format!("/elevenlabs/v1/text-to-speech/{VOICE}"), &json!({ "text": "x" }));
    assert_eq!((answer.status, seconds(answer.after), world.charged()), (500, 600.0, vec![None]));
}

#[test]
fn a_fault_occurs_where_its_rule_says() {
    let statuses = |scenario: &str| -> Vec<u16> {
        let mut world = World::new(scenario);
        let mut statuses: Vec<u16> = (0..4).map(|_| world.post(FLUX, &cat()).0).collect();
        statuses.push(world.post("/fal/queue/fal-ai/flux/dev", &json!({ "prompt": "x" })).0);
        statuses
    };
    assert_eq!(statuses("- { fault: throttle, nth: 3 }"), [201, 201, 429, 201, 200]);
    assert_eq!(statuses("- { fault: throttle, first: 2 }"), [429, 429, 201, 201, 200]);
    assert_eq!(statuses("- { fault: throttle, provider: fal }"), [201, 201, 201, 201, 429]);
    assert_eq!(statuses("- { fault: throttle, model: fal-ai/flux/dev }"), [201, 201, 201, 201, 429]);
    assert_eq!(statuses("- { fault: throttle, rate: 0 }"), [201, 201, 201, 201, 200]);
    assert_eq!(statuses("- { fault: throttle, on: read }"), [201, 201, 201, 201, 200]);
}

#[test]
fn a_rate_is_kept_to_and_repeated_by_its_seed() {
    let throttled = |seed| -> Vec<bool> {
        let mut world = World::seeded(seed, "- { fault: throttle, rate: 0.2 }");
        (0..500).map(|_| world.post(FLUX, &cat()).0 == 429).collect()
    };
    let first = throttled(1);
    let many = first.iter().filter(|is| **is).count();
    assert!((70..130).contains(&many), "{many} of 500");
    assert_eq!(first, throttled(1));
    assert_ne!(first, throttled(2));
}

#[test]
fn every_fault_has_a_name_that_scenarios_know() {
    for fault in Fault::ALL {
        let scenario = Scenario::parse(&format!("- fault: {}", fault.name())).expect("a known name");
        assert_eq!(scenario.faults[0].fault, fault);
    }
}

#[test]
fn a_scenario_that_cannot_be_used_says_why() {
    let refused = |text: &str| Scenario::parse(text).expect_err("it is wrong").to_string();
    assert!(
        refused("- fault: reply_lots")
            .contains("unknown variant `reply_lots`, expected one of `refuse`, `throttle`")
    );
    assert!(refused("- { fault: stuck, provider: repliacte }").contains("`repliacte`"));
    assert!(refused("- { fault: stuck, often: 3 }").contains("unknown field `often`"));
    assert!(refused("falts: []").contains("unknown field `falts`"));
    assert!(
        refused("- { fault: stuck, rate: 0.1, nth: 2 }")
            .contains("takes only one of `rate`, `nth` and `first`")
    );
    assert!(refused("- { fault: stuck, rate: 20 }").contains("must be from 0 to 1"));
    assert!(refused("- { fault: stuck, on: read }").contains("whole job"));
    assert!(
        refused("- { fault: html, status: 502 }")
            .contains("supported by `error_before` and `error_after` only")
    );
    assert!(refused("- { fault: *x }").contains("invalid scenario"));
    assert_eq!(Scenario::parse("").expect("nothing goes wrong"), Scenario::default());
    let json = r#"{"faults":[{"fault":"stuck","first":1}],"keys":{"fal":["a"]}}"#;
    assert_eq!(Scenario::parse(json).expect("JSON is YAML").keys.len(), 1);
}

#[test]
fn a_paid_request_without_its_attempt_is_a_violation() {
    let mut world = World::new("");
    let mut bare = request("POST", FLUX, &cat());
    bare.headers.retain(|(name, _)| name != "motet-attempt");
    world.ask(&bare);
    world.post(FLUX, &cat());
    world.post(FLUX, &cat());
    let ledger = world.ledger();
    let violations: Vec<bool> = ledger.iter().map(|line| line["violation"].is_string()).collect();
    assert_eq!(violations, [true, false, false]);
    let repeated: Vec<&Value> = ledger.iter().map(|line| &line["repeated"]).collect();
    assert_eq!(repeated, [false, false, true]);
    let ids: std::collections::BTreeSet<&str> =
        ledger.iter().filter_map(|line| line["job"].as_str()).collect();
    assert_eq!(ids.len(), 3, "an attempt key never answers for a job");
    assert!(!format!("{ledger:?} {:?}", world.sim.requests()).contains("secret"), "no key is shown");
}
