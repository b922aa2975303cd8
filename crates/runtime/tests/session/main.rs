//! Sessions of one process: owner and guest in the same folder, and stores that can't be used.

mod socket;

use motet::engine::dispatcher::PoolLimit;
use std::fs;
use std::path::{Path, PathBuf};

use motet::engine::{Event, RunEvent, RunId, StepEvent};
use motet::follow::Happening;
use motet::language::bundle::Bundle;
use motet::language::contract::{Contract, Work as Kind};
use motet::language::{Type, Value};
use motet::operation::{Operation, WorkError};
use motet::store::{Store, StoreError};
use motet::{
    Builder, Error, Followed, Motet, Outcome, Session, Settings, StartOptions, StartRequest, StorePlace,
    Task, Work,
};
use tempfile::TempDir;
use tokio::sync::watch;

const GREETING: &str = r#"
motet: 1
name: greeting
inputs: { who: string }
steps:
  greet: { uses: data/transform, with: { value: "Hello, {{ inputs.who }}" } }
outputs: { text: "{{ steps.greet.value }}" }
"#;

const PATIENCE: &str = r#"
motet: 1
name: patience
inputs: { who: string }
steps:
  wait: { uses: flow/sleep, with: { duration: 1h } }
outputs: { text: "{{ inputs.who }}" }
"#;

fn settings() -> Settings {
    Settings { processors: 2, ..Settings::usual("/nowhere") }
}

async fn open(folder: &Path) -> Result<Session, Error> {
    Session::open(StorePlace::Folder(folder.to_owned()), &settings()).await
}

fn request(text: &str, who: &str) -> StartRequest {
    StartRequest {
        bundle: Bundle::of_text("pipeline.yaml", text),
        inputs: [("who".to_owned(), Value::from(who))].into(),
        ..StartRequest::default()
    }
}

fn named(text: &str, who: &str, id: &str) -> StartRequest {
    let options = StartOptions { id: Some(RunId::new(id)), ..StartOptions::default() };
    StartRequest { options, ..request(text, who) }
}

/// How the run ended, in a word and what it gave; checks that every turn comes once and in order.
async fn end_of(mut followed: Followed) -> String {
    let mut next = 1;
    while let Some(happening) = followed.next().await {
        let Happening::Turn(turn) = happening else { return format!("{happening:?}") };
        assert_eq!(turn.number, next);
        next += 1;
        match turn.events.last() {
            Some(Event::Run(RunEvent::Completed { outputs, .. })) => {
                return format!("completed: {}", outputs.get("text").and_then(Value::as_str).unwrap());
            }
            Some(Event::Run(RunEvent::Cancelled { reason })) => return format!("cancelled: {reason}"),
            _ => {}
        }
    }
    "no end".into()
}

fn error_of<T>(outcome: Result<T, Error>) -> Error {
    outcome.err().expect("this is refused")
}

#[tokio::test]
async fn a_guest_and_an_owner_can_do_the_same() {
    let folder = TempDir::new().unwrap();
    let owner = open(folder.path()).await.unwrap();
    let guest = open(folder.path()).await.unwrap();
    for (session, who) in [(&owner, "Ada"), (&guest, "Grace")] {
        let followed = session.start(request(GREETING, who)).await.unwrap();
        assert!(!followed.found);
        assert_eq!(end_of(followed).await, format!("completed: Hello, {who}"));
        let waiting = session.start(request(PATIENCE, who)).await.unwrap();
        let id = waiting.run.clone();
        let again = session.start(request(PATIENCE, who)).await.unwrap();
        assert_eq!((again.found, &again.run), (true, &id));
        let resumed = session.resume(Some(id.short())).await.unwrap();
        assert_eq!(resumed[0].run, id);
        assert_eq!(session.cancel(id.short(), "Ada", "enough").await.unwrap(), id);
        assert_eq!(end_of(waiting).await, "cancelled: enough");
        assert_eq!(end_of(session.follow(id.as_str()).await.unwrap()).await, "cancelled: enough");
        assert_eq!(session.cancel(id.short(), "Ada", "again").await.unwrap(), id, "it stays as it is");
    }
}

#[tokio::test]
async fn a_named_run_is_told_again_gone_on_with_and_never_mixed_up() {
    let folder = TempDir::new().unwrap();
    let owner = open(folder.path()).await.unwrap();
    let guest = open(folder.path()).await.unwrap();
    let first = owner.start(named(GREETING, "Ada", "hello")).await.unwrap();
    assert_eq!((first.run.as_str(), first.found), ("hello", false));
    assert_eq!(end_of(first).await, "completed: Hello, Ada");
    for session in [&owner, &guest] {
        let again = session.start(named(GREETING, "Ada", "hello")).await.unwrap();
        assert!(again.found);
        assert_eq!(end_of(again).await, "completed: Hello, Ada", "an ended run is told again");
        let other_inputs = session.start(named(GREETING, "Grace", "hello")).await;
        assert!(matches!(error_of(other_inputs), Error::RunDiffers(id) if id.as_str() == "hello"));
        let other_pipeline = session.start(named(PATIENCE, "Ada", "hello")).await;
        assert!(matches!(error_of(other_pipeline), Error::RunDiffers(_)));
    }
    assert_eq!(owner.store().runs(&Default::default()).unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_refused_is_refused_alike() {
    let folder = TempDir::new().unwrap();
    let owner = open(folder.path()).await.unwrap();
    let guest = open(folder.path()).await.unwrap();
    let mut told = Vec::new();
    for session in [&owner, &guest] {
        let mut wrong = request(GREETING, "Ada");
        wrong.inputs = [("whom".to_owned(), Value::from(1_i64))].into();
        let mut fork = request(GREETING, "Ada");
        fork.bundle = Bundle::of_text("pipeline.yaml", "motet: 1\nname: x\nsteps: { a: { uses: no/such } }");
        told.push(
            [
                error_of(session.start(wrong).await).to_string(),
                error_of(session.start(fork).await).to_string(),
                error_of(session.resume(Some("nobody")).await).to_string(),
                error_of(session.cancel("nobody", "Ada", "x").await).to_string(),
                error_of(session.follow("nobody").await).to_string(),
            ]
            .join("\n"),
        );
    }
    assert_eq!(told[0], told[1]);
    insta::assert_snapshot!(told[0]);
}

#[tokio::test]
async fn an_owner_that_closes_hands_its_guests_run_over_and_an_interrupted_one_says_so() {
    let folder = TempDir::new().unwrap();
    let owner = open(folder.path()).await.unwrap();
    let guest = open(folder.path()).await.unwrap();
    let mut own = owner.start(request(PATIENCE, "Ada")).await.unwrap();
    let mut its = guest.start(request(PATIENCE, "Grace")).await.unwrap();
    let (own_id, its_id) = (own.run.clone(), its.run.clone());
    assert!(matches!(own.next().await, Some(Happening::Turn(_))));
    assert!(matches!(its.next().await, Some(Happening::Turn(_))));

    assert_eq!(owner.interrupt().await, 0);
    while let Some(happening) = own.next().await {
        assert!(matches!(happening, Happening::Turn(_) | Happening::Interrupted), "{happening:?}");
    }
    assert!(matches!(error_of(owner.start(request(GREETING, "Ada")).await), Error::Left));

    guest.cancel(its_id.as_str(), "Grace", "enough").await.unwrap();
    let mut last = None;
    while let Some(happening) = its.next().await {
        last = Some(happening);
    }
    let Some(Happening::Turn(turn)) = last else { panic!("the run has an end") };
    assert!(matches!(turn.events.last(), Some(Event::Run(RunEvent::Cancelled { .. }))));
    let resumed = guest.store().turns(&its_id).unwrap();
    let resumed = resumed.iter().flat_map(|turn| &turn.events);
    assert_eq!(resumed.filter(|event| matches!(event, Event::Run(RunEvent::Resumed { .. }))).count(), 1);
    let left_alone = guest.store().turns(&own_id).unwrap();
    let mut left_alone = left_alone.iter().flat_map(|turn| &turn.events);
    assert!(
        !left_alone.any(|event| matches!(event, Event::Run(RunEvent::Resumed { .. }))),
        "it was told to stop"
    );
}

#[tokio::test]
async fn a_session_that_is_dropped_lets_go_of_its_store() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await.unwrap();
    drop(first.start(request(PATIENCE, "Ada")).await.unwrap());
    drop(first);
    let second = open(folder.path()).await.unwrap();
    let followed = second.resume(None).await.unwrap().swap_remove(0);
    second.cancel(followed.run.as_str(), "Ada", "enough").await.unwrap();
    assert_eq!(end_of(followed).await, "cancelled: enough");
}

#[tokio::test]
async fn a_run_that_nobody_drives_is_followed_to_its_last_turn() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await.unwrap();
    let run = first.start(request(PATIENCE, "Ada")).await.unwrap().run;
    first.close().await;
    let second = open(folder.path()).await.unwrap();
    assert_eq!(end_of(second.follow(run.as_str()).await.unwrap()).await, "no end");
    let third = open(folder.path()).await.unwrap();
    assert_eq!(end_of(third.follow(run.as_str()).await.unwrap()).await, "no end");
}

/// Draws a picture, then waits.
const PICTURE: &str = r#"
motet: 1
name: picture
inputs: { who: string }
steps:
  draw: { uses: local/scene, with: { prompt: "{{ inputs.who }}", width: 64, height: 64 } }
  wait: { needs: [draw], uses: flow/sleep, with: { duration: 1h } }
outputs: { picture: "{{ steps.draw.image }}" }
"#;

#[tokio::test]
async fn a_run_of_which_bytes_are_gone_is_not_gone_on_with_holds_up_no_other_and_can_be_cancelled() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await.unwrap();
    let mut damaged = first.start(request(PICTURE, "a hill")).await.unwrap();
    let whole = first.start(request(PATIENCE, "Ada")).await.unwrap().run;
    while first.store().artifacts(&damaged.run).unwrap().is_empty() {
        damaged.next().await.unwrap();
    }
    let artifact = first.store().artifacts(&damaged.run).unwrap().remove(0).artifact;
    let (id, file) = (damaged.run, first.store().path_of(&artifact.digest));
    first.close().await;
    let bytes = fs::read(&file).unwrap();

    fs::remove_file(&file).unwrap();
    fs::write(&file, &bytes[1..]).unwrap();
    let second = open(folder.path()).await.unwrap();
    let refused = error_of(second.resume(Some(id.as_str())).await);
    assert!(matches!(refused, Error::Store(StoreError::Corrupt { .. })), "{refused}");
    fs::remove_file(&file).unwrap();
    let refused = error_of(second.start(request(PICTURE, "a hill")).await);
    assert!(
        matches!(&refused, Error::Store(StoreError::NoArtifact { digest, .. }) if *digest == artifact.digest)
    );

    let mut resumed = second.resume(None).await.unwrap();
    assert_eq!(resumed.iter().map(|followed| &followed.run).collect::<Vec<_>>(), [&id, &whole]);
    let told = resumed[0].next().await;
    assert!(matches!(&told, Some(Happening::Lost(error)) if matches!(&**error, Error::Store(_))), "{told:?}");
    assert!(resumed[0].next().await.is_none());
    assert!(matches!(resumed[1].next().await, Some(Happening::Turn(_))), "the other one goes on");

    fs::write(&file, &bytes).unwrap();
    let mut restored = second.resume(Some(id.as_str())).await.unwrap().remove(0);
    assert!(matches!(restored.next().await, Some(Happening::Turn(_))));
    second.interrupt().await;
    fs::remove_file(&file).unwrap();
    let third = open(folder.path()).await.unwrap();
    third.cancel(id.as_str(), "Ada", "it is lost").await.unwrap();
    assert_eq!(end_of(third.follow(id.as_str()).await.unwrap()).await, "cancelled: it is lost");
}

#[tokio::test]
async fn a_store_in_memory_has_an_owner_only() {
    let session = Session::open(StorePlace::Memory, &settings()).await.unwrap();
    let followed = session.start(request(GREETING, "Ada")).await.unwrap();
    assert_eq!(end_of(followed).await, "completed: Hello, Ada");
    assert_eq!(session.owner(), None);
}

/// Finishes its work when it is told to stop, and counts how often it was asked.
struct Stubborn(watch::Sender<usize>);

impl Operation for Stubborn {
    fn perform(&self, work: Work) -> Performing {
        self.0.send_modify(|count| *count += 1);
        Box::pin(async move {
            work.stop().cancelled().await;
            Ok(Outcome::of(Value::map([("value", Value::from("kept"))])))
        })
    }
}

type Performing = std::pin::Pin<Box<dyn Future<Output = Result<Outcome, WorkError>> + Send>>;

#[tokio::test]
async fn work_that_ends_while_its_process_stops_is_kept_and_not_done_again() {
    const STORY: &str = "motet: 1\nname: x\ninputs: { who: string }\nsteps: { work: { uses: task/work } }\n\
                         outputs: { text: \"{{ steps.work.value }}\" }";
    let folder = TempDir::new().unwrap();
    let (counted, mut count) = watch::channel(0);
    let open = async || {
        let counted = counted.clone();
        let place = StorePlace::Folder(folder.path().to_owned());
        let add = move |builder: Builder| {
            let contract = Contract::new("task/work", Kind::Task).output("value", Type::Text);
            builder.add_task(Task::with_contract(contract, Stubborn(counted.clone())))
        };
        Session::open_with(place, &settings(), add).await.unwrap()
    };
    let first = open().await;
    let run = first.start(request(STORY, "Ada")).await.unwrap().run;
    count.wait_for(|count| *count == 1).await.unwrap();
    first.interrupt().await;
    let second = open().await;
    assert_eq!(end_of(second.follow(run.as_str()).await.unwrap()).await, "completed: kept");
    assert_eq!(*count.borrow(), 1);
}

/// Moves a folder away, if it is there.
struct Mover {
    from: PathBuf,
    to: PathBuf,
}

impl Operation for Mover {
    fn perform(&self, _: Work) -> Performing {
        if self.from.exists() {
            fs::rename(&self.from, &self.to).unwrap();
        }
        Box::pin(async { Ok(Outcome::of(Value::map([("value", Value::from("moved"))]))) })
    }
}

#[tokio::test]
async fn a_store_that_is_moved_away_while_it_is_driven_stops_and_goes_on_in_its_new_place() {
    const STORY: &str = r#"
motet: 1
name: removal
inputs: { who: string }
steps:
  move: { uses: task/move }
  draw: { needs: [move], uses: local/scene, with: { prompt: "{{ inputs.who }}", width: 64, height: 64 } }
outputs: { text: "{{ steps.draw.image.mime }}" }
"#;
    let folder = TempDir::new().unwrap();
    let (from, to) = (folder.path().join("here"), folder.path().join("there"));
    let open = async |place: &Path| {
        let (from, to) = (from.clone(), to.clone());
        let add = move |builder: Builder| {
            let contract = Contract::new("task/move", Kind::Task).output("value", Type::Text);
            builder.add_task(Task::with_contract(contract, Mover { from: from.clone(), to: to.clone() }))
        };
        Session::open_with(StorePlace::Folder(place.to_owned()), &settings(), add).await.unwrap()
    };
    let first = open(&from).await;
    let followed = first.start(request(STORY, "a hill")).await.unwrap();
    let end = end_of(followed).await;
    assert!(end.starts_with("StoreFailed"), "{end}");
    first.close().await;
    let second = open(&to).await;
    let resumed = second.resume(None).await.unwrap().remove(0);
    assert_eq!(end_of(resumed).await, "completed: image/png");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_amid_many_items_keeps_all_that_are_done() {
    const GALLERY: &str = r#"
motet: 1
name: gallery
inputs: { who: string }
steps:
  draw:
    each: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    uses: local/scene
    with: { prompt: "a hill {{ item }}", width: 64, height: 64 }
outputs: { text: "{{ steps.draw.items | length }} for {{ inputs.who }}" }
"#;
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await.unwrap();
    let mut run = first.start(request(GALLERY, "Ada")).await.unwrap();
    let id = run.run.clone();
    let is_completed =
        |event: &Event| matches!(event, Event::Step { event: StepEvent::Completed { .. }, .. });
    loop {
        match run.next().await {
            Some(Happening::Turn(turn)) if turn.events.iter().any(is_completed) => break,
            Some(_) => {}
            None => panic!("an item is done some time"),
        }
    }
    first.interrupt().await;
    let second = open(folder.path()).await.unwrap();
    let resumed = second.start(request(GALLERY, "Ada")).await.unwrap();
    assert_eq!((resumed.found, &resumed.run), (true, &id));
    assert_eq!(end_of(resumed).await, "completed: 12 for Ada");
    let turns = second.store().turns(&id).unwrap();
    let completed = turns.iter().flat_map(|turn| &turn.events).filter(|event| is_completed(event));
    let mut steps: Vec<_> = completed.map(|event| event.step().unwrap().to_string()).collect();
    steps.sort();
    let count = steps.len();
    steps.dedup();
    assert_eq!((count, steps.len()), (13, 13), "twelve items and their join, each once");
}

#[tokio::test]
async fn an_owner_without_a_door_is_named() {
    let folder = TempDir::new().unwrap();
    let program = Motet::open(folder.path()).await.unwrap();
    let refused = error_of(open(folder.path()).await);
    assert!(matches!(refused, Error::Owned { pid, .. } if pid == std::process::id()), "{refused}");
    program.close().await;
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn an_owner_with_other_settings_is_named_with_what_differs() {
    let folder = TempDir::new().unwrap();
    let _owner = open(folder.path()).await.unwrap();
    let mut others = settings();
    others.processors = 7;
    others.tools.ffmpeg = "/opt/ffmpeg".into();
    let limit = PoolLimit { slots: Some(4), rate: Some("30/1m".parse().unwrap()) };
    others.pools.insert("search".to_owned(), limit);
    let place = StorePlace::Folder(folder.path().to_owned());
    let refused = error_of(Session::open(place, &others).await).to_string();
    let pid = std::process::id().to_string();
    let shown = refused.replace(&pid, "PID").replace(folder.path().to_str().unwrap(), "STORE");
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_store_of_a_newer_version_or_of_another_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let file = folder.path().join("motet.db");
    let good = fs::read(&file).unwrap();
    // SQLite keeps the number of the format at byte 60 of its file, and whose file it is at 68.
    let patched = |at: usize| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&99_u32.to_be_bytes());
        fs::write(&file, &bytes).unwrap();
        bytes
    };
    let newer = patched(60);
    let refused = error_of(open(folder.path()).await);
    assert!(matches!(refused, Error::Store(StoreError::Newer { found: 99, .. })), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), newer);
    patched(68);
    let refused = error_of(open(folder.path()).await);
    assert!(matches!(refused, Error::Store(StoreError::Foreign { .. })), "{refused}");
    fs::write(&file, &good).unwrap();
    open(folder.path()).await.unwrap();
}

/// A place that refuses to be written even by those who may do anything.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let refused = error_of(open(Path::new("/sys/motet")).await);
    assert!(
        matches!(&refused, Error::Store(StoreError::ReadOnly { file }) if file == Path::new("/sys/motet")),
        "{refused}"
    );
}
