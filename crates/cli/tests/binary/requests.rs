//! `http/request` with real processes: what a plan shows, and what becomes of a request whose process is killed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value as Json;

use crate::assert_transcript;
use crate::project::{Project, kill};
use crate::simulated::Stage;

const SECRET: &str = "planted-secret-0123456789";

/// Asks a server of this machine with a secret.
const STORY: &str = r#"
motet: 1
name: report
inputs: { port: integer, method: { type: string, default: GET } }
steps:
  ask:
    uses: http/request
    with:
      url: "http://127.0.0.1:{{ inputs.port }}/report"
      method: "{{ inputs.method }}"
      headers: { authorization: "Bearer {{ secrets.report }}" }
      cost: 0.03
outputs: { told: "{{ steps.ask.json.told }}" }
"#;

const SETTINGS: &str = r#"
[providers.http]
private = true
[secrets.report]
key = "env:REPORT_KEY"
hosts = ["127.0.0.1"]
"#;

fn project() -> Project {
    let project = Project::with("report.yaml", STORY);
    project.write("motet.toml", SETTINGS);
    project.good(&["trust", "--yes"]);
    project
}

/// A server that never answers its first request, and all others at once.
struct Server {
    port: u16,
    /// The heads of requests, as they come.
    heard: Receiver<String>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                if tell.send(head(&mut stream)).is_err() {
                    return;
                }
                if open.is_empty() {
                    open.push(stream);
                    continue;
                }
                let body = r#"{"told":"sunny"}"#;
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\nmotet-cost: 0.01";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        Server { port, heard }
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

/// The command that plays the story, with its secret in the environment.
fn play(project: &Project, server: &Server, method: &str) -> Command {
    let (port, method) = (format!("port={}", server.port), format!("method={method}"));
    let arguments =
        ["run", "report.yaml", "--input", &port, "--input", &method, "--id", "first", "--budget", "1"];
    let mut command = project.command(&arguments);
    command.env("REPORT_KEY", SECRET);
    command
}

/// Starts it, and kills it once the server has its request.
fn play_and_kill(project: &Project, server: &Server, method: &str) -> String {
    let mut command = play(project, server, method);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let heard = server.heard.recv().unwrap();
    kill(child);
    heard
}

#[test]
fn a_get_whose_process_was_killed_is_sent_again_and_both_may_have_cost() {
    let (project, server) = (project(), Server::start());
    let first = play_and_kill(&project, &server, "GET");
    assert!(first.starts_with("GET /report HTTP/1.1\r\n") && first.contains(SECRET), "{first}");
    let output = play(&project, &server, "GET").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.heard.try_recv().unwrap(), first, "it is the same request");
    assert!(server.heard.try_recv().is_err());
    assert_transcript!(project, project.transcript(&["costs", "first"]));
    assert!(!format!("{output:?}{}", project.good(&["show", "first", "--json"])).contains("planted"));
}

#[test]
fn a_post_whose_process_was_killed_is_never_sent_again_by_itself() {
    let (project, server) = (project(), Server::start());
    let first = play_and_kill(&project, &server, "POST");
    assert!(first.contains("motet-attempt: first/ask/1\r\n"), "{first}");
    let output = play(&project, &server, "POST").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(server.heard.try_recv().is_err(), "nothing was sent");
    let mut resolve = project.command(&["resolve", "first", "ask", "send"]);
    let output = resolve.env("REPORT_KEY", SECRET).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(server.heard.try_recv().unwrap().contains("motet-attempt: first/ask/2\r\n"));
}

#[test]
fn a_plan_shows_what_requests_cost_and_which_secrets_are_missing() {
    let project = project();
    let asked = ["plan", "report.yaml", "--input", "port=80"];
    let mut command = project.command(&asked);
    let output = command.env("REPORT_KEY", SECRET).output().unwrap();
    let text = crate::project::transcript(&asked, &output)
        + &project.transcript(&asked)
        + &project.transcript(&["check", "report.yaml"]);
    assert_transcript!(project, text);
}

#[test]
fn with_sim_a_simulator_answers_in_the_place_of_any_server() {
    let text = "
motet: 1
name: report
steps: { ask: { uses: http/request, with: { url: 'https://api.weather.example/now', json: { city: Paris }, cost: 0.02 } } }
outputs: { told: \"{{ steps.ask.json }}\" }
";
    let stage = Stage::with("report.yaml", text);
    let output = stage.run(&["run", "report.yaml", "--sim", "--json", "--id", "first"]);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let end: Json = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let told = &end["outputs"]["told"];
    assert_eq!((&told["simulated"], &told["json"]["city"]), (&true.into(), &"Paris".into()), "{lines}");
    assert_eq!(told["url"], "https://api.weather.example/now");
    let shown = stage.run(&["show", "first", "--store", ".motet/sim"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("simulated"));
}
