//! Runs at three providers, whose processes are killed again and again: nothing is lost, nothing is paid twice.
//!
//! `MOTET_KILLS` says how often, `MOTET_KILLS_SEED` when.

mod ledger;
mod load;
#[path = "../binary/project.rs"]
#[allow(dead_code, unused_macros, reason = "it is for the tests of the binary, which use all of it")]
mod project;
#[path = "../binary/simulator.rs"]
#[allow(dead_code, reason = "it is for the tests of the binary, which use all of it")]
mod simulator;
mod verdict;

use std::collections::BTreeMap;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use project::Project;
use simulator::Simulator;

/// The cheapest film that there is of a picture, a clip of it, and a voice beside that. Whether a request that left nobody
/// knows about was taken is known once it can't be in the queue or at work any more: soon, at the simulator's speed.
const FILM: &str = r#"
motet: 1
name: film
inputs: { prompt: { type: string, default: a boat } }
steps:
  still:
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: "{{ inputs.prompt }}", output_format: jpg }
  clip:
    uses: fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video
    with: { prompt: it sails, image: "{{ steps.still.image }}", duration: 5 }
    timeout: { request: 30s, queue: 3s, job: 6s }
  voice:
    uses: elevenlabs/eleven_turbo_v2_5
    with: { text: "Here it sails, past the harbour." }
    timeout: { request: 10s, job: 3s }
  film:
    uses: media/merge
    with: { items: ["{{ steps.clip.video }}", "{{ steps.voice.audio }}"], width: 64, height: 36, fps: 2, length: audio }
outputs: { film: "{{ steps.film.video }}" }
"#;

/// How many times faster than at the providers jobs go.
const SPEED: &str = "120";

/// How often the tests kill, together.
const KILLS: u64 = 100;

/// A process is killed within this time, in milliseconds: mostly the first, sometimes the second, so that all is reached.
const WINDOWS: (u64, u64) = (2_500, 12_000);

/// The splitmix64 sequence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    /// How long a process lives at most.
    fn life(&mut self) -> Duration {
        let window = if self.below(8) == 0 { WINDOWS.1 } else { WINDOWS.0 };
        Duration::from_millis(20 + self.below(window))
    }
}

fn told(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Lets the process live for at most so long, then kills it; how it ended, if it did so by itself.
fn live(mut command: Command, most: Option<Duration>) -> Option<ExitStatus> {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let end = most.map(|most| Instant::now() + most);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Plays films whose processes are killed `kills` times, and checks what was paid. `command` is what plays the film of a
/// name.
fn kill(project: &Project, simulator: &Simulator, kills: u64, seed: u64, command: impl Fn(&str) -> Command) {
    let mut dice = Dice(seed);
    let mut killed = 0;
    let mut films = Vec::new();
    while killed < kills {
        films.push(format!("film-{}", films.len() + 1));
        let film = films.last().unwrap();
        loop {
            let most = (killed < kills).then(|| dice.life());
            match live(command(film), most) {
                None => killed += 1,
                Some(status) => {
                    assert_eq!(status.code(), Some(0), "seed {seed}: {film}");
                    break;
                }
            }
        }
    }
    ledger::assert_paid_once(project, simulator, &films);
}

/// A served simulator, which outlives the processes that ask it.
fn simulator_of(seed: u64) -> Simulator {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("motet"));
    command.args(["sim", "--seed", &seed.to_string(), "--speed", SPEED]);
    Simulator::of(command)
}

/// Settings with which it is asked in the place of the providers, by keys from the environment.
fn settings(simulator: &Simulator) -> String {
    let mut settings = String::new();
    for (provider, roles) in simulator.ready["base_urls"].as_object().unwrap() {
        let roles: Vec<String> = roles
            .as_object()
            .unwrap()
            .iter()
            .filter(|(role, _)| matches!(role.as_str(), "api" | "queue" | "rest"))
            .map(|(role, url)| format!("{role} = {url}"))
            .collect();
        settings +=
            &format!("[providers.{provider}]\nprivate = true\nbase_urls = {{ {} }}\n", roles.join(", "));
    }
    settings
}

/// How many films are played at once: their processes mostly wait.
const AT_ONCE: u64 = 6;

/// Plays three films at a time, each in a project of its own and with a simulator of its own.
fn three_at_once(parts: std::ops::Range<u64>) {
    let kills = told("MOTET_KILLS", KILLS).div_ceil(AT_ONCE);
    let seed = told("MOTET_KILLS_SEED", 1) * AT_ONCE;
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || {
                let simulator = simulator_of(seed + part);
                let project = Project::with("film.yaml", FILM);
                let address = format!("--sim={}", simulator.url());
                kill(&project, &simulator, kills, seed + part, |film| {
                    let words = ["run", "film.yaml", &address, "--id", film, "--no-out"];
                    let mut command = project.command(&words);
                    command.stderr(Stdio::null());
                    command
                });
            });
        }
    });
}

#[test]
fn a_film_that_is_killed_again_and_again_is_paid_once() {
    three_at_once(0..3);
}

#[test]
fn another_film_that_is_killed_again_and_again_is_paid_once() {
    three_at_once(3..6);
}

/// Plays mixed loads whose processes are killed so often, and says in one line what came of it.
fn crash(kills: u64, loads: u64, phase_min: u64) {
    let seed = told("MOTET_KILLS_SEED", 1) * loads;
    let play = |part: u64| {
        let simulator = simulator_of(seed + part);
        let mut load = load::Load::new(&simulator, kills.div_ceil(loads), Dice(seed + part));
        load.play();
        let verdict = verdict::judge(&load, &simulator);
        let undone = load.runs.iter().filter(|run| run.ends_with("-undo")).count();
        (load.phases, [load.runs.len(), load.cancels as usize, undone], verdict)
    };
    let played: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..loads).map(|part| scope.spawn(move || play(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut phases: BTreeMap<&str, u64> = load::PHASES.map(|(phase, _)| (phase, 0)).into();
    let (mut counts, mut all) = ([0; 3], verdict::Verdict::default());
    for (seen, more, verdict) in played {
        seen.into_iter().for_each(|(phase, count)| *phases.entry(phase).or_default() += count);
        counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        all.lost.extend(verdict.lost);
        all.paid_twice.extend(verdict.paid_twice);
        all.unaccounted.extend(verdict.unaccounted);
    }
    let seen: Vec<String> = phases.iter().map(|(phase, count)| format!("{phase} {count}")).collect();
    let kills = kills.div_ceil(loads) * loads;
    let [runs, cancels, undone] = counts;
    println!(
        "crash: {kills} kills, in attempts {}; {runs} runs, {cancels} cancelled, {undone} undone; {} lost, {} paid twice, {} unaccounted",
        seen.join(", "),
        all.lost.len(),
        all.paid_twice.len(),
        all.unaccounted.len()
    );
    assert_eq!(all, verdict::Verdict::default(), "seed {seed}");
    let rare: Vec<_> = phases.iter().filter(|(_, count)| **count < phase_min).collect();
    assert!(rare.is_empty(), "killed in these phases less than {phase_min} times: {rare:?}");
}

/// The same for any number of kills: `make crash KILLS=n SEED=n`.
#[test]
#[ignore = "it takes minutes: make crash"]
fn any_kills() {
    let kills = told("MOTET_KILLS", 500);
    crash(kills, AT_ONCE, (kills / 25).min(20));
}

#[test]
fn a_mixed_load_that_is_killed_loses_nothing_and_pays_nothing_twice() {
    crash(12, 3, 0);
}

/// What a judge must find, it finds.
#[test]
fn what_is_lost_paid_twice_or_unaccounted_is_found() {
    let simulator = simulator_of(1);
    let mut load = load::Load::new(&simulator, 0, Dice(1));
    load.play();
    assert_eq!(verdict::judge(&load, &simulator), verdict::Verdict::default());
    let ledger = simulator.ledger();
    let voice = ledger.iter().rfind(|line| line["provider"] == "elevenlabs").unwrap();
    let pay = |attempt: &str| {
        let body = r#"{"text":"Here it sails.","model_id":"eleven_turbo_v2_5"}"#;
        let headers =
            format!("xi-api-key: planted\r\ncontent-type: application/json\r\nMotet-Attempt: {attempt}\r\n");
        simulator.ask("POST", voice["path"].as_str().unwrap(), &headers, body);
    };
    simulator.go_wrong("[]");
    pay(voice["attempt_key"].as_str().unwrap());
    pay("mixed-1/voice/9");
    load.runs.push("mixed-none".to_owned());
    let found = verdict::judge(&load, &simulator);
    assert_eq!((found.lost.len(), found.paid_twice.len(), found.unaccounted.len()), (1, 1, 1), "{found:?}");
}

const KEYS: [(&str, &str); 3] = [
    ("REPLICATE_API_TOKEN", "r8_planted_key_of_replicate"),
    ("FAL_KEY", "planted-id:planted_key_of_fal"),
    ("ELEVENLABS_API_KEY", "sk_planted_key_of_elevenlabs"),
];

/// The keys of a run are in no file that it leaves: not in its journal, its database, its recordings or its logs.
#[test]
fn keys_are_in_nothing_that_a_killed_run_leaves() {
    let seed = told("MOTET_KILLS_SEED", 1);
    let simulator = simulator_of(seed);
    simulator.go_wrong("[{ fault: error_before, rate: 0.2 }, { fault: throttle, rate: 0.2 }]");
    let project = Project::with("film.yaml", FILM);
    project.write("motet.toml", settings(&simulator));
    let command = |film: &str| {
        let log =
            std::fs::File::options().create(true).append(true).open(project.path().join("log")).unwrap();
        let mut command = project.command(&[
            "run",
            "film.yaml",
            "--id",
            film,
            "--record",
            "tape",
            "--budget",
            "3",
            "--store",
            "store",
        ]);
        command.envs(KEYS).env("MOTET_TRUST", "1").stderr(log);
        command
    };
    let mut dice = Dice(seed);
    for _ in 0..8 {
        live(command("film-1"), Some(dice.life()));
    }
    live(command("film-1"), None);
    let mut shown = project.command(&["show", "film-1", "--journal", "--json", "--store", "store"]);
    let journal = shown.env("MOTET_TRUST", "1").output().unwrap();
    assert!(journal.status.success(), "{}", String::from_utf8_lossy(&journal.stderr));
    project.write("journal", &journal.stdout);
    let all = ledger::files_below(project.path());
    assert!(all.len() > 10 && all.iter().any(|file| file.ends_with("motet.db")), "{all:?}");
    for file in all {
        let bytes = std::fs::read(&file).unwrap();
        for (name, key) in KEYS {
            let is_there = bytes.windows(key.len()).any(|window| window == key.as_bytes());
            assert!(!is_there, "{} holds {name}", file.display());
        }
    }
}
