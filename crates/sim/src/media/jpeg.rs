//! Baseline JPEG. Each block has one colour, so it is coded as a DC difference and an end of block.

use super::bits::Bits;

/// The Huffman table of DC differences: the number of codes of each length, then their values.
const DIFFERENCES: ([u8; 16], [u8; 12]) =
    ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
/// The Huffman table of AC coefficients: only "end of block".
const ENDS: ([u8; 16], [u8; 1]) = ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0]);

pub(super) fn jpeg(width: u32, height: u32, hue: u8) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    segment(&mut file, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    // The DC coefficient of a flat block is 8 times its value, so it is quantised by 8.
    segment(&mut file, 0xdb, &[&[0][..], &[8; 64]].concat());
    let [high, low] = [height, width].map(|side| (side as u16).to_be_bytes());
    let components = [3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    segment(&mut file, 0xc0, &[&[8][..], &high, &low, &components].concat());
    segment(&mut file, 0xc4, &[&[0x00][..], &DIFFERENCES.0, &DIFFERENCES.1].concat());
    segment(&mut file, 0xc4, &[&[0x10][..], &ENDS.0, &ENDS.1].concat());
    segment(&mut file, 0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    file.extend_from_slice(&blocks(width, height, hue));
    file.extend_from_slice(&[0xff, 0xd9]);
    file
}

fn segment(file: &mut Vec<u8>, name: u8, content: &[u8]) {
    file.extend_from_slice(&[0xff, name]);
    file.extend_from_slice(&(content.len() as u16 + 2).to_be_bytes());
    file.extend_from_slice(content);
}

fn blocks(width: u32, height: u32, hue: u8) -> Vec<u8> {
    let colours = super::bars_in_luma(hue);
    let columns = width.div_ceil(8) as usize;
    let mut bits = Bits::default();
    let mut before = [0i32; 3];
    for _ in 0..height.div_ceil(8) {
        for column in 0..columns {
            for (component, value) in colours[column * 7 / columns].into_iter().enumerate() {
                let value = i32::from(value) - 128;
                difference(&mut bits, value - before[component]);
                before[component] = value;
            }
        }
    }
    bits.align(1);
    // Byte stuffing: 0xff is followed by zero.
    let mut coded = Vec::new();
    for byte in bits.finish() {
        coded.push(byte);
        if byte == 0xff {
            coded.push(0);
        }
    }
    coded
}

/// Writes a DC difference and the end of block.
fn difference(bits: &mut Bits, difference: i32) {
    let size = 32 - difference.unsigned_abs().leading_zeros();
    let (code, length) = match size {
        0 => (0b00, 2),
        1..=5 => (0b010 + size - 1, 3),
        _ => ((1 << (size - 2)) - 2, size - 2),
    };
    bits.put(code, length);
    let value = if difference < 0 { difference - 1 } else { difference };
    bits.put(value as u32, size);
    bits.put(0, 1);
}

/// The picture with a comment segment.
pub(super) fn mark(jpeg: &[u8], mark: &str) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    segment(&mut file, 0xfe, mark.as_bytes());
    file.extend_from_slice(&jpeg[2..]);
    file
}
