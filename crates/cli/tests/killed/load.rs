//! A mixed load, whose processes are killed at the phases of its attempts and at any moment: fan-outs, fallbacks, retries
//! by class; runs that are cancelled, retried, forked, and undone at their end or afterwards.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::Dice;
use crate::ledger::json;
use crate::project::Project;
use crate::simulator::Simulator;

/// Pictures of which each may fail, a clip with a fallback, and a voice beside them, which another one takes back.
const MIXED: &str = r#"
motet: 1
name: mixed
inputs: { prompt: { type: string, default: a boat } }
on_failure: finish
steps:
  shots:
    each: [dawn, noon, dusk]
    key: "{{ item }}"
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: "{{ inputs.prompt }} at {{ item }}", output_format: jpg }
    timeout: { request: 20s, queue: 20s, job: 30s }
    retry: { attempts: 2, backoff: 100ms }
  clip:
    uses: fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video
    with: { prompt: it sails, image: "{{ steps.shots.by_key.dawn.image }}", duration: 5 }
    timeout: { request: 20s, queue: 3s, job: 6s }
    retry: { attempts: 2, backoff: 100ms }
    fallback: [{ uses: media/animate, with: { duration: 1, width: 64, height: 36, fps: 2 } }]
  voice:
    uses: elevenlabs/eleven_turbo_v2_5
    with: { text: "Here it sails, past the harbour." }
    timeout: { request: 10s, job: 3s }
    retry: { attempts: 2, backoff: 100ms }
    undo:
      uses: elevenlabs/eleven_turbo_v2_5
      with: { text: "Forget what was said." }
      retry: { attempts: 3, backoff: 100ms }
      timeout: { request: 10s, job: 3s }
  film:
    uses: media/merge
    with: { items: ["{{ steps.clip.video }}", "{{ steps.voice.audio }}"], width: 64, height: 36, fps: 2, length: audio }
outputs: { film: "{{ steps.film.video }}" }
"#;

/// What goes wrong at the providers meanwhile.
const FAULTS: &str = "[{ fault: error_before, rate: 0.05 }, { fault: reply_lost, rate: 0.05 }, { fault: job_failed, rate: 0.2 }]";

/// The phases of an attempt at a provider in which a process can be killed, and the event with which each begins.
pub const PHASES: [(&str, &str); 5] = [
    ("planned", "step.started"),
    ("accepted", "attempt.accepted"),
    ("running", "attempt.running"),
    ("fetching", "attempt.fetching"),
    ("doubted", "attempt.doubted"),
];

/// A process is killed within this time at the latest, in milliseconds.
const LIFE: u64 = 4_000;

/// A load under way.
pub struct Load<'s> {
    pub project: Project,
    simulator: &'s Simulator,
    dice: Dice,
    /// How many kills are left.
    kills: u64,
    /// In which phase an attempt was how often when its process was killed.
    pub phases: BTreeMap<&'static str, u64>,
    /// The runs, in the order in which they were accepted.
    pub runs: Vec<String>,
    /// How often somebody cancelled one, or a step of one.
    pub cancels: u64,
}

/// When a process is to be killed.
enum Moment {
    /// At the first event of this name that concerns a provider.
    At(&'static str),
    After(Duration),
    /// So long after its run is cancelled, or this step of it, which happens when a job runs.
    Cancelled(Option<&'static str>, Duration),
    Never,
}

/// How a process ended.
struct Life {
    /// Its exit code; nothing if it was killed.
    code: Option<i32>,
    /// The run that it said to drive.
    run: Option<String>,
}

impl<'s> Load<'s> {
    pub fn new(simulator: &'s Simulator, kills: u64, dice: Dice) -> Load<'s> {
        let project = Project::with("mixed.yaml", MIXED);
        project.write("undoing.yaml", MIXED.replace("on_failure: finish", "on_failure: undo"));
        simulator.go_wrong(FAULTS);
        Load { project, simulator, dice, kills, phases: BTreeMap::new(), runs: Vec::new(), cancels: 0 }
    }

    /// Plays runs until all kills are made: each to its end, a part of them cancelled on the way; then those that failed
    /// are retried, and others forked or undone.
    pub fn play(&mut self) {
        for number in 1.. {
            let (id, prompt) = (format!("mixed-{number}"), format!("prompt=a boat {number}"));
            let file = if number % 3 == 0 { "undoing.yaml" } else { "mixed.yaml" };
            let words = ["run", file, "--id", &id, "-i", &prompt, "--yes"];
            if self.kills > 0 && number % 4 == 3 {
                let step = (number % 8 == 3).then_some("clip");
                let pause = Duration::from_millis(self.dice.below(400));
                self.live_and_die(&words, &Moment::Cancelled(step, pause));
            }
            let code = self.drive(&words);
            let last = self.runs.last().cloned().unwrap_or_default();
            match (code, number % 8) {
                (1, _) | (3, 7) => _ = self.drive(&["retry", &last]),
                (0, 0 | 4) => _ = self.drive(&["fork", &last, "--fresh", "shots[noon]"]),
                (0 | 3, 2 | 3 | 6) => _ = self.drive(&["undo", &last]),
                _ => {}
            }
            if self.kills == 0 {
                return;
            }
        }
    }

    /// Has a command do its work, started again as often as it is killed; how it ended.
    fn drive(&mut self, words: &[&str]) -> i32 {
        loop {
            let moment = self.moment();
            match self.live_and_die(words, &moment) {
                None => {}
                // Nobody can know what became of a call: a person ends the run.
                Some(4) => {
                    let run = self.runs.last().cloned().unwrap_or_default();
                    self.cancel(&run, None);
                    return 3;
                }
                Some(code) => return code,
            }
        }
    }

    /// A process, with the run that it drives; its exit code, if it wasn't killed.
    fn live_and_die(&mut self, words: &[&str], moment: &Moment) -> Option<i32> {
        let life = self.live(words, moment);
        if let Some(run) = life.run.filter(|run| !self.runs.contains(run)) {
            self.runs.push(run);
        }
        if life.code.is_none() {
            self.note_kill();
        }
        life.code
    }

    /// Every third kill is made at any moment, the others in the phases that were seen least.
    fn moment(&mut self) -> Moment {
        if self.kills == 0 {
            return Moment::Never;
        }
        if self.dice.below(3) == 0 {
            return Moment::After(Duration::from_millis(20 + self.dice.below(LIFE)));
        }
        let seen = |phase: &str| self.phases.get(phase).copied().unwrap_or(0);
        let least = PHASES.iter().map(|(phase, _)| seen(phase)).min().unwrap_or(0);
        let rare: Vec<_> = PHASES.iter().filter(|(phase, _)| seen(phase) <= least + 2).collect();
        Moment::At(rare[self.dice.below(rare.len() as u64) as usize].1)
    }

    fn live(&mut self, words: &[&str], moment: &Moment) -> Life {
        let address = format!("--sim={}", self.simulator.url());
        let world =
            if words[0] == "run" { vec![address.as_str()] } else { vec!["--store", crate::ledger::STORE] };
        let mut command: Command = self.project.command(&[words, &world, &["--no-out", "--json"]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (told, lines) = channel();
        let out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| _ = told.send(line));
        });
        let mut end = match moment {
            Moment::After(life) => Some(Instant::now() + *life),
            _ => None,
        };
        let mut run = None;
        loop {
            let left =
                end.map_or(Duration::from_secs(600), |end| end.saturating_duration_since(Instant::now()));
            let is_time = match lines.recv_timeout(left) {
                Ok(line) => {
                    let event: Json = serde_json::from_str(&line).unwrap();
                    run = run.or_else(|| event["run"].as_str().map(str::to_owned));
                    if let (Moment::Cancelled(step, pause), Some(run), None) = (moment, &run, end)
                        && is_of_a_provider(&event, "attempt.running")
                    {
                        self.cancel(run, *step);
                        end = Some(Instant::now() + *pause);
                    }
                    matches!(moment, Moment::At(name) if is_of_a_provider(&event, name))
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if is_time {
                child.kill().unwrap();
                break;
            }
        }
        let status = child.wait().unwrap();
        reader.join().unwrap();
        Life { code: status.code(), run }
    }

    /// Somebody else cancels a run that is at work, or a step of it, which may be over.
    fn cancel(&mut self, run: &str, step: Option<&str>) {
        self.cancels += 1;
        let words: Vec<&str> = ["cancel", run].into_iter().chain(step).collect();
        self.project.run(&[&words[..], &["--store", crate::ledger::STORE]].concat());
    }

    /// Counts the phases of the attempts that were open when the process was killed.
    fn note_kill(&mut self) {
        self.kills = self.kills.saturating_sub(1);
        let Some(run) = self.runs.last() else { return };
        let mut open: BTreeMap<String, &str> = BTreeMap::new();
        for event in journal(&self.project, run) {
            let key = format!("{}/{}", event["step"], event["attempt"]);
            let name = event["event"].as_str().unwrap_or_default();
            match PHASES.iter().find(|(_, begins)| is_of_a_provider(&event, begins)) {
                Some((phase, _)) => _ = open.insert(key, phase),
                None if name.starts_with("attempt.") && name != "attempt.warning" => _ = open.remove(&key),
                None => {}
            }
        }
        open.into_values().for_each(|phase| {
            let phase = PHASES.iter().find(|(known, _)| *known == phase).expect("it is one of them").0;
            *self.phases.entry(phase).or_default() += 1;
        });
    }
}

/// Whether an event has this name, and isn't about work on this machine.
fn is_of_a_provider(event: &Json, name: &str) -> bool {
    event["event"] == name && (name != "step.started" || !event["credential"].is_null())
}

/// What is recorded of a run.
pub fn journal(project: &Project, run: &str) -> Vec<Json> {
    let arguments = ["show", run, "--journal", "--json", "--store", crate::ledger::STORE];
    let output = project.run(&arguments);
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How a run stands.
pub fn shown(project: &Project, run: &str) -> Json {
    json(project, &["show", run, "--json", "--store", crate::ledger::STORE])
}
