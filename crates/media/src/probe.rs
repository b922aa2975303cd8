//! `media/probe`, and how files are measured with ffprobe.

mod measures;
mod reading;

use motet_pipeline::contract::{Contract, Parameter, Work};
use motet_pipeline::{Failure, MediaKind, Type, Value};

pub use measures::Probed;
pub(crate) use measures::displayed;
pub use reading::{Reported, read, report};

use crate::Recipe;
use crate::ffmpeg::{FORMATS, PROTOCOLS};
use crate::recipe::Output;
use crate::request::Request;

/// The arguments with which ffprobe measures `file`; its standard output is for [`read`], its
/// standard error for [`crate::failure`].
pub fn arguments(file: &str) -> Vec<String> {
    [
        "-hide_banner",
        "-loglevel",
        "error",
        "-protocol_whitelist",
        PROTOCOLS,
        "-format_whitelist",
        FORMATS,
        "-of",
        "json",
        "-show_format",
        "-show_streams",
        // Reads the file to its end, which is the only way to see that some of it is missing.
        "-count_packets",
        "-i",
        file,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The arguments with which ffmpeg plays `file` as fast as it can, to nowhere: sound is decoded, pictures are only
/// counted. Its standard output is for [`played`].
pub fn playing(file: &str) -> Vec<String> {
    let quiet = ["-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-progress", "pipe:1"];
    let limits = ["-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS];
    let streams = ["-map", "0:V:0?", "-map", "0:a:0?", "-c:v", "copy", "-f", "null", "-"];
    quiet.into_iter().chain(limits).chain(["-i", file]).chain(streams).map(str::to_owned).collect()
}

/// How long a file played, in seconds, by what ffmpeg wrote when it was called with [`playing`].
///
/// ```
/// assert_eq!(motet_media::probe::played(b"out_time_us=40000\nprogress=continue\nout_time_us=2500000\nprogress=end\n"), Some(2.5));
/// assert_eq!(motet_media::probe::played(b"out_time_us=N/A\nprogress=end\n"), None);
/// ```
pub fn played(progress: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(progress);
    let mut times = text.lines().rev().filter_map(|line| line.strip_prefix("out_time_us="));
    times.next()?.trim().parse::<f64>().ok().map(|microseconds| microseconds / 1e6)
}

pub(crate) fn contract() -> Contract {
    let maybe = |ty: Type| Type::OneOf(vec![ty, Type::Null]);
    Contract::new("media/probe", Work::Processor)
        .summary("Reports the measures of media: size, length, rate. Costs nothing: media are measured when they come in.")
        .input(
            Parameter::required(
                "media",
                Type::Media(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::File]),
            )
            .about("Any media."),
        )
        .output("kind", Type::Text)
        .output("mime", Type::Text)
        .output("bytes", Type::Integer)
        .output("width", maybe(Type::Integer))
        .output("height", maybe(Type::Integer))
        .output("duration", maybe(Type::Number))
        .output("fps", maybe(Type::Number))
        .output("has_audio", maybe(Type::Boolean))
        .usually(0.0, 0.1)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let media = request.required_media("media");
    let side = |side: Option<u32>| side.map_or(Value::Null, Value::from);
    let number = |number: Option<f64>| number.map_or(Value::Null, Value::from);
    let values = [
        ("kind", Value::from(media.kind.word())),
        ("mime", Value::from(media.mime.as_str())),
        ("bytes", Value::from(media.bytes)),
        ("width", side(media.width)),
        ("height", side(media.height)),
        ("duration", number(media.duration)),
        ("fps", number(media.fps)),
        ("has_audio", media.has_audio.map_or(Value::Null, Value::from)),
    ];
    let outputs = values.into_iter().map(|(name, value)| (name.to_owned(), Output::Value(value))).collect();
    Ok(Recipe { outputs, ..Recipe::default() })
}
