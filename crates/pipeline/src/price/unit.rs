//! Units: what providers bill.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is counted. In a [`crate::Usage`] and in a price book it has its [`word`](Unit::word).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Text tokens sent, neither read from a cache nor written to one.
    InputToken,
    /// Text tokens read from the provider's cache.
    CachedInputToken,
    /// Tokens written to the provider's cache.
    CacheWriteInputToken,
    /// Tokens written to the provider's cache for long.
    #[serde(rename = "cache_write_1h_input_token")]
    CacheWriteHourInputToken,
    /// Text tokens returned, reasoning included.
    OutputToken,
    /// Tokens of pictures that are sent.
    InputImageToken,
    /// Tokens of pictures that are read from the provider's cache.
    CachedInputImageToken,
    /// Tokens of pictures that are returned.
    OutputImageToken,
    /// Tokens of sound that is sent.
    InputAudioToken,
    /// Tokens of sound that is returned.
    OutputAudioToken,
    /// Tokens of video that is returned.
    OutputVideoToken,
    /// Unicode characters of a text that is spoken.
    InputCharacter,
    /// Seconds of sound that is sent.
    InputAudioSecond,
    /// Seconds of sound that is returned.
    OutputAudioSecond,
    /// Seconds of video that is returned, times how many there are.
    OutputVideoSecond,
    /// A picture.
    Image,
    /// Millions of pixels of pictures.
    ImageMegapixel,
    /// A video.
    Video,
    /// A shape in three dimensions.
    Mesh,
    /// A track of music.
    Song,
    /// A request that succeeded.
    Request,
    /// Seconds of an accelerator's time.
    GpuSecond,
}

impl Unit {
    /// All units.
    pub const ALL: [Unit; 22] = [
        Unit::InputToken,
        Unit::CachedInputToken,
        Unit::CacheWriteInputToken,
        Unit::CacheWriteHourInputToken,
        Unit::OutputToken,
        Unit::InputImageToken,
        Unit::CachedInputImageToken,
        Unit::OutputImageToken,
        Unit::InputAudioToken,
        Unit::OutputAudioToken,
        Unit::OutputVideoToken,
        Unit::InputCharacter,
        Unit::InputAudioSecond,
        Unit::OutputAudioSecond,
        Unit::OutputVideoSecond,
        Unit::Image,
        Unit::ImageMegapixel,
        Unit::Video,
        Unit::Mesh,
        Unit::Song,
        Unit::Request,
        Unit::GpuSecond,
    ];

    /// Its name in a price book and in a usage, such as `input_character`.
    pub fn word(self) -> &'static str {
        match self {
            Unit::InputToken => "input_token",
            Unit::CachedInputToken => "cached_input_token",
            Unit::CacheWriteInputToken => "cache_write_input_token",
            Unit::CacheWriteHourInputToken => "cache_write_1h_input_token",
            Unit::OutputToken => "output_token",
            Unit::InputImageToken => "input_image_token",
            Unit::CachedInputImageToken => "cached_input_image_token",
            Unit::OutputImageToken => "output_image_token",
            Unit::InputAudioToken => "input_audio_token",
            Unit::OutputAudioToken => "output_audio_token",
            Unit::OutputVideoToken => "output_video_token",
            Unit::InputCharacter => "input_character",
            Unit::InputAudioSecond => "input_audio_second",
            Unit::OutputAudioSecond => "output_audio_second",
            Unit::OutputVideoSecond => "output_video_second",
            Unit::Image => "image",
            Unit::ImageMegapixel => "image_megapixel",
            Unit::Video => "video",
            Unit::Mesh => "mesh",
            Unit::Song => "song",
            Unit::Request => "request",
            Unit::GpuSecond => "gpu_second",
        }
    }

    /// The names by which a [`crate::Usage`] tells how much of it was used.
    pub fn names_in_usage(self) -> &'static [&'static str] {
        match self {
            Unit::InputToken => &["input_token", "tokens_in"],
            Unit::OutputToken => &["output_token", "tokens_out"],
            Unit::InputCharacter => &["input_character", "characters"],
            Unit::InputAudioSecond => &["input_audio_second", "audio_seconds"],
            Unit::OutputAudioSecond => &["output_audio_second", "audio_seconds"],
            Unit::OutputVideoSecond => &["output_video_second", "video_seconds"],
            Unit::Image => &["image", "images"],
            Unit::GpuSecond => &["gpu_second", "predict_seconds"],
            Unit::CachedInputToken => &["cached_input_token"],
            Unit::CacheWriteInputToken => &["cache_write_input_token"],
            Unit::CacheWriteHourInputToken => &["cache_write_1h_input_token"],
            Unit::InputImageToken => &["input_image_token"],
            Unit::CachedInputImageToken => &["cached_input_image_token"],
            Unit::OutputImageToken => &["output_image_token"],
            Unit::InputAudioToken => &["input_audio_token"],
            Unit::OutputAudioToken => &["output_audio_token"],
            Unit::OutputVideoToken => &["output_video_token"],
            Unit::ImageMegapixel => &["image_megapixel"],
            Unit::Video => &["video"],
            Unit::Mesh => &["mesh"],
            Unit::Song => &["song"],
            Unit::Request => &["request"],
        }
    }

    /// Whether it counts what is sent: such a rate stands beside one for the result.
    pub fn is_of_input(self) -> bool {
        self.word().contains("input")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_stored_by_its_word() {
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.word());
            assert_eq!(unit.names_in_usage()[0], unit.word());
        }
    }
}
