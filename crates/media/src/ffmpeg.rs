//! Calls of ffmpeg: what all of them have in common.

use crate::filter::{Graph, seconds};
use crate::recipe::Call;

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
}

/// How the result is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A piece of a film on its way: pictures, nearly without loss.
    Part,
    /// H.264 without sound.
    SilentMp4,
    /// H.264 and AAC.
    Mp4,
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
            Format::SilentMp4 | Format::Mp4 => "out.mp4",
            Format::Png => "out.png",
            Format::Jpeg => "out.jpg",
            Format::Wav | Format::MonoWav => "out.wav",
            Format::Mp3 | Format::MonoMp3 => "out.mp3",
            Format::M4a => "out.m4a",
        }
    }

    fn arguments(self) -> Vec<&'static str> {
        // Three operations in a row encode three times, so each one loses little.
        const H264: [&str; 8] =
            ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"];
        const AAC: [&str; 8] = ["-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"];
        const FASTSTART: [&str; 2] = ["-movflags", "+faststart"];
        match self {
            Format::Part => {
                vec!["-c:v", "libx264", "-preset", "ultrafast", "-crf", "6", "-pix_fmt", "yuv420p", "-an"]
            }
            Format::SilentMp4 => [&H264[..], &["-an"], &FASTSTART].concat(),
            Format::Mp4 => [&H264[..], &AAC, &FASTSTART].concat(),
            Format::Png => vec!["-frames:v", "1", "-update", "1", "-c:v", "png", "-pred", "mixed"],
            Format::Jpeg => vec!["-frames:v", "1", "-update", "1", "-c:v", "mjpeg", "-q:v", "2"],
            Format::Wav => vec!["-c:a", "pcm_s16le", "-ar", "48000", "-ac", "2"],
            Format::Mp3 => vec!["-c:a", "libmp3lame", "-b:a", "192k", "-ar", "48000", "-ac", "2"],
            Format::MonoWav => vec!["-c:a", "pcm_s16le", "-ar", "48000", "-ac", "1"],
            Format::MonoMp3 => vec!["-c:a", "libmp3lame", "-b:a", "128k", "-ar", "48000", "-ac", "1"],
            Format::M4a => [&AAC[..], &FASTSTART].concat(),
        }
    }
}

impl Ffmpeg {
    /// A call without inputs yet.
    pub(crate) fn new() -> Ffmpeg {
        let mut call = Ffmpeg { arguments: Vec::new(), inputs: 0 };
        call.push([
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "error",
            "-y",
            "-progress",
            "pipe:1",
            "-nostats",
        ]);
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

    /// Ends the call: the pads `maps` of `graph` are written in `format`; `length` is in seconds.
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
        self.push(["-filter_complex", &text]);
        for map in maps {
            self.push(["-map", &format!("[{map}]")]);
        }
        self.push(format.arguments());
        // Sound may be ready long before the first picture is.
        self.push(["-max_muxing_queue_size", "9999"]);
        self.push(["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]);
        self.push(["-flags:v", "+bitexact", "-flags:a", "+bitexact", file]);
        Call { arguments: self.arguments, length }
    }
}
