//! `media/fit`: media that measures more than somebody takes, made to fit; what fits already is left as it is.

use std::sync::Arc;

use motet_pipeline::artifact::extensions;
use motet_pipeline::check::FIT;
use motet_pipeline::contract::{Contract, Encoding, Outputs, Parameter, Sketch, Sketches, Tool, Work};
use motet_pipeline::{Artifact, Failure, MediaKind, Type, Value};

use crate::Recipe;
use crate::clip::Remake;
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::{Graph, filter};
use crate::picture;
use crate::recipe::Output;
use crate::request::{Request, length};
use crate::size::{Fit, Size};
use crate::sound::{self, exactly, in_samples};

/// The formats that can be written, by their usual file endings.
const WRITTEN: [(&str, Format); 6] = [
    ("png", Format::Png),
    ("jpg", Format::Jpeg),
    ("mp4", Format::Mp4),
    ("mp3", Format::Mp3),
    ("wav", Format::Wav),
    ("m4a", Format::M4a),
];

/// What it is given, one of them.
const KINDS: [MediaKind; 3] = [MediaKind::Image, MediaKind::Video, MediaKind::Audio];

pub(crate) fn contract() -> Contract {
    let media =
        |kind: MediaKind, about: &str| Parameter::optional(kind.word(), Type::media(kind)).about(about);
    Contract::new(FIT, Work::Processor)
        .summary("Makes media fit what somebody takes, and leaves alone what fits already: `fit: auto` of a step puts it in front.")
        .input(media(MediaKind::Image, "A picture."))
        .input(media(MediaKind::Video, "A video."))
        .input(media(MediaKind::Audio, "A sound."))
        .input(
            Parameter::optional("max_side", Type::Integer)
                .range(16.0, 8192.0)
                .about("The longest side, in pixels: what is larger becomes smaller, in its own shape."),
        )
        .input(
            Parameter::optional("max_seconds", Type::Number)
                .range(0.05, 21_600.0)
                .about("The longest, in seconds: of what is longer, the beginning is kept."),
        )
        .input(
            Parameter::optional("formats", Type::list(Type::Text))
                .about("The formats that are taken, by file endings such as jpg: another one becomes the first of them that can be written (png, jpg, mp4, mp3, wav, m4a)."),
        )
        .input(
            Parameter::optional("mono", Type::Boolean)
                .default(false)
                .about("Whether a sound gets one channel."),
        )
        .input(Quality::parameter())
        .output("image", Type::media(MediaKind::Image))
        .output("video", Type::media(MediaKind::Video))
        .output("audio", Type::media(MediaKind::Audio))
        .exactly_one(&["image", "video", "audio"])
        .ruled_by(&["image", "video", "audio", "formats"], judge)
        .promises(|given| match KINDS.map(MediaKind::word).into_iter().find(|name| given.is_there(name)) {
            Some(kind) => Outputs::only(kind, KINDS.map(MediaKind::word)),
            None => Outputs::default(),
        })
        .tool(Tool::Ffmpeg)
        .encodes(|given| match given.contains_key("video") {
            true => Encoding::Sometimes("if it doesn't fit"),
            false => Encoding::Never,
        })
        .usually(0.0, 10.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let mut given = KINDS.into_iter().filter_map(|kind| request.media(kind.word()));
    let media = given.next().expect("the contract needs one of them");
    let wanted = Wanted::read(request, media)?;
    if wanted.is_met() {
        return Ok(as_it_is(media));
    }
    match media.kind {
        MediaKind::Image => picture_of(media, &wanted),
        MediaKind::Video => video_of(request, media, &wanted),
        MediaKind::Audio | MediaKind::File => sound_of(request, media, &wanted),
    }
}

/// What media is to become: nothing of it where it is so already.
struct Wanted {
    size: Option<Size>,
    seconds: Option<f64>,
    format: Option<Format>,
    mono: bool,
}

impl Wanted {
    fn read(request: &Request, media: &Artifact) -> Result<Wanted, Failure> {
        let is_seen = matches!(media.kind, MediaKind::Image | MediaKind::Video);
        let size = request
            .pixels("max_side")
            .filter(|_| is_seen)
            .map(|longest| Size::of(media).map(|own| (own, own.at_most(longest))));
        let size = size.transpose()?.filter(|(own, size)| own != size).map(|(_, size)| size);
        let lasts = matches!(media.kind, MediaKind::Video | MediaKind::Audio);
        let longest = request.number("max_seconds").filter(|_| lasts);
        let seconds = longest.map(|longest| length(media).map(|length| (length, longest))).transpose()?;
        let seconds = seconds.filter(|(length, longest)| length > longest).map(|(_, longest)| longest);
        let format = another_format(request, media)?;
        let mono = request.flag("mono") && media.kind == MediaKind::Audio;
        Ok(Wanted { size, seconds, format, mono })
    }

    fn is_met(&self) -> bool {
        self.size.is_none() && self.seconds.is_none() && self.format.is_none() && !self.mono
    }
}

/// The format that it is to have, if its own isn't taken.
fn another_format(request: &Request, media: &Artifact) -> Result<Option<Format>, Failure> {
    let formats: Vec<&str> = request.list("formats").iter().filter_map(Value::as_str).collect();
    if formats.is_empty() || formats.contains(&media.extension()) {
        return Ok(None);
    }
    written_as(media.kind, &formats).map(Some)
}

/// The first of `formats` that can be written for media of a kind.
fn written_as(kind: MediaKind, formats: &[&str]) -> Result<Format, Failure> {
    let fits = |format: Format| match format {
        Format::Png | Format::Jpeg => kind == MediaKind::Image,
        Format::Mp4 => kind == MediaKind::Video,
        _ => kind == MediaKind::Audio,
    };
    let known = |word: &str| WRITTEN.iter().find(|(ending, format)| *ending == word && fits(*format));
    formats.iter().find_map(|word| known(word)).map(|(_, format)| *format).ok_or_else(|| {
        let listed = crate::request::excerpt(&formats.join(", "));
        Failure::invalid(format!("{FIT} can't write {kind} as {listed}"))
    })
}

/// Of formats that are written in the pipeline: one of them can be written, or is what the media may have already.
fn judge(given: &Sketches) -> Result<(), Failure> {
    let formats = given.get("formats").and_then(Sketch::value).and_then(Value::as_list).unwrap_or(&[]);
    let formats: Vec<&str> = formats.iter().filter_map(Value::as_str).collect();
    let mut kinds = KINDS.into_iter().filter(|kind| given.get(kind.word()).is_some());
    let (Some(kind), None, false) = (kinds.next(), kinds.next(), formats.is_empty()) else { return Ok(()) };
    match extensions(kind).any(|own| formats.contains(&own)) {
        true => Ok(()),
        false => written_as(kind, &formats).map(drop),
    }
}

/// What fits is given on, byte for byte.
fn as_it_is(media: &Arc<Artifact>) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.outputs.insert(media.kind.word().to_owned(), Output::Value(Value::Media(media.clone())));
    recipe
}

fn picture_of(media: &Arc<Artifact>, wanted: &Wanted) -> Result<Recipe, Failure> {
    let own = Size::of(media)?;
    let usual = if media.mime == "image/jpeg" { Format::Jpeg } else { Format::Png };
    let format = wanted.format.unwrap_or(usual);
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let input = call.picture(&recipe.read(media));
    let mut filters = vec![filter("trim").set("end_frame", 1)];
    // In RGB no side has to be even, and transparency is kept where the format has it.
    if format == Format::Jpeg {
        filters.push(filter("format").set("pix_fmts", "gbrap"));
        filters.extend(picture::flatten(Colour::BLACK));
        filters.push(filter("format").set("pix_fmts", "rgb24"));
    } else {
        filters.push(filter("format").set("pix_fmts", "rgb24|rgba"));
    }
    filters.extend(picture::conform_kept(own, wanted.size.unwrap_or(own), Fit::Cover, Colour::BLACK));
    graph.chain(&[format!("{input}:v:0")], filters, &["v"]);
    let call = call.write(&graph, &["v"], format, None);
    Ok(recipe.call(call).gives("image", format.file()))
}

fn video_of(request: &Request, media: &Arc<Artifact>, wanted: &Wanted) -> Result<Recipe, Failure> {
    let own = Size::of(media)?;
    let kept = wanted.seconds.map_or_else(|| length(media), |longest| Ok(just_below(longest)))?;
    let mut remake = Remake::of(request, media, kept);
    let size = wanted.size.unwrap_or(own).even();
    remake.before = picture::conform(own, size, Fit::Cover, Colour::BLACK, remake.origin());
    Ok(remake.recipe())
}

/// A little less than the longest: a file ends with whole frames, of pictures and of sound.
fn just_below(longest: f64) -> f64 {
    const FRAMES: f64 = 0.1;
    (longest - FRAMES).max(longest / 2.0)
}

fn sound_of(request: &Request, media: &Arc<Artifact>, wanted: &Wanted) -> Result<Recipe, Failure> {
    let kept = wanted.seconds.map_or_else(|| length(media), |longest| Ok(just_below(longest)))?;
    let usual = if media.extension() == "wav" { Format::Wav } else { Format::Mp3 };
    let format = match (wanted.format.unwrap_or(usual), wanted.mono) {
        (Format::Wav, true) => Format::MonoWav,
        (_, true) => Format::MonoMp3,
        (format, false) => format,
    };
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let input = call.input(&[""; 0], &recipe.read(media));
    let mut filters = sound::conform();
    filters.extend(exactly(in_samples(kept)));
    graph.chain(&[format!("{input}:a:{}", request.tracks(media).sound)], filters, &["a"]);
    let call = call.write(&graph, &["a"], format, Some(kept));
    Ok(recipe.call(call).gives("audio", format.file()))
}
