//! Large runs: whoever follows one or looks at it has little of it in memory, and is told the same.

use std::sync::Arc;

use motet::engine::{Event, RunEvent, Turn};
use motet::follow::Happening;
use motet::language::StepPath;
use motet::report::{ArtifactPlaces, ITEMS_MAX, Reporter};
use motet::world::virtual_time::run;
use motet::{Class, Motet, Pipeline, RunHandle, TaskContext, TaskError};
use serde_json::{Value as Json, json};

use crate::stage;
use crate::starts::{SlowDisk, settle};

/// A motet whose task `moody` fails for good for every seventh number, and once for every fifth.
async fn moody() -> Motet {
    let builder = Motet::builder().task("moody", |context: TaskContext, number: u64| async move {
        match (number % 7, number % 5, context.attempt()) {
            (3, ..) => Err(TaskError::new(Class::Content, format!("{number} is refused"))),
            (_, 0, 1) => Err(TaskError::new(Class::Unavailable, "not yet")),
            _ => Ok(number),
        }
    });
    stage::simulated_with(builder).await
}

const MANY: &str = r#"
motet: 1
name: many
on_failure: finish
inputs:
  list: { type: array, items: { type: integer } }
  word: { type: string, sensitive: true }
steps:
  first: { uses: data/transform, with: { value: "{{ inputs.word }}" } }
  nap: { uses: flow/sleep, with: { duration: 1s } }
  item:
    each: "{{ inputs.list }}"
    quorum: 50%
    steps:
      try: { uses: task/moody, with: { value: "{{ item }}" }, retry: { attempts: 3 } }
      after: { each: ["{{ steps.try.value }}", hunter22], uses: data/transform, with: { value: "{{ item }}" } }
  lost: { uses: task/moody, with: { value: 3 }, optional: true, fallback: [{ uses: task/moody, with: { value: 10 } }] }
  shy: { uses: task/moody, with: { value: 5 }, retry: { attempts: 2 } }
  never: { if: false, uses: data/transform, with: { value: 1 } }
outputs: { word: "{{ steps.first.value }}" }
"#;

const SLOW: &str = r#"
motet: 1
name: slow
inputs: { list: { type: array, items: { type: integer } } }
steps:
  item: { each: "{{ inputs.list }}", max_parallel: 10, uses: task/slow, with: { value: "{{ item }}" } }
"#;

const COPIES: &str = r#"
motet: 1
name: copies
inputs: { list: { type: array, items: { type: integer } } }
steps: { item: { each: "{{ inputs.list }}", uses: data/transform, with: { value: "{{ item }}" } } }
"#;

#[test]
fn a_run_with_more_to_do_is_a_turn_ahead_of_the_disk_and_no_more() {
    run(async {
        let world = SlowDisk::new();
        let motet = Motet::builder().world(world.clone()).open().await.unwrap();
        let pipeline = motet.load_text(COPIES).unwrap();
        let list = json!({ "list": (0..5_000).collect::<Vec<_>>() });
        let starting = tokio::spawn(async move { motet.start(&pipeline, list).await });
        let mut rounds = Vec::new();
        loop {
            settle().await;
            let turns: Vec<u64> = world.on_their_way().into_iter().map(|(_, number)| number).collect();
            if turns.is_empty() {
                break;
            }
            rounds.push(turns);
            world.flush();
        }
        let numbers: Vec<u64> = rounds.iter().flatten().copied().collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        let ahead: Vec<usize> = rounds.iter().map(Vec::len).collect();
        assert!(ahead.len() > 2 && ahead[..ahead.len() - 1].iter().all(|turns| *turns == 2), "{rounds:?}");
        starting.await.unwrap().unwrap().outputs().await.unwrap();
    });
}

fn list_of(length: usize) -> Json {
    json!({ "list": (0..length).collect::<Vec<_>>(), "word": "hunter22" })
}

fn reporter(run: &RunHandle, pipeline: &Pipeline) -> Reporter {
    Reporter::new(run.id().clone(), Some(pipeline.plan()), ArtifactPlaces::nowhere())
}

/// What a reporter tells that is told all that happens to the run.
async fn told_live(run: &RunHandle, pipeline: &Pipeline) -> Reporter {
    let mut reporter = reporter(run, pipeline);
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        reporter.tell(&happening, stage::EPOCH);
    }
    reporter
}

fn read_from_store(motet: &Motet, run: &RunHandle, pipeline: &Pipeline) -> Reporter {
    let row = motet.store().run(run.id()).unwrap().unwrap();
    Reporter::of_kept(motet.store(), &row, Some(pipeline.plan()), ArtifactPlaces::nowhere()).unwrap()
}

fn end_of(reporter: &Reporter) -> Json {
    serde_json::to_value(reporter.end(stage::EPOCH)).unwrap()
}

/// An end without what it tells of single items: which of them are told of differs where they are many.
fn without_items(mut end: Json) -> Json {
    end["steps"].as_object_mut().unwrap().retain(|path, _| !path.contains('['));
    end
}

#[test]
fn a_run_that_is_read_from_its_tables_is_told_as_it_was_while_it_went_on() {
    run(async {
        let motet = moody().await;
        let pipeline = motet.load_text(MANY).unwrap();
        for length in [0, 20, ITEMS_MAX + 50] {
            let run = motet.start(&pipeline, list_of(length)).await.unwrap();
            let live = told_live(&run, &pipeline).await;
            let kept = read_from_store(&motet, &run, &pipeline);
            match length {
                ..=ITEMS_MAX => assert_eq!(end_of(&kept), end_of(&live), "of {length} items"),
                _ => assert_eq!(without_items(end_of(&kept)), without_items(end_of(&live))),
            }
            assert!(!end_of(&kept).to_string().contains("hunter22"));
            let path = StepPath::from_text("item");
            assert_eq!(kept.record().tally(&path), live.record().tally(&path), "of {length} items");
        }
    });
}

#[test]
fn a_step_that_is_looked_at_by_itself_is_told_in_full() {
    run(async {
        let motet = moody().await;
        let pipeline = motet.load_text(MANY).unwrap();
        let run = motet.start(&pipeline, list_of(ITEMS_MAX + 600)).await.unwrap();
        run.wait().await.unwrap();
        let mut kept = read_from_store(&motet, &run, &pipeline);
        let path = StepPath::from_text("item[795]/try");
        assert!(kept.record().step(&path).is_none(), "it is over, and one of many");
        let step = kept.step_in_full(motet.store(), &path).unwrap().unwrap();
        assert_eq!(step.inputs.unwrap().to_json(), json!({ "value": 795 }));
        assert_eq!(step.output.unwrap().to_json(), json!({ "value": 795 }));
        let failures = step.attempts.iter().map(|attempt| attempt.failure.as_ref().map(|why| why.class));
        assert_eq!(failures.collect::<Vec<_>>(), [Some(Class::Unavailable), None]);
        let nothing = kept.step_in_full(motet.store(), &StepPath::from_text("item[800]")).unwrap();
        assert!(nothing.is_none());
    });
}

#[test]
fn of_a_long_list_what_is_under_way_and_the_first_failures_are_kept_and_the_others_counted() {
    run(async {
        let motet = moody().await;
        let pipeline = motet.load_text(MANY).unwrap();
        let run = motet.start(&pipeline, list_of(2000)).await.unwrap();
        let mut reporter = reporter(&run, &pipeline);
        let mut events = run.events().await.unwrap();
        while let Some(happening) = events.next().await {
            reporter.tell(&happening, stage::EPOCH);
        }
        let tally = reporter.record().tally(&StepPath::from_text("item")).unwrap();
        assert_eq!((tally.total, tally.completed, tally.failed), (2000, 1714, 286));
        let end = reporter.end(stage::EPOCH);
        let of_items = end.errors.iter().filter(|error| error.item.is_some()).count() as u64;
        assert_eq!(of_items + end.errors_left_out, 2 * 286, "an item fails with its step");
        assert!(end.steps.len() < 1000, "{} steps are told one by one", end.steps.len());
    });
}

#[test]
fn a_reader_that_stands_still_while_a_run_goes_on_misses_no_turn() {
    run(async {
        let motet = moody().await;
        let pipeline = motet.load_text(MANY).unwrap();
        let run = motet.start(&pipeline, list_of(500)).await.unwrap();
        let mut events = run.events().await.unwrap();
        let Some(Happening::Turn(first)) = events.next().await else { panic!("a run begins with a turn") };
        run.wait().await.unwrap();
        let mut read: Vec<Turn> = vec![Arc::unwrap_or_clone(first)];
        while let Some(happening) = events.next().await {
            match happening {
                Happening::Turn(turn) => read.push(Arc::unwrap_or_clone(turn)),
                other => panic!("nothing but turns is told: {other:?}"),
            }
        }
        assert_eq!(read, motet.store().turns(run.id()).unwrap());
        assert!(read.last().unwrap().events.last().is_some_and(Event::ends_run));
    });
}

#[test]
fn a_run_that_is_asked_to_end_twice_is_asked_once() {
    run(async {
        let builder = Motet::builder().task("slow", |context: TaskContext, _: ()| async move {
            context.cancelled().await;
            Err::<(), _>(TaskError::new(Class::Unavailable, "stopped"))
        });
        let motet = stage::simulated_with(builder).await;
        let text = "motet: 1\nname: slow\nsteps: { a: { uses: task/slow } }";
        let run = motet.start(&motet.load_text(text).unwrap(), ()).await.unwrap();
        let both = tokio::join!(run.cancel("Ada", "enough"), run.cancel("Bob", "too slow"));
        assert!(matches!(both, (Ok(()), Ok(()))), "{both:?}");
        run.wait().await.unwrap();
        run.cancel("Cleo", "too late").await.unwrap();
        let turns = motet.store().turns(run.id()).unwrap();
        let asked = turns.iter().flat_map(|turn| &turn.events);
        let asked =
            asked.filter(|event| matches!(event, Event::Run(RunEvent::CancelRequested { .. }))).count();
        assert_eq!(asked, 1);
    });
}

#[test]
fn of_a_list_that_is_called_off_every_item_counts_as_such_whether_it_began_or_not() {
    run(async {
        let builder = Motet::builder().task("slow", |context: TaskContext, number: u64| async move {
            if number < 5 {
                return Ok(number);
            }
            context.cancelled().await;
            Err(TaskError::new(Class::Unavailable, "stopped"))
        });
        let motet = stage::simulated_with(builder).await;
        let pipeline = motet.load_text(SLOW).unwrap();
        for length in [20, ITEMS_MAX + 50] {
            let run =
                motet.start(&pipeline, json!({ "list": (0..length).collect::<Vec<_>>() })).await.unwrap();
            let path = StepPath::from_text("item");
            let mut live = reporter(&run, &pipeline);
            let mut events = run.events().await.unwrap();
            while live.record().tally(&path).is_none_or(|tally| tally.completed + tally.running < 15) {
                live.tell(&events.next().await.unwrap(), stage::EPOCH);
            }
            let going = read_from_store(&motet, &run, &pipeline);
            assert_eq!(going.record().tally(&path), live.record().tally(&path), "of {length} items");
            let tally = live.record().tally(&path).unwrap();
            assert_eq!((tally.completed, tally.running, tally.pending as usize), (5, 10, length - 15));

            run.cancel("Ada", "enough").await.unwrap();
            while let Some(happening) = events.next().await {
                live.tell(&happening, stage::EPOCH);
            }
            let tally = live.record().tally(&path).unwrap();
            assert_eq!(
                (tally.completed, tally.cancelled as usize, tally.over()),
                (5, length - 5, tally.total)
            );
            let over = read_from_store(&motet, &run, &pipeline);
            assert_eq!(without_items(end_of(&over)), without_items(end_of(&live)), "of {length} items");
        }
    });
}
