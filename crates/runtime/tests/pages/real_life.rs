//! Pipelines as people write them for themselves, played as they are.

use std::path::Path;
use std::process::Command;

use motet::Motet;
use motet::language::{MediaKind, Value};

use crate::stage::{Played, play, real};

/// A file that somebody has, made with ffmpeg and kept.
async fn file(motet: &Motet, name: &str, how: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    let made = ffmpeg.args(["-v", "error", "-y"]).args(how.split(' ')).arg(&path).status();
    assert!(made.unwrap().success());
    Value::from(motet.import_file(Path::new(&path)).await.unwrap())
}

fn seconds(played: &Played, output: &str) -> f64 {
    played.media(output).duration.unwrap()
}

#[tokio::test]
async fn a_podcast_of_a_jingle_and_two_voices_is_one_mp3() {
    let played = play(real().await, "crates/runtime/tests/fixtures/real-life/podcast.yaml", &[]).await;
    let episode = played.media("audio");
    assert_eq!((episode.kind, episode.mime.as_str()), (MediaKind::Audio, "audio/mpeg"));
    assert!(seconds(&played, "audio") > 9.0, "{} s", seconds(&played, "audio"));
}

#[tokio::test]
async fn holiday_photographs_are_a_film_with_music() {
    let motet = real().await;
    let mut photos = Vec::new();
    for (name, size) in [("a.jpg", "640x480"), ("b.png", "480x640"), ("c.jpg", "800x450")] {
        let how = format!("-f lavfi -i testsrc2=size={size} -frames:v 1");
        photos.push(file(&motet, name, &how).await);
    }
    let song = file(&motet, "song.mp3", "-f lavfi -i sine=duration=3").await;
    let inputs = [("photos", Value::list(photos)), ("song", song)];
    let played = play(motet, "crates/runtime/tests/fixtures/real-life/slideshow.yaml", &inputs).await;
    let film = played.media("video");
    assert_eq!((film.width, film.height, film.has_audio), (Some(640), Some(360), Some(true)));
    assert_eq!(film.duration, Some(10.0), "three times four seconds, with two fades of one");
}

#[tokio::test]
async fn clips_of_a_phone_follow_a_title_card_with_a_song() {
    let motet = real().await;
    let clip =
        "-f lavfi -i testsrc2=size=180x320:rate=30:duration=3 -f lavfi -i sine=duration=3 -pix_fmt yuv420p";
    let silent = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -pix_fmt yuv420p";
    let inputs = [
        ("a", file(&motet, "a.mp4", clip).await),
        ("b", file(&motet, "b.mov", clip).await),
        ("c", file(&motet, "c.mp4", silent).await),
        ("song", file(&motet, "song.m4a", "-f lavfi -i sine=duration=2").await),
    ];
    let played = play(motet, "crates/runtime/tests/fixtures/real-life/phone.yaml", &inputs).await;
    let film = played.media("video");
    assert_eq!((film.width, film.height, film.has_audio), (Some(360), Some(640), Some(true)));
    assert!((seconds(&played, "video") - 6.5).abs() < 0.1, "four times two seconds, with three fades");
}
