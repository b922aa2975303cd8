//! What stands where: the picture from the sky down to the foreground.

use super::canvas::{Canvas, Motion, Point};
use super::colour::Colour;
use super::land::{Ground, Surface};
use super::palette::Palette;
use super::subject::{Hour, Place, Subject, Trait};
use super::water::Water;
use super::{city, country, motif, shore, sky, space, street, weather};
use crate::elementary::mix;
use crate::random::Random;

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
            Hour::Day => self.subject.has(Trait::Fog),
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
        if self.subject.has(Trait::Fog) { mix(distance, 1.0, 0.2 + 0.55 * distance) } else { distance }
    }

    /// A height in pixels, given as a share of the ground below the horizon.
    pub fn below(&self, canvas: &Canvas, share: f32) -> f32 {
        mix(self.horizon, canvas.height as f32, share)
    }
}

/// Paints `subject` on the whole canvas.
pub(super) fn paint(canvas: &mut Canvas, subject: &Subject, seed: u64) {
    let seed = subject.hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let stage = set_stage(canvas, subject, seed, &mut Random::new(seed, "stage"));
    paint_stage(canvas, &stage);
}

/// The same, on a canvas that keeps layers apart, without what falls: that is told, and to which side who looks moves.
pub(super) fn paint_apart(canvas: &mut Canvas, subject: &Subject, seed: u64) -> (Option<weather::Fall>, f32) {
    let seed = subject.hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let stage = set_stage(canvas, subject, seed, &mut Random::new(seed, "stage"));
    paint_stage(canvas, &stage);
    canvas.end_layer(Motion::Near(1.0));
    (weather::Fall::of(&stage), stage.sun_side)
}

fn paint_stage(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    if subject.is_at(Place::Space) && subject.places.len() == 1 {
        return space::paint(canvas, stage);
    }
    sky::paint(canvas, stage);
    if subject.has(Trait::Planet) || subject.is_at(Place::Space) {
        space::planet_in_sky(canvas, stage);
    }
    if subject.has(Trait::Rainbow) {
        weather::rainbow(canvas, stage);
    }
    motif::fly(canvas, stage);
    canvas.end_layer(Motion::Near(0.03));
    if subject.is_at(Place::Street) {
        street::paint(canvas, stage);
        canvas.end_layer(Motion::Near(0.6));
        return weather::paint(canvas, stage);
    }
    backdrop(canvas, stage);
    canvas.end_layer(Motion::Near(0.14));
    if subject.has_water() {
        shore::paint(canvas, stage);
    } else if subject.is_at(Place::City) && !subject.is_at(Place::Hills) {
        riverfront(canvas, stage);
    } else {
        country::paint(canvas, stage);
    }
    canvas.end_layer(Motion::Near(1.0));
    weather::paint(canvas, stage);
}

fn set_stage<'a>(canvas: &Canvas, subject: &'a Subject, seed: u64, random: &mut Random) -> Stage<'a> {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let palette = Palette::of(subject, random.bits() >> 8);
    let share = match () {
        () if subject.is_at(Place::Street) => 0.6,
        () if subject.is_at(Place::City) && !subject.has_water() => 0.72,
        () if subject.is_at(Place::Sea) => random.between(0.54, 0.62),
        () if subject.is_at(Place::Forest) => random.between(0.5, 0.58),
        () => random.between(0.54, 0.64),
    };
    let horizon = height * share;
    let sun_side = if random.chance(0.5) { 1.0 } else { -1.0 };
    // A low sun stands over the end of the street.
    let aside = random.between(0.1, 0.3) * if subject.is_at(Place::Street) { 0.3 } else { 1.0 };
    let across = width * (0.5 + sun_side * aside);
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
    let rises = [(0.36, 0.7, 1.0), (0.29, 0.5, 1.35), (0.17, 0.32, 2.0)];
    for (index, (rise, distance, detail)) in rises.into_iter().enumerate() {
        let line = snow_line + 0.16 * index as f32;
        Ground {
            surface: Surface::Rock { snow_line: line },
            foot: stage.horizon + canvas.unit * 0.012 * index as f32,
            until: stage.horizon + canvas.unit * 0.1,
            rise,
            detail,
            distance: stage.veil(distance),
            colour: Colour::hex(0x5d6270),
            index: 10 + index as u64,
        }
        .paint(canvas, stage);
        canvas.end_layer(Motion::Near(0.08 + 0.06 * index as f32));
    }
}

/// A soft far ridge.
fn ridge(canvas: &mut Canvas, stage: &Stage, rise: f32, distance: f32, index: u64) {
    let colour = match () {
        () if stage.subject.is_at(Place::Desert) => 0x9a6b4c,
        () if stage.subject.has(Trait::Snow) => 0xc8d4e4,
        () => 0x4d6a62,
    };
    Ground {
        surface: Surface::Grass,
        foot: stage.horizon + canvas.unit * 0.01,
        until: stage.horizon + canvas.unit * 0.1,
        rise,
        detail: 2.4,
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
        canvas.end_layer(Motion::Near(0.1 + 0.06 * index as f32));
    }
}

/// A city without country stands at a river.
fn riverfront(canvas: &mut Canvas, stage: &Stage) {
    canvas.end_layer(Motion::Near(0.25));
    Water { top: stage.below(canvas, 0.12), rough: 0.3, colour: Colour::hex(0x2a4454) }.paint(canvas, stage);
    motif::stand(canvas, stage, None);
}
