//! Files as inputs: told by their content, refused with the reason, and the outputs of runs as files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use motet::engine::{Event, RunEvent, RunId};
use motet::follow::Happening;
use motet::language::bundle::Bundle;
use motet::language::value::Map;
use motet::language::{Artifact, MediaKind, Value};
use motet::outputs::{folder_of, lay_out};
use motet::{Error, Session, Settings, StartRequest, StorePlace};
use tempfile::TempDir;

const STORY: &str = r#"
motet: 1
name: gallery
inputs:
  image: image
  sound: { type: [audio, "null"], default: null }
  any: { type: [file, "null"], default: null }
  script: { type: string, default: "" }
  pictures: { type: array, items: { type: image }, default: [] }
  data: { type: object, default: {} }
steps:
  pass: { uses: data/transform, with: { value: "{{ inputs.script }}" } }
outputs:
  still: "{{ inputs.image }}"
  all: { cover: "{{ inputs.image }}", pages: "{{ inputs.pictures }}" }
  words: "{{ steps.pass.value }}"
"#;

/// A folder with good files, made by ffmpeg, and bad ones made from those.
struct Desk {
    folder: TempDir,
    session: Session,
}

impl Desk {
    async fn set() -> Desk {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        make(&["-f", "lavfi", "-i", "testsrc=size=320x180", "-frames:v", "1"], &at("still.png"));
        make(&["-f", "lavfi", "-i", "testsrc=size=64x64", "-frames:v", "1"], &at("still.jpg"));
        make(&["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-t", "1"], &at("clip.mp4"));
        make(&["-f", "lavfi", "-i", "sine", "-t", "0.5"], &at("tone.wav"));
        make(&["-f", "lavfi", "-i", "testsrc=size=64x64", "-t", "0"], &at("zero.mp4"));
        make(&["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-t", "1"], &at("moving.gif"));
        make(&["-f", "lavfi", "-i", "sine", "-t", "1"], &at("tone.mp3"));
        make(&["-f", "lavfi", "-i", "sine", "-t", "1"], &at("tone.ogg"));
        // What is in it only ffprobe can tell.
        make(&["-f", "lavfi", "-i", "sine", "-t", "0.5", "-c:a", "flac", "-f", "ogg"], &at("rare.ogg"));
        for name in ["still.png", "still.jpg", "moving.gif", "clip.mp4", "tone.wav", "tone.mp3", "tone.ogg"] {
            let bytes = fs::read(at(name)).unwrap();
            fs::write(at(&format!("half-{name}")), &bytes[..bytes.len() / 2]).unwrap();
        }
        fs::copy(at("clip.mp4"), at("photo.png")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe.png")).status().unwrap().success());
        fs::write(at("empty.png"), b"").unwrap();
        fs::write(at("notes.png"), "these are words").unwrap();
        fs::write(at("noise.bin"), b"\x00\x01\x02\xff".repeat(64)).unwrap();
        fs::write(at("script.txt"), "\u{feff}Once upon a time").unwrap();
        fs::write(at("latin.txt"), b"caf\xe9").unwrap();
        fs::write(at("data.json"), r#"{"a": [1]}"#).unwrap();
        let settings = Settings::usual(folder.path());
        let session = Session::open(StorePlace::Folder(at("store")), &settings).await.unwrap();
        Desk { folder, session }
    }

    /// The desk with another program in the place of ffprobe, and the store in memory.
    async fn with_ffprobe(mut self, program: &Path) -> Desk {
        let mut settings = Settings::usual(self.folder.path());
        settings.tools.ffprobe = program.to_str().unwrap().into();
        self.session = Session::open(StorePlace::Memory, &settings).await.unwrap();
        self
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn request(&self, files: &[(&str, &str)], inputs: Map) -> StartRequest {
        let files: BTreeMap<_, _> =
            files.iter().map(|(name, file)| ((*name).to_owned(), self.at(file))).collect();
        StartRequest { bundle: Bundle::of_text("gallery.yaml", STORY), inputs, files, ..Default::default() }
    }

    /// What the run was given, once it is over.
    async fn run(&self, files: &[(&str, &str)], inputs: Map) -> (RunId, Value) {
        let mut followed = self.session.start(self.request(files, inputs)).await.unwrap();
        let mut given = Value::Null;
        while let Some(happening) = followed.next().await {
            let Happening::Turn(turn) = happening else { continue };
            if let Some(Event::Run(RunEvent::Started(started))) = turn.events.first() {
                given = started.inputs.clone();
            }
        }
        (followed.run, given)
    }

    /// A file as it comes in.
    async fn taken(&self, name: &str) -> Artifact {
        let (_, given) = self.run(&[("image", "still.png"), ("any", name)], Map::new()).await;
        (**given.get("any").unwrap().as_artifact().unwrap()).clone()
    }

    async fn refusal(&self, files: &[(&str, &str)], inputs: Map) -> String {
        let error = self.session.start(self.request(files, inputs)).await.err().expect("this is refused");
        assert!(matches!(error, Error::Inputs(_)), "{error:?}");
        self.shown(&error)
    }

    fn shown(&self, error: &Error) -> String {
        error.to_string().replace(self.folder.path().to_str().unwrap(), "DESK")
    }
}

/// Makes a small file with ffmpeg.
fn make(arguments: &[&str], path: &Path) {
    let mut command = Command::new("ffmpeg");
    let made = command.args(["-v", "error", "-y"]).args(arguments).arg(path).status();
    assert!(made.expect("these tests need ffmpeg").success());
}

fn inputs(json: serde_json::Value) -> Map {
    Value::from(json).as_map().unwrap().clone()
}

#[tokio::test]
async fn files_come_in_as_what_they_are() {
    let desk = Desk::set().await;
    let files = [("image", "still.png"), ("sound", "tone.wav"), ("any", "noise.bin")];
    let more = [("script", "script.txt"), ("data", "data.json")];
    let pictures = serde_json::json!({"pictures": [{"$file": desk.at("still.jpg")}]});
    let (_, given) = desk.run(&[files.as_slice(), &more].concat(), inputs(pictures)).await;
    let artifact = |value: Option<&Value>| value.unwrap().as_artifact().unwrap().clone();
    let image = artifact(given.get("image"));
    assert_eq!((image.kind, image.mime.as_str(), image.width), (MediaKind::Image, "image/png", Some(320)));
    let sound = artifact(given.get("sound"));
    assert_eq!((sound.kind, sound.duration), (MediaKind::Audio, Some(0.5)));
    assert_eq!(artifact(given.get("any")).kind, MediaKind::File);
    let picture = artifact(given.get("pictures").unwrap().as_list().unwrap().first());
    assert_eq!((picture.mime.as_str(), picture.height), ("image/jpeg", Some(64)));
    assert_eq!(given.get("script"), Some(&Value::from("Once upon a time")));
    assert_eq!(given.get("data").unwrap().to_json(), serde_json::json!({"a": [1]}));

    // What was imported once can be given again by its digest.
    let again = [("image".to_owned(), Value::from((*image).clone()))].into();
    let (_, given) = desk.run(&[], again).await;
    assert_eq!(artifact(given.get("image")), image);
}

#[tokio::test]
async fn files_that_are_not_what_is_asked_for_are_refused_with_the_reason() {
    let desk = Desk::set().await;
    let mut told = Vec::new();
    for name in [
        "photo.png",
        "tone.wav",
        "notes.png",
        "noise.bin",
        "empty.png",
        "half-still.png",
        "half-still.jpg",
        "half-moving.gif",
        "pipe.png",
        "nowhere.png",
        "store",
    ] {
        told.push(desk.refusal(&[("image", name)], Map::new()).await);
    }
    for (input, name) in [
        ("any", "half-clip.mp4"),
        ("any", "zero.mp4"),
        ("any", "half-tone.wav"),
        ("sound", "half-tone.mp3"),
        ("sound", "half-tone.ogg"),
        ("sound", "clip.mp4"),
        ("script", "latin.txt"),
        ("script", "store"),
        ("data", "script.txt"),
        ("banana", "still.png"),
    ] {
        told.push(desk.refusal(&[("image", "still.png"), (input, name)], Map::new()).await);
    }
    let elsewhere = serde_json::json!({"image": {
        "$artifact": format!("sha256:{}", "0".repeat(64)), "kind": "image", "mime": "image/png", "bytes": 1
    }});
    told.push(desk.refusal(&[], inputs(elsewhere)).await);
    let inside =
        serde_json::json!({"pictures": [{"$file": desk.at("still.png")}, {"$file": desk.at("photo.png")}]});
    told.push(desk.refusal(&[("image", "still.png")], inputs(inside)).await);
    let misplaced = serde_json::json!({"script": {"$file": desk.at("script.txt")}});
    told.push(desk.refusal(&[("image", "still.png")], inputs(misplaced)).await);
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_name_may_have_anything_in_it_and_a_link_is_followed() {
    let desk = Desk::set().await;
    let name = "-i 'a \"b\"\n%d $(touch x) ü.png";
    fs::rename(desk.at("tone.wav"), desk.at(name)).unwrap();
    std::os::unix::fs::symlink(desk.at(name), desk.at("link")).unwrap();
    for name in [name, "link"] {
        let (_, given) = desk.run(&[("image", "still.png"), ("sound", name)], Map::new()).await;
        let sound = given.get("sound").unwrap().as_artifact().unwrap();
        assert_eq!((sound.mime.as_str(), sound.duration), ("audio/wav", Some(0.5)));
    }
}

#[tokio::test]
async fn without_ffprobe_that_is_what_is_missing_and_not_the_file_that_is_wrong() {
    let desk = Desk::set().await.with_ffprobe(Path::new("/nowhere/ffprobe")).await;
    let (_, given) = desk.run(&[("image", "still.png"), ("sound", "tone.wav")], Map::new()).await;
    assert_eq!(given.get("sound").unwrap().as_artifact().unwrap().duration, Some(0.5), "it isn't needed");
    let request = desk.request(&[("image", "still.png"), ("sound", "rare.ogg")], Map::new());
    let Err(Error::Tools(missing)) = desk.session.start(request).await else { panic!("there is no ffprobe") };
    assert_eq!(missing[0].name, "/nowhere/ffprobe");
}

/// The change comes while the file is measured: what measures it makes the change.
#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_refused_even_if_it_keeps_its_length() {
    let desk = Desk::set().await;
    let script = desk.at("ffprobe.sh");
    let changing =
        format!("#!/bin/sh\ntouch -d 2001-01-01 {}\nexec ffprobe \"$@\"\n", desk.at("rare.ogg").display());
    fs::write(&script, changing).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&script).status().unwrap().success());
    let desk = desk.with_ffprobe(&script).await;
    let told = desk.refusal(&[("image", "still.png"), ("sound", "rare.ogg")], Map::new()).await;
    assert_eq!(told, "`sound`: DESK/rare.ogg: the file was changed while it was read; try again");
}

#[tokio::test]
async fn the_outputs_of_a_completed_run_lie_where_people_look() {
    let desk = Desk::set().await;
    let given = serde_json::json!({
        "script": "a boat",
        "pictures": [{"$file": desk.at("still.jpg")}, {"$file": desk.at("still.png")}]
    });
    let (run, _) = desk.run(&[("image", "still.png")], inputs(given)).await;
    let (store, out) = (desk.session.store(), desk.at("out"));
    let files = lay_out(store, &run, &out).unwrap();
    let folder = folder_of(store, &run, &out).unwrap();
    assert_eq!(folder, out.join(run.short()));
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["all-cover.png", "all-pages-1.jpg", "all-pages-2.png", "outputs.json", "still.png"]);
    assert!(files.iter().all(|file| file.path.is_file() && file.path.parent() == Some(&folder)));
    assert_eq!(fs::read(folder.join("still.png")).unwrap(), fs::read(desk.at("still.png")).unwrap());
    let plain = fs::read_to_string(folder.join("outputs.json")).unwrap();
    insta::assert_snapshot!(plain);

    // A copy: to change it changes nothing in the store, and it isn't laid out over again.
    fs::write(folder.join("all-pages-1.jpg"), fs::read(desk.at("still.jpg")).unwrap().as_slice()).unwrap();
    assert!(store.check().unwrap().is_good());
    fs::write(folder.join("still.png"), "cut short").unwrap();
    fs::remove_file(folder.join("all-cover.png")).unwrap();
    assert_eq!(lay_out(store, &run, &out).unwrap(), files);
    assert_eq!(names().len(), 5);
    assert_eq!(fs::read(folder.join("still.png")).unwrap(), fs::read(desk.at("still.png")).unwrap());
    assert!(store.check().unwrap().is_good());
}

#[tokio::test]
async fn a_place_that_takes_no_outputs_is_named_and_the_run_stays_completed() {
    let desk = Desk::set().await;
    let (run, _) = desk.run(&[("image", "still.png")], Map::new()).await;
    let store = desk.session.store();
    fs::write(desk.at("out"), "a file where the folder should be").unwrap();
    let refused = lay_out(store, &run, &desk.at("out")).unwrap_err();
    let shown = desk.shown(&refused).replace(run.as_str(), "RUN").replace(run.short(), "RUN");
    insta::assert_snapshot!(shown);
    assert!(store.outputs(&run).unwrap().is_some());
    assert!(lay_out(store, &run, &desk.at("elsewhere")).is_ok());
}

#[tokio::test]
async fn outputs_are_written_through_the_link_that_a_person_names_and_through_none_below_it() {
    let desk = Desk::set().await;
    let (run, _) = desk.run(&[("image", "still.png")], Map::new()).await;
    let store = desk.session.store();
    let (named, theirs) = (desk.at("named"), desk.at("theirs"));
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::symlink("kept/films", &named).unwrap();
    fs::create_dir_all(desk.at("kept/films")).unwrap();

    let folder = folder_of(store, &run, &named).unwrap();
    std::os::unix::fs::symlink(&theirs, &folder).unwrap();
    let refused = lay_out(store, &run, &named).unwrap_err();
    let shown = desk.shown(&refused).replace(run.as_str(), "RUN").replace(run.short(), "RUN");
    insta::assert_snapshot!(shown);
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);

    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(theirs.join("film"), "theirs").unwrap();
    std::os::unix::fs::symlink(theirs.join("film"), folder.join("still.png")).unwrap();
    lay_out(store, &run, &named).unwrap();
    let written = folder.join("still.png");
    assert!(!written.is_symlink() && desk.at("kept/films").join(run.short()).is_dir());
    assert_eq!(fs::read(written).unwrap(), fs::read(desk.at("still.png")).unwrap());
    assert_eq!(fs::read(theirs.join("film")).unwrap(), b"theirs");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_part_that_a_killed_process_left_is_replaced_and_a_link_in_its_place_is_not_followed() {
    let desk = Desk::set().await;
    let (run, _) = desk.run(&[("image", "still.png")], Map::new()).await;
    let store = desk.session.store();
    let folder = folder_of(store, &run, &desk.at("out")).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let part = folder.join(format!(".still.png.{}.part", std::process::id()));
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    lay_out(store, &run, &desk.at("out")).unwrap();
    assert_eq!(fs::read(folder.join("still.png")).unwrap(), fs::read(desk.at("still.png")).unwrap());
    assert!(!part.is_symlink());
}

#[tokio::test]
async fn formats_that_ffmpeg_reads_come_in_and_others_are_refused_with_what_to_convert_them_to() {
    let desk = Desk::set().await;
    let still = ["-f", "lavfi", "-i", "testsrc=size=64x36", "-frames:v", "1"];
    for (name, mime) in
        [("still.tiff", "image/tiff"), ("still.bmp", "image/bmp"), ("still.avif", "image/avif")]
    {
        make(&still, &desk.at(name));
        let (_, given) = desk.run(&[("image", name)], Map::new()).await;
        let image = given.get("image").unwrap().as_artifact().unwrap().clone();
        assert_eq!((image.mime.as_str(), image.width, image.height), (mime, Some(64), Some(36)));
    }
    let film =
        ["-f", "lavfi", "-i", "testsrc=size=64x36:rate=25:duration=1", "-f", "lavfi", "-i", "sine=d=1"];
    for (name, mime, kind) in [
        ("sound.aiff", "audio/aiff", MediaKind::Audio),
        ("sound.caf", "audio/x-caf", MediaKind::Audio),
        ("film.ts", "video/mp2t", MediaKind::Video),
        ("film.flv", "video/x-flv", MediaKind::Video),
        ("film.wmv", "video/x-ms-asf", MediaKind::Video),
        ("film.mpg", "video/mpeg", MediaKind::Video),
    ] {
        let source = if kind == MediaKind::Audio { &film[4..] } else { &film };
        make(source, &desk.at(name));
        let any = desk.taken(name).await;
        assert_eq!((any.mime.as_str(), any.kind), (mime, kind));
        let seconds = any.duration.unwrap();
        assert!((0.99..1.12).contains(&seconds), "{name}: {seconds} s");
        let bytes = fs::read(desk.at(name)).unwrap();
        fs::write(desk.at("cut"), &bytes[..bytes.len() / 2 / 188 * 188 + 7]).unwrap();
        if ["sound.aiff", "film.ts"].contains(&name) {
            let told = desk.refusal(&[("image", "still.png"), ("any", "cut")], Map::new()).await;
            assert_eq!(told, "`any`: DESK/cut: truncated: the file ends too early", "{name}");
        }
    }
    let webp =
        ["-f", "lavfi", "-i", "testsrc=size=64x36:rate=5:duration=1", "-c:v", "libwebp_anim", "-f", "webp"];
    make(&webp, &desk.at("moving.webp"));
    let heic = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photo.heic");
    fs::copy(heic, desk.at("photo.heic")).unwrap();
    fs::write(desk.at("raw.tiff"), b"II*\0\x08\0\0\0 and what a camera keeps").unwrap();
    let mut told = Vec::new();
    for name in ["photo.heic", "moving.webp", "raw.tiff"] {
        told.push(desk.refusal(&[("image", name)], Map::new()).await);
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// Two spoken parts one behind the other, as speech services send them.
#[tokio::test]
async fn speech_is_as_long_as_all_of_its_parts() {
    let desk = Desk::set().await;
    let joined = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/joined.mp3");
    fs::copy(joined, desk.at("joined.mp3")).unwrap();
    assert_eq!(desk.taken("joined.mp3").await.duration, Some(6.35));
}
