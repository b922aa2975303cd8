//! What some bytes are, detected by their beginning and never by a name.

use motet_pipeline::MediaKind;

use crate::Orientation;

/// What bytes seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// What sort of media.
    pub kind: MediaKind,
    /// Its media type, such as `image/png`.
    pub mime: &'static str,
    /// Width and height in pixels, as displayed, for an image whose header is among the bytes.
    pub size: Option<(u32, u32)>,
}

/// How many bytes of a file [`sniff`] wants to see. In a photograph the size comes after its
/// description and a small copy of the picture, which may be 64 KiB each.
pub const HEAD_BYTES: usize = 256 << 10;

/// How far the type is looked for.
const TYPE_BYTES: usize = 4096;

/// Tells the type of a file by its beginning (of [`HEAD_BYTES`] or more). `None`: not known.
///
/// An MP4, WebM or Ogg file may hold sound alone: only ffprobe can tell, see [`crate::probe`].
///
/// ```
/// use motet_media::sniff::sniff;
/// assert_eq!(sniff(b"RIFF\x24\0\0\0WAVEfmt ").unwrap().mime, "audio/wav");
/// assert_eq!(sniff(b"\x00\x01\x02\xff"), None);
/// ```
pub fn sniff(head: &[u8]) -> Option<Sniffed> {
    let (kind, mime) = by_magic(head).or_else(|| by_text(&head[..head.len().min(TYPE_BYTES)]))?;
    let size = match kind {
        MediaKind::Image => image_size(head),
        _ => None,
    };
    Some(Sniffed { kind, mime, size })
}

fn by_magic(head: &[u8]) -> Option<(MediaKind, &'static str)> {
    use MediaKind::{Audio, File, Image, Video};
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let riff = |form: &[u8]| at(0, b"RIFF") && at(8, form);
    let found = if at(0, b"\x89PNG\r\n\x1a\n") {
        (Image, "image/png")
    } else if at(0, b"\xff\xd8\xff") {
        (Image, "image/jpeg")
    } else if riff(b"WEBP") {
        (Image, "image/webp")
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        (Image, "image/gif")
    } else if at(4, b"ftyp") {
        return Some(by_brand(head.get(8..12)?, head));
    } else if at(4, b"moov") || at(4, b"mdat") || at(4, b"wide") {
        (Video, "video/quicktime")
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        let webm = head[..head.len().min(TYPE_BYTES)].windows(4).any(|window| window == b"webm");
        (Video, if webm { "video/webm" } else { "video/x-matroska" })
    } else if riff(b"WAVE") {
        (Audio, "audio/wav")
    } else if riff(b"AVI ") {
        (Video, "video/x-msvideo")
    } else if at(0, b"OggS") {
        (Audio, "audio/ogg")
    } else if at(0, b"fLaC") {
        (Audio, "audio/flac")
    } else if at(0, b"ID3") {
        (Audio, "audio/mpeg")
    } else if at(0, b"II*\0") || at(0, b"MM\0*") {
        (Image, "image/tiff")
    } else if at(0, b"BM") && at(6, &[0; 4]) {
        (Image, "image/bmp")
    } else if at(0, b"\xff\x0a") || at(0, b"\0\0\0\x0cJXL \r\n\x87\n") {
        (Image, "image/jxl")
    } else if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        (Audio, "audio/aiff")
    } else if at(0, b"caff") {
        (Audio, "audio/x-caf")
    } else if at(0, b"#!AMR") {
        (Audio, "audio/amr")
    } else if at(0, b"FLV\x01") {
        (Video, "video/x-flv")
    } else if at(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11") {
        (Video, "video/x-ms-asf")
    } else if at(0, b"\0\0\x01\xba") {
        (Video, "video/mpeg")
    } else if transport_packet(head).is_some() {
        (Video, "video/mp2t")
    } else if at(0, b"%PDF-") {
        (File, "application/pdf")
    } else {
        return by_frame(head);
    };
    Some(found)
}

/// The type of an ISO media file by its major brand, and where that names a family of pictures, by the others.
fn by_brand(brand: &[u8], head: &[u8]) -> (MediaKind, &'static str) {
    match brand {
        b"M4A " | b"M4B " => (MediaKind::Audio, "audio/mp4"),
        b"qt  " => (MediaKind::Video, "video/quicktime"),
        b"avif" | b"avis" => (MediaKind::Image, "image/avif"),
        b"mif1" | b"msf1" if head[..head.len().min(64)].chunks(4).any(|brand| brand == b"avif") => {
            (MediaKind::Image, "image/avif")
        }
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            (MediaKind::Image, "image/heic")
        }
        _ => (MediaKind::Video, "video/mp4"),
    }
}

/// How long the packets of an MPEG transport stream are, if `head` begins with three of them; those of a camera
/// have four bytes of time before each.
pub fn transport_packet(head: &[u8]) -> Option<usize> {
    const MARK: u8 = 0x47;
    [(188, 0), (192, 4)]
        .into_iter()
        .find(|(length, at)| (0..3).all(|packet| head.get(at + packet * length) == Some(&MARK)))
        .map(|(length, _)| length)
}

/// MPEG sound without any header: it begins with the eleven or twelve set bits of a frame.
fn by_frame(head: &[u8]) -> Option<(MediaKind, &'static str)> {
    let &[first, second, third, ..] = head else { return None };
    if first != 0xff {
        return None;
    }
    let layer = (second >> 1) & 3;
    let bitrate = third >> 4;
    if second & 0xf6 == 0xf0 {
        Some((MediaKind::Audio, "audio/aac"))
    } else if second & 0xe0 == 0xe0 && matches!(layer, 1 | 2) && bitrate != 0 && bitrate != 15 {
        Some((MediaKind::Audio, "audio/mpeg"))
    } else {
        None
    }
}

fn by_text(head: &[u8]) -> Option<(MediaKind, &'static str)> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.is_empty()
        || text.chars().any(|character| character.is_control() && !"\t\n\r\u{c}".contains(character))
    {
        return None;
    }
    let mime = if text.starts_with("WEBVTT") {
        "text/vtt"
    } else if text.starts_with("[Script Info]") {
        "text/x-ssa"
    } else if is_srt(text) {
        "application/x-subrip"
    } else if text.starts_with(['{', '[']) {
        "application/json"
    } else {
        "text/plain"
    };
    Some((MediaKind::File, mime))
}

/// A number alone on a line, then a line of two times with an arrow between.
fn is_srt(text: &str) -> bool {
    let mut lines = text.lines();
    let number = lines.next().is_some_and(|line| line.trim().parse::<u32>().is_ok());
    number && lines.next().is_some_and(|line| line.contains(" --> ") && line.contains(','))
}

fn image_size(head: &[u8]) -> Option<(u32, u32)> {
    let size = imagesize::blob_size(head).ok()?;
    let (width, height) = (u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?);
    let lies = Orientation::of_jpeg(head).is_some_and(Orientation::is_quarter);
    Some(if lies { (height, width) } else { (width, height) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0\x08\x02\0\0\0";

    #[test]
    fn every_known_type_is_told_by_its_first_bytes() {
        let packets = |length: usize, before: usize| {
            let mut packet = vec![0; length];
            packet[before] = 0x47;
            packet.repeat(3)
        };
        let (stream, camera) = (packets(188, 0), packets(192, 4));
        let table: [(&[u8], &str); 36] = [
            (PNG, "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", "video/mp4"),
            (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
            (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
            (b"\x1a\x45\xdf\xa3\x9fB\x82\x88matroska", "video/x-matroska"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
            (b"ID3\x04\0\0", "audio/mpeg"),
            (b"\xff\xfb\x90\x64", "audio/mpeg"),
            (b"\xff\xf1\x50\x80", "audio/aac"),
            (b"OggS\0\x02", "audio/ogg"),
            (b"fLaC\0\0\0\"", "audio/flac"),
            (b"II*\0\x08\0\0\0", "image/tiff"),
            (b"BM\x36\0\x0c\0\0\0\0\0\x36\0", "image/bmp"),
            (b"\xff\x0a\xfa\x1f", "image/jxl"),
            (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "image/jxl"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "image/avif"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"),
            (b"FORM\0\0\x10\0AIFFCOMM", "audio/aiff"),
            (b"caff\0\x01\0\0desc", "audio/x-caf"),
            (b"FLV\x01\x05\0\0\0\x09", "video/x-flv"),
            (b"\0\0\x01\xba\x44", "video/mpeg"),
            (b"\xff\xfd\x90\x64", "audio/mpeg"),
            (&stream, "video/mp2t"),
            (b"%PDF-1.7", "application/pdf"),
            (b"1\n00:00:00,000 --> 00:00:01,000\nHi", "application/x-subrip"),
            (b"\xef\xbb\xbfWEBVTT\n\n", "text/vtt"),
            (b"[Script Info]\nTitle: x", "text/x-ssa"),
            (b" {\"a\":1}", "application/json"),
            (b"[1,2]", "application/json"),
            (b"Once upon a time", "text/plain"),
            ("naïve \u{1f3b5}".as_bytes(), "text/plain"),
            (&"naïve".as_bytes()[..3], "text/plain"),
        ];
        assert_eq!([&stream, &camera].map(|head| transport_packet(head)), [Some(188), Some(192)]);
        for (head, mime) in table {
            assert_eq!(
                sniff(head).map(|sniffed| sniffed.mime),
                Some(mime),
                "{}",
                String::from_utf8_lossy(head)
            );
        }
    }

    #[test]
    fn what_is_unknown_is_not_guessed() {
        let table: [&[u8]; 7] =
            [b"", b" \n", b"\0\0\0\0", b"\xff", b"\xff\xff\xff\xff", b"RIFF\0\0\0\0", b"a\0b"];
        for head in table {
            assert_eq!(sniff(head), None, "{head:?}");
        }
    }

    #[test]
    fn the_size_of_a_photograph_comes_after_its_description() {
        let mut photograph = b"\xff\xd8".to_vec();
        for _ in 0..2 {
            photograph.extend(b"\xff\xe1\xff\xff");
            photograph.resize(photograph.len() + 0xfffd, 0);
        }
        photograph.extend(b"\xff\xc0\0\x11\x08\x02\xd0\x05\0\x03\x01\x22\0\x02\x11\x01\x03\x11\x01");
        assert!(photograph.len() < HEAD_BYTES);
        assert_eq!(sniff(&photograph).unwrap().size, Some((1280, 720)));
    }

    #[test]
    fn the_size_of_a_photograph_is_that_of_the_upright_picture() {
        let photograph = crate::orientation::tests::photograph;
        assert_eq!(sniff(&photograph(1, true)).unwrap().size, Some((640, 360)));
        assert_eq!(sniff(&photograph(6, true)).unwrap().size, Some((360, 640)));
    }

    #[test]
    fn the_size_of_an_image_is_in_its_header() {
        assert_eq!(sniff(PNG).unwrap().size, Some((1280, 720)));
        assert_eq!(sniff(&PNG[..12]).unwrap().size, None, "a truncated header has no size");
    }
}
