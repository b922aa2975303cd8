//! Values as they are compared: what tells whether two things were made of the same.

use serde::ser::{Serialize, Serializer};
use serde_json::Number;

use super::{Value, journal};

/// A value with numbers written by what they are worth: `2`, `2.0` and `2e0` have the same bytes, and so have `0` and
/// `-0.0`, wherever they lie in it. Values have equal bytes exactly if an expression calls them equal (`a == b`), except
/// that absence is the same as absence. All else is written as in a [`journal`].
///
/// It is for digests. What is kept to be read again is the value itself, whose numbers print as they were given.
///
/// ```
/// use motet_pipeline::Value;
/// use motet_pipeline::value::Compared;
/// let written = |value: &Value| serde_json::to_string(&Compared(value)).unwrap();
/// let value = Value::list(vec![Value::from(100.0), Value::from(2.5), Value::from(-0.0)]);
/// assert_eq!(written(&value), "[100,2.5,0]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Compared<'v>(pub &'v Value);

impl Serialize for Compared<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => by_worth(number).serialize(serializer),
            other => journal::write(other, Compared, serializer),
        }
    }
}

/// The number as a whole one, if a whole number is exactly it.
fn by_worth(number: &Number) -> Number {
    // Both bounds are powers of two, so as floats they are exact.
    const I64_END: f64 = 9_223_372_036_854_775_808.0;
    const U64_END: f64 = 18_446_744_073_709_551_616.0;
    match number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0) {
        Some(float) if (-I64_END..I64_END).contains(&float) => (float as i64).into(),
        Some(float) if (0.0..U64_END).contains(&float) => (float as u64).into(),
        _ => number.clone(),
    }
}
