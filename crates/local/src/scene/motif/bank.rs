//! The ground at the painter's feet: shores, reeds, meadows, a river's course.

use crate::elementary::{mix, sine, smooth_step};
use crate::random::Random;
use crate::scene::canvas::Canvas;
use crate::scene::colour::Colour;
use crate::scene::composition::Stage;
use crate::scene::country::grass;
use crate::scene::land::Ground;
use crate::scene::noise::Noise;
use crate::scene::subject::{Place, Trait};

/// Paints a bank that rises away from the sun and leaves the water free below it. Gives its edge.
pub(in crate::scene) fn sloped_shore(canvas: &mut Canvas, stage: &Stage, ground: &Ground) -> Vec<f32> {
    let width = canvas.width as f32;
    let high = if stage.subject.has(Trait::Lighthouse) { 0.13 } else { 0.05 };
    let shift = |x: f32| {
        let away = 0.5 - stage.sun_side * (x / width - 0.5);
        canvas.unit * (mix(0.07, -high, smooth_step(0.25, 0.85, away)))
    };
    let shifts: Vec<f32> = (0..canvas.width).map(|x| shift(x as f32)).collect();
    ground.paint_shifted(canvas, stage, &shifts)
}

/// Stalks along the bank.
pub(in crate::scene) fn reeds(canvas: &mut Canvas, stage: &Stage, edge: &[f32]) {
    let mut random = Random::new(stage.seed, "reeds");
    let colour = stage.palette.seen(grass(stage).mix(Colour::hex(0x54502c), 0.5) * 0.5, 0.0);
    for _ in 0..(260.0 * canvas.width_units()) as usize {
        let x = random.unit() * canvas.width as f32;
        let foot = edge[(x as usize).min(edge.len() - 1)] + canvas.unit * random.between(0.0, 0.04);
        let tall = canvas.unit * random.between(0.015, 0.055);
        let tip = (x + tall * random.between(-0.3, 0.3), foot - tall);
        canvas.line((x, foot), tip, canvas.unit * 0.0022, colour, 0.9);
        if random.chance(0.12) {
            canvas.line(
                (tip.0, tip.1 + tall * 0.16),
                tip,
                canvas.unit * 0.005,
                Colour::hex(0x4a3020).lit(stage.palette.light),
                1.0,
            );
        }
    }
}

/// Grass and flowers at the lower edge of the picture.
pub(in crate::scene) fn meadow(canvas: &mut Canvas, stage: &Stage, edge: &[f32]) {
    let subject = stage.subject;
    let mut random = Random::new(stage.seed, "meadow");
    let flowers = subject.has(Trait::Flowers)
        || subject.has(Trait::Spring)
        || subject.is_at(Place::Hills) && !subject.has(Trait::Snow);
    let share = if subject.has(Trait::Flowers) { 0.34 } else { 0.07 };
    let hues = [
        [0xe2574c, 0xf2c14e, 0xf7f0e6],
        [0x9a6fc4, 0xc8a0e0, 0xf4ecf8],
        [0xf2d04e, 0xf7f2dc, 0xe88a3a],
        [0xe87aa0, 0xf4d0dc, 0xf2c14e],
    ];
    let hues = hues[random.below(hues.len())];
    let shades = [0.62, 0.8, 1.02];
    for _ in 0..(1900.0 * canvas.width_units()) as usize {
        let x = random.unit() * canvas.width as f32;
        let top = edge[(x as usize).min(edge.len() - 1)];
        let near = random.unit();
        let foot = mix(top, canvas.height as f32, near * near) + canvas.unit * 0.016;
        let tall = canvas.unit * mix(0.008, 0.055, near) * random.between(0.5, 1.3);
        let tip = (x + tall * random.between(-0.35, 0.35), foot - tall);
        // Far blades melt into the ground.
        let shade = mix(0.92, shades[random.below(3)], near);
        let blade = stage.palette.seen(grass(stage) * shade, 0.0);
        canvas.line((x, foot), tip, canvas.unit * mix(0.0015, 0.003, near), blade, 0.85);
        if flowers && random.chance(share) {
            let hue = Colour::hex(hues[random.below(3)]);
            let radius = canvas.unit * mix(0.0022, 0.0058, near);
            canvas.disc(tip, radius, 1.0, stage.palette.seen(hue, 0.0), 1.0);
            canvas.disc(
                (tip.0, tip.1 + radius * 0.3),
                radius * 0.45,
                1.0,
                stage.palette.seen(hue * 0.7, 0.0),
                0.8,
            );
        }
    }
}

/// A river that winds from the hills to the lower edge and mirrors the sky.
pub(in crate::scene) fn river(canvas: &mut Canvas, stage: &Stage) {
    let source = stage.horizon + canvas.unit * 0.012;
    let noise = Noise::new(stage.seed ^ 0x21e2);
    let bottom = canvas.height as f32;
    let top = (source as usize).min(canvas.height);
    for y in top..canvas.height {
        let near = (y as f32 - source) / (bottom - source).max(1.0);
        let bend = sine(0.2 + 0.95 * near * (1.6 - 0.6 * near)) * mix(0.05, 0.22, near) * stage.sun_side;
        let centre = canvas.width as f32 / 2.0 + canvas.unit * bend;
        let half = canvas.unit * mix(0.006, 0.24, near * near)
            + canvas.unit * 0.012 * noise.at(near * 9.0, 0.5) * near;
        let (columns, _) = canvas.span((centre - half, y as f32), (centre + half, y as f32), 1.5);
        for x in columns {
            let inside = half - (x as f32 + 0.5 - centre).abs();
            let ripple = noise.at(x as f32 / canvas.unit * 12.0 / (near + 0.15), near * 60.0 / (near + 0.4));
            let mirrored = stage.palette.sky_at(0.95 - 0.75 * near + 0.1 * ripple);
            let bank = smooth_step(0.0, canvas.unit * 0.02 * (0.2 + near), inside);
            let deep = Colour::hex(0x2a5560).lit(stage.palette.light);
            let colour = deep.mix(mirrored, (0.45 + 0.35 * bank + 0.15 * ripple).clamp(0.0, 1.0));
            canvas.lay(x, y, colour, (inside + 0.5).clamp(0.0, 1.0));
        }
    }
}
