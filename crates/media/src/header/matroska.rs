//! WebM and Matroska: what the file tells of itself, and where its pictures and sound begin. A recording that
//! was written without its length is gone through.

mod entry;

use super::Unread;
use super::ebml::{Element, number};
use super::window::Window;
use crate::probe::Probed;
use entry::{Entry, Kind};

/// The names of elements.
mod name {
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_a966;
    pub(super) const SCALE: u32 = 0x2a_d7b1;
    pub(super) const LENGTH: u32 = 0x4489;
    pub(super) const TRACKS: u32 = 0x1654_ae6b;
    pub(super) const ENTRY: u32 = 0xae;
    pub(super) const CLUSTER: u32 = 0x1f43_b675;
    pub(super) const TIME: u32 = 0xe7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
    pub(super) const GROUP: u32 = 0xa0;
    pub(super) const BLOCK: u32 = 0xa1;
}

/// Tracks of a file that are looked at.
const TRACKS_MAX: usize = 64;

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let mut at = 0;
    let mut film = Film::new();
    while at < window.length() && !film.is_known() {
        let element = Element::read(window, at)?;
        at = match element.name {
            // What is in these follows; where they end is told by what comes then.
            name::SEGMENT | name::CLUSTER | name::GROUP => {
                film.enter(window, element)?;
                element.body
            }
            _ => {
                let end = element.end.ok_or(Unread::Unknown)?;
                if end > window.length() {
                    return cut();
                }
                film.take(window, element)?;
                end
            }
        };
    }
    film.measure()
}

fn cut<T>() -> Result<T, Unread> {
    Unread::refused("truncated: the file ends too early")
}

/// What is known so far.
struct Film {
    /// Nanoseconds of a unit of time.
    scale: u64,
    /// Whether the file tells where it ends, so that nothing that is missing there stays unseen.
    has_end: bool,
    /// In units, as the file tells it.
    length: Option<f64>,
    entries: Vec<Entry>,
    /// The time of the cluster that is gone through, in units.
    cluster: u64,
}

impl Film {
    fn new() -> Film {
        Film { scale: 1_000_000, has_end: false, length: None, entries: Vec::new(), cluster: 0 }
    }

    /// Whether nothing that follows matters.
    fn is_known(&self) -> bool {
        self.has_end
            && self.length.is_some()
            && !self.entries.is_empty()
            && self.entries.iter().all(Entry::has_begun)
    }

    fn enter(&mut self, window: &Window, element: Element) -> Result<(), Unread> {
        match element.end {
            Some(end) if end > window.length() => return cut(),
            end if element.name == name::SEGMENT => self.has_end = end.is_some(),
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, window: &mut Window, element: Element) -> Result<(), Unread> {
        match element.name {
            name::INFO => element.visit(window, |window, part| {
                match part.name {
                    name::SCALE => self.scale = part.integer(window)?,
                    name::LENGTH => self.length = Some(part.float(window)?),
                    _ => {}
                }
                Ok(())
            }),
            name::TRACKS => element.visit(window, |window, part| {
                if part.name != name::ENTRY {
                    return Ok(());
                }
                if self.entries.len() == TRACKS_MAX {
                    return Err(Unread::Unknown);
                }
                self.entries.extend(Entry::read(window, part)?);
                Ok(())
            }),
            name::TIME => {
                self.cluster = element.integer(window)?;
                Ok(())
            }
            name::SIMPLE_BLOCK | name::BLOCK => self.take_block(window, element.body),
            _ => Ok(()),
        }
    }

    /// A block begins with the number of its track and its time from that of the cluster on.
    fn take_block(&mut self, window: &mut Window, at: u64) -> Result<(), Unread> {
        let (track, length) = number(window, at, 8)?;
        let track = track ^ 1 << (7 * length);
        let offset = i64::from(window.u16(at + length)?.cast_signed());
        let time = i64::try_from(self.cluster).ok().and_then(|time| time.checked_add(offset));
        let time = time.ok_or(Unread::Unknown)? as f64 * self.scale as f64;
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == track) {
            entry.take_block(time);
        }
        Ok(())
    }

    fn measure(&self) -> Result<Probed, Unread> {
        let begin = self.entries.iter().filter_map(Entry::begin).reduce(f64::min).ok_or(Unread::Unknown)?;
        let end = match self.length {
            Some(length) => length * self.scale as f64,
            None => self.entries.iter().filter_map(Entry::end).reduce(f64::max).ok_or(Unread::Unknown)?,
        };
        // It tells when it ends, even where it begins late. What a decoder skips comes before its zero.
        let seconds = ((end / 1e3).trunc() - (begin / 1e3).round().max(0.0)) / 1e6;
        let mut screens = self.entries.iter().filter_map(|entry| match entry.kind {
            Kind::Pictures(screen) => Some((entry, screen)),
            Kind::Sound => None,
        });
        match (screens.next(), screens.next()) {
            (None, _) => Ok(Probed::sound(seconds)?),
            (Some((entry, screen)), None) => {
                let has_audio = self.entries.len() > 1;
                let rate = entry.rate(self.length.is_none()).ok_or(Unread::Unknown)?;
                Ok(Probed::video(screen.shown()?, seconds, Some(rate), has_audio)?)
            }
            _ => Err(Unread::Unknown),
        }
    }
}
