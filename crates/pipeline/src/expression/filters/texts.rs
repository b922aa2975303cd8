//! Filters of texts.

use std::borrow::Cow;

use super::super::bounds::{Budget, LIST_ITEMS_MAX, Outcome, list, runaway, wrong};
use super::super::operators::is_true;
use super::super::print;
use super::super::signature::Given;
use super::{count, text_at, whole};
use crate::Value;
use crate::value::{BadJson, read_reply};

/// The widest indentation.
const INDENT_MAX: i64 = 200;

/// The text to read; numbers and booleans count as what they print.
fn read<'v>(value: &'v Value, budget: &mut Budget) -> Outcome<Cow<'v, str>> {
    match value {
        Value::Text(text) => {
            budget.read(text.len())?;
            Ok(Cow::Borrowed(text))
        }
        Value::Number(_) | Value::Bool(_) => Ok(print::text(value, budget)?.unwrap_or_default().into()),
        other => wrong(format!("this needs a text, not {}", other.phrase())),
    }
}

/// The text to make another one of, of about its size: that is paid for.
fn of<'v>(value: &'v Value, budget: &mut Budget) -> Outcome<Cow<'v, str>> {
    let text = read(value, budget)?;
    budget.text(text.len())?;
    Ok(text)
}

/// Pays for a text that was made from one that was paid for, and can only be a few times as long.
fn made(text: String, budget: &mut Budget) -> Outcome<Value> {
    budget.text(text.len())?;
    Ok(Value::from(text))
}

pub(super) fn upper(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    made(of(&value, budget)?.to_uppercase(), budget)
}

pub(super) fn lower(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    made(of(&value, budget)?.to_lowercase(), budget)
}

pub(super) fn capitalize(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    made(capitalized(&of(&value, budget)?), budget)
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

pub(super) fn title(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    let mut out = String::new();
    let mut inside_word = false;
    for character in of(&value, budget)?.chars() {
        if inside_word {
            out.extend(character.to_lowercase());
        } else {
            out.extend(character.to_uppercase());
        }
        inside_word = !character.is_whitespace() && !"-({[<".contains(character);
    }
    made(out, budget)
}

pub(super) fn trim(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let text = of(&value, budget)?;
    let trimmed = match text_at(given, 0, "trim")? {
        Some(characters) => {
            budget.read(text.len().saturating_mul(characters.len()))?;
            text.trim_matches(|character| characters.contains(character))
        }
        None => text.trim(),
    };
    Ok(Value::from(trimmed))
}

pub(super) fn replace(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let text = of(&value, budget)?;
    let (Some(from), Some(to)) = (text_at(given, 0, "replace")?, text_at(given, 1, "replace")?) else {
        return wrong("`replace` takes two texts");
    };
    let most = whole(given, 2, "replace")?.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(0));
    budget.read(text.len())?;
    let times = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() }.min(most);
    let grown = to.len().saturating_sub(from.len()).saturating_mul(times);
    budget.text(text.len().saturating_add(grown))?;
    Ok(Value::from(text.replacen(from, to, most)))
}

pub(super) fn split(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let text = read(&value, budget)?;
    let most = count(given, 1, "split")?.map_or(usize::MAX, |splits| splits.saturating_add(1));
    match text_at(given, 0, "split")? {
        Some("") => wrong("`split` can't separate by an empty text"),
        Some(separator) => pieces(text.splitn(most, separator), budget),
        None => pieces(words_of(&text, most), budget),
    }
}

/// The words of a text; the last of `most` pieces is all that is left.
fn words_of(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_start();
    let mut left = most;
    std::iter::from_fn(move || {
        left = left.saturating_sub(1);
        let end = rest.find(char::is_whitespace).filter(|_| left > 0).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after.trim_start();
        (!piece.is_empty()).then_some(piece)
    })
}

/// The lines that aren't blank.
pub(super) fn lines(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    pieces(read(&value, budget)?.lines().filter(|line| !line.trim().is_empty()), budget)
}

/// A list of texts; counted before they are made.
fn pieces<'t>(pieces: impl Iterator<Item = &'t str>, budget: &mut Budget) -> Outcome<Value> {
    let mut items = Vec::new();
    for piece in pieces {
        if items.len() >= LIST_ITEMS_MAX {
            return runaway(format!("this makes a list of more than {LIST_ITEMS_MAX} items"));
        }
        budget.list(1)?;
        items.push(Value::from(piece));
    }
    list(items, budget)
}

/// `text | truncate(40)`: at most so many characters, the end that tells of it included; cut between
/// words, or anywhere with `killwords`.
pub(super) fn truncate(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let text = read(&value, budget)?;
    let length = count(given, 0, "truncate")?.unwrap_or(usize::MAX);
    let end = text_at(given, 2, "truncate")?.unwrap_or("…");
    if text.chars().count() <= length {
        return made(text.into_owned(), budget);
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    let whole_words = kept.rsplit_once(' ').filter(|_| !given.at(1).is_some_and(is_true));
    let kept = whole_words.map_or(kept.as_str(), |(words, _)| words);
    made(kept.trim_end().to_owned() + end, budget)
}

/// `text | words(12)`: the first words, with `…` where some are left out; without a count the list of
/// all words.
pub(super) fn words(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let text = read(&value, budget)?;
    let Some(most) = count(given, 0, "words")? else {
        return pieces(text.split_whitespace(), budget);
    };
    let end = text_at(given, 1, "words")?.unwrap_or("…");
    let mut kept: Vec<&str> = text.split_whitespace().take(most.saturating_add(1)).collect();
    let cut = kept.len() > most;
    kept.truncate(most);
    made(kept.join(" ") + if cut { end } else { "" }, budget)
}

pub(super) fn wordcount(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    Ok(Value::from(read(&value, budget)?.split_whitespace().count()))
}

/// `A Boat, at Sea!` → `a-boat-at-sea`: lower-case ASCII letters and digits, joined by `-`.
pub(super) fn slug(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    let mut out = String::new();
    for character in of(&value, budget)?.chars() {
        if character.is_ascii_alphanumeric() {
            out.push(character.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    Ok(Value::from(out.trim_end_matches('-')))
}

pub(super) fn indent(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let text = of(&value, budget)?;
    let width = whole(given, 0, "indent")?.unwrap_or(4);
    if width > INDENT_MAX {
        return runaway(format!("`indent` goes up to {INDENT_MAX}"));
    }
    let margin = " ".repeat(usize::try_from(width).unwrap_or(0));
    let first_too = given.at(1).is_some_and(is_true);
    budget.text(text.len().saturating_add(margin.len().saturating_mul(text.lines().count())))?;
    let mut out = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if (index > 0 || first_too) && !line.is_empty() {
            out.push_str(&margin);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

pub(super) fn urlencode(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    let mut out = String::new();
    for byte in of(&value, budget)?.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    made(out, budget)
}

pub(super) fn string(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    match value {
        Value::Text(_) => Ok(value),
        other => Ok(print::text(&other, budget)?.map_or(Value::Absent, Value::from)),
    }
}

pub(super) fn tojson(value: Value, given: &Given, budget: &mut Budget) -> Outcome<Value> {
    let indent = match given.at(0) {
        Some(Value::Bool(true)) => Some(2),
        Some(Value::Bool(false)) => None,
        _ => whole(given, 0, "tojson")?.map(|width| usize::try_from(width.clamp(0, 16)).unwrap_or(0)),
    };
    let mut out = String::new();
    print::write_json(&value, indent, 0, &mut out, budget)?;
    Ok(Value::from(out))
}

pub(super) fn fromjson(value: Value, _: &Given, budget: &mut Budget) -> Outcome<Value> {
    let Value::Text(text) = &value else {
        return wrong(format!("`fromjson` reads a text, not {}", value.phrase()));
    };
    // A list of zeros takes two bytes an item as text and forty as values.
    budget.text(text.len())?;
    budget.list(text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':')).count())?;
    match read_reply::<serde_json::Value>(text.as_bytes()) {
        Ok(json) => {
            let value = Value::from(json);
            budget.hold(&value)?;
            Ok(value)
        }
        Err(BadJson::NoJson(error)) => wrong(format!("this text isn't JSON: {error}")),
        Err(BadJson::Excess { excess, .. }) => runaway(format!("the JSON in this text {excess}")),
    }
}
