//! `media/silence`: sound that is none, for as long as needed.

use motet_pipeline::contract::{Contract, Parameter, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type};

use crate::Recipe;
use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::{Graph, filter};
use crate::rate::SAMPLE_RATE;
use crate::request::Request;

pub(crate) fn contract() -> Contract {
    Contract::new("media/silence", Work::Processor)
        .summary("Makes silence: what narration falls back to.")
        .input(Parameter::required("duration", Type::Number).range(0.01, 7200.0).about("Length in seconds."))
        .output("audio", Type::media(MediaKind::Audio))
        .tool(Tool::Ffmpeg)
        .usually(0.1, 0.5)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let duration = request.number_or_default("duration");
    let samples = (duration * SAMPLE_RATE as f64).round() as u64;
    let mut graph = Graph::default();
    let nothing: [&str; 0] = [];
    let silence = filter("anullsrc").set("r", SAMPLE_RATE).set("cl", "stereo");
    graph.chain(&nothing, [silence, filter("atrim").set("end_sample", samples)], &["a"]);
    let call = Ffmpeg::new().write(&graph, &["a"], Format::Wav, Some(duration));
    Ok(Recipe::default().call(call).gives("audio", Format::Wav.file()))
}
