//! The picture while it is drawn, and smooth-edged shapes on it.

use super::colour::Colour;

/// Pixels in rows from the top. Lengths of forms are given in *units*: one unit is the side of the
/// square that has the picture's area, so a tree has the same size in any aspect ratio.
pub(super) struct Canvas {
    pub width: usize,
    pub height: usize,
    /// Pixels per unit.
    pub unit: f32,
    pub pixels: Vec<Colour>,
    recording: Option<Recording>,
}

/// How a layer of a scene moves, when it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Motion {
    /// It stands; from 0 (far away) to 1 (near), it is passed by who looks.
    Near(f32),
    /// Clouds drift in it: the faster, the higher they stand over the horizon, in pixels from the top.
    Overhead { horizon: f32 },
    /// Fog drifts in it.
    Drift,
    /// Water, from `top` on, in pixels from the top.
    Water { top: f32 },
}

/// A layer: its own colours, and how much of what lies behind each pixel covers.
pub(super) struct Painted {
    pub motion: Motion,
    pub pixels: Vec<Colour>,
    pub covers: Vec<f32>,
}

/// What keeps layers apart that are painted over one another.
struct Recording {
    /// The canvas as it was when the layer began.
    before: Vec<Colour>,
    covers: Vec<f32>,
    layers: Vec<Painted>,
}

/// A point in pixels.
pub(super) type Point = (f32, f32);

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        let unit = ((width * height) as f32).sqrt();
        Canvas { width, height, unit, pixels: vec![Colour::BLACK; width * height], recording: None }
    }

    /// One that keeps its layers apart.
    pub fn recording(width: usize, height: usize) -> Canvas {
        let canvas = Canvas::new(width, height);
        let (before, covers) = (canvas.pixels.clone(), vec![0.0; width * height]);
        Canvas { recording: Some(Recording { before, covers, layers: Vec::new() }), ..canvas }
    }

    /// Whether layers are kept apart, because they will move.
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// The columns from `left` on, as one layer, on which others follow.
    pub fn cropped(&self, left: usize, width: usize) -> Canvas {
        let mut canvas = Canvas::recording(width, self.height);
        let rows = self.pixels.chunks(self.width).flat_map(|row| &row[left..left + width]);
        canvas.pixels = rows.copied().collect();
        let recording = canvas.recording.as_mut().expect("it was made to record");
        recording.before.clone_from(&canvas.pixels);
        canvas
    }

    /// What was painted since the last layer ended moves like this.
    pub fn end_layer(&mut self, motion: Motion) {
        let Some(recording) = &mut self.recording else { return };
        if recording.covers.iter().all(|cover| *cover == 0.0) {
            return;
        }
        let covers = std::mem::replace(&mut recording.covers, vec![0.0; self.pixels.len()]);
        // Of what is seen, what lay behind is taken away.
        let own = |((seen, behind), cover): ((&Colour, &Colour), &f32)| match *cover {
            cover if cover < 0.01 => *seen,
            cover => (*seen + *behind * (cover - 1.0)) * (1.0 / cover),
        };
        let pixels = self.pixels.iter().zip(&recording.before).zip(&covers).map(own).collect();
        recording.before.clone_from(&self.pixels);
        recording.layers.push(Painted { motion, pixels, covers });
    }

    /// The layers, from behind.
    pub fn take_layers(&mut self) -> Vec<Painted> {
        self.recording.as_mut().map(|recording| std::mem::take(&mut recording.layers)).unwrap_or_default()
    }

    fn note(&mut self, at: usize, cover: f32) {
        if let Some(recording) = &mut self.recording {
            let covered = &mut recording.covers[at];
            *covered += (1.0 - *covered) * cover;
        }
    }

    /// The picture's height in units.
    pub fn height_units(&self) -> f32 {
        self.height as f32 / self.unit
    }

    /// The picture's width in units.
    pub fn width_units(&self) -> f32 {
        self.width as f32 / self.unit
    }

    pub fn get(&self, x: usize, y: usize) -> Colour {
        self.pixels[y * self.width + x]
    }

    pub fn set(&mut self, x: usize, y: usize, colour: Colour) {
        self.pixels[y * self.width + x] = colour;
        self.note(y * self.width + x, 1.0);
    }

    /// Lays `colour` over a pixel; `cover` from 0 (not at all) to 1 (fully).
    pub fn lay(&mut self, x: usize, y: usize, colour: Colour, cover: f32) {
        let pixel = &mut self.pixels[y * self.width + x];
        *pixel = pixel.mix(colour, cover.clamp(0.0, 1.0));
        self.note(y * self.width + x, cover.clamp(0.0, 1.0));
    }

    /// Adds light to a pixel.
    pub fn shine(&mut self, x: usize, y: usize, light: Colour) {
        let pixel = &mut self.pixels[y * self.width + x];
        *pixel = pixel.screen(light);
        self.note(y * self.width + x, light.0.max(light.1).max(light.2).clamp(0.0, 1.0));
    }

    /// The columns and rows within `reach` pixels of the box between two corners.
    pub fn span(
        &self,
        from: Point,
        to: Point,
        reach: f32,
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let clip = |low: f32, high: f32, limit: usize| {
            let low = (low.min(high) - reach, low.max(high) + reach);
            let start = low.0.clamp(0.0, limit as f32) as usize;
            let end = (low.1.clamp(0.0, limit as f32).ceil() as usize).min(limit);
            start..end.max(start)
        };
        (clip(from.0, to.0, self.width), clip(from.1, to.1, self.height))
    }

    /// Fills a disc; its edge is `soft` pixels wide (at least one).
    pub fn disc(&mut self, centre: Point, radius: f32, soft: f32, colour: Colour, opacity: f32) {
        let soft = soft.max(1.0);
        let (columns, rows) = self.span(centre, centre, radius + soft);
        for y in rows {
            for x in columns.clone() {
                let distance = length(x as f32 + 0.5 - centre.0, y as f32 + 0.5 - centre.1);
                let cover = ((radius - distance) / soft + 0.5).clamp(0.0, 1.0);
                self.lay(x, y, colour, cover * opacity);
            }
        }
    }

    /// Adds a round light that fades out at `radius`.
    pub fn glow(&mut self, centre: Point, radius: f32, light: Colour) {
        let (columns, rows) = self.span(centre, centre, radius);
        for y in rows {
            for x in columns.clone() {
                let distance = length(x as f32 + 0.5 - centre.0, y as f32 + 0.5 - centre.1);
                let strength = (1.0 - distance / radius).max(0.0);
                self.shine(x, y, light * (strength * strength * strength));
            }
        }
    }

    /// Draws a line of `thickness` pixels with round ends.
    pub fn line(&mut self, from: Point, to: Point, thickness: f32, colour: Colour, opacity: f32) {
        // Thinner than a pixel is fainter than a line.
        let radius = (thickness / 2.0).max(0.5);
        let opacity = opacity * (thickness / (2.0 * radius)).min(1.0);
        let (columns, rows) = self.span(from, to, radius + 1.0);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let square = (dx * dx + dy * dy).max(1e-6);
        for y in rows {
            for x in columns.clone() {
                let (px, py) = (x as f32 + 0.5 - from.0, y as f32 + 0.5 - from.1);
                let along = ((px * dx + py * dy) / square).clamp(0.0, 1.0);
                let distance = length(px - along * dx, py - along * dy);
                let cover = (radius - distance + 0.5).clamp(0.0, 1.0);
                self.lay(x, y, colour, cover * opacity);
            }
        }
    }

    /// Fills a convex polygon whose corners go clockwise on the screen.
    pub fn convex(&mut self, corners: &[Point], colour: Colour, opacity: f32) {
        self.convex_shaded(corners, |_, _| colour, opacity);
    }

    /// Fills a convex polygon with a colour that depends on the pixel.
    pub fn convex_shaded(&mut self, corners: &[Point], colour: impl Fn(f32, f32) -> Colour, opacity: f32) {
        let bound = |pick: fn(f32, f32) -> f32| {
            corners.iter().copied().reduce(|a, b| (pick(a.0, b.0), pick(a.1, b.1))).unwrap_or_default()
        };
        let (columns, rows) = self.span(bound(f32::min), bound(f32::max), 1.0);
        let edges: Vec<(f32, f32, f32)> = (0..corners.len())
            .map(|index| {
                let (a, b) = (corners[index], corners[(index + 1) % corners.len()]);
                let (nx, ny) = (b.1 - a.1, a.0 - b.0);
                let size = length(nx, ny).max(1e-6);
                (nx / size, ny / size, -(nx * a.0 + ny * a.1) / size)
            })
            .collect();
        for y in rows {
            for x in columns.clone() {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let outside = edges.iter().map(|(nx, ny, d)| nx * px + ny * py + d).fold(f32::MIN, f32::max);
                let cover = (0.5 - outside).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.lay(x, y, colour(px, py), cover * opacity);
                }
            }
        }
    }

    /// Fills an upright rectangle.
    pub fn rectangle(&mut self, from: Point, to: Point, colour: Colour, opacity: f32) {
        self.convex(&[from, (to.0, from.1), to, (from.0, to.1)], colour, opacity);
    }
}

pub(super) fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}
