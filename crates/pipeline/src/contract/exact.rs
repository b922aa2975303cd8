//! Numbers of a contract as they are stored: to the last bit, and where JSON has none (infinity) as a word.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Word(String),
}

fn written(number: f64) -> Number {
    if number.is_finite() { Number::Finite(number) } else { Number::Word(number.to_string()) }
}

fn read<E: serde::de::Error>(number: Number) -> Result<f64, E> {
    match number {
        Number::Finite(number) => Ok(number),
        Number::Word(word) => word.parse().map_err(E::custom),
    }
}

/// A number that may not be there.
pub(crate) mod optional {
    use super::*;

    pub fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(written).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Option::<Number>::deserialize(deserializer)?.map(read).transpose()
    }
}

/// Two numbers.
pub(crate) mod pair {
    use super::*;

    pub fn serialize<S: Serializer>(pair: &(f64, f64), serializer: S) -> Result<S::Ok, S::Error> {
        (written(pair.0), written(pair.1)).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(f64, f64), D::Error> {
        let (low, high) = <(Number, Number)>::deserialize(deserializer)?;
        Ok((read(low)?, read(high)?))
    }
}
