//! Lines of text in tones: what is shown, before it is known whether there is colour.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use motet::language::visible;
use unicode_width::UnicodeWidthChar;

/// How lines look where they go.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether tones become colours.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
    /// Whether longer lines are cut: on a terminal, which would break them. In a pipe nothing is lost.
    pub cuts: bool,
    /// How states are drawn.
    pub symbols: Symbols,
}

impl Look {
    /// Where lines are cut.
    pub fn cut_at(&self) -> usize {
        if self.cuts { self.width } else { usize::MAX }
    }
}

/// What a piece of text says beyond its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Bad,
    Doubtful,
    Busy,
    Dim,
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Doubtful => AnsiColor::Yellow.on_default(),
            Tone::Busy => AnsiColor::Cyan.on_default(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        }
    }
}

/// The characters that stand for states and bars.
#[derive(Clone, Copy, Debug)]
pub struct Symbols {
    pub done: &'static str,
    pub busy: &'static str,
    pub waiting: &'static str,
    pub failed: &'static str,
    pub skipped: &'static str,
    pub full: &'static str,
    pub empty: &'static str,
    pub more: &'static str,
    pub times: &'static str,
    pub between: &'static str,
}

impl Symbols {
    pub const UNICODE: Symbols = Symbols {
        done: "✓",
        busy: "●",
        waiting: "·",
        failed: "✗",
        skipped: "–",
        full: "█",
        empty: "·",
        more: "…",
        times: "×",
        between: "·",
    };

    pub const ASCII: Symbols = Symbols {
        done: "ok  ",
        busy: "runs",
        waiting: "wait",
        failed: "FAIL",
        skipped: "skip",
        full: "#",
        empty: ".",
        more: "...",
        times: "x",
        between: "|",
    };
}

/// One line, in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<(Tone, String)>);

impl Line {
    pub fn new() -> Line {
        Line::default()
    }

    /// A line of one piece.
    pub fn of(tone: Tone, text: impl AsRef<str>) -> Line {
        Line::new().then(tone, text)
    }

    /// The line with another piece, whatever it holds: see [`shown`].
    pub fn then(mut self, tone: Tone, text: impl AsRef<str>) -> Line {
        let text = shown(text.as_ref());
        if !text.is_empty() {
            self.0.push((tone, text.into_owned()));
        }
        self
    }

    /// The line with a plain piece.
    pub fn plain(self, text: impl AsRef<str>) -> Line {
        self.then(Tone::Plain, text)
    }

    /// The line with another one behind it.
    pub fn followed_by(mut self, other: Line) -> Line {
        self.0.extend(other.0);
        self
    }

    /// The line with blanks up to `column`, at least one.
    pub fn pad_to(self, column: usize) -> Line {
        let blanks = column.saturating_sub(self.width()).max(1);
        self.plain(" ".repeat(blanks))
    }

    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| columns(text)).sum()
    }

    /// The line, cut where it would be wider than `width`.
    pub fn cut(self, width: usize, symbols: &Symbols) -> Line {
        if self.width() <= width {
            return self;
        }
        let mut room = width.saturating_sub(columns(symbols.more));
        let mut line = Line::new();
        for (tone, text) in self.0 {
            let fitting = fitting(&text, room);
            room -= columns(fitting);
            let whole = fitting.len() == text.len();
            line.0.push((tone, fitting.to_owned()));
            if !whole {
                break;
            }
        }
        line.then(Tone::Dim, symbols.more)
    }

    /// The text, with colours or without; no blanks at the end.
    pub fn paint(&self, color: bool) -> String {
        let mut text = String::new();
        for (tone, piece) in &self.0 {
            if color && !piece.trim().is_empty() {
                let style = tone.style();
                text.push_str(&format!("{style}{piece}{style:#}"));
            } else {
                text.push_str(piece);
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }
}

/// The longest beginning of `text` that is at most `room` columns wide.
fn fitting(text: &str, room: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += columns_of(character);
        if used > room {
            return &text[..at];
        }
    }
    text
}

/// A text as a line shows it: nothing in it moves the cursor or hides, and it is one line.
fn shown(text: &str) -> Cow<'_, str> {
    match visible(text) {
        text if text.contains(['\n', '\t']) => Cow::Owned(text.replace(['\n', '\t'], " ")),
        text => text,
    }
}

/// How many columns a text takes in a line.
pub fn columns(text: &str) -> usize {
    shown(text).chars().map(columns_of).sum()
}

/// How many columns a character takes.
fn columns_of(character: char) -> usize {
    character.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_columns_and_never_inside_a_wide_character() {
        let line = Line::of(Tone::Bad, "漢字漢字").plain(" end");
        assert_eq!(line.width(), 12);
        assert_eq!(line.clone().cut(12, &Symbols::UNICODE), line);
        assert_eq!(line.clone().cut(6, &Symbols::UNICODE).paint(false), "漢字…");
        assert_eq!(line.cut(8, &Symbols::ASCII).paint(false), "漢字...");
    }

    #[test]
    fn marks_take_no_column_and_pictographs_two() {
        assert_eq!(["e\u{301}", "नि", "🎬", "한", "a\u{200d}b"].map(columns), [1, 2, 2, 2, 8]);
    }

    #[test]
    fn colours_are_written_only_where_wanted_and_no_text_can_move_the_cursor() {
        let line = Line::of(Tone::Good, "done").plain("  ").then(Tone::Bad, "a\x1b[2Jb\n");
        assert_eq!(line.paint(true), "\x1b[32mdone\x1b[0m  \x1b[31ma\\u001b[2Jb \x1b[0m");
        assert_eq!(line.paint(false), "done  a\\u001b[2Jb");
    }

    #[test]
    fn what_is_written_out_takes_the_room_that_it_is_given() {
        let name = "a\u{202e}b\u{9b}\tc";
        assert_eq!(Line::of(Tone::Plain, name).paint(false), "a\\u202eb\\u009b c");
        assert_eq!(columns(name), 16);
        assert_eq!(Line::of(Tone::Plain, name).pad_to(20).width(), 20);
        assert_eq!(Line::of(Tone::Plain, name).cut(6, &Symbols::UNICODE).paint(false), "a\\u20…");
    }
}
