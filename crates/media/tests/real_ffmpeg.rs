//! Recipes performed by the real ffmpeg, and their results measured.

mod films;
#[allow(dead_code)]
mod headers;
mod scratch;

use motet_pipeline::{Class, MediaKind, Value};
use scratch::{Scratch, with};

const TONE: &str = "-f lavfi -i sine=frequency=440:sample_rate=24000:duration=";

#[test]
fn a_picture_with_odd_sides_becomes_a_clip_with_even_ones() {
    let scratch = Scratch::new();
    let image = scratch.source("odd.png", "-f lavfi -i testsrc2=size=321x181:rate=1 -frames:v 1");
    for effect in ["zoom-in", "pan-left", "none"] {
        let inputs =
            with([("image", image.clone()), ("effect", effect.into()), ("duration", Value::from(0.8))]);
        let clip = scratch.probe(&scratch.make("media/animate", "video", inputs)).unwrap();
        assert_eq!(
            (clip.kind, clip.width, clip.height),
            (MediaKind::Video, Some(320), Some(180)),
            "{effect}"
        );
        assert_eq!(
            (clip.duration, clip.fps, clip.has_audio),
            (Some(0.8), Some(25.0), Some(false)),
            "{effect}"
        );
    }
}

#[test]
fn what_is_transparent_in_a_picture_is_black_in_a_clip() {
    let scratch = Scratch::new();
    // The right half is transparent, and white lies hidden there.
    let image = scratch.source(
        "i.png",
        "-f lavfi -i color=c=white:size=64x64,format=rgba,geq=r=255:g=255:b=255:a=255*lt(X\\,32) -frames:v 1",
    );
    let clip = scratch.make("media/animate", "video", with([("image", image), ("effect", "none".into())]));
    let picture = scratch.picture(&clip, 0.5, 16, 1);
    assert!(
        picture[0].iter().all(|value| *value > 240) && picture[15].iter().all(|value| *value < 15),
        "{picture:?}"
    );
}

#[test]
fn silence_lasts_as_long_as_asked() {
    let scratch = Scratch::new();
    let name = scratch.make("media/silence", "audio", with([("duration", Value::from(1.234))]));
    let sound = scratch.probe(&name).unwrap();
    assert_eq!((sound.kind, sound.duration), (MediaKind::Audio, Some(1.234)));
    assert!(scratch.level(&name, 0.0, 1.0) < -90.0);
}

/// Pictures and sound of a film end within 100 ms of each other and of `seconds`.
fn assert_in_step(scratch: &Scratch, name: &str, seconds: f64) {
    let (pictures, sound) = scratch.lengths(name);
    assert!((pictures - seconds).abs() < 0.05, "pictures last {pictures}, not {seconds}");
    assert!((sound - seconds).abs() < 0.05, "sound lasts {sound}, not {seconds}");
}

/// A clip of one colour, of which it says how it is kept, or doesn't.
const GREEN: &str = "-f lavfi -i color=green:size=640x360:rate=25:duration=0.6";

/// One colour of the film at its middle, as a player shows it that goes by its label.
fn colour_of(scratch: &Scratch, name: &str) -> [u8; 3] {
    colour_at(scratch, name, 0.28, 8)
}

/// The colour at `column` of sixteen.
fn colour_at(scratch: &Scratch, name: &str, at: f64, column: usize) -> [u8; 3] {
    scratch.picture(name, at, 16, 16)[8 * 16 + column]
}

fn assert_near(seen: [u8; 3], wanted: [u8; 3], what: &str) {
    let is_near = seen.iter().zip(wanted).all(|(seen, wanted)| seen.abs_diff(wanted) <= 3);
    assert!(is_near, "{what}: {seen:?}, not {wanted:?}");
}

#[test]
fn a_colour_stays_what_it_was_whatever_is_done_and_however_it_was_kept() {
    let scratch = Scratch::new();
    let sd = "-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m";
    let hd = "-vf scale=out_color_matrix=bt709 -colorspace bt709 -color_primaries bt709 -color_trc bt709";
    let table = [
        ("tagged.mp4", format!("{GREEN} -pix_fmt yuv420p {sd}")),
        ("untagged.mp4", format!("{GREEN} -pix_fmt yuv420p")),
        ("hd.mp4", format!("{GREEN} {hd} -pix_fmt yuv420p")),
        ("full.mp4", format!("{GREEN} -vf scale=out_range=pc -color_range pc -pix_fmt yuv420p {sd}")),
        ("large.mp4", format!("{} -vf scale=1280:720:out_color_matrix=bt709 -pix_fmt yuv420p", GREEN)),
        ("rgb.mp4", format!("{GREEN} -c:v libx264rgb -pix_fmt rgb24")),
        ("deep.mp4", format!("{GREEN} -pix_fmt yuv422p10le {sd}")),
    ];
    for (name, how) in table {
        let clip = scratch.source(name, &how);
        let media = || ("media", clip.clone());
        let films = [
            scratch.make("media/merge", "video", with([("items", Value::list(vec![clip.clone()]))])),
            scratch.make("media/trim", "video", with([media(), ("start", Value::from(0.04))])),
            scratch.make("media/resize", "video", with([media(), ("width", Value::from(320.0))])),
            scratch.make("media/retime", "video", with([media(), ("speed", Value::from(1.1))])),
            scratch.make(
                "media/captions",
                "video",
                with([("video", clip.clone()), ("words", Value::list(vec![]))]),
            ),
            scratch.make("media/thumbnail", "image", with([("video", clip.clone())])),
        ];
        for film in films {
            let seen = match film.ends_with("png") {
                true => colour_at(&scratch, &film, 0.0, 8),
                false => colour_of(&scratch, &film),
            };
            assert_near(seen, [0, 128, 0], &format!("{name}, {film}"));
        }
    }
}

#[test]
fn the_colours_of_wide_and_bright_films_are_brought_to_those_of_any_screen() {
    let scratch = Scratch::new();
    // 10 bits: paper is 75 % of the signal in HLG, 58 % in PQ.
    let clip = |name: &str, level: u32, transfer: &str| {
        let how = format!(
            "-f lavfi -i color=gray:size=64x64:rate=25:duration=0.4 -vf format=yuv420p10,geq=lum={level}:cb=512:cr=512 \
             -c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le -colorspace bt2020nc -color_primaries bt2020 \
             -color_trc {transfer}"
        );
        let items = with([("items", Value::list(vec![scratch.source(name, &how)]))]);
        colour_at(&scratch, &scratch.make("media/merge", "video", items), 0.2, 8)
    };
    for (name, level, transfer, range) in [
        ("white.mp4", 940, "bt2020-10", 250..=255),
        ("grey.mp4", 502, "bt2020-10", 124..=131),
        ("hlg-black.mp4", 64, "arib-std-b67", 0..=3),
        ("hlg-paper.mp4", 721, "arib-std-b67", 200..=255),
        ("hlg-lamp.mp4", 940, "arib-std-b67", 225..=255),
        ("pq-black.mp4", 64, "smpte2084", 0..=3),
        ("pq-paper.mp4", 573, "smpte2084", 200..=255),
        ("pq-lamp.mp4", 800, "smpte2084", 225..=255),
    ] {
        let [red, green, blue] = clip(name, level, transfer);
        assert!(range.contains(&green), "{name}: {green}");
        assert!(red.abs_diff(green) < 4 && blue.abs_diff(green) < 4, "{name}: it was grey");
    }
}

#[test]
fn the_background_is_seen_around_pictures_and_through_them() {
    let scratch = Scratch::new();
    // The right half is transparent, and green lies hidden there.
    let logo = scratch.source(
        "logo.png",
        "-f lavfi -i color=c=red:size=64x64,format=rgba,geq=r=255*lt(X\\,32):g=255*gte(X\\,32):b=0:a=255*lt(X\\,32) -frames:v 1",
    );
    let moving = scratch.source(
        "moving.mov",
        "-f lavfi -i color=c=red:size=64x64:rate=25:duration=0.4,format=rgba,geq=r=255*lt(X\\,32):g=255*gte(X\\,32):b=0:a=255*lt(X\\,32) -c:v png",
    );
    for background in ["white", "#c04080", "black"] {
        let wanted = match background {
            "white" => [255, 255, 255],
            "black" => [0, 0, 0],
            _ => [0xc0, 0x40, 0x80],
        };
        for media in [&logo, &moving] {
            let item = Value::map([("media", media.clone()), ("duration", Value::from(0.4))]);
            let inputs = with([
                ("items", Value::list(vec![item])),
                ("background", background.into()),
                ("width", Value::from(128.0)),
                ("height", Value::from(64.0)),
            ]);
            let film = scratch.make("media/merge", "video", inputs);
            let seen = |column| colour_at(&scratch, &film, 0.2, column);
            assert_near(seen(1), wanted, &format!("{background}, around"));
            assert_near(seen(10), wanted, &format!("{background}, through"));
            assert_near(seen(5), [255, 0, 0], &format!("{background}, the picture"));
        }
    }
    // Where the target can, what is transparent stays so.
    let resized =
        scratch.make("media/resize", "image", with([("media", logo), ("width", Value::from(32.0))]));
    assert_eq!(scratch.read(&resized)[25], 6, "red, green, blue and alpha");
    let thumbnail = scratch.make("media/thumbnail", "image", with([("video", moving)]));
    assert_eq!(scratch.read(&thumbnail)[25], 6, "red, green, blue and alpha");
}

#[test]
fn a_film_fades_from_the_colour_that_was_asked_for() {
    let scratch = Scratch::new();
    let still = scratch.source("still.png", "-f lavfi -i color=c=white:size=64x64 -frames:v 1");
    let item = Value::map([("media", still), ("duration", Value::from(1.0))]);
    let inputs = with([
        ("items", Value::list(vec![item])),
        ("background", "#c04080".into()),
        ("fade_in", Value::from(0.4)),
    ]);
    let film = scratch.make("media/merge", "video", inputs);
    assert_near(colour_at(&scratch, &film, 0.0, 8), [0xc0, 0x40, 0x80], "at first");
    assert_near(colour_at(&scratch, &film, 0.8, 8), [255, 255, 255], "then");
}

#[test]
fn interlaced_pictures_are_made_whole() {
    let scratch = Scratch::new();
    // A bar moves on between the two halves of a picture.
    let clip = scratch.source(
        "clip.mp4",
        "-f lavfi -i color=white:size=64x64:rate=50:duration=1,geq=lum=16+219*lt(mod(X+4*N\\,64)\\,16):cb=128:cr=128,\
         tinterlace=interleave_top,fieldorder=tff -flags +ildct+ilme -pix_fmt yuv420p",
    );
    let film = scratch.make("media/trim", "video", with([("media", clip), ("start", Value::from(0.2))]));
    let torn = |name: &str| {
        let picture = scratch.picture(name, 0.2, 64, 64);
        let rows = picture.chunks(64).zip(picture[64..].chunks(64));
        rows.filter(|(row, next)| row.iter().zip(*next).any(|(one, other)| one[0].abs_diff(other[0]) > 60))
            .count()
    };
    let (before, after) = (torn("clip.mp4"), torn(&film));
    assert!(before > 50 && after < 5, "of 63 rows {before} differed from the next, and {after} do");
}

#[test]
fn of_several_sounds_the_default_one_is_heard() {
    let scratch = Scratch::new();
    let film = scratch.source(
        "two.mkv",
        "-f lavfi -i testsrc2=size=64x64:rate=25:duration=1 -f lavfi -i sine=f=200:d=1 -f lavfi -i sine=f=3000:d=1 \
         -map 0 -map 1 -map 2 -pix_fmt yuv420p -disposition:a:0 0 -disposition:a:1 default",
    );
    let merged = with([("items", Value::list(vec![film.clone()]))]);
    for (operation, output, inputs) in [
        ("media/extract-audio", "audio", with([("video", film.clone())])),
        ("media/trim", "video", with([("media", film), ("start", Value::from(0.1))])),
        ("media/merge", "video", merged),
    ] {
        let name = scratch.make(operation, output, inputs);
        let (all, low) = (scratch.level(&name, 0.2, 0.5), scratch.level_below(&name, 800, 0.2, 0.5));
        assert!(all > -30.0 && low < all - 20.0, "{operation}: {all} dB, of which {low} dB are low");
    }
}

#[test]
fn a_sound_has_the_loudness_that_was_asked_for_even_if_it_is_short() {
    let scratch = Scratch::new();
    // Its range is zero, for which the usual filter would change its mode, and its rate to 192 kHz.
    let short = scratch.source("short.wav", "-f lavfi -i sine=frequency=300:duration=1.4,volume=-14dB");
    let tiny = scratch.source("tiny.wav", "-f lavfi -i sine=frequency=300:duration=0.2");
    let uneven = scratch
        .source("uneven.wav", "-f lavfi -i aevalsrc=0.02*sin(2*PI*t*400)*(1+20*lt(mod(t\\,3)\\,0.2)):d=9");
    for (sound, target) in [(&short, -16.0), (&uneven, -16.0), (&short, -23.0)] {
        let inputs =
            with([("media", sound.clone()), ("target", Value::from(target)), ("format", "wav".into())]);
        let name = scratch.make("media/loudness", "audio", inputs);
        let heard = scratch.loudness(&name);
        assert!((heard - target).abs() < 1.0, "{heard} LUFS, and {target} were asked for");
        assert_eq!(scratch.entries(&name, "stream=sample_rate"), ["48000"]);
    }
    let name = scratch.make("media/loudness", "audio", with([("media", tiny), ("format", "wav".into())]));
    assert_eq!(
        scratch.measured(&name).unwrap().duration,
        Some(0.2),
        "what is too short to tell stays as it is"
    );

    let film = scratch.source(
        "film.mp4",
        "-f lavfi -i testsrc2=size=64x64:rate=25:duration=2 -f lavfi -i sine=d=2,volume=-20dB -pix_fmt yuv420p",
    );
    let name = scratch.make("media/loudness", "video", with([("media", film.clone())]));
    assert!((scratch.loudness(&name) + 16.0).abs() < 1.0);
    assert_eq!(scratch.pictures(&name), scratch.pictures("film.mp4"), "its pictures are copied");
    assert_in_step(&scratch, &name, 2.0);
    for items in [vec![film], vec![short.clone(), uneven]] {
        let output = if items.len() == 1 { "video" } else { "audio" };
        let inputs = with([("items", Value::list(items)), ("loudness", Value::from(-16.0))]);
        let heard = scratch.loudness(&scratch.make("media/merge", output, inputs));
        assert!((heard + 16.0).abs() < 1.0, "{heard} LUFS");
    }
}

fn say(word: &str, start: f64, end: f64) -> Value {
    Value::map([("word", word.into()), ("start", Value::from(start)), ("end", Value::from(end))])
}

/// How many of the pixels differ clearly.
fn changed(before: &[[u8; 3]], after: &[[u8; 3]]) -> usize {
    let differs =
        |(one, other): &(&[u8; 3], &[u8; 3])| one.iter().zip(*other).any(|(a, b)| a.abs_diff(*b) > 60);
    before.iter().zip(after).filter(differs).count()
}

#[test]
fn captions_stand_in_the_lower_third_while_they_are_said() {
    let scratch = Scratch::new();
    let video = scratch
        .source("v.mp4", "-f lavfi -i color=c=0x305080:size=321x180:rate=10:duration=3 -pix_fmt yuv444p");
    for style in ["clean", "bold", "boxed", "karaoke"] {
        let inputs = with([
            ("video", video.clone()),
            ("words", Value::list(vec![say("Hello", 0.5, 0.8), say("{world}", 0.8, 1.0)])),
            ("style", style.into()),
        ]);
        let name = scratch.make("media/captions", "video", inputs);
        let film = scratch.probe(&name).unwrap();
        assert_eq!((film.width, film.height, film.duration), (Some(320), Some(180), Some(3.0)));
        let picture = |at| scratch.picture(&name, at, 320, 180);
        let (before, during, after) = (picture(0.1), picture(0.9), picture(2.5));
        let third = 320 * 120;
        assert!(changed(&before[third..], &during[third..]) > 150, "{style}: seen in the lower third");
        assert_eq!(changed(&before[..third], &during[..third]), 0, "{style}: and nowhere else");
        assert_eq!(changed(&before, &after), 0, "{style}: gone afterwards");
        assert_eq!(scratch.read("captions.srt").iter().filter(|byte| **byte == b'\n').count(), 4);
    }
}

#[test]
fn captions_leave_the_sound_of_a_film_as_it_is() {
    let scratch = Scratch::new();
    let sound = |name: &str| scratch.tracks_digest(name, "0:a:0");
    let captioned = |source: &str, name: &str| {
        let video =
            scratch.source(name, &format!("-f lavfi -i color=c=blue:size=64x64:rate=10:duration=2 {source}"));
        let words = Value::list(vec![say("Hello", 0.5, 0.8)]);
        scratch.make("media/captions", "video", with([("video", video), ("words", words)]))
    };
    let aac = captioned(&format!("{TONE}2 -c:a aac -ac 1"), "aac.mp4");
    assert_eq!(sound("aac.mp4"), sound(&aac), "it is copied");
    assert_in_step(&scratch, &aac, 2.0);
    // What the file that is written can't hold, or what begins later than the pictures, is encoded.
    let vorbis = captioned(&format!("{TONE}2 -c:a libvorbis -c:v libx264"), "vorbis.mkv");
    assert_in_step(&scratch, &vorbis, 2.0);
    let late = captioned(&format!("-itsoffset 0.5 {TONE}1.5 -c:a aac -map 0:v -map 1:a"), "late.mp4");
    assert_in_step(&scratch, &late, 2.0);
    assert!(scratch.level(&late, 0.0, 0.4) < -60.0 && scratch.level(&late, 0.7, 0.5) > -30.0);
}

#[test]
fn an_intermediate_encoding_costs_nothing_that_is_seen() {
    let scratch = Scratch::new();
    // Fine detail that grows. Of grain that is another in each picture, every encoding keeps something else.
    let video = scratch.source("v.mkv", "-f lavfi -i mandelbrot=size=640x360:rate=25 -t 2 -c:v ffv1");
    let resized = |video: Value, encoding: &str| {
        let inputs = with([("media", video), ("width", Value::from(640)), ("encoding", encoding.into())]);
        scratch.make("media/resize", "video", inputs)
    };
    let once = resized(video.clone(), "final");
    let between = resized(video, "intermediate");
    let twice = resized(scratch.measure(&between), "final");
    let likeness = scratch.ssim(&once, &twice);
    assert!((0.98..1.0).contains(&likeness), "{likeness}");
}

fn dark(scratch: &Scratch) -> Value {
    scratch.source("v.mp4", "-f lavfi -i color=c=black:size=640x360:rate=5:duration=2 -pix_fmt yuv420p")
}

#[test]
fn a_picture_or_a_text_lies_over_a_video_for_a_while() {
    let scratch = Scratch::new();
    let video = dark(&scratch);
    let logo = scratch.source("logo.png", "-f lavfi -i color=c=0xc04080:size=64x64 -frames:v 1");
    let over = |more: [(&str, Value); 2]| {
        let mut inputs = with([
            ("video", video.clone()),
            ("position", "top-left".into()),
            ("from", Value::from(0.8)),
            ("to", Value::from(1.4)),
        ]);
        inputs.extend(more.map(|(name, value)| (name.to_owned(), value)));
        scratch.make("media/overlay", "video", inputs)
    };
    let film = over([("image", logo), ("size", Value::from(0.25))]);
    assert_near(colour_at_row(&scratch, &film, 1.0, 1, 2), [0xc0, 0x40, 0x80], "seen");
    for (at, row, column) in [(0.2, 1, 2), (1.8, 1, 2), (1.0, 14, 2), (1.0, 1, 12)] {
        assert_near(colour_at_row(&scratch, &film, at, row, column), [0, 0, 0], "not then, or not there");
    }
    let film = over([("text", "Sea\nby night".into()), ("size", Value::from(0.15))]);
    let ink = |at: f64| scratch.picture(&film, at, 640, 360).iter().filter(|pixel| pixel[0] > 200).count();
    assert!(ink(0.2) == 0 && ink(1.0) > 500 && ink(1.8) == 0, "{} {} {}", ink(0.2), ink(1.0), ink(1.8));
}

/// The colour at a place of sixteen by sixteen.
fn colour_at_row(scratch: &Scratch, name: &str, at: f64, row: usize, column: usize) -> [u8; 3] {
    scratch.picture(name, at, 16, 16)[row * 16 + column]
}

/// In Arabic and Hebrew the end of a sentence is on the left.
#[test]
fn a_caption_is_written_from_where_its_script_is_read() {
    let scratch = Scratch::new();
    let video = dark(&scratch);
    for style in ["clean", "karaoke"] {
        for (text, dot_is_left) in [("مرحبا بالعالم.", true), ("שלום לכם.", true), ("Hello my world.", false)]
        {
            let inputs = with([
                ("video", video.clone()),
                ("words", Value::list(vec![say(text, 0.1, 1.9)])),
                ("style", style.into()),
            ]);
            let picture = scratch.picture(&scratch.make("media/captions", "video", inputs), 1.0, 640, 360);
            let bright = |pixel: &[u8; 3]| pixel[0] > 150;
            let height = |column: usize| {
                let rows: Vec<_> = (0..360).filter(|row| bright(&picture[row * 640 + column])).collect();
                rows.last().map_or(0, |last| last - rows[0] + 1)
            };
            let inked: Vec<_> = (0..640).filter(|column| height(*column) > 0).collect();
            let (left, right) = (inked[0], inked[inked.len() - 1]);
            // A full stop is low: within three columns of the end nothing is higher than a few pixels.
            let is_dot =
                |columns: std::ops::RangeInclusive<usize>| columns.map(height).max().unwrap_or(0) < 7;
            assert_eq!(is_dot(left..=left + 2), dot_is_left, "{style}, {text}: on the left");
            assert!(dot_is_left || is_dot(right - 2..=right), "{style}, {text}: on the right");
        }
    }
}

#[test]
fn letters_and_fonts_that_are_not_there_are_refused_with_what_has_them() {
    let scratch = Scratch::new();
    let video = dark(&scratch);
    // No font has these: they are for private use.
    let unknown = with([("video", video.clone()), ("script", "\u{f8f0}\u{f8f1} here".into())]);
    let refusal = scratch.refusal("media/captions", unknown);
    assert!(refusal.message.starts_with("no font of this machine has \u{f8f0}"), "{refusal}");
    let font =
        |name: &str| with([("video", video.clone()), ("script", "Hello".into()), ("font", name.into())]);
    let refusal = scratch.refusal("media/captions", font("Nowhere Grotesk"));
    assert!(refusal.message.contains("the font `Nowhere Grotesk` isn't on this machine"), "{refusal}");
    scratch.make("media/captions", "video", font("DejaVu Sans"));
    let arabic = with([("video", video.clone()), ("script", "مرحبا".into())]);
    scratch.make("media/captions", "video", arabic);
}

#[test]
fn subtitles_are_taken_as_they_are_and_come_out_as_they_were_written() {
    let scratch = Scratch::new();
    let video = dark(&scratch);
    let srt = "1\n00:00:00,200 --> 00:00:00,900\nC:\\New {note} <b>bold</b>\n\n2\n00:00:01,000 --> 00:00:01,500\n- One. Two.\n\n";
    let file = scratch.text("in.srt", "application/x-subrip", srt);
    for inputs in [
        with([("video", video.clone()), ("subtitles", file)]),
        with([("video", video.clone()), ("script", srt.into())]),
    ] {
        scratch.make("media/captions", "video", inputs);
        let written = String::from_utf8(scratch.read("captions.vtt")).unwrap();
        let wanted = "WEBVTT\n\n00:00:00.200 --> 00:00:00.900\nC:\\New {note} bold\n\n00:00:01.000 --> 00:00:01.500\n- One. Two.\n";
        assert_eq!(written, wanted);
        let shown = scratch.converted("captions.srt", "ass").replace('\u{2060}', "·");
        assert!(shown.contains(r"C:\·New \{note\} bold"), "{shown}");
    }
    let lines =
        with([("video", video), ("script", "First line\nSecond line\nThird - line\n- One\n- Two".into())]);
    scratch.make("media/captions", "video", lines);
    let srt = String::from_utf8(scratch.read("captions.srt")).unwrap();
    let texts: Vec<_> = srt.lines().skip(2).step_by(4).collect();
    assert_eq!(texts, ["First line", "Second line", "Third - line", "- One", "- Two"]);
}

#[test]
fn a_box_is_translucent_and_has_its_own_colour() {
    let scratch = Scratch::new();
    let video =
        scratch.source("v.mp4", "-f lavfi -i color=c=white:size=320x180:rate=5:duration=1 -pix_fmt yuv420p");
    let inputs = with([("video", video), ("script", "MMMMMMMM".into()), ("style", "boxed".into())]);
    let picture = scratch.picture(&scratch.make("media/captions", "video", inputs), 0.5, 320, 180);
    let greys = picture.iter().filter(|[red, green, blue]| {
        (70..130).contains(red) && red.abs_diff(*green) < 8 && red.abs_diff(*blue) < 8
    });
    assert!(greys.count() > 500, "black at 62 % over white is a dark grey");
}

#[test]
fn every_other_operation_gives_what_it_promises() {
    let scratch = Scratch::new();
    let video = scratch.source(
        "v.mp4",
        "-f lavfi -i testsrc2=size=162x90:rate=25 -f lavfi -i sine=frequency=500 -t 2 -pix_fmt yuv420p",
    );
    let sound = scratch.source("s.wav", &format!("{TONE}2"));
    let image = scratch.source("i.jpg", "-f lavfi -i testsrc2=size=161x91 -frames:v 1");
    let number = |value: f64| Value::from(value);

    let name =
        scratch.make("media/retime", "video", with([("media", video.clone()), ("duration", number(3.0))]));
    assert_in_step(&scratch, &name, 3.0);
    let name =
        scratch.make("media/retime", "audio", with([("media", sound.clone()), ("speed", number(4.0))]));
    assert_eq!(scratch.probe(&name).unwrap().duration, Some(0.5));
    assert!((scratch.level(&name, 0.1, 0.3) - scratch.level("s.wav", 0.1, 0.3)).abs() < 1.0);

    let name = scratch.make(
        "media/trim",
        "video",
        with([("media", video.clone()), ("start", number(0.5)), ("end", number(1.1))]),
    );
    assert_in_step(&scratch, &name, 0.6);
    let name = scratch.make("media/trim", "audio", with([("media", sound), ("start", number(0.5))]));
    assert_eq!(scratch.probe(&name).unwrap().duration, Some(1.5));

    for format in ["mp3", "m4a", "wav"] {
        let name = scratch.make(
            "media/extract-audio",
            "audio",
            with([("video", video.clone()), ("format", format.into())]),
        );
        let probed = scratch.probe(&name).unwrap();
        assert_eq!(probed.kind, MediaKind::Audio);
        assert!((probed.duration.unwrap() - 2.0).abs() < 0.06, "{format}: {probed:?}");
    }

    let size = |name: &str| {
        scratch.probe(name).map(|probed| (probed.width.unwrap(), probed.height.unwrap())).unwrap()
    };
    let name = scratch.make(
        "media/resize",
        "image",
        with([("media", image), ("width", number(81.0)), ("height", number(81.0))]),
    );
    assert_eq!(size(&name), (81, 81));
    let name = scratch.make(
        "media/resize",
        "video",
        with([("media", video.clone()), ("aspect_ratio", "9:16".into())]),
    );
    assert_eq!(size(&name), (50, 90));
    assert_in_step(&scratch, &name, 2.0);

    for at in [0.0, 1.0, 2.0] {
        let name =
            scratch.make("media/thumbnail", "image", with([("video", video.clone()), ("at", number(at))]));
        assert_eq!((size(&name), scratch.probe(&name).unwrap().kind), ((162, 90), MediaKind::Image));
    }
}

#[test]
fn a_picture_is_found_however_long_ago_it_came() {
    let scratch = Scratch::new();
    let number = |value: f64| Value::from(value);
    // One picture a second, so that nothing new comes after 3.0; and pictures that end before the sound.
    let slow =
        scratch.source("slow.mp4", "-f lavfi -i color=c=red:size=64x64:rate=1:duration=4 -pix_fmt yuv420p");
    let sound = "-f lavfi -i sine=duration=4";
    let short = scratch.source(
        "short.mkv",
        &format!("-f lavfi -i color=c=red:size=64x64:rate=25:duration=1 {sound} -pix_fmt yuv420p"),
    );
    for video in [slow, short] {
        let part = with([("media", video.clone()), ("start", number(3.4))]);
        let trimmed = scratch.make("media/trim", "video", part);
        let item = Value::map([("media", video.clone()), ("start", number(3.4))]);
        let merged = scratch.make("media/merge", "video", with([("items", Value::list(vec![item]))]));
        let thumbnail =
            scratch.make("media/thumbnail", "image", with([("video", video), ("at", number(3.9))]));
        for (name, duration) in [(&trimmed, Some(1.0)), (&merged, Some(0.6)), (&thumbnail, None)] {
            let probed = scratch.probe(name).unwrap();
            assert!(probed.duration.is_some() == duration.is_some(), "{name}: {probed:?}");
            let pixel = scratch.picture(name, 0.0, 1, 1)[0];
            assert!(pixel[0] > 200 && pixel[2] < 40, "{name}: {pixel:?} is red");
        }
    }
}

/// Each second, for a tenth: white on black, and a tone.
const BEATS: &str = "-f lavfi -i color=c=black:size=64x64:rate=25:duration=8,drawbox=color=white:t=fill:enable='lt(mod(t\\,1)\\,0.1)' \
                     -f lavfi -i aevalsrc=0.5*sin(2*PI*t*1000)*lt(mod(t\\,1)\\,0.1):duration=8 -pix_fmt yuv420p";

#[test]
fn what_begins_amid_a_clip_is_in_step() {
    let scratch = Scratch::new();
    let beats = scratch.source("beats.mp4", BEATS);
    let from = ("start", Value::from(4.3));
    let trimmed = scratch.make("media/trim", "video", with([("media", beats.clone()), from.clone()]));
    let item = Value::map([("media", beats), from]);
    let merged = scratch.make("media/merge", "video", with([("items", Value::list(vec![item]))]));
    for name in [trimmed, merged] {
        for beat in [0.7, 1.7, 2.7] {
            let bright = |at: f64| scratch.picture(&name, at, 1, 1)[0][0] > 128;
            assert!(!bright(beat - 0.06) && bright(beat + 0.04), "{name}: white at {beat}");
            let (before, within) =
                (scratch.level(&name, beat - 0.2, 0.15), scratch.level(&name, beat + 0.02, 0.06));
            assert!(before < -60.0 && within > -20.0, "{name}: {before} dB before {beat}, {within} dB then");
        }
    }
}

#[test]
fn a_long_text_without_spaces_stays_in_the_picture() {
    let scratch = Scratch::new();
    let upright = scratch.source(
        "upright.mp4",
        "-f lavfi -i color=c=0x305080:size=180x320:rate=5:duration=2 -pix_fmt yuv420p",
    );
    for style in ["clean", "bold"] {
        let inputs = with([
            ("video", upright.clone()),
            ("script", "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk".into()),
            ("style", style.into()),
        ]);
        let picture = scratch.picture(&scratch.make("media/captions", "video", inputs), 1.0, 180, 320);
        let column = |at: usize| picture.iter().skip(at).step_by(180).filter(|pixel| pixel[0] > 140).count();
        assert!((20..160).any(|at| column(at) > 0), "{style}: a caption is seen");
        assert!([0, 1, 178, 179].iter().all(|at| column(*at) == 0), "{style}: and whole");
    }
}

#[test]
fn an_animated_picture_is_taken_as_its_first() {
    let scratch = Scratch::new();
    for (name, format) in [("moving.gif", "gif"), ("moving.png", "apng")] {
        let image =
            scratch.source(name, &format!("-f lavfi -i testsrc2=size=64x64:rate=5:duration=1 -f {format}"));
        let clip = scratch.make("media/animate", "video", with([("image", image)]));
        assert_eq!(scratch.probe(&clip).unwrap().duration, Some(5.0), "{name}");
    }
}

#[test]
fn damaged_and_mislabelled_media_are_refused_with_a_reason() {
    let scratch = Scratch::new();
    scratch.source("v.mp4", "-f lavfi -i testsrc2=size=64x64:rate=25:duration=1 -pix_fmt yuv420p");
    let whole = scratch.read("v.mp4");
    scratch.write("half.mp4", &whole[..whole.len() / 2]);
    for name in ["index-first.mp4", "v.webm", "v.png", "v.mp3"] {
        let how = if name == "v.png" { "-frames:v 1" } else { "-shortest -movflags +faststart" };
        let how = if name.ends_with("mp4") { how } else { how.trim_end_matches(" -movflags +faststart") };
        scratch.source(
            name,
            &format!("-f lavfi -i testsrc2=size=64x64:rate=25:duration=2 -f lavfi -i sine=duration=2 {how}"),
        );
        let whole = scratch.read(name);
        scratch.write(&format!("half-{name}"), &whole[..whole.len() * 6 / 10]);
    }
    scratch.write("empty.mp4", b"");
    scratch.write("text.mp4", b"I am no video at all, only some words.");
    scratch.write("list.mp4", b"ffconcat version 1.0\nfile v.mp4\n");
    scratch.write("playlist.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nv.mp4\n#EXT-X-ENDLIST\n");
    let refused =
        ["half-index-first.mp4", "half-v.webm", "half-v.png", "half-v.mp3", "half.mp4", "empty.mp4"].map(
            |name| {
                let refusal = scratch.probe(name).unwrap_err();
                format!("{name}: {refusal}")
            },
        );
    insta::assert_debug_snapshot!(refused);
    // What ffmpeg takes such a file for differs from version to version; that it is refused, and with one
    // of our own reasons, does not.
    let reasons = [
        "truncated, or no video at all: it has no index (moov atom)",
        "the file is damaged, or isn't what its name says",
        "the file is of a format that isn't opened",
    ];
    for name in ["text.mp4", "list.mp4", "playlist.mp4"] {
        let refusal = scratch.probe(name).unwrap_err();
        assert_eq!(refusal.class, Class::Invalid, "{name}: {refusal}");
        assert!(reasons.contains(&refusal.message.as_str()), "{name}: {refusal}");
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let scratch = Scratch::new();
    let still = scratch.source("still.png", "-f lavfi -i testsrc2=size=128x72 -frames:v 1");
    let voice = scratch.source("voice.wav", &format!("{TONE}1"));
    let inputs = with([("items", Value::list(vec![still, voice]))]);
    let (first, second) =
        (scratch.make("media/merge", "video", inputs.clone()), scratch.make("media/merge", "video", inputs));
    assert_eq!(scratch.read(&first), scratch.read(&second));
}
