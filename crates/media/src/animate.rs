//! `media/animate`: a still becomes a clip.

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::Graph;
use crate::movement::{EFFECTS, Still};
use crate::picture;
use crate::rate::Rate;
use crate::request::Request;
use crate::size::{Fit, STILL_SIDE_MAX, Size};

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
                .one_of(EFFECTS)
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
        .input(Quality::parameter())
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
    let mut call = Ffmpeg::at(Quality::read(request));
    let input = call.picture(&file);
    let mut graph = Graph::default();
    let effect = request.word("effect");
    let still = Still { own, size, fit: Fit::Cover, background: Colour::BLACK, effect, frames, rate };
    let mut filters = still.shown();
    filters.push(picture::label_colours());
    graph.chain(&[format!("{input}:v")], filters, &["v"]);
    let call = call.write(&graph, &["v"], Format::SilentMp4, Some(rate.seconds(frames)));
    Ok(recipe.call(call).gives("video", Format::SilentMp4.file()))
}
