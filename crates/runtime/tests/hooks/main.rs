//! Webhooks under virtual time: what a provider reports ends a wait at once, and what nobody can believe does nothing.

mod providers;
#[path = "../stage/mod.rs"]
mod stage;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use motet::engine::{AttemptEvent, Event, RunId};
use motet::hooks::{Delivery, Receipt};
use motet::language::Value;
use motet::providers::catalogue::{Catalogue, Way};
use motet::providers::{ElevenLabs, Replicate};
use motet::store::Store;
use motet::world::virtual_time::run;
use motet::{Builder, Motet, RunEnd, RunHandle, Warning};

use providers::Providers;
use stage::EPOCH;
use stage::network::{PUBLIC, deliver, delivery_of};

/// A picture takes two seconds at most.
const STILL: &str = r#"
motet: 1
name: still
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat, output_format: png } }
outputs: { image: "{{ steps.still.image }}" }
"#;

/// A film takes minutes.
const CLIP: &str = r#"
motet: 1
name: clip
steps:
  clip: { uses: fal/fal-ai/minimax/hailuo-02/standard/text-to-video, with: { prompt: it sails } }
outputs: { clip: "{{ steps.clip.video }}" }
"#;

async fn started(motet: &Motet, text: &str) -> RunHandle {
    let pipeline = motet.load_text(text).unwrap_or_else(|error| panic!("{error}"));
    motet.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap()
}

async fn completes(motet: &Motet, text: &str) -> RunId {
    let started = started(motet, text).await;
    let end = started.wait().await.unwrap();
    assert!(matches!(end, RunEnd::Completed { .. }), "{end:?}");
    started.id().clone()
}

/// When the first event that `wanted` is about was recorded, since the beginning.
fn when(motet: &Motet, run: &RunId, wanted: impl Fn(&AttemptEvent) -> bool) -> Duration {
    let is_it = |event: &Event| matches!(event, Event::Attempt { event, .. } if wanted(event));
    let turns = motet.store().turns(run).unwrap();
    let turn = turns.iter().find(|turn| turn.events.iter().any(is_it)).expect("it was recorded");
    Duration::from_millis(turn.at.since(EPOCH).0)
}

fn is_finished(event: &AttemptEvent) -> bool {
    matches!(event, AttemptEvent::Finished {})
}

fn paid(providers: &Providers) -> usize {
    let ledger = providers.ledger();
    assert!(ledger.iter().all(|line| line["violation"].is_null()), "{ledger:#?}");
    ledger.len()
}

/// A builder, and what it is warned of.
fn warned() -> (Builder, Arc<Mutex<Vec<String>>>) {
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = warnings.clone();
    let builder = Motet::builder().on_warning(move |warning: &Warning| {
        told.lock().unwrap().push(warning.to_string());
    });
    (builder, warnings)
}

#[test]
fn a_report_ends_the_wait_at_once_and_nobody_asks() {
    run(async {
        let providers = Providers::new(7, "");
        let motet = providers.open(Motet::builder()).await;
        let id = completes(&motet, CLIP).await;
        let delivered = providers.delivered();
        let last = delivered.last().unwrap();
        assert_eq!(last.2, Receipt::Recorded, "{:?}", providers.receipts());
        let finished = when(&motet, &id, is_finished);
        assert!(last.0.abs_diff(finished) <= Duration::from_millis(2), "{:?} {finished:?}", last.0);
        assert!(finished > Duration::from_secs(20), "it was waited for: {finished:?}");
        // The one that fetches the result.
        assert_eq!(providers.count("fal", "read"), 1);
        assert_eq!(paid(&providers), 1);
    });
}

#[test]
fn the_beginning_of_a_job_is_reported_too() {
    run(async {
        let providers = Providers::new(7, "");
        let motet = providers.open(Motet::builder()).await;
        let id = completes(&motet, STILL).await;
        let receipts = providers.receipts();
        assert_eq!(receipts, ["recorded", "recorded"]);
        let began = when(&motet, &id, |event| matches!(event, AttemptEvent::Began { .. }));
        assert!(began < when(&motet, &id, is_finished));
        assert_eq!(providers.count("replicate", "read"), 0, "the report of its end has the answer");
    });
}

#[test]
fn without_an_address_nothing_is_reported_and_all_is_asked_for() {
    run(async {
        let providers = Providers::new(7, "");
        let motet = providers.open(Motet::builder()).await;
        motet.await_hooks(None).await;
        completes(&motet, CLIP).await;
        assert!(providers.delivered().is_empty());
        assert!(providers.count("fal", "read") > 3);
    });
}

#[test]
fn a_reply_that_says_that_a_job_is_done_is_its_answer() {
    run(async {
        let providers = Providers::new(7, "");
        let motet = providers.open(Motet::builder()).await;
        motet.await_hooks(None).await;
        let id = completes(&motet, STILL).await;
        let (reads, finished) = (providers.times("replicate", "read"), when(&motet, &id, is_finished));
        assert!(!reads.is_empty() && reads.iter().all(|read| *read <= finished), "{reads:?} {finished:?}");
    });
}

#[test]
fn reports_that_are_lost_late_twice_or_forged_change_nothing_but_the_time() {
    let faults = ["webhook_lost", "webhook_late", "webhook_twice", "webhook_forged"];
    for fault in faults {
        for (text, provider) in [(STILL, "replicate"), (CLIP, "fal")] {
            run(async move {
                let (builder, warnings) = warned();
                let providers = Providers::new(3, &format!("- {{ fault: {fault} }}"));
                let motet = providers.open(builder).await;
                completes(&motet, text).await;
                // What is still to come.
                tokio::time::sleep(Duration::from_secs(400)).await;
                assert_eq!(paid(&providers), 1, "{fault} {provider}");
                let (receipts, warnings) = (providers.receipts(), warnings.lock().unwrap().clone());
                let has = |word| receipts.contains(&word);
                match fault {
                    "webhook_lost" => assert!(receipts.is_empty()),
                    // The picture was asked for before it was reported, the film is asked for less often.
                    "webhook_late" if provider == "replicate" => assert!(has("useless"), "{receipts:?}"),
                    "webhook_late" => assert_eq!(receipts, ["recorded"]),
                    "webhook_twice" => assert!(has("useless") && has("recorded"), "{receipts:?}"),
                    _ => assert!(has("forged") && has("recorded"), "{receipts:?}"),
                }
                match fault {
                    "webhook_forged" => {
                        assert_eq!(warnings.len(), 1, "{warnings:?}");
                        assert!(warnings[0].contains("no key fits"), "{warnings:?}");
                    }
                    _ => assert!(warnings.is_empty(), "{warnings:?}"),
                }
                assert!(providers.count(provider, "read") < 12, "{fault} {provider}: asked too often");
            });
        }
    }
}

#[test]
fn a_report_finds_a_call_whose_reply_was_lost_where_the_provider_shows_no_list() {
    run(async {
        let scenario = r#"{ "faults": [
            { "fault": "reply_lost", "first": 1 }, { "fault": "error_before", "on": "list", "status": 503 }
        ] }"#;
        for text in [STILL, CLIP] {
            let providers = Providers::new(11, scenario);
            let motet = providers.open(Motet::builder()).await;
            let id = completes(&motet, text).await;
            when(&motet, &id, |event| matches!(event, AttemptEvent::Doubted { .. }));
            assert_eq!(paid(&providers), 1);
            assert!(providers.receipts().contains(&"recorded"));
        }
    });
}

#[test]
fn a_report_that_comes_before_the_reply_to_the_request_is_not_lost() {
    run(async {
        let lag = Duration::from_secs(12);
        let providers = Providers::new(7, "").lagging(lag);
        let motet = providers.open(Motet::builder()).await;
        let id = completes(&motet, STILL).await;
        let finished = when(&motet, &id, is_finished);
        assert!(providers.delivered()[0].0 < lag);
        assert!(finished < lag + Duration::from_secs(1), "it was heard with the reply: {finished:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let receipts = providers.receipts();
        // Those that come before are delivered again, until what they told is durable.
        assert_eq!((receipts[0], *receipts.last().unwrap()), ("not_yet", "useless"), "{receipts:?}");
        assert_eq!((providers.count("replicate", "read"), paid(&providers)), (0, 1));
    });
}

#[test]
fn a_step_that_is_parked_because_nothing_is_known_goes_on_when_its_report_comes() {
    run(async {
        let scenario = r#"{ "faults": [
            { "fault": "reply_lost", "first": 1 }, { "fault": "error_before", "on": "list", "status": 503 },
            { "fault": "slow_queue" }
        ] }"#;
        let providers = Providers::new(5, scenario);
        let motet = providers.open(Motet::builder()).await;
        // Nobody looks for it for longer than a minute.
        let impatient = CLIP.replace("it sails } }", "it sails }, timeout: { request: 1m } }");
        let id = completes(&motet, &impatient).await;
        let unknown = when(&motet, &id, |event| matches!(event, AttemptEvent::Unknown { .. }));
        assert!(unknown < when(&motet, &id, is_finished));
        assert_eq!(paid(&providers), 1);
    });
}

/// A job is known in a list by its inputs, in a report by its token: that needs no version that would send the same.
#[test]
fn a_report_finds_a_call_that_this_version_would_send_otherwise() {
    run(async {
        let providers = Providers::new(5, "- { fault: reply_lost, first: 1 }");
        let store = Store::in_memory().unwrap();
        let first = providers.open_alone(Motet::builder().shared_store(store.clone())).await;
        first.await_hooks(Some(PUBLIC)).await;
        let id = started(&first, STILL).await.id().clone();
        // In the middle of the reply, so that nobody has asked yet.
        first.close().await;
        let mut entry =
            Catalogue::built_in().get("replicate/black-forest-labs/flux-schnell").unwrap().entry.clone();
        let prompt = entry.inputs.iter_mut().find(|input| input.name == "prompt").unwrap();
        prompt.implies.insert("go_fast".to_owned(), true.into());
        let builder = Motet::builder().shared_store(store).provider(Replicate::default(), [entry]);
        let second = providers.open(builder).await;
        let [run] = &second.resume().await.unwrap()[..] else { panic!("one run is unfinished") };
        let end = run.wait().await.unwrap();
        assert!(matches!(end, RunEnd::Completed { .. }), "{end:?}");
        assert_eq!((providers.count("replicate", "list"), paid(&providers)), (0, 1));
        when(&second, &id, |event| matches!(event, AttemptEvent::Accepted { .. }));
    });
}

/// A second run whose step waits, and the token of its call.
async fn waiting(providers: &Providers, motet: &Motet) -> (RunId, String) {
    let run = started(motet, CLIP).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let turns = motet.store().turns(run.id()).unwrap();
    let token = turns.iter().flat_map(|turn| &turn.events).find_map(|event| match event {
        Event::Attempt { event: AttemptEvent::Planned { intent: Some(intent), .. }, .. } => {
            assert_eq!(intent.hook.as_deref(), Some("https://motet.example/hooks/fal"));
            Some(intent.token.clone())
        }
        _ => None,
    });
    assert_eq!(paid(providers), 2);
    (run.id().clone(), token.unwrap())
}

#[test]
fn what_nobody_can_believe_is_refused_and_does_nothing() {
    run(async {
        let (builder, warnings) = warned();
        let providers = Providers::new(7, "");
        let motet = providers.open(builder).await;
        // A real report of an older job, to be misused.
        completes(&motet, CLIP).await;
        let (_, old, _) = providers.delivered().pop().unwrap();
        let (run, token) = waiting(&providers, &motet).await;
        let (_, good) = delivery_of(&old);
        let other = Delivery { query: format!("token={token}"), ..good.clone() };
        let header = |name: &str, value: &str| {
            let headers = other.headers.iter().filter(|(known, _)| known != name).cloned();
            let added = (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()));
            Delivery { headers: headers.chain(added).collect(), ..other.clone() }
        };
        let twice = Delivery { headers: [&other.headers[..], &other.headers[..]].concat(), ..other.clone() };
        let table = [
            ("fal", other.clone(), Receipt::OtherJob),
            ("fal", Delivery { query: "token=unknown".to_owned(), ..good.clone() }, Receipt::Useless),
            ("fal", Delivery { query: String::new(), ..good.clone() }, Receipt::Useless),
            ("fal", Delivery { body: b"{}".to_vec(), ..other.clone() }, Receipt::Forged),
            ("fal", header("x-fal-webhook-signature", &"0".repeat(128)), Receipt::Forged),
            ("fal", header("x-fal-webhook-signature", "what?"), Receipt::Malformed),
            ("fal", header("x-fal-webhook-signature", ""), Receipt::Malformed),
            ("fal", header("x-fal-webhook-timestamp", "1700000000"), Receipt::Forged),
            ("fal", twice, Receipt::Malformed),
            ("fal", Delivery::default(), Receipt::Malformed),
            ("replicate", other.clone(), Receipt::Malformed),
            ("http", other.clone(), Receipt::NoProvider),
            ("nobody", other.clone(), Receipt::NoProvider),
        ];
        let before = motet.store().turns(&run).unwrap().len();
        for (number, (provider, delivery, expected)) in table.into_iter().enumerate() {
            assert_eq!(motet.deliver(provider, delivery).await, expected, "row {number}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(motet.store().turns(&run).unwrap().len(), before);
        // Ten minutes later its signature is too old.
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(deliver(&motet, &old).await, Receipt::Forged);
        let warnings = warnings.lock().unwrap().clone();
        // One for each provider, and one after the pause.
        assert_eq!(warnings.len(), 3, "{warnings:#?}");
        assert!(warnings.iter().all(|warning| !warning.contains("key-of-")), "{warnings:?}");
        assert!(warnings[2].contains("others"), "{warnings:?}");
    });
}

/// A provider whose secret the user alone knows, and that brings the token in the body.
#[test]
fn a_transcript_is_reported_by_the_webhook_of_the_workspace() {
    const TEXT: &str = r#"
motet: 1
name: transcript
steps:
  words: { uses: elevenlabs/scribe_v1, with: { cloud_storage_url: "https://files.example/talk.mp3" } }
outputs: { text: "{{ steps.words.text }}" }
"#;
    run(async {
        let listing = Catalogue::built_in();
        let mut entry = listing.get("elevenlabs/scribe_v1").unwrap().entry.clone();
        (entry.route, entry.call) = ("transcription_job".to_owned(), Way::Job);
        let (builder, warnings) = warned();
        let builder = builder.provider(ElevenLabs::default(), [entry]);
        let providers = Providers::new(7, "- { fault: webhook_forged }").with_workspace();
        let motet = providers.open(builder).await;
        let id = completes(&motet, TEXT).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(providers.receipts(), ["forged", "recorded"]);
        let finished = when(&motet, &id, is_finished);
        assert!(providers.delivered()[1].0.abs_diff(finished) <= Duration::from_millis(2));
        assert_eq!((providers.count("elevenlabs", "read"), paid(&providers)), (0, 1));
        let warnings = warnings.lock().unwrap().join("\n");
        assert!(warnings.contains("no key fits") && !warnings.contains("wsec"), "{warnings}");
    });
}

/// A provider's secret is hidden in all replies but the one that gives it.
#[test]
fn a_secret_that_is_asked_for_again_is_still_the_secret() {
    run(async {
        let providers = Providers::new(7, "- { fault: webhook_forged }");
        let motet = providers.open(Motet::builder()).await;
        completes(&motet, STILL).await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        completes(&motet, STILL).await;
        assert_eq!(providers.count("replicate", "catalog"), 2, "a forged one made us ask again");
        let of_each = ["forged", "recorded"].repeat(2);
        assert_eq!(providers.receipts(), [of_each.clone(), of_each].concat());
    });
}

/// Forged deliveries don't make us ask the provider for its keys again and again.
#[test]
fn keys_are_asked_for_once_a_minute_at_most() {
    run(async {
        let providers = Providers::new(7, "");
        let motet = providers.open_alone(Motet::builder()).await;
        motet.await_hooks(Some(PUBLIC)).await;
        let forged = Delivery {
            query: "token=x".to_owned(),
            headers: [
                ("webhook-id", "m1".to_owned()),
                ("webhook-timestamp", (EPOCH.0 / 1000).to_string()),
                ("webhook-signature", "v1,Zm9yZ2Vk".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            body: b"{}".to_vec(),
        };
        for _ in 0..50 {
            assert_eq!(motet.deliver("replicate", forged.clone()).await, Receipt::Forged);
        }
        assert_eq!(providers.count("replicate", "catalog"), 1);
        tokio::time::sleep(Duration::from_secs(61)).await;
        for _ in 0..50 {
            motet.deliver("replicate", forged.clone()).await;
        }
        assert_eq!(providers.count("replicate", "catalog"), 2);
    });
}

#[test]
fn a_closed_library_takes_nothing_and_says_so() {
    run(async {
        let providers = Providers::new(7, "");
        let motet = providers.open(Motet::builder()).await;
        completes(&motet, CLIP).await;
        let (_, old, _) = providers.delivered().pop().unwrap();
        assert_eq!(deliver(&motet, &old).await, Receipt::Useless);
        assert!(motet.is_driving());
        motet.clone().close().await;
        assert!(!motet.is_driving());
        assert!(matches!(motet.until_undriven().await, motet::Error::Left));
    });
}
