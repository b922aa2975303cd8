//! Text from outside, made visible.
//!
//! A file name, an input, the words of a model or of a program can hold characters that move a
//! terminal's cursor, recolour or retitle it, turn the direction of reading around, or can't be seen
//! at all. [`visible`] shows each of them the way JSON writes it, so the same function serves text for
//! people and JSON for programs: what is JSON stays the same JSON.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with every character that a terminal would obey or hide written as JSON writes it: `\u001b`.
/// Line feeds and tabs stay.
///
/// Written out are the control characters (C0, DEL and C1), the marks that turn the direction of
/// reading, line and paragraph separators, and characters that can't be seen. Joiners and variation
/// selectors are text where they do something: between, or behind, characters outside of ASCII, as in
/// `👩‍🚀`, `❤️` and Persian words; elsewhere they only hide, and are written out too.
///
/// ```
/// use motet_pipeline::visible;
/// assert_eq!(visible("red \u{1b}[31m, \u{202e}txt.exe"), "red \\u001b[31m, \\u202etxt.exe");
/// assert_eq!(visible("two lines\n\ta tab, 漢字, 👩‍🚀"), "two lines\n\ta tab, 漢字, 👩‍🚀");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut before = Before::Nothing;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let kind = Kind::of(character);
        let is_text = match kind {
            Kind::Ascii | Kind::Letter => true,
            Kind::Hidden => false,
            Kind::Joiner => {
                matches!(before, Before::Letter | Before::Selected)
                    && characters.peek().is_some_and(|after| Kind::of(*after) == Kind::Letter)
            }
            Kind::Selector => match before {
                Before::Letter => true,
                Before::Key => characters.peek() == Some(&KEYCAP),
                Before::Selected | Before::Nothing => false,
            },
        };
        if is_text {
            shown.push(character);
        } else {
            write_out(character, &mut shown);
        }
        before = match kind {
            Kind::Letter => Before::Letter,
            Kind::Ascii if matches!(character, '0'..='9' | '#' | '*') => Before::Key,
            Kind::Selector if is_text => Before::Selected,
            _ => Before::Nothing,
        };
    }
    if shown.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// What stands before a character that may join or select.
#[derive(Clone, Copy)]
enum Before {
    /// A character outside of ASCII that can be seen.
    Letter,
    /// One of the keys that have a picture: `1️⃣`.
    Key,
    /// A character whose form is selected already.
    Selected,
    Nothing,
}

/// Makes a key of the digit before it.
const KEYCAP: char = '\u{20e3}';

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A printable character of ASCII, a line feed or a tab.
    Ascii,
    /// Any other character that can be seen, or a space.
    Letter,
    /// Makes one sign of its neighbours, or keeps them from becoming one.
    Joiner,
    /// Selects a form of the character before it.
    Selector,
    /// Is obeyed instead of seen, or can't be seen.
    Hidden,
}

impl Kind {
    fn of(character: char) -> Kind {
        match character {
            ' '..='~' | '\n' | '\t' => Kind::Ascii,
            '\u{200c}' | '\u{200d}' => Kind::Joiner,
            '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
                Kind::Selector
            }
            _ if is_hidden(character) => Kind::Hidden,
            _ => Kind::Letter,
        }
    }
}

/// The control characters, and what Unicode calls ignorable by default or a separator of lines.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn write_out(character: char, shown: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(shown, "\\u{unit:04x}").expect("a string takes all that is written");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every character that must never be seen by a terminal.
    fn all_hidden() -> impl Iterator<Item = char> {
        ('\0'..=char::MAX).filter(|character| Kind::of(*character) == Kind::Hidden)
    }

    #[test]
    fn nothing_that_a_terminal_obeys_or_hides_is_left() {
        for character in all_hidden() {
            let shown = visible(&format!("a{character}b")).into_owned();
            assert!(shown.starts_with("a\\u") && shown.ends_with('b') && shown.is_ascii(), "{shown:?}");
        }
        for c1 in '\u{80}'..='\u{9f}' {
            assert_eq!(visible(&c1.to_string()), format!("\\u{:04x}", u32::from(c1)));
        }
        assert_eq!(visible("\u{e0041}\u{7f}\u{2028}"), "\\udb40\\udc41\\u007f\\u2028");
    }

    #[test]
    fn joiners_and_selectors_are_text_where_they_do_something() {
        for text in ["👩‍🚀", "❤️‍🔥", "1️⃣ #️⃣", "می‌خواهم", "葛󠄀", "क्‍ष", "naïve 🏳️‍🌈"]
        {
            assert!(matches!(visible(text), Cow::Borrowed(_)), "{:?}", visible(text));
        }
        let hiding = ["ad\u{200d}min", "é\u{200d}", "\u{200d}é", "é\u{200d}\u{200d}é", "é\u{200b}\u{200d}é"]
            .map(|text| visible(text).into_owned());
        insta::assert_snapshot!(hiding.join("\n"), @r"
        ad\u200dmin
        é\u200d
        \u200dé
        é\u200d\u200dé
        é\u200b\u200dé
        ");
        let selecting =
            ["a\u{fe0f}", "1\u{fe0f}2", "❤\u{fe0f}\u{fe0f}"].map(|text| visible(text).into_owned());
        assert_eq!(selecting, ["a\\ufe0f", "1\\ufe0f2", "❤\u{fe0f}\\ufe0f"]);
    }

    proptest! {
        #[test]
        fn what_is_visible_stays_as_it_is(text in "[a1é漢❤\u{200d}\u{fe0f}\u{20e3}\u{1b}\u{9b}\u{202e}\u{200b}]{0,12}") {
            let once = visible(&text).into_owned();
            prop_assert!(once.chars().all(|character| Kind::of(character) != Kind::Hidden));
            prop_assert_eq!(visible(&once), once.as_str());
        }

        #[test]
        fn json_stays_the_same_json(text in any::<String>(), control in "[\u{80}-\u{9f}\u{202a}-\u{202e}\u{e0020}]{0,4}") {
            let value = serde_json::json!({ "text": text + &control });
            let shown = visible(&value.to_string()).into_owned();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
