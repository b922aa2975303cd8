//! How the view moves over a still.

use crate::colour::Colour;
use crate::filter::{Filter, filter};
use crate::picture::{self, Origin};
use crate::rate::Rate;
use crate::size::{Fit, Size};

/// How much larger than the clip the picture is laid out before it is cropped. The crop moves by
/// whole pixels of this larger picture, so the movement seen is smooth.
const OVERSIZE: u32 = 3;

/// How far a zoom goes in a second, and at most.
const ZOOM_A_SECOND: f64 = 0.035;
const ZOOM_MAX: f64 = 0.4;

/// How much is cut off so that a pan has somewhere to go.
const PAN_MARGIN: f64 = 0.2;

/// The words for movements, by which contracts let choose one.
pub(crate) const EFFECTS: [&str; 7] =
    ["zoom-in", "zoom-out", "pan-left", "pan-right", "pan-up", "pan-down", "none"];

/// A picture that is shown for a while.
pub(crate) struct Still<'a> {
    pub(crate) own: Size,
    /// What it becomes.
    pub(crate) size: Size,
    pub(crate) fit: Fit,
    pub(crate) background: Colour,
    /// How the view moves over it.
    pub(crate) effect: &'a str,
    pub(crate) frames: u64,
    pub(crate) rate: Rate,
}

impl Still<'_> {
    /// The filters that make its frames.
    pub(crate) fn shown(&self) -> Vec<Filter> {
        let is_moving = self.effect != "none";
        let oversize = OVERSIZE.min(8192 / self.size.width.max(self.size.height)).max(1);
        let enlarged = Size { width: self.size.width * oversize, height: self.size.height * oversize };
        let canvas = if is_moving { enlarged } else { self.size };
        let mut filters = vec![filter("trim").set("end_frame", 1)];
        filters.extend(picture::conform(self.own, canvas, self.fit, self.background, Origin::Still));
        filters.push(picture::yuv420p());
        if is_moving {
            filters.push(movement(self.effect, self.frames, self.rate, self.size));
        }
        if !is_moving || self.frames == 1 {
            filters.extend(picture::hold(self.frames, self.rate));
        }
        filters
    }
}

/// The filter that moves the view; `on` counts the frames from zero.
fn movement(effect: &str, frames: u64, rate: Rate, size: Size) -> Filter {
    let last = frames.saturating_sub(1).max(1);
    let amount = (rate.seconds(frames) * ZOOM_A_SECOND).clamp(0.05, ZOOM_MAX);
    let pan = format!("{:.4}", 1.0 + PAN_MARGIN);
    let zoom = match effect {
        "zoom-in" => format!("1+{amount:.4}*on/{last}"),
        "zoom-out" => format!("1+{amount:.4}*({last}-on)/{last}"),
        _ => pan,
    };
    let forth = |side: char| format!("(i{side}-i{side}/zoom)*on/{last}");
    let back = |side: char| format!("(i{side}-i{side}/zoom)*({last}-on)/{last}");
    let middle = |side: char| format!("(i{side}-i{side}/zoom)/2");
    let (x, y) = match effect {
        "pan-right" => (forth('w'), middle('h')),
        "pan-left" => (back('w'), middle('h')),
        "pan-down" => (middle('w'), forth('h')),
        "pan-up" => (middle('w'), back('h')),
        _ => (middle('w'), middle('h')),
    };
    filter("zoompan").set("z", zoom).set("x", x).set("y", y).set("d", frames).set("s", size).set("fps", rate)
}
