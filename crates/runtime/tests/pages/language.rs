//! Every example of `docs/language.md` is checked and run, under virtual time, and does what its last
//! comments say; every key of the language has one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motet::engine::dispatcher::PoolLimit;
use motet::language::value::Map;
use motet::language::{Span, Value, schema};
use motet::settings::{KeySource, SecretSettings};
use motet::world::virtual_time::VirtualWorld;
use motet::world::wire;
use motet::{Error, Motet, RunEnd, Settings};
use serde_json::Value as Json;

use crate::stage::{EPOCH, Played, play_pipeline, repository};

/// One fenced example, with what its last comments ask for.
struct Example {
    line: usize,
    text: String,
    wanted: BTreeMap<String, String>,
}

/// What may be asked for.
const WORDS: [&str; 9] =
    ["file", "inputs", "gives", "degraded", "fails", "statuses", "attempts", "takes", "refused"];

fn page() -> String {
    std::fs::read_to_string(repository("docs/language.md")).unwrap()
}

fn examples() -> Vec<Example> {
    let page = page();
    let mut examples = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((line, text)) = lines.next() {
        if text != "```yaml" {
            continue;
        }
        let body: Vec<&str> =
            lines.by_ref().map(|(_, text)| text).take_while(|text| *text != "```").collect();
        let wanted = body.iter().filter_map(|text| text.strip_prefix("# ")).map(|comment| {
            let (word, rest) = comment.split_once(": ").unwrap_or((comment, ""));
            assert!(WORDS.contains(&word), "line {}: `{word}` asks for nothing", line + 1);
            (word.to_owned(), rest.to_owned())
        });
        examples.push(Example { line: line + 1, wanted: wanted.collect(), text: body.join("\n") });
    }
    examples
}

#[test]
fn every_example_of_the_page_does_what_it_says() {
    let mut files = BTreeMap::new();
    for example in examples() {
        match example.wanted.get("file") {
            Some(name) => {
                files.insert(name.clone(), example.text);
            }
            None => run_example(&example, &files),
        }
    }
}

fn run_example(example: &Example, files: &BTreeMap<String, String>) {
    let Example { line, wanted, .. } = example;
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("example.yaml");
    std::fs::write(&main, &example.text).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    motet::world::virtual_time::run(async {
        // Those of the page.
        let gpu = PoolLimit { slots: Some(1), rate: None };
        let search = PoolLimit { slots: Some(4), rate: Some("1/1m".parse().unwrap()) };
        let key = |name: &str| (name == "WEATHER_KEY").then(|| "a key".to_owned());
        let builder = Motet::builder().settings(&weather()).environment(key);
        let world = VirtualWorld::new(EPOCH, 1).with_network(report);
        let builder = builder.world(Arc::new(world)).pool("gpu", gpu).pool("search", search);
        let motet = builder.open().await.unwrap();
        let pipeline = match (motet.load(&main), wanted.get("refused")) {
            (Ok(pipeline), None) => pipeline,
            (Err(Error::Check(findings)), Some(codes)) => {
                let found: BTreeSet<_> = findings.iter().map(|finding| finding.code.word()).collect();
                assert_eq!(found, codes.split(' ').collect(), "line {line}: {findings:?}");
                return;
            }
            (Err(error), _) => panic!("line {line}: {error}"),
            (Ok(_), Some(_)) => panic!("line {line}: it is not refused"),
        };
        let inputs = wanted.get("inputs").map_or(Json::Null, |inputs| json(*line, inputs));
        let inputs: Map = inputs
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), Value::from(value.clone())))
            .collect();
        let inputs: Vec<_> = inputs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let played = play_pipeline(motet, &pipeline, &inputs).await;
        assert_wanted(example, &played);
    });
}

/// The settings of the page: where its secret is, and who may be told.
fn weather() -> Settings {
    let source = KeySource::Environment("WEATHER_KEY".to_owned());
    let secret = SecretSettings { source, hosts: vec!["api.weather.example".to_owned()] };
    Settings { secrets: [("weather".to_owned(), secret)].into(), ..Settings::usual("") }
}

/// The server of the page, which knows one city and one key.
async fn report(request: wire::Request) -> Result<wire::Reply, wire::Fault> {
    let is_known = |(name, value): &(_, hyper::header::HeaderValue)| {
        let name: &hyper::header::HeaderName = name;
        name == "authorization" && value == "Bearer a key"
    };
    let status = match request.url.as_str() == "https://api.weather.example/now?city=Oslo" {
        true if request.headers.iter().any(is_known) => 200,
        true => 401,
        false => 404,
    };
    Ok(wire::Reply::of(status, &[("content-type", "application/json")], r#"{"celsius": -4}"#))
}

fn assert_wanted(Example { line, wanted, .. }: &Example, played: &Played) {
    match wanted.get("fails") {
        Some(failure) => assert_eq!(told_failure(&played.end), *failure, "line {line}"),
        None => {
            let gives = wanted.get("gives").map_or_else(|| serde_json::json!({}), |gives| json(*line, gives));
            assert_eq!(played.outputs().to_json(), gives, "line {line}");
            assert_eq!(played.is_degraded(), wanted.contains_key("degraded"), "line {line}: degraded");
        }
    }
    if let Some(takes) = wanted.get("takes") {
        assert_eq!(played.duration(), takes.parse::<Span>().unwrap(), "line {line}");
    }
    for (step, status) in entries(*line, wanted.get("statuses")) {
        assert_eq!(played.status(&step).word(), status, "line {line}: {step}");
    }
    for (step, attempts) in entries(*line, wanted.get("attempts")) {
        assert_eq!(played.attempts(&step), attempts, "line {line}: {step}");
    }
}

/// "step class", or "- class" if it was the run itself.
fn told_failure(end: &RunEnd) -> String {
    match end {
        RunEnd::Failed { step, failure } => {
            format!("{} {}", step.as_ref().map_or("-", |step| step.as_str()), failure.class)
        }
        other => format!("{other:?}"),
    }
}

fn json(line: usize, text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("line {line}: {error}"))
}

fn entries(line: usize, text: Option<&String>) -> serde_json::Map<String, Json> {
    let read = |text: &String| json(line, text).as_object().cloned().expect("an object");
    text.map(read).unwrap_or_default()
}

#[test]
fn every_key_of_the_language_has_an_example_that_runs() {
    let good = examples().into_iter().filter(|example| !example.wanted.contains_key("refused"));
    let text: String = good.map(|example| example.text + "\n").collect();
    let written: BTreeSet<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | ':'))
        .filter_map(|word| word.strip_suffix(':'))
        .collect();
    let schema = schema::json_schema();
    let keys = |pointer: &str| {
        let place = schema.pointer(pointer).unwrap_or_else(|| panic!("the schema has no {pointer}"));
        place.as_object().expect("properties").keys().cloned().collect::<Vec<_>>()
    };
    for pointer in
        ["/properties", "/$defs/step/properties", "/$defs/fallback/properties", "/$defs/retry/properties"]
    {
        for key in keys(pointer) {
            assert!(written.contains(key.as_str()), "`{key}` ({pointer}) has no example");
            assert!(page().contains(&format!("`{key}`")), "`{key}` is not described");
        }
    }
}
