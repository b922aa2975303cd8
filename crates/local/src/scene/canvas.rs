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
}

/// A point in pixels.
pub(super) type Point = (f32, f32);

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        let unit = ((width * height) as f32).sqrt();
        Canvas { width, height, unit, pixels: vec![Colour::BLACK; width * height] }
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
    }

    /// Lays `colour` over a pixel; `cover` from 0 (not at all) to 1 (fully).
    pub fn lay(&mut self, x: usize, y: usize, colour: Colour, cover: f32) {
        let pixel = &mut self.pixels[y * self.width + x];
        *pixel = pixel.mix(colour, cover.clamp(0.0, 1.0));
    }

    /// Adds light to a pixel.
    pub fn shine(&mut self, x: usize, y: usize, light: Colour) {
        let pixel = &mut self.pixels[y * self.width + x];
        *pixel = pixel.screen(light);
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
