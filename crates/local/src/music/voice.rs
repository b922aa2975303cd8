//! How the instruments sound.

use super::RATE;
use super::score::{Note, Voice};
use crate::elementary::{exponential, power_of_two, sine};

/// Single periods of the instruments' waves.
pub(super) struct Voices {
    pad: Vec<f32>,
    bass: Vec<f32>,
    sine: Vec<f32>,
}

/// Values in a period.
const PERIOD: usize = 2048;

impl Voices {
    /// `brightness` from 0 to 1: how strong the overtones of chords are.
    pub fn new(brightness: f32) -> Voices {
        let fall = 2.9 - 1.3 * brightness;
        let overtones = |count: usize, fall: f32| {
            (0..PERIOD)
                .map(|index| {
                    let turn = index as f32 / PERIOD as f32;
                    (1..=count).map(|n| sine(turn * n as f32) * power(n as f32, -fall)).sum()
                })
                .collect()
        };
        Voices { pad: overtones(10, fall), bass: overtones(4, 2.2), sine: overtones(1, 1.0) }
    }

    /// Adds `note` to `mix`, which ends when it ends.
    pub fn play(&self, note: &Note, mix: &mut [(f32, f32)]) {
        let pitch = 440.0 * power_of_two((note.pitch - 69) as f32 / 12.0);
        let (left, right) =
            (note.gain * ((1.0 - note.pan) / 2.0).sqrt(), note.gain * ((1.0 + note.pan) / 2.0).sqrt());
        match note.voice {
            Voice::Pad => {
                // Two slightly different pitches, one more to each side: the chord breathes.
                let envelope = Envelope { attack: 1.4, release: 2.2, held: note.length };
                self.tone(&self.pad, pitch * 0.9985, &envelope, (left * 0.8, right * 0.35), note.start, mix);
                self.tone(&self.pad, pitch * 1.0017, &envelope, (left * 0.35, right * 0.8), note.start, mix);
            }
            Voice::Bass => {
                let envelope = Envelope { attack: 0.09, release: 0.7, held: note.length };
                self.tone(&self.bass, pitch, &envelope, (left, right), note.start, mix);
            }
            Voice::Pluck => self.strike(pitch, (left, right), note.start, mix),
        }
    }

    fn tone(
        &self,
        wave: &[f32],
        pitch: f32,
        envelope: &Envelope,
        (left, right): (f32, f32),
        start: usize,
        mix: &mut [(f32, f32)],
    ) {
        let end = (start + envelope.frames()).min(mix.len());
        let mut phase = Phase::new(pitch);
        for (index, frame) in mix[start.min(end)..end].iter_mut().enumerate() {
            let value = phase.next(wave) * envelope.at(index);
            *frame = (frame.0 + left * value, frame.1 + right * value);
        }
    }

    /// A soft struck tone: overtones fade faster than the tone itself.
    fn strike(&self, pitch: f32, (left, right): (f32, f32), start: usize, mix: &mut [(f32, f32)]) {
        let partials = [(1.0, 1.0, 1.1), (2.0, 0.36, 0.55), (3.01, 0.14, 0.3), (5.03, 0.06, 0.12)];
        let end = (start + 4 * RATE as usize).min(mix.len());
        let attack = 0.006 * RATE as f32;
        for (ratio, strength, seconds) in partials {
            let mut phase = Phase::new(pitch * ratio);
            let fade = exponential(-1.0 / (seconds * RATE as f32));
            let mut gain = strength;
            for (index, frame) in mix[start.min(end)..end].iter_mut().enumerate() {
                let value = phase.next(&self.sine) * gain * (index as f32 / attack).min(1.0);
                gain *= fade;
                *frame = (frame.0 + left * value, frame.1 + right * value);
            }
        }
    }
}

/// `base` to the power of `exponent`, for overtones.
fn power(base: f32, exponent: f32) -> f32 {
    // log2 of 1 to 10, to the precision of f32.
    const LOG2: [f32; 10] = [
        0.0,
        1.0,
        1.584_962_5,
        2.0,
        2.321_928,
        2.584_962_5,
        2.807_355,
        3.0,
        3.169_925,
        std::f32::consts::LOG2_10,
    ];
    power_of_two(LOG2[base as usize - 1] * exponent)
}

/// A place in a period that moves on, in 32-bit fractions so that it never drifts.
struct Phase {
    at: u32,
    step: u32,
}

impl Phase {
    fn new(pitch: f32) -> Phase {
        Phase { at: 0, step: (f64::from(pitch) / f64::from(RATE) * 4_294_967_296.0) as u32 }
    }

    fn next(&mut self, wave: &[f32]) -> f32 {
        let index = (self.at >> 21) as usize;
        let part = (self.at & 0x1f_ffff) as f32 / 2_097_152.0;
        self.at = self.at.wrapping_add(self.step);
        let (here, there) = (wave[index], wave[(index + 1) % PERIOD]);
        here + (there - here) * part
    }
}

/// How a held tone rises and falls; attack and release in seconds, `held` in frames.
struct Envelope {
    attack: f32,
    release: f32,
    held: usize,
}

impl Envelope {
    fn frames(&self) -> usize {
        self.held + (self.release * RATE as f32) as usize
    }

    fn at(&self, index: usize) -> f32 {
        let rise = (index as f32 / (self.attack * RATE as f32)).min(1.0);
        let fall = (index.saturating_sub(self.held)) as f32 / (self.release * RATE as f32);
        let (rise, rest) = (rise * (2.0 - rise), (1.0 - fall).max(0.0));
        rise * rest * rest
    }
}
