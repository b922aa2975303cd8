//! Skylines: houses in rows, with windows.

use super::canvas::Canvas;
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use super::subject::Hour;
use crate::elementary::{floor, mix, smooth_step};
use crate::random::Random;

/// A row of buildings that stand on `foot`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skyline {
    /// Where the ground is, in pixels from the top.
    pub foot: f32,
    /// How high the usual tower is, in units.
    pub tall: f32,
    /// How wide, in units.
    pub wide: f32,
    /// From 0 (near) to 1 (lost in the haze).
    pub distance: f32,
    /// Tells one row's chance from another's.
    pub index: u64,
}

/// One building, in pixels.
struct Tower {
    left: f32,
    right: f32,
    top: f32,
    foot: f32,
    colour: Colour,
    chance: u64,
}

impl Skyline {
    /// Builds the row from left to right; higher towards the middle.
    pub fn build(&self, canvas: &mut Canvas, stage: &Stage) {
        let mut random = Random::new(stage.seed.wrapping_add(self.index), "towers");
        let shape = Noise::new(stage.seed ^ self.index);
        let centre = canvas.width as f32 * random.between(0.35, 0.65);
        let mut x = -self.wide * canvas.unit * random.unit();
        while x < canvas.width as f32 {
            let wide = self.wide * canvas.unit * random.between(0.55, 1.5);
            let away = ((x + wide / 2.0 - centre) / canvas.unit).abs();
            let rise =
                1.0 - 0.55 * smooth_step(0.05, 0.6, away) + 0.35 * shape.at(x / canvas.unit * 3.0, 0.5);
            let tall = self.tall * canvas.unit * rise.max(0.2) * random.between(0.55, 1.15);
            let greys = [0x6d7684, 0x7d7a80, 0x5c6b7c, 0x857b74, 0x4f5b6b, 0x8a8f98];
            let tower = Tower {
                left: x,
                right: x + wide,
                top: self.foot - tall,
                foot: canvas.height as f32,
                colour: Colour::hex(greys[random.below(greys.len())]),
                chance: random.bits(),
            };
            self.raise(canvas, stage, &tower);
            x += wide * random.between(0.92, 1.25);
        }
    }

    fn raise(&self, canvas: &mut Canvas, stage: &Stage, tower: &Tower) {
        let wide = tower.right - tower.left;
        let body = stage.palette.seen(tower.colour * 0.8, self.distance);
        match tower.chance % 5 {
            0 => {
                let step = wide * 0.2;
                let crown = (tower.left + step, tower.top - wide * 0.35);
                canvas.rectangle(crown, (tower.right - step, tower.top + 2.0), body, 1.0);
            }
            1 => {
                let middle = (tower.left + tower.right) / 2.0;
                let tip = tower.top - wide * 0.9;
                canvas.rectangle(
                    (tower.left + wide * 0.3, tower.top - wide * 0.25),
                    (tower.right - wide * 0.3, tower.top + 2.0),
                    body,
                    1.0,
                );
                canvas.line((middle, tower.top), (middle, tip), (wide * 0.035).max(1.0), body, 1.0);
                if stage.subject.is_dark() {
                    canvas.glow((middle, tip), wide * 0.16 + 2.0, Colour::hex(0xff5040) * 0.9);
                }
            }
            2 => {
                let slant = [
                    (tower.left, tower.top),
                    (tower.right, tower.top - wide * 0.4),
                    (tower.right, tower.top + 2.0),
                    (tower.left, tower.top + 2.0),
                ];
                canvas.convex(&slant, body, 1.0);
            }
            _ => {}
        }
        self.facade(canvas, stage, tower);
    }

    fn facade(&self, canvas: &mut Canvas, stage: &Stage, tower: &Tower) {
        let windows = Noise::new(tower.chance);
        let (columns, rows) = canvas.span((tower.left, tower.top), (tower.right, tower.foot), 1.0);
        let unit = canvas.unit;
        let pane = (unit * mix(0.0095, 0.006, self.distance), unit * mix(0.0125, 0.008, self.distance));
        let lit_share = match stage.subject.hour {
            Hour::Night => 0.42,
            Hour::Dusk => 0.34,
            Hour::Sunset | Hour::Dawn => 0.12,
            Hour::Day => 0.0,
        };
        let mist = stage.mist(self.distance);
        let lamps =
            [Colour::hex(0xffd48a), Colour::hex(0xffe9c0), Colour::hex(0xffb866), Colour::hex(0xcfe4ff)];
        for y in rows {
            let py = y as f32 + 0.5;
            let row_cover = (py + 0.5 - tower.top).clamp(0.0, 1.0);
            let sunk = mist * smooth_step(0.0, 0.34, (py - tower.top) / unit);
            for x in columns.clone() {
                let px = x as f32 + 0.5;
                let cover = row_cover
                    * (px + 0.5 - tower.left).clamp(0.0, 1.0)
                    * (tower.right - px + 0.5).clamp(0.0, 1.0);
                let t = (px - tower.left) / (tower.right - tower.left);
                let side = if stage.sun_side > 0.0 { t } else { 1.0 - t };
                let own = tower.colour * (0.62 + 0.4 * side);
                let (u, v) = ((px - tower.left) / pane.0, (py - tower.top) / pane.1);
                let inset = pane_cover(u, 0.24) * pane_cover(v, 0.3) * smooth_step(1.2, 3.0, pane.0);
                let inset = if u < 0.6 || (tower.right - px) / pane.0 < 0.6 || v < 1.0 { 0.0 } else { inset };
                let glass = own * 0.72 + stage.palette.sky[3].mix(stage.palette.sky[1], 0.5) * 0.2;
                let mut seen = stage.palette.seen(own.mix(glass, inset), self.distance);
                let (column, floor) = (floor(u) as i32, floor(v) as i32);
                if windows.cell(column, floor) < lit_share {
                    let lamp = lamps[(windows.cell(column + 50, floor) * 3.99) as usize];
                    let dim = (0.45 + 0.55 * windows.cell(column, floor + 99)) * (1.0 - 0.65 * self.distance);
                    seen = seen.mix(lamp, inset * dim);
                }
                canvas.lay(x, y, seen.mix(stage.palette.haze, sunk), cover);
            }
        }
    }
}

/// How much of a window is at this part of its cell: 0 in the frame, 1 in the glass.
fn pane_cover(at: f32, frame: f32) -> f32 {
    let part = at - floor(at);
    let edge = (part - 0.5).abs();
    1.0 - smooth_step(0.5 - frame, 0.5 - frame * 0.4, edge)
}
