//! `media/extract-audio`: the sound of a video by itself.

use motet_pipeline::contract::{Contract, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::Graph;
use crate::request::{Request, length};
use crate::{Recipe, sound};

pub(crate) fn contract() -> Contract {
    Contract::new("media/extract-audio", Work::Processor)
        .summary("Extracts the sound of a video.")
        .input(Parameter::required("video", Type::media(MediaKind::Video)).about("A video with sound."))
        .input(sound::format_parameter("mp3"))
        .output("audio", Type::media(MediaKind::Audio))
        .tool(Tool::Ffmpeg)
        .usually(0.2, 5.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let video = request.required_media("video");
    if video.has_audio == Some(false) {
        return Err(request.refuse("can't extract the sound of a video that has none"));
    }
    let format = Format::of_sound(request.word("format"));
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let input = call.input(&[""; 0], &recipe.read(video));
    // As long as the video, so that times in the sound are times in the video.
    let length = length(video)?;
    let mut filters = sound::conform();
    filters.extend(sound::exactly(sound::in_samples(length)));
    graph.chain(&[format!("{input}:a:{}", request.tracks(video).sound)], filters, &["a"]);
    let call = call.write(&graph, &["a"], format, Some(length));
    Ok(recipe.call(call).gives("audio", format.file()))
}
