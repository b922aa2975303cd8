//! MP3: as many independent frames as the length needs, each with one spectral line.

use super::bits::Bits;

/// The bit rates by header index, for layer III of MPEG 1 and MPEG 2.
pub(super) const KILOBITS: [[u32; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// The MPEG version of a sampling rate, and its header index.
fn version(rate: u32) -> (usize, u32) {
    match rate {
        48_000 => (0, 1),
        32_000 => (0, 2),
        22_050 => (1, 0),
        24_000 => (1, 1),
        16_000 => (1, 2),
        _ => (0, 0),
    }
}

pub(super) fn mp3(rate: u32, kilobits: u32, length: u64, hue: u8) -> Vec<u8> {
    let (version, rate_index) = version(rate);
    let kilobits_index = KILOBITS[version].iter().position(|known| *known == kilobits).unwrap_or(9);
    let granules = 2 - version as u64;
    let slots = 72_000 * granules * u64::from(KILOBITS[version][kilobits_index]);
    let samples = u64::from(rate) * length / 1000;
    let frames = samples.div_ceil(576 * granules).max(1);
    let mut file = Vec::with_capacity((slots / u64::from(rate) * frames + frames) as usize);
    let mut owed = 0;
    for _ in 0..frames {
        // Padding keeps the average bit rate.
        owed += slots % u64::from(rate);
        let padding = owed >= u64::from(rate);
        owed -= if padding { u64::from(rate) } else { 0 };
        let end = file.len() + (slots / u64::from(rate)) as usize + usize::from(padding);
        let header = 0xffe3_00c0
            | [0x18_0000, 0x10_0000][version]
            | (kilobits_index as u32) << 12
            | rate_index << 10
            | u32::from(padding) << 9;
        file.extend_from_slice(&header.to_be_bytes());
        file.extend_from_slice(&content(version, granules, hue));
        file.resize(end, 0);
    }
    file
}

/// The side information and main data of a mono frame.
fn content(version: usize, granules: u64, hue: u8) -> Vec<u8> {
    let quads = 4 + 3 * u32::from(hue);
    let mut bits = Bits::default();
    // No bit reservoir; private bits; for MPEG 1, scale factor selection.
    if version == 0 {
        bits.put(0, 9 + 5 + 4)
    } else {
        bits.put(0, 8 + 1)
    }
    for _ in 0..granules {
        bits.put(quads * 4 + 5, 12); // bits of this granule
        bits.put(0, 9); // no pairs of large values
        bits.put(198, 8); // loudness
        bits.put(0, if version == 0 { 4 } else { 9 }); // no scale factors
        bits.put(0, 1); // one long window
        bits.put(0, 15 + 4 + 3); // tables and regions of large values
        bits.put(0, if version == 0 { 2 } else { 1 }); // emphasis, scale
        bits.put(1, 1); // small values: the table of four bits a quad
    }
    for _ in 0..granules {
        for _ in 0..quads {
            bits.put(0b1111, 4);
        }
        bits.put(0b0111, 4);
        bits.put(0, 1);
    }
    bits.finish()
}

/// The audio with an ID3v2 comment.
pub(super) fn mark(mp3: &[u8], mark: &str) -> Vec<u8> {
    let text = [b"\0engmotet\0", mark.as_bytes()].concat();
    let frame = [b"COMM", &synchsafe(text.len())[..], b"\0\0", &text].concat();
    [b"ID3\x03\0\0", &synchsafe(frame.len())[..], &frame, mp3].concat()
}

/// A synchsafe integer: 28 bits, seven per byte.
fn synchsafe(length: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (length >> shift & 0x7f) as u8)
}
