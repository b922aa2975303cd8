//! Sizes in pixels: even ones, ratios, and how one size is put into another.

use std::fmt;

use motet_pipeline::contract::Sketches;
use motet_pipeline::{Artifact, Failure, Value};

/// The longest side of a video that is made from a still, where no size is asked for.
pub(crate) const STILL_SIDE_MAX: u32 = 1920;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// How a picture of another shape is put into a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// All of it is seen; the rest is background.
    Contain,
    /// All of the size is filled; what stands out is cut off, evenly on both sides.
    Cover,
}

impl Fit {
    /// The fit that `word` names; contracts admit only these two.
    pub(crate) fn from_word(word: &str) -> Fit {
        if word == "cover" { Fit::Cover } else { Fit::Contain }
    }
}

impl Size {
    /// The measured size of a picture or video.
    pub(crate) fn of(artifact: &Artifact) -> Result<Size, Failure> {
        match (artifact.width, artifact.height) {
            (Some(width), Some(height)) if width > 0 && height > 0 => Ok(Size { width, height }),
            _ => Err(Failure::invalid(format!(
                "the size of this {} ({}) isn't known; it may be damaged",
                artifact.kind, artifact.mime
            ))),
        }
    }

    /// The nearest size with even sides: the pixel format of MP4 video shares colour between two
    /// pixels each way and can't hold odd sides.
    pub(crate) fn even(self) -> Size {
        let even = |side: u32| (side & !1).max(2);
        Size { width: even(self.width), height: even(self.height) }
    }

    /// Width divided by height.
    pub(crate) fn ratio(self) -> f64 {
        f64::from(self.width) / f64::from(self.height)
    }

    /// Whether both have the same shape, but for what rounding to whole or even sides does.
    pub(crate) fn is_nearly(self, other: Size) -> bool {
        (self.ratio() / other.ratio() - 1.0).abs() < 0.008
    }

    /// The size of this shape that just fits into `outer`.
    pub(crate) fn within(self, outer: Size) -> Size {
        if self.ratio() > outer.ratio() {
            Size { width: outer.width, height: round(f64::from(outer.width) / self.ratio()) }
        } else {
            Size { width: round(f64::from(outer.height) * self.ratio()), height: outer.height }
        }
    }

    /// The size of this shape that just fills `inner`.
    pub(crate) fn around(self, inner: Size) -> Size {
        if self.ratio() > inner.ratio() {
            Size {
                width: round(f64::from(inner.height) * self.ratio()).max(inner.width),
                height: inner.height,
            }
        } else {
            Size {
                width: inner.width,
                height: round(f64::from(inner.width) / self.ratio()).max(inner.height),
            }
        }
    }

    /// This size, if a picture can have it.
    pub(crate) fn possible(self) -> Result<Size, String> {
        match self.width.max(self.height) > 8192 || self.width.min(self.height) < 16 {
            true => Err(format!("can't make a picture of {self}; sides go from 16 to 8192")),
            false => Ok(self),
        }
    }

    /// The largest size of shape `ratio` inside this one.
    pub(crate) fn cut_to(self, ratio: f64) -> Size {
        if self.ratio() > ratio {
            Size { width: round(f64::from(self.height) * ratio), height: self.height }
        } else {
            Size { width: self.width, height: round(f64::from(self.width) / ratio) }
        }
    }

    /// This size, shrunk in shape until its longer side is at most `longest`.
    pub(crate) fn at_most(self, longest: u32) -> Size {
        if self.width.max(self.height) <= longest {
            return self;
        }
        self.within(Size { width: longest, height: longest })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

fn round(side: f64) -> u32 {
    (side.round() as u32).max(1)
}

/// What was asked for with `width`, `height` and `aspect_ratio`, for a source of size `own`.
///
/// A side that isn't given follows from the other and the ratio (`aspect_ratio`, else the source's
/// own). With a ratio alone the source is cut to it.
pub(crate) fn wanted(own: Size, width: Option<u32>, height: Option<u32>, ratio: Option<f64>) -> Size {
    let shape = ratio.unwrap_or_else(|| own.ratio());
    match (width, height) {
        (Some(width), Some(height)) => Size { width, height },
        (Some(width), None) => Size { width, height: round(f64::from(width) / shape) },
        (None, Some(height)) => Size { width: round(f64::from(height) * shape), height },
        (None, None) => own.cut_to(shape),
    }
}

/// Of a shape and one side that are written in the pipeline, whatever the source is; without a shape it depends on that.
pub(crate) fn judge(given: &Sketches) -> Result<(), Failure> {
    let Some(inputs) = given.values() else { return Ok(()) };
    let side =
        |name: &str| inputs.get(name).and_then(Value::as_i64).and_then(|side| u32::try_from(side).ok());
    let ratio = inputs.get("aspect_ratio").and_then(Value::as_str).and_then(|text| aspect_ratio(text).ok());
    let (width, height) = (side("width"), side("height"));
    if ratio.is_none() || width.is_some() == height.is_some() {
        return Ok(());
    }
    let any = Size { width: 16, height: 16 };
    let possible = wanted(any, width, height, ratio).possible().map(drop);
    possible.map_err(|what| Failure::invalid(format!("with this side and `aspect_ratio`, it {what}")))
}

/// Reads an aspect ratio such as `16:9`.
pub(crate) fn aspect_ratio(text: &str) -> Result<f64, Failure> {
    let parts = text.split_once(':').and_then(|(width, height)| {
        Some((width.trim().parse::<f64>().ok()?, height.trim().parse::<f64>().ok()?))
    });
    match parts {
        Some((width, height)) if width > 0.0 && height > 0.0 && (0.05..=20.0).contains(&(width / height)) => {
            Ok(width / height)
        }
        _ => Err(Failure::invalid(
            "`aspect_ratio` must be two numbers with a colon, such as 16:9, 9:16 or 1:1".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Size = Size { width: 1280, height: 720 };

    #[test]
    fn odd_sizes_become_even_and_never_zero() {
        assert_eq!(Size { width: 641, height: 1 }.even(), Size { width: 640, height: 2 });
    }

    #[test]
    fn a_missing_side_follows_from_the_ratio() {
        let own = Size { width: 1000, height: 500 };
        assert_eq!(wanted(own, Some(600), None, None), Size { width: 600, height: 300 });
        assert_eq!(wanted(own, None, Some(900), Some(16.0 / 9.0)), Size { width: 1600, height: 900 });
        assert_eq!(wanted(own, None, None, Some(1.0)), Size { width: 500, height: 500 });
        assert_eq!(wanted(own, None, None, None), own);
    }

    #[test]
    fn within_never_stands_out_and_around_leaves_no_gap() {
        for own in [
            Size { width: 333, height: 777 },
            Size { width: 1921, height: 1081 },
            Size { width: 5, height: 4 },
        ] {
            let (inside, outside) = (own.within(WIDE), own.around(WIDE));
            assert!(inside.width <= WIDE.width && inside.height <= WIDE.height, "{inside}");
            assert!(outside.width >= WIDE.width && outside.height >= WIDE.height, "{outside}");
        }
    }

    #[test]
    fn a_ratio_that_is_none_is_refused() {
        for text in ["", "16", "16:0", "-1:1", "a:b", "1000:1", "NaN:1", "1:1:1"] {
            assert!(aspect_ratio(text).is_err(), "{text}");
        }
        assert!((aspect_ratio("16:9").unwrap() - 16.0 / 9.0).abs() < 1e-9);
    }
}
