//! What operations must know of the tracks of a file beyond its measures: how the colours of its pictures are kept,
//! whether they are interlaced or transparent, and which sound is the one to be heard.

mod colours;

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Digest, Failure, MediaKind, Value};
use serde::Deserialize;

pub(crate) use colours::{Colours, label};

use crate::ffmpeg::{FORMATS, PROTOCOLS};

/// What is known of files, by their digests. A film that isn't there is taken for one of ours: HD colours, one picture
/// track, one sound track.
#[derive(Clone, Debug, Default)]
pub struct Known {
    tracks: BTreeMap<Digest, Tracks>,
    texts: BTreeMap<Digest, String>,
}

impl Known {
    /// Nothing.
    pub fn new() -> Known {
        Known::default()
    }

    /// What ffprobe told of the tracks of a film or sound.
    pub fn add_tracks(&mut self, digest: Digest, tracks: Tracks) {
        self.tracks.insert(digest, tracks);
    }

    /// What a file of text says.
    pub fn add_text(&mut self, digest: Digest, text: String) {
        self.texts.insert(digest, text);
    }

    pub(crate) fn tracks(&self, digest: Digest) -> Tracks {
        self.tracks.get(&digest).copied().unwrap_or_default()
    }

    pub(crate) fn text(&self, digest: Digest) -> Option<&str> {
        self.texts.get(&digest).map(String::as_str)
    }
}

/// What is to be known of the tracks of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tracks {
    /// Which of the picture tracks is the film.
    pub(crate) picture: usize,
    pub(crate) pictures: Pictures,
    /// Which of the sound tracks is to be heard: the default one.
    pub(crate) sound: usize,
    /// Whether that one is kept otherwise than what is written, or begins after the pictures, so that it can't be copied.
    pub(crate) is_other_sound: bool,
}

/// How the pictures of a film are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pictures {
    pub(crate) colours: Colours,
    pub(crate) is_interlaced: bool,
    pub(crate) is_transparent: bool,
    /// Whether their colours are told: players guess those of others in different ways.
    pub(crate) is_labelled: bool,
    /// Whether they are in the codec and format that is written, so that they can be copied.
    pub(crate) is_h264: bool,
}

impl Default for Pictures {
    fn default() -> Pictures {
        Pictures {
            colours: Colours::default(),
            is_interlaced: false,
            is_transparent: false,
            is_labelled: true,
            is_h264: true,
        }
    }
}

/// The media among `inputs` of which more must be known to plan with them, each once: tracks, or the words of a text.
pub fn to_be_known(inputs: &Map) -> Vec<Arc<Artifact>> {
    let mut found: BTreeMap<&Digest, Arc<Artifact>> = BTreeMap::new();
    let mut left: Vec<&Value> = inputs.values().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::Media(artifact) if may_have_several(artifact) => {
                found.entry(&artifact.digest).or_insert_with(|| Arc::clone(artifact));
            }
            Value::List(items) => left.extend(items.iter()),
            Value::Map(entries) => left.extend(entries.values()),
            _ => {}
        }
    }
    found.into_values().collect()
}

fn may_have_several(artifact: &Artifact) -> bool {
    match artifact.kind {
        MediaKind::Video => true,
        MediaKind::Audio => matches!(&*artifact.mime, "audio/mp4" | "audio/webm" | "video/x-matroska"),
        MediaKind::File => is_text(artifact),
        MediaKind::Image => false,
    }
}

/// Whether what must be known of a file is what it says.
pub fn is_text(artifact: &Artifact) -> bool {
    let is_text = artifact.mime.starts_with("text/") || artifact.mime == "application/x-subrip";
    is_text && artifact.bytes <= TEXT_BYTES_MAX
}

/// The largest text that is read; subtitles of a day have a tenth.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// The arguments with which ffprobe tells the tracks of `file`; its standard output is for [`Tracks::read`].
pub fn arguments(file: &str) -> Vec<String> {
    const ENTRIES: &str = "stream=codec_type,codec_name,width,height,pix_fmt,field_order,color_range,color_space,color_transfer,\
                           color_primaries,start_time:stream_disposition=default,attached_pic";
    let quiet = ["-hide_banner", "-loglevel", "error", "-protocol_whitelist", PROTOCOLS];
    let report = ["-format_whitelist", FORMATS, "-of", "json", "-show_entries", ENTRIES, "-i", file];
    quiet.into_iter().chain(report).map(str::to_owned).collect()
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
}

#[derive(Deserialize, Default)]
struct Stream {
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    #[serde(default)]
    pix_fmt: String,
    #[serde(default)]
    field_order: String,
    #[serde(default)]
    color_range: String,
    #[serde(default)]
    color_space: String,
    #[serde(default)]
    color_transfer: String,
    #[serde(default)]
    color_primaries: String,
    #[serde(default)]
    start_time: String,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    default: u8,
    #[serde(default)]
    attached_pic: u8,
}

impl Tracks {
    /// Reads what ffprobe wrote when it was called with [`arguments`].
    ///
    /// ```
    /// use motet_media::tracks::Tracks;
    /// assert_eq!(Tracks::read(br#"{"streams":[]}"#).unwrap(), Tracks::default());
    /// ```
    ///
    /// # Errors
    /// When the report can't be read.
    pub fn read(json: &[u8]) -> Result<Tracks, Failure> {
        let Report { streams } = serde_json::from_slice(json)
            .map_err(|_| Failure::bad_output("the report of ffprobe can't be read"))?;
        let of_kind =
            |kind: &'static str| streams.iter().filter(move |stream| stream.codec_type == kind).enumerate();
        let is_default = |stream: &&Stream| stream.disposition.default == 1;
        let films = || of_kind("video").filter(|(_, stream)| stream.disposition.attached_pic == 0);
        let film = films().find(|(_, stream)| is_default(stream)).or_else(|| films().next());
        let sound =
            of_kind("audio").find(|(_, stream)| is_default(stream)).or_else(|| of_kind("audio").next());
        Ok(Tracks {
            picture: film.map_or(0, |(index, _)| index),
            pictures: film.map_or_else(Pictures::default, |(_, stream)| stream.pictures()),
            sound: sound.map_or(0, |(index, _)| index),
            is_other_sound: sound.is_some_and(|(_, stream)| stream.is_other_sound()),
        })
    }
}

impl Stream {
    fn is_other_sound(&self) -> bool {
        let begins_at_once = self.start_time.parse().is_ok_and(|start: f64| start.abs() < 0.001);
        self.codec_name != "aac" || !begins_at_once
    }

    fn pictures(&self) -> Pictures {
        let holds_alpha = ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8"];
        Pictures {
            colours: Colours::of(self),
            is_interlaced: ["tt", "bb", "tb", "bt"].contains(&&*self.field_order),
            is_transparent: holds_alpha.iter().any(|name| self.pix_fmt.starts_with(name)),
            is_labelled: !["", "unknown"].contains(&&*self.color_space),
            is_h264: self.codec_name == "h264" && self.pix_fmt == "yuv420p",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_sound_is_heard_and_a_cover_is_no_film() {
        let report = br#"{"streams":[
            {"codec_type":"video","disposition":{"default":1,"attached_pic":1}},
            {"codec_type":"audio","disposition":{"default":0}},
            {"codec_type":"video","width":64,"height":64,"pix_fmt":"yuv420p","disposition":{"default":0}},
            {"codec_type":"subtitle"},
            {"codec_type":"audio","disposition":{"default":1}}]}"#;
        let tracks = Tracks::read(report).unwrap();
        assert_eq!((tracks.picture, tracks.sound), (1, 1));
        assert!(Tracks::read(b"{").is_err());
    }

    #[test]
    fn interlaced_and_transparent_pictures_are_told() {
        let read = |stream: &str| {
            let report = format!(r#"{{"streams":[{{"codec_type":"video",{stream}}}]}}"#);
            let pictures = Tracks::read(report.as_bytes()).unwrap().pictures;
            (pictures.is_interlaced, pictures.is_transparent)
        };
        assert_eq!(read(r#""pix_fmt":"yuv420p","field_order":"progressive""#), (false, false));
        assert_eq!(read(r#""pix_fmt":"yuv422p10le","field_order":"tt""#), (true, false));
        assert_eq!(read(r#""pix_fmt":"yuva444p12le""#), (false, true));
    }
}
