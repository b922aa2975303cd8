//! FLAC: its frames are counted. What its description tells may be no length at all, or that of the first of
//! several streams that were written one behind the other.

use super::Unread;
use super::window::Window;
use crate::probe::Probed;

/// No frame is longer.
const FRAME_BYTES_MAX: u64 = 1 << 20;

/// The longest head of a frame.
const HEAD_BYTES_MAX: usize = 16;

/// How much is searched in one piece.
const SEARCHED_BYTES: u64 = 4 << 10;

/// What a stream begins with: its name, and the head of its first description.
const BEGIN: &[u8; 8] = b"fLaC\0\0\0\x22";

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let (mut at, mut seconds) = (Some(0), 0.0);
    while let Some(begin) = at {
        let stream = Stream::read(window, begin)?;
        let (samples, next) = stream.count(window)?;
        if samples < stream.samples {
            return Unread::refused("truncated: the file ends too early");
        }
        seconds += samples as f64 / f64::from(stream.rate);
        at = next;
    }
    Ok(Probed::sound(seconds)?)
}

/// What a stream tells of itself.
struct Stream {
    rate: u32,
    /// How many samples there are; 0 if it isn't told.
    samples: u64,
    /// Where its first frame is.
    frames: u64,
}

impl Stream {
    fn read(window: &mut Window, begin: u64) -> Result<Stream, Unread> {
        let head: [u8; 26] = window.bytes(begin)?;
        let number = |from: usize, count: usize| {
            head[from..from + count].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        // Twenty bits of rate, three of channels, five of bits, thirty-six of samples.
        let (rate, samples) = ((number(18, 3) >> 4) as u32, number(21, 5) & 0xf_ffff_ffff);
        // The first description must be this one.
        if head[4] & 0x7f != 0 || rate == 0 {
            return Err(Unread::Unknown);
        }
        let mut at = begin + 4;
        loop {
            window.count_part()?;
            let head = window.u32(at)?;
            at += 4 + u64::from(head & 0xff_ffff);
            if head >> 31 == 1 {
                return Ok(Stream { rate, samples, frames: at });
            }
        }
    }

    /// How many samples its frames have, and where another stream begins behind them.
    fn count(&self, window: &mut Window) -> Result<(u64, Option<u64>), Unread> {
        let (mut at, mut samples) = (self.frames, 0_u64);
        while let Some(head) = Head::read_at(window, at)? {
            samples = samples.saturating_add(head.samples);
            let next = next(window, at + head.bytes, &head)?;
            if let Next::Frame(end) | Next::Stream(end) = next
                && !is_sound(window, at, end)?
            {
                return Unread::refused("the file is damaged: a part of its sound isn't what was written");
            }
            match next {
                Next::Frame(next) => at = next,
                Next::Stream(next) => return Ok((samples, Some(next))),
                Next::End if is_whole(window, at)? => return Ok((samples, None)),
                Next::End => return Unread::refused("truncated: the last frame of the sound is cut off"),
            }
        }
        // Nothing but a description, or something else than frames.
        if at == window.length() { Ok((samples, None)) } else { Err(Unread::Unknown) }
    }
}

/// The head of a frame.
struct Head {
    /// Whether frames are numbered, and not samples.
    has_frame_numbers: bool,
    number: u64,
    samples: u64,
    /// How long the head is.
    bytes: u64,
}

impl Head {
    fn read_at(window: &mut Window, at: u64) -> Result<Option<Head>, Unread> {
        let left = window.length().saturating_sub(at).min(HEAD_BYTES_MAX as u64) as usize;
        Ok(Head::read(window.piece(at, left)?))
    }

    /// The head with which `bytes` begin, if its check says that it is one.
    fn read(bytes: &[u8]) -> Option<Head> {
        let &[0xff, second @ (0xf8 | 0xf9), sizes, _, lead, ..] = bytes else { return None };
        let (lead, more) = match lead.leading_ones() {
            0 => (lead, 0),
            ones @ 2..=6 => (lead & (0x7f >> ones), ones as usize - 1),
            7 => (0, 6),
            _ => return None,
        };
        let number = bytes.get(5..5 + more)?;
        let number = number.iter().fold(u64::from(lead), |number, byte| number << 6 | u64::from(byte & 0x3f));
        let told = bytes.get(5 + more..)?;
        let (samples, told) = match sizes >> 4 {
            1 => (192, 0),
            code @ 2..=5 => (576 << (code - 2), 0),
            6 => (u64::from(*told.first()?) + 1, 1),
            7 => (u64::from(u16::from_be_bytes([*told.first()?, *told.get(1)?])) + 1, 2),
            code @ 8..=15 => (256 << (code - 8), 0),
            _ => return None,
        };
        let rate = match sizes & 15 {
            12 => 1,
            13 | 14 => 2,
            15 => return None,
            _ => 0,
        };
        let end = 5 + more + told + rate;
        let check = *bytes.get(end)?;
        (check == check_of_head(&bytes[..end])).then_some(Head {
            has_frame_numbers: second == 0xf8,
            number,
            samples,
            bytes: end as u64 + 1,
        })
    }

    /// Whether `next` is the head of the frame behind this one.
    fn precedes(&self, next: &Head) -> bool {
        let step = if self.has_frame_numbers { 1 } else { self.samples };
        next.has_frame_numbers == self.has_frame_numbers && next.number == self.number.saturating_add(step)
    }
}

/// What comes behind a frame.
enum Next {
    Frame(u64),
    Stream(u64),
    End,
}

/// What comes behind the frame with the head `head`, searched from `from` on: nothing tells how long a frame is.
fn next(window: &mut Window, mut from: u64, head: &Head) -> Result<Next, Unread> {
    let limit = from + FRAME_BYTES_MAX;
    while from < window.length() {
        if from > limit {
            return Err(Unread::Unknown);
        }
        let count = (window.length() - from).min(SEARCHED_BYTES) as usize;
        let is_last = from + count as u64 == window.length();
        let piece = window.piece(from, count)?;
        // What begins in the last few bytes is looked at in the next piece.
        let end = if is_last { count } else { count - HEAD_BYTES_MAX };
        for at in 0..end {
            let rest = &piece[at..];
            match rest[0] {
                0xff if Head::read(rest).is_some_and(|next| head.precedes(&next)) => {
                    return Ok(Next::Frame(from + at as u64));
                }
                b'f' if rest.starts_with(BEGIN) => return Ok(Next::Stream(from + at as u64)),
                _ => {}
            }
        }
        from += end as u64;
    }
    Ok(Next::End)
}

/// Whether the frame from `at` to `end` is what was written, by the check that it ends with.
fn is_sound(window: &mut Window, mut at: u64, end: u64) -> Result<bool, Unread> {
    let mut sum = 0;
    while at < end {
        let piece = window.piece(at, (end - at).min(SEARCHED_BYTES) as usize)?;
        sum = piece.iter().fold(sum, |sum, byte| check_of_frame(sum, *byte));
        at += piece.len() as u64;
    }
    Ok(sum == 0)
}

/// Whether the last frame, which begins at `at`, is all there. Notes of other kinds may stand behind it.
fn is_whole(window: &mut Window, at: u64) -> Result<bool, Unread> {
    let length = (window.length() - at).min(FRAME_BYTES_MAX / 4) as usize;
    let frame = window.piece(at, length)?;
    let mut sum = 0;
    for (index, byte) in frame.iter().enumerate() {
        sum = check_of_frame(sum, *byte);
        let rest = &frame[index + 1..];
        let is_end = rest.is_empty()
            || [b"TAG".as_slice(), b"APETAGEX", b"ID3"].iter().any(|mark| rest.starts_with(mark));
        if sum == 0 && is_end {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a head ends with.
fn check_of_head(head: &[u8]) -> u8 {
    head.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ byte, |sum: u8, _| if sum >> 7 == 1 { sum << 1 ^ 0x07 } else { sum << 1 })
    })
}

/// What a frame ends with makes this zero.
fn check_of_frame(sum: u16, byte: u8) -> u16 {
    sum << 8 ^ CHECKS[usize::from((sum >> 8) as u8 ^ byte)]
}

/// What each byte does to a check of sixteen bits.
const CHECKS: [u16; 256] = {
    let mut checks = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = ((byte as u16) << 8, 0);
        while bit < 8 {
            sum = if sum >> 15 == 1 { sum << 1 ^ 0x8005 } else { sum << 1 };
            bit += 1;
        }
        checks[byte] = sum;
        byte += 1;
    }
    checks
};
