//! Land without a wide water: layers of ground with what grows on them.

use super::canvas::{Canvas, Motion};
use super::colour::Colour;
use super::composition::Stage;
use super::land::{Ground, Surface};
use super::motif;
use super::subject::{Place, Trait};
use super::tree::{Foliage, Row, Tree};
use crate::elementary::mix;
use crate::random::Random;

/// Country without a wide water.
pub(super) fn paint(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    let forest = subject.is_at(Place::Forest);
    let layers = if forest { 6 } else { 5 };
    let grounds: Vec<Ground> = (0..layers).map(|index| ground(canvas, stage, index, layers)).collect();
    let mut edge = vec![stage.horizon; canvas.width];
    for (index, ground) in grounds.iter().enumerate() {
        // What nearer layers will hide isn't worth painting.
        let hidden = |next: &Ground| next.foot + 0.35 * next.rise * canvas.unit;
        let until = grounds.get(index + 1).map_or(canvas.height as f32, hidden);
        edge = Ground { until, ..*ground }.paint(canvas, stage);
        let near = nearness(index, layers);
        match () {
            () if ground.surface == Surface::Sand => {}
            () if forest => grow(canvas, stage, ground, &edge, mix(0.035, 0.2, near * near), 1.0),
            () if near < 0.75 => grow(canvas, stage, ground, &edge, mix(0.018, 0.05, near), 0.3),
            () => {}
        }
        if index + 2 == layers {
            motif::stand(canvas, stage, Some(&edge));
        }
        canvas.end_layer(Motion::Near(mix(0.15, 0.85, near)));
    }
    if subject.is_at(Place::River) {
        motif::river(canvas, stage);
    }
    if !subject.is_at(Place::Desert) && !subject.has(Trait::Snow) {
        motif::meadow(canvas, stage, &edge);
    }
    canvas.end_layer(Motion::Near(0.85));
    if forest {
        frame_with_trees(canvas, stage);
    }
}

/// From 0 (the farthest layer) to 1 (the nearest).
fn nearness(index: usize, layers: usize) -> f32 {
    (index as f32 + 0.4) / layers as f32
}

fn ground(canvas: &Canvas, stage: &Stage, index: usize, layers: usize) -> Ground {
    let near = nearness(index, layers);
    let desert = stage.subject.is_at(Place::Desert);
    Ground {
        surface: if desert { Surface::Sand } else { soft_surface(stage) },
        foot: stage.below(canvas, near * near * 0.95 + 0.05),
        until: canvas.height as f32,
        rise: mix(0.06, 0.12, near) * if desert { 1.3 } else { 1.0 },
        detail: mix(2.2, 0.9, near),
        distance: stage.veil(0.6 * (1.0 - near) * (1.0 - near)),
        colour: if desert { sand(stage) } else { grass(stage) * mix(1.0, 0.8, near) },
        index: 80 + index as u64,
    }
}

fn grow(canvas: &mut Canvas, stage: &Stage, ground: &Ground, edge: &[f32], tall: f32, density: f32) {
    Row { tall, density, distance: ground.distance, index: ground.index }.plant(canvas, stage, edge);
}

/// A few great trees at the sides, so that one looks through them.
pub(super) fn frame_with_trees(canvas: &mut Canvas, stage: &Stage) {
    if stage.subject.has(Trait::Autumn) || stage.subject.has(Trait::Spring) {
        return;
    }
    let mut random = Random::new(stage.seed, "frame");
    let width = canvas.width as f32;
    for (side, count) in [(-stage.sun_side, 3), (stage.sun_side, 2)] {
        for index in 0..count {
            let mut foliage = Foliage::of(stage, &mut random);
            foliage.conifer = true;
            foliage.colour = foliage.colour * 0.55;
            foliage.snow *= 0.6;
            let inward = (index as f32 * 0.075 + random.between(-0.02, 0.03)) * canvas.unit;
            let x = if side < 0.0 { inward } else { width - inward };
            let tall = canvas.unit * random.between(0.42, 0.62) * (1.0 - 0.22 * index as f32);
            let foot = (x, canvas.height as f32 + canvas.unit * random.between(0.02, 0.06));
            Tree { foliage, foot, tall, distance: 0.0, chance: random.bits() }.paint(canvas, stage);
        }
    }
}

/// The surface of soft ground.
pub(super) fn soft_surface(stage: &Stage) -> Surface {
    if stage.subject.has(Trait::Snow) { Surface::Snow } else { Surface::Grass }
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
