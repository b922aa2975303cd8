//! The room the music is played in: an echo and a reverberation.

use super::RATE;
use super::mood::Character;

/// Delay lines that feed each other (a feedback network with a Hadamard matrix).
pub(super) struct Room {
    lines: Vec<Line>,
    echo: Line,
    feedback: f32,
    wet: f32,
}

/// A delay that dulls what passes.
struct Line {
    samples: Vec<f32>,
    at: usize,
    dulled: f32,
}

/// Prime numbers of frames, 25 to 61 ms, so that echoes don't fall together.
const LENGTHS: [usize; 8] = [1193, 1361, 1543, 1777, 1999, 2287, 2557, 2939];

impl Room {
    pub fn new(character: &Character) -> Room {
        let line = |frames: usize| Line { samples: vec![0.0; frames], at: 0, dulled: 0.0 };
        let echo = (character.bar * 3.0 / 16.0 * RATE as f32) as usize;
        Room {
            lines: LENGTHS.map(line).into(),
            echo: line(echo.max(1)),
            feedback: 0.74 + 0.2 * character.space,
            wet: 0.16 + 0.2 * character.space,
        }
    }

    /// Adds the room's answer to `mix`.
    pub fn fill(&mut self, mix: &mut [(f32, f32)]) {
        for frame in mix {
            let (left, right) = *frame;
            let echo = self.echo.read();
            self.echo.write((left + right) * 0.5 + echo * 0.32, 0.35);
            let (wet_left, wet_right) = self.answer(left + echo * 0.4, right + echo * 0.4);
            *frame = (left + self.wet * wet_left + 0.1 * echo, right + self.wet * wet_right + 0.1 * echo);
        }
    }

    fn answer(&mut self, left: f32, right: f32) -> (f32, f32) {
        let mut taps = [0.0; 8];
        for (tap, line) in taps.iter_mut().zip(&self.lines) {
            *tap = line.read();
        }
        let heard = (taps[0] + taps[2] + taps[4] + taps[6], taps[1] + taps[3] + taps[5] + taps[7]);
        for half in [1, 2, 4] {
            for index in (0..8).filter(|index| index & half == 0) {
                let (a, b) = (taps[index], taps[index + half]);
                (taps[index], taps[index + half]) = (a + b, a - b);
            }
        }
        // The matrix grows what it turns by the square root of 8.
        let scale = self.feedback / 8.0_f32.sqrt();
        for (index, (tap, line)) in taps.iter().zip(&mut self.lines).enumerate() {
            let fresh = if index % 2 == 0 { left } else { right };
            line.write(fresh + tap * scale, 0.3);
        }
        heard
    }
}

impl Line {
    fn read(&self) -> f32 {
        self.samples[self.at]
    }

    fn write(&mut self, sample: f32, dullness: f32) {
        self.dulled = sample + (self.dulled - sample) * dullness;
        self.samples[self.at] = self.dulled;
        self.at = if self.at + 1 == self.samples.len() { 0 } else { self.at + 1 };
    }
}
