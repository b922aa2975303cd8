//! Real media of the requested size and length: valid files of colour bars and tones that any player plays.
//!
//! Everything is computed; no media files are checked in. A file is made once for its format, size and length. Only a mark inside
//! it ([`Mark`]) differs from job to job, so no two jobs have equal bytes, and a file tells which job made it.

mod bits;
mod jpeg;
mod mp3;
mod mp4;
mod picture;
mod probe;
mod video;
mod wav;
mod webp;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub(crate) use probe::{find_mark, measure};

/// The largest side of a picture or film, in pixels.
const SIDE_MAX: u32 = 8192;
/// The longest film or sound, in milliseconds.
const LENGTH_MAX: u64 = 3_600_000;
/// The longest sound that isn't compressed.
const PLAIN_LENGTH_MAX: u64 = 900_000;
/// How many variants of a file there are.
const HUES: u8 = 7;
/// The most bytes that the cache holds.
const CACHE_BYTES_MAX: usize = 256 << 20;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Png,
    Jpeg,
    Webp,
    Mp4,
    /// Constant bit rate, mono.
    Mp3 {
        rate: u32,
        kilobits: u32,
    },
    /// 16 bits, mono.
    Wav {
        rate: u32,
    },
    /// 16 bits, mono, without a header.
    Pcm {
        rate: u32,
    },
    /// μ-law or A-law at 8 kHz, without a header.
    Law,
}

impl Format {
    /// The default of speech.
    pub(crate) const MP3: Format = Format::Mp3 { rate: 44_100, kilobits: 128 };
    /// The default of uncompressed sound.
    pub(crate) const WAV: Format = Format::Wav { rate: 44_100 };

    pub(crate) fn mime(self) -> &'static str {
        match self {
            Format::Png => "image/png",
            Format::Jpeg => "image/jpeg",
            Format::Webp => "image/webp",
            Format::Mp4 => "video/mp4",
            Format::Mp3 { .. } => "audio/mpeg",
            Format::Wav { .. } => "audio/wav",
            Format::Pcm { .. } => "audio/pcm",
            Format::Law => "audio/basic",
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpg",
            Format::Webp => "webp",
            Format::Mp4 => "mp4",
            Format::Mp3 { .. } => "mp3",
            Format::Wav { .. } => "wav",
            Format::Pcm { .. } => "pcm",
            Format::Law => "ulaw",
        }
    }
}

/// A requested file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Media {
    pub format: Format,
    /// In pixels; zero for sound.
    pub width: u32,
    pub height: u32,
    /// In milliseconds; zero for pictures.
    pub length: u64,
    /// Frames a second; zero except for video.
    pub rate: u32,
    /// Whether it has sound.
    pub sound: bool,
    /// The variant of colours and tone, below [`HUES`].
    pub hue: u8,
}

impl Media {
    pub(crate) fn picture(format: Format, width: u32, height: u32, hue: u8) -> Media {
        let side = |side: u32| side.clamp(1, SIDE_MAX);
        Media {
            format,
            width: side(width),
            height: side(height),
            length: 0,
            rate: 0,
            sound: false,
            hue: hue % HUES,
        }
    }

    pub(crate) fn film(width: u32, height: u32, length: u64, rate: u32, sound: bool, hue: u8) -> Media {
        // H.264 with 4:2:0 chroma needs even sides.
        let even = |side: u32| (side.clamp(16, 4096) + 1) & !1;
        let (width, height) = (even(width), even(height));
        Media {
            format: Format::Mp4,
            width,
            height,
            length: bounded(length),
            rate: rate.clamp(1, 60),
            sound,
            hue: hue % HUES,
        }
    }

    pub(crate) fn sound(format: Format, length: u64, hue: u8) -> Media {
        let is_plain = !matches!(format, Format::Mp3 { .. });
        let length = if is_plain { length.min(PLAIN_LENGTH_MAX) } else { length };
        Media { format, width: 0, height: 0, length: bounded(length), rate: 0, sound: true, hue: hue % HUES }
    }

    /// The bytes, with `mark` if the format has a place for it.
    pub(crate) fn bytes(&self, mark: &Mark) -> Bytes {
        let plain = kept(self);
        match self.format {
            Format::Png => picture::mark(&plain, &mark.0),
            Format::Jpeg => jpeg::mark(&plain, &mark.0),
            Format::Webp => webp::mark(&plain, &mark.0),
            Format::Mp4 => mp4::mark(&plain, &mark.0),
            Format::Mp3 { .. } => mp3::mark(&plain, &mark.0),
            Format::Wav { .. } => wav::mark(&plain, &mark.0),
            Format::Pcm { .. } | Format::Law => return plain,
        }
        .into()
    }

    fn make(&self) -> Vec<u8> {
        match self.format {
            Format::Png => picture::png(self.width, self.height, self.hue),
            Format::Jpeg => jpeg::jpeg(self.width, self.height, self.hue),
            Format::Webp => webp::webp(self.width, self.height, self.hue),
            Format::Mp4 => mp4::mp4(self),
            Format::Mp3 { rate, kilobits } => mp3::mp3(rate, kilobits, self.length, self.hue),
            Format::Wav { rate } => wav::wav(rate, self.length, self.hue),
            Format::Pcm { rate } => wav::samples(rate, self.length, self.hue),
            Format::Law => wav::law(self.length),
        }
    }
}

fn bounded(length: u64) -> u64 {
    length.clamp(1, LENGTH_MAX)
}

/// Names the job that made a file: `motet-sim:<job>`.
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn of(job: &str) -> Mark {
        Mark(format!("motet-sim:{job}"))
    }
}

/// A memo of [`Media::make`], which is pure, so all simulators of a process share it.
static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Cache {
    files: HashMap<Arc<Media>, Bytes>,
    bytes: usize,
}

fn kept(media: &Media) -> Bytes {
    if let Some(bytes) = lock().files.get(media) {
        return bytes.clone();
    }
    let bytes = Bytes::from(media.make());
    let mut cache = lock();
    if cache.bytes + bytes.len() > CACHE_BYTES_MAX {
        *cache = Cache::default();
    }
    cache.bytes += bytes.len();
    cache.files.insert(Arc::new(media.clone()), bytes.clone());
    bytes
}

fn lock() -> std::sync::MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The colours of the seven bars (RGB), rotated by `hue`.
fn bars(hue: u8) -> [[u8; 3]; 7] {
    const BARS: [[u8; 3]; 7] =
        [[192, 192, 192], [192, 192, 0], [0, 192, 192], [0, 192, 0], [192, 0, 192], [192, 0, 0], [0, 0, 192]];
    std::array::from_fn(|bar| BARS[(bar + usize::from(hue)) % BARS.len()])
}

/// The same colours as full-range BT.601 YCbCr.
fn bars_in_luma(hue: u8) -> [[u8; 3]; 7] {
    bars(hue).map(|[red, green, blue]| {
        let [red, green, blue] = [red, green, blue].map(i32::from);
        let luma = (299 * red + 587 * green + 114 * blue) / 1000;
        let chroma = |colour: i32, weight: i32| ((colour - luma) * weight / 1000 + 128).clamp(0, 255) as u8;
        [luma as u8, chroma(blue, 564), chroma(red, 713)]
    })
}
