//! The contract of a model, as it follows from its entry.

use motet_pipeline::contract::{Call, CallForm, Choice, Contract, Doubt, Parameter, Work};
use motet_pipeline::{Type, Value};

use super::entry::{Entry, Input, Way};
use super::mapping::{Mapping, whole};

/// The contract of the model that `entry` describes, without its price.
pub(super) fn of(entry: &Entry) -> Contract {
    let form = match entry.call {
        Way::Job => CallForm::Job,
        Way::Direct => CallForm::Direct,
    };
    let mut contract = Contract::new(entry.operation(), Work::Model)
        .summary(&entry.summary)
        .call(Call::paid(form))
        .features(entry.features.iter().copied())
        .usually(entry.seconds.0, entry.seconds.1);
    contract.model_version.clone_from(&entry.version);
    for input in &entry.inputs {
        contract.inputs.extend(parameters(entry, input));
    }
    for (name, output) in &entry.outputs {
        contract = contract.output(name, output.ty());
    }
    for names in &entry.exactly_one {
        let names = names.clone();
        contract.choices.push(Choice { names, is_needed: true, is_exclusive: true });
    }
    for input in &entry.inputs {
        contract.choices.extend(alternatives(entry, input));
    }
    contract
}

/// The parameters of a pipeline by which one parameter of the provider can be given.
fn parameters(entry: &Entry, input: &Input) -> Vec<Parameter> {
    let mut ours = in_our_words(input);
    if !input.has_two_names() {
        let mut all = vec![ours];
        all.extend(input.form.further_names(entry).into_iter().map(|part| part_of_size(part, input)));
        return all;
    }
    let native = Parameter {
        required: false,
        default: None,
        description: format!("the provider's own name for `{}`: {}", input.word(), input.about),
        ..as_the_provider_takes(input)
    };
    ours.name = input.word().to_owned();
    vec![ours, native.stands_for(input.word())]
}

/// Names of which only one may be given.
fn alternatives(entry: &Entry, input: &Input) -> Vec<Choice> {
    let exclusive = |names: &[&str]| Choice {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        is_needed: false,
        is_exclusive: true,
    };
    let further = input.form.further_names(entry);
    let own = input.own_name();
    let mut all: Vec<Choice> = Vec::new();
    if input.has_two_names() {
        all.push(exclusive(&[input.word(), own]));
    }
    all.extend(further.iter().map(|part| exclusive(&[own, part])));
    let sides = further.iter().filter(|part| **part != "aspect_ratio");
    if further.contains(&"aspect_ratio") {
        all.extend(sides.map(|side| exclusive(&["aspect_ratio", side])));
    }
    all
}

/// The parameter by our word for it. Where that is the provider's name too, both ways of writing it go by one name.
fn in_our_words(input: &Input) -> Parameter {
    let native = as_the_provider_takes(input);
    let form = &input.form;
    if form.is_same() {
        return native;
    }
    let ours = form.type_of_ours(&input.ty.0);
    let (ty, default) = match (input.has_two_names(), form) {
        (false, Mapping::Words(_)) => (Type::one_of([ours, native.ty.clone()]), native.default.clone()),
        (false, _) => (Type::one_of([ours, native.ty.clone()]), default_of_ours(input, &native)),
        (true, _) => (ours, default_of_ours(input, &native)),
    };
    let (min, max) = bounds_of_ours(input);
    Parameter { ty, default, min, max, one_of: values_of_ours(input, &native), ..native }
}

fn default_of_ours(input: &Input, native: &Parameter) -> Option<Value> {
    native.default.as_ref().and_then(|_| input.form.ours(input.default.as_ref()?))
}

/// The only values that fit, in our words, and by the provider's name also in its own.
fn values_of_ours(input: &Input, native: &Parameter) -> Vec<Value> {
    let translated = input.one_of.iter().filter_map(|value| input.form.ours(value));
    let all: Vec<Value> = match (&input.form, input.has_two_names()) {
        (Mapping::Words(words), has_two_names) => {
            let is_closed = has_two_names || !native.one_of.is_empty();
            let new = words.keys().map(|word| Value::from(word.as_str())).filter(|_| is_closed);
            let known = native.one_of.iter().filter(|value| !has_two_names || value.as_str().is_some());
            known.cloned().chain(new).collect()
        }
        (_, true) => translated.collect(),
        (_, false) => translated.chain(native.one_of.iter().cloned()).collect(),
    };
    let mut distinct = Vec::new();
    for value in all {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

fn bounds_of_ours(input: &Input) -> (Option<f64>, Option<f64>) {
    let form = &input.form;
    let ours = |number: Option<f64>| form.ours(&serde_json::json!(number?))?.as_f64();
    match form {
        Mapping::Lengths { rates: (low, high), frames, .. } => lengths(frames.values().copied(), *low, *high),
        Mapping::Scaled(_) | Mapping::Frames { .. } => (ours(input.min), ours(input.max)),
        _ => (input.min, input.max),
    }
}

/// The shortest and the longest clip.
fn lengths(
    frames: impl Iterator<Item = u64> + Clone,
    slowest: u64,
    fastest: u64,
) -> (Option<f64>, Option<f64>) {
    let hundredths = |seconds: f64| (seconds * 100.0).ceil() / 100.0;
    let shortest = frames.clone().min().map(|frames| hundredths(frames as f64 / fastest as f64));
    (shortest, frames.max().map(|frames| hundredths(frames as f64 / slowest as f64)))
}

fn as_the_provider_takes(input: &Input) -> Parameter {
    let is_sure = input.doubt.is_none();
    let blank = |value: &serde_json::Value| {
        value.is_null() || *value == "" || value.as_array().is_some_and(Vec::is_empty)
    };
    let default = input.default.as_ref().filter(|value| is_sure && !blank(value));
    let unsure = input.default.as_ref().filter(|value| !is_sure && !blank(value));
    let about = match unsure {
        Some(value) => format!("{} (without it the provider is said to take {value})", input.about),
        None => input.about.clone(),
    };
    let mut parameter = match input.required {
        true => Parameter::required(input.own_name(), input.ty.0.clone()),
        false => Parameter::optional(input.own_name(), input.ty.0.clone()),
    };
    parameter.default = default.map(|value| whole(Value::from(value.clone())));
    parameter.min = input.min;
    parameter.max = input.max;
    parameter.one_of = input.one_of.iter().cloned().map(Value::from).collect();
    parameter.doubt = input.doubt;
    parameter.limits = input.limits.clone();
    parameter.by_address = holds_media(&input.ty.0);
    parameter.about(&about)
}

fn holds_media(ty: &Type) -> bool {
    match ty {
        Type::Media(_) => true,
        Type::List(item) => holds_media(item),
        Type::OneOf(options) => options.iter().any(holds_media),
        _ => false,
    }
}

/// A part of a size that stands for the whole.
fn part_of_size(part: &str, input: &Input) -> Parameter {
    let Mapping::Size(words) = &input.form else { unreachable!("only a size has parts") };
    let parameter = match part {
        "aspect_ratio" => Parameter::optional(part, Type::Text)
            .one_of(words.keys().map(String::as_str))
            .about("the shape of the picture, width to height"),
        side => {
            let mut side_of = Parameter::optional(side, Type::Integer)
                .about(&format!("the {side} in pixels; both sides are given together"));
            side_of.min = Some(1.0);
            side_of
        }
    };
    let parameter = parameter.stands_for(input.own_name());
    match input.doubt {
        Some(Doubt::Name) => parameter.doubted(Doubt::Name),
        _ => parameter,
    }
}
