//! Filters on pictures that several operations share.

use crate::filter::{Filter, filter};
use crate::rate::Rate;
use crate::size::{Fit, Size};

/// What a stream of pictures comes from, which decides how its colours are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A picture in RGB or full-range YUV: converted to the colours of HD video.
    Still,
    /// A video: its colours are passed on as they are.
    Moving,
}

/// Puts pictures of size `own` into `target`, with square pixels.
///
/// Sizes are written as numbers, not left to ffmpeg: the size a picture is displayed at (turned, with
/// oblong pixels) is already known from its measures.
pub(crate) fn conform(own: Size, target: Size, fit: Fit, background: &str, origin: Origin) -> Vec<Filter> {
    let scaled = match fit {
        // Almost the same shape: nobody sees the stretch, everybody sees a line of background.
        _ if own.is_nearly(target) => target,
        Fit::Contain => own.within(target),
        Fit::Cover => own.around(target),
    };
    let mut filters = match origin {
        Origin::Still => flatten(),
        Origin::Moving => Vec::new(),
    };
    filters.push(scale(scaled, origin));
    if scaled != target {
        filters.push(match fit {
            Fit::Contain => pad(target, background),
            Fit::Cover => crop(target),
        });
    }
    filters.push(filter("setsar").set("sar", 1));
    filters
}

/// Lays a picture on black where it is transparent: what colour lies hidden there is anybody's guess.
pub(crate) fn flatten() -> Vec<Filter> {
    vec![filter("format").set("pix_fmts", "gbrap"), filter("premultiply").set("inplace", 1)]
}

/// Scales to exactly `size`.
pub(crate) fn scale(size: Size, origin: Origin) -> Filter {
    let scale = filter("scale").set("w", size.width).set("h", size.height).set("flags", "bicubic");
    match origin {
        Origin::Still => scale.set("out_color_matrix", "bt709").set("out_range", "tv"),
        Origin::Moving => scale,
    }
}

fn pad(size: Size, background: &str) -> Filter {
    filter("pad")
        .set("w", size.width)
        .set("h", size.height)
        .set("x", "(ow-iw)/2")
        .set("y", "(oh-ih)/2")
        .set("color", background)
}

fn crop(size: Size) -> Filter {
    filter("crop").set("w", size.width).set("h", size.height)
}

/// The format of video in MP4.
pub(crate) fn yuv420p() -> Filter {
    filter("format").set("pix_fmts", "yuv420p")
}

/// Labels pictures as HD video, so that players show the colours that were meant.
pub(crate) fn label_colours() -> Filter {
    filter("setparams")
        .set("range", "tv")
        .set("color_primaries", "bt709")
        .set("color_trc", "bt709")
        .set("colorspace", "bt709")
}

/// Makes exactly `frames` frames of one picture.
pub(crate) fn hold(frames: u64, rate: Rate) -> Vec<Filter> {
    let mut filters =
        vec![filter("loop").set("loop", frames.saturating_sub(1)).set("size", 1).set("start", 0)];
    filters.extend(count(rate));
    filters.push(filter("trim").set("end_frame", frames));
    filters
}

/// Gives frame number n the time n / `rate`, whatever it had before.
pub(crate) fn count(rate: Rate) -> [Filter; 3] {
    [
        filter("settb").set("expr", format!("1/({rate})")),
        filter("setpts").set("expr", "N"),
        filter("fps").set("fps", rate),
    ]
}

/// The pictures from `start` seconds on, of a video that is read [from there](crate::ffmpeg::from):
/// first the one that is seen at that time, however long ago it came, and after the last one that.
pub(crate) fn since(start: f64, rate: Rate) -> Vec<Filter> {
    if start == 0.0 {
        return Vec::new();
    }
    // What was read begins at most `start` before zero, so with this many more its end isn't before zero.
    let held = rate.frames(start) + 2;
    vec![
        filter("fps").set("fps", rate),
        filter("tpad").set("stop_mode", "clone").set("stop", held),
        filter("fps").set("fps", rate).set("start_time", 0),
    ]
}

/// Makes exactly `frames` frames of a video: repeats and drops to reach `rate`, begins at zero, and
/// holds the last picture if the video is shorter.
pub(crate) fn regular(frames: u64, rate: Rate) -> Vec<Filter> {
    vec![
        filter("fps").set("fps", rate).set("start_time", 0),
        filter("tpad").set("stop_mode", "clone").set("stop", frames),
        filter("trim").set("end_frame", frames),
    ]
}
