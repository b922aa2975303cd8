//! The simulator over sockets: a real process, really killed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const FLUX: &str = "/replicate/v1/models/black-forest-labs/flux-schnell/predictions";

struct Process {
    child: Child,
    ready: Value,
}

impl Process {
    fn start(arguments: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_motet-sim"));
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        Process { child, ready: serde_json::from_str(&line).expect("a line of JSON") }
    }

    fn in_folder(folder: &Path) -> Process {
        Process::start(&["--speed", "100", "--dir", folder.to_str().expect("a path")])
    }

    fn host(&self) -> &str {
        self.ready["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("a URL")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (head, body) = exchange(self.host(), method, path, body);
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        (status, body)
    }

    fn json(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, body) = self.ask(method, path, body);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    fn ledger(&self) -> Vec<Value> {
        let (_, lines) = self.ask("GET", "/_sim/ledger", "");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Asks until an answer is as it should be.
    fn until(&self, path: &str, right: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..1000 {
            let (_, answer) = self.json("GET", path, "");
            if right(&answer) {
                return answer;
            }
        }
        panic!("{path} never came to be as expected");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that comes back on a connection, split after the headers; empty where nothing does.
fn exchange(host: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(host).expect("it listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer t\r\nmotet-attempt: a\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut bytes = Vec::new();
    // A broken connection ends what comes back.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_owned(), body.to_owned())
}

/// Takes one webhook and answers it.
fn take_hook(listener: &TcpListener, status: &str) -> Value {
    let (stream, _) = listener.accept().expect("a connection");
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).expect("it reads");
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn a_killed_simulator_remembers_its_jobs_and_their_news() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hook = format!("http://{}/?token=abc", listener.local_addr().expect("an address"));
    let body =
        format!(r#"{{"input":{{"prompt":"x"}},"webhook":"{hook}","webhook_events_filter":["completed"]}}"#);
    let first = Process::in_folder(folder.path());
    first.json("PUT", "/_sim/scenario", "- { fault: slow_queue }");
    let (status, made) = first.json("POST", FLUX, &body);
    assert_eq!(status, 201);
    let before = first.ledger();
    drop(first);

    let second = Process::in_folder(folder.path());
    assert_eq!(second.ledger()[0]["job"], before[0]["job"]);
    let (_, scenario) = second.json("GET", "/_sim/scenario", "");
    assert_eq!(scenario["faults"][0]["fault"], "slow_queue");
    // The news are sent by the one that lives, and sent again as long as they don't arrive.
    assert_eq!(take_hook(&listener, "500 Oops")["id"], made["id"]);
    assert_eq!(take_hook(&listener, "200 OK")["status"], "succeeded");
    let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
    let done = second.until(&get, |prediction| prediction["status"] == "succeeded");
    let url = done["output"][0]
        .as_str()
        .and_then(|url| url.strip_prefix(second.ready["url"].as_str()?))
        .expect("its own URL");
    assert_eq!(second.ask("GET", url, "").0, 200);
    assert_eq!((second.ledger().len(), second.ledger()[0]["charged_usd"].as_f64()), (1, Some(0.003)));
}

#[test]
fn two_simulators_do_not_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = Process::in_folder(folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_motet-sim"))
        .arg("--dir")
        .arg(folder.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("another simulator uses"), "{said}");
}

#[test]
fn a_torn_last_line_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    drop({
        let process = Process::in_folder(folder.path());
        process.json("POST", FLUX, r#"{"input":{"prompt":"x"}}"#);
        process
    });
    let path = folder.path().join("sim.jsonl");
    let mut state = std::fs::read(&path).expect("it is there");
    state.extend_from_slice(br#"{"job":{"number":1,"id":"#);
    std::fs::write(&path, state).expect("written");
    assert_eq!(Process::in_folder(folder.path()).ledger().len(), 1);
}

#[test]
fn a_lost_reply_breaks_the_connection() {
    let process = Process::start(&["--speed", "100"]);
    process.json("PUT", "/_sim/scenario", "[{ fault: reply_lost, nth: 1 }, { fault: refuse, nth: 2 }]");
    for jobs in [1, 1, 2] {
        let (head, _) = exchange(process.host(), "POST", FLUX, r#"{"input":{"prompt":"x"}}"#);
        assert_eq!(head.is_empty(), jobs == 1 && process.ledger().len() < 3, "{head}");
        assert_eq!(process.ledger().iter().filter(|line| line["job"].is_string()).count(), jobs);
    }
}

#[test]
fn a_download_breaks_off_before_its_announced_end() {
    let process = Process::start(&["--speed", "100", "--seed", "3"]);
    process.json("PUT", "/_sim/scenario", "- fault: media_truncated");
    let mut broken = 0;
    for _ in 0..8 {
        let (_, made) = process.json("POST", FLUX, r#"{"input":{"prompt":"x","output_format":"jpg"}}"#);
        let get = format!("/replicate/v1/predictions/{}", made["id"].as_str().expect("an id"));
        let done = process.until(&get, |prediction| prediction["status"] == "succeeded");
        let url = done["output"][0]
            .as_str()
            .and_then(|url| url.strip_prefix(process.ready["url"].as_str()?))
            .expect("its own URL");
        let mut stream = TcpStream::connect(process.host()).expect("it listens");
        write!(stream, "GET {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("headers") + 4;
        let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
        let announced: usize = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
            .expect("a length");
        broken += usize::from(bytes.len() - head_end < announced);
    }
    assert!(broken > 0 && broken < 8, "{broken} of 8");
}

#[test]
fn providers_have_ports_of_their_own_too() {
    let process = Process::start(&["--separate-ports"]);
    let host = |provider: &str| {
        process.ready["origins"][provider]
            .as_str()
            .and_then(|url| url.strip_prefix("http://"))
            .expect("a URL")
    };
    let (head, _) = exchange(host("replicate"), "QUERY", "/v1/models", "whisper");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (_, keys) = exchange(host("fal"), "GET", "/rest/.well-known/jwks.json", "");
    assert!(keys.contains("\"crv\":\"Ed25519\""), "{keys}");
    let roles: Vec<&str> =
        process.ready["base_urls"]["fal"].as_object().expect("roles").keys().map(String::as_str).collect();
    assert_eq!(roles, ["api", "cdn", "queue", "rest", "run"]);
}

#[test]
fn a_scenario_that_cannot_be_used_is_refused_in_words() {
    let process = Process::start(&[]);
    let (status, said) = process.json("PUT", "/_sim/scenario", "- fault: reply_lots");
    assert_eq!(
        (status, said["error"].as_str().is_some_and(|said| said.contains("unknown variant `reply_lots`"))),
        (422, true)
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.yaml");
    std::fs::write(&path, "- { fault: stuck, rate: 2 }").expect("written");
    let output =
        Command::new(env!("CARGO_BIN_EXE_motet-sim")).arg("--scenario").arg(&path).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(2) && said.contains("the rate of `stuck` must be from 0 to 1"),
        "{said}"
    );
}

#[test]
fn reset_forgets_all_but_the_scenario() {
    let process = Process::start(&[]);
    process.json("PUT", "/_sim/scenario", "- { fault: throttle, nth: 1 }");
    let posted = || process.json("POST", FLUX, r#"{"input":{"prompt":"x"}}"#).0;
    assert_eq!([posted(), posted()], [429, 201]);
    assert_eq!(process.ask("POST", "/_sim/reset", "").0, 200);
    assert_eq!((process.ledger().len(), posted(), posted()), (0, 429, 201));
}
