//! Mappings: how a value in our words and units is written in a provider's.

use std::collections::BTreeMap;

use motet_pipeline::value::Map;
use motet_pipeline::{Type, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::entry::{Entry, Input};

/// How a value in our words and units is written in a provider's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mapping {
    /// As it is.
    #[default]
    Same,
    /// As text with this behind it: 5 as `"5"` or `"5s"`.
    Suffixed(String),
    /// So many times as much, as a whole number: seconds as milliseconds.
    Scaled(u64),
    /// Other words for some of ours; all others as they are.
    Words(BTreeMap<String, Json>),
    /// In a list, if it is none.
    Listed,
    /// Seconds as frames: `plus` more than the rate times the seconds.
    Frames {
        /// The provider's parameter for frames a second.
        rate: String,
        /// What that is if it isn't given.
        usual: f64,
        /// How many more frames than that there must be.
        #[serde(default)]
        plus: u64,
    },
    /// Seconds as one of several lengths in frames, by the provider's words for them, and a rate that fits.
    Lengths {
        /// The provider's parameter for frames a second.
        rate: String,
        /// The slowest and the fastest rate.
        rates: (u64, u64),
        /// How many frames each word stands for.
        frames: BTreeMap<String, u64>,
    },
    /// `width` and `height`, or `aspect_ratio`, as one size: an object of both, or one of these words.
    Size(BTreeMap<String, String>),
}

/// A value in the provider's words, what else must be set for it, and what there is to say about it.
pub(super) struct Mapped {
    pub value: Value,
    pub further: Vec<(String, Value)>,
    pub warning: Option<String>,
}

impl Mapped {
    fn plain(value: Value) -> Mapped {
        Mapped { value, further: Vec::new(), warning: None }
    }
}

impl Mapping {
    pub(super) fn is_same(&self) -> bool {
        *self == Mapping::Same
    }

    /// What else can be given for such an input: the parts of a size, as far as the model has no inputs of these names.
    pub(super) fn further_names(&self, entry: &Entry) -> Vec<&'static str> {
        const PARTS: [&str; 3] = ["aspect_ratio", "width", "height"];
        let is_free = |name: &&str| {
            !entry.inputs.iter().any(|input| input.word() == *name || input.own_name() == *name)
        };
        if matches!(self, Mapping::Size(_)) {
            PARTS.into_iter().filter(is_free).collect()
        } else {
            Vec::new()
        }
    }

    pub(super) fn judge(&self, input: &Input) -> Result<(), String> {
        match self {
            Mapping::Scaled(0) => Err("it can't be scaled by 0".to_owned()),
            Mapping::Frames { usual, .. } if !(usual.is_finite() && *usual > 0.0) => {
                Err("`usual` must be a rate above 0".to_owned())
            }
            Mapping::Lengths { rates: (low, high), frames, .. }
                if *low == 0 || low > high || frames.is_empty() =>
            {
                Err("it needs `frames`, and `rates` from the slowest, above 0, to the fastest".to_owned())
            }
            Mapping::Scaled(_) | Mapping::Frames { .. } | Mapping::Lengths { .. }
                if !input.has_two_names() =>
            {
                Err("it has another unit, so it needs another name too".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// A value of the provider's, in our words and units, as far as there is one.
    pub(super) fn ours(&self, native: &Json) -> Option<Value> {
        match self {
            Mapping::Same | Mapping::Listed | Mapping::Size(_) => Some(Value::from(native.clone())),
            Mapping::Suffixed(suffix) => {
                let number: f64 = native.as_str()?.strip_suffix(suffix.as_str())?.parse().ok()?;
                Some(whole(Value::from(number)))
            }
            Mapping::Scaled(times) => Some(whole(Value::from(native.as_f64()? / *times as f64))),
            Mapping::Words(words) => {
                let word = words.iter().find(|(_, value)| *value == native).map(|(word, _)| word.as_str());
                Some(word.map_or_else(|| Value::from(native.clone()), Value::from))
            }
            Mapping::Frames { usual, plus, .. } => {
                Some(whole(Value::from((native.as_f64()? - *plus as f64).max(0.0) / usual)))
            }
            Mapping::Lengths { .. } => None,
        }
    }

    /// The type of our word for it, where the provider's is `native`.
    pub(super) fn type_of_ours(&self, native: &Type) -> Type {
        match self {
            Mapping::Same => native.clone(),
            Mapping::Suffixed(_) | Mapping::Scaled(_) | Mapping::Frames { .. } | Mapping::Lengths { .. } => {
                Type::Number
            }
            Mapping::Words(_) => Type::Text,
            Mapping::Listed => match native {
                Type::List(item) => Type::one_of([(**item).clone(), native.clone()]),
                other => other.clone(),
            },
            Mapping::Size(_) => Type::one_of([
                Type::Text,
                Type::object([("width", Type::Integer), ("height", Type::Integer)]),
            ]),
        }
    }

    /// `value` in the provider's words. `given` is all that is given with it.
    pub(super) fn native(&self, value: &Value, given: &Map) -> Mapped {
        match self {
            Mapping::Same | Mapping::Size(_) => Mapped::plain(value.clone()),
            Mapping::Suffixed(suffix) => Mapped::plain(match value {
                Value::Number(number) => match value.as_i64() {
                    Some(number) => Value::from(format!("{number}{suffix}")),
                    None => Value::from(format!("{number}{suffix}")),
                },
                other => other.clone(),
            }),
            Mapping::Scaled(times) => Mapped::plain(match value.as_f64() {
                Some(number) => Value::from((number * *times as f64).round() as i64),
                None => value.clone(),
            }),
            Mapping::Words(words) => {
                let other = value.as_str().and_then(|word| words.get(word));
                Mapped::plain(other.map_or_else(|| value.clone(), |other| Value::from(other.clone())))
            }
            Mapping::Listed => Mapped::plain(match value {
                Value::List(_) => value.clone(),
                one => Value::list(vec![one.clone()]),
            }),
            Mapping::Frames { rate, usual, plus } => {
                let rate = rate_in(rate, given).unwrap_or(*usual);
                let frames = value.as_f64().map(|seconds| (seconds * rate).round() as i64);
                Mapped::plain(
                    frames.map_or_else(
                        || value.clone(),
                        |frames| Value::from(frames.saturating_add(*plus as i64)),
                    ),
                )
            }
            Mapping::Lengths { rate, rates, frames } => {
                let Some(seconds) = value.as_f64() else { return Mapped::plain(value.clone()) };
                nearest_length(seconds, rate, *rates, frames, rate_in(rate, given))
            }
        }
    }
}

/// The rate that is given, by our word for it or by the provider's.
fn rate_in(rate: &str, given: &Map) -> Option<f64> {
    ["fps", rate].into_iter().find_map(|name| given.get(name)?.as_f64()).filter(|rate| *rate > 0.0)
}

/// The word and the rate by which a clip is nearest to so many seconds long.
fn nearest_length(
    seconds: f64,
    rate: &str,
    rates: (u64, u64),
    frames: &BTreeMap<String, u64>,
    given: Option<f64>,
) -> Mapped {
    let choices = frames.iter().map(|(word, frames)| {
        let fitting = (*frames as f64 / seconds.max(0.01)).round().clamp(rates.0 as f64, rates.1 as f64);
        let per_second = given.unwrap_or(fitting);
        (word, *frames, per_second, *frames as f64 / per_second)
    });
    let off = |length: f64| (length - seconds).abs();
    let nearest = choices.min_by(|left, right| {
        // Of two that are as near, the one with more frames moves more smoothly.
        off(left.3).total_cmp(&off(right.3)).then(right.1.cmp(&left.1))
    });
    let (word, count, per_second, length) = nearest.expect("an entry without lengths is refused");
    let further = match given {
        Some(_) => Vec::new(),
        None => vec![(rate.to_owned(), Value::from(per_second as i64))],
    };
    const UNNOTICED: f64 = 0.05;
    let warning = (off(length) > UNNOTICED * seconds).then(|| {
        format!("{count} frames at {per_second} a second last {length:.2} s, which is as near to {seconds} s as it can be")
    });
    Mapped { value: Value::from(word.as_str()), further, warning }
}

/// A whole number as one.
pub(super) fn whole(value: Value) -> Value {
    match value.as_i64() {
        Some(number) => Value::from(number),
        None => value,
    }
}
