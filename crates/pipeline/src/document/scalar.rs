//! What an unquoted scalar stands for, and which ones are in doubt.
//!
//! YAML 1.1 and 1.2 read some unquoted scalars differently (`yes`, `014`, `16:9`), and so do the
//! programs that people write YAML with. Those are refused rather than guessed.

use serde_json::Number;

use super::node::Scalar;
use crate::Value;

/// Why an unquoted scalar can't be taken as data.
#[derive(Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What is doubtful, in a sentence without a full stop.
    pub reason: String,
}

impl Scalar {
    /// The value that the scalar stands for.
    pub fn resolve(&self) -> Result<Value, Doubt> {
        if !self.plain { Ok(Value::from(self.text.as_str())) } else { resolve_plain(&self.text) }
    }
}

fn resolve_plain(text: &str) -> Result<Value, Doubt> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(reason) = doubt(text) {
        return Err(Doubt { reason: format!("`{text}` is {reason}") });
    }
    match number(text) {
        Some(Ok(number)) => Ok(Value::Number(number)),
        Some(Err(())) => Err(Doubt { reason: format!("`{text}` is too long for an exact number") }),
        None => Ok(Value::from(text)),
    }
}

/// Says how `text` is read differently, if it is.
fn doubt(text: &str) -> Option<&'static str> {
    const BOOLEANS: [&str; 4] = ["yes", "no", "on", "off"];
    if BOOLEANS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some("true or false in YAML 1.1 and text in YAML 1.2");
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return Some("a number that JSON doesn't have");
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let only = |set: &str| unsigned.chars().all(|c| c.is_ascii_digit() || set.contains(c));
    if unsigned.contains(|c: char| c.is_ascii_digit()) && unsigned.contains('_') && only("_.") {
        return Some("a number in YAML 1.1 and text in YAML 1.2");
    }
    if unsigned.contains(':') && only(":.") && !unsigned.ends_with(':') {
        return Some("a number to the base of 60 in YAML 1.1 and text in YAML 1.2");
    }
    if is_date(unsigned) {
        return Some("a date in YAML 1.1 and text in YAML 1.2");
    }
    let digits = unsigned.strip_prefix('0')?;
    let first = digits.chars().next()?;
    if only("")
        || matches!(first, 'o' | 'b' | 'x') && digits[1..].chars().all(|c| c.is_ascii_hexdigit() || c == '_')
    {
        return Some("read as different numbers, or as text, by YAML 1.1 and 1.2");
    }
    None
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split(['T', 't', ' ']).next().unwrap_or("").split('-');
    let mut part = |lengths: std::ops::RangeInclusive<usize>| {
        parts
            .next()
            .is_some_and(|part| lengths.contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit()))
    };
    part(4..=4) && part(1..=2) && part(1..=2) && parts.next().is_none()
}

/// The number that `text` is, if it is one; `Err` if it can't be held exactly.
fn number(text: &str) -> Option<Result<Number, ()>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if exponent.is_some_and(|exponent| !all_digits(exponent)) {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if all_digits(mantissa) && exponent.is_none() {
        let exact = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        return Some(exact.map_err(|_| ()));
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let empty_or_digits = |part: &str| part.is_empty() || all_digits(part);
    if !empty_or_digits(whole) || !empty_or_digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    Some(text.parse::<f64>().ok().and_then(Number::from_f64).ok_or(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoted_scalars_are_read_as_yaml_1_2_or_refused() {
        let json = |text: &str| resolve_plain(text).map(|value| value.to_json().to_string());
        for (text, expected) in [
            ("", "null"),
            ("~", "null"),
            ("true", "true"),
            ("12", "12"),
            ("-7", "-7"),
            ("+7", "7"),
            ("0", "0"),
            ("0.5", "0.5"),
            (".5", "0.5"),
            ("-0.25", "-0.25"),
            ("1e3", "1000.0"),
            ("18446744073709551615", "18446744073709551615"),
            ("10s", "\"10s\""),
            ("1h30m", "\"1h30m\""),
            ("sea", "\"sea\""),
            ("1.2.3", "\"1.2.3\""),
            ("2x", "\"2x\""),
            ("80%", "\"80%\""),
            ("00-11 note", "\"00-11 note\""),
            ("-", "\"-\""),
            (".", "\".\""),
        ] {
            assert_eq!(json(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "yes",
            "No",
            "ON",
            "off",
            "014",
            "0o14",
            "0x1F",
            "0b11",
            "1_000",
            "1_0.5",
            "1:30",
            "16:9",
            "1:30:00",
            "2026-11-21",
            "2026-11-21T10:00:00Z",
            ".inf",
            "-.NaN",
            "99999999999999999999",
            "1e999",
        ] {
            assert!(json(text).is_err(), "{text}");
        }
    }
}
