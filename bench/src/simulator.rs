//! The simulator, in a process of its own, as providers are.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use motet::Settings;

use crate::figures::processor_time_of;
use crate::scenario::motet;

/// A running simulator. It ends when this is dropped.
pub struct Simulator {
    child: Child,
    address: String,
}

impl Simulator {
    /// Begins one that follows `scenario`, and whose jobs take `speed` times less than those of the providers.
    pub fn begin(folder: &Path, scenario: &str, speed: u64) -> Simulator {
        let file = folder.join("scenario.json");
        std::fs::write(&file, scenario).expect("the folder is writable");
        let mut child = Command::new(motet())
            .args(["sim", "--speed", &speed.to_string(), "--scenario"])
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary is beside this one");
        let mut address = String::new();
        let out = child.stdout.take().expect("its output is piped");
        BufReader::new(out).read_line(&mut address).expect("its output is text");
        Simulator { child, address }
    }

    /// What it says of its addresses, as JSON.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The processor time that it has taken.
    pub fn processor(&self) -> Duration {
        processor_time_of(self.child.id())
    }

    /// Its ledger, a line a paid request.
    pub fn ledger(&self) -> String {
        let address: serde_json::Value = serde_json::from_str(&self.address).expect("it is JSON");
        let host = address["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("it has a URL");
        let mut stream = TcpStream::connect(host).expect("it listens");
        write!(stream, "GET /_sim/ledger HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("it reads");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("it answers");
        let reply = String::from_utf8(reply).expect("it is text");
        reply.split_once("\r\n\r\n").expect("it has a body").1.to_owned()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.child.kill().expect("it is still running");
        self.child.wait().expect("it was killed");
    }
}

/// The base URLs of a simulator, by provider and role, from what it says of its addresses.
pub fn bases(address: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let address: serde_json::Value = serde_json::from_str(address).expect("it is JSON");
    serde_json::from_value(address["base_urls"].clone()).expect("they are URLs by role")
}

/// Settings for which this simulator stands in the place of the providers.
pub fn settings(folder: &Path, address: &str) -> Settings {
    Settings::usual(folder).simulated(&bases(address)).expect("they are URLs")
}
