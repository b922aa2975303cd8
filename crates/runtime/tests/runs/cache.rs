//! `cache`, through the library and under virtual time: what another run made is taken, and two that make the same at
//! once share one call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet::costs::{By, Costs};
use motet::engine::{AttemptEvent, Event, Found, JobNews};
use motet::follow::Happening;
use motet::language::contract::{Call, CallForm, Contract, Work as Kind};
use motet::language::price::{Price, Tariff, Unit};
use motet::language::{Money, Timestamp, Type, Value};
use motet::operation::{RemoteOperation, Submitted, WorkError};
use motet::world::virtual_time::{VirtualWorld, run};
use motet::{Builder, Class, Cost, Failure, Motet, Outcome, RunEnd, RunHandle, StartOptions, Task, Work};

use crate::stage::{EPOCH, simulated_with};

/// A picture at $0.04, which takes a minute.
const PICTURE: &str = r#"
motet: 1
name: picture
inputs: { of: { type: string, default: a boat } }
steps: { still: { uses: lab/picture, with: { of: "{{ inputs.of }}" }, cache: true, retry: { attempts: 1 } } }
outputs: { picture: "{{ steps.still.value }}" }
"#;

/// A provider whose jobs take a minute, and what it was asked.
#[derive(Clone, Default)]
struct Lab {
    asked: Arc<Mutex<Vec<String>>>,
    /// How many of the first jobs fail.
    fails: usize,
}

impl Lab {
    fn note(&self, what: String) -> usize {
        let mut asked = self.asked.lock().unwrap();
        asked.push(what);
        asked.iter().filter(|what| what.starts_with("submit")).count()
    }

    /// What it was asked that may cost.
    fn calls(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl RemoteOperation for Lab {
    fn submit(&self, _: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        let number = self.note("submit".to_owned());
        Box::pin(async move { Ok(Submitted::Job(format!("job{number}"))) })
    }

    fn reconcile(&self, _: Work) -> BoxFuture<'static, Result<Found, WorkError>> {
        Box::pin(async { Ok(Found::Unclear) })
    }

    fn poll(&self, work: Work, job: String) -> BoxFuture<'static, Result<JobNews, WorkError>> {
        let fails = job.trim_start_matches("job").parse::<usize>().unwrap() <= self.fails;
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(60)) => {}
                () = work.stop().cancelled() => return Err(Failure::unavailable("stopped").into()),
            }
            if fails { Err(Failure::new(Class::Content, "too wild").into()) } else { Ok(JobNews::Done) }
        })
    }

    fn fetch(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        let of = work.inputs().get("of").and_then(Value::as_str).unwrap_or("nothing").to_owned();
        let value = Value::from(format!("{of} by {job}"));
        let cost = Cost::billed("0.04".parse().unwrap());
        Box::pin(async move { Ok(Some(Outcome::of(Value::map([("value", value)])).cost(cost))) })
    }

    fn cancel(&self, _: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        self.note(format!("cancel {job}"));
        Box::pin(async { Ok(None) })
    }
}

fn builder(lab: &Lab) -> Builder {
    let mut contract =
        Contract::new("lab/picture", Kind::Model).output("value", Type::Text).call(Call::paid(CallForm::Job));
    contract.open_inputs = true;
    contract.price = Some(Price::of(Tariff::new(Unit::Image, 1, "0.04".parse().unwrap())));
    Motet::builder().add_task(Task::remote(contract, lab.clone()))
}

async fn begin(motet: &Motet, text: &str, options: StartOptions) -> RunHandle {
    let pipeline = motet.load_text(text).unwrap();
    let options = StartOptions { new: true, ..options };
    motet.start_with(&pipeline, (), options).await.unwrap().run
}

/// Plays a run to its end: what it gives, or the class of its failure.
async fn gives(motet: &Motet, text: &str, options: StartOptions) -> String {
    shown(begin(motet, text, options).await.wait().await.unwrap())
}

fn shown(end: RunEnd) -> String {
    match end {
        RunEnd::Completed { outputs, .. } => {
            outputs.get("picture").and_then(Value::as_str).unwrap().to_owned()
        }
        RunEnd::Failed { failure, .. } => failure.to_string(),
        other => format!("{other:?}"),
    }
}

/// Waits until something happened to an attempt of the run.
async fn until(run: &RunHandle, wanted: impl Fn(&AttemptEvent) -> bool) {
    let mut events = run.events().await.unwrap();
    let is_it = |event: &Event| matches!(event, Event::Attempt { event, .. } if wanted(event));
    while let Some(happening) = events.next().await {
        if matches!(&happening, Happening::Turn(turn) if turn.events.iter().any(is_it)) {
            return;
        }
    }
    panic!("it never happened");
}

fn usual() -> StartOptions {
    StartOptions::default()
}

#[test]
fn what_another_run_made_is_taken_and_counted_as_saved() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        assert_eq!(gives(&motet, PICTURE, usual()).await, "a boat by job1");
        assert_eq!(gives(&motet, PICTURE, usual()).await, "a boat by job1");
        assert_eq!(gives(&motet, &PICTURE.replace("boat", "barge"), usual()).await, "a barge by job2");
        let fresh = StartOptions { no_cache: true, ..usual() };
        assert_eq!(gives(&motet, PICTURE, fresh).await, "a boat by job3");
        assert_eq!(gives(&motet, PICTURE, usual()).await, "a boat by job3", "the newest is taken");
        assert_eq!(lab.calls().len(), 3);
        let costs = Costs::read(motet.store(), None, By::Model).unwrap();
        let saved: Money = "0.08".parse().unwrap();
        assert_eq!((costs.total.saved, costs.groups.len()), (saved, 1));
        assert_eq!(costs.groups[0].sum.saved, saved);
        // The run that made the boat first isn't needed any more.
        let needed = motet.store().runs_in_cache(Timestamp(EPOCH.0 + 1_000_000_000)).unwrap();
        assert_eq!(needed.len(), 2);
    });
}

#[test]
fn a_result_that_is_too_old_is_made_again() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let hour = PICTURE.replace("cache: true", "cache: { ttl: 1h }");
        gives(&motet, &hour, usual()).await;
        tokio::time::sleep(Duration::from_secs(3500)).await;
        assert_eq!(gives(&motet, &hour, usual()).await, "a boat by job1");
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert_eq!(gives(&motet, &hour, usual()).await, "a boat by job2");
        assert_eq!(motet.store().runs_in_cache(Timestamp(EPOCH.0 + 100_000_000)).unwrap(), []);
    });
}

#[test]
fn a_hit_needs_no_money() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        gives(&motet, PICTURE, usual()).await;
        let poor = StartOptions { budget: Some("0.01".parse().unwrap()), ..usual() };
        assert_eq!(gives(&motet, PICTURE, poor).await, "a boat by job1");
    });
}

#[test]
fn two_runs_that_make_the_same_at_once_share_one_call() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let (one, other) = (begin(&motet, PICTURE, usual()).await, begin(&motet, PICTURE, usual()).await);
        let third = begin(&motet, &PICTURE.replace("boat", "barge"), usual()).await;
        assert_eq!(shown(one.wait().await.unwrap()), "a boat by job1");
        assert_eq!(shown(other.wait().await.unwrap()), "a boat by job1");
        assert_eq!(shown(third.wait().await.unwrap()), "a barge by job2");
        assert_eq!(lab.calls(), ["submit", "submit"]);
    });
}

#[test]
fn if_the_first_fails_the_second_makes_it() {
    run(async {
        let lab = Lab { fails: 1, ..Lab::default() };
        let motet = simulated_with(builder(&lab)).await;
        let (one, other) = (begin(&motet, PICTURE, usual()).await, begin(&motet, PICTURE, usual()).await);
        assert_eq!(shown(one.wait().await.unwrap()), "content: too wild");
        assert_eq!(shown(other.wait().await.unwrap()), "a boat by job2");
    });
}

#[test]
fn whoever_is_cancelled_leaves_its_call_to_those_who_wait_for_it() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let one = begin(&motet, PICTURE, usual()).await;
        until(&one, |event| matches!(event, AttemptEvent::Accepted { .. })).await;
        let other = begin(&motet, PICTURE, usual()).await;
        // It waits.
        tokio::time::sleep(Duration::from_secs(10)).await;
        one.cancel("ada", "enough").await.unwrap();
        assert_eq!(shown(other.wait().await.unwrap()), "a boat by job1");
        assert!(matches!(one.wait().await.unwrap(), RunEnd::Cancelled { .. }));
        assert_eq!(lab.calls(), ["submit"], "nothing was cancelled at the provider, and nothing paid twice");
        let costs = Costs::read(motet.store(), None, By::Run).unwrap();
        assert_eq!(
            (costs.total.billed, costs.total.saved),
            ("0.04".parse().unwrap(), "0.04".parse().unwrap())
        );
        assert_eq!(costs.total.wasted, Money::ZERO, "another run took it");
    });
}

#[test]
fn whoever_is_cancelled_alone_has_its_job_cancelled() {
    run(async {
        let lab = Lab::default();
        let motet = simulated_with(builder(&lab)).await;
        let one = begin(&motet, PICTURE, usual()).await;
        until(&one, |event| matches!(event, AttemptEvent::Accepted { .. })).await;
        let other = begin(&motet, PICTURE, usual()).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        other.cancel("ada", "enough").await.unwrap();
        assert!(matches!(other.wait().await.unwrap(), RunEnd::Cancelled { .. }));
        one.cancel("ada", "enough").await.unwrap();
        assert!(matches!(one.wait().await.unwrap(), RunEnd::Cancelled { .. }));
        assert_eq!(lab.calls(), ["submit", "cancel job1"]);
    });
}

#[test]
fn after_a_crash_nothing_that_is_shared_is_paid_twice() {
    for seconds in [1, 30, 59, 61] {
        run(async move {
            let folder = tempfile::tempdir().unwrap();
            let lab = Lab::default();
            let world = Arc::new(VirtualWorld::new(EPOCH, 1));
            let open = || builder(&lab).world(world.clone()).store(folder.path().join("store")).open();
            let motet = open().await.unwrap();
            let (one, other) = (begin(&motet, PICTURE, usual()).await, begin(&motet, PICTURE, usual()).await);
            let ids = [one.id().clone(), other.id().clone()];
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            motet.close().await;
            let motet = open().await.unwrap();
            motet.resume().await.unwrap();
            for id in ids {
                let handle = motet.find(id.as_str()).unwrap();
                assert_eq!(shown(handle.wait().await.unwrap()), "a boat by job1", "after {seconds} s");
            }
            assert_eq!(lab.calls(), ["submit"], "after {seconds} s");
        });
    }
}
