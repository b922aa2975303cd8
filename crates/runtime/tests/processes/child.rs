//! What a child process does: one session, as the command line would use it.

use motet::Failure;
use std::path::PathBuf;

use motet::engine::{Event, RunId};
use motet::follow::Happening;
use motet::language::bundle::Bundle;
use motet::language::contract::{Contract, Parameter, Work as Kind};
use motet::language::{Class, Type, Value};
use motet::operation::Operation;
use motet::{Followed, Session, Settings, StartOptions, StartRequest, StorePlace, Task, Work};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub const STORY: &str = r#"
motet: 1
name: three
inputs: { who: string }
steps:
  one: { uses: task/step, with: { name: "{{ inputs.who }} one" } }
  two: { needs: [one], uses: task/step, with: { name: "{{ inputs.who }} two" } }
  three: { needs: [two], uses: task/step, with: { name: "{{ inputs.who }} three" } }
outputs: { last: "{{ steps.three.value }}" }
"#;

/// Says something to the test.
fn say(what: &str) {
    println!("\n@{what}");
}

fn told(name: &str) -> Option<String> {
    std::env::var(format!("STAGE_{}", name.to_uppercase())).ok()
}

pub fn play_if_told() {
    let Some(action) = told("action") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let end = runtime.block_on(play(&action));
    say(&format!("end {end}"));
    // Without a word of the test harness, as a killed process would end.
    std::process::exit(0);
}

async fn play(action: &str) -> String {
    // Before anything is said: the test may interrupt at any moment after that.
    let mut interrupts = signal(SignalKind::interrupt()).unwrap();
    let folder = PathBuf::from(told("folder").unwrap());
    let settings = Settings { processors: 2, ..Settings::usual(&folder) };
    let place = StorePlace::Folder(folder.join("store"));
    let session = Session::open_with(place, &settings, |builder| builder.add_task(step())).await.unwrap();
    match session.owner() {
        Some(pid) => say(&format!("guest of {pid}")),
        None => say("owner"),
    }
    let mut followed = begin(action, &session).await;
    if followed.found {
        say("found");
    }
    let end = follow(&session, &mut followed, &mut interrupts).await;
    session.close().await;
    end
}

async fn begin(action: &str, session: &Session) -> Followed {
    let run = told("run").unwrap_or_default();
    match action {
        "run" => {
            let options = StartOptions { id: told("id").map(RunId::new), ..StartOptions::default() };
            let who = Value::from(told("who").unwrap());
            let bundle = Bundle::of_text("pipeline.yaml", STORY);
            let inputs = [("who".to_owned(), who)].into();
            session.start(StartRequest { bundle, inputs, options, ..Default::default() }).await.unwrap()
        }
        "resume" => session.resume(None).await.unwrap().swap_remove(0),
        "cancel" => {
            session.cancel(&run, "a test", "no longer wanted").await.unwrap();
            session.follow(&run).await.unwrap()
        }
        "follow" => session.follow(&run).await.unwrap(),
        other => panic!("nobody can {other}"),
    }
}

/// Follows to the end, and checks that every turn comes once and in order.
async fn follow(session: &Session, followed: &mut Followed, interrupts: &mut Signal) -> String {
    let mut next = 1;
    loop {
        tokio::select! {
            happening = followed.next() => match happening {
                Some(Happening::Turn(turn)) => {
                    assert_eq!(turn.number, next);
                    next += 1;
                    say(&format!("turn {}", turn.number));
                    match turn.events.last() {
                        Some(Event::RunCompleted { outputs, .. }) => {
                            let last = outputs.get("last").and_then(Value::as_str).unwrap();
                            return format!("completed {last}");
                        }
                        Some(Event::RunFailed { failure, .. }) => return format!("failed {failure}"),
                        Some(Event::RunCancelled { reason }) => return format!("cancelled {reason}"),
                        _ => {}
                    }
                }
                Some(Happening::Progress(_)) => {}
                Some(Happening::Interrupted) => return "interrupted".into(),
                Some(other) => return format!("{other:?}"),
                None => return "nothing".into(),
            },
            _ = interrupts.recv() => {
                session.interrupt().await;
            }
        }
    }
}

/// Knocks at the door of the test, and works once it is opened.
struct Knock;

fn step() -> Task {
    let contract = Contract::new("task/step", Kind::Task)
        .input(Parameter::required("name", Type::Text))
        .output("value", Type::Text);
    Task::with_contract(contract, Knock)
}

impl Operation for Knock {
    fn perform(
        &self,
        work: Work,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send + 'static>> {
        Box::pin(async move {
            let name = work.inputs().get("name").and_then(Value::as_str).unwrap().to_owned();
            let working = async {
                let mut door = UnixStream::connect(told("door").unwrap()).await?;
                door.write_all(format!("{} {name}\n", std::process::id()).as_bytes()).await?;
                door.read_u8().await
            };
            tokio::select! {
                opened = working => opened.map_err(|error| Failure::new(Class::Unavailable, error.to_string()))?,
                () = work.stop().cancelled() => return Err(Failure::new(Class::Unavailable, "stopped")),
            };
            Ok(Value::map([("value", Value::from(name))]))
        })
    }
}
