//! Which way up a photograph is: a camera keeps what its sensor saw, and a note of how it was held.

use crate::Call;
use crate::ffmpeg::{Ffmpeg, Format};
use crate::filter::{Filter, Graph, filter};

/// How a kept picture must be turned or mirrored to stand upright.
///
/// ```
/// use motet_media::Orientation;
/// let plain = b"\xff\xd8\xff\xdb\0\x43";
/// assert_eq!(Orientation::of_jpeg(plain), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// Mirrored, left for right.
    Mirrored,
    /// Upside down.
    HalfTurned,
    /// Mirrored, top for bottom.
    Flipped,
    /// Mirrored along the diagonal from the upper left.
    Transposed,
    /// To be turned a quarter clockwise.
    Clockwise,
    /// Mirrored along the diagonal from the upper right.
    Transversed,
    /// To be turned a quarter counterclockwise.
    Counterclockwise,
}

impl Orientation {
    /// What the beginning of a JPEG notes, where that isn't upright.
    pub fn of_jpeg(head: &[u8]) -> Option<Orientation> {
        match noted(exif(head)?)? {
            2 => Some(Orientation::Mirrored),
            3 => Some(Orientation::HalfTurned),
            4 => Some(Orientation::Flipped),
            5 => Some(Orientation::Transposed),
            6 => Some(Orientation::Clockwise),
            7 => Some(Orientation::Transversed),
            8 => Some(Orientation::Counterclockwise),
            _ => None,
        }
    }

    /// Whether width and height change places.
    pub fn is_quarter(self) -> bool {
        use Orientation::{Clockwise, Counterclockwise, Transposed, Transversed};
        matches!(self, Transposed | Clockwise | Transversed | Counterclockwise)
    }

    /// The call that writes the picture `from` upright to the JPEG `to`.
    pub fn upright(self, from: &str, to: &str) -> Call {
        let mut call = Ffmpeg::new();
        let mut graph = Graph::default();
        let input = call.picture(from);
        graph.chain(&[format!("{input}:v:0")], self.filters(), &["v"]);
        call.write_to(to, &graph, &["v"], Format::Jpeg, None)
    }

    fn filters(self) -> Vec<Filter> {
        let transpose = |direction: &str| vec![filter("transpose").set("dir", direction)];
        match self {
            Orientation::Mirrored => vec![filter("hflip")],
            Orientation::HalfTurned => vec![filter("hflip"), filter("vflip")],
            Orientation::Flipped => vec![filter("vflip")],
            Orientation::Transposed => transpose("cclock_flip"),
            Orientation::Clockwise => transpose("clock"),
            Orientation::Transversed => transpose("clock_flip"),
            Orientation::Counterclockwise => transpose("cclock"),
        }
    }
}

/// The Exif part of a JPEG, if it comes before the picture.
fn exif(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head.strip_prefix(b"\xff\xd8")?;
    // Each part has two bytes that name it and two of length, which counts itself.
    while let &[0xff, name, high, low, ..] = rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let part = rest.get(4..2 + length)?;
        match part.strip_prefix(b"Exif\0\0") {
            Some(exif) if name == 0xe1 => return Some(exif),
            _ => rest = &rest[2 + length..],
        }
    }
    None
}

/// The number that stands for the orientation in a TIFF structure.
fn noted(tiff: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 0x0112;
    let small_end_first = tiff.starts_with(b"II*\0");
    if !small_end_first && !tiff.starts_with(b"MM\0*") {
        return None;
    }
    let short = |at: usize| {
        let bytes = [*tiff.get(at)?, *tiff.get(at + 1)?];
        Some(if small_end_first { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let (one, other) = (usize::from(short(4)?), usize::from(short(6)?));
    let table = if small_end_first { one | other << 16 } else { one << 16 | other };
    // An entry has two bytes of name, two of type, four of count and four of value.
    let mut entries = (0..usize::from(short(table)?)).map(|index| table + 2 + index * 12);
    short(entries.find(|at| short(*at) == Some(ORIENTATION))? + 8)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The beginning of a photograph with a note of how it was held, before its size.
    pub(crate) fn photograph(orientation: u16, small_end_first: bool) -> Vec<u8> {
        let short = |value: u16| if small_end_first { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if small_end_first { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut exif = b"Exif\0\0".to_vec();
        exif.extend(if small_end_first { b"II*\0" } else { b"MM\0*" });
        exif.extend(long(8));
        exif.extend(short(2));
        for (name, value) in [(0x0100, 640), (0x0112, orientation)] {
            exif.extend([short(name), short(3)].concat());
            exif.extend(long(1));
            exif.extend([short(value), short(0)].concat());
        }
        let mut head = b"\xff\xd8\xff\xe0\0\x04JF\xff\xe1".to_vec();
        head.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        head.extend(exif);
        head.extend(b"\xff\xc0\0\x11\x08\x01\x68\x02\x80\x03\x01\x22\0\x02\x11\x01\x03\x11\x01");
        head
    }

    #[test]
    fn the_note_of_a_camera_is_read() {
        for small_end_first in [false, true] {
            let read = |number| Orientation::of_jpeg(&photograph(number, small_end_first));
            assert_eq!(read(6), Some(Orientation::Clockwise));
            assert_eq!(read(3), Some(Orientation::HalfTurned));
            assert_eq!([0, 1, 9, 600].map(read), [None; 4], "upright, or nonsense");
        }
    }

    proptest! {
        #[test]
        fn no_damaged_note_breaks_the_reader(
            at in 0usize..90, byte in any::<u8>(), length in 0usize..90, small_end_first in any::<bool>(),
        ) {
            let mut head = photograph(6, small_end_first);
            if let Some(damaged) = head.get_mut(at) {
                *damaged = byte;
            }
            head.truncate(length);
            Orientation::of_jpeg(&head);
        }
    }
}
