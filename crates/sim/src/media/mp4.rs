//! MP4: the video of [`super::video`] and, if requested, a silent audio track.

use super::Media;
use super::video::Video;

/// A silent frame of AAC-LC, stereo, 1,024 samples.
const SILENCE: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];
const SOUND_RATE: u32 = 48_000;
const SOUND_FRAME: u64 = 1024;
/// The interval of key frames.
const ALONE_EVERY: u32 = 250;

pub(super) fn mp4(media: &Media) -> Vec<u8> {
    let film = film(media);
    let sound = if media.sound { sound(media) } else { Track::default() };
    let head = [boxed(b"ftyp", &[b"isom\0\0\x02\0isomiso2avc1mp41"])].concat();
    let content = [film.content.as_slice(), &sound.content].concat();
    let movie = |start: u32| {
        let mut tracks = vec![track(media, &film, start)];
        if media.sound {
            tracks.push(sound_track(media, &sound, start + film.content.len() as u32));
        }
        boxed(b"moov", &[&movie_header(media), &tracks.concat()])
    };
    // Offsets have a fixed width, so the size of `moov` does not depend on them.
    let start = head.len() + movie(0).len() + 8;
    [head, movie(start as u32), boxed(b"mdat", &[&content])].concat()
}

/// The video with a `free` box at its end.
pub(super) fn mark(mp4: &[u8], mark: &str) -> Vec<u8> {
    [mp4, &boxed(b"free", &[mark.as_bytes()])].concat()
}

/// The samples of a track.
#[derive(Default)]
struct Track {
    content: Vec<u8>,
    sizes: Vec<u32>,
    /// The numbers of the key frames, from 1.
    alone: Vec<u32>,
}

impl Track {
    fn push(&mut self, sample: &[u8]) {
        self.sizes.push(sample.len() as u32);
        self.content.extend_from_slice(sample);
    }
}

fn film(media: &Media) -> Track {
    let video = Video::new(media.width, media.height, media.hue);
    let first = prefixed(&video.first());
    let frames = (media.length * u64::from(media.rate)).div_ceil(1000).max(1) as u32;
    let mut film = Track::default();
    for frame in 0..frames {
        let number = frame % ALONE_EVERY;
        if number == 0 {
            film.alone.push(frame + 1);
            film.push(&first);
        } else {
            film.push(&prefixed(&video.again(number)));
        }
    }
    film
}

fn sound(media: &Media) -> Track {
    let frames = (media.length * u64::from(SOUND_RATE)).div_ceil(1000 * SOUND_FRAME);
    let mut sound = Track::default();
    for _ in 0..frames {
        sound.push(&SILENCE);
    }
    sound
}

fn prefixed(unit: &[u8]) -> Vec<u8> {
    [&(unit.len() as u32).to_be_bytes(), unit].concat()
}

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, &content].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The unit matrix.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

fn length(media: &Media) -> u32 {
    media.length as u32
}

fn movie_header(media: &Media) -> Vec<u8> {
    let times = words(&[0, 0, 0, 1000, length(media), 0x1_0000, 0x100_0000, 0, 0]);
    boxed(b"mvhd", &[&times, &words(&MATRIX), &[0; 24], &words(&[3])])
}

fn track_header(number: u32, media: &Media, volume: u32, width: u32, height: u32) -> Vec<u8> {
    let times = words(&[3, 0, 0, number, 0, length(media), 0, 0, 0, volume]);
    boxed(b"tkhd", &[&times, &words(&MATRIX), &words(&[width << 16, height << 16])])
}

fn track(media: &Media, film: &Track, start: u32) -> Vec<u8> {
    let frames = film.sizes.len() as u32;
    let video = Video::new(media.width, media.height, media.hue);
    let profile = &video.sequence[1..4];
    let configuration = [
        &[1][..],
        profile,
        &[0xff, 0xe1],
        &(video.sequence.len() as u16).to_be_bytes(),
        &video.sequence,
        &[1],
        &(video.picture.len() as u16).to_be_bytes(),
        &video.picture,
    ]
    .concat();
    let mut entry = vec![0; 24];
    entry[7] = 1;
    entry.extend_from_slice(&(media.width as u16).to_be_bytes());
    entry.extend_from_slice(&(media.height as u16).to_be_bytes());
    entry.extend_from_slice(&words(&[0x48_0000, 0x48_0000, 0]));
    entry.extend_from_slice(&[0, 1]);
    entry.extend_from_slice(&[0; 32]);
    entry.extend_from_slice(&[0, 24, 0xff, 0xff]);
    let entry = boxed(b"avc1", &[&entry, &boxed(b"avcC", &[&configuration])]);
    let alone = [words(&[0, film.alone.len() as u32]), words(&film.alone)].concat();
    let table = table(&entry, &[frames, 1], film, start, &boxed(b"stss", &[&alone]));
    boxed(
        b"trak",
        &[
            &track_header(1, media, 0, media.width, media.height),
            &medium(media.rate, frames, b"vide", &boxed(b"vmhd", &[&words(&[1, 0, 0])]), &table),
        ],
    )
}

fn sound_track(media: &Media, sound: &Track, start: u32) -> Vec<u8> {
    let frames = sound.sizes.len() as u32;
    let mut entry = vec![0; 8];
    entry[7] = 1;
    entry.extend_from_slice(&[0; 8]);
    entry.extend_from_slice(&[0, 2, 0, 16, 0, 0, 0, 0]);
    entry.extend_from_slice(&words(&[SOUND_RATE << 16]));
    // AAC-LC, 48 kHz, stereo.
    let configuration = [
        0, 0, 0, 0, 3, 25, 0, 2, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 5, 2, 0x11, 0x90, 6,
        1, 2,
    ];
    let entry = boxed(b"mp4a", &[&entry, &boxed(b"esds", &[&configuration])]);
    let table = table(&entry, &[frames, SOUND_FRAME as u32], sound, start, &[]);
    boxed(
        b"trak",
        &[
            &track_header(2, media, 0x100_0000, 0, 0),
            &medium(
                SOUND_RATE,
                frames * SOUND_FRAME as u32,
                b"soun",
                &boxed(b"smhd", &[&words(&[0, 0])]),
                &table,
            ),
        ],
    )
}

fn medium(scale: u32, length: u32, kind: &[u8; 4], header: &[u8], table: &[u8]) -> Vec<u8> {
    let times = boxed(b"mdhd", &[&words(&[0, 0, 0, scale, length, 0x55c4_0000])]);
    let handler = boxed(b"hdlr", &[&words(&[0, 0]), kind, &words(&[0, 0, 0]), b"motet\0"]);
    let here = boxed(b"url ", &[&words(&[1])]);
    let data = boxed(b"dinf", &[&boxed(b"dref", &[&words(&[0, 1]), &here])]);
    boxed(b"mdia", &[&times, &handler, &boxed(b"minf", &[header, &data, table])])
}

/// The sample table of a track, with one chunk.
fn table(entry: &[u8], times: &[u32; 2], track: &Track, start: u32, more: &[u8]) -> Vec<u8> {
    let count = track.sizes.len() as u32;
    boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&words(&[0, 1]), entry]),
            &boxed(b"stts", &[&words(&[0, 1, times[0], times[1]])]),
            more,
            &boxed(b"stsc", &[&words(&[0, 1, 1, count, 1])]),
            &boxed(b"stsz", &[&words(&[0, 0, count]), &words(&track.sizes)]),
            &boxed(b"stco", &[&words(&[0, 1, start])]),
        ],
    )
}
