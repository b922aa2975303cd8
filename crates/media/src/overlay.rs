//! `media/overlay`: a picture or a text over a video, for a while.

use std::sync::Arc;

use motet_pipeline::contract::{Contract, Encoding, Parameter, Sketches, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type, Value};

use crate::Recipe;
use crate::captions::{self, Line};
use crate::clip::{Laid, Remake};
use crate::colour::Colour;
use crate::ffmpeg::Quality;
use crate::filter::{filter, seconds};
use crate::picture;
use crate::request::{Request, length};
use crate::size::{Fit, Size};

/// How far from the edges it lies, as a share of the shorter side.
const MARGIN: f64 = 0.04;

/// The places on a picture, row by row from the bottom, as the keys of a telephone turned over.
const PLACES: [&str; 9] =
    ["bottom-left", "bottom", "bottom-right", "left", "middle", "right", "top-left", "top", "top-right"];

/// When it appears if nothing else is given.
const FROM: f64 = 0.0;

pub(crate) fn contract() -> Contract {
    let time = |name: &str| Parameter::optional(name, Type::Number).range(0.0, 21_600.0);
    Contract::new("media/overlay", Work::Processor)
        .summary("Lays a picture or a text over a video, all the time or for a while.")
        .input(Parameter::required("video", Type::media(MediaKind::Video)).about("The video."))
        .input(Parameter::optional("image", Type::media(MediaKind::Image)).about(
            "A picture, such as a logo; where it is transparent the video is seen. Give this or `text`.",
        ))
        .input(Parameter::optional("text", Type::Text).range(1.0, 500.0).needs(Tool::Font).about(
            "A text, of one or more lines. Needs a font on the machine.",
        ))
        .input(
            Parameter::optional("position", Type::Text)
                .default("bottom-right")
                .one_of(PLACES)
                .about("Where on the video."),
        )
        .input(Parameter::optional("size", Type::Number).range(0.01, 1.0).about(
            "Width of the picture as a share of that of the video, by default 0.2; or height of the letters as a share of its \
             height, by default 0.06.",
        ))
        .input(
            Parameter::optional("opacity", Type::Number)
                .default(1.0)
                .range(0.0, 1.0)
                .about("How little of the video shines through."),
        )
        .input(Parameter::optional("colour", Type::Text).default("white").about("Of the text: #rrggbb, or a name."))
        .input(time("from").default(FROM).about("When it appears, in seconds."))
        .input(time("to").about("When it goes, in seconds; by default with the video."))
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .exactly_one(&["image", "text"])
        .ruled_by(&["from", "to"], judge)
        .tool(Tool::Ffmpeg)
        .encodes(|_| Encoding::Always)
        .usually(1.0, 20.0)
}

/// Of times that are written in the pipeline, whatever the video is.
fn judge(given: &Sketches) -> Result<(), Failure> {
    let Some(times) = given.values() else { return Ok(()) };
    let time = |name: &str| times.get(name).and_then(Value::as_f64);
    let Some(to) = time("to") else { return Ok(()) };
    let shown = shown(time("from").unwrap_or(FROM), to);
    shown.map_err(|what| Failure::invalid(format!("media/overlay {what}")))
}

fn shown(from: f64, to: f64) -> Result<(), String> {
    if from < to { Ok(()) } else { Err(format!("would show nothing from {from} s to {to} s")) }
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let video = request.required_media("video");
    let (own, length) = (Size::of(video)?, length(video)?);
    let size = own.even();
    let (from, to) = (request.number_or_default("from"), request.number("to").unwrap_or(length).min(length));
    if let Err(what) = shown(from, to) {
        return Err(request.refuse(&format!("{what}: the video is {length} s long")));
    }
    let mut remake = Remake::of(request, video, length);
    remake.before = picture::conform(own, size, Fit::Cover, Colour::BLACK, remake.origin());
    match request.media("image") {
        Some(image) => {
            remake.laid = Some(laid(request, image, size, (from, to))?);
            Ok(remake.recipe())
        }
        None => {
            let text = request.text("text").expect("the contract needs one of them");
            let letters = request.number("size").unwrap_or(0.06) * f64::from(size.height);
            let line = Line {
                text,
                place: place(request) + 1,
                size,
                font_size: letters.max(6.0),
                margin: margin(size),
                colour: Colour::read(request.word("colour"))?,
                opacity: request.number_or_default("opacity"),
                from,
                to,
            };
            remake.after = vec![filter("ass").set("filename", captions::LINE_FILE)];
            Ok(line.written_into(remake.recipe()))
        }
    }
}

/// Where it lies, as a number from 0 to 8.
fn place(request: &Request) -> usize {
    let word = request.word("position");
    PLACES.iter().position(|place| *place == word).unwrap_or(2)
}

fn margin(size: Size) -> u32 {
    (f64::from(size.width.min(size.height)) * MARGIN).round() as u32
}

/// The picture, brought to its size and opacity, and where it lies from when to when.
fn laid(
    request: &Request,
    image: &Arc<motet_pipeline::Artifact>,
    size: Size,
    (from, to): (f64, f64),
) -> Result<Laid, Failure> {
    let own = Size::of(image)?;
    let width = (request.number("size").unwrap_or(0.2) * f64::from(size.width)).round().max(2.0);
    let height = (width / own.ratio()).round().max(2.0);
    if height > f64::from(size.height) {
        return Err(request.refuse(&format!(
            "can't lay a picture of {width} x {height} over a video of {size}; give a smaller `size`"
        )));
    }
    let margin = margin(size);
    let along = |index: usize, own: char, whole: char, before: String| match index {
        0 => before,
        1 => format!("({whole}-{own})/2"),
        _ => format!("{whole}-{own}-{margin}"),
    };
    let place = place(request);
    let x = along(place % 3, 'w', 'W', margin.to_string());
    // From the bottom to the top.
    let y = along(2 - place / 3, 'h', 'H', margin.to_string());
    let filters = vec![
        filter("trim").set("end_frame", 1),
        filter("format").set("pix_fmts", "rgba"),
        filter("scale").set("w", width).set("h", height).set("flags", "bicubic"),
        filter("colorchannelmixer").set("aa", seconds(request.number_or_default("opacity"))),
        filter("scale").set("out_color_matrix", "bt709").set("out_range", "tv"),
        filter("format").set("pix_fmts", "yuva420p"),
    ];
    let over = filter("overlay")
        .set("x", x)
        .set("y", y)
        .set("format", "yuv420")
        .set("eof_action", "repeat")
        .set("enable", format!("between(t,{},{})", seconds(from), seconds(to)));
    Ok(Laid { image: Arc::clone(image), filters, over })
}
