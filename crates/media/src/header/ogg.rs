//! Ogg with one stream of Opus or Vorbis, or several one behind the other: pages tell how far they play.

use super::Unread;
use super::window::Window;
use crate::probe::Probed;

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let mut at = 0;
    let mut seconds = 0.0;
    let mut stream: Option<Stream> = None;
    while at < window.length() {
        let Some(page) = Page::read(window, at)? else { break };
        at = page.end;
        if page.is_first {
            seconds += stream.map_or(0.0, |stream| stream.seconds());
            stream = Some(Stream::begin(window, &page)?);
        } else {
            // Streams side by side are no sound alone.
            let stream = stream.as_mut().filter(|stream| stream.serial == page.serial);
            stream.ok_or(Unread::Unknown)?.follow(&page)?;
        }
    }
    let stream = stream.filter(|stream| stream.played.is_some()).ok_or(Unread::Unknown)?;
    Ok(Probed::sound(seconds + stream.seconds())?)
}

/// A page: a head, the sizes of its segments, and those.
struct Page {
    is_first: bool,
    serial: u32,
    /// The number of the sample behind the last packet that ends here, if one does.
    played: Option<u64>,
    /// How many packets end here.
    packets: u64,
    body: u64,
    end: u64,
}

impl Page {
    /// The page at `at`; nothing if something else stands there.
    fn read(window: &mut Window, at: u64) -> Result<Option<Page>, Unread> {
        let left = window.length() - at;
        if window.piece(at, left.min(4) as usize)? != &b"OggS"[..left.min(4) as usize] {
            return Ok(None);
        }
        if left < 27 {
            return cut();
        }
        let head: [u8; 27] = window.bytes(at)?;
        let [.., count] = head;
        if left < 27 + u64::from(count) {
            return cut();
        }
        let segments = window.piece(at + 27, usize::from(count))?;
        let packets = segments.iter().filter(|segment| **segment < 255).count() as u64;
        let length: u64 = segments.iter().map(|segment| u64::from(*segment)).sum();
        let body = at + 27 + u64::from(count);
        if body + length > window.length() {
            return cut();
        }
        let played = head[6..14].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(Some(Page {
            is_first: head[5] & 2 != 0,
            serial: u32::from_le_bytes([head[14], head[15], head[16], head[17]]),
            played: i64::try_from(played).ok().map(i64::unsigned_abs),
            packets,
            body,
            end: body + length,
        }))
    }
}

fn cut<T>() -> Result<T, Unread> {
    Unread::refused("truncated: the file ends too early")
}

/// A stream of one codec.
struct Stream {
    serial: u32,
    rate: u32,
    /// Samples that a decoder gives and nobody hears.
    skipped: u64,
    /// The most samples that a packet holds.
    packet_max: u64,
    played: Option<u64>,
}

impl Stream {
    fn begin(window: &mut Window, page: &Page) -> Result<Stream, Unread> {
        let head: [u8; 19] = window.bytes(page.body)?;
        let serial = page.serial;
        if head.starts_with(b"OpusHead") {
            let skipped = u64::from(u16::from_le_bytes([head[10], head[11]]));
            // A packet has up to 120 ms.
            Ok(Stream { serial, rate: 48_000, skipped, packet_max: 5760, played: None })
        } else if head.starts_with(b"\x01vorbis") {
            match u32::from_le_bytes([head[12], head[13], head[14], head[15]]) {
                0 => Err(Unread::Unknown),
                rate => Ok(Stream { serial, rate, skipped: 0, packet_max: 8192, played: None }),
            }
        } else {
            Err(Unread::Unknown)
        }
    }

    /// Goes on with a page. A stream that doesn't begin with its first sample is a part of a recording.
    fn follow(&mut self, page: &Page) -> Result<(), Unread> {
        match (self.played, page.played) {
            (_, None) => Ok(()),
            (None, Some(played)) if played > self.packet_max * page.packets => Err(Unread::Unknown),
            (_, played) => {
                self.played = self.played.max(played);
                Ok(())
            }
        }
    }

    fn seconds(&self) -> f64 {
        self.played.unwrap_or(0).saturating_sub(self.skipped) as f64 / f64::from(self.rate)
    }
}
