//! `media/merge`: pictures one after another, sound laid over them, one encoding.

mod episode;
mod items;
mod notes;
mod pictures;
mod refusal;
mod sound;
mod timeline;

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::value::Map;
use motet_pipeline::{Failure, MediaKind, Type, Value};

use crate::Recipe;
use crate::captions::{self, Captions};
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::Graph;
use crate::loudness::{self, Levelled};
use crate::rate::Rate;
use crate::request::Request;
use crate::size::{Fit, STILL_SIDE_MAX, Size};

use items::{Items, Place};
pub(crate) use notes::CHAPTERS_FILE;
use notes::Stretch;
use sound::Fades;
use timeline::{Timeline, Wishes};

/// No film is longer than this, in seconds.
const LENGTH_MAX: f64 = 6.0 * 3600.0;

pub(crate) fn contract() -> Contract {
    let seconds = |name: &str| Parameter::optional(name, Type::Number).range(0.0, 60.0);
    let media = Type::Media(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio]);
    let object = Type::Object { fields: [("media".to_owned(), media.clone())].into(), open: true };
    let item = Type::OneOf(vec![media, object]);
    let items = Type::list(Type::OneOf(vec![item.clone(), Type::list(item)]));
    let word = Type::Object {
        fields: [("word", Type::Text), ("start", Type::Number), ("end", Type::Number)]
            .map(|(name, ty)| (name.to_owned(), ty))
            .into(),
        open: false,
    };
    Contract::new("media/merge", Work::Processor)
        .summary("Joins pictures and clips in order, lays narration and music over them, and keeps all in step; joins sounds to a sound.")
        .input(
            Parameter::required("items", items).range(1.0, 200.0).entries(items::entries()).about(
                "Media, objects {media, audio?, audio_volume?, audio_offset?, effect?, start?, duration?, volume?, offset?, \
                 fade_in?, fade_out?, title?, words?}, or lists of these. Pictures and videos follow each other; sounds lie over them from `offset` \
                 (default 0). Sounds alone follow each other. \
                 `audio` is an item's own narration: a still lasts as long as it, a shorter clip holds its last \
                 picture, and no transition cuts into it; it begins at `audio_offset` (default 0). `effect` moves the view over a still, as \
                 in media/animate. A still without `duration` shares the length of the \
                 sounds, or lasts 4 s. `title` begins a chapter; `words` are moved to where they are heard.",
            ),
        )
        .input(Parameter::optional("music", Type::media(MediaKind::Audio)).about(
            "A bed under everything: repeated or cut to the length of the film, and faded out at its end.",
        ))
        .input(Parameter::optional("music_volume", Type::Number).default(0.4).range(0.0, 4.0).about("1 leaves the music as loud as it is."))
        .input(Parameter::optional("duck", Type::Boolean).default(true).about("Lower the music while anything else sounds."))
        .input(
            Parameter::optional("length", Type::Text)
                .default("longest")
                .one_of(["longest", "video", "audio", "shortest"])
                .about(
                    "How long the film is. `longest`: all pictures and all narration; the last picture is held, so that \
                     narration is never cut off. `video`, `audio`: as long as these. Music never counts.",
                ),
        )
        .input(Parameter::optional("transition", Type::Text).default("none").one_of(["none", "fade"]).about("How one picture gives way to the next."))
        .input(seconds("transition_duration").default(0.5).about("Seconds; shortened where a clip is too short for it."))
        .input(seconds("gap").default(0.0).about("Seconds of silence between sounds that follow each other."))
        .input(
            Parameter::optional("fit_length", Type::Text).default("none").one_of(["none", "speech", "pictures"]).about(
                "Of an item with `audio`: make its speech as long as its pictures (`speech`), or its pictures as long as its \
                 speech, at the same pitch.",
            ),
        )
        .input(crate::loudness::target("loudness"))
        .input(crate::sound::format_parameter("mp3"))
        .input(seconds("fade_in").default(0.0).about("Seconds in which the whole film fades in from the background."))
        .input(seconds("fade_out").default(0.0).about("Seconds in which the whole film fades out to the background."))
        .input(Parameter::optional("width", Type::Integer).range(16.0, 4096.0).about("Width in pixels, made even; by default that of the first picture."))
        .input(Parameter::optional("height", Type::Integer).range(16.0, 4096.0).about("Height in pixels, made even."))
        .input(Parameter::optional("aspect_ratio", Type::Text).about("Such as 16:9, in place of width or height."))
        .input(Parameter::optional("fps", Type::Number).range(1.0, 60.0).about("Pictures a second; by default that of the first video, else 25."))
        .input(
            Parameter::optional("fit", Type::Text)
                .default("contain")
                .one_of(["contain", "cover"])
                .about("Whether a picture of another shape is shown whole (contain) or fills the frame (cover)."),
        )
        .input(Parameter::optional("background", Type::Text).default("black").about("The colour around pictures and of fades: #rrggbb, or a name."))
        .input(
            Parameter::optional("captions", Type::Object { fields: [].into(), open: true })
                .entries(captions::options())
                .needs(Tool::Font)
                .about(
                    "Burns captions into the film, in the same encoding: an object of what media/captions takes, such as \
                     {style: karaoke}, or {}. They show the `words` of the items, unless it has `words`, a `script` or \
                     `subtitles` of the whole film. Needs a font on the machine.",
                ),
        )
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .output("audio", Type::media(MediaKind::Audio))
        .output("starts", Type::list(Type::Number))
        .output("words", Type::list(word))
        .output("srt", Type::media(MediaKind::File))
        .output("vtt", Type::media(MediaKind::File))
        .ruled_by(&refusal::NAMES, refusal::judge)
        .promises(refusal::promise)
        .tool(Tool::Ffmpeg)
        .encodes(encoding)
        .usually(1.0, 30.0)
}

/// A single clip is copied if nothing changes its pictures.
fn encoding(given: &Map) -> Encoding {
    let fades = |name: &str| given.get(name).and_then(Value::as_f64).is_some_and(|seconds| seconds > 0.0);
    Encoding::Sometimes(match given.contains_key("captions") || fades("fade_in") || fades("fade_out") {
        true => "if there are pictures among its items",
        false => "unless a single clip keeps its pictures, or all items are sounds",
    })
}

/// How the film looks.
struct Look {
    size: Size,
    rate: Rate,
    fit: Fit,
    background: Colour,
    fade_in: f64,
    fade_out: f64,
    captions: Option<Captions>,
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let items = Items::read(request)?;
    match items.visuals.is_empty() {
        true => episode::plan(request, &items),
        false => film(request, &items),
    }
}

/// How long two that follow each other are seen or heard together, in seconds.
fn transition(request: &Request) -> f64 {
    match request.word("transition") {
        "fade" => request.number_or_default("transition_duration"),
        _ => 0.0,
    }
}

fn limit_of_length(what: &str, length: f64) -> Failure {
    Failure::too_large(format!(
        "media/merge would make a {what} of {length:.0} s; at most {LENGTH_MAX} s can be made"
    ))
}

fn film(request: &Request, items: &Items) -> Result<Recipe, Failure> {
    let mut look = look(request, items)?;
    let wishes = Wishes { length: request.word("length"), transition: transition(request) };
    let timeline = Timeline::new(items, look.rate, &wishes);
    let length = look.rate.seconds(timeline.frames);
    if length > LENGTH_MAX {
        return Err(limit_of_length("film", length));
    }
    let stretches: Vec<_> = items.order.iter().map(|place| stretch(items, &timeline, *place)).collect();
    look.captions = captions(request, &notes::words(items, &stretches), look.size, length)?;
    let recipe = encoded(request, items, &timeline, &look, length)?;
    let recipe = notes::lay_out(recipe.gives("video", Format::Mp4.file()), items, &stretches, length);
    Ok(match &look.captions {
        Some(captions) => captions.written_into(recipe),
        None => recipe,
    })
}

/// The calls that make the film, which is `length` seconds long.
fn encoded(
    request: &Request,
    items: &Items,
    timeline: &Timeline,
    look: &Look,
    length: f64,
) -> Result<Recipe, Failure> {
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::at(Quality::read(request));
    let mut graph = Graph::default();
    let is_copied = pictures::are_copied(items, timeline, look);
    let clips = match is_copied {
        true => vec![Some(call.input(&[""; 0], &recipe.read(&items.visuals[0].media)))],
        false => pictures::lay(&mut recipe, &mut call, &mut graph, items, timeline, look),
    };
    let pictures =
        if is_copied { format!("0:v:{}", items.visuals[0].tracks.picture) } else { "v".to_owned() };
    let mut sounds = sound::of_items(&mut recipe, &mut call, items, timeline, &clips);
    sounds.music = sound::music(&mut recipe, &mut call, request, length)?;
    let has_chapters = notes::has_chapters(items);
    let target = request.number("loudness").filter(|_| !sounds.is_silent());
    if has_chapters && target.is_none() {
        call.chapters(CHAPTERS_FILE);
    }
    let is_silent = sounds.is_silent();
    if !is_silent {
        let samples = timeline.rate.samples(timeline.frames);
        sound::mix(&mut graph, sounds, samples, Fades::read(request), request.flag("duck"));
    }
    let format = match (is_copied, is_silent, target) {
        (true, true, _) => Format::CopiedSilentMp4,
        (true, _, None) => Format::CopiedMp4,
        (true, _, Some(_)) => Format::CopiedUnlevelled,
        (false, true, _) => Format::SilentMp4,
        (false, _, None) => Format::Mp4,
        (false, _, Some(_)) => Format::Unlevelled,
    };
    let maps: &[&str] = if is_silent { &[&pictures] } else { &[&pictures, "a"] };
    let recipe = recipe.call(call.write(&graph, maps, format, Some(length)));
    Ok(match target {
        None => recipe,
        Some(target) => {
            let (file, pictures) = (format.file(), Some("0:v:0".to_owned()));
            let format = Format::CopiedMp4;
            let levelled = Levelled { file, track: 0, pictures, format, length, has_chapters };
            recipe.call(loudness::listen(file, 0, target)).call(levelled.call())
        }
    })
}

/// The captions that are asked for, in a film in which `spoken` is said.
fn captions(
    request: &Request,
    spoken: &[Value],
    size: Size,
    length: f64,
) -> Result<Option<Captions>, Failure> {
    let Some(Value::Map(asked)) = request.value("captions") else { return Ok(None) };
    let contract = captions::of_film();
    let asked = request.within(&contract, asked)?;
    Captions::read(&asked, Some(spoken), size, length).map(Some)
}

/// Where an item of a film is.
fn stretch(items: &Items, timeline: &Timeline, place: Place) -> Stretch {
    match place {
        Place::Overlay(index) => {
            let overlay = &items.overlays[index];
            let start = overlay.offset.unwrap_or(0.0);
            Stretch { start, end: overlay.end(), heard: start, skipped: overlay.start, speed: 1.0 }
        }
        Place::Visual(index) => {
            let (visual, segment) = (&items.visuals[index], &timeline.segments[index]);
            // While two are seen, the words are those of the one that comes.
            let end = segment.start + segment.frames - timeline.overlap_after(index);
            let (offset, skipped, speed) = match &visual.narration {
                Some(narration) => (narration.offset, 0.0, narration.speed),
                None => (0.0, visual.start, visual.speed),
            };
            let seconds = |frames| timeline.rate.seconds(frames);
            let start = seconds(segment.start);
            Stretch { start, end: seconds(end), heard: start + offset, skipped, speed }
        }
    }
}

fn look(request: &Request, items: &Items) -> Result<Look, Failure> {
    let first = &items.visuals[0].media;
    let longest = if first.kind == MediaKind::Image { STILL_SIDE_MAX } else { u32::MAX };
    let measured = items.visuals.iter().find_map(|visual| visual.media.fps);
    Ok(Look {
        size: request.size(Size::of(first)?, longest)?.even(),
        rate: Rate::new(request.number("fps").or(measured).unwrap_or(25.0).min(60.0)),
        fit: Fit::from_word(request.word("fit")),
        background: Colour::read(request.word("background"))?,
        fade_in: request.number_or_default("fade_in"),
        fade_out: request.number_or_default("fade_out"),
        captions: None,
    })
}
