//! Replicate, as its clients see it.

mod world;

use motet_sim::Reply;
use serde_json::{Value, json};
use world::{FLUX, World, request, seconds, whole, with};

const CAT: &str = r#"{"input":{"prompt":"a cat"}}"#;

fn cat() -> Value {
    serde_json::from_str(CAT).expect("JSON")
}

#[test]
fn a_prediction_starts_runs_and_succeeds() {
    let mut world = World::new("");
    let (status, made) = world.post(FLUX, &cat());
    assert_eq!((status, made["status"].as_str(), &made["output"]), (201, Some("starting"), &Value::Null));
    assert_eq!(made["version"], "hidden");
    let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
    world.later(2);
    assert_eq!(world.get(&get).1["status"], "processing");
    world.later(10);
    let (_, done) = world.get(&get);
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["metrics"]["image_count"], 1);
    let picture = world.fetch(done["output"][0].as_str().expect("a URL"));
    assert_eq!(&whole(&picture)[8..12], b"WEBP");
    assert_eq!(world.charged(), [Some(0.003)]);
}

#[test]
fn a_reply_that_is_held_open_comes_when_the_prediction_ends() {
    let mut world = World::new("");
    let held = with(request("POST", FLUX, &cat()), "prefer", "wait");
    let Reply::Answer(answer) = world.ask(&held) else { panic!("an answer") };
    let body: Value = serde_json::from_slice(&whole(&answer)).expect("JSON");
    assert_eq!((answer.status, body["status"].as_str()), (201, Some("succeeded")));
    assert!((0.5..4.0).contains(&seconds(answer.after)), "{:?}", answer.after);

    let video = "/replicate/v1/models/minimax/video-01/predictions";
    let held = with(request("POST", video, &cat()), "prefer", "wait=5");
    let Reply::Answer(answer) = world.ask(&held) else { panic!("an answer") };
    assert_eq!((answer.status, seconds(answer.after)), (202, 5.0));
    let wrong = with(request("POST", FLUX, &cat()), "prefer", "wait=61");
    assert!(matches!(world.ask(&wrong), Reply::Answer(answer) if answer.status == 400));
}

#[test]
fn bodies_are_checked_as_replicate_checks_them() {
    let mut world = World::new("");
    let body = json!({ "input": { "aspect_ratio": "7:1", "num_outputs": 9, "seed": "x" }, "webook": "https://a.example" });
    let (status, error) = world.post(FLUX, &body);
    let kinds: Vec<&str> = error["invalid_fields"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|field| field["type"].as_str())
        .collect();
    assert_eq!(
        (status, kinds),
        (422, vec!["additional_property_not_allowed", "required", "enum", "number_lte", "invalid_type"])
    );
    let (status, error) = world.post(FLUX, &json!({ "input": { "prompt": "x" }, "version": "abc" }));
    assert_eq!((status, error["invalid_fields"][0]["field"].as_str()), (422, Some("version")));
    let (status, error) =
        world.post("/replicate/v1/predictions", &json!({ "version": "0".repeat(64), "input": {} }));
    assert_eq!((status, error["title"].as_str()), (422, Some("Invalid version or not permitted")));
    assert_eq!(
        world.post("/replicate/v1/models/stability-ai/sdxl/predictions", &cat()).0,
        404,
        "it is no official model"
    );
    assert_eq!(world.charged(), [Some(0.0); 4], "nothing is charged for what is refused");
}

#[test]
fn unknown_inputs_are_dropped_and_entered() {
    let mut world = World::new("");
    let (status, _) = world.post(FLUX, &json!({ "input": { "prompt": "x", "negative_prompt": "y" } }));
    assert_eq!((status, &world.ledger()[0]["unknown_inputs"]), (201, &json!(["negative_prompt"])));
}

#[test]
fn keys_are_accounts_that_do_not_see_each_other() {
    let mut world = World::new("");
    let (_, made) = world.post(FLUX, &cat());
    let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
    let other = with(request("GET", &get, &Value::Null), "authorization", "Bearer another");
    assert!(matches!(world.ask(&other), Reply::Answer(answer) if answer.status == 404));
    let none = with(request("GET", &get, &Value::Null), "authorization", "Bearer ");
    assert!(matches!(world.ask(&none), Reply::Answer(answer) if answer.status == 401));
    let listed =
        with(request("GET", "/replicate/v1/predictions", &Value::Null), "authorization", "Bearer another");
    let Reply::Answer(listed) = world.ask(&listed) else { panic!("an answer") };
    assert!(String::from_utf8_lossy(&whole(&listed)).contains("\"results\":[]"));
}

#[test]
fn what_ran_is_removed_after_an_hour() {
    let mut world = World::new("");
    let (_, made) = world.post(FLUX, &cat());
    let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
    world.later(3590);
    let (_, kept) = world.get(&get);
    let url = kept["output"][0].as_str().expect("a URL").to_owned();
    assert_eq!((kept["data_removed"].as_bool(), world.fetch(&url).status), (Some(false), 200));
    world.later(20);
    let (_, removed) = world.get(&get);
    assert_eq!(
        (&removed["data_removed"], &removed["output"], &removed["input"]),
        (&json!(true), &Value::Null, &json!({}))
    );
    assert_eq!((removed["status"].as_str(), world.fetch(&url).status), (Some("succeeded"), 404));
}

#[test]
fn a_prediction_that_is_not_started_in_time_is_aborted_and_free() {
    let mut world = World::new("- { fault: slow_queue }");
    let made = with(request("POST", FLUX, &cat()), "cancel-after", "1m30s");
    let Reply::Answer(made) = world.ask(&made) else { panic!("an answer") };
    let made: Value = serde_json::from_slice(&whole(&made)).expect("JSON");
    let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.later(89).get(&get).1["status"], "starting");
    assert_eq!(world.later(1).get(&get).1["status"], "aborted");
    assert_eq!(world.charged(), [Some(0.0)]);
}

#[test]
fn time_that_was_used_is_paid_for_when_a_prediction_is_canceled() {
    let mut world = World::new("");
    let version = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc";
    let (_, made) = world.post("/replicate/v1/predictions", &json!({ "version": version, "input": {} }));
    let id = made["id"].as_str().expect("an id").to_owned();
    world.later(3);
    let (status, canceled) = world.post(&format!("/replicate/v1/predictions/{id}/cancel"), &Value::Null);
    assert_eq!((status, canceled["status"].as_str()), (200, Some("canceled")));
    let seconds = canceled["metrics"]["predict_time"].as_f64().expect("a time");
    let charged = world.charged()[0].expect("it is over");
    assert!(seconds > 0.0 && (charged - seconds * 0.000_975).abs() < 1e-6, "{charged} for {seconds} s");
    world.later(60);
    assert_eq!(world.charged(), [Some(charged)], "what is over stays as it is");
}

#[test]
fn webhooks_come_in_order_and_only_the_last_is_tried_again() {
    let mut world = World::new("");
    let events = json!(["start", "logs", "output", "completed"]);
    let body = json!({ "input": { "prompt": "x" }, "webhook": "http://me.example/hooks/replicate?token=abc", "webhook_events_filter": events });
    world.post(FLUX, &body);
    let sent = world.hooks(300, None);
    let statuses: Vec<String> = sent
        .iter()
        .map(|(_, hook)| serde_json::from_slice::<Value>(&hook.body).expect("JSON")["status"].to_string())
        .collect();
    let expected = ["processing", "processing", "succeeded", "succeeded"];
    assert_eq!(statuses[..4], expected.map(|status| format!("\"{status}\"")));
    assert_eq!(sent.len(), 4 + 6, "six more tries of the last");
    let first = sent[3].0;
    let last = sent[9].0;
    assert_eq!(last.duration_since(first).as_secs(), 63);
    let ids: std::collections::BTreeSet<&str> =
        sent[3..].iter().map(|(_, hook)| hook.headers[1].1.as_str()).collect();
    assert_eq!(ids.len(), 1, "all tries have one id");
    assert_eq!(world.ledger()[0]["token"], "abc");
}

#[test]
fn a_webhook_that_arrives_is_sent_once() {
    let mut world = World::new("");
    world.post(FLUX, &json!({ "input": { "prompt": "x" }, "webhook": "http://me.example/" }));
    let sent = world.hooks(300, Some(204));
    assert_eq!(sent.len(), 2, "output and completed");
    assert!(world.sim.next().is_none());
}

#[test]
fn a_canceled_prediction_tells_so() {
    let mut world = World::new("- { fault: slow_queue }");
    let (_, made) = world.post(FLUX, &json!({ "input": { "prompt": "x" }, "webhook": "http://me.example/" }));
    let id = made["id"].as_str().expect("an id").to_owned();
    world.later(1).post(&format!("/replicate/v1/predictions/{id}/cancel"), &Value::Null);
    let sent = world.hooks(600, Some(200));
    let news: Vec<Value> =
        sent.iter().map(|(_, hook)| serde_json::from_slice(&hook.body).expect("JSON")).collect();
    assert_eq!(news.len(), 1);
    assert_eq!(news[0]["status"], "canceled");
}

#[test]
fn requests_beyond_the_limit_are_told_when_to_come_again() {
    let mut world = World::new("limits: { replicate: { creates_per_minute: 3 } }");
    let statuses: Vec<u16> = (0..5).map(|_| world.post(FLUX, &cat()).0).collect();
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    let (_, refused) = world.post(FLUX, &cat());
    assert_eq!(refused["retry_after"], 20);
    assert_eq!(world.later(20).post(FLUX, &cat()).0, 201);
    assert_eq!(world.get("/replicate/v1/predictions").1["results"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_list_begins_after_a_moment() {
    let mut world = World::new("");
    world.post(FLUX, &json!({ "input": { "prompt": "before" } }));
    let after = world.later(1).now;
    world.later(1).post(FLUX, &json!({ "input": { "prompt": "after" } }));
    let (_, page) = world.get(&format!("/replicate/v1/predictions?created_after={after}"));
    let prompts: Vec<&Value> =
        page["results"].as_array().expect("a list").iter().map(|one| &one["input"]["prompt"]).collect();
    assert_eq!(prompts, ["after"]);
    assert_eq!(world.get("/replicate/v1/predictions?cursor=%25%25").0, 400);
}

#[test]
fn credit_comes_to_an_end() {
    let mut world = World::new("credit: { replicate: 0.005 }");
    for _ in 0..2 {
        assert_eq!(world.post(FLUX, &cat()).0, 201);
        world.later(30);
    }
    let (status, error) = world.post(FLUX, &cat());
    assert_eq!((status, error["title"].as_str()), (402, Some("Insufficient credit")));
}
