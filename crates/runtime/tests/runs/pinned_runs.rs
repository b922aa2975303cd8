//! Runs go on as they were started, whatever has become of contracts and rules meanwhile.

use std::path::Path;
use std::sync::mpsc;

use motet::language::Digest;
use motet::language::pin::Difference;
use motet::{
    Builder, Class, Error, Motet, RunEnd, RunHandle, StartOptions, Task, TaskContext, TaskError, Warning,
};
use motet_engine::{AttemptEvent, Event, StepEvent};
use motet_store::{KeptPlan, RunStatus, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SHOUTING: &str = r#"
motet: 1
name: shouting
inputs: { word: string }
steps:
  first: { uses: task/shout, with: { text: "{{ inputs.word }}", loudness: 8 } }
  gate: { uses: task/gate, with: { value: "{{ steps.first.text }}" } }
  second: { uses: task/shout, with: { text: "{{ steps.gate.value }}" } }
  third:
    each: [1, 9]
    uses: task/shout
    with: { text: "{{ steps.second.text }}", loudness: "{{ item }}" }
outputs: { second: "{{ steps.second }}", third: "{{ steps.third.items }}" }
"#;

/// What the task takes and gives at first.
mod older {
    use super::*;

    #[derive(Deserialize, JsonSchema)]
    pub struct Asked {
        pub text: String,
        #[serde(default = "three")]
        #[schemars(range(min = 0, max = 9))]
        pub loudness: usize,
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Shouted {
        pub text: String,
    }

    fn three() -> usize {
        3
    }
}

/// Later: another default, another name, a narrower range, one more output.
mod newer {
    use super::*;

    #[derive(Deserialize, JsonSchema)]
    pub struct Asked {
        pub text: String,
        #[serde(default = "six", alias = "loudness")]
        #[schemars(range(min = 2, max = 7))]
        pub volume: usize,
    }

    #[derive(Serialize, JsonSchema)]
    pub struct Shouted {
        pub text: String,
        pub length: usize,
    }

    fn six() -> usize {
        6
    }
}

fn shouted(text: &str, loudness: usize) -> String {
    text.to_uppercase() + &"!".repeat(loudness)
}

fn older_shout() -> Task {
    Task::new("shout", |_: TaskContext, asked: older::Asked| async move {
        Ok(older::Shouted { text: shouted(&asked.text, asked.loudness) })
    })
}

fn newer_shout() -> Task {
    Task::new("shout", |_: TaskContext, asked: newer::Asked| async move {
        let text = shouted(&asked.text, asked.volume);
        Ok(newer::Shouted { length: text.len(), text })
    })
}

/// A step that is never done before the process ends.
fn closed_gate() -> Task {
    Task::new("gate", |context: TaskContext, _: String| async move {
        context.cancelled().await;
        Err::<String, _>(TaskError::new(Class::Unavailable, "stopped"))
    })
}

fn open_gate() -> Task {
    Task::new("gate", |_: TaskContext, text: String| async move { Ok(text) })
}

fn in_folder(folder: &Path) -> Builder {
    Motet::builder().store(folder)
}

/// Begins a run with the older task and stops in the midst of it.
async fn stopped_in_the_midst(folder: &Path) -> String {
    let motet = in_folder(folder).add_task(older_shout()).add_task(closed_gate()).open().await.unwrap();
    let pipeline = motet.load_text(SHOUTING).unwrap();
    let run = motet.start(&pipeline, [("word", "hey")]).await.unwrap();
    let mut events = run.events().await.unwrap();
    let mut is_at_the_gate = false;
    while !is_at_the_gate {
        let happening = events.next().await.unwrap();
        let motet::follow::Happening::Turn(turn) = happening else { continue };
        is_at_the_gate = turn.events.iter().any(
            |event| matches!(event, Event::Attempt { event: AttemptEvent::Planned { operation, .. }, .. } if operation == "task/gate"),
        );
    }
    let id = run.id().to_string();
    drop((run, events));
    motet.close().await;
    id
}

/// What a run comes to of which nothing was changed.
async fn expected() -> serde_json::Value {
    let motet = Motet::builder().add_task(older_shout()).add_task(open_gate()).open().await.unwrap();
    let run = motet.start(&motet.load_text(SHOUTING).unwrap(), [("word", "hey")]).await.unwrap();
    run.outputs().await.unwrap().to_json()
}

fn database(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join("motet.db")).unwrap()
}

#[tokio::test]
async fn a_newer_program_goes_on_with_a_run_exactly_as_the_older_one_would_have() {
    let folder = tempfile::tempdir().unwrap();
    let id = stopped_in_the_midst(folder.path()).await;

    let motet = in_folder(folder.path()).add_task(newer_shout()).add_task(open_gate()).open().await.unwrap();
    let Err(Error::Check(findings)) = motet.load_text(SHOUTING) else {
        panic!("it must not be started anew")
    };
    let refused: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(refused, ["task/shout has no parameter `loudness`"; 2]);

    let runs = motet.resume().await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].outputs().await.unwrap().to_json(), expected().await);
    // What the newer contract would have made of it.
    assert_eq!(expected().await["second"], serde_json::json!({ "text": "HEY!!!!!!!!!!!" }));
    let inputs: Vec<_> = (motet.store().turns(runs[0].id()).unwrap().into_iter())
        .flat_map(|turn| turn.events)
        .filter_map(|event| match event {
            Event::Step { step, event: StepEvent::Ready { inputs: Some(inputs), .. } } => {
                Some(format!("{step} {}", inputs.to_json()))
            }
            _ => None,
        })
        .collect();
    assert!(inputs.contains(&r#"second {"loudness":3,"text":"HEY!!!!!!!!"}"#.to_owned()), "{inputs:#?}");
    assert_eq!(runs[0].id().as_str(), id);
}

/// A program whose task has another default alone, so that the pipeline still fits.
async fn with_another_default(folder: &Path) -> (Motet, mpsc::Receiver<Warning>) {
    let shout = older_shout();
    let mut contract = shout.contract().clone();
    contract.inputs.iter_mut().filter(|input| input.name == "loudness").for_each(|input| {
        input.default = Some(6_i64.into());
    });
    contract.version = 2;
    let (tell, told) = mpsc::channel();
    let builder = in_folder(folder).add_task(older_shout()).add_task(open_gate());
    let builder = builder.add_task(Task::with_contract(contract, ByName("task/shout")));
    let motet = builder.on_warning(move |warning| _ = tell.send(warning.clone())).open().await.unwrap();
    (motet, told)
}

/// Shouts by whatever it is given.
struct ByName(&'static str);

impl motet::operation::Operation for ByName {
    fn perform(
        &self,
        work: motet::Work,
    ) -> futures_util::future::BoxFuture<'static, Result<motet::Outcome, motet::operation::WorkError>> {
        assert_eq!(work.contract().operation, self.0);
        let text = work.inputs().get("text").and_then(|text| text.as_str()).unwrap().to_owned();
        let loudness = work.inputs().get("loudness").and_then(|loudness| loudness.as_i64()).unwrap();
        let shouted = shouted(&text, loudness as usize);
        Box::pin(async move { Ok(motet::Outcome::of(motet::Value::map([("text", shouted.into())]))) })
    }
}

#[tokio::test]
async fn started_again_an_unfinished_run_is_found_and_it_is_said_that_it_goes_on_by_older_contracts() {
    let folder = tempfile::tempdir().unwrap();
    let id = stopped_in_the_midst(folder.path()).await;
    let (motet, told) = with_another_default(folder.path()).await;
    let pipeline = motet.load_text(SHOUTING).unwrap();
    let word = [("word", "hey")];

    let started = motet.start_with(&pipeline, word, StartOptions::default()).await.unwrap();
    assert!(started.found);
    assert_eq!(started.run.id().as_str(), id);
    let warning = told.try_recv().unwrap();
    let difference = Difference { operations: vec!["task/shout".into()], rules: false };
    assert_eq!(warning, Warning::ContinuesAsStarted { run: started.run.id().clone(), difference });
    insta::assert_snapshot!(
        warning.to_string().replace(started.run.id().short(), "ID"),
        @"run ID continues as it was started, with the older contract of task/shout; only a new run uses what is there now"
    );
    assert_eq!(started.run.outputs().await.unwrap().to_json(), expected().await);

    // A new run is another plan of the same texts, beside the old one.
    let anew = motet.start(&pipeline, word).await.unwrap();
    let outputs = anew.outputs().await.unwrap().to_json();
    assert_eq!(outputs["second"], serde_json::json!({ "text": "HEY!!!!!!!!!!!!!!" }));
    // By its name the older one is found as well, now that it is over.
    let named = StartOptions { id: Some(started.run.id().clone()), ..StartOptions::default() };
    assert!(motet.start_with(&pipeline, word, named).await.unwrap().found);
    assert!(told.try_recv().is_err(), "nothing else is to be said");
    assert_eq!(motet.store().runs(&Default::default()).unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_of_the_same_program_goes_on_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    stopped_in_the_midst(folder.path()).await;
    let (tell, told) = mpsc::channel();
    let builder = in_folder(folder.path()).add_task(older_shout()).add_task(open_gate());
    let motet = builder.on_warning(move |warning| _ = tell.send(warning.clone())).open().await.unwrap();
    // Comments and layout are no other version, though steps stand in other lines.
    let moved = SHOUTING.replace("steps:", "# A comment.\n\nsteps:");
    let pipeline = motet.load_text(&moved).unwrap();
    let started = motet.start_with(&pipeline, [("word", "hey")], StartOptions::default()).await.unwrap();
    assert!(started.found);
    started.run.outputs().await.unwrap();
    assert!(told.try_recv().is_err());
}

async fn ends_of_steps(run: &RunHandle, motet: &Motet) -> (RunEnd, Vec<String>) {
    let end = run.wait().await.unwrap();
    let steps = motet.store().steps(run.id()).unwrap();
    (end, steps.into_iter().map(|step| format!("{} {:?}", step.path, step.status)).collect())
}

#[tokio::test]
async fn what_a_program_cannot_do_any_more_fails_as_unavailable_and_all_else_goes_on() {
    const TEXT: &str = r#"
motet: 1
name: two
on_failure: finish
steps:
  gate: { uses: task/gate, with: { value: a } }
  gone: { uses: task/shout, with: { text: "{{ steps.gate.value }}" } }
  other: { uses: data/transform, with: { value: "{{ steps.gate.value }}" } }
"#;
    for (shout, told) in [
        (None, "task/shout is not known to this process: register it before the run is resumed"),
        (
            Some(Task::new("shout", |_: TaskContext, _: older::Asked| async move { Ok("other") })),
            "task/shout has changed since the run was started (its version was 1): it gives no `text`; register \
             it as it was before the run is resumed",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let first =
            in_folder(folder.path()).add_task(older_shout()).add_task(closed_gate()).open().await.unwrap();
        let run = first.start(&first.load_text(TEXT).unwrap(), ()).await.unwrap();
        let id = run.id().to_string();
        drop(run);
        first.close().await;

        let is_unknown = shout.is_none();
        let mut builder = in_folder(folder.path()).add_task(open_gate());
        if let Some(shout) = shout {
            builder = builder.add_task(shout);
        }
        let second = builder.open().await.unwrap();
        if is_unknown {
            assert!(second.resume().await.unwrap().is_empty(), "it is left for a program that has the task");
        }
        let run = second.find(&id).unwrap();
        run.resume().await.unwrap();
        let (end, steps) = ends_of_steps(&run, &second).await;
        let RunEnd::Failed { failure, .. } = end else { panic!("{end:?}") };
        assert_eq!((failure.class, failure.message.as_str()), (Class::Unavailable, told));
        assert_eq!(steps, ["gate Completed", "gone Failed", "other Completed"]);
    }
}

#[tokio::test]
async fn a_plan_that_is_damaged_or_incomplete_is_refused_in_words_and_its_run_can_be_called_off() {
    let shorter = |pin: &str, what: &str| {
        let mut json: serde_json::Value = serde_json::from_str(pin).unwrap();
        json["contracts"].as_object_mut().unwrap().remove(what).unwrap();
        json.to_string()
    };
    let mut told = Vec::new();
    for damage in ["a letter", "a contract", "all"] {
        let folder = tempfile::tempdir().unwrap();
        let id = stopped_in_the_midst(folder.path()).await;
        let connection = database(folder.path());
        let (bundle, pin): (String, String) = connection
            .query_row("SELECT bundle, pin FROM plans", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        match damage {
            "a letter" => {
                connection.execute("UPDATE plans SET pin = replace(pin, '\"max\":9', '\"max\":8')", [])
            }
            "a contract" => connection.execute("DELETE FROM plans", []),
            _ => connection.execute("DELETE FROM plans", []),
        }
        .unwrap();
        drop(connection);
        if damage == "a contract" {
            // As a version with a fault might have kept it.
            let store = Store::open(folder.path()).unwrap();
            let kept = KeptPlan { version: Digest::of(b""), bundle, pin: Some(shorter(&pin, "task/shout")) };
            store.put_plan(&store.runs(&Default::default()).unwrap()[0].plan, &kept).unwrap();
        }

        let motet =
            in_folder(folder.path()).add_task(older_shout()).add_task(open_gate()).open().await.unwrap();
        assert!(motet.resume().await.unwrap().is_empty());
        let run = motet.find(&id).unwrap();
        let turns = motet.store().turns(run.id()).unwrap();
        told.push(
            run.resume()
                .await
                .unwrap_err()
                .to_string()
                .replace(&folder.path().display().to_string(), "STORE"),
        );
        assert_eq!(motet.store().turns(run.id()).unwrap(), turns, "nothing is lost");
        assert_eq!(motet.store().run(run.id()).unwrap().unwrap().status, RunStatus::Running);

        run.cancel("ada", "its plan is gone").await.unwrap();
        run.cancel("ada", "again").await.unwrap();
        let (end, steps) = ends_of_steps(&run, &motet).await;
        assert_eq!(end, RunEnd::Cancelled { reason: "its plan is gone".into() });
        assert_eq!(steps, ["first Completed", "gate Cancelled"]);
        assert!(motet.resume().await.unwrap().is_empty());
        let before = motet.store().turns(run.id()).unwrap();
        motet.store().rebuild_projections().unwrap();
        assert_eq!(motet.store().turns(run.id()).unwrap(), before);
        motet.close().await;
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn texts_of_an_older_store_are_checked_once_and_pinned_then() {
    let folder = tempfile::tempdir().unwrap();
    let id = stopped_in_the_midst(folder.path()).await;
    // As formats 1 and 2 kept it: named by the texts, which are all that is kept.
    let connection = database(folder.path());
    connection.execute_batch(r#"UPDATE plans SET pin = NULL, "check" = NULL;"#).unwrap();
    drop(connection);

    let older =
        in_folder(folder.path()).add_task(older_shout()).add_task(closed_gate()).open().await.unwrap();
    assert_eq!(older.resume().await.unwrap().len(), 1);
    older.close().await;

    let newer = in_folder(folder.path()).add_task(newer_shout()).add_task(open_gate()).open().await.unwrap();
    let runs = newer.resume().await.unwrap();
    assert_eq!(runs[0].id().as_str(), id);
    assert_eq!(runs[0].outputs().await.unwrap().to_json(), expected().await);
}
