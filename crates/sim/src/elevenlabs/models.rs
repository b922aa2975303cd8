//! The models of ElevenLabs: what they cost, and how much text they take.

use crate::job::Nanos;

/// A model that speaks.
pub(super) struct Voice {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// Dollars for a thousand characters, in hundredths.
    pub(super) cents: u64,
    /// Credits for a character, in halves.
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
        // Cents for a thousand are ten thousand billionths for one.
        characters as u64 * self.cents * 10_000
    }

    pub(super) fn credits(&self, characters: usize) -> u64 {
        (characters as u64 * self.half_credits).div_ceil(2)
    }
}

/// What a sound effect costs.
pub(super) const EFFECT: Nanos = 120_000_000;

/// What music of a length in milliseconds costs: $0.30 a minute.
pub(super) fn music(length: u64) -> Nanos {
    length * 5_000
}

/// What transcribing a recording of a length in milliseconds costs: $0.22 an hour.
pub(super) fn transcription(length: u64) -> Nanos {
    length * 220_000_000 / 3_600_000
}
