//! A simulator in a process of its own, and what it says of what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::project::Project;

/// A simulator of this test's own; it ends with this.
pub struct Simulator {
    child: Child,
    /// What it said when it was ready.
    pub ready: Json,
}

impl Simulator {
    /// The one that `command` begins.
    pub fn of(mut command: Command) -> Simulator {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary can be started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says where it is");
        Simulator { child, ready: serde_json::from_str(&line).expect("one line of JSON") }
    }

    /// Begins one in `project`, much faster than the providers, in which what `scenario` says goes wrong.
    pub fn begin(project: &Project, scenario: &str) -> Simulator {
        project.write("faults.yaml", scenario);
        Simulator::of(project.command(&["sim", "--speed", "1000", "--scenario", "faults.yaml"]))
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.ready["url"].as_str().expect("it has an address")
    }

    /// What goes wrong from now on.
    pub fn go_wrong(&self, scenario: &str) {
        self.ask("PUT", "/_sim/scenario", "", scenario);
    }

    /// The paid requests, in the order in which they came.
    pub fn ledger(&self) -> Vec<Json> {
        self.lines("/_sim/ledger")
    }

    /// What it answers at `path`, an object a line.
    pub fn lines(&self, path: &str) -> Vec<Json> {
        self.ask("GET", path, "", "").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// What it answers to such a request; each of the `headers` ends its line.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let host = self.url().strip_prefix("http://").expect("it speaks plain HTTP");
        let mut stream = TcpStream::connect(host).expect("it listens");
        let length = body.len();
        // Of this version, so that the answer isn't in chunks.
        write!(stream, "{method} {path} HTTP/1.0\r\n{headers}content-length: {length}\r\n\r\n{body}")
            .expect("it listens");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head ends");
        assert!(head.contains(" 200 "), "{head}\n{body}");
        body.to_owned()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
