//! One step of a run is cancelled: its job at the provider, what may still be billed, and over restarts.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet::engine::{AttemptEvent, Event, Found, JobNews};
use motet::follow::Happening;
use motet::language::contract::{Call, CallForm, Contract, Work as Kind};
use motet::language::price::Price;
use motet::language::{StepPath, Type};
use motet::operation::{RemoteOperation, Submitted, WorkError};
use motet::report::{ArtifactPlaces, Reporter};
use motet::world::virtual_time::run;
use motet::{Builder, Class, Error, Failure, Motet, Outcome, RunEnd, RunHandle, Task, Work};

use crate::stage::simulated_with;

const FILM: &str = r#"
motet: 1
name: film
on_failure: finish
steps:
  clip: { uses: lab/kind, optional: true }
  song: { uses: lab/stubborn, optional: true }
  told: { uses: data/transform, with: { value: "{{ steps.clip.status }}, {{ steps.song.status }}" } }
outputs: { told: "{{ steps.told.value }}" }
"#;

/// A provider whose jobs never end by themselves.
#[derive(Clone, Default)]
struct Lab {
    /// What was asked of it.
    asked: Arc<Mutex<Vec<String>>>,
    /// Whether it can't cancel a job.
    is_stubborn: bool,
}

impl Lab {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl RemoteOperation for Lab {
    fn submit(&self, work: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        self.note(format!("submit {}", work.step()));
        let job = format!("job-of-{}", work.step());
        Box::pin(async { Ok(Submitted::Job(job)) })
    }

    fn reconcile(&self, _: Work) -> BoxFuture<'static, Result<Found, WorkError>> {
        unreachable!("every request is answered")
    }

    fn poll(&self, _: Work, _: String) -> BoxFuture<'static, Result<JobNews, WorkError>> {
        Box::pin(std::future::pending())
    }

    fn fetch(&self, _: Work, _: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        unreachable!("no job is ever done")
    }

    fn cancel(&self, _: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        self.note(format!("cancel {job}"));
        let can_not = Failure::new(Class::Unknown, "the provider can't cancel a job: it may still be billed");
        let outcome = if self.is_stubborn { Err(WorkError::from(can_not)) } else { Ok(None) };
        Box::pin(async { outcome })
    }
}

fn builder(lab: &Lab) -> Builder {
    let contract = |name: &str| {
        let mut contract =
            Contract::new(name, Kind::Model).output("value", Type::Text).call(Call::paid(CallForm::Job));
        contract.price = Some(Price::flat("0.35".parse().unwrap()));
        contract
    };
    let stubborn = Lab { is_stubborn: true, ..lab.clone() };
    let builder = Motet::builder().add_task(Task::remote(contract("lab/kind"), lab.clone()));
    builder.add_task(Task::remote(contract("lab/stubborn"), stubborn))
}

/// A run of [`FILM`] whose two jobs were taken.
async fn under_way(motet: &Motet) -> RunHandle {
    let run = motet.start(&motet.load_text(FILM).unwrap(), ()).await.unwrap();
    let mut events = run.events().await.unwrap();
    let mut accepted = 0;
    while accepted < 2 {
        if let Some(Happening::Turn(turn)) = events.next().await {
            let is_accepted =
                |event: &&Event| matches!(event, Event::Attempt { event: AttemptEvent::Accepted { .. }, .. });
            accepted += turn.events.iter().filter(is_accepted).count();
        }
    }
    run
}

/// What may still be billed of a run, as its journal tells.
fn may_bill(motet: &Motet, run: &RunHandle) -> Vec<String> {
    let mut reporter = Reporter::new(run.id().clone(), None, ArtifactPlaces::nowhere());
    for turn in motet.store().turns(run.id()).unwrap() {
        reporter.note(&Happening::Turn(turn.into()));
    }
    let (calls, _) = reporter.record().may_bill();
    let words = calls.iter().map(|call| {
        format!(
            "{} {} {} ${}: {}",
            call.step,
            call.provider(),
            call.job.as_deref().unwrap_or("–"),
            call.amount,
            call.why
        )
    });
    words.collect()
}

fn path(text: &str) -> StepPath {
    StepPath::from_text(text)
}

#[test]
fn a_job_is_cancelled_at_its_provider_and_one_that_cannot_be_may_still_be_billed() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let run = under_way(&motet).await;
        run.cancel_step(&path("clip"), "ada", "too slow").await.unwrap();
        run.cancel_step(&path("clip"), "bob", "too slow for me, too").await.unwrap();
        run.cancel_step(&path("song"), "ada", "").await.unwrap();
        let end = run.wait().await.unwrap();
        let RunEnd::Completed { outputs, degraded: true } = end else { panic!("{end:?}") };
        assert_eq!(outputs.get("told").and_then(|told| told.as_str()), Some("cancelled, cancelled"));
        let asked = lab.asked();
        assert_eq!(asked[2..], ["cancel job-of-clip", "cancel job-of-song"], "{asked:?}");
        assert_eq!(
            may_bill(&motet, &run),
            ["song lab job-of-song $0.35: the provider can't cancel a job: it may still be billed"]
        );
        let refused = run.cancel_step(&path("told"), "ada", "").await.unwrap_err();
        assert!(matches!(&refused, Error::NotCancelled { status, .. } if status == "completed"), "{refused}");
        let nobody = run.cancel_step(&path("nobody"), "ada", "").await.unwrap_err();
        assert!(matches!(&nobody, Error::NotCancelled { status, .. } if status == "not there"), "{nobody}");
    });
}

#[tokio::test]
async fn what_was_asked_for_is_kept_over_a_restart_and_the_job_is_cancelled_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::default();
    let open = || builder(&lab).store(folder.path()).open();
    let motet = open().await.unwrap();
    let id = under_way(&motet).await.id().clone();
    motet.close().await;

    // Nobody drives the run: it is resumed, without the step.
    let motet = open().await.unwrap();
    let run = motet.find(id.as_str()).unwrap();
    run.cancel_step(&path("clip"), "ada", "too slow").await.unwrap();
    motet.close().await;

    let motet = open().await.unwrap();
    let run = motet.find(id.as_str()).unwrap();
    run.cancel_step(&path("song"), "ada", "").await.unwrap();
    assert!(matches!(run.wait().await.unwrap(), RunEnd::Completed { degraded: true, .. }));
    let asked = lab.asked();
    let submitted = asked.iter().filter(|what| what.starts_with("submit")).count();
    assert_eq!(submitted, 2, "nothing is sent again: {asked:?}");
    assert!(asked.contains(&"cancel job-of-clip".to_owned()), "{asked:?}");
    motet.close().await;
}
