//! Space: nebulae, stars, planets.

use super::canvas::{Canvas, Point, length};
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use crate::elementary::{exponential, smooth_step};
use crate::random::Random;

/// Paints the whole picture as seen from space.
pub(super) fn paint(canvas: &mut Canvas, stage: &Stage) {
    nebula(canvas, stage);
    stars(canvas, stage);
    let mut random = Random::new(stage.seed, "planets");
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let side = stage.sun_side;
    let sun = (width * (0.5 - side * 0.36), height * 0.2);
    canvas.glow(sun, canvas.unit * 0.5, Colour::hex(0xffd9a0) * 0.55);
    canvas.glow(sun, canvas.unit * 0.09, Colour::hex(0xfff6e6) * 1.6);
    let great = Planet {
        centre: (width * (0.5 + side * random.between(0.08, 0.2)), height * random.between(0.5, 0.62)),
        radius: canvas.unit * random.between(0.19, 0.25),
        tint: random.below(TINTS.len()),
        ringed: random.chance(0.55) || stage.subject.hash & 4 == 0,
    };
    great.paint(canvas, stage, sun, 1.0);
    let moon = Planet {
        centre: (width * (0.5 - side * random.between(0.18, 0.3)), height * random.between(0.58, 0.8)),
        radius: canvas.unit * random.between(0.03, 0.055),
        tint: great.tint + 2,
        ringed: false,
    };
    moon.paint(canvas, stage, sun, 1.0);
}

/// Paints a pale planet in the sky above a landscape.
pub(super) fn planet_in_sky(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "planets");
    let (width, unit) = (canvas.width as f32, canvas.unit);
    let centre = (
        width * (0.5 - stage.sun_side * random.between(0.1, 0.25)),
        stage.horizon * random.between(0.36, 0.5),
    );
    let planet =
        Planet { centre, radius: unit * 0.13, tint: random.below(TINTS.len()), ringed: random.chance(0.6) };
    planet.paint(canvas, stage, stage.sun, 0.85);
}

fn nebula(canvas: &mut Canvas, stage: &Stage) {
    let noise = Noise::new(stage.seed ^ 0x4eb);
    let mut random = Random::new(stage.seed, "nebula");
    let pairs = [(0x7a2f8a, 0x2a5fb0), (0xb04a6a, 0x3a3f9a), (0x1f7a8a, 0x5a3a9a), (0xc06a3a, 0x7a2a5a)];
    let (warm, cool) = pairs[random.below(pairs.len())];
    let (warm, cool) = (Colour::hex(warm), Colour::hex(cool));
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let (u, v) = (x as f32 / canvas.unit * 1.5, y as f32 / canvas.unit * 1.5);
            let warp = noise.layers(u * 0.9 + 3.0, v * 0.9, 3);
            let cloud = noise.layers(u + 1.3 * warp, v - 0.9 * warp, 5);
            let veil = noise.layers(u * 1.7 - warp, v * 1.7 + 20.0, 4);
            let thick = smooth_step(-0.25, 0.75, cloud);
            let glow =
                warm * (thick * thick * 0.75) + cool * (0.5 * smooth_step(-0.3, 0.8, veil) * (0.35 + thick));
            let dust = 1.0 - 0.6 * smooth_step(0.1, 0.5, noise.layers(u * 2.2 + 9.0, v * 2.2 + warp, 4));
            canvas.set(x, y, Colour::hex(0x04060f).screen(glow * (0.85 * dust)));
        }
    }
}

fn stars(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "stars");
    for _ in 0..(1500.0 * canvas.width_units() * canvas.height_units()) as usize {
        let at = (random.unit() * canvas.width as f32, random.unit() * canvas.height as f32);
        let rare = random.unit();
        let strength = 0.1 + 0.9 * rare * rare * rare * rare * rare * rare;
        let tint = Colour::hex(0xaec6ff).mix(Colour::hex(0xffe2c0), random.unit());
        let radius = canvas.unit * (0.0014 + 0.0035 * strength * strength) + 0.7;
        canvas.glow(at, 2.0 * radius, tint * (1.7 * strength));
        if strength > 0.8 {
            let long = canvas.unit * 0.02;
            canvas.line((at.0 - long, at.1), (at.0 + long, at.1), 0.9, tint, 0.28);
            canvas.line((at.0, at.1 - long), (at.0, at.1 + long), 0.9, tint, 0.28);
        }
    }
}

struct Planet {
    centre: Point,
    radius: f32,
    tint: usize,
    ringed: bool,
}

/// Bright and dark bands of a planet, and its air.
const TINTS: [[u32; 3]; 5] = [
    [0xe8c79a, 0x9c6a48, 0xffd9a8],
    [0x5f9bd8, 0xd9e8f2, 0x8fc4ff],
    [0xd0805a, 0x7a3f34, 0xff9a70],
    [0x8fb8a8, 0x3f6f78, 0xa8f0e0],
    [0xc9b4d8, 0x6f5a90, 0xd8b8ff],
];

impl Planet {
    fn paint(&self, canvas: &mut Canvas, stage: &Stage, sun: Point, opacity: f32) {
        let [bright, dark, air] = TINTS[self.tint % TINTS.len()].map(Colour::hex);
        let noise = Noise::new(stage.seed ^ self.tint as u64 ^ 0x91a);
        canvas.glow(self.centre, self.radius * 1.35, air * (0.22 * opacity));
        if self.ringed {
            self.ring(canvas, bright, opacity, false);
        }
        let toward = {
            let (dx, dy) = (sun.0 - self.centre.0, sun.1 - self.centre.1);
            let far = length(dx, dy).max(1.0);
            (0.86 * dx / far, 0.86 * dy / far, 0.51)
        };
        let (columns, rows) = canvas.span(self.centre, self.centre, self.radius + 1.0);
        for y in rows {
            for x in columns.clone() {
                let (dx, dy) = (
                    (x as f32 + 0.5 - self.centre.0) / self.radius,
                    (y as f32 + 0.5 - self.centre.1) / self.radius,
                );
                let out = length(dx, dy);
                let cover = ((1.0 - out) * self.radius + 0.5).clamp(0.0, 1.0);
                if cover <= 0.0 {
                    continue;
                }
                let dz = (1.0 - out * out).max(0.0).sqrt();
                let light = (dx * toward.0 + dy * toward.1 + dz * toward.2).max(0.0);
                let tilted = dy + 0.25 * dx;
                let swirl = noise.layers(dx * 2.2 + 4.0, tilted * 5.0, 4);
                let bands = 0.5 + 0.5 * noise.layers(swirl * 0.5, tilted * 5.5, 3) + 0.35 * swirl;
                let own = dark.mix(bright, smooth_step(0.1, 0.9, bands));
                let rim = air * (0.55 * smooth_step(0.72, 1.0, out) * light.min(1.0));
                let seen = (own * (0.03 + 1.12 * light)).screen(rim);
                canvas.lay(x, y, seen, cover * opacity);
            }
        }
        if self.ringed {
            self.ring(canvas, bright, opacity, true);
        }
    }

    /// The half of the ring behind the planet, or the one before it.
    fn ring(&self, canvas: &mut Canvas, colour: Colour, opacity: f32, front: bool) {
        let reach = self.radius * 2.3;
        let noise = Noise::new(self.tint as u64 ^ 0x21f6);
        let (columns, rows) = canvas.span(self.centre, self.centre, reach);
        for y in rows {
            for x in columns.clone() {
                let (dx, dy) = (x as f32 + 0.5 - self.centre.0, y as f32 + 0.5 - self.centre.1);
                // Tilted by a quarter to the side, flattened to a third.
                let (along, across) = ((dx + 0.25 * dy) / 1.03, (dy - 0.25 * dx) / 1.03);
                if (across > 0.0) != front {
                    continue;
                }
                let out = length(along, across * 3.4) / self.radius;
                if !(1.25..2.2).contains(&out) {
                    continue;
                }
                let grooves = 0.62 + 0.4 * noise.at(out * 17.0, 0.5) + 0.25 * noise.at(out * 60.0, 3.5);
                let edges = smooth_step(1.25, 1.32, out) * (1.0 - smooth_step(2.1, 2.2, out));
                let gap = 1.0 - 0.85 * exponential(-((out - 1.83) * (out - 1.83)) * 1500.0);
                canvas.lay(
                    x,
                    y,
                    colour.mix(Colour::WHITE, 0.25),
                    edges * gap * grooves.clamp(0.0, 1.0) * 0.75 * opacity,
                );
            }
        }
    }
}
