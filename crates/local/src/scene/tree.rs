//! Trees: conifers, round crowns, palms, and rows of them along an edge.

use super::canvas::{Canvas, Point, length};
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use super::subject::{Place, Trait};
use crate::elementary::{floor, mix, sine, smooth_step};
use crate::random::Random;

/// What a tree looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Foliage {
    pub conifer: bool,
    pub colour: Colour,
    /// Snow on the branches, 0 to 1.
    pub snow: f32,
}

impl Foliage {
    /// The trees of the season and the place.
    pub fn of(stage: &Stage, random: &mut Random) -> Foliage {
        let subject = stage.subject;
        let snow = if subject.has(Trait::Snow) { 1.0 } else { 0.0 };
        let conifer = random.chance(match () {
            () if subject.has(Trait::Autumn) => 0.25,
            () if subject.has(Trait::Spring) => 0.1,
            () if snow > 0.0 => 0.95,
            () if subject.is_at(Place::Forest) || subject.is_at(Place::Mountains) => 0.88,
            () => 0.15,
        });
        let colours: &[u32] = match () {
            () if conifer => &[0x24442f, 0x1e3d33, 0x2c4a2c],
            () if snow > 0.0 => &[0x5a5560, 0x4f4a52],
            () if subject.has(Trait::Autumn) => &[0xc4622a, 0xd98a2e, 0xa83f26, 0xb8862c, 0x7c5a2a],
            () if subject.has(Trait::Spring) => &[0xe8a9bd, 0xf2c6d2, 0xd98fa8, 0x8fae58],
            () => &[0x3f6a34, 0x4c7a38, 0x355c33, 0x5a7f3c],
        };
        Foliage { conifer, colour: Colour::hex(colours[random.below(colours.len())]), snow }
    }
}

/// Trees that stand along an edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The height of a tree, in units.
    pub tall: f32,
    /// From 0 (bare) to 1 (closed).
    pub density: f32,
    /// From 0 (near) to 1 (lost in the haze).
    pub distance: f32,
    /// Tells one row's chance from another's.
    pub index: u64,
}

impl Row {
    /// Plants the row along `edge` (pixels from the top, for each column).
    pub fn plant(&self, canvas: &mut Canvas, stage: &Stage, edge: &[f32]) {
        let mut random = Random::new(stage.seed.wrapping_add(self.index), "trees");
        let groves = Noise::new(stage.seed ^ self.index.wrapping_mul(0x7ee5));
        let tall = self.tall * canvas.unit;
        let mut x = -tall * 0.3;
        while x < canvas.width as f32 + tall * 0.3 {
            let foliage = Foliage::of(stage, &mut random);
            let grove = 0.5 + 0.9 * groves.at(x / canvas.unit * 4.0, 0.5);
            let (size, sink) = (random.between(0.62, 1.15), random.between(0.0, 0.12));
            let grows = random.chance((self.density * 1.6 * (0.35 + grove)).min(1.0));
            let column = (x.max(0.0) as usize).min(edge.len() - 1);
            let on_ground = edge[column] < canvas.height as f32 + tall;
            if on_ground && (grows || self.density >= 1.0) {
                let foot = (x, edge[column] + tall * (0.05 + sink));
                let tall = tall * size * mix(0.75, 1.1, grove.clamp(0.0, 1.0));
                let distance = self.distance;
                Tree { foliage, foot, tall, distance, chance: random.bits() }.paint(canvas, stage);
            }
            x += tall * if foliage.conifer { random.between(0.16, 0.34) } else { random.between(0.3, 0.7) };
        }
    }
}

/// One tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    pub foliage: Foliage,
    pub foot: Point,
    /// Its height, in pixels.
    pub tall: f32,
    /// From 0 (near) to 1 (lost in the haze).
    pub distance: f32,
    /// By which it differs from others.
    pub chance: u64,
}

impl Tree {
    pub fn paint(&self, canvas: &mut Canvas, stage: &Stage) {
        if self.foliage.conifer {
            self.paint_conifer(canvas, stage);
        } else {
            self.paint_crown(canvas, stage);
        }
    }

    /// Tiers of drooping branches, narrower to the top.
    fn paint_conifer(&self, canvas: &mut Canvas, stage: &Stage) {
        let Tree { foliage, foot, tall, distance, chance } = *self;
        let tiers = 5.0 + (chance & 3) as f32 + (tall / canvas.unit * 14.0).min(6.0);
        let slim = 0.17 + 0.07 * (chance >> 8 & 0xff) as f32 / 255.0;
        let noise = Noise::new(chance);
        let wide = tall * slim;
        let (columns, rows) = canvas.span((foot.0 - wide, foot.1 - tall), (foot.0 + wide, foot.1), 1.0);
        for y in rows {
            let t = (foot.1 - (y as f32 + 0.5)) / tall;
            if !(0.0..=1.0).contains(&t) {
                continue;
            }
            for x in columns.clone() {
                let dx = x as f32 + 0.5 - foot.0;
                let side = if dx < 0.0 { 0.37 } else { 0.0 };
                // Branches hang: a tier is lower at its outside.
                let tier = t * tiers + side + 0.75 * dx.abs() / wide;
                let drop = 1.0 - (tier - floor(tier));
                let ragged = 1.0 + 0.28 * noise.at(tier * 3.1 + side * 40.0, x as f32 / tall * 26.0);
                let branch = wide * (1.0 - t) * (0.62 + 0.42 * drop) * ragged;
                let trunk = if t < 0.1 { wide * 0.09 } else { 0.0 };
                let reach = if t < 0.06 { trunk } else { branch };
                let cover = (reach - dx.abs() + 0.5).clamp(0.0, 1.0);
                if cover <= 0.0 {
                    continue;
                }
                let faces = (0.5 + 0.5 * stage.sun_side * dx / wide.max(1.0)).clamp(0.0, 1.0);
                let own = foliage.colour * (0.62 + 0.5 * faces + 0.22 * (1.0 - drop));
                let snowed = foliage.snow
                    * smooth_step(0.35, 0.75, 1.0 - drop + 0.3 * faces)
                    * (0.7 + 0.3 * ragged - 0.15);
                let own = own.mix(Colour::hex(0xeaf1fb), snowed);
                canvas.lay(x, y, stage.palette.seen(own, distance), cover);
            }
        }
    }

    /// A trunk and a crown of leaf clusters, lit from the sun's side.
    fn paint_crown(&self, canvas: &mut Canvas, stage: &Stage) {
        let Tree { foliage, foot, tall, distance, chance } = *self;
        let bark = stage.palette.seen(Colour::hex(0x4a3a30), distance);
        let middle = (foot.0, foot.1 - tall * 0.62);
        canvas.line(foot, (foot.0, foot.1 - tall * 0.5), tall * 0.055, bark, 1.0);
        for branch in [-0.16, 0.15] {
            let fork = (foot.0, foot.1 - tall * 0.3);
            canvas.line(fork, (foot.0 + branch * tall, foot.1 - tall * 0.55), tall * 0.025, bark, 1.0);
        }
        let noise = Noise::new(chance);
        let wide = tall * (0.33 + 0.08 * (chance >> 12 & 0xff) as f32 / 255.0);
        let high = tall * 0.38;
        let (columns, rows) =
            canvas.span((middle.0 - wide, middle.1 - high), (middle.0 + wide, middle.1 + high), tall * 0.1);
        let grain = 9.0 / tall;
        for y in rows {
            for x in columns.clone() {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let (dx, dy) = ((px - middle.0) / wide, (py - middle.1) / high);
                let lumps = noise.layers(px * grain, py * grain, 3);
                let lower = if dy > 0.0 { 1.25 } else { 1.0 };
                let inside = 1.0 - length(dx, dy * lower) + 0.38 * lumps;
                let cover = (inside * wide * 0.5 + 0.5).clamp(0.0, 1.0);
                if cover <= 0.0 {
                    continue;
                }
                let bare = foliage.snow * 0.45;
                let faces = 0.5 + 0.32 * stage.sun_side * dx - 0.4 * dy + 0.55 * lumps;
                let own = foliage.colour * (0.55 + 0.62 * faces.clamp(0.0, 1.1));
                let own = own.mix(Colour::hex(0xeaf1fb), foliage.snow * 0.5 * smooth_step(0.4, 0.9, faces));
                canvas.lay(x, y, stage.palette.seen(own, distance), cover * (1.0 - bare));
            }
        }
    }
}

/// Paints a palm with its foot at `foot`, `tall` pixels high, that leans by `lean` of its height.
pub(super) fn palm(canvas: &mut Canvas, stage: &Stage, foot: Point, tall: f32, lean: f32, distance: f32) {
    let bark = stage.palette.seen(Colour::hex(0x5b4636), distance);
    let leaf = stage.palette.seen(Colour::hex(0x2f5d34), distance);
    let at = |t: f32| (foot.0 + lean * tall * t * t, foot.1 - tall * t);
    for step in 0..12 {
        let t = step as f32 / 12.0;
        canvas.line(at(t), at(t + 1.0 / 12.0), tall * mix(0.05, 0.028, t), bark, 1.0);
    }
    let top = at(1.0);
    for frond in 0..11 {
        let angle = 0.5 + 0.5 * (frond as f32 + 0.5) / 11.0 + if frond % 2 == 0 { 0.0 } else { 0.012 };
        let (cosine, rise) = (sine(angle + 0.25), sine(angle));
        let point = |t: f32| {
            let out = 0.44 * tall * t;
            (
                top.0 + cosine * out,
                top.1 + rise * out * 0.6 + tall * 0.34 * t * t * (0.6 + cosine.abs() * 0.5),
            )
        };
        for step in 0..14 {
            let t = step as f32 / 14.0;
            let (from, to) = (point(t), point(t + 1.0 / 14.0));
            canvas.line(from, to, tall * 0.016, leaf, 1.0);
            let droop = tall * 0.085 * (1.0 - t) * (t * 5.0).min(1.0);
            let hang = (to.0 - cosine * droop * 0.2, to.1 + droop);
            canvas.line(to, hang, tall * 0.014, leaf, 1.0);
        }
    }
}
