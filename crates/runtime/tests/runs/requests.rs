//! `http/request` in pipelines: what is sent, what comes of the reply, where a secret goes, and what becomes of a request
//! without a reply. The servers are real ones of this machine, unless time has to pass.

#[path = "../door/server.rs"]
#[allow(dead_code, reason = "the tests of the door use all of it")]
mod server;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use motet::engine::{AttemptEvent, Event, RunEvent, StepEvent};
use motet::follow::Happening;
use motet::language::{Money, Value};
use motet::store::RunStatus;
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::wire::{Cause, Fault, Phase, Reply};
use motet::{Builder, Class, Error, Motet, RunEnd, RunHandle, Settings, StartOptions};

use crate::stage::EPOCH;
use server::{Act, Heard, Server, reply};

use crate::stage;

/// What nobody but the server may see. It has letters that JSON and URLs write differently.
const SECRET: &str = "planted/secret+1\"0123456789abcdef";

/// Settings that allow servers of this machine, and tell them the secret.
const LOCAL: &str = "
[providers.http]
private = true
[secrets.weather]
key = 'env:WEATHER_KEY'
hosts = ['127.0.0.1']
";

fn settings(text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("motet.toml");
    std::fs::write(&file, text).unwrap();
    Settings::load(&file).unwrap().vouched()
}

fn with(text: &str) -> Builder {
    let environment = |name: &str| (name == "WEATHER_KEY").then(|| SECRET.to_owned());
    Motet::builder().settings(&settings(text)).environment(environment)
}

/// A pipeline of one request, with these inputs of it and these policies.
fn story(given: &str, policies: &str) -> String {
    format!(
        "motet: 1
name: report
steps: {{ ask: {{ uses: http/request, with: {{ {given} }}, {policies} }} }}
outputs:
  status_code: \"{{{{ steps.ask.status_code }}}}\"
  json: \"{{{{ steps.ask.json }}}}\"
  text: \"{{{{ steps.ask.text }}}}\"
  file: \"{{{{ steps.ask.file }}}}\"
"
    )
}

async fn begin(motet: &Motet, text: &str, budget: Option<&str>) -> RunHandle {
    let pipeline = motet.load_text(text).unwrap_or_else(|error| panic!("{error}"));
    let options = StartOptions { new: true, budget: budget.map(dollars), ..StartOptions::default() };
    motet.start_with(&pipeline, (), options).await.unwrap().run
}

async fn play(motet: &Motet, text: &str) -> RunEnd {
    begin(motet, text, None).await.wait().await.unwrap()
}

fn outputs(end: RunEnd) -> Value {
    match end {
        RunEnd::Completed { outputs, .. } => outputs,
        other => panic!("it did not complete: {other:?}"),
    }
}

fn failure(end: RunEnd) -> (Class, String) {
    match end {
        RunEnd::Failed { failure, .. } => (failure.class, failure.message),
        other => panic!("it did not fail: {other:?}"),
    }
}

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

/// Why the run was parked.
async fn parked(run: &RunHandle, motet: &Motet) -> String {
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        let Happening::Turn(turn) = happening else { continue };
        if turn.events.iter().any(|event| matches!(event, Event::Run(RunEvent::Parked { .. }))) {
            let turns = motet.store().turns(run.id()).unwrap();
            let why = turns.iter().flat_map(|turn| &turn.events).find_map(|event| match event {
                Event::Step { event: StepEvent::Parked { message, .. }, .. } => Some(message.clone()),
                _ => None,
            });
            return why.expect("a step is parked");
        }
    }
    panic!("it was never parked");
}

/// How often an attempt was planned.
fn attempts(motet: &Motet, run: &RunHandle) -> usize {
    let turns = motet.store().turns(run.id()).unwrap();
    let is_plan =
        |event: &&Event| matches!(event, Event::Attempt { event: AttemptEvent::Planned { .. }, .. });
    turns.iter().flat_map(|turn| &turn.events).filter(is_plan).count()
}

/// The files below `folder` that hold `text`, as it is or as JSON writes it.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let written = serde_json::to_string(text).unwrap();
    let forms = [text.as_bytes(), written.trim_matches('"').as_bytes()];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let holds = |form: &&[u8]| bytes.windows(form.len()).any(|window| window == *form);
            found.extend(forms.iter().any(holds).then(|| path.display().to_string()));
        }
    }
    found
}

/// A server that says in JSON what it was told, the authorization included.
async fn echo() -> Server {
    let told = |heard: &Heard, _: usize| {
        let body = serde_json::json!({
            "line": heard.line(),
            "authorization": heard.header("authorization"),
            "attempt": heard.header("motet-attempt"),
            "type": heard.header("content-type"),
            "body": String::from_utf8_lossy(&heard.body),
        });
        let headers = "content-type: application/json; charset=utf-8\r\nx-answer: yes\r\n";
        vec![Act::Say(reply("201 Created", headers, body.to_string().as_bytes()))]
    };
    Server::start(told).await
}

#[tokio::test]
async fn a_request_sends_what_its_step_says_and_gives_the_reply() {
    let server = echo().await;
    let motet = with(LOCAL).open().await.unwrap();
    let given = format!(
        "url: '{}', query: {{ q: a b, n: 2 }}, json: {{ city: Paris }}, \
         headers: {{ authorization: 'Bearer {{{{ secrets.weather }}}}', x-n: 3 }}",
        server.url("/report?v=1")
    );
    let outputs = outputs(play(&motet, &story(&given, "")).await);
    assert_eq!(outputs.get("status_code"), Some(&Value::from(201_i64)));
    let told = outputs.get("json").unwrap();
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    assert_eq!(text("line"), "POST /report?v=1&n=2&q=a%20b");
    assert_eq!((text("type"), text("body")), ("application/json", r#"{"city":"Paris"}"#));
    assert!(text("attempt").ends_with("/ask/1"), "{told:?}");
    // What isn't there is null in the outputs of a run.
    assert_eq!((outputs.get("text"), outputs.get("file")), (Some(&Value::Null), Some(&Value::Null)));
    let heard = &server.heard()[0];
    assert_eq!(heard.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(heard.header("x-n"), Some("3"));
    motet.close().await;
}

#[tokio::test]
async fn a_secret_is_in_nothing_that_is_kept_or_told_not_even_if_the_server_says_it_back() {
    let server = echo().await;
    let folder = tempfile::tempdir().unwrap();
    let motet = with(LOCAL).store(folder.path().join("store")).open().await.unwrap();
    let given =
        format!("url: '{}', headers: {{ authorization: '{{{{ secrets.weather }}}}' }}", server.url("/"));
    let run = begin(&motet, &story(&given, ""), None).await;
    let outputs = outputs(run.wait().await.unwrap());
    assert_eq!(server.heard()[0].header("authorization"), Some(SECRET), "it was sent");
    let told = format!("{outputs:?} {:?}", motet.store().turns(run.id()).unwrap());
    assert!(told.contains("weather"), "its name is kept");
    assert!(!told.contains("planted"), "{told}");
    motet.close().await;
    assert_eq!(files_with(folder.path(), SECRET), Vec::<String>::new());
    assert!(!files_with(folder.path(), "weather").is_empty(), "the files were looked into");
}

#[tokio::test]
async fn text_is_given_as_text_and_all_else_as_a_file_of_its_kind() {
    let text = Server::answering("200 OK", "content-type: text/csv\r\n", "a,b\n").await;
    let picture = std::fs::read(stage::repository("docs/demo.jpg")).unwrap();
    let file = Server::answering("200 OK", "content-type: image/jpeg\r\n", picture).await;
    let nothing = Server::answering("204 No Content", "", "").await;
    let motet = with(LOCAL).open().await.unwrap();
    let asked = async |server: &Server| {
        outputs(play(&motet, &story(&format!("url: '{}'", server.url("/")), "")).await)
    };
    assert_eq!(asked(&text).await.get("text").and_then(Value::as_str), Some("a,b\n"));
    let outputs = asked(&file).await;
    assert_eq!(
        outputs.get("file").and_then(Value::as_artifact).map(|file| file.mime.as_str()),
        Some("image/jpeg")
    );
    let outputs = asked(&nothing).await;
    assert_eq!(outputs.get("status_code"), Some(&Value::from(204_i64)));
    assert_eq!([outputs.get("json"), outputs.get("text"), outputs.get("file")], [Some(&Value::Null); 3]);
    motet.close().await;
}

#[tokio::test]
async fn servers_of_private_networks_are_asked_only_where_the_settings_allow_it() {
    let server = echo().await;
    let motet = with("").open().await.unwrap();
    let (class, message) = failure(play(&motet, &story(&format!("url: '{}'", server.url("/")), "")).await);
    assert_eq!(class, Class::Invalid);
    assert!(message.contains("`private = true` under [providers.http] in motet.toml"), "{message}");
    assert_eq!(server.connections(), 0);
    motet.close().await;
}

#[tokio::test]
async fn a_secret_goes_to_its_own_hosts_alone_and_one_that_is_not_there_stops_the_step() {
    let server = echo().await;
    let given = format!("url: '{}', headers: {{ x-key: '{{{{ secrets.weather }}}}' }}", server.url("/"));
    let elsewhere = LOCAL.replace("127.0.0.1", "api.weather.example");
    let unset = LOCAL.replace("WEATHER_KEY", "NO_KEY");
    let mut told = Vec::new();
    for text in [&elsewhere, &unset] {
        let motet = with(text).open().await.unwrap();
        let (class, message) = failure(play(&motet, &story(&given, "")).await);
        told.push(format!("{class}: {}", message.replace(&server.port().to_string(), "PORT")));
        motet.close().await;
    }
    // Without settings the check doesn't know which secrets there are.
    let motet = Motet::builder().open().await.unwrap();
    let given = given.replace("127.0.0.1", "api.weather.example");
    let (class, message) = failure(play(&motet, &story(&given, "")).await);
    told.push(format!("{class}: {}", message.replace(&server.port().to_string(), "PORT")));
    motet.close().await;
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_secret_that_the_settings_do_not_have_is_found_by_the_check() {
    let motet = with("").open().await.unwrap();
    let text = story("url: 'https://a.example', headers: { x-key: '{{ secrets.weather }}' }", "");
    let Err(Error::Check(findings)) = motet.load_text(&text) else { panic!("it is not refused") };
    assert_eq!(findings[0].message, "there is no secret `weather`");
    motet.close().await;
}

#[tokio::test]
async fn an_input_that_looks_like_a_secret_is_text() {
    let server = echo().await;
    let motet = with(LOCAL).open().await.unwrap();
    let text = format!(
        "motet: 1
inputs: {{ token: object }}
steps: {{ ask: {{ uses: http/request, with: {{ url: '{}', headers: {{ authorization: \"{{{{ inputs.token }}}}\" }} }} }} }}
",
        server.url("/")
    );
    let pipeline = motet.load_text(&text).unwrap();
    let token = Value::map([("secret", Value::from("weather"))]);
    let run = motet.start(&pipeline, [("token", token)]).await.unwrap();
    outputs(run.wait().await.unwrap());
    assert_eq!(server.heard()[0].header("authorization"), Some(r#"{"secret":"weather"}"#));
    motet.close().await;
}

#[tokio::test]
async fn redirects_are_not_followed_and_replies_have_a_largest_size() {
    let target = echo().await;
    let location = format!("location: {}\r\n", target.url("/"));
    let redirect = Server::answering("302 Found", &location, "").await;
    let flood = Server::start(|_, _| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_vec();
        vec![Act::Say(head), Act::SayForEver(vec![b'x'; 1 << 16])]
    })
    .await;
    let motet = with(LOCAL).open().await.unwrap();
    let mut classes = Vec::new();
    for server in [&redirect, &flood] {
        classes.push(failure(play(&motet, &story(&format!("url: '{}'", server.url("/")), "")).await).0);
    }
    assert_eq!(classes, [Class::BadOutput, Class::TooLarge]);
    assert_eq!((target.connections(), flood.heard().len()), (0, 1));
    motet.close().await;
}

/// Lists in lists, so many of them.
fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[tokio::test]
async fn json_that_is_too_deep_or_too_much_is_too_large_and_the_message_names_the_limit() {
    let motet = with(LOCAL).open().await.unwrap();
    let integers = |count: usize| format!("[{}0]", "1,".repeat(count));
    let mut told = Vec::new();
    let texts = format!("[{}0]", "\"a\",".repeat(3_990_000));
    for body in [nested(65), nested(5_000), texts, integers(5_000_000), "[1e400]".to_owned()] {
        let server = Server::answering("200 OK", "content-type: application/json\r\n", body).await;
        let (class, message) =
            failure(play(&motet, &story(&format!("url: '{}'", server.url("/")), "")).await);
        told.push(format!("{class}: {message}"));
        assert_eq!(server.heard().len(), 1, "it isn't asked again");
    }
    insta::assert_snapshot!(told.join("\n"), @"
    too_large: http answered 200 with JSON that has lists and objects nested more than 64 deep
    too_large: http answered 200 with JSON that has lists and objects nested more than 64 deep
    too_large: http answered 200 with JSON that holds more than 64 MiB; large values must be files
    too_large: http answered 200 with JSON that has more than 4000000 values
    too_large: http answered 200 with JSON that has a number that is too large
    ");
    let broken = Server::answering("200 OK", "content-type: application/json\r\n", "[".repeat(5_000)).await;
    let (class, _) = failure(play(&motet, &story(&format!("url: '{}'", broken.url("/")), "")).await);
    assert_eq!(class, Class::BadOutput, "what breaks off is no JSON, however deep it is");
    motet.close().await;
}

#[tokio::test]
async fn no_digit_of_a_whole_number_in_a_reply_is_lost() {
    let motet = with(LOCAL).open().await.unwrap();
    let body = r#"{"id": 123456789012345678901, "n": 18446744073709551615}"#.to_owned();
    let server = Server::answering("200 OK", "content-type: application/json\r\n", body).await;
    let told = outputs(play(&motet, &story(&format!("url: '{}'", server.url("/")), "")).await);
    let told = told.get("json").unwrap();
    assert_eq!(told.get("id"), Some(&Value::from("123456789012345678901")), "it is text, which keeps all");
    assert_eq!(told.get("n"), Some(&Value::from(u64::MAX)));
    motet.close().await;
}

/// A server that tears the first connection and answers all requests after it.
async fn torn_once() -> Server {
    Server::start(|_, before| match before {
        0 => vec![Act::Reset],
        _ => vec![Act::Say(reply("200 OK", "content-type: application/json\r\n", b"{}"))],
    })
    .await
}

#[tokio::test]
async fn a_request_that_means_the_same_twice_is_sent_again_when_its_reply_is_lost() {
    let motet = with(LOCAL).open().await.unwrap();
    for method in ["GET", "PUT", "DELETE"] {
        let server = torn_once().await;
        let given = format!("url: '{}', method: {method}", server.url("/"));
        let policies = "retry: { on: [unavailable], attempts: 2, backoff: 1ms }";
        let run = begin(&motet, &story(&given, policies), None).await;
        outputs(run.wait().await.unwrap());
        assert_eq!((server.heard().len(), attempts(&motet, &run)), (2, 2), "{method}");
        assert!(server.heard().iter().all(|heard| heard.header("motet-attempt").is_none()), "{method}");
    }
    motet.close().await;
}

#[tokio::test]
async fn one_that_may_act_twice_is_sent_once_and_a_person_decides_when_its_reply_is_lost() {
    let motet = with(LOCAL).open().await.unwrap();
    for method in ["POST", "PATCH"] {
        let server = torn_once().await;
        let given = format!("url: '{}', method: {method}, text: hello", server.url("/"));
        let run = begin(&motet, &story(&given, ""), None).await;
        let why = parked(&run, &motet).await;
        assert!(why.contains("unknown whether"), "{why}");
        assert_eq!((server.heard().len(), attempts(&motet, &run)), (1, 1), "{method}");
        assert_eq!(motet.store().run(run.id()).unwrap().unwrap().status, RunStatus::Parked);
    }
    motet.close().await;
}

#[test]
fn a_request_that_is_never_answered_has_its_time_and_is_then_sent_again() {
    run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = sent.clone();
        let world = VirtualWorld::new(EPOCH, 1).with_network(move |_| {
            let before = count.fetch_add(1, Ordering::SeqCst);
            async move {
                match before {
                    0 => std::future::pending().await,
                    1 => Err(Fault::new(Phase::Body, Cause::Broken)),
                    _ => Ok(Reply::of(200, &[("content-type", "text/plain")], "at last")),
                }
            }
        });
        let motet = Motet::builder().world(Arc::new(world)).open().await.unwrap();
        let text = story("url: 'https://api.weather.example/now'", "timeout: { request: 20s }");
        assert_eq!(outputs(play(&motet, &text).await).get("text").and_then(Value::as_str), Some("at last"));
        assert_eq!(sent.load(Ordering::SeqCst), 3);
    });
}

/// What the runs of a store cost so far.
fn spent(motet: &Motet, run: &RunHandle) -> Money {
    motet.store().run(run.id()).unwrap().unwrap().cost
}

#[tokio::test]
async fn what_a_step_says_that_it_costs_is_reserved_and_booked_unless_the_reply_says_another_amount() {
    let silent = Server::answering("200 OK", "", "").await;
    let telling = Server::answering("200 OK", "motet-cost: 0.02\r\n", "").await;
    let motet = with(LOCAL).open().await.unwrap();
    let asks = |server: &Server, cost: &str| story(&format!("url: '{}'{cost}", server.url("/")), "");

    let run = begin(&motet, &asks(&silent, ", cost: 0.06"), Some("0.05")).await;
    let why = parked(&run, &motet).await;
    assert!(
        why.contains("it may cost up to $0.06, which is more than the $0.05 that is left of the $0.05"),
        "{why}"
    );
    assert_eq!(silent.connections(), 0, "nothing was sent");

    for (server, cost, booked) in [
        (&silent, ", cost: 0.06", "0.06"),
        (&telling, ", cost: 0.06", "0.02"),
        (&telling, "", "0.02"),
        (&silent, "", "0"),
    ] {
        let run = begin(&motet, &asks(server, cost), Some("1")).await;
        outputs(run.wait().await.unwrap());
        assert_eq!(spent(&motet, &run), dollars(booked), "{cost}");
    }
    motet.close().await;
}

#[tokio::test]
async fn what_a_reply_says_that_it_cost_counts_against_the_budget_of_what_follows() {
    let telling = Server::answering("200 OK", "motet-cost: 0.04\r\n", "").await;
    let motet = with(LOCAL).open().await.unwrap();
    let url = telling.url("/");
    let text = format!(
        "motet: 1
steps:
  free: {{ uses: http/request, with: {{ url: '{url}' }} }}
  dear: {{ uses: http/request, with: {{ url: '{url}', cost: 0.07 }}, needs: free }}
"
    );
    let run = begin(&motet, &text, Some("0.10")).await;
    let why = parked(&run, &motet).await;
    assert!(why.contains("$0.07"), "{why}");
    assert_eq!((telling.heard().len(), spent(&motet, &run)), (1, dollars("0.04")));
    motet.close().await;
}

#[tokio::test]
async fn what_only_a_reply_says_that_it_cost_counts_in_the_day_for_the_user_and_for_the_provider() {
    let telling = Server::answering("200 OK", "motet-cost: 0.04\r\n", "").await;
    let asks = |cost: &str| story(&format!("url: '{}'{cost}", telling.url("/")), "");
    for (budget, named) in
        [("day = 0.05", "of day"), ("user = 0.05", "of user ada"), ("providers = { http = 0.05 }", "of http")]
    {
        let motet = with(&format!("[budgets]\n{budget}\n{LOCAL}")).open().await.unwrap();
        let begin = async |cost: &str| {
            let pipeline = motet.load_text(&asks(cost)).unwrap();
            let options = StartOptions { new: true, user: Some("ada".to_owned()), ..StartOptions::default() };
            motet.start_with(&pipeline, (), options).await.unwrap().run
        };
        outputs(begin("").await.wait().await.unwrap());
        let why = parked(&begin(", cost: 0.02").await, &motet).await;
        assert!(why.contains("$0.02") && why.contains(named), "{budget}: {why}");
        motet.close().await;
    }
    assert_eq!(telling.heard().len(), 3, "what didn't fit was not sent");
}

#[tokio::test]
async fn a_simulated_run_sends_nothing_to_a_server_that_is_not_simulated() {
    let server = echo().await;
    let urls = [("queue".to_owned(), "http://127.0.0.1:9".to_owned())].into();
    let simulated = settings(LOCAL).simulated(&[("fal".to_owned(), urls)].into()).unwrap();
    let motet = Motet::builder().settings(&simulated).open().await.unwrap();
    let (class, message) = failure(play(&motet, &story(&format!("url: '{}'", server.url("/")), "")).await);
    assert_eq!(class, Class::Invalid);
    assert!(message.contains("nothing was sent"), "{message}");
    assert_eq!(server.connections(), 0);
    motet.close().await;
}

/// A simulator, and the settings with it in the place of all servers. What is said of `http` is its table.
async fn simulator(settings: &Settings, http: &str) -> (motet_sim::Server, Settings) {
    let scenario = Some(motet_sim::Scenario::parse(http).unwrap());
    let serving = motet_sim::Serving { scenario, ..motet_sim::Serving::default() };
    let simulator = motet_sim::serve(serving).await.unwrap();
    let urls = serde_json::to_value(&simulator.addresses().base_urls).unwrap();
    let simulated = settings.clone().simulated(&serde_json::from_value(urls).unwrap()).unwrap();
    (simulator, simulated)
}

/// What the simulator's ledger says.
async fn ledger(simulator: &motet_sim::Server) -> Vec<serde_json::Value> {
    let url = format!("{}/_sim/ledger", simulator.addresses().url);
    let text = tokio::task::spawn_blocking(move || http_get(&url)).await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn http_get(url: &str) -> String {
    use std::io::{Read, Write};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_simulated_run_a_simulator_answers_for_any_server_and_is_told_no_secret() {
    let table = "http: [{ method: POST, url: 'https://api.weather.example/*', status: 201, \
                 headers: { motet-cost: '0.02' }, body: { sky: clear } }]";
    let weather = LOCAL.replace("127.0.0.1", "api.weather.example");
    // The key isn't there, and needn't be.
    let (simulator, simulated) = simulator(&settings(&weather.replace("WEATHER_KEY", "NO_KEY")), table).await;
    let motet = Motet::builder().settings(&simulated).open().await.unwrap();
    let secret = "headers: { authorization: '{{ secrets.weather }}' }";
    let given = format!("url: 'https://api.weather.example/now', json: {{ city: Paris }}, {secret}");
    let run = begin(&motet, &story(&given, ""), Some("1")).await;
    let told = outputs(run.wait().await.unwrap());
    assert_eq!(told.get("status_code"), Some(&Value::from(201_i64)));
    assert_eq!(told.get("json").unwrap().get("sky").and_then(Value::as_str), Some("clear"));
    assert_eq!(spent(&motet, &run), dollars("0.02"));
    // Whatever the table says nothing of echoes, and tells that it is none of the real world.
    let echo = outputs(play(&motet, &story("url: 'http://localhost:1/a?x=1'", "")).await);
    let echo = echo.get("json").unwrap();
    let text = |name: &str| echo.get(name).and_then(Value::as_str);
    assert_eq!((text("url"), text("method")), (Some("http://localhost:1/a"), Some("GET")));
    assert_eq!(echo.get("simulated"), Some(&Value::from(true)));
    // A secret goes to no other host, as in reality.
    let elsewhere = given.replace("api.weather", "api.other");
    let (class, message) = failure(play(&motet, &story(&elsewhere, "")).await);
    assert!(class == Class::Invalid && message.contains("isn't for api.other.example"), "{message}");
    motet.close().await;
    let ledger = ledger(&simulator).await;
    assert_eq!(ledger.len(), 2, "{ledger:?}");
    let key = ledger[0]["attempt_key"].as_str().unwrap();
    assert!(key.ends_with("/ask/1"), "{key}");
    assert_eq!(
        (&ledger[0]["model"], &ledger[0]["charged_usd"]),
        (&"api.weather.example".into(), &0.02.into())
    );
}

#[tokio::test]
async fn a_body_with_get_and_a_header_that_cannot_be_set_are_refused_before_anything_is_sent() {
    let server = echo().await;
    let motet = with(LOCAL).open().await.unwrap();
    let url = server.url("/");
    for (given, told) in [
        (format!("url: '{url}', method: GET, text: '{{{{ run.id }}}}'"), "a GET has no body"),
        (format!("url: '{url}', headers: {{ host: '{{{{ run.id }}}}' }}"), "the header `host` can't be set"),
        ("url: 'ftp://{{ run.id }}'".to_owned(), "must begin with https:// or http://"),
    ] {
        let (class, message) = failure(play(&motet, &story(&given, "")).await);
        assert_eq!(class, Class::Invalid);
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(server.connections(), 0);
    motet.close().await;
}
