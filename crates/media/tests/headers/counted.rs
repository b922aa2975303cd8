//! Reading headers of whatever bytes there are, within bounds.

use motet_media::header::{self, Source};
use motet_media::sniff::sniff;

/// Measures a file of these bytes by what it seems to be; it must be left soon.
pub fn read_counted(bytes: &[u8]) {
    if let Some(sniffed) = sniff(bytes) {
        let mut source = Counting { length: bytes.len() as u64, bytes, reads: 0, read: 0 };
        let read = header::read(&mut source, sniffed.mime);
        assert!(source.reads < 10_000 && source.read < 64 << 20, "{} reads: {read:?}", source.reads);
    }
}

/// A source that counts what is read of it.
pub struct Counting<'a> {
    pub bytes: &'a [u8],
    pub length: u64,
    pub reads: u64,
    pub read: u64,
}

impl Source for Counting<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reads += 1;
        self.read += buffer.len() as u64;
        let begin = (at % self.bytes.len() as u64) as usize;
        for (place, byte) in
            buffer.iter_mut().zip(self.bytes[begin..].iter().chain(self.bytes.iter().cycle()))
        {
            *place = *byte;
        }
        Ok(buffer.len())
    }
}
