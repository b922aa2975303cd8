//! Looking things up: names, fields, items.

use std::borrow::Cow;

use super::program::{Path, Root};
use super::{Context, StepView};
use crate::suggestion::{closest, listed};
use crate::{Artifact, Value};

/// What was found.
pub(super) enum Found {
    Value(Value),
    /// Nothing; says what is missing, and what is there instead.
    Missing(String),
}

/// The value at `path`.
pub(super) fn path(path: &Path, context: &Context, locals: &[Option<Value>]) -> Found {
    let (mut value, known) = match root(path, context, locals) {
        Ok(found) => found,
        Err(message) => return Found::Missing(message),
    };
    for (index, part) in path.fields.iter().enumerate().skip(known) {
        let name = &*part.name;
        let next = match &value {
            Cow::Borrowed(value) => field(value, name),
            Cow::Owned(value) => field(value, name).map(|found| Cow::Owned(found.into_owned())),
        };
        value = match next {
            Some(found) => found,
            None => return Found::Missing(missing_field(&value, name, &path.text(index))),
        };
    }
    Found::Value(value.into_owned())
}

/// The value that a path starts at, and how many fields it took to get there.
fn root<'a>(
    path: &Path,
    context: &'a Context,
    locals: &'a [Option<Value>],
) -> Result<(Cow<'a, Value>, usize), String> {
    match &path.root {
        Root::Name(name) => match context.values.get(&**name) {
            Some(value) => Ok((Cow::Borrowed(value), 0)),
            None => Err(missing_name(name, context)),
        },
        Root::Local { slot, name } => match locals.get(*slot) {
            Some(Some(value)) => Ok((Cow::Borrowed(value), 0)),
            _ => Err(format!("`{name}` isn't set here")),
        },
        Root::Step(name) => match context.steps.get(&**name) {
            Some(view) => Ok(of_step(view, path.fields.first().map(|field| &*field.name))),
            None => Err(missing(name, "there is no step", context.steps.keys().map(String::as_str))),
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

fn missing_name(name: &str, context: &Context) -> String {
    missing(name, "there is no name", context.values.keys().map(String::as_str).chain(["steps"]))
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

/// A measure of an artifact; one that can't be told is absent.
fn measure(artifact: &Artifact, name: &str) -> Option<Value> {
    if !Artifact::fields(artifact.kind).contains(&name) {
        return None;
    }
    Some(match name {
        "digest" => Value::from(artifact.digest.to_string()),
        "kind" => Value::from(artifact.kind.word()),
        "mime" => Value::from(artifact.mime.as_str()),
        "bytes" => Value::from(artifact.bytes),
        "width" => artifact.width.map_or(Value::Absent, |width| Value::from(u64::from(width))),
        "height" => artifact.height.map_or(Value::Absent, |height| Value::from(u64::from(height))),
        "duration" => artifact.duration.map_or(Value::Absent, Value::from),
        "fps" => artifact.fps.map_or(Value::Absent, Value::from),
        "has_audio" => artifact.has_audio.map_or(Value::Absent, Value::from),
        _ => return None,
    })
}

/// The item of `value` at `key`; `written` is how the value is written.
pub(super) fn item(value: &Value, key: &Value, written: &str) -> Found {
    match (value, key) {
        (Value::Absent, _) | (_, Value::Absent) => Found::Value(Value::Absent),
        (_, Value::Text(name)) => match field(value, name) {
            Some(found) => Found::Value(found.into_owned()),
            None => Found::Missing(missing_field(value, name, written)),
        },
        (Value::List(items), Value::Number(_)) => match key.as_i64().and_then(|at| position(at, items.len()))
        {
            Some(at) => Found::Value(items[at].clone()),
            None => {
                Found::Missing(format!("{written} has {} items, and none at {}", items.len(), number(key)))
            }
        },
        (Value::Text(text), Value::Number(_)) => {
            let at = key.as_i64().and_then(|at| position(at, text.chars().count()));
            match at.and_then(|at| text.chars().nth(at)) {
                Some(character) => Found::Value(Value::from(character.to_string())),
                None => Found::Missing(format!("{written} has no character at {}", number(key))),
            }
        }
        _ => Found::Missing(format!("{written} is {} and has no items", with_article(value))),
    }
}

/// Where `at` is in something of `length`; a negative number counts from the end.
fn position(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(length).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn number(key: &Value) -> String {
    match key {
        Value::Number(number) => number.to_string(),
        other => other.kind_word().to_owned(),
    }
}

pub(super) fn missing_field(value: &Value, name: &str, written: &str) -> String {
    match value {
        Value::Map(entries) => {
            missing(name, &format!("`{written}` has no"), entries.keys().map(String::as_str))
        }
        Value::Media(artifact) => {
            let known = Artifact::fields(artifact.kind).iter().copied();
            missing(name, &format!("`{written}` is {}, which has no", with_article(value)), known)
        }
        other => format!("`{written}` is {} and has no `{name}`", with_article(other)),
    }
}

/// "… `name`; did you mean `nome`?" or "… `name`, only `a` and `b`".
fn missing<'a>(name: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(meant) => format!("{what} `{name}`; did you mean `{meant}`?"),
        None => format!("{what} `{name}`, only {}", listed(known)),
    }
}

/// "a text", "an object", "null".
pub(super) fn with_article(value: &Value) -> String {
    match value {
        Value::Null | Value::Absent => value.kind_word().to_owned(),
        Value::Text(_) => "text".to_owned(),
        _ => match value.kind_word() {
            word if word.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {word}"),
            word => format!("a {word}"),
        },
    }
}
