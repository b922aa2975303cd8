//! Words and when they are said.

use motet_pipeline::{Failure, Value};
use unicode_width::UnicodeWidthChar;

use super::subtitle_text::Caption;
use crate::request::Request;

/// A word without spaces, and when it is said, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// Whether it continues the word before it, without a space: some languages write none.
    pub(crate) joined: bool,
    /// The line of the script, or the caption that was set, of which it is.
    pub(crate) caption: usize,
}

/// What is said.
pub(crate) struct Said {
    pub(crate) words: Vec<Word>,
    /// Whether somebody said which words are a caption.
    pub(crate) is_set: bool,
    /// Whether captions begin and end when they were set to.
    pub(crate) is_timed: bool,
}

/// The words of captions that were set elsewhere.
pub(crate) fn of_captions(captions: &[Caption]) -> Vec<Word> {
    let words = |(index, caption): (usize, &Caption)| {
        let words = spread(&caption.text, caption.start, caption.end.max(caption.start));
        words.into_iter().map(move |word| Word { caption: index, ..word })
    };
    captions.iter().enumerate().flat_map(words).collect()
}

/// How many columns a text takes: a Chinese character is as wide as two letters.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// How many columns a character takes. Marks that are drawn over the one before take none.
pub(crate) fn column(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// Reads `[{word, start, end}]`, as transcription and speech give it. An entry of several words is
/// taken apart, its time shared out.
pub(crate) fn read(items: &[Value], request: &Request) -> Result<Vec<Word>, Failure> {
    let mut words = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let text = item.get("word").and_then(Value::as_str);
        let time = |name: &str| item.get(name).and_then(Value::as_f64);
        let (Some(text), Some(start), Some(end)) = (text, time("start"), time("end")) else {
            return Err(request.refuse(&format!(
                "wants `words` of {{word, start, end}}, a text and two numbers; number {} is none",
                index + 1
            )));
        };
        let said = spread(text, start, end.max(start)).into_iter();
        words.extend(said.map(|word| Word { caption: 0, ..word }));
    }
    Ok(words)
}

/// Spreads a text over the time from `start` to `end`: longer words last longer, and sentences and lines are
/// followed by a pause.
pub(crate) fn spread(text: &str, start: f64, end: f64) -> Vec<Word> {
    let lines = text.lines().map(split).filter(|line| !line.is_empty()).enumerate();
    let texts: Vec<_> = lines
        .flat_map(|(index, line)| {
            let last = line.len() - 1;
            line.into_iter().enumerate().map(move |(at, (text, joined))| (text, joined, index, at == last))
        })
        .collect();
    let weights: Vec<_> = texts
        .iter()
        .map(|(text, _, _, is_last)| {
            (weight(text), if *is_last { LINE_PAUSE.max(pause(text)) } else { pause(text) })
        })
        .collect();
    let last_pause = weights.last().map_or(0.0, |(_, pause)| *pause);
    let total = weights.iter().map(|(word, pause)| word + pause).sum::<f64>() - last_pause;
    let second = (end - start) / total.max(1.0);
    let mut at = start;
    let mut words = Vec::with_capacity(texts.len());
    for ((text, joined, caption, _), (weight, pause)) in texts.into_iter().zip(weights) {
        let end = at + weight * second;
        words.push(Word { text: text.to_owned(), start: at, end, joined, caption });
        at = end + pause * second;
    }
    words
}

/// The words of a text, and whether each continues the one before it; whatever can't be seen (line
/// ends, control characters) only separates.
fn split(text: &str) -> Vec<(&str, bool)> {
    text.split(|character: char| {
        character.is_whitespace() || character.is_control() || is_direction(character)
    })
    .flat_map(|word| sentences(word).enumerate().map(|(index, sentence)| (sentence, index > 0)))
    .collect()
}

/// A text without spaces, cut where its sentences end.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    const ENDS: [char; 3] = ['。', '！', '？'];
    const CLOSING: [char; 8] = ['。', '！', '？', '」', '』', '）', '”', '’'];
    let mut rest = text;
    std::iter::from_fn(move || {
        let after = rest.find(ENDS).map_or("", |at| rest[at..].trim_start_matches(CLOSING));
        let (sentence, left) = rest.split_at(rest.len() - after.len());
        rest = left;
        (!sentence.is_empty()).then_some(sentence)
    })
}

/// Marks that turn the direction of writing for all that follows: a stranger's text must not turn ours.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How long the pause behind a line is, in columns.
const LINE_PAUSE: f64 = 2.0;

fn weight(word: &str) -> f64 {
    columns(word) as f64 + 1.0
}

fn pause(word: &str) -> f64 {
    if ends_sentence(word) {
        5.0
    } else if ends_clause(word) {
        2.0
    } else {
        0.0
    }
}

/// Whether a part of a sentence ends with this word.
pub(crate) fn ends_clause(word: &str) -> bool {
    word.ends_with([',', ';', ':', '–', '—', '、', '，'])
}

/// Whether a sentence ends with this word.
pub(crate) fn ends_sentence(word: &str) -> bool {
    word.trim_end_matches(['"', '\'', ')', '”', '’', '»', '」'])
        .ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_fills_its_time_and_pauses_after_sentences() {
        let words = spread("One two.\nThree", 1.0, 4.0);
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["One", "two.", "Three"]);
        assert_eq!((words[0].start, words[2].end), (1.0, 4.0));
        assert_eq!(words[0].end, words[1].start);
        assert!(words[2].start > words[1].end, "a pause after the sentence");
    }

    #[test]
    fn a_text_without_words_has_none() {
        assert_eq!(spread(" \n\t\u{0}\u{202e}", 0.0, 5.0), []);
    }
}
