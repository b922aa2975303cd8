//! Calls that may cost, through the library and under virtual time: what a provider says, and what comes of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet::engine::{AttemptEvent, Decision, Event, Found, JobNews, RunEvent, StepStatus};
use motet::follow::Happening;
use motet::language::contract::{Call, CallForm, Contract, Work as Kind};
use motet::language::{Span, StepPath, Type, Value};
use motet::operation::{RemoteOperation, Submitted, WorkError};
use motet::store::RunStatus;
use motet::world::virtual_time::run;
use motet::{Class, Cost, Failure, Motet, Outcome, RunEnd, RunHandle, Task, Work};
use tokio::time::timeout;

use crate::stage::simulated_with;

const STORY: &str = r#"
motet: 1
name: picture
steps: { still: { uses: lab/picture, retry: { on: [unavailable], backoff: 1s } } }
outputs: { picture: "{{ steps.still.value }}" }
"#;

/// What the provider says next.
#[derive(Clone, Debug)]
enum Says {
    Takes(&'static str),
    Answers(&'static str),
    News(JobNews),
    Gives(&'static str),
    Cancelled,
    Fails(Class),
    /// That there was no reply within so long.
    NoReply(Span),
    /// Nothing, until it is asked to stop.
    Silence,
}

/// A provider that says what it was told to say, and remembers what it was asked.
#[derive(Clone, Default)]
struct Lab {
    says: Arc<Mutex<VecDeque<Says>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// The job that is found for a request whose reply is lost.
    finds: Option<&'static str>,
    /// How long it takes to say anything.
    takes: Span,
}

impl Lab {
    fn that_says(says: impl IntoIterator<Item = Says>) -> Lab {
        Lab { says: Arc::new(Mutex::new(says.into_iter().collect())), ..Lab::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn ask(&self, what: String, work: &Work) -> Result<Says, WorkError> {
        self.asked.lock().unwrap().push(what);
        work.pause(self.takes).await;
        let says = self.says.lock().unwrap().pop_front().expect("the provider was told what to say");
        match says {
            Says::Fails(class) => Err(Failure::new(class, "it broke").into()),
            Says::NoReply(late) => {
                work.pause(late).await;
                Err(Failure::new(Class::Unknown, "there was no reply").into())
            }
            Says::Silence => {
                work.stop().cancelled().await;
                Err(Failure::unavailable("stopped").into())
            }
            says => Ok(says),
        }
    }
}

fn picture(of: &str) -> Outcome {
    let cost = Cost::computed("0.04".parse().unwrap());
    Outcome::of(Value::map([("value", Value::from(of))])).cost(cost).used("images", 1.0)
}

impl RemoteOperation for Lab {
    fn submit(&self, work: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        let lab = self.clone();
        Box::pin(async move {
            match lab.ask(format!("submit {}", work.attempt()), &work).await? {
                Says::Takes(job) => Ok(Submitted::Job(job.into())),
                Says::Answers(value) => Ok(Submitted::Done(picture(value).warning("it was cropped"))),
                other => panic!("{other:?} is no reply"),
            }
        })
    }

    fn reconcile(&self, _: Work) -> BoxFuture<'static, Result<Found, WorkError>> {
        let found = self.finds.map_or(Found::Unclear, |job| Found::Job(job.into()));
        Box::pin(async { Ok(found) })
    }

    fn poll(&self, work: Work, job: String) -> BoxFuture<'static, Result<JobNews, WorkError>> {
        let lab = self.clone();
        Box::pin(async move {
            match lab.ask(format!("poll {job}"), &work).await? {
                Says::News(news) => Ok(news),
                other => panic!("{other:?} is no news"),
            }
        })
    }

    fn fetch(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        let lab = self.clone();
        Box::pin(async move {
            match lab.ask(format!("fetch {job}"), &work).await? {
                Says::Gives(value) => Ok(Some(picture(value))),
                other => panic!("{other:?} is no result"),
            }
        })
    }

    fn cancel(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        let lab = self.clone();
        Box::pin(async move {
            match lab.ask(format!("cancel {job}"), &work).await? {
                Says::Cancelled => Ok(None),
                Says::Gives(value) => Ok(Some(picture(value))),
                other => panic!("{other:?} is no end"),
            }
        })
    }
}

async fn start(lab: &Lab) -> (Motet, RunHandle) {
    let contract =
        Contract::new("lab/picture", Kind::Model).output("value", Type::Text).call(Call::paid(CallForm::Job));
    let motet = simulated_with(Motet::builder().add_task(Task::remote(contract, lab.clone()))).await;
    let pipeline = motet.load_text(STORY).unwrap();
    let started = motet.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap();
    (motet, started)
}

/// Waits until something happened to the run.
async fn until(run: &RunHandle, wanted: impl Fn(&Event) -> bool) {
    let mut events = run.events().await.unwrap();
    while let Some(happening) = events.next().await {
        if matches!(&happening, Happening::Turn(turn) if turn.events.iter().any(&wanted)) {
            return;
        }
    }
    panic!("it never happened");
}

async fn until_parked(run: &RunHandle) {
    until(run, |event| matches!(event, Event::Run(RunEvent::Parked { .. }))).await;
}

fn completed(end: RunEnd) -> Value {
    match end {
        RunEnd::Completed { outputs, .. } => outputs.get("picture").cloned().unwrap(),
        other => panic!("the run did not complete: {other:?}"),
    }
}

#[test]
fn a_job_is_submitted_once_and_polled_until_its_result_can_be_fetched() {
    run(async {
        let news = [JobNews::Running, JobNews::Done].map(Says::News);
        let lab = Lab::that_says([Says::Takes("j1")].into_iter().chain(news).chain([Says::Gives("boat")]));
        let (motet, run) = start(&lab).await;
        assert_eq!(completed(run.wait().await.unwrap()), Value::from("boat"));
        assert_eq!(lab.asked(), ["submit 1", "poll j1", "poll j1", "fetch j1"]);
        let row = motet.store().run(run.id()).unwrap().unwrap();
        assert_eq!(row.cost.to_string(), "0.04");
    });
}

#[test]
fn an_answer_that_is_the_result_and_its_warning_are_recorded() {
    run(async {
        let lab = Lab::that_says([Says::Answers("boat")]);
        let (motet, run) = start(&lab).await;
        assert_eq!(completed(run.wait().await.unwrap()), Value::from("boat"));
        let turns = motet.store().turns(run.id()).unwrap();
        let warned = turns.iter().flat_map(|turn| &turn.events).find_map(|event| match event {
            Event::Attempt { event: AttemptEvent::Warned { message }, .. } => Some(message.as_str()),
            _ => None,
        });
        assert_eq!(warned, Some("it was cropped"));
    });
}

/// What an attempt is given is asked for before its step's turn is durable, so that both share a flush.
#[test]
fn a_call_is_durable_before_it_leaves_and_when_its_reply_has_come() {
    run(async {
        let lab = Lab::that_says([Says::Answers("boat")]);
        let (motet, run) = start(&lab).await;
        run.wait().await.unwrap();
        assert_eq!(motet.store().written().commits, 2);
        let lab = Lab::that_says([Says::Takes("j1"), Says::News(JobNews::Done), Says::Gives("boat")]);
        let (motet, run) = start(&lab).await;
        run.wait().await.unwrap();
        // Planned, accepted, finished, fetched.
        assert_eq!(motet.store().written().commits, 4);
    });
}

#[test]
fn a_job_that_fails_is_made_again_as_a_new_attempt() {
    run(async {
        let lab = Lab::that_says([
            Says::Takes("j1"),
            Says::Fails(Class::Unavailable),
            Says::Takes("j2"),
            Says::News(JobNews::Done),
            Says::Gives("boat"),
        ]);
        let (_motet, run) = start(&lab).await;
        assert_eq!(completed(run.wait().await.unwrap()), Value::from("boat"));
        assert_eq!(lab.asked(), ["submit 1", "poll j1", "submit 2", "poll j2", "fetch j2"]);
    });
}

#[test]
fn what_nobody_can_tell_waits_for_a_person_and_costs_nothing_meanwhile() {
    run(async {
        let lab = Lab::that_says([
            Says::Fails(Class::Unknown),
            Says::Takes("j2"),
            Says::News(JobNews::Done),
            Says::Gives("boat"),
        ]);
        let (motet, run) = start(&lab).await;
        until_parked(&run).await;
        let row = motet.store().run(run.id()).unwrap().unwrap();
        assert_eq!((row.status, row.message.as_deref()), (RunStatus::Parked, Some("unknown")));
        let still = StepPath::from_text("still");
        assert_eq!(motet.store().step(run.id(), &still).unwrap().unwrap().status, StepStatus::Parked);
        let unfinished = motet.store().unfinished().unwrap();
        assert_eq!(unfinished.len(), 1, "it isn't over");

        let nobody = run.resolve(&StepPath::from_text("nobody"), Decision::Send, "ada").await.unwrap_err();
        assert_eq!(
            nobody.to_string(),
            format!(
                "`nobody` of run {} is not there: only a step with a call whose outcome is unknown can be resolved",
                run.id()
            )
        );
        run.resolve(&still, Decision::Send, "ada").await.unwrap();
        assert_eq!(completed(run.wait().await.unwrap()), Value::from("boat"));
        assert_eq!(lab.asked(), ["submit 1", "submit 2", "poll j2", "fetch j2"]);
        assert!(run.resolve(&still, Decision::Send, "ada").await.is_err(), "there is nothing left to decide");
    });
}

/// Whoever waits for a reply counts from when its request left, which is a little later than what the step counts from.
#[test]
fn that_there_is_no_reply_says_nothing_once_the_job_is_found() {
    run(async {
        let says = [Says::NoReply(Span::seconds(118)), Says::News(JobNews::Done), Says::Gives("boat")];
        let lab = Lab { finds: Some("j1"), takes: Span::seconds(5), ..Lab::that_says(says) };
        let (_motet, run) = start(&lab).await;
        let end = timeout(Duration::from_secs(600), run.wait()).await.expect("nobody has to decide anything");
        assert_eq!(completed(end.unwrap()), Value::from("boat"));
        assert_eq!(lab.asked(), ["submit 1", "poll j1", "fetch j1"]);
    });
}

#[test]
fn results_that_are_deleted_and_jobs_that_are_forgotten_are_parked() {
    for (news, reason) in [(JobNews::Expired, "expired"), (JobNews::Lost, "unknown")] {
        run(async {
            let lab = Lab::that_says([Says::Takes("j1"), Says::News(news)]);
            let (motet, run) = start(&lab).await;
            until_parked(&run).await;
            let row = motet.store().run(run.id()).unwrap().unwrap();
            assert_eq!(row.message.as_deref(), Some(reason));
            run.resolve(&StepPath::from_text("still"), Decision::Fail, "ada").await.unwrap();
            assert!(matches!(run.wait().await.unwrap(), RunEnd::Failed { .. }));
        });
    }
}

#[test]
fn a_job_that_was_called_off_and_done_all_the_same_is_paid_and_booked() {
    run(async {
        let lab = Lab::that_says([Says::Takes("j1"), Says::Silence, Says::Gives("late")]);
        let (motet, run) = start(&lab).await;
        until(&run, |event| matches!(event, Event::Attempt { event: AttemptEvent::Accepted { .. }, .. }))
            .await;
        run.cancel("ada", "enough").await.unwrap();
        assert!(matches!(run.wait().await.unwrap(), RunEnd::Cancelled { .. }));
        assert_eq!(lab.asked(), ["submit 1", "poll j1", "cancel j1"]);
        assert_eq!(motet.store().run(run.id()).unwrap().unwrap().cost.to_string(), "0.04");
    });
}

#[test]
fn a_job_that_takes_too_long_is_cancelled_at_the_provider() {
    run(async {
        let lab = Lab::that_says([Says::Takes("j1"), Says::Silence, Says::Cancelled]);
        let (_motet, run) = start(&lab).await;
        let RunEnd::Failed { failure, .. } = run.wait().await.unwrap() else { panic!("it took too long") };
        assert_eq!(failure.class, Class::Timeout);
        assert_eq!(lab.asked(), ["submit 1", "poll j1", "cancel j1"]);
    });
}
