//! `media/thumbnail`: one picture of a video.

use motet_pipeline::contract::{Contract, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::ffmpeg::{self, Ffmpeg, Format};
use crate::filter::{Graph, filter};
use crate::picture;
use crate::rate::Rate;
use crate::request::{Request, length};
use crate::size::Size;

pub(crate) fn contract() -> Contract {
    Contract::new("media/thumbnail", Work::Processor)
        .summary("Takes a picture out of a video.")
        .input(Parameter::required("video", Type::media(MediaKind::Video)).about("The video."))
        .input(
            Parameter::optional("at", Type::Number)
                .range(0.0, 21_600.0)
                .about("When, in seconds; by default in the middle."),
        )
        .output("image", Type::media(MediaKind::Image))
        .tool(Tool::Ffmpeg)
        .usually(0.2, 1.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let video = request.required_media("video");
    let (own, length) = (Size::of(video)?, length(video)?);
    let at = request.number("at").unwrap_or(length / 2.0);
    if at > length {
        return Err(
            request.refuse(&format!("can't take a picture at {at} s: the video is only {length} s long"))
        );
    }
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let input = call.input(&ffmpeg::from(at), &recipe.read(video));
    let mut filters = picture::since(at, Rate::new(video.fps.unwrap_or(25.0)));
    filters.push(filter("trim").set("end_frame", 1));
    let tracks = request.tracks(video);
    filters.extend(picture::conform_to_rgb(own, tracks.pictures));
    graph.chain(&[format!("{input}:v:{}", tracks.picture)], filters, &["v"]);
    let call = call.write(&graph, &["v"], Format::Png, None);
    Ok(recipe.call(call).gives("image", Format::Png.file()))
}
