//! Limits: what media must measure to be taken.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::exact;
use crate::{Artifact, MediaKind, Value};

/// What media must measure. What wasn't measured is not refused.
///
/// ```
/// use motet_pipeline::contract::Limits;
/// assert!(Limits::default().is_none());
/// let limits = Limits { min_seconds: Some(15.0), max_side: Some(512), ..Limits::default() };
/// assert_eq!(limits.to_string(), "at least 15 s, at most 512 pixels a side");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The shortest, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
    pub min_seconds: Option<f64>,
    /// The longest, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
    pub max_seconds: Option<f64>,
    /// The smallest side, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_side: Option<u32>,
    /// The largest side, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_side: Option<u32>,
    /// The largest size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// If not empty, the formats that are taken, by their usual file endings: `jpg`, `mp4`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// Whether sound must have one channel. Channels aren't measured, so nothing is refused for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mono: bool,
}

impl Limits {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Limits::default()
    }

    /// Whether a conversion could be needed to keep them that adds and invents nothing: to a smaller size, a part, another
    /// format, one channel.
    ///
    /// ```
    /// use motet_pipeline::contract::Limits;
    /// assert!(Limits { max_side: Some(512), ..Limits::default() }.is_mechanical());
    /// assert!(!Limits { min_side: Some(512), ..Limits::default() }.is_mechanical());
    /// ```
    pub fn is_mechanical(&self) -> bool {
        self.max_side.is_some() || self.max_seconds.is_some() || !self.formats.is_empty() || self.mono
    }

    /// These and those: what keeps the result keeps both. Of two lists of formats those count that are in both; if none
    /// is, the first.
    #[must_use]
    pub fn and(&self, other: &Limits) -> Limits {
        let least = |one: Option<f64>, other: Option<f64>| one.into_iter().chain(other).reduce(f64::min);
        let most = |one: Option<f64>, other: Option<f64>| one.into_iter().chain(other).reduce(f64::max);
        let in_both = |format: &&String| other.formats.contains(*format);
        let formats: Vec<String> = match (self.formats.is_empty(), other.formats.is_empty()) {
            (true, _) => other.formats.clone(),
            (false, true) => self.formats.clone(),
            (false, false) => self.formats.iter().filter(in_both).cloned().collect(),
        };
        Limits {
            min_seconds: most(self.min_seconds, other.min_seconds),
            max_seconds: least(self.max_seconds, other.max_seconds),
            min_side: self.min_side.max(other.min_side),
            max_side: self.max_side.into_iter().chain(other.max_side).min(),
            max_bytes: self.max_bytes.into_iter().chain(other.max_bytes).min(),
            formats: if formats.is_empty() { self.formats.clone() } else { formats },
            mono: self.mono || other.mono,
        }
    }

    /// Which of these the media in `value`, given as `name`, doesn't keep, in words.
    pub(super) fn excess(&self, name: &str, value: &Value) -> Option<String> {
        if self.is_none() {
            return None;
        }
        value.parts().filter_map(Value::as_artifact).find_map(|artifact| self.excess_of(name, artifact))
    }

    fn excess_of(&self, name: &str, artifact: &Artifact) -> Option<String> {
        let Limits { min_seconds, max_seconds, min_side, max_side, max_bytes, .. } = *self;
        let must = |bound: &str, limit: String, found: String, advice: &str| {
            Some(format!("`{name}` must be {bound} {limit}, and is {found}: {advice}"))
        };
        let ending = artifact.extension();
        if !self.formats.is_empty() && !self.formats.iter().any(|format| format == ending) {
            let formats = self.formats.join(", ");
            return must("one of", formats, artifact.mime.clone(), "`fit: auto` converts it");
        }
        if let Some(duration) = artifact.duration {
            let seconds = |seconds: f64| format!("{seconds} s long");
            if let Some(min) = min_seconds.filter(|min| duration < *min) {
                return must("at least", seconds(min), seconds(duration), longer(artifact.kind));
            }
            if let Some(max) = max_seconds.filter(|max| duration > *max) {
                let advice = "`fit: auto` cuts it, and so does media/trim";
                return must("at most", seconds(max), seconds(duration), advice);
            }
        }
        if let (Some(width), Some(height)) = (artifact.width, artifact.height) {
            let found = format!("{width}×{height}");
            if let Some(min) = min_side.filter(|min| width.min(height) < *min) {
                let advice = "media/resize makes it larger, which adds no detail";
                return must("at least", format!("{min} pixels on each side"), found, advice);
            }
            if let Some(max) = max_side.filter(|max| width.max(height) > *max) {
                let advice = "`fit: auto` makes it smaller, and so does media/resize";
                return must("at most", format!("{max} pixels on each side"), found, advice);
            }
        }
        let max = max_bytes.filter(|max| artifact.bytes > *max)?;
        let found = format!("{} bytes", artifact.bytes);
        must("at most", format!("{max} bytes"), found, "media/resize or media/trim makes less of it")
    }
}

/// For people: `15 to 60 s, at most 512 pixels a side, jpg or png`; empty if there are none.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn range<T: fmt::Display>(min: Option<T>, max: Option<T>, unit: &str) -> Option<String> {
            match (min, max) {
                (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
                (Some(min), None) => Some(format!("at least {min}{unit}")),
                (None, Some(max)) => Some(format!("at most {max}{unit}")),
                (None, None) => None,
            }
        }
        let parts = [
            range(self.min_seconds, self.max_seconds, " s"),
            range(self.min_side, self.max_side, " pixels a side"),
            range(None, self.max_bytes, " bytes"),
            (!self.formats.is_empty()).then(|| self.formats.join(" or ")),
            self.mono.then(|| "mono".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

/// What makes media longer.
fn longer(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Video => "media/retime makes it slower, media/merge joins it with more",
        _ => "no conversion makes it longer",
    }
}
