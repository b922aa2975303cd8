//! How much memory a waiting run takes: 20,000 runs of four steps, two of which are under way.
//!
//! `cargo run --release -p motet-engine --example memory`. Reads what Linux says of this process.

use std::sync::Arc;

use motet_engine::event::SCHEMA;
use motet_engine::{AttemptEnd, AttemptKey, Graph, Input, Run, RunId, RunStarted};
use motet_pipeline::contract::{Catalogue, Contract, Parameter, Work};
use motet_pipeline::{Bundle, Outcome, StepPath, Timestamp, Type, Value, check};

const RUNS: usize = 20_000;
/// What a waiting run of four steps may take.
const BYTES_MAX: usize = 4096;

const FILM: &str = r#"
motet: 1
name: film
inputs: { prompt: string }
timeout: 1h
steps:
  image: { uses: lab/image, with: { prompt: "{{ inputs.prompt }}" } }
  video: { uses: lab/video, with: { prompt: "{{ inputs.prompt }}", image: "{{ steps.image.url }}" } }
  audio: { uses: lab/audio, with: { prompt: "{{ inputs.prompt }}", image: "{{ steps.image.url }}" } }
  merge: { uses: lab/merge, with: { items: ["{{ steps.video.url }}", "{{ steps.audio.url }}"] } }
outputs: { film: "{{ steps.merge.url }}" }
"#;

fn main() {
    let plan = check::check(&Bundle::of_text("film.yaml", FILM), &catalogue()).plan;
    let graph = Graph::new(Arc::new(plan.expect("the pipeline of this example is good")));
    // One that warms up what all share.
    drop(waiting(&graph, 0));
    let before = resident_bytes();
    let runs: Vec<Run> = (0..RUNS).map(|number| waiting(&graph, number)).collect();
    let grown = resident_bytes().saturating_sub(before);
    let in_flight: usize = runs.iter().map(|run| run.outstanding().len()).sum();
    assert_eq!(in_flight, 2 * RUNS);
    let each = grown / RUNS;
    println!("{RUNS} waiting runs of four steps: {each} bytes a run (at most {BYTES_MAX})");
    if each >= BYTES_MAX {
        std::process::exit(1);
    }
}

/// A run whose image is there and whose video and audio are being made.
fn waiting(graph: &Arc<Graph>, number: usize) -> Run {
    let started = RunStarted {
        schema: SCHEMA,
        run: RunId::new(format!("01JDXV3Q9S8Z7Y6X5W4V{number:06}")),
        pipeline: "film".into(),
        plan: graph.plan().digest,
        inputs: Value::map([("prompt", Value::from(format!("a lighthouse at dusk, take {number}")))]),
        seed: number as u64,
        user: Some("ada".into()),
        budget: None,
        quoted: Default::default(),
        resends: Default::default(),
        labels: Default::default(),
        no_cache: false,
        base: None,
    };
    let (mut run, _) = Run::start(graph.clone(), started, Timestamp(0));
    let key = AttemptKey { step: StepPath::from_text("image"), number: 1 };
    let output = Value::map([("url", Value::from(format!("https://example.org/{number}.png")))]);
    run.handle(Timestamp(1), Input::Ended { key, end: AttemptEnd::Succeeded(Outcome::of(output)) });
    run
}

fn catalogue() -> Catalogue {
    let model = |name: &str| Contract::new(name, Work::Model).output("url", Type::Text);
    let prompted = |name: &str| {
        let prompt = Parameter::required("prompt", Type::Text);
        model(name).input(prompt).input(Parameter::optional("seed", Type::Integer))
    };
    let image = || Parameter::required("image", Type::Text);
    Catalogue::new([
        prompted("lab/image"),
        prompted("lab/video").input(image()),
        prompted("lab/audio").input(image()),
        model("lab/merge").input(Parameter::required("items", Type::list(Type::Text))),
    ])
}

/// What this process holds in memory, by the page.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kilobytes.expect("this example needs Linux, which tells the memory of a process in /proc") * 1024
}
