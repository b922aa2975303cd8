//! Functions: the allow-list of what can be called.

use super::bounds::{Budget, LIST_ITEMS_MAX, Outcome, runaway, wrong};
use super::signature::{Given, Signature};
use crate::Value;

/// A function of the language.
#[derive(Debug)]
pub(super) struct Function {
    pub signature: Signature,
    apply: fn(&Given, &mut Budget) -> Outcome<Value>,
}

static FUNCTIONS: [Function; 1] =
    [Function { signature: Signature::new("range", &["start", "stop", "step"], 1), apply: range }];

/// The function called `name`.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.signature.name == name)
}

/// The names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.iter().map(|function| function.signature.name)
}

impl Function {
    pub fn call(&self, given: &Given, budget: &mut Budget) -> Outcome<Value> {
        if given.any_absent() { Ok(Value::Absent) } else { (self.apply)(given, budget) }
    }
}

/// `range(stop)`, `range(start, stop)`, `range(start, stop, step)`: whole numbers, `stop` not among them.
fn range(given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let whole = |position: usize| match given.at(position) {
        None => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => wrong("`range` takes whole numbers"),
        },
    };
    let (start, stop) = match (whole(0)?, whole(1)?) {
        (first, None) => (0, first.unwrap_or(0)),
        (first, Some(second)) => (first.unwrap_or(0), second),
    };
    let step = whole(2)?.unwrap_or(1);
    if step == 0 {
        return wrong("`range` can't have steps of zero");
    }
    let distance =
        if step > 0 { i128::from(stop) - i128::from(start) } else { i128::from(start) - i128::from(stop) };
    let size = i128::from(step).abs();
    let count = if distance <= 0 { 0 } else { (distance + size - 1) / size };
    let Some(count) = usize::try_from(count).ok().filter(|count| *count <= LIST_ITEMS_MAX) else {
        return runaway(format!("`range` gives at most {LIST_ITEMS_MAX} numbers, and this asks for {count}"));
    };
    budget.list(count)?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step)).take(count);
    Ok(Value::list(numbers.map(Value::from).collect()))
}
