//! Lossless WebP of one colour. Each of the five prefix codes has one symbol, so a pixel takes no bits.

/// A bit writer, least significant bit first.
#[derive(Default)]
struct LowBits {
    bytes: Vec<u8>,
    used: u32,
}

impl LowBits {
    fn put(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> at & 1) << (self.used % 8)) as u8;
            }
            self.used += 1;
        }
    }

    /// A simple prefix code of one symbol of eight bits.
    fn only(&mut self, symbol: u8) {
        self.put(0b1_0_1, 3);
        self.put(u32::from(symbol), 8);
    }
}

pub(super) fn webp(width: u32, height: u32, hue: u8) -> Vec<u8> {
    let [red, green, blue] = super::bars(hue)[0];
    let mut bits = LowBits::default();
    bits.put(0x2f, 8);
    bits.put(width - 1, 14);
    bits.put(height - 1, 14);
    // No alpha, version 0; no transform, no colour cache, one group of codes.
    bits.put(0, 1 + 3 + 1 + 1 + 1);
    for colour in [green, red, blue, 255, 0] {
        bits.only(colour);
    }
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    chunk(&mut file, b"VP8L", &bits.bytes);
    file
}

/// The picture with an unknown chunk, which readers skip.
pub(super) fn mark(webp: &[u8], mark: &str) -> Vec<u8> {
    let mut file = webp.to_vec();
    chunk(&mut file, b"mark", mark.as_bytes());
    file
}

/// Appends a chunk to a RIFF file.
pub(super) fn chunk(file: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    file.extend_from_slice(name);
    file.extend_from_slice(&(content.len() as u32).to_le_bytes());
    file.extend_from_slice(content);
    if content.len() % 2 == 1 {
        file.push(0);
    }
    let length = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&length.to_le_bytes());
}
