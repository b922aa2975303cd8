//! The part of a file that is being looked at.

use super::{Source, Unread};

/// The most that is looked at in one piece.
pub(super) const PIECE_BYTES_MAX: usize = 256 << 10;

/// What is read where nothing was read before; what follows it is read in growing pieces.
const FIRST_BYTES: usize = 4 << 10;

/// The most that is read ahead.
const AHEAD_BYTES_MAX: usize = 64 << 10;

/// Boxes or elements of a file that are looked at: ten hours of fragments have half as many.
const PARTS_MAX: u32 = 500_000;

/// A view of a file that keeps the bytes around the place that was looked at last.
pub(super) struct Window<'a> {
    source: &'a mut dyn Source,
    length: u64,
    at: u64,
    bytes: Vec<u8>,
    ahead: usize,
    parts_left: u32,
}

impl<'a> Window<'a> {
    pub(super) fn new(source: &'a mut dyn Source) -> Window<'a> {
        let length = source.length();
        Window { source, length, at: 0, bytes: Vec::new(), ahead: FIRST_BYTES, parts_left: PARTS_MAX }
    }

    /// How long the file is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Counts a part of the file that is looked at, so that no file keeps the reader for long.
    pub(super) fn count_part(&mut self) -> Result<(), Unread> {
        self.parts_left = self.parts_left.checked_sub(1).ok_or(Unread::Unknown)?;
        Ok(())
    }

    /// The `count` bytes at `at`, all of which must be there.
    pub(super) fn piece(&mut self, at: u64, count: usize) -> Result<&[u8], Unread> {
        let end = at.checked_add(count as u64).ok_or(Unread::Unknown)?;
        if end > self.length || count > PIECE_BYTES_MAX {
            return Err(Unread::Unknown);
        }
        if at < self.at || end > self.at + self.bytes.len() as u64 {
            self.look_at(at, count)?;
        }
        let start = (at - self.at) as usize;
        self.bytes.get(start..start + count).ok_or(Unread::Unknown)
    }

    fn look_at(&mut self, at: u64, count: usize) -> Result<(), Unread> {
        let seen = self.at..=self.at + self.bytes.len() as u64;
        self.ahead = if seen.contains(&at) { (self.ahead * 2).min(AHEAD_BYTES_MAX) } else { FIRST_BYTES };
        let left = usize::try_from(self.length - at).unwrap_or(usize::MAX);
        self.bytes.resize(count.max(self.ahead).min(left), 0);
        self.at = at;
        let mut filled = 0;
        while filled < self.bytes.len() {
            match self.source.read_at(at + filled as u64, &mut self.bytes[filled..]) {
                // The file became shorter.
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => {
                    self.bytes.clear();
                    return Err(error.into());
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// The bytes at `at`.
    pub(super) fn bytes<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Unread> {
        self.piece(at, N)?.try_into().map_err(|_| Unread::Unknown)
    }

    /// A number of two bytes, the high one first.
    pub(super) fn u16(&mut self, at: u64) -> Result<u16, Unread> {
        self.bytes(at).map(u16::from_be_bytes)
    }

    /// A number of four bytes, the high one first.
    pub(super) fn u32(&mut self, at: u64) -> Result<u32, Unread> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    /// A number of eight bytes, the high one first.
    pub(super) fn u64(&mut self, at: u64) -> Result<u64, Unread> {
        self.bytes(at).map(u64::from_be_bytes)
    }

    /// A number of four bytes, the low one first.
    pub(super) fn low_u32(&mut self, at: u64) -> Result<u32, Unread> {
        self.bytes(at).map(u32::from_le_bytes)
    }
}
