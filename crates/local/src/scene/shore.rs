//! Land at a sea or a lake: a far shore, the water, a near shore.

use super::canvas::{Canvas, Motion};
use super::colour::Colour;
use super::composition::Stage;
use super::country::{frame_with_trees, grass, soft_surface};
use super::land::{Ground, Surface};
use super::subject::{Place, Trait};
use super::tree::Row;
use super::water::Water;
use super::{motif, weather};
use crate::elementary::mix;

/// Sea or lake: a far shore, water, a near shore.
pub(super) fn paint(canvas: &mut Canvas, stage: &Stage) {
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
    canvas.end_layer(Motion::Near(0.2));
    let top = stage.horizon + canvas.unit * if sea && !subject.is_at(Place::Forest) { 0.0 } else { 0.012 };
    Water { top, rough, colour: Colour::hex(colour) }.paint(canvas, stage);
    motif::sail(canvas, stage);
    canvas.end_layer(Motion::Near(0.4));
    near_shore(canvas, stage);
}

fn far_shore(canvas: &mut Canvas, stage: &Stage) {
    let subject = stage.subject;
    let island = subject.has(Trait::Island) && !subject.is_at(Place::Lake);
    let ground = Ground {
        surface: soft_surface(stage),
        foot: stage.horizon + canvas.unit * 0.006,
        until: stage.horizon + canvas.unit * 0.1,
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
        let density = if subject.is_at(Place::Forest) || subject.is_at(Place::Lake) { 1.0 } else { 0.5 };
        // Where an island has sunk below the water, nothing grows.
        let edge: Vec<f32> = edge
            .iter()
            .map(|y| if *y > stage.horizon + canvas.unit * 0.008 { f32::MAX } else { *y })
            .collect();
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
            soft_surface(stage)
        },
        foot: canvas.height as f32 + canvas.unit * 0.02,
        until: canvas.height as f32,
        rise: if rocky { 0.17 } else { 0.08 },
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
