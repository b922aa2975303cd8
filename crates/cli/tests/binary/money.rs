//! Money, with a simulator in the place of the providers: what a run may cost, and what it did.

use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::project::Project;

/// Two pictures at $0.003 each.
const FILM: &str = r#"
motet: 1
name: film
inputs: { prompt: { type: string, default: a boat } }
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.prompt }}" } }
  second: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a barge }, needs: [still] }
outputs: { picture: "{{ steps.second.image }}" }
"#;

/// A project whose simulator ends with it.
struct Stage(Project);

impl Stage {
    fn new() -> Stage {
        Stage(Project::with("film.yaml", FILM))
    }

    fn store(&self) -> PathBuf {
        self.0.path().join(".motet/sim")
    }

    /// The simulator of the project: its address and its process.
    fn simulator(&self) -> (String, i32) {
        let address: Json = read_json(&self.store().join("sim/address.json"));
        (address["url"].as_str().unwrap().to_owned(), address["pid"].as_i64().unwrap() as i32)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.0.run(arguments)
    }

    /// Runs `motet`, which ends with `code`; gives what it said to people.
    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    fn json(&self, arguments: &[&str]) -> Json {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.store().join("sim/address.json").exists() {
            let (_, pid) = self.simulator();
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

fn read_json(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_that_is_parked_for_money_names_the_command_that_goes_on_with_it() {
    let stage = Stage::new();
    let said = stage.ends(5, &["run", "film.yaml", "--sim", "--budget", "0.004"]);
    assert!(said.contains("simulated"), "{said}");
    let command = said.lines().rev().find_map(|line| line.trim().strip_prefix("motet resume ")).unwrap();
    let command = command.split(" · ").next().unwrap();
    assert!(command.contains("--budget 0.01 --store .motet/sim"), "{command}");

    let again = stage.ends(5, &["resume", "--store", ".motet/sim", command.split(' ').next().unwrap()]);
    assert!(again.contains("parked"), "{again}");
    let words: Vec<&str> = std::iter::once("resume").chain(command.split(' ')).collect();
    stage.ends(0, &words);

    let costs = stage.json(&["costs", "--json", "--by", "model", "--store", ".motet/sim"]);
    assert_eq!(costs["world"], "simulated");
    assert_eq!(costs["total"]["computed"], "0.006");
    assert_eq!(costs["total"]["wasted"], "0");
    assert_eq!(costs["open"]["attempts"], 0);
    assert_eq!(costs["groups"][0]["name"], "replicate/black-forest-labs/flux-schnell");
}

#[test]
fn nothing_simulated_looks_real_and_a_store_stays_in_its_world() {
    let stage = Stage::new();
    stage.ends(0, &["run", "film.yaml", "--sim", "--id", "first"]);
    for screen in [&["runs"][..], &["show", "first"], &["costs"]] {
        let words: Vec<&str> = screen.iter().copied().chain(["--store", ".motet/sim"]).collect();
        let output = stage.run(&words);
        assert!(String::from_utf8_lossy(&output.stdout).contains("simulated"), "{screen:?}");
    }
    let (_, first) = stage.simulator();
    stage.ends(0, &["run", "film.yaml", "--sim", "--new"]);
    assert_eq!(stage.simulator().1, first, "the simulator outlives a run");

    let mut real = stage.0.command(&["run", "film.yaml", "--new", "--store", ".motet/sim"]);
    let output = real.env("REPLICATE_API_TOKEN", "planted").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("are simulated, and this would be real"), "{said}");
    assert!(!output.status.success());
}

#[test]
fn what_a_run_needs_and_lacks_is_said_before_it_runs() {
    let stage = Stage::new();
    let plan = stage.run(&["plan", "film.yaml"]);
    assert_eq!(plan.status.code(), Some(6));
    let (data, said) = (String::from_utf8_lossy(&plan.stdout), String::from_utf8_lossy(&plan.stderr));
    assert!(data.contains("$0.006") && data.contains("$0.003"), "{data}");
    assert!(said.contains("needs a key of replicate") && said.contains("REPLICATE_API_TOKEN"), "{said}");
    assert!(stage.ends(0, &["check", "film.yaml"]).contains("REPLICATE_API_TOKEN"));
    stage.ends(6, &["run", "film.yaml"]);

    let output = stage.run(&["plan", "film.yaml", "--json"]);
    // A missing key is told behind it.
    let mut records = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Json>();
    let record = records.next().unwrap().unwrap();
    assert_eq!(record["estimate"]["likely"], "0.006");
    assert_eq!(record["estimate"]["steps"][0]["step"], "still");
}

#[test]
fn without_a_terminal_a_dear_run_needs_a_word_on_the_command_line() {
    let stage = Stage::new();
    stage.0.write("motet.toml", "[money]\nask_above = 0.005\n");
    let mut dear = stage.0.command(&["run", "film.yaml"]);
    let output = dear.env("REPLICATE_API_TOKEN", "planted").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("likely to cost $0.006") && said.contains("--budget"), "{said}");
    assert!(!stage.0.path().join(".motet").exists(), "nothing ran");
    // What is simulated costs nothing.
    stage.ends(0, &["run", "film.yaml", "--sim"]);
}

#[test]
fn what_was_recorded_is_replayed_without_a_key_and_a_provider() {
    let stage = Stage::new();
    stage.ends(0, &["run", "film.yaml", "--sim", "--id", "first"]);
    let (url, _) = stage.simulator();
    let toml = format!(
        "[providers.replicate]\nkey = \"env:REPLICATE_API_TOKEN\"\nbase_url = \"{url}/replicate\"\nprivate = true\n"
    );
    stage.0.write("motet.toml", toml);
    let mut record = stage.0.command(&["run", "film.yaml", "--record", "tape", "--store", "recorded"]);
    let output = record.env("REPLICATE_API_TOKEN", "planted-key").env("MOTET_TRUST", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    stage.0.write("motet.toml", "");
    let said = stage.ends(0, &["run", "film.yaml", "--replay", "tape", "--store", "replayed"]);
    assert!(said.contains("replay"), "{said}");
    for file in std::fs::read_dir(stage.0.path().join("tape")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("planted-key"));
    }
}
