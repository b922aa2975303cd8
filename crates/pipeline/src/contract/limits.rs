//! Limits: what media must measure to be taken.

use serde::{Deserialize, Serialize};

use super::exact;
use crate::{Artifact, Value};

/// What media must measure. What wasn't measured is not refused.
///
/// ```
/// use motet_pipeline::contract::Limits;
/// assert!(Limits::default().is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
}

impl Limits {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Limits::default()
    }

    /// Which of these the media in `value`, given as `name`, doesn't keep, in words.
    pub(super) fn excess(&self, name: &str, value: &Value) -> Option<String> {
        if self.is_none() {
            return None;
        }
        value.parts().filter_map(Value::as_artifact).find_map(|artifact| self.excess_of(name, artifact))
    }

    fn excess_of(&self, name: &str, artifact: &Artifact) -> Option<String> {
        let Limits { min_seconds, max_seconds, min_side, max_side, max_bytes } = *self;
        let must = |bound: &str, limit: String, found: String| {
            Some(format!("`{name}` must be {bound} {limit}, and is {found}"))
        };
        if let Some(duration) = artifact.duration {
            let seconds = |seconds: f64| format!("{seconds} s long");
            if let Some(min) = min_seconds.filter(|min| duration < *min) {
                return must("at least", seconds(min), seconds(duration));
            }
            if let Some(max) = max_seconds.filter(|max| duration > *max) {
                return must("at most", seconds(max), seconds(duration));
            }
        }
        if let (Some(width), Some(height)) = (artifact.width, artifact.height) {
            let found = format!("{width}×{height}");
            if let Some(min) = min_side.filter(|min| width.min(height) < *min) {
                return must("at least", format!("{min} pixels on each side"), found);
            }
            if let Some(max) = max_side.filter(|max| width.max(height) > *max) {
                return must("at most", format!("{max} pixels on each side"), found);
            }
        }
        let max = max_bytes.filter(|max| artifact.bytes > *max)?;
        must("at most", format!("{max} bytes"), format!("{} bytes", artifact.bytes))
    }
}
