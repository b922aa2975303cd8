//! Water: it mirrors what is above it.

use super::canvas::{Canvas, Motion};
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use super::subject::{Hour, Place, Trait};
use crate::elementary::{exponential, mix, smooth_step};

/// A sheet of water from `top` to the lower edge of the picture, `top` in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Water {
    pub top: f32,
    /// 0 is a mirror, 1 an open sea.
    pub rough: f32,
    /// Its own colour, seen where it doesn't mirror.
    pub colour: Colour,
}

impl Water {
    /// Fills all below `top` with what is above, mirrored and rippled.
    pub fn paint(&self, canvas: &mut Canvas, stage: &Stage) {
        let noise = Noise::new(stage.seed ^ 0x3a7e);
        let first = (self.top as usize).min(canvas.height);
        let tall = (canvas.height - first).max(1) as f32;
        let middle = canvas.width as f32 / 2.0;
        let own = self.colour.lit(stage.palette.light);
        let upper: Vec<Colour> = canvas.pixels[..first * canvas.width].to_vec();
        if first == 0 {
            return;
        }
        for y in first..canvas.height {
            let near = (y as f32 + 0.5 - self.top) / tall;
            let depth = near + 0.035;
            for x in 0..canvas.width {
                let across = (x as f32 + 0.5 - middle) / canvas.unit;
                let swell = noise.layers(across * 1.3 / depth, 5.2 / depth, 4);
                let fine = noise.at(across * 9.0 / (depth + 0.1), 40.0 / (depth + 0.12));
                let wave = swell * self.rough + fine * (0.15 + 0.5 * self.rough);
                let push = wave * canvas.unit * mix(0.004, 0.05, near) * (0.35 + 1.3 * self.rough);
                let mirrored = self.top - (y as f32 - self.top) * 0.92 - 1.0 + push * 1.6;
                let mut colour = sample(&upper, canvas.width, first, x as f32 + push * 0.35, mirrored);
                let facing = (0.12 + 0.45 * near * (0.4 + self.rough)) + 0.26 * wave * (0.4 + self.rough);
                colour = colour.mix(own, facing.clamp(0.04, 0.85));
                colour = colour.screen(self.glitter(stage, canvas, &noise, (x, y), near, wave));
                let crest = smooth_step(0.42, 0.75, wave) * smooth_step(0.15, 0.6, self.rough) * near;
                colour = colour.mix(Colour::WHITE.lit(stage.palette.light), 0.5 * crest);
                // Far water fades into the haze on the horizon.
                let far = exponential(-near * 16.0) * 0.55 * (0.3 + self.rough);
                canvas.set(x, y, colour.mix(stage.palette.haze, far));
            }
        }
        canvas.end_layer(Motion::Water { top: self.top });
    }

    /// The path of light below sun or moon.
    fn glitter(
        &self,
        stage: &Stage,
        canvas: &Canvas,
        noise: &Noise,
        (x, y): (usize, usize),
        near: f32,
        wave: f32,
    ) -> Colour {
        if !stage.sun_is_up() || stage.subject.has(Trait::Storm) {
            return Colour::BLACK;
        }
        let strength = match stage.subject.hour {
            // Towers stand before the light.
            _ if stage.subject.is_at(Place::City) => 0.14,
            Hour::Day => 0.3,
            Hour::Night => 0.65,
            _ => 0.85,
        };
        let wide = mix(0.02, 0.15, near) * (0.5 + self.rough);
        let away = (x as f32 - stage.sun.0) / canvas.unit / wide;
        let path = exponential(-away * away);
        if path < 0.01 {
            return Colour::BLACK;
        }
        let depth = near + 0.03;
        let spark = noise.at(
            (x as f32 - stage.sun.0) / canvas.unit * 7.0 / depth,
            y as f32 / canvas.unit * 26.0 / (0.3 + depth),
        );
        let bright = smooth_step(0.0, 0.7, 0.35 + 0.6 * spark + 0.5 * wave) * mix(1.0, 0.55, near);
        stage.palette.disc.mix(stage.palette.glow, 0.35) * (strength * path * bright)
    }
}

/// The colour of the picture above the water at a place between pixels.
fn sample(upper: &[Colour], width: usize, height: usize, x: f32, y: f32) -> Colour {
    let x = x.clamp(0.0, width as f32 - 1.001);
    let y = y.clamp(0.0, height as f32 - 1.001).max(0.0);
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (dx, dy) = (x - left as f32, y - top as f32);
    let row = |row: usize| upper[row * width + left].mix(upper[row * width + right], dx);
    row(top).mix(row(bottom), dy)
}
