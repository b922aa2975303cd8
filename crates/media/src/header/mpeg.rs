//! MP3: its frames are counted. A header that tells how many there are may be that of a first part only.

use super::Unread;
use super::frames::{Coding, Frame, HEAD_BYTES, count, first};
use super::window::Window;
use crate::probe::Probed;

/// What a decoder adds before the first sample, which an encoder's count leaves out.
const DECODER_DELAY: u64 = 529;

const LAYER_III: Coding =
    Coding { head, has_notes: |window, at, frame| Ok(Notes::read(window, at, frame)?.is_some()) };

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let (begin, frame) = first(window, LAYER_III)?;
    let notes = Notes::read(window, begin, frame)?.unwrap_or_default();
    let counted = count(window, begin, LAYER_III)?;
    // A few may be lost where streams were cut.
    if (counted.frames as f64) < f64::from(notes.frames) * 0.95 - 3.0 {
        return Unread::refused("truncated: the file ends before its pictures and sound do");
    }
    let counted = counted.whole()?;
    let has_more = counted.frames > u64::from(notes.frames);
    let trimmed = notes.before + if has_more { 0 } else { notes.behind };
    Ok(Probed::sound(counted.seconds_without(trimmed, frame.rate))?)
}

/// The head of a frame of layer III, if these bytes are one that tells its length.
fn head(bytes: &[u8; HEAD_BYTES]) -> Option<Frame> {
    const KILOBITS: [[u32; 14]; 2] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let [first, second, third, ..] = *bytes;
    if first != 0xff || second & 0xe6 != 0xe2 {
        return None;
    }
    // Versions 2 and 2.5 have half and a quarter of the rate, and half of the samples a frame.
    let (halvings, second_version) = match (second >> 3) & 3 {
        3 => (0, false),
        2 => (1, true),
        0 => (2, true),
        _ => return None,
    };
    let rate = [44_100, 48_000, 32_000].get(usize::from((third >> 2) & 3))? >> halvings;
    let kilobits = KILOBITS[usize::from(second_version)].get(usize::from(third >> 4).checked_sub(1)?)?;
    let samples = if second_version { 576 } else { 1152 };
    let padding = u32::from((third >> 1) & 1);
    Some(Frame { bytes: samples / 8 * kilobits * 1000 / rate + padding, samples, rate })
}

/// What the first frame notes instead of sound.
#[derive(Default)]
struct Notes {
    /// How many frames follow, 0 if it doesn't tell.
    frames: u32,
    /// Samples that aren't played: those that encoder and decoder add before the first one.
    before: u64,
    /// Those behind the last one, unless more frames follow.
    behind: u64,
}

impl Notes {
    /// The notes in the frame at `at`, if it holds some.
    fn read(window: &mut Window, at: u64, frame: Frame) -> Result<Option<Notes>, Unread> {
        let mut bytes = [0; 192];
        let left = (window.length() - at).min(u64::from(frame.bytes)).min(192) as usize;
        bytes[..left].copy_from_slice(window.piece(at, left)?);
        let (one_channel, second_version) = (bytes[3] >> 6 == 3, frame.samples == 576);
        let tag = match (second_version, one_channel) {
            (false, false) => 36,
            (false, true) | (true, false) => 21,
            (true, true) => 13,
        };
        match &bytes[tag..tag + 4] {
            b"Xing" | b"Info" => Ok(Some(Notes::of_tag(&bytes[tag + 4..]))),
            _ if bytes[36..].starts_with(b"VBRI") => Ok(Some(Notes::default())),
            _ => Ok(None),
        }
    }

    /// Flags tell which numbers follow; behind them an encoder that knows its padding has its name.
    fn of_tag(tag: &[u8]) -> Notes {
        let flags = tag[3];
        let numbers = [(1, 4), (2, 4), (4, 100), (8, 4)];
        let length: usize =
            numbers.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, length)| length).sum();
        let frames = if flags & 1 != 0 { u32::from_be_bytes([tag[4], tag[5], tag[6], tag[7]]) } else { 0 };
        let encoder = tag.get(4 + length..).unwrap_or_default();
        match (encoder.get(..4), encoder.get(21..24)) {
            (Some(b"LAME" | b"Lavf" | b"Lavc"), Some(&[high, middle, low])) => Notes {
                frames,
                before: (u64::from(high) << 4 | u64::from(middle >> 4)) + DECODER_DELAY,
                behind: (u64::from(middle & 15) << 8 | u64::from(low)).saturating_sub(DECODER_DELAY),
            },
            _ => Notes { frames, ..Notes::default() },
        }
    }
}
