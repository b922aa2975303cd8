//! Filters of numbers.

use super::super::bounds::{Budget, Outcome, wrong};
use super::super::operators::Numeric;
use super::super::signature::Given;
use super::{text_at, whole};
use crate::Value;

fn of(value: &Value) -> Outcome<Numeric> {
    match Numeric::of(value) {
        Some(number) => Ok(number),
        None => wrong(format!("this needs a number, not {}", value.phrase())),
    }
}

pub(super) fn abs(value: Value, _: &Given, _: &mut Budget) -> Outcome<Value> {
    match of(&value)? {
        Numeric::Whole(whole) => Numeric::Whole(whole.abs()).into_value(),
        Numeric::Float(float) => Numeric::Float(float.abs()).into_value(),
    }
}

/// `number | round`: to a whole number; `round(2)` to two decimals. Halves go to the even neighbour.
pub(super) fn round(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    let precision = whole(given, 0, "round")?.unwrap_or(0).clamp(-300, 300) as i32;
    let method = text_at(given, 1, "round")?.unwrap_or("common");
    let rounding = match method {
        "common" => f64::round_ties_even,
        "floor" => f64::floor,
        "ceil" => f64::ceil,
        other => return wrong(format!("`round` rounds `common`, `floor` or `ceil`, not `{other}`")),
    };
    let number = of(&value)?;
    let float = number.as_f64();
    let rounded = match number {
        Numeric::Whole(_) if precision >= 0 => return Ok(value),
        _ if precision == 0 => rounding(float),
        _ if precision > 0 && method == "common" => nearest(float, precision.unsigned_abs() as usize),
        _ if precision > 0 => decimals(float, precision, rounding),
        // Tens are divided by: a tenth is no exact float.
        _ => rounding(float / 10_f64.powi(-precision)) * 10_f64.powi(-precision),
    };
    if precision <= 0 && rounded.abs() < 9e15 {
        return Numeric::Whole(rounded as i128).into_value();
    }
    Numeric::Float(rounded).into_value()
}

fn decimals(float: f64, precision: i32, rounding: fn(f64) -> f64) -> f64 {
    let scale = 10_f64.powi(precision);
    // What is too large to be scaled has no decimals.
    if (float * scale).abs() < 9e15 { rounding(float * scale) / scale } else { float }
}

/// The nearest number with so many decimals. What a float is exactly is no half, so that 2.675, which is a
/// little less, gives 2.67.
fn nearest(float: f64, decimals: usize) -> f64 {
    format!("{float:.decimals$}").parse().unwrap_or(float)
}

/// `value | int`: a whole number, cut towards zero; a text is read.
pub(super) fn int(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    let cut = |number| match number {
        Numeric::Whole(whole) => Some(whole),
        Numeric::Float(float) => (float.abs() < 1e30).then_some(float as i128),
    };
    match (read(&value).and_then(cut), given.at(0)) {
        (Some(whole), _) => Numeric::Whole(whole).into_value(),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => wrong(format!("{} can't be made a whole number", value.phrase())),
    }
}

/// `value | float`: a number; a text is read.
pub(super) fn float(value: Value, given: &Given, _: &mut Budget) -> Outcome<Value> {
    match (read(&value), given.at(0)) {
        (Some(number), _) => Numeric::Float(number.as_f64()).into_value(),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => wrong(format!("{} can't be made a number", value.phrase())),
    }
}

fn read(value: &Value) -> Option<Numeric> {
    let text = match value {
        Value::Bool(value) => return Some(Numeric::Whole(i128::from(*value))),
        Value::Text(text) => text.trim(),
        other => return Numeric::of(other),
    };
    match text.parse::<i128>() {
        Ok(whole) => Some(Numeric::Whole(whole)),
        Err(_) => text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Numeric::Float),
    }
}
