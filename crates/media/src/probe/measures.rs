//! The measures of a file, however they were found.

use motet_pipeline::{Failure, MediaKind};

/// The measures of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// What it holds: video if there are moving pictures, else audio, else image.
    pub kind: MediaKind,
    /// Width in pixels, as displayed: turned and with square pixels.
    pub width: Option<u32>,
    /// Height in pixels, as displayed.
    pub height: Option<u32>,
    /// Length in seconds, to the millisecond.
    pub duration: Option<f64>,
    /// Pictures a second.
    pub fps: Option<f64>,
    /// Whether a video has sound; `None` for other kinds.
    pub has_audio: Option<bool>,
}

impl Probed {
    /// Sound of this length, if it is known.
    pub(crate) fn sound(seconds: impl Into<Option<f64>>) -> Result<Probed, Failure> {
        Ok(Probed {
            kind: MediaKind::Audio,
            width: None,
            height: None,
            duration: seconds.into().map(to_milliseconds).transpose()?,
            fps: None,
            has_audio: None,
        })
    }

    /// Moving pictures of this size as displayed, length and rate, as far as those are known.
    pub(crate) fn video(
        (width, height): (u32, u32),
        seconds: impl Into<Option<f64>>,
        rate: Option<f64>,
        has_audio: bool,
    ) -> Result<Probed, Failure> {
        Ok(Probed {
            kind: MediaKind::Video,
            width: Some(width),
            height: Some(height),
            duration: seconds.into().map(to_milliseconds).transpose()?,
            fps: rate.and_then(rounded),
            has_audio: Some(has_audio),
        })
    }
}

impl Probed {
    /// The same, of a file that plays for `seconds`.
    ///
    /// # Errors
    /// When there is nothing to play.
    pub fn that_plays(self, seconds: f64) -> Result<Probed, Failure> {
        Ok(Probed { duration: Some(to_milliseconds(seconds)?), ..self })
    }
}

fn to_milliseconds(seconds: f64) -> Result<f64, Failure> {
    match seconds {
        0.0005.. => Ok((seconds * 1000.0).round() / 1000.0),
        _ => Err(Failure::invalid("zero length: there is nothing to play")),
    }
}

/// The size at which pictures of the size `kept` are shown, of which a pixel is `pixel` times as wide as it is high.
pub(crate) fn displayed(kept: (u32, u32), pixel: f64, is_turned: bool) -> Result<(u32, u32), Failure> {
    let (width, height) = kept;
    if ![width, height].iter().all(|side| (1..=65_536).contains(side)) {
        return Err(Failure::invalid("truncated: the size of the pictures can't be determined"));
    }
    let width = match rounded(pixel) {
        Some(pixel @ 0.1..=10.0) => (f64::from(width) * pixel).round() as u32,
        _ => width,
    };
    Ok(if is_turned { (height, width) } else { (width, height) })
}

/// A number above zero, to five digits.
pub(crate) fn rounded(value: f64) -> Option<f64> {
    (value.is_finite() && value > 0.0).then(|| (value * 1e5).round() / 1e5)
}
