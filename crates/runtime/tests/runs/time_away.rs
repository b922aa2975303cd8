//! Time in which nobody drove a run, under virtual time with a store in a folder.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet::engine::{Event, RunEvent, RunId};
use motet::language::{Span, Timestamp};
use motet::world::World;
use motet::world::virtual_time::{VirtualWorld, run};
use motet::{Builder, Motet, Task, TaskContext, TaskError};
use tempfile::TempDir;

use crate::stage::altered::{Alteration, Altered};

const PATIENCE: &str = r#"
motet: 1
name: patience
steps:
  wait: { uses: flow/sleep, with: { duration: 7d } }
outputs: { done: true }
"#;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// From `begin` to `end` a process is there, in which `story` happens at the beginning; then it is
/// gone without a word.
fn live<T>(folder: &Path, begin: i64, end: i64, story: impl AsyncFnOnce(&Motet) -> T) -> T {
    live_with(folder, None, begin, end, story)
}

/// The same, with a task.
fn live_with<T>(
    folder: &Path,
    task: Option<&Task>,
    begin: i64,
    end: i64,
    story: impl AsyncFnOnce(&Motet) -> T,
) -> T {
    run(async {
        let world = Arc::new(VirtualWorld::new(Timestamp(begin), begin.unsigned_abs()));
        let builder = Motet::builder().world(world.clone()).store(folder);
        let motet = task.into_iter().cloned().fold(builder, Builder::add_task).open().await.unwrap();
        let told = story(&motet).await;
        world.sleep_until(Timestamp(end)).await;
        told
    })
}

async fn start(motet: &Motet) -> RunId {
    let pipeline = motet.load_text(PATIENCE).unwrap();
    motet.start(&pipeline, [] as [(&str, &str); 0]).await.unwrap().id().clone()
}

/// How long nobody drove the run, as each taking up told it.
fn away(motet: &Motet, id: &RunId) -> Vec<Span> {
    let turns = motet.store().turns(id).unwrap();
    let events = turns.into_iter().flat_map(|turn| turn.events);
    events
        .filter_map(
            |event| if let Event::Run(RunEvent::Resumed { away }) = event { Some(away) } else { None },
        )
        .collect()
}

/// Takes the run up, and waits until that is told.
async fn resume(motet: &Motet, id: &RunId) {
    let mut earlier = away(motet, id).len();
    let run = motet.find(id.as_str()).unwrap();
    run.resume().await.unwrap();
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        if let motet::follow::Happening::Turn(turn) = happening
            && turn.events.iter().any(|event| matches!(event, Event::Run(RunEvent::Resumed { .. })))
        {
            match earlier.checked_sub(1) {
                Some(left) => earlier = left,
                None => return,
            }
        }
    }
}

#[test]
fn time_away_counts_from_the_last_sign_of_life_and_not_from_the_last_event() {
    let folder = TempDir::new().unwrap();
    let id = live(folder.path(), 0, 20 * MINUTE, async |motet| start(motet).await);
    let told = live(folder.path(), 3 * HOUR, 3 * HOUR + MINUTE, async |motet| {
        resume(motet, &id).await;
        away(motet, &id)
    });
    let [Span(away)] = told[..] else { panic!("it was taken up once: {told:?}") };
    let alone = (3 * HOUR - 20 * MINUTE).unsigned_abs();
    assert!((alone..=alone + 5_000).contains(&away), "{away} ms, and {alone} ms at least");
}

#[test]
fn signs_of_life_of_a_process_that_did_not_drive_a_run_do_not_count_for_it() {
    let folder = TempDir::new().unwrap();
    let id = live(folder.path(), 0, MINUTE, async |motet| start(motet).await);
    live(folder.path(), 3 * HOUR, 4 * HOUR, async |motet| start(motet).await);
    let told = live(folder.path(), 5 * HOUR, 5 * HOUR + MINUTE, async |motet| {
        resume(motet, &id).await;
        away(motet, &id)
    });
    assert_eq!(told, [Span((5 * HOUR).unsigned_abs())]);
}

#[test]
fn a_run_taken_up_a_second_time_counts_from_the_process_that_drove_it_last() {
    let folder = TempDir::new().unwrap();
    let id = live(folder.path(), 0, MINUTE, async |motet| start(motet).await);
    live(folder.path(), HOUR, 2 * HOUR, async |motet| resume(motet, &id).await);
    let told = live(folder.path(), 3 * HOUR, 3 * HOUR + MINUTE, async |motet| {
        resume(motet, &id).await;
        away(motet, &id)
    });
    let [_, Span(away)] = told[..] else { panic!("it was taken up twice: {told:?}") };
    let alone = HOUR.unsigned_abs();
    assert!((alone..=alone + 5_000).contains(&away), "{away} ms");
}

#[test]
fn work_that_is_taken_up_has_the_time_that_it_had_left() {
    const WORK: &str = "motet: 1\nname: work\nsteps: { work: { uses: task/work, timeout: 10m } }";
    let folder = TempDir::new().unwrap();
    let deadlines = Arc::new(Mutex::new(Vec::new()));
    let told = deadlines.clone();
    let work = Task::new("work", move |context: TaskContext, (): ()| {
        told.lock().unwrap().push(context.deadline());
        std::future::pending::<Result<(), TaskError>>()
    });
    let begin = async |motet: &Motet| {
        let pipeline = motet.load_text(WORK).unwrap();
        motet.start(&pipeline, [] as [(&str, &str); 0]).await.unwrap().id().clone()
    };
    let id = live_with(folder.path(), Some(&work), 0, 4 * MINUTE, begin);
    let go_on = async |motet: &Motet| {
        resume(motet, &id).await;
        away(motet, &id)[0]
    };
    let away = live_with(folder.path(), Some(&work), 3 * HOUR, 3 * HOUR + MINUTE, go_on);
    let deadline = Timestamp(10 * MINUTE);
    assert_eq!(*deadlines.lock().unwrap(), [deadline, deadline.after(away)]);
}

/// A world whose clock can be put forward, as if the process had been stopped meanwhile.
struct SleepyWorld {
    world: VirtualWorld,
    slept: AtomicI64,
}

impl SleepyWorld {
    fn sleep(&self, milliseconds: i64) {
        self.slept.fetch_add(milliseconds, Ordering::Relaxed);
    }

    fn slept(&self) -> i64 {
        self.slept.load(Ordering::Relaxed)
    }
}

impl Alteration for SleepyWorld {
    fn world(&self) -> &VirtualWorld {
        &self.world
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.world.now().0 + self.slept())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.world.sleep_until(Timestamp(at.0 - self.slept()))
    }
}

#[test]
fn a_process_that_was_stopped_for_hours_fails_no_work_for_being_late() {
    const STORY: &str = r#"
motet: 1
name: patience
timeout: 1h
steps:
  work: { uses: task/work, timeout: 5m }
outputs: { done: "{{ steps.work.done }}" }
"#;
    let folder = TempDir::new().unwrap();
    run(async {
        let world = Arc::new(Altered(SleepyWorld {
            world: VirtualWorld::new(Timestamp(0), 1),
            slept: AtomicI64::new(0),
        }));
        let clock = world.clone();
        let work = move |_: TaskContext, (): ()| {
            let clock = clock.clone();
            async move {
                clock.sleep(3 * HOUR);
                clock.sleep_until(Timestamp(clock.now().0 + MINUTE)).await;
                Ok(Done { done: true })
            }
        };
        let builder = Motet::builder().world(world.clone()).store(folder.path()).task("task/work", work);
        let motet = builder.open().await.unwrap();
        let pipeline = motet.load_text(STORY).unwrap();
        let run = motet.start(&pipeline, ()).await.unwrap();
        assert_eq!(run.outputs().await.unwrap().to_json(), serde_json::json!({"done": true}));
        let [Span(told)] = away(&motet, run.id())[..] else { panic!("it was away once") };
        let slept = (3 * HOUR).unsigned_abs();
        assert!((slept - 5_000..=slept).contains(&told), "{told} ms");
    });
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Done {
    done: bool,
}
