//! H.264: a key frame of seven bars, then frames that repeat it.
//!
//! In the first row of macroblocks of a key frame, I_PCM macroblocks start the bars, and horizontal prediction continues them. All
//! other rows use vertical prediction. The other frames skip all macroblocks. So a key frame takes a byte per macroblock, and any
//! other frame a dozen bytes.

use super::bits::Bits;

/// The parameter sets and frames of a video.
pub(super) struct Video {
    pub(super) sequence: Vec<u8>,
    pub(super) picture: Vec<u8>,
    columns: u32,
    rows: u32,
    hue: u8,
}

/// The bits of `frame_num`.
const NUMBER_BITS: u32 = 8;
const BASELINE: u32 = 66;
/// How a macroblock is coded.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Samples,
    Left,
    Above,
}

impl Video {
    pub(super) fn new(width: u32, height: u32, hue: u8) -> Video {
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        let sequence = sequence(width, height, columns, rows);
        Video { sequence, picture: picture_parameters(), columns, rows, hue }
    }

    /// A key frame.
    pub(super) fn first(&self) -> Vec<u8> {
        let colours = super::bars_in_luma(self.hue).map(studio_range);
        let mut bits = Bits::default();
        bits.golomb(0); // first macroblock
        bits.golomb(7); // slice type I
        bits.golomb(0); // picture parameter set
        bits.put(0, NUMBER_BITS);
        bits.golomb(0); // idr_pic_id
        bits.put(0, 2); // no long-term references
        bits.signed_golomb(0); // quantiser
        bits.golomb(1); // no deblocking
        for row in 0..self.rows {
            for column in 0..self.columns {
                match self.prediction(column, row) {
                    From::Samples => samples(&mut bits, colours[self.bar(column)]),
                    from => self.predicted(&mut bits, from, column, row),
                }
            }
        }
        unit(0x65, bits)
    }

    /// A frame that repeats the one before; `number` counts from the key frame.
    pub(super) fn again(&self, number: u32) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.golomb(0);
        bits.golomb(5); // slice type P
        bits.golomb(0);
        bits.put(number % (1 << NUMBER_BITS), NUMBER_BITS);
        bits.put(0, 3); // no override, reordering or marking of references
        bits.signed_golomb(0);
        bits.golomb(1);
        bits.golomb(self.columns * self.rows); // mb_skip_run
        unit(0x41, bits)
    }

    fn bar(&self, column: u32) -> usize {
        (column * 7 / self.columns) as usize
    }

    fn prediction(&self, column: u32, row: u32) -> From {
        if row > 0 {
            From::Above
        } else if column == 0 || self.bar(column) != self.bar(column - 1) {
            From::Samples
        } else {
            From::Left
        }
    }

    fn predicted(&self, bits: &mut Bits, from: From, column: u32, row: u32) {
        // Intra 16x16 without coefficients. Vertical prediction is mode 0 for luma and 2 for chroma, horizontal is 1 for both.
        let (luma, chroma) = if from == From::Above { (0, 2) } else { (1, 1) };
        bits.golomb(1 + luma);
        bits.golomb(chroma);
        bits.signed_golomb(0);
        // The code for "no coefficients" depends on the neighbours: I_PCM counts as 16 coefficients.
        let near = |there: bool, column: u32, row: u32| {
            there.then(|| if self.prediction(column, row) == From::Samples { 16 } else { 0 })
        };
        let left = near(column > 0, column.wrapping_sub(1), row);
        let above = near(row > 0, column, row.wrapping_sub(1));
        let expected = match (left, above) {
            (Some(left), Some(above)) => (left + above + 1) / 2,
            (one, other) => one.or(other).unwrap_or(0),
        };
        if expected >= 8 { bits.put(0b000011, 6) } else { bits.put(1, 1) }
    }
}

/// Full range to limited range: luma 16 to 235, chroma 16 to 240.
fn studio_range([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let scale = |value: u8, range: u32| (16 + u32::from(value) * range / 255) as u8;
    [scale(luma, 219), scale(blue, 224), scale(red, 224)]
}

/// An I_PCM macroblock.
fn samples(bits: &mut Bits, [luma, blue, red]: [u8; 3]) {
    bits.golomb(25);
    bits.align(0);
    bits.bytes(&[luma; 256]);
    bits.bytes(&[blue; 64]);
    bits.bytes(&[red; 64]);
}

fn sequence(width: u32, height: u32, columns: u32, rows: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(BASELINE, 8);
    bits.put(0b1100_0000, 8); // constraints of baseline and main
    bits.put(if columns * rows > 8192 { 51 } else { 40 }, 8); // level
    bits.golomb(0);
    bits.golomb(NUMBER_BITS - 4);
    bits.golomb(2); // picture order is decoding order
    bits.golomb(1); // one reference
    bits.put(0, 1);
    bits.golomb(columns - 1);
    bits.golomb(rows - 1);
    bits.put(0b11, 2); // whole frames; direct inference
    let (right, bottom) = ((columns * 16 - width) / 2, (rows * 16 - height) / 2);
    if right + bottom == 0 {
        bits.put(0, 1);
    } else {
        bits.put(1, 1);
        [0, right, 0, bottom].into_iter().for_each(|edge| bits.golomb(edge));
    }
    bits.put(0, 1); // no VUI
    unit(0x67, bits)
}

fn picture_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.golomb(0);
    bits.golomb(0);
    bits.put(0b00, 2); // CAVLC, no field order
    bits.golomb(0); // one slice group
    bits.golomb(0);
    bits.golomb(0); // one reference
    bits.put(0, 3); // no weights
    (0..3).for_each(|_| bits.signed_golomb(0));
    bits.put(0b100, 3); // deblocking is set per slice
    unit(0x68, bits)
}

/// A NAL unit, with emulation prevention bytes.
fn unit(kind: u8, mut bits: Bits) -> Vec<u8> {
    bits.put(1, 1);
    bits.align(0);
    let mut unit = vec![kind];
    let mut zeros = 0;
    for byte in bits.finish() {
        if zeros == 2 && byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        unit.push(byte);
    }
    unit
}
