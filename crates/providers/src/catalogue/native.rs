//! What a model is sent, as it follows from the inputs of a step.

use motet_pipeline::value::Map;
use motet_pipeline::{Failure, Type, Value};

use super::Listing;
use super::entry::Input;
use super::mapping::{Mapped, Mapping, whole};

/// The inputs of a model in the provider's names and units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Native {
    /// The model's own inputs. Media are artifacts, or addresses that were given.
    pub inputs: Map,
    /// What somebody should know though it is sent, in words.
    pub warnings: Vec<String>,
}

/// `given`, which fits the contract of the model, in the provider's names and units. Nothing vanishes: what can't be
/// written there is an error, and what is doubtful is sent and warned of.
///
/// # Errors
/// `invalid`, where things are given that don't go together.
pub(super) fn of(listing: &Listing, given: &Map) -> Result<Native, Failure> {
    let entry = &listing.entry;
    let doubts = listing.contract.doubts(given).into_iter().map(|doubt| doubt.message);
    let mut native = Native { inputs: Map::new(), warnings: doubts.collect() };
    let mut implied: Vec<(&str, Value)> = Vec::new();
    for input in &entry.inputs {
        let Some(Mapped { value, further, warning }) = mapped(listing, input, given)? else { continue };
        native.warnings.extend(warning.map(|warning| format!("`{}`: {warning}", input.word())));
        set(&mut native.inputs, &input.name, as_typed(&input.ty.0, value));
        for (name, value) in further {
            set(&mut native.inputs, &name, value);
        }
        let implies = input.implies.iter();
        implied.extend(implies.map(|(name, value)| (name.as_str(), Value::from(value.clone()))));
    }
    for (name, value) in implied {
        let default = listing.contract.parameter(name).and_then(|parameter| parameter.default.as_ref());
        match given_as(given, name).filter(|written| Some(*written) != default && **written != value) {
            None => set(&mut native.inputs, name, value),
            Some(_) => {
                let wanted = value.to_json();
                native.warnings.push(format!("`{name}` must be {wanted} for all that is given to count"));
            }
        }
    }
    for (name, value) in given.iter().filter(|(name, value)| !value.is_absent() && !is_known(listing, name)) {
        native
            .warnings
            .push(format!("nobody knows whether {} takes `{name}`: it is sent as it is", entry.operation()));
        set(&mut native.inputs, name, value.clone());
    }
    Ok(native)
}

/// What is given as `name`, unless it is nothing.
fn given_as<'g>(given: &'g Map, name: &str) -> Option<&'g Value> {
    given.get(name).filter(|value| !value.is_absent() && !matches!(value, Value::Null))
}

fn is_known(listing: &Listing, name: &str) -> bool {
    listing.contract.parameter(name).is_some()
}

fn mapped(listing: &Listing, input: &Input, given: &Map) -> Result<Option<Mapped>, Failure> {
    let both = || {
        let (word, own) = (input.word(), input.own_name());
        Failure::invalid(format!("`{word}` and `{own}` are the same, and only one of them can be given"))
    };
    let ours = given_as(given, input.word());
    let own = given_as(given, input.own_name()).filter(|_| input.has_two_names());
    match (ours, own) {
        (Some(_), Some(_)) => Err(both()),
        (Some(value), None) => Ok(Some(input.form.native(value, given))),
        (None, Some(value)) => Ok(Some(Mapping::Same.native(value, given))),
        (None, None) => match &input.form {
            Mapping::Size(words) => size(listing, words, given),
            _ => Ok(None),
        },
    }
}

/// A size of its parts.
fn size(
    listing: &Listing,
    words: &std::collections::BTreeMap<String, String>,
    given: &Map,
) -> Result<Option<Mapped>, Failure> {
    let plain = |value: Value| Some(Mapped { value, further: Vec::new(), warning: None });
    match (given_as(given, "width"), given_as(given, "height"), given_as(given, "aspect_ratio")) {
        (Some(width), Some(height), None) => {
            Ok(plain(Value::map([("width", whole(width.clone())), ("height", whole(height.clone()))])))
        }
        (None, None, Some(shape)) => match shape.as_str().and_then(|shape| words.get(shape)) {
            Some(word) => Ok(plain(Value::from(word.as_str()))),
            None => Err(Failure::invalid(format!(
                "`aspect_ratio` of {} is none that it knows",
                listing.contract.operation
            ))),
        },
        (None, None, None) => Ok(None),
        _ => Err(Failure::invalid("a size is `width` and `height` together, or `aspect_ratio` alone")),
    }
}

/// Whole numbers as such, where the provider wants them.
fn as_typed(ty: &Type, value: Value) -> Value {
    if *ty == Type::Integer { whole(value) } else { value }
}

/// Puts a value where the provider looks for it.
fn set(map: &mut Map, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = map.insert(path.to_owned(), value),
        Some((outer, rest)) => {
            let mut inner = map.get(outer).and_then(Value::as_map).cloned().unwrap_or_default();
            set(&mut inner, rest, value);
            map.insert(outer.to_owned(), Value::from(inner));
        }
    }
}
