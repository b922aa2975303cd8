//! The film of the front page: what is seen and heard of it.

use std::path::Path;
use std::process::Command;

use motet::Motet;
use motet::engine::{Event, RunEvent};
use motet::language::{StepPath, Value};

use crate::examples::assert_film;
use crate::stage::{Played, play, real};

#[tokio::test]
async fn a_narrated_video_has_a_captioned_scene_for_every_line() {
    let script = "A red boat.\nA quiet hill.";
    let motet = Motet::builder().processors(4).open().await.unwrap();
    let played = play(motet, "examples/narrated-video.yaml", &[("script", script.into())]).await;
    assert_film(&played, "video");
    assert!(!played.is_degraded());
    assert!(
        played.begins("scenes[1]/clip") < played.completes("scenes[0]/clip"),
        "scenes are made side by side"
    );
    let starts = output(&played, "film", "starts");
    let before = golden(&played, 0.2);
    for (scene, start) in starts.as_list().unwrap().iter().enumerate() {
        // Speech begins half a second after its picture.
        let said = golden(&played, start.as_f64().unwrap() + 0.8);
        assert!(said > before + 500, "the spoken word is seen in scene {scene}: {before}, then {said}");
    }
}

#[tokio::test]
async fn a_narrated_video_sounds_at_once_is_as_loud_as_others_and_has_music_between_its_lines() {
    let played = play(real().await, "examples/narrated-video.yaml", &[]).await;
    let film = played.motet.store().path_of(&played.media("video").digest);
    let loudness = loudness_of(&film);
    assert!((-17.0..=-15.0).contains(&loudness), "{loudness} LUFS");
    let levels = levels(&film);
    let first = levels.iter().position(|level| *level > -50.0).unwrap() as f64 * LEVEL_SECONDS;
    assert!(first <= 0.3, "the first sound is heard after {first} s");

    let words = output(&played, "film", "words");
    let time = |word: &Value, name: &str| word.get(name).and_then(Value::as_f64).unwrap();
    let pauses = words.as_list().unwrap().windows(2).filter_map(|pair| {
        let (end, next) = (time(&pair[0], "end"), time(&pair[1], "start"));
        (next - end > 0.5).then_some((end, next))
    });
    let pauses: Vec<_> = pauses.collect();
    assert_eq!(pauses.len(), 3, "there are four lines: {pauses:?}");
    for (end, next) in pauses {
        // What the voice leaves in the room has faded by then.
        let (from, to) = (((end + 0.3) / LEVEL_SECONDS) as usize, ((next - 0.05) / LEVEL_SECONDS) as usize);
        let between = &levels[from..to];
        let level = between.iter().sum::<f64>() / between.len() as f64;
        assert!((-45.0..-22.0).contains(&level), "between {end} and {next} s there are {level} dB");
    }
}

/// What a step gives as `name`.
fn output(played: &Played, step: &str, name: &str) -> Value {
    let Event::Run(RunEvent::Started(started)) = &played.turns[0].events[0] else {
        panic!("a journal begins with the start of its run")
    };
    let output = played.motet.store().output(&started.run, &StepPath::from_text(step)).unwrap().unwrap();
    output.get(name).unwrap_or_else(|| panic!("{step} gives no {name}")).clone()
}

/// The integrated loudness of a film in LUFS, as ffmpeg measures it.
fn loudness_of(film: &Path) -> f64 {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-hide_banner", "-i"]).arg(film);
    ffmpeg.args(["-vn", "-af", "ebur128=framelog=verbose", "-f", "null", "-"]);
    let said = String::from_utf8(ffmpeg.output().unwrap().stderr).unwrap();
    let (_, summary) = said.rsplit_once("Integrated loudness:").unwrap_or_else(|| panic!("{said}"));
    summary.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const LEVEL_SECONDS: f64 = 0.05;

/// The level of a film's sound in decibels below full scale, every [`LEVEL_SECONDS`].
fn levels(film: &Path) -> Vec<f64> {
    const RATE: usize = 8_000;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(film);
    ffmpeg.args(["-vn", "-ac", "1", "-ar", &RATE.to_string(), "-f", "s16le", "-"]);
    let bytes = ffmpeg.output().unwrap().stdout;
    let samples: Vec<f64> = bytes
        .chunks_exact(2)
        .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    let level = |part: &[f64]| {
        let power = part.iter().map(|sample| sample * sample).sum::<f64>() / part.len() as f64;
        10.0 * power.max(1e-12).log10()
    };
    samples.chunks((RATE as f64 * LEVEL_SECONDS) as usize).map(level).collect()
}

/// How many pixels in the lower half of the film have the colour of a spoken word, `at` seconds after its beginning.
fn golden(played: &Played, at: f64) -> usize {
    let film = played.motet.store().path_of(&played.media("video").digest);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-ss", &at.to_string(), "-i"]).arg(film);
    ffmpeg.args(["-frames:v", "1", "-vf", "crop=h=ih/2:y=ih/2", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let frame = ffmpeg.output().unwrap().stdout;
    assert!(!frame.is_empty());
    let is_golden = |pixel: &&[u8]| {
        [255, 210, 60].iter().zip(*pixel).all(|(wanted, seen): (&u8, &u8)| wanted.abs_diff(*seen) < 40)
    };
    frame.chunks_exact(3).filter(is_golden).count()
}
