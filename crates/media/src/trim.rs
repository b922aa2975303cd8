//! `media/trim`: a part of a video or sound.

use motet_pipeline::contract::{Contract, Encoding, Parameter, Sketches, Tool, Work};
use motet_pipeline::{Failure, MediaKind, Type, Value};

use crate::Recipe;
use crate::clip::Remake;
use crate::colour::Colour;
use crate::ffmpeg::{self, Ffmpeg, Format, Quality};
use crate::filter::Graph;
use crate::picture;
use crate::request::{self, Request, length};
use crate::size::{Fit, Size};
use crate::sound::{self, exactly, in_samples};

/// Where the part begins if nothing else is given.
const START: f64 = 0.0;

pub(crate) fn contract() -> Contract {
    let time = |name: &str| Parameter::optional(name, Type::Number).range(0.0, 21_600.0);
    Contract::new("media/trim", Work::Processor)
        .summary("Cuts a part out of a video or sound, to the frame.")
        .input(
            Parameter::required("media", Type::Media(vec![MediaKind::Video, MediaKind::Audio]))
                .about("A video or sound."),
        )
        .input(time("start").default(START).about("Where the part begins, in seconds."))
        .input(time("duration").about("How long it is, in seconds; at most the rest is used."))
        .input(time("end").about("Where it ends, in seconds, instead of `duration`."))
        .input(Quality::parameter())
        .output("video", Type::media(MediaKind::Video))
        .output("audio", Type::media(MediaKind::Audio))
        .at_most_one(&["duration", "end"])
        .ruled_by(&["start", "duration", "end"], judge)
        .promises(request::of_media)
        .tool(Tool::Ffmpeg)
        .encodes(|_| Encoding::Sometimes("if it is given a video"))
        .usually(0.3, 20.0)
}

pub(crate) fn plan(request: &Request) -> Result<Recipe, Failure> {
    let media = request.required_media("media");
    let (start, kept) = part(request, length(media)?)?;
    if media.kind == MediaKind::Video {
        let own = Size::of(media)?;
        let mut remake = Remake::of(request, media, kept);
        remake.reading = ffmpeg::from(start);
        remake.before = picture::since(start, remake.rate);
        remake.before.extend(picture::conform(own, own.even(), Fit::Cover, Colour::BLACK, remake.origin()));
        return Ok(remake.recipe());
    }
    let mut recipe = Recipe::default();
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    let input = call.input(&[""; 0], &recipe.read(media));
    let mut filters = sound::conform();
    filters.extend(sound::skip(start));
    filters.extend(exactly(in_samples(kept)));
    graph.chain(&[format!("{input}:a:{}", request.tracks(media).sound)], filters, &["a"]);
    let call = call.write(&graph, &["a"], Format::Wav, Some(kept));
    Ok(recipe.call(call).gives("audio", Format::Wav.file()))
}

/// Of times that are written in the pipeline, whatever the media is.
fn judge(given: &Sketches) -> Result<(), Failure> {
    let Some(times) = given.values() else { return Ok(()) };
    let time = |name: &str| times.get(name).and_then(Value::as_f64);
    match (time("duration"), time("end")) {
        // That it takes one of them is said by its contract.
        (Some(_), Some(_)) => Ok(()),
        (duration, end) => {
            let kept = kept(time("start").unwrap_or(START), duration, end);
            kept.map(drop).map_err(|what| Failure::invalid(format!("media/trim {what}")))
        }
    }
}

/// How long the part is; nothing if it goes to the end.
fn kept(start: f64, duration: Option<f64>, end: Option<f64>) -> Result<Option<f64>, &'static str> {
    match duration.or(end.map(|end| end - start)) {
        Some(kept) if kept <= 0.0 => Err("would keep nothing: the part ends before it begins"),
        kept => Ok(kept),
    }
}

/// Where the part begins and how long it is.
fn part(request: &Request, length: f64) -> Result<(f64, f64), Failure> {
    let start = request.number_or_default("start");
    if start >= length {
        return Err(request.refuse(&format!("can't begin at {start} s: it is only {length} s long")));
    }
    let rest = length - start;
    let (duration, end) = (request.number("duration"), request.number("end"));
    let kept = kept(start, duration, end).map_err(|what| request.refuse(what))?;
    Ok((start, kept.map_or(rest, |kept| kept.min(rest))))
}
