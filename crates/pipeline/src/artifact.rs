//! Artifacts: bytes that Motet keeps, named by their digest and measured once.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What sort of media some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// Moving pictures, with or without sound.
    Video,
    /// Sound alone.
    Audio,
    /// Any other bytes (subtitles, documents, data).
    File,
}

impl MediaKind {
    /// The word the language uses: `image`, `video`, `audio` or `file`.
    pub fn word(self) -> &'static str {
        match self {
            MediaKind::Image => "image",
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
            MediaKind::File => "file",
        }
    }

    /// The kind that a word of the language names.
    pub fn from_word(word: &str) -> Option<MediaKind> {
        [MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::File]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Bytes that are kept, by digest, with what was measured when they came in (law L5).
///
/// A measure that the kind doesn't have (the duration of a picture), or that can't be determined, is
/// `None`. In a journal an artifact is a JSON object with the key `$artifact` for its digest; see
/// [`crate::value::journal`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "$motet::Artifact")]
pub struct Artifact {
    /// Names the bytes.
    #[serde(rename = "$artifact")]
    pub digest: Digest,
    /// What sort of media it is, by its content.
    pub kind: MediaKind,
    /// The media type by its content, such as `image/png`.
    pub mime: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Width in pixels, as displayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels, as displayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Length in seconds, to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Pictures a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// Whether a video has a sound track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_audio: Option<bool>,
}

impl Artifact {
    /// The names by which an expression may ask an artifact of `kind` for its measures.
    pub fn fields(kind: MediaKind) -> &'static [&'static str] {
        match kind {
            MediaKind::Image => &["digest", "kind", "mime", "bytes", "width", "height"],
            MediaKind::Video => {
                &["digest", "kind", "mime", "bytes", "width", "height", "duration", "fps", "has_audio"]
            }
            MediaKind::Audio => &["digest", "kind", "mime", "bytes", "duration"],
            MediaKind::File => &["digest", "kind", "mime", "bytes"],
        }
    }

    /// The usual file ending for the media type, without the dot.
    pub fn extension(&self) -> &'static str {
        extension(&self.mime)
    }
}

/// The usual file endings of media types, without the dot.
const EXTENSIONS: [(&str, &str); 34] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/heic", "heic"),
    ("image/jxl", "jxl"),
    ("image/tiff", "tiff"),
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
    ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/x-msvideo", "avi"),
    ("video/x-flv", "flv"),
    ("video/x-ms-asf", "wmv"),
    ("video/mp2t", "ts"),
    ("video/mpeg", "mpg"),
    ("audio/wav", "wav"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/ogg", "ogg"),
    ("audio/flac", "flac"),
    ("audio/aac", "aac"),
    ("audio/aiff", "aiff"),
    ("audio/amr", "amr"),
    ("audio/webm", "webm"),
    ("audio/x-caf", "caf"),
    ("application/x-subrip", "srt"),
    ("text/vtt", "vtt"),
    ("text/x-ssa", "ass"),
    ("text/plain", "txt"),
    ("application/json", "json"),
    ("application/pdf", "pdf"),
];

/// The usual file ending for a media type, without the dot; `bin` when it isn't known.
pub fn extension(mime: &str) -> &'static str {
    EXTENSIONS.iter().find(|(known, _)| *known == mime).map_or(UNKNOWN, |(_, extension)| extension)
}

/// All file endings that media of a kind may have, as [`extension`] gives them. What holds videos may hold sound alone.
pub fn extensions(kind: MediaKind) -> impl Iterator<Item = &'static str> {
    let fits = move |mime: &str| match kind {
        MediaKind::File => true,
        MediaKind::Image => mime.starts_with("image/"),
        MediaKind::Video | MediaKind::Audio => mime.starts_with("video/") || mime.starts_with("audio/"),
    };
    EXTENSIONS.iter().filter(move |(mime, _)| fits(mime)).map(|(_, extension)| *extension).chain([UNKNOWN])
}

/// The ending of what has none of its own.
const UNKNOWN: &str = "bin";
