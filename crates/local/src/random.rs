//! Chance that is no chance: numbers from a seed, the same on every machine.

/// A stream of numbers that follows from its seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of `seed` for one `purpose`: what one part draws doesn't move what another draws.
    pub fn new(seed: u64, purpose: &str) -> Random {
        Random(seed ^ hash(purpose))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// A number from `low` to below `high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A number from 0 to below `count`, which isn't 0.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    /// True this often, from 0 (never) to 1 (always).
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }
}

/// A hash of `text` (FNV-1a, scrambled), the same everywhere and for ever.
pub(crate) fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    scramble(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
