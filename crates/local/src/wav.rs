//! WAV bytes: reading what a synthesiser wrote, writing what we made.
use motet_pipeline::Failure;

/// Sound with one channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sound {
    /// Frames per second.
    pub rate: u32,
    /// Samples, one per frame.
    pub samples: Vec<i16>,
}

impl Sound {
    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }
}

/// Reads 16-bit PCM; several channels are averaged into one. The sizes in the headers are only
/// believed as far as bytes are there: who writes a WAV into a pipe can't know them.
pub(crate) fn parse(bytes: &[u8]) -> Result<Sound, Failure> {
    if bytes.len() < 12 || &bytes[..4] != b"RIFF" || &bytes[8..12] != b"WAVE" {
        return Err(Failure::bad_output(
            "the synthesiser wrote no WAV file: it doesn't start with RIFF and WAVE",
        ));
    }
    let mut rest = &bytes[12..];
    let mut format = None;
    while rest.len() >= 8 {
        let (header, after) = rest.split_at(8);
        let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let body = &after[..size.min(after.len())];
        match &header[..4] {
            b"fmt " => format = Some(Format::parse(body)?),
            b"data" => {
                let format = format.ok_or_else(|| {
                    Failure::bad_output("the synthesiser wrote a WAV file whose data comes before its format")
                })?;
                return Ok(format.read(body));
            }
            _ => {}
        }
        // Chunks are padded to even sizes.
        rest = &after[(size + size % 2).min(after.len())..];
    }
    Err(Failure::bad_output("the synthesiser wrote a WAV file without data"))
}

struct Format {
    rate: u32,
    channels: usize,
}

impl Format {
    fn parse(body: &[u8]) -> Result<Format, Failure> {
        let [tag, channels, rate_low, rate_high, _, _, _, bits] = body
            .get(..16)
            .map(|fields| {
                [0, 2, 4, 6, 8, 10, 12, 14].map(|at| u16::from_le_bytes([fields[at], fields[at + 1]]))
            })
            .ok_or_else(|| Failure::bad_output("the synthesiser wrote a WAV file with a cut format"))?;
        let rate = u32::from(rate_high) << 16 | u32::from(rate_low);
        let plain = matches!(tag, PCM | EXTENSIBLE) && bits == 16;
        if !plain || !(1..=8).contains(&channels) || !(4_000..=192_000).contains(&rate) {
            return Err(Failure::bad_output(format!(
                "the synthesiser wrote a WAV file of format {tag} with {bits} bits, {channels} channels at \
                 {rate} Hz; 16-bit PCM with 1 to 8 channels at 4000 to 192000 Hz is read"
            )));
        }
        Ok(Format { rate, channels: usize::from(channels) })
    }

    fn read(&self, body: &[u8]) -> Sound {
        let frame = |frame: &[u8]| {
            let samples = frame.chunks_exact(2).map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])));
            // The mean of 16-bit samples is a 16-bit sample.
            (samples.sum::<i32>() / self.channels as i32) as i16
        };
        Sound { rate: self.rate, samples: body.chunks_exact(2 * self.channels).map(frame).collect() }
    }
}

const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xfffe;

/// Writes 16-bit PCM with interleaved `samples`.
pub(crate) fn write(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let size = u32::try_from(2 * samples.len()).expect("the longest sound we make has 115 MB");
    let frame = 2 * channels;
    let mut bytes = Vec::with_capacity(44 + 2 * samples.len());
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + size).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&PCM.to_le_bytes());
    bytes.extend_from_slice(&channels.to_le_bytes());
    bytes.extend_from_slice(&rate.to_le_bytes());
    bytes.extend_from_slice(&(rate * u32::from(frame)).to_le_bytes());
    bytes.extend_from_slice(&frame.to_le_bytes());
    bytes.extend_from_slice(&16_u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&size.to_le_bytes());
    for sample in samples {
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let bytes = write(22_050, 1, &[0, 1, -1, i16::MAX, i16::MIN]);
        assert_eq!(
            parse(&bytes).unwrap(),
            Sound { rate: 22_050, samples: vec![0, 1, -1, i16::MAX, i16::MIN] }
        );
    }

    #[test]
    fn two_channels_are_averaged() {
        assert_eq!(parse(&write(8_000, 2, &[100, 200, -32768, -32768])).unwrap().samples, [150, -32768]);
    }

    #[test]
    fn sizes_of_a_streamed_file_are_not_believed() {
        let mut bytes = write(22_050, 1, &[5, 6, 7]);
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&bytes).unwrap().samples, [5, 6, 7]);
        bytes.pop();
        assert_eq!(parse(&bytes).unwrap().samples, [5, 6], "half a sample is dropped");
    }

    #[test]
    fn unknown_chunks_are_stepped_over() {
        let plain = write(22_050, 1, &[9]);
        let mut bytes = plain[..36].to_vec();
        bytes.extend_from_slice(b"LIST\x03\0\0\0abc\0");
        bytes.extend_from_slice(&plain[36..]);
        assert_eq!(parse(&bytes).unwrap().samples, [9]);
    }

    #[test]
    fn what_is_no_wav_is_refused_in_words() {
        let good = write(22_050, 1, &[1]);
        let with = |at: usize, value: u16| {
            let mut bytes = good.clone();
            bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
            bytes
        };
        let cases = [
            b"".to_vec(),
            b"ID3 song".to_vec(),
            good[..12].to_vec(),
            good[..30].to_vec(),
            with(20, 3),
            with(22, 0),
        ];
        let messages: Vec<_> = cases.iter().map(|bytes| parse(bytes).unwrap_err().message).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes: Vec<u8>, at in 0_usize..60, graft: bool) {
            if graft {
                let mut file = write(22_050, 1, &[1, 2, 3, 4]);
                let at = at.min(file.len());
                file.splice(at..(at + bytes.len()).min(file.len()), bytes);
                bytes = file;
            }
            if let Ok(sound) = parse(&bytes) {
                assert!(2 * sound.samples.len() <= bytes.len());
            }
        }
    }
}
