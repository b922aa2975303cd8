//! Colours as three numbers from 0 to 1, as a screen shows them.

use std::ops::{Add, Mul};

/// Red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Colour(pub f32, pub f32, pub f32);

impl Colour {
    pub const WHITE: Colour = Colour(1.0, 1.0, 1.0);
    pub const BLACK: Colour = Colour(0.0, 0.0, 0.0);

    /// From hexadecimal digits, as `0x2f6fc4`.
    pub const fn hex(digits: u32) -> Colour {
        let (red, green, blue) = ((digits >> 16) & 0xff, (digits >> 8) & 0xff, digits & 0xff);
        Colour(red as f32 / 255.0, green as f32 / 255.0, blue as f32 / 255.0)
    }

    /// From this colour at 0 to `other` at 1.
    pub fn mix(self, other: Colour, t: f32) -> Colour {
        self * (1.0 - t) + other * t
    }

    /// Lightened by `light` as by a projector: never above white.
    pub fn screen(self, light: Colour) -> Colour {
        let channel = |a: f32, b: f32| 1.0 - (1.0 - a.min(1.0)) * (1.0 - b.min(1.0));
        Colour(channel(self.0, light.0), channel(self.1, light.1), channel(self.2, light.2))
    }

    /// As seen under light of the colour `light`.
    pub fn lit(self, light: Colour) -> Colour {
        Colour(self.0 * light.0, self.1 * light.1, self.2 * light.2)
    }

    /// How bright it looks.
    pub fn luminance(self) -> f32 {
        0.299 * self.0 + 0.587 * self.1 + 0.114 * self.2
    }

    /// With the contrast to its own grey changed: 0 is grey, 1 unchanged.
    pub fn saturate(self, amount: f32) -> Colour {
        let grey = self.luminance();
        Colour(grey, grey, grey).mix(self, amount)
    }
}

impl Add for Colour {
    type Output = Colour;
    fn add(self, other: Colour) -> Colour {
        Colour(self.0 + other.0, self.1 + other.1, self.2 + other.2)
    }
}

impl Mul<f32> for Colour {
    type Output = Colour;
    fn mul(self, factor: f32) -> Colour {
        Colour(self.0 * factor, self.1 * factor, self.2 * factor)
    }
}
