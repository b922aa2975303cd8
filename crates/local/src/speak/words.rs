//! The words of a sentence, and a guess at when each is said.

use serde::Serialize;

use super::sentences::is_said;

/// A word and when it is said, in seconds from the start of the narration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    /// The word with its punctuation.
    pub word: String,
    /// Where it starts.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// Shares the time from `start` to `end` out among the words of `sentence`, by how long each is
/// likely to take. The first word starts at `start`, the last ends at `end`, none overlap.
pub(super) fn share_out(sentence: &str, start: f64, end: f64) -> Vec<Word> {
    let words = words(sentence);
    let total: f64 = words.iter().map(|word| weight(word)).sum();
    let count = words.len();
    let mut before = 0.0;
    let mut timed = Vec::with_capacity(count);
    for (index, word) in words.into_iter().enumerate() {
        let from = start + (end - start) * before / total;
        before += weight(&word);
        let to = if index + 1 == count { end } else { start + (end - start) * before / total };
        timed.push(Word { word, start: milliseconds(from), end: milliseconds(to) });
    }
    timed
}

/// Rounded to whole milliseconds: a finer guess would only look exact.
pub(super) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// The words as they are written. What isn't said, such as a dash, stays with the word before it.
/// Scripts without spaces are cut at punctuation and after eight characters.
fn words(sentence: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for piece in sentence.split_whitespace() {
        match words.last_mut() {
            Some(last) if !piece.chars().any(is_said) => {
                last.push(' ');
                last.push_str(piece);
            }
            _ => words.extend(cut_unspaced(piece)),
        }
    }
    words
}

fn cut_unspaced(piece: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for character in piece.chars() {
        let is_punctuation = !is_said(character);
        let last = pieces.last_mut().expect("it starts with one");
        let breaks_after =
            last.chars().last().is_some_and(|before| matches!(before, '、' | '，' | '；' | '：'));
        if is_unspaced(character) && (length == 8 || breaks_after) && !is_punctuation {
            pieces.push(String::new());
            length = 0;
        }
        pieces.last_mut().expect("it starts with one").push(character);
        length += usize::from(is_unspaced(character));
    }
    pieces
}

fn is_unspaced(character: char) -> bool {
    matches!(u32::from(character), 0x3040..=0x30ff | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// About how long a word takes, in syllables: groups of vowels, and a little for each consonant.
fn weight(word: &str) -> f64 {
    let mut weight = 0.3;
    let mut in_vowels = false;
    for character in word.chars() {
        let is_vowel = "aeiouyäöüáàâãåéèêëíìîïóòôõúùûœæøаеёиоуыэюя"
            .contains(character.to_lowercase().next().unwrap_or(character));
        weight += match character {
            _ if is_vowel && !in_vowels => 0.8,
            _ if is_unspaced(character) || !character.is_alphabetic() && is_said(character) => 1.2,
            ',' | ';' | ':' | '–' | '—' | '、' | '，' => 1.2,
            _ if character.is_alphabetic() => 0.12,
            _ => 0.0,
        };
        in_vowels = is_vowel;
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(sentence: &str) -> String {
        words(sentence).join("|")
    }

    #[test]
    fn words_keep_their_punctuation_and_lose_nothing() {
        assert_eq!(list("The sea — at last, “calm”."), "The|sea —|at|last,|“calm”.");
        assert_eq!(list("— So it goes"), "—|So|it|goes");
        assert_eq!(list("今日は晴れです、明日は雨でしょうか。"), "今日は晴れです、|明日は雨でしょう|か。");
    }

    #[test]
    fn long_words_take_longer_and_the_bounds_are_kept() {
        let words = share_out("A lighthouse, far.", 1.0, 3.0);
        insta::assert_json_snapshot!(words);
        assert!(words[1].end - words[1].start > 2.0 * (words[0].end - words[0].start));
    }

    proptest::proptest! {
        #[test]
        fn times_are_in_order_and_fill_the_sentence(sentence in "[a-z,0-9]{1,9}( [a-zé—.]{1,12}){0,9}", length in 0.1_f64..30.0) {
            let words = share_out(&sentence, 2.0, 2.0 + length);
            assert_eq!(words[0].start, 2.0);
            assert_eq!(words.last().unwrap().end, milliseconds(2.0 + length));
            assert!(words.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start <= pair[0].end));
        }
    }
}
