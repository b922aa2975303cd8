//! Boxes of an ISO media file (MP4, QuickTime): a length, a name, a body that may be more boxes.

use super::Unread;
use super::window::Window;

/// A box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) name: [u8; 4],
    /// Where its body begins.
    pub(super) body: u64,
    pub(super) end: u64,
}

impl Part {
    /// The boxes in it.
    pub(super) fn parts(self) -> Parts {
        Parts { at: self.body, end: self.end }
    }

    /// The first box of a name in it.
    pub(super) fn find(self, window: &mut Window, name: &[u8; 4]) -> Result<Option<Part>, Unread> {
        let mut parts = self.parts();
        while let Some(part) = parts.next(window)? {
            if part.name == *name {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// The box that is reached through one of each name, which must be there.
    pub(super) fn at(self, window: &mut Window, path: &[&[u8; 4]]) -> Result<Part, Unread> {
        path.iter().try_fold(self, |part, name| part.find(window, name)?.ok_or(Unread::Unknown))
    }

    /// How many bytes its body has.
    pub(super) fn length(self) -> u64 {
        self.end - self.body
    }
}

/// Boxes in a row.
pub(super) struct Parts {
    at: u64,
    end: u64,
}

impl Parts {
    /// Those of a whole file.
    pub(super) fn of_file(window: &Window) -> Parts {
        Parts { at: 0, end: window.length() }
    }

    /// Those that stand in `part`, `skipped` bytes behind its beginning.
    pub(super) fn behind(part: Part, skipped: u64) -> Parts {
        Parts { at: (part.body + skipped).min(part.end), end: part.end }
    }

    /// The next one. It may go beyond the end of what it is in, if a part of the file is missing.
    pub(super) fn next_or_cut(&mut self, window: &mut Window) -> Result<Option<Part>, Unread> {
        if self.end.saturating_sub(self.at) < 8 {
            return Ok(None);
        }
        window.count_part()?;
        let head: [u8; 8] = window.bytes(self.at)?;
        let [length @ .., a, b, c, d] = head;
        let (length, head) = match u32::from_be_bytes(length) {
            0 => (self.end - self.at, 8),
            1 => (window.u64(self.at + 8)?, 16),
            length => (u64::from(length), 8),
        };
        let end = self.at.checked_add(length).filter(|_| length >= head).ok_or(Unread::Unknown)?;
        let part = Part { name: [a, b, c, d], body: self.at + head, end };
        self.at = end;
        Ok(Some(part))
    }

    /// The next one, all of which must be in what it is in.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Option<Part>, Unread> {
        match self.next_or_cut(window)? {
            Some(part) if part.end > self.end => Err(Unread::Unknown),
            part => Ok(part),
        }
    }
}
