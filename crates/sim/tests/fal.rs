//! fal, as its clients see it.

mod world;

use motet_sim::Reply;
use serde_json::{Value, json};
use world::{World, request, whole, with};

const DEV: &str = "/fal/queue/fal-ai/flux/dev";

fn submit(world: &mut World, path: &str, input: &Value) -> String {
    let (status, made) = world.post(path, input);
    assert_eq!((status, made["status"].as_str()), (200, Some("IN_QUEUE")));
    made["status_url"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://sim.local"))
        .expect("a URL")
        .to_owned()
}

#[test]
fn a_request_waits_runs_and_completes() {
    let mut world = World::new("");
    let status = submit(
        &mut world,
        DEV,
        &json!({ "prompt": "x", "image_size": { "width": 640, "height": 320 }, "num_images": 2 }),
    );
    assert!(status.starts_with("/fal/queue/fal-ai/flux/requests/"), "{status}: without the sub-path");
    let result = status.trim_end_matches("/status").to_owned();
    let (code, waiting) = world.get(&status);
    assert_eq!(
        (code, waiting["status"].as_str(), &waiting["queue_position"]),
        (202, Some("IN_QUEUE"), &json!(0))
    );
    assert_eq!(world.get(&result), (400, json!({ "detail": "Request is still in progress" })));
    let (code, done) = world.later(20).get(&format!("{status}?logs=1"));
    assert_eq!((code, done["status"].as_str()), (200, Some("COMPLETED")));
    let answer = world.answer("GET", &result, &Value::Null);
    let units = answer
        .headers
        .iter()
        .find(|(name, _)| name == "x-fal-billable-units")
        .map(|(_, value)| value.as_str());
    let body: Value = serde_json::from_slice(&whole(&answer)).expect("JSON");
    assert_eq!(body["images"].as_array().map(Vec::len), Some(2));
    assert_eq!(units, Some("0.390625"), "two pictures of 640 × 320 in millions of pixels");
    assert_eq!(world.charged(), [Some(0.390625 * 0.025)]);
}

#[test]
fn only_so_much_runs_at_a_time() {
    let mut world = World::new("limits: { fal: { concurrency: 2 } }");
    let paths: Vec<String> = (0..5).map(|_| submit(&mut world, DEV, &json!({ "prompt": "x" }))).collect();
    let mut most = 0;
    for _ in 0..60 {
        let states: Vec<String> = paths.iter().map(|path| world.get(path).1["status"].to_string()).collect();
        most = most.max(states.iter().filter(|state| state.contains("IN_PROGRESS")).count());
        world.later(1);
    }
    assert_eq!(most, 2);
    assert!(world.charged().iter().all(Option::is_some), "all came to their turn");
    for _ in 0..2 {
        submit(&mut world, DEV, &json!({ "prompt": "x" }));
    }
    let (status, error) = world.post("/fal/run/fal-ai/flux/dev", &json!({ "prompt": "x" }));
    assert_eq!((status, error["error_type"].as_str()), (429, Some("concurrent_requests_limit")));
}

#[test]
fn wrong_inputs_are_found_by_the_model_not_by_the_queue() {
    let mut world = World::new("");
    let status = submit(&mut world, DEV, &json!({ "image_size": "huge", "num_images": 0 }));
    world.later(10);
    let (_, done) = world.get(&status);
    assert_eq!(
        (done["status"].as_str(), done["error"].as_str()),
        (Some("COMPLETED"), Some("Invalid status code: 422"))
    );
    let (code, body) = world.get(status.trim_end_matches("/status"));
    let kinds: Vec<&str> =
        body["detail"].as_array().expect("a list").iter().filter_map(|one| one["type"].as_str()).collect();
    assert_eq!((code, kinds), (422, vec!["missing", "value_error", "greater_than_equal"]));
    assert_eq!(world.charged(), [Some(0.0)]);
}

#[test]
fn a_request_that_does_not_start_in_time_is_given_up() {
    let mut world = World::new("- { fault: slow_queue }");
    let submitted = with(request("POST", DEV, &json!({ "prompt": "x" })), "x-fal-request-timeout", "10");
    let Reply::Answer(answer) = world.ask(&submitted) else { panic!("an answer") };
    let body: Value = serde_json::from_slice(&whole(&answer)).expect("JSON");
    let result = body["response_url"].as_str().expect("a URL").to_owned();
    let answer = world.later(11).fetch(&result);
    assert_eq!(answer.status, 504);
    assert!(answer.headers.contains(&("x-fal-request-timeout-type".to_owned(), "user".to_owned())));
}

#[test]
fn news_are_tried_again_for_long_but_not_after_a_redirect() {
    let mut world = World::new("");
    world.post(
        &format!("{DEV}?fal_webhook=http%3A%2F%2Fme.example%2Fhook%3Ftoken%3Dabc"),
        &json!({ "prompt": "x" }),
    );
    let sent = world.hooks(86_400, Some(500));
    assert_eq!(sent.len(), 31);
    assert_eq!(
        (sent[0].1.url.as_str(), world.ledger()[0]["token"].as_str()),
        ("http://me.example/hook?token=abc", Some("abc"))
    );
    let body: Value = serde_json::from_slice(&sent[0].1.body).expect("JSON");
    assert_eq!(
        (body["status"].as_str(), body["payload"]["images"].as_array().map(Vec::len)),
        (Some("OK"), Some(1))
    );
    world.post(&format!("{DEV}?fal_webhook=http%3A%2F%2Fme.example%2F"), &json!({ "prompt": "x" }));
    assert_eq!(world.hooks(86_400, Some(302)).len(), 1);
}

#[test]
fn a_failed_request_is_told_as_an_error() {
    let mut world = World::new("- { fault: content }");
    world.post(&format!("{DEV}?fal_webhook=http%3A%2F%2Fme.example%2F"), &json!({ "prompt": "x" }));
    let sent = world.hooks(60, Some(200));
    let body: Value = serde_json::from_slice(&sent[0].1.body).expect("JSON");
    assert_eq!(
        (body["status"].as_str(), body["error"].as_str()),
        (Some("ERROR"), Some("Invalid status code: 422"))
    );
    assert_eq!(body["payload"]["detail"][0]["type"], "content_policy_violation");
}

#[test]
fn past_requests_are_listed_once_they_have_started() {
    let mut world = World::new("");
    submit(&mut world, DEV, &json!({ "prompt": "x", "seed": 7 }));
    let list = "/fal/api/v1/models/requests/by-endpoint?endpoint_id=fal-ai/flux/dev&expand=payloads";
    assert_eq!(world.get(list).1["items"], json!([]));
    let (_, page) = world.later(3).get(list);
    assert_eq!(page["items"][0]["json_input"], json!({ "prompt": "x", "seed": 7 }));
    let (_, events) = world.later(60).get("/fal/api/v1/models/billing-events");
    assert_eq!(events["billing_events"][0]["cost_estimate_nano_usd"], 18_750_000);
    let (_, prices) = world.get("/fal/api/v1/models/pricing?endpoint_id=fal-ai/flux/dev,fal-ai/nano-banana");
    assert_eq!(prices["prices"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_large_file_is_sent_in_parts() {
    let mut world = World::new("");
    let (_, made) = world.post(
        "/fal/rest/storage/upload/initiate-multipart?storage_type=fal-cdn-v3",
        &json!({ "content_type": "text/plain", "file_name": "a b.txt" }),
    );
    let path = made["upload_url"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://sim.local"))
        .expect("a URL")
        .to_owned();
    for (part, text) in [(2, "world"), (1, "hello ")] {
        let mut put = request("PUT", &format!("{path}/{part}"), &Value::Null);
        put.body = text.into();
        assert!(matches!(world.ask(&put), Reply::Answer(answer) if answer.status == 200));
    }
    let (status, _) = world
        .post(&format!("{path}/complete"), &json!({ "parts": [{ "partNumber": 1 }, { "partNumber": 2 }] }));
    assert_eq!(status, 200);
    let file = world.fetch(made["file_url"].as_str().expect("a URL"));
    assert_eq!(whole(&file), b"hello world");
}
