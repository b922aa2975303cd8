//! What H.264 tells of its pictures itself, in its first parameter set: their size, the shape of a pixel.

use super::Unread;
use super::boxes::Parts;
use super::screen::Screen;
use super::window::Window;

/// Reads the parameter set in the configuration (`avcC`) that is among `parts`.
pub(super) fn read(window: &mut Window, mut parts: Parts) -> Result<Screen, Unread> {
    while let Some(part) = parts.next(window)? {
        if &part.name == b"avcC" {
            let length = usize::from(window.u16(part.body + 6)?);
            let set = window.piece(part.body + 8, length)?;
            return screen(set).ok_or(Unread::Unknown);
        }
    }
    Err(Unread::Unknown)
}

/// The screen that a parameter set with its head describes.
fn screen(set: &[u8]) -> Option<Screen> {
    /// Profiles that tell more of their colours.
    const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
    let mut bits = Bits::new(set.get(1..)?);
    let profile = bits.number(8)?;
    bits.number(16)?;
    bits.exp()?;
    let colours = if HIGH.contains(&profile) { skip_high(&mut bits)? } else { 1 };
    bits.exp()?;
    skip_order(&mut bits)?;
    bits.exp()?;
    bits.number(1)?;
    let (columns, rows) = (bits.exp()? + 1, bits.exp()? + 1);
    // Interlaced pictures have half of the rows in each field.
    let fields = 2 - bits.number(1)?;
    bits.number(if fields == 2 { 2 } else { 1 })?;
    let step = match colours {
        1 => (2, 2 * fields),
        2 => (2, fields),
        _ => (1, fields),
    };
    let mut cut = [0; 4];
    if bits.number(1)? == 1 {
        for side in &mut cut {
            *side = bits.exp()?;
        }
    }
    let [left, right, above, below] = cut.map(u64::from);
    let side = |blocks: u64, cut: u64| u32::try_from((blocks * 16).checked_sub(cut)?).ok();
    let kept = (
        side(columns.into(), (left + right) * step.0)?,
        side(u64::from(rows) * u64::from(fields), (above + below) * u64::from(step.1))?,
    );
    Some(Screen { kept, pixel: pixel(&mut bits)?, is_turned: false })
}

/// The number of the kind of colours; 3 and 0 have as many of them as of pixels, or none.
fn skip_high(bits: &mut Bits) -> Option<u32> {
    let colours = bits.exp()?;
    if colours == 3 {
        bits.number(1)?;
    }
    bits.exp()?;
    bits.exp()?;
    bits.number(1)?;
    if bits.number(1)? == 1 {
        for list in 0..if colours == 3 { 12 } else { 8 } {
            if bits.number(1)? == 1 {
                skip_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(colours)
}

/// A list of factors, each told by its difference to the one before; it ends early with a zero.
fn skip_list(bits: &mut Bits, count: usize) -> Option<()> {
    let mut last = 8;
    for _ in 0..count {
        last = (last + bits.signed_exp()?).rem_euclid(256);
        if last == 0 {
            break;
        }
    }
    Some(())
}

/// How the order of pictures is told.
fn skip_order(bits: &mut Bits) -> Option<()> {
    match bits.exp()? {
        0 => drop(bits.exp()?),
        1 => {
            bits.number(1)?;
            bits.exp()?;
            bits.exp()?;
            for _ in 0..bits.exp()?.min(255) {
                bits.exp()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// The shape of a pixel, if it is told (the inner `None`: it isn't).
fn pixel(bits: &mut Bits) -> Option<Option<(u64, u64)>> {
    const SHAPES: [(u64, u64); 16] = [
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    if bits.number(1)? == 0 || bits.number(1)? == 0 {
        return Some(None);
    }
    match bits.number(8)? {
        255 => Some(Some((bits.number(16)?.into(), bits.number(16)?.into()))),
        shape => Some((shape as usize).checked_sub(1).and_then(|shape| SHAPES.get(shape)).copied()),
    }
}

/// Bits of a parameter set, without the bytes that only keep it apart from other things.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn new(set: &[u8]) -> Bits {
        let mut bytes = Vec::with_capacity(set.len());
        let mut zeros = 0;
        for &byte in set {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Bits { bytes, at: 0 }
    }

    /// A number of `count` bits, up to 32.
    fn number(&mut self, count: usize) -> Option<u32> {
        let mut number = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            number = number << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    /// A number after as many zeros as it has bits behind its first: 1, 010, 011, 00100 are 0, 1, 2, 3.
    fn exp(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.number(1)? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        Some((1 << zeros | self.number(zeros)?) - 1)
    }

    /// The same with a sign: 0, 1, -1, 2, -2, ….
    fn signed_exp(&mut self) -> Option<i32> {
        let number = self.exp()?.cast_signed();
        Some(if number % 2 == 0 { -(number / 2) } else { number / 2 + 1 })
    }
}
