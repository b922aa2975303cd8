//! Words grouped into captions.

use super::words::{Word, column, columns, ends_clause, ends_sentence};

/// A silence of this length ends a caption, in seconds.
const GAP: f64 = 0.8;

/// A caption stays this long after its last word, if nothing else comes.
const LINGER: f64 = 0.4;

/// A caption is seen at least this long, if nothing else comes.
const SEEN_MIN: f64 = 1.0;

/// No caption goes on for longer.
const SEEN_MAX: f64 = 6.0;

/// Below this length (of one frame at 100 a second) a caption can't be shown.
const SHOWN_MIN: f64 = 0.01;

/// What fits into one caption, and how long the video is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) words: usize,
    /// Characters of a caption, in columns.
    pub(crate) characters: usize,
    /// Characters of one line, in columns: what has no spaces can't be broken into two.
    pub(crate) line: usize,
    /// Length of the video.
    pub(crate) seconds: f64,
    /// Whether somebody said which words are a caption.
    pub(crate) is_set: bool,
    /// Whether captions begin and end when they were set to.
    pub(crate) is_timed: bool,
}

/// One caption: words that are seen together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cue {
    pub(crate) words: Vec<Word>,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Cue {
    /// The words as one line of text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (index, word) in self.words.iter().enumerate() {
            text.push_str(if index == 0 || word.joined { "" } else { " " });
            text.push_str(&word.text);
        }
        text
    }
}

/// Groups words into captions that follow one another without overlap.
///
/// A caption ends with its sentence, at a silence, or when it is full; a sentence that needs several
/// captions is parted after its clauses or shared out evenly, so that none is left with a single word.
pub(crate) fn cues(words: &[Word], limits: &Limits) -> Vec<Cue> {
    let words = in_order(words, limits);
    let mut groups = Vec::new();
    let belong_together = |one: &Word, next: &Word| match limits.is_set {
        true => one.caption == next.caption,
        false => !ends_sentence(&one.text) && next.start - one.end < GAP,
    };
    for phrase in words.chunk_by(belong_together) {
        groups.extend(balanced(phrase, limits));
    }
    timed(groups, limits)
}

/// The words in the order of their times, within the video, none longer than a line.
fn in_order(words: &[Word], limits: &Limits) -> Vec<Word> {
    let longest = limits.line.min(limits.characters);
    let mut words: Vec<_> = words.iter().flat_map(|word| pieces(word, longest)).collect();
    words.sort_by(|one, other| one.start.total_cmp(&other.start));
    words.retain(|word| word.start < limits.seconds && word.end >= 0.0);
    for index in 0..words.len() {
        let next = words.get(index + 1).map_or(limits.seconds, |next| next.start.max(0.0));
        let word = &mut words[index];
        word.start = word.start.max(0.0);
        word.end = word.end.min(next).max(word.start);
    }
    words
}

/// A word cut into pieces of at most `longest` columns.
fn pieces(word: &Word, longest: usize) -> Vec<Word> {
    let second = (word.end - word.start) / columns(&word.text).max(1) as f64;
    let piece = |text: &str, before: usize| {
        let start = word.start + before as f64 * second;
        let end = start + columns(text) as f64 * second;
        Word { text: text.to_owned(), start, end, joined: word.joined || before > 0, caption: word.caption }
    };
    let (mut pieces, mut from, mut before, mut width) = (Vec::new(), 0, 0, 0);
    for (at, character) in word.text.char_indices() {
        if width + column(character) > longest {
            pieces.push(piece(&word.text[from..at], before));
            (from, before, width) = (at, before + width, 0);
        }
        width += column(character);
    }
    pieces.push(piece(&word.text[from..], before));
    pieces
}

/// The fewest groups that the limits allow: parted after a clause where that needs no more of them,
/// else as even as can be.
fn balanced(phrase: &[Word], limits: &Limits) -> Vec<Vec<Word>> {
    let loosest = filled(phrase, limits.characters, limits);
    if let Some(end) = clause_end(phrase, loosest.len(), limits) {
        return [balanced(&phrase[..end], limits), balanced(&phrase[end..], limits)].concat();
    }
    let longest = phrase.iter().map(|word| columns(&word.text)).max().unwrap_or(1);
    // The narrowest width that needs no more groups; the number falls as the width grows.
    let (mut narrow, mut wide) = (longest.min(limits.characters), limits.characters);
    while narrow < wide {
        let middle = (narrow + wide) / 2;
        if filled(phrase, middle, limits).len() > loosest.len() {
            narrow = middle + 1;
        } else {
            wide = middle;
        }
    }
    filled(phrase, wide, limits)
}

/// The end of a clause, as near to the middle as can be, at which a phrase can be parted and still
/// needs only `groups` groups, none of them with a single word.
fn clause_end(phrase: &[Word], groups: usize, limits: &Limits) -> Option<usize> {
    // A sentence has a few clauses; what has no end is no sentence, and would take long.
    if !(2..=8).contains(&groups) {
        return None;
    }
    let count = |part: &[Word]| filled(part, limits.characters, limits).len();
    (2..phrase.len() - 1)
        .filter(|end| ends_clause(&phrase[end - 1].text))
        .filter(|end| count(&phrase[..*end]) + count(&phrase[*end..]) == groups)
        .min_by_key(|end| end.abs_diff(phrase.len() / 2))
}

/// Groups filled one after another.
fn filled(phrase: &[Word], characters: usize, limits: &Limits) -> Vec<Vec<Word>> {
    let mut groups: Vec<Vec<Word>> = Vec::new();
    let mut width = 0;
    for word in phrase {
        let length = columns(&word.text);
        let space = usize::from(!word.joined);
        let fits = groups.last().is_some_and(|group| {
            group.len() < limits.words
                && width + space + length <= characters
                && (limits.is_set || word.end - group[0].start <= SEEN_MAX)
        });
        match groups.last_mut() {
            Some(group) if fits => {
                group.push(word.clone());
                width += space + length;
            }
            _ => {
                groups.push(vec![word.clone()]);
                width = length;
            }
        }
    }
    groups
}

fn timed(groups: Vec<Vec<Word>>, limits: &Limits) -> Vec<Cue> {
    let starts: Vec<_> = groups.iter().map(|group| group[0].start).collect();
    let cue = |(index, words): (usize, Vec<Word>)| {
        let start = words[0].start;
        let said = words[words.len() - 1].end;
        let next = starts.get(index + 1).copied().unwrap_or(limits.seconds);
        let end = if limits.is_timed { said } else { (said + LINGER).max(start + SEEN_MIN) }.min(next);
        Cue { words, start, end }
    };
    groups.into_iter().enumerate().map(cue).filter(|cue| cue.end - cue.start >= SHOWN_MIN).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::spread;
    use super::*;

    const LIMITS: Limits =
        Limits { words: 8, characters: 42, line: 42, seconds: 20.0, is_set: false, is_timed: false };

    fn texts(script: &str, limits: &Limits) -> Vec<String> {
        cues(&spread(script, 0.0, limits.seconds), limits).iter().map(Cue::text).collect()
    }

    #[test]
    fn captions_end_with_sentences_and_clauses_and_are_shared_out_evenly() {
        let script =
            "The sea was calm. No wind had come for days, and the old man sat at the window and waited.";
        assert_eq!(
            texts(script, &LIMITS),
            [
                "The sea was calm.",
                "No wind had come for days,",
                "and the old man sat at",
                "the window and waited."
            ]
        );
        let short = Limits { seconds: 5.0, ..LIMITS };
        assert_eq!(texts("a b c d e f g h i", &short), ["a b c d e", "f g h i"], "no word is left alone");
    }

    #[test]
    fn a_text_without_spaces_is_cut_at_its_sentences_and_where_a_line_is_full() {
        let limits = Limits { characters: 20, line: 10, ..LIMITS };
        let sentences = texts("海はとても静かだった。「はい。」と彼は言った", &limits);
        assert_eq!(sentences, ["海はとても", "静かだった。", "「はい。」", "と彼は言った"]);
        let long = cues(&spread("Schifffahrtsgesellschaft", 0.0, 4.0), &limits);
        assert_eq!(long.iter().map(Cue::text).collect::<Vec<_>>(), ["Schifffahr", "tsgesellschaft"]);
        assert_eq!(long[1].words.len(), 2, "of two lines");
    }

    #[test]
    fn a_line_of_a_script_is_a_caption() {
        let limits = Limits { is_set: true, words: usize::MAX, ..LIMITS };
        let script = "First line\nSecond line. Of two sentences.\n\nThird - line\n- One\n- Two";
        let lines = ["First line", "Second line. Of two sentences.", "Third - line", "- One", "- Two"];
        assert_eq!(texts(script, &limits), lines);
    }

    #[test]
    fn between_words_nothing_flickers() {
        let words = [(0.0, 0.4), (0.6, 1.0), (1.3, 1.5)].map(|(start, end)| Word {
            text: "la".into(),
            start,
            end,
            joined: false,
            caption: 0,
        });
        let cues = cues(&words, &Limits { words: 1, ..LIMITS });
        assert_eq!(cues[0].end, cues[1].start);
        assert_eq!(cues[1].end, cues[2].start);
        assert_eq!(cues[2].end, 2.3, "and the last one can be read");
    }

    proptest! {
        /// However odd the times are: captions follow one another inside the video and hold what fits.
        #[test]
        fn captions_never_overlap(
            words in prop::collection::vec(("[a-zé.海。]{0,12}", -5.0..50.0, -5.0..50.0), 0..60),
            limits in (1usize..9, 4usize..50, 4usize..50, 0.1..40.0),
        ) {
            let limits = Limits { words: limits.0, characters: limits.1, line: limits.2, seconds: limits.3, ..LIMITS };
            let words: Vec<_> = words
                .into_iter()
                .flat_map(|(text, start, end): (String, f64, f64)| spread(&text, start, end.max(start)))
                .collect();
            let cues = cues(&words, &limits);
            for cue in &cues {
                prop_assert!(cue.start >= 0.0 && cue.start < cue.end && cue.end <= limits.seconds, "{cue:?}");
                prop_assert!(cue.words.len() <= limits.words);
                prop_assert!(columns(&cue.text()) <= limits.characters);
            }
            prop_assert!(cues.is_sorted_by(|one, next| one.end <= next.start));
        }

        /// A script is shown whole and in order.
        #[test]
        fn no_word_of_a_script_is_lost(script in "[a-z,.!? ]{0,300}", characters in 4usize..60) {
            let limits = Limits { characters, line: characters, seconds: 300.0, ..LIMITS };
            let all: String = texts(&script, &limits).concat().split(' ').collect();
            prop_assert_eq!(all, script.split_whitespace().collect::<String>());
        }
    }
}
