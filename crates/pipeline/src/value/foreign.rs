//! JSON that somebody else wrote: what isn't JSON is told from what is more than is read.

use std::borrow::Cow;
use std::ops::Range;

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
/// When it isn't JSON, or exceeds a limit: a whole number of which digits would be lost, too.
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
    let read = read_with_loss(json)?;
    let Some(lost) = Numbers::of(json).next() else { return Ok(read) };
    let before = &json[..lost.start];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    Err(BadJson::Excess { excess: LOSES_DIGITS.to_owned(), place: format!(" (line {line} column {column})") })
}

/// The same of what can't be asked for again, such as a reply that was paid: a whole number of which digits would be
/// lost becomes the text of them.
///
/// # Errors
/// When it isn't JSON, or exceeds a limit.
///
/// ```
/// use motet_pipeline::Value;
/// use motet_pipeline::value::read_reply;
/// let ids = read_reply::<Value>(b"[1, 123456789012345678901]").unwrap();
/// assert_eq!(ids, Value::list(vec![Value::from(1), Value::from("123456789012345678901")]));
/// ```
pub fn read_reply<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadJson> {
    let read = read_with_loss(json)?;
    match with_long_numbers_as_text(json) {
        Cow::Borrowed(_) => Ok(read),
        Cow::Owned(json) => read_with_loss(&json),
    }
}

fn with_long_numbers_as_text(json: &[u8]) -> Cow<'_, [u8]> {
    let (mut written, mut from) = (Vec::new(), 0);
    for number in Numbers::of(json) {
        written.extend_from_slice(&json[from..number.start]);
        written.push(b'"');
        written.extend_from_slice(&json[number.clone()]);
        written.push(b'"');
        from = number.end;
    }
    match from {
        0 => Cow::Borrowed(json),
        _ => {
            written.extend_from_slice(&json[from..]);
            Cow::Owned(written)
        }
    }
}

/// Whole numbers of more than 64 bits are read as decimals.
fn read_with_loss<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadJson> {
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

/// The whole numbers in JSON that would lose digits, by their places.
struct Numbers<'j> {
    json: &'j [u8],
    at: usize,
}

impl Numbers<'_> {
    fn of(json: &[u8]) -> Numbers<'_> {
        Numbers { json, at: 0 }
    }

    /// Goes behind a text whose first quote was just passed.
    fn skip_text(&mut self) {
        while let Some(byte) = self.json.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
    }
}

impl Iterator for Numbers<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while let Some(byte) = self.json.get(self.at) {
            let start = self.at;
            self.at += 1;
            match byte {
                b'"' => self.skip_text(),
                b'-' | b'0'..=b'9' => {
                    let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                    self.at += self.json[self.at..].iter().take_while(is_part).count();
                    if loses_digits(&self.json[start..self.at]) {
                        return Some(start..self.at);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Whether a number of JSON is a whole one of more than 64 bits, and none that a decimal holds: all its digits, or those
/// that are left where a program wrote a decimal without an exponent.
fn loses_digits(number: &[u8]) -> bool {
    const SURELY_HELD: usize = 18;
    if number.len() <= SURELY_HELD || number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(number) else { return false };
    let is_held = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    let is_same = |float: f64| format!("{float:.0}") == text || format!("{float}") == text;
    !is_held && !text.parse().is_ok_and(is_same)
}

/// What is said of a whole number of which digits would be lost, behind the name of what holds it.
const LOSES_DIGITS: &str =
    "has a whole number of more than 64 bits, of which digits would be lost: write it as text, in quotes";

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

    #[test]
    fn no_digit_of_a_whole_number_is_lost_silently() {
        let read = |json: &str| read_foreign::<Value>(json.as_bytes()).map_err(|bad| bad.to_string());
        let held = ["18446744073709551615", "-9223372036854775808", "1e30", "0.12345678901234567890123"];
        // Those that a decimal holds, and what JavaScript writes of a decimal.
        let decimals = ["100000000000000000000", "18446744073709551616", "123456789012345680000"];
        for number in held.into_iter().chain(decimals) {
            assert_eq!(read_reply::<Value>(number.as_bytes()).unwrap(), read(number).unwrap(), "{number}");
            assert!(matches!(read(number), Ok(Value::Number(_))), "{number}");
        }
        for number in ["18446744073709551617", "-9223372036854775809", "123456789012345678901234567890"] {
            let told = read(&format!("{{\"\\\"1\": \"{number}\",\n \"x\": [1.5, {number}]}}")).unwrap_err();
            assert_eq!(told, format!("it {LOSES_DIGITS} (line 2 column 13)"));
            let reply = format!("{{\"a\": [{number}, 1, {number}]}}");
            let kept = Value::list(vec![Value::from(number), Value::from(1), Value::from(number)]);
            assert_eq!(read_reply::<Value>(reply.as_bytes()).unwrap().get("a"), Some(&kept));
        }
        assert!(matches!(read_reply::<Value>(b"[18446744073709551617"), Err(BadJson::NoJson(_))));
    }
}
