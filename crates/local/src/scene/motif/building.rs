//! What people built.

use crate::elementary::{mix, sine};
use crate::scene::canvas::{Canvas, Point};
use crate::scene::colour::Colour;
use crate::scene::composition::Stage;
use crate::scene::subject::{Hour, Trait};

const LAMP: Colour = Colour(1.0, 0.83, 0.5);

/// A tower with stripes; after sunset its light is on.
pub(super) fn lighthouse(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32) {
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    let round = |own: Colour, half: f32| {
        let (palette, side) = (stage.palette, stage.sun_side);
        move |px: f32, _: f32| {
            let across = ((px - x) / (half * tall)).clamp(-1.0, 1.0);
            palette.seen(own * (0.8 + 0.3 * side * across), 0.03)
        }
    };
    let white = Colour::hex(0xf4f0e8);
    let red = Colour::hex(0xb8392f);
    let half = |t: f32| mix(0.095, 0.058, t);
    for stripe in 0..5 {
        let (low, high) = (stripe as f32 * 0.15, (stripe + 1) as f32 * 0.15);
        let own = if stripe % 2 == 0 { white } else { red };
        let corners = [
            at(-half(high / 0.75), high),
            at(half(high / 0.75), high),
            at(half(low / 0.75), low),
            at(-half(low / 0.75), low),
        ];
        canvas.convex_shaded(&corners, round(own, 0.09), 1.0);
    }
    let dark = stage.palette.seen(Colour::hex(0x2c2f36), 0.03);
    canvas.rectangle(at(-0.085, 0.775), at(0.085, 0.745), dark, 1.0);
    let lit =
        stage.subject.hour != Hour::Day || stage.subject.has(Trait::Storm) || stage.subject.has(Trait::Fog);
    let pane = if lit { LAMP } else { stage.palette.seen(Colour::hex(0xbcd0d8), 0.05) };
    canvas.rectangle(at(-0.045, 0.86), at(0.045, 0.775), pane, 1.0);
    for bar in [-0.045, 0.0, 0.045] {
        canvas.line(at(bar, 0.86), at(bar, 0.775), tall * 0.008, dark, 1.0);
    }
    canvas.convex(&[at(0.0, 0.95), at(0.068, 0.86), at(-0.068, 0.86)], stage.palette.seen(red, 0.03), 1.0);
    canvas.line(at(0.0, 0.95), at(0.0, 0.99), tall * 0.012, dark, 1.0);
    for window in [0.2, 0.46] {
        canvas.rectangle(at(-0.014, window + 0.05), at(0.014, window), if lit { LAMP } else { dark }, 1.0);
    }
    if lit {
        beam(canvas, stage, at(0.0, 0.818), tall);
    }
}

fn beam(canvas: &mut Canvas, stage: &Stage, lamp: Point, tall: f32) {
    let long = canvas.width as f32;
    let strength = if stage.subject.is_dark() || stage.subject.has(Trait::Fog) { 0.34 } else { 0.14 };
    for side in [stage.sun_side, -stage.sun_side] {
        let (columns, rows) = canvas.span(lamp, (lamp.0 + side * long, lamp.1), tall * 0.6);
        for y in rows {
            for x in columns.clone() {
                let out = side * (x as f32 - lamp.0) / tall;
                let off = (y as f32 - lamp.1) / tall + 0.05 * out;
                let wide = 0.018 + 0.075 * out;
                let within = 1.0 - (off / wide) * (off / wide);
                if out > 0.0 && within > 0.0 {
                    canvas.shine(x, y, LAMP * (strength * within * within / (1.0 + 0.9 * out)));
                }
            }
        }
    }
    canvas.glow(lamp, tall * 0.3, LAMP * 0.9);
}

/// A small house with a chimney; its windows are lit after sunset.
pub(super) fn house(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32) {
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    let seen = |digits: u32, shade: f32| stage.palette.seen(Colour::hex(digits) * shade, 0.06);
    let snow = stage.subject.has(Trait::Snow);
    let roof = if snow { 0xeef3fa } else { 0x7a3c30 };
    let front = if stage.sun_side < 0.0 { 1.05 } else { 0.78 };
    canvas.rectangle(at(0.42, 1.12), at(0.56, 0.72), seen(0x6a4a40, 0.9), 1.0);
    canvas.rectangle(at(-0.3, 0.55), at(0.85, -0.05), seen(0xc8b090, 1.78 - front), 1.0);
    canvas.convex(
        &[at(-0.3, 0.52), at(-0.3, -0.05), at(-0.85, -0.05), at(-0.85, 0.52)].map(|p| p),
        seen(0xd8c4a4, front),
        1.0,
    );
    canvas.rectangle(at(-0.85, 0.53), at(-0.3, -0.05), seen(0xd8c4a4, front), 1.0);
    canvas.convex(&[at(-0.575, 1.0), at(-0.28, 0.5), at(-0.87, 0.5)], seen(0xd8c4a4, front), 1.0);
    canvas.convex(
        &[at(-0.575, 1.06), at(0.62, 1.06), at(0.95, 0.48), at(-0.27, 0.48)],
        seen(roof, 0.95),
        1.0,
    );
    canvas.line(at(-0.575, 1.04), at(-0.93, 0.46), tall * 0.07, seen(roof, 1.0), 1.0);
    let lit = stage.subject.hour != Hour::Day || stage.subject.has(Trait::Storm);
    let pane = if lit { LAMP } else { seen(0x4a6070, 1.0) };
    for (left, low) in [(-0.66, 0.2), (-0.1, 0.2), (0.45, 0.2)] {
        canvas.rectangle(at(left, low + 0.2), at(left + 0.18, low), pane, 1.0);
    }
    canvas.rectangle(at(0.19, 0.34), at(0.34, -0.05), seen(0x5a4030, 0.8), 1.0);
    if lit {
        for left in [-0.57, -0.01, 0.54] {
            canvas.glow(at(left, 0.3), tall * 0.8, LAMP * 0.34);
        }
    }
    smoke(canvas, stage, at(0.49, 1.12), tall);
}

fn smoke(canvas: &mut Canvas, stage: &Stage, from: Point, tall: f32) {
    let colour = stage.palette.haze.mix(Colour::WHITE, 0.25);
    for puff in 0..26 {
        let t = puff as f32 / 26.0;
        let drift = tall * (0.9 * t * t + 0.1 * sine(t * 1.4));
        canvas.disc(
            (from.0 - stage.sun_side * drift, from.1 - tall * 1.5 * t),
            tall * (0.05 + 0.16 * t),
            tall * 0.22,
            colour,
            0.13 * (1.0 - t),
        );
    }
}

/// A mill with four sails.
pub(super) fn windmill(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32) {
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    let seen = |digits: u32, shade: f32| stage.palette.seen(Colour::hex(digits) * shade, 0.06);
    let (palette, side) = (stage.palette, stage.sun_side);
    let body = move |px: f32, _: f32| {
        let across = ((px - x) / (0.17 * tall)).clamp(-1.0, 1.0);
        palette.seen(Colour::hex(0xe6dccb) * (0.8 + 0.28 * side * across), 0.06)
    };
    canvas.convex_shaded(&[at(-0.1, 0.66), at(0.1, 0.66), at(0.17, -0.03), at(-0.17, -0.03)], body, 1.0);
    canvas.convex(&[at(0.0, 0.82), at(0.13, 0.65), at(-0.13, 0.65)], seen(0x6a4434, 0.9), 1.0);
    canvas.rectangle(at(-0.03, 0.14), at(0.03, -0.03), seen(0x54402f, 0.8), 1.0);
    let hub = at(0.0, 0.68);
    for blade in 0..4 {
        let turn = 0.06 + blade as f32 * 0.25;
        let (dx, dy) = (sine(turn + 0.25), -sine(turn));
        let point =
            |out: f32, off: f32| (hub.0 + (dx * out - dy * off) * tall, hub.1 + (dy * out + dx * off) * tall);
        canvas.line(hub, point(0.46, 0.0), tall * 0.018, seen(0x4a3a30, 0.9), 1.0);
        canvas.convex(
            &[point(0.1, 0.0), point(0.46, 0.0), point(0.46, 0.085), point(0.1, 0.085)],
            seen(0xf2e9da, 0.95),
            0.85,
        );
    }
}

/// Towers and walls with battlements.
pub(super) fn castle(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32) {
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    let lit = stage.subject.is_dark() || stage.subject.hour == Hour::Sunset;
    let stone = Colour::hex(0x8d8579);
    let shade = |amount: f32| stage.palette.seen(stone * amount, 0.12);
    let roof = stage.palette.seen(Colour::hex(0x4a5068), 0.12);
    let window = if lit { LAMP } else { shade(0.4) };
    canvas.rectangle(at(-0.62, 0.34), at(0.62, -0.1), shade(0.85), 1.0);
    for tooth in 0..14 {
        let left = -0.62 + tooth as f32 * 0.09;
        canvas.rectangle(at(left, 0.385), at(left + 0.05, 0.33), shade(0.85), 1.0);
    }
    for (centre, half, high) in
        [(-0.6, 0.09, 0.58), (0.62, 0.1, 0.5), (-0.22, 0.1, 0.74), (0.24, 0.085, 0.64), (0.02, 0.13, 0.92)]
    {
        let bright = 0.92 + 0.12 * stage.sun_side * centre;
        canvas.rectangle(at(centre - half, high), at(centre + half, -0.1), shade(bright), 1.0);
        let dark_side = if stage.sun_side > 0.0 {
            (centre - half, centre - half * 0.3)
        } else {
            (centre + half * 0.3, centre + half)
        };
        canvas.rectangle(at(dark_side.0, high), at(dark_side.1, -0.1), shade(0.66), 0.6);
        canvas.convex(
            &[at(centre, high + half * 2.7), at(centre + half * 1.25, high), at(centre - half * 1.25, high)],
            roof,
            1.0,
        );
        for low in [high - 0.14, high - 0.32] {
            canvas.rectangle(at(centre - 0.016, low + 0.06), at(centre + 0.016, low), window, 1.0);
        }
    }
    canvas.rectangle(at(-0.07, 0.16), at(0.07, -0.1), shade(0.35), 1.0);
    canvas.disc(at(0.0, 0.16), tall * 0.07, 1.0, shade(0.35), 1.0);
}

/// A pyramid with a lit and a shaded side.
pub(super) fn pyramid(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32) {
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    let own = Colour::hex(0xd8a868);
    let split = -0.25 * stage.sun_side;
    let (bright, dark) = (stage.palette.seen(own * 1.08, 0.18), stage.palette.seen(own * 0.58, 0.18));
    let (left, right) = if stage.sun_side > 0.0 { (dark, bright) } else { (bright, dark) };
    canvas.convex(&[at(0.0, 1.0), at(split, -0.12), at(-0.95, -0.12)], left, 1.0);
    canvas.convex(&[at(0.0, 1.0), at(0.95, -0.12), at(split, -0.12)], right, 1.0);
}

/// A fire beside a tent.
pub(super) fn camp(canvas: &mut Canvas, stage: &Stage, (x, y): Point, tall: f32) {
    let at = |dx: f32, dy: f32| (x + dx * tall, y - dy * tall);
    let cloth = |shade: f32| stage.palette.seen(Colour::hex(0xd0743c) * shade, 0.03);
    canvas.convex(&[at(-1.3, 0.95), at(-0.55, -0.05), at(-2.1, -0.05)], cloth(0.9), 1.0);
    canvas.convex(&[at(-1.3, 0.95), at(-1.2, -0.05), at(-1.62, -0.05)], LAMP * 0.8, 0.9);
    canvas.glow(at(-1.35, 0.3), tall * 1.2, LAMP * 0.4);
    for log in [-0.3, 0.3] {
        canvas.line(at(-log, -0.04), at(log, 0.06), tall * 0.09, Colour::hex(0x2a1c14), 1.0);
    }
    canvas.glow(at(0.0, 0.3), tall * 5.0, Colour::hex(0xff8a30) * 0.55);
    for (offset, high, colour) in
        [(0.0, 0.75, 0xff7a20), (-0.12, 0.5, 0xff9a30), (0.1, 0.42, 0xffc860), (0.0, 0.3, 0xfff0b0)]
    {
        canvas.convex(
            &[
                at(offset, high),
                at(offset + 0.13, 0.12),
                at(offset + 0.06, 0.0),
                at(offset - 0.06, 0.0),
                at(offset - 0.13, 0.12),
            ],
            Colour::hex(colour),
            0.85,
        );
    }
}
