//! A track of a Matroska file.

use crate::header::Unread;
use crate::header::ebml::Element;
use crate::header::screen::{Screen, nearest};
use crate::header::window::Window;

/// The names of elements of a track.
mod name {
    pub(super) const NUMBER: u32 = 0xd7;
    pub(super) const KIND: u32 = 0x83;
    pub(super) const EACH: u32 = 0x23_e383;
    pub(super) const DELAY: u32 = 0x56aa;
    pub(super) const PICTURES: u32 = 0xe0;
    pub(super) const WIDTH: u32 = 0xb0;
    pub(super) const HEIGHT: u32 = 0xba;
    pub(super) const SHOWN_WIDTH: u32 = 0x54b0;
    pub(super) const SHOWN_HEIGHT: u32 = 0x54ba;
    pub(super) const SHOWN_UNIT: u32 = 0x54b2;
    pub(super) const STEREO: u32 = 0x53b8;
    pub(super) const PROJECTION: u32 = 0x7670;
}

/// What a track holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Pictures(Screen),
    Sound,
}

/// A track of pictures or sound. Times are in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) kind: Kind,
    /// How long each picture or packet is, if it is told.
    each: Option<u64>,
    /// What a decoder skips.
    delay: u64,
    /// The first and the last time of a block that was seen, and how many there were.
    first: Option<f64>,
    last: f64,
    blocks: u64,
}

impl Entry {
    /// Reads a track, if it is one of pictures or sound.
    pub(super) fn read(window: &mut Window, element: Element) -> Result<Option<Entry>, Unread> {
        let (mut number, mut kind, mut each, mut delay) = (0, 0, None, 0);
        let mut screen = None;
        element.visit(window, |window, part| {
            match part.name {
                name::NUMBER => number = part.integer(window)?,
                name::KIND => kind = part.integer(window)?,
                name::EACH => each = Some(part.integer(window)?).filter(|each| *each > 0),
                name::DELAY => delay = part.integer(window)?,
                name::PICTURES => screen = Some(read_screen(window, part)?),
                _ => {}
            }
            Ok(())
        })?;
        let kind = match (kind, screen) {
            (1, Some(screen)) => Kind::Pictures(screen),
            (1, None) => return Err(Unread::Unknown),
            (2, _) => Kind::Sound,
            _ => return Ok(None),
        };
        Ok(Some(Entry { number, kind, each, delay, first: None, last: 0.0, blocks: 0 }))
    }

    /// Whether a block of it was seen.
    pub(super) fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// A block of this time.
    pub(super) fn take_block(&mut self, time: f64) {
        self.first.get_or_insert(time);
        self.last = self.last.max(time);
        self.blocks += 1;
    }

    /// When it begins.
    pub(super) fn begin(&self) -> Option<f64> {
        Some(self.first? - self.delay as f64)
    }

    /// When it ends: a packet behind the time of the last one.
    pub(super) fn end(&self) -> Option<f64> {
        let each = self.each.map(|each| each as f64).or_else(|| self.mean())?;
        Some(self.last + each - self.delay as f64)
    }

    /// How long a picture or packet is on average.
    fn mean(&self) -> Option<f64> {
        (self.blocks > 1).then(|| (self.last - self.first.unwrap_or(0.0)) / (self.blocks - 1) as f64)
    }

    /// Pictures a second: as told, or else as counted if all were gone through.
    pub(super) fn rate(&self, is_counted: bool) -> Option<f64> {
        match self.each {
            Some(each) => {
                let (above, below) = nearest(1_000_000_000, each, 30_000);
                Some(above as f64 / below as f64)
            }
            None if is_counted => self.mean().map(|mean| 1e9 / mean),
            None => None,
        }
    }
}

fn read_screen(window: &mut Window, pictures: Element) -> Result<Screen, Unread> {
    let (mut kept, mut shown, mut unit) = ((0, 0), (None, None), 0);
    pictures.visit(window, |window, part| {
        let side = |window: &mut Window| u32::try_from(part.integer(window)?).map_err(|_| Unread::Unknown);
        match part.name {
            name::WIDTH => kept.0 = side(window)?,
            name::HEIGHT => kept.1 = side(window)?,
            name::SHOWN_WIDTH => shown.0 = Some(side(window)?),
            name::SHOWN_HEIGHT => shown.1 = Some(side(window)?),
            name::SHOWN_UNIT => unit = part.integer(window)?,
            // Pictures for two eyes or a sphere are shown in other ways.
            name::STEREO if part.integer(window)? == 0 => {}
            name::STEREO | name::PROJECTION => return Err(Unread::Unknown),
            _ => {}
        }
        Ok(())
    })?;
    let wide = |one: u32, other: u32| u64::from(one) * u64::from(other);
    let (above, below) = (wide(shown.0.unwrap_or(kept.0), kept.1), wide(shown.1.unwrap_or(kept.1), kept.0));
    // Pixels, centimetres, inches and a bare shape all tell how wide they are against their height.
    if unit > 3 {
        return Err(Unread::Unknown);
    }
    let pixel = (above > 0 && below > 0).then(|| nearest(above, below, 255));
    Ok(Screen { kept, pixel, is_turned: false })
}
