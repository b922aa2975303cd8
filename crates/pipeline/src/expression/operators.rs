//! Operators: arithmetic and comparisons, exact where JSON is, bounded everywhere.

use std::cmp::Ordering;

use serde_json::Number;

use super::bounds::{Budget, Outcome, TEXT_BYTES_MAX, list, runaway, wrong};
use super::program::{Comparison, Operator};
use crate::Value;

/// A number while it is worked with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numeric {
    Whole(i128),
    Float(f64),
}

impl Numeric {
    pub fn of(value: &Value) -> Option<Numeric> {
        match value {
            Value::Number(number) => Some(Numeric::of_number(number)),
            _ => None,
        }
    }

    fn of_number(number: &Number) -> Numeric {
        match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Numeric::Whole(whole.into()),
            (_, Some(whole), _) => Numeric::Whole(whole.into()),
            (_, _, float) => Numeric::Float(float.unwrap_or(f64::NAN)),
        }
    }

    pub fn as_f64(self) -> f64 {
        match self {
            Numeric::Whole(whole) => whole as f64,
            Numeric::Float(float) => float,
        }
    }

    /// The whole number that it is, `3.0` being one too.
    pub fn whole(self) -> Option<i128> {
        match self {
            Numeric::Whole(whole) => Some(whole),
            Numeric::Float(float) => (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i128),
        }
    }

    /// The number as a value; what JSON can't hold is refused.
    pub fn into_value(self) -> Outcome<Value> {
        let number = match self {
            Numeric::Whole(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(whole), _) => Some(whole.into()),
                (_, Ok(whole)) => Some(whole.into()),
                _ => None,
            },
            Numeric::Float(float) => Number::from_f64(float),
        };
        match (number, self) {
            (Some(number), _) => Ok(Value::Number(number)),
            (None, Numeric::Float(float)) if float.is_nan() => wrong("the result isn't a number"),
            (None, _) => wrong("the result is too large a number"),
        }
    }
}

/// `left operator right`. Absent with anything is absent, except that a list keeps what it has.
pub(super) fn arithmetic(
    operator: Operator,
    left: Value,
    right: Value,
    budget: &mut Budget,
) -> Outcome<Value> {
    match (operator, &left, &right) {
        (Operator::Add, Value::List(_), Value::Absent) => return Ok(left),
        (Operator::Add, Value::Absent, Value::List(_)) => return Ok(right),
        (_, Value::Absent, _) | (_, _, Value::Absent) => return Ok(Value::Absent),
        (Operator::Add, Value::Text(first), Value::Text(second)) => {
            budget.text(first.len() + second.len())?;
            return Ok(Value::from(format!("{first}{second}")));
        }
        (Operator::Add, Value::List(first), Value::List(second)) => {
            budget.list(first.len() + second.len())?;
            return list(first.iter().chain(second.iter()).cloned().collect(), budget);
        }
        (Operator::Multiply, Value::Text(_) | Value::List(_), Value::Number(_)) => {
            return repeated(&left, &right, budget);
        }
        (Operator::Multiply, Value::Number(_), Value::Text(_) | Value::List(_)) => {
            return repeated(&right, &left, budget);
        }
        _ => {}
    }
    let (Some(first), Some(second)) = (Numeric::of(&left), Numeric::of(&right)) else {
        return wrong(operator.misfit(&left.phrase(), &right.phrase()));
    };
    calculated(operator, first, second)?.into_value()
}

fn calculated(operator: Operator, left: Numeric, right: Numeric) -> Outcome<Numeric> {
    let (first, second) = (left.as_f64(), right.as_f64());
    let divides = match operator {
        Operator::Divide | Operator::FloorDivide | Operator::Remainder => second == 0.0,
        Operator::Power => first == 0.0 && second < 0.0,
        _ => false,
    };
    if divides {
        return wrong("this divides by zero");
    }
    if let (Numeric::Whole(left), Numeric::Whole(right)) = (left, right) {
        let whole = match operator {
            Operator::Add => left.checked_add(right),
            Operator::Subtract => left.checked_sub(right),
            Operator::Multiply => left.checked_mul(right),
            Operator::FloorDivide => floored(left, right).map(|(quotient, _)| quotient),
            Operator::Remainder => floored(left, right).map(|(_, remainder)| remainder),
            Operator::Power if right >= 0 => {
                u32::try_from(right).ok().and_then(|power| left.checked_pow(power))
            }
            Operator::Power | Operator::Divide => return Ok(float(operator, first, second)),
        };
        return match whole {
            Some(whole) => Ok(Numeric::Whole(whole)),
            None => runaway("the result is too large a number"),
        };
    }
    Ok(float(operator, first, second))
}

fn float(operator: Operator, left: f64, right: f64) -> Numeric {
    Numeric::Float(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::FloorDivide => floored_float(left, right).0,
        Operator::Remainder => floored_float(left, right).1,
        Operator::Power => left.powf(right),
    })
}

/// Quotient and remainder; as in Python, the remainder has the sign of the divisor.
fn floored(left: i128, right: i128) -> Option<(i128, i128)> {
    let (quotient, remainder) = (left.checked_div(right)?, left.checked_rem(right)?);
    let crosses = remainder != 0 && (remainder < 0) != (right < 0);
    Some(if crosses { (quotient - 1, remainder + right) } else { (quotient, remainder) })
}

fn floored_float(left: f64, right: f64) -> (f64, f64) {
    let remainder = left % right;
    let quotient = (left - remainder) / right;
    let crosses = remainder != 0.0 && (remainder < 0.0) != (right < 0.0);
    let (quotient, remainder) =
        if crosses { (quotient - 1.0, remainder + right) } else { (quotient, remainder) };
    // The division was rounded: the quotient is whole, or next to it.
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, remainder)
}

fn repeated(what: &Value, times: &Value, budget: &mut Budget) -> Outcome<Value> {
    let Some(times) = times.as_i64() else {
        return wrong("something can only be repeated a whole number of times");
    };
    let times = usize::try_from(times).unwrap_or(0);
    match what {
        Value::Text(text) => {
            budget.text(text.len().saturating_mul(times))?;
            Ok(Value::from(text.repeat(times)))
        }
        Value::List(items) => {
            budget.list(items.len().saturating_mul(times))?;
            list(items.iter().cycle().take(items.len() * times).cloned().collect(), budget)
        }
        _ => unreachable!("only texts and lists are repeated"),
    }
}

impl Operator {
    fn sign(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::FloorDivide => "//",
            Operator::Remainder => "%",
            Operator::Power => "**",
        }
    }

    /// Says that it can't be used with these two.
    pub fn misfit(self, left: &str, right: &str) -> String {
        let hint = if self == Operator::Add { "; `~` joins texts" } else { "" };
        format!("`{}` can't be used with {left} and {right}{hint}", self.sign())
    }
}

impl Comparison {
    /// Whether it asks which of two values comes first.
    pub fn is_by_order(self) -> bool {
        matches!(
            self,
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual
        )
    }
}

/// `-value`
pub(super) fn negated(value: Value) -> Outcome<Value> {
    match Numeric::of(&value) {
        Some(Numeric::Whole(whole)) => Numeric::Whole(-whole).into_value(),
        Some(Numeric::Float(float)) => Numeric::Float(-float).into_value(),
        None if value.is_absent() => Ok(Value::Absent),
        None => wrong(format!("{} can't be negated", value.phrase())),
    }
}

/// Whether a value counts as true: not absent, null, false, zero, or empty.
///
/// ```
/// use motet_pipeline::{Value, expression::is_true};
/// assert!(is_true(&Value::from("no")));
/// assert!(!is_true(&Value::Absent) && !is_true(&Value::list(vec![])));
/// ```
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Absent | Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
        Value::Media(_) => true,
    }
}

/// Whether the comparison holds. None holds with something absent, but `not in` does.
pub(super) fn holds(
    comparison: Comparison,
    left: &Value,
    right: &Value,
    budget: &mut Budget,
) -> Outcome<bool> {
    if left.is_absent() || right.is_absent() {
        return Ok(comparison == Comparison::NotIn);
    }
    match comparison {
        Comparison::Equal => equal(left, right, budget),
        Comparison::NotEqual => Ok(!equal(left, right, budget)?),
        Comparison::Less => Ok(order(left, right, budget)?.is_lt()),
        Comparison::LessOrEqual => Ok(order(left, right, budget)?.is_le()),
        Comparison::Greater => Ok(order(left, right, budget)?.is_gt()),
        Comparison::GreaterOrEqual => Ok(order(left, right, budget)?.is_ge()),
        Comparison::In => contains(right, left, budget),
        Comparison::NotIn => Ok(!contains(right, left, budget)?),
    }
}

/// Whether two values are equal; `3` equals `3.0`.
pub(super) fn equal(left: &Value, right: &Value, budget: &mut Budget) -> Outcome<bool> {
    budget.step()?;
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => Ok(order(left, right, budget)?.is_eq()),
        (Value::Text(first), Value::Text(second)) => {
            budget.read(first.len().min(second.len()))?;
            Ok(first == second)
        }
        (Value::List(first), Value::List(second)) => {
            if first.len() != second.len() {
                return Ok(false);
            }
            for (first, second) in first.iter().zip(second.iter()) {
                if !equal(first, second, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(first), Value::Map(second)) => {
            if first.len() != second.len() {
                return Ok(false);
            }
            for ((name, first), (other, second)) in first.iter().zip(second.iter()) {
                budget.read(name.len())?;
                if name != other || !equal(first, second, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (first, second) => Ok(first == second),
    }
}

/// Which of two values comes first: numbers, texts, booleans, and lists of them.
pub(super) fn order(left: &Value, right: &Value, budget: &mut Budget) -> Outcome<Ordering> {
    budget.step()?;
    match (left, right) {
        (Value::Text(first), Value::Text(second)) => {
            budget.read(first.len().min(second.len()))?;
            Ok(first.cmp(second))
        }
        (Value::Bool(first), Value::Bool(second)) => Ok(first.cmp(second)),
        (Value::List(first), Value::List(second)) => {
            for (first, second) in first.iter().zip(second.iter()) {
                let order = order(first, second, budget)?;
                if order.is_ne() {
                    return Ok(order);
                }
            }
            Ok(first.len().cmp(&second.len()))
        }
        _ => match (Numeric::of(left), Numeric::of(right)) {
            (Some(first), Some(second)) => Ok(order_of_numbers(first, second)),
            _ => wrong(format!("{} can't be compared with {}", left.phrase(), right.phrase())),
        },
    }
}

fn order_of_numbers(left: Numeric, right: Numeric) -> Ordering {
    match (left, right) {
        (Numeric::Whole(first), Numeric::Whole(second)) => first.cmp(&second),
        (Numeric::Whole(first), Numeric::Float(second)) => against(first, second),
        (Numeric::Float(first), Numeric::Whole(second)) => against(second, first).reverse(),
        // JSON holds neither infinity nor "not a number", and zero is zero.
        (Numeric::Float(first), Numeric::Float(second)) => {
            first.partial_cmp(&second).unwrap_or(Ordering::Equal)
        }
    }
}

/// A whole number against a float, exactly: a large one must not be rounded first.
fn against(whole: i128, float: f64) -> Ordering {
    if float.abs() < 1e30 {
        let floor = float.floor();
        whole.cmp(&(floor as i128)).then(if float > floor { Ordering::Less } else { Ordering::Equal })
    } else if float > 0.0 {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// Whether `whole` has `part`: an item of a list, a piece of a text, a key of an object.
pub(super) fn contains(whole: &Value, part: &Value, budget: &mut Budget) -> Outcome<bool> {
    match (whole, part) {
        (Value::List(items), _) => {
            for item in items.iter() {
                if equal(item, part, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (Value::Text(text), Value::Text(part)) => {
            budget.read(text.len())?;
            Ok(text.contains(&**part))
        }
        (Value::Map(entries), Value::Text(key)) => {
            budget.compare(key.len())?;
            Ok(entries.contains_key(key))
        }
        (Value::Text(_), _) => wrong(format!("{} can't be looked for in a text", part.phrase())),
        (Value::Map(_), _) => Ok(false),
        _ => wrong(format!("nothing can be looked for in {}", whole.phrase())),
    }
}

/// `a ~ b ~ c`, each as text; absent if one is.
pub(super) fn concatenated(values: &[Value], budget: &mut Budget) -> Outcome<Value> {
    let mut out = String::new();
    for value in values {
        if !super::print::print(value, &mut out, budget)? {
            return Ok(Value::Absent);
        }
    }
    debug_assert!(out.len() <= TEXT_BYTES_MAX, "printing is bounded");
    Ok(Value::from(out))
}
