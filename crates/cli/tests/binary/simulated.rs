//! A project with simulated providers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::project::Project;

/// A project whose simulator ends with it.
pub struct Stage(pub Project);

impl Stage {
    /// An empty project.
    pub fn new() -> Stage {
        Stage(Project::new())
    }

    /// A project with one file.
    pub fn with(name: &str, content: &str) -> Stage {
        Stage(Project::with(name, content))
    }

    /// The store of its simulated runs.
    pub fn store(&self) -> PathBuf {
        self.0.path().join(".motet/sim")
    }

    /// The simulator of the project: its address and its process.
    pub fn simulator(&self) -> (String, i32) {
        let address: Json = read_json(&self.store().join("sim/address.json"));
        (address["url"].as_str().unwrap().to_owned(), address["pid"].as_i64().unwrap() as i32)
    }

    /// Runs `motet`.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.0.run(arguments)
    }

    /// Runs `motet`, which ends with `code`; gives what it said to people.
    pub fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Runs `motet`, which prints one JSON document.
    pub fn json(&self, arguments: &[&str]) -> Json {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let Ok(address) = std::fs::read(self.store().join("sim/address.json")) else { return };
        // One that the store didn't begin ends by itself.
        let address: Json = serde_json::from_slice(&address).unwrap_or_default();
        let pid = address["pid"].as_i64().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

fn read_json(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A simulator of this test's own, much faster than the providers; it ends with this.
pub struct Simulator {
    child: Child,
    /// Its address.
    pub url: String,
}

impl Simulator {
    /// Begins one in `project`, in which what `scenario` says goes wrong.
    pub fn begin(project: &Project, scenario: &str) -> Simulator {
        project.write("faults.yaml", scenario);
        let mut command = project.command(&["sim", "--speed", "1000", "--scenario", "faults.yaml"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary can be started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says where it is");
        let ready: Json = serde_json::from_str(&line).expect("one line of JSON");
        Simulator { child, url: ready["url"].as_str().expect("it has an address").to_owned() }
    }

    /// The paid requests, in the order in which they came.
    pub fn ledger(&self) -> Vec<Json> {
        let host = self.url.strip_prefix("http://").expect("it speaks plain HTTP");
        let mut stream = TcpStream::connect(host).expect("it listens");
        write!(stream, "GET /_sim/ledger HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        // However it is framed, each entry is a line.
        answer
            .lines()
            .filter_map(|line| serde_json::from_str::<Json>(line).ok())
            .filter(Json::is_object)
            .collect()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
