//! The shapes that stores and programs hold: fixed, each with a table or a snapshot.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use motet_engine::event::{CacheKey, Ending, LateEnd, SCHEMA, SkipReason};
use motet_engine::table::{Change, next};
use motet_engine::{AttemptEvent, AttemptKey, Event, RunEvent, RunId, RunStarted, StepEvent, StepStatus};
use motet_pipeline::failure::Known;
use motet_pipeline::plan::Quorum;
use motet_pipeline::{Class, Cost, Digest, Failure, Money, Span, StepPath, Timestamp, Value};

#[test]
fn the_status_graph() {
    let mut graph = String::from("stateDiagram-v2\n    [*] --> pending\n");
    for status in StepStatus::ALL {
        let mut targets: BTreeMap<StepStatus, Vec<String>> = BTreeMap::new();
        for change in Change::ALL {
            if let Some(target) = next(status, change) {
                targets.entry(target).or_default().push(format!("{change:?}"));
            }
        }
        for (target, changes) in targets {
            let _ = writeln!(graph, "    {} --> {}: {}", status.word(), target.word(), changes.join(", "));
        }
        if status.is_terminal() {
            let _ = writeln!(graph, "    {} --> [*]", status.word());
        }
    }
    insta::assert_snapshot!(graph);
}

#[test]
fn every_event_in_the_journal() {
    let step = || StepPath::from_text("shots[a]/still");
    let failure = || Failure::new(Class::Throttled, "slow down");
    let cost = "0.0125".parse::<Money>().unwrap();
    let reason = || "why".to_owned();
    let started = RunStarted {
        schema: SCHEMA,
        run: RunId::new("01JD"),
        pipeline: "film".into(),
        plan: Digest::of(b"plan"),
        inputs: Value::map([("n", Value::from(1_i64))]),
        seed: u64::MAX,
        user: Some("ada".into()),
        budget: None,
        quoted: Default::default(),
        resends: Default::default(),
        labels: BTreeMap::from([("team".into(), "film".into())]),
        no_cache: false,
        base: None,
    };
    let at = Timestamp(1_800_000_000_000);
    let inputs = Value::map([("prompt", Value::from("x"))]);
    let events = [
        Event::Run(RunEvent::Started(Box::new(started.clone()))),
        Event::Run(RunEvent::Started(Box::new(RunStarted {
            user: None,
            labels: BTreeMap::new(),
            no_cache: true,
            base: None,
            ..started
        }))),
        Event::Run(RunEvent::Resumed { away: Span(1500) }),
        Event::Run(RunEvent::CancelRequested { by: "ada".into(), reason: reason() }),
        Event::Run(RunEvent::StepCancelRequested { step: step(), by: "ada".into(), reason: reason() }),
        Event::Step {
            step: step(),
            event: StepEvent::Expanded { items: [("k", Value::Absent)].into_iter().collect() },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Ready { inputs: Some(inputs.clone()), opens: false, cache: None },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Ready {
                inputs: Some(inputs.clone()),
                opens: false,
                cache: Some(Box::new(CacheKey {
                    fingerprint: Digest::of(b"made"),
                    operation: "lab/cheap".into(),
                    ttl: Some(Span(604_800_000)),
                })),
            },
        },
        Event::Step { step: step(), event: StepEvent::Ready { inputs: None, opens: false, cache: None } },
        Event::Step { step: step(), event: StepEvent::Skipped { reason: SkipReason::Condition } },
        Event::Step {
            step: step(),
            event: StepEvent::Skipped { reason: SkipReason::Absent { input: "x".into() } },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Skipped { reason: SkipReason::Upstream { step: step(), cancelled: false } },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Skipped { reason: SkipReason::Upstream { step: step(), cancelled: true } },
        },
        Event::Step { step: step(), event: StepEvent::Slept { until: at } },
        Event::Step { step: step(), event: StepEvent::Woken {} },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Planned {
                target: 1,
                operation: "lab/first".into(),
                estimate: cost,
                deadline: at,
                version: 1,
                intent: None,
            },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Accepted { job: "job-1".into(), deadline: None },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Succeeded { cost: Cost::billed(cost), usage: Default::default() },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Succeeded { cost: Cost::NONE, usage: Default::default() },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Failed {
                failure: failure(),
                cost: Cost::NONE,
                abandoned: false,
                until: None,
                resent: false,
            },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Failed {
                failure: failure(),
                cost: Cost::billed(cost),
                abandoned: true,
                until: None,
                resent: false,
            },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Abandoned { reason: reason(), until: None },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Ended {
                end: LateEnd::Succeeded,
                output: Some(inputs.clone()),
                cost: Cost::billed(cost),
                why: None,
                cache: None,
            },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Ended {
                end: LateEnd::Failed,
                output: None,
                cost: Cost::NONE,
                why: None,
                cache: None,
            },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Ended {
                end: LateEnd::Cancelled,
                output: None,
                cost: Cost::NONE,
                why: None,
                cache: None,
            },
        },
        Event::Attempt {
            key: AttemptKey { step: step(), number: 2 },
            event: AttemptEvent::Ended {
                end: LateEnd::Unknown,
                output: None,
                cost: Cost::maybe(cost),
                why: Some(reason()),
                cache: None,
            },
        },
        Event::Step {
            step: step(),
            event: StepEvent::RetryScheduled { at, reason: reason(), counted: true },
        },
        Event::Step { step: step(), event: StepEvent::FallbackTaken { target: 1, reason: reason() } },
        Event::Step {
            step: step(),
            event: StepEvent::TargetReady { target: 1, inputs: inputs.clone(), dropped: vec!["mood".into()] },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Completed { output: Some(inputs.clone()), reused: None, cache: None },
        },
        Event::Step { step: step(), event: StepEvent::Completed { output: None, reused: None, cache: None } },
        Event::Step { step: step(), event: StepEvent::Failed { failure: failure(), tolerated: true } },
        Event::Step {
            step: step(),
            event: StepEvent::Cancelled { reason: reason(), origin: None, tolerated: false },
        },
        Event::Step {
            step: step(),
            event: StepEvent::Cancelled { reason: reason(), origin: Some(step()), tolerated: true },
        },
        Event::Run(RunEvent::Closing { ending: Ending::Completed { degraded: true }, undo: false }),
        Event::Run(RunEvent::Closing {
            ending: Ending::Failed { step: Some(step()), failure: failure() },
            undo: true,
        }),
        Event::Run(RunEvent::Closing { ending: Ending::Cancelled { reason: reason() }, undo: true }),
        Event::Run(RunEvent::Undone { undone: 3, stuck: 0 }),
        Event::Run(RunEvent::Undone { undone: 2, stuck: 1 }),
        Event::Run(RunEvent::Completed { outputs: inputs, degraded: true }),
        Event::Run(RunEvent::Failed { step: Some(step()), failure: failure() }),
        Event::Run(RunEvent::Failed { step: None, failure: failure() }),
        Event::Run(RunEvent::Cancelled { reason: reason() }),
    ];
    let mut lines = String::new();
    for event in events {
        let line = serde_json::to_string(&event).unwrap();
        let again: Event = serde_json::from_str(&line).unwrap();
        assert_eq!(again, event);
        let _ = writeln!(lines, "{line}");
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn money_is_a_decimal_string() {
    let table = [
        ("0", "0"),
        ("0.000000000001", "0.000000000001"),
        ("-1.50", "-1.5"),
        ("007.25", "7.25"),
        ("999999999999999999.999999999999", "999999999999999999.999999999999"),
    ];
    for (text, shown) in table {
        let money: Money = text.parse().unwrap();
        assert_eq!(serde_json::to_string(&money).unwrap(), format!("\"{shown}\""));
        assert_eq!(serde_json::from_str::<Money>(&format!("\"{text}\"")).unwrap(), money);
    }
    for text in
        ["", "1e3", "1.", ".5", "+1", "1,000", "0.0000000000001", "170141183460469231731687304", "NaN", " 1"]
    {
        assert!(text.parse::<Money>().is_err(), "{text:?}");
    }
    assert!(serde_json::from_str::<Money>("0.1").is_err(), "never through a float");
    let most = Money::from_units(i128::MAX);
    assert_eq!(most + most, most, "sums stop at the most there can be");
    let tenths = std::iter::repeat_n("0.1".parse::<Money>().unwrap(), 10);
    assert_eq!(tenths.sum::<Money>().to_string(), "1");
}

#[test]
fn a_failure_in_json() {
    let plain = Failure::new(Class::TooLarge, "too many pixels");
    assert_eq!(
        serde_json::to_string(&plain).unwrap(),
        r#"{"class":"too_large","message":"too many pixels"}"#
    );
    let full = Failure {
        retry_at: Some(Timestamp(5)),
        sent: Known::Maybe,
        billed: Known::Yes,
        provider_code: Some("E1".into()),
        http_status: Some(429),
        request_id: Some("r1".into()),
        ..Failure::new(Class::Throttled, "slow down")
    };
    let text = r#"{"class":"throttled","message":"slow down","retry_at":5,"sent":"maybe","billed":"yes","provider_code":"E1","http_status":429,"request_id":"r1"}"#;
    assert_eq!(serde_json::to_string(&full).unwrap(), text);
    assert_eq!(serde_json::from_str::<Failure>(text).unwrap(), full);
    let long = Failure::new(Class::Invalid, "é".repeat(900));
    assert!(long.message.len() < 1010 && long.message.ends_with('…'));
}

#[test]
fn how_many_items_a_quorum_needs() {
    let table = [
        (Quorum::All, [0, 1, 3, 10]),
        (Quorum::Any, [0, 1, 1, 1]),
        (Quorum::Count(2), [2, 2, 2, 2]),
        (Quorum::Percent(0), [0, 0, 0, 0]),
        (Quorum::Percent(1), [0, 1, 1, 1]),
        (Quorum::Percent(50), [0, 1, 2, 5]),
        (Quorum::Percent(67), [0, 1, 3, 7]),
        (Quorum::Percent(100), [0, 1, 3, 10]),
    ];
    for (quorum, needed) in table {
        assert_eq!([0, 1, 3, 10].map(|total| quorum.needed(total)), needed, "{quorum:?}");
    }
}

#[test]
fn names_of_runs_that_machines_made_are_shown_short() {
    assert_eq!(RunId::new("01JDXV3Q9S8Z7Y6X5W4V3T2A7K").short(), "2A7K");
    assert_eq!(RunId::new("my-film").short(), "my-film");
}
