//! Smooth chance in two dimensions: clouds, ridges and ripples are made of it.

use crate::elementary::floor;

/// Gradient noise of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise(u32);

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise((seed ^ (seed >> 32)) as u32)
    }

    /// Smooth noise, about -1 to 1, with a period of about one.
    pub fn at(self, x: f32, y: f32) -> f32 {
        let (left, top) = (floor(x), floor(y));
        let (dx, dy) = (x - left, y - top);
        let (column, row) = (left as i32, top as i32);
        let (ease_x, ease_y) = (ease(dx), ease(dy));
        let upper = blend(self.slope(column, row, dx, dy), self.slope(column + 1, row, dx - 1.0, dy), ease_x);
        let lower = blend(
            self.slope(column, row + 1, dx, dy - 1.0),
            self.slope(column + 1, row + 1, dx - 1.0, dy - 1.0),
            ease_x,
        );
        1.5 * blend(upper, lower, ease_y)
    }

    /// Layers of noise, each twice as fine and half as strong; about -1 to 1.
    pub fn layers(self, x: f32, y: f32, count: u32) -> f32 {
        let (mut x, mut y, mut sum, mut strength) = (x, y, 0.0, 0.55);
        for _ in 0..count {
            sum += strength * self.at(x, y);
            // Turned a little each time, so that no grid shows.
            (x, y) = (1.6 * x + 1.2 * y + 17.3, -1.2 * x + 1.6 * y + 9.1);
            strength *= 0.5;
        }
        sum
    }

    /// A number from 0 to below 1 for a whole-numbered place.
    pub fn cell(self, column: i32, row: i32) -> f32 {
        (self.hash(column, row) >> 8) as f32 / (1_u32 << 24) as f32
    }

    fn slope(self, column: i32, row: i32, dx: f32, dy: f32) -> f32 {
        let hash = self.hash(column, row);
        let a = (hash & 0xffff) as f32 / 32_768.0 - 1.0;
        let b = (hash >> 16) as f32 / 32_768.0 - 1.0;
        a * dx + b * dy
    }

    fn hash(self, column: i32, row: i32) -> u32 {
        let mut bits =
            (column as u32).wrapping_mul(0x8da6_b343) ^ (row as u32).wrapping_mul(0xd816_3841) ^ self.0;
        bits = (bits ^ (bits >> 15)).wrapping_mul(0x846c_a68b);
        bits ^ (bits >> 16)
    }
}

fn ease(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

fn blend(from: f32, to: f32, t: f32) -> f32 {
    from + (to - from) * t
}
