//! Elements of a Matroska file: a name, a length, a body that may be more elements.

use super::Unread;
use super::window::Window;

/// An element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) name: u32,
    /// Where its body begins.
    pub(super) body: u64,
    /// Where it ends; `None` if it was written without its length. The file may end before.
    pub(super) end: Option<u64>,
}

impl Element {
    /// The element at `at`.
    pub(super) fn read(window: &mut Window, at: u64) -> Result<Element, Unread> {
        window.count_part()?;
        let (name, name_bytes) = number(window, at, 4)?;
        let (length, length_bytes) = number(window, at + name_bytes, 8)?;
        let body = at + name_bytes + length_bytes;
        // The highest bit tells how long a number is; it belongs to names.
        let highest = 1 << (7 * length_bytes);
        let length = length ^ highest;
        let end = match length {
            length if length == highest - 1 => None,
            length => Some(body.checked_add(length).ok_or(Unread::Unknown)?),
        };
        Ok(Element { name: name as u32, body, end })
    }

    /// Calls `visit` for each element in this one, which must be there as a whole.
    pub(super) fn visit(
        self,
        window: &mut Window,
        mut visit: impl FnMut(&mut Window, Element) -> Result<(), Unread>,
    ) -> Result<(), Unread> {
        let end = self.end.filter(|end| *end <= window.length()).ok_or(Unread::Unknown)?;
        let mut at = self.body;
        while at < end {
            let element = Element::read(window, at)?;
            at = element.end.filter(|inner| *inner <= end).ok_or(Unread::Unknown)?;
            visit(window, element)?;
        }
        Ok(())
    }

    /// Its body as a whole number.
    pub(super) fn integer(self, window: &mut Window) -> Result<u64, Unread> {
        let bytes = window.piece(self.body, self.length()?.min(9))?;
        match bytes.len() {
            0..=8 => Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))),
            _ => Err(Unread::Unknown),
        }
    }

    /// Its body as a number of four or eight bytes.
    pub(super) fn float(self, window: &mut Window) -> Result<f64, Unread> {
        match self.length()? {
            4 => window.bytes(self.body).map(|bytes| f64::from(f32::from_be_bytes(bytes))),
            8 => window.bytes(self.body).map(f64::from_be_bytes),
            _ => Err(Unread::Unknown),
        }
    }

    fn length(self) -> Result<usize, Unread> {
        let length = self.end.ok_or(Unread::Unknown)? - self.body;
        usize::try_from(length).map_err(|_| Unread::Unknown)
    }
}

/// A number with the bit that tells its length, of up to `most` bytes, and that length.
pub(super) fn number(window: &mut Window, at: u64, most: u32) -> Result<(u64, u64), Unread> {
    let [first] = window.bytes(at)?;
    let length = first.leading_zeros() + 1;
    if length > most {
        return Err(Unread::Unknown);
    }
    let bytes = window.piece(at, length as usize)?;
    Ok((bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), length.into()))
}
