//! Calls of ffmpeg: what all of them have in common.

use motet_pipeline::Type;
use motet_pipeline::contract::Parameter;

use crate::filter::{Graph, seconds};
use crate::recipe::Call;
use crate::request::Request;

/// Container formats that are opened. Playlists and scripts (HLS, concat, …) name further files, so
/// none of them is here: bytes of a stranger can't make ffmpeg read anything else.
pub(crate) const FORMATS: &str = "mov,matroska,webm,avi,asf,mpegts,mpeg,flv,wav,w64,aiff,caf,amr,mp3,aac,ogg,flac,\
                                  image2,png_pipe,apng,jpeg_pipe,webp_pipe,gif,gif_pipe,bmp_pipe,tiff_pipe,\
                                  jpegxl_pipe";

/// The only protocols that may be used: no network.
pub(crate) const PROTOCOLS: &str = "file,pipe";

/// The options that read a video from `start` seconds on. What lies between the key frame before
/// `start` and `start` itself is read too, at times below zero: a picture from there may still be seen.
pub(crate) fn from(start: f64) -> Vec<String> {
    match start {
        0.0 => Vec::new(),
        _ => vec!["-noaccurate_seek".to_owned(), "-ss".to_owned(), seconds(start)],
    }
}

/// A call of ffmpeg that is being put together: inputs first, then one output.
#[derive(Clone, Debug)]
pub(crate) struct Ffmpeg {
    arguments: Vec<String>,
    inputs: usize,
    /// The input with the chapters, if there are any.
    chapters: Option<usize>,
    quality: Quality,
}

/// How well pictures are kept, and how fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Quality {
    /// Small, for who watches it.
    #[default]
    Final,
    /// Large, fast and nearly without loss, for a step that encodes it again.
    Intermediate,
}

impl Quality {
    /// The parameter that chooses it.
    pub(crate) fn parameter() -> Parameter {
        Parameter::optional("encoding", Type::Text).one_of(["final", "intermediate"]).about(
            "How pictures are encoded. `intermediate` is faster, nearly without loss and larger: for a video that another step encodes again. By default `final`.",
        )
    }

    pub(crate) fn read(request: &Request) -> Quality {
        match request.text("encoding") {
            Some("intermediate") => Quality::Intermediate,
            _ => Quality::Final,
        }
    }

    fn h264(self) -> [&'static str; 8] {
        let [preset, loss] = match self {
            // Three operations in a row encode three times, so each one loses little.
            Quality::Final => ["veryfast", "18"],
            Quality::Intermediate => ["ultrafast", "10"],
        };
        ["-c:v", "libx264", "-preset", preset, "-crf", loss, "-pix_fmt", "yuv420p"]
    }
}

/// How the result is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A piece of a film on its way: pictures, nearly without loss.
    Part,
    /// A film whose sound is brought to a loudness next.
    Unlevelled,
    /// A sound that is brought to a loudness next.
    UnlevelledSound,
    /// Nothing at all: what is said on the way counts.
    Nothing,
    /// H.264 without sound.
    SilentMp4,
    /// H.264 and AAC.
    Mp4,
    /// H.264, and the sound as it was.
    Mp4WithSound,
    /// Pictures as they were, and AAC.
    CopiedMp4,
    /// Pictures as they were, without sound.
    CopiedSilentMp4,
    /// Pictures as they were, and a sound that is brought to a loudness next.
    CopiedUnlevelled,
    /// One picture, without loss.
    Png,
    /// One picture, JPEG.
    Jpeg,
    /// Sound, without loss.
    Wav,
    /// Sound, compressed.
    Mp3,
    /// Sound, compressed, AAC.
    M4a,
    /// Sound, compressed, Opus.
    Opus,
    /// Sound, compressed without loss.
    Flac,
    /// Sound of one channel, without loss.
    MonoWav,
    /// Sound of one channel, compressed.
    MonoMp3,
}

impl Format {
    /// The name of the file in which the result is found.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Format::Part => "part.mkv",
            Format::Unlevelled | Format::CopiedUnlevelled => "whole.mkv",
            Format::UnlevelledSound => "whole.wav",
            Format::Nothing => "-",
            Format::SilentMp4
            | Format::Mp4
            | Format::Mp4WithSound
            | Format::CopiedMp4
            | Format::CopiedSilentMp4 => "out.mp4",
            Format::Png => "out.png",
            Format::Jpeg => "out.jpg",
            Format::Wav | Format::MonoWav => "out.wav",
            Format::Mp3 | Format::MonoMp3 => "out.mp3",
            Format::M4a => "out.m4a",
            Format::Opus => "out.opus",
            Format::Flac => "out.flac",
        }
    }

    /// The words for formats of sound, by which contracts let choose one.
    pub(crate) const SOUNDS: [&str; 6] = ["mp3", "m4a", "aac", "opus", "flac", "wav"];

    /// The format of sound that a word stands for.
    pub(crate) fn of_sound(word: &str) -> Format {
        match word {
            "wav" => Format::Wav,
            "m4a" | "aac" => Format::M4a,
            "opus" => Format::Opus,
            "flac" => Format::Flac,
            _ => Format::Mp3,
        }
    }

    fn arguments(self, quality: Quality) -> Vec<&'static str> {
        const AAC: [&str; 8] = ["-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"];
        const FLOATS: [&str; 6] = ["-c:a", "pcm_f32le", "-ar", "48000", "-ac", "2"];
        const FASTSTART: [&str; 2] = ["-movflags", "+faststart"];
        match self {
            Format::Part => {
                vec!["-c:v", "libx264", "-preset", "ultrafast", "-crf", "6", "-pix_fmt", "yuv420p", "-an"]
            }
            Format::Unlevelled => [&quality.h264()[..], &FLOATS].concat(),
            Format::UnlevelledSound => FLOATS.to_vec(),
            Format::Nothing => vec!["-f", "null"],
            Format::CopiedUnlevelled => [&["-c:v", "copy"][..], &FLOATS].concat(),
            Format::CopiedSilentMp4 => [&["-c:v", "copy", "-an"][..], &FASTSTART].concat(),
            Format::CopiedMp4 => [&["-c:v", "copy"][..], &AAC, &FASTSTART].concat(),
            Format::SilentMp4 => [&quality.h264()[..], &["-an"], &FASTSTART].concat(),
            Format::Mp4WithSound => [&quality.h264()[..], &["-c:a", "copy"], &FASTSTART].concat(),
            Format::Mp4 => [&quality.h264()[..], &AAC, &FASTSTART].concat(),
            Format::Png => vec!["-frames:v", "1", "-update", "1", "-c:v", "png", "-pred", "mixed"],
            Format::Jpeg => vec!["-frames:v", "1", "-update", "1", "-c:v", "mjpeg", "-q:v", "2"],
            Format::Wav => vec!["-c:a", "pcm_s16le", "-ar", "48000", "-ac", "2"],
            Format::Mp3 => vec!["-c:a", "libmp3lame", "-b:a", "192k", "-ar", "48000", "-ac", "2"],
            Format::MonoWav => vec!["-c:a", "pcm_s16le", "-ar", "48000", "-ac", "1"],
            Format::MonoMp3 => vec!["-c:a", "libmp3lame", "-b:a", "128k", "-ar", "48000", "-ac", "1"],
            Format::M4a => [&AAC[..], &FASTSTART].concat(),
            Format::Opus => vec!["-c:a", "libopus", "-b:a", "128k", "-ar", "48000", "-ac", "2"],
            Format::Flac => vec!["-c:a", "flac", "-sample_fmt", "s16", "-ar", "48000", "-ac", "2"],
        }
    }
}

impl Ffmpeg {
    /// A call without inputs yet.
    pub(crate) fn new() -> Ffmpeg {
        Ffmpeg::saying("error")
    }

    /// The same, of which more is told than errors: what filters find.
    pub(crate) fn telling() -> Ffmpeg {
        Ffmpeg::saying("info")
    }

    /// The same, with pictures of this quality.
    pub(crate) fn at(quality: Quality) -> Ffmpeg {
        Ffmpeg { quality, ..Ffmpeg::new() }
    }

    fn saying(level: &str) -> Ffmpeg {
        let mut call =
            Ffmpeg { arguments: Vec::new(), inputs: 0, chapters: None, quality: Quality::default() };
        call.push(["-nostdin", "-hide_banner", "-loglevel", level, "-y", "-progress", "pipe:1", "-nostats"]);
        call
    }

    fn push<'a>(&mut self, arguments: impl IntoIterator<Item = &'a str>) {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
    }

    /// Adds a file to read, with options such as `-ss`; gives its number in the graph.
    pub(crate) fn input(&mut self, options: &[impl AsRef<str>], file: &str) -> usize {
        self.push(["-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS]);
        self.push(options.iter().map(AsRef::as_ref));
        self.push(["-i", file]);
        self.inputs += 1;
        self.inputs - 1
    }

    /// Adds a picture to read. Whether a photograph is turned as its camera noted differs between
    /// versions of ffmpeg, so here it never is: the host lays it out [upright](crate::Orientation).
    pub(crate) fn picture(&mut self, file: &str) -> usize {
        self.input(&["-noautorotate"], file)
    }

    /// Adds frames of video that come in on standard input; gives its number in the graph.
    pub(crate) fn frames(&mut self, size: &str, rate: u32) -> usize {
        self.push(["-protocol_whitelist", "pipe", "-f", "rawvideo", "-pixel_format", "yuv420p"]);
        self.push(["-video_size", size, "-framerate", &rate.to_string(), "-i", "pipe:0"]);
        self.inputs += 1;
        self.inputs - 1
    }

    /// Adds the file with the chapters of the result.
    pub(crate) fn chapters(&mut self, file: &str) {
        self.push(["-protocol_whitelist", PROTOCOLS, "-format_whitelist", "ffmetadata"]);
        self.push(["-f", "ffmetadata", "-i", file]);
        self.chapters = Some(self.inputs);
        self.inputs += 1;
    }

    /// Ends the call: the pads `maps` of `graph`, or tracks of inputs, are written in `format`; `length` is in seconds.
    pub(crate) fn write(self, graph: &Graph, maps: &[&str], format: Format, length: Option<f64>) -> Call {
        self.write_to(format.file(), graph, maps, format, length)
    }

    /// The same, to a file of another name.
    pub(crate) fn write_to(
        mut self,
        file: &str,
        graph: &Graph,
        maps: &[&str],
        format: Format,
        length: Option<f64>,
    ) -> Call {
        let text = graph.to_string();
        if !text.is_empty() {
            self.push(["-filter_complex", &text]);
        }
        for map in maps {
            let is_track = map.contains(':');
            self.push(["-map", &*if is_track { (*map).to_owned() } else { format!("[{map}]") }]);
        }
        self.push(format.arguments(self.quality));
        // Sound may be ready long before the first picture is.
        self.push(["-max_muxing_queue_size", "9999"]);
        match self.chapters {
            None => self.push(["-map_metadata", "-1", "-map_chapters", "-1"]),
            // Everything but the titles of chapters is left out.
            Some(input) => {
                self.push([
                    "-map_metadata:g",
                    "-1",
                    "-map_metadata:s",
                    "-1",
                    "-map_chapters",
                    &input.to_string(),
                ]);
            }
        }
        self.push(["-fflags", "+bitexact"]);
        self.push(["-flags:v", "+bitexact", "-flags:a", "+bitexact", file]);
        Call { arguments: self.arguments, length, listens: None }
    }
}
