//! Filters of numbers.

use super::super::bounds::{Budget, Outcome, wrong};
use super::super::lookup::with_article;
use super::super::operators::Numeric;
use super::super::signature::Given;
use super::{text_at, whole};
use crate::Value;

fn of(value: &Value) -> Outcome<Numeric> {
    match Numeric::of(value) {
        Some(number) => Ok(number),
        None => wrong(format!("this needs a number, not {}", with_article(value))),
    }
}

pub(super) fn abs(value: Value, _: &Given, _: &mut Budget) -> Outcome<Value> {
    match of(&value)? {
        Numeric::Whole(whole) => Numeric::Whole(whole.abs()).into_value(),
        Numeric::Float(float) => Numeric::Float(float.abs()).into_value(),
    }
}

/// `number | round`: to a whole number; `round(2)` to two decimals. Halves go away from zero.
pub(super) fn round(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    let precision = whole(given, 0, "round")?.unwrap_or(0);
    let method = text_at(given, 1, "round")?.unwrap_or("common");
    let float = match of(&value)? {
        Numeric::Whole(_) => return Ok(value),
        Numeric::Float(float) => float,
    };
    let Ok(precision) = i32::try_from(precision.clamp(-300, 300)) else { return Ok(value) };
    let scale = 10_f64.powi(precision);
    let scaled = float * scale;
    if !scaled.is_finite() {
        return Ok(value);
    }
    let rounded = match method {
        "common" => scaled.round(),
        "floor" => scaled.floor(),
        "ceil" => scaled.ceil(),
        other => return wrong(format!("`round` rounds `common`, `floor` or `ceil`, not `{other}`")),
    };
    if precision <= 0 && (rounded / scale).abs() < 9e15 {
        return Numeric::Whole((rounded / scale) as i128).into_value();
    }
    Numeric::Float(rounded / scale).into_value()
}

/// `value | int`: a whole number, cut towards zero; a text is read.
pub(super) fn int(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    let number = match &value {
        Value::Bool(value) => Some(Numeric::Whole(i128::from(*value))),
        Value::Text(text) => read(text),
        other => Numeric::of(other),
    };
    match (number, given.at(0)) {
        (Some(Numeric::Whole(whole)), _) => Numeric::Whole(whole).into_value(),
        (Some(Numeric::Float(float)), _) if float.abs() < 1e30 => Numeric::Whole(float as i128).into_value(),
        (_, Some(default)) => Ok(default.clone()),
        _ => wrong(format!("{} can't be made a whole number", with_article(&value))),
    }
}

/// `value | float`: a number; a text is read.
pub(super) fn float(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    let number = match &value {
        Value::Bool(value) => Some(Numeric::Whole(i128::from(*value))),
        Value::Text(text) => read(text),
        other => Numeric::of(other),
    };
    match (number, given.at(0)) {
        (Some(number), _) => Numeric::Float(number.as_f64()).into_value(),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => wrong(format!("{} can't be made a number", with_article(&value))),
    }
}

fn read(text: &str) -> Option<Numeric> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Numeric::Whole(whole.into()));
    }
    text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Numeric::Float)
}
