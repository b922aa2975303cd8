//! A track of an ISO media file: what it holds, how it is shown, and for how long.

use super::Unread;
use super::boxes::{Part, Parts};
use super::samples::Samples;
use super::screen::{Screen, nearest};
use super::sequence;
use super::window::Window;

/// What a track holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    Pictures(Screen),
    Sound,
    /// Text, times, descriptions.
    Other,
}

/// A track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track {
    pub(super) number: u32,
    pub(super) content: Content,
    /// Parts of a second in which its times are told.
    pub(super) scale: u32,
    pub(super) samples: Samples,
    /// What of its beginning isn't played, in its own time.
    pub(super) skipped: u64,
}

impl Track {
    /// Reads a box `trak`.
    pub(super) fn read(window: &mut Window, track: Part) -> Result<Track, Unread> {
        let header = track.at(window, &[b"tkhd"])?;
        let header = Header::read(window, header)?;
        let media = track.at(window, &[b"mdia"])?;
        let times = media.at(window, &[b"mdhd"])?;
        let scale = if is_wide(window, times)? { 20 } else { 12 };
        let scale = window.u32(times.body + scale)?;
        let handler = media.at(window, &[b"hdlr"])?;
        let kind: [u8; 4] = window.bytes(handler.body + 8)?;
        let tables = media.at(window, &[b"minf", b"stbl"])?;
        let entry = tables.at(window, &[b"stsd"])?;
        let entry = Entry::read(window, entry)?;
        let content = match &kind {
            b"vide" => Content::Pictures(entry.screen(window, &header)?),
            b"soun" => Content::Sound,
            // ffprobe goes by what it holds.
            _ if KNOWN.contains(&&entry.part.name) => return Err(Unread::Unknown),
            _ => Content::Other,
        };
        let samples = match content {
            Content::Other => Samples::default(),
            _ => Samples::read(window, tables)?,
        };
        if scale == 0 {
            return Err(Unread::Unknown);
        }
        Ok(Track { number: header.number, content, scale, samples, skipped: skipped(window, track)? })
    }

    /// A time of the track in seconds.
    pub(super) fn seconds(&self, time: u64) -> f64 {
        time as f64 / f64::from(self.scale)
    }
}

/// Whether a box with a version has times of eight bytes.
pub(super) fn is_wide(window: &mut Window, part: Part) -> Result<bool, Unread> {
    match window.bytes(part.body)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Unread::Unknown),
    }
}

/// What the first edit of a track leaves out at its beginning.
fn skipped(window: &mut Window, track: Part) -> Result<u64, Unread> {
    let Some(edits) = track.find(window, b"edts")? else { return Ok(0) };
    let Some(list) = edits.find(window, b"elst")? else { return Ok(0) };
    if window.u32(list.body + 4)? == 0 {
        return Ok(0);
    }
    let begin = match is_wide(window, list)? {
        true => window.u64(list.body + 16)?.cast_signed(),
        false => i64::from(window.u32(list.body + 12)?.cast_signed()),
    };
    // Below zero it is a pause.
    Ok(u64::try_from(begin).unwrap_or(0))
}

/// The header of a track.
struct Header {
    number: u32,
    /// Width and height of the pictures before they are turned.
    size: (u32, u32),
    matrix: Matrix,
}

impl Header {
    fn read(window: &mut Window, header: Part) -> Result<Header, Unread> {
        let (number, matrix) = if is_wide(window, header)? { (20, 52) } else { (12, 40) };
        let side = |window: &mut Window, at| Ok::<u32, Unread>(window.u32(header.body + matrix + at)? >> 16);
        Ok(Header {
            number: window.u32(header.body + number)?,
            size: (side(window, 36)?, side(window, 40)?),
            matrix: Matrix::read(window, header.body + matrix)?,
        })
    }
}

/// How pictures are turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matrix {
    Upright,
    HalfTurned,
    QuarterTurned,
    Other,
}

impl Matrix {
    pub(super) fn read(window: &mut Window, at: u64) -> Result<Matrix, Unread> {
        let bytes: [u8; 20] = window.bytes(at)?;
        let number = |at: usize| i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        const ONE: i32 = 1 << 16;
        const BACK: i32 = -ONE;
        Ok(match [number(0), number(4), number(12), number(16)] {
            [ONE, 0, 0, ONE] => Matrix::Upright,
            [BACK, 0, 0, BACK] => Matrix::HalfTurned,
            [0, ONE, BACK, 0] | [0, BACK, ONE, 0] => Matrix::QuarterTurned,
            _ => Matrix::Other,
        })
    }
}

/// Codecs that ffprobe takes for pictures or sound in whatever track they are.
const KNOWN: [&[u8; 4]; 10] =
    [b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp08", b"vp09", b"mp4v", b"mp4a", b"Opus"];

/// The description of the samples of a track.
struct Entry {
    part: Part,
}

impl Entry {
    /// The only one in a box `stsd`.
    fn read(window: &mut Window, descriptions: Part) -> Result<Entry, Unread> {
        let part = Parts::behind(descriptions, 8).next(window)?.ok_or(Unread::Unknown)?;
        match window.u32(descriptions.body + 4)? {
            1 => Ok(Entry { part }),
            _ => Err(Unread::Unknown),
        }
    }

    /// How the pictures are shown.
    fn screen(&self, window: &mut Window, header: &Header) -> Result<Screen, Unread> {
        let body = self.part.body;
        let kept = (window.u16(body + 24)?.into(), window.u16(body + 26)?.into());
        let is_turned = match header.matrix {
            Matrix::Upright | Matrix::HalfTurned => false,
            Matrix::QuarterTurned => true,
            Matrix::Other => return Err(Unread::Unknown),
        };
        let told = self.told(window, kept)?;
        let pixel = match self.pixel(window)? {
            Some(pixel) => Some(pixel),
            // A header of another size stretches them.
            None if header.size != kept && header.size.0 > 0 && header.size.1 > 0 => {
                let wide = |(one, other): (u32, u32)| u64::from(one) * u64::from(other);
                Some((wide((kept.1, header.size.0)), wide((kept.0, header.size.1))))
            }
            None => told.ok_or(Unread::Unknown)?.pixel,
        };
        match told {
            Some(told) if told.kept != kept => Err(Unread::Unknown),
            _ => Ok(Screen { kept, pixel, is_turned }),
        }
    }

    /// The shape of a pixel that the container tells.
    fn pixel(&self, window: &mut Window) -> Result<Option<(u64, u64)>, Unread> {
        let mut parts = Parts::behind(self.part, 78);
        while let Some(part) = parts.next(window)? {
            if &part.name == b"pasp" {
                let (width, height) = (window.u32(part.body)?, window.u32(part.body + 4)?);
                let pixel = nearest(width.into(), height.into(), 32_767);
                return Ok((width > 0 && height > 0).then_some(pixel));
            }
        }
        Ok(None)
    }

    /// What the codec tells of the pictures, if it does; codecs that aren't known here may tell anything.
    fn told(&self, window: &mut Window, kept: (u32, u32)) -> Result<Option<Screen>, Unread> {
        match &self.part.name {
            b"avc1" => sequence::read(window, Parts::behind(self.part, 78)).map(Some),
            // They tell nothing of the shape of a pixel.
            b"av01" | b"vp08" | b"vp09" => Ok(Some(Screen { kept, pixel: None, is_turned: false })),
            b"avc3" | b"hvc1" | b"hev1" | b"mp4v" => Ok(None),
            _ => Err(Unread::Unknown),
        }
    }
}
