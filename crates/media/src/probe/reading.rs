//! What ffprobe says of a file.

use motet_pipeline::{Failure, MediaKind};
use serde::Deserialize;

use super::measures::{Probed, displayed, rounded};

/// Reports beyond this size are refused unread: a file with a million streams is no film.
const REPORT_BYTES_MAX: usize = 4 << 20;

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default)]
struct Format {
    #[serde(default)]
    format_name: String,
    start_time: Option<String>,
    duration: Option<String>,
}

impl Format {
    /// How long it plays, in seconds.
    fn length(&self) -> Option<f64> {
        let end: f64 = self.duration.as_deref()?.parse().ok()?;
        let start = self.start_time.as_deref().and_then(|start| start.parse().ok()).unwrap_or(0.0);
        // Matroska tells when it ends, even where it begins late (a part of a recording); others how long it is.
        Some(if self.format_name.starts_with("matroska") { end - f64::max(start, 0.0) } else { end })
    }

    /// Whether the file itself tells its length. For others ffprobe goes by its rate of bytes, by the first of several
    /// headers, or by times that may begin anew.
    fn tells_length(&self) -> bool {
        ["mov", "matroska", "wav", "w64", "aiff", "caf", "avi", "asf"]
            .iter()
            .any(|name| self.format_name.starts_with(name))
    }
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    width: Option<i64>,
    height: Option<i64>,
    sample_aspect_ratio: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    duration: Option<String>,
    nb_frames: Option<String>,
    nb_read_packets: Option<String>,
    sample_rate: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: i64,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Tags {
    rotate: Option<String>,
}

/// What ffprobe reported of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// The measures. Video or sound whose length the file doesn't tell has none.
    pub probed: Probed,
    /// Whether the length is that of what is played. Where it isn't, or isn't known, it is
    /// [found by playing](super::playing) the file.
    pub is_exact: bool,
}

/// Reads what ffprobe wrote when it was called with [`super::arguments`], if that tells the length.
///
/// ```
/// let report = br#"{"streams":[{"codec_type":"audio","codec_name":"aac","duration":"2.5"}],
///                   "format":{"format_name":"mov,mp4","duration":"2.500"}}"#;
/// let probed = motet_media::probe::read(report).unwrap();
/// assert_eq!((probed.kind.word(), probed.duration), ("audio", Some(2.5)));
/// assert_eq!(motet_media::probe::read(b"{}").unwrap_err().message, "no streams: this is not a media file");
/// ```
///
/// # Errors
/// Those of [`report`], and [`Class::Invalid`](motet_pipeline::Class::Invalid) when no length is told.
pub fn read(json: &[u8]) -> Result<Probed, Failure> {
    let Reported { probed, .. } = report(json)?;
    match (probed.kind, probed.duration) {
        (MediaKind::Video | MediaKind::Audio, None) => Err(Failure::invalid(
            "truncated, or recorded without its length; `ffmpeg -i FILE -c copy NEW` may add it",
        )),
        _ => Ok(probed),
    }
}

/// Reads what ffprobe wrote when it was called with [`super::arguments`].
///
/// # Errors
/// [`Class::Invalid`](motet_pipeline::Class::Invalid) when the file is no media, is truncated or has nothing to play;
/// [`Class::BadOutput`](motet_pipeline::Class::BadOutput) when the report itself can't be read.
pub fn report(json: &[u8]) -> Result<Reported, Failure> {
    if json.len() > REPORT_BYTES_MAX {
        return Err(Failure::invalid("the file has more streams than any film; it wasn't read"));
    }
    if json.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::invalid("no streams: this is not a media file, or it is truncated"));
    }
    let report: Report = serde_json::from_slice(json)
        .map_err(|_| Failure::bad_output("the report of ffprobe can't be read"))?;
    if report.streams.is_empty() {
        return Err(Failure::invalid("no streams: this is not a media file"));
    }
    let sound = report.streams.iter().find(|stream| stream.codec_type == "audio");
    let pictures = report
        .streams
        .iter()
        .find(|stream| stream.codec_type == "video" && stream.disposition.attached_pic == 0);
    if [pictures, sound].into_iter().flatten().any(is_cut_off) {
        return Err(Failure::invalid("truncated: the file ends before its pictures and sound do"));
    }
    let probed = match (pictures, sound) {
        (Some(pictures), _) if is_still(&report.format) => image(pictures),
        (Some(pictures), sound) => video(pictures, sound, &report.format),
        (None, Some(sound)) => Probed::sound(length(&report.format, sound)),
        (None, None) => Err(Failure::invalid("no streams of pictures or sound: this is not a media file")),
    }?;
    let is_exact =
        probed.kind == MediaKind::Image || probed.duration.is_some() && report.format.tells_length();
    Ok(Reported { probed, is_exact })
}

/// Whether far fewer packets are there than the header promises.
fn is_cut_off(stream: &Stream) -> bool {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<f64>().ok());
    let Some(read) = number(&stream.nb_read_packets) else { return false };
    let promised = match (number(&stream.nb_frames), &*stream.codec_name) {
        // These are counted by the sample.
        (_, codec) if codec.starts_with("pcm_") => return false,
        (Some(frames), _) => frames,
        (None, "mp3") => match (number(&stream.duration), number(&stream.sample_rate)) {
            (Some(seconds), Some(rate)) => seconds * rate / if rate < 32_000.0 { 576.0 } else { 1152.0 },
            _ => return false,
        },
        _ => return false,
    };
    // Edit lists and the priming of encoders account for a few.
    read < promised * 0.95 - 3.0
}

fn is_still(format: &Format) -> bool {
    let container = format.format_name.as_str();
    matches!(container, "image2" | "apng" | "gif") || container.ends_with("_pipe")
}

fn image(stream: &Stream) -> Result<Probed, Failure> {
    let (width, height) = size(stream)?;
    Ok(Probed {
        kind: MediaKind::Image,
        width: Some(width),
        height: Some(height),
        duration: None,
        fps: None,
        has_audio: None,
    })
}

fn video(pictures: &Stream, sound: Option<&Stream>, format: &Format) -> Result<Probed, Failure> {
    let size = size(pictures)?;
    if pictures.nb_frames.as_deref() == Some("0") {
        return Err(Failure::invalid("zero length: the video has no pictures"));
    }
    let rate = [&pictures.avg_frame_rate, &pictures.r_frame_rate]
        .into_iter()
        .find_map(|rate| fraction(rate.as_deref()?, '/'));
    Probed::video(size, length(format, pictures), rate, sound.is_some())
}

/// The size at which a stream is shown.
fn size(stream: &Stream) -> Result<(u32, u32), Failure> {
    let side = |side: Option<i64>| side.and_then(|side| u32::try_from(side).ok()).unwrap_or(0);
    let pixel = stream.sample_aspect_ratio.as_deref().and_then(|ratio| fraction(ratio, ':')).unwrap_or(1.0);
    let turned = stream.side_data_list.iter().find_map(|data| data.rotation);
    let turned = turned.or_else(|| stream.tags.rotate.as_deref()?.parse().ok()).unwrap_or(0.0);
    let is_quarter = (turned / 90.0).round() as i64 % 2 != 0;
    displayed((side(stream.width), side(stream.height)), pixel, is_quarter)
}

/// The length of the file, else of its stream, in seconds, if it is told.
fn length(format: &Format, stream: &Stream) -> Option<f64> {
    let of_stream = || stream.duration.as_deref()?.parse().ok();
    format.length().or_else(of_stream).filter(|seconds: &f64| seconds.is_finite())
}

/// A positive fraction such as `30000/1001` or `4:3`, to five digits.
fn fraction(text: &str, between: char) -> Option<f64> {
    let (above, below) = text.split_once(between)?;
    rounded(above.parse::<f64>().ok()? / below.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(stream: &str, format: &str) -> Result<Probed, Failure> {
        read(format!(r#"{{"streams":[{stream}],"format":{{{format}}}}}"#).as_bytes())
    }

    const MP4: &str = r#""format_name":"mov,mp4","duration":"4.0004""#;

    #[test]
    fn a_phone_video_is_measured_as_it_is_displayed() {
        let turned = r#"{"codec_type":"video","width":1920,"height":1080,"avg_frame_rate":"30000/1001",
            "side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]}"#;
        let probed = report(turned, MP4).unwrap();
        assert_eq!((probed.width, probed.height), (Some(1080), Some(1920)));
        assert_eq!((probed.fps, probed.duration, probed.has_audio), (Some(29.97003), Some(4.0), Some(false)));
        let tagged = r#"{"codec_type":"video","width":640,"height":360,"tags":{"rotate":"270"}}"#;
        assert_eq!(report(tagged, MP4).unwrap().height, Some(640));
    }

    #[test]
    fn oblong_pixels_widen_the_picture() {
        let stream = r#"{"codec_type":"video","width":720,"height":576,"sample_aspect_ratio":"16:11"}"#;
        assert_eq!(report(stream, MP4).unwrap().width, Some(1047));
    }

    #[test]
    fn cover_art_is_no_video() {
        let streams = r#"{"codec_type":"video","codec_name":"mjpeg","width":500,"height":500,"disposition":{"attached_pic":1}},
            {"codec_type":"audio","duration":"3.25"}"#;
        let probed = report(streams, r#""format_name":"mp3","duration":"3.25""#).unwrap();
        assert_eq!((probed.kind, probed.width, probed.has_audio), (MediaKind::Audio, None, None));
    }

    #[test]
    fn a_file_that_ends_before_its_header_says_is_truncated() {
        let packets = |rest: &str| {
            report(&format!(r#"{{"codec_type":"video","width":64,"height":64,{rest}}}"#), MP4)
                .map_err(|refusal| refusal.message)
        };
        let message = "truncated: the file ends before its pictures and sound do".to_owned();
        assert_eq!(packets(r#""nb_frames":"100","nb_read_packets":"61""#), Err(message));
        assert!(packets(r#""nb_frames":"100","nb_read_packets":"99""#).is_ok());
        assert!(packets(r#""nb_read_packets":"1""#).is_ok());
        assert!(packets(r#""nb_frames":"many","nb_read_packets":"-""#).is_ok());
    }

    #[test]
    fn odd_reports_are_refused_and_told_apart() {
        let size = r#"{"codec_type":"video","width":64,"height":64}"#;
        let table = [
            read(b""),
            read(b"{"),
            read(b"{}"),
            read(br#"{"streams":"many"}"#),
            read(&vec![b' '; 5 << 20]),
            report(r#"{"codec_type":"subtitle"}"#, ""),
            report(size, ""),
            report(size, r#""duration":"N/A""#),
            report(size, r#""duration":"inf""#),
            report(size, r#""duration":"0.000000""#),
            report(size, r#""duration":"-1""#),
            report(r#"{"codec_type":"video","width":64,"height":64,"nb_frames":"0"}"#, MP4),
            report(r#"{"codec_type":"video","width":0,"height":64}"#, MP4),
            report(r#"{"codec_type":"video","width":-5,"height":99999999999}"#, MP4),
        ];
        let messages: Vec<_> =
            table.into_iter().map(|result| result.map_err(|refusal| refusal.to_string())).collect();
        insta::assert_debug_snapshot!(messages);
    }

    #[test]
    fn a_recording_that_begins_late_is_as_long_as_it_plays() {
        let stream = r#"{"codec_type":"video","width":64,"height":64}"#;
        let length = |format: &str| report(stream, format).unwrap().duration;
        let times = r#""start_time":"10.0","duration":"13.02""#;
        assert_eq!(length(&format!(r#""format_name":"matroska,webm",{times}"#)), Some(3.02));
        assert_eq!(length(&format!(r#""format_name":"mpegts",{times}"#)), Some(13.02));
        let odd = r#""format_name":"matroska,webm","start_time":"N/A","duration":"2""#;
        assert_eq!(length(odd), Some(2.0));
    }

    #[test]
    fn a_rate_that_is_none_is_left_out() {
        let stream =
            r#"{"codec_type":"video","width":64,"height":64,"avg_frame_rate":"0/0","r_frame_rate":"25/1"}"#;
        assert_eq!(report(stream, MP4).unwrap().fps, Some(25.0));
    }
}
