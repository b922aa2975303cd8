//! Operations that the engine does by itself: nothing leaves it, and nothing is waited for but time.

use crate::contract::{Contract, Parameter, Work};
use crate::{Class, Span, Type, Value};

/// Waits for a time.
pub const SLEEP: &str = "flow/sleep";
/// Fails.
pub const FAIL: &str = "flow/fail";
/// Gives what it is given.
pub const TRANSFORM: &str = "data/transform";

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
            .summary("Gives its value again: a name for something that expressions make.")
            .input(Parameter::required("value", Type::Any).about("any value"))
            .output("value", Type::Any)
            .usually(0.0, 0.0),
    ]
}

/// What is wrong with a value for one of these operations, beyond what the contract says.
pub(crate) fn misfit(operation: &str, parameter: &str, value: &Value) -> Option<String> {
    let text = value.as_str().filter(|_| operation == SLEEP && parameter == "duration")?;
    text.parse::<Span>().err().map(|error| format!("`{text}` is {error}"))
}

fn fail() -> Contract {
    let mut contract = Contract::new(FAIL, Work::Engine)
        .summary("Fails, always: the end of a branch that must not go on.")
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
