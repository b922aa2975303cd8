//! What every store does, whether it is a file or in memory.

mod score;

use std::sync::mpsc;

use motet_engine::event::LateEnd;
use motet_engine::{Event, Failure, Money, StepStatus};
use motet_pipeline::{Class, Digest, Span, StepPath, Timestamp, Value};
use motet_store::{FoundRun, Record, RunFilter, RunStatus, Store, StoreError, inputs_digest};

use score::{Score, artifact, completed};

/// Runs each story on a store in a file and on one in memory.
macro_rules! on_every_store {
    ($($story:ident)+) => {
        mod in_a_file {
            $(#[test] fn $story() {
                let folder = tempfile::tempdir().unwrap();
                super::$story(&super::Store::open(folder.path()).unwrap());
            })+
        }
        mod in_memory {
            $(#[test] fn $story() {
                super::$story(&super::Store::in_memory().unwrap());
            })+
        }
    };
}

on_every_store! {
    what_is_appended_is_replayed
    many_records_get_one_acknowledgement
    acknowledgements_come_in_the_order_of_requests
    turns_are_followed_from_a_number_on
    a_turn_out_of_order_is_refused_and_harms_no_other
    a_request_is_written_as_a_whole_or_not_at_all
    a_first_turn_must_start_its_run
    an_unknown_run_is_named
    large_turns_lie_beside_and_come_back
    a_run_is_told_from_start_to_end
    steps_are_told_as_they_go
    late_costs_are_booked_after_the_end
    costs_stay_exact
    artifacts_are_referred_to_by_step_and_output
    the_same_bytes_are_kept_once
    a_file_can_be_handed_over
    a_damaged_copy_is_replaced
    turns_that_gather_are_committed_at_once
    a_callback_that_panics_leaves_nobody_waiting
    plans_are_kept_by_digest
    runs_are_found_by_their_ending
    runs_are_filtered
    unfinished_runs_are_found_by_plan_and_inputs
    the_usual_duration_is_a_median_of_good_attempts
    the_last_sign_of_life_is_known
    projections_can_be_made_again
    a_good_store_passes_its_check
}

fn what_is_appended_is_replayed(store: &Store) {
    let score = Score::four_steps("r");
    for record in score.records() {
        let (done, acknowledged) = mpsc::channel();
        store.append(record, move |outcome| done.send(outcome).unwrap());
        acknowledged.recv().unwrap().unwrap();
    }
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

fn many_records_get_one_acknowledgement(store: &Store) {
    let scores: Vec<Score> = (0..50).map(|n| Score::four_steps(&format!("run{n}"))).collect();
    let records = scores.iter().flat_map(Score::records).collect();
    let (done, acknowledged) = mpsc::channel();
    store.append_all(records, move |outcome| done.send(outcome).unwrap());
    acknowledged.recv().unwrap().unwrap();
    for score in scores {
        assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    }
}

fn acknowledgements_come_in_the_order_of_requests(store: &Store) {
    let score = Score::four_steps("r");
    let (done, acknowledged) = mpsc::channel();
    for record in score.records() {
        let (done, number) = (done.clone(), record.turn.number);
        store.append(record, move |outcome| done.send((number, outcome.is_ok())).unwrap());
    }
    drop(done);
    let order: Vec<(u64, bool)> = acknowledged.iter().collect();
    assert_eq!(order, (1..=score.turns().len() as u64).map(|n| (n, true)).collect::<Vec<_>>());
}

fn turns_are_followed_from_a_number_on(store: &Store) {
    let score = Score::four_steps("r").kept_in(store);
    assert_eq!(store.turns_from(&score.run, 3).unwrap(), score.turns()[2..]);
    assert_eq!(store.turns_from(&score.run, 1000).unwrap(), []);
}

fn a_turn_out_of_order_is_refused_and_harms_no_other(store: &Store) {
    let (one, other) = (Score::four_steps("one"), Score::four_steps("other"));
    let (first, third) = (one.records()[0].clone(), one.records()[2].clone());
    store.append_now(std::slice::from_ref(&first)).unwrap();
    let (done, outcomes) = mpsc::channel();
    for records in [vec![third], other.records(), vec![first]] {
        let done = done.clone();
        store.append_all(records, move |outcome| done.send(outcome).unwrap());
    }
    drop(done);
    let outcomes: Vec<Result<(), StoreError>> = outcomes.iter().collect();
    assert!(matches!(outcomes[0], Err(StoreError::OutOfOrder { expected: 2, found: 3, .. })), "{outcomes:?}");
    assert!(outcomes[1].is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[2], Err(StoreError::OutOfOrder { expected: 2, found: 1, .. })), "{outcomes:?}");
    assert_eq!(store.turns(&one.run).unwrap().len(), 1);
    assert_eq!(store.turns(&other.run).unwrap(), other.turns());
}

fn a_request_is_written_as_a_whole_or_not_at_all(store: &Store) {
    let score = Score::four_steps("r");
    let mut records = score.records();
    let last = records.len() - 1;
    records.swap(last, last - 1);
    assert!(matches!(store.append_now(&records), Err(StoreError::OutOfOrder { .. })));
    assert!(matches!(store.turns(&score.run), Err(StoreError::NoRun { .. })));
    store.append_now(&score.records()).unwrap();
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

fn a_first_turn_must_start_its_run(store: &Store) {
    let record = |run: &str| Record {
        run: motet_engine::RunId::new(run),
        ..Score::four_steps("r").records()[0].clone()
    };
    assert!(matches!(store.append_now(&[record("another")]), Err(StoreError::NotStarted { .. })));
    store.append_now(&[record("r")]).unwrap();
}

fn an_unknown_run_is_named(store: &Store) {
    let run = motet_engine::RunId::new("nobody");
    assert_eq!(store.turns(&run).unwrap_err().to_string(), "there is no run nobody in this store");
    assert_eq!(store.run(&run).unwrap(), None);
    assert_eq!(store.steps(&run).unwrap(), []);
    assert_eq!(store.outputs(&run).unwrap(), None);
}

fn large_turns_lie_beside_and_come_back(store: &Store) {
    let mut score = Score::started("r", Value::map([("text", Value::from("long ".repeat(20_000)))]));
    score.turn([completed("a", Value::map([("text", Value::from("x".repeat(70_000)))]))]);
    let score = score.kept_in(store);
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    let output = store.output(&score.run, &StepPath::from_text("a")).unwrap().unwrap();
    assert_eq!(output.get("text").and_then(Value::as_str).map(str::len), Some(70_000));
    let report = store.check().unwrap();
    assert_eq!((report.artifacts, report.unreferenced.len(), report.is_good()), (2, 0, true));
}

fn a_run_is_told_from_start_to_end(store: &Store) {
    let score = Score::four_steps("r");
    store.append_now(&score.records()[..3]).unwrap();
    let row = store.run(&score.run).unwrap().unwrap();
    assert_eq!((row.status, row.ended_at, row.turns), (RunStatus::Running, None, 3));
    assert_eq!(row.updated_at, score.turns()[2].at);
    assert_eq!(store.outputs(&score.run).unwrap(), None);

    store.append_now(&score.records()[3..]).unwrap();
    let row = store.run(&score.run).unwrap().unwrap();
    let end = score.turns().last().unwrap().at;
    assert_eq!((row.status, row.degraded, row.ended_at), (RunStatus::Completed, true, Some(end)));
    assert_eq!((row.pipeline.as_str(), row.seed, row.started_at), ("film", u64::MAX, score.turns()[0].at));
    assert_eq!(row.user.as_deref(), Some("ada"));
    assert_eq!(row.inputs_digest, inputs_digest(&score.inputs));
    assert_eq!(row.cost.to_string(), "0.004");
    assert!(store.outputs(&score.run).unwrap().unwrap().get("video").is_some());

    let mut failed = Score::started("f", Value::map([("a", Value::Null)]));
    let failure = Failure::new(Class::Content, "refused");
    failed.turn([Event::RunFailed { step: Some(StepPath::from_text("still")), failure }]);
    let row = store.run(&failed.kept_in(store).run).unwrap().unwrap();
    assert_eq!(
        (row.status, row.class.as_deref(), row.message.as_deref()),
        (RunStatus::Failed, Some("content"), Some("refused"))
    );
    assert_eq!(row.failed_step, Some(StepPath::from_text("still")));

    let mut cancelled = Score::started("c", Value::map([("a", Value::Null)]));
    cancelled.turn([Event::RunCancelled { reason: "asked to".into() }]);
    let row = store.run(&cancelled.kept_in(store).run).unwrap().unwrap();
    assert_eq!((row.status, row.message.as_deref()), (RunStatus::Cancelled, Some("asked to")));
}

fn steps_are_told_as_they_go(store: &Store) {
    let step = StepPath::from_text("a");
    let ready = Event::StepReady { step: step.clone(), inputs: Some(Value::Null) };
    let planned = |attempt, target| Event::AttemptPlanned {
        step: step.clone(),
        attempt,
        target,
        operation: format!("local/{target}"),
        estimate: Money::ZERO,
        deadline: Timestamp(99),
    };
    let failed = |attempt| Event::AttemptFailed {
        step: step.clone(),
        attempt,
        failure: Failure::new(Class::Timeout, "slow"),
        cost: "0.1".parse().unwrap(),
        abandoned: false,
    };
    let retry = Event::RetryScheduled {
        step: step.clone(),
        at: Timestamp(777),
        reason: "slow".into(),
        counted: true,
    };
    let fallback = Event::FallbackTaken { step: step.clone(), target: 1, reason: "slow".into() };
    let end = Event::StepFailed {
        step: step.clone(),
        failure: Failure::new(Class::Gone, "no more"),
        tolerated: true,
    };

    let mut score = Score::started("r", Value::map([("a", Value::Null)]));
    let mut told = Vec::new();
    for events in [
        vec![ready],
        vec![planned(1, 0)],
        vec![failed(1), retry],
        vec![planned(2, 0)],
        vec![failed(2), fallback],
        vec![planned(3, 1)],
        vec![end],
    ] {
        score.turn(events);
        store.append_now(&score.take_new()).unwrap();
        let row = store.steps(&score.run).unwrap().remove(0);
        told.push(format!(
            "{} {} {:?} {:?}",
            row.status.word(),
            row.attempts,
            row.operation.as_deref(),
            row.wakes_at
        ));
    }
    assert_eq!(
        told,
        [
            "waiting 0 None None",
            r#"running 1 Some("local/0") None"#,
            r#"sleeping 1 Some("local/0") Some(Timestamp(777))"#,
            r#"running 2 Some("local/0") None"#,
            r#"waiting 2 Some("local/0") None"#,
            r#"running 3 Some("local/1") None"#,
            r#"failed 3 Some("local/1") None"#,
        ]
    );
    let row = store.steps(&score.run).unwrap().remove(0);
    assert_eq!((row.status, row.tolerated, row.target), (StepStatus::Failed, true, Some(1)));
    assert_eq!((row.class.as_deref(), row.message.as_deref()), (Some("gone"), Some("no more")));
    assert_eq!((row.started_at, row.attempted_at), (Some(score.turns()[1].at), Some(score.turns()[6].at)));
    assert_eq!(row.cost.to_string(), "0.2");
}

fn late_costs_are_booked_after_the_end(store: &Store) {
    let score = Score::four_steps("r").kept_in(store);
    let mut late = score.clone();
    late.turn([Event::AttemptEnded {
        step: StepPath::from_text("image"),
        attempt: 1,
        end: LateEnd::Succeeded,
        output: Some(Value::map([("image", artifact(b"late"))])),
        cost: "1".parse().unwrap(),
    }]);
    store.append_now(&late.take_new()).unwrap();
    let row = store.run(&score.run).unwrap().unwrap();
    assert_eq!((row.status, row.cost.to_string().as_str()), (RunStatus::Completed, "1.004"));
    let step = &store.steps(&score.run).unwrap()[1];
    assert_eq!(
        (step.path.as_str(), step.status, step.cost.to_string().as_str()),
        ("image", StepStatus::Completed, "1.001")
    );
    assert!(store.artifacts(&score.run).unwrap().iter().any(|row| row.output == "attempts.1.image"));
    assert!(store.outputs(&score.run).unwrap().is_some(), "the outputs are not those of the last turn");
}

fn costs_stay_exact(store: &Store) {
    let mut score = Score::started("r", Value::map([("a", Value::Null)]));
    let cost = Money::from_units(i128::from(i64::MAX));
    for attempt in 1..=3 {
        score.turn([Event::AttemptSucceeded { step: StepPath::from_text("a"), attempt, cost }]);
    }
    let score = score.kept_in(store);
    let total = Money::from_units(3 * i128::from(i64::MAX));
    assert_eq!(store.run(&score.run).unwrap().unwrap().cost, total);
    assert_eq!(store.steps(&score.run).unwrap()[0].cost, total);
}

fn artifacts_are_referred_to_by_step_and_output(store: &Store) {
    let photo = artifact(b"photo");
    let mut score = Score::started("r", Value::map([("photo", photo.clone())]));
    let images = Value::list(vec![artifact(b"one"), artifact(b"two"), artifact(b"one")]);
    score.turn([completed("shots[k]/still", Value::map([("images", images)]))]);
    score.turn([Event::RunCompleted { outputs: Value::map([("same", photo)]), degraded: false }]);
    let score = score.kept_in(store);
    let rows = store.artifacts(&score.run).unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| format!("{}|{}|{}|{}", row.step, row.output, row.position, row.artifact.digest.short()))
        .collect();
    let short = |bytes: &[u8]| Digest::of(bytes).short();
    assert_eq!(
        told,
        [
            format!("|inputs.photo|0|{}", short(b"photo")),
            format!("|outputs.same|0|{}", short(b"photo")),
            format!("shots[k]/still|images|0|{}", short(b"one")),
            format!("shots[k]/still|images|1|{}", short(b"two")),
            format!("shots[k]/still|images|2|{}", short(b"one")),
        ]
    );
    assert_eq!(rows[0].artifact.width, Some(640));
}

fn the_same_bytes_are_kept_once(store: &Store) {
    let kept = store.put_bytes(b"some bytes").unwrap();
    assert_eq!((kept.digest, kept.bytes), (Digest::of(b"some bytes"), 10));
    let file = store.scratch().join("made");
    std::fs::write(&file, b"some bytes").unwrap();
    assert_eq!(store.import_file(&file).unwrap(), kept);
    assert_eq!(store.check().unwrap().artifacts, 1);
    assert!(store.has(&kept.digest));
    assert!(std::fs::metadata(store.path_of(&kept.digest)).unwrap().permissions().readonly());
    let text = std::io::read_to_string(store.open_artifact(&kept.digest).unwrap()).unwrap();
    assert_eq!(text, "some bytes");
    let absent = Digest::of(b"other");
    assert!(!store.has(&absent));
    assert!(matches!(store.open_artifact(&absent), Err(StoreError::NoArtifact { .. })));
    assert!(matches!(store.import_file(&file.join("no")), Err(StoreError::Io { doing: "open", .. })));
}

fn a_file_can_be_handed_over(store: &Store) {
    for _ in 0..2 {
        let file = store.scratch().join("made");
        std::fs::write(&file, b"a film").unwrap();
        let kept = store.adopt_file(&file).unwrap();
        assert_eq!((kept.digest, kept.bytes), (Digest::of(b"a film"), 6));
        assert_eq!(std::fs::read(store.path_of(&kept.digest)).unwrap(), b"a film");
        assert!(!file.exists());
    }
    for no_file in [store.scratch(), "/dev/zero".into()] {
        assert!(matches!(store.adopt_file(&no_file), Err(StoreError::Io { .. })), "{no_file:?}");
        assert!(matches!(store.import_file(&no_file), Err(StoreError::Io { .. })), "{no_file:?}");
    }
}

fn turns_that_gather_are_committed_at_once(store: &Store) {
    let scores: Vec<Score> = (0..100).map(|n| Score::four_steps(&format!("r{n}"))).collect();
    let (done, outcomes) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    store.append(Score::four_steps("first").records().remove(0), move |_| wait.recv().unwrap());
    for score in &scores {
        let done = done.clone();
        store.append(score.records().remove(0), move |outcome| done.send(outcome).unwrap());
    }
    go.send(()).unwrap();
    drop(done);
    assert_eq!(outcomes.iter().filter(Result::is_ok).count(), 100);
    let written = store.written();
    assert_eq!(written.turns, 101);
    assert!(written.commits <= 3, "{written:?}");
}

fn a_callback_that_panics_leaves_nobody_waiting(store: &Store) {
    let (done, outcomes) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let score = Score::four_steps("first").kept_in(store);
    store.append(Score::four_steps("second").records().remove(0), move |_| {
        wait.recv().unwrap();
        panic!("a callback that panics, as the test wants it");
    });
    store.append(Score::four_steps("third").records().remove(0), move |outcome| done.send(outcome).unwrap());
    go.send(()).unwrap();
    assert!(matches!(outcomes.recv().unwrap(), Err(StoreError::Closed)));
    let (done, outcomes) = mpsc::channel();
    store.append(Score::four_steps("fourth").records().remove(0), move |outcome| done.send(outcome).unwrap());
    assert!(matches!(outcomes.recv().unwrap(), Err(StoreError::Closed)));
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
}

fn a_damaged_copy_is_replaced(store: &Store) {
    let kept = store.put_bytes(b"some bytes").unwrap();
    std::fs::remove_file(store.path_of(&kept.digest)).unwrap();
    std::fs::write(store.path_of(&kept.digest), b"some").unwrap();
    assert_eq!(store.check().unwrap().damaged, [kept.digest]);
    store.put_bytes(b"some bytes").unwrap();
    assert!(store.check().unwrap().is_good());
}

fn plans_are_kept_by_digest(store: &Store) {
    let digest = Digest::of(b"{}");
    assert_eq!(store.plan(&digest).unwrap(), None);
    store.put_plan(&digest, "{}").unwrap();
    store.put_plan(&digest, "{}").unwrap();
    assert_eq!(store.plan(&digest).unwrap().as_deref(), Some("{}"));
}

fn runs_are_found_by_their_ending(store: &Store) {
    for run in ["01ABCDEFGHJKMNPQRSTVWX7Q2K", "01ABCDEFGHJKMNPQRSTVWX9Q2K", "2K"] {
        Score::four_steps(run).kept_in(store);
    }
    let one = |found: FoundRun| match found {
        FoundRun::One(row) => row.id.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(one(store.find_run("7q2k").unwrap()), "01ABCDEFGHJKMNPQRSTVWX7Q2K");
    assert_eq!(one(store.find_run("2K").unwrap()), "2K", "a whole id wins over endings");
    let FoundRun::Several(ids) = store.find_run("Q2K").unwrap() else { panic!("two end so") };
    assert_eq!(ids[0].as_str(), "01ABCDEFGHJKMNPQRSTVWX9Q2K", "the newest first");
    assert_eq!(ids.len(), 2);
    assert_eq!(store.find_run("%").unwrap(), FoundRun::None);
    assert_eq!(store.find_run("").unwrap(), FoundRun::None);
}

fn runs_are_filtered(store: &Store) {
    for n in 0..3 {
        Score::four_steps(&format!("done{n}")).kept_in(store);
    }
    Score::labelled("going", [("team", "blue"), ("shot", "3")]).kept_in(store);
    let ids = |filter: RunFilter| -> Vec<String> {
        store.runs(&filter).unwrap().iter().map(|row| row.id.to_string()).collect()
    };
    assert_eq!(ids(RunFilter::default()), ["going", "done2", "done1", "done0"]);
    assert_eq!(ids(RunFilter { limit: Some(2), ..RunFilter::default() }), ["going", "done2"]);
    assert_eq!(ids(RunFilter { status: Some(RunStatus::Running), ..RunFilter::default() }), ["going"]);
    assert_eq!(ids(RunFilter { pipeline: Some("other".into()), ..RunFilter::default() }), [""; 0]);
    let labelled = |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        ids(RunFilter { labels, ..RunFilter::default() })
    };
    assert_eq!(labelled(&[("team", "blue")]), ["going"]);
    assert_eq!(labelled(&[("team", "blue"), ("shot", "4")]), [""; 0]);
}

fn unfinished_runs_are_found_by_plan_and_inputs(store: &Store) {
    let (one, two) = (Value::map([("n", Value::from(1_i64))]), Value::map([("n", Value::from(2_i64))]));
    let first = Score::started("first", one.clone()).kept_in(store);
    Score::started("second", one.clone()).kept_in(store);
    Score::started("third", two.clone()).kept_in(store);
    Score::four_steps("over").kept_in(store);
    let like = |plan: &Digest, inputs: &Value| {
        store.unfinished_like(plan, &inputs_digest(inputs)).unwrap().map(|row| row.id.to_string())
    };
    assert_eq!(like(&first.plan, &one).as_deref(), Some("second"));
    assert_eq!(like(&first.plan, &two).as_deref(), Some("third"));
    assert_eq!(like(&first.plan, &Score::four_steps("over").inputs), None);
    assert_eq!(like(&Digest::of(b"another"), &one), None);
    let unfinished: Vec<String> = store.unfinished().unwrap().iter().map(|row| row.id.to_string()).collect();
    assert_eq!(unfinished, ["first", "second", "third"]);
}

fn the_usual_duration_is_a_median_of_good_attempts(store: &Store) {
    assert_eq!(store.usual_duration("local/image").unwrap(), None);
    for n in 0..3 {
        Score::four_steps(&format!("r{n}")).kept_in(store);
    }
    let usual = store.usual_duration("local/image").unwrap().unwrap();
    assert_eq!((usual.median, usual.samples), (Span::milliseconds(10), 3));
}

fn the_last_sign_of_life_is_known(store: &Store) {
    assert_eq!(store.last_heartbeat().unwrap(), None);
    store.heartbeat(Timestamp(5)).unwrap();
    assert_eq!(store.last_heartbeat().unwrap(), Some(Timestamp(5)));
    let score = Score::four_steps("r").kept_in(store);
    assert_eq!(store.last_heartbeat().unwrap(), Some(score.turns().last().unwrap().at));
    store.heartbeat(Timestamp(1 << 50)).unwrap();
    assert_eq!(store.last_heartbeat().unwrap(), Some(Timestamp(1 << 50)));
}

fn projections_can_be_made_again(store: &Store) {
    let scores: Vec<Score> = (0..5).map(|n| Score::four_steps(&format!("r{n}")).kept_in(store)).collect();
    let told = || {
        let mut told = format!("{:#?}", store.runs(&RunFilter::default()).unwrap());
        for score in &scores {
            told += &format!(
                "{:#?}{:#?}",
                store.steps(&score.run).unwrap(),
                store.artifacts(&score.run).unwrap()
            );
        }
        told
    };
    let before = told();
    store.rebuild_projections().unwrap();
    assert_eq!(told(), before);
    let mut late = scores[4].clone();
    late.turn([Event::CancelRequested { by: "ada".into(), reason: "late".into() }]);
    store.append_now(&late.take_new()).unwrap();
}

fn a_good_store_passes_its_check(store: &Store) {
    let score = Score::four_steps("r").kept_in(store);
    let report = store.check().unwrap();
    assert!(!report.is_good(), "the bytes of its artifacts are not there");
    let missing = store.artifacts(&score.run).unwrap().into_iter().map(|row| row.artifact.digest);
    assert_eq!(
        report.missing,
        missing.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    score.put_artifacts(store);
    let kept = store.put_bytes(b"of no use").unwrap();
    let report = store.check().unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.runs, report.turns), (1, score.turns().len()));
    assert_eq!(report.unreferenced, [kept.digest]);
    assert!(report.free_bytes > 0);
}

#[test]
fn what_was_handed_in_is_committed_when_the_store_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let scores: Vec<Score> = (0..100).map(|n| Score::four_steps(&format!("r{n}"))).collect();
    for score in &scores {
        store.append_all(score.records(), |outcome| outcome.unwrap());
    }
    drop(store);
    let store = Store::open_read_only(folder.path()).unwrap();
    for score in &scores {
        assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    }
}

#[test]
fn a_store_in_memory_leaves_nothing_behind() {
    let store = Store::in_memory().unwrap();
    let folder = store.folder().to_owned();
    store.put_bytes(b"some bytes").unwrap();
    assert!(folder.exists());
    drop(store.clone());
    assert!(folder.exists());
    drop(store);
    assert!(!folder.exists());
}
