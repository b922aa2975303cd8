//! What comes back: read within bounds, into memory or into a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;
use motet_pipeline::failure::Phase;
use url::Url;

use super::address;
use super::fault::{Cause, Fault};
use super::outgoing::{beside, disk_fault};
use crate::world::SharedWorld;
use crate::world::wire::{self, Pieces};

/// Where a reply goes.
pub(super) enum Sink {
    Memory { bytes_max: u64 },
    File { path: PathBuf, bytes_max: u64 },
}

/// A reply that was read.
#[derive(Clone)]
pub(super) struct Received {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// What came into memory.
    pub body: Vec<u8>,
    /// The file that holds what came, in its place.
    pub file: Option<PathBuf>,
    /// Where it came from.
    pub url: Url,
}

/// The most headers of a reply, and the most bytes of theirs.
const HEADERS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 << 10;

/// So much is read of the body of a reply that is no success.
const REFUSAL_BYTES_MAX: u64 = 1 << 20;

/// So much is decoded at once: it becomes at most a thousand times as much before it is looked at.
const ENCODED_CHUNK_BYTES: usize = 4 << 10;

/// So much is gathered before it is written.
const WRITTEN_CHUNK_BYTES: usize = 256 << 10;

impl Sink {
    pub(super) fn memory(bytes_max: u64) -> Sink {
        Sink::Memory { bytes_max }
    }

    pub(super) fn file(path: &Path, bytes_max: u64) -> Sink {
        Sink::File { path: path.to_owned(), bytes_max }
    }

    /// The encodings that are asked for. Media can't be made smaller.
    pub(super) fn encodings(&self) -> &'static str {
        match self {
            Sink::Memory { .. } => "gzip",
            Sink::File { .. } => "identity",
        }
    }

    /// Reads all of `reply`. Of one that is no success, the body is read into memory, as far as it can be.
    pub(super) async fn take(
        self,
        reply: wire::Reply,
        url: &Url,
        world: &SharedWorld,
    ) -> Result<Received, Fault> {
        let wire::Reply { status, mut headers, body: mut pieces } = reply;
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if headers.len() > HEADERS_MAX || size > HEADER_BYTES_MAX {
            return Err(Fault::new(Phase::Body, Cause::TooLarge).because("too many headers".to_owned()));
        }
        let is_success = (200..300).contains(&status);
        let length = declared_length(&headers);
        let decoder = Decoder::of(&headers);
        headers.retain(|(name, _)| !matches!(name.as_str(), "content-encoding" | "content-length"));
        let received = Received { status, headers, body: Vec::new(), file: None, url: url.clone() };
        if !is_success {
            let mut body = Vec::new();
            if let Ok(mut decoder) = decoder {
                decoder.bound(REFUSAL_BYTES_MAX);
                // The status tells what matters; what its body adds is welcome.
                let _ = into_memory(&mut pieces, decoder, &mut body).await;
            }
            return Ok(Received { body, ..received });
        }
        let mut decoder = decoder?;
        let (Sink::Memory { bytes_max } | Sink::File { bytes_max, .. }) = self;
        if length.is_some_and(|length| length > bytes_max) {
            return Err(too_large(bytes_max));
        }
        decoder.bound(bytes_max);
        match self {
            Sink::Memory { .. } => {
                let mut body = Vec::new();
                into_memory(&mut pieces, decoder, &mut body).await?;
                Ok(Received { body, ..received })
            }
            Sink::File { path, .. } => {
                into_file(&mut pieces, decoder, &path, world).await?;
                Ok(Received { file: Some(path), ..received })
            }
        }
    }
}

impl Received {
    /// Where a redirect leads.
    pub(super) fn redirect(&self) -> Option<Result<String, Fault>> {
        let is_redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let location = self.headers.iter().find(|(name, _)| name == "location").filter(|_| is_redirect)?;
        let fault = |words: String| Fault::new(Phase::Body, Cause::Redirected).because(words);
        let next = self.url.join(&location.1).map_err(|_| fault("the next address is no URL".to_owned()));
        Some(next.and_then(|next| match self.url.scheme() == "https" && next.scheme() != "https" {
            true => Err(fault(format!("from https to {}", address::shown(next.as_str())))),
            false => Ok(next.into()),
        }))
    }
}

async fn into_memory(pieces: &mut Pieces, mut decoder: Decoder, body: &mut Vec<u8>) -> Result<(), Fault> {
    while let Some(piece) = pieces.next().await {
        decoder.decode(&piece?, body)?;
    }
    decoder.end(body)
}

async fn into_file(
    pieces: &mut Pieces,
    decoder: Decoder,
    path: &Path,
    world: &SharedWorld,
) -> Result<(), Fault> {
    // Nothing that is there is written over, and nothing is written through a link.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = Arc::new(file.map_err(|error| disk_fault(&error, path))?);
    let written = write_all(pieces, decoder, &file, world).await;
    if written.is_err() {
        // What can't be removed is in a scratch folder, which is removed.
        let _ = fs::remove_file(path);
    }
    written.map_err(|unwritten| match unwritten {
        Unwritten::Fault(fault) => fault,
        Unwritten::Disk(error) => disk_fault(&error, path),
    })
}

/// Why a file isn't whole.
enum Unwritten {
    Fault(Fault),
    Disk(io::Error),
}

impl From<Fault> for Unwritten {
    fn from(fault: Fault) -> Unwritten {
        Unwritten::Fault(fault)
    }
}

async fn write_all(
    pieces: &mut Pieces,
    mut decoder: Decoder,
    file: &Arc<File>,
    world: &SharedWorld,
) -> Result<(), Unwritten> {
    let mut gathered = Vec::new();
    while let Some(piece) = pieces.next().await {
        decoder.decode(&piece.map_err(Fault::from)?, &mut gathered)?;
        if gathered.len() >= WRITTEN_CHUNK_BYTES {
            write(world, file, std::mem::take(&mut gathered)).await.map_err(Unwritten::Disk)?;
        }
    }
    decoder.end(&mut gathered)?;
    write(world, file, gathered).await.map_err(Unwritten::Disk)
}

async fn write(world: &SharedWorld, file: &Arc<File>, bytes: Vec<u8>) -> io::Result<()> {
    let file = file.clone();
    beside(world, move || (&*file).write_all(&bytes)).await
}

fn declared_length(headers: &[(String, String)]) -> Option<u64> {
    headers.iter().find(|(name, _)| name == "content-length")?.1.trim().parse().ok()
}

fn too_large(bytes_max: u64) -> Fault {
    Fault::new(Phase::Body, Cause::TooLarge).because(format!("at most {bytes_max} bytes are read"))
}

/// Takes the encoding of a body off, and counts what comes out of it.
struct Decoder {
    gzip: Option<Box<MultiGzDecoder<Bounded>>>,
    bytes_max: u64,
    /// How many encoded bytes may still come: an encoding may also make nothing of much.
    left: u64,
}

impl Decoder {
    fn of(headers: &[(String, String)]) -> Result<Decoder, Fault> {
        let mut encodings = headers.iter().filter(|(name, _)| name == "content-encoding");
        let encoding = encodings.next().map(|(_, value)| value.trim().to_ascii_lowercase());
        let gzip = match (encoding.as_deref(), encodings.next()) {
            (None | Some("" | "identity"), None) => None,
            (Some("gzip" | "x-gzip"), None) => Some(Box::new(MultiGzDecoder::new(Bounded::default()))),
            _ => {
                let told = "it is in an encoding that wasn't asked for".to_owned();
                return Err(Fault::new(Phase::Body, Cause::Malformed).because(told));
            }
        };
        Ok(Decoder { gzip, bytes_max: 0, left: 0 })
    }

    /// At most so many bytes may come, encoded and decoded.
    fn bound(&mut self, bytes_max: u64) {
        (self.bytes_max, self.left) = (bytes_max, bytes_max);
        if let Some(gzip) = &mut self.gzip {
            gzip.get_mut().left = bytes_max;
        }
    }

    /// Adds what `piece` decodes to; of a body that is too large, as much as fits.
    fn decode(&mut self, piece: &[u8], body: &mut Vec<u8>) -> Result<(), Fault> {
        let fits = usize::try_from(self.left).map_or(piece.len(), |left| left.min(piece.len()));
        self.left -= fits as u64;
        let decoded = self.decode_some(&piece[..fits], body);
        if fits < piece.len() { Err(too_large(self.bytes_max)) } else { decoded }
    }

    fn decode_some(&mut self, piece: &[u8], body: &mut Vec<u8>) -> Result<(), Fault> {
        let Some(gzip) = &mut self.gzip else {
            body.extend_from_slice(piece);
            return Ok(());
        };
        for part in piece.chunks(ENCODED_CHUNK_BYTES) {
            let decoded = gzip.write_all(part);
            let out = gzip.get_mut();
            body.append(&mut out.bytes);
            decoded.map_err(|error| undecoded(out, &error, self.bytes_max))?;
        }
        Ok(())
    }

    /// Adds what is left once the last piece is there.
    fn end(mut self, body: &mut Vec<u8>) -> Result<(), Fault> {
        let Some(gzip) = &mut self.gzip else { return Ok(()) };
        let ended = gzip.try_finish();
        let out = gzip.get_mut();
        body.append(&mut out.bytes);
        ended.map_err(|error| undecoded(out, &error, self.bytes_max))
    }
}

fn undecoded(out: &Bounded, error: &io::Error, bytes_max: u64) -> Fault {
    match out.is_over {
        true => too_large(bytes_max),
        false => Fault::new(Phase::Body, Cause::Malformed).because(format!("gzip: {error}")),
    }
}

/// Decoded bytes, not more than may come.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    left: u64,
    is_over: bool,
}

impl Write for Bounded {
    fn write(&mut self, decoded: &[u8]) -> io::Result<usize> {
        self.is_over = self.is_over || decoded.len() as u64 > self.left;
        if self.is_over {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= decoded.len() as u64;
        self.bytes.extend_from_slice(decoded);
        Ok(decoded.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
