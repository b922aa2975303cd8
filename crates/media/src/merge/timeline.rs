//! When each item is seen and heard, counted in frames.
//!
//! Every time is rounded once, from the beginning of the film, so rounding never adds up: a thousand
//! clips of odd lengths end where their sum says.

use crate::rate::Rate;

use super::items::{Items, Narration, Visual};

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
        let narration = visual.narration.as_ref().map(Narration::end);
        let shown = visual.duration.or_else(|| visual.rest());
        match (shown, narration) {
            (Some(shown), Some(narration)) => Some(shown.max(narration)),
            (shown, narration) => shown.or(narration),
        }
    };
    let known: Vec<_> = items.visuals.iter().map(own).collect();
    let open = known.iter().filter(|length| length.is_none()).count();
    let sounds = items.overlays.iter().map(|overlay| overlay.end()).fold(0.0, f64::max);
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
        let mut end = rate.frames(seconds);
        if end <= frames {
            // A clip shorter than a frame is shown for one: what follows moves, and loses nothing of its own.
            end = frames + 1;
            seconds = rate.seconds(end);
        }
        ends.push(end - frames);
        frames = end;
    }
    let mut segments: Vec<Segment> = Vec::with_capacity(ends.len());
    for (index, own) in ends.iter().copied().enumerate() {
        let overlap = if index == 0 { 0 } else { transition.min(ends[index - 1].min(own) / 2) };
        let start = match segments.last_mut() {
            None => 0,
            Some(previous) => {
                // Narration is never faded over: if need be its picture is held while the next fades in.
                if let Some(narration) = &items.visuals[index - 1].narration {
                    let spoken = rate.frames(narration.end()).min(previous.frames);
                    previous.frames = previous.frames.max(spoken + overlap);
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
        Some(segment.start + rate.frames_covering(narration.end()))
    });
    let laid = items.overlays.iter().map(|overlay| rate.frames_covering(overlay.end()));
    own.chain(laid).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use motet_pipeline::{Artifact, Digest, MediaKind};
    use proptest::prelude::*;

    use super::super::items::Overlay;
    use super::*;
    use crate::tracks::Tracks;

    fn media(kind: MediaKind, duration: Option<f64>) -> Arc<Artifact> {
        Arc::new(Artifact {
            digest: Digest::of(b"x"),
            kind,
            mime: String::new(),
            bytes: 1,
            width: Some(64),
            height: Some(64),
            duration,
            fps: None,
            has_audio: None,
        })
    }

    fn visual(own: Option<f64>, narration: Option<f64>) -> Visual {
        let kind = if own.is_some() { MediaKind::Video } else { MediaKind::Image };
        Visual {
            media: media(kind, own),
            tracks: Tracks::default(),
            start: 0.0,
            duration: None,
            speed: 1.0,
            volume: 1.0,
            fade_in: 0.0,
            fade_out: 0.0,
            effect: "none",
            narration: narration.map(|length| Narration {
                media: media(MediaKind::Audio, own),
                track: 0,
                offset: 0.0,
                speed: 1.0,
                volume: 1.0,
                length,
            }),
        }
    }

    fn overlay(offset: f64, length: f64) -> Overlay {
        let media = media(MediaKind::Audio, Some(length));
        Overlay {
            media,
            track: 0,
            offset: Some(offset),
            start: 0.0,
            length,
            volume: 1.0,
            fade_in: 0.0,
            fade_out: 0.0,
        }
    }

    fn items(visuals: Vec<Visual>, overlays: Vec<Overlay>) -> Items {
        Items { visuals, overlays, notes: Vec::new(), order: Vec::new() }
    }

    fn timeline(items: &Items, fps: f64, length: &str, transition: f64) -> Timeline {
        Timeline::new(items, Rate::new(fps), &Wishes { length, transition })
    }

    #[test]
    fn a_still_lasts_as_long_as_what_is_heard() {
        let table = [
            (items(vec![visual(None, None)], vec![]), vec![100]),
            (items(vec![visual(None, None)], vec![overlay(1.0, 6.0)]), vec![175]),
            (items(vec![visual(None, Some(2.5))], vec![]), vec![63]),
            (
                items(
                    vec![visual(None, None), visual(Some(2.0), None), visual(None, None)],
                    vec![overlay(0.0, 8.0)],
                ),
                vec![75, 50, 75],
            ),
            (
                items(vec![visual(Some(9.0), None), visual(None, None)], vec![overlay(0.0, 5.0)]),
                vec![225, 25],
            ),
        ];
        for (items, frames) in table {
            let timeline = timeline(&items, 25.0, "longest", 0.0);
            assert_eq!(timeline.segments.iter().map(|segment| segment.frames).collect::<Vec<_>>(), frames);
        }
    }

    #[test]
    fn a_narration_that_begins_later_ends_later() {
        let mut late = visual(None, Some(2.0));
        late.narration.as_mut().expect("it has one").offset = 0.5;
        let film = timeline(&items(vec![late, visual(None, Some(1.0))], vec![]), 10.0, "longest", 0.4);
        let starts: Vec<_> = film.segments.iter().map(|segment| (segment.start, segment.frames)).collect();
        assert_eq!(starts, [(0, 29), (25, 10)]);
    }

    #[test]
    fn a_clip_that_goes_on_after_its_narration_is_not_held_for_a_fade() {
        let visuals =
            || vec![visual(Some(5.0), Some(4.0)), visual(Some(5.0), Some(5.0)), visual(Some(5.0), None)];
        let faded = timeline(&items(visuals(), vec![]), 10.0, "longest", 0.5);
        let starts: Vec<_> = faded.segments.iter().map(|segment| (segment.start, segment.frames)).collect();
        assert_eq!(starts, [(0, 50), (45, 55), (95, 50)]);
        assert_eq!(faded.frames, 145);
    }

    #[test]
    fn clips_shorter_than_a_frame_take_nothing_from_the_narration_after_them() {
        let mut visuals: Vec<_> = (0..5).map(|_| visual(Some(0.01), None)).collect();
        visuals.extend([visual(None, Some(4.5)), visual(Some(2.0), None)]);
        let cut = timeline(&items(visuals, vec![]), 10.0, "longest", 0.0);
        let frames: Vec<_> = cut.segments.iter().map(|segment| segment.frames).collect();
        assert_eq!(frames, [1, 1, 1, 1, 1, 45, 20]);
    }

    fn parts() -> impl Strategy<Value = Items> {
        let one = (prop::option::of(0.01..20.0), prop::option::of(0.05..20.0))
            .prop_map(|(own, heard)| visual(own, heard));
        let over = (0.0..30.0, 0.05..30.0).prop_map(|(offset, length)| overlay(offset, length));
        (prop::collection::vec(one, 1..12), prop::collection::vec(over, 0..4))
            .prop_map(|(visuals, overlays)| items(visuals, overlays))
    }

    proptest! {
        /// Cuts fall where the sum of the lengths says, to a frame, however many there are.
        #[test]
        fn rounding_never_adds_up(lengths in prop::collection::vec(0.1..9.0, 1..80), fps in 10.0..60.0) {
            let sum: f64 = lengths.iter().sum();
            let visuals = lengths.into_iter().map(|length| visual(Some(length), None)).collect();
            let timeline = timeline(&items(visuals, vec![]), fps, "longest", 0.0);
            let drift = timeline.rate.seconds(timeline.frames) - sum;
            prop_assert!(drift.abs() <= 0.51 * timeline.rate.seconds(1), "{drift} s after {sum} s");
        }

        /// Segments meet or overlap as far as they say, fill the film, and no narration is cut off or
        /// runs into the next one by more than a frame.
        #[test]
        fn segments_fill_the_film(items in parts(), fps in 5.0..60.0, transition in 0.0..3.0) {
            let timeline = timeline(&items, fps, "longest", transition);
            let frame = timeline.rate.seconds(1);
            for (index, pair) in timeline.segments.windows(2).enumerate() {
                prop_assert_eq!(pair[1].start + pair[1].overlap, pair[0].start + pair[0].frames);
                prop_assert!(pair[1].overlap + pair[0].overlap <= pair[0].frames, "{:?}", pair);
                if let Some(narration) = &items.visuals[index].narration {
                    let shown = timeline.rate.seconds(pair[1].start - pair[0].start);
                    prop_assert!(shown >= narration.length - 1.01 * frame, "{} in {}", narration.length, shown);
                }
            }
            let last = timeline.segments.last().expect("there is one for each visual");
            prop_assert!(last.start + last.frames >= timeline.frames);
            let film = timeline.rate.seconds(timeline.frames);
            for overlay in &items.overlays {
                prop_assert!(film >= overlay.end() - 0.001);
            }
        }
    }
}
