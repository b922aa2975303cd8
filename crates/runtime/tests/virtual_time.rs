//! A whole pipeline on one thread under virtual time.

use std::path::Path;
use std::sync::Arc;

use motet::Motet;
use motet::language::{Timestamp, Value};
use motet::world::World;
use motet::world::virtual_time::{VirtualWorld, run};

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
        "this machine's clock stands before 1970 (1969-12-31T23:59:59.999Z): set it"
    );
    assert_eq!(
        refused(-86_400_000, |builder, store| builder.store(store)),
        "this machine's clock stands before 1970 (1969-12-31T00:00:00.000Z): set it"
    );
    assert!(!store.exists());
}
