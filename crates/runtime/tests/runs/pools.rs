//! Pools: what steps of all runs share, under virtual time.

use std::path::Path;
use std::sync::{Arc, Mutex};

use motet::engine::dispatcher::PoolLimit;
use motet::engine::{AttemptEvent, Event, RunId};
use motet::language::contract::{Contract, Work as Kind};
use motet::language::{Span, Type, Value};
use motet::operation::{Operation, WorkError};
use motet::store::{Batch, Store};
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::{Durable, World};
use motet::{Builder, Motet, Outcome, StartOptions, Task, Work};

use crate::stage::EPOCH;
use crate::stage::altered::{Alteration, Altered};

/// What was at work when: for each attempt its run and step, when it began and when it ended, in seconds
/// since the beginning.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(String, i64, i64)>>>);

impl Log {
    fn of(&self, name: &str) -> Vec<(i64, i64)> {
        let log = self.0.lock().unwrap();
        log.iter()
            .filter(|(other, ..)| other.contains(name))
            .map(|(_, begun, ended)| (*begun, *ended))
            .collect()
    }

    fn begun(&self) -> Vec<i64> {
        let mut begun: Vec<i64> = self.0.lock().unwrap().iter().map(|(_, begun, _)| *begun).collect();
        begun.sort_unstable();
        begun
    }
}

/// Work that takes ten seconds of virtual time, and is noted.
struct Labour {
    log: Log,
    world: Arc<dyn World>,
}

impl Operation for Labour {
    fn perform(
        &self,
        work: Work,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Outcome, WorkError>> + Send + 'static>> {
        let (log, world) = (self.log.clone(), self.world.clone());
        Box::pin(async move {
            let seconds = || world.now().since(EPOCH).0 as i64 / 1_000;
            let begun = seconds();
            world.sleep_until(world.now().after(Span::seconds(10))).await;
            let name = format!("{} {}", work.run(), work.step());
            log.0.lock().unwrap().push((name, begun, seconds()));
            Ok(Outcome::of(Value::map([("value", Value::from(1))])))
        })
    }
}

fn slots(slots: usize) -> PoolLimit {
    PoolLimit { slots: Some(slots), rate: None }
}

fn rate(rate: &str) -> PoolLimit {
    PoolLimit { slots: None, rate: Some(rate.parse().unwrap()) }
}

/// A Motet whose `task/wait` waits, and whose `task/work` keeps a processor busy; there is one.
fn builder(world: &Arc<dyn World>, log: &Log) -> Builder {
    let task = |name: &str, kind| {
        let contract = Contract::new(name, kind).output("value", Type::Integer);
        Task::with_contract(contract, Labour { log: log.clone(), world: world.clone() })
    };
    let builder = Motet::builder().world(world.clone()).processors(1);
    builder.add_task(task("task/wait", Kind::Task)).add_task(task("task/work", Kind::Processor))
}

fn virtual_world(seconds: u64) -> Arc<dyn World> {
    Arc::new(VirtualWorld::new(EPOCH.after(Span::seconds(seconds)), 1))
}

async fn start(motet: &Motet, id: &str, steps: &str) -> motet::RunHandle {
    let pipeline = motet.load_text(&format!("motet: 1\nname: p\nsteps:\n{steps}\n")).unwrap();
    let options = StartOptions { id: Some(RunId::new(id)), ..StartOptions::default() };
    motet.start_with(&pipeline, [] as [(&str, &str); 0], options).await.unwrap().run
}

#[test]
fn two_steps_of_two_runs_in_a_pool_of_one_are_never_at_work_at_once() {
    run(async {
        let (world, log) = (virtual_world(0), Log::default());
        let motet = builder(&world, &log).pool("gpu", slots(1)).open().await.unwrap();
        let steps = "  a: { each: [1, 2, 3], uses: task/wait, pool: gpu }\n  b: { uses: task/wait }";
        let runs = [start(&motet, "first", steps).await, start(&motet, "second", steps).await];
        for run in runs {
            run.outputs().await.unwrap();
        }
        let mut pooled = log.of(" a[");
        pooled.sort_unstable();
        assert_eq!(pooled, [(0, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 60)]);
        // The second one came after the first was served, and before it was served again.
        assert_eq!(log.of("first a["), [(0, 10), (10, 20), (30, 40)], "runs are served in turn");
        assert_eq!(log.of(" b"), [(0, 10), (0, 10)], "whoever needs no pool doesn't wait for one");
    });
}

#[test]
fn a_processor_and_a_place_in_a_pool_are_taken_together() {
    run(async {
        let (world, log) = (virtual_world(0), Log::default());
        let motet = builder(&world, &log).pool("gpu", slots(1)).open().await.unwrap();
        let first = start(&motet, "first", "  pool: { uses: task/wait, pool: gpu }").await;
        let second = start(&motet, "second", "  both: { uses: task/work, pool: gpu }").await;
        let third = start(&motet, "third", "  processor: { uses: task/work }").await;
        for run in [first, second, third] {
            run.outputs().await.unwrap();
        }
        assert_eq!(log.of("processor"), [(0, 10)], "the processor isn't held while the pool is waited for");
        assert_eq!(log.of("both"), [(10, 20)]);
    });
}

#[test]
fn a_run_that_is_called_off_frees_what_it_waited_for() {
    run(async {
        let (world, log) = (virtual_world(0), Log::default());
        let motet = builder(&world, &log).pool("gpu", slots(1)).open().await.unwrap();
        let step = "  a: { each: [1, 2, 3], uses: task/wait, pool: gpu }";
        let first = start(&motet, "first", "  a: { uses: task/wait, pool: gpu }").await;
        let second = start(&motet, "second", step).await;
        let third = start(&motet, "third", "  a: { uses: task/wait, pool: gpu }").await;
        second.cancel("ada", "no longer wanted").await.unwrap();
        first.outputs().await.unwrap();
        third.outputs().await.unwrap();
        assert_eq!((log.of("second"), log.of("third")), (vec![], vec![(10, 20)]));
    });
}

/// A process that is there from second `begin` to second `end` after the beginning, and is then gone
/// without a word.
fn live(
    folder: &Path,
    log: &Log,
    (begin, end): (u64, u64),
    pool: Option<PoolLimit>,
    story: impl AsyncFnOnce(&Motet),
) {
    run(async {
        let world = virtual_world(begin);
        let builder = builder(&world, log).store(folder);
        let builder = pool.into_iter().fold(builder, |builder, limit| builder.pool("search", limit));
        let motet = builder.open().await.unwrap();
        story(&motet).await;
        world.sleep_until(EPOCH.after(Span::seconds(end))).await;
    });
}

#[test]
fn a_bucket_holds_over_a_kill_and_a_restart() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let store = folder.path().join("store");
    let pool = Some(rate("3/1m"));
    live(&store, &log, (0, 15), pool, async |motet| {
        start(motet, "many", "  a: { each: [1, 2, 3, 4, 5, 6], uses: task/wait, pool: search }").await;
    });
    assert_eq!(log.begun(), [0, 0, 0]);
    // Tokens come with time, also while nobody is there.
    live(&store, &log, (16, 45), pool, async |motet| drop(motet.resume().await.unwrap()));
    live(&store, &log, (46, 100), pool, async |motet| {
        motet.resume().await.unwrap().swap_remove(0).outputs().await.unwrap();
        assert_eq!(motet.store().gate().unwrap().entries.len(), 1, "the last entry of the bucket is enough");
    });
    // The second one was at work when the second process went; made again, it takes no second token.
    assert_eq!(log.begun(), [0, 0, 0, 20, 46, 60]);
}

#[test]
fn a_run_whose_pool_is_gone_waits_is_told_of_and_goes_on_when_it_is_back() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let store = folder.path().join("store");
    live(&store, &log, (0, 15), Some(slots(1)), async |motet| {
        start(motet, "film", "  a: { each: [1, 2, 3], uses: task/wait, pool: search }").await;
    });
    run(async {
        let (world, warnings) = (virtual_world(20), Arc::new(Mutex::new(Vec::new())));
        let told = warnings.clone();
        let builder = builder(&world, &log).store(&store);
        let builder = builder.on_warning(move |warning| told.lock().unwrap().push(warning.to_string()));
        let motet = builder.open().await.unwrap();
        let unknown = motet.load_text("motet: 1\nsteps: { a: { uses: task/wait, pool: search } }\n");
        assert!(unknown.is_err(), "a new run is refused");
        motet.resume().await.unwrap();
        world.sleep_until(EPOCH.after(Span::seconds(3_600))).await;
        insta::assert_snapshot!(warnings.lock().unwrap().join("\n"));
        let run = motet.find("film").unwrap();
        assert!(!motet.store().run(run.id()).unwrap().unwrap().status.is_final());
    });
    // The one that was at work when the first process went was at work before: it is finished.
    assert_eq!(log.begun(), [0, 20]);
    live(&store, &log, (4_000, 4_100), Some(slots(1)), async |motet| {
        motet.resume().await.unwrap().swap_remove(0).outputs().await.unwrap();
    });
    assert_eq!(log.begun(), [0, 20, 4_000]);
}

/// A world that notes what is handed to the store together: in each batch how many attempts are planned, and
/// how much happened at the gate.
struct Observed {
    world: VirtualWorld,
    batches: Mutex<Vec<(usize, usize)>>,
}

impl Alteration for Observed {
    fn world(&self) -> &VirtualWorld {
        &self.world
    }

    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        let events = batch.turns.iter().flat_map(|record| &record.turn.events);
        let planned = events
            .filter(|event| matches!(event, Event::Attempt { event: AttemptEvent::Planned { .. }, .. }))
            .count();
        self.batches.lock().unwrap().push((planned, batch.gate.len()));
        self.world.append(store, batch, alone, durable);
    }
}

/// What is handed to the store of a run with these steps.
fn batches(steps: &str) -> Vec<(usize, usize)> {
    run(async {
        let observed = Observed { world: VirtualWorld::new(EPOCH, 1), batches: Mutex::default() };
        let observed = Arc::new(Altered(observed));
        let (world, log): (Arc<dyn World>, _) = (observed.clone(), Log::default());
        let builder = builder(&world, &log).pool("gpu", slots(1)).pool("search", rate("2/1m"));
        let motet = builder.open().await.unwrap();
        start(&motet, "observed", steps).await.outputs().await.unwrap();
        std::mem::take(&mut *observed.batches.lock().unwrap())
    })
}

#[test]
fn a_token_is_durable_in_the_same_commit_as_the_attempt_that_took_it() {
    let batches = batches("  a: { each: [1, 2, 3, 4], uses: task/work, pool: search }");
    let planned: usize = batches.iter().map(|(planned, _)| planned).sum();
    assert_eq!(planned, 4);
    for (planned, taken) in batches {
        assert_eq!(planned, taken, "a token for each attempt, neither before nor after");
    }
}

#[test]
fn without_rates_nothing_is_written_about_the_gate_and_nothing_more_is_handed_to_the_store() {
    let chain =
        "  a: { uses: task/wait }\n  b: { needs: a, uses: task/wait }\n  c: { needs: b, uses: task/wait }";
    let chain = batches(chain);
    // The start with the first attempt, and each end with what follows from it.
    assert_eq!(chain, [(1, 0), (1, 0), (1, 0), (0, 0)]);
    let slots = "  a: { uses: task/work }\n  b: { needs: a, uses: task/work, pool: gpu }";
    assert!(batches(slots).iter().all(|(_, written)| *written == 0));
}

#[test]
fn what_cannot_be_read_of_the_stream_is_told_and_holds_nobody_up() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let store = folder.path().join("store");
    let steps = "  a: { uses: task/wait, pool: search }";
    live(&store, &log, (0, 15), Some(rate("1/1h")), async |motet| drop(start(motet, "first", steps).await));
    // As a later version could have written it.
    let (database, word) = (store.join("motet.db"), b"token_taken");
    let mut bytes = std::fs::read(&database).unwrap();
    let at = bytes.windows(word.len()).position(|window| window == word).unwrap();
    bytes[at..at + word.len()].copy_from_slice(b"token_given");
    std::fs::write(&database, bytes).unwrap();
    run(async {
        let (world, warnings) = (virtual_world(20), Arc::new(Mutex::new(Vec::new())));
        let told = warnings.clone();
        let builder = builder(&world, &log).store(&store).pool("search", rate("1/1h"));
        let builder = builder.on_warning(move |warning| told.lock().unwrap().push(warning.to_string()));
        let motet = builder.open().await.unwrap();
        start(&motet, "second", steps).await.outputs().await.unwrap();
        let told = warnings.lock().unwrap().join("\n").replace(&store.display().to_string(), "[store]");
        insta::assert_snapshot!(told);
    });
    assert_eq!(log.begun(), [0, 20]);
}
