//! Snow and rain, flake by flake and drop by drop.

use super::super::weather::Fall;
use super::layer::Planes;
use crate::elementary::{floor, mix, sine};
use crate::random::Random;

/// All that falls.
pub(super) struct Falling {
    what: Fall,
    pieces: Vec<Piece>,
}

/// One flake or drop.
struct Piece {
    /// From 0 (far) to 1.
    near: f32,
    /// Where it is at the beginning, as shares of the frame.
    x: f32,
    y: f32,
    /// Where in its sway it begins, in turns.
    sway: f32,
}

impl Falling {
    pub fn of(what: Fall, width: usize, height: usize, seed: u64) -> Falling {
        let unit = ((width * height) as f32).sqrt();
        let area = (width * height) as f32 / (unit * unit);
        let mut random = Random::new(seed, "falling");
        let pieces = (0..(what.dense * area) as usize).map(|_| {
            let near = if what.is_snow { random.unit() * random.unit() } else { random.unit() };
            Piece { near, x: random.unit(), y: random.unit(), sway: random.unit() }
        });
        Falling { pieces: pieces.collect(), what }
    }

    /// Lays all of it over a frame, `seconds` after the beginning.
    pub fn lay(&self, frame: &mut Planes, seconds: f32) {
        let (width, height) = (frame.width, frame.height);
        let unit = ((width * height) as f32).sqrt();
        let [brightness, blue, red] = frame.parts();
        for piece in &self.pieces {
            let near = piece.near;
            if self.what.is_snow {
                let radius = unit * mix(0.0011, 0.006, near);
                let sway = mix(0.004, 0.014, near) * sine(piece.sway + seconds * mix(0.2, 0.45, near));
                let x = piece.x + self.what.lean * seconds * mix(0.02, 0.06, near) + sway;
                let y = piece.y + seconds * mix(0.045, 0.2, near);
                let at =
                    ((x - floor(x)) * width as f32, (y - floor(y)) * (height as f32 + 2.0 * radius) - radius);
                let opacity = mix(0.75, 0.45, near);
                dot((&mut *brightness, width), at, radius.max(0.7), opacity, self.what.brightness);
                let half = (at.0 / 2.0, at.1 / 2.0);
                for part in [&mut *blue, &mut *red] {
                    dot((&mut *part, width / 2), half, radius / 2.0, opacity, 128.0);
                }
            } else {
                let long = unit * mix(0.018, 0.06, near);
                let y = piece.y + seconds * mix(1.1, 1.9, near);
                let turn = floor(y);
                // Each fall is at another place.
                let x =
                    piece.x + turn * 0.618_034 + self.what.lean * (y - turn) * height as f32 / width as f32;
                let at = ((x - floor(x)) * width as f32, (y - turn) * (height as f32 + long) - long);
                let opacity = mix(0.16, 0.34, near);
                streak((&mut *brightness, width), at, (self.what.lean, long), opacity, self.what.brightness);
            }
        }
    }
}

/// A soft round dot.
fn dot((part, width): (&mut [u8], usize), at: (f32, f32), radius: f32, opacity: f32, value: f32) {
    let reach = radius * 1.6 + 0.5;
    let height = part.len() / width;
    let range = |middle: f32, limit: usize| {
        let low = (middle - reach).max(0.0) as usize;
        low..((middle + reach + 1.0).max(0.0) as usize).min(limit)
    };
    for y in range(at.1, height) {
        for x in range(at.0, width) {
            let (dx, dy) = (x as f32 + 0.5 - at.0, y as f32 + 0.5 - at.1);
            let cover =
                ((radius - (dx * dx + dy * dy).sqrt()) / (radius * 1.2).max(1.0) + 0.5).clamp(0.0, 1.0);
            let pixel = &mut part[y * width + x];
            *pixel = mix(f32::from(*pixel), value, cover * opacity) as u8;
        }
    }
}

/// A thin line downwards, `long` pixels high.
fn streak(
    (part, width): (&mut [u8], usize),
    at: (f32, f32),
    (lean, long): (f32, f32),
    opacity: f32,
    value: f32,
) {
    let height = part.len() / width;
    let (first, last) = (at.1.max(0.0) as usize, ((at.1 + long).max(0.0) as usize).min(height));
    for y in first..last {
        let x = at.0 + lean * (y as f32 - at.1);
        let left = floor(x);
        for (column, cover) in [(left, 1.0 - (x - left)), (left + 1.0, x - left)] {
            if column >= 0.0 && (column as usize) < width {
                let pixel = &mut part[y * width + column as usize];
                *pixel = mix(f32::from(*pixel), value, cover * opacity) as u8;
            }
        }
    }
}
