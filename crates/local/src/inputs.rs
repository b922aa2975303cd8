//! Reading an operation's inputs, with a refusal that names the input.

use std::fmt::Display;
use std::ops::RangeInclusive;

use motet_pipeline::value::Map;
use motet_pipeline::{Failure, Value};

/// The inputs of one operation. Absent and null count as not given.
pub(crate) struct Inputs<'a>(pub &'a Map);

impl<'a> Inputs<'a> {
    /// The text `name`, trimmed; blank counts as not given. At most `max` characters.
    pub fn text(&self, name: &str, max: usize) -> Result<Option<&'a str>, Failure> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| wrong_kind(name, value, "text"))?.trim();
        let length = text.chars().count();
        if length > max {
            let message = format!("`{name}` has {length} characters; at most {max} are allowed");
            return Err(Failure::too_large(message));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    /// Like [`Inputs::text`], but there must be one.
    pub fn required_text(&self, name: &str, max: usize) -> Result<&'a str, Failure> {
        self.text(name, max)?.ok_or_else(|| Failure::invalid(format!("`{name}` is missing or blank")))
    }

    /// The whole number `name`.
    pub fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Failure> {
        let Some(value) = self.given(name) else { return Ok(None) };
        match (value.as_i64(), value) {
            (Some(number), _) => within(name, number, &range).map(Some),
            // Whole, and beyond all that can be meant.
            (None, Value::Number(number)) if number.is_u64() => Err(outside(name, number, &range)),
            _ => Err(wrong_kind(name, value, "a whole number")),
        }
    }

    /// The number `name`.
    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Failure> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let number = value.as_f64().ok_or_else(|| wrong_kind(name, value, "a number"))?;
        within(name, number, &range).map(Some)
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !matches!(value, Value::Absent | Value::Null))
    }
}

fn wrong_kind(name: &str, value: &Value, wanted: &str) -> Failure {
    Failure::invalid(format!("`{name}` must be {wanted}, not {}", value.kind_word()))
}

fn within<N: PartialOrd + Display + Copy>(
    name: &str,
    number: N,
    range: &RangeInclusive<N>,
) -> Result<N, Failure> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(outside(name, number, range))
}

fn outside<N: Display>(name: &str, number: impl Display, range: &RangeInclusive<N>) -> Failure {
    let (low, high) = (range.start(), range.end());
    Failure::invalid(format!("`{name}` is {number}, but must be from {low} to {high}"))
}
