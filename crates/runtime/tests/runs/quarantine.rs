//! A panic ends only what it concerns: one run, one attempt, or the driver in order.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use motet::engine::RunId;
use motet::follow::Happening;
use motet::language::Timestamp;
use motet::store::{Batch, Store};
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::{Durable, World};
use motet::{Error, Motet, Pipeline, RunHandle, StartOptions, TaskContext, TaskError};

use crate::stage::altered::{Alteration, Altered};

/// A world in which the engine panics for some runs, or the driver itself on demand.
struct FaultyWorld {
    world: VirtualWorld,
    cursed: Mutex<Vec<RunId>>,
    refuses: AtomicBool,
}

impl FaultyWorld {
    fn new() -> Arc<Altered<FaultyWorld>> {
        let world = VirtualWorld::new(Timestamp(1_800_000_000_000), 1);
        Arc::new(Altered(FaultyWorld { world, cursed: Mutex::default(), refuses: AtomicBool::new(false) }))
    }

    /// From now on the engine panics whenever it is told something about `run`.
    fn curse(&self, run: &RunId) {
        self.cursed.lock().unwrap().push(run.clone());
    }

    /// The next batch of turns that the driver hands in makes it panic.
    fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }
}

impl Alteration for FaultyWorld {
    fn world(&self) -> &VirtualWorld {
        &self.world
    }

    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        assert!(!self.refuses.load(Ordering::SeqCst), "the driver itself has a fault");
        self.world.append(store, batch, alone, durable);
    }

    fn before_engine(&self, run: &RunId) {
        let cursed = self.cursed.lock().unwrap().contains(run);
        assert!(!cursed, "a decision fits the state it was made in");
    }
}

const TWO: &str = r#"
motet: 1
name: two
inputs: { n: integer }
steps:
  first: { uses: flow/sleep, with: { duration: 1m } }
  second: { needs: [first], uses: task/hold, with: { value: "{{ inputs.n }}" } }
outputs: { n: "{{ steps.second.value }}" }
"#;

/// A store in memory, or in a folder, with a task that gives its input back after a minute and tells
/// when it is called off.
async fn open(
    world: &Arc<Altered<FaultyWorld>>,
    folder: Option<&std::path::Path>,
) -> (Motet, Arc<AtomicBool>) {
    let stopped = Arc::new(AtomicBool::new(false));
    let (told, clock) = (stopped.clone(), world.clone());
    let hold = move |context: TaskContext, value: i64| {
        let (told, clock) = (told.clone(), clock.clone());
        async move {
            tokio::select! {
                () = clock.sleep_until(clock.now().after(motet::language::Span::seconds(60))) => Ok(value),
                () = context.cancelled() => {
                    told.store(true, Ordering::SeqCst);
                    Err(TaskError::new(motet::Class::Unavailable, "stopped"))
                }
            }
        }
    };
    let builder = Motet::builder().world(world.clone()).task("hold", hold);
    let builder = folder.into_iter().fold(builder, motet::Builder::store);
    (builder.open().await.unwrap(), stopped)
}

async fn start(motet: &Motet, pipeline: &Pipeline, n: i64) -> RunHandle {
    motet.start(pipeline, [("n", n)]).await.unwrap()
}

/// Waits for so long in virtual time.
async fn pass(world: &FaultyWorld, seconds: u64) {
    world.sleep_until(world.now().after(motet::language::Span::seconds(seconds))).await;
}

#[test]
fn a_panic_of_the_engine_ends_only_its_run_which_is_quarantined_and_named() {
    run(async {
        let world = FaultyWorld::new();
        let (motet, stopped) = open(&world, None).await;
        let pipeline = motet.load_text(TWO).unwrap();
        let bad = start(&motet, &pipeline, 1).await;
        let good = start(&motet, &pipeline, 2).await;
        pass(&world, 90).await; // both are at their second step
        let kept = motet.store().turns(bad.id()).unwrap();
        let mut events = bad.events().await.unwrap();

        world.curse(bad.id());
        bad.cancel("Ada", "enough").await.unwrap_err();
        let mut last = None;
        while let Some(happening) = events.next().await {
            last = Some(happening);
        }
        let Some(Happening::Lost(error)) = last else { panic!("its followers are told: {last:?}") };
        let words = error.to_string().replace(bad.id().as_str(), "RUN");
        insta::assert_snapshot!(words);

        // All that concerns it says the same, and nothing of it is touched.
        for outcome in [bad.resume().await.err(), bad.wait().await.err(), bad.cancel("a", "b").await.err()] {
            assert_eq!(outcome.unwrap().to_string(), error.to_string());
        }
        assert_eq!(motet.store().turns(bad.id()).unwrap(), kept);
        let quarantined: Vec<RunId> = motet.quarantined().into_keys().collect();
        assert_eq!(quarantined, [bad.id().clone()]);
        pass(&world, 3).await;
        assert!(stopped.load(Ordering::SeqCst), "its work is stopped");

        // The rest goes on, new runs too.
        assert_eq!(good.outputs().await.unwrap().to_json(), serde_json::json!({"n": 2}));
        let new = start(&motet, &pipeline, 3).await;
        assert_eq!(new.outputs().await.unwrap().to_json(), serde_json::json!({"n": 3}));
        let found = motet.start_with(&pipeline, [("n", 1)], StartOptions::default()).await;
        assert!(matches!(found.err(), Some(Error::Quarantined { .. })), "it would be found");
        motet.close().await;
    });
}

#[test]
fn a_panic_while_a_run_is_told_the_time_or_the_end_of_its_work_is_caught_too() {
    run(async {
        let world = FaultyWorld::new();
        let (motet, _) = open(&world, None).await;
        let pipeline = motet.load_text(TWO).unwrap();
        let (asleep, at_work) = (start(&motet, &pipeline, 1).await, start(&motet, &pipeline, 2).await);
        let good = start(&motet, &pipeline, 3).await;
        world.curse(asleep.id());
        pass(&world, 90).await;
        world.curse(at_work.id());
        assert!(matches!(asleep.wait().await, Err(Error::Quarantined { .. })));
        assert!(matches!(at_work.wait().await, Err(Error::Quarantined { .. })));
        assert_eq!(good.outputs().await.unwrap().to_json(), serde_json::json!({"n": 3}));
        assert_eq!(motet.quarantined().len(), 2);
        motet.close().await;
    });
}

#[test]
fn a_run_whose_start_panics_is_refused_and_nothing_of_it_is_kept() {
    run(async {
        let world = FaultyWorld::new();
        let (motet, _) = open(&world, None).await;
        let pipeline = motet.load_text(TWO).unwrap();
        let name = RunId::new("cursed");
        world.curse(&name);
        let options = StartOptions { id: Some(name.clone()), ..StartOptions::default() };
        let refused = motet.start_with(&pipeline, [("n", 1)], options).await.err().unwrap();
        insta::assert_snapshot!(refused);
        assert_eq!(motet.store().run(&name).unwrap(), None);
        let good = start(&motet, &pipeline, 2).await;
        assert_eq!(good.outputs().await.unwrap().to_json(), serde_json::json!({"n": 2}));
    });
}

#[test]
fn a_run_that_panics_when_it_is_taken_up_is_left_and_the_others_are_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) = run(async {
        let (motet, _) = open(&FaultyWorld::new(), Some(folder.path())).await;
        let pipeline = motet.load_text(TWO).unwrap();
        let (bad, good) = (start(&motet, &pipeline, 1).await, start(&motet, &pipeline, 2).await);
        let ids = (bad.id().clone(), good.id().clone());
        motet.close().await;
        ids
    });
    run(async {
        let world = FaultyWorld::new();
        world.curse(&bad);
        let (motet, _) = open(&world, Some(folder.path())).await;
        let resumed = motet.resume().await.unwrap();
        assert_eq!(resumed.iter().map(RunHandle::id).collect::<Vec<_>>(), [&good]);
        assert_eq!(resumed[0].outputs().await.unwrap().to_json(), serde_json::json!({"n": 2}));
        let asked = motet.find(bad.as_str()).unwrap().resume().await;
        assert!(matches!(asked, Err(Error::Quarantined { .. })));
        motet.close().await;
    });
    run(async {
        let (motet, _) = open(&FaultyWorld::new(), Some(folder.path())).await;
        let resumed = motet.resume().await.unwrap();
        assert_eq!(resumed[0].outputs().await.unwrap().to_json(), serde_json::json!({"n": 1}));
    });
}

#[test]
fn a_driver_that_panics_lets_go_of_the_store_and_tells_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let id = run(async {
        let world = FaultyWorld::new();
        let (motet, stopped) = open(&world, Some(folder.path())).await;
        let pipeline = motet.load_text(TWO).unwrap();
        let going = start(&motet, &pipeline, 1).await;
        pass(&world, 90).await; // at its second step
        let mut events = going.events().await.unwrap();
        world.refuse();
        let refused = motet.start(&pipeline, [("n", 2)]).await.err().unwrap();
        insta::assert_snapshot!(refused);
        let mut last = None;
        while let Some(happening) = events.next().await {
            last = Some(happening);
        }
        let Some(Happening::Lost(error)) = last else { panic!("followers are told: {last:?}") };
        assert_eq!(error.to_string(), refused.to_string());
        pass(&world, 20).await;
        assert!(stopped.load(Ordering::SeqCst), "its work is stopped");
        assert!(!motet.is_owner());
        for outcome in
            [going.wait().await.err(), going.resume().await.err(), going.cancel("a", "b").await.err()]
        {
            assert_eq!(outcome.unwrap().to_string(), refused.to_string());
        }
        going.id().clone()
    });
    // Though the first one is still open in this process, the store is free.
    run(async {
        let (motet, _) = open(&FaultyWorld::new(), Some(folder.path())).await;
        let resumed = motet.resume().await.unwrap();
        assert_eq!(resumed[0].id(), &id);
        assert_eq!(resumed[0].outputs().await.unwrap().to_json(), serde_json::json!({"n": 1}));
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

#[derive(schemars::JsonSchema)]
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no words for it")
    }
}

const BAD_TASKS: &str = r#"
motet: 1
name: bad-tasks
on_failure: finish
steps:
  before: { uses: task/before, optional: true }
  during: { uses: task/during, optional: true }
  write: { uses: task/write, optional: true }
  payload: { uses: task/payload, optional: true }
  late: { uses: task/late, optional: true, timeout: 1s }
  good: { uses: task/good }
outputs:
  before: "{{ steps.before.error.message }}"
  during: "{{ steps.during.error.message }}"
  write: "{{ steps.write.error.message }}"
  payload: "{{ steps.payload.error.message }}"
  late: "{{ steps.late.error.message }}"
  good: "{{ steps.good.value }}"
"#;

#[test]
fn a_task_that_panics_wherever_it_can_fails_its_own_attempt_alone() {
    run(async {
        let builder = Motet::builder().world(FaultyWorld::new()).task("before", |_: TaskContext, (): ()| {
            if true {
                panic!("before the first await");
            }
            async { Ok(()) }
        });
        let motet = builder
            .task("during", |_: TaskContext, (): ()| async {
                tokio::task::yield_now().await;
                if true {
                    panic!("after the first await");
                }
                Ok(())
            })
            .task("write", |_: TaskContext, (): ()| async { Ok(Unwritable) })
            .task("payload", |_: TaskContext, (): ()| async {
                if true {
                    std::panic::panic_any(Bomb);
                }
                Ok(())
            })
            .task("late", |_: TaskContext, (): ()| {
                let bomb = Bomb;
                async move {
                    let _bomb = bomb;
                    pending::<Result<(), TaskError>>().await
                }
            })
            .task("good", |_: TaskContext, (): ()| async { Ok("well") })
            .open()
            .await
            .unwrap();
        let pipeline = motet.load_text(BAD_TASKS).unwrap();
        let outputs = motet.start(&pipeline, ()).await.unwrap().outputs().await.unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&outputs.to_json()).unwrap());
        motet.close().await;
    });
}
