//! The pictures of a film: each brought to one size and rate, then joined.

use motet_pipeline::MediaKind;

use crate::Recipe;
use crate::ffmpeg::Ffmpeg;
use crate::filter::{Filter, Graph, filter, seconds};
use crate::picture::{self, Origin};
use crate::rate::Rate;
use crate::size::Size;

use super::Look;
use super::items::{Items, Visual};
use super::timeline::{Segment, Timeline};

/// Adds all visuals to the graph; the film's pictures end at the pad `v`. Gives the number of the
/// input of each visual.
pub(crate) fn lay(
    recipe: &mut Recipe,
    call: &mut Ffmpeg,
    graph: &mut Graph,
    items: &Items,
    timeline: &Timeline,
    look: &Look,
) -> Vec<usize> {
    let mut inputs = Vec::with_capacity(items.visuals.len());
    for (index, (visual, segment)) in items.visuals.iter().zip(&timeline.segments).enumerate() {
        let file = recipe.read(&visual.media);
        let input = match visual.media.kind {
            MediaKind::Image => call.picture(&file),
            _ => call.input(&cut(visual, segment, timeline.rate), &file),
        };
        graph.chain(&[format!("{input}:v:0")], conform(visual, segment, look), &[format!("v{index}")]);
        inputs.push(input);
    }
    join(graph, timeline, look);
    inputs
}

/// The options that read only the part that is seen.
fn cut(visual: &Visual, segment: &Segment, rate: Rate) -> Vec<String> {
    let mut options = Vec::new();
    let shown = rate.seconds(segment.frames);
    if visual.start > 0.0 {
        options.extend(["-ss".to_owned(), seconds(visual.start)]);
    }
    if visual.rest().is_some_and(|rest| rest > shown + 0.1) {
        options.extend(["-t".to_owned(), seconds(shown + 0.1)]);
    }
    options
}

fn conform(visual: &Visual, segment: &Segment, look: &Look) -> Vec<Filter> {
    // Planning began by asking every visual for its size.
    let own = Size::of(&visual.media).unwrap_or(look.size);
    let mut filters = Vec::new();
    let background = look.background.to_string();
    if visual.media.kind == MediaKind::Image {
        filters.push(filter("trim").set("end_frame", 1));
        filters.extend(picture::conform(own, look.size, look.fit, &background, Origin::Still));
        filters.push(picture::yuv420p());
        filters.extend(picture::hold(segment.frames, look.rate));
    } else {
        filters.extend(picture::conform(own, look.size, look.fit, &background, Origin::Moving));
        filters.push(picture::yuv420p());
        filters.extend(picture::regular(segment.frames, look.rate));
    }
    filters.push(picture::label_colours());
    filters.extend(fades(visual.fade_in, visual.fade_out, segment.frames, look));
    filters
}

/// Fades from and to the background, in a stretch of `frames`.
fn fades(fade_in: f64, fade_out: f64, frames: u64, look: &Look) -> Vec<Filter> {
    let fade = |kind: &str, start: u64, length: u64| {
        filter("fade")
            .set("type", kind)
            .set("start_frame", start)
            .set("nb_frames", length)
            .set("color", look.background)
    };
    let rise = look.rate.frames(fade_in).min(frames);
    let sink = look.rate.frames(fade_out).min(frames);
    let mut filters = Vec::new();
    if rise > 0 {
        filters.push(fade("in", 0, rise));
    }
    if sink > 0 {
        filters.push(fade("out", frames - sink, sink));
    }
    filters
}

/// Joins the pads `v0`, `v1`, … with cuts and crossfades.
fn join(graph: &mut Graph, timeline: &Timeline, look: &Look) {
    let mut run = vec!["v0".to_owned()];
    for (index, segment) in timeline.segments.iter().enumerate().skip(1) {
        let next = format!("v{index}");
        if segment.overlap == 0 {
            run.push(next);
            continue;
        }
        let before = concatenate(graph, &run, look.rate);
        let faded = format!("f{index}");
        let crossfade = filter("xfade")
            .set("transition", "fade")
            .set("duration", seconds(look.rate.seconds(segment.overlap)))
            .set("offset", seconds(look.rate.seconds(segment.start)));
        // Some versions of xfade leave out a point in time at the seam, though no frame is lost.
        let mut filters = vec![crossfade];
        filters.extend(picture::count(look.rate));
        graph.chain(&[before, next], filters, &[&faded]);
        run = vec![faded];
    }
    let all = concatenate(graph, &run, look.rate);
    let mut filters = Vec::new();
    if timeline.segments.iter().any(|segment| segment.overlap > 0) {
        // And some end a frame early.
        filters.push(filter("tpad").set("stop_mode", "clone").set("stop", timeline.segments.len()));
    }
    filters.push(filter("trim").set("end_frame", timeline.frames));
    filters.extend(fades(look.fade_in, look.fade_out, timeline.frames, look));
    graph.chain(&[all], filters, &["v"]);
}

/// Puts the pads of `run` after one another; gives the pad of the whole.
fn concatenate(graph: &mut Graph, run: &[String], rate: Rate) -> String {
    if let [single] = run {
        return single.clone();
    }
    let joined = format!("{}c", run[0]);
    // Joining counts in microseconds; frames are counted again, so that a crossfade may follow.
    let filters =
        [filter("concat").set("n", run.len()).set("v", 1).set("a", 0), filter("fps").set("fps", rate)];
    graph.chain(run, filters, &[&joined]);
    joined
}
