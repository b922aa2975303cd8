//! `media/retime`: faster or slower, without changing the pitch.

use motet_pipeline::contract::{Contract, Encoding, Parameter, Tool, Work};
use motet_pipeline::{Artifact, Failure, MediaKind, Type};

use crate::Recipe;
use crate::clip::Remake;
use crate::colour::Colour;
use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::{Filter, Graph, filter, seconds};
use crate::picture;
use crate::request::{self, Request, length};
use crate::size::{Fit, Size};
use crate::sound::{self, exactly, in_samples};

/// How much slower and faster it can be made.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=10.0;

pub(crate) fn contract() -> Contract {
    Contract::new("media/retime", Work::Processor)
        .summary("Makes a video or sound faster or slower, at the same pitch.")
        .input(
            Parameter::required("media", Type::Media(vec![MediaKind::Video, MediaKind::Audio]))
                .about("A video or sound."),
        )
        .input(Parameter::optional("speed", Type::Number).range(0.1, 10.0).about("2 is twice as fast."))
        .input(
            Parameter::optional("duration", Type::Number)
                .range(0.05, 21_600.0)
                .about("How long it should last, in seconds. Give this or `speed`."),
        )
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .output("audio", Type::media(MediaKind::Audio))
        .exactly_one(&["speed", "duration"])
        .promises(request::of_media)
        .tool(Tool::Ffmpeg)
        .encodes(|_| Encoding::Sometimes("if it is given a video"))
        .usually(0.5, 20.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let media = request.required_media("media");
    let before = length(media)?;
    let (speed, after) = match request.number("speed") {
        Some(speed) => (speed, before / speed),
        None => {
            let after = request.number("duration").expect("the contract needs one of them");
            (before / after, after)
        }
    };
    if !SPEEDS.contains(&speed) {
        return Err(request.refuse(&format!(
            "can't make {before} s last {after} s: that is {speed:.2} times as fast, and speeds go from 0.1 to 10"
        )));
    }
    match media.kind {
        MediaKind::Audio => Ok(audio(request, speed, after)),
        _ => video(request, media, speed, after),
    }
}

fn video(request: &Request, media: &Artifact, speed: f64, after: f64) -> Result<Recipe, Failure> {
    let own = Size::of(media)?;
    let mut remake = Remake::of(request, request.required_media("media"), after);
    remake.before = picture::conform(own, own.even(), Fit::Cover, Colour::BLACK, remake.origin());
    remake.before.push(filter("setpts").set("expr", format!("PTS/{}", seconds(speed))));
    remake.sound = tempo(speed);
    Ok(remake.recipe())
}

fn audio(request: &Request, speed: f64, after: f64) -> Recipe {
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let media = request.required_media("media");
    let input = call.input(&[""; 0], &recipe.read(media));
    let mut filters = sound::conform();
    filters.extend(tempo(speed));
    filters.extend(exactly(in_samples(after)));
    graph.chain(&[format!("{input}:a:{}", request.tracks(media).sound)], filters, &["a"]);
    let call = call.write(&graph, &["a"], Format::Wav, Some(after));
    recipe.call(call).gives("audio", Format::Wav.file())
}

/// Filters that change the tempo. One alone drops samples above 2 and knows nothing below 0.5.
pub(crate) fn tempo(speed: f64) -> Vec<Filter> {
    let mut rest = speed;
    let mut filters = Vec::new();
    while !(0.5..=2.0).contains(&rest) {
        let stage = if rest > 2.0 { 2.0 } else { 0.5 };
        filters.push(filter("atempo").set("tempo", stage));
        rest /= stage;
    }
    if (rest - 1.0).abs() > 1e-6 {
        filters.push(filter("atempo").set("tempo", seconds(rest)));
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stage_of_tempo_leaves_half_to_double() {
        let text = |speed| tempo(speed).iter().map(Filter::to_string).collect::<Vec<_>>().join(",");
        assert_eq!(text(10.0), "atempo=tempo=2,atempo=tempo=2,atempo=tempo=2,atempo=tempo=1.25");
        assert_eq!(text(0.1), "atempo=tempo=0.5,atempo=tempo=0.5,atempo=tempo=0.5,atempo=tempo=0.8");
        assert_eq!(text(1.5), "atempo=tempo=1.5");
        assert_eq!(text(1.0), "");
    }
}
