//! `media/animate`: a still becomes a clip.

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::{Filter, Graph, filter};
use crate::picture::{self, Origin};
use crate::rate::Rate;
use crate::request::Request;
use crate::size::{Fit, STILL_SIDE_MAX, Size};

/// How much larger than the clip the picture is laid out before it is cropped. The crop moves by
/// whole pixels of this larger picture, so the movement seen is smooth.
const OVERSIZE: u32 = 4;

/// How far a zoom goes in a second, and at most.
const ZOOM_A_SECOND: f64 = 0.035;
const ZOOM_MAX: f64 = 0.4;

/// How much is cut off so that a pan has somewhere to go.
const PAN_MARGIN: f64 = 0.2;

pub(crate) fn contract() -> Contract {
    Contract::new("media/animate", Work::Processor)
        .summary("Turns a picture into a clip by moving slowly over it.")
        .input(
            Parameter::required("image", Type::media(MediaKind::Image))
                .about("The picture, at least 16 × 16."),
        )
        .input(
            Parameter::optional("effect", Type::Text)
                .default("zoom-in")
                .one_of(["zoom-in", "zoom-out", "pan-left", "pan-right", "pan-up", "pan-down", "none"])
                .about("How the view moves; the view of pan-left moves to the left."),
        )
        .input(
            Parameter::optional("duration", Type::Number)
                .default(5.0)
                .range(0.1, 600.0)
                .about("Length in seconds."),
        )
        .input(
            Parameter::optional("fps", Type::Number)
                .default(25.0)
                .range(1.0, 60.0)
                .about("Pictures a second."),
        )
        .input(
            Parameter::optional("width", Type::Integer)
                .range(16.0, 4096.0)
                .about("Width in pixels, made even; by default that of the picture, but no side above 1920."),
        )
        .input(
            Parameter::optional("height", Type::Integer)
                .range(16.0, 4096.0)
                .about("Height in pixels, made even."),
        )
        .input(
            Parameter::optional("aspect_ratio", Type::Text)
                .about("Such as 16:9; the picture is cut to it, evenly on both sides."),
        )
        .output("video", Type::media(MediaKind::Video))
        .tool(Tool::Ffmpeg)
        .encodes(|_| Encoding::Always)
        .usually(1.0, 6.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let image = request.required_media("image");
    let own = Size::of(image)?;
    if own.width.min(own.height) < 16 {
        return Err(request.refuse(&format!("needs a picture of at least 16x16; this one is {own}")));
    }
    let size = request.size(own, STILL_SIDE_MAX)?.even();
    let rate = Rate::new(request.number_or_default("fps"));
    let frames = rate.frames(request.number_or_default("duration")).max(1);

    let mut recipe = Recipe::default();
    let file = recipe.read(image);
    let mut call = Ffmpeg::new();
    let input = call.picture(&file);
    let mut graph = Graph::default();
    let effect = request.word("effect");
    let mut filters = vec![filter("trim").set("end_frame", 1)];
    if effect == "none" {
        filters.extend(picture::conform(own, size, Fit::Cover, Colour::BLACK, Origin::Still));
        filters.push(picture::yuv420p());
    } else {
        let oversize = OVERSIZE.min(8192 / size.width.max(size.height)).max(1);
        let canvas = Size { width: size.width * oversize, height: size.height * oversize };
        filters.extend(picture::conform(own, canvas, Fit::Cover, Colour::BLACK, Origin::Still));
        filters.push(picture::yuv420p());
        filters.push(movement(effect, frames, rate, size));
    }
    if effect == "none" || frames == 1 {
        filters.extend(picture::hold(frames, rate));
    }
    filters.push(picture::label_colours());
    graph.chain(&[format!("{input}:v")], filters, &["v"]);
    let call = call.write(&graph, &["v"], Format::SilentMp4, Some(rate.seconds(frames)));
    Ok(recipe.call(call).gives("video", Format::SilentMp4.file()))
}

/// The filter that moves the view; `on` counts the frames from zero.
fn movement(effect: &str, frames: u64, rate: Rate, size: Size) -> Filter {
    let last = frames.saturating_sub(1).max(1);
    let amount = (rate.seconds(frames) * ZOOM_A_SECOND).clamp(0.05, ZOOM_MAX);
    let pan = format!("{:.4}", 1.0 + PAN_MARGIN);
    let zoom = match effect {
        "zoom-in" => format!("1+{amount:.4}*on/{last}"),
        "zoom-out" => format!("1+{amount:.4}*({last}-on)/{last}"),
        _ => pan,
    };
    let forth = |side: char| format!("(i{side}-i{side}/zoom)*on/{last}");
    let back = |side: char| format!("(i{side}-i{side}/zoom)*({last}-on)/{last}");
    let middle = |side: char| format!("(i{side}-i{side}/zoom)/2");
    let (x, y) = match effect {
        "pan-right" => (forth('w'), middle('h')),
        "pan-left" => (back('w'), middle('h')),
        "pan-down" => (middle('w'), forth('h')),
        "pan-up" => (middle('w'), back('h')),
        _ => (middle('w'), middle('h')),
    };
    filter("zoompan").set("z", zoom).set("x", x).set("y", y).set("d", frames).set("s", size).set("fps", rate)
}
