//! What falls and drifts: rain, snow, fog, lightning; and the beach, which the sea makes.

use super::canvas::{Canvas, Motion, length};
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use super::subject::{Hour, Trait};
use crate::elementary::{exponential, mix, smooth_step};
use crate::random::Random;

/// Paints the weather in front of everything.
pub(super) fn paint(canvas: &mut Canvas, stage: &Stage) {
    if stage.subject.has(Trait::Fog) {
        fog(canvas, stage);
    }
    canvas.end_layer(Motion::Drift);
    if stage.subject.has(Trait::Storm) {
        lightning(canvas, stage);
    }
    canvas.end_layer(Motion::Near(0.05));
    // In a scene that moves it falls piece by piece.
    if canvas.is_recording() {
        return;
    }
    if rains(stage) {
        rain(canvas, stage);
    }
    if snows(stage) {
        snow(canvas, stage);
    }
}

/// What falls in a scene that moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fall {
    pub is_snow: bool,
    /// How many pieces there are in a square unit.
    pub dense: f32,
    /// How far it goes to the right while it falls as far as the picture is high.
    pub lean: f32,
    /// How bright it is, from 16 to 235.
    pub brightness: f32,
}

impl Fall {
    pub fn of(stage: &Stage) -> Option<Fall> {
        let bright = |colour: Colour| 16.0 + 219.0 * colour.luminance().clamp(0.0, 1.0);
        if snows(stage) {
            let dense = flakes(stage);
            let brightness = bright(flake(stage));
            return Some(Fall { is_snow: true, dense, lean: -0.35 * stage.sun_side, brightness });
        }
        let brightness = bright(drop(stage));
        rains(stage).then_some(Fall { is_snow: false, dense: DROPS, lean: LEAN * stage.sun_side, brightness })
    }
}

fn rains(stage: &Stage) -> bool {
    stage.subject.has(Trait::Rain) || stage.subject.has(Trait::Storm)
}

fn snows(stage: &Stage) -> bool {
    stage.subject.has(Trait::Snowfall) || stage.subject.has(Trait::Snow) && stage.subject.hash & 1 == 0
}

/// How many drops there are in a square unit, and how far they are driven aside.
const DROPS: f32 = 700.0;
const LEAN: f32 = -0.16;

fn drop(stage: &Stage) -> Colour {
    stage.palette.sky[3].mix(Colour::WHITE, 0.4)
}

fn flakes(stage: &Stage) -> f32 {
    if stage.subject.has(Trait::Snowfall) { 900.0 } else { 280.0 }
}

fn flake(stage: &Stage) -> Colour {
    Colour::WHITE.mix(stage.palette.haze, if stage.subject.is_dark() { 0.3 } else { 0.0 })
}

fn fog(canvas: &mut Canvas, stage: &Stage) {
    let noise = Noise::new(stage.seed ^ 0xf06);
    for y in 0..canvas.height {
        let from_horizon = (y as f32 - stage.horizon) / canvas.unit;
        // It lies on the ground, and thins out upwards.
        let wide = if from_horizon < 0.0 { 14.0 } else { 9.0 };
        let band = exponential(-from_horizon * from_horizon * wide);
        for x in 0..canvas.width {
            let (u, v) = (x as f32 / canvas.unit, y as f32 / canvas.unit);
            let bank = 0.5 + 0.7 * noise.layers(u * 1.5, v * 5.0, 4);
            canvas.lay(
                x,
                y,
                stage.palette.haze.mix(stage.palette.sky[3], 0.3),
                (band * 0.82 * bank).min(0.9),
            );
        }
    }
}

fn rain(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "rain");
    let lean = LEAN * stage.sun_side;
    let count = (DROPS * canvas.height_units() * canvas.width_units()) as usize;
    let colour = drop(stage);
    for _ in 0..count {
        let near = random.unit();
        let (x, y) = (
            random.between(-0.1, 1.1) * canvas.width as f32,
            random.between(-0.1, 1.0) * canvas.height as f32,
        );
        let long = canvas.unit * mix(0.018, 0.06, near);
        let thick = canvas.unit * mix(0.0009, 0.0017, near);
        canvas.line((x, y), (x + lean * long, y + long), thick, colour, mix(0.16, 0.34, near));
    }
}

fn snow(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "snow");
    let white = flake(stage);
    for _ in 0..(flakes(stage) * canvas.height_units() * canvas.width_units()) as usize {
        let near = random.unit() * random.unit();
        let at = (random.unit() * canvas.width as f32, random.unit() * canvas.height as f32);
        let radius = canvas.unit * mix(0.0011, 0.006, near);
        canvas.disc(at, radius.max(0.6), radius * 1.2, white, mix(0.75, 0.4, near));
    }
}

fn lightning(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "lightning");
    let mut x = canvas.width as f32 * (0.5 + stage.sun_side * random.between(0.1, 0.3));
    let mut y = stage.horizon * 0.12;
    let light = Colour::hex(0xe6ecff);
    canvas.glow((x, stage.horizon * 0.4), canvas.unit * 0.5, Colour::hex(0x8fa4e8) * 0.45);
    while y < stage.horizon {
        let (next_x, next_y) =
            (x + canvas.unit * random.between(-0.035, 0.035), y + canvas.unit * random.between(0.015, 0.04));
        let thick = canvas.unit * 0.0042;
        canvas.line((x, y), (next_x, next_y), thick * 3.5, light, 0.14);
        canvas.line((x, y), (next_x, next_y), thick, light, 0.95);
        if random.chance(0.3) {
            let twig = (
                next_x + canvas.unit * random.between(-0.08, 0.08),
                next_y + canvas.unit * random.between(0.02, 0.06),
            );
            canvas.line((next_x, next_y), twig, thick * 0.4, light, 0.7);
        }
        (x, y) = (next_x, next_y);
    }
}

/// An arch of colours, opposite to the sun.
pub(super) fn rainbow(canvas: &mut Canvas, stage: &Stage) {
    let centre =
        (canvas.width as f32 / 2.0 - stage.sun_side * canvas.unit * 0.15, stage.horizon + canvas.unit * 0.12);
    let radius = canvas.unit * 0.48;
    let colours = [0x6a3fb0, 0x3f6fd8, 0x3fc08a, 0xf2e25a, 0xf29a3f, 0xe04a4a].map(Colour::hex);
    for y in 0..(stage.horizon as usize + 1).min(canvas.height) {
        for x in 0..canvas.width {
            let out = (length(x as f32 - centre.0, y as f32 - centre.1) - radius) / (canvas.unit * 0.05);
            if !(0.0..1.0).contains(&out) {
                continue;
            }
            let place = out * 5.0;
            let index = (place as usize).min(4);
            let colour = colours[index].mix(colours[index + 1], place - index as f32);
            let soft = smooth_step(0.0, 0.25, out) * (1.0 - smooth_step(0.75, 1.0, out));
            canvas.shine(x, y, colour * (0.42 * soft));
        }
    }
}

/// Sand with a line of foam, at the lower edge.
pub(super) fn beach(canvas: &mut Canvas, stage: &Stage) {
    let noise = Noise::new(stage.seed ^ 0xbeac);
    let sand = Colour::hex(0xe8cf9f);
    for x in 0..canvas.width {
        let u = x as f32 / canvas.unit;
        let lean = stage.sun_side * (x as f32 / canvas.width as f32 - 0.5) * 0.1;
        let shore = canvas.height as f32 * 0.83 + canvas.unit * (lean + 0.03 * noise.layers(u * 1.4, 0.0, 3));
        for y in (shore - canvas.unit * 0.06).max(0.0) as usize..canvas.height {
            let inland = (y as f32 - shore) / canvas.unit;
            let v = y as f32 / canvas.unit;
            let wet = 1.0 - smooth_step(0.0, 0.05, inland);
            let grains =
                1.0 + 0.06 * noise.layers(u * 30.0, v * 70.0, 3) + 0.05 * noise.at(u * 5.0, v * 12.0);
            let dry = sand.lit(stage.palette.light) * grains;
            let shine = stage.palette.sky[3] * 0.35;
            let ground = dry.mix((dry * 0.66).screen(shine), wet);
            canvas.lay(x, y, ground, smooth_step(-0.006, 0.002, inland));
            let lace = 0.5 + 0.9 * noise.layers(u * 26.0, v * 40.0, 3);
            let foam =
                [(0.0, 0.006), (-0.026, 0.004), (-0.047, 0.003)].iter().fold(0.0_f32, |most, (at, thick)| {
                    let off = (inland - at + 0.004 * noise.at(u * 11.0, at * 90.0)) / thick;
                    most.max(exponential(-off * off) * lace)
                });
            let white = if stage.subject.hour == Hour::Night { 0.5 } else { 0.9 };
            canvas.lay(
                x,
                y,
                Colour::WHITE.lit(stage.palette.light.mix(Colour::WHITE, 0.4)),
                (foam * white).clamp(0.0, 0.95),
            );
        }
    }
}
