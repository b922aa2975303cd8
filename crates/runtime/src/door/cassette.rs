//! Cassettes: exchanges that were written down, one in a file, and answer later in the place of the network.
//!
//! Nothing in them is secret: a request only names its keys and is told by a digest and by its text without media;
//! a reply has been redacted before it comes here, and is scrubbed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use motet_pipeline::Digest;
use motet_providers::http::{Body, Method, Piece, Request};
use serde::{Deserialize, Serialize};

use super::address::Destination;
use super::fault::{Cause, Fault};
use super::incoming::Received;
use super::redaction::percent_encoded;
use super::{Tape, scrub};
use crate::Error;
use crate::world::wire;

/// A request, as far as an answer to it depends on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Asked {
    provider: String,
    method: String,
    /// Role and path, or the URL that was given.
    place: String,
    /// Of the text below, and of what it leaves out.
    digest: Digest,
    /// What it carries: marks, media and signatures are left out.
    body: String,
}

/// An exchange, as it is in its file.
#[derive(Serialize, Deserialize)]
struct Cassette {
    /// The version of this format.
    cassette: u32,
    request: Asked,
    status: u16,
    headers: Vec<(String, String)>,
    reply: Recorded,
}

/// What a reply held.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recorded {
    /// This text.
    Text(String),
    /// What is in this file, beside the cassette.
    File(String),
}

/// The version of the format that is written.
const FORMAT: u32 = 1;

/// The largest cassette that is read.
const CASSETTE_BYTES_MAX: u64 = 128 << 20;

/// The longest text of a request that is shown in a cassette; its digest is of all of it.
const SHOWN_BYTES_MAX: usize = 64 << 10;

/// What answers, or listens.
pub(super) enum Tapes {
    Off,
    Recording { folder: PathBuf, next: Mutex<u32> },
    Replaying { folder: PathBuf, answers: Mutex<BTreeMap<Asked, Answers>> },
}

/// The recorded answers to a request, in order.
#[derive(Default)]
pub(super) struct Answers {
    all: Vec<Cassette>,
    given: usize,
}

impl Asked {
    pub(super) fn of(
        provider: &str,
        request: &Request,
        destination: &Destination,
        marks: &[String],
    ) -> Asked {
        let without = Marks::of(marks);
        let place = without.left_out(&scrub::address(&destination.written));
        let body = without.left_out(&scrub::data_uris(&told(&request.body)));
        let digest = Digest::of(body.as_bytes());
        let mut body = scrub::json(&body).into_owned();
        if body.len() > SHOWN_BYTES_MAX {
            let end = (0..=SHOWN_BYTES_MAX).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
            body.truncate(end);
        }
        Asked { provider: provider.to_owned(), method: request.method.word().to_owned(), place, digest, body }
    }

    /// What an answer is found by: the text is for people.
    fn key(&self) -> Asked {
        Asked { body: String::new(), ..self.clone() }
    }

    fn shown(&self) -> String {
        format!("{} {} of {}", self.method, self.place, self.provider)
    }
}

/// A body as text, with the digests of artifacts in their place.
fn told(body: &Body) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Piece::Artifact { digest, .. } => format!("[{digest}]"),
        Piece::ArtifactBase64 { digest, .. } => format!("[{digest} in base64]"),
    };
    body.pieces.iter().map(piece).collect()
}

/// Texts that differ from run to run.
struct Marks(Vec<String>);

impl Marks {
    fn of(marks: &[String]) -> Marks {
        let plain = marks.iter().filter(|mark| !mark.is_empty());
        let mut all: Vec<String> = plain.flat_map(|mark| [mark.clone(), percent_encoded(mark)]).collect();
        // The longest first: a shorter one may be a part of it.
        all.sort_by_key(|mark| std::cmp::Reverse(mark.len()));
        Marks(all)
    }

    fn left_out(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, mark| text.replace(mark, "[mark]"))
    }
}

impl Tapes {
    pub(super) fn open(tape: Tape) -> Result<Tapes, Error> {
        match tape {
            Tape::Off => Ok(Tapes::Off),
            Tape::Record(folder) => {
                let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
                made.map_err(|error| Error::file("make", &folder, error))?;
                let next = Mutex::new(last_number(&folder)? + 1);
                Ok(Tapes::Recording { folder, next })
            }
            Tape::Replay(folder) => {
                let mut answers: BTreeMap<Asked, Answers> = BTreeMap::new();
                for path in cassettes(&folder)? {
                    let cassette = read(&path).map_err(|error| Error::file("read", &path, error))?;
                    answers.entry(cassette.request.key()).or_default().all.push(cassette);
                }
                Ok(Tapes::Replaying { folder, answers: Mutex::new(answers) })
            }
        }
    }

    pub(super) fn is_off(&self) -> bool {
        matches!(self, Tapes::Off)
    }

    pub(super) fn is_replay(&self) -> bool {
        matches!(self, Tapes::Replaying { .. })
    }

    /// Where exchanges are written down.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Tapes::Recording { folder, .. } => Some(folder),
            Tapes::Off | Tapes::Replaying { .. } => None,
        }
    }

    /// The recorded answer to a request: the next one, and for what only reads the last one again and again.
    pub(super) fn answer(&self, asked: &Asked) -> Result<wire::Reply, Fault> {
        let Tapes::Replaying { folder, answers } = self else {
            return Err(missing(asked, "nothing is replayed"));
        };
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        let in_folder = |what: String| missing(asked, &format!("{what} in {}", folder.display()));
        let Some(found) = answers.get_mut(&asked.key()) else {
            return Err(in_folder("no exchange with this address and body is recorded".to_owned()));
        };
        let last = found.all.len() - 1;
        if found.given > last && asked.method != Method::Get.word() {
            return Err(in_folder(format!("all {} recorded answers were given", found.all.len())));
        }
        let cassette = &found.all[found.given.min(last)];
        let body = match &cassette.reply {
            Recorded::Text(text) => text.clone().into_bytes(),
            Recorded::File(name) => {
                let path =
                    beside(folder, name).ok_or_else(|| in_folder("an unusual name of a file".to_owned()))?;
                fs::read(&path)
                    .map_err(|error| in_folder(format!("{} can't be read: {error}", path.display())))?
            }
        };
        let headers: Vec<(&str, &str)> =
            cassette.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = wire::Reply::of(cassette.status, &headers, body);
        found.given += 1;
        Ok(reply)
    }

    /// Writes an exchange down.
    pub(super) fn keep(&self, asked: &Asked, received: &Received) -> io::Result<()> {
        let Tapes::Recording { folder, next } = self else { return Ok(()) };
        let number = {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next - 1
        };
        let name = format!("{number:04}-{}-{}", asked.provider, asked.method);
        let text = std::str::from_utf8(&received.body).ok().filter(|_| received.file.is_none());
        let reply = match text {
            Some(text) => Recorded::Text(scrub::json(text).into_owned()),
            None => {
                let file = format!("{name}.body");
                let mut kept = create(&folder.join(&file))?;
                match &received.file {
                    Some(path) => drop(io::copy(&mut File::open(path)?, &mut kept)?),
                    None => kept.write_all(&received.body)?,
                }
                Recorded::File(file)
            }
        };
        let headers = scrub::headers(&received.headers);
        let cassette =
            Cassette { cassette: FORMAT, request: asked.clone(), status: received.status, headers, reply };
        let written = serde_json::to_vec_pretty(&cassette)?;
        create(&folder.join(format!("{name}.json")))?.write_all(&written)
    }
}

fn missing(asked: &Asked, why: &str) -> Fault {
    Fault::refused(Cause::NotRecorded, format!("{}: {why}; record it with --record", asked.shown()))
}

/// A file of this name in `folder`, if it can be one.
fn beside(folder: &Path, name: &str) -> Option<PathBuf> {
    (!name.contains(['/', '\\']) && !name.starts_with('.')).then(|| folder.join(name))
}

/// Makes a file that wasn't there, for this user alone.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn read(path: &Path) -> io::Result<Cassette> {
    let mut bytes = Vec::new();
    File::open(path)?.take(CASSETTE_BYTES_MAX).read_to_end(&mut bytes)?;
    let cassette: Cassette = serde_json::from_slice(&bytes)?;
    match cassette.cassette {
        FORMAT => Ok(cassette),
        newer => {
            Err(io::Error::other(format!("it is a cassette of format {newer}: use a newer version of Motet")))
        }
    }
}

/// The cassettes in a folder, in the order in which they were recorded.
fn cassettes(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::file("read", folder, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            found.extend(number_of(&path).map(|number| (number, path)));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn last_number(folder: &Path) -> Result<u32, Error> {
    Ok(cassettes(folder)?.last().and_then(|path| number_of(path)).unwrap_or(0))
}

fn number_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.split_once('-')?.0.parse().ok()
}
