//! Tasks that hold the thread that they run on.

use std::sync::{Mutex, mpsc};

use motet::follow::Happening;
use motet::{Motet, TaskContext, Warning};

use super::only_step;

/// In real time: the task ends when it was told of, however long that takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_holds_its_thread_is_named_and_what_to_do_is_said() {
    let (warn, warned) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let warned = Mutex::new(warned);
    let holds = move |_: TaskContext, _: serde_json::Value| {
        let warning: Warning = warned.lock().unwrap().recv().expect("it is told while it goes on");
        tell.send(warning).unwrap();
        async { Ok(()) }
    };
    let warn = move |warning: &Warning| warn.send(warning.clone()).unwrap();
    let motet = Motet::builder().on_warning(warn).task("task/it", holds).open().await.unwrap();
    let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
    let mut progress = Vec::new();
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        if let Happening::Progress(told) = happening {
            progress.push((told.step.to_string(), told.message.clone().unwrap()));
        }
    }
    insta::assert_debug_snapshot!(progress);
    let warning = told.recv().unwrap();
    assert!(matches!(&warning, Warning::ThreadHeld { attempt: 1, .. }), "{warning:?}");
    insta::assert_snapshot!(warning.to_string().replace(run.id().as_str(), "RUN"));
}
