//! PNG: seven bars, with a palette.

use png::{BitDepth, ColorType, Compression, Encoder};

/// The length of the last chunk of a PNG, `IEND`.
const END: usize = 12;

pub(super) fn png(width: u32, height: u32, hue: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a `Vec` can't fail, and the header is valid.
    write(&mut bytes, width, height, hue).expect("a picture of bars can be written");
    bytes
}

fn write(bytes: &mut Vec<u8>, width: u32, height: u32, hue: u8) -> Result<(), png::EncodingError> {
    let mut encoder = Encoder::new(bytes, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Four);
    encoder.set_palette(super::bars(hue).concat());
    encoder.set_compression(Compression::Fast);
    let row = row(width);
    encoder.write_header()?.write_image_data(&row.repeat(height as usize))
}

/// A row, two pixels per byte.
fn row(width: u32) -> Vec<u8> {
    let bar = |x: u32| (u64::from(x.min(width - 1)) * 7 / u64::from(width)) as u8;
    (0..width.div_ceil(2)).map(|pair| bar(2 * pair) << 4 | bar(2 * pair + 1)).collect()
}

/// The picture with a `tEXt` chunk.
pub(super) fn mark(png: &[u8], mark: &str) -> Vec<u8> {
    let (picture, end) = png.split_at(png.len() - END);
    let text = [b"tEXtComment\0", mark.as_bytes()].concat();
    let length = (text.len() - 4) as u32;
    [picture, &length.to_be_bytes(), &text, &checksum(&text).to_be_bytes(), end].concat()
}

/// CRC-32 (IEEE 802.3).
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
