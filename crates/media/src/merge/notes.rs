//! What items say besides their media: titles, which become chapters, and words, which are moved to where they are heard.

use std::fmt::Write;

use motet_pipeline::{Failure, Value};

use super::items::Items;
use crate::Recipe;
use crate::recipe::Output;

/// The file with the chapters.
pub(crate) const CHAPTERS_FILE: &str = "chapters.txt";

/// What an item says.
#[derive(Debug, Default)]
pub(crate) struct Note {
    pub(crate) title: Option<String>,
    pub(crate) words: Vec<Said>,
}

/// A word, and when in its own sound it is said, in seconds.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) word: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// Where an item is, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// Where its sound begins.
    pub(crate) heard: f64,
    /// What of its sound was left out at the beginning.
    pub(crate) skipped: f64,
    /// How much faster than it was it is heard.
    pub(crate) speed: f64,
}

impl Said {
    /// Reads `[{word, start, end}]`.
    pub(crate) fn read(items: &[Value]) -> Result<Vec<Said>, Failure> {
        let said = |(index, item): (usize, &Value)| {
            let time = |name: &str| item.get(name).and_then(Value::as_f64).filter(|time| time.is_finite());
            match (item.get("word").and_then(Value::as_str), time("start"), time("end")) {
                (Some(word), Some(start), Some(end)) => Ok(Said { word: word.to_owned(), start, end }),
                _ => Err(Failure::invalid(format!(
                    "has `words` of which number {} isn't {{word, start, end}} with a text and two numbers",
                    index + 1
                ))),
            }
        };
        items.iter().enumerate().map(said).collect()
    }
}

/// The words of all items at their new times: `[{word, start, end}]`. `stretches` are those of the items, in order.
pub(crate) fn words(items: &Items, stretches: &[Stretch]) -> Vec<Value> {
    let mut words = Vec::new();
    for (note, stretch) in items.notes.iter().zip(stretches) {
        let moved = |time: f64| stretch.heard + (time - stretch.skipped) / stretch.speed;
        for said in &note.words {
            let (start, end) = (moved(said.start).max(stretch.start), moved(said.end).min(stretch.end));
            if start < end {
                let (start, end) = (Value::from(to_milliseconds(start)), Value::from(to_milliseconds(end)));
                words.push(Value::map([
                    ("word", Value::from(said.word.as_str())),
                    ("start", start),
                    ("end", end),
                ]));
            }
        }
    }
    words
}

fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Adds to `recipe` what follows from the notes: when each item begins, the [words], and the chapters, if there are any.
/// `stretches` are those of the items, in order; `end` is that of the whole.
pub(crate) fn lay_out(mut recipe: Recipe, items: &Items, stretches: &[Stretch], end: f64) -> Recipe {
    let starts = stretches.iter().map(|stretch| Value::from(to_milliseconds(stretch.start)));
    let chapters = chapters(items, stretches, end);
    if !chapters.is_empty() {
        recipe.files.push((CHAPTERS_FILE.to_owned(), chapters.into_bytes()));
    }
    recipe.outputs.insert("starts".to_owned(), Output::Value(Value::list(starts.collect())));
    recipe.outputs.insert("words".to_owned(), Output::Value(Value::list(words(items, stretches))));
    recipe
}

/// Whether any item has a title.
pub(crate) fn has_chapters(items: &Items) -> bool {
    items.notes.iter().any(|note| note.title.is_some())
}

/// The chapters as ffmpeg reads them; nothing if no item has a title.
fn chapters(items: &Items, stretches: &[Stretch], end: f64) -> String {
    let notes = items.notes.iter().zip(stretches);
    let mut titled: Vec<_> =
        notes.filter_map(|(note, stretch)| Some((stretch.start, note.title.as_deref()?))).collect();
    titled.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut text = String::new();
    for (index, (start, title)) in titled.iter().enumerate() {
        let next = titled.get(index + 1).map_or(end, |(next, _)| *next);
        let [start, next] = [*start, next].map(|seconds| (seconds * 1000.0).round() as u64);
        let head = if index == 0 { ";FFMETADATA1\n" } else { "" };
        writeln!(
            text,
            "{head}[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={next}\ntitle={}",
            escape(title)
        )
        .expect("a string takes all that is written");
    }
    text
}

fn escape(title: &str) -> String {
    let mut escaped = String::with_capacity(title.len());
    for character in title.chars() {
        match character {
            '=' | ';' | '#' | '\\' => escaped.extend(['\\', character]),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}
