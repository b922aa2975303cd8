//! Servers that pipelines name: an echo, or what the scenario says of an address.

mod world;

use std::time::Duration;

use motet_sim::{Reply, Request, Scenario};
use serde_json::{Value, json};
use world::{World, whole};

const NOW: &str = "/http/https/api.weather.example/now";

/// A request with the header that names its attempt.
fn asking(method: &str, path: &str, body: &str) -> Request {
    let headers = [("motet-attempt", "r1/ask/1"), ("content-type", "application/json"), ("x-n", "3")];
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: body.to_owned().into(),
    }
}

fn answered(world: &mut World, request: &Request) -> motet_sim::Answer {
    match world.ask(request) {
        Reply::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn header<'a>(answer: &'a motet_sim::Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_server_of_which_the_scenario_says_nothing_echoes_and_says_that_it_is_simulated() {
    let mut world = World::new("");
    let answer = answered(&mut world, &asking("POST", &format!("{NOW}?city=New%20York"), r#"{"n":1}"#));
    assert_eq!((answer.status, header(&answer, "motet-simulated")), (200, Some("yes")));
    let told: Value = serde_json::from_slice(&whole(&answer)).unwrap();
    let expected = json!({
        "simulated": true,
        "method": "POST",
        "url": "https://api.weather.example/now",
        "query": { "city": "New York" },
        "headers": { "content-type": "application/json", "motet-attempt": "r1/ask/1", "x-n": "3" },
        "json": { "n": 1 },
    });
    assert_eq!(told, expected);
    let text = answered(&mut world, &asking("PUT", NOW, "hello"));
    assert_eq!(serde_json::from_slice::<Value>(&whole(&text)).unwrap()["text"], "hello");
}

const WEATHER: &str = r#"
http:
  - { method: POST, url: "https://api.weather.example/now", status: 201, delay: 1.5,
      headers: { motet-cost: "0.02", X-Source: hills }, body: { sky: clear } }
  - { url: "https://api.weather.example/*", status: 404, body: no such place }
  - { url: "https://bare.example/", status: 204 }
"#;

#[test]
fn the_first_entry_that_fits_answers() {
    let mut world = World::new(WEATHER);
    let answer = answered(&mut world, &asking("POST", &format!("{NOW}?city=Paris"), ""));
    assert_eq!((answer.status, answer.after), (201, Duration::from_millis(1500)));
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
    assert_eq!((header(&answer, "motet-cost"), header(&answer, "x-source")), (Some("0.02"), Some("hills")));
    assert_eq!(whole(&answer), json!({ "sky": "clear" }).to_string().as_bytes());
    let other = answered(&mut world, &asking("GET", NOW, ""));
    assert_eq!((other.status, header(&other, "content-type")), (404, Some("text/plain; charset=utf-8")));
    let bare = answered(&mut world, &asking("GET", "/http/https/bare.example/", ""));
    assert_eq!((bare.status, header(&bare, "content-type"), whole(&bare).len()), (204, None, 0));
    let elsewhere = answered(&mut world, &asking("GET", "/http/http/api.weather.example/now", ""));
    assert_eq!(elsewhere.status, 200, "another scheme is another address");
}

#[test]
fn every_request_is_in_the_ledger_with_its_attempt_and_what_the_answer_says_that_it_cost() {
    let mut world = World::new(WEATHER);
    answered(&mut world, &asking("POST", NOW, ""));
    let mut unmarked = asking("POST", NOW, "");
    unmarked.headers.clear();
    answered(&mut world, &unmarked);
    answered(&mut world, &Request { method: "GET".to_owned(), ..unmarked });
    let ledger = world.ledger();
    let line = |at: usize| (&ledger[at]["attempt_key"], &ledger[at]["charged_usd"], &ledger[at]["violation"]);
    assert_eq!(line(0), (&json!("r1/ask/1"), &json!(0.02), &Value::Null));
    assert_eq!(line(1).2, &json!("a paid request without Motet-Attempt"));
    // A request that means the same twice has no name of its attempt.
    assert_eq!(line(2), (&Value::Null, &json!(0.0), &Value::Null));
    let told = (&ledger[0]["provider"], &ledger[0]["model"], &ledger[0]["path"], &ledger[0]["status"]);
    assert_eq!(told, (&json!("http"), &json!("api.weather.example"), &json!(NOW), &json!(201)));
}

#[test]
fn faults_of_the_table_and_of_rules_hit_requests() {
    let cost = r#"headers: { motet-cost: "0.02" }"#;
    let with = |fault: &str| format!("http:\n  - {{ url: '*', {cost}, body: {{ a: 1 }}, fault: {fault} }}");
    let charged = |world: &World| world.ledger()[0]["charged_usd"].clone();
    let post = asking("POST", NOW, "");

    let mut world = World::new(&with("refuse"));
    assert_eq!((world.ask(&post), charged(&world)), (Reply::Refused, json!(0.0)));
    let mut world = World::new(&with("reply_lost"));
    assert_eq!((world.ask(&post), charged(&world)), (Reply::Lost { after: Duration::ZERO }, json!(0.02)));
    for (fault, status, cost) in [
        ("throttle", 429, 0.0),
        ("error_before, status: 503", 503, 0.0),
        ("error_after", 500, 0.02),
        ("html", 200, 0.02),
        ("bad_json", 200, 0.02),
    ] {
        let mut world = World::new(&with(fault));
        let answer = answered(&mut world, &post);
        assert_eq!((answer.status, charged(&world)), (status, json!(cost)), "{fault}");
        assert!(
            serde_json::from_slice::<Value>(&whole(&answer)).is_ok() != ["html", "bad_json"].contains(&fault)
        );
    }
    let mut world = World::new(
        "- { provider: http, model: api.weather.example, fault: throttle, nth: 2 }\n- { provider: fal, fault: refuse }",
    );
    let elsewhere = asking("POST", "/http/https/other.example/", "");
    let statuses = [&post, &elsewhere, &post, &post].map(|request| answered(&mut world, request).status);
    assert_eq!(statuses, [200, 200, 429, 200]);
}

#[test]
fn an_entry_that_cannot_be_right_is_refused_in_words() {
    let told = |entry: &str| Scenario::parse(&format!("http: [{{ {entry} }}]")).unwrap_err().to_string();
    let table = [
        ("url: ''", "invalid scenario: http entry 1: `url` must not be empty; `*` fits all"),
        (
            "url: '*', method: get",
            "invalid scenario: http entry 1: there is no method `get`; supported: GET, POST, PUT, PATCH, DELETE",
        ),
        ("url: '*', status: 99", "invalid scenario: http entry 1: `status` must be from 200 to 599"),
        ("url: '*', delay: -1", "invalid scenario: http entry 1: `delay` must be from 0 to 3600 seconds"),
        (
            "url: '*', fault: stuck",
            "invalid scenario: http entry 1: `stuck` affects a job, and a request starts none",
        ),
        (
            "url: '*', headers: { content-length: '1' }",
            "invalid scenario: http entry 1: the header `content-length` can't be sent",
        ),
    ];
    for (entry, message) in table {
        assert_eq!(told(entry), message);
    }
    assert!(told("url: '*', stauts: 200").contains("stauts"));
}

#[test]
fn a_path_that_names_no_server_is_not_found() {
    let mut world = World::new("");
    for path in ["/http/", "/http/ftp/a.example/", "/http/https", "/http/https/"] {
        assert_eq!(answered(&mut world, &asking("GET", path, "")).status, 404, "{path}");
    }
}

#[test]
fn the_ledger_of_requests_survives_a_restart() {
    let mut world = World::new(WEATHER);
    answered(&mut world, &asking("POST", NOW, ""));
    let mut again = World::new("");
    for change in world.sim.save() {
        again.sim.load(change);
    }
    assert_eq!(again.ledger(), world.ledger());
    assert_eq!(answered(&mut again, &asking("POST", NOW, "")).status, 201, "and so does the table");
}
