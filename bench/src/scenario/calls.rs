//! One model call at a time, with its journal, its accounts and its file kept, beside bare reqwest that asks the same of the
//! same simulator. Of a model that answers at once without a file, of one that does with a file, and of one whose job is
//! reported by a webhook.

use std::path::Path;
use std::time::{Duration, Instant};

use motet::{Motet, Pipeline, Value};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use crate::bare::Bare;
use crate::figures::{Figures, Reading, median, ms};
use crate::reports::Reports;
use crate::simulator::{self, Simulator};

/// Calls, and as many of bare reqwest and bare commits, are made in turns of so many.
const A_TURN: usize = 20;
const TURNS: usize = 20;

/// Until connections are open and the logs are written again from their beginnings.
const TURNS_BEFORE: usize = 10;

/// Nothing takes any time at the providers, and there are no limits.
const SPEED: u64 = 1_000_000_000;
const SCENARIO: &str = r#"{ "limits": { "fal": {}, "elevenlabs": {} } }"#;

/// Answers at once, with text alone.
const TRANSCRIPT: &str = r#"
motet: 1
name: transcript
inputs: { n: integer }
steps: { text: { uses: elevenlabs/scribe_v2, with: { source_url: "https://files.example/{{ inputs.n }}.mp3" } } }
outputs: { text: "{{ steps.text.text }}" }
"#;

/// Answers at once: the sound is in the reply.
const SPEECH: &str = r#"
motet: 1
name: speech
inputs: { n: integer }
steps: { speech: { uses: elevenlabs/eleven_flash_v2_5, with: { text: "Line {{ inputs.n }}." } } }
outputs: { file: "{{ steps.speech.audio }}" }
"#;

/// Makes a job, whose end a webhook reports; then the answer is fetched, and the picture that it names.
const PICTURE: &str = r#"
motet: 1
name: picture
inputs: { n: integer }
steps: { still: { uses: fal/fal-ai/flux/schnell, with: { prompt: "boat {{ inputs.n }}", image_size: square } } }
outputs: { file: "{{ steps.still.image }}" }
"#;

pub async fn run() -> Figures {
    let folder = tempfile::tempdir_in(super::place()).expect("a folder for the measurement");
    let simulator = Simulator::begin(folder.path(), SCENARIO, SPEED);
    let (motet, stop) = open(folder.path(), simulator.address()).await;
    let client = Client::new(simulator.address()).await;
    let bare = Bare::new();
    let mut figures = Vec::new();
    let models = [
        ("transcript (ElevenLabs, at once, no file)", TRANSCRIPT),
        ("speech (ElevenLabs, at once, a file)", SPEECH),
        ("picture (fal, a job with a webhook, a file)", PICTURE),
    ];
    for (name, text) in models {
        let pipeline = motet.load_text(text).expect("the pipeline is good");
        measure(&motet, &pipeline, &client, &bare, TURNS_BEFORE).await;
        let before = motet.store().written().commits;
        let measured = measure(&motet, &pipeline, &client, &bare, TURNS).await;
        let commits = (motet.store().written().commits - before) as f64 / (A_TURN * TURNS) as f64;
        figures.extend(measured.figures(name, commits));
    }
    stop.cancel();
    figures
}

/// A store whose providers are simulated, and that hears what they report.
async fn open(folder: &Path, address: &str) -> (Motet, CancellationToken) {
    let settings = simulator::settings(folder, address);
    let builder = Motet::builder().store(folder.join("store")).settings(&settings);
    let motet = builder.open().await.expect("a fresh folder");
    let stop = super::hear(&motet).await;
    (motet, stop)
}

/// What calls took, and bare reqwest and bare commits between them.
#[derive(Default)]
struct Measured {
    calls: Vec<Duration>,
    requests: Vec<Duration>,
    commits: Vec<Duration>,
    processor_of_calls: Duration,
    processor_of_requests: Duration,
    processor_of_commits: Duration,
}

impl Measured {
    fn figures(self, name: &str, commits: f64) -> Figures {
        let [call, requests, commit] = [self.calls, self.requests, self.commits].map(median);
        let added = call.saturating_sub(requests);
        let in_commits = added.as_secs_f64() / commit.as_secs_f64();
        let over = (added.as_secs_f64() - 3.0 * commit.as_secs_f64()) * 1e3;
        let count = (A_TURN * TURNS) as f64;
        let processor = [self.processor_of_calls, self.processor_of_requests, self.processor_of_commits];
        let [of_calls, of_requests, of_commits] =
            processor.map(|processor| processor.as_secs_f64() * 1e6 / count);
        vec![
            (format!("{name}: p50 with Motet"), ms(call)),
            (format!("{name}: p50 with bare reqwest"), ms(requests)),
            ("one bare commit, p50".into(), ms(commit)),
            ("commits a call".into(), format!("{commits:.2}")),
            ("what Motet adds, in bare commits".into(), format!("{in_commits:.1}")),
            ("what it adds over three bare commits (aim: at most 0.1 ms)".into(), format!("{over:.2} ms")),
            (
                "processor time with Motet, with bare reqwest, of a bare commit".into(),
                format!("{of_calls:.0} µs, {of_requests:.0} µs, {of_commits:.0} µs"),
            ),
            ("÷ (aim: at most 2)".into(), format!("{:.1}", of_calls / of_requests)),
        ]
    }
}

async fn measure(motet: &Motet, pipeline: &Pipeline, client: &Client, bare: &Bare, turns: usize) -> Measured {
    let mut measured = Measured::default();
    for turn in 0..turns {
        let reading = Reading::now();
        for n in 0..A_TURN {
            let n = Value::from((turn * A_TURN + n) as u64);
            let begin = Instant::now();
            let run = motet.start(pipeline, [("n", n)]).await.expect("the store takes it");
            run.outputs().await.expect("the run completes");
            measured.calls.push(begin.elapsed());
        }
        measured.processor_of_calls += reading.processor();
        let reading = Reading::now();
        for n in 0..A_TURN {
            let begin = Instant::now();
            client.call(&pipeline.plan().name, turn * A_TURN + n).await;
            measured.requests.push(begin.elapsed());
        }
        measured.processor_of_requests += reading.processor();
        let reading = Reading::now();
        measured.commits.extend((0..A_TURN).map(|_| bare.commit()));
        measured.processor_of_commits += reading.processor();
    }
    measured
}

/// Bare reqwest: it asks what Motet asks, reads what is answered, and keeps nothing.
struct Client {
    client: reqwest::Client,
    speech: String,
    queue: String,
    reports: Reports,
}

impl Client {
    async fn new(address: &str) -> Client {
        let bases = simulator::bases(address);
        Client {
            client: reqwest::Client::builder().tcp_nodelay(true).build().expect("it has all that it needs"),
            speech: bases["elevenlabs"]["api"].clone(),
            queue: bases["fal"]["queue"].clone(),
            reports: Reports::hear().await,
        }
    }

    /// One call, as the pipeline of that name makes it.
    async fn call(&self, pipeline: &str, n: usize) {
        match pipeline {
            "transcript" => self.write_down(n).await,
            "speech" => self.speak(n).await,
            _ => self.draw(n).await,
        }
    }

    async fn write_down(&self, n: usize) {
        let url = format!("{}/v1/speech-to-text", self.speech);
        let (model, source) = ("scribe_v2", format!("https://files.example/{n}.mp3"));
        let part = |name: &str, text: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let parts = [
            part("model_id", model),
            part("source_url", &source),
            part("tag_audio_events", "true"),
            part("timestamps_granularity", "word"),
        ];
        let request = self.client.post(url).header("xi-api-key", "key").body(parts.concat() + "--x--\r\n");
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        self.answer(request.header("motet-attempt", format!("bare/text/{n}"))).await;
    }

    async fn speak(&self, n: usize) {
        let voice = "JBFqnCBsd6RMkjVDRZzb";
        let url =
            format!("{}/v1/text-to-speech/{voice}/with-timestamps?output_format=mp3_44100_128", self.speech);
        let body = json!({ "model_id": "eleven_flash_v2_5", "text": format!("Line {n}.") });
        let request = self.client.post(url).header("xi-api-key", "key").json(&body);
        self.answer(request.header("motet-attempt", format!("bare/speech/{n}"))).await;
    }

    async fn draw(&self, n: usize) {
        let url = format!("{}/fal-ai/flux/schnell?fal_webhook={}", self.queue, self.reports.url());
        let body = json!({
            "prompt": format!("boat {n}"), "image_size": "square", "num_inference_steps": 4, "guidance_scale": 3.5,
            "num_images": 1, "enable_safety_checker": true, "output_format": "jpeg", "acceleration": "none",
            "sync_mode": false,
        });
        let request = self.client.post(url).header("authorization", "Key key").json(&body);
        let taken = self.answer(request.header("motet-attempt", format!("bare/still/{n}"))).await;
        self.reports.next().await;
        let job = text(&taken, &["response_url"]);
        let done = self.answer(self.client.get(job).header("authorization", "Key key")).await;
        let picture = self.client.get(text(&done, &["images", "0", "url"])).send().await;
        picture.expect("it answers").bytes().await.expect("it answers to the end");
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Json {
        let answer = request.send().await.expect("it answers");
        assert!(answer.status().is_success(), "it takes the request: {}", answer.status());
        let answer = answer.bytes().await.expect("it answers to the end");
        serde_json::from_slice(&answer).expect("it answers in JSON")
    }
}

/// The text at a place in what was answered.
fn text(answer: &Json, place: &[&str]) -> String {
    let found = answer.pointer(&format!("/{}", place.join("/"))).and_then(Json::as_str);
    found.expect("the simulator says it").to_owned()
}
