//! Whether a font of this machine has the letters of captions: libass is asked, which draws them.

use std::collections::BTreeSet;

use motet_pipeline::Failure;

use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::{Graph, filter};
use crate::recipe::{Call, Listens};

use super::words::Word;

/// The script with every letter once.
pub(crate) const LETTERS_FILE: &str = "letters.ass";

/// Names that stand for whatever font of a kind there is.
const GENERIC: [&str; 4] = ["sans-serif", "sans", "serif", "monospace"];

/// The letters of `words` that not every font has; nothing if all have them and any font will do.
pub(crate) fn to_be_found(words: &[Word], font: &str) -> Option<String> {
    let letters: BTreeSet<char> = words
        .iter()
        .flat_map(|word| word.text.chars())
        .filter(|letter| *letter > '\u{17f}' && !letter.is_whitespace())
        .collect();
    let is_named = !GENERIC.contains(&font);
    (is_named || !letters.is_empty()).then(
        || if is_named { "A".to_owned() } else { String::new() } + &letters.into_iter().collect::<String>(),
    )
}

/// The call that has libass look for them.
pub(crate) fn look(font: &str) -> Call {
    let mut graph = Graph::default();
    let nothing: [&str; 0] = [];
    let black = filter("color").set("color", "black").set("size", "64x64").set("duration", "0.1");
    graph.chain(
        &nothing,
        [black, filter("ass").set("filename", LETTERS_FILE), filter("trim").set("end_frame", 1)],
        &["v"],
    );
    let call = Ffmpeg::telling().write(&graph, &["v"], Format::Nothing, None);
    Call { listens: Some(Listens::Letters { font: font.to_owned() }), ..call }
}

/// Refuses letters that no font has, or a font that isn't there, by what libass said.
pub(crate) fn judge(said: &str, font: &str) -> Result<(), Failure> {
    if !GENERIC.contains(&font)
        && let Some(found) = taken(said, font)
        && !plain(&found).contains(&plain(font))
    {
        return Err(Failure::unavailable(format!(
            "the font `{font}` isn't on this machine ({found} would be taken for it); install it, or leave \
             `font` out"
        )));
    }
    let missing: BTreeSet<char> = said.lines().filter_map(missing).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let (script, package) = script(*first);
    let letters: String = missing.iter().take(8).collect();
    Err(Failure::unavailable(format!(
        "no font of this machine has {letters} ({script}); install one that does, such as the package {package}"
    )))
}

/// What was taken for `font`: `fontselect: (NAME, 400, 0) -> FILE, 0, NAME`.
fn taken(said: &str, font: &str) -> Option<String> {
    let wanted = format!("fontselect: ({font},");
    let line = said.lines().find_map(|line| line.split_once(&wanted))?.1;
    let (_, found) = line.split_once("-> ")?;
    found.rsplit(", ").next().map(|name| name.trim().to_owned())
}

/// The letter that a line says is missing.
fn missing(line: &str) -> Option<char> {
    let rest = match line.split_once("failed to find any fallback with glyph 0x") {
        Some((_, rest)) => rest,
        None => line.split_once("Glyph 0x").filter(|(_, rest)| rest.contains("not found in font for"))?.1,
    };
    let digits = rest.split(|character: char| !character.is_ascii_hexdigit()).next()?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// A name without what differs between its ways to be written.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The script of a letter, and a package of fonts that has it.
fn script(letter: char) -> (&'static str, &'static str) {
    match u32::from(letter) {
        0x0590..=0x05ff => ("Hebrew", "fonts-noto-core"),
        0x0600..=0x07ff | 0x08a0..=0x08ff | 0xfb50..=0xfeff => ("Arabic", "fonts-noto-core"),
        0x0900..=0x0dff => ("a script of India", "fonts-noto-core"),
        0x0e00..=0x0eff => ("Thai or Lao", "fonts-noto-core"),
        0x3040..=0x30ff => ("Japanese", "fonts-noto-cjk"),
        0x1100..=0x11ff | 0x3130..=0x318f | 0xac00..=0xd7ff => ("Korean", "fonts-noto-cjk"),
        0x2e80..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff => ("Chinese or Japanese", "fonts-noto-cjk"),
        0x2190..=0x2bff | 0x1f000..=0x1faff => ("symbols", "fonts-noto-color-emoji"),
        _ => ("a script that it lacks", "fonts-noto-core"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "[Parsed_ass_0 @ 0x5] fontselect: (Nofont Sans, 400, 0) -> /usr/share/fonts/DejaVuSans.ttf, 0, DejaVuSans\n\
                        [Parsed_ass_0 @ 0x5] fontselect: failed to find any fallback with glyph 0x5B83 for font: (x, 400, 0)\n";

    #[test]
    fn a_font_that_is_not_there_and_letters_that_none_has_are_refused() {
        let told = |font: &str, said: &str| judge(said, font).map_err(|refusal| refusal.to_string());
        let wrong = [
            told("Nofont Sans", SAID).unwrap_err(),
            told("sans-serif", SAID).unwrap_err(),
            told("sans-serif", "Glyph 0x5D0 not found in font for (x, 400, 0)").unwrap_err(),
        ];
        insta::assert_snapshot!(wrong.join("\n"));
        let found = SAID.lines().next().unwrap().replace("Nofont Sans", "DejaVu Sans");
        assert_eq!(told("DejaVu Sans", &found), Ok(()));
        assert_eq!(told("sans-serif", "Glyph 0x41 not found, selecting one more font"), Ok(()));
    }
}
