//! One layer of a scene, kept as frames are, and how it is laid over what lies behind it.

use super::super::canvas::{Canvas, Motion, Painted};
use super::super::colour::Colour;
use super::super::finish;
use super::super::noise::Noise;
use super::ripples::Ripples;
use crate::elementary::floor;

/// A frame: brightness and the two differences of colour, one after another.
pub(super) struct Planes {
    pub width: usize,
    pub height: usize,
    pub bytes: Vec<u8>,
}

impl Planes {
    pub fn new(width: usize, height: usize) -> Planes {
        Planes { width, height, bytes: vec![0; width * height * 3 / 2] }
    }

    /// The brightness, and the two differences of colour.
    pub fn parts(&mut self) -> [&mut [u8]; 3] {
        let (brightness, colours) = self.bytes.split_at_mut(self.width * self.height);
        let (blue, red) = colours.split_at_mut(self.width * self.height / 4);
        [brightness, blue, red]
    }
}

/// A layer, wider than the frame.
pub(super) struct Layer {
    pub motion: Motion,
    /// How many pixels it stands out on the left.
    margin: usize,
    brightness: Plane,
    /// In half the width and height.
    colours: [Plane; 2],
}

/// One part of a layer, and how much of it covers what lies behind.
struct Plane {
    width: usize,
    values: Vec<u8>,
    covers: Vec<u8>,
    /// From where to where each row covers anything.
    spans: Vec<(usize, usize)>,
    /// From where to where nothing is seen through it, if that is one piece.
    solid: Vec<(usize, usize)>,
}

impl Layer {
    /// What was painted on `canvas`, which stands out by `margin` on either side of the frame.
    pub fn of(painted: Painted, canvas: &Canvas, margin: usize) -> Layer {
        let Painted { motion, pixels, covers } = painted;
        let (width, height) = (canvas.width, canvas.height);
        let chance = Noise::new(0xd17e);
        let toned = |(at, colour): (usize, &Colour)| video_of(finish::tone(*colour, canvas, at));
        let video: Vec<[f32; 3]> = pixels.iter().enumerate().map(toned).collect();
        let brightness: Vec<u8> = video
            .iter()
            .enumerate()
            // Rounded up or down by chance, against banding.
            .map(|(at, parts)| (parts[0] + chance.cell((at % width) as i32, (at / width) as i32)) as u8)
            .collect();
        let own: Vec<u8> = covers.iter().map(|cover| (cover * 255.0 + 0.5) as u8).collect();
        let quarter = |part: usize| {
            let mut values = Vec::with_capacity(width * height / 4);
            let mut quarter = Vec::with_capacity(width * height / 4);
            for y in (0..height).step_by(2) {
                for x in (0..width).step_by(2) {
                    let four =
                        [y * width + x, y * width + x + 1, (y + 1) * width + x, (y + 1) * width + x + 1];
                    let cover: f32 = four.iter().map(|at| covers[*at]).sum();
                    let sum: f32 = four.iter().map(|at| covers[*at] * video[*at][part]).sum();
                    values.push(if cover > 0.0 { (sum / cover + 0.5) as u8 } else { 128 });
                    quarter.push((cover * 63.75 + 0.5) as u8);
                }
            }
            Plane::new(width / 2, values, quarter)
        };
        let colours = [quarter(1), quarter(2)];
        Layer { motion, margin, brightness: Plane::new(width, brightness, own), colours }
    }

    /// Whether nothing behind it is seen in `row` and the next one of a frame, when they are moved so far.
    pub fn hides(&self, row: usize, moved: [f32; 2], width: usize) -> bool {
        // Between two pixels the next one is seen; ripples look only within their own row.
        let reach = 2;
        [0, 1].into_iter().all(|next| {
            let (begin, end) = self.brightness.solid[row + next];
            let left = (self.margin as f32 - moved[next]).max(0.0) as usize;
            begin <= left && left + width + reach <= end
        })
    }

    /// Lays `row` and the next one over those of a frame, moved to the right by so many pixels; water is rippled as it is
    /// after so many seconds.
    pub fn lay(&self, frame: &mut Planes, row: usize, moved: [f32; 2], ripples: &Ripples, seconds: f32) {
        let (width, height) = (frame.width, frame.height as f32);
        let [brightness, blue, red] = frame.parts();
        let bend = |row: usize, from: f32| match self.motion {
            Motion::Water { top } => {
                let near = (row as f32 + 0.5 - top) / (height - top);
                ripples.at(near, from, width, seconds)
            }
            _ => None,
        };
        for (next, moved) in moved.into_iter().enumerate() {
            let (row, from) = (row + next, self.margin as f32 - moved);
            let out = &mut brightness[row * width..(row + 1) * width];
            match bend(row, from) {
                None => self.brightness.lay_row(out, row, from),
                Some(bend) => self.brightness.lay_bent(out, row, from, 1, &bend),
            }
        }
        let from = self.margin as f32 - moved[0];
        let bend = bend(row, from);
        let (row, half) = (row / 2, width / 2);
        for (plane, part) in self.colours.iter().zip([blue, red]) {
            let out = &mut part[row * half..(row + 1) * half];
            match &bend {
                None => plane.lay_row(out, row, from / 2.0),
                Some(bend) => plane.lay_bent(out, row, from / 2.0, 2, bend),
            }
        }
    }
}

/// How the surface of water bends what is seen in one row.
pub(super) struct Bend<'a> {
    /// The waves in this row, from -128 to 127.
    pub waves: &'a [i8],
    /// Where in them the row begins, and how far it goes on with each pixel, in 65536ths.
    pub begin: u32,
    pub step: u32,
    /// How many pixels a whole wave moves what is seen, across and down, in 65536ths.
    pub across: i32,
    pub down: i32,
    /// How much brighter it makes it.
    pub light: i32,
}

impl Plane {
    fn new(width: usize, values: Vec<u8>, covers: Vec<u8>) -> Plane {
        let span = |row: &[u8]| {
            let start = row.iter().position(|cover| *cover > 0).unwrap_or(row.len());
            let end = row.iter().rposition(|cover| *cover > 0).map_or(start, |last| last + 1);
            (start, end)
        };
        let solid = |row: &[u8]| {
            let start = row.iter().position(|cover| *cover == 255).unwrap_or(row.len());
            let count = row[start..].iter().take_while(|cover| **cover == 255).count();
            (start, start + count)
        };
        let spans = covers.chunks(width).map(span).collect();
        let solid = covers.chunks(width).map(solid).collect();
        Plane { width, values, covers, spans, solid }
    }

    /// Lays a row over `out`, of which the first pixel shows what is at `from`.
    fn lay_row(&self, out: &mut [u8], row: usize, from: f32) {
        let (begin, end) = self.spans[row];
        let left = floor(from);
        let share = ((from - left) * 256.0) as u16;
        let left = (left.max(0.0) as usize).min(self.width - 1);
        // Of the frame, what this row may cover.
        let first = begin.saturating_sub(left + 1);
        let last = end.saturating_sub(left).min(out.len()).min(self.width - 1 - left);
        if first >= last {
            return;
        }
        let at = row * self.width + left + first;
        let count = last - first;
        let values = &self.values[at..at + count + 1];
        let covers = &self.covers[at..at + count + 1];
        let between = |one: u8, next: u8| (u16::from(one) * (256 - share) + u16::from(next) * share) >> 8;
        let pairs = values[..count].iter().zip(&values[1..]).zip(covers[..count].iter().zip(&covers[1..]));
        for (pixel, ((value, next), (cover, beside))) in out[first..last].iter_mut().zip(pairs) {
            let value = between(*value, *next);
            let cover = between(*cover, *beside);
            // From 0 to 256.
            let cover = cover + (cover >> 7);
            *pixel = ((u16::from(*pixel) * (256 - cover) + value * cover) >> 8) as u8;
        }
    }

    /// The same of water; `shrink` is 2 if this plane has half the width and height of the frame, else 1.
    fn lay_bent(&self, out: &mut [u8], row: usize, from: f32, shrink: i32, bend: &Bend) {
        let (begin, end) = self.spans[row];
        let rows = self.spans.len();
        let start = (from * 256.0) as i32;
        let limit = (self.width as i32 - 2) << 8;
        let mask = bend.waves.len() - 1;
        for (index, pixel) in out.iter_mut().enumerate() {
            let wave = bend.begin.wrapping_add(bend.step.wrapping_mul(index as u32 * shrink as u32));
            let place = (wave >> 16) as usize & mask;
            let fraction = (wave & 0xffff) as i32;
            let (one, next) = (i32::from(bend.waves[place]), i32::from(bend.waves[(place + 1) & mask]));
            let wave = (one * (65_536 - fraction) + next * fraction) >> 16;
            let x = (start + ((index as i32) << 8) + ((wave * bend.across / shrink) >> 15)).clamp(0, limit);
            let (left, part) = ((x >> 8) as usize, x & 255);
            if left < begin || left >= end {
                continue;
            }
            let source =
                (row as i32 + ((wave * bend.down / shrink) >> 23)).clamp(0, rows as i32 - 1) as usize;
            let mut at = source * self.width + left;
            if self.covers[at] == 0 {
                // Beyond its own edge there is nothing to be seen in it.
                at = row * self.width + left;
            }
            let value =
                (i32::from(self.values[at]) * (256 - part) + i32::from(self.values[at + 1]) * part) >> 8;
            let value = if shrink == 1 { (value + ((wave * bend.light) >> 8)).clamp(16, 235) } else { value };
            let cover = i32::from(self.covers[row * self.width + left]);
            let cover = cover + (cover >> 7);
            *pixel = ((i32::from(*pixel) * (256 - cover) + value * cover) >> 8) as u8;
        }
    }
}

/// A colour as video keeps it: BT.709, limited range.
fn video_of(colour: Colour) -> [f32; 3] {
    let clamp = |channel: f32| channel.clamp(0.0, 1.0);
    let (red, green, blue) = (clamp(colour.0), clamp(colour.1), clamp(colour.2));
    let bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    [16.0 + 219.0 * bright, 128.0 + 224.0 * (blue - bright) / 1.8556, 128.0 + 224.0 * (red - bright) / 1.5748]
}
