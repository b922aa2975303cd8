//! Uncompressed audio: a tone.

use super::webp::chunk;

pub(super) fn wav(rate: u32, length: u64, hue: u8) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
    let mut format = Vec::new();
    format.extend_from_slice(&[1, 0, 1, 0]);
    format.extend_from_slice(&rate.to_le_bytes());
    format.extend_from_slice(&(rate * 2).to_le_bytes());
    format.extend_from_slice(&[2, 0, 16, 0]);
    chunk(&mut file, b"fmt ", &format);
    chunk(&mut file, b"data", &samples(rate, length, hue));
    file
}

/// The audio with a `LIST` comment.
pub(super) fn mark(wav: &[u8], mark: &str) -> Vec<u8> {
    let mut file = wav.to_vec();
    let info = [b"INFOICMT", &(mark.len() as u32).to_le_bytes()[..], mark.as_bytes()].concat();
    chunk(&mut file, b"LIST", &info);
    file
}

/// A triangle wave of 220 Hz or more, depending on `hue`, with 16 bits per sample.
pub(super) fn samples(rate: u32, length: u64, hue: u8) -> Vec<u8> {
    let period = (rate / (220 + 60 * u32::from(hue))).max(2) as i32;
    let wave: Vec<u8> = (0..period)
        .flat_map(|at| {
            let height = (2 * at - period).abs() * 2 - period;
            ((height * 6000 / period) as i16).to_le_bytes()
        })
        .collect();
    let bytes = (u64::from(rate) * length / 1000 * 2) as usize;
    wave.iter().copied().cycle().take(bytes).collect()
}

/// Silence in μ-law at 8 kHz.
pub(super) fn law(length: u64) -> Vec<u8> {
    vec![0xff; (length * 8) as usize]
}
