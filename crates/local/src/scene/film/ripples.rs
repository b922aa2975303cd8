//! Waves that run over water.

use super::super::noise::Noise;
use super::layer::Bend;

/// Waves on a square sheet that meets itself at its edges.
pub(super) struct Ripples(Vec<i8>);

/// The side of the sheet; a power of two.
const SIDE: usize = 512;

/// How many waves it has across.
const WAVES: f32 = 24.0;

impl Ripples {
    pub fn new(seed: u64) -> Ripples {
        let noise = Noise::new(seed ^ 0x3a7e_5ea0);
        let mut sheet = Vec::with_capacity(SIDE * SIDE);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let (u, v) = (x as f32 / SIDE as f32, y as f32 / SIDE as f32);
                let wave = |u: f32, v: f32| noise.layers(u * WAVES, v * WAVES, 2);
                // Of four sheets beside one another, each counts by how near it is: so the edges meet.
                let upper = wave(u, v) * (1.0 - u) + wave(u - 1.0, v) * u;
                let lower = wave(u, v - 1.0) * (1.0 - u) + wave(u - 1.0, v - 1.0) * u;
                let value = upper * (1.0 - v) + lower * v;
                sheet.push((value * 220.0).clamp(-127.0, 127.0) as i8);
            }
        }
        Ripples(sheet)
    }

    /// How a row of water bends what is seen in it, `near` 0 at the far shore and 1 at the lower edge of the frame; the
    /// frame begins at `from` of the layer and is `width` wide. Nothing above the water.
    pub fn at(&self, near: f32, from: f32, width: usize, seconds: f32) -> Option<Bend<'_>> {
        if near <= 0.0 {
            return None;
        }
        // What is near looks larger: fewer waves to the pixel.
        let depth = near + 0.035;
        let a_pixel = SIDE as f32 * 1280.0 / width as f32 * 0.00035 / depth;
        let row = SIDE as f32 * (0.9 / depth + 0.06 * seconds);
        let line = row as usize % SIDE;
        let middle = from - width as f32 / 2.0;
        let begin = middle * a_pixel + 9.0 * seconds;
        let scale = width as f32 / 1280.0;
        Some(Bend {
            waves: &self.0[line * SIDE..(line + 1) * SIDE],
            begin: (begin.rem_euclid(SIDE as f32) * 65_536.0) as u32,
            step: (a_pixel * 65_536.0) as u32,
            across: (scale * (1.0 + 9.0 * near) * 65_536.0) as i32,
            down: (scale * (0.8 + 7.0 * near) * 65_536.0) as i32,
            light: (6.0 + 34.0 * near) as i32,
        })
    }
}
