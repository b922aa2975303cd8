//! What a child process does: one session, as the command line would use it.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use motet::engine::{Decision, Event, Found, JobNews, RunEvent, RunId};
use motet::follow::Happening;
use motet::language::bundle::Bundle;
use motet::language::contract::{Call, CallForm, Contract, Parameter, Work as Kind};
use motet::language::{StepPath, Type, Value};
use motet::operation::{Operation, RemoteOperation, Submitted, WorkError};
use motet::store::RunStatus;
use motet::{
    Class, Failure, Followed, Outcome, Session, Settings, StartOptions, StartRequest, StorePlace, Task, Work,
};
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

/// A step that is a job at a provider.
pub const PAID_STORY: &str = r#"
motet: 1
name: paid
inputs: { who: string }
steps: { picture: { uses: lab/picture } }
outputs: { last: "{{ steps.picture.value }}" }
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
    let session =
        Session::open_with(place, &settings, |builder| builder.add_task(step()).add_task(picture()))
            .await
            .unwrap();
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
            let story = if told("paid").is_some() { PAID_STORY } else { STORY };
            let bundle = Bundle::of_text("pipeline.yaml", story);
            let inputs = [("who".to_owned(), who)].into();
            session.start(StartRequest { bundle, inputs, options, ..Default::default() }).await.unwrap()
        }
        "resume" => session.resume(None).await.unwrap().swap_remove(0),
        "resolve" => {
            let decision = match told("decision").unwrap().as_str() {
                "send" => Decision::Send,
                "fail" => Decision::Fail,
                job => Decision::Job(job.to_owned()),
            };
            session.resolve(&run, &StepPath::from_text("picture"), decision, "a test").await.unwrap()
        }
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
                        Some(Event::Run(RunEvent::Completed { outputs, .. })) => {
                            let last = outputs.get("last").and_then(Value::as_str).unwrap();
                            return format!("completed {last}");
                        }
                        Some(Event::Run(RunEvent::Failed { failure, .. })) => return format!("failed {failure}"),
                        Some(Event::Run(RunEvent::Parked { reason })) if is_last(session, followed, turn.number) => {
                            return format!("parked {}", reason.word());
                        }
                        Some(Event::Run(RunEvent::Resumed { .. })) if is_last(session, followed, turn.number) => {
                            if let Some(reason) = parked_for(session, followed) {
                                return format!("parked {reason}");
                            }
                        }
                        Some(Event::Run(RunEvent::Cancelled { reason })) => return format!("cancelled {reason}"),
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

/// Whether nothing happened to the run after this turn.
fn is_last(session: &Session, followed: &Followed, turn: u64) -> bool {
    session.store().run(&followed.run).unwrap().unwrap().turns == turn
}

/// What the run is parked for, if it is.
fn parked_for(session: &Session, followed: &Followed) -> Option<String> {
    let row = session.store().run(&followed.run).unwrap().unwrap();
    row.message.filter(|_| row.status == RunStatus::Parked)
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
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Outcome, WorkError>> + Send + 'static>> {
        Box::pin(async move {
            let name = work.inputs().get("name").and_then(Value::as_str).unwrap().to_owned();
            let working = async {
                let mut door = UnixStream::connect(told("door").unwrap()).await?;
                door.write_all(format!("{} {name}\n", std::process::id()).as_bytes()).await?;
                door.read_u8().await
            };
            tokio::select! {
                opened = working => opened.map_err(|error| Failure::unavailable(error.to_string()))?,
                () = work.stop().cancelled() => return Err(Failure::unavailable("stopped").into()),
            };
            Ok(Outcome::of(Value::map([("value", Value::from(name))])))
        })
    }
}

/// A provider at which every call knocks at the door of the test, which says what it answers.
struct Lab;

fn picture() -> Task {
    let contract =
        Contract::new("lab/picture", Kind::Model).output("value", Type::Text).call(Call::paid(CallForm::Job));
    Task::remote(contract, Lab)
}

/// What the test answers to a call.
async fn knock(what: String) -> Result<u8, WorkError> {
    let answered = async {
        let mut door = UnixStream::connect(told("door").unwrap()).await?;
        door.write_all(format!("{} {what}\n", std::process::id()).as_bytes()).await?;
        door.read_u8().await
    };
    answered.await.map_err(|error: std::io::Error| Failure::new(Class::Unknown, error.to_string()).into())
}

fn result() -> Outcome {
    Outcome::of(Value::map([("value", Value::from("boat"))]))
}

impl RemoteOperation for Lab {
    fn submit(&self, work: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        Box::pin(async move {
            knock(format!("submit {}", work.attempt())).await?;
            Ok(Submitted::Job("j1".into()))
        })
    }

    fn reconcile(&self, _: Work) -> BoxFuture<'static, Result<Found, WorkError>> {
        Box::pin(async {
            Ok(match knock("reconcile".into()).await? {
                b'a' => Found::Absent,
                b'j' => Found::Job("j1".into()),
                _ => Found::Unclear,
            })
        })
    }

    fn poll(&self, _: Work, job: String) -> BoxFuture<'static, Result<JobNews, WorkError>> {
        Box::pin(async move {
            Ok(match knock(format!("poll {job}")).await? {
                b'r' => JobNews::Running,
                b'l' => JobNews::Lost,
                b'e' => JobNews::Expired,
                _ => JobNews::Done,
            })
        })
    }

    fn fetch(&self, _: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        Box::pin(async move { knock(format!("fetch {job}")).await.map(|_| Some(result())) })
    }

    fn cancel(&self, _: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        Box::pin(async move { knock(format!("cancel {job}")).await.map(|_| None) })
    }
}
