//! AAC without a container (ADTS): its frames are counted.

use super::Unread;
use super::frames::{Coding, Frame, HEAD_BYTES, count, first};
use super::window::Window;
use crate::probe::Probed;

const ADTS: Coding = Coding { head, has_notes: |_, _, _| Ok(false) };

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let (begin, frame) = first(window, ADTS)?;
    Ok(Probed::sound(count(window, begin, ADTS)?.whole()?.seconds_without(0, frame.rate))?)
}

fn head(bytes: &[u8; HEAD_BYTES]) -> Option<Frame> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    if bytes[0] != 0xff || bytes[1] & 0xf6 != 0xf0 {
        return None;
    }
    let rate = *RATES.get(usize::from((bytes[2] >> 2) & 15))?;
    let length = u32::from(bytes[3] & 3) << 11 | u32::from(bytes[4]) << 3 | u32::from(bytes[5] >> 5);
    let blocks = u32::from(bytes[6] & 3) + 1;
    (length >= HEAD_BYTES as u32).then_some(Frame { bytes: length, samples: 1024 * blocks, rate })
}
