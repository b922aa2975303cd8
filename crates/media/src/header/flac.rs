//! FLAC: the first part of its description tells its length, or the last frame does.

use super::Unread;
use super::window::{PIECE_BYTES_MAX, Window};
use crate::probe::Probed;

/// Places that look like the beginning of the last frame and are tried: in 30,000 bytes of sound one does.
const CANDIDATES_MAX: usize = 32;

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let head: [u8; 22] = window.bytes(4)?;
    let number = |from: usize, count: usize| {
        head[from..from + count].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    // Twenty bits of rate, three of channels, five of bits, thirty-six of samples.
    let (rate, samples) = (number(14, 3) >> 4, number(17, 5) & 0xf_ffff_ffff);
    // The first part must be this one.
    if head[0] & 0x7f != 0 || rate == 0 {
        return Err(Unread::Unknown);
    }
    let samples = match samples {
        0 => end_of_last_frame(window, number(6, 2))?,
        samples => samples,
    };
    Ok(Probed::sound(samples as f64 / rate as f64)?)
}

/// The number of the sample behind the last frame, for a stream that was written without its length.
/// `block` is how many samples its frames have.
fn end_of_last_frame(window: &mut Window, block: u64) -> Result<u64, Unread> {
    let length = window.length().min(PIECE_BYTES_MAX as u64) as usize;
    let tail = window.piece(window.length() - length as u64, length)?;
    let frames = (0..length).rev().map(|at| &tail[at..]);
    let mut frames = frames.filter(|bytes| matches!(bytes, [0xff, 0xf8 | 0xf9, ..])).take(CANDIDATES_MAX);
    frames.find_map(|bytes| end_of_frame(bytes, block)).ok_or(Unread::Unknown)
}

/// The number of the sample behind the frame that `bytes` are, all of them.
fn end_of_frame(bytes: &[u8], block: u64) -> Option<u64> {
    let &[_, second, sizes, _, lead, ..] = bytes else { return None };
    let (lead, more) = match lead.leading_ones() {
        0 => (lead, 0),
        ones @ 2..=6 => (lead & (0x7f >> ones), ones as usize - 1),
        7 => (0, 6),
        _ => return None,
    };
    let number = bytes.get(5..5 + more)?;
    let number = number.iter().fold(u64::from(lead), |number, byte| number << 6 | u64::from(byte & 0x3f));
    let told = bytes.get(5 + more..7 + more)?;
    let samples = match sizes >> 4 {
        1 => 192,
        code @ 2..=5 => 576 << (code - 2),
        6 => u64::from(told[0]) + 1,
        7 => u64::from(u16::from_be_bytes([told[0], told[1]])) + 1,
        code @ 8..=15 => 256 << (code - 8),
        _ => return None,
    };
    // The second byte tells what is numbered: frames of one size, or samples.
    let begin = if second == 0xf8 { number * block } else { number };
    (checksum(bytes) == 0).then_some(begin + samples)
}

/// What a frame ends with makes this zero.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        let sum = sum ^ u16::from(*byte) << 8;
        (0..8).fold(sum, |sum: u16, _| if sum >> 15 == 1 { sum << 1 ^ 0x8005 } else { sum << 1 })
    })
}
