//! `media/probe`, and how files are measured with ffprobe.

mod measures;
mod reading;

use motet_pipeline::contract::{Contract, Parameter, Work};
use motet_pipeline::{Failure, MediaKind, Type, Value};

pub use measures::Probed;
pub(crate) use measures::displayed;
pub use reading::read;

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
