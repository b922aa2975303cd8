//! Replies of providers: a line with the call and who reads, then a reply as it stands in a fixture (status, headers, a blank line,
//! body).
#![no_main]

#[allow(dead_code, reason = "it is for the tests of the adapters, which use all of it")]
#[path = "../../crates/providers/tests/adapters/calls.rs"]
mod calls;
#[allow(dead_code, reason = "it is for the tests of the adapters, which use all of it")]
#[path = "../../crates/providers/tests/adapters/fixture.rs"]
mod fixture;
#[allow(dead_code, reason = "it is for the tests of the adapters, which use all of it")]
#[path = "../../crates/providers/tests/adapters/reader.rs"]
mod reader;

use std::sync::LazyLock;

use fixture::{Fixture, NOW};
use libfuzzer_sys::fuzz_target;
use motet_providers::http::Reply;

/// Where the replies are.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/providers/tests/fixtures");

static READERS: LazyLock<Vec<Fixture>> = LazyLock::new(reader::readers);

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (name, rest) = (String::from_utf8_lossy(&data[..end]), &data[end + 1..]);
    let reply = reply(rest);
    match READERS.iter().find(|reader| format!("{} {}", reader.call, reader.read) == name) {
        Some(reader) => reader::check(&reader.told_of(reply)),
        None => reader::read_besides(&reply),
    }
});

fn reply(data: &[u8]) -> Reply {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let head = String::from_utf8_lossy(&data[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let body = data.get(end + 2..).unwrap_or_default().to_vec();
    Reply { status, headers: lines.filter_map(header).collect(), body, at: NOW }
}
