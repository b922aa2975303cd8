//! H.264: one picture of seven bars, then pictures that repeat it.
//!
//! Of the first row of macroblocks, those where a bar begins are written sample by sample; all others continue what is left of
//! them, or in the rows below what is above. A repeated picture says only how many macroblocks it skips. So a picture takes a
//! byte a macroblock, its repetition a dozen bytes, whatever the size.

use super::bits::Bits;

/// A film's parameter sets and the two kinds of pictures.
pub(super) struct Video {
    pub(super) sequence: Vec<u8>,
    pub(super) picture: Vec<u8>,
    columns: u32,
    rows: u32,
    hue: u8,
}

/// How many bits count the pictures since the last one that stands alone.
const NUMBER_BITS: u32 = 8;
const BASELINE: u32 = 66;
/// The prediction of a macroblock.
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

    /// A picture that stands alone.
    pub(super) fn first(&self) -> Vec<u8> {
        let colours = super::bars_in_luma(self.hue).map(studio_range);
        let mut bits = Bits::default();
        bits.golomb(0); // the first macroblock
        bits.golomb(7); // all slices of the picture are intra
        bits.golomb(0); // picture parameters
        bits.put(0, NUMBER_BITS);
        bits.golomb(0); // the number of this picture among those that stand alone
        bits.put(0, 2); // nothing is kept for long
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

    /// A picture that repeats the one before; `number` counts from the picture that stands alone.
    pub(super) fn again(&self, number: u32) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.golomb(0);
        bits.golomb(5); // all slices of the picture are predicted
        bits.golomb(0);
        bits.put(number % (1 << NUMBER_BITS), NUMBER_BITS);
        bits.put(0, 3); // references as they are: no override, no reordering, no marking
        bits.signed_golomb(0);
        bits.golomb(1);
        bits.golomb(self.columns * self.rows); // macroblocks that are skipped
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
        // Intra 16x16, no coefficients: vertical prediction is mode 0 of luma and 2 of chroma, horizontal is 1 and 1.
        let (luma, chroma) = if from == From::Above { (0, 2) } else { (1, 1) };
        bits.golomb(1 + luma);
        bits.golomb(chroma);
        bits.signed_golomb(0);
        // "No coefficient" is written by how many the neighbours have: 16 where they are samples.
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

/// Colours as films have them: luma from 16 to 235, chroma from 16 to 240.
fn studio_range([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let scale = |value: u8, range: u32| (16 + u32::from(value) * range / 255) as u8;
    [scale(luma, 219), scale(blue, 224), scale(red, 224)]
}

/// A macroblock sample by sample.
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
    bits.put(0b1100_0000, 8); // keeps to baseline and main
    bits.put(if columns * rows > 8192 { 51 } else { 40 }, 8); // level
    bits.golomb(0);
    bits.golomb(NUMBER_BITS - 4);
    bits.golomb(2); // pictures are shown in the order in which they are written
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
    bits.put(0, 1); // nothing is said of how it is shown
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
    bits.put(0b100, 3); // slices say how they are deblocked
    unit(0x68, bits)
}

/// A unit of the stream: its kind, then its bits, closed, with what looks like a start code broken up.
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
