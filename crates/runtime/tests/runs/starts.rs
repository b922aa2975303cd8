//! Runs that are started at the same time.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet::engine::RunId;
use motet::language::Timestamp;
use motet::store::{Batch, Store};
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::{Durable, World};
use motet::{Error, Motet, Pipeline, StartOptions, Started};
use tokio::task::JoinHandle;

use crate::stage::altered::{Alteration, Altered};

/// Work that was handed to the threads beside the tasks.
type Computed = Box<dyn FnOnce() + Send>;

/// A world whose disk takes turns when it is told to, and work beside the tasks too.
pub(crate) struct SlowDisk {
    world: VirtualWorld,
    waiting: Mutex<Vec<(Store, Batch, Durable)>>,
    computing: Mutex<Option<Vec<Computed>>>,
}

impl SlowDisk {
    pub(crate) fn new() -> Arc<Altered<SlowDisk>> {
        let world = VirtualWorld::new(Timestamp(1_800_000_000_000), 1);
        Arc::new(Altered(SlowDisk { world, waiting: Mutex::default(), computing: Mutex::default() }))
    }

    /// The runs of the turns that are on their way, and the numbers of these.
    pub(crate) fn on_their_way(&self) -> Vec<(RunId, u64)> {
        let waiting = self.waiting.lock().unwrap();
        let records = waiting.iter().flat_map(|(_, batch, _)| &batch.turns);
        records.map(|record| (record.run.clone(), record.turn.number)).collect()
    }

    /// The names of the runs whose first turns are on their way.
    fn begun(&self) -> Vec<String> {
        let turns = self.on_their_way().into_iter();
        turns.filter(|(_, number)| *number == 1).map(|(run, _)| run.to_string()).collect()
    }

    pub(crate) fn flush(&self) {
        for (store, batch, durable) in std::mem::take(&mut *self.waiting.lock().unwrap()) {
            durable(store.append_now(batch));
        }
    }
}

impl Alteration for SlowDisk {
    fn world(&self) -> &VirtualWorld {
        &self.world
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        match &mut *self.computing.lock().unwrap() {
            Some(held) => {
                held.push(work);
                Box::pin(std::future::pending())
            }
            None => self.world.compute(work),
        }
    }

    fn append(&self, store: &Store, batch: Batch, _: bool, durable: Durable) {
        self.waiting.lock().unwrap().push((store.clone(), batch, durable));
    }
}

const NAP: &str = r#"
motet: 1
name: nap
inputs: { n: integer }
steps: { nap: { uses: flow/sleep, with: { duration: 7d } } }
"#;

type Starting = JoinHandle<Result<Started, Error>>;

/// Asks for a run, and lets everybody do what can be done without the disk.
async fn ask(motet: &Motet, pipeline: &Pipeline, n: i64, options: StartOptions) -> Starting {
    let (motet, pipeline) = (motet.clone(), pipeline.clone());
    let starting = tokio::spawn(async move { motet.start_with(&pipeline, [("n", n)], options).await });
    settle().await;
    starting
}

pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn named(name: &str) -> StartOptions {
    StartOptions { id: Some(RunId::new(name)), ..StartOptions::default() }
}

#[test]
fn starts_share_a_flush_and_only_those_that_are_the_same_wait_for_each_other() {
    run(async {
        let world = SlowDisk::new();
        let motet = Motet::builder().world(world.clone()).open().await.unwrap();
        let pipeline = motet.load_text(NAP).unwrap();
        let any = StartOptions::default;
        let first = ask(&motet, &pipeline, 1, any()).await;
        let second = ask(&motet, &pipeline, 2, any()).await;
        let third = ask(&motet, &pipeline, 3, named("third")).await;
        let fourth = ask(&motet, &pipeline, 3, named("fourth")).await;
        let begun = world.begun();
        assert_eq!(begun.len(), 4, "none of them waits for another: {begun:?}");

        let again = [
            ask(&motet, &pipeline, 1, any()).await,
            ask(&motet, &pipeline, 2, any()).await,
            ask(&motet, &pipeline, 3, named("third")).await,
            ask(&motet, &pipeline, 3, any()).await,
        ];
        let differs = ask(&motet, &pipeline, 4, named("third")).await;
        assert_eq!(world.begun(), begun, "they wait for the ones that they are like");

        world.flush();
        let mut runs = Vec::new();
        for starting in [first, second, third, fourth] {
            let Started { run, found } = starting.await.unwrap().unwrap();
            assert!(!found);
            runs.push(run.id().clone());
        }
        let mut found = Vec::new();
        for starting in again {
            let started = starting.await.unwrap().unwrap();
            assert!(started.found);
            found.push(started.run.id().clone());
        }
        // Of two that are alike the newer one is found.
        assert_eq!(found, [runs[0].clone(), runs[1].clone(), runs[2].clone(), runs[3].clone()]);
        let refused = differs.await.unwrap().err();
        assert!(matches!(refused, Some(Error::RunDiffers(name)) if name.as_str() == "third"));
        assert_eq!(world.begun().len(), 0);
    });
}

#[test]
fn who_stops_to_wait_for_a_start_leaves_it_to_be_found() {
    run(async {
        let world = SlowDisk::new();
        let motet = Motet::builder().world(world.clone()).open().await.unwrap();
        let pipeline = motet.load_text(NAP).unwrap();
        let left = ask(&motet, &pipeline, 1, StartOptions::default()).await;
        let begun = world.begun();
        left.abort();
        let again = ask(&motet, &pipeline, 1, StartOptions::default()).await;
        world.flush();
        let again = again.await.unwrap().unwrap();
        assert!(again.found);
        assert_eq!(begun, [again.run.id().to_string()]);
    });
}

#[test]
fn the_texts_of_a_plan_are_kept_beside_the_tasks() {
    run(async {
        let world = SlowDisk::new();
        let motet = Motet::builder().world(world.clone()).open().await.unwrap();
        let pipeline = motet.load_text(NAP).unwrap();
        *world.computing.lock().unwrap() = Some(Vec::new());
        let starting = ask(&motet, &pipeline, 1, StartOptions::default()).await;
        assert_eq!(motet.store().plan(&pipeline.plan().digest).unwrap(), None);
        let held = world.computing.lock().unwrap().take().unwrap();
        assert_eq!(held.len(), 1, "a flush would hold up the thread of this task");
        starting.abort();
        // The second run of a plan asks nobody.
        let first = ask(&motet, &pipeline, 1, StartOptions::default()).await;
        world.flush();
        first.await.unwrap().unwrap();
        assert!(motet.store().plan(&pipeline.plan().digest).unwrap().is_some());
        *world.computing.lock().unwrap() = Some(Vec::new());
        let second = ask(&motet, &pipeline, 2, StartOptions::default()).await;
        world.flush();
        second.await.unwrap().unwrap();
    });
}
