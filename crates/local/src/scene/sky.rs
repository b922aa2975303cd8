//! The sky: gradient, stars, sun or moon, clouds, aurora.

use super::canvas::{Canvas, Motion, length};
use super::colour::Colour;
use super::composition::Stage;
use super::noise::Noise;
use super::subject::{Hour, Trait};
use crate::elementary::{exponential, mix, smooth_step};

/// Paints the sky from the top down to the horizon.
pub(super) fn paint(canvas: &mut Canvas, stage: &Stage) {
    let clouds = Clouds::of(stage);
    let night = stage.subject.hour == Hour::Night;
    let stars = night || stage.subject.has(Trait::Stars);
    let galaxy = Noise::new(stage.seed ^ 0x6a1a);
    let end = ((stage.horizon + 2.0) as usize).min(canvas.height);
    for y in 0..end {
        let t = (y as f32 + 0.5) / stage.horizon;
        let base = stage.palette.sky_at(t);
        for x in 0..canvas.width {
            let at = (x as f32 + 0.5, y as f32 + 0.5);
            let mut colour = base.screen(glow(canvas, stage, at, t));
            if stars {
                colour = colour.screen(milky_way(canvas, &galaxy, at, t));
            }
            canvas.set(x, y, colour);
        }
    }
    if stars {
        scatter_stars(canvas, stage, end);
    }
    if stage.subject.has(Trait::Aurora) {
        aurora(canvas, stage, end);
    }
    if stage.sun_is_up() {
        disc(canvas, stage);
    }
    canvas.end_layer(Motion::Near(0.0));
    clouds.paint(canvas, stage, end);
    canvas.end_layer(Motion::Overhead { horizon: stage.horizon });
}

/// The light around sun or moon, and along the horizon below it.
fn glow(canvas: &Canvas, stage: &Stage, at: (f32, f32), t: f32) -> Colour {
    let (dx, dy) = ((at.0 - stage.sun.0) / canvas.unit, (at.1 - stage.sun.1) / canvas.unit);
    let distance = length(dx, dy);
    let (wide, near, band) = match stage.subject.hour {
        Hour::Day => (0.22, 0.5, 0.0),
        Hour::Dawn => (0.42, 0.5, 0.35),
        Hour::Sunset => (0.5, 0.55, 0.45),
        Hour::Dusk => (0.25, 0.0, 0.4),
        Hour::Night => (0.2, 0.4, 0.0),
    };
    let up = if stage.sun_is_up() { 1.0 } else { 0.35 };
    let halo = wide * exponential(-4.5 * distance) + near * exponential(-60.0 * distance * distance) * up;
    let along = band * exponential(-2.2 * dx * dx) * smooth_step(0.35, 1.0, t);
    stage.palette.glow * (halo * up + along)
}

fn milky_way(canvas: &Canvas, galaxy: &Noise, at: (f32, f32), t: f32) -> Colour {
    let (x, y) = (at.0 / canvas.unit, at.1 / canvas.unit);
    let across = (x * 0.55 - y + 0.05 - 0.15 * canvas.width_units()) + 0.06 * galaxy.at(x * 3.0, y * 3.0);
    let band = exponential(-38.0 * across * across) * (1.0 - smooth_step(0.55, 1.0, t));
    if band < 0.01 {
        return Colour::BLACK;
    }
    let dust = 0.5 + 0.6 * galaxy.layers(x * 6.0, y * 6.0, 4);
    Colour(0.20, 0.21, 0.30) * (band * dust.clamp(0.0, 1.0))
}

fn scatter_stars(canvas: &mut Canvas, stage: &Stage, end: usize) {
    let noise = Noise::new(stage.seed ^ 0x57a5);
    let cell = canvas.unit * 0.011;
    let brightness = if stage.subject.hour == Hour::Night { 1.0 } else { 0.55 };
    for row in 0..(end as f32 / cell) as i32 {
        for column in 0..=(canvas.width as f32 / cell) as i32 {
            let rarity = noise.cell(column, row);
            if rarity > 0.3 {
                continue;
            }
            let x = (column as f32 + noise.cell(column, row + 4001)) * cell;
            let y = (row as f32 + noise.cell(column + 4001, row)) * cell;
            let away = length(x - stage.sun.0, y - stage.sun.1) / canvas.unit;
            let fade = (1.0 - smooth_step(0.55, 0.98, y / stage.horizon)) * smooth_step(0.02, 0.2, away);
            let magnitude = noise.cell(column + 77, row + 77);
            let strength =
                brightness * fade * (0.12 + 0.88 * magnitude * magnitude * magnitude * magnitude * magnitude);
            let tint = mix(0.0, 1.0, noise.cell(column + 9, row));
            let colour = Colour::hex(0xbfd2ff).mix(Colour::hex(0xfff0d8), tint);
            let radius = canvas.unit * (0.0012 + 0.0018 * strength) + 0.6;
            canvas.glow((x, y), 2.0 * radius, colour * (1.6 * strength));
        }
    }
}

fn aurora(canvas: &mut Canvas, stage: &Stage, end: usize) {
    let noise = Noise::new(stage.seed ^ 0xa0a0);
    for x in 0..canvas.width {
        let u = x as f32 / canvas.unit;
        for curtain in 0..3 {
            let row = curtain as f32 * 7.3;
            let foot = stage.horizon * (0.72 - 0.17 * curtain as f32)
                + canvas.unit * 0.09 * noise.layers(u * 1.6, row, 3);
            let ray = 0.55 + 0.45 * noise.layers(u * 22.0, row + 3.0, 2);
            let strength = (0.35 + 0.5 * noise.at(u * 1.3, row + 50.0)).max(0.0) * ray.max(0.0);
            let tall = canvas.unit * (0.16 + 0.08 * noise.at(u * 5.0, row + 90.0));
            for y in 0..end {
                let above = (foot - y as f32) / tall;
                if !(-0.25..3.5).contains(&above) {
                    continue;
                }
                let fall = if above < 0.0 { 1.0 - above / -0.25 } else { exponential(-1.5 * above) };
                let colour = Colour::hex(0x38f0a0).mix(Colour::hex(0x9a58e8), smooth_step(0.3, 1.6, above));
                canvas.shine(x, y, colour * (0.75 * strength * fall));
            }
        }
    }
}

fn disc(canvas: &mut Canvas, stage: &Stage) {
    let night = stage.subject.hour == Hour::Night;
    let radius = canvas.unit * stage.disc_radius();
    if !night {
        let day = stage.subject.hour == Hour::Day;
        canvas.glow(
            stage.sun,
            radius * if day { 5.0 } else { 3.2 },
            stage.palette.disc * if day { 0.9 } else { 0.5 },
        );
        return canvas.disc(stage.sun, radius, if day { radius * 0.7 } else { 1.5 }, stage.palette.disc, 1.0);
    }
    let maria = Noise::new(stage.seed ^ 0x3000);
    let crescent = stage.subject.has(Trait::Crescent);
    let (columns, rows) = canvas.span(stage.sun, stage.sun, radius + 1.0);
    for y in rows {
        for x in columns.clone() {
            let (dx, dy) = ((x as f32 + 0.5 - stage.sun.0) / radius, (y as f32 + 0.5 - stage.sun.1) / radius);
            let edge = ((1.0 - length(dx, dy)) * radius + 0.5).clamp(0.0, 1.0);
            let lit = if crescent { smooth_step(0.9, 1.02, length(dx - 0.45, dy + 0.2)) } else { 1.0 };
            let shade = 1.0 - 0.22 * smooth_step(0.0, 0.5, maria.layers(dx * 1.3 + 5.0, dy * 1.3, 4));
            canvas.lay(x, y, stage.palette.disc * shade, edge * lit);
        }
    }
}

/// Clouds on a plane above, seen in perspective.
struct Clouds {
    noise: Noise,
    /// The density below which there is no cloud.
    threshold: f32,
    opacity: f32,
}

impl Clouds {
    fn of(stage: &Stage) -> Clouds {
        let subject = stage.subject;
        let variety = (subject.hash >> 23 & 0xff) as f32 / 255.0;
        let threshold = if subject.has(Trait::Storm) {
            -0.4
        } else if subject.has(Trait::Rain) {
            -0.3
        } else if subject.has(Trait::Clouds) || subject.has(Trait::Snowfall) {
            -0.1
        } else if subject.has(Trait::Clear) {
            0.5
        } else {
            -0.02 + 0.2 * variety
        };
        let clears = subject.hour == Hour::Night && !subject.has(Trait::Clouds) && !subject.has(Trait::Storm);
        let opacity = if subject.has(Trait::Aurora) {
            0.12
        } else if clears {
            0.4
        } else {
            0.95
        };
        Clouds { noise: Noise::new(stage.seed ^ 0xc10d), threshold, opacity }
    }

    fn paint(&self, canvas: &mut Canvas, stage: &Stage, end: usize) {
        let [bright, dark] = stage.palette.cloud;
        let middle = canvas.width as f32 / 2.0;
        for y in 0..end {
            let height = (stage.horizon - y as f32) / canvas.unit + 0.06;
            let scale = 0.32 / height;
            let far = smooth_step(0.0, 0.16, height - 0.06);
            for x in 0..canvas.width {
                let across = (x as f32 - middle) / canvas.unit;
                let (u, v) = (across * scale * 1.5, scale * 2.6);
                let density = self.density(u, v);
                let cover = smooth_step(self.threshold, self.threshold + 0.38, density) * far * self.opacity;
                if cover < 0.004 {
                    continue;
                }
                let (dx, dy) =
                    ((stage.sun.0 - x as f32) / canvas.unit, (stage.sun.1 - y as f32) / canvas.unit);
                let distance = length(dx, dy).max(0.05);
                let toward = self.density(u + 0.1 * dx / distance, v - 0.16 * dy / distance);
                let thick = smooth_step(0.0, 0.7, density - self.threshold);
                let lit = (0.62 + 1.5 * (density - toward) - 0.38 * thick).clamp(0.0, 1.0);
                let near_sun = exponential(-5.0 * distance);
                let colour =
                    dark.mix(bright, lit).mix(stage.palette.glow, 0.5 * near_sun * (1.0 - 0.6 * thick));
                // Thin cloud lets the sky's own colour through.
                canvas.lay(x, y, colour.mix(canvas.get(x, y), 0.18), cover);
            }
        }
    }

    fn density(&self, u: f32, v: f32) -> f32 {
        let drift = 0.35 * self.noise.at(u * 0.7 + 40.0, v * 0.7);
        self.noise.layers(u + drift, v + drift, 5)
    }
}
