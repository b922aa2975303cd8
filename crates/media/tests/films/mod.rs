//! Films and sounds that `media/merge` joins: what is seen and heard, and for how long.

use motet_pipeline::Value;

use crate::scratch::{Scratch, with};
use crate::{TONE, assert_in_step, changed, say};

/// Three short tones: low, middle, high.
fn tones(scratch: &Scratch) -> Vec<Value> {
    let tone = |(name, hertz): (&str, u32)| {
        scratch.source(name, &format!("-f lavfi -i sine=frequency={hertz}:sample_rate=24000:duration=0.8"))
    };
    [("low.wav", 200), ("middle.mp3", 1000), ("high.flac", 4000)].map(tone).to_vec()
}

#[test]
fn sounds_alone_follow_each_other_and_make_a_sound() {
    let scratch = Scratch::new();
    let tones = tones(&scratch);
    let item = |media: &Value, more: Value| {
        let words = Value::list(vec![say("one", 0.1, 0.3), say("two", 0.5, 0.7)]);
        Value::map([("media", media.clone()), ("words", words), ("title", more)])
    };
    for (format, mime) in
        [("mp3", "mp3"), ("m4a", "aac"), ("opus", "opus"), ("flac", "flac"), ("wav", "pcm_s16le")]
    {
        // A list among the items is taken apart.
        let rest = Value::list(vec![item(&tones[1], "Two".into()), item(&tones[2], "Three".into())]);
        let made = scratch.make_all(
            "media/merge",
            with([
                ("items", Value::list(vec![item(&tones[0], "One = 1; #".into()), rest])),
                ("gap", Value::from(0.4)),
                ("format", format.into()),
            ]),
        );
        let name = made["audio"].as_str().unwrap();
        assert!(!made.contains_key("video"), "there are no pictures");
        let seconds = scratch.measured(name).unwrap().duration.unwrap();
        assert!((seconds - 3.2).abs() < 0.002, "{format}: {seconds} s");
        assert_eq!(scratch.entries(name, "stream=codec_name")[0], mime);
        assert_eq!(made["starts"].to_json(), serde_json::json!([0.0, 1.2, 2.4]));
        let words = made["words"].to_json();
        assert_eq!(words.as_array().unwrap().len(), 6);
        assert_eq!(words[4], serde_json::json!({ "word": "one", "start": 2.5, "end": 2.7 }));
        for (at, is_heard) in [(0.3, true), (0.9, false), (1.5, true), (2.1, false), (2.7, true)] {
            assert_eq!(scratch.level(name, at, 0.2) > -40.0, is_heard, "{format}, at {at}");
        }
        assert!(scratch.level_below(name, 500, 1.4, 0.3) < -50.0, "{format}: the second is higher");
        if ["mp3", "m4a"].contains(&format) {
            let chapters = scratch.entries(name, "chapter=start_time:chapter_tags=title");
            let wanted = ["0.000000", "One = 1; #", "1.200000", "Two", "2.400000", "Three"];
            assert_eq!(chapters, wanted, "{format}");
        }
    }
}

#[test]
fn sounds_fade_into_each_other_and_may_be_told_where_to_be() {
    let scratch = Scratch::new();
    let tones = tones(&scratch);
    let laid = Value::map([("media", tones[2].clone()), ("offset", Value::from(2.0))]);
    let made = scratch.make_all(
        "media/merge",
        with([
            ("items", Value::list(vec![tones[0].clone(), laid, tones[1].clone()])),
            ("transition", "fade".into()),
            ("transition_duration", Value::from(0.4)),
            ("format", "wav".into()),
        ]),
    );
    let name = made["audio"].as_str().unwrap();
    assert_eq!(made["starts"].to_json(), serde_json::json!([0.0, 2.0, 0.4]));
    assert_eq!(scratch.measured(name).unwrap().duration, Some(2.8));
    assert!(scratch.level(name, 1.3, 0.6) < -60.0 && scratch.level(name, 2.2, 0.4) > -40.0);
    let low = |at: f64| scratch.level_below(name, 500, at, 0.05);
    assert!(low(0.3) > low(0.7) + 6.0, "the first gives way");
}

#[test]
fn speech_and_pictures_are_fitted_to_each_other() {
    let scratch = Scratch::new();
    let clip = scratch.source(
        "clip.mp4",
        "-f lavfi -i testsrc2=size=64x64:rate=25:duration=2 -f lavfi -i sine=d=2 -pix_fmt yuv420p",
    );
    let voice = scratch.source("voice.wav", &format!("{TONE}3"));
    let item = |media: &Value| {
        let words = Value::list(vec![say("end", 2.7, 3.0)]);
        Value::map([("media", media.clone()), ("audio", voice.clone()), ("words", words)])
    };
    for (what, seconds, said) in [("none", 3.0, 2.7), ("speech", 2.0, 1.8), ("pictures", 3.0, 2.7)] {
        let made = scratch.make_all(
            "media/merge",
            with([("items", Value::list(vec![item(&clip)])), ("fit_length", what.into())]),
        );
        let name = made["video"].as_str().unwrap();
        assert_in_step(&scratch, name, seconds);
        assert_eq!(made["words"].to_json()[0]["start"], serde_json::json!(said), "{what}");
    }
}

#[test]
fn the_words_of_a_film_follow_its_pictures_and_never_meet_in_a_transition() {
    let scratch = Scratch::new();
    let red = scratch.source("red.png", "-f lavfi -i color=c=red:size=64x64 -frames:v 1");
    let voice = scratch.source("voice.wav", &format!("{TONE}1"));
    let spoken = || {
        let words = Value::list(vec![say("one", 0.0, 0.5), say("two", 0.5, 1.4)]);
        Value::map([("media", red.clone()), ("audio", voice.clone()), ("words", words)])
    };
    let made = scratch.make_all(
        "media/merge",
        with([
            ("items", Value::list(vec![spoken(), Value::Null, spoken()])),
            ("transition", "fade".into()),
            ("transition_duration", Value::from(0.4)),
        ]),
    );
    assert_eq!(made["starts"].to_json(), serde_json::json!([0.0, 1.0]));
    let words = made["words"].to_json();
    assert_eq!(words[1], serde_json::json!({ "word": "two", "start": 0.5, "end": 1.0 }));
    assert_eq!(words[2], serde_json::json!({ "word": "one", "start": 1.0, "end": 1.5 }));
}

#[test]
fn a_film_shows_the_words_of_its_items_while_they_are_said() {
    let scratch = Scratch::new();
    let blue = scratch.source("blue.png", "-f lavfi -i color=c=0x305080:size=320x180 -frames:v 1");
    let voice = scratch.source("voice.wav", &format!("{TONE}2"));
    let spoken = |word: &str| {
        let words = Value::list(vec![say(word, 0.5, 1.0)]);
        Value::map([("media", blue.clone()), ("audio", voice.clone()), ("words", words)])
    };
    let made = scratch.make_all(
        "media/merge",
        with([
            ("items", Value::list(vec![spoken("One."), spoken("Two.")])),
            ("captions", Value::map([("style", "karaoke".into())])),
        ]),
    );
    let film = made["video"].as_str().expect("it is a file");
    let picture = |at| scratch.picture(film, at, 320, 180);
    let empty = picture(0.2);
    for (at, is_seen) in [(0.7, true), (1.8, false), (2.7, true), (3.8, false)] {
        assert_eq!(changed(&empty, &picture(at)) > 100, is_seen, "at {at} s");
    }
    let [srt, vtt] = ["srt", "vtt"].map(|file| scratch.read(made[file].as_str().expect("it is a file")));
    assert!(String::from_utf8_lossy(&srt).contains("00:00:02,500 --> 00:00:03,500\nTwo."), "{srt:?}");
    assert!(vtt.starts_with(b"WEBVTT"));
}

#[test]
fn a_voice_over_a_clip_leaves_its_pictures_as_they_are() {
    let scratch = Scratch::new();
    let hd = "-vf scale=out_color_matrix=bt709 -colorspace bt709 -color_primaries bt709 -color_trc bt709";
    let clip = scratch.source(
        "clip.mp4",
        &format!(
            "-f lavfi -i testsrc2=size=128x72:rate=25:duration=2 -f lavfi -i sine=d=2 {hd} -pix_fmt yuv420p"
        ),
    );
    let voice = scratch.source("voice.wav", &format!("{TONE}1.5"));
    let merge = |more: Option<(&str, Value)>| {
        let mut inputs = with([("items", Value::list(vec![clip.clone(), voice.clone()]))]);
        inputs.extend(more.map(|(name, value)| (name.to_owned(), value)));
        scratch.make("media/merge", "video", inputs)
    };
    for more in [None, Some(("loudness", Value::from(-16.0)))] {
        let film = merge(more);
        assert_eq!(scratch.pictures(&film), scratch.pictures("clip.mp4"));
        assert_in_step(&scratch, &film, 2.0);
    }
    assert_ne!(scratch.pictures(&merge(Some(("fade_in", Value::from(0.2))))), scratch.pictures("clip.mp4"));
}

#[test]
fn stills_last_as_long_as_the_speech_and_not_its_padding() {
    let scratch = Scratch::new();
    let still = scratch.source("still.png", "-f lavfi -i color=c=teal:size=64x64 -frames:v 1");
    let voice = scratch.source("voice.mp3", &format!("{TONE}1"));
    let item = Value::map([("media", still), ("audio", voice)]);
    let film = scratch.make("media/merge", "video", with([("items", Value::list(vec![item; 4]))]));
    assert_in_step(&scratch, &film, 4.0);
}

#[test]
fn a_clip_with_narration_lasts_as_long_as_the_longer_and_stays_in_step() {
    let scratch = Scratch::new();
    let clip =
        scratch.source("clip.mp4", "-f lavfi -i testsrc2=size=160x90:rate=25:duration=1 -pix_fmt yuv420p");
    let voice = scratch.source("voice.wav", &format!("{TONE}1.73"));
    let items = Value::list(vec![clip, voice]);
    for (length, seconds) in [("longest", 1.76), ("audio", 1.76), ("video", 1.0), ("shortest", 1.0)] {
        let name =
            scratch.make("media/merge", "video", with([("items", items.clone()), ("length", length.into())]));
        assert_in_step(&scratch, &name, seconds);
        let film = scratch.probe(&name).unwrap();
        assert_eq!((film.width, film.height, film.has_audio), (Some(160), Some(90), Some(true)));
    }
}

#[test]
fn clips_of_other_sizes_rates_and_without_sound_join_without_drift() {
    let scratch = Scratch::new();
    let tone = "-f lavfi -i sine=frequency=880:sample_rate=44100";
    let make = |name: &str, size: &str, rate: &str, seconds: &str, sound: bool| {
        let sound = if sound { tone } else { "" };
        scratch.source(
            name,
            &format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds} {sound} -t {seconds} -pix_fmt yuv420p"),
        )
    };
    let mut items = Vec::new();
    for round in 0..3 {
        items.push(make(&format!("a{round}.mp4"), "162x92", "30000/1001", "0.61", false));
        items.push(make(&format!("b{round}.mp4"), "90x160", "24", "0.37", true));
        items.push(make(&format!("c{round}.webm"), "64x64", "12", "0.5", false));
    }
    let sum: f64 = items
        .iter()
        .map(|item| match item {
            Value::Media(media) => media.duration.unwrap(),
            _ => unreachable!("sources are media"),
        })
        .sum();
    let marked = with([("items", Value::list(items))]);
    let name = scratch.make("media/merge", "video", marked);
    assert_in_step(&scratch, &name, sum);
    // The tone of the last sounding clip is where its pictures are: silence before, sound within.
    let (pictures, _) = scratch.lengths(&name);
    assert!(scratch.level(&name, pictures - 0.5 - 0.3, 0.2) > -30.0);
    assert!(scratch.level(&name, pictures - 0.4, 0.3) < -60.0);
    assert!(scratch.level(&name, pictures - 0.5 - 0.37 - 0.5, 0.4) < -60.0);
}

#[test]
fn mixing_lowers_no_level() {
    let scratch = Scratch::new();
    let still = scratch.source("still.png", "-f lavfi -i color=c=teal:size=64x64 -frames:v 1");
    let voice = scratch.source("voice.wav", &format!("{TONE}2"));
    let quiet = scratch.source("quiet.wav", "-f lavfi -i anullsrc=r=48000:cl=stereo -t 2");
    let alone = scratch.level("voice.wav", 0.2, 1.5);
    for others in [0, 3] {
        let mut items = vec![still.clone(), voice.clone()];
        items.extend(std::iter::repeat_n(quiet.clone(), others));
        let inputs = with([("items", Value::list(items)), ("music", quiet.clone())]);
        let mixed = scratch.level(&scratch.make("media/merge", "video", inputs), 0.2, 1.5);
        assert!((mixed - alone).abs() < 0.6, "{alone} dB became {mixed} dB beside {others} others");
    }
}

#[test]
fn music_gives_way_to_narration_and_comes_back() {
    let scratch = Scratch::new();
    let still = scratch.source("still.png", "-f lavfi -i color=c=teal:size=64x64 -frames:v 1");
    let voice = scratch.source(
        "voice.wav",
        "-f lavfi -i aevalsrc=0.0001*sin(2*PI*t*300)+0.5*sin(2*PI*t*3000)*between(t\\,1\\,2):d=3",
    );
    let music = scratch.source("music.wav", "-f lavfi -i sine=frequency=110:duration=1.1");
    let level = |duck: bool, at: f64| {
        let item = Value::map([
            ("media", voice.clone()),
            ("offset", Value::from(1.0)),
            ("volume", Value::from(0.2)),
        ]);
        let inputs = with([
            (
                "items",
                Value::list(vec![
                    Value::map([("media", still.clone()), ("duration", Value::from(5.0))]),
                    item,
                ]),
            ),
            ("music", music.clone()),
            ("music_volume", Value::from(1.0)),
            ("duck", duck.into()),
        ]);
        scratch.level_below(&scratch.make("media/merge", "video", inputs), 300, at, 0.4)
    };
    assert!((level(true, 0.3) - level(false, 0.3)).abs() < 1.0, "before the voice the music is as loud");
    let lowered = level(false, 2.4) - level(true, 2.4);
    assert!((6.0..14.0).contains(&lowered), "under the voice it is {lowered} dB lower: still to be heard");
    assert!((level(true, 4.2) - level(false, 4.2)).abs() < 1.0, "and then it is as loud again");
}

#[test]
fn the_view_moves_over_a_still_while_its_voice_begins_later() {
    let scratch = Scratch::new();
    let split = "color=c=white:size=64x64,drawbox=x=40:w=24:h=64:color=black:t=fill";
    let still = scratch.source("split.png", &format!("-f lavfi -i {split} -frames:v 1"));
    let voice = scratch.source("voice.wav", "-f lavfi -i sine=frequency=500:duration=1");
    let word = Value::map([("word", "hello".into()), ("start", Value::from(0.2)), ("end", Value::from(0.4))]);
    let item = |effect: &str| {
        Value::map([
            ("media", still.clone()),
            ("audio", voice.clone()),
            ("audio_offset", Value::from(0.8)),
            ("words", Value::list(vec![word.clone()])),
            ("effect", effect.into()),
        ])
    };
    let items = Value::list(vec![item("pan-right"), item("none")]);
    let made = scratch.make_all("media/merge", with([("items", items)]));
    let film = made["video"].as_str().expect("it is a file");
    assert_in_step(&scratch, film, 3.6);
    // The edge at 40 of 64 moves to the left, past what was white.
    let grey = |at: f64| scratch.picture(film, at, 8, 1)[4][1];
    assert!(grey(0.1) > 200 && grey(1.6) < 200, "{} becomes {}", grey(0.1), grey(1.6));
    assert!(grey(1.9).abs_diff(grey(3.3)) < 5, "the second still stands");
    assert!(scratch.level(film, 0.1, 0.6) < -60.0 && scratch.level(film, 0.85, 0.9) > -30.0);
    assert!(scratch.level(film, 1.9, 0.6) < -60.0 && scratch.level(film, 2.65, 0.9) > -30.0);
    let starts: Vec<_> = [0, 1].map(|index| made["words"].to_json()[index]["start"].clone()).into();
    assert_eq!(starts, [serde_json::json!(1.0), serde_json::json!(2.8)]);
}

#[test]
fn crossfades_shorten_the_film_by_their_length_and_cut_no_narration() {
    let scratch = Scratch::new();
    let red = scratch.source("red.png", "-f lavfi -i color=c=red:size=64x64 -frames:v 1");
    let blue = scratch.source("blue.png", "-f lavfi -i color=c=blue:size=64x64 -frames:v 1");
    let shown = |media: &Value| Value::map([("media", media.clone()), ("duration", Value::from(1.0))]);
    let fade = |items: Vec<Value>| {
        let inputs = with([
            ("items", Value::list(items)),
            ("transition", "fade".into()),
            ("transition_duration", Value::from(0.4)),
        ]);
        scratch.make("media/merge", "video", inputs)
    };
    let name = fade(vec![shown(&red), shown(&blue), shown(&red)]);
    assert_eq!(scratch.probe(&name).unwrap().duration, Some(2.2));
    let middle = scratch.picture(&name, 0.8, 1, 1)[0];
    assert!(middle[0] > 60 && middle[2] > 60, "{middle:?} is half red and half blue");

    let voice = scratch.source("voice.wav", &format!("{TONE}1"));
    let spoken = |media: &Value| Value::map([("media", media.clone()), ("audio", voice.clone())]);
    let name = fade(vec![spoken(&red), spoken(&blue), spoken(&red)]);
    assert_in_step(&scratch, &name, 3.0);
    let (first, seam) = (scratch.level(&name, 0.1, 0.5), scratch.level(&name, 0.8, 0.4));
    assert!((first - seam).abs() < 0.6, "{first} dB within, {seam} dB at the seam");
}

#[test]
fn a_film_of_many_clips_is_joined_in_parts_and_looks_the_same() {
    let scratch = Scratch::new();
    let colours = ["red", "lime", "blue"].map(|colour| {
        scratch
            .source(&format!("{colour}.png"), &format!("-f lavfi -i color=c={colour}:size=64x64 -frames:v 1"))
    });
    let voice = scratch.source("voice.wav", &format!("{TONE}0.4"));
    let item = |index: usize| Value::map([("media", colours[index % 3].clone()), ("audio", voice.clone())]);
    let inputs = with([
        ("items", Value::list((0..23).map(item).collect())),
        ("transition", "fade".into()),
        ("transition_duration", Value::from(0.08)),
    ]);
    let name = scratch.make("media/merge", "video", inputs);
    assert_in_step(&scratch, &name, 23.0 * 0.4);
    for index in [0, 9, 10, 11, 20, 22] {
        let pixel = scratch.picture(&name, 0.4 * index as f64 + 0.2, 1, 1)[0];
        let brightest = (0..3).max_by_key(|channel| pixel[*channel]);
        assert_eq!(brightest, Some(index % 3), "{pixel:?} is picture {index}");
    }
}

#[test]
fn clips_too_short_for_the_fade_are_still_joined() {
    let scratch = Scratch::new();
    let clip = |name: &str, seconds: &str| {
        scratch.source(
            name,
            &format!("-f lavfi -i testsrc2=size=64x64:rate=25:duration={seconds} -pix_fmt yuv420p"),
        )
    };
    let items = vec![clip("a.mp4", "1"), clip("b.mp4", "0.04"), clip("c.mp4", "0.2"), clip("d.mp4", "1")];
    let inputs = with([("items", Value::list(items)), ("transition", "fade".into())]);
    let film = scratch.probe(&scratch.make("media/merge", "video", inputs)).unwrap();
    // One frame can't be shared; of five frames two can.
    assert_eq!(film.duration, Some(2.16));
}
