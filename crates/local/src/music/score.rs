//! Which notes are played when.

use super::RATE;
use super::mood::Character;
use crate::random::Random;

/// A note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Note {
    /// Its first frame.
    pub start: usize,
    /// How long it is held, in frames; it rings on after that.
    pub length: usize,
    /// MIDI number: 69 is 440 Hz.
    pub pitch: i32,
    /// From 0 to 1.
    pub gain: f32,
    /// From -1 (left) to 1 (right).
    pub pan: f32,
    /// What plays it.
    pub voice: Voice,
}

/// The instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// Long chords that swell.
    Pad,
    /// One low note.
    Bass,
    /// Short bright notes that ring out.
    Pluck,
}

/// Writes a piece that is `frames` long.
pub(super) fn write(character: &Character, seed: u64, frames: usize) -> Vec<Note> {
    let mut random = Random::new(seed, "score");
    let length = (character.bar * random.between(0.94, 1.06) * RATE as f32) as usize;
    let root = character.root + random.below(9) as i32 - 4;
    let progression = character.progressions[random.below(2)];
    let motif: Vec<usize> = (0..8).map(|_| random.below(5)).collect();
    let mut notes = Vec::new();
    let mut voicing: Vec<i32> = vec![root + 7, root + 12, root + 16, root + 19];
    for index in 0..frames.div_ceil(length) {
        let degree = progression[index % progression.len()];
        voicing = lead(&voicing, &tones(character, root, degree), root + 5);
        let bass = pitch(character, root, degree) - 12;
        let bar = Bar { index, start: index * length, length, bass, voicing: &voicing };
        bar.pad(&mut notes, &mut random);
        bar.bass(&mut notes, character);
        bar.pluck(&mut notes, &mut random, character, &motif);
    }
    notes.retain(|note| note.start < frames);
    notes
}

/// One chord's time.
struct Bar<'a> {
    index: usize,
    /// In frames, as is its length.
    start: usize,
    length: usize,
    bass: i32,
    voicing: &'a [i32],
}

/// The pitch of a step of the scale.
fn pitch(character: &Character, root: i32, degree: usize) -> i32 {
    root + character.scale[degree % 7] + 12 * (degree / 7) as i32
}

/// The chord on a step: third, fifth and ninth above it, in any octave.
fn tones(character: &Character, root: i32, degree: usize) -> Vec<i32> {
    [0, 2, 4, 8].iter().map(|step| pitch(character, root, degree + step) % 12).collect()
}

/// Moves each voice to the nearest free tone of the next chord, not below `lowest`.
fn lead(voicing: &[i32], tones: &[i32], lowest: i32) -> Vec<i32> {
    let mut free = tones.to_vec();
    let mut led: Vec<i32> = voicing
        .iter()
        .map(|voice| {
            let nearest = |tone: &i32| {
                let up = (tone - voice).rem_euclid(12);
                if up > 6 && voice + up - 12 >= lowest { voice + up - 12 } else { voice + up }
            };
            let index =
                (0..free.len()).min_by_key(|index| (nearest(&free[*index]) - voice).abs()).unwrap_or(0);
            let tone = free.remove(index);
            // What has climbed too high comes down by an octave.
            let led = nearest(&tone);
            if led > lowest + 24 { led - 12 } else { led }
        })
        .collect();
    led.sort_unstable();
    led
}

impl Bar<'_> {
    fn pad(&self, notes: &mut Vec<Note>, random: &mut Random) {
        for (index, pitch) in self.voicing.iter().enumerate() {
            let late = (random.between(0.0, 0.05) * self.length as f32) as usize;
            let pan = [-0.55, 0.45, -0.25, 0.6][index % 4];
            let start = self.start + late;
            notes.push(Note {
                start,
                length: self.length,
                pitch: *pitch,
                gain: 0.30,
                pan,
                voice: Voice::Pad,
            });
        }
    }

    fn bass(&self, notes: &mut Vec<Note>, character: &Character) {
        let low = if self.bass > 43 { self.bass - 12 } else { self.bass };
        let mut play = |at: usize, length: usize, pitch: i32, gain: f32| {
            notes.push(Note { start: self.start + at, length, pitch, gain, pan: 0.0, voice: Voice::Bass });
        };
        if character.pulse {
            for beat in 0..4 {
                play(beat * self.length / 4, self.length / 6, low, if beat == 0 { 0.5 } else { 0.34 });
            }
            return;
        }
        play(0, self.length * 7 / 8, low, 0.5);
        if self.index % 4 == 3 {
            play(self.length * 3 / 4, self.length / 5, low + 12, 0.22);
        }
    }

    /// A motif that comes back, with some of its notes left out each time.
    fn pluck(&self, notes: &mut Vec<Note>, random: &mut Random, character: &Character, motif: &[usize]) {
        // The first bar is for the chord alone.
        let entry = if self.index == 0 { 0.25 } else { 1.0 };
        for (place, step) in motif.iter().enumerate() {
            let accent = if place % 4 == 0 { 1.25 } else { 0.9 };
            if !random.chance(character.plucks * accent * entry) {
                continue;
            }
            let octaves = character.pluck_octave + i32::from(*step == 4);
            let human = (random.between(0.0, 0.012) * RATE as f32) as usize;
            notes.push(Note {
                start: self.start + place * self.length / 8 + human,
                length: self.length / 4,
                pitch: self.voicing[step % self.voicing.len()] + 12 * octaves,
                gain: random.between(0.24, 0.42),
                pan: random.between(-0.7, 0.7),
                voice: Voice::Pluck,
            });
        }
    }
}
