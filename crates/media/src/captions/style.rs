//! How captions look.

use crate::colour::Colour;
use crate::request::Request;
use crate::size::Size;
use motet_pipeline::Failure;

const WHITE: Colour = Colour { red: 255, green: 255, blue: 255 };
const BLACK: Colour = Colour { red: 0, green: 0, blue: 0 };
const GOLD: Colour = Colour { red: 255, green: 210, blue: 60 };

/// A look, with all lengths in pixels of the video.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Style {
    pub(crate) font: String,
    pub(crate) font_size: f64,
    pub(crate) bold: bool,
    pub(crate) colour: Colour,
    /// The colour of the word that is being said, if it is told apart.
    pub(crate) active: Option<Colour>,
    pub(crate) edge: Edge,
    pub(crate) position: Position,
    /// Words and characters of a caption, by default.
    pub(crate) words: usize,
    pub(crate) characters: usize,
    /// Characters that fit on one line.
    pub(crate) line: usize,
}

/// What sets the text off from the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Edge {
    /// A line around each letter, of this width.
    Outline(f64),
    /// A box behind the text; `padding` around it, `opacity` from 0 to 1.
    Box { padding: f64, opacity: f64 },
}

/// Where the text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Bottom,
    Middle,
    Top,
}

impl Style {
    /// The names of the looks, the default first.
    pub(crate) const NAMES: [&'static str; 4] = ["clean", "bold", "boxed", "karaoke"];

    /// The colour behind boxed text and around outlined text.
    pub(crate) const EDGE_COLOUR: Colour = BLACK;

    pub(crate) fn read(request: &Request, size: Size) -> Result<Style, Failure> {
        let name = request.word("style");
        let scale = if name == "bold" { 1.45 } else { 1.0 };
        let font_size = request.number("font_size").unwrap_or_else(|| usual_font_size(size) * scale);
        let bold = matches!(name, "bold" | "karaoke");
        let most = font_size_max(size);
        if font_size > most {
            return Err(request.refuse(&format!(
                "can't show letters of {font_size} pixels in {size}: `font_size` goes to {most} there"
            )));
        }
        let line = characters_a_line(size, font_size, bold).max(4);
        Ok(Style {
            font: request.text("font").unwrap_or("sans-serif").to_owned(),
            font_size,
            bold,
            colour: WHITE,
            active: (name == "karaoke").then_some(GOLD),
            edge: match name {
                "boxed" => Edge::Box { padding: font_size * 0.22, opacity: 0.62 },
                "clean" => Edge::Outline(font_size * 0.06),
                _ => Edge::Outline(font_size * 0.09),
            },
            position: match request.word("position") {
                "top" => Position::Top,
                "middle" => Position::Middle,
                _ => Position::Bottom,
            },
            words: if name == "bold" { 3 } else { 8 },
            characters: (2 * line).min(42),
            line,
        })
    }

    /// The room kept free at the sides, and above or below.
    pub(crate) fn margins(size: Size) -> (u32, u32) {
        // In upright video the lowest part is covered by the controls of most players.
        let below = if size.height > size.width { 0.14 } else { 0.065 };
        ((f64::from(size.width) * 0.06).round() as u32, (f64::from(size.height) * below).round() as u32)
    }
}

/// Readable on a telephone and not in the way on a large screen: it follows the height, in upright
/// video the width.
fn usual_font_size(size: Size) -> f64 {
    (f64::from(size.height) * 0.058).min(f64::from(size.width) * 0.066).max(8.0).round()
}

/// Four wide letters fit on a line, and two lines into the picture.
fn font_size_max(size: Size) -> f64 {
    (f64::from(size.height) * 0.3).min(f64::from(size.width) * 0.2).max(12.0).floor()
}

/// A letter is about half as wide as its font is high; a bold one is wider.
fn characters_a_line(size: Size, font_size: f64, bold: bool) -> usize {
    let letter = font_size * if bold { 0.6 } else { 0.52 };
    (f64::from(size.width) * 0.88 / letter) as usize
}

/// The name of a font goes into a file whose fields are parted by commas.
pub(crate) fn judge_font(name: &str) -> Result<(), Failure> {
    let plain = |character: char| character.is_alphanumeric() || " -_".contains(character);
    match name.chars().all(plain) && !name.trim().is_empty() {
        true => Ok(()),
        false => Err(Failure::invalid("`font` must be a name of letters, digits, spaces and hyphens")),
    }
}
