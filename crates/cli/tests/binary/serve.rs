//! `motet serve`: an owner that stays, with real simulated providers that report to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::assert_transcript;
use crate::project::Project;
use crate::simulator::Simulator;

/// Two pictures, one after the other, and a film of the first.
const FILM: &str = r#"
motet: 1
name: film
inputs: { prompt: { type: string, default: a boat } }
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.prompt }}", output_format: png } }
  second: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a barge }, needs: [still] }
  clip:
    uses: fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video
    with: { prompt: it sails, image: "{{ steps.still.image }}", duration: 5 }
outputs: { picture: "{{ steps.second.image }}", clip: "{{ steps.clip.video }}" }
"#;

/// Two pictures.
const STILLS: &str = r#"
motet: 1
name: stills
inputs: { prompt: { type: string, default: a boat } }
steps:
  first: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.prompt }}" } }
  second: { uses: fal/fal-ai/flux/schnell, with: { prompt: a barge }, needs: [first] }
outputs: { picture: "{{ steps.second.image }}" }
"#;

/// A process that says on its first line that it is ready, and is ended with the test.
struct Ready {
    child: Child,
    line: String,
    /// Kept, so that it can go on writing.
    _out: BufReader<ChildStdout>,
}

impl Ready {
    fn begin(mut command: Command) -> Ready {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary can be started");
        let mut out = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("what it says is UTF-8");
        if line.is_empty() {
            let mut said = String::new();
            let _ = child.stderr.take().map(|mut lines| lines.read_to_string(&mut said));
            panic!("it did not begin: {said}");
        }
        Ready { child, line, _out: out }
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.line).unwrap_or_else(|error| panic!("{}: {error}", self.line))
    }

    fn url(&self) -> String {
        self.json()["url"].as_str().unwrap().to_owned()
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends as it is asked to; gives its code and what it said to people, if that was kept.
    fn ends(mut self, signal: Signal) -> (Option<i32>, String) {
        self.send(signal);
        let mut said = String::new();
        if let Some(mut lines) = self.child.stderr.take() {
            lines.read_to_string(&mut said).unwrap();
        }
        (self.child.wait().unwrap().code(), said)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A project, and simulated providers.
struct Stage {
    project: Project,
    sim: Simulator,
    port: u16,
}

impl Stage {
    fn new(speed: &str) -> Stage {
        Stage::of(FILM, speed)
    }

    fn of(pipeline: &str, speed: &str) -> Stage {
        let project = Project::with("film.yaml", pipeline);
        let mut command = project.command(&["sim", "--speed", speed]);
        command.stderr(Stdio::null());
        let sim = Simulator::of(command);
        Stage { project, sim, port: free_port() }
    }

    /// Begins to serve; providers report there.
    fn serve(&self) -> Ready {
        let listen = format!("127.0.0.1:{}", self.port);
        let public = format!("http://{listen}");
        let sim = format!("--sim={}", self.sim.url());
        let words = ["serve", "--json", &sim, "--listen", &listen, "--webhook-url", &public];
        let mut command = self.project.command(&words);
        command.stderr(Stdio::piped());
        let served = Ready::begin(command);
        assert_eq!(served.json()["webhook_url"], Json::from(public.clone()));
        assert_eq!(served.url(), public);
        served
    }

    fn run(&self, more: &[&str]) -> Command {
        let sim = format!("--sim={}", self.sim.url());
        let words: Vec<&str> = ["run", "film.yaml", &sim].into_iter().chain(more.iter().copied()).collect();
        self.project.command(&words)
    }

    /// Runs the film to its end, and says what was told of it.
    fn completes(&self, more: &[&str]) -> String {
        let output = self.run(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        said
    }

    /// How often each attempt was paid; each violation is a failure.
    fn paid(&self) -> BTreeMap<String, usize> {
        let mut paid = BTreeMap::new();
        for line in self.sim.ledger() {
            assert!(line["violation"].is_null(), "{line}");
            let charged = line["charged_usd"].as_f64().or_else(|| line["charged_usd"].as_str()?.parse().ok());
            if charged.is_some_and(|charged| charged > 0.0) {
                *paid.entry(line["attempt_key"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        paid
    }

    /// How often jobs were asked for.
    fn reads(&self) -> usize {
        self.sim.lines("/_sim/requests").iter().filter(|line| line["operation"] == "read").count()
    }

    fn until(&self, what: &str, is_there: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_there() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{what} did not happen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A request on a connection of its own: the status, and the body as text.
fn ask(url: &str, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    said(url, &[head.as_bytes(), body].concat())
}

/// What is answered to these bytes.
fn said(url: &str, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // It may answer, and hang up, before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

#[test]
fn runs_of_guests_are_driven_and_jobs_are_reported_instead_of_asked_for() {
    let stage = Stage::new("60");
    let served = stage.serve();
    assert_eq!(ask(&served.url(), "GET", "/healthz", b""), (200, "{\"status\":\"ok\"}\n".to_owned()));
    stage.completes(&[]);
    assert_eq!(stage.paid().len(), 3, "{:?}", stage.paid());
    // Replicate's reports hold the answers; the one of fal is fetched.
    assert_eq!(stage.reads(), 1, "{:#?}", stage.sim.lines("/_sim/requests"));
    let (code, told) = served.ends(Signal::TERM);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("stopping: what is done is kept"), "{told}");
    assert!(!told.contains("warning"), "{told}");
}

#[test]
fn whatever_goes_wrong_with_reports_each_step_is_paid_once() {
    let stage = Stage::of(STILLS, "60");
    let served = stage.serve();
    let scenarios = [
        "[{ \"fault\": \"webhook_lost\" }]",
        "[{ \"fault\": \"webhook_twice\" }]",
        "[{ \"fault\": \"webhook_late\" }]",
        "[{ \"fault\": \"webhook_forged\" }]",
        "[{ \"fault\": \"reply_lost\" }]",
    ];
    for (number, scenario) in scenarios.iter().enumerate() {
        stage.sim.go_wrong(scenario);
        stage.completes(&["--new", "--input", &format!("prompt=boat {number}")]);
        let paid = stage.paid();
        assert_eq!(paid.len(), 2 * (number + 1), "{scenario}: {paid:#?}");
        assert!(paid.values().all(|times| *times == 1), "{scenario}: {paid:#?}");
    }
    let (_, told) = served.ends(Signal::TERM);
    assert_eq!(told.matches("warning").count(), 2, "one for each provider: {told}");
    assert!(told.contains("a delivery to /hooks/replicate was refused: no key fits"), "{told}");
}

#[test]
fn serve_that_is_killed_and_begun_again_pays_nothing_twice() {
    let stage = Stage::new("20");
    let served = stage.serve();
    let mut guest = stage.run(&[]).stderr(Stdio::null()).spawn().unwrap();
    stage.until("the film", || stage.paid().len() >= 2);
    // Nobody but the server is left to drive it.
    guest.kill().unwrap();
    guest.wait().unwrap();
    served.kill();

    let served = stage.serve();
    assert_eq!(served.json()["resumed"], 1);
    let told = stage.completes(&[]);
    assert!(told.contains("continues"), "{told}");
    let paid = stage.paid();
    assert_eq!(paid.len(), 3, "{paid:#?}");
    assert!(paid.values().all(|times| *times == 1), "{paid:#?}");
    served.ends(Signal::INT);
}

#[test]
fn a_guest_goes_on_when_serve_is_killed_and_the_next_serve_waits_for_it() {
    let stage = Stage::new("20");
    let served = stage.serve();
    let guest = stage.run(&[]).stderr(Stdio::piped()).spawn().unwrap();
    stage.until("the first picture", || !stage.paid().is_empty());
    served.kill();
    let next = stage.serve();
    // It is ready only now, when nobody else drives the store: the run is over.
    let output = guest.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let paid = stage.paid();
    assert!(paid.len() == 3 && paid.values().all(|times| *times == 1), "{paid:#?}");
    let (code, told) = next.ends(Signal::INT);
    assert_eq!(code, Some(0));
    assert!(told.contains("drives the store: waiting until it ends"), "{told}");
}

#[test]
fn clients_that_are_hostile_get_a_status_and_take_no_memory() {
    let stage = Stage::of(STILLS, "60");
    let served = stage.serve();
    let url = served.url();
    let large = vec![b'x'; (8 << 20) + 1];
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let table: Vec<(u16, Vec<u8>)> = vec![
        (404, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec()),
        (404, b"GET /hooks/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec()),
        (
            404,
            b"POST /hooks/a/b HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ),
        (
            404,
            b"POST /hooks/%2e%2e HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        ),
        (405, b"GET /hooks/fal HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec()),
        (
            405,
            b"POST /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ),
        (
            404,
            b"POST /hooks/nobody HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        ),
        (
            400,
            b"POST /hooks/fal HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ),
        (413, b"POST /hooks/fal HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n".to_vec()),
        (431, format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n").into_bytes()),
        (431, format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000)).into_bytes()),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n".to_vec()),
    ];
    for (expected, bytes) in table {
        let (status, _) = said(&url, &bytes);
        assert_eq!(status, expected, "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]));
    }
    let chunked = [
        b"POST /hooks/fal HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n800001\r\n",
        &large[..],
        b"\r\n0\r\n\r\n",
    ];
    assert_eq!(said(&url, &chunked.concat()).0, 413);

    // Bodies that never come to their end, far more than there is room for.
    let head = format!("POST /hooks/fal HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 8 << 20);
    let held: Vec<TcpStream> = std::thread::scope(|scope| {
        let begin = |_| {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
                stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
                let _ = stream.write_all(&[head.as_bytes(), &large[..7 << 20]].concat());
                stream
            })
        };
        (0..60).map(begin).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 200 << 10, "{peak} KiB");
    drop(held);
    stage.until("health", || ask(&url, "GET", "/healthz", b"").0 == 200);
    stage.completes(&[]);
    let (_, told) = served.ends(Signal::TERM);
    assert_eq!(told.matches("warning").count(), 1, "{told}");
}

#[test]
fn what_serve_says_of_itself() {
    let stage = Stage::new("10");
    let project = &stage.project;
    let begin = |words: &[&str]| {
        let mut command = project.command(words);
        command.stderr(Stdio::piped());
        Ready::begin(command)
    };
    let first = begin(&["serve", "--listen", "0.0.0.0:0"]);
    let mut text = format!("$ motet serve --listen 0.0.0.0:0\n{}", first.line);
    let port = first.line.split("0.0.0.0:").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let (code, told) = first.ends(Signal::TERM);
    text += &format!("--- stderr\n{told}--- exit {}\n", code.unwrap());

    let second = begin(&["serve", "--listen", "0", "--webhook-url", "https://motet.example/"]);
    let third = {
        let at = second.line.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap().to_owned();
        text += &format!("$ motet serve --listen 0 --webhook-url https://motet.example/\n{}", second.line);
        let words = ["serve", "--listen", &at, "--store", "other"];
        project.transcript(&words).replace(&at, "PORT")
    };
    text += &third;
    let port_of_second =
        second.line.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap().to_owned();
    drop(second);
    text += &project.transcript(&["serve", "--listen", "here"]);
    text += &project.transcript(&["serve", "--webhook-url", "http://motet.example"]);
    project.write("motet.toml", "[webhook]\nurl = \"https://motet.example\"\n");
    text += &project.transcript(&["serve", "--listen", "0"]);
    assert_transcript!(project, text.replace(&port, "PORT").replace(&port_of_second, "PORT"));
}
