//! Compose, merge, generate: a whole film as one expression.
//!
//! What is nested comes first, what stands side by side runs side by side, and nobody names a step.
//! The same document would be a file: it is printed. The picture is drawn and the voice synthesised
//! on this machine, so this makes a real film without a key.
//!
//! With a path it also puts the film there: `cargo run -p motet-examples --bin compose cat.mp4`.

use motet::builder::{animate, compose, merge, scene, speak};
use motet::{Error, Motet, Video};
use serde::Deserialize;

#[derive(Deserialize)]
struct Outputs {
    video: Video,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let motet = Motet::builder().open().await?;

    let film = compose(
        "space-cat",
        merge([
            animate(scene("a cat in space").with("width", 320).with("height", 180), 2),
            speak("A cat floating in space."),
        ]),
    );
    println!("{}", film.to_yaml()?);

    let execution = match motet.start(&film.build(&motet)?, ()).await {
        Err(Error::Tools(missing)) => {
            for tool in missing {
                println!("{} is missing: {}", tool.name, tool.install);
            }
            return Ok(());
        }
        started => started?,
    };
    let Outputs { video } = execution.typed_outputs().await?;
    let (width, height) = (video.width.unwrap_or_default(), video.height.unwrap_or_default());
    let sound = if video.has_audio == Some(true) { "with sound" } else { "silent" };
    println!("{}, {width} × {height}, {sound}", video.mime);
    if let Some(path) = std::env::args_os().nth(1) {
        std::fs::copy(motet.store().path_of(&video.digest), path)?;
    }
    Ok(())
}
