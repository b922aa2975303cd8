//! Whether all of a file is there, detected by its structure without decoding it: by the mark of its end,
//! or by the lengths that it says its parts have.
//!
//! This is for what ffprobe doesn't see. A file that is called cut short here is: what can't be determined
//! (a stream of raw frames, a length that was unknown when the file was begun) passes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek};
use std::path::Path;

use motet_media::sniff::transport_packet;

/// Whether the file at `path`, which is of the type `mime`, goes to its end.
pub(super) fn is_whole(path: &Path, mime: &str) -> io::Result<bool> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut source = Source { reader: BufReader::new(file), length };
    let judged = match mime {
        "image/png" => source.has_png_end(),
        "image/jpeg" => source.has_jpeg_end(),
        "image/gif" => source.has_gif_end(),
        "image/avif" | "image/heic" => source.has_all_boxes(),
        "image/webp" | "video/x-msvideo" => source.has_riff_length(),
        "audio/wav" => source.has_wav_data(),
        "audio/aiff" => source.has_form_length(),
        "audio/ogg" => source.has_whole_pages(),
        "audio/mpeg" => source.has_counted_bytes(),
        "video/mp2t" => source.has_whole_packets(),
        _ => Ok(true),
    };
    match judged {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        judged => judged,
    }
}

/// A file that is gone through. What is missing shows as [`ErrorKind::UnexpectedEof`].
struct Source {
    reader: BufReader<File>,
    length: u64,
}

/// Writers that can't go back leave zero or about the largest number where a length should be.
fn is_known(length: u32) -> bool {
    length != 0 && length < 0x7fff_0000
}

impl Source {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    /// Goes over `count` bytes, all of which must be there.
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let at = self.reader.stream_position()?;
        if count > self.length.saturating_sub(at) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.reader.seek_relative(i64::try_from(count).map_err(io::Error::other)?)
    }

    /// From chunk to chunk to the one that ends a PNG.
    fn has_png_end(&mut self) -> io::Result<bool> {
        self.skip(8)?;
        loop {
            let length = u32::from_be_bytes(self.bytes()?);
            let kind: [u8; 4] = self.bytes()?;
            // The data, and four bytes of checksum.
            self.skip(u64::from(length) + 4)?;
            if &kind == b"IEND" {
                return Ok(true);
            }
        }
    }

    /// From marker to marker to the one that ends a JPEG. A small copy of the picture, in a
    /// description, has such a marker too: descriptions are gone over.
    fn has_jpeg_end(&mut self) -> io::Result<bool> {
        loop {
            self.reader.skip_until(0xff)?;
            match self.byte()? {
                // A byte of the picture that looks like a marker; marks without a length.
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                // Filling: the next byte may be the marker.
                0xff => self.reader.seek_relative(-1)?,
                0xd9 => return Ok(true),
                _ => {
                    let length = u16::from_be_bytes(self.bytes()?);
                    self.skip(u64::from(length).saturating_sub(2))?;
                }
            }
        }
    }

    /// From block to block to the one that ends a GIF.
    fn has_gif_end(&mut self) -> io::Result<bool> {
        let [.., flags, _, _]: [u8; 13] = self.bytes()?;
        self.skip_colours(flags)?;
        loop {
            match self.byte()? {
                b';' => return Ok(true),
                b'!' => self.skip(1)?,
                b',' => {
                    let [.., flags]: [u8; 9] = self.bytes()?;
                    self.skip_colours(flags)?;
                    self.skip(1)?;
                }
                // Some writers end a picture twice.
                0 => continue,
                _ => return Ok(false),
            }
            while let length @ 1.. = self.byte()? {
                self.skip(u64::from(length))?;
            }
        }
    }

    /// Goes over the table of colours of a GIF, if `flags` say that there is one.
    fn skip_colours(&mut self, flags: u8) -> io::Result<()> {
        match flags & 0x80 {
            0 => Ok(()),
            _ => self.skip(3 << ((flags & 7) + 1)),
        }
    }

    /// From box to box to the end of the file.
    fn has_all_boxes(&mut self) -> io::Result<bool> {
        while self.reader.stream_position()? < self.length {
            let length = u32::from_be_bytes(self.bytes()?);
            self.skip(4)?;
            match length {
                // To the end of the file, however far that is.
                0 => return Ok(true),
                1 => {
                    let length = u64::from_be_bytes(self.bytes()?);
                    self.skip(length.saturating_sub(16))?;
                }
                _ => self.skip(u64::from(length).saturating_sub(8))?,
            }
        }
        Ok(true)
    }

    fn has_riff_length(&mut self) -> io::Result<bool> {
        self.skip(4)?;
        let length = u32::from_le_bytes(self.bytes()?);
        // A byte that only makes the length even may be missing.
        Ok(!is_known(length) || 8 + u64::from(length) <= self.length + 1)
    }

    fn has_form_length(&mut self) -> io::Result<bool> {
        self.skip(4)?;
        let length = u32::from_be_bytes(self.bytes()?);
        Ok(!is_known(length) || 8 + u64::from(length) <= self.length + 1)
    }

    /// To the chunk of a WAV that holds the sound.
    fn has_wav_data(&mut self) -> io::Result<bool> {
        self.skip(12)?;
        loop {
            let kind: [u8; 4] = self.bytes()?;
            let length = u32::from_le_bytes(self.bytes()?);
            if &kind == b"data" {
                let left = self.length - self.reader.stream_position()?;
                return Ok(!is_known(length) || u64::from(length) <= left);
            }
            self.skip(u64::from(length) + u64::from(length % 2))?;
        }
    }

    /// A transport stream is made of packets of one length.
    fn has_whole_packets(&mut self) -> io::Result<bool> {
        let mut head = Vec::new();
        self.reader.by_ref().take(1024).read_to_end(&mut head)?;
        Ok(transport_packet(&head).is_none_or(|length| self.length.is_multiple_of(length as u64)))
    }

    /// From page to page of an Ogg file.
    fn has_whole_pages(&mut self) -> io::Result<bool> {
        while self.reader.stream_position()? < self.length {
            let [mark @ .., segments]: [u8; 27] = self.bytes()?;
            if !mark.starts_with(b"OggS") {
                // Something else stands behind the sound, such as a description.
                return Ok(true);
            }
            let mut length = 0;
            for _ in 0..segments {
                length += u64::from(self.byte()?);
            }
            self.skip(length)?;
        }
        Ok(true)
    }

    /// The first frame of an MP3 may say how many bytes there are.
    fn has_counted_bytes(&mut self) -> io::Result<bool> {
        let begin = self.skip_description()?;
        let mut frame = Vec::new();
        self.reader.by_ref().take(64).read_to_end(&mut frame)?;
        let tag = frame.windows(4).position(|mark| mark == b"Xing" || mark == b"Info");
        let Some(tag) = tag.and_then(|at| frame.get(at + 4..at + 16)) else { return Ok(true) };
        let number = |at: usize| u32::from_be_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]);
        // The flags say which numbers follow: that of the frames, that of the bytes.
        let bytes = match number(0) & 3 {
            3 => number(8),
            2 => number(4),
            _ => return Ok(true),
        };
        Ok(begin + u64::from(bytes) <= self.length)
    }

    /// Goes over what stands before the sound of an MP3; where the sound begins.
    fn skip_description(&mut self) -> io::Result<u64> {
        let head: [u8; 10] = self.bytes()?;
        let mut length = 0;
        if head.starts_with(b"ID3") {
            // Seven bits a byte.
            length = head[6..].iter().fold(0, |length, byte| length << 7 | u64::from(byte & 0x7f));
            self.skip(length)?;
            return Ok(10 + length);
        }
        self.reader.rewind()?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: &[u8], mime: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        is_whole(&path, mime).unwrap()
    }

    fn wav(said: u32, there: usize) -> Vec<u8> {
        let said = said.to_le_bytes();
        let odd = [b"LIST\x03\0\0\0abc\0".as_slice(), b"data", &said].concat();
        [b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0".as_slice(), &odd, &vec![7; there]].concat()
    }

    /// A page with one segment.
    fn page(bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [b"OggS".as_slice(), &[0; 22], &[1, length], bytes].concat()
    }

    fn mp3(said: u32, there: usize) -> Vec<u8> {
        let mut bytes = b"ID3\x04\0\0\0\0\x01\x00".to_vec();
        bytes.resize(10 + 128, 0);
        bytes.extend([0xff, 0xfb, 0x90, 0x64]);
        bytes.extend([0; 32]);
        bytes.extend(b"Xing\0\0\0\x03\0\0\0\x05");
        bytes.extend(said.to_be_bytes());
        bytes.resize(138 + there, 0);
        bytes
    }

    /// A description that holds a small copy, a scan with a byte that looks like a marker, the end.
    const JPEG: &[u8] =
        b"\xff\xd8\xff\xe1\0\x06\xff\xd8\xff\xd9\xff\xff\xda\0\x03\0ab\xff\0c\xff\xd0d\xff\xd9";
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0abcdef!\xf9\x04;;;;\0,\0\0\0\0\x01\0\x01\0\0\x02\x02;;\0;";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x01IDATx____\0\0\0\0IEND\xaeB`\x82";

    #[test]
    fn every_cut_of_what_has_an_end_is_seen_and_what_stands_behind_it_is_not_in_the_way() {
        let pages = [page(b"abc"), page(b"")].concat();
        let boxes = b"\0\0\0\x0cftypavif\0\0\0\x01mdat\0\0\0\0\0\0\0\x12xy";
        let webp = b"RIFF\x0c\0\0\0WEBPVP8 ....";
        let table: [(&[u8], &str); 4] =
            [(JPEG, "image/jpeg"), (GIF, "image/gif"), (PNG, "image/png"), (webp, "image/webp")];
        for (bytes, mime) in table {
            assert!(judged(bytes, mime), "{mime}");
            assert!(judged(&[bytes, b"notes"].concat(), mime), "{mime} with notes");
            // The last byte of a RIFF file may be there for evenness alone.
            let last = if mime == "image/webp" { bytes.len() - 1 } else { bytes.len() };
            (8..last).for_each(|end| assert!(!judged(&bytes[..end], mime), "{mime} cut at {end}"));
        }
        assert!(judged(&pages, "audio/ogg") && judged(boxes, "image/avif"));
        for cut in [10, 29, 30, 40] {
            assert!(!judged(&pages[..cut], "audio/ogg"), "{cut}");
        }
        for cut in [6, 11, 20, boxes.len() - 1] {
            assert!(!judged(&boxes[..cut], "image/avif"), "{cut}");
        }
    }

    #[test]
    fn sound_has_the_length_that_it_says_and_may_say_none() {
        assert!(judged(&wav(8, 8), "audio/wav") && judged(&wav(8, 20), "audio/wav"));
        assert!(!judged(&wav(9, 8), "audio/wav") && !judged(&wav(9, 0)[..20], "audio/wav"));
        for unknown in [0, u32::MAX, 0x7fff_f000] {
            assert!(judged(&wav(unknown, 8), "audio/wav"), "{unknown}");
        }
        assert!(judged(&mp3(400, 400), "audio/mpeg") && judged(&mp3(400, 528), "audio/mpeg"));
        assert!(!judged(&mp3(400, 399), "audio/mpeg"));
        assert!(judged(b"\xff\xfb\x90\x64 and no word on its length", "audio/mpeg"));
        assert!(judged(b"fLaC", "audio/flac"), "what isn't known passes");
        let form = |said: u32| [b"FORM".as_slice(), &said.to_be_bytes(), b"AIFFCOMM"].concat();
        assert!(
            judged(&form(8), "audio/aiff")
                && judged(&form(0), "audio/aiff")
                && !judged(&form(20), "audio/aiff")
        );
        let mut packet = [0; 188];
        packet[0] = 0x47;
        let stream = packet.repeat(5);
        assert!(judged(&stream, "video/mp2t") && !judged(&stream[..700], "video/mp2t"));
    }
}
