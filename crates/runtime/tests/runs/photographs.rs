//! Photographs that a camera took sideways are upright in what is made of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use motet::language::bundle::Bundle;
use motet::{Session, Settings, StartRequest, StorePlace};
use tempfile::TempDir;

const STORY: &str = r#"
motet: 1
name: portrait
inputs: { photo: image }
steps:
  small: { uses: media/resize, with: { media: "{{ inputs.photo }}", height: 128 } }
  clip: { uses: media/animate, with: { image: "{{ inputs.photo }}", duration: 0.2, effect: none } }
outputs:
  photo: "{{ inputs.photo }}"
  small: "{{ steps.small.image }}"
  clip: "{{ steps.clip.video }}"
"#;

fn ffmpeg(arguments: &[&str], path: &Path) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(path);
    assert!(command.status().expect("these tests need ffmpeg").success());
    fs::read(path).unwrap()
}

/// A JPEG of 128 × 64, red on its left, with the note that it has to be turned a quarter clockwise.
fn sideways_photo(folder: &Path) {
    let picture = "color=red:size=64x64,pad=128:64:0:0:blue";
    let upright = ffmpeg(&["-f", "lavfi", "-i", picture, "-frames:v", "1"], &folder.join("upright.jpg"));
    let note = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    fs::write(folder.join("photo.jpg"), [&upright[..2], note, &upright[2..]].concat()).unwrap();
}

#[tokio::test]
async fn a_photograph_taken_sideways_is_upright_in_what_is_made_of_it() {
    let folder = TempDir::new().unwrap();
    sideways_photo(folder.path());
    let settings = Settings::usual(folder.path());
    let place = StorePlace::Folder(folder.path().join("store"));
    let session = Session::open(place, &settings).await.unwrap();
    let request = StartRequest {
        bundle: Bundle::of_text("portrait.yaml", STORY),
        files: [("photo".to_owned(), folder.path().join("photo.jpg"))].into(),
        ..Default::default()
    };
    let mut followed = session.start(request).await.unwrap();
    while followed.next().await.is_some() {}
    let files = motet::outputs::lay_out(session.store(), &followed.run, &folder.path().join("out")).unwrap();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let media = file.artifact.as_ref().expect("all outputs are media");
        assert_eq!((media.width, media.height), (Some(64), Some(128)), "{file:?}");
        // The left of what lies is the top of what stands.
        if file.output.as_deref() != Some("photo") {
            let first = ["-i", file.path.to_str().unwrap(), "-frames:v", "1", "-pix_fmt", "rgb24"];
            let pixels = ffmpeg(&first, &folder.path().join("pixels.ppm"));
            let pixels = &pixels[pixels.len() - 64 * 128 * 3..];
            let (top, bottom) = (&pixels[64 * 3 * 20..][..3], &pixels[64 * 3 * 100..][..3]);
            assert!(top[0] > 200 && top[2] < 60, "{file:?}: {top:?} is red");
            assert!(bottom[0] < 60 && bottom[2] > 200, "{file:?}: {bottom:?} is blue");
        }
    }
}
