//! A street that runs away from who looks: houses on both sides, pavements, lamps.

use super::canvas::Canvas;
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use super::subject::{Hour, Trait};
use crate::elementary::{exponential, floor, mix, smooth_step};
use crate::random::Random;

/// Lengths of the street, in metres.
const EYES: f32 = 2.2;
const ROAD: f32 = 4.2;
const KERB: f32 = 4.5;
const WALL: f32 = 7.2;
const STOREY: f32 = 3.3;
const END: f32 = 150.0;

/// The street as it is seen: what runs along it meets at the point where `x` is zero, on the horizon.
struct Street {
    middle: f32,
    horizon: f32,
    /// How many pixels a metre has at one metre's distance.
    zoom: f32,
    sides: [Vec<House>; 2],
    stones: Noise,
}

/// A house at the street; its neighbour begins where it ends.
struct House {
    /// How far away its farther wall is, in metres.
    end: f32,
    height: f32,
    colour: Colour,
    awning: Colour,
    chance: Noise,
}

/// Paints the street over the sky.
pub(super) fn paint(canvas: &mut Canvas, stage: &Stage) {
    let street = Street::of(canvas, stage);
    for x in 0..canvas.width {
        let across = x as f32 + 0.5 - street.middle;
        let away = (street.zoom * WALL / across.abs().max(0.01)).min(END);
        street.raise_walls(canvas, stage, x, away);
        street.pave(canvas, stage, x);
    }
    if stage.subject.has(Trait::Rain) || stage.subject.has(Trait::Storm) {
        street.wet(canvas, stage);
    }
    street.light_lamps(canvas, stage);
}

impl Street {
    fn of(canvas: &Canvas, stage: &Stage) -> Street {
        let mut random = Random::new(stage.seed, "street");
        let middle = canvas.width as f32 * (0.5 + 0.06 * random.between(-1.0, 1.0));
        let sides = [0, 1].map(|_| houses(&mut random));
        let zoom = canvas.unit * 0.78;
        Street { middle, horizon: stage.horizon, zoom, sides, stones: Noise::new(stage.seed ^ 0x57e7) }
    }

    fn house(&self, x: usize, away: f32) -> &House {
        let side = &self.sides[usize::from(x as f32 + 0.5 > self.middle)];
        side.iter().find(|house| away <= house.end).unwrap_or(&side[side.len() - 1])
    }

    /// Where a height in metres is seen at a distance, in pixels from the top.
    fn row(&self, height: f32, away: f32) -> f32 {
        self.horizon + self.zoom * (EYES - height) / away
    }

    fn raise_walls(&self, canvas: &mut Canvas, stage: &Stage, x: usize, away: f32) {
        if away >= END {
            return;
        }
        let house = self.house(x, away);
        let (top, bottom) = (self.row(house.height, away), self.row(0.0, away));
        let faces_sun = (x as f32 > self.middle) != (stage.sun_side > 0.0);
        let shade = if faces_sun { 1.0 } else { 0.74 };
        let pixel = away / self.zoom;
        let run = away * away / (self.zoom * WALL);
        for y in (top - 1.0).max(0.0) as usize..((bottom + 1.0).max(0.0) as usize).min(canvas.height) {
            let cover = (y as f32 + 1.0 - top).clamp(0.0, 1.0) * (bottom - y as f32).clamp(0.0, 1.0);
            let height = EYES - (y as f32 + 0.5 - self.horizon) * pixel;
            let seen = house.seen(stage, (away, height), (run, pixel), shade);
            canvas.lay(x, y, self.veiled(stage, seen, away), cover);
        }
    }

    fn veiled(&self, stage: &Stage, colour: Colour, away: f32) -> Colour {
        let thick = if stage.subject.has(Trait::Fog) { 22.0 } else { 120.0 };
        colour.mix(stage.palette.haze, 1.0 - exponential(-away / thick))
    }

    /// Road and pavements in column `x`.
    fn pave(&self, canvas: &mut Canvas, stage: &Stage, x: usize) {
        let snow = stage.subject.has(Trait::Snow);
        for y in (self.horizon.max(0.0) as usize)..canvas.height {
            let below = (y as f32 + 0.5 - self.horizon).max(0.1);
            let away = (self.zoom * EYES / below).min(END);
            let pixel = away / self.zoom;
            let across = ((x as f32 + 0.5 - self.middle) * pixel).abs();
            let soft = pixel.max(0.02);
            let inside = smooth_step(WALL + soft, WALL - soft, across);
            if inside <= 0.0 {
                continue;
            }
            let worn = 1.0 + 0.1 * self.stones.layers(x as f32 * pixel * 2.0, away * 1.5, 3);
            let road = Colour::hex(if snow { 0xb9c2cf } else { 0x565a60 });
            let walk = Colour::hex(if snow { 0xe4eaf2 } else { 0x9a948a });
            let joints = 1.0 - 0.18 * line_across(away, 1.2, away * pixel / EYES);
            let mut ground = walk * joints;
            ground = ground.mix(walk * 1.22, smooth_step(KERB + soft, KERB - soft, across));
            ground = ground.mix(road, smooth_step(ROAD + soft, ROAD - soft, across));
            let dash = smooth_step(0.5 + soft, 0.5 - soft, (away / 5.0 - floor(away / 5.0)) * 1.25);
            let stripe = smooth_step(0.09 + soft, 0.09 - soft, across) * dash;
            ground = ground.mix(Colour::hex(0xe9e6da), stripe * if snow { 0.0 } else { 0.8 });
            if snow {
                let rut = ((across - 1.5).abs() / 0.35).min(1.0);
                ground = ground * mix(0.82, 1.0, rut);
            }
            let lit = (ground * worn).lit(stage.palette.light);
            canvas.lay(x, y, self.veiled(stage, lit, away), inside);
        }
    }

    /// Mirrors walls and lights in the wet ground.
    fn wet(&self, canvas: &mut Canvas, stage: &Stage) {
        let ripples = Noise::new(stage.seed ^ 0x3e7);
        let dry = canvas.pixels.clone();
        for x in 0..canvas.width {
            let away = (self.zoom * WALL / (x as f32 + 0.5 - self.middle).abs().max(0.01)).min(END);
            let foot = self.row(0.0, away);
            for y in (foot.max(0.0) as usize)..canvas.height {
                let (u, v) = (x as f32 / canvas.unit, y as f32 / canvas.unit);
                let push = canvas.unit * 0.02 * ripples.layers(u * 5.0, v * 24.0, 3);
                let row = (2.0 * foot - y as f32 + push).clamp(0.0, foot) as usize;
                let mirrored = dry[row.min(canvas.height - 1) * canvas.width + x];
                let puddle = 0.34 + 0.3 * ripples.layers(u * 2.0, v * 6.0, 2);
                canvas.lay(x, y, mirrored, puddle.clamp(0.1, 0.6));
            }
        }
    }

    fn light_lamps(&self, canvas: &mut Canvas, stage: &Stage) {
        let dark = stage.subject.is_dark();
        for away in [62.0, 40.0, 26.0, 17.0, 11.0] {
            for side in [-1.0, 1.0] {
                let metre = self.zoom / away;
                let at =
                    |across: f32, height: f32| (self.middle + side * across * metre, self.row(height, away));
                let iron = self.veiled(stage, Colour::hex(0x2b3038).lit(stage.palette.light), away);
                canvas.line(at(5.1, 0.0), at(5.1, 5.2), metre * 0.13, iron, 1.0);
                canvas.line(at(5.1, 5.2), at(4.3, 5.4), metre * 0.09, iron, 1.0);
                let lamp = at(4.2, 5.25);
                if dark {
                    canvas.glow(lamp, metre * 2.6, Colour::hex(0xffc878) * 0.85);
                    canvas.glow(at(4.2, 0.0), metre * 2.0, Colour::hex(0xffc070) * 0.3);
                }
                let glass = if dark { Colour::hex(0xfff2d0) } else { iron.mix(Colour::WHITE, 0.5) };
                canvas.disc(lamp, metre * 0.19, 1.0, glass, 1.0);
            }
        }
    }
}

fn houses(random: &mut Random) -> Vec<House> {
    let walls = [0xb9a690, 0xa8826a, 0x8f9aa3, 0xc4b59c, 0x9c6f5c, 0x7f8891, 0xcdbfa6, 0xa39a8c];
    let awnings = [0xa63d3a, 0x2f6a5a, 0x31557d, 0xc2873a, 0x6a4a6e];
    let mut houses = Vec::new();
    let mut end = random.between(6.0, 12.0);
    while end < END + 20.0 {
        houses.push(House {
            end,
            height: STOREY * (3.0 + random.below(4) as f32) + random.between(0.6, 1.6),
            colour: Colour::hex(walls[random.below(walls.len())]),
            awning: Colour::hex(awnings[random.below(awnings.len())]),
            chance: Noise::new(random.bits()),
        });
        end += random.between(7.0, 14.0);
    }
    houses
}

impl House {
    /// Its front at a place: how far away and how high, in metres, a pixel being `(run, pixel)` metres wide and high.
    fn seen(
        &self,
        stage: &Stage,
        (away, height): (f32, f32),
        (run, pixel): (f32, f32),
        shade: f32,
    ) -> Colour {
        let storey = floor(height / STOREY);
        let is_shop = storey == 0.0;
        let (wide, frames) = if is_shop { (3.4, (0.14, 0.2)) } else { (2.3, (0.27, 0.24)) };
        let (column, level) = (floor(away / wide) as i32, storey as i32);
        let fine = smooth_step(wide * 0.9, wide * 0.25, run) * smooth_step(STOREY * 0.8, 1.0, pixel);
        let pane = opening(away / wide, frames.0, run / wide)
            * opening(height / STOREY, frames.1, pixel / STOREY)
            * fine;
        let under_roof = smooth_step(self.height - 1.0, self.height - 1.3, height);
        let glazed = self.pane(stage, (column, level), is_shop);
        let seen = self.wall(stage, (away, height), shade).mix(glazed, pane * under_roof);
        if !is_shop || self.chance.cell(column, 7) >= 0.75 {
            return seen;
        }
        let awning = smooth_step(0.35, 0.28, (height - 2.95).abs());
        seen.mix(self.cloth(away, run).lit(stage.palette.light), awning * fine)
    }

    /// The bare wall, with the seam to the next house and the edge of the roof.
    fn wall(&self, stage: &Stage, (away, height): (f32, f32), shade: f32) -> Colour {
        let stain = 1.0 + 0.06 * self.chance.layers(away * 0.7, height * 0.5, 3);
        let seam = smooth_step(0.35, 0.1, (self.end - away).abs()) * 0.3;
        let cornice = smooth_step(self.height - 0.7, self.height - 0.6, height) * 0.22;
        let wall = (self.colour * (shade * stain * (1.0 - seam) * (1.0 - cornice))).lit(stage.palette.light);
        if !stage.subject.has(Trait::Snow) {
            return wall;
        }
        let white = Colour::hex(0xeef3fa).lit(stage.palette.light);
        wall.mix(white, smooth_step(self.height - 0.45, self.height - 0.35, height))
    }

    /// The cloth of an awning; its stripes run together where they are finer than a pixel.
    fn cloth(&self, away: f32, run: f32) -> Colour {
        let is_striped = floor(away / 0.55) as i32 % 2 == 0;
        let stripe = if is_striped { self.awning } else { Colour::hex(0xe8e0d0) };
        stripe.mix(self.awning, smooth_step(0.2, 0.5, run))
    }

    /// A window, lit or not.
    fn pane(&self, stage: &Stage, (column, level): (i32, i32), is_shop: bool) -> Colour {
        let share = match stage.subject.hour {
            Hour::Night => 0.5,
            Hour::Dusk => 0.4,
            Hour::Sunset | Hour::Dawn => 0.16,
            Hour::Day => 0.0,
        };
        let share = if is_shop && share > 0.0 { 0.85 } else { share };
        let glass = Colour::hex(0x39444f).lit(stage.palette.light) + stage.palette.sky[2] * 0.22;
        let lamps = [Colour::hex(0xffd48a), Colour::hex(0xffe6b8), Colour::hex(0xffb866)];
        if self.chance.cell(column, level) >= share {
            return glass;
        }
        let lamp = lamps[(self.chance.cell(column + 31, level) * 2.99) as usize];
        lamp * mix(0.6, 1.0, self.chance.cell(column, level + 57))
    }
}

/// How much of a window is at this part of its cell, of which a pixel is `soft`: 0 in its `frame`, 1 in the glass.
fn opening(at: f32, frame: f32, soft: f32) -> f32 {
    let edge = (at - floor(at) - 0.5).abs();
    let soft = soft.max(0.01);
    1.0 - smooth_step(0.5 - frame - soft, 0.5 - frame + soft, edge)
}

/// How much of a joint, one every `step` metres, is at `away`; a pixel is `deep` metres.
fn line_across(away: f32, step: f32, deep: f32) -> f32 {
    let part = away / step - floor(away / step);
    smooth_step(0.06, 0.0, part) * smooth_step(step, step * 0.2, deep)
}
