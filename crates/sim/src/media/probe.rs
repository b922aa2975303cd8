//! Measures uploads, so that outputs can match them. Hostile bytes give `None`.

use super::{Format, Media};

/// What stands before the samples of a plain WAV.
const WAV_HEAD_BYTES: usize = 44;

/// The job that made a file, if it has a mark near its start or end.
pub(crate) fn find_mark(bytes: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"motet-sim:";
    const NEAR: usize = 4096;
    let (head, tail) = (&bytes[..bytes.len().min(NEAR)], &bytes[bytes.len().saturating_sub(NEAR)..]);
    [head, tail].into_iter().find_map(|part| {
        let at = part.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
        let job: Vec<u8> = part[at..]
            .iter()
            .copied()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            .take(64)
            .collect();
        String::from_utf8(job).ok()
    })
}

/// The size or length of a file.
pub(crate) fn measure(bytes: &[u8]) -> Option<Media> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let low = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if bytes.starts_with(b"\x89PNG") {
        return Some(Media::picture(Format::Png, word(16)?, word(20)?, 0));
    }
    if bytes.starts_with(&[0xff, 0xd8]) {
        let (width, height) = jpeg(bytes)?;
        return Some(Media::picture(Format::Jpeg, width, height, 0));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12)? == b"WAVE" {
        let a_second = u64::from(low(28)?.max(1));
        let sound = bytes.len().saturating_sub(WAV_HEAD_BYTES) as u64;
        return Some(Media::sound(Format::Wav { rate: low(24)? }, sound * 1000 / a_second, 0));
    }
    if bytes.starts_with(b"ID3") || (bytes.first()? == &0xff && bytes.get(1)? & 0xe0 == 0xe0) {
        return mp3(bytes).map(|length| Media::sound(Format::MP3, length, 0));
    }
    if bytes.get(4..8)? == b"ftyp" {
        return film(bytes);
    }
    None
}

fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let head = bytes.get(at..at + 9)?;
        let half = |at: usize| u32::from(head[at]) << 8 | u32::from(head[at + 1]);
        if head[0] != 0xff {
            return None;
        }
        if matches!(head[1], 0xc0..=0xc3) {
            return Some((half(7), half(5)));
        }
        at += 2 + half(2) as usize;
    }
}

/// The length, by the bit rate of the first frame.
fn mp3(bytes: &[u8]) -> Option<u64> {
    let start = match bytes.get(..10)? {
        [b'I', b'D', b'3', _, _, _, size @ ..] => {
            10 + size.iter().fold(0, |sum, seven| sum << 7 | usize::from(*seven))
        }
        _ => 0,
    };
    let frame = bytes.get(start..start + 4)?;
    let second = usize::from(frame[1] & 0x08 == 0);
    let kilobits = *super::mp3::KILOBITS[second].get(usize::from(frame[2] >> 4))?;
    Some((bytes.len() - start) as u64 * 8 / u64::from(kilobits.max(1)))
}

/// The length and size of an MP4, by `mvhd` and `avc1`.
fn film(bytes: &[u8]) -> Option<Media> {
    let find = |name: &[u8; 4]| bytes.windows(4).position(|window| window == name);
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let half = |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let movie = find(b"mvhd")?;
    let scale = u64::from(word(movie + 16)?.max(1));
    let length = u64::from(word(movie + 20)?) * 1000 / scale;
    let entry =
        find(b"avcC").map(|at| at.saturating_sub(86)).filter(|at| bytes.get(*at..*at + 4) == Some(b"avc1"));
    let (width, height) = match entry {
        Some(at) => (half(at + 28)?, half(at + 30)?),
        None => (1280, 720),
    };
    Some(Media::film(width, height, length, 25, false, 0))
}
