//! State that persists: a program that goes away in the middle, and another that continues.
//!
//! The first one opens a store in a folder, starts a run and leaves while the video is being made.
//! The second one opens the same folder. The image was finished, so it is not made again; the attempt
//! that was in flight is made once more, under the same idempotency key, so that a service that
//! refuses doubles can tell.

use std::path::Path;
use std::sync::Arc;

use motet::builder::{PipelineBuilder, operation};
use motet::{Class, Error, Motet, TaskContext, TaskError};
use tokio::sync::Notify;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("there is room for a folder");

    println!("the first program");
    let begun = Arc::new(Notify::new());
    let motet = open(folder.path(), Some(begun.clone())).await?;
    let film = PipelineBuilder::new("film");
    let image = operation("task/image").named("image");
    let video = operation("task/video").named("video").with("value", image.output("value"));
    film.output("video", video.output("value"));
    motet.start(&film.build(&motet)?, ()).await?;
    begun.notified().await;
    motet.close().await;
    println!("  gone");

    println!("the second program");
    let motet = open(folder.path(), None).await?;
    for run in motet.resume().await? {
        println!("  found an unfinished run, resumes it");
        println!("  {}", run.outputs().await?.to_json()["video"]);
    }
    Ok(())
}

/// Opens the store in `folder`. With `begun`, the model for videos says when it begins, and never
/// comes to an end.
async fn open(folder: &Path, begun: Option<Arc<Notify>>) -> Result<Motet, Error> {
    Motet::builder()
        .store(folder)
        .task("image", |_, _: ()| async {
            println!("  makes the image");
            Ok("picture of a cat")
        })
        .task("video", move |context: TaskContext, image: String| {
            let begun = begun.clone();
            async move {
                println!("  makes the video (attempt {})", context.attempt());
                if let Some(begun) = begun {
                    begun.notify_one();
                    context.cancelled().await;
                    return Err(TaskError::new(Class::Unavailable, "the program goes away"));
                }
                Ok(format!("clip of a {image}"))
            }
        })
        .open()
        .await
}
