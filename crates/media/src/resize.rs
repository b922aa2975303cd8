//! `media/resize`: another size or shape.

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::clip::Remake;
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::{Filter, Graph, filter};
use crate::picture;
use crate::request::{self, Request, length};
use crate::size::{Fit, Size};

pub(crate) fn contract() -> Contract {
    Contract::new("media/resize", Work::Processor)
        .summary("Brings a picture or video to another size or shape.")
        .input(
            Parameter::required("media", Type::Media(vec![MediaKind::Image, MediaKind::Video]))
                .about("A picture or video."),
        )
        .input(
            Parameter::optional("width", Type::Integer)
                .range(16.0, 8192.0)
                .about("Width in pixels; made even for a video. By default it follows from the height."),
        )
        .input(
            Parameter::optional("height", Type::Integer)
                .range(16.0, 8192.0)
                .about("Height in pixels; made even for a video. By default it follows from the width."),
        )
        .input(
            Parameter::optional("aspect_ratio", Type::Text)
                .about("Such as 9:16: alone it cuts to this shape, with one side it gives the other."),
        )
        .input(Parameter::optional("fit", Type::Text).default("cover").one_of(["cover", "contain"]).about(
            "For another shape: fill it and cut off what stands out (cover), or show all on a background (contain).",
        ))
        .input(
            Parameter::optional("background", Type::Text)
                .default("black")
                .about("The colour around a picture that is shown whole: #rrggbb, or a name."),
        )
        .input(Quality::parameter())
        .output("image", Type::media(MediaKind::Image))
        .output("video", Type::media(MediaKind::Video))
        .at_least_one(&["width", "height", "aspect_ratio"])
        .promises(request::of_media)
        .tool(Tool::Ffmpeg)
        .encodes(|_| Encoding::Sometimes("if it is given a video"))
        .usually(0.3, 20.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let media = request.required_media("media");
    let own = Size::of(media)?;
    let size = request.size(own, u32::MAX)?;
    let fit = Fit::from_word(request.word("fit"));
    let background = Colour::read(request.word("background"))?;
    if media.kind == MediaKind::Video {
        let mut remake = Remake::of(request, media, length(media)?);
        remake.before = picture::conform(own, size.even(), fit, background, remake.origin());
        return Ok(remake.recipe());
    }
    let format = if media.mime == "image/jpeg" { Format::Jpeg } else { Format::Png };
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let input = call.picture(&recipe.read(media));
    graph.chain(&[format!("{input}:v:0")], still(own, size, fit, background), &["v"]);
    let call = call.write(&graph, &["v"], format, None);
    Ok(recipe.call(call).gives("image", format.file()))
}

fn still(own: Size, size: Size, fit: Fit, background: Colour) -> Vec<Filter> {
    // In RGB no side has to be even, and transparency is kept.
    let mut filters =
        vec![filter("trim").set("end_frame", 1), filter("format").set("pix_fmts", "rgb24|rgba")];
    filters.extend(picture::conform_kept(own, size, fit, background));
    filters
}
