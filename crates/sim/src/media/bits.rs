//! A bit writer, most significant bit first.

#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are still free.
    free: u32,
}

impl Bits {
    /// Writes the lowest `count` bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            let bit = (value >> at & 1) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << self.free;
            }
        }
    }

    /// Writes `value` as an unsigned Exp-Golomb code.
    pub(super) fn golomb(&mut self, value: u32) {
        let length = 32 - (value + 1).leading_zeros();
        self.put(0, length - 1);
        self.put(value + 1, length);
    }

    /// Writes `value` as a signed Exp-Golomb code.
    pub(super) fn signed_golomb(&mut self, value: i32) {
        self.golomb(if value > 0 { 2 * value as u32 - 1 } else { 2 * value.unsigned_abs() });
    }

    /// Fills the last byte with `bit`.
    pub(super) fn align(&mut self, bit: u32) {
        while self.free > 0 {
            self.put(bit, 1);
        }
    }

    /// Appends whole bytes; the last byte must be full.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
