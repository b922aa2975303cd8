//! Frames that are made elsewhere, one by one, and become a video.

use crate::ffmpeg::{Ffmpeg, Format, Quality};
use crate::filter::Graph;
use crate::picture;
use crate::recipe::Call;

/// The file that [`encode`] writes.
pub const FILE: &str = "out.mp4";

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    /// Width and height in pixels, both even.
    pub size: (u32, u32),
    /// Frames a second.
    pub rate: u32,
    /// How many there are.
    pub count: u64,
    /// Whether another step encodes the video again, so that it is made fast and nearly without loss.
    pub is_intermediate: bool,
}

/// The call that makes a video of frames on its standard input: of each the brightness, then both differences of colour in
/// half the width and height, a byte each, in the colours of HD video.
///
/// ```
/// use motet_media::frames::{FILE, Frames, encode};
/// let call = encode(&Frames { size: (1280, 720), rate: 25, count: 50, is_intermediate: false });
/// assert_eq!(call.arguments.last().unwrap(), FILE);
/// assert_eq!(call.length, Some(2.0));
/// ```
pub fn encode(frames: &Frames) -> Call {
    let (width, height) = frames.size;
    let quality = if frames.is_intermediate { Quality::Intermediate } else { Quality::Final };
    let mut call = Ffmpeg::at(quality);
    let input = call.frames(&format!("{width}x{height}"), frames.rate);
    let mut graph = Graph::default();
    graph.chain(&[format!("{input}:v:0")], [picture::label_colours()], &["v"]);
    let length = frames.count as f64 / f64::from(frames.rate);
    call.write_to(FILE, &graph, &["v"], Format::SilentMp4, Some(length))
}
