//! Which notes are played when.

use super::RATE;
use super::mood::Character;
use crate::local::random::Random;

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
    let bar = (character.bar * random.between(0.94, 1.06) * RATE as f32) as usize;
    let root = character.root + random.below(9) as i32 - 4;
    let progression = character.progressions[random.below(2)];
    let motif: Vec<usize> = (0..8).map(|_| random.below(5)).collect();
    let mut notes = Vec::new();
    let mut voicing: Vec<i32> = vec![root + 7, root + 12, root + 16, root + 19];
    let mut index = 0;
    while index * bar < frames {
        let degree = progression[index % progression.len()];
        let chord = Chord { root: pitch(character, root, degree), tones: tones(character, root, degree) };
        voicing = lead(&voicing, &chord.tones, root + 5);
        let start = index * bar;
        pad(&mut notes, &mut random, start, bar, &voicing);
        bass(&mut notes, character, start, bar, chord.root - 12, index);
        pluck(&mut notes, &mut random, character, start, bar, &voicing, &motif, index);
        index += 1;
    }
    notes.retain(|note| note.start < frames);
    notes
}

struct Chord {
    root: i32,
    tones: Vec<i32>,
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

fn pad(notes: &mut Vec<Note>, random: &mut Random, start: usize, bar: usize, voicing: &[i32]) {
    for (index, pitch) in voicing.iter().enumerate() {
        let late = (random.between(0.0, 0.05) * bar as f32) as usize;
        let pan = [-0.55, 0.45, -0.25, 0.6][index % 4];
        notes.push(Note {
            start: start + late,
            length: bar,
            pitch: *pitch,
            gain: 0.30,
            pan,
            voice: Voice::Pad,
        });
    }
}

fn bass(notes: &mut Vec<Note>, character: &Character, start: usize, bar: usize, pitch: i32, index: usize) {
    let low = if pitch > 43 { pitch - 12 } else { pitch };
    if character.pulse {
        for beat in 0..4 {
            let gain = if beat == 0 { 0.5 } else { 0.34 };
            notes.push(Note {
                start: start + beat * bar / 4,
                length: bar / 6,
                pitch: low,
                gain,
                pan: 0.0,
                voice: Voice::Bass,
            });
        }
    } else {
        notes.push(Note { start, length: bar * 7 / 8, pitch: low, gain: 0.5, pan: 0.0, voice: Voice::Bass });
        if index % 4 == 3 {
            notes.push(Note {
                start: start + bar * 3 / 4,
                length: bar / 5,
                pitch: low + 12,
                gain: 0.22,
                pan: 0.0,
                voice: Voice::Bass,
            });
        }
    }
}

/// A motif that comes back, with some of its notes left out each time.
#[allow(clippy::too_many_arguments)]
fn pluck(
    notes: &mut Vec<Note>,
    random: &mut Random,
    character: &Character,
    start: usize,
    bar: usize,
    voicing: &[i32],
    motif: &[usize],
    index: usize,
) {
    // The first bars are for the chords alone.
    let entry = if index == 0 { 0.25 } else { 1.0 };
    for (place, step) in motif.iter().enumerate() {
        let accent = if place % 4 == 0 { 1.25 } else { 0.9 };
        if !random.chance(character.plucks * accent * entry) {
            continue;
        }
        let pitch =
            voicing[step % voicing.len()] + 12 * character.pluck_octave + if *step == 4 { 12 } else { 0 };
        let human = (random.between(0.0, 0.012) * RATE as f32) as usize;
        notes.push(Note {
            start: start + place * bar / 8 + human,
            length: bar / 4,
            pitch,
            gain: random.between(0.24, 0.42),
            pan: random.between(-0.7, 0.7),
            voice: Voice::Pluck,
        });
    }
}
