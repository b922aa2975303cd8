//! Ground in layers, from far to near: mountains, hills, dunes.

use super::canvas::Canvas;
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use crate::elementary::{floor, mix, smooth_step};

/// One layer of ground: everything below a line across the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground {
    /// The kind of surface.
    pub surface: Surface,
    /// Where its foot is, in pixels from the top.
    pub foot: f32,
    /// Below this it is hidden by nearer layers, in pixels from the top.
    pub until: f32,
    /// How high it rises above its foot, in units.
    pub rise: f32,
    /// Forms per unit of width.
    pub detail: f32,
    /// From 0 (near) to 1 (lost in the haze).
    pub distance: f32,
    /// Its own colour.
    pub colour: Colour,
    /// Tells one layer's chance from another's.
    pub index: u64,
}

/// Kinds of surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Surface {
    /// Rock with facets; snow above this height (0 foot, 1 top).
    Rock { snow_line: f32 },
    /// Soft slopes with a lit crest.
    Grass,
    /// The same under snow.
    Snow,
    /// Sand with a lit and a shaded side and ripples.
    Sand,
}

impl Ground {
    /// The upper edge at each column, in pixels from the top.
    pub fn edge(&self, canvas: &Canvas, stage: &Stage) -> Vec<f32> {
        let noise = self.noise(stage);
        (0..canvas.width)
            .map(|x| {
                let u = (x as f32 - canvas.width as f32 / 2.0) / canvas.unit * self.detail;
                self.foot - self.height(noise, u) * self.rise * canvas.unit
            })
            .collect()
    }

    fn noise(&self, stage: &Stage) -> Noise {
        Noise::new(stage.seed.wrapping_add(self.index.wrapping_mul(0x9e37_79b9)))
    }

    /// The height of the edge at `u`, about 0 to 1.
    fn height(&self, noise: Noise, u: f32) -> f32 {
        let row = self.index as f32 * 3.7;
        match self.surface {
            Surface::Rock { .. } => {
                let broken = 0.11 * noise.layers(u * 5.0, row + 9.0, 4);
                Peak::above(noise, u * PEAKS, row).height + broken
            }
            Surface::Grass | Surface::Snow => 0.5 + 0.75 * noise.layers(u * 0.6, row, 3),
            Surface::Sand => {
                let swell = 0.5 + 0.7 * noise.at(u * 0.6, row);
                let crest = 1.0 - (1.3 * noise.at(u * 0.45 + 9.0, row)).abs();
                0.45 * swell + 0.6 * crest.max(0.0)
            }
        }
    }

    /// Paints the layer and gives its upper edge.
    pub fn paint(&self, canvas: &mut Canvas, stage: &Stage) -> Vec<f32> {
        let edge = self.edge(canvas, stage);
        self.paint_below(canvas, stage, &edge);
        edge
    }

    /// The same with each column moved down by a number of pixels.
    pub fn paint_shifted(&self, canvas: &mut Canvas, stage: &Stage, shifts: &[f32]) -> Vec<f32> {
        let edge: Vec<f32> =
            self.edge(canvas, stage).iter().zip(shifts).map(|(y, shift)| y + shift).collect();
        self.paint_below(canvas, stage, &edge);
        edge
    }

    fn paint_below(&self, canvas: &mut Canvas, stage: &Stage, edge: &[f32]) {
        let noise = self.noise(stage);
        let mist = stage.mist(self.distance);
        let end = (self.until.max(0.0) as usize).min(canvas.height);
        for x in 0..canvas.width {
            let top = edge[x];
            let slope = slope_at(edge, x, canvas.unit);
            let start = (top - 1.0).clamp(0.0, canvas.height as f32) as usize;
            for y in start..end {
                let below = (y as f32 + 0.5 - top) / canvas.unit;
                let cover = (y as f32 + 1.0 - top).clamp(0.0, 1.0);
                let u = (x as f32 - canvas.width as f32 / 2.0) / canvas.unit;
                let own = match self.surface {
                    Surface::Rock { snow_line } => {
                        let high = (self.foot - y as f32) / (self.rise * canvas.unit);
                        self.rock(stage, noise, (u, below), high, snow_line)
                    }
                    Surface::Grass => self.grass(stage, noise, (u, below), slope),
                    Surface::Snow => self.snow(stage, noise, (u, below), slope),
                    Surface::Sand => self.sand(stage, noise, edge, (x, y), below),
                };
                // Mist gathers at the foot.
                let sunk = mist * smooth_step(0.0, (self.rise * 1.3).max(0.1), below);
                let seen = stage.palette.seen(own, self.distance).mix(stage.palette.haze, sunk);
                canvas.lay(x, y, seen, cover);
            }
        }
    }

    /// Each peak has a lit and a shaded face, parted by a ridge that winds down from its top, and
    /// gullies that spread from there.
    fn rock(&self, stage: &Stage, noise: Noise, (u, _): (f32, f32), high: f32, snow_line: f32) -> Colour {
        let row = self.index as f32 * 3.7;
        let ragged = 0.05 * noise.layers(u * self.detail * 9.0, high * 9.0, 3);
        let peak = Peak::seen_at(noise, u * self.detail * PEAKS, row, high + ragged);
        let fallen = (peak.summit - high).max(0.0);
        let wind = (0.2 + fallen) * 0.5 * noise.layers(fallen * 4.0, peak.chance * 90.0, 3);
        let lit_face = smooth_step(-0.04, 0.05, (peak.off - wind) * stage.sun_side);
        let spread = peak.off / (fallen * 1.3 + 0.16);
        let gullies = noise.layers(spread * 4.2 + peak.chance * 70.0, fallen * 3.2, 4);
        let fine = noise.layers(u * self.detail * 16.0, high * 16.0, 3);
        let lit = (0.14 + 0.66 * lit_face + 0.46 * gullies + 0.12 * fine).clamp(0.0, 1.0);
        let rock = self.colour * mix(0.5, 1.3, lit);
        let above = high - snow_line + 0.16 * gullies + 0.06 * fine - 0.05 * (1.0 - lit_face);
        let snow = Colour::hex(0x8ea6cf).mix(Colour::hex(0xffffff), smooth_step(0.1, 0.75, lit));
        rock.mix(snow, smooth_step(0.0, 0.035, above))
    }

    fn grass(&self, stage: &Stage, noise: Noise, (u, below): (f32, f32), slope: f32) -> Colour {
        let crest = 1.0 - smooth_step(0.0, 0.09, below);
        let faces_sun = (0.5 - 0.8 * slope * stage.sun_side).clamp(0.0, 1.0);
        let patches = noise.layers(u * 3.0 * self.detail, below * 14.0 * self.detail, 4);
        let blades = noise.at(u * 90.0, below * 260.0) * (1.0 - self.distance);
        let bright =
            0.8 + 0.35 * crest * faces_sun + 0.25 * (faces_sun - 0.5) + 0.16 * patches + 0.07 * blades;
        let warm = Colour(1.06, 1.02, 0.86);
        self.colour.lit(Colour::WHITE.mix(warm, (0.5 + patches).clamp(0.0, 1.0))) * bright
    }

    fn snow(&self, stage: &Stage, noise: Noise, (u, below): (f32, f32), slope: f32) -> Colour {
        let crest = 1.0 - smooth_step(0.0, 0.07, below);
        let faces_sun = (0.5 - 0.8 * slope * stage.sun_side).clamp(0.0, 1.0);
        let drifts = noise.layers(u * 2.2 * self.detail, below * 11.0 * self.detail, 4);
        let lit = 0.5 + 0.42 * drifts + 0.4 * crest * faces_sun + 0.25 * (faces_sun - 0.5);
        let shade = Colour::hex(0xa9bfe2).mix(Colour::hex(0xfbfdff), smooth_step(0.05, 0.85, lit));
        shade * (1.0 + 0.02 * noise.at(u * 160.0, below * 320.0))
    }

    /// The side that falls away from the sun is in shade; the border runs down from each crest.
    fn sand(&self, stage: &Stage, noise: Noise, edge: &[f32], (x, y): (usize, usize), below: f32) -> Colour {
        let unit = edge.len() as f32 / 1.333;
        let wander = 0.05 * noise.layers(x as f32 / unit * 3.0, y as f32 / unit * 3.0, 2);
        let source = x as f32 + stage.sun_side * (below * 0.9 + wander) * unit;
        let source = source.clamp(0.0, edge.len() as f32 - 1.0) as usize;
        let slope = slope_at(edge, source, unit);
        let lit = smooth_step(-0.16, 0.16, -slope * stage.sun_side);
        let ripple_row =
            y as f32 / unit * 90.0 + 2.5 * noise.at(x as f32 / unit * 5.0, y as f32 / unit * 9.0);
        let ripples = noise.at(x as f32 / unit * 7.0, ripple_row) * (1.0 - self.distance);
        let shade = mix(0.62, 1.1, lit) + 0.05 * ripples - 0.12 * smooth_step(0.0, 0.5, below);
        let tint = Colour(0.92, 0.9, 1.04).mix(Colour(1.0, 1.0, 0.97), lit);
        self.colour.lit(tint) * shade
    }
}

/// Peaks per unit of a layer's detail.
const PEAKS: f32 = 1.9;

/// The mountain that is highest at a place.
struct Peak {
    /// Its height here, about 0 to 1.
    height: f32,
    /// Its height at the top.
    summit: f32,
    /// How far right of its top this is.
    off: f32,
    /// Tells it from others.
    chance: f32,
}

impl Peak {
    /// The highest mountain at `u`.
    fn above(noise: Noise, u: f32, row: f32) -> Peak {
        let higher = |a: Peak, b: Peak| if b.height > a.height { b } else { a };
        Peak::around(noise, u, row).reduce(higher).expect("there are five")
    }

    /// The foremost mountain that is seen at `u` and this height.
    fn seen_at(noise: Noise, u: f32, row: f32, high: f32) -> Peak {
        let foremost = |a: Peak, b: Peak| if b.chance > a.chance { b } else { a };
        let covers = |peak: &Peak| peak.height >= high;
        let seen = Peak::around(noise, u, row).filter(covers).reduce(foremost);
        seen.unwrap_or_else(|| Peak::above(noise, u, row))
    }

    fn around(noise: Noise, u: f32, row: f32) -> impl Iterator<Item = Peak> {
        let row = (row * 10.0) as i32;
        let middle = floor(u) as i32;
        (middle - 2..=middle + 2).map(move |cell| {
            let chance = noise.cell(cell, row);
            let off = u - (cell as f32 + 0.15 + 0.7 * chance);
            let summit = 0.42 + 0.58 * noise.cell(cell, row + 1);
            let steep = 0.62 + 0.3 * noise.cell(cell, row + 2);
            Peak { height: summit - steep * off.abs(), summit, off, chance: noise.cell(cell, row + 3) }
        })
    }
}

/// How steeply the edge falls to the right at a column (positive falls), smoothed.
fn slope_at(edge: &[f32], x: usize, unit: f32) -> f32 {
    let reach = ((unit * 0.012) as usize).max(1);
    let (left, right) = (x.saturating_sub(reach), (x + reach).min(edge.len() - 1));
    (edge[right] - edge[left]) / (right - left).max(1) as f32
}
