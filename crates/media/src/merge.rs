//! `media/merge`: pictures one after another, sound laid over them, one encoding.

mod items;
mod pictures;
mod sound;
mod timeline;

use motet_pipeline::contract::{Contract, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::Graph;
use crate::rate::Rate;
use crate::request::Request;
use crate::size::{Fit, STILL_SIDE_MAX, Size};

use items::Items;
use timeline::{Timeline, Wishes};

/// No film is longer than this, in seconds.
const LENGTH_MAX: f64 = 6.0 * 3600.0;

pub(crate) fn contract() -> Contract {
    let seconds = |name: &str| Parameter::optional(name, Type::Number).range(0.0, 60.0);
    let media = Type::Media(vec![MediaKind::Image, MediaKind::Video, MediaKind::Audio]);
    let object = Type::Object { fields: [("media".to_owned(), media.clone())].into(), open: true };
    Contract::new("media/merge", Work::Processor)
        .summary("Joins pictures and clips in order, lays narration and music over them, and keeps all in step.")
        .input(
            Parameter::required("items", Type::list(Type::OneOf(vec![media, object]))).range(1.0, 200.0).entries(items::entries()).about(
                "Media, or objects {media, audio?, audio_volume?, start?, duration?, volume?, offset?, fade_in?, \
                 fade_out?}. Pictures and videos follow each other; sounds lie over them from `offset` (default 0). \
                 `audio` is an item's own narration: a still lasts as long as it, a shorter clip holds its last \
                 picture, and no transition cuts into it. A still without `duration` shares the length of the \
                 sounds, or lasts 4 s.",
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
        .output("video", Type::media(MediaKind::Video))
        .tool(Tool::Ffmpeg)
        .usually(1.0, 30.0)
}

/// How the film looks.
pub(crate) struct Look {
    size: Size,
    rate: Rate,
    fit: Fit,
    background: Colour,
    fade_in: f64,
    fade_out: f64,
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let items = Items::read(request)?;
    let look = look(request, &items)?;
    let wishes = Wishes {
        length: request.word("length"),
        transition: match request.word("transition") {
            "fade" => request.number_or_default("transition_duration"),
            _ => 0.0,
        },
    };
    let timeline = Timeline::new(&items, look.rate, &wishes);
    let length = look.rate.seconds(timeline.frames);
    if length > LENGTH_MAX {
        return Err(Failure::too_large(format!(
            "media/merge would make a film of {length:.0} s; at most {LENGTH_MAX} s can be made"
        )));
    }

    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let clips = pictures::lay(&mut recipe, &mut call, &mut graph, &items, &timeline, &look);
    let mut sounds = sound::of_items(&mut recipe, &mut call, &items, &timeline, &clips);
    sounds.music = sound::music(&mut recipe, &mut call, request, length)?;
    let call = if sounds.is_silent() {
        call.write(&graph, &["v"], Format::SilentMp4, Some(length))
    } else {
        sound::mix(&mut graph, sounds, &timeline, &look, request.flag("duck"));
        call.write(&graph, &["v", "a"], Format::Mp4, Some(length))
    };
    Ok(recipe.call(call).gives("video", Format::Mp4.file()))
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
    })
}
