//! What went wrong elsewhere with paid jobs, each by its number in the list of regressions and its public thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use futures_util::future::{join, join_all};
use motet::engine::{AttemptEvent, Event, StepEvent};
use motet::language::value::Map;
use motet::language::{Digest, Span, Timestamp};
use motet::providers::Replicate;
use motet::providers::catalogue::{Catalogue, Entry};
use motet::settings::MoneySettings;
use motet::store::Store;
use motet::world::virtual_time::run;
use motet::{Motet, RunEnd, RunHandle, StartOptions};
use serde_json::{Value as Json, json};

use crate::laws::{charged, judge, lawful, paid};
use crate::life::{Doom, Life};
use crate::play::{End, Played, play_at};
use crate::providers::Providers;
use crate::sequel::Sequel;
use crate::stage::EPOCH;
use crate::story::{Passing, Story, with_faults};

const STILL: &str = "replicate/black-forest-labs/flux-schnell";

/// A picture, and a film of it.
fn film(clip: &Json) -> Story {
    let mut step = json!({
        "uses": "replicate/bytedance/seedance-1-lite",
        "with": { "prompt": "it moves", "image": "{{ steps.still.image }}", "duration": 2, "resolution": "480p" },
    });
    step.as_object_mut().unwrap().extend(clip.as_object().unwrap().clone());
    let still = json!({ "uses": STILL, "with": { "prompt": "a boat" } });
    Story::of(&json!({ "motet": 1, "name": "film", "steps": { "still": still, "clip": step } }).to_string())
}

/// Where what a step gave was made, if that wasn't in its run.
fn kept(played: &Played) -> Vec<&str> {
    let events = played.turns.iter().flat_map(|turn| &turn.events);
    let kept = events.filter_map(|event| match event {
        Event::Step { step, event: StepEvent::Completed { reused: Some(_), .. } } => Some(step.as_str()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn regression_16_arcreel_649_a_job_whose_name_could_not_be_kept_is_found_and_not_submitted_again() {
    let accepted =
        |event: &Event| matches!(event, Event::Attempt { event: AttemptEvent::Accepted { .. }, .. });
    let lives = vec![Passing { doom: Doom::Lost(accepted), away: Span::seconds(5) }];
    let played = lawful(&Story { lives, ..film(&json!({})) });
    assert!(played.end.is_completed(), "{:?}", played.end);
    assert_eq!((played.ledger.len(), paid(&played), played.crashes.len()), (2, 2, 1));
}

#[test]
fn regression_17_arcreel_1822_a_job_is_asked_for_with_the_key_that_it_was_submitted_with() {
    let finished = |event: &Event| matches!(event, Event::Attempt { event: AttemptEvent::Finished {}, .. });
    let accepted =
        |event: &Event| matches!(event, Event::Attempt { event: AttemptEvent::Accepted { .. }, .. });
    // To each key its own jobs: whoever asks with another one is told that there is no such job.
    for doom in [Doom::Taken, Doom::Durable(accepted), Doom::Durable(finished)] {
        let story = Story { lives: vec![Passing { doom, away: Span::seconds(5) }], ..film(&json!({})) };
        let providers = Providers::new(story.seed, "").with_keys(&[&["old"], &["new", "old"]]);
        let played = play_at(&story, &providers);
        assert_eq!(judge(&story, &played), [] as [String; 0], "{doom:?}");
        assert!(played.end.is_completed(), "{doom:?}: {:?}", played.end);
        assert_eq!((played.ledger.len(), paid(&played), played.crashes.len()), (2, 2, 1), "{doom:?}");
        assert_ne!(
            played.ledger[0]["account"], played.ledger[1]["account"],
            "the film is paid by the new key"
        );
    }
}

/// A process of its own, in which a still is begun or gone on with; what it is warned of.
async fn live(providers: &Providers, store: &Store, process: usize, begin: Timestamp) -> (Motet, Warnings) {
    let world = providers.world(begin, process as u64, &Life::new(Doom::Never));
    let builder = providers.builder_of(process, MoneySettings::default()).shared_store(store.clone());
    let (tell, warnings) = channel();
    let builder = builder.on_warning(move |warning| tell.send(warning.to_string()).unwrap());
    (builder.world(Arc::new(world)).open().await.unwrap(), warnings)
}

type Warnings = Receiver<String>;

#[test]
fn regression_17_arcreel_1822_a_job_whose_key_is_not_set_any_more_is_not_bought_with_another_one() {
    run(async {
        let store = Store::in_memory().unwrap();
        let slow = r#"{ "faults": [{ "fault": "slow_queue", "first": 1 }] }"#;
        let providers = Providers::new(7, slow).with_keys(&[&["old"], &["new"], &["new", "old"]]);
        let pipeline = film(&json!({})).pipeline;
        let (first, _) = live(&providers, &store, 0, EPOCH).await;
        let run = first.start(&first.load_text(&pipeline).unwrap(), Map::new()).await.unwrap().id().clone();
        tokio::time::sleep(Duration::from_secs(2)).await;
        first.close().await;
        // A minute without the key: nothing is bought, and somebody is told.
        let (second, warnings) = live(&providers, &store, 1, EPOCH.after(Span::seconds(2))).await;
        second.resume().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        second.close().await;
        let told: Vec<String> = warnings.try_iter().collect();
        assert!(told.len() == 1 && told[0].contains("there is no key replicate-old"), "{told:?}");
        assert_eq!(providers.ledger().len(), 1);
        // It is set again: the job is taken up, and the film is bought with the new key.
        let (third, warnings) = live(&providers, &store, 2, EPOCH.after(Span::seconds(62))).await;
        third.resume().await.unwrap();
        let end = third.find(run.as_str()).unwrap().wait().await.unwrap();
        assert!(matches!(end, RunEnd::Completed { .. }), "{end:?}");
        assert_eq!((providers.ledger().len(), charged(&providers.ledger()).count()), (2, 2));
        assert_eq!(warnings.try_iter().count(), 0);
    });
}

/// When a film's jobs were asked for, while so many others follow the run.
fn polls(followers: usize) -> Vec<Json> {
    run(async {
        let providers = Providers::new(7, "");
        let world = providers.world(EPOCH, 7, &Life::new(Doom::Never));
        let motet = providers.builder(MoneySettings::default()).world(Arc::new(world)).open().await.unwrap();
        let pipeline = motet.load_text(&film(&json!({})).pipeline).unwrap();
        let first = motet.start(&pipeline, Map::new()).await.unwrap();
        let mut followed = Vec::new();
        for _ in 0..followers {
            // Typed again, resumed, and looked at: each finds the run that is there.
            let again = motet.start_with(&pipeline, Map::new(), StartOptions::default()).await.unwrap();
            let resumed = motet.resume().await.unwrap();
            let found = motet.find(first.id().as_str()).unwrap();
            assert!(again.found && resumed.len() == 1);
            followed.extend([again.run, found].into_iter().chain(resumed));
        }
        let ends = join_all(followed.iter().map(RunHandle::wait));
        let (end, ends) = join(first.wait(), ends).await;
        assert!(matches!(end, Ok(RunEnd::Completed { .. })), "{end:?}");
        assert_eq!(ends.len(), 3 * followers);
        assert_eq!(providers.ledger().len(), 2);
        let reads = providers.requests().into_iter().filter(|request| request["operation"] == "read");
        reads.map(|request| json!([request["path"], request["at"]])).collect()
    })
}

#[test]
fn regression_18_maxvideoai_309_a_job_is_asked_for_once_however_many_follow_its_run() {
    let alone = polls(0);
    assert!(alone.len() > 4, "{alone:?}");
    assert_eq!(polls(3), alone);
}

#[test]
fn regression_19_openslop_310_a_poll_that_timed_out_keeps_what_was_made_before_it() {
    let story = film(&json!({ "timeout": { "job": "8m", "queue": "8m" }, "retry": { "attempts": 1 } }));
    let slow = with_faults(story, &json!([{ "fault": "stuck", "provider": "replicate", "nth": 2 }]));
    let played = lawful(&Story { sequel: Some(Sequel::Retry), ..slow });
    assert!(matches!(&played.end, End::Over(RunEnd::Failed { .. })), "{:?}", played.end);
    let retry = played.sequel.as_deref().expect("it is retried");
    assert!(retry.end.is_completed(), "{:?}", retry.end);
    assert_eq!((kept(retry), paid(retry)), (vec!["still"], 1));
}

#[test]
fn regression_21_adt_studio_731_what_is_asked_for_afresh_is_made_though_the_cache_has_it() {
    let with = json!({ "prompt": "a boat" });
    let still = json!({ "uses": STILL, "with": with, "cache": true });
    let story = Story::of(&json!({ "motet": 1, "name": "still", "steps": { "still": still } }).to_string());
    let played = lawful(&Story { sequel: Some(Sequel::Fork), ..story });
    let fork = played.sequel.as_deref().expect("it is forked");
    assert!(kept(fork).is_empty(), "{:?}", kept(fork));
    assert_eq!((paid(&played), paid(fork)), (1, 1));
}

/// The entry of a model of the catalogue, by another version of it.
fn by_version(model: &str, version: &str) -> Entry {
    let entry = Catalogue::built_in().get(model).expect("it comes with Motet").entry.clone();
    Entry { version: Some(version.to_owned()), route: "version".to_owned(), ..entry }
}

#[test]
fn regression_22_openreelio_843_what_another_version_of_a_model_made_is_not_taken_from_the_cache() {
    let step = json!({ "uses": STILL, "with": { "prompt": "a boat" }, "cache": true });
    let text = json!({ "motet": 1, "name": "still", "steps": { "still": step } }).to_string();
    let id = STILL.split_once('/').expect("it has a provider").1;
    let version = Digest::of(id.as_bytes()).hex();
    let paid = run(async {
        let (providers, store) = (Providers::new(7, ""), Store::in_memory().unwrap());
        let mut paid = Vec::new();
        for newer in [false, false, true, true] {
            let world = providers.world(EPOCH, paid.len() as u64, &Life::new(Doom::Never));
            let builder = providers.builder(MoneySettings::default()).shared_store(store.clone());
            let builder = match newer {
                true => builder.provider(Replicate::default(), [by_version(STILL, &version)]),
                false => builder,
            };
            let motet = builder.world(Arc::new(world)).open().await.unwrap();
            let pipeline = motet.load_text(&text).unwrap();
            let options = StartOptions { new: true, ..StartOptions::default() };
            let started = motet.start_with(&pipeline, Map::new(), options).await.unwrap();
            let end = started.run.wait().await.unwrap();
            assert!(matches!(end, RunEnd::Completed { .. }), "{end:?}");
            paid.push(providers.ledger().len());
            motet.close().await;
        }
        paid
    });
    assert_eq!(paid, [1, 1, 2, 2]);
}

#[test]
fn regression_23_openslop_526_an_address_that_expired_is_no_artifact() {
    let story = film(&json!({ "retry": { "attempts": 1 } }));
    let gone = with_faults(story, &json!([{ "fault": "url_expired", "provider": "replicate" }]));
    let played = lawful(&gone);
    assert_eq!((played.end.clone(), played.ledger.len()), (End::Parked, 1));
    let events = played.turns.iter().flat_map(|turn| &turn.events);
    let completed = |event: &&Event| matches!(event, Event::Step { event: StepEvent::Completed { .. }, .. });
    assert_eq!(events.filter(completed).count(), 0, "an address is no result");
}
