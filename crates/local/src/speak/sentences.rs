//! Cutting a text into sentences.

/// A sentence and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// The words, with single spaces.
    pub text: String,
    /// Whether a paragraph ends here.
    pub ends_paragraph: bool,
}

/// The sentences of `text`, in order. Each has something that can be said; none if the text has not.
///
/// A full stop ends no sentence inside a number or an address, after an initial or an abbreviation,
/// or where the next word starts with a small letter (unless the whole text is small).
pub(crate) fn split(text: &str) -> Vec<Sentence> {
    let text = speakable(text);
    let all_small = !text.chars().any(char::is_uppercase);
    let mut sentences: Vec<Sentence> = Vec::new();
    for paragraph in paragraphs(&text) {
        let characters: Vec<char> = paragraph.chars().collect();
        let mut start = 0;
        let mut at = 0;
        while at < characters.len() {
            let end = end_of_mark(&characters, at);
            if end > at && ends_sentence(&characters, start, at, end, all_small) {
                push(&mut sentences, &characters[start..end]);
                start = end;
            }
            at = end.max(at + 1);
        }
        push(&mut sentences, &characters[start..]);
        if let Some(last) = sentences.last_mut() {
            last.ends_paragraph = true;
        }
    }
    sentences.retain(|sentence| sentence.text.chars().any(is_said));
    sentences
}

/// A sentence as it is handed to espeak-ng: `[[` would begin its notation of phonemes.
pub(super) fn without_phonemes(sentence: &str) -> String {
    let mut plain = String::with_capacity(sentence.len());
    for character in sentence.chars() {
        if "[]".contains(character) && plain.ends_with(character) {
            plain.push(' ');
        }
        plain.push(character);
    }
    plain
}

/// Whether a synthesiser says something for `character`.
pub(super) fn is_said(character: char) -> bool {
    character.is_alphanumeric() || "$%&@#+=*€£¥°".contains(character) || is_pictograph(character)
}

fn is_pictograph(character: char) -> bool {
    matches!(u32::from(character), 0x2190..=0x2bff | 0x1f000..=0x1faff)
}

/// Control characters steer espeak-ng.
fn speakable(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|character| if character.is_control() && character != '\n' { ' ' } else { character })
        .collect()
}

/// The paragraphs, each on one line with single spaces. Items of a list are paragraphs.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let starts_item = matches!(words.first(), Some(&("-" | "*" | "•")));
        if words.is_empty() || starts_item {
            paragraphs.push(String::new());
        }
        let paragraph = paragraphs.last_mut().expect("it starts with one");
        for word in &words[usize::from(starts_item)..] {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(word);
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// A piece without anything to say joins the sentence before it.
fn push(sentences: &mut Vec<Sentence>, characters: &[char]) {
    let text: String = characters.iter().collect();
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    match sentences.last_mut() {
        Some(last) if !text.chars().any(is_said) && !last.ends_paragraph => {
            last.text.push(' ');
            last.text.push_str(text);
        }
        _ => sentences.push(Sentence { text: text.to_owned(), ends_paragraph: false }),
    }
}

/// The end of the run of marks at `at`, closing quotes and brackets included; `at` if there is none.
fn end_of_mark(characters: &[char], at: usize) -> usize {
    let marks = characters[at..].iter().take_while(|character| is_mark(**character)).count();
    if marks == 0 {
        return at;
    }
    let after = at + marks;
    after + characters[after..].iter().take_while(|character| CLOSING.contains(**character)).count()
}

fn is_mark(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | '…' | '؟' | '।') || is_wide_mark(character)
}

/// Marks of scripts that put no space after a sentence.
fn is_wide_mark(character: char) -> bool {
    matches!(character, '。' | '！' | '？' | '｡' | '．')
}

fn ends_sentence(characters: &[char], start: usize, mark: usize, end: usize, all_small: bool) -> bool {
    let Some(&next) = characters.get(end) else { return true };
    if characters[mark..end].iter().any(|character| is_wide_mark(*character)) {
        return true;
    }
    if next != ' ' {
        return false;
    }
    let rest = &characters[end + 1..];
    let next_letter = rest.iter().find(|character| character.is_alphanumeric()).copied();
    let goes_on_small = next_letter.is_some_and(char::is_lowercase);
    if goes_on_small && !all_small {
        return false;
    }
    let single_stop = characters[mark] == '.' && characters.get(mark + 1) != Some(&'.');
    !(single_stop && belongs_to_word(characters, start, mark))
}

/// Whether the full stop at `mark` belongs to the word before it.
fn belongs_to_word(characters: &[char], start: usize, mark: usize) -> bool {
    let word_start = characters[start..mark]
        .iter()
        .rposition(|character| matches!(character, ' ' | '(' | '"' | '“' | '‘' | '\''))
        .map_or(start, |at| start + at + 1);
    let word: String = characters[word_start..mark].iter().collect();
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    let is_acronym = word.contains('.')
        && word.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_uppercase));
    let first = start + characters[start..mark].iter().take_while(|character| **character == ' ').count();
    let counts_list =
        word_start == first && !word.is_empty() && word.chars().all(|character| character.is_ascii_digit());
    let small = word.to_lowercase();
    is_initial || is_acronym || counts_list || ABBREVIATIONS.contains(&small.as_str())
}

const CLOSING: &str = "\"'”’»)]}」』】）";

/// Words that are followed by a name, a number or an example, so that their full stop ends nothing.
const ABBREVIATIONS: [&str; 46] = [
    "mr", "mrs", "ms", "mx", "dr", "prof", "st", "sr", "jr", "rev", "hon", "gen", "col", "capt", "lt", "sgt",
    "gov", "sen", "rep", "mt", "ft", "no", "nr", "vol", "fig", "eq", "sec", "ch", "pp", "p", "vs", "cf",
    "ca", "approx", "e.g", "i.e", "viz", "al", "inc", "bzw", "z.b", "d.h", "hr", "fr", "mme", "mlle",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_texts_and_their_sentences() {
        let texts = [
            "One.",
            "One. Two! Three? Four",
            "Dr. Smith met Mr. J. R. Jones at 3.14 p.m. on Mt. Rainier. It rained.",
            "Wait... what? No… really… Yes.",
            "“Really?” he asked. “Yes!” She left.",
            "See example.com or v1.2.3 now. Then go.",
            "1. First things first. 2. Then the rest.",
            "The U.S. Army came. So did I. We left.",
            "all small here. and so is this! yes",
            "First paragraph\nstill the first\n\nSecond paragraph. With two.",
            "To do:\n- wash\n- rinse\n- repeat",
            "今日は晴れです。明日は雨？「はい。」と彼は言った！",
            "Stop!!! Why?! — ok",
            "Cats, e.g. tabbies, purr. Dogs vs. cats.",
            "Hello\u{1}world [[phonemes]] \u{7f} end.",
            "¿Qué tal? Muy bien. ¡Adiós!",
            "Costs $5. Or 10%. 🙂",
            "... — !",
            "",
        ];
        let table: Vec<String> = texts
            .iter()
            .map(|text| {
                let rows: Vec<String> = split(text)
                    .iter()
                    .map(|sentence| {
                        format!("\n  {}{}", sentence.text, if sentence.ends_paragraph { " ¶" } else { "" })
                    })
                    .collect();
                format!("{text:?}{}", rows.concat())
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn no_text_begins_a_notation_of_phonemes() {
        assert_eq!(without_phonemes("see [[the note]] [here]"), "see [ [the note] ] [here]");
        assert!(!without_phonemes("[[[[a]]]").contains("[["));
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_said_gets_lost(text in "[A-Za-z0-9 .!?…。,\n\"-]{0,80}") {
            let said = |text: &str| text.chars().filter(|character| character.is_alphanumeric()).collect::<String>();
            let joined: String = split(&text).iter().map(|sentence| sentence.text.clone()).collect();
            assert_eq!(said(&joined), said(&text));
        }
    }
}
