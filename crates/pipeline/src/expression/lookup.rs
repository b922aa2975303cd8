//! Looking things up: names, fields, items.

use std::borrow::Cow;

use super::bounds::{Budget, Outcome};
use super::program::{Path, Root};
use super::{Context, StepView};
use crate::suggestion::{closest, listed};
use crate::{Artifact, Value};

/// What was found.
pub(super) enum Found {
    Value(Value),
    Missing(Missing),
}

/// What isn't there. Telling it means to compare it with all that is there, so that is done only when
/// somebody hears of it.
pub(super) enum Missing {
    Name(Box<str>),
    Step(Box<str>),
    /// A variable of the template that isn't set.
    Variable(Box<str>),
    /// What a value has at `key`; `written` is how the value is written.
    Part {
        of: Value,
        key: Value,
        written: String,
    },
}

impl Missing {
    /// What is missing, and what is there instead.
    pub fn message(&self, context: &Context) -> String {
        match self {
            Missing::Name(name) => {
                missing(name, "there is no name", context.values.keys().map(String::as_str).chain(["steps"]))
            }
            Missing::Step(name) => {
                missing(name, "there is no step", context.steps.keys().map(String::as_str))
            }
            Missing::Variable(name) => format!("`{name}` isn't set here"),
            Missing::Part { of, key, written } => missing_part(of, key, written),
        }
    }
}

/// The value at `path`.
pub(super) fn path(path: &Path, context: &Context, locals: &[Option<Value>]) -> Found {
    let (mut value, known) = match root(path, context, locals) {
        Ok(found) => found,
        Err(missing) => return Found::Missing(missing),
    };
    for (index, part) in path.fields.iter().enumerate().skip(known) {
        let name = &*part.name;
        let next = match &value {
            Cow::Borrowed(value) => field(value, name),
            Cow::Owned(value) => field(value, name).map(|found| Cow::Owned(found.into_owned())),
        };
        value = match next {
            Some(found) => found,
            None => {
                let (of, key) = (value.into_owned(), Value::from(name));
                return Found::Missing(Missing::Part { of, key, written: format!("`{}`", path.text(index)) });
            }
        };
    }
    Found::Value(value.into_owned())
}

/// The value that a path starts at, and how many fields it took to get there.
fn root<'a>(
    path: &Path,
    context: &'a Context,
    locals: &'a [Option<Value>],
) -> Result<(Cow<'a, Value>, usize), Missing> {
    match &path.root {
        Root::Name(name) => match context.values.get(&**name) {
            Some(value) => Ok((Cow::Borrowed(value), 0)),
            None => Err(Missing::Name(name.clone())),
        },
        Root::Local { slot, name } => match locals.get(*slot) {
            Some(Some(value)) => Ok((Cow::Borrowed(value), 0)),
            _ => Err(Missing::Variable(name.clone())),
        },
        Root::Step(name) => match context.steps.get(&**name) {
            Some(view) => Ok(of_step(view, path.fields.first().map(|field| &*field.name))),
            None => Err(Missing::Step(name.clone())),
        },
    }
}

fn of_step<'a>(view: &'a StepView, first: Option<&str>) -> (Cow<'a, Value>, usize) {
    match (first, &view.error, &view.output) {
        (Some("status"), _, _) => (Cow::Owned(Value::from(view.status)), 1),
        (Some("error"), Some((class, message)), _) => {
            let class = Value::from(class.word());
            (Cow::Owned(Value::map([("class", class), ("message", Value::from(message.as_str()))])), 1)
        }
        (Some("error"), None, _) => (Cow::Owned(Value::Absent), 1),
        (_, _, Some(output)) => (Cow::Borrowed(output), 0),
        (_, _, None) => (Cow::Owned(Value::Absent), 0),
    }
}

/// The field `name` of `value`. What is absent has every field: it is absent.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Value::Absent => Some(Cow::Owned(Value::Absent)),
        Value::Map(entries) => entries.get(name).map(Cow::Borrowed),
        Value::Media(artifact) => measure(artifact, name).map(Cow::Owned),
        _ => None,
    }
}

/// A measure of an artifact; one that can't be determined is absent.
fn measure(artifact: &Artifact, name: &str) -> Option<Value> {
    if !Artifact::fields(artifact.kind).contains(&name) {
        return None;
    }
    Some(match name {
        "digest" => Value::from(artifact.digest.to_string()),
        "kind" => Value::from(artifact.kind.word()),
        "mime" => Value::from(artifact.mime.as_str()),
        "bytes" => Value::from(artifact.bytes),
        "width" => artifact.width.map_or(Value::Absent, Value::from),
        "height" => artifact.height.map_or(Value::Absent, Value::from),
        "duration" => artifact.duration.map_or(Value::Absent, Value::from),
        "fps" => artifact.fps.map_or(Value::Absent, Value::from),
        "has_audio" => artifact.has_audio.map_or(Value::Absent, Value::from),
        _ => return None,
    })
}

/// The item of `value` at `key`; `written` says how the value is written.
pub(super) fn item(
    value: &Value,
    key: &Value,
    written: impl FnOnce() -> String,
    budget: &mut Budget,
) -> Outcome<Found> {
    let found = match (value, key) {
        (Value::Absent, _) | (_, Value::Absent) => Some(Value::Absent),
        (_, Value::Text(name)) => {
            budget.compare(name.len())?;
            field(value, name).map(Cow::into_owned)
        }
        (Value::List(items), Value::Number(_)) => {
            key.as_i64().and_then(|at| position(at, items.len())).map(|at| items[at].clone())
        }
        (Value::Text(text), Value::Number(_)) => {
            budget.read(text.len())?;
            let at = key.as_i64().and_then(|at| position(at, text.chars().count()));
            at.and_then(|at| text.chars().nth(at)).map(|character| Value::from(character.to_string()))
        }
        _ => None,
    };
    Ok(match found {
        Some(found) => Found::Value(found),
        None => Found::Missing(Missing::Part { of: value.clone(), key: key.clone(), written: written() }),
    })
}

/// What `item` has at `attribute`; `a.b` goes deeper.
pub(super) fn attribute(item: &Value, attribute: &str, budget: &mut Budget) -> Outcome<Found> {
    budget.step()?;
    let mut value = item.clone();
    for name in attribute.split('.') {
        let key = match name.parse::<i64>() {
            Ok(at) if matches!(value, Value::List(_)) => Value::from(at),
            _ => Value::from(name),
        };
        budget.step()?;
        match self::item(&value, &key, || "an item".to_owned(), budget)? {
            Found::Value(next) => value = next,
            missing => return Ok(missing),
        }
    }
    Ok(Found::Value(value))
}

/// Where `at` is in something of `length`; a negative number counts from the end.
fn position(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(length).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn missing_part(of: &Value, key: &Value, written: &str) -> String {
    match (of, key) {
        (Value::Map(entries), Value::Text(name)) => {
            missing(name, &format!("{written} has no"), entries.keys().map(String::as_str))
        }
        (Value::Media(artifact), Value::Text(name)) => {
            let known = Artifact::fields(artifact.kind).iter().copied();
            missing(name, &format!("{written} is {}, which has no", of.phrase()), known)
        }
        (_, Value::Text(name)) => format!("{written} is {} and has no `{}`", of.phrase(), short(name)),
        (Value::List(items), Value::Number(at)) => {
            format!("{written} has {} items, and none at {at}", items.len())
        }
        (Value::Text(_), Value::Number(at)) => format!("{written} has no character at {at}"),
        _ => format!("{written} is {} and has no item at {}", of.phrase(), key.phrase()),
    }
}

/// "… `name`; did you mean `nome`?" or "… `name`, only `a` and `b`".
fn missing<'a>(name: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let known = known.map(short);
    let name = short(name);
    match closest(name, known.clone()).filter(|meant| *meant != name) {
        Some(meant) => format!("{what} `{name}`; did you mean `{meant}`?"),
        None => format!("{what} `{name}`, only {}", listed(known)),
    }
}

/// The beginning of a name: those that come out of data may be of any length.
fn short(name: &str) -> &str {
    const SHOWN: usize = 64;
    name.char_indices().nth(SHOWN).map_or(name, |(end, _)| &name[..end])
}
