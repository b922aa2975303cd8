//! A simulator in the place of the providers: found, or begun, and asked from then on.
//!
//! A store that a simulator is asked from remembers it in its folder `sim`. The simulator is a process of its own: it
//! outlives a run that is killed, as a provider does.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use motet::reading::read_file;
use motet::settings::Settings;
use motet::store::{StoreError, StoreFolder, maker_here};
use motet_sim::{Bases, IN_USE};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::problem::Problem;

/// How many times faster than at the providers jobs go.
const SPEED: &str = "10";

/// The longest answer to the question whether it is there.
const ANSWER_BYTES_MAX: u64 = 64;

/// The longest note of where it is, and the longest part of its log that is looked at.
const ADDRESS_BYTES_MAX: u64 = 64 * 1024;
const LOG_BYTES_MAX: u64 = 1 << 20;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a simulator is reached, as it says itself and as a store remembers it.
#[derive(Debug, Serialize, Deserialize)]
struct Address {
    url: String,
    base_urls: BTreeMap<String, BTreeMap<String, String>>,
    /// The process, if the store began it.
    #[serde(default)]
    pid: Option<u32>,
    /// Who remembers it.
    #[serde(default)]
    maker: Option<String>,
}

/// The settings with a simulator in the place of the providers, for the store in `folder`: the one at `url`, else the
/// one that the store remembers, else a new one.
///
/// # Errors
/// When none can be reached or begun.
pub fn simulated(settings: Settings, folder: &Path, url: Option<&str>) -> Result<Settings, Problem> {
    let folder = StoreFolder::enter(folder).map_err(motet::Error::from)?;
    let home = Home::of(folder).map_err(motet::Error::from)?;
    let address = match (url, home.remembered()) {
        (Some(url), _) => there(url)?,
        (None, Some(known)) if is_there(&known.url) => known,
        (None, Some(Address { url, pid: None, .. })) => return Err(out_of_reach(&url)),
        (None, known) => home.begin(known.and_then(|known| port_of(&known.url)))?,
    };
    let address = Address { maker: Some(home.maker.clone()), ..address };
    home.remember(&address).map_err(|error| Problem::refused("remember the simulator", &error))?;
    Ok(settings.simulated(&address.base_urls)?)
}

/// A simulator that somebody else began.
fn there(url: &str) -> Result<Address, Problem> {
    let url = url.trim_end_matches('/');
    if !is_there(url) {
        return Err(out_of_reach(url));
    }
    let bases = serde_json::to_value(Bases::under(url)).and_then(serde_json::from_value);
    let base_urls = bases.map_err(|error| Problem::usage(format!("{url} is no address: {error}")))?;
    Ok(Address { url: url.to_owned(), base_urls, pid: None, maker: None })
}

fn out_of_reach(url: &str) -> Problem {
    Problem::new(Exit::Machine, format!("there is no simulator at {url}"))
        .line("begin one: motet sim --port PORT")
}

/// What a store keeps of its simulator, in its folder `sim`. Nothing in it is reached through a link.
struct Home {
    folder: StoreFolder,
    path: PathBuf,
    /// Who asks it.
    maker: String,
}

impl Home {
    fn of(folder: StoreFolder) -> Result<Home, StoreError> {
        let path = folder.make_folder("sim")?;
        Ok(Home { folder, path, maker: maker_here()?.to_string() })
    }

    /// The simulator that this user asked last. What a cloned project brings along leads nowhere.
    fn remembered(&self) -> Option<Address> {
        let bytes = read_file(&self.path.join("address.json"), ADDRESS_BYTES_MAX).ok()?;
        let known: Address = serde_json::from_slice(&bytes).ok()?;
        (known.maker.as_ref() == Some(&self.maker)).then_some(known)
    }

    /// Begins a simulator that goes on without this process, at the port of the one before it: what that one gave out
    /// leads there.
    fn begin(&self, port: Option<u16>) -> Result<Address, Problem> {
        let begun = |error: io::Error| Problem::refused("begin the simulator", &error);
        let jobs = self.folder.make_folder("sim/jobs").map_err(motet::Error::from)?;
        let log = self.folder.open_file("sim/log").map_err(motet::Error::from)?;
        log.set_len(0).map_err(begun)?;
        let program = std::env::current_exe().map_err(begun)?;
        let mut command = Command::new(program);
        command.args(["sim", "--speed", SPEED, "--port", &port.unwrap_or(0).to_string(), "--dir"]);
        command.arg(jobs).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut child = command.spawn().map_err(begun)?;
        let mut line = String::new();
        let said = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        if let Ok(address) = serde_json::from_str::<Address>(&line) {
            return Ok(Address { pid: Some(child.id()), ..address });
        }
        let why = read_file(&self.path.join("log"), LOG_BYTES_MAX).unwrap_or_default();
        let why = String::from_utf8_lossy(&why);
        // Another process may have begun it just now.
        let is_begun = why.contains(IN_USE);
        self.remembered().filter(|known| is_begun && is_there(&known.url)).ok_or_else(|| {
            drop(said);
            let why = why.lines().next().unwrap_or("it said nothing");
            Problem::new(Exit::Machine, format!("the simulator didn't begin: {why}"))
        })
    }

    fn remember(&self, address: &Address) -> io::Result<()> {
        // Another process may do the same at this moment.
        let new = self.path.join(format!("address.json.{}", std::process::id()));
        // What a process of the same number left.
        drop(fs::remove_file(&new));
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
        let written = made.and_then(|mut file| file.write_all(&serde_json::to_vec(address)?));
        let placed = written.and_then(|()| fs::rename(&new, self.path.join("address.json")));
        placed.inspect_err(|_| drop(fs::remove_file(&new)))
    }
}

fn port_of(url: &str) -> Option<u16> {
    authority(url)?.rsplit_once(':')?.1.parse().ok()
}

/// `127.0.0.1:8700` of `http://127.0.0.1:8700/`: simulators speak plain HTTP.
fn authority(url: &str) -> Option<&str> {
    url.strip_prefix("http://")?.split('/').next()
}

/// Whether a simulator answers at `url`, and not somebody else who has its port now.
fn is_there(url: &str) -> bool {
    let ask = || -> io::Result<bool> {
        let host = authority(url).ok_or(io::ErrorKind::InvalidInput)?;
        let address = host.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(stream, "GET /_sim/scenario HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        // Somebody who knows no such address says 404.
        Ok(answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 405"))
    };
    ask().unwrap_or(false)
}
