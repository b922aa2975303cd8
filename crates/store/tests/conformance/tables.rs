//! What is told from the journal: runs, steps, costs, and how they are found.

use motet_engine::event::{CacheKey, LateEnd, Reused};
use motet_engine::{AttemptEvent, AttemptKey, Event, RunEvent, RunId, StepEvent, StepStatus};
use motet_pipeline::{Class, Cost, Digest, Failure, Money, Span, StepPath, Timestamp, Value};
use motet_store::{Charge, FoundRun, KeptPlan, RunFilter, RunStatus, Saving, Store, inputs_digest};

use crate::score::{Score, artifact};

pub fn a_run_is_told_from_start_to_end(store: &Store) {
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
    failed.turn([Event::Run(RunEvent::Failed { step: Some(StepPath::from_text("still")), failure })]);
    let row = store.run(&failed.kept_in(store).run).unwrap().unwrap();
    assert_eq!(
        (row.status, row.class.as_deref(), row.message.as_deref()),
        (RunStatus::Failed, Some("content"), Some("refused"))
    );
    assert_eq!(row.failed_step, Some(StepPath::from_text("still")));

    let mut cancelled = Score::started("c", Value::map([("a", Value::Null)]));
    cancelled.turn([Event::Run(RunEvent::Cancelled { reason: "asked to".into() })]);
    let row = store.run(&cancelled.kept_in(store).run).unwrap().unwrap();
    assert_eq!((row.status, row.message.as_deref()), (RunStatus::Cancelled, Some("asked to")));
}

pub fn steps_are_told_as_they_go(store: &Store) {
    let step = StepPath::from_text("a");
    let ready = Event::Step {
        step: step.clone(),
        event: StepEvent::Ready { inputs: Some(Value::Null), opens: false, cache: None },
    };
    let planned = |attempt, target| Event::Attempt {
        key: AttemptKey { step: step.clone(), number: attempt },
        event: AttemptEvent::Planned {
            target,
            operation: format!("local/{target}"),
            estimate: Money::ZERO,
            deadline: Timestamp(99),
            version: 1,
            intent: None,
        },
    };
    let failed = |attempt| Event::Attempt {
        key: AttemptKey { step: step.clone(), number: attempt },
        event: AttemptEvent::Failed {
            failure: Failure::new(Class::Timeout, "slow"),
            cost: Cost::billed("0.1".parse().unwrap()),
            abandoned: false,
            until: None,
            resent: false,
        },
    };
    let retry = Event::Step {
        step: step.clone(),
        event: StepEvent::RetryScheduled { at: Timestamp(777), reason: "slow".into(), counted: true },
    };
    let fallback = Event::Step {
        step: step.clone(),
        event: StepEvent::FallbackTaken { target: 1, reason: "slow".into() },
    };
    let end = Event::Step {
        step: step.clone(),
        event: StepEvent::Failed { failure: Failure::new(Class::Gone, "no more"), tolerated: true },
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
        store.append_now(score.take_new()).unwrap();
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

pub fn late_costs_are_booked_after_the_end(store: &Store) {
    let score = Score::four_steps("r").kept_in(store);
    let mut late = score.clone();
    late.turn([Event::Attempt {
        key: AttemptKey { step: StepPath::from_text("image"), number: 1 },
        event: AttemptEvent::Ended {
            end: LateEnd::Succeeded,
            output: Some(Value::map([("image", artifact(b"late"))])),
            cost: Cost::billed("1".parse().unwrap()),
            why: None,
            cache: None,
        },
    }]);
    store.append_now(late.take_new()).unwrap();
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

pub fn costs_stay_exact(store: &Store) {
    let mut score = Score::started("r", Value::map([("a", Value::Null)]));
    let cost = Money::from_units(i128::from(i64::MAX));
    for attempt in 1..=3 {
        score.turn([Event::Attempt {
            key: AttemptKey { step: StepPath::from_text("a"), number: attempt },
            event: AttemptEvent::Succeeded { cost: Cost::billed(cost), usage: Default::default() },
        }]);
    }
    let score = score.kept_in(store);
    let total = Money::from_units(3 * i128::from(i64::MAX));
    assert_eq!(store.run(&score.run).unwrap().unwrap().cost, total);
    assert_eq!(store.steps(&score.run).unwrap()[0].cost, total);
}

pub fn runs_are_found_by_their_ending(store: &Store) {
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

pub fn runs_are_filtered(store: &Store) {
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

pub fn unfinished_runs_are_found_by_plan_and_inputs(store: &Store) {
    let (one, two) = (Value::map([("n", Value::from(1_i64))]), Value::map([("n", Value::from(2_i64))]));
    let first = Score::started("first", one.clone()).appended_to(store);
    Score::started("second", one.clone()).appended_to(store);
    Score::started("third", two.clone()).appended_to(store);
    Score::four_steps("over").appended_to(store);
    let like = |plan: &Digest, inputs: &Value| {
        let none = Digest::of(b"no plan");
        store.unfinished_like(&none, plan, &inputs_digest(inputs)).unwrap().map(|id| id.to_string())
    };
    assert_eq!(like(&first.plan, &one).as_deref(), Some("second"));
    assert_eq!(like(&first.plan, &two).as_deref(), Some("third"));
    assert_eq!(like(&first.plan, &Score::four_steps("over").inputs), None);
    assert_eq!(like(&Digest::of(b"another"), &one), None);
    let version = Digest::of(b"the version");
    let plan = KeptPlan { version, bundle: "{}".into(), pin: None };
    store.put_plan(&first.plan, &plan).unwrap();
    assert_eq!(like(&version, &one).as_deref(), Some("second"));
    assert_eq!(like(&first.plan, &one), None);
    let of_plan =
        store.unfinished_like(&first.plan, &Digest::of(b"no version"), &inputs_digest(&one)).unwrap();
    assert_eq!(of_plan, Some(RunId::new("second")), "whatever is kept of the plan");
    let unfinished: Vec<String> = store.unfinished().unwrap().iter().map(|row| row.id.to_string()).collect();
    assert_eq!(unfinished, ["first", "second", "third"]);
}

pub fn a_run_is_found_by_its_inputs_from_its_start_to_its_end(store: &Store) {
    let like = |score: &Score| {
        store.unfinished_like(&score.plan, &score.plan, &inputs_digest(&score.inputs)).unwrap()
    };
    let score = Score::four_steps("r");
    assert_eq!(like(&score), None);
    let records = score.records();
    let (last, before) = records.split_last().unwrap();
    for record in before {
        store.append_now(std::slice::from_ref(record)).unwrap();
        assert_eq!(like(&score), Some(score.run.clone()), "after turn {}", record.turn.number);
    }
    store.rebuild_projections().unwrap();
    assert_eq!(like(&score), Some(score.run.clone()));
    store.append_now(std::slice::from_ref(last)).unwrap();
    assert_eq!(like(&score), None);
    Score::four_steps("in one commit").kept_in(store);
    assert_eq!(like(&score), None);
    let again = Score::started("again", score.inputs.clone()).kept_in(store);
    assert_eq!(like(&again), Some(again.run.clone()));
}

pub fn the_usual_duration_is_a_median_of_good_attempts(store: &Store) {
    assert_eq!(store.usual_duration("local/image").unwrap(), None);
    for n in 0..3 {
        Score::four_steps(&format!("r{n}")).kept_in(store);
    }
    let usual = store.usual_duration("local/image").unwrap().unwrap();
    assert_eq!((usual.median, usual.samples), (Span::milliseconds(10), 3));
}

fn completed(cache: Option<CacheKey>, reused: Option<Reused>) -> Event {
    let output = Some(Value::map([("value", Value::from(1))]));
    let (cache, reused) = (cache.map(Box::new), reused.map(Box::new));
    Event::Step { step: StepPath::from_text("a"), event: StepEvent::Completed { output, reused, cache } }
}

pub fn the_newest_of_what_was_made_of_the_same_is_in_the_cache(store: &Store) {
    let key =
        |of: &str, ttl| CacheKey { fingerprint: Digest::of(of.as_bytes()), operation: "lab/a".into(), ttl };
    let (forever, short) = (key("boat", None), key("barge", Some(Span::minutes(1))));
    let mut scores = Vec::new();
    for (run, key) in [("r1", &forever), ("r2", &forever), ("r3", &short)] {
        let mut score = Score::started(run, Value::map([("a", Value::Null)]));
        score.turn([completed(Some(key.clone()), None)]);
        scores.push(score.kept_in(store));
    }
    for _ in 0..2 {
        let entry = store.cached(&forever.fingerprint).unwrap().unwrap();
        assert_eq!((entry.run.as_str(), entry.step.as_str(), entry.turn), ("r2", "a", 2));
        assert_eq!(entry.at, scores[1].turns()[1].at);
        assert_eq!(store.cached(&Digest::of(b"raft")).unwrap(), None);
        let needed =
            |now| store.runs_in_cache(now).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(needed(entry.at), ["r2", "r3"]);
        assert_eq!(needed(entry.at.after(Span::minutes(10))), ["r2"], "what is too old is needed no more");
        store.rebuild_projections().unwrap();
    }
}

pub fn what_was_taken_over_is_saved_and_was_not_wasted(store: &Store) {
    let spent: Money = "0.04".parse().unwrap();
    let mut score = Score::started("r1", Value::map([("a", Value::Null)]));
    for number in 1..=2 {
        let key = AttemptKey { step: StepPath::from_text("a"), number };
        let cost = Cost::billed(spent);
        score.turn([Event::Attempt {
            key,
            event: AttemptEvent::Succeeded { cost, usage: Default::default() },
        }]);
    }
    let failure = Failure::new(Class::Content, "refused");
    score.turn([Event::Run(RunEvent::Failed { step: None, failure })]);
    score.kept_in(store);
    let mut later = Score::started("r2", Value::map([("a", Value::Null)]));
    let run = RunId::new("r1");
    let reused = Reused { run, cost: spent, target: 0, step: None, attempt: 2, operation: "lab/a".into() };
    later.turn([completed(None, Some(reused))]);
    let later = later.kept_in(store);
    for _ in 0..2 {
        let (mut kept, mut saved) = (Vec::new(), Vec::new());
        let add = |charge: Charge| {
            kept.push((charge.attempt, charge.is_reused));
            true
        };
        store.charges(None, Timestamp(0), add).unwrap();
        let add = |saving: Saving| {
            saved.push(saving);
            true
        };
        store.savings(None, add).unwrap();
        assert_eq!(kept, [(1, false), (2, true)]);
        let Saving { run, amount, operation, at, .. } = &saved[0];
        assert_eq!((run.as_str(), *amount, operation.as_str()), ("r2", spent, "lab/a"));
        assert_eq!((*at, saved.len()), (later.turns()[1].at, 1));
        store.rebuild_projections().unwrap();
    }
}

pub fn projections_can_be_made_again(store: &Store) {
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
    late.turn([Event::Run(RunEvent::CancelRequested { by: "ada".into(), reason: "late".into() })]);
    store.append_now(late.take_new()).unwrap();
}
