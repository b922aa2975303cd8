//! Single things in the picture: what stands, sails and flies.

mod bank;
mod building;

use super::canvas::{Canvas, Point};
use super::colour::Colour;
use super::composition::Stage;
use super::subject::{Hour, Place, Trait};
use super::tree::{self, Foliage, Tree};
use crate::elementary::{mix, sine};
use crate::random::Random;

pub(super) use bank::{meadow, reeds, river, sloped_shore};

/// Birds and balloons, in the sky.
pub(super) fn fly(canvas: &mut Canvas, stage: &Stage) {
    let mut random = Random::new(stage.seed, "flight");
    let calm_sea = stage.subject.is_at(Place::Sea)
        && matches!(stage.subject.hour, Hour::Day | Hour::Sunset | Hour::Dawn);
    if stage.subject.has(Trait::Balloon) {
        for size in [0.15, 0.07, 0.045] {
            let at =
                (canvas.width as f32 * random.between(0.18, 0.82), stage.horizon * random.between(0.25, 0.6));
            balloon(canvas, stage, at, canvas.unit * size, &mut random);
        }
    }
    if stage.subject.has(Trait::Birds) || calm_sea {
        let flock =
            (canvas.width as f32 * random.between(0.25, 0.75), stage.horizon * random.between(0.35, 0.6));
        let count = if stage.subject.has(Trait::Birds) { 11 } else { 5 };
        for _ in 0..count {
            let at = (
                flock.0 + canvas.unit * random.between(-0.16, 0.16),
                flock.1 + canvas.unit * random.between(-0.07, 0.07),
            );
            let wings = canvas.unit * random.between(0.008, 0.02);
            bird(canvas, stage, at, wings, random.between(0.2, 0.6));
        }
    }
}

fn bird(canvas: &mut Canvas, stage: &Stage, at: Point, wings: f32, lift: f32) {
    let colour = stage.palette.seen(Colour::hex(0x23262e), 0.25);
    for side in [-1.0, 1.0] {
        let wrist = (at.0 + side * wings * 0.5, at.1 - wings * lift);
        let tip = (at.0 + side * wings, at.1 - wings * (lift * 0.55));
        canvas.line(at, wrist, wings * 0.15, colour, 0.95);
        canvas.line(wrist, tip, wings * 0.09, colour, 0.9);
    }
}

fn balloon(canvas: &mut Canvas, stage: &Stage, at: Point, tall: f32, random: &mut Random) {
    let pairs = [(0xd8453a, 0xf6e3b8), (0xf0a030, 0x8a2f4a), (0x2f6fa8, 0xf2f2e8), (0xe86a4a, 0xf7c65a)];
    let (one, two) = pairs[random.below(pairs.len())];
    let distance = mix(0.35, 0.05, (tall / canvas.unit / 0.15).min(1.0));
    let radius = tall * 0.38;
    let (columns, rows) =
        canvas.span((at.0 - radius, at.1 - radius), (at.0 + radius, at.1 + radius * 1.6), 1.0);
    for y in rows {
        let dy = (y as f32 + 0.5 - at.1) / radius;
        let wide = if dy < 0.0 {
            (1.0 - dy * dy).max(0.0).sqrt()
        } else {
            (1.0 - dy / 1.5).max(0.0).sqrt() * (1.0 - 0.2 * dy)
        };
        if dy > 1.38 {
            continue;
        }
        for x in columns.clone() {
            let dx = (x as f32 + 0.5 - at.0) / radius;
            let cover = ((wide - dx.abs()) * radius + 0.5).clamp(0.0, 1.0);
            if cover <= 0.0 {
                continue;
            }
            let across = (dx / wide.max(0.05)).clamp(-1.0, 1.0);
            let panel = ((across * 0.5 + 0.5) * 6.0).floor() as i32 % 2 == 0;
            let own = Colour::hex(if panel { one } else { two });
            let shade = 0.72 + 0.34 * stage.sun_side * across - 0.14 * dy;
            canvas.lay(x, y, stage.palette.seen(own * shade, distance), cover);
        }
    }
    let dark = stage.palette.seen(Colour::hex(0x4a3526), distance);
    let basket = (at.0, at.1 + radius * 1.85);
    for side in [-1.0, 1.0] {
        canvas.line(
            (at.0 + side * radius * 0.2, at.1 + radius * 1.36),
            (basket.0 + side * radius * 0.13, basket.1 - radius * 0.1),
            radius * 0.03,
            dark,
            0.9,
        );
    }
    canvas.rectangle(
        (basket.0 - radius * 0.16, basket.1 - radius * 0.12),
        (basket.0 + radius * 0.16, basket.1 + radius * 0.14),
        dark,
        1.0,
    );
    if stage.subject.is_dark() || stage.subject.hour == Hour::Sunset {
        canvas.glow((at.0, at.1 + radius), radius * 0.9, Colour::hex(0xffb050) * 0.6);
    }
}

/// Boats on the water.
pub(super) fn sail(canvas: &mut Canvas, stage: &Stage) {
    if !stage.subject.has(Trait::Sailboat) {
        return;
    }
    let mut random = Random::new(stage.seed, "boats");
    let side = if stage.subject.has(Trait::Lighthouse) { -stage.sun_side } else { stage.sun_side };
    for (share, tall, off) in [(0.2, 0.16, 0.18), (0.05, 0.05, -0.22), (0.035, 0.035, -0.05)] {
        let x = canvas.width as f32 * (0.5 + side * (off + random.between(-0.05, 0.05)));
        let y = mix(stage.horizon, canvas.height as f32, share + 0.04);
        let tall = canvas.unit * tall;
        let distance = stage.veil(mix(0.5, 0.05, (tall / canvas.unit / 0.16).min(1.0)));
        mirror(canvas, stage, (x, y), tall, distance);
        sailboat(canvas, stage, (x, y), tall, distance, 1.0);
    }
}

/// The boat's image in the water, broken by waves.
fn mirror(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32, distance: f32) {
    let white = stage.palette.seen(Colour::hex(0xf4efe4), distance);
    let dark = stage.palette.seen(Colour::hex(0x3a2f2c), distance);
    let rows = (tall * 0.62) as usize;
    for row in 0..rows {
        let t = row as f32 / rows as f32;
        let sway = sine(t * 5.0 + 0.3 * x) * tall * 0.03 * (0.4 + t);
        let half = tall * if t < 0.12 { 0.24 } else { 0.26 * (1.0 - t) };
        let colour = if t < 0.12 { dark } else { white };
        let from = (x - half + sway, y + row as f32);
        canvas.line(from, (x + half * 0.8 + sway, y + row as f32), 1.2, colour, 0.34 * (1.0 - t));
    }
}

fn sailboat(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32, distance: f32, opacity: f32) {
    let seen = |digits: u32, shade: f32| stage.palette.seen(Colour::hex(digits) * shade, distance);
    let hull = seen(0x6a3f34, 0.8);
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    canvas.convex(&[at(-0.3, 0.1), at(0.34, 0.12), at(0.22, -0.01), at(-0.22, -0.01)], hull, opacity);
    canvas.line(at(-0.3, 0.1), at(0.34, 0.12), tall * 0.02, seen(0xf0e6d6, 0.9), opacity);
    canvas.line(at(0.0, 0.08), at(0.0, 1.0), tall * 0.018, seen(0x54402f, 1.0), opacity);
    let light = 0.94 + 0.1 * stage.sun_side;
    canvas.convex(&[at(0.025, 0.96), at(0.3, 0.2), at(0.025, 0.17)], seen(0xfaf3e6, light), opacity);
    canvas.convex(
        &[at(-0.025, 0.86), at(-0.025, 0.17), at(-0.26, 0.2)],
        seen(0xf2e6d2, 1.72 - light),
        opacity,
    );
}

/// Palms that lean over the beach.
pub(super) fn palms(canvas: &mut Canvas, stage: &Stage) {
    let side = -stage.sun_side;
    let middle = canvas.width as f32 / 2.0;
    let edge = middle + side * middle;
    for (inward, tall, lean) in [(0.1, 0.62, 0.32), (0.2, 0.46, 0.22), (0.03, 0.5, 0.12)] {
        let foot = (edge - side * canvas.unit * inward, canvas.height as f32 * 1.0);
        tree::palm(canvas, stage, foot, canvas.unit * tall, -side * lean, 0.02);
    }
}

/// What stands on the ground, whose upper edge is `edge`; without one it stands at the shore.
pub(super) fn stand(canvas: &mut Canvas, stage: &Stage, edge: Option<&[f32]>) {
    let subject = stage.subject;
    let away = -stage.sun_side;
    let (width, height, unit) = (canvas.width as f32, canvas.height as f32, canvas.unit);
    let place = |share: f32| {
        let x = (width / 2.0 * (1.0 + share)).clamp(0.0, width - 1.0);
        (x, edge.map_or(height * 0.9, |edge| edge[x as usize]).min(height * 0.93) + unit * 0.008)
    };
    if subject.has(Trait::Castle) {
        building::castle(canvas, stage, place(away * 0.3), unit * 0.2);
    }
    if subject.has(Trait::Pyramid) {
        building::pyramid(canvas, stage, place(away * 0.35), unit * 0.2);
        building::pyramid(canvas, stage, place(away * 0.05), unit * 0.12);
    }
    if subject.has(Trait::Lighthouse) {
        building::lighthouse(canvas, stage, place(away * 0.55), unit * 0.36);
    }
    if subject.has(Trait::Windmill) {
        building::windmill(canvas, stage, place(away * 0.45), unit * 0.2);
    }
    if subject.has(Trait::Village) && !subject.is_at(Place::City) {
        for (share, size) in [(0.62, 0.05), (-0.12, 0.055), (0.06, 0.048), (0.45, 0.06)] {
            building::house(canvas, stage, place(stage.sun_side * share), unit * size);
        }
    }
    if subject.has(Trait::House) {
        building::house(canvas, stage, place(stage.sun_side * 0.3), unit * 0.075);
    }
    if subject.has(Trait::LoneTree) && !subject.is_at(Place::Forest) && !subject.has(Trait::Palms) {
        let mut foliage = Foliage::of(stage, &mut Random::new(stage.seed, "tree"));
        foliage.conifer = false;
        let (foot, tall, chance) = (place(away * 0.4), unit * 0.26, stage.seed | 0xff000);
        Tree { foliage, foot, tall, distance: 0.04, chance }.paint(canvas, stage);
    }
    if subject.has(Trait::Campfire) {
        building::camp(canvas, stage, place(stage.sun_side * 0.12), unit * 0.06);
    }
}
