//! Captions as an ASS script, which libass draws into the picture.

use std::fmt::Write;

use crate::colour::Colour;
use crate::size::Size;

use super::lines::Cue;
use super::style::{Edge, Position, Style};

/// After a backslash or brace this invisible character keeps libass from reading a command.
const WORD_JOINER: char = '\u{2060}';

/// By this number libass finds out for each caption whether it is written from the left or from the right.
pub(super) const ENCODING: i32 = -1;

/// A script of one caption.
pub(crate) fn write_text(text: &str, style: &Style, size: Size) -> String {
    let mut script = head(style, size);
    dialogue(&mut script, 0.0, 1.0, &escape(text));
    script
}

/// The script. Its resolution is that of the video, so that all lengths are in real pixels.
pub(crate) fn write(cues: &[Cue], style: &Style, size: Size) -> String {
    let mut script = head(style, size);
    for cue in cues {
        match style.active {
            None => dialogue(&mut script, cue.start, cue.end, &words(cue, None)),
            Some(colour) => {
                for index in 0..cue.words.len() {
                    // Each word's picture lasts until the next one's: nothing flickers between words.
                    let start = if index == 0 { cue.start } else { cue.words[index].start };
                    let end = cue.words.get(index + 1).map_or(cue.end, |next| next.start);
                    dialogue(&mut script, start, end, &words(cue, Some((index, colour))));
                }
            }
        }
    }
    script
}

fn head(style: &Style, size: Size) -> String {
    let (margin_side, margin_height) = Style::margins(size);
    let (border, outline, shadow, back) = match style.edge {
        Edge::Outline(width) => (1, width, width / 3.0, colour(Style::EDGE_COLOUR, 0.5)),
        // Border style 4 draws one box around the text in the back colour, `Shadow` wider than it.
        // Style 3 would draw it in the outline colour and ignore the opacity.
        Edge::Box { padding, opacity } => (4, 0.0, padding, colour(Style::EDGE_COLOUR, opacity)),
    };
    let alignment = match style.position {
        Position::Bottom => 2,
        Position::Middle => 5,
        Position::Top => 8,
    };
    format!(
        "[Script Info]\n\
         ScriptType: v4.00+\n\
         PlayResX: {width}\n\
         PlayResY: {height}\n\
         WrapStyle: 0\n\
         ScaledBorderAndShadow: yes\n\
         \n\
         [V4+ Styles]\n\
         Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
         Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
         MarginR, MarginV, Encoding\n\
         Style: Caption,{font},{font_size:.1},{primary},{primary},{edge},{back},{bold},0,0,0,100,100,0,0,{border},\
         {outline:.1},{shadow:.1},{alignment},{margin_side},{margin_side},{margin_height},{ENCODING}\n\
         \n\
         [Events]\n\
         Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
        width = size.width,
        height = size.height,
        font = style.font,
        font_size = style.font_size,
        primary = colour(style.colour, 1.0),
        edge = colour(Style::EDGE_COLOUR, 1.0),
        bold = if style.bold { -1 } else { 0 },
    )
}

fn dialogue(script: &mut String, start: f64, end: f64, text: &str) {
    let (start, end) = (clock(start), clock(end));
    if start < end {
        writeln!(script, "Dialogue: 0,{start},{end},Caption,,0,0,0,,{text}")
            .expect("a string takes all that is written");
    }
}

/// The caption, with the word `active` in another colour, if there is one.
fn words(cue: &Cue, active: Option<(usize, Colour)>) -> String {
    let mut text = String::new();
    for (index, word) in cue.words.iter().enumerate() {
        // libass breaks a line only at a space.
        text.push_str(match word.joined {
            _ if index == 0 => "",
            true => "\\N",
            false => " ",
        });
        let word = escape(&word.text);
        match active {
            Some((active, active_colour)) if index == active => {
                let active_colour = colour(active_colour, 1.0);
                write!(text, "{{\\c{active_colour}&}}{word}{{\\r}}").expect("a string takes all");
            }
            _ => text.push_str(&word),
        }
    }
    text
}

/// Text that libass shows as it is: no override block, no line break, no drawing.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.extend(['\\', WORD_JOINER]),
            '{' | '}' => escaped.extend(['\\', character]),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `h:mm:ss.cc`
pub(super) fn clock(seconds: f64) -> String {
    let hundredths = (seconds.max(0.0) * 100.0).round() as u64;
    let (minutes, rest) = (hundredths / 6000, hundredths % 6000);
    format!("{}:{:02}:{:02}.{:02}", minutes / 60, minutes % 60, rest / 100, rest % 100)
}

/// `&HAABBGGRR`, where the first pair is how much shines through.
pub(super) fn colour(colour: Colour, opacity: f64) -> String {
    let through = ((1.0 - opacity) * 255.0).round() as u8;
    format!("&H{through:02X}{:02X}{:02X}{:02X}", colour.blue, colour.green, colour.red)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_in_a_text_are_shown_and_not_obeyed() {
        assert_eq!(escape(r"{\an8}{world} a\Nb"), "\\{\\\u{2060}an8\\}\\{world\\} a\\\u{2060}Nb");
        assert_eq!(escape("one\r\nDialogue: 0,0:00"), "one  Dialogue: 0,0:00");
    }

    proptest! {
        /// Read as libass reads it, an escaped text holds no command and gives back what was written.
        #[test]
        fn an_escaped_text_reads_as_it_was(text in r"[\\{}nNh a-z\n\t,é]{0,40}") {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['\n', '\r']));
            let mut shown = String::new();
            let mut rest = escaped.chars().peekable();
            while let Some(character) = rest.next() {
                prop_assert!(character != '{', "a command begins in {escaped:?}");
                match (character, rest.peek()) {
                    ('\\', Some('n' | 'N' | 'h')) => prop_assert!(false, "a break in {escaped:?}"),
                    ('\\', Some('{' | '}')) => shown.extend(rest.next()),
                    _ => shown.push(character),
                }
            }
            let wanted: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            prop_assert_eq!(shown.replace(WORD_JOINER, ""), wanted);
        }
    }

    #[test]
    fn hours_and_hundredths_are_written() {
        assert_eq!(clock(3725.127), "1:02:05.13");
        assert_eq!(clock(59.999), "0:01:00.00");
    }
}
