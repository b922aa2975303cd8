//! What is asked for, and the arguments that come of it: one snapshot for each operation.
//!
//! In the inputs a text such as `@clip` stands for the media of that name in [`media`].

use std::fmt::Write;

use motet_media::tracks::Known;
use motet_media::{Output, Recipe, contracts, plan};
use motet_pipeline::contract::Encoding;
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Digest, Failure, MediaKind, Value};
use serde_json::{Value as Json, json};

/// Media by name: kind, type, size, length, rate, sound.
fn media(name: &str) -> Artifact {
    let none = Artifact {
        digest: Digest::of(name.as_bytes()),
        kind: MediaKind::File,
        mime: "text/plain".into(),
        bytes: 1000,
        width: None,
        height: None,
        duration: None,
        fps: None,
        has_audio: None,
    };
    let image = |width, height| Artifact {
        kind: MediaKind::Image,
        mime: "image/png".into(),
        width: Some(width),
        height: Some(height),
        ..none.clone()
    };
    let video = |width, height, duration, fps, sound| Artifact {
        kind: MediaKind::Video,
        mime: "video/mp4".into(),
        duration: Some(duration),
        fps: Some(fps),
        has_audio: Some(sound),
        ..image(width, height)
    };
    let audio = |duration| Artifact {
        kind: MediaKind::Audio,
        mime: "audio/wav".into(),
        duration: Some(duration),
        ..none.clone()
    };
    match name {
        "clip" => video(1280, 720, 5.0, 25.0, true),
        "silent" => video(641, 361, 2.5, 29.97, false),
        "upright" => video(1080, 1920, 3.0, 30.0, true),
        "empty" => video(640, 360, 0.0, 25.0, false),
        "unmeasured" => Artifact { width: None, duration: None, ..video(1, 1, 1.0, 1.0, false) },
        "still" => image(1920, 1080),
        "odd" => image(333, 777),
        "tiny" => image(8, 8),
        "large" => image(10_000, 10_000),
        "huge" => image(60_000, 60_000),
        "voice" => audio(4.2),
        "music" => audio(3.0),
        "long" => audio(60.0),
        "text" => none,
        other => panic!("there is no media called {other}"),
    }
}

fn value(json: Json) -> Value {
    match json {
        Json::String(text) => match text.strip_prefix('@') {
            Some(name) => Value::from(media(name)),
            None => Value::from(text),
        },
        Json::Array(items) => Value::list(items.into_iter().map(value).collect()),
        Json::Object(entries) => Value::map(entries.into_iter().map(|(name, entry)| (name, value(entry)))),
        plain => Value::from(plain),
    }
}

fn planned(operation: &str, with: Json) -> Result<Recipe, Failure> {
    let inputs: Map = value(with).as_map().expect("inputs are an object").clone();
    plan(operation, &inputs, &Known::new())
}

/// A recipe as people read it: a line for each input and output, one for each chain of the graph.
fn drawn(recipe: &Recipe) -> String {
    let mut text = String::new();
    for (name, artifact) in &recipe.inputs {
        writeln!(text, "< {name} ({})", artifact.mime).unwrap();
    }
    for (name, bytes) in &recipe.files {
        writeln!(text, "+ {name}\n{}", String::from_utf8_lossy(bytes).trim_end()).unwrap();
    }
    for call in &recipe.calls {
        text.push_str("$ ffmpeg …");
        for argument in own(&call.arguments) {
            let line = if argument.starts_with('-') || argument.contains(';') { "\n    " } else { " " };
            write!(text, "{line}{}", argument.replace(';', ";\n    ")).unwrap();
        }
        writeln!(text, "\n  of {:?} s", call.length).unwrap();
    }
    for (name, output) in &recipe.outputs {
        match output {
            Output::File { name: file } => writeln!(text, "> {name}: {file}").unwrap(),
            Output::Value(value) => writeln!(text, "> {name} = {}", value.to_json()).unwrap(),
        }
    }
    text
}

macro_rules! assert_drawn {
    ($text:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($text) })
    };
}

/// What all calls begin with.
const QUIET: [[&str; 8]; 2] = [
    ["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-progress", "pipe:1", "-nostats"],
    ["-nostdin", "-hide_banner", "-loglevel", "info", "-y", "-progress", "pipe:1", "-nostats"],
];

/// The arguments without those that all calls and all inputs share.
fn own(arguments: &[String]) -> Vec<&str> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut rest =
        QUIET.iter().find_map(|quiet| arguments.strip_prefix(quiet)).expect("all calls begin alike");
    let mut own = Vec::new();
    while let [first, after @ ..] = rest {
        match first {
            &"-protocol_whitelist" | &"-format_whitelist" => rest = &after[1..],
            argument => {
                own.push(*argument);
                rest = after;
            }
        }
    }
    own
}

#[test]
fn every_input_is_limited_to_files_of_known_formats() {
    for items in [json!(["@clip", "@still", "@voice"]), json!(vec!["@clip"; 11])] {
        let recipe = planned("media/merge", json!({ "items": items, "music": "@music" })).unwrap();
        for call in &recipe.calls {
            let count = |option: &str| call.arguments.iter().filter(|argument| *argument == option).count();
            let value = |option| call.arguments.iter().skip_while(move |argument| *argument != option).nth(1);
            assert_eq!([count("-protocol_whitelist"), count("-format_whitelist")], [count("-i"); 2]);
            assert_eq!(value("-protocol_whitelist").unwrap(), "file,pipe");
            let formats: Vec<_> = value("-format_whitelist").unwrap().split(',').collect();
            for names_other_files in ["concat", "hls", "dash", "sdp", "imf", "lavfi"] {
                assert!(!formats.contains(&names_other_files), "{names_other_files}");
            }
        }
    }
}

/// Draws the recipes of `operation` for several inputs.
fn recipes<const N: usize>(operation: &str, inputs: [Json; N]) -> String {
    inputs
        .into_iter()
        .map(|with| {
            let recipe =
                planned(operation, with.clone()).unwrap_or_else(|refusal| panic!("{with}: {refusal}"));
            format!("# {operation} {with}\n{}\n", drawn(&recipe))
        })
        .collect()
}

macro_rules! recipes {
    ($name:ident, $operation:literal, $($with:tt),+ $(,)?) => {
        #[test]
        fn $name() {
            assert_drawn!(recipes($operation, [$(json!($with)),+]));
        }
    };
}

recipes!(
    animate,
    "media/animate",
    { "image": "@still" },
    { "image": "@odd", "effect": "zoom-out", "duration": 2 },
    { "image": "@still", "effect": "pan-left", "fps": 30, "width": 720, "aspect_ratio": "1:1" },
    { "image": "@still", "effect": "pan-down", "width": 641, "height": 361 },
    { "image": "@still", "effect": "none", "duration": 1, "fps": 29.97 },
    { "image": "@large", "effect": "none", "aspect_ratio": "16:9" },
    { "image": "@still", "effect": "none", "encoding": "intermediate" },
);

recipes!(
    merge,
    "media/merge",
    { "items": ["@clip", "@voice"] },
    { "items": ["@still", "@voice"], "music": "@music" },
    { "items": ["@silent", "@odd", "@upright"], "fit": "cover", "background": "#204060" },
    { "items": [{ "media": "@clip", "start": 1.5, "duration": 2, "volume": 0.5, "fade_out": 0.4 }, null,
                { "media": "@voice", "offset": 0.75, "start": 0.2, "duration": 3, "fade_in": 0.1, "volume": 2 }],
      "length": "shortest", "fade_in": 0.5, "fade_out": 1 },
);

recipes!(
    merge_with_transitions,
    "media/merge",
    { "items": ["@clip", "@silent", "@still"], "transition": "fade" },
    { "items": [{ "media": "@still", "audio": "@voice" }, { "media": "@silent", "audio": "@voice", "audio_volume": 0.8 }],
      "transition": "fade", "transition_duration": 1, "music": "@music", "music_volume": 0.2,
      "width": 640, "height": 360, "fps": 24 },
    { "items": ["@still", "@odd"], "music": "@music", "duck": false },
    { "items": [{ "media": "@still", "audio": "@voice", "audio_offset": 0.5, "effect": "zoom-in" },
                { "media": "@odd", "duration": 2, "effect": "pan-left" }], "transition": "fade" },
);

recipes!(
    merge_with_captions,
    "media/merge",
    { "items": [{ "media": "@still", "audio": "@voice", "audio_offset": 0.5, "words": [{ "word": "Hello", "start": 0, "end": 0.5 }] },
                { "media": "@odd", "audio": "@voice", "words": [{ "word": "world", "start": 0.2, "end": 0.9 }] }],
      "captions": { "style": "karaoke" }, "loudness": -16, "fade_out": 1 },
    { "items": ["@clip"], "captions": { "script": "One, two. Three!", "position": "top", "font": "DejaVu Serif" } },
    { "items": ["@clip"], "captions": {} },
);

recipes!(
    merge_of_sounds,
    "media/merge",
    { "items": ["@voice", "@music"], "gap": 0.5, "loudness": -16 },
    { "items": [{ "media": "@voice", "title": "One" }, ["@music"]], "transition": "fade", "music": "@music", "format": "m4a" },
);

recipes!(
    captions,
    "media/captions",
    { "video": "@clip", "script": "One, two. Three!" },
    { "video": "@upright", "style": "boxed", "position": "top", "max_words": 2, "font": "DejaVu Serif",
      "words": [{ "word": "Hello", "start": 0, "end": 0.5 }, { "word": "{\\an8}there,", "start": 0.5, "end": 0.9 },
                { "word": "world", "start": 0.9, "end": 1.4, "estimated": true }] },
    { "video": "@silent", "style": "karaoke", "position": "middle", "font_size": 20, "script": "la la", "start": 1, "end": 2 },
    { "video": "@silent", "style": "bold", "words": [] },
    { "video": "@clip", "script": "- \u{5e9}?\n- One. Two." },
);

recipes!(
    overlay,
    "media/overlay",
    { "video": "@clip", "image": "@odd", "position": "top-left", "size": 0.1, "opacity": 0.5, "from": 1, "to": 3 },
    { "video": "@silent", "text": "Sea, {2026}\nby night", "position": "middle", "colour": "#ffcc00" },
);

recipes!(
    loudness,
    "media/loudness",
    { "media": "@voice" },
    { "media": "@clip", "target": -14 },
);

recipes!(silence, "media/silence", { "duration": 1.5 });

recipes!(
    retime,
    "media/retime",
    { "media": "@clip", "speed": 2.5 },
    { "media": "@silent", "duration": 10 },
    { "media": "@voice", "duration": 4.2 },
);

recipes!(extract_audio, "media/extract-audio", { "video": "@clip" }, { "video": "@clip", "format": "wav" });

recipes!(probe, "media/probe", { "media": "@clip" }, { "media": "@voice" }, { "media": "@text" });

recipes!(
    resize,
    "media/resize",
    { "media": "@still", "width": 333 },
    { "media": "@odd", "width": 100, "height": 101, "fit": "contain", "background": "white" },
    { "media": "@clip", "aspect_ratio": "9:16" },
);

recipes!(
    trim,
    "media/trim",
    { "media": "@clip", "start": 1, "duration": 1.5 },
    { "media": "@clip", "start": 4, "end": 99 },
    { "media": "@voice", "end": 2 },
);

recipes!(
    fit,
    "media/fit",
    { "image": "@still", "max_side": 512 },
    { "image": "@still", "max_side": 1920, "formats": ["jpg", "png"] },
    { "image": "@still", "formats": ["webp", "jpg"] },
    { "video": "@clip", "max_side": 641, "max_seconds": 3 },
    { "video": "@clip", "max_seconds": 5 },
    { "audio": "@voice", "max_seconds": 3, "formats": ["mp3"] },
    { "audio": "@voice", "mono": true },
    { "audio": "@voice" },
);
recipes!(thumbnail, "media/thumbnail", { "video": "@clip" }, { "video": "@clip", "at": 0 }, { "video": "@clip", "at": 5 });

#[test]
fn what_cannot_work_is_refused_with_a_reason() {
    let table = [
        ("media/nothing", json!({})),
        ("media/animate", json!({})),
        ("media/animate", json!({ "image": "@clip" })),
        ("media/animate", json!({ "image": "@tiny" })),
        ("media/animate", json!({ "image": "@huge" })),
        ("media/animate", json!({ "image": "@still", "effect": "spin" })),
        ("media/animate", json!({ "image": "@still", "duration": 0 })),
        ("media/animate", json!({ "image": "@still", "duration": "5" })),
        ("media/animate", json!({ "image": "@still", "aspect_ratio": "wide" })),
        ("media/animate", json!({ "image": "@still", "width": 100, "aspect_ratio": "20:1" })),
        ("media/animate", json!({ "image": "@still", "zoom\u{1b}[31m": 1 })),
        ("media/merge", json!({ "items": [] })),
        ("media/merge", json!({ "items": [null, []] })),
        ("media/merge", json!({ "items": ["@voice"], "width": 640 })),
        ("media/merge", json!({ "items": ["@voice"], "captions": {} })),
        ("media/merge", json!({ "items": ["@clip"], "captions": { "stile": "bold" } })),
        ("media/merge", json!({ "items": ["@clip"], "captions": { "style": "loud" } })),
        ("media/merge", json!({ "items": ["@clip"], "captions": { "script": "x", "words": [] } })),
        ("media/merge", json!({ "items": ["@clip"], "captions": { "words": [{ "word": "x" }] } })),
        ("media/merge", json!({ "items": ["@clip"], "captions": "karaoke" })),
        ("media/merge", json!({ "items": ["@clip"], "gap": 1 })),
        ("media/merge", json!({ "items": [vec!["@clip"; 150], vec!["@clip"; 51]] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "title": 7 }] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "words": [{ "word": "x", "start": 0 }] }] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "audio": "@long" }], "fit_length": "speech" })),
        ("media/loudness", json!({ "media": "@silent" })),
        ("media/overlay", json!({ "video": "@clip" })),
        ("media/overlay", json!({ "video": "@clip", "text": "x", "from": 5 })),
        ("media/overlay", json!({ "video": "@clip", "image": "@odd", "size": 1 })),
        ("media/overlay", json!({ "video": "@clip", "text": "x", "colour": "#12" })),
        ("media/merge", json!({ "items": ["@clip", "@text"] })),
        ("media/merge", json!({ "items": ["@clip", "@empty"] })),
        ("media/merge", json!({ "items": ["@clip", "@unmeasured"] })),
        ("media/merge", json!({ "items": ["@clip", "sea.mp4"] })),
        ("media/merge", json!({ "items": ["@clip", { "duration": 2 }] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "ofset": 2 }] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "offset": 2 }] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "start": 5 }] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "start": 1 }] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "duration": 0 }] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "duration": "2s" }] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "audio": "@clip" }] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "audio_volume": 1 }] })),
        ("media/merge", json!({ "items": [{ "media": "@voice", "audio": "@voice" }, "@clip"] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "audio_offset": 1 }] })),
        ("media/merge", json!({ "items": [{ "media": "@still", "effect": "spin" }] })),
        ("media/merge", json!({ "items": [{ "media": "@clip", "effect": "zoom-in" }] })),
        (
            "media/merge",
            json!({ "items": [{ "media": "@clip", "audio": "@voice", "audio_offset": 9 }], "fit_length": "speech" }),
        ),
        ("media/merge", json!({ "items": ["@clip"], "background": "red;[in]drawtext" })),
        (
            "media/merge",
            json!({ "items": [{ "media": "@still", "duration": 20000 }, { "media": "@odd", "duration": 20000 }] }),
        ),
        ("media/captions", json!({ "video": "@clip" })),
        ("media/captions", json!({ "video": "@empty", "script": "x" })),
        ("media/captions", json!({ "video": "@clip", "script": "x", "words": [] })),
        ("media/captions", json!({ "video": "@clip", "words": [{ "word": "x" }] })),
        ("media/captions", json!({ "video": "@clip", "script": "x", "start": 5 })),
        ("media/captions", json!({ "video": "@clip", "script": "la ".repeat(101) })),
        ("media/captions", json!({ "video": "@clip", "script": "x", "font": "Sans,72,&H0" })),
        ("media/captions", json!({ "video": "@silent", "script": "x", "font_size": 300 })),
        ("media/captions", json!({ "video": "@clip", "script": "WEBVTT\n\nNOTE nothing here" })),
        ("media/captions", json!({ "video": "@clip", "subtitles": "@text" })),
        ("media/silence", json!({ "duration": -1 })),
        ("media/retime", json!({ "media": "@clip" })),
        ("media/retime", json!({ "media": "@clip", "speed": 2, "duration": 2 })),
        ("media/retime", json!({ "media": "@voice", "duration": 0.1 })),
        ("media/extract-audio", json!({ "video": "@silent" })),
        ("media/resize", json!({ "media": "@still" })),
        ("media/resize", json!({ "media": "@still", "width": 8192, "aspect_ratio": "1:2" })),
        ("media/trim", json!({ "media": "@clip", "start": 5 })),
        ("media/trim", json!({ "media": "@clip", "start": 2, "end": 1 })),
        ("media/trim", json!({ "media": "@clip", "duration": 1, "end": 1 })),
        ("media/thumbnail", json!({ "video": "@clip", "at": 9 })),
    ];
    let refused: String = table
        .into_iter()
        .map(|(operation, with)| {
            let refusal = planned(operation, with.clone()).expect_err(&with.to_string());
            format!("{operation} {with}\n  {refusal}\n")
        })
        .collect();
    assert_drawn!(refused);
}

#[test]
fn a_film_of_many_clips_is_made_in_parts_and_takes_the_sound_from_the_clips() {
    let recipe = planned("media/merge", json!({ "items": vec!["@clip"; 11] })).unwrap();
    let files: Vec<_> = recipe.calls.iter().map(|call| call.arguments.last().unwrap().as_str()).collect();
    assert_eq!(files, ["part0.mkv", "part1.mkv", "out.mp4"]);
    let read = |index: usize| {
        let arguments = &recipe.calls[index].arguments;
        arguments.windows(2).filter(|pair| pair[0] == "-i").map(|pair| pair[1].as_str()).collect::<Vec<_>>()
    };
    assert_eq!(read(1), ["in0.mp4"]);
    assert_eq!(read(2), [["part0.mkv", "part1.mkv"].as_slice(), &["in0.mp4"; 11]].concat());
    let graph = recipe.calls[2].arguments.iter().find(|argument| argument.contains("amix")).unwrap();
    assert!(graph.contains("[2:a:0]") && graph.contains("[12:a:0]") && !graph.contains("[2:v:0]"), "{graph}");
    assert_eq!(recipe.calls[2].length, Some(55.0));

    // Stills over which the view moves take more memory.
    let moving = json!({ "media": "@still", "effect": "pan-up" });
    let calls = |count: usize| {
        planned("media/merge", json!({ "items": vec![moving.clone(); count] })).unwrap().calls.len()
    };
    assert_eq!((calls(5), calls(6)), (1, 3));
}

#[test]
fn what_a_contract_says_of_encoding_holds_for_its_recipes() {
    let fades = json!({ "items": ["@clip"], "fade_in": 1 });
    let captions = json!({ "items": ["@clip"], "captions": {} });
    let table = [
        ("media/animate", json!({ "image": "@still" }), "always", true),
        ("media/captions", json!({ "video": "@clip", "script": "la" }), "always", true),
        ("media/overlay", json!({ "video": "@clip", "image": "@odd" }), "always", true),
        ("media/trim", json!({ "media": "@clip", "end": 1 }), "if it is given a video", true),
        ("media/trim", json!({ "media": "@voice", "end": 1 }), "if it is given a video", false),
        ("media/retime", json!({ "media": "@clip", "speed": 2 }), "if it is given a video", true),
        ("media/retime", json!({ "media": "@voice", "speed": 2 }), "if it is given a video", false),
        ("media/resize", json!({ "media": "@clip", "width": 64 }), "if it is given a video", true),
        ("media/resize", json!({ "media": "@still", "width": 64 }), "if it is given a video", false),
        ("media/fit", json!({ "video": "@clip", "max_side": 64 }), "if it doesn't fit", true),
        ("media/fit", json!({ "image": "@still", "max_side": 64 }), "never", false),
        ("media/loudness", json!({ "media": "@voice" }), "if a video isn't H.264", false),
        ("media/merge", fades, "if there are pictures among its items", true),
        ("media/merge", captions, "if there are pictures among its items", true),
        ("media/merge", json!({ "items": ["@clip", "@voice"] }), SINGLE, false),
        ("media/merge", json!({ "items": ["@voice"] }), SINGLE, false),
        ("media/merge", json!({ "items": ["@clip", "@clip"] }), SINGLE, true),
        ("media/extract-audio", json!({ "video": "@clip" }), "never", false),
        ("media/silence", json!({ "duration": 1 }), "never", false),
        ("media/thumbnail", json!({ "video": "@clip" }), "never", false),
    ];
    for (operation, with, said, encodes) in table {
        let contract = contracts().into_iter().find(|contract| contract.operation == operation).unwrap();
        let given = value(with.clone()).as_map().unwrap().clone();
        let told = match contract.encoding(&given) {
            Encoding::Never => "never",
            Encoding::Always => "always",
            Encoding::Sometimes(when) => when,
        };
        let recipe = planned(operation, with.clone()).unwrap_or_else(|refusal| panic!("{with}: {refusal}"));
        let is_encoded = recipe.calls.iter().any(|call| call.arguments.iter().any(|part| part == "libx264"));
        assert_eq!((told, is_encoded), (said, encodes), "{operation} {with}");
    }
}

const SINGLE: &str = "unless a single clip keeps its pictures, or all items are sounds";
