//! The models of ElevenLabs: prices and limits.

use crate::job::Nanos;

/// A speech model.
pub(super) struct Voice {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The price of a thousand characters, in US cents.
    pub(super) cents: u64,
    /// The credits of a character, in halves.
    pub(super) half_credits: u64,
    pub(super) characters_max: usize,
}

const fn voice(
    id: &'static str,
    name: &'static str,
    cents: u64,
    half_credits: u64,
    characters_max: usize,
) -> Voice {
    Voice { id, name, cents, half_credits, characters_max }
}

pub(super) const VOICES: [Voice; 8] = [
    voice("eleven_multilingual_v2", "Eleven Multilingual v2", 8, 2, 10_000),
    voice("eleven_turbo_v2_5", "Eleven Turbo v2.5", 4, 1, 40_000),
    voice("eleven_flash_v2_5", "Eleven Flash v2.5", 4, 1, 40_000),
    voice("eleven_v3", "Eleven v3", 8, 2, 5_000),
    voice("eleven_v4", "Eleven v4", 8, 2, 5_000),
    voice("eleven_v4_turbo", "Eleven v4 Turbo", 4, 1, 40_000),
    voice("eleven_multilingual_sts_v2", "Eleven Multilingual v2 (speech to speech)", 0, 2, 10_000),
    voice("eleven_english_sts_v2", "Eleven English v2 (speech to speech)", 0, 2, 10_000),
];

pub(super) fn find(id: &str) -> Option<&'static Voice> {
    VOICES.iter().find(|voice| voice.id == id)
}

impl Voice {
    pub(super) fn price(&self, characters: usize) -> Nanos {
        // One cent per 1,000 characters is 10,000 nano-dollars per character.
        characters as u64 * self.cents * 10_000
    }

    pub(super) fn credits(&self, characters: usize) -> u64 {
        (characters as u64 * self.half_credits).div_ceil(2)
    }
}

/// The price of a sound effect.
pub(super) const EFFECT: Nanos = 120_000_000;

/// The price of music of this length in milliseconds: $0.30 a minute.
pub(super) fn music(length: u64) -> Nanos {
    length * 5_000
}

/// The price of transcribing this length in milliseconds: $0.22 an hour.
pub(super) fn transcription(length: u64) -> Nanos {
    length * 220_000_000 / 3_600_000
}
