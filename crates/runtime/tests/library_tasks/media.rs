//! Media that tasks take, keep and give.

use std::path::Path;
use std::process::Command;

use motet::language::Value;
use motet::schemars::{self, JsonSchema};
use motet::world::virtual_time::run;
use motet::{Class, Error, Image, Media, TaskContext, TaskError};
use serde::{Deserialize, Serialize};

use super::{only_step, simulated};

#[test]
fn media_that_a_task_makes_up_without_keeping_it_is_refused() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_: TaskContext, _: ()| async {
                let bytes = motet::language::Digest::of(b"nowhere");
                let artifact = serde_json::json!({ "$artifact": bytes, "kind": "image", "mime": "image/png", "bytes": 7 });
                Ok(vec![serde_json::from_value::<Image>(artifact)?])
            })
            .open()
            .await
            .unwrap();
        let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
        let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("it is nowhere") };
        assert_eq!(failure.class, Class::BadOutput);
        let message = failure.message;
        assert!(message.starts_with("`value[0]` names sha256:"), "{message}");
        assert!(message.ends_with(", which isn't in this store; keep it first"), "{message}");
    });
}

#[test]
fn a_task_that_cuts_its_media_short_is_told() {
    run(async {
        let (builder, _) = simulated();
        let cut = include_bytes!("../fixtures/pixel.png");
        let motet = builder
            .task("it", move |context: TaskContext, _: ()| async move {
                context.keep(&cut[..cut.len() - 6]).await
            })
            .open()
            .await
            .unwrap();
        let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
        let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("its end is missing") };
        assert_eq!(failure.to_string(), "invalid: truncated: the file ends too early");
    });
}

#[test]
fn pictures_are_kept_read_and_given_on() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Picture {
        image: Image,
    }
    /// The smallest PNG there is: one pixel.
    const PIXEL: &[u8] = include_bytes!("../fixtures/pixel.png");
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |context: TaskContext, _: ()| async move {
                Ok(Picture { image: context.keep(PIXEL).await?.try_into()? })
            })
            .task("file", |context: TaskContext, picture: Picture| async move {
                let copy: Media = context.keep_file(context.path(&picture.image)?).await?;
                assert_eq!(copy.digest, picture.image.digest);
                Ok(context.read(&picture.image).await?.len())
            })
            .open()
            .await
            .unwrap();
        let text = only_step(
            "  size: { uses: task/file, with: { image: '{{ steps.it.image }}' } }\noutputs: { image: '{{ steps.it.image }}', size: '{{ steps.size.value }}' }",
        );
        let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
        #[derive(Deserialize)]
        struct Outputs {
            image: Image,
            size: usize,
        }
        let outputs: Outputs = run.typed_outputs().await.unwrap();
        assert_eq!((outputs.image.width, outputs.image.height), (Some(1), Some(1)));
        assert_eq!((outputs.image.mime.as_str(), outputs.size), ("image/png", PIXEL.len()));
    });
}

#[test]
fn another_kind_of_media_is_refused_by_the_check() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_, _: ()| async { Err::<Image, _>(TaskError::new(Class::Gone, "never run")) })
            .task("watch", |_, _: motet::Video| async { Ok(()) })
            .open()
            .await
            .unwrap();
        let text = only_step("  watch: { uses: task/watch, with: { value: '{{ steps.it.value }}' } }\n");
        let Err(Error::Check(findings)) = motet.load_text(&text) else { panic!("a picture is no film") };
        assert_eq!(findings[0].message, "an image can't be the `value` of task/watch");
    });
}

/// A file that ffmpeg makes from its own generators.
fn made(folder: &Path, name: &str, arguments: &str) -> Vec<u8> {
    let path = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi"]).args(arguments.split_whitespace()).arg(&path);
    assert!(command.status().expect("these tests need ffmpeg").success());
    std::fs::read(path).unwrap()
}

/// What a task of one world without programs gives when it keeps `bytes`.
fn kept(bytes: Vec<u8>) -> Result<Value, Error> {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", move |context: TaskContext, _: ()| {
                let bytes = bytes.clone();
                async move { context.keep(bytes).await.map(|media| vec![media]) }
            })
            .open()
            .await
            .unwrap();
        let text = only_step("outputs: { media: '{{ steps.it.value[0] }}' }");
        let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
        run.outputs().await.map(|outputs: Value| outputs.get("media").unwrap().clone())
    })
}

#[test]
fn what_a_step_gives_is_measured_in_a_world_without_programs() {
    const FILM: &str =
        "-i testsrc=size=64x48:rate=25:duration=0.4 -f lavfi -i sine=duration=0.4 -pix_fmt yuv420p";
    const TONE: &str = "-i sine=duration=0.4";
    const STILL: &str = "-i testsrc=size=64x48:rate=25 -frames:v 1";
    let folder = tempfile::tempdir().unwrap();
    let film = |options: &str| format!("{FILM} {options}");
    let still = (Some(64), None, None);
    let table = [
        ("film.mp4", film(""), "video/mp4", (Some(64), Some(0.4), Some(true))),
        (
            "fragments.mp4",
            film("-movflags frag_keyframe+empty_moov"),
            "video/mp4",
            (Some(64), Some(0.4), Some(true)),
        ),
        (
            "film.webm",
            film("-c:v libvpx -c:a libopus -shortest"),
            "video/webm",
            (Some(64), Some(0.408), Some(true)),
        ),
        ("tone.m4a", TONE.to_owned(), "audio/mp4", (None, Some(0.4), None)),
        ("tone.wav", TONE.to_owned(), "audio/wav", (None, Some(0.4), None)),
        ("tone.mp3", TONE.to_owned(), "audio/mpeg", (None, Some(0.4), None)),
        ("tone.opus", TONE.to_owned(), "audio/ogg", (None, Some(0.4), None)),
        ("tone.flac", TONE.to_owned(), "audio/flac", (None, Some(0.4), None)),
        ("still.png", STILL.to_owned(), "image/png", still),
        ("still.jpg", STILL.to_owned(), "image/jpeg", still),
        ("still.webp", STILL.to_owned(), "image/webp", still),
        ("still.gif", STILL.to_owned(), "image/gif", still),
    ];
    for (name, arguments, mime, measures) in table {
        let media = kept(made(folder.path(), name, &arguments)).unwrap();
        let media = media.as_artifact().unwrap();
        assert_eq!(
            (media.mime.as_str(), (media.width, media.duration, media.has_audio)),
            (mime, measures),
            "{name}"
        );
    }
    let film = std::fs::read(folder.path().join("film.mp4")).unwrap();
    let Err(Error::RunFailed { failure, .. }) = kept(film[..film.len() / 2].to_vec()) else {
        panic!("a half")
    };
    assert_eq!(failure.to_string(), "invalid: truncated, or no video at all: it has no index (moov atom)");
}
