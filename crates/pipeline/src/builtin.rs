//! Operations that the engine does by itself: nothing leaves it, and nothing is waited for but time.

mod rank;

pub(crate) use rank::key_type;
pub use rank::{rank, rankable};

use std::sync::LazyLock;

use crate::contract::{Catalogue, Contract, Parameter, Work};
use crate::{Class, Span, Type, Value};

/// Waits for a time.
pub const SLEEP: &str = "flow/sleep";
/// Fails.
pub const FAIL: &str = "flow/fail";
/// Gives what it is given.
pub const TRANSFORM: &str = "data/transform";

/// Ranks a list.
pub const RANK: &str = "data/rank";

/// Whether an input of an operation is an expression that is evaluated for each of its `items`.
pub fn is_per_item(operation: &str, parameter: &str) -> bool {
    operation == RANK && parameter == rank::BY
}

/// Whether a fallback `to` takes over what the first target `from` is given for `parameter`: an expression that is evaluated
/// for each item means nothing to another operation.
pub fn is_inherited(from: &str, to: &str, parameter: &str) -> bool {
    is_per_item(from, parameter) == is_per_item(to, parameter)
}

/// The contracts of all operations that the engine does by itself. Every pipeline may use them.
pub fn contracts() -> Vec<Contract> {
    vec![
        Contract::new(SLEEP, Work::Engine)
            .summary("Waits; a wait of days costs as little as one of seconds.")
            .input(
                Parameter::required("duration", Type::OneOf(vec![Type::Text, Type::Number]))
                    .about("how long: text such as 10s or 2h, or a number of seconds"),
            )
            .usually(0.0, 0.0),
        fail(),
        Contract::new(TRANSFORM, Work::Engine)
            .summary("Returns its value: a name for the result of an expression.")
            .input(Parameter::required("value", Type::Any).about("any value"))
            .output("value", Type::Any)
            .usually(0.0, 0.0),
        rank::contract(),
    ]
}

/// The same, by name.
pub fn catalogue() -> &'static Catalogue {
    static MADE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(contracts()));
    &MADE
}

/// What is wrong with a value for one of these operations, beyond what the contract says.
pub(crate) fn misfit(operation: &str, parameter: &str, value: &Value) -> Option<String> {
    let is_duration = operation == SLEEP && parameter == "duration";
    duration(value).err().filter(|_| is_duration).map(str::to_owned)
}

/// The length of time that [`SLEEP`] is given: text with a unit, or a number of seconds.
///
/// # Errors
/// When it is none.
pub fn duration(value: &Value) -> Result<Span, &'static str> {
    let seconds = || value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds));
    let span = match value.as_str() {
        Some(text) => text.parse().ok(),
        None => seconds().map(|seconds| Span((seconds * 1000.0).round() as u64)),
    };
    span.ok_or("`duration` must be a length of time such as 10s, or a number of seconds")
}

fn fail() -> Contract {
    let mut contract = Contract::new(FAIL, Work::Engine)
        .summary("Always fails: the end of a branch that must not continue.")
        .input(Parameter::required("message", Type::Text).about("what went wrong"))
        .input(
            Parameter::optional("class", Type::Text)
                .default(Class::Invalid.word())
                .one_of(Class::ALL.map(Class::word))
                .about("the class of the failure"),
        )
        .usually(0.0, 0.0);
    contract.succeeds = false;
    contract
}
