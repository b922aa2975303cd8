//! Picture rates as exact fractions, so that frames can be counted without drift.

use std::fmt;

/// Samples a second of all sound that is written.
pub(crate) const SAMPLE_RATE: u64 = 48_000;

/// Pictures a second, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    numerator: u64,
    denominator: u64,
}

impl Rate {
    /// The usual rate nearest to `fps`, from 1 to 120 (some files claim a thousand): the broadcast rates (29.97, 23.976, …) are n·1000/1001.
    pub(crate) fn new(fps: f64) -> Rate {
        let fps = fps.clamp(1.0, 120.0);
        let whole = fps.round();
        if (fps - whole).abs() < 0.002 {
            return Rate { numerator: whole as u64, denominator: 1 };
        }
        let broadcast = (fps * 1.001).round();
        if (fps - broadcast / 1.001).abs() < 0.002 {
            return Rate { numerator: broadcast as u64 * 1000, denominator: 1001 };
        }
        Rate { numerator: (fps * 1000.0).round() as u64, denominator: 1000 }
    }

    /// The number of frames whose end lies nearest to `seconds`.
    pub(crate) fn frames(self, seconds: f64) -> u64 {
        (seconds.max(0.0) * self.numerator as f64 / self.denominator as f64).round() as u64
    }

    /// The number of frames that cover `seconds` fully.
    pub(crate) fn frames_covering(self, seconds: f64) -> u64 {
        // A length is known to the millisecond at best: what lies below is no reason for a frame.
        ((seconds - 0.0005).max(0.0) * self.numerator as f64 / self.denominator as f64).ceil() as u64
    }

    /// How long `frames` last, in seconds.
    pub(crate) fn seconds(self, frames: u64) -> f64 {
        frames as f64 * self.denominator as f64 / self.numerator as f64
    }

    /// How many samples of sound last as long as `frames`.
    pub(crate) fn samples(self, frames: u64) -> u64 {
        let (numerator, denominator) = (u128::from(self.numerator), u128::from(self.denominator));
        let samples =
            (u128::from(frames) * u128::from(SAMPLE_RATE) * denominator + numerator / 2) / numerator;
        u64::try_from(samples).expect("a film has far fewer than 2^64 samples")
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_rates_become_exact_fractions() {
        let texts: Vec<_> = [25.0, 29.97, 29.97003, 23.976, 59.94, 12.5, 30.0001]
            .iter()
            .map(|fps| Rate::new(*fps).to_string())
            .collect();
        assert_eq!(texts, ["25", "30000/1001", "30000/1001", "24000/1001", "60000/1001", "12500/1000", "30"]);
    }

    #[test]
    fn a_film_of_an_hour_at_a_broadcast_rate_has_as_much_sound_as_pictures() {
        let rate = Rate::new(29.97);
        let frames = rate.frames(3600.0);
        let sound = rate.samples(frames) as f64 / SAMPLE_RATE as f64;
        assert!((sound - rate.seconds(frames)).abs() < 0.00002);
    }
}
