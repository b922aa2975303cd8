//! The size at which pictures are shown.

use super::Unread;
use crate::probe::displayed;

/// Pictures as they are kept, and how they are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Screen {
    /// Width and height as kept.
    pub(super) kept: (u32, u32),
    /// How wide a pixel is against its height; `None`: not told.
    pub(super) pixel: Option<(u64, u64)>,
    /// Whether they lie on their side.
    pub(super) is_turned: bool,
}

impl Screen {
    /// Width and height as shown.
    pub(super) fn shown(self) -> Result<(u32, u32), Unread> {
        let pixel = match self.pixel {
            Some((width, height)) if width > 0 && height > 0 => width as f64 / height as f64,
            _ => 1.0,
        };
        Ok(displayed(self.kept, pixel, self.is_turned)?)
    }
}

/// The fraction nearest to `above / below` of which neither part is above `most`: a convergent of its continued
/// fraction, or the last one between two that fits.
pub(super) fn nearest(above: u64, below: u64, most: u64) -> (u64, u64) {
    let exact = above as f64 / below as f64;
    let distance = |(above, below): (u64, u64)| (above as f64 / below as f64 - exact).abs();
    let (mut before, mut last) = ((0, 1), (1, 0));
    let (mut above, mut below) = (above, below);
    while let Some(term) = above.checked_div(below) {
        // How many steps from the convergent before the last one fit.
        let room = |before: u64, last: u64| (most - before).checked_div(last).unwrap_or(u64::MAX);
        let steps = term.min(room(before.0, last.0)).min(room(before.1, last.1));
        let next = (before.0 + steps * last.0, before.1 + steps * last.1);
        if steps < term {
            return if distance(next) < distance(last) { next } else { last };
        }
        (before, last) = (last, next);
        (above, below) = (below, above % below);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_or_a_shape_is_the_nearest_one_with_small_numbers() {
        assert_eq!(nearest(1_000_000_000, 33_366_667, 30_000), (30_000, 1001));
        assert_eq!(nearest(1_000_000_000, 41_666_667, 30_000), (24, 1));
        assert_eq!(nearest(720, 480, 255), (3, 2));
        assert_eq!(nearest(0, 5, 255), (0, 1));
        assert_eq!(nearest(5, 0, 255), (1, 0));
        assert_eq!(nearest(u64::MAX, 1, 255), (255, 1));
        assert_eq!(nearest(1, u64::MAX, 255), (0, 1));
    }
}
