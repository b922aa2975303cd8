use motet::Failure;
use std::sync::Arc;

use motet::engine::{AttemptEvent, AttemptKey, Event, RunEvent, RunId, RunStarted, StepEvent, Turn};
use motet::follow::{Happening, Progress};
use motet::language::{Bundle, Class, Timestamp, Value};
use motet::outputs::OutputFile;
use motet::report::{ArtifactPlaces, Reporter};
use motet::{Artifact, Pipeline};

use super::*;
use crate::render::ending::Ending;
use crate::render::line::Symbols;
use crate::score::{History, Usual};

const FILM: &str = r#"motet: 1
name: narrated-video
steps:
  still: { uses: local/scene, with: { prompt: sea } }
  voice: { uses: local/speak, with: { text: Hello }, fallback: [{ uses: media/silence, with: { duration: 3 } }] }
  clip: { uses: media/animate, with: { image: "{{ steps.still.image }}" } }
  shots: { uses: local/scene, each: [a, b, c, d, e, f], with: { prompt: "{{ item }}" } }
  final: { uses: media/merge, with: { items: ["{{ steps.clip.video }}", "{{ steps.voice.audio }}"] } }
"#;

/// A run that is told step by step.
struct Story {
    reporter: Reporter,
    score: Score,
    turn: u64,
}

impl Story {
    /// A run of `FILM`; `media/animate` took 65 s before.
    fn begin() -> Story {
        Story::of(FILM)
    }

    /// A run of another pipeline.
    fn of(text: &str) -> Story {
        let catalogue = motet::operation::catalogue();
        let pipeline = Pipeline::from_bundle(Bundle::of_text("film.yaml", text), &catalogue).unwrap();
        let plan = pipeline.plan();
        let usual = Usual { low: Span::seconds(65), high: Span::seconds(65), samples: 3 };
        let history = History::from([("media/animate".to_owned(), usual)]);
        let run = RunId::new("01M7YT39M2E22TE6W4GT5K7Q2K");
        let reporter = Reporter::new(run.clone(), Some(plan), ArtifactPlaces::nowhere());
        let mut story = Story { reporter, score: Score::new(plan, &history), turn: 0 };
        let started = RunStarted {
            schema: 1,
            run,
            pipeline: plan.name.clone(),
            plan: plan.digest,
            inputs: nothing(),
            seed: 1,
            user: None,
            budget: None,
            quoted: Default::default(),
            resends: Default::default(),
            labels: Default::default(),
            no_cache: false,
            base: None,
        };
        story.tell(0, [Event::Run(RunEvent::Started(Box::new(started)))]);
        story
    }

    fn tell(&mut self, seconds: i64, events: impl IntoIterator<Item = Event>) {
        self.turn += 1;
        let turn = Turn { number: self.turn, at: at(seconds), events: events.into_iter().collect() };
        self.reporter.tell(&Happening::Turn(Arc::new(turn)), at(seconds));
    }

    fn attempt(&mut self, seconds: i64, step: &str, operation: &str) {
        let number =
            self.reporter.record().step(&path(step)).map_or(0, |step| step.attempts.len()) as u32 + 1;
        let ready = Event::Step {
            step: path(step),
            event: StepEvent::Ready { inputs: Some(nothing()), opens: false, cache: None },
        };
        let planned = Event::Attempt {
            key: AttemptKey { step: path(step), number },
            event: AttemptEvent::Planned {
                target: 0,
                operation: operation.into(),
                estimate: Default::default(),
                deadline: at(seconds + 300),
                version: 1,
                intent: None,
            },
        };
        self.tell(seconds, [ready, planned]);
    }

    fn complete(&mut self, seconds: i64, step: &str, output: Value) {
        let succeeded = Event::Attempt {
            key: AttemptKey { step: path(step), number: 1 },
            event: AttemptEvent::Succeeded { cost: Default::default(), usage: Default::default() },
        };
        self.tell(
            seconds,
            [
                succeeded,
                Event::Step {
                    step: path(step),
                    event: StepEvent::Completed { output: Some(output), reused: None, cache: None },
                },
            ],
        );
    }

    fn fail(&mut self, seconds: i64, step: &str, attempt: u32, failure: &Failure) -> Event {
        let failed = Event::Attempt {
            key: AttemptKey { step: path(step), number: attempt },
            event: AttemptEvent::Failed {
                failure: failure.clone(),
                cost: Default::default(),
                abandoned: false,
                until: None,
                resent: false,
            },
        };
        self.tell(seconds, [failed]);
        Event::Step {
            step: path(step),
            event: StepEvent::Failed { failure: failure.clone(), tolerated: false },
        }
    }

    /// The middle of a run where everything goes on at once.
    fn in_the_middle() -> Story {
        let mut story = Story::begin();
        story.attempt(0, "still", "local/scene");
        story.attempt(0, "voice", "local/speak");
        story.complete(2, "still", Value::map([("image", image())]));
        story.attempt(3, "clip", "media/animate");
        let progress =
            Progress { step: path("clip"), attempt: 1, fraction: Some(0.6), message: None, next_look: None };
        story.reporter.tell(&Happening::Progress(progress.into()), at(4));
        let failure = Failure::new(Class::Unavailable, "espeak-ng ended with code 1");
        story.fail(5, "voice", 1, &failure);
        story.tell(
            5,
            [Event::Step {
                step: path("voice"),
                event: StepEvent::RetryScheduled {
                    at: at(60),
                    reason: "unavailable: attempt 1 of 2 failed".into(),
                    counted: true,
                },
            }],
        );
        let items = ["a", "b", "c", "d", "e", "f"].map(|key| (key, key.into()));
        story.tell(
            1,
            [Event::Step {
                step: path("shots"),
                event: StepEvent::Expanded { items: items.into_iter().collect() },
            }],
        );
        for key in ["a", "b", "c", "d"] {
            story.attempt(2, &format!("shots[{key}]"), "local/scene");
        }
        story.tell(
            2,
            [Event::Step {
                step: path("shots[e]"),
                event: StepEvent::Ready { inputs: Some(nothing()), opens: false, cache: None },
            }],
        );
        story.complete(9, "shots[a]", Value::map([("image", image())]));
        let refused = Failure::new(Class::Content, "the picture can't be drawn");
        let failed = story.fail(9, "shots[b]", 1, &refused);
        story.tell(9, [failed]);
        story
    }

    fn view<'v>(&'v self, seconds: i64, look: &'v Look) -> View<'v> {
        View {
            record: self.reporter.record(),
            score: Some(&self.score),
            now: at(seconds),
            is_live: true,
            look,
        }
    }
}

fn path(text: &str) -> StepPath {
    StepPath::from_text(text)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(1_793_000_000_000 + 1000 * seconds)
}

/// An empty map.
fn nothing() -> Value {
    Value::Map(Default::default())
}

fn artifact() -> Artifact {
    let json = serde_json::json!({
        "$artifact": format!("sha256:{}", "0".repeat(64)), "kind": "image", "mime": "image/png",
        "bytes": 1_400_000, "width": 1280, "height": 720,
    });
    serde_json::from_value(json).unwrap()
}

fn image() -> Value {
    Value::from(artifact())
}

fn look(width: usize, symbols: Symbols) -> Look {
    Look { color: false, width, cuts: true, symbols }
}

fn painted(lines: Vec<Line>) -> String {
    lines.iter().map(|line| line.paint(false) + "\n").collect()
}

#[test]
fn a_step_that_waits_names_the_pool_of_the_target_that_it_is_at() {
    let mut story = Story::of(
        r#"motet: 1
name: pools
steps:
  still: { uses: local/scene, with: { prompt: sea }, pool: gpu, fallback: [{ uses: local/scene, pool: spare }, { uses: local/scene }] }
"#,
    );
    let step = |event| Event::Step { step: path("still"), event };
    let mut events = vec![StepEvent::Ready { inputs: Some(nothing()), opens: false, cache: None }];
    for (target, words) in
        ["waits for the pool gpu", "waits for the pool spare", "waits for a slot"].iter().enumerate()
    {
        story.tell(target as i64, events.drain(..).map(step));
        let lines = painted(story.view(48, &look(100, Symbols::UNICODE)).lines());
        assert!(lines.contains(words), "{lines}");
        events.push(StepEvent::FallbackTaken { target: target + 1, reason: "unavailable".into() });
    }
}

#[test]
fn the_middle_of_a_run_at_every_width() {
    let story = Story::in_the_middle();
    for width in [120, 80, 40] {
        let look = look(width, Symbols::UNICODE);
        let lines = story.view(48, &look).lines();
        assert!(lines.iter().all(|line| line.width() <= width), "a line is wider than {width}");
        insta::assert_snapshot!(format!("in_the_middle_{width}"), painted(lines));
    }
}

#[test]
fn the_run_and_its_time_stay_in_sight_however_long_the_pipeline_is_called() {
    let story = Story::in_the_middle();
    let look = look(31, Symbols::UNICODE);
    assert_eq!(story.view(48, &look).header().paint(false), "narrated-vi…   run 7Q2K   00:48");
}

#[test]
fn where_there_are_few_rows_what_goes_on_stays_in_sight_and_the_rest_is_counted() {
    let story = Story::in_the_middle();
    let look = look(80, Symbols::UNICODE);
    let within = |rows: usize| story.view(48, &look).lines_within(rows);
    assert_eq!(within(7), story.view(48, &look).lines());
    for rows in 1..7 {
        assert!(within(rows).len() <= rows, "{}", painted(within(rows)));
    }
    assert_eq!(within(1)[0].paint(false), "narrated-video   run 7Q2K   00:48   1 of 5 steps done");
    insta::assert_snapshot!("in_six_rows", painted(within(6)));
    insta::assert_snapshot!("in_five_rows", painted(within(5)));
}

#[test]
fn where_there_are_rows_the_items_under_way_have_a_line_each() {
    let story = Story::in_the_middle();
    let look = look(80, Symbols::UNICODE);
    let within = |rows: usize| story.view(48, &look).lines_within(rows);
    assert_eq!(within(8).len(), 8, "there is room for one of the two");
    assert_eq!(within(24), within(9));
    insta::assert_snapshot!("in_nine_rows", painted(within(9)));
}

#[test]
fn the_items_that_failed_first_are_shown_in_the_order_of_the_list() {
    let mut story = Story::begin();
    let items = (0..12).map(|index| (index.to_string(), Value::from(index)));
    story.tell(
        1,
        [Event::Step { step: path("shots"), event: StepEvent::Expanded { items: items.collect() } }],
    );
    let failure = Failure::new(Class::Content, "it can't be drawn");
    let failed = |key: i32| Event::Step {
        step: path(&format!("shots[{key}]")),
        event: StepEvent::Failed { failure: failure.clone(), tolerated: false },
    };
    story.tell(2, [11].map(failed));
    story.tell(3, [10, 2, 0, 1, 3].map(failed));
    let look = look(120, Symbols::UNICODE);
    let text = painted(story.view(48, &look).lines());
    let shown: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("✗ shots[")).collect();
    let keys: Vec<&str> = shown.iter().filter_map(|line| line.split(']').next()).collect();
    assert_eq!(keys, ["11", "0", "1", "2", "3"], "{text}");
}

#[test]
fn items_that_sleep_are_not_told_as_retried() {
    let mut story = Story::in_the_middle();
    let nap = |key: &str| Event::Step { step: path(key), event: StepEvent::Slept { until: at(60) } };
    story.tell(10, [nap("shots[e]"), nap("shots[f]")]);
    let look = look(120, Symbols::UNICODE);
    let text = painted(story.view(48, &look).lines());
    assert!(text.contains("2 running, 2 sleeping, 1 failed"), "{text}");
}

#[test]
fn every_symbol_has_a_plain_word_where_only_ascii_is_shown() {
    let look = look(100, Symbols::ASCII);
    let text = painted(Story::in_the_middle().view(48, &look).lines());
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_sleep_that_should_be_over_never_counts_below_zero() {
    let look = look(100, Symbols::UNICODE);
    let text = painted(Story::in_the_middle().view(500, &look).lines());
    assert!(text.contains("retrying in 0 s"), "{text}");
}

#[test]
fn the_good_end_and_the_bad_end() {
    let look = look(100, Symbols::UNICODE);
    let mut good = Story::in_the_middle();
    let outputs = Value::map([("cover", image()), ("title", Value::from("The sea"))]);
    good.tell(74, [Event::Run(RunEvent::Completed { outputs, degraded: false })]);
    let file = OutputFile {
        output: Some("cover".into()),
        path: "out/7Q2K/cover.png".into(),
        artifact: Some(Arc::new(artifact())),
    };
    insta::assert_snapshot!("good_end", painted(ending(&good, &[file], &look)));

    let mut bad = Story::in_the_middle();
    bad.attempt(61, "voice", "local/speak");
    let failure = Failure::new(Class::Timeout, "espeak-ng was stopped after 30 s");
    let failed = bad.fail(91, "voice", 2, &failure);
    bad.tell(91, [failed, Event::Run(RunEvent::Failed { step: Some(path("voice")), failure })]);
    insta::assert_snapshot!("bad_end", painted(ending(&bad, &[], &look)));

    let mut stopped = Story::in_the_middle();
    stopped.reporter.tell(&Happening::Interrupted, at(50));
    insta::assert_snapshot!("interrupted_end", painted(ending(&stopped, &[], &look)));
}

fn ending(story: &Story, files: &[OutputFile], look: &Look) -> Vec<Line> {
    let record = story.reporter.record();
    let places = ArtifactPlaces::nowhere();
    let ending =
        Ending { record, files, places: &places, is_kept: true, driver: None, to_fund: None, now: at(100) };
    ending.lines(look).into_iter().chain(ending.outputs(look)).chain(ending.next(look)).collect()
}
