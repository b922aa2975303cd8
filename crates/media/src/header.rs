//! Measuring from headers: what ffprobe would say of a file, read in this process from its structure.
//!
//! The readers look at as little as tells: a film of two gigabytes costs a few kilobytes. What they aren't
//! sure of they leave to ffprobe ([`Unread::Unknown`]), so they may know less than ffprobe does, never
//! something else: but for lengths. Where a header and what is there differ (streams that were written one
//! behind the other, encoders' padding, fragments), the length is that of what is played.

mod adts;
mod boxes;
mod ebml;
mod flac;
mod fragments;
mod frames;
mod matroska;
mod movie;
mod mpeg;
mod ogg;
mod samples;
mod screen;
mod sequence;
mod track;
mod wav;
mod window;

use std::io;

use motet_pipeline::Failure;

use crate::probe::Probed;
use window::Window;

/// The bytes of a file, wherever they are.
pub trait Source {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// Fills `buffer` from the bytes at `at` on; how many there were, 0 only at the end.
    ///
    /// # Errors
    /// Why they can't be read.
    fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Why a file wasn't measured.
#[derive(Debug)]
pub enum Unread {
    /// It is of a shape that isn't read here; ffprobe may know it.
    Unknown,
    /// It is damaged, or a part of it is missing.
    Refused(Failure),
    /// Its bytes can't be read.
    Read(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Unread {
        Unread::Read(error)
    }
}

impl From<Failure> for Unread {
    fn from(refusal: Failure) -> Unread {
        Unread::Refused(refusal)
    }
}

impl Unread {
    fn refused<T>(message: &str) -> Result<T, Unread> {
        Err(Unread::Refused(Failure::invalid(message)))
    }
}

/// Measures the video or sound in `source`, which is of the type `mime` by its beginning.
///
/// ```
/// use motet_media::header;
/// // A second of silence: one channel, 8,000 samples a second of two bytes.
/// let head = b"RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x3e\0\0";
/// let wav = [head.as_slice(), &[0; 16_000]].concat();
/// let probed = header::read(&mut wav.as_slice(), "audio/wav").unwrap();
/// assert_eq!((probed.kind.word(), probed.duration), ("audio", Some(1.0)));
/// ```
///
/// # Errors
/// [`Unread`]: what only ffprobe can tell, what is refused, and what can't be read.
pub fn read(source: &mut dyn Source, mime: &str) -> Result<Probed, Unread> {
    let window = &mut Window::new(source);
    match mime {
        "video/mp4" | "video/quicktime" | "audio/mp4" => movie::read(window),
        "video/webm" | "video/x-matroska" => matroska::read(window),
        "audio/wav" => wav::read(window),
        "audio/ogg" => ogg::read(window),
        "audio/mpeg" => mpeg::read(window),
        "audio/aac" => adts::read(window),
        "audio/flac" => flac::read(window),
        _ => Err(Unread::Unknown),
    }
}
