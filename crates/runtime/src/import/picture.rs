//! Whether a picture is whole, told without decoding it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use motet_media::sniff::Sniffed;

const TRUNCATED: &str = "truncated: the picture ends too early";

/// How much of a file's end is looked at for the mark of its end. Some programs write notes behind it.
const TAIL_BYTES: u64 = 64 * 1024;

/// Judges the picture at `path`; the inner error is what is wrong with it.
pub(super) fn judge(path: &Path, sniffed: &Sniffed) -> io::Result<Result<(), &'static str>> {
    let mut file = File::open(path)?;
    let whole = match sniffed.mime {
        "image/png" => has_png_end(&mut file)?,
        "image/jpeg" => tail(&mut file)?.windows(2).any(|mark| mark == b"\xff\xd9"),
        "image/gif" => tail(&mut file)?.contains(&b';'),
        "image/webp" => has_riff_length(&mut file)?,
        _ => true,
    };
    Ok(match (whole, sniffed.size) {
        (false, _) => Err(TRUNCATED),
        (true, Some((0, _) | (_, 0))) => Err("the picture has no width or no height"),
        (true, None) if matches!(sniffed.mime, "image/png" | "image/gif") => Err(TRUNCATED),
        (true, _) => Ok(()),
    })
}

/// Goes from chunk to chunk to the one that ends a PNG.
fn has_png_end(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let mut at = 8;
    let mut head = [0; 8];
    // A chunk has four bytes of length, four of type, its data, and four of checksum.
    while at + 12 <= length {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let data = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        at += 12 + u64::from(data);
        if &head[4..] == b"IEND" {
            return Ok(at <= length);
        }
    }
    Ok(false)
}

fn has_riff_length(file: &mut File) -> io::Result<bool> {
    let mut head = [0; 8];
    let length = file.metadata()?.len();
    if length < 8 {
        return Ok(false);
    }
    file.read_exact(&mut head)?;
    let data = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    Ok(8 + u64::from(data) <= length)
}

fn tail(file: &mut File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    Ok(tail)
}
