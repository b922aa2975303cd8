//! Captions as subtitle files: SubRip (SRT) and WebVTT.

use super::lines::Cue;

/// A line of a subtitle holds about this many characters.
const LINE: usize = 42;

/// The captions as SRT.
pub(crate) fn srt(cues: &[Cue]) -> String {
    let block = |(index, cue): (usize, &Cue)| {
        format!(
            "{}\n{} --> {}\n{}\n\n",
            index + 1,
            clock(cue.start, ','),
            clock(cue.end, ','),
            two_lines(&plain(&cue.text()))
        )
    };
    cues.iter().enumerate().map(block).collect()
}

/// The captions as WebVTT.
pub(crate) fn vtt(cues: &[Cue]) -> String {
    let block = |cue: &Cue| {
        format!(
            "\n{} --> {}\n{}\n",
            clock(cue.start, '.'),
            clock(cue.end, '.'),
            two_lines(&entities(&cue.text()))
        )
    };
    format!("WEBVTT\n{}", cues.iter().map(block).collect::<String>())
}

/// SRT knows no escapes, but players read tags, braces and backslashes in it, most of them as ASS does: an invisible character
/// behind a sign keeps them from it, and a backslash before a brace.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\\u{2060}").replace('<', "<\u{2060}");
    text.replace('{', "\\{").replace('}', "\\}").replace("-->", "->")
}

fn entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A long text broken at the space nearest to its middle.
fn two_lines(text: &str) -> String {
    if text.chars().count() <= LINE {
        return text.to_owned();
    }
    let middle = text.len() / 2;
    let spaces = text.match_indices(' ').map(|(at, _)| at);
    match spaces.min_by_key(|at| at.abs_diff(middle)) {
        Some(at) => format!("{}\n{}", &text[..at], &text[at + 1..]),
        None => text.to_owned(),
    }
}

fn clock(seconds: f64, point: char) -> String {
    let thousandths = (seconds.max(0.0) * 1000.0).round() as u64;
    let (minutes, rest) = (thousandths / 60_000, thousandths % 60_000);
    format!("{:02}:{:02}:{:02}{point}{:03}", minutes / 60, minutes % 60, rest / 1000, rest % 1000)
}

#[cfg(test)]
mod tests {
    use super::super::words::spread;
    use super::*;

    fn cue(text: &str) -> Cue {
        Cue { words: spread(text, 61.25, 63.5), start: 61.25, end: 63.5 }
    }

    #[test]
    fn the_files_are_as_players_expect_them() {
        let cues = [
            cue("Fish & <b>chips</b> {\\an8} --> x"),
            cue("A text that is far too long to be shown on a single line"),
        ];
        insta::assert_snapshot!(format!("{}\n=====\n{}", srt(&cues), vtt(&cues)).replace('\u{2060}', "·"));
    }
}
