//! A store in a folder, opened again by another owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use motet::builder::{PipelineBuilder, operation};
use motet::engine::RunId;
use motet::{Builder, Class, Error, Motet, StartOptions, TaskContext, TaskError};
use tokio::sync::Semaphore;

/// Counts how often each of two tasks is done; the second one waits for a permit.
#[derive(Clone)]
struct Counted {
    draw: Arc<AtomicUsize>,
    send: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Counted {
    fn add_to(&self, builder: Builder) -> Builder {
        let (draw, send, gate) = (self.draw.clone(), self.send.clone(), self.gate.clone());
        builder
            .task("draw", move |_: TaskContext, _: ()| {
                draw.fetch_add(1, Ordering::SeqCst);
                async { Ok("a picture") }
            })
            .task("send", move |context: TaskContext, text: String| {
                send.fetch_add(1, Ordering::SeqCst);
                let gate = gate.clone();
                async move {
                    tokio::select! {
                        permit = gate.acquire() => drop(permit?),
                        () = context.cancelled() => return Err(TaskError::new(Class::Unavailable, "stopped")),
                    }
                    Ok(format!("sent {text}"))
                }
            })
    }
}

#[tokio::test]
async fn what_was_finished_before_the_owner_left_is_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let counted = Counted { draw: Arc::default(), send: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
    let first = counted.add_to(Motet::builder().store(folder.path())).open().await.unwrap();
    let post = PipelineBuilder::new("post");
    let drawn = operation("task/draw");
    post.output("text", operation("task/send").with("value", drawn.output("value")).output("value"));
    let run = first.start(&post.build(&first).unwrap(), ()).await.unwrap();
    let id = run.id().to_string();
    let mut events = run.events().await.unwrap();
    while counted.send.load(Ordering::SeqCst) == 0 {
        events.next().await.unwrap();
        tokio::task::yield_now().await;
    }
    drop((run, events));
    let Err(taken) = Motet::open(folder.path()).await else { panic!("the store is driven") };
    assert!(taken.to_string().starts_with("this process already (pid "), "{taken}");
    first.close().await;

    // A program without the tasks leaves the run as it is.
    let other = Motet::open(folder.path()).await.unwrap();
    assert!(other.resume().await.unwrap().is_empty());
    let left = other.find(&id).unwrap();
    assert!(matches!(left.wait().await, Err(Error::Interrupted(_))));
    drop(left);
    other.close().await;

    counted.gate.add_permits(1);
    let second = counted.add_to(Motet::builder().store(folder.path())).open().await.unwrap();
    let runs = second.resume().await.unwrap();
    let outputs = runs[0].outputs().await.unwrap();
    assert_eq!(outputs.to_json(), serde_json::json!({ "text": "sent a picture" }));
    assert_eq!(counted.draw.load(Ordering::SeqCst), 1);
    assert_eq!(counted.send.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_run_can_be_named_but_not_by_any_text() {
    let motet = Motet::builder().open().await.unwrap();
    let text = "motet: 1\nname: nap\nsteps: { nap: { uses: flow/sleep, with: { duration: 7d } } }";
    let pipeline = motet.load_text(text).unwrap();
    let named = |name: &str| StartOptions { id: Some(RunId::new(name)), ..StartOptions::default() };
    for name in ["", ".hidden", "a/b", "a b", "line\n", &"x".repeat(101)] {
        let refused = motet.start_with(&pipeline, (), named(name)).await.err();
        assert!(matches!(refused, Some(Error::RunName(_))), "{name:?}");
    }
    let first = motet.start_with(&pipeline, (), named("nap-1.ü")).await.unwrap();
    let again = motet.start_with(&pipeline, (), named("nap-1.ü")).await.unwrap();
    assert_eq!((first.found, again.found, again.run.id().as_str()), (false, true, "nap-1.ü"));
}

#[tokio::test]
async fn a_run_that_nobody_drives_can_be_called_off() {
    let folder = tempfile::tempdir().unwrap();
    let first = Motet::open(folder.path()).await.unwrap();
    let text = "motet: 1\nname: nap\nsteps: { nap: { uses: flow/sleep, with: { duration: 7d } } }";
    let run = first.start(&first.load_text(text).unwrap(), ()).await.unwrap();
    let id = run.id().to_string();
    drop(run);
    first.close().await;

    let second = Motet::open(folder.path()).await.unwrap();
    let run = second.find(&id).unwrap();
    run.cancel("Ada", "the week is over").await.unwrap();
    let Err(Error::RunCancelled(reason)) = run.outputs().await else { panic!("it was called off") };
    assert_eq!(reason, "the week is over");
    run.cancel("Ada", "again").await.unwrap();
}
