//! The last touches, and the file.

use super::canvas::{Canvas, length};
use super::colour::Colour;
use super::noise::Noise;
use crate::elementary::smooth_step;

/// Adds a little contrast, a darker rim and film grain.
pub(super) fn grade(canvas: &mut Canvas, seed: u64) {
    let grain = Noise::new(seed ^ 0x6e41);
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let speck = (grain.cell(x as i32, y as i32) - 0.5) * 0.02;
            canvas.set(x, y, tone_with(canvas.get(x, y), canvas, (x, y), speck));
        }
    }
}

/// The same of one pixel, the one at `at`, without grain.
pub(super) fn tone(colour: Colour, canvas: &Canvas, at: usize) -> Colour {
    tone_with(colour, canvas, (at % canvas.width, at / canvas.width), 0.0)
}

fn tone_with(colour: Colour, canvas: &Canvas, (x, y): (usize, usize), speck: f32) -> Colour {
    let (middle_x, middle_y) = (canvas.width as f32 / 2.0, canvas.height as f32 / 2.0);
    let away = length((x as f32 - middle_x) / middle_x, (y as f32 - middle_y) / middle_y);
    let rim = 1.0 - 0.3 * smooth_step(0.55, 1.5, away);
    let tone = |channel: f32| {
        let channel = (channel * rim).clamp(0.0, 1.0);
        // Halfway to a smooth S: deeper shadows, softer lights.
        let curved = channel * channel * (3.0 - 2.0 * channel);
        channel * 0.75 + curved * 0.25 + speck
    };
    Colour(tone(colour.0), tone(colour.1), tone(colour.2)).saturate(1.06)
}

/// The picture as a PNG. Each channel is rounded up or down by chance, against banding.
pub(super) fn encode(canvas: &Canvas, seed: u64) -> Vec<u8> {
    let chance = Noise::new(seed ^ 0xd17e);
    let mut bytes = Vec::with_capacity(3 * canvas.pixels.len());
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let Colour(red, green, blue) = canvas.get(x, y);
            let nudge = chance.cell(x as i32, y as i32);
            bytes.extend(
                [red, green, blue].map(|channel| (channel.clamp(0.0, 1.0) * 255.0 + nudge).min(255.0) as u8),
            );
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, canvas.width as u32, canvas.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    // Grain defeats a choice of filters row by row; it would only cost time.
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().expect("a Vec takes all bytes, and sides are 64 to 4096");
    writer.write_image_data(&bytes).expect("a Vec takes all bytes, and there are three for each pixel");
    writer.finish().expect("a Vec takes all bytes");
    file
}
