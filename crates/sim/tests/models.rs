//! Every model that the simulator has, with as little as it takes.

mod world;

use serde_json::{Map, Value, json};
use world::World;

/// The list itself, which the simulator reads too.
fn models() -> Vec<Value> {
    serde_json::from_str(include_str!("../src/models.json")).expect("JSON")
}

/// The least that a model takes.
fn least(model: &Value) -> Value {
    let required = model["required"].as_array().cloned().unwrap_or_default();
    let input: Map<String, Value> = required
        .iter()
        .filter_map(Value::as_str)
        .map(|name| {
            let schema = &model["input"][name];
            let value = match (&schema["enum"][0], schema["type"].as_str()) {
                (Value::Null, Some("array")) => json!(["https://example.com/a"]),
                (Value::Null, _) => json!("https://example.com/a"),
                (first, _) => first.clone(),
            };
            (name.to_owned(), value)
        })
        .collect();
    Value::Object(input)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Runs a model to its end: the result, and what it cost.
fn run(model: &Value, input: &Value) -> (Value, f64) {
    let mut world = World::new("");
    let id = text(model, "id");
    let result = if text(model, "provider") == "fal" {
        let (status, submitted) = world.post(&format!("/fal/queue/{id}"), input);
        assert_eq!(status, 200, "{id}");
        let url = text(&submitted, "response_url").replace("http://sim.local", "");
        let (status, result) = world.later(1000).get(&url);
        assert_eq!(status, 200, "{id}: {result}");
        result
    } else {
        let (_, described) = world.get(&format!("/replicate/v1/models/{id}"));
        let version = format!("{id}:{}", text(&described["latest_version"], "id"));
        let (status, made) =
            world.post("/replicate/v1/predictions", &json!({ "version": version, "input": input }));
        assert_eq!(status, 201, "{id}: {made}");
        let (_, done) = world.later(1000).get(&format!("/replicate/v1/predictions/{}", text(&made, "id")));
        assert_eq!(done["status"], "succeeded", "{id}");
        done["output"].clone()
    };
    (result, world.charged()[0].expect("it is over"))
}

#[test]
fn every_model_runs_with_its_required_inputs() {
    for model in models() {
        let (result, charged) = run(&model, &least(&model));
        let id = text(&model, "id");
        assert!(!result.is_null() && result != json!({}), "{id}");
        let priced = model["price"].as_array().is_some_and(|prices| !prices.is_empty());
        assert_eq!(charged > 0.0, priced && id != "fal-ai/kokoro/american-english", "{id} costs {charged}");
    }
}

#[test]
fn every_default_is_a_value_that_is_taken() {
    for model in models() {
        let mut input = least(&model);
        for (name, schema) in model["input"].as_object().expect("inputs") {
            if let Some(default) = schema.get("default") {
                input[name] = default.clone();
            }
        }
        run(&model, &input);
    }
}

#[test]
fn prices_follow_what_was_asked_for() {
    let cost = |id: &str, input: Value| {
        let model = models().into_iter().find(|model| model["id"] == id).expect("a known model");
        run(&model, &input).1
    };
    let seedance = "bytedance/seedance-1-pro";
    assert_eq!(cost(seedance, json!({ "prompt": "x", "duration": 10, "resolution": "480p" })), 0.3);
    assert_eq!(cost(seedance, json!({ "prompt": "x" })), 0.75, "5 s of 1080p are the default");
    assert_eq!(cost("fal-ai/veo3", json!({ "prompt": "x", "duration": "4s", "generate_audio": false })), 0.8);
    assert_eq!(cost("fal-ai/veo3", json!({ "prompt": "x" })), 3.2);
    assert_eq!(
        cost("fal-ai/nano-banana-pro", json!({ "prompt": "x", "num_images": 2, "resolution": "4K" })),
        0.6
    );
    assert_eq!(cost("elevenlabs/turbo-v2.5", json!({ "prompt": "x".repeat(500) })), 0.025);
    assert_eq!(
        cost("minimax/hailuo-02", json!({ "prompt": "x", "duration": 10, "resolution": "768p" })),
        0.56
    );
}
