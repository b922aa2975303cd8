//! Real media of the size and length that were asked for: valid files that players play and probes measure, of bars and tones.
//!
//! Everything is computed, nothing is shipped. A file is made once for its kind, size and length; what differs from job to job
//! is a mark inside of it ([`Mark`]), so that no two jobs give the same bytes and a file tells which job made it.

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
/// How many bytes of files are kept.
const CACHE_BYTES_MAX: usize = 256 << 20;

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Png,
    Jpeg,
    Webp,
    Mp4,
    /// With its sampling rate and kilobits a second.
    Mp3 {
        rate: u32,
        kilobits: u32,
    },
    /// 16 bits, mono, with its sampling rate.
    Wav {
        rate: u32,
    },
    /// Samples of 16 bits without a header.
    Pcm {
        rate: u32,
    },
    /// Eight bits a sample without a header, 8 kHz.
    Law,
}

impl Format {
    /// What speech is made as where nobody says otherwise.
    pub(crate) const MP3: Format = Format::Mp3 { rate: 44_100, kilobits: 128 };
    /// What sounds are made as where they are not compressed.
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

/// A file as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Media {
    pub format: Format,
    /// In pixels; zero for sound.
    pub width: u32,
    pub height: u32,
    /// In milliseconds; zero for pictures.
    pub length: u64,
    /// Pictures a second; zero where there is one picture or none.
    pub rate: u32,
    /// Whether a film has a sound track.
    pub sound: bool,
    /// Which colours and tone it has.
    pub hue: u8,
}

impl Media {
    pub(crate) fn picture(format: Format, width: u32, height: u32, hue: u8) -> Media {
        let side = |side: u32| side.clamp(1, SIDE_MAX);
        Media { format, width: side(width), height: side(height), length: 0, rate: 0, sound: false, hue }
    }

    pub(crate) fn film(width: u32, height: u32, length: u64, rate: u32, sound: bool, hue: u8) -> Media {
        // Encoders of H.264 give even sides, since colour has half of the resolution.
        let even = |side: u32| (side.clamp(16, 4096) + 1) & !1;
        let (width, height) = (even(width), even(height));
        Media {
            format: Format::Mp4,
            width,
            height,
            length: bounded(length),
            rate: rate.clamp(1, 60),
            sound,
            hue,
        }
    }

    pub(crate) fn sound(format: Format, length: u64, hue: u8) -> Media {
        let is_plain = !matches!(format, Format::Mp3 { .. });
        let length = if is_plain { length.min(PLAIN_LENGTH_MAX) } else { length };
        Media { format, width: 0, height: 0, length: bounded(length), rate: 0, sound: true, hue }
    }

    /// The bytes, with `mark` in them where the format has room for one.
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

/// What a file says of the job that made it: `motet-sim:<job>`.
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn of(job: &str) -> Mark {
        Mark(format!("motet-sim:{job}"))
    }
}

/// Files by what was asked for. They are the same in every simulator, so all of the process share them.
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

/// The seven bars of a picture as red, green and blue; `hue` says where they begin.
fn bars(hue: u8) -> [[u8; 3]; 7] {
    const BARS: [[u8; 3]; 7] =
        [[192, 192, 192], [192, 192, 0], [0, 192, 192], [0, 192, 0], [192, 0, 192], [192, 0, 0], [0, 0, 192]];
    std::array::from_fn(|bar| BARS[(bar + usize::from(hue)) % BARS.len()])
}

/// The same bars as luma and two chroma values, as JPEG and the full range of BT.601 have them.
fn bars_in_luma(hue: u8) -> [[u8; 3]; 7] {
    bars(hue).map(|[red, green, blue]| {
        let [red, green, blue] = [red, green, blue].map(i32::from);
        let luma = (299 * red + 587 * green + 114 * blue) / 1000;
        let chroma = |colour: i32, weight: i32| ((colour - luma) * weight / 1000 + 128).clamp(0, 255) as u8;
        [luma as u8, chroma(blue, 564), chroma(red, 713)]
    })
}
