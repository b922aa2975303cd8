use motet_pipeline::{Class, Digest, Value};

use super::*;

fn scene(prompt: &str, entries: &[(&str, Value)]) -> Result<Scene, Failure> {
    let mut inputs: Map = entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    inputs.insert("prompt".to_owned(), prompt.into());
    Scene::from_inputs(&inputs)
}

/// A small picture of `prompt` and its rows of red, green and blue.
fn painted(prompt: &str, seed: i64) -> Vec<u8> {
    let size = [("width", Value::from(192_i64)), ("height", 108_i64.into()), ("seed", seed.into())];
    pixels(&scene(prompt, &size).unwrap().paint(None).unwrap())
}

fn pixels(file: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    bytes
}

fn mean(bytes: &[u8]) -> f64 {
    bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len() as f64
}

const PROMPTS: [&str; 18] = [
    "snowy forest at night",
    "a lighthouse at dusk",
    "sunset over the sea with a sailboat",
    "misty mountains at dawn",
    "city skyline at night",
    "desert dunes and a pyramid",
    "green hills with a house and a windmill",
    "a lake in the mountains",
    "saturn, seen from space",
    "a river in spring with birds",
    "thunderstorm over the coast",
    "aurora over a frozen lake with a camp",
    "tropical beach with palm trees",
    "hot air balloons over autumn fields and a castle",
    "rainbow island",
    "quarterly report",
    "a street at night in the rain",
    "falling snow on a foggy avenue",
];

#[test]
fn the_same_inputs_give_the_same_pixels_for_ever() {
    let digests: Vec<String> =
        PROMPTS.iter().map(|prompt| format!("{:?} {prompt}", Digest::of(&painted(prompt, 7)))).collect();
    insta::assert_snapshot!(digests.join("\n"));
}

#[test]
fn another_seed_or_prompt_gives_another_picture() {
    assert_ne!(painted("a lake", 1), painted("a lake", 2));
    assert_ne!(painted("quarterly report", 1), painted("yearly report", 1));
}

#[test]
fn no_picture_is_flat_or_burnt_out() {
    for prompt in PROMPTS {
        let bytes = painted(prompt, 3);
        let mean = mean(&bytes);
        let spread = (bytes.iter().map(|byte| (f64::from(*byte) - mean).powi(2)).sum::<f64>()
            / bytes.len() as f64)
            .sqrt();
        let burnt = bytes.iter().filter(|byte| **byte == 255).count() as f64 / bytes.len() as f64;
        assert!(spread > 14.0, "{prompt}: spread {spread}");
        assert!(burnt < 0.1, "{prompt}: {burnt} burnt out");
        assert!((12.0..225.0).contains(&mean), "{prompt}: mean {mean}");
    }
}

#[test]
fn the_words_choose_the_light() {
    let sky = |prompt: &str| {
        let bytes = painted(prompt, 5);
        mean(&bytes[..bytes.len() / 4])
    };
    for place in ["mountains", "a lake", "the city", "dunes", "a forest"] {
        let (day, night) = (sky(&format!("{place} at noon")), sky(&format!("{place} at night")));
        assert!(day > night + 60.0, "{place}: {day} by day, {night} at night");
    }
    let sunset = painted("sunset over hills", 5);
    let red: Vec<u8> = sunset.iter().step_by(3).copied().collect();
    let blue: Vec<u8> = sunset.iter().skip(2).step_by(3).copied().collect();
    assert!(mean(&red) > mean(&blue) + 15.0, "a sunset is warm");
}

#[test]
fn snow_whitens_the_ground_and_water_mirrors_the_sky() {
    let lower = |prompt: &str| {
        let bytes = painted(prompt, 2);
        mean(&bytes[bytes.len() / 4 * 3..])
    };
    assert!(lower("snowy hills at noon") > lower("hills at noon") + 40.0);
    assert!(lower("sea at noon") > lower("sea at night") + 40.0);
}

#[test]
fn sizes_follow_the_inputs() {
    let number = |value: i64| Value::from(value);
    let ratio = |value: &str| ("aspect_ratio", Value::from(value));
    let table = [
        (vec![], (1280, 720)),
        (vec![ratio("9:16")], (720, 1280)),
        (vec![ratio("1:1")], (720, 720)),
        (vec![ratio("4:3")], (960, 720)),
        (vec![ratio("21:9")], (1680, 720)),
        (vec![ratio("1.85:1")], (1332, 720)),
        (vec![("width", number(640))], (640, 360)),
        (vec![("height", number(1080))], (1920, 1080)),
        (vec![("width", number(301)), ("height", number(65))], (302, 66)),
        (vec![ratio("16:9"), ("width", number(500)), ("height", number(500))], (500, 500)),
    ];
    for (inputs, size) in table {
        let scene = scene("x", &inputs).unwrap();
        assert_eq!((scene.width(), scene.height()), size, "{inputs:?}");
    }
    let small = scene("x", &[("width", number(64)), ("height", number(90))]).unwrap().paint(None).unwrap();
    let header = png::Decoder::new(std::io::Cursor::new(small)).read_info().unwrap().info().size();
    assert_eq!(header, (64, 90));
}

#[test]
fn what_can_not_be_drawn_is_refused_with_its_name() {
    let cases: [&[(&str, Value)]; 12] = [
        &[("prompt", Value::Null)],
        &[("width", 63_i64.into())],
        &[("height", 5000_i64.into())],
        &[("width", "wide".into())],
        &[("aspect_ratio", "wide".into())],
        &[("aspect_ratio", "16:0".into())],
        &[("aspect_ratio", "100:1".into())],
        &[("aspect_ratio", "5:1".into()), ("height", 1000_i64.into())],
        &[("title_position", "left".into())],
        &[("length", Value::from(61.0))],
        &[("fps", 5_i64.into())],
        &[("length", Value::from(5.0)), ("width", 2560_i64.into())],
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|case| {
            let mut inputs = Map::from([("prompt".to_owned(), Value::from("x"))]);
            inputs.extend(case.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            let refusal = Scene::from_inputs(&inputs).unwrap_err();
            format!("{}: {}", refusal.class, refusal.message)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_title_needs_a_font_that_can_be_read() {
    let scene = scene("a lake", &[("title", "Hello".into()), ("width", 128_i64.into())]).unwrap();
    assert!(scene.needs_font());
    for font in [None, Some(b"no font".as_slice())] {
        let refusal = scene.paint(font).unwrap_err();
        assert_eq!(refusal.class, Class::Unavailable, "{refusal}");
    }
}

/// A small film of `prompt`.
fn filmed(prompt: &str, length: f64) -> Film {
    let inputs = [("width", Value::from(192_i64)), ("height", 108_i64.into()), ("length", length.into())];
    scene(prompt, &inputs).unwrap().film(None).unwrap()
}

/// How much brightness differs between two frames, in a part of their rows: the mean over all pixels.
fn moved(one: &[u8], other: &[u8], rows: std::ops::Range<usize>) -> f64 {
    let part = rows.start * 192..rows.end * 192;
    let differences = one[part.clone()].iter().zip(&other[part.clone()]);
    differences.map(|(one, other)| f64::from(one.abs_diff(*other))).sum::<f64>() / part.len() as f64
}

#[test]
fn the_same_inputs_give_the_same_frames_for_ever() {
    let digests: Vec<String> =
        ["waves at a rocky shore", "falling snow in a forest", "a street at night in the rain"]
            .iter()
            .flat_map(|prompt| {
                let film = filmed(prompt, 2.0);
                [0, 49].map(|index| format!("{:?} {prompt}, frame {index}", Digest::of(&film.frame(index))))
            })
            .collect();
    insta::assert_snapshot!(digests.join("\n"));
}

#[test]
fn every_scene_moves_and_none_jumps() {
    for prompt in PROMPTS {
        let film = filmed(prompt, 4.0);
        assert_eq!((film.frames(), film.rate()), (100, 25));
        let frame = |index| film.frame(index);
        let (first, second, last) = (frame(0), frame(1), frame(99));
        let (step, way) = (moved(&first, &second, 0..108), moved(&first, &last, 0..108));
        assert!(way > 1.0, "{prompt}: from the first frame to the last it moves by {way}");
        assert!(step < 12.0, "{prompt}: from a frame to the next it moves by {step}");
    }
}

#[test]
fn a_film_shows_what_the_picture_shows() {
    for prompt in PROMPTS {
        let film = filmed(prompt, 2.0).frame(25);
        let brightness = mean(&film[..192 * 108]);
        let picture = painted(prompt, 0);
        // From the whole range to that of video.
        let wanted = 16.0 + mean(&picture) * 219.0 / 255.0;
        assert!((brightness - wanted).abs() < 16.0, "{prompt}: {brightness} instead of {wanted}");
    }
}

#[test]
fn clouds_water_and_snow_move_by_themselves() {
    // For a moment the eye hardly moves.
    let within = |prompt: &str, rows| {
        let film = filmed(prompt, 30.0);
        moved(&film.frame(370), &film.frame(376), rows)
    };
    let still = within("a clear desert at noon", 80..108);
    let water = within("the open sea at noon", 80..108);
    assert!(water > still + 1.0, "water moves by {water}, sand by {still}");
    let snow = within("falling snow over hills at noon", 0..108);
    let dry = within("hills at noon", 0..108);
    assert!(snow > dry + 1.0, "snow moves by {snow}, without it {dry} does");
    let sky = |prompt: &str| {
        let film = filmed(prompt, 30.0);
        moved(&film.frame(0), &film.frame(700), 0..40)
    };
    let (cloudy, clear) = (sky("clouds over hills at noon"), sky("clear sky over hills at noon"));
    assert!(cloudy > clear + 1.0, "clouds move by {cloudy}, a clear sky by {clear}");
}

#[test]
fn layers_leave_no_gap() {
    for prompt in PROMPTS.into_iter().chain(["the sea at dawn", "a city at a river in the evening"]) {
        let film = filmed(prompt, 8.0);
        for index in [0, 100, 199] {
            // What nothing was laid over has no brightness at all, less than black has.
            let empty = film.frame(index)[..192 * 108].iter().filter(|value| **value < 14).count();
            assert_eq!(empty, 0, "{prompt}: pixels of frame {index} that nothing covers");
        }
    }
}
