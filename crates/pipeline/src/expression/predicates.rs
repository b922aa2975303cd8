//! Tests: the allow-list of what may stand after `is`.

use super::bounds::{Budget, Outcome, wrong};
use super::operators::{Numeric, holds};
use super::program::Comparison;
use super::signature::{Given, Signature};
use crate::Value;

/// A test of the language.
#[derive(Debug)]
pub(super) struct Predicate {
    pub signature: Signature,
    /// Whether something missing may be asked about too; it counts as absent.
    pub takes_missing: bool,
    holds: fn(&Value, &Given, &mut Budget) -> Outcome<bool>,
}

type Holds = fn(&Value, &Given, &mut Budget) -> Outcome<bool>;

const fn of_any(name: &'static str, holds: Holds) -> Predicate {
    Predicate { signature: Signature::new(name, &[], 0), takes_missing: true, holds }
}

const fn of_value(name: &'static str, holds: Holds) -> Predicate {
    Predicate { signature: Signature::new(name, &[], 0), takes_missing: false, holds }
}

const fn with_other(name: &'static str, holds: Holds) -> Predicate {
    Predicate { signature: Signature::new(name, &["other"], 1), takes_missing: false, holds }
}

#[rustfmt::skip]
static PREDICATES: [Predicate; 31] = [
    of_any("absent", |value, _, _| Ok(value.is_absent())),
    of_any("defined", |value, _, _| Ok(!value.is_absent())),
    of_any("undefined", |value, _, _| Ok(value.is_absent())),
    of_value("boolean", |value, _, _| Ok(matches!(value, Value::Bool(_)))),
    with_other("containing", |value, given, budget| compare(Comparison::In, given.at(0), Some(value), budget)),
    with_other("divisibleby", |value, given, _| Ok(remainder(value, given.at(0))? == 0)),
    with_other("endingwith", |value, given, budget| affix(value, given, budget, |text, part| text.ends_with(part))),
    with_other("eq", |value, given, budget| compare(Comparison::Equal, Some(value), given.at(0), budget)),
    with_other("equalto", |value, given, budget| compare(Comparison::Equal, Some(value), given.at(0), budget)),
    of_value("even", |value, _, _| Ok(remainder(value, None)? == 0)),
    of_value("false", |value, _, _| Ok(value == &Value::Bool(false))),
    of_value("float", |value, _, _| Ok(matches!(Numeric::of(value), Some(Numeric::Float(_))))),
    with_other("ge", |value, given, budget| compare(Comparison::GreaterOrEqual, Some(value), given.at(0), budget)),
    with_other("greaterthan", |value, given, budget| compare(Comparison::Greater, Some(value), given.at(0), budget)),
    with_other("gt", |value, given, budget| compare(Comparison::Greater, Some(value), given.at(0), budget)),
    with_other("in", |value, given, budget| compare(Comparison::In, Some(value), given.at(0), budget)),
    of_value("integer", |value, _, _| Ok(matches!(Numeric::of(value), Some(Numeric::Whole(_))))),
    of_value("iterable", |value, _, _| Ok(matches!(value, Value::List(_) | Value::Map(_)))),
    with_other("le", |value, given, budget| compare(Comparison::LessOrEqual, Some(value), given.at(0), budget)),
    with_other("lessthan", |value, given, budget| compare(Comparison::Less, Some(value), given.at(0), budget)),
    with_other("lt", |value, given, budget| compare(Comparison::Less, Some(value), given.at(0), budget)),
    of_value("mapping", |value, _, _| Ok(matches!(value, Value::Map(_)))),
    of_value("media", |value, _, _| Ok(matches!(value, Value::Media(_)))),
    with_other("ne", |value, given, budget| compare(Comparison::NotEqual, Some(value), given.at(0), budget)),
    of_value("none", |value, _, _| Ok(matches!(value, Value::Null))),
    of_value("number", |value, _, _| Ok(matches!(value, Value::Number(_)))),
    of_value("odd", |value, _, _| Ok(remainder(value, None)? != 0)),
    of_value("sequence", |value, _, _| Ok(matches!(value, Value::List(_)))),
    with_other("startingwith", |value, given, budget| affix(value, given, budget, |text, part| text.starts_with(part))),
    of_value("string", |value, _, _| Ok(matches!(value, Value::Text(_)))),
    of_value("true", |value, _, _| Ok(value == &Value::Bool(true))),
];

/// The test called `name`.
pub(super) fn find(name: &str) -> Option<&'static Predicate> {
    PREDICATES.iter().find(|predicate| predicate.signature.name == name)
}

/// The names of all tests.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    PREDICATES.iter().map(|predicate| predicate.signature.name)
}

impl Predicate {
    /// Whether it holds. Of something absent only what asks for absence does.
    pub fn call(&self, value: &Value, given: &Given, budget: &mut Budget) -> Outcome<bool> {
        if !self.takes_missing && (value.is_absent() || given.any_absent()) {
            return Ok(false);
        }
        (self.holds)(value, given, budget)
    }
}

fn compare(
    comparison: Comparison,
    left: Option<&Value>,
    right: Option<&Value>,
    budget: &mut Budget,
) -> Outcome<bool> {
    match (left, right) {
        (Some(left), Some(right)) => holds(comparison, left, right, budget),
        _ => Ok(false),
    }
}

/// What is left of `value` divided by `by`, two if it isn't given.
fn remainder(value: &Value, by: Option<&Value>) -> Outcome<i128> {
    let whole = |value: &Value| match Numeric::of(value).and_then(Numeric::whole) {
        Some(whole) => Ok(whole),
        None => wrong(format!("a whole number is needed, not {}", value.phrase())),
    };
    let by = by.map_or(Ok(2), whole)?;
    match whole(value)?.checked_rem_euclid(by) {
        Some(remainder) => Ok(remainder),
        None => wrong("this divides by zero"),
    }
}

fn affix(value: &Value, given: &Given, budget: &mut Budget, found: fn(&str, &str) -> bool) -> Outcome<bool> {
    match (value, given.at(0)) {
        (Value::Text(text), Some(Value::Text(part))) => {
            budget.read(part.len())?;
            Ok(found(text, part))
        }
        _ => wrong("only texts start and end with a text"),
    }
}
