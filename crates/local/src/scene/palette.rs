//! The light of an hour: colours of the sky and what they do to everything below.

use super::colour::Colour;
use super::subject::{Hour, Place, Subject, Trait};

/// The colours of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// The sky from its top to the horizon.
    pub sky: [Colour; 4],
    /// The disc of sun or moon.
    pub disc: Colour,
    /// The light around it.
    pub glow: Colour,
    /// What far things fade to.
    pub haze: Colour,
    /// What falls on near things.
    pub light: Colour,
    /// Clouds where they are lit, and where not.
    pub cloud: [Colour; 2],
}

impl Palette {
    /// The palette for `subject`; `choice` picks among several of the same hour.
    pub fn of(subject: &Subject, choice: u64) -> Palette {
        let palettes: &[[u32; 10]] = match subject.hour {
            Hour::Day => &DAY,
            Hour::Dawn => &DAWN,
            Hour::Sunset => &SUNSET,
            Hour::Dusk => &DUSK,
            Hour::Night => &NIGHT,
        };
        let mut palette = Palette::from_digits(&palettes[choice as usize % palettes.len()]);
        if subject.is_at(Place::Desert) && subject.hour == Hour::Day {
            palette.haze = palette.haze.mix(Colour::hex(0xecd2a8), 0.6);
            palette.sky[3] = palette.sky[3].mix(Colour::hex(0xf3e3c4), 0.6);
        }
        if subject.has(Trait::Snow) {
            // Snow throws light back.
            palette.light = palette.light.mix(Colour::hex(0xe8f0ff), 0.24);
            palette.haze = palette.haze.mix(Colour::hex(0xdce8f8).lit(palette.light), 0.35);
        }
        let gloom = if subject.has(Trait::Storm) {
            0.85
        } else if subject.has(Trait::Rain) {
            0.8
        } else if subject.has(Trait::Fog) {
            0.7
        } else if subject.has(Trait::Snowfall) {
            0.3
        } else {
            0.0
        };
        let mut palette = palette.gloomier(gloom);
        if subject.has(Trait::Storm) {
            for colour in palette.sky[..3].iter_mut().chain(&mut palette.cloud).chain([&mut palette.light]) {
                *colour = *colour * 0.66;
            }
        }
        palette
    }

    fn from_digits(digits: &[u32; 10]) -> Palette {
        let [zenith, upper, lower, horizon, disc, glow, haze, light, bright, dark] = digits.map(Colour::hex);
        Palette { sky: [zenith, upper, lower, horizon], disc, glow, haze, light, cloud: [bright, dark] }
    }

    /// Greyer and darker; how much from 0 to 1.
    fn gloomier(mut self, amount: f32) -> Palette {
        let dim = |colour: Colour| colour.saturate(1.0 - 0.65 * amount) * (1.0 - 0.28 * amount);
        for colour in self.sky.iter_mut().chain(&mut self.cloud).chain([&mut self.haze, &mut self.light]) {
            *colour = dim(*colour);
        }
        self.glow = self.glow.mix(self.sky[3], 0.7 * amount);
        self
    }

    /// The sky's colour at a height from 0 (top) to 1 (horizon).
    pub fn sky_at(&self, t: f32) -> Colour {
        const STOPS: [f32; 4] = [0.0, 0.42, 0.78, 1.0];
        let t = t.clamp(0.0, 1.0);
        let index = STOPS[1..3].iter().take_while(|stop| t > **stop).count();
        let part = (t - STOPS[index]) / (STOPS[index + 1] - STOPS[index]);
        self.sky[index].mix(self.sky[index + 1], part)
    }

    /// How a thing of its own `colour` looks from afar: 0 is near, 1 lost in the haze.
    pub fn seen(&self, colour: Colour, distance: f32) -> Colour {
        colour.lit(self.light).mix(self.haze, distance)
    }
}

// Zenith, upper, lower, horizon; disc, glow, haze, light; lit cloud, dark cloud.
const DAY: [[u32; 10]; 3] = [
    [0x2a68bd, 0x5596dc, 0x99c8ef, 0xdfeef6, 0xfffbe8, 0xfff2d0, 0xbcd6ea, 0xfffaf0, 0xffffff, 0xaebfd4],
    [0x1f7ab2, 0x54add3, 0xa4d8e3, 0xf0f1de, 0xfffbe6, 0xfff0c8, 0xc6e0e2, 0xfffaec, 0xfffdf6, 0xa9c3cf],
    [0x3f6fb5, 0x7ba6dd, 0xb9d3ef, 0xf2e9dd, 0xfffaea, 0xffeecb, 0xccd6e6, 0xfff6ea, 0xfffaf4, 0xb3bdd2],
];
const DAWN: [[u32; 10]; 2] = [
    [0x4b70aa, 0x8fa8d2, 0xf0c6bc, 0xffe4b8, 0xfff3d6, 0xffcf98, 0xe6c8c4, 0xd8c2c2, 0xffe1cf, 0xa79bb8],
    [0x6a78b8, 0xb0a4d2, 0xf4b9c2, 0xffdcb2, 0xfff0d8, 0xffc4a0, 0xdfbfca, 0xd0b8c8, 0xffdcd6, 0x9d92b8],
];
const SUNSET: [[u32; 10]; 3] = [
    [0x2c3170, 0x7c4389, 0xe2665c, 0xffb65c, 0xfff0bc, 0xff9c4c, 0xe08a62, 0x9c6c70, 0xffb48a, 0x6c4474],
    [0x1f4a6c, 0x55838f, 0xeeaa66, 0xffd682, 0xfff4c8, 0xffb454, 0xe2a873, 0xa08068, 0xffd49a, 0x647a80],
    [0x3a2a66, 0xa8467c, 0xf07a68, 0xffca7a, 0xfff0c4, 0xff8a5c, 0xe09078, 0x9a6878, 0xffb49a, 0x783a70],
];
const DUSK: [[u32; 10]; 2] = [
    [0x131b48, 0x35417f, 0x8068a6, 0xe8a79c, 0xffe8d8, 0xe0908c, 0x7c70a0, 0x6e6a94, 0xb58db4, 0x383c70],
    [0x0f2547, 0x2c5580, 0x6f8fae, 0xf0bf98, 0xffeed8, 0xe8a880, 0x7489a4, 0x687a96, 0xb4a2b0, 0x2f486e],
];
const NIGHT: [[u32; 10]; 2] = [
    [0x050a20, 0x0b1a40, 0x183462, 0x315884, 0xf6f4e6, 0x86aee0, 0x28486f, 0x34466c, 0x48648c, 0x101e40],
    [0x060b1c, 0x0d2038, 0x17405a, 0x357080, 0xf4f6ea, 0x8cc4d8, 0x285668, 0x325262, 0x487684, 0x0f2838],
];
