//! The pictures of a film: each brought to one size and rate, then joined.

use motet_pipeline::MediaKind;

use crate::captions;
use crate::ffmpeg::{self, Ffmpeg, Format};
use crate::filter::{Filter, Graph, filter, seconds};
use crate::movement::Still;
use crate::picture::{self, Origin};
use crate::rate::Rate;
use crate::size::Size;
use crate::tracks::Pictures;
use crate::{Call, Recipe};

use super::Look;
use super::items::{Items, Visual};
use super::timeline::{Segment, Timeline};

/// At most this many pictures are joined in one call: each keeps a decoder and its frames in memory
/// (at 1280x720 some 75 MB) until the call ends.
const JOINED_MAX: usize = 10;

/// The same, if the view moves over any of them: each is kept enlarged (at 1920x1080 some 50 MB).
const MOVING_MAX: usize = 5;

/// Adds the film's pictures to the graph; they end at the pad `v`. Gives, for each visual that sounds,
/// the number of the input with its sound.
///
/// A film of many pictures is joined in parts first, each by a call of its own that is added to the
/// recipe.
pub(crate) fn lay(
    recipe: &mut Recipe,
    call: &mut Ffmpeg,
    graph: &mut Graph,
    items: &Items,
    timeline: &Timeline,
    look: &Look,
) -> Vec<Option<usize>> {
    let clips: Vec<_> = items.visuals.iter().zip(&timeline.segments).collect();
    let is_moving = items.visuals.iter().any(|visual| visual.effect != "none");
    let joined_max = if is_moving { MOVING_MAX } else { JOINED_MAX };
    if clips.len() <= joined_max {
        let inputs = show(recipe, call, graph, &clips, look);
        let joined = join(graph, &timeline.segments, look.rate);
        finish(graph, joined, timeline, look);
        return inputs.into_iter().map(Some).collect();
    }
    let mut parts = Vec::new();
    for (index, clips) in clips.chunks(joined_max).enumerate() {
        let part = whole(clips);
        let file = format!("part{index}.mkv");
        let rendered = render(recipe, clips, &part, look, &file);
        recipe.calls.push(rendered);
        let input = call.input(&[""; 0], &file);
        let mut filters = picture::count(look.rate).to_vec();
        filters.push(filter("trim").set("end_frame", part.frames));
        graph.chain(&[format!("{input}:v:0")], filters, &[format!("v{index}")]);
        parts.push(part);
    }
    let joined = join(graph, &parts, look.rate);
    finish(graph, joined, timeline, look);
    let mut sounding = |visual: &Visual| {
        let file = recipe.read(&visual.media);
        visual.sounds().then(|| call.input(&ffmpeg::from(visual.start), &file))
    };
    items.visuals.iter().map(&mut sounding).collect()
}

/// Whether the film has the pictures of its only clip, one by one: then they needn't be encoded again.
pub(crate) fn are_copied(items: &Items, timeline: &Timeline, look: &Look) -> bool {
    let [clip] = items.visuals.as_slice() else { return false };
    let (Some(length), Some(fps)) = (clip.media.duration, clip.media.fps) else { return false };
    let is_whole = clip.start == 0.0 && clip.speed == 1.0 && timeline.frames == look.rate.frames(length);
    let is_same = Size::of(&clip.media).is_ok_and(|own| own == look.size) && Rate::new(fps) == look.rate;
    let fades = [clip.fade_in, clip.fade_out, look.fade_in, look.fade_out];
    is_whole
        && is_same
        && look.captions.is_none()
        && fades.iter().all(|fade| *fade == 0.0)
        && clip.tracks.pictures == Pictures::default()
}

/// The stretch of the film that `clips` fill together.
fn whole(clips: &[(&Visual, &Segment)]) -> Segment {
    let (first, last) = (clips[0].1, clips[clips.len() - 1].1);
    Segment { frames: last.start + last.frames - first.start, ..*first }
}

/// A call that joins `clips` and writes them to `file`, nearly without loss.
fn render(
    recipe: &mut Recipe,
    clips: &[(&Visual, &Segment)],
    part: &Segment,
    look: &Look,
    file: &str,
) -> Call {
    let mut call = Ffmpeg::new();
    let mut graph = Graph::default();
    show(recipe, &mut call, &mut graph, clips, look);
    let within = |segment: &Segment| Segment { start: segment.start - part.start, ..*segment };
    let segments: Vec<_> = clips.iter().map(|(_, segment)| within(segment)).collect();
    let joined = join(&mut graph, &segments, look.rate);
    graph.chain(&[joined], exactly(part.frames, segments.len()), &["v"]);
    call.write_to(file, &graph, &["v"], Format::Part, Some(look.rate.seconds(part.frames)))
}

/// Adds each of `clips` to the graph, brought to the look of the film, as the pads `v0`, `v1`, …
fn show(
    recipe: &mut Recipe,
    call: &mut Ffmpeg,
    graph: &mut Graph,
    clips: &[(&Visual, &Segment)],
    look: &Look,
) -> Vec<usize> {
    let mut inputs = Vec::with_capacity(clips.len());
    for (index, (visual, segment)) in clips.iter().enumerate() {
        let file = recipe.read(&visual.media);
        let input = match visual.media.kind {
            MediaKind::Image => call.picture(&file),
            _ => call.input(&ffmpeg::from(visual.start), &file),
        };
        let track = format!("{input}:v:{}", visual.tracks.picture);
        graph.chain(&[track], conform(visual, segment, look), &[format!("v{index}")]);
        inputs.push(input);
    }
    inputs
}

fn conform(visual: &Visual, segment: &Segment, look: &Look) -> Vec<Filter> {
    // Planning began by asking every visual for its size.
    let own = Size::of(&visual.media).unwrap_or(look.size);
    let mut filters = Vec::new();
    if visual.media.kind == MediaKind::Image {
        let still = Still {
            own,
            size: look.size,
            fit: look.fit,
            background: look.background,
            effect: visual.effect,
            frames: segment.frames,
            rate: look.rate,
        };
        filters.extend(still.shown());
    } else {
        filters.extend(picture::since(visual.start, look.rate));
        filters.extend(picture::conform(
            own,
            look.size,
            look.fit,
            look.background,
            Origin::Moving(visual.tracks.pictures),
        ));
        filters.push(picture::yuv420p());
        filters.extend(picture::regular(segment.frames, look.rate));
    }
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
    match filters.is_empty() || look.background.is_grey() {
        true => filters,
        false => picture::within_rgb(filters),
    }
}

/// Joins the pads `v0`, `v1`, … with cuts and crossfades; gives the pad of the whole.
fn join(graph: &mut Graph, segments: &[Segment], rate: Rate) -> String {
    let mut run = vec!["v0".to_owned()];
    for (index, segment) in segments.iter().enumerate().skip(1) {
        let next = format!("v{index}");
        if segment.overlap == 0 {
            run.push(next);
            continue;
        }
        let before = concatenate(graph, &run, rate);
        let faded = format!("f{index}");
        let crossfade = filter("xfade")
            .set("transition", "fade")
            .set("duration", seconds(rate.seconds(segment.overlap)))
            .set("offset", seconds(rate.seconds(segment.start)));
        // Some versions of xfade leave out a point in time at the seam, though no frame is lost.
        let mut filters = vec![crossfade];
        filters.extend(picture::count(rate));
        graph.chain(&[before, next], filters, &[&faded]);
        run = vec![faded];
    }
    concatenate(graph, &run, rate)
}

/// Exactly `frames` frames; some versions of xfade end a frame early, so a few may be missing.
fn exactly(frames: u64, missing_max: usize) -> Vec<Filter> {
    vec![
        filter("tpad").set("stop_mode", "clone").set("stop", missing_max),
        filter("trim").set("end_frame", frames),
    ]
}

/// Ends the film at its length, with its fades and captions, at the pad `v`.
fn finish(graph: &mut Graph, joined: String, timeline: &Timeline, look: &Look) {
    let mut filters = exactly(timeline.frames, timeline.segments.len());
    filters.extend(fades(look.fade_in, look.fade_out, timeline.frames, look));
    filters.extend(look.captions.as_ref().map(|_| captions::drawn()));
    filters.push(picture::label_colours());
    graph.chain(&[joined], filters, &["v"]);
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
