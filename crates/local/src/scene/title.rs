//! Writing a title on the picture.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use super::canvas::Canvas;
use super::colour::Colour;
use crate::inputs::Inputs;
use motet_pipeline::Failure;

/// Where the title stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Auto,
    Top,
    Center,
    Bottom,
}

impl Position {
    /// Reads `title_position`.
    pub fn read(inputs: &Inputs) -> Result<Position, Failure> {
        match inputs.text("title_position", 20)? {
            None | Some("auto") => Ok(Position::Auto),
            Some("top") => Ok(Position::Top),
            Some("center") => Ok(Position::Center),
            Some("bottom") => Ok(Position::Bottom),
            Some(other) => Err(Failure::invalid(format!(
                "`title_position` is {other:?}, but must be auto, top, center or bottom"
            ))),
        }
    }

    /// Where the middle of the text is, as a share of the picture's height.
    fn middle(self) -> f32 {
        match self {
            Position::Top | Position::Auto => 0.22,
            Position::Center => 0.5,
            Position::Bottom => 0.8,
        }
    }
}

/// Whether `title` can be set at all on a picture of this size, whatever the font is.
///
/// # Errors
/// Why not.
pub(super) fn judge(title: &str, width: u32, height: u32) -> Result<(), Failure> {
    if let Some(character) = title.chars().find(|character| is_of_joined_script(*character)) {
        return Err(Failure::invalid(format!(
            "`title` has {character:?}, of a script that isn't set letter by letter; media/captions can write it"
        )));
    }
    let (largest, smallest) = sizes(width, height);
    if largest < smallest { Err(too_long(title, width, height)) } else { Ok(()) }
}

/// The largest and the smallest letters on a picture of this size, in pixels.
fn sizes(width: u32, height: u32) -> (f32, f32) {
    let (width, height) = (width as f32, height as f32);
    let largest = (width.min(height) * 0.13).min(width * 0.09);
    (largest, (largest * 0.3).max(8.0))
}

fn too_long(title: &str, width: u32, height: u32) -> Failure {
    let characters = title.chars().count();
    Failure::invalid(format!(
        "`title` with {characters} characters doesn't fit a picture of {width} × {height} pixels"
    ))
}

/// A title, broken into lines and set at a size that fits.
pub(super) struct Lettering {
    /// How much of each pixel the text covers, in rows of the picture's width.
    mask: Vec<f32>,
    width: usize,
    height: usize,
    /// The size of the letters in pixels.
    size: f32,
}

impl Lettering {
    /// Sets `title` for a picture of this size.
    pub fn new(title: &str, font: Option<&[u8]>, width: u32, height: u32) -> Result<Lettering, Failure> {
        let bytes = font.ok_or_else(|| {
            Failure::unavailable("`title` needs a font, and none was found; install one, such as the package fonts-dejavu-core")
        })?;
        let font = FontRef::try_from_slice(bytes).map_err(|_| {
            Failure::unavailable("the font for `title` can't be read; it must be a TrueType or OpenType file")
        })?;
        let words: Vec<&str> = title.split_whitespace().collect();
        let mut characters = words.iter().flat_map(|word| word.chars());
        if let Some(character) = characters.find(|character| font.glyph_id(*character).0 == 0) {
            return Err(Failure::invalid(format!(
                "`title` has {character:?}, for which the font has no glyph"
            )));
        }
        let (mut size, smallest) = sizes(width, height);
        let (width, height) = (width as f32, height as f32);
        while size >= smallest {
            let lines = wrap(&font, &words, size, width * 0.86);
            if lines.len() as f32 * size * LINE_HEIGHT <= height * 0.42
                && lines.iter().all(|line| line.1 <= width * 0.9)
            {
                return Ok(Lettering::set(&font, &lines, size, width as usize));
            }
            size *= 0.92;
        }
        Err(too_long(title, width as u32, height as u32))
    }

    fn set(font: &FontRef, lines: &[(String, f32)], size: f32, width: usize) -> Lettering {
        let line_height = size * LINE_HEIGHT;
        let height = (line_height * lines.len() as f32 + size * 0.4).ceil() as usize;
        let mut lettering = Lettering { mask: vec![0.0; width * height], width, height, size };
        for (row, (line, length)) in lines.iter().enumerate() {
            let baseline = line_height * row as f32 + size * 1.0;
            for glyph in glyphs(font, line, size) {
                let at = point((width as f32 - length) / 2.0 + glyph.position.x, baseline);
                let placed = glyph.id.with_scale_and_position(PxScale::from(size), at);
                lettering.draw(font, placed);
            }
        }
        lettering
    }

    fn draw(&mut self, font: &FontRef, glyph: Glyph) {
        let Some(outline) = font.outline_glyph(glyph) else { return };
        let bounds = outline.px_bounds();
        outline.draw(|x, y, cover| {
            let (x, y) = (x as f32 + bounds.min.x, y as f32 + bounds.min.y);
            if x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height {
                let pixel = &mut self.mask[y as usize * self.width + x as usize];
                *pixel = (*pixel + cover).min(1.0);
            }
        });
    }

    /// Writes the title with a soft shadow, so that it can be read on any ground.
    pub fn write(&self, canvas: &mut Canvas, position: Position) {
        let position = if position == Position::Auto { self.calmest(canvas) } else { position };
        let top = self.top(canvas, position);
        let reach = (self.size * 0.16).max(2.0) as usize;
        let drop = (self.size * 0.05).max(1.0) as isize;
        let padded = self.padded(3 * reach);
        let shadow = (0..3)
            .fold(padded.0, |mask, _| blur(&blur(&mask, padded.1, 1, reach), padded.1, padded.1, reach));
        let tall = shadow.len() / padded.1;
        for row in 0..tall {
            for column in 0..padded.1 {
                let x = column as isize - 3 * reach as isize;
                let y = (row + top) as isize - 3 * reach as isize + drop;
                if x >= 0 && y >= 0 && (x as usize) < canvas.width && (y as usize) < canvas.height {
                    let cover = (shadow[row * padded.1 + column] * 1.25).min(0.62);
                    canvas.lay(x as usize, y as usize, Colour::hex(0x0a0e18), cover);
                }
            }
        }
        for (index, cover) in self.mask.iter().enumerate() {
            let (x, y) = (index % self.width, index / self.width + top);
            if *cover > 0.0 && y < canvas.height {
                canvas.lay(x, y, Colour::hex(0xfffdf6), *cover);
            }
        }
    }

    fn top(&self, canvas: &Canvas, position: Position) -> usize {
        let middle = position.middle() * canvas.height as f32;
        let top = (middle - self.height as f32 / 2.0).max(canvas.height as f32 * 0.05);
        (top as usize).min(canvas.height.saturating_sub(self.height))
    }

    /// The place where the picture has the least detail; the upper one wins a draw.
    fn calmest(&self, canvas: &Canvas) -> Position {
        let busy = |position: Position| {
            let top = self.top(canvas, position);
            let margin = canvas.width / 10;
            let mut sum = 0.0;
            for y in (top..(top + self.height).min(canvas.height - 1)).step_by(2) {
                for x in (margin..canvas.width - margin).step_by(2) {
                    let here = canvas.get(x, y).luminance();
                    sum += (canvas.get(x + 1, y).luminance() - here).abs()
                        + (canvas.get(x, y + 1).luminance() - here).abs();
                }
            }
            sum
        };
        let mut best = (Position::Top, busy(Position::Top) * 0.8);
        for position in [Position::Center, Position::Bottom] {
            let detail = busy(position);
            if detail < best.1 {
                best = (position, detail);
            }
        }
        best.0
    }

    /// The mask with a border, and its width.
    fn padded(&self, border: usize) -> (Vec<f32>, usize) {
        let width = self.width + 2 * border;
        let mut mask = vec![0.0; width * (self.height + 2 * border)];
        for row in 0..self.height {
            let start = (row + border) * width + border;
            mask[start..start + self.width]
                .copy_from_slice(&self.mask[row * self.width..(row + 1) * self.width]);
        }
        (mask, width)
    }
}

const LINE_HEIGHT: f32 = 1.16;

/// The lines and their lengths in pixels, as even as a greedy break allows.
fn wrap(font: &FontRef, words: &[&str], size: f32, limit: f32) -> Vec<(String, f32)> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if measure(font, &format!("{line} {word}"), size) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines
        .into_iter()
        .map(|line| (measure(font, &line, size), line))
        .map(|(length, line)| (line, length))
        .collect()
}

fn measure(font: &FontRef, line: &str, size: f32) -> f32 {
    let scaled = font.as_scaled(PxScale::from(size));
    glyphs(font, line, size).last().map_or(0.0, |last| last.position.x + scaled.h_advance(last.id))
}

/// Whether a character is of a script that is written from the right, or whose letters change beside
/// others (Hebrew, Arabic, the scripts of India, Thai, Khmer and their neighbours).
fn is_of_joined_script(character: char) -> bool {
    matches!(u32::from(character), 0x0590..=0x109f | 0x1780..=0x18af | 0xfb1d..=0xfdff | 0xfe70..=0xfeff)
}

/// The glyphs of a line with kerning, from x = 0.
fn glyphs(font: &FontRef, line: &str, size: f32) -> Vec<Glyph> {
    let scaled = font.as_scaled(PxScale::from(size));
    let mut x = 0.0;
    let mut glyphs: Vec<Glyph> = Vec::new();
    for character in line.chars() {
        let id = scaled.glyph_id(character);
        if let Some(last) = glyphs.last() {
            x += scaled.kern(last.id, id);
        }
        glyphs.push(id.with_scale_and_position(PxScale::from(size), point(x, 0.0)));
        x += scaled.h_advance(id);
    }
    glyphs
}

/// The mean over `2 * reach + 1` values along one direction: `step` is 1 for rows, the width for columns.
fn blur(mask: &[f32], width: usize, step: usize, reach: usize) -> Vec<f32> {
    let height = mask.len() / width;
    let (lines, along) = if step == 1 { (height, width) } else { (width, height) };
    let mut blurred = vec![0.0; mask.len()];
    let scale = 1.0 / (2 * reach + 1) as f32;
    for line in 0..lines {
        let start = if step == 1 { line * width } else { line };
        let at = |index: usize| mask[start + index * step];
        let mut sum: f32 = (0..reach.min(along)).map(at).sum();
        for index in 0..along {
            if index + reach < along {
                sum += at(index + reach);
            }
            if index > reach {
                sum -= at(index - reach - 1);
            }
            blurred[start + index * step] = sum * scale;
        }
    }
    blurred
}
