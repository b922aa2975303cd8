//! Conditions: when a rate holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Amount;
use crate::Value;

/// What must hold of a call for a rate to be the one, as it is written: `resolution = 1K or 2K`,
/// `output_height > 720 and <= 1080`.
///
/// ```
/// use motet_pipeline::Value;
/// use motet_pipeline::price::Condition;
/// let condition: Condition = "resolution = 1K or 2K".parse().unwrap();
/// assert_eq!(condition.subject, "resolution");
/// assert!(condition.holds_for(&Value::from("2k")));
/// assert!(!condition.holds_for(&Value::from("4K")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The input, or the measure of what is used, that it is about.
    pub subject: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    OneOf(Vec<String>),
    Between { above: Option<Bound>, below: Option<Bound> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound {
    amount: Amount,
    is_inside: bool,
}

impl Condition {
    /// All conditions of a text that separates them by commas.
    ///
    /// # Errors
    /// Says what can't be read.
    pub fn read_all(text: &str) -> Result<Vec<Condition>, NotACondition> {
        text.split(',').map(str::parse).collect()
    }

    /// Whether it holds where its subject is `value`. Case makes no difference, nor whether a number is text.
    pub fn holds_for(&self, value: &Value) -> bool {
        match &self.test {
            Test::OneOf(values) => {
                let given = written(value);
                let is_same = |wanted: &String| {
                    wanted.eq_ignore_ascii_case(&given)
                        || wanted.parse::<Amount>().is_ok_and(|wanted| number(value) == Some(wanted))
                };
                values.iter().any(is_same)
            }
            Test::Between { above, below } => number(value).is_some_and(|number| {
                above.is_none_or(|bound| number > bound.amount || bound.is_inside && number == bound.amount)
                    && below.is_none_or(|bound| {
                        number < bound.amount || bound.is_inside && number == bound.amount
                    })
            }),
        }
    }
}

/// A value as a condition writes it.
fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => text.trim().to_owned(),
        other => other.to_json().to_string(),
    }
}

/// The number that a value is or begins with: `8` of `8s`.
pub(super) fn number(value: &Value) -> Option<Amount> {
    match value {
        Value::Number(number) => Amount::of_number(number),
        Value::Text(text) => {
            let text = text.trim();
            let end =
                text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
            text[..end].parse().ok()
        }
        _ => None,
    }
}

/// The text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no condition: write `input = value`, `input = one or another`, or `input > 1 and <= 2`")]
pub struct NotACondition {
    text: String,
}

impl FromStr for Condition {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Condition, NotACondition> {
        let bad = || NotACondition { text: text.trim().to_owned() };
        let at = text.find(['=', '>', '<']).ok_or_else(bad)?;
        let (subject, test) = (text[..at].trim(), &text[at..]);
        let is_name =
            |name: &str| name.chars().all(|letter| letter.is_alphanumeric() || "_ ".contains(letter));
        if subject.is_empty() || !is_name(subject) {
            return Err(bad());
        }
        let test = match test.strip_prefix('=') {
            Some(values) => {
                let values: Vec<String> = values.split(" or ").map(|value| value.trim().to_owned()).collect();
                if values.iter().any(|value| value.is_empty() || value.contains(['=', '<', '>'])) {
                    return Err(bad());
                }
                Test::OneOf(values)
            }
            None => read_bounds(test).ok_or_else(bad)?,
        };
        Ok(Condition { subject: subject.replace(' ', "_"), test })
    }
}

fn read_bounds(text: &str) -> Option<Test> {
    let (mut above, mut below) = (None, None);
    for part in text.split(" and ") {
        let part = part.trim();
        let (end, rest) = match part.as_bytes().first()? {
            b'>' => (&mut above, &part[1..]),
            b'<' => (&mut below, &part[1..]),
            _ => return None,
        };
        let (is_inside, digits) = rest.strip_prefix('=').map_or((false, rest), |digits| (true, digits));
        let bound = Bound { amount: digits.trim().parse().ok()?, is_inside };
        if end.replace(bound).is_some() {
            return None;
        }
    }
    Some(Test::Between { above, below })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        match &self.test {
            Test::OneOf(values) => write!(f, " = {}", values.join(" or ")),
            Test::Between { above, below } => {
                let bounds = [(">", above), ("<", below)];
                let shown = bounds.into_iter().filter_map(|(sign, bound)| {
                    let Bound { amount, is_inside } = (*bound)?;
                    Some(format!("{sign}{} {amount}", if is_inside { "=" } else { "" }))
                });
                write!(f, " {}", shown.collect::<Vec<_>>().join(" and "))
            }
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Condition, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_written_the_same() {
        for text in [
            "resolution = 1080p",
            "size = 1K or 2K",
            "generate_audio = false",
            "model = lipsync-2-pro",
            "output_height > 720 and <= 1080",
            "prompt_tokens > 272000",
        ] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
        let two = Condition::read_all("resolution = 512p, duration = 6").unwrap();
        assert_eq!(two.len(), 2);
        for text in [
            "",
            "resolution",
            "= 5",
            "a =",
            "a = b = c",
            "a > x",
            "a > 1 and > 2",
            "a > 1 or < 2",
            "a = b or ",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_texts_and_flags_are_compared_by_what_they_mean() {
        let table: [(&str, Value, bool); 12] = [
            ("duration = 6", Value::from(6_i64), true),
            ("duration = 6", Value::from("6s"), true),
            ("duration = 6", Value::from(6.0), true),
            ("duration = 6", Value::from(60_i64), false),
            ("resolution = 4k", Value::from("4K"), true),
            ("resolution = 480p", Value::from("480p"), true),
            ("generate_audio = false", Value::from(false), true),
            ("generate_audio = false", Value::from(true), false),
            ("output height > 720 and <= 1080", Value::from(1080_i64), true),
            ("output height > 720 and <= 1080", Value::from(720_i64), false),
            ("output height > 720 and <= 1080", Value::from("tall"), false),
            ("resolution = 480p", Value::Null, false),
        ];
        for (condition, value, holds) in table {
            assert_eq!(
                condition.parse::<Condition>().unwrap().holds_for(&value),
                holds,
                "{condition}: {value:?}"
            );
        }
    }
}
