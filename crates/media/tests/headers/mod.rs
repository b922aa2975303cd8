//! What is read from headers in this process, against what ffprobe says and what decoding gives.

use std::sync::OnceLock;

use motet_media::header::{self, Source, Unread};
use motet_media::probe::Probed;
use motet_media::sniff::sniff;
use proptest::prelude::*;

use crate::scratch::Scratch;

mod counted;

use counted::{Counting, read_counted};

const FILM: &str =
    "-f lavfi -i testsrc=size=160x88:rate=25:duration=0.8 -f lavfi -i sine=duration=0.8 -pix_fmt yuv420p";
const SILENT: &str = "-f lavfi -i testsrc=size=160x88:rate=25:duration=0.8 -pix_fmt yuv420p";
const TONE: &str = "-f lavfi -i sine=duration=1.2";

/// What the header tells of a file.
fn read(scratch: &Scratch, name: &str) -> Result<Probed, Unread> {
    read_bytes(&scratch.read(name))
}

fn read_bytes(bytes: &[u8]) -> Result<Probed, Unread> {
    let mime = sniff(bytes).map_or("", |sniffed| sniffed.mime);
    header::read(&mut &*bytes, mime)
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
        ("av1.mp4", SILENT, "-c:v libaom-av1 -cpu-used 8 -frames:v 5"),
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
        ("av1.webm", SILENT, "-c:v libaom-av1 -cpu-used 8 -frames:v 5"),
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

/// What ffprobe says of these is another length: it goes by what a first header says, or by a mean.
#[test]
fn what_is_played_counts_where_a_header_says_something_else() {
    let scratch = Scratch::new();
    let uneven = "-f lavfi -i anoisesrc=d=2:a=0.3:seed=7 -f lavfi -i anullsrc=r=48000:cl=mono:d=2 \
                  -filter_complex [0][1]concat=n=2:v=0:a=1";
    for (name, source, options) in [
        ("padded.mp3", TONE, ""),
        ("second-version.mp3", TONE, "-ar 22050"),
        ("uneven.mp3", uneven, "-q:a 4 -write_xing 0"),
        ("uneven.aac", uneven, ""),
        ("tone.opus", TONE, "-c:a libopus"),
        ("streamed.wav", TONE, "-seekable 0"),
        ("streamed.flac", TONE, "-seekable 0"),
    ] {
        scratch.make_source(name, &format!("{source} {options}"));
        let played = (scratch.decoded(name) * 1000.0).round() / 1000.0;
        assert_eq!(read(&scratch, name).unwrap().duration, Some(played), "{name}");
    }
    for (name, source, options) in [
        ("fragments.mp4", FILM, "-movflags frag_keyframe+empty_moov"),
        (
            "more-fragments.mp4",
            FILM,
            "-movflags frag_keyframe+empty_moov+default_base_moof -frag_duration 200000",
        ),
        ("delayed.mp4", FILM, "-movflags frag_keyframe+empty_moov+delay_moov"),
        ("pcm.mov", FILM, "-c:a pcm_s16le"),
        ("streamed.webm", SILENT, "-c:v libvpx -live 1 -seekable 0"),
    ] {
        scratch.make_source(name, &format!("{source} {options}"));
        let probed = read(&scratch, name).unwrap();
        assert_eq!((probed.duration, probed.fps), (Some(0.8), Some(25.0)), "{name}");
    }
}

/// As speech services send them.
#[test]
fn streams_written_one_behind_the_other_are_as_long_as_all_of_them() {
    let scratch = Scratch::new();
    for (name, options) in [
        ("tone.mp3", "-id3v2_version 0"),
        ("second-version.mp3", "-id3v2_version 0 -ar 22050"),
        ("two.mp3", "-id3v2_version 0 -ac 2 -b:a 192k"),
        ("bare.mp3", "-id3v2_version 0 -write_xing 0"),
        ("tone.aac", ""),
        ("tone.opus", "-c:a libopus"),
        ("tone.ogg", "-c:a libvorbis"),
    ] {
        scratch.make_source(name, &format!("{TONE} {options}"));
        let part = scratch.read(name);
        scratch.write(name, &[part.as_slice(), &part].concat());
        let (read, played) = (read(&scratch, name).unwrap().duration.unwrap(), scratch.decoded(name));
        // Decoders differ by a frame where the second begins.
        assert!((read - played).abs() < 0.03, "{name}: {read} of {played}");
    }
}

/// What a sound is kept in: a name, how it is written, and how it is written where the writer can't go back (nothing:
/// as before) if it can be.
const KEPT: [(&str, &str, Option<&str>); 18] = [
    ("stated.mp3", "", Some("-seekable 0")),
    ("second.mp3", "-ar 16000 -b:a 32k", None),
    ("bare.mp3", "-write_xing 0 -q:a 4", Some("-write_xing 0 -id3v2_version 0")),
    ("layer-two.mp2", "-c:a mp2", None),
    ("raw.aac", "", Some("-seekable 0")),
    ("tone.m4a", "", Some("-movflags frag_keyframe+empty_moov -seekable 0")),
    ("lossless.m4a", "-c:a alac", None),
    ("tone.opus", "-c:a libopus", Some("-c:a libopus -seekable 0")),
    ("tone.ogg", "-c:a libvorbis", Some("-c:a libvorbis -seekable 0")),
    ("flac.ogg", "-c:a flac", Some("-c:a flac -seekable 0")),
    ("tone.flac", "", Some("-seekable 0")),
    ("tone.wav", "", Some("-seekable 0")),
    ("tone.aiff", "", None),
    ("tone.caf", "", None),
    ("opus.webm", "-c:a libopus", Some("-c:a libopus -live 1 -seekable 0")),
    ("vorbis.mka", "-c:a libvorbis", Some("-c:a libvorbis -live 1 -seekable 0")),
    ("tone.ts", "-c:a aac", None),
    ("tone.flv", "-c:a aac", Some("-c:a aac -seekable 0")),
];

/// Loud, soft and silent parts, so that no mean of bytes tells the length.
const UNEVEN: &str = "-f lavfi -i anoisesrc=d=1.3:a=0.3:r=48000:seed=7 -f lavfi -i sine=f=300:d=0.7:r=48000 \
                      -f lavfi -i anullsrc=r=48000:cl=mono:d=1 -filter_complex [0][1][2]concat=n=3:v=0:a=1";

/// In every container and codec: what is measured is what is played, so that no narration is cut off, and nothing that
/// was cut off before is taken for the whole.
#[test]
fn narration_is_never_cut_off_whatever_it_is_kept_in() {
    let scratch = Scratch::new();
    let mut wrong = Vec::new();
    let mut judge = |name: &str, state: &str, seconds: f64| {
        let (measured, played) = (scratch.measured(name), scratch.decoded(name));
        let told = measured.as_ref().ok().and_then(|probed| probed.duration).unwrap_or_default();
        // What an encoder adds at the end may be left out. Where streams meet, decoders lose or repeat some packets.
        let (least, most) = match state {
            "joined" => (played - 0.05, played.max(2.0 * seconds) + 0.1),
            "cut" => (played - 0.0015, played + 0.05),
            _ => (seconds - 0.0015, played.max(seconds) + 0.02),
        };
        if !(least..=most).contains(&told) {
            wrong.push(format!("{name}, {state}: {told} of {played} s: {measured:?}"));
        }
    };
    for (name, options, streamed) in KEPT {
        scratch.make_source(name, &format!("{UNEVEN} {options}"));
        judge(name, "stated", 3.0);
        let whole = scratch.read(name);
        if let Some(options) = streamed {
            scratch.make_source(name, &format!("{UNEVEN} {options}"));
            judge(name, "streamed", 3.0);
        }
        if [".mp3", ".mp2", ".aac", ".opus", ".ogg", ".flac", ".ts"].iter().any(|kind| name.ends_with(kind)) {
            scratch.write(name, &whole.repeat(2));
            judge(name, "joined", 3.0);
        }
        scratch.write(name, &whole[..whole.len() * 6 / 10 / 188 * 188 + 5]);
        match scratch.measured(name) {
            Err(refusal) => assert!(!refusal.message.is_empty(), "{name}"),
            // The host knows its form.
            Ok(_) if name.ends_with(".aiff") => {}
            // By its structure it is whole: then it is as long as what is there.
            Ok(_) => judge(name, "cut", 3.0),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What ends amid a frame was cut off, even where nothing tells how long it should be.
#[test]
fn sound_that_ends_amid_a_frame_is_refused() {
    let scratch = Scratch::new();
    let table = [
        ("tone.flac", ""),
        ("streamed.flac", "-seekable 0"),
        ("tone.aac", ""),
        ("bare.mp3", "-write_xing 0 -id3v2_version 0"),
    ];
    for (name, options) in table {
        scratch.make_source(name, &format!("{TONE} {options}"));
        let bytes = scratch.read(name);
        for end in [bytes.len() - 1, bytes.len() - 9, bytes.len() / 2 + 11] {
            let read = read_bytes(&bytes[..end]);
            let Err(Unread::Refused(refusal)) = &read else { panic!("{name} cut at {end}: {read:?}") };
            assert!(refusal.message.starts_with("truncated"), "{name}: {refusal}");
        }
        assert!(read_bytes(&bytes).is_ok(), "{name}");
    }
}

#[test]
fn flac_is_as_long_as_its_frames_are_and_notes_behind_them_are_none() {
    let scratch = Scratch::new();
    for (name, options) in
        [("tone.flac", ""), ("streamed.flac", "-seekable 0"), ("deep.flac", "-sample_fmt s32 -ac 2")]
    {
        scratch.make_source(name, &format!("{UNEVEN} {options}"));
        let bytes = scratch.read(name);
        let seconds = |bytes: &[u8]| read_bytes(bytes).unwrap().duration;
        assert_eq!(seconds(&bytes), Some(3.0), "{name}");
        assert_eq!(seconds(&bytes.repeat(2)), Some(6.0), "{name}, twice");
        let noted = [bytes.as_slice(), b"TAG", &[7; 125]].concat();
        assert_eq!(seconds(&noted), Some(3.0), "{name}, with notes");
        let middle = bytes.len() / 2;
        let lost = read_bytes(&[&bytes[..middle], &bytes[middle + 3..]].concat());
        let Err(Unread::Refused(refusal)) = &lost else { panic!("{name}, without three bytes: {lost:?}") };
        assert_eq!(
            refusal.message, "the file is damaged: a part of its sound isn't what was written",
            "{name}"
        );
    }
}

/// Reading it once, or three tenths of a second, is what measuring may cost; in tests, which aren't optimized, more.
#[test]
fn an_hour_of_sound_without_a_header_is_read_once() {
    let scratch = Scratch::new();
    scratch.make_source(
        "minute.mp3",
        "-f lavfi -i anoisesrc=d=60:a=0.3:seed=7 -write_xing 0 -id3v2_version 0 -q:a 4",
    );
    let hour = scratch.read("minute.mp3").repeat(60);
    let mut source = Counting { length: hour.len() as u64, bytes: &hour, reads: 0, read: 0 };
    let seconds = header::read(&mut source, "audio/mpeg").unwrap().duration.unwrap();
    assert!((seconds - 3600.0).abs() < 5.0, "{seconds} s");
    assert!(source.read as f64 <= 1.02 * hour.len() as f64, "{} of {} bytes", source.read, hour.len());
}

#[test]
fn a_film_that_was_turned_is_as_wide_as_it_is_shown() {
    let scratch = Scratch::new();
    scratch.make_source("film.mp4", &format!("{SILENT} -vf setsar=16/11"));
    let upright = scratch.read("film.mp4");
    let matrix = upright.windows(4).position(|name| name == b"tkhd").unwrap() + 4 + 40;
    const ONE: i32 = 1 << 16;
    for turned in [[0, ONE, -ONE, 0], [0, -ONE, ONE, 0], [-ONE, 0, 0, -ONE]] {
        let mut bytes = upright.clone();
        for (number, at) in turned.into_iter().zip([0, 4, 12, 16]) {
            bytes[matrix + at..matrix + at + 4].copy_from_slice(&number.to_be_bytes());
        }
        scratch.write("turned.mp4", &bytes);
        assert_eq!(read_bytes(&bytes).unwrap(), scratch.probe("turned.mp4").unwrap(), "{turned:?}");
    }
}

#[test]
fn no_part_of_a_file_is_taken_for_the_whole() {
    let scratch = Scratch::new();
    let table = [
        ("film.mp4", FILM, ""),
        ("faststart.mp4", FILM, "-movflags +faststart"),
        ("fragments.mp4", FILM, "-movflags frag_keyframe+empty_moov"),
        ("film.webm", FILM, "-c:v libvpx -c:a libopus"),
        ("streamed.webm", SILENT, "-c:v libvpx -live 1"),
        ("film.mkv", FILM, ""),
    ];
    for (name, source, options) in table {
        scratch.make_source(name, &format!("{source} {options}"));
        let bytes = scratch.read(name);
        for share in 1..20 {
            let end = bytes.len() * share / 20;
            let read = read_bytes(&bytes[..end]);
            assert!(read.is_err(), "{name} cut at {end} of {}: {read:?}", bytes.len());
        }
        let read = read_bytes(&bytes[..bytes.len() / 2]);
        let Err(Unread::Refused(refusal)) = &read else { panic!("{name}, half of it: {read:?}") };
        assert!(refusal.message.starts_with("truncated"), "{name}: {refusal}");
    }
}

#[test]
fn what_only_a_decoder_can_tell_is_left_to_ffprobe() {
    let scratch = Scratch::new();
    let table = [
        // Nothing but the codec tells the shape of its pixels.
        ("film.mov", SILENT, "-c:v prores_ks"),
        ("film.avi", SILENT, ""),
        ("film.ogg", SILENT, "-c:v libtheora"),
        ("flac.ogg", TONE, "-c:a flac"),
        ("adpcm.wav", TONE, "-c:a adpcm_ms"),
        ("two.mp4", SILENT, "-map 0 -map 0"),
    ];
    for (name, source, options) in table {
        scratch.make_source(name, &format!("{source} {options}"));
        let read = read(&scratch, name);
        assert!(matches!(read, Err(Unread::Unknown)), "{name}: {read:?}");
    }
}

#[test]
fn a_file_of_gigabytes_that_is_made_to_keep_a_reader_busy_is_left_soon() {
    let boxes = b"\0\0\0\x08free".as_slice();
    let deep = b"\x7f\xff\xff\xf0moov".as_slice();
    let elements = b"\xec\x80".as_slice();
    let junk = b"\xff\xfb\0\0".as_slice();
    let groups = b"\xa0\xff".as_slice();
    let table = [
        (boxes, "video/mp4"),
        (deep, "video/mp4"),
        (elements, "video/webm"),
        (groups, "video/webm"),
        (junk, "audio/mpeg"),
        (junk, "audio/aac"),
        (b"\0", "audio/wav"),
        (b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0a\xc4\x42\xf0\0\0\0\0\xff\xf8\x10\0\0", "audio/flac"),
    ];
    for (bytes, mime) in table {
        let mut source = Counting { bytes, length: 3 << 30, reads: 0, read: 0 };
        let read = header::read(&mut source, mime);
        assert!(matches!(read, Err(Unread::Unknown)), "{mime}: {read:?}");
        assert!(source.read < 16 << 20, "{mime}: {} bytes", source.read);
    }
}

#[test]
fn an_index_at_the_end_of_gigabytes_costs_a_few_kilobytes() {
    let scratch = Scratch::new();
    scratch.make_source("film.mp4", FILM);
    let bytes = scratch.read("film.mp4");
    let gap = 3_u64 << 30;
    let mut source = Gap {
        bytes: &bytes,
        at: bytes.windows(4).position(|name| name == b"moov").unwrap() - 4,
        gap,
        read: 0,
    };
    let probed = header::read(&mut source, "video/mp4").unwrap();
    assert_eq!((probed.duration, probed.width), (Some(0.8), Some(160)));
    assert!(source.read < 64 << 10, "{} bytes", source.read);
}

/// A file with a box of `gap` bytes at `at`.
struct Gap<'a> {
    bytes: &'a [u8],
    at: usize,
    gap: u64,
    read: u64,
}

impl Source for Gap<'_> {
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.gap
    }

    fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let head = [&1_u32.to_be_bytes()[..], b"free", &self.gap.to_be_bytes()].concat();
        self.read += buffer.len() as u64;
        for (place, at) in buffer.iter_mut().zip(at..) {
            let inside = at.saturating_sub(self.at as u64);
            *place = match at < self.at as u64 {
                true => self.bytes[at as usize],
                false if inside < self.gap => head.get(inside as usize).copied().unwrap_or(0),
                false => self.bytes[(at - self.gap) as usize],
            };
        }
        Ok(buffer.len())
    }
}

/// Real files, of which some bytes will be others.
fn samples() -> &'static [Vec<u8>] {
    static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let scratch = Scratch::new();
        let table = [
            ("film.mp4", FILM, "-movflags +faststart"),
            ("fragments.mp4", FILM, "-movflags frag_keyframe+empty_moov"),
            ("film.webm", FILM, "-c:v libvpx -c:a libopus"),
            ("streamed.webm", SILENT, "-c:v libvpx -live 1"),
            ("tone.wav", TONE, "-ar 8000"),
            ("tone.opus", TONE, "-c:a libopus"),
            ("tone.ogg", TONE, "-c:a libvorbis"),
            ("tone.mp3", TONE, ""),
            ("tone.aac", TONE, ""),
            ("tone.flac", TONE, "-ar 8000"),
            ("streamed.flac", TONE, "-ar 8000 -seekable 0"),
        ];
        let make = |(name, source, options): (&str, &str, &str)| {
            scratch.make_source(name, &format!("{source} {options}"));
            scratch.read(name)
        };
        table.map(make).to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_damaged_file_breaks_a_reader_or_keeps_it_busy(
        sample in 0_usize..11,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..12),
        end in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = samples()[sample].clone();
        for (at, byte, is_near) in changes {
            // Most of what is read stands near the beginning.
            let length = if is_near { bytes.len().min(1500) } else { bytes.len() };
            bytes[at.index(length)] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()).max(1));
        }
        read_counted(&bytes);
    }

    #[test]
    fn no_noise_breaks_a_reader(
        kind in 0_usize..7,
        noise in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        const HEADS: [(&[u8], &str); 7] = [
            (b"\0\0\0\x08ftyp", "video/mp4"),
            (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff", "video/webm"),
            (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
            (b"OggS", "audio/ogg"),
            (b"\xff\xfb", "audio/mpeg"),
            (b"\xff\xf1", "audio/aac"),
            (b"fLaC\x80\0\0\x22", "audio/flac"),
        ];
        let (head, mime) = HEADS[kind];
        let _ = header::read(&mut [head, &noise].concat().as_slice(), mime);
    }
}
