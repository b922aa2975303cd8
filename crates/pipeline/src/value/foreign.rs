//! JSON that somebody else wrote: what isn't JSON is told from what is more than is read.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::{DEPTH_MAX, INPUT_UNITS_MAX};

/// Why JSON that somebody else wrote isn't read, or what somebody else made can't be JSON.
#[derive(Debug, thiserror::Error)]
pub enum BadJson {
    /// It isn't JSON, or not that of what is read.
    #[error("{0}")]
    NoJson(serde_json::Error),
    /// It is JSON, and a limit is exceeded.
    #[error("it {excess}{place}")]
    Excess {
        /// Which one, to be put behind the name of what holds it.
        excess: String,
        /// Where that was noticed: ` (line 1 column 12)`; empty of what has no lines.
        place: String,
    },
}

/// Reads JSON that somebody else wrote, however deep its lists and objects are nested.
///
/// # Errors
/// When it isn't JSON, or exceeds a limit.
///
/// ```
/// use motet_pipeline::Value;
/// use motet_pipeline::value::{BadJson, read_foreign};
/// let deep = "[".repeat(5000) + &"]".repeat(5000);
/// let excess = read_foreign::<Value>(deep.as_bytes()).unwrap_err();
/// assert_eq!(excess.to_string(), "it has lists and objects nested more than 64 deep (line 1 column 128)");
/// assert!(matches!(read_foreign::<Value>(b"[[[").unwrap_err(), BadJson::NoJson(_)));
/// ```
pub fn read_foreign<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadJson> {
    let refused = match serde_json::from_slice(json) {
        Ok(read) => return Ok(read),
        Err(refused) => refused,
    };
    // What is skipped needs no stack and no memory, so it may be of any depth.
    if let Err(wrong) = serde_json::from_slice::<IgnoredAny>(json) {
        return Err(BadJson::NoJson(wrong));
    }
    Err(BadJson::of(refused))
}

impl BadJson {
    /// By what serde says: it has no kinds for this.
    pub(super) fn of(error: serde_json::Error) -> BadJson {
        let told = error.to_string();
        let is = |words: &str| told.starts_with(words);
        let excess = if is("recursion limit exceeded") || is(&too_deep()) {
            nested_too_deep()
        } else if is("number out of range") {
            "has a number that is too large".to_owned()
        } else if told == too_heavy() || told == UNSTORABLE {
            told.trim_start_matches("this ").to_owned()
        } else {
            return BadJson::NoJson(error);
        };
        let place = match error.line() {
            0 => String::new(),
            line => format!(" (line {line} column {})", error.column()),
        };
        BadJson::Excess { excess, place }
    }
}

/// What is said of lists and objects that lie too deep.
pub(super) fn too_deep() -> String {
    format!("lists and objects are nested more than {DEPTH_MAX} deep")
}

/// What is said of a value that lies too deep, behind its name.
pub(super) fn nested_too_deep() -> String {
    format!("has lists and objects nested more than {DEPTH_MAX} deep")
}

/// What is said of more than can be taken.
pub(super) fn too_heavy() -> String {
    format!("this holds more than {} MiB", INPUT_UNITS_MAX >> 20)
}

/// What is said of a value that can't be written for a store.
pub(super) const UNSTORABLE: &str = "this is too large, or nested too deep, to be stored";

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::Value;

    #[test]
    fn json_that_is_too_deep_or_has_too_large_a_number_is_told_from_what_is_no_json() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let told = |json: &str| {
            let plain = read_foreign::<Json>(json.as_bytes()).err();
            let value = read_foreign::<Value>(json.as_bytes()).err();
            let is_excess = |bad: &BadJson| matches!(bad, BadJson::Excess { .. });
            assert_eq!(plain.as_ref().map(is_excess), value.as_ref().map(is_excess), "{json:.40}");
            value.map(|bad| bad.to_string().split(" (line").next().unwrap_or_default().to_owned())
        };
        assert_eq!(told(&deep(100)), None);
        let too_deep = Some("it has lists and objects nested more than 64 deep".to_owned());
        assert_eq!((told(&deep(129)), told(&deep(200_000))), (too_deep.clone(), too_deep));
        let too_large = Some("it has a number that is too large".to_owned());
        assert_eq!((told("1e400"), told("[-1e999]")), (too_large.clone(), too_large));
        for broken in ["", "{\"a\":", "<html>", &"[".repeat(5000), &format!("{}x", deep(5000)), "[1e400"] {
            let read = read_foreign::<Value>(broken.as_bytes());
            assert!(matches!(read, Err(BadJson::NoJson(_))), "{broken:.40}");
        }
        assert!(matches!(read_foreign::<Value>(b"\"\xff\""), Err(BadJson::NoJson(_))));
    }
}
