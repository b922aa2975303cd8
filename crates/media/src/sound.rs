//! Filters on sound that several operations share.

use motet_pipeline::Type;
use motet_pipeline::contract::Parameter;

use crate::ffmpeg::Format;
use crate::filter::{Filter, filter};
use crate::rate::SAMPLE_RATE;

/// The parameter that chooses a format of sound.
pub(crate) fn format_parameter(usual: &'static str) -> Parameter {
    Parameter::optional("format", Type::Text).default(usual).one_of(Format::SOUNDS).about(
        "Of a sound. Every provider accepts mp3; m4a holds AAC (aac is another word for it); flac and wav are lossless.",
    )
}

/// Any sound as stereo, as loud as it is. The usual conversion lowers one channel by 3 dB when it
/// becomes two; here the gains of the channels that are there add up to one.
const STEREO: &str = "stereo|FL<FL+0.7*FC+0.7*BL+0.7*SL|FR<FR+0.7*FC+0.7*BR+0.7*SR";

/// Brings sound to the one form that is written: 48 kHz stereo, without gaps, beginning at zero.
pub(crate) fn conform() -> Vec<Filter> {
    vec![
        filter("aresample").set("sample_rate", SAMPLE_RATE).set("async", 1).set("first_pts", 0),
        filter("pan").set("args", STEREO),
    ]
}

/// Leaves out the first `seconds`. Sound is cut after decoding: seeking in some formats (MP3) is
/// inexact.
pub(crate) fn skip(seconds: f64) -> Vec<Filter> {
    match in_samples(seconds) {
        0 => Vec::new(),
        samples => {
            vec![filter("atrim").set("start_sample", samples), filter("asetpts").set("expr", "PTS-STARTPTS")]
        }
    }
}

/// Padded with silence or cut to exactly `samples`.
pub(crate) fn exactly(samples: u64) -> Vec<Filter> {
    vec![filter("apad").set("whole_len", samples), filter("atrim").set("end_sample", samples)]
}

/// How many samples last `seconds`.
pub(crate) fn in_samples(seconds: f64) -> u64 {
    (seconds * SAMPLE_RATE as f64).round() as u64
}
