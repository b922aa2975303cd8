//! `media/loudness`: sound as loud as other sound, in two passes: first it is listened to, then it is raised or lowered
//! as a whole. Only peaks that would be cut are pressed down.

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::clip::Remake;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::{Filter, Graph, filter};
use crate::merge::CHAPTERS_FILE;
use crate::recipe::{Call, Listens};
use crate::request::{self, Request, length};
use crate::size::{Fit, Size};
use crate::{Recipe, colour, picture, sound};

/// What stands in the arguments of a call for how much is to be raised, until that is known.
const GAIN: &str = "motet-gain";

/// What is this quiet (in LUFS) or shorter than a word has no loudness that could be told.
const HEARD_MIN: f64 = -69.0;

/// Nothing is raised or lowered by more, in decibels.
const GAIN_MAX: f64 = 40.0;

pub(crate) fn contract() -> Contract {
    Contract::new("media/loudness", Work::Processor)
        .summary("Brings a sound, or that of a video, to a loudness; its pictures are kept as they are.")
        .input(
            Parameter::required("media", Type::Media(vec![MediaKind::Video, MediaKind::Audio]))
                .about("A sound, or a video with sound."),
        )
        .input(target("target").default(-16.0))
        .input(sound::format_parameter("mp3"))
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .output("audio", Type::media(MediaKind::Audio))
        .promises(request::of_media)
        .tool(Tool::Ffmpeg)
        .encodes(|_| Encoding::Sometimes("if a video isn't H.264"))
        .usually(0.3, 10.0)
}

/// The parameter that says how loud the result is to be.
pub(crate) fn target(name: &str) -> Parameter {
    Parameter::optional(name, Type::Number).range(-40.0, -5.0).about(
        "Loudness in LUFS: -16 for podcasts and films on the web, -14 for music, -23 for broadcasting.",
    )
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let media = request.required_media("media");
    if media.has_audio == Some(false) {
        return Err(request.refuse("needs sound, and this video has none"));
    }
    let tracks = request.tracks(media);
    let (length, target) = (length(media)?, request.number_or_default("target"));
    let mut recipe = Recipe::default();
    let file = recipe.read(media);
    let mut recipe = recipe.call(listen(&file, tracks.sound, target));
    if media.kind == MediaKind::Video && !tracks.pictures.is_h264 {
        let own = Size::of(media)?;
        let mut remake = Remake::of(request, media, length);
        remake.before = picture::conform(own, own.even(), Fit::Cover, colour::Colour::BLACK, remake.origin());
        remake.sound = level();
        recipe.calls.extend(remake.recipe().calls);
        return Ok(recipe.gives("video", Format::Mp4.file()));
    }
    let (output, format, pictures) = match media.kind {
        MediaKind::Video => ("video", Format::CopiedMp4, Some(format!("0:v:{}", tracks.picture))),
        _ => ("audio", Format::of_sound(request.word("format")), None),
    };
    let levelled =
        Levelled { file: &file, track: tracks.sound, pictures, format, length, has_chapters: false };
    Ok(recipe.call(levelled.call()).gives(output, format.file()))
}

/// The call that listens to a sound track of `file`; those behind it bring it to `target`.
pub(crate) fn listen(file: &str, track: usize, target: f64) -> Call {
    let mut call = Ffmpeg::telling();
    let input = call.input(&[""; 0], file);
    let mut graph = Graph::default();
    let mut filters = sound::conform();
    filters.push(filter("ebur128").set("framelog", "verbose"));
    graph.chain(&[format!("{input}:a:{track}")], filters, &["a"]);
    Call { listens: Some(Listens::Loudness { target }), ..call.write(&graph, &["a"], Format::Nothing, None) }
}

/// A sound that is brought to a loudness.
pub(crate) struct Levelled<'a> {
    pub(crate) file: &'a str,
    /// Which of the sound tracks of the file.
    pub(crate) track: usize,
    /// The picture track that is copied with it, as ffmpeg names it.
    pub(crate) pictures: Option<String>,
    pub(crate) format: Format,
    /// Seconds.
    pub(crate) length: f64,
    /// Whether there is a file with chapters.
    pub(crate) has_chapters: bool,
}

impl Levelled<'_> {
    /// The call that makes it.
    pub(crate) fn call(self) -> Call {
        let mut call = Ffmpeg::new();
        let input = call.input(&[""; 0], self.file);
        if self.has_chapters {
            call.chapters(CHAPTERS_FILE);
        }
        let mut graph = Graph::default();
        let mut filters = sound::conform();
        filters.extend(level());
        filters.extend(sound::exactly(sound::in_samples(self.length)));
        graph.chain(&[format!("{input}:a:{}", self.track)], filters, &["a"]);
        let maps: Vec<&str> = self.pictures.as_deref().into_iter().chain(["a"]).collect();
        call.write(&graph, &maps, self.format, Some(self.length))
    }
}

/// Raises or lowers, and holds peaks below full scale, also between samples; `level` would raise what is quiet.
fn level() -> Vec<Filter> {
    vec![
        filter("volume").set("volume", GAIN),
        filter("alimiter").set("limit", 0.84).set("attack", 5).set("release", 50).set("level", "false"),
    ]
}

/// By how many decibels to raise a sound to bring it to `target`, by what a call said that listened to it. What is too
/// short or too quiet to have a loudness stays as it is.
///
/// ```
/// use motet_media::loudness::gain;
/// let said = "[Parsed_ebur128_1 @ 0x5] Summary:\n\n  Integrated loudness:\n    I:         -23.4 LUFS\n";
/// assert_eq!(gain(said, -16.0).unwrap(), 7.4);
/// assert_eq!(gain(&said.replace("-23.4", "-70.0"), -16.0).unwrap(), 0.0);
/// ```
///
/// # Errors
/// When it said nothing of the kind.
pub fn gain(said: &str, target: f64) -> Result<f64, Failure> {
    let heard = said.rsplit_once("Integrated loudness:").and_then(|(_, rest)| {
        let (_, rest) = rest.split_once("I:")?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    });
    match heard {
        Some(heard) if heard > HEARD_MIN => {
            Ok(((target - heard) * 10.0).round().clamp(-10.0 * GAIN_MAX, 10.0 * GAIN_MAX) / 10.0)
        }
        Some(_) => Ok(0.0),
        None => Err(Failure::bad_output("ffmpeg didn't say how loud the sound is")),
    }
}

/// The same call, which raises by so many decibels.
pub fn with_gain(call: Call, decibels: f64) -> Call {
    let arguments = call.arguments.into_iter();
    Call {
        arguments: arguments.map(|argument| argument.replace(GAIN, &format!("{decibels}dB"))).collect(),
        ..call
    }
}
