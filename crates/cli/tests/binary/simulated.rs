//! A project with simulated providers.

use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::project::Project;

/// Two calls that cost, one after the other; the second one depends on an input.
pub const FILM: &str = r#"
motet: 1
name: film
inputs: { mood: string }
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "a sea" } }
  cover: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.mood }}" }, needs: [still] }
outputs: { cover: "{{ steps.cover.image }}" }
"#;

/// A project whose simulator ends with it.
pub struct Stage(pub Project);

impl Stage {
    /// An empty project.
    pub fn new() -> Stage {
        Stage(Project::new())
    }

    /// A project with one file.
    pub fn with(name: &str, content: &str) -> Stage {
        Stage(Project::with(name, content))
    }

    /// The store of its simulated runs.
    pub fn store(&self) -> PathBuf {
        self.0.path().join(".motet/sim")
    }

    /// The simulator of the project: its address and its process.
    pub fn simulator(&self) -> (String, i32) {
        let address: Json = read_json(&self.store().join("sim/address.json"));
        (address["url"].as_str().unwrap().to_owned(), address["pid"].as_i64().unwrap() as i32)
    }

    /// Runs `motet`.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.0.run(arguments)
    }

    /// Runs `motet`, which ends with `code`; gives what it said to people.
    pub fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Runs `motet`, which prints one JSON document.
    pub fn json(&self, arguments: &[&str]) -> Json {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let Ok(address) = std::fs::read(self.store().join("sim/address.json")) else { return };
        // One that the store didn't begin ends by itself.
        let address: Json = serde_json::from_slice(&address).unwrap_or_default();
        let pid = address["pid"].as_i64().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

fn read_json(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
