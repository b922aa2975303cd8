//! Stills that not every ffmpeg reads: whether this one does is found by decoding the first picture, when the file
//! comes in.

use motet_pipeline::Failure;
use serde::Deserialize;

use crate::ffmpeg::{FORMATS, PROTOCOLS};

/// Whether only some builds of ffmpeg read pictures of the type `mime` that begin with `head`.
///
/// ```
/// use motet_media::still::is_in_doubt;
/// assert!(is_in_doubt("image/heic", b""));
/// assert!(!is_in_doubt("image/png", b""));
/// ```
pub fn is_in_doubt(mime: &str, head: &[u8]) -> bool {
    match mime {
        "image/avif" | "image/bmp" | "image/heic" | "image/jxl" | "image/tiff" => true,
        // A flag of the extended form says that the pictures move.
        "image/webp" => head.get(12..16) == Some(b"VP8X") && head.get(20).is_some_and(|flags| flags & 2 != 0),
        _ => false,
    }
}

/// The arguments with which ffprobe decodes the first picture of `file`; its standard output is for [`read`].
pub fn arguments(file: &str) -> Vec<String> {
    let quiet = ["-hide_banner", "-loglevel", "error", "-protocol_whitelist", PROTOCOLS];
    let report = ["-format_whitelist", FORMATS, "-of", "json", "-select_streams", "v:0"];
    let first = ["-read_intervals", "%+#1", "-show_entries", "frame=width,height", "-i", file];
    quiet.into_iter().chain(report).chain(first).map(str::to_owned).collect()
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    width: u32,
    height: u32,
}

/// Width and height of the first picture, if it was decoded.
///
/// ```
/// use motet_media::still::read;
/// assert_eq!(read(br#"{"frames":[{"width":64,"height":36}]}"#), Some((64, 36)));
/// assert_eq!(read(b"{}"), None);
/// ```
pub fn read(json: &[u8]) -> Option<(u32, u32)> {
    let Report { frames } = serde_json::from_slice(json).ok()?;
    frames.first().map(|frame| (frame.width, frame.height))
}

/// The refusal of a picture of the type `mime` that this ffmpeg can't read.
pub fn unreadable(mime: &str) -> Failure {
    let (name, way) = match mime {
        "image/avif" => ("AVIF", "PNG or JPEG"),
        "image/bmp" => ("BMP", "PNG"),
        "image/heic" => ("HEIC", "JPEG or PNG"),
        "image/jxl" => ("JPEG XL", "PNG or JPEG"),
        "image/tiff" => ("TIFF, or the raw format of a camera", "PNG or JPEG"),
        _ => ("an animated WebP", "MP4, or to PNG for a still"),
    };
    Failure::invalid(format!("it is {name}, which this ffmpeg can't read; convert it to {way}"))
}
