//! A served simulator, which outlives the processes that ask it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

/// How many times faster than at the providers jobs go.
const SPEED: &str = "120";

/// A simulator in a process of its own. It ends with this.
pub struct Simulator {
    process: Child,
    addresses: Json,
}

impl Simulator {
    pub fn begin(seed: u64) -> Simulator {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("motet"));
        command.args(["sim", "--seed", &seed.to_string(), "--speed", SPEED]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Simulator { process, addresses: serde_json::from_str(&line).unwrap() }
    }

    pub fn url(&self) -> &str {
        self.addresses["url"].as_str().unwrap()
    }

    /// Settings with which it is asked in the place of the providers, by keys from the environment.
    pub fn settings(&self) -> String {
        let mut settings = String::new();
        for (provider, roles) in self.addresses["base_urls"].as_object().unwrap() {
            let roles: Vec<String> = roles
                .as_object()
                .unwrap()
                .iter()
                .filter(|(role, _)| !matches!(role.as_str(), "delivery" | "stream"))
                .map(|(role, url)| format!("{role} = {url}"))
                .collect();
            settings +=
                &format!("[providers.{provider}]\nprivate = true\nbase_urls = {{ {} }}\n", roles.join(", "));
        }
        settings
    }

    /// What goes wrong from now on.
    pub fn go_wrong(&self, scenario: &str) {
        let length = scenario.len();
        self.ask(&format!("PUT /_sim/scenario HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{scenario}"));
    }

    /// The paid requests, in order.
    pub fn ledger(&self) -> Vec<Json> {
        let text = self.ask("GET /_sim/ledger HTTP/1.0\r\n\r\n");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn ask(&self, request: &str) -> String {
        let host = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{head}\n{body}");
        body.to_owned()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
