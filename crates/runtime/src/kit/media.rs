//! Small media, made without programs.

use motet_pipeline::{Artifact, Digest, MediaKind};

/// Bytes with what is known of them.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) artifact: Artifact,
}

impl Made {
    fn new(bytes: Vec<u8>, kind: MediaKind, mime: &str) -> Made {
        let artifact = Artifact {
            digest: Digest::of(&bytes),
            kind,
            mime: mime.to_owned(),
            bytes: bytes.len() as u64,
            width: None,
            height: None,
            duration: None,
            fps: None,
            has_audio: None,
        };
        Made { bytes, artifact }
    }
}

/// A PNG of one shade of grey.
pub(super) fn image(width: u32, height: u32, shade: u8) -> Made {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels = vec![shade; width as usize * height as usize];
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.expect("a picture of at least one pixel can be written to memory");
    let mut made = Made::new(bytes, MediaKind::Image, "image/png");
    (made.artifact.width, made.artifact.height) = (Some(width), Some(height));
    made
}

const SAMPLES_A_SECOND: u32 = 8000;

/// A WAV of a level that isn't heard: mono, 8 bits.
pub(super) fn audio(seconds: f64, level: u8) -> Made {
    let samples = (seconds * f64::from(SAMPLES_A_SECOND)).round() as u32;
    let mut bytes = Vec::with_capacity(44 + samples as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + samples).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(SAMPLES_A_SECOND.to_le_bytes());
    bytes.extend(SAMPLES_A_SECOND.to_le_bytes());
    bytes.extend([1, 0, 8, 0]);
    bytes.extend(b"data");
    bytes.extend(samples.to_le_bytes());
    bytes.resize(44 + samples as usize, level);
    let mut made = Made::new(bytes, MediaKind::Audio, "audio/wav");
    made.artifact.duration = Some(milliseconds(seconds));
    made
}

/// The first box of an MP4 and no more.
pub(super) fn video(width: u32, height: u32, seconds: f64, number: u8) -> Made {
    let mut bytes = vec![0, 0, 0, 24];
    bytes.extend(b"ftypisom\0\0\0\0isommp4");
    bytes.push(number);
    let mut made = Made::new(bytes, MediaKind::Video, "video/mp4");
    (made.artifact.width, made.artifact.height) = (Some(width), Some(height));
    made.artifact.duration = Some(milliseconds(seconds));
    (made.artifact.fps, made.artifact.has_audio) = (Some(25.0), Some(false));
    made
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use motet_media::sniff::sniff;

    #[test]
    fn what_is_made_is_what_it_says_it_is() {
        let table = [image(64, 36, 200), audio(0.5, 128), video(640, 360, 4.0, 1)];
        for Made { bytes, artifact } in table {
            let sniffed = sniff(&bytes).unwrap();
            assert_eq!((sniffed.kind, sniffed.mime), (artifact.kind, artifact.mime.as_str()));
            if artifact.kind == MediaKind::Image {
                assert_eq!(sniffed.size, artifact.width.zip(artifact.height));
            }
        }
    }
}
