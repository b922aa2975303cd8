//! When each item is seen and heard, counted in frames.
//!
//! Every time is rounded once, from the beginning of the film, so rounding never adds up: a thousand
//! clips of odd lengths end where their sum says.

use crate::rate::Rate;

use super::items::{Items, Visual};

/// How long a still is shown when nothing says so, in seconds.
const STILL_SECONDS: f64 = 4.0;

/// The least that a still is shown when it shares the length of the sounds with others.
const STILL_SECONDS_MIN: f64 = 1.0;

/// What was asked for the film as a whole.
pub(crate) struct Wishes<'a> {
    /// `longest`, `video`, `audio` or `shortest`.
    pub(crate) length: &'a str,
    /// How long a crossfade lasts, in seconds; 0 for a cut.
    pub(crate) transition: f64,
}

/// When each visual is seen.
#[derive(Debug, PartialEq)]
pub(crate) struct Timeline {
    pub(crate) rate: Rate,
    /// The length of the film.
    pub(crate) frames: u64,
    /// One for each visual, in order.
    pub(crate) segments: Vec<Segment>,
}

/// When one visual is seen, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its first frame in the film.
    pub(crate) start: u64,
    /// How many frames it is seen, fades included.
    pub(crate) frames: u64,
    /// For how many frames it is mixed with the one before it.
    pub(crate) overlap: u64,
}

impl Timeline {
    pub(crate) fn new(items: &Items, rate: Rate, wishes: &Wishes) -> Timeline {
        let lengths = lengths(items, wishes.transition);
        let mut segments = segments(items, &lengths, rate, rate.frames(wishes.transition));
        let pictures = segments.last().map_or(0, |last| last.start + last.frames);
        let narration = narration(items, &segments, rate);
        let frames = match wishes.length {
            "video" => pictures,
            _ if narration == 0 => pictures,
            "audio" => narration,
            "shortest" => pictures.min(narration),
            _ => pictures.max(narration),
        };
        if let Some(last) = segments.last_mut() {
            last.frames += frames.saturating_sub(pictures);
        }
        Timeline { rate, frames, segments }
    }

    /// For how many frames segment `index` is mixed with the one after it.
    pub(crate) fn overlap_after(&self, index: usize) -> u64 {
        self.segments.get(index + 1).map_or(0, |next| next.overlap)
    }
}

/// How long each visual is shown, in seconds, without what a fade adds.
fn lengths(items: &Items, transition: f64) -> Vec<f64> {
    let own = |visual: &Visual| {
        let narration = visual.narration.as_ref().map(|narration| narration.length);
        let shown = visual.duration.or_else(|| visual.rest());
        match (shown, narration) {
            (Some(shown), Some(narration)) => Some(shown.max(narration)),
            (shown, narration) => shown.or(narration),
        }
    };
    let known: Vec<_> = items.visuals.iter().map(own).collect();
    let open = known.iter().filter(|length| length.is_none()).count();
    let sounds = items.overlays.iter().map(|overlay| overlay.offset + overlay.length).fold(0.0, f64::max);
    let still = if open == 0 || sounds == 0.0 {
        STILL_SECONDS
    } else {
        let faded = items.visuals.iter().rev().skip(1).filter(|visual| visual.narration.is_none()).count();
        let rest = sounds - known.iter().flatten().sum::<f64>() + faded as f64 * transition;
        (rest / open as f64).max(STILL_SECONDS_MIN)
    };
    known.into_iter().map(|length| length.unwrap_or(still)).collect()
}

fn segments(items: &Items, lengths: &[f64], rate: Rate, transition: u64) -> Vec<Segment> {
    let mut ends = Vec::with_capacity(lengths.len());
    let (mut seconds, mut frames) = (0.0, 0);
    for length in lengths {
        seconds += length;
        let end = rate.frames(seconds).max(frames + 1);
        ends.push(end - frames);
        frames = end;
    }
    let mut segments: Vec<Segment> = Vec::with_capacity(ends.len());
    for (index, own) in ends.iter().copied().enumerate() {
        let overlap = if index == 0 { 0 } else { transition.min(ends[index - 1].min(own) / 2) };
        let start = match segments.last_mut() {
            None => 0,
            Some(previous) => {
                // Narration is never faded over: its picture is held while the next one fades in.
                if items.visuals[index - 1].narration.is_some() {
                    previous.frames += overlap;
                }
                previous.start + previous.frames - overlap
            }
        };
        segments.push(Segment { start, frames: own, overlap });
    }
    segments
}

/// The frame by which all narration and all laid-over sounds have ended; 0 if there are none.
fn narration(items: &Items, segments: &[Segment], rate: Rate) -> u64 {
    let own = items.visuals.iter().zip(segments).filter_map(|(visual, segment)| {
        let narration = visual.narration.as_ref()?;
        Some(segment.start + rate.frames_covering(narration.length))
    });
    let laid = items.overlays.iter().map(|overlay| rate.frames_covering(overlay.offset + overlay.length));
    own.chain(laid).max().unwrap_or(0)
}
