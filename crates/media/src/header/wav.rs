//! WAV: samples of a fixed size, behind chunks that tell it.

use super::Unread;
use super::window::Window;
use crate::probe::Probed;

/// Chunks before the sound; writers leave a few.
const CHUNKS_MAX: usize = 1000;

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let mut at = 12;
    let mut format = None;
    for _ in 0..CHUNKS_MAX {
        let name: [u8; 4] = window.bytes(at)?;
        let length = u64::from(window.low_u32(at + 4)?);
        at += 8;
        match &name {
            b"fmt " => format = Some(Format::read(window, at, length)?),
            b"data" => {
                let left = window.length() - at;
                // Writers that can't go back leave zero or about the largest number.
                let bytes = if (1..0x7fff_0000).contains(&length) { length.min(left) } else { left };
                let Format { rate, block } = format.ok_or(Unread::Unknown)?;
                return Ok(Probed::sound((bytes / block) as f64 / f64::from(rate))?);
            }
            _ => {}
        }
        at += length + length % 2;
    }
    Err(Unread::Unknown)
}

/// How samples are kept.
struct Format {
    rate: u32,
    /// The bytes of one sample of all channels.
    block: u64,
}

impl Format {
    fn read(window: &mut Window, at: u64, length: u64) -> Result<Format, Unread> {
        const INTEGER: u16 = 1;
        const FLOAT: u16 = 3;
        const A_LAW: u16 = 6;
        const MU_LAW: u16 = 7;
        const EXTENSIBLE: u16 = 0xfffe;
        let head: [u8; 16] = window.bytes(at)?;
        let low = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let coding = match low(0) {
            // The first two bytes of the name of what is extended are the number that it had before.
            EXTENSIBLE if length >= 26 => window.bytes(at + 24).map(u16::from_le_bytes)?,
            coding => coding,
        };
        let rate = window.low_u32(at + 4)?;
        let (channels, block, bits) = (u64::from(low(2)), u64::from(low(12)), u64::from(low(14)));
        match coding {
            INTEGER | FLOAT | A_LAW | MU_LAW if rate > 0 && block > 0 && block * 8 == channels * bits => {
                Ok(Format { rate, block })
            }
            _ => Err(Unread::Unknown),
        }
    }
}
