use std::future::{pending, ready};

use motet_engine::event::LateEnd;
use motet_pipeline::{Class, Cost, Failure, StepPath, Timestamp};
use serde_json::json;

use super::*;

const ADDRESS: &str = "https://motet.example";

fn key(number: u32) -> AttemptKey {
    AttemptKey { step: StepPath::from_text("still"), number }
}

fn run() -> RunId {
    RunId::new("r1")
}

fn turn(number: u32, event: AttemptEvent) -> Turn {
    Turn { number: 1, at: Timestamp(0), events: vec![Event::Attempt { key: key(number), event }] }
}

fn planned(token: &str, hook: Option<&str>) -> AttemptEvent {
    let intent = Intent {
        provider: "lab".to_owned(),
        token: token.to_owned(),
        hook: hook.map(|address| format!("{address}/hooks/lab")),
        ..Intent::default()
    };
    AttemptEvent::Planned {
        target: 0,
        operation: "lab/still".to_owned(),
        version: 1,
        estimate: Default::default(),
        deadline: Timestamp(0),
        intent: Some(Arc::new(intent)),
    }
}

fn accepted(job: &str) -> AttemptEvent {
    AttemptEvent::Accepted { job: job.to_owned(), deadline: None }
}

/// A register in which attempts with the tokens `t1`, `t2`, … are awaited.
fn awaiting(count: u32) -> Hooks {
    let hooks = Hooks::default();
    hooks.open(Some(ADDRESS.to_owned()));
    for number in 1..=count {
        hooks.planned(&run(), &turn(number, planned(&format!("t{number}"), Some(ADDRESS))));
    }
    hooks
}

fn report(job: &str) -> Hook {
    Hook { token: None, job: job.to_owned(), delivery: None, body: json!({}), at: Timestamp(0) }
}

/// What is heard, if anything is.
async fn heard(ear: &mut Ear) -> Hook {
    match ear.hear(pending::<()>()).await {
        Either::Left(hook) => hook,
        Either::Right(()) => panic!("nothing is pending"),
    }
}

async fn hears_nothing(ear: &mut Ear) -> bool {
    matches!(ear.hear(ready(())).await, Either::Right(()))
}

fn waits(told: Told) -> oneshot::Receiver<Receipt> {
    match told {
        Told::Waits(answer, None) => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_report_is_heard_at_once_and_acknowledged_when_what_it_led_to_is_durable() {
    let hooks = awaiting(1);
    let mut ear = hooks.listen("t1");
    let mut answer = waits(hooks.tell("lab", "t1", report("j1")));
    assert_eq!(heard(&mut ear).await.job, "j1");
    drop(ear);
    hooks.recorded(&run(), &turn(1, AttemptEvent::Warned { message: "slow".to_owned() }));
    assert!(answer.try_recv().is_err(), "its end is not durable yet");
    hooks.recorded(&run(), &turn(1, AttemptEvent::Finished {}));
    assert_eq!(answer.await.unwrap(), Receipt::Recorded);
    assert!(
        matches!(hooks.tell("lab", "t1", report("j1")), Told::Nobody),
        "what has ended is awaited no more"
    );
    assert!(hooks.is_empty());
}

#[tokio::test]
async fn a_report_that_leads_to_nothing_is_acknowledged_as_soon_as_the_next_one_is_awaited() {
    let hooks = awaiting(1);
    let mut ear = hooks.listen("t1");
    let answer = waits(hooks.tell("lab", "t1", report("j1")));
    heard(&mut ear).await;
    assert!(hears_nothing(&mut ear).await);
    assert_eq!(answer.await.unwrap(), Receipt::Useless);
}

#[tokio::test]
async fn what_comes_before_the_reply_to_the_request_waits_for_whoever_asks_for_the_job() {
    let hooks = awaiting(1);
    let answer = waits(hooks.tell("lab", "t1", report("j1")));
    hooks.recorded(&run(), &turn(1, accepted("j1")));
    let mut ear = hooks.listen("t1");
    assert_eq!(heard(&mut ear).await.job, "j1");
    drop(ear);
    hooks.recorded(&run(), &turn(1, AttemptEvent::Finished {}));
    assert_eq!(answer.await.unwrap(), Receipt::Recorded);
}

#[tokio::test]
async fn who_looks_for_a_lost_job_hears_its_name_and_the_report_stays_for_whoever_asks_for_it() {
    let hooks = awaiting(1);
    let mut looking = hooks.listen("t1");
    let answer = waits(hooks.tell("lab", "t1", report("j1")));
    assert_eq!(looking.hear_of_job(pending(), |_| true).await.unwrap(), "j1");
    drop(looking);
    hooks.recorded(&run(), &turn(1, accepted("j1")));
    let mut asking = hooks.listen("t1");
    assert_eq!(heard(&mut asking).await.job, "j1");
    drop(asking);
    hooks.recorded(
        &run(),
        &turn(
            1,
            AttemptEvent::Ended {
                end: LateEnd::Failed,
                output: None,
                cost: Cost::NONE,
                why: None,
                cache: None,
            },
        ),
    );
    assert_eq!(answer.await.unwrap(), Receipt::Recorded);

    let hooks = awaiting(1);
    let mut looking = hooks.listen("t1");
    let answer = waits(hooks.tell("lab", "t1", report("j2")));
    assert_eq!(looking.hear_of_job(pending(), |_| false).await, None);
    assert_eq!(answer.await.unwrap(), Receipt::OtherJob);
}

#[tokio::test]
async fn what_is_not_heard_is_heard_by_the_next_also_if_that_one_came_before_the_other_had_gone() {
    let hooks = awaiting(1);
    let first = hooks.listen("t1");
    let _one = waits(hooks.tell("lab", "t1", report("j1")));
    let mut second = hooks.listen("t1");
    let _two = waits(hooks.tell("lab", "t1", report("j1")));
    heard(&mut second).await;
    drop(first);
    // What the first one left.
    heard(&mut second).await;
    drop(second);
    assert!(hears_nothing(&mut hooks.listen("t1")).await);
}

#[tokio::test]
async fn a_report_of_another_job_another_provider_or_another_address_is_nobodys() {
    let hooks = awaiting(1);
    hooks.recorded(&run(), &turn(1, accepted("j1")));
    assert!(matches!(hooks.tell("lab", "t1", report("j2")), Told::OtherJob));
    assert!(matches!(hooks.tell("shop", "t1", report("j1")), Told::Nobody));
    assert!(matches!(hooks.tell("lab", "t2", report("j1")), Told::Nobody));

    hooks.planned(&run(), &turn(2, planned("t2", Some("https://before.example"))));
    hooks.planned(&run(), &turn(3, planned("t3", Some("https://motet.example.evil.example"))));
    hooks.planned(&run(), &turn(4, planned("t4", None)));
    assert!(["t2", "t3", "t4"].iter().all(|token| hooks.known("lab", token).is_none()));
    assert_eq!(hooks.known("lab", "t1").unwrap().job.as_deref(), Some("j1"));
    assert!(!hooks.listen("t2").is_open() && hooks.listen("t1").is_open());
}

#[tokio::test]
async fn an_attempt_that_is_given_up_as_unknown_is_told_that_it_has_the_job() {
    let hooks = awaiting(1);
    let failure = Failure::new(Class::Unknown, "no reply");
    hooks.recorded(&run(), &turn(1, AttemptEvent::Unknown { failure, cost: Cost::NONE }));
    let Told::Waits(_, Some((of, attempt))) = hooks.tell("lab", "t1", report("j1")) else {
        panic!("it waits")
    };
    assert_eq!((of, attempt), (run(), key(1)));
}

/// However much is delivered, and whoever doesn't hear it, what is kept is bounded, and comes back.
#[tokio::test]
async fn what_waits_is_bounded_and_counted() {
    let count = 100;
    let hooks = awaiting(count);
    let mut full = 0;
    for number in 1..=count {
        for _ in 0..EARLY_MAX + 1 {
            full += usize::from(matches!(hooks.tell("lab", &format!("t{number}"), report("j")), Told::Full));
        }
    }
    assert_eq!(full, count as usize * (EARLY_MAX + 1) - EARLY_OF_ALL_MAX);
    assert_eq!(hooks.register().early, EARLY_OF_ALL_MAX);
    for number in 1..=count / 2 {
        hooks.recorded(&run(), &turn(number, AttemptEvent::Finished {}));
    }
    drop(hooks.listen(&format!("t{count}")));
    hooks.forget_run(&run());
    let register = hooks.register();
    assert_eq!((register.early, register.awaited.len(), register.tokens.len()), (0, 0, 0));
}

#[tokio::test]
async fn whoever_delivered_what_nobody_can_record_any_more_is_told_nothing() {
    let hooks = awaiting(2);
    let early = waits(hooks.tell("lab", "t1", report("j1")));
    let mut ear = hooks.listen("t2");
    let heard = waits(hooks.tell("lab", "t2", report("j2")));
    self::heard(&mut ear).await;
    hooks.forget_all();
    drop(ear);
    assert!(early.await.is_err());
    // It was heard, and its ear has led to nothing that anybody records.
    assert!(heard.await.is_err());
}
