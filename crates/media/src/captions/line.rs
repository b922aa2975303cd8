//! One text over a video, as an ASS script.

use crate::Recipe;
use crate::colour::Colour;
use crate::size::Size;

use super::ass::{ENCODING, clock, colour, escape};
use super::letters;
use super::words::spread;

/// The file with the text.
pub(crate) const LINE_FILE: &str = "text.ass";

/// The font that is taken.
const FONT: &str = "sans-serif";

/// A text, and where and when it is seen.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    /// From 1 (below, on the left) to 9 (above, on the right).
    pub(crate) place: usize,
    pub(crate) size: Size,
    pub(crate) font_size: f64,
    pub(crate) margin: u32,
    pub(crate) colour: Colour,
    pub(crate) opacity: f64,
    /// Seconds.
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Line<'_> {
    /// Adds the script to a recipe whose last call draws it, and a look whether there are letters for it.
    pub(crate) fn written_into(&self, mut recipe: Recipe) -> Recipe {
        let words = spread(self.text, 0.0, 1.0);
        if let Some(letters) = letters::to_be_found(&words, FONT) {
            let script = self.script(&escape(&letters), 0.0, 1.0);
            recipe.files.push((letters::LETTERS_FILE.to_owned(), script.into_bytes()));
            recipe.calls.insert(0, letters::look(FONT));
        }
        let lines: Vec<_> = self.text.lines().map(escape).collect();
        let script = self.script(&lines.join("\\N"), self.from, self.to);
        recipe.files.push((LINE_FILE.to_owned(), script.into_bytes()));
        recipe
    }

    fn script(&self, text: &str, from: f64, to: f64) -> String {
        let Line { size, font_size, margin, place, .. } = self;
        format!(
            "[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\nWrapStyle: 0\n\
             ScaledBorderAndShadow: yes\n\n[V4+ Styles]\n\
             Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, BorderStyle, Outline, Shadow, Alignment, \
             MarginL, MarginR, MarginV, Encoding\n\
             Style: Line,{FONT},{font_size:.1},{letters},{edge},{edge},1,{outline:.1},0,{place},{margin},{margin},{margin},{ENCODING}\n\n\
             [Events]\nFormat: Layer, Start, End, Style, Text\nDialogue: 0,{start},{end},Line,{text}\n",
            width = size.width,
            height = size.height,
            letters = colour(self.colour, self.opacity),
            edge = colour(Colour::BLACK, self.opacity),
            outline = font_size * 0.05,
            start = clock(from),
            end = clock(to),
        )
    }
}
