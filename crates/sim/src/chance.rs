//! Seeded randomness without state: the same question always has the same answer, in any order.

/// A stateless random source. A value depends on the seed, on its purpose and on a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    pub(crate) seed: u64,
}

impl Chance {
    pub(crate) fn number(self, what: &str, at: u64) -> u64 {
        let what = what.bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        mix(mix(self.seed ^ what).wrapping_add(at))
    }

    /// A number in `0..1`.
    pub(crate) fn share(self, what: &str, at: u64) -> f64 {
        (self.number(what, at) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in `low..=high`.
    pub(crate) fn between(self, what: &str, at: u64, [low, high]: [u64; 2]) -> u64 {
        low + self.number(what, at) % (high.saturating_sub(low) + 1)
    }

    /// `length` characters of `alphabet`.
    pub(crate) fn text(self, what: &str, at: u64, alphabet: &[u8], length: usize) -> String {
        let mut number = 0;
        let mut text = String::with_capacity(length);
        for position in 0..length {
            // 64 bits are enough for twelve characters.
            if position % 12 == 0 {
                number = mix(self.number(what, at).wrapping_add(position as u64));
            }
            text.push(char::from(alphabet[(number % alphabet.len() as u64) as usize]));
            number /= alphabet.len() as u64;
        }
        text
    }

    /// An identifier of 26 letters and digits, as Replicate's are.
    pub(crate) fn word(self, what: &str, at: u64) -> String {
        self.text(what, at, b"abcdefghjkmnpqrstvwxyz0123456789", 26)
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(self, what: &str, at: u64) -> String {
        let hex = self.text(what, at, b"0123456789abcdef", 31);
        let variant = [b'8', b'9', b'a', b'b'][(self.number(what, at) % 4) as usize];
        let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30]];
        format!("{a}-{b}-4{c}-{}{d}-{e}", char::from(variant))
    }
}

/// The finaliser of SplitMix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
