//! Filters on pictures that several operations share.

use crate::colour::Colour;
use crate::filter::{Filter, filter, seconds};
use crate::rate::Rate;
use crate::size::{Fit, Size};
use crate::tracks::{Colours, Pictures};

pub(crate) use crate::tracks::label as label_colours;

/// What a stream of pictures comes from, which decides how its colours are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Origin {
    /// A picture in RGB or full-range YUV.
    Still,
    /// A video.
    Moving(Pictures),
}

/// Puts pictures of size `own` into `target`, with square pixels and the colours of HD video; `background` is seen
/// around them and where they are transparent.
///
/// Sizes are written as numbers, not left to ffmpeg: the size a picture is displayed at (turned, with
/// oblong pixels) is already known from its measures.
pub(crate) fn conform(own: Size, target: Size, fit: Fit, background: Colour, origin: Origin) -> Vec<Filter> {
    let mut filters = Vec::new();
    let colours = match origin {
        Origin::Still => {
            filters.push(filter("format").set("pix_fmts", "gbrap"));
            filters.extend(flatten(background));
            Colours::RGB
        }
        Origin::Moving(pictures) => {
            filters.extend(pictures.is_interlaced.then(deinterlace));
            match pictures.is_transparent {
                true => {
                    filters.extend(pictures.colours.to_rgb(filter("scale"), "gbrap"));
                    filters.extend(flatten(background));
                    Colours::RGB
                }
                false => pictures.colours,
            }
        }
    };
    let scaled = fitted(own, target, fit);
    let scale = scale(scaled);
    if scaled == target || fit == Fit::Cover {
        filters.extend(colours.to_hd(scale));
        if scaled != target {
            filters.push(crop(target));
        }
    } else if background.is_grey() {
        filters.extend(colours.to_hd(scale));
        filters.push(pad(target, background));
    } else {
        // What is drawn into video has the colours of SD; into red, green and blue, its own.
        filters.extend(colours.to_rgb(scale, "rgb24"));
        filters.push(pad(target, background));
        filters.extend(Colours::RGB.to_hd(filter("scale")));
    }
    filters.push(filter("setsar").set("sar", 1));
    filters
}

/// Puts pictures of size `own` into `target` as they are, colours and transparency too.
pub(crate) fn conform_kept(own: Size, target: Size, fit: Fit, background: Colour) -> Vec<Filter> {
    let scaled = fitted(own, target, fit);
    let mut filters = vec![scale(scaled)];
    if scaled != target {
        filters.push(match fit {
            Fit::Contain => pad(target, background),
            Fit::Cover => crop(target),
        });
    }
    filters.push(filter("setsar").set("sar", 1));
    filters
}

/// Makes pictures of a video, which are displayed at size `own`, such as stills are: in red, green and blue,
/// transparent where they were.
pub(crate) fn conform_to_rgb(own: Size, pictures: Pictures) -> Vec<Filter> {
    let mut filters: Vec<_> = pictures.is_interlaced.then(deinterlace).into_iter().collect();
    let pixels = if pictures.is_transparent { "rgba" } else { "rgb24" };
    filters.extend(pictures.colours.to_rgb(scale(own), pixels));
    filters.push(filter("setsar").set("sar", 1));
    // A label of video would be written into a PNG, and change how it is shown.
    filters.push(filter("setparams").set("color_primaries", "bt709").set("color_trc", "iec61966-2-1"));
    filters
}

/// The size that pictures of size `own` have within `target`.
fn fitted(own: Size, target: Size, fit: Fit) -> Size {
    match fit {
        // Almost the same shape: nobody sees the stretch, everybody sees a line of background.
        _ if own.is_nearly(target) => target,
        Fit::Contain => own.within(target),
        Fit::Cover => own.around(target),
    }
}

/// Composes pictures with transparency, in the format `gbrap`, over `background`: what colour lies hidden where they are
/// transparent is anybody's guess.
pub(crate) fn flatten(background: Colour) -> Vec<Filter> {
    let share = |part: u8| seconds(f64::from(part) / 255.0);
    let mut filters = vec![filter("premultiply").set("inplace", 1)];
    if background != Colour::BLACK {
        // Of the background there is as much as the picture lets through.
        filters.push(filter("lutrgb").set("a", "negval"));
        filters.push(filter("format").set("pix_fmts", "rgba"));
        filters.push(
            filter("colorchannelmixer")
                .set("ra", share(background.red))
                .set("ga", share(background.green))
                .set("ba", share(background.blue)),
        );
        filters.push(filter("format").set("pix_fmts", "rgb24"));
    }
    filters
}

/// Makes whole pictures of those that were taken as two halves, one after the other.
pub(crate) fn deinterlace() -> Filter {
    filter("bwdif").set("mode", "send_frame").set("deint", "interlaced")
}

/// Scales to exactly `size`.
pub(crate) fn scale(size: Size) -> Filter {
    filter("scale").set("w", size.width).set("h", size.height).set("flags", "bicubic")
}

fn pad(size: Size, background: Colour) -> Filter {
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

/// Draws into the pictures of a film in red, green and blue, where a colour is what it was meant to be: what is drawn
/// into video has the colours of SD.
pub(crate) fn within_rgb(drawn: Vec<Filter>) -> Vec<Filter> {
    let mut filters = Colours::default().to_rgb(filter("scale"), "rgb24");
    filters.extend(drawn);
    filters.extend(Colours::RGB.to_hd(filter("scale")));
    filters.push(yuv420p());
    filters
}

/// The format of video in MP4.
pub(crate) fn yuv420p() -> Filter {
    filter("format").set("pix_fmts", "yuv420p")
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
