//! Every example is checked and played, and shows what it says that it shows.
//!
//! Pictures, voices and films are really made, small; what only waits or fails is played under
//! virtual time. Those that ask providers are played by the binary, in `cli/tests/binary/provider_examples.rs`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use motet::engine::{AttemptEvent, Event, RunEvent, StepEvent, StepStatus};
use motet::follow::Happening;
use motet::language::{Artifact, Span, StepPath, Value};
use motet::operation::{Operation, WorkError};
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::wire;
use motet::{Motet, Outcome, RunEnd, Work};

use crate::stage::{EPOCH, Played, is_about, play, real, repository, simulated, simulated_with};

/// Every pipeline below `examples/`.
fn examples() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![repository("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_pipeline(&path) {
                found.insert(path);
            }
        }
    }
    found
}

/// What goes wrong at simulated providers is no pipeline.
fn is_pipeline(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".yaml") && !name.ends_with(".scenario.yaml")
}

#[tokio::test]
async fn every_example_is_good_says_what_it_shows_and_is_played_here() {
    let motet = Motet::builder().files("shared", "unused").open().await.unwrap();
    let tests = [
        include_str!("examples.rs"),
        include_str!("narrated.rs"),
        include_str!("../../../cli/tests/binary/provider_examples.rs"),
    ];
    let list = std::fs::read_to_string(repository("examples/README.md")).unwrap();
    for path in examples() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{} begins with what it shows", path.display());
        let is_broken = path.components().any(|part| part.as_os_str() == "broken");
        let loaded = motet.load(&path).map(drop);
        assert_eq!(loaded.is_err(), is_broken, "{}: {loaded:?}", path.display());
        let root = repository("").canonicalize().unwrap();
        let path = path.canonicalize().unwrap();
        let name = path.strip_prefix(root.join("examples")).unwrap().display().to_string();
        let is_played = |text: &str| {
            text.contains(&format!("\"examples/{name}\"")) || text.contains(&format!("\"{name}\""))
        };
        assert!(tests.iter().any(|text| is_played(text)), "{name} is played by no test");
        let link = format!("({name})");
        assert!(list.contains(&link), "{name} isn't in examples/README.md");
    }
}

/// Whether two lengths in seconds are the same within a tenth of a second.
fn close(first: f64, second: f64) -> bool {
    (first - second).abs() <= 0.1
}

fn seconds(media: &Artifact) -> f64 {
    media.duration.unwrap_or_else(|| panic!("it has no duration: {media:?}"))
}

/// The lengths of the first video and the first audio stream, as ffprobe tells them.
fn stream_seconds(played: &Played, film: &Artifact) -> (f64, f64) {
    let read = |stream: &str| {
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-select_streams", stream, "-show_entries", "stream=duration"]);
        ffprobe.args(["-of", "csv=p=0"]).arg(played.motet.store().path_of(&film.digest));
        let output = ffprobe.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<f64>().unwrap_or_else(|_| panic!("no such stream ({stream}): {text}"))
    };
    (read("v:0"), read("a:0"))
}

/// A film has pictures and sound, of the same length.
pub fn assert_film(played: &Played, output: &str) {
    let film = played.media(output);
    assert_eq!((film.mime.as_str(), film.has_audio), ("video/mp4", Some(true)));
    let (video, audio) = stream_seconds(played, film);
    assert!(close(video, audio), "pictures take {video} s and sound {audio} s");
}

// 000, "Simple pipeline" and "Practical example".

#[tokio::test]
async fn text_to_film_makes_video_and_voice_side_by_side() {
    let played = play(real().await, "examples/text-to-film.yaml", &[("script", "A cat.".into())]).await;
    assert_film(&played, "video");
    assert!(played.begins("audio") < played.completes("image"), "the voice waits for no picture");
    assert!(close(seconds(played.media("video")), 4.0));
}

// 000, "Parallel processing" and patterns 1 to 4.

#[tokio::test]
async fn parallel_steps_start_before_any_of_them_ends() {
    let motet = Motet::builder().processors(3).open().await.unwrap();
    let played = play(motet, "examples/patterns/parallel.yaml", &[]).await;
    let steps = ["image1", "image2", "audio"];
    let last_start = steps.iter().map(|step| played.begins(step)).max();
    let first_end = steps.iter().map(|step| played.completes(step)).min();
    assert!(last_start < first_end, "{last_start:?} < {first_end:?}");
    assert_film(&played, "video");
}

#[tokio::test]
async fn sequential_steps_take_what_the_one_before_gave() {
    let played = play(real().await, "examples/patterns/sequential.yaml", &[]).await;
    let steps = ["image", "video", "audio", "final"];
    for pair in steps.windows(2) {
        assert!(played.completes(pair[0]) < played.begins(pair[1]), "{} then {}", pair[0], pair[1]);
    }
    assert_film(&played, "video");
    assert!(close(seconds(played.media("video")), 2.0), "the voice fits the video");
}

#[tokio::test]
async fn fan_out_fan_in_joins_three_branches_and_captions_them() {
    let played = play(real().await, "examples/patterns/fan-out-fan-in.yaml", &[]).await;
    for branch in ["image", "audio", "music"] {
        assert!(played.completes(branch) < played.begins("video"), "{branch}");
    }
    assert_film(&played, "video");
    let subtitles = played.motet.store().path_of(&played.media("subtitles").digest);
    assert!(std::fs::read_to_string(subtitles).unwrap().contains("00:00:00,"));
}

#[tokio::test]
async fn conditional_takes_one_branch_and_joins_without_the_other() {
    for (text, taken, skipped) in [("", "music", "narration"), ("A word.", "narration", "music")] {
        let played = play(real().await, "examples/patterns/conditional.yaml", &[("text", text.into())]).await;
        assert_eq!(played.output("branch").as_str(), Some(taken));
        assert_eq!(played.status(skipped), StepStatus::Skipped);
        assert!(!played.is_degraded(), "a branch that isn't taken is no failure");
        assert_film(&played, "video");
    }
}

#[test]
fn retry_tries_what_may_pass_three_times_with_growing_pauses() {
    let played = run(async { play(simulated().await, "examples/patterns/retry.yaml", &[]).await });
    assert_eq!(played.attempts("flaky"), 3);
    let pauses = pauses(&played, "flaky");
    assert_eq!(pauses.len(), 2);
    assert!(pauses[0] <= Span(20) && pauses[1] <= Span(40), "{pauses:?}");
    assert!(played.is_degraded());
    assert_eq!(played.output("class").as_str(), Some("unavailable"));
    assert_eq!(played.output("message").as_str(), Some("the service is down"));
}

#[test]
fn retry_leaves_alone_what_can_not_pass() {
    let class = [("class", "invalid".into())];
    let played = run(async { play(simulated().await, "examples/patterns/retry.yaml", &class).await });
    assert_eq!((played.attempts("flaky"), pauses(&played, "flaky").len()), (1, 0));
    assert_eq!(played.output("class").as_str(), Some("invalid"));
}

/// The pauses before the further attempts of `step`.
fn pauses(played: &Played, step: &str) -> Vec<Span> {
    let pauses = played.turns.iter().flat_map(|turn| {
        turn.events.iter().filter(|event| is_about(event, step)).filter_map(|event| match event {
            Event::Step { event: StepEvent::RetryScheduled { at, .. }, .. } => Some(at.since(turn.at)),
            _ => None,
        })
    });
    pauses.collect()
}

// 000, "Error recovery by class".

#[test]
fn recover_by_class_gives_each_class_its_own_answer() {
    let file = "examples/patterns/recover-by-class.yaml";
    for (class, attempts, recovered) in [
        ("timeout", 2, true),
        ("unavailable", 2, true),
        ("throttled", 2, false),
        ("invalid", 1, false),
        ("content", 1, false),
    ] {
        let inputs = [("class", class.into())];
        let played = run(async { play(simulated().await, file, &inputs).await });
        let tried = played
            .events()
            .filter(|event| matches!(event, Event::Attempt { event: AttemptEvent::Failed { .. }, .. }))
            .count();
        assert_eq!(tried, attempts, "{class}");
        if recovered {
            assert_eq!(played.output("video").as_str(), Some("recovered"), "{class}");
            assert!(played.is_degraded());
        } else {
            assert_eq!(played.failure(), ("video".into(), class));
        }
    }
}

#[test]
fn recover_by_class_gives_a_timeout_twice_the_time() {
    let inputs = [("class", "timeout".into())];
    let file = "examples/patterns/recover-by-class.yaml";
    let played = run(async { play(simulated().await, file, &inputs).await });
    let allowed = played.turns.iter().flat_map(|turn| {
        turn.events.iter().filter_map(|event| match event {
            Event::Attempt { event: AttemptEvent::Planned { deadline, target: 0, .. }, .. } => {
                Some(deadline.since(turn.at))
            }
            _ => None,
        })
    });
    let [first, second] = allowed.collect::<Vec<_>>()[..] else { panic!("two attempts at the first target") };
    assert_eq!(second.0, 2 * first.0);
}

// 000, strategies 1 and 2.

#[test]
fn fail_fast_ends_at_once_and_calls_the_rest_off() {
    let played = run(async { play(simulated().await, "examples/patterns/fail-fast.yaml", &[]).await });
    assert_eq!(played.failure(), ("image".into(), "content"));
    assert_eq!(played.duration(), Span(0), "nobody waits for the hour");
    assert_eq!(played.status("slow"), StepStatus::Cancelled);
    assert_eq!(played.attempts("video"), 0);
}

#[test]
fn partial_success_keeps_what_was_made_and_tells_what_was_not() {
    let played = run(async { play(simulated().await, "examples/patterns/partial-success.yaml", &[]).await });
    assert!(played.is_degraded());
    assert_eq!(
        played.outputs().to_json(),
        serde_json::json!({
            "image": "a picture",
            "video": null,
            "audio": "a voice",
            "errors": ["the camera broke"],
        })
    );
}

/// A server that keeps files, and one that publishes nothing; what each was asked.
async fn compensated() -> (Played, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let answer = move |request: wire::Request| {
        let (method, url) = (request.method.word().to_owned(), request.url.to_string());
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        let is_kept = url.starts_with("https://files.example/");
        heard.lock().unwrap().push(format!("{method} {name}"));
        async move {
            let json = [("content-type", "application/json")];
            let status = if is_kept { 200 } else { 422 };
            Ok::<_, wire::Fault>(wire::Reply::of(status, &json, format!(r#"{{"id": "{name}"}}"#)))
        }
    };
    let world = VirtualWorld::new(EPOCH, 1).with_network(answer);
    let motet = Motet::builder().world(Arc::new(world)).open().await.unwrap();
    let played = play(motet, "examples/patterns/compensation.yaml", &[]).await;
    let asked = asked.lock().unwrap().clone();
    (played, asked)
}

#[test]
fn compensation_deletes_what_was_saved_the_last_first() {
    let (played, asked) = run(compensated());
    assert_eq!(asked, ["PUT image", "PUT video", "PUT film", "DELETE video", "DELETE image"]);
    let RunEnd::Failed { step, .. } = &played.end else { panic!("it is not {:?}", played.end) };
    assert_eq!(step.as_ref().map(StepPath::as_str), Some("publish"));
    assert_eq!(played.status("notice").word(), "completed");
    let told = played.turns.iter().flat_map(|turn| &turn.events).find_map(|event| match event {
        Event::Run(RunEvent::Undone { undone, stuck }) => Some((*undone, *stuck)),
        _ => None,
    });
    assert_eq!(told, Some((2, 0)));
}

// 001, "Timing" and "Cancellation of siblings".

#[test]
fn steps_in_a_row_take_the_sum_and_side_by_side_the_longest_way() {
    let duration =
        |file: &'static str| run(async move { play(simulated().await, file, &[]).await }).duration();
    assert_eq!(duration("examples/patterns/timing-sequential.yaml"), Span(40 + 160 + 40 + 80));
    assert_eq!(duration("examples/patterns/timing-parallel.yaml"), Span(40 + 160 + 80));
}

#[test]
fn cancel_siblings_calls_the_voice_off_when_the_video_fails() {
    let played = run(async { play(simulated().await, "examples/patterns/cancel-siblings.yaml", &[]).await });
    assert_eq!(played.failure(), ("video".into(), "content"));
    assert_eq!(played.status("image"), StepStatus::Completed);
    assert_eq!(played.status("audio"), StepStatus::Cancelled);
    assert_eq!(played.attempts("final"), 0);
    assert_eq!(played.duration(), Span(0));
}

// 001, "Validate early", "Checkpoints", "Degradation".

#[tokio::test]
async fn validate_early_makes_the_film_when_all_holds() {
    let played = play(real().await, "examples/patterns/validate-early.yaml", &[]).await;
    assert_film(&played, "video");
    assert!(close(seconds(played.media("video")), 3.0));
}

#[tokio::test]
async fn validate_early_stops_before_the_video_when_the_image_is_too_small() {
    let inputs = [("width", Value::from(320_i64))];
    let played = play(real().await, "examples/patterns/validate-early.yaml", &inputs).await;
    assert_eq!(played.failure(), ("image".into(), "bad_output"));
    let RunEnd::Failed { failure, .. } = &played.end else { unreachable!("it failed") };
    assert_eq!(failure.message, "The image is 320 × 512: too small for a video.");
    assert_eq!(played.attempts("video"), 0);
}

#[tokio::test]
async fn checkpoint_makes_a_picture_and_its_thumbnail() {
    let played = play(real().await, "examples/patterns/checkpoint.yaml", &[]).await;
    assert_eq!(played.media("thumbnail").width, Some(160));
}

#[tokio::test]
async fn shared_folder_puts_files_where_others_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let motet = || async { Motet::builder().files("shared", folder.path()).open().await.unwrap() };
    let covers = folder.path().join("covers");
    let played = play(motet().await, "examples/patterns/shared-folder.yaml", &[]).await;
    let image = played.media("image");
    assert_eq!((image.mime.as_str(), image.width), ("image/png", Some(320)));
    assert_eq!(played.outputs().get("was_draft"), Some(&Value::from(false)));
    let there = std::fs::read(covers.join("bridge.png")).unwrap();
    assert_eq!(motet::language::Digest::of(&there), image.digest);
    let note = std::fs::read_to_string(covers.join("bridge.json")).unwrap();
    assert!(note.contains("\"replaced\": false") && note.contains(&image.digest.to_string()), "{note}");

    std::fs::write(covers.join("bridge.png"), "of somebody else").unwrap();
    std::fs::write(covers.join("draft.png"), "a draft").unwrap();
    let played = play(motet().await, "examples/patterns/shared-folder.yaml", &[]).await;
    assert_eq!(played.outputs().get("was_draft"), Some(&Value::from(true)));
    let note = std::fs::read_to_string(covers.join("bridge.json")).unwrap();
    assert!(note.contains("\"replaced\": true"), "{note}");
    let mut names: Vec<_> =
        std::fs::read_dir(&covers).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["bridge.json", "bridge.png"]);
}

/// Stands in for media/resize: gives the picture as it is.
struct AsItIs;

impl Operation for AsItIs {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let media = work.inputs().get("media").cloned().unwrap_or_default();
        Box::pin(async move { Ok(Outcome::of(Value::map([("image", media)]))) })
    }
}

#[test]
fn checkpoint_goes_on_after_an_interruption_without_a_second_picture() {
    let folder = tempfile::tempdir().unwrap();
    let open = || async {
        simulated_with(Motet::builder().store(folder.path()).stand_in("media/resize", AsItIs)).await
    };
    run(async {
        let motet = open().await;
        let pipeline = motet.load(repository("examples/patterns/checkpoint.yaml")).unwrap();
        let run = motet.start(&pipeline, [("pause", "1h")]).await.unwrap();
        let mut events = run.events().await.unwrap();
        while let Some(happening) = events.next().await {
            let Happening::Turn(turn) = happening else { continue };
            if turn
                .events
                .iter()
                .any(|event| matches!(event, Event::Step { event: StepEvent::Slept { .. }, .. }))
            {
                break;
            }
        }
        motet.close().await;
    });
    run(async {
        let motet = open().await;
        let [run] = &motet.resume().await.unwrap()[..] else { panic!("one run is unfinished") };
        run.outputs().await.unwrap();
        let turns = motet.store().turns(run.id()).unwrap();
        let events = turns.iter().flat_map(|turn| &turn.events);
        let attempts = |step: &str| {
            let planned = |event: &&Event| {
                matches!(event, Event::Attempt { event: AttemptEvent::Planned { .. }, .. })
                    && is_about(event, step)
            };
            events.clone().filter(planned).count()
        };
        assert_eq!((attempts("image"), attempts("thumbnail")), (1, 1));
        assert!(events.clone().any(|event| matches!(event, Event::Run(RunEvent::Resumed { .. }))));
    });
}

#[tokio::test]
async fn degrade_stands_still_and_is_silent_rather_than_fail() {
    let played = play(real().await, "examples/patterns/degrade.yaml", &[]).await;
    assert!(played.is_degraded());
    assert_film(&played, "video");
    assert!(close(seconds(played.media("video")), 2.0), "the silence is as long as the video");
    let taken = played
        .place("voice", |event| matches!(event, Event::Step { event: StepEvent::FallbackTaken { .. }, .. }));
    let ready = played
        .place("voice", |event| matches!(event, Event::Step { event: StepEvent::TargetReady { .. }, .. }));
    let video = played.completes("video");
    assert!(taken < video && video < ready, "the voice fails at once and then waits for the video's length");
}

// 003, "Fallback".

#[tokio::test]
async fn fallback_takes_the_next_target_that_can() {
    let played = play(real().await, "examples/patterns/fallback.yaml", &[]).await;
    assert!(played.is_degraded());
    assert!(seconds(played.media("audio")) > 0.5);
    let mut operations = played.events().filter_map(|event| match event {
        Event::Attempt { event: AttemptEvent::Planned { operation, .. }, .. } => Some(operation.as_str()),
        _ => None,
    });
    assert_eq!(
        (operations.next(), operations.next(), operations.next()),
        (Some("flow/fail"), Some("local/speak"), None)
    );
}
