//! What is read from headers in this process, against what ffprobe says and what decoding gives.

use motet_media::header::{self, Unread};
use motet_media::probe::Probed;
use motet_media::sniff::sniff;

use crate::scratch::Scratch;

const FILM: &str =
    "-f lavfi -i testsrc=size=160x88:rate=25:duration=1.2 -f lavfi -i sine=duration=1.2 -pix_fmt yuv420p";
const SILENT: &str = "-f lavfi -i testsrc=size=160x88:rate=25:duration=1.2 -pix_fmt yuv420p";
const TONE: &str = "-f lavfi -i sine=duration=1.2";

/// What the header tells of a file.
fn read(scratch: &Scratch, name: &str) -> Result<Probed, Unread> {
    read_bytes(&scratch.read(name))
}

fn read_bytes(bytes: &[u8]) -> Result<Probed, Unread> {
    let mime = sniff(bytes).map_or("", |sniffed| sniffed.mime);
    header::read(&mut &*bytes, mime)
}

/// Makes a file and gives its measures by the header and by ffprobe.
fn both(scratch: &Scratch, name: &str, arguments: &str) -> (Probed, Probed) {
    scratch.make_source(name, arguments);
    let by_header = read(scratch, name).unwrap_or_else(|unread| panic!("{name} ({arguments}): {unread:?}"));
    let by_ffprobe = scratch.probe(name).unwrap_or_else(|refusal| panic!("{name} ({arguments}): {refusal}"));
    (by_header, by_ffprobe)
}

#[test]
fn every_container_and_codec_is_measured_as_ffprobe_measures_it() {
    let scratch = Scratch::new();
    let table: &[(&str, &str, &str)] = &[
        ("h264.mp4", FILM, ""),
        ("faststart.mp4", FILM, "-movflags +faststart"),
        ("silent.mp4", SILENT, ""),
        ("odd.mp4", SILENT, "-vf scale=162:92"),
        ("ntsc.mp4", SILENT, "-r 30000/1001"),
        ("film.mp4", SILENT, "-r 24000/1001 -video_track_timescale 90000"),
        ("one.mp4", SILENT, "-frames:v 1"),
        ("slow.mp4", SILENT, "-r 2"),
        ("long-sound.mp4", FILM, "-af apad=pad_dur=0.7"),
        ("uneven.mp4", SILENT, "-vf select=not(eq(n\\,3)) -vsync vfr"),
        ("wide.mp4", SILENT, "-vf setsar=16/11"),
        ("444.mp4", SILENT, "-pix_fmt yuv444p"),
        ("interlaced.mp4", SILENT, "-flags +ildct+ilme"),
        ("hevc.mp4", SILENT, "-c:v libx265 -x265-params log-level=none"),
        ("av1.mp4", SILENT, "-c:v libaom-av1 -cpu-used 8"),
        ("vp9.mp4", SILENT, "-c:v libvpx-vp9 -deadline realtime"),
        ("mpeg4.mp4", FILM, "-c:v mpeg4"),
        ("opus.mp4", FILM, "-c:a libopus"),
        ("mp3.mp4", FILM, "-c:a libmp3lame"),
        ("tone.m4a", TONE, ""),
        ("alac.m4a", TONE, "-c:a alac"),
        ("film.mov", FILM, ""),
        ("fragments.mp4", SILENT, "-movflags frag_keyframe+empty_moov"),
        ("dash.mp4", SILENT, "-movflags dash+delay_moov -frag_duration 200000"),
        ("fragments.m4a", TONE, "-movflags frag_keyframe+empty_moov"),
        ("vp8.webm", FILM, "-c:v libvpx -c:a libvorbis"),
        ("vp9.webm", FILM, "-c:v libvpx-vp9 -deadline realtime -c:a libopus"),
        ("av1.webm", SILENT, "-c:v libaom-av1 -cpu-used 8"),
        ("ntsc.webm", SILENT, "-c:v libvpx -r 30000/1001"),
        ("fast.webm", SILENT, "-c:v libvpx -r 120000/1001"),
        ("film.webm", SILENT, "-c:v libvpx -r 24000/1001"),
        ("wide.webm", SILENT, "-c:v libvpx -vf setsar=16/11"),
        ("opus.webm", TONE, "-c:a libopus"),
        ("h264.mkv", FILM, ""),
        ("wide.mkv", FILM, "-vf setsar=16/11"),
        ("hevc.mkv", FILM, "-c:v libx265 -x265-params log-level=none -c:a flac"),
        ("late.mkv", FILM, "-output_ts_offset 10"),
        ("tone.mka", TONE, "-c:a libvorbis"),
        ("tone.wav", TONE, ""),
        ("two.wav", TONE, "-ac 2 -ar 22050"),
        ("float.wav", TONE, "-c:a pcm_f32le"),
        ("deep.wav", TONE, "-c:a pcm_s24le"),
        ("telephone.wav", TONE, "-c:a pcm_mulaw -ar 8000"),
        ("six.wav", TONE, "-ac 6"),
        ("tone.flac", TONE, ""),
        ("tone.ogg", TONE, "-c:a libvorbis"),
        ("bare.mp3", TONE, "-write_xing 0 -b:a 128k"),
    ];
    let mut wrong = Vec::new();
    for (name, source, options) in table {
        scratch.make_source(name, &format!("{source} {options}"));
        let by_header = read(&scratch, name);
        let by_ffprobe = scratch.probe(name);
        match (by_header, &by_ffprobe) {
            (Ok(by_header), Ok(by_ffprobe)) if by_header == *by_ffprobe => {}
            (by_header, _) => {
                wrong.push(format!("{name} {options}\n  header  {by_header:?}\n  ffprobe {by_ffprobe:?}"))
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
