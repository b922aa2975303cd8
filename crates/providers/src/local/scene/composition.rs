//! What stands where: the picture from the sky down to the foreground.

use super::canvas::{Canvas, Point};
use super::colour::Colour;
use super::land::{Ground, Surface};
use super::palette::Palette;
use super::subject::{Hour, Place, Subject, Trait};
use super::tree::{self, Foliage, Row};
use super::water::Water;
use super::{city, motif, sky, space, weather};
use crate::local::elementary::mix;
use crate::local::random::Random;

/// What all layers have to know.
pub(super) struct Stage<'a> {
    pub subject: &'a Subject,
    pub palette: Palette,
    /// All chance of this picture.
    pub seed: u64,
    /// Where sky meets ground, in pixels from the top.
    pub horizon: f32,
    /// The middle of sun or moon.
    pub sun: Point,
    /// -1 if the sun is on the left, 1 if on the right.
    pub sun_side: f32,
}

impl Stage<'_> {
    /// Whether the disc is seen.
    pub fn sun_is_up(&self) -> bool {
        let veiled = [Trait::Storm, Trait::Rain].iter().any(|what| self.subject.has(*what));
        let hidden = match self.subject.hour {
            Hour::Dusk => !self.subject.has(Trait::Moon),
            Hour::Night => self.subject.has(Trait::Aurora) && !self.subject.has(Trait::Moon),
            _ => false,
        };
        !veiled && !hidden
    }

    /// The radius of sun or moon, in units.
    pub fn disc_radius(&self) -> f32 {
        match self.subject.hour {
            Hour::Day => 0.026,
            Hour::Dawn | Hour::Dusk => 0.032,
            Hour::Sunset => 0.046,
            Hour::Night => 0.036,
        }
    }

    /// How much mist lies between layers at this distance.
    pub fn mist(&self, distance: f32) -> f32 {
        let base = if self.subject.has(Trait::Fog) { 0.95 } else { 0.42 };
        base * mix(0.35, 1.0, distance)
    }

    /// A distance as it looks through this air.
    pub fn veil(&self, distance: f32) -> f32 {
        if self.subject.has(Trait::Fog) { mix(distance, 1.0, 0.12 + 0.45 * distance) } else { distance }
    }

    /// A height in pixels, given as a share of the ground below the horizon.
    fn below(&self, canvas: &Canvas, share: f32) -> f32 {
        mix(self.horizon, canvas.height as f32, share)
    }
}

/// Paints `subject` on the whole canvas.
pub(super) fn paint(canvas: &mut Canvas, subject: &Subject, seed: u64) {
    let seed = subject.hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = Random::new(seed, "stage");
    let stage = set_stage(canvas, subject, seed, &mut random);
    if subject.is_at(Place::Space) && subject.places.len() == 1 {
        return space::paint(canvas, &stage);
    }
    sky::paint(canvas, &stage);
    if subject.has(Trait::Planet) || subject.is_at(Place::Space) {
        space::planet_in_sky(canvas, &stage);
    }
    if subject.has(Trait::Rainbow) {
        weather::rainbow(canvas, &stage);
    }
    motif::fly(canvas, &stage);
    backdrop(canvas, &stage);
    if subject.has_water() {
        shores(canvas, &stage);
    } else {
        country(canvas, &stage);
    }
    weather::paint(canvas, &stage);
}

fn set_stage<'a>(canvas: &Canvas, subject: &'a Subject, seed: u64, random: &mut Random) -> Stage<'a> {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let palette = Palette::of(subject, random.bits() >> 8);
    let share = match () {
        () if subject.is_at(Place::City) && !subject.has_water() => 0.72,
        () if subject.is_at(Place::Sea) => random.between(0.54, 0.62),
        () if subject.is_at(Place::Forest) => random.between(0.5, 0.58),
        () => random.between(0.54, 0.64),
    };
    let horizon = height * share;
    let sun_side = if random.chance(0.5) { 1.0 } else { -1.0 };
    let across = width * (0.5 + sun_side * random.between(0.1, 0.3));
    let high = match subject.hour {
        Hour::Day => horizon * random.between(0.18, 0.32),
        Hour::Dawn | Hour::Dusk => horizon - canvas.unit * random.between(0.1, 0.16),
        Hour::Sunset => horizon - canvas.unit * random.between(0.07, 0.13),
        Hour::Night => horizon * random.between(0.22, 0.4),
    };
    Stage { subject, palette, seed, horizon, sun: (across, high), sun_side }
}

/// The far country: mountains, dunes, woods or a skyline at the horizon.
fn backdrop(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    if subject.is_at(Place::Mountains) {
        mountains(canvas, stage);
    } else if subject.is_at(Place::Hills)
        || subject.is_at(Place::River)
        || subject.is_at(Place::Lake)
        || subject.is_at(Place::Forest)
    {
        ridge(canvas, stage, 0.12, 0.8, 31);
        ridge(canvas, stage, 0.09, 0.66, 32);
    } else if subject.is_at(Place::Desert) {
        ridge(canvas, stage, 0.1, 0.72, 33);
    } else if subject.is_at(Place::Sea) && (subject.hash >> 40) & 1 == 0 && !subject.is_at(Place::City) {
        ridge(canvas, stage, 0.07, 0.74, 34);
    }
    if subject.is_at(Place::City) {
        skylines(canvas, stage);
    }
}

fn mountains(canvas: &mut Canvas, stage: &Stage) {
    let snow_line = if stage.subject.has(Trait::Snow) { 0.1 } else { 0.52 };
    let rises = [(0.3, 0.74, 1.3), (0.27, 0.54, 1.6), (0.19, 0.36, 2.1)];
    for (index, (rise, distance, detail)) in rises.into_iter().enumerate() {
        let line = snow_line + 0.16 * index as f32;
        Ground {
            surface: Surface::Rock { snow_line: line },
            foot: stage.horizon + canvas.unit * 0.012 * index as f32,
            rise,
            detail,
            distance: stage.veil(distance),
            colour: Colour::hex(0x5d6270),
            index: 10 + index as u64,
        }
        .paint(canvas, stage);
    }
}

/// A soft far ridge.
fn ridge(canvas: &mut Canvas, stage: &Stage, rise: f32, distance: f32, index: u64) {
    let colour = if stage.subject.is_at(Place::Desert) { 0x9a6b4c } else { 0x4d6a62 };
    Ground {
        surface: Surface::Rock { snow_line: if stage.subject.has(Trait::Snow) { 0.0 } else { 9.0 } },
        foot: stage.horizon + canvas.unit * 0.01,
        rise,
        detail: 1.7,
        distance: stage.veil(distance),
        colour: Colour::hex(colour),
        index,
    }
    .paint(canvas, stage);
}

fn skylines(canvas: &mut Canvas, stage: &Stage) {
    let rows = [(0.3, 0.05, 0.62), (0.25, 0.056, 0.42), (0.17, 0.062, 0.2)];
    for (index, (tall, wide, distance)) in rows.into_iter().enumerate() {
        let foot = stage.horizon + canvas.unit * 0.01 * index as f32;
        let distance = stage.veil(distance);
        city::Skyline { foot, tall, wide, distance, index: 50 + index as u64 }.build(canvas, stage);
    }
}

/// Sea or lake: a far shore, water, a near shore.
fn shores(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    if !subject.is_at(Place::Sea) || subject.is_at(Place::Forest) || subject.has(Trait::Island) {
        far_shore(canvas, stage);
    }
    let sea = subject.is_at(Place::Sea);
    let rough = match () {
        () if subject.has(Trait::Storm) => 1.0,
        () if sea && !subject.is_at(Place::City) => 0.62,
        () if sea => 0.4,
        () => 0.16,
    };
    let colour = match () {
        () if subject.has(Trait::Palms) => 0x1f9aa5,
        () if sea => 0x1d5674,
        () => 0x274f5c,
    };
    let top = stage.horizon + canvas.unit * if sea && !subject.is_at(Place::Forest) { 0.0 } else { 0.012 };
    Water { top, rough, colour: Colour::hex(colour) }.paint(canvas, stage);
    motif::sail(canvas, stage);
    near_shore(canvas, stage);
}

fn far_shore(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    let island = subject.has(Trait::Island) && !subject.is_at(Place::Lake);
    let ground = Ground {
        surface: Surface::Grass,
        foot: stage.horizon + canvas.unit * 0.006,
        rise: if island { 0.05 } else { 0.028 },
        detail: 1.6,
        distance: stage.veil(0.34),
        colour: grass(stage),
        index: 60,
    };
    let mut edge = ground.edge(canvas, stage);
    if island {
        // An island ends: its edge sinks below the water on both sides.
        let middle = canvas.width as f32 * (0.5 - 0.2 * stage.sun_side);
        for (x, y) in edge.iter_mut().enumerate() {
            let away = (x as f32 - middle) / canvas.unit / 0.24;
            *y = mix(
                stage.horizon - canvas.unit * 0.055,
                stage.horizon + canvas.unit * 0.02,
                (away * away).min(1.0),
            ) + 0.3 * (*y - stage.horizon);
        }
        let colour = stage.palette.seen(grass(stage) * 0.8, stage.veil(0.34));
        fill_below(canvas, &edge, stage.horizon + 2.0, colour);
    } else {
        ground.paint(canvas, stage);
    }
    if !subject.is_at(Place::City) || subject.is_at(Place::Forest) {
        let edge: Vec<f32> = edge.iter().map(|y| y.min(canvas.height as f32 - 1.0)).collect();
        let density = if subject.is_at(Place::Forest) || subject.is_at(Place::Lake) { 1.0 } else { 0.5 };
        Row { tall: 0.034, density, distance: stage.veil(0.4), index: 60 }.plant(canvas, stage, &edge);
        Row { tall: 0.045, density, distance: stage.veil(0.28), index: 61 }.plant(canvas, stage, &edge);
    }
}

fn fill_below(canvas: &mut Canvas, edge: &[f32], bottom: f32, colour: Colour) {
    for (x, top) in edge.iter().enumerate() {
        let start = (top - 1.0).clamp(0.0, canvas.height as f32) as usize;
        for y in start..(bottom as usize).min(canvas.height) {
            canvas.lay(x, y, colour, y as f32 + 1.0 - top);
        }
    }
}

/// The bank on which the painter stands.
fn near_shore(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    if subject.is_at(Place::Beach) {
        weather::beach(canvas, stage);
        if subject.has(Trait::Palms) {
            motif::palms(canvas, stage);
        }
        return motif::stand(canvas, stage, None);
    }
    let rocky = subject.is_at(Place::Sea);
    let ground = Ground {
        surface: if rocky {
            Surface::Rock { snow_line: if subject.has(Trait::Snow) { 0.2 } else { 9.0 } }
        } else {
            Surface::Grass
        },
        foot: canvas.height as f32 + canvas.unit * 0.02,
        rise: if rocky { 0.12 } else { 0.08 },
        detail: if rocky { 2.2 } else { 1.3 },
        distance: 0.02,
        colour: if rocky { Colour::hex(0x4a4440) } else { grass(stage) * 0.62 },
        index: 70,
    };
    let edge = motif::sloped_shore(canvas, stage, &ground);
    if !rocky {
        motif::reeds(canvas, stage, &edge);
    }
    if subject.is_at(Place::Forest) || subject.is_at(Place::Lake) && !subject.is_at(Place::City) {
        frame_with_trees(canvas, stage);
    }
    motif::stand(canvas, stage, Some(&edge));
}

/// Country without a wide water.
fn country(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    if subject.is_at(Place::City) && !subject.is_at(Place::Hills) {
        Water { top: stage.below(canvas, 0.12), rough: 0.3, colour: Colour::hex(0x2a4454) }
            .paint(canvas, stage);
        return motif::stand(canvas, stage, None);
    }
    let desert = subject.is_at(Place::Desert);
    let forest = subject.is_at(Place::Forest);
    let layers = if forest { 6 } else { 5 };
    let mut edge = vec![stage.horizon; canvas.width];
    for index in 0..layers {
        let near = (index as f32 + 0.4) / layers as f32;
        let ground = Ground {
            surface: if desert { Surface::Sand } else { Surface::Grass },
            foot: stage.below(canvas, near * near * 0.95 + 0.05),
            rise: mix(0.06, 0.12, near) * if desert { 1.3 } else { 1.0 },
            detail: mix(2.2, 0.9, near),
            distance: stage.veil(0.6 * (1.0 - near) * (1.0 - near)),
            colour: if desert { sand(stage) } else { grass(stage) * mix(1.0, 0.8, near) },
            index: 80 + index as u64,
        };
        edge = ground.paint(canvas, stage);
        if !desert {
            let density = if forest {
                1.0
            } else if near < 0.75 {
                0.3
            } else {
                0.0
            };
            let tall = if forest { mix(0.035, 0.2, near * near) } else { mix(0.018, 0.05, near) };
            let row = Row { tall, density, distance: ground.distance, index: 80 + index as u64 };
            if density > 0.0 {
                row.plant(canvas, stage, &edge);
            }
        }
        if index == 2 && subject.is_at(Place::River) {
            motif::river(canvas, stage, ground.foot);
        }
        if index + 2 == layers {
            motif::stand(canvas, stage, Some(&edge));
        }
    }
    if !desert {
        motif::meadow(canvas, stage, &edge);
    }
    if forest {
        frame_with_trees(canvas, stage);
    }
}

/// A few great trees at the sides, so that one looks through them.
fn frame_with_trees(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "frame");
    let width = canvas.width as f32;
    for (side, count) in [(-stage.sun_side, 3), (stage.sun_side, 2)] {
        for index in 0..count {
            let mut foliage = Foliage::of(stage, &mut random);
            foliage.conifer |= !stage.subject.has(Trait::Autumn) && !stage.subject.has(Trait::Spring);
            foliage.colour = foliage.colour * 0.55;
            let inward = (index as f32 * 0.075 + random.between(-0.02, 0.03)) * canvas.unit;
            let x = if side < 0.0 { inward } else { width - inward };
            let tall = canvas.unit * random.between(0.42, 0.62) * (1.0 - 0.22 * index as f32);
            let foot = (x, canvas.height as f32 + canvas.unit * random.between(0.02, 0.06));
            tree::paint(canvas, stage, foliage, foot, tall, 0.0, random.bits());
        }
    }
}

/// The colour of the ground where things grow.
pub(super) fn grass(stage: &Stage) -> Colour {
    let subject = stage.subject;
    let choice = (subject.hash >> 33 & 3) as usize;
    let digits = match () {
        () if subject.has(Trait::Snow) => [0xdfe8f4, 0xe6edf6, 0xd9e4f2, 0xe2eaf4][choice],
        () if subject.has(Trait::Autumn) => [0x9a8240, 0x8f7a3c, 0xa58a48, 0x86763e][choice],
        () if subject.is_at(Place::Forest) => [0x3f5c38, 0x46623a, 0x3a5a3e, 0x4a6038][choice],
        () => [0x6c9a48, 0x7ba34c, 0x5f9150, 0x84a351][choice],
    };
    Colour::hex(digits)
}

fn sand(stage: &Stage) -> Colour {
    let choice = (stage.subject.hash >> 33 & 3) as usize;
    Colour::hex([0xe0ad6c, 0xd99e62, 0xe4b87e, 0xcf8d5a][choice])
}
