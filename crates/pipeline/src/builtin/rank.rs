//! Ranking: the best of a list, by what an expression gives for each of its items.

use std::cmp::Ordering;

use super::RANK;
use crate::contract::{Contract, Parameter, Work};
use crate::expression::{EvaluationError, sorted_by_key};
use crate::{Class, Type, Value};

const ASCENDING: &str = "ascending";
const DESCENDING: &str = "descending";

/// The input that is an expression of each item.
pub(super) const BY: &str = "by";

pub(super) fn contract() -> Contract {
    Contract::new(RANK, Work::Engine)
        .summary("Ranks a list by what an expression gives for each of its items, and keeps the best.")
        .input(Parameter::required("items", Type::list(Type::Any)).about("the list"))
        .input(Parameter::required(BY, Type::Any).about(
            "an expression that names the `item`, or its number `index`, and gives a number, text, or a truth value",
        ))
        .input(
            Parameter::optional("order", Type::Text)
                .default(DESCENDING)
                .one_of([DESCENDING, ASCENDING])
                .about("whether what has most comes first, or what has least"),
        )
        .input(
            Parameter::optional("keep", Type::Integer).range(1.0, 100_000.0).about("how many to keep; all if not given"),
        )
        .output("items", Type::list(Type::Any))
        .output("best", Type::Any)
        .usually(0.0, 0.0)
}

/// What the items are ranked by; it must be one of these.
pub(crate) fn key_type() -> Type {
    Type::OneOf(vec![Type::Text, Type::Number, Type::Boolean])
}

/// The items that can be ranked, and what each is ranked by: what its expression gave for each of them. What is absent or
/// null is left out.
///
/// # Errors
/// When the expression failed, or an item would be ranked by a list, an object or media.
pub fn rankable(
    items: &[Value],
    keys: Result<Vec<Value>, EvaluationError>,
) -> Result<(Value, Value), EvaluationError> {
    let paired = keys.and_then(|keys| pair(items, keys));
    paired.map_err(of_by)
}

/// What is wrong with what items are ranked by.
fn of_by(error: EvaluationError) -> EvaluationError {
    EvaluationError { message: format!("`{BY}`: {}", error.message), ..error }
}

fn pair(items: &[Value], keys: Vec<Value>) -> Result<(Value, Value), EvaluationError> {
    let (mut ranked, mut by) = (Vec::new(), Vec::new());
    for (index, (item, key)) in items.iter().zip(keys).enumerate() {
        match key {
            Value::Absent | Value::Null => {}
            Value::Text(_) | Value::Number(_) | Value::Bool(_) => {
                ranked.push(item.clone());
                by.push(key);
            }
            other => {
                let message = format!("item {index}: {} ranks nothing", other.phrase());
                return Err(EvaluationError { class: Class::Invalid, message });
            }
        }
    }
    Ok((Value::list(ranked), Value::list(by)))
}

/// What `data/rank` gives for inputs that were made with [`rankable`]. Items that are ranked alike stay in their order.
///
/// ```
/// use motet_pipeline::{Value, builtin};
/// let inputs = Value::map([
///     ("items", Value::from(serde_json::json!(["a", "b", "c"]))),
///     ("by", Value::from(serde_json::json!([1, 3, 1]))),
///     ("keep", Value::from(2_i64)),
/// ]);
/// let ranked = builtin::rank(&inputs).unwrap();
/// assert_eq!(ranked.get("items").unwrap().to_json(), serde_json::json!(["b", "a"]));
/// ```
///
/// # Errors
/// When items are ranked by what can't be compared, or there are too many.
pub fn rank(inputs: &Value) -> Result<Value, EvaluationError> {
    let list = |name| inputs.get(name).and_then(Value::as_list).unwrap_or_default();
    let keyed = list(BY).iter().cloned().zip(list("items").iter().cloned()).collect();
    let is_ascending = inputs.get("order").and_then(Value::as_str) == Some(ASCENDING);
    let after = if is_ascending { Ordering::Greater } else { Ordering::Less };
    let mut ranked = sorted_by_key(keyed, after).map_err(of_by)?;
    if let Some(keep) = inputs.get("keep").and_then(Value::as_f64) {
        ranked.truncate(keep as usize);
    }
    let best = ranked.first().cloned().unwrap_or(Value::Absent);
    Ok(Value::map([("items", Value::list(ranked)), ("best", best)]))
}
