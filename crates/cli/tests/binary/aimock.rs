//! The real binary against aimock, a mock of fal and ElevenLabs that nobody here wrote.
//!
//! Where the two disagree, docs/sim.md says who is right, and a test here states what comes of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::project::Project;
use crate::simulator::Simulator;

const KEY: &str = "key-of-the-mock";

/// A picture of 48 by 27 pixels, as a model of fal gives it that is asked for data.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAADAAAAAbCAIAAAC1C5slAAAALklEQVR42u3OMQ0AAAgDsN0oRiKysLGjSQU0s1clQkJC\
    QkJCQkJCQkJCQkLVoQeiRob72Mb5zQAAAABJRU5ErkJggg==";

/// One model of each kind that both know. The id of fal's has a path below its application.
const PIPELINE: &str = r#"
motet: 1
name: judged
steps:
  still: { uses: fal/fal-ai/flux/schnell, with: { prompt: a harbour, sync_mode: true, seed: 7 } }
  waltz: { uses: elevenlabs/music_v1, with: { prompt: a waltz, duration: 3, output_format: wav } }
  bell: { uses: elevenlabs/eleven_text_to_sound_v2, with: { text: a bell, output_format: wav } }
outputs:
  still: "{{ steps.still.image }}"
  seed: "{{ steps.still.seed }}"
  waltz: "{{ steps.waltz.audio }}"
  bell: "{{ steps.bell.audio }}"
"#;

/// What the mock gives. fal counts the picture twice, and its seed has more digits than a float keeps.
fn fixtures() -> Json {
    let sound = |prompt: &str, file: &str| {
        json!({ "match": { "userMessage": prompt, "endpoint": "audio-gen" },
            "response": { "audio": { "b64Json": file, "contentType": "audio/wav" } } })
    };
    json!([
        { "match": { "model": "fal-ai/flux/schnell", "endpoint": "fal" },
          "response": { "billableUnits": 2, "json": {
            "images": [{ "url": format!("data:image/png;base64,{PICTURE}"), "width": 48, "height": 27, "content_type": "image/png" }],
            "timings": { "inference": 0.5 }, "seed": 196_619_188_014_358_660_u64, "has_nsfw_concepts": [false], "prompt": "a harbour" } } },
        sound("a waltz", "@waltz.wav"),
        sound("a bell", "@bell.wav"),
    ])
}

/// Samples of silence, so long.
fn wav(seconds: u32) -> Vec<u8> {
    const RATE: u32 = 8000;
    let samples = vec![0; (seconds * RATE * 2) as usize];
    let length = u32::try_from(samples.len()).unwrap();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<_>>();
    let format = [words(&[16]), halves(&[1, 1]), words(&[RATE, 2 * RATE]), halves(&[2, 16])].concat();
    [b"RIFF", &words(&[36 + length])[..], b"WAVEfmt ", &format, b"data", &words(&[length]), &samples].concat()
}

/// Where the packages are that judge; `None` where no registry can be reached, and so nobody judges.
fn packages() -> Option<&'static Path> {
    static PACKAGES: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/conformance/install.sh");
        let output = Command::new("bash").arg(script).output().expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => Some(Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("javascript")),
            Some(77) => {
                println!("{said}");
                None
            }
            _ => panic!("{said}"),
        }
    });
    PACKAGES.as_deref()
}

/// A project whose providers are the mock.
struct Play {
    project: Project,
    mock: Simulator,
}

impl Play {
    fn new(pipeline: &str, fixtures: &Json, polls: u32) -> Option<Play> {
        let packages = packages()?;
        let project = Project::with("judged.yaml", pipeline);
        project.write("waltz.wav", wav(3));
        project.write("bell.wav", wav(1));
        project.write("fixtures.json", fixtures.to_string());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/binary/aimock.mjs");
        let mut node = project.command_of("node");
        node.arg(script).arg(packages).args([KEY, "fixtures.json", &polls.to_string()]);
        let mock = Simulator::of(node);
        let url = mock.url();
        let settings = format!(
            "[providers.fal]\nbase_urls = {{ queue = '{url}/fal', api = '{url}/fal', rest = '{url}/fal' }}\n\
             [providers.elevenlabs]\nbase_urls.api = '{url}'\n"
        );
        project.write("motet.toml", settings);
        Some(Play { project, mock })
    }

    fn command(&self, key: &str) -> Command {
        let mut command = self.project.command(&["run", "judged.yaml", "--json"]);
        command.env("MOTET_TRUST", "1").env("FAL_KEY", key).env("ELEVENLABS_API_KEY", key);
        command
    }

    /// Runs the pipeline; gives the last thing that is said of it.
    fn run(&self, key: &str) -> Json {
        let output = self.command(key).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = told.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// What the mock was asked, in the order in which it was.
    fn journal(&self) -> Vec<Json> {
        let told = self.mock.ask("GET", "/__aimock/journal", &format!("x-api-key: {KEY}\r\n"), "");
        serde_json::from_str(&told).unwrap()
    }

    /// The same, a line each, without the job's name.
    fn asked(&self) -> Vec<String> {
        let line = |entry: &Json| {
            let path = entry["path"].as_str().unwrap();
            let path: Vec<_> = path.split('/').map(|part| if is_uuid(part) { "JOB" } else { part }).collect();
            format!(
                "{} {} {}",
                entry["method"].as_str().unwrap(),
                path.join("/"),
                entry["response"]["status"]
            )
        };
        self.journal().iter().map(line).collect()
    }

    fn count(&self, line: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == line).count()
    }
}

fn is_uuid(part: &str) -> bool {
    part.len() == 36 && part.split('-').count() == 5
}

const SUBMITTED: &str = "POST /fal/fal-ai/flux/schnell 200";
const POLLED: &str = "GET /fal/fal-ai/flux/requests/JOB/status 200";
const CANCELLED: &str = "PUT /fal/fal-ai/flux/requests/JOB/cancel 200";

#[test]
fn what_the_mock_gives_comes_out_and_it_is_asked_as_its_providers_are() {
    let Some(play) = Play::new(PIPELINE, &fixtures(), 3) else { return };
    let end = play.run(KEY);
    assert_eq!(end["event"], "run.completed", "{end}");
    let (outputs, steps) = (&end["outputs"], &end["steps"]);
    let still = &outputs["still"];
    assert_eq!(
        (&still["width"], &still["height"], &still["mime"]),
        (&json!(48), &json!(27), &json!("image/png"))
    );
    assert_eq!(still["digest"], "sha256:bb34de285762b2b058a23454c46cdfeaf6ca3887548541ad69a3112e18e8183e");
    assert_eq!(outputs["seed"], json!(196_619_188_014_358_660_u64));
    assert_eq!((&outputs["waltz"]["duration"], &outputs["bell"]["duration"]), (&json!(3.0), &json!(1.0)));
    assert_eq!(steps["still"]["cost"], "0.006", "two of fal's units, as the header of the result says");

    let mut paid: Vec<_> = play.asked().into_iter().filter(|line| line.starts_with("POST")).collect();
    paid.sort();
    let sounds = [
        "POST /v1/music?output_format=wav_24000 200",
        "POST /v1/sound-generation?output_format=wav_24000 200",
    ];
    assert_eq!(paid, [SUBMITTED, sounds[0], sounds[1]]);
    assert_eq!((play.count(POLLED), play.count("GET /fal/fal-ai/flux/requests/JOB 200")), (3, 1));
    for entry in play.journal() {
        let headers = &entry["headers"];
        let is_named = headers["motet-attempt"].as_str().is_some_and(|name| name.ends_with("/1"));
        assert_eq!(is_named, entry["method"] == "POST", "{entry}");
        // By now no key stands there, but the mock says whether one did.
        let key =
            if entry["path"].as_str().unwrap().starts_with("/fal/") { "authorization" } else { "xi-api-key" };
        assert_eq!(headers[key], "[REDACTED]", "{entry}");
    }
}

/// The control: if the mock says something else, something else comes out.
#[test]
fn a_reply_of_the_mock_that_is_changed_changes_the_run() {
    let mut longer = fixtures();
    longer[1]["response"]["audio"]["b64Json"] = json!("@bell.wav");
    let Some(play) = Play::new(PIPELINE, &longer, 2) else { return };
    assert_eq!(play.run(KEY)["outputs"]["waltz"]["duration"], 1.0);

    let mut renamed = fixtures();
    let result = renamed[0]["response"]["json"].as_object_mut().unwrap();
    let images = result.remove("images").unwrap();
    result.insert("pictures".to_owned(), images);
    let Some(play) = Play::new(PIPELINE, &renamed, 2) else { return };
    let end = play.run(KEY);
    assert_eq!(
        (&end["failed_step"], &end["errors"][0]["class"]),
        (&json!("still"), &json!("bad_output")),
        "{end}"
    );
}

#[test]
fn a_key_that_the_mock_does_not_know_is_refused_once() {
    let Some(play) = Play::new(PIPELINE, &fixtures(), 2) else { return };
    let end = play.run("another");
    assert_eq!((&end["errors"][0]["class"], &end["cost"]), (&json!("auth"), &json!("0")), "{end}");
    // The mock keeps no account of what it refuses.
    assert_eq!(play.asked(), Vec::<String>::new());
}

/// The mock has speech without the times of its characters alone, which the adapter never asks for.
#[test]
fn speech_is_asked_for_with_the_times_of_its_characters_which_the_mock_does_not_have() {
    const SPEECH: &str = "motet: 1\nname: judged\nsteps: { say: { uses: elevenlabs/eleven_turbo_v2_5, with: { text: hello } } }\n";
    let speech = json!([{ "match": { "userMessage": "hello", "endpoint": "elevenlabs-tts" }, "response": { "audio": "@bell.wav" } }]);
    let Some(play) = Play::new(SPEECH, &speech, 1) else { return };
    let end = play.run(KEY);
    assert_eq!(end["errors"][0]["class"], "gone", "{end}");
}

/// The mock refuses in the words of OpenAI. Who speaks so at fal's address is something in between, which may have passed the
/// call on: it is looked for, and isn't made again.
#[test]
fn a_throttling_in_the_words_of_another_provider_is_not_believed() {
    let mut throttled = fixtures();
    let refusal = json!({ "match": { "model": "fal-ai/flux/schnell", "endpoint": "fal", "sequenceIndex": 0 },
        "response": { "error": { "message": "Too many requests", "type": "rate_limit_error" }, "status": 429, "retryAfter": 1 } });
    throttled.as_array_mut().unwrap().insert(0, refusal);
    let Some(play) = Play::new(PIPELINE, &throttled, 1) else { return };
    let _run = Running::of(play.command(KEY));
    let looked_for = "GET /fal/v1/models/requests/by-endpoint 404";
    wait_until("it is looked for again", || play.count(looked_for) >= 2);
    assert_eq!((play.count("POST /fal/fal-ai/flux/schnell 429"), play.count(SUBMITTED)), (1, 0));
}

/// To the mock a cancelled job is `CANCELLED`; fal has no such status, and completes what it has cancelled. What isn't known to
/// have ended may still cost, so it is asked for again.
#[test]
fn a_job_is_cancelled_at_the_mock_and_its_own_status_ends_nothing() {
    let step = "prompt: a harbour, sync_mode: true, seed: 7 }";
    let soon = PIPELINE.replace(
        &format!("{step} }}"),
        &format!("{step}, timeout: {{ request: 5s, queue: 1s, job: 1s }} }}"),
    );
    let Some(play) = Play::new(&soon, &fixtures(), 1_000_000) else { return };
    let _run = Running::of(play.command(KEY));
    wait_until("it is cancelled", || play.count(CANCELLED) == 1);
    let asked = play.count(POLLED);
    wait_until("it is asked for again", || play.count(POLLED) > asked + 1);
    assert_eq!((play.count(SUBMITTED), play.count(CANCELLED)), (1, 1));
}

/// A process that ends with this.
struct Running(Child);

impl Running {
    fn of(mut command: Command) -> Running {
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}
