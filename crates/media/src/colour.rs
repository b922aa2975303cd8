//! Colours as people write them.
use motet_pipeline::Failure;

use std::fmt;

/// An opaque colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) red: u8,
    pub(crate) green: u8,
    pub(crate) blue: u8,
}

const NAMED: [(&str, u32); 9] = [
    ("black", 0x000000),
    ("white", 0xffffff),
    ("gray", 0x808080),
    ("red", 0xff0000),
    ("green", 0x008000),
    ("blue", 0x0000ff),
    ("yellow", 0xffff00),
    ("orange", 0xffa500),
    ("purple", 0x800080),
];

impl Colour {
    pub(crate) const BLACK: Colour = Colour { red: 0, green: 0, blue: 0 };

    /// Whether it is between black and white.
    pub(crate) fn is_grey(self) -> bool {
        self.red == self.green && self.green == self.blue
    }

    /// Reads `#rrggbb`, `#rgb` or one of a few names.
    pub(crate) fn read(text: &str) -> Result<Colour, Failure> {
        let named = NAMED.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        let value = named.or_else(|| hexadecimal(text.strip_prefix('#')?)).ok_or_else(|| {
            Failure::invalid(format!(
                "`{}` is not a colour; write #rrggbb, or a name such as black",
                crate::request::excerpt(text)
            ))
        })?;
        let [_, red, green, blue] = value.to_be_bytes();
        Ok(Colour { red, green, blue })
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(value),
        // Each digit of the short form stands for itself twice: 0xa5f is 0xaa55ff.
        3 => Some(((value & 0xf00) << 8 | (value & 0x0f0) << 4 | (value & 0x00f)) * 0x11),
        _ => None,
    }
}

/// As ffmpeg's filters read it.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_or_refused_and_never_passed_on_as_text() {
        assert_eq!(Colour::read("#ff8000").unwrap().to_string(), "0xff8000");
        assert_eq!(Colour::read("#a5f").unwrap().to_string(), "0xaa55ff");
        assert_eq!(Colour::read("black").unwrap().to_string(), "0x000000");
        for text in ["", "#", "#12345", "ff8000", "#+12345", "#ggg", "black,drawtext=text=x", "red@0.5"] {
            assert!(Colour::read(text).is_err(), "{text}");
        }
    }
}
