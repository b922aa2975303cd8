//! A whole pipeline on one thread under virtual time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet::language::{Timestamp, Value};
use motet::store::{Batch, Store};
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::{Durable, World};
use motet::{Motet, StartOptions};

use crate::stage::altered::{Alteration, Altered};

const STORY: &str = r#"
motet: 1
name: patience
inputs: { names: { type: array, items: { type: string } } }
steps:
  wait: { uses: flow/sleep, with: { duration: 7d } }
  flaky:
    needs: [wait]
    uses: flow/fail
    with: { message: not today, class: unavailable }
    retry: { attempts: 3, backoff: 1h, factor: 2, jitter: false, max_backoff: 10h }
    fallback: [{ uses: data/transform, with: { value: plan b } }]
  greet:
    each: "{{ inputs.names }}"
    uses: data/transform
    with: { value: "Hello, {{ item }} ({{ index }})" }
outputs:
  b: "{{ steps.flaky.value }}"
  greetings: "{{ steps.greet.items | map(attribute='value') | list }}"
"#;

async fn tell(seed: u64) -> (Value, i64, Vec<String>) {
    let world = Arc::new(VirtualWorld::new(Timestamp(1_800_000_000_000), seed));
    let motet = Motet::builder().world(world.clone()).open().await.unwrap();
    let pipeline = motet.load_text(STORY).unwrap();
    let names = Value::list(vec!["Ada".into(), "Grace".into()]);
    let run = motet.start(&pipeline, [("names", names)]).await.unwrap();
    let outputs = run.outputs().await.unwrap();
    let passed = world.now().0 - 1_800_000_000_000;
    let journal = motet.store().turns(run.id()).unwrap();
    (outputs, passed, journal.iter().map(|turn| serde_json::to_string(turn).unwrap()).collect())
}

#[test]
fn a_week_of_sleep_and_three_hours_of_retries_pass_at_once() {
    let (outputs, passed, _) = run(tell(1));
    assert_eq!(
        outputs.to_json(),
        serde_json::json!({"b": "plan b", "greetings": ["Hello, Ada (0)", "Hello, Grace (1)"]})
    );
    assert_eq!(passed, (7 * 24 + 3) * 3_600_000);
}

#[test]
fn the_same_seed_tells_the_same_story_to_the_byte() {
    assert_eq!(run(tell(7)), run(tell(7)));
}

#[test]
fn a_clock_before_1970_is_refused_in_words_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let refused = |at: i64, place: fn(motet::Builder, &Path) -> motet::Builder| {
        let builder = || Motet::builder().world(Arc::new(VirtualWorld::new(Timestamp(at), 1)));
        run(async { place(builder(), &store).open().await.err().unwrap().to_string() })
    };
    assert_eq!(
        refused(-1, |builder, _| builder),
        "this machine's clock is set before 1970 (1969-12-31T23:59:59.999Z): set it"
    );
    assert_eq!(
        refused(-86_400_000, |builder, store| builder.store(store)),
        "this machine's clock is set before 1970 (1969-12-31T00:00:00.000Z): set it"
    );
    assert!(!store.exists());
}

/// A world that notes what is handed to the store together: the names of the runs, and whether one of
/// their turns takes long; and how often work is done beside the tasks.
struct Observed {
    world: VirtualWorld,
    appended: Mutex<Vec<(Vec<String>, bool)>>,
    computed: AtomicUsize,
}

impl Observed {
    fn new() -> Arc<Altered<Observed>> {
        let world = VirtualWorld::new(Timestamp(1_800_000_000_000), 1);
        Arc::new(Altered(Observed { world, appended: Mutex::default(), computed: AtomicUsize::new(0) }))
    }
}

impl Alteration for Observed {
    fn world(&self) -> &VirtualWorld {
        &self.world
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.world.compute(work)
    }

    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        let runs = batch.turns.iter().map(|record| record.run.to_string()).collect();
        let takes_long = batch.turns.iter().any(|record| store.takes_long(record));
        self.appended.lock().unwrap().push((runs, takes_long));
        self.world.append(store, batch, alone, durable);
    }
}

const ECHO: &str = r#"
motet: 1
name: echo
inputs: { text: string }
steps:
  wait: { uses: flow/sleep, with: { duration: 1h } }
  say: { uses: data/transform, needs: [wait], with: { value: "{{ inputs.text }}" } }
"#;

#[test]
fn a_long_turn_holds_up_no_other_run_that_wakes_in_the_same_moment() {
    let appended = run(async {
        let world = Observed::new();
        let motet = Motet::builder().world(world.clone()).open().await.unwrap();
        let pipeline = motet.load_text(ECHO).unwrap();
        let mut runs = Vec::new();
        for (id, bytes) in [("first", 10), ("long", 200_000), ("second", 10)] {
            let options = StartOptions { id: Some(motet::engine::RunId::new(id)), ..StartOptions::default() };
            let inputs = [("text", "x".repeat(bytes))];
            runs.push(motet.start_with(&pipeline, inputs, options).await.unwrap().run);
        }
        world.appended.lock().unwrap().clear();
        for run in runs {
            run.outputs().await.unwrap();
        }
        std::mem::take(&mut *world.appended.lock().unwrap())
    });
    assert_eq!(appended[0], (vec!["first".to_owned(), "second".to_owned()], false));
    assert_eq!(appended[1], (vec!["long".to_owned()], true));
}

/// To keep them takes a flush, for which no task may hold its thread.
#[test]
fn the_texts_of_a_plan_are_kept_once_and_beside_the_tasks() {
    run(async {
        let world = Observed::new();
        let motet = Motet::builder().world(world.clone()).open().await.unwrap();
        let pipeline = motet.load_text(ECHO).unwrap();
        for computed in [1, 1, 1] {
            motet.start(&pipeline, [("text", "x")]).await.unwrap();
            assert_eq!(world.computed.load(Ordering::Relaxed), computed);
        }
    });
}
