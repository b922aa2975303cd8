//! Sound that is a row of frames without any container: its length is known when all are counted.

use std::collections::BTreeMap;

use super::Unread;
use super::window::Window;

/// What the head of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// How long it is, with its head.
    pub(super) bytes: u32,
    /// The samples that it holds, of each channel.
    pub(super) samples: u32,
    /// Samples a second.
    pub(super) rate: u32,
}

/// Frames of one kind.
#[derive(Clone, Copy)]
pub(super) struct Coding {
    /// Reads the head of a frame, of [`HEAD_BYTES`].
    pub(super) head: fn(&[u8; HEAD_BYTES]) -> Option<Frame>,
    /// Whether the frame at a place holds notes instead of sound.
    pub(super) has_notes: fn(&mut Window, u64, Frame) -> Result<bool, Unread>,
}

/// The longest head of a frame.
pub(super) const HEAD_BYTES: usize = 7;

/// What may lie between frames and is none, and no description either.
const STRAY_BYTES_MAX: u64 = 1 << 20;

/// Frames that were counted.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) frames: u64,
    /// Whether a part of the last one is missing.
    pub(super) is_cut: bool,
    /// How many samples there are of each rate: streams written one behind the other may differ.
    samples: BTreeMap<u32, u64>,
}

impl Counted {
    /// Refuses what ends amid a frame: whoever writes sound ends with a whole one.
    pub(super) fn whole(self) -> Result<Counted, Unread> {
        match self.is_cut {
            true => Unread::refused(
                "truncated: the last frame of the sound is cut off (`ffmpeg -i FILE -c copy NEW` keeps what is there)",
            ),
            false => Ok(self),
        }
    }

    /// How long they play, in seconds, without `trimmed` samples of the rate `rate`.
    pub(super) fn seconds_without(&self, trimmed: u64, rate: u32) -> f64 {
        let left = |(of, samples): (&u32, &u64)| {
            let samples = if *of == rate { samples.saturating_sub(trimmed) } else { *samples };
            samples as f64 / f64::from(*of)
        };
        self.samples.iter().map(left).sum()
    }
}

/// Where the first frame is: behind descriptions, and a neighbour of another or of the end.
pub(super) fn first(window: &mut Window, coding: Coding) -> Result<(u64, Frame), Unread> {
    let mut at = 0;
    while let Some(end) = description(window, at)? {
        at = end;
    }
    let frame = frame(window, at, coding)?.ok_or(Unread::Unknown)?;
    match follows(window, at, frame, coding)? {
        true => Ok((at, frame)),
        false => Err(Unread::Unknown),
    }
}

/// Counts the frames from `at` to the end; a last one of which a part is missing isn't among them.
pub(super) fn count(window: &mut Window, mut at: u64, coding: Coding) -> Result<Counted, Unread> {
    let mut counted = Counted::default();
    let mut stray = 0;
    let mut in_step = true;
    while at < window.length() {
        if let Some(found) = frame(window, at, coding)?
            && (in_step || follows(window, at, found, coding)?)
        {
            in_step = true;
            let end = at + u64::from(found.bytes);
            counted.is_cut = end > window.length();
            if !counted.is_cut && !(coding.has_notes)(window, at, found)? {
                counted.frames += 1;
                *counted.samples.entry(found.rate).or_default() += u64::from(found.samples);
            }
            at = end;
        } else if let Some(end) = description(window, at)? {
            at = end;
        } else {
            (at, stray, in_step) = (at + 1, stray + 1, false);
            if stray > STRAY_BYTES_MAX {
                return Err(Unread::Unknown);
            }
        }
    }
    Ok(counted)
}

/// The head of the frame at `at`, if one begins there.
fn frame(window: &mut Window, at: u64, coding: Coding) -> Result<Option<Frame>, Unread> {
    let mut bytes = [0; HEAD_BYTES];
    let left = window.length().saturating_sub(at).min(HEAD_BYTES as u64) as usize;
    bytes[..left].copy_from_slice(window.piece(at, left)?);
    Ok((coding.head)(&bytes))
}

/// Whether another frame, a description or the end comes right behind the one at `at`.
fn follows(window: &mut Window, at: u64, found: Frame, coding: Coding) -> Result<bool, Unread> {
    let end = at + u64::from(found.bytes);
    Ok(end == window.length()
        || end < window.length()
            && (frame(window, end, coding)?.is_some() || description(window, end)?.is_some()))
}

/// Where the description that begins at `at` ends (ID3 in both versions, APE), if one does.
fn description(window: &mut Window, at: u64) -> Result<Option<u64>, Unread> {
    let left = window.length().saturating_sub(at);
    if left < 32 {
        return Ok(None);
    }
    let head: [u8; 16] = window.bytes(at)?;
    let length = if head.starts_with(b"ID3") {
        // Seven bits a byte; a flag tells of ten more bytes at the end.
        let length = head[6..10].iter().fold(0, |length, byte| length << 7 | u64::from(byte & 0x7f));
        10 + length + if head[5] & 0x10 == 0 { 0 } else { 10 }
    } else if head.starts_with(b"TAG") && left == 128 {
        128
    } else if head.starts_with(b"APETAGEX") {
        32 + u64::from(u32::from_le_bytes([head[12], head[13], head[14], head[15]]))
    } else {
        return Ok(None);
    };
    Ok(Some(at + length.min(left)))
}
